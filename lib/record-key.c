/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What identifies a row. The one place that knows it: the table's indexes, the pending entries of the
 * model and events all compare the keys made here.
 */

#include <string.h>

#include "record.h"

/* The kernel lets IPv4 have 10.0.0.1/24, 10.0.0.1/16 and 10.0.0.1 with two different peers on one
 * link, all at once; the same IPv6 address with another prefix length is EEXIST. */
static void address_key(const AddressRecord *record, AddressRecord *ret) {
        const IpAddress *end = ip_is_set(&record->peer) ? &record->peer : &record->address;

        ret->ifindex = record->ifindex;
        ret->address = record->address;
        if (record->address.family != AF_INET)
                return;
        ret->prefix_length = record->prefix_length;
        ret->peer = ip_network(end, record->prefix_length);
}

static void route_key(const RouteRecord *record, RouteRecord *ret) {
        *ret = *record;
        memset(&ret->preferred_source, 0, sizeof(ret->preferred_source));
        memset(ret->reserved, 0, sizeof(ret->reserved));
}

void record_key(ObjectType type, const void *record, Record *ret) {
        memset(ret, 0, record_size(type));
        switch (type) {
        case OBJECT_LINK:
                ret->link.ifindex = ((const LinkRecord *) record)->ifindex;
                break;
        case OBJECT_ADDRESS:
                address_key(record, &ret->address);
                break;
        case OBJECT_GROUP:
                ret->group.ifindex = ((const GroupRecord *) record)->ifindex;
                ret->group.group = ((const GroupRecord *) record)->group;
                break;
        case OBJECT_ROUTE:
                route_key(record, &ret->route);
                break;
        case OBJECT_LOCAL:
                ret->local = *(const LocalRecord *) record;
                memset(ret->local.reserved, 0, sizeof(ret->local.reserved));
                break;
        case _OBJECT_TYPE_MAX:
                break;
        }
}
