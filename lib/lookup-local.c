/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Is an address this machine's, of what type, and on which links: the kernel's own view.
 *
 * The kernel decides by the longest match in its local table, not by the list of addresses: whole
 * prefixes can be local, an address in duplicate address detection is not yet, and broadcast
 * addresses are entries of their own. Two things are not in that table: 255.255.255.255, which the
 * kernel knows by heart, and multicast groups, which are received when joined.
 */

#include <linux/rtnetlink.h>
#include <net/if.h>

#include "lookup-internal.h"
#include "lookup.h"
#include "util.h"

const char *address_type_to_string(AddressType t) {
        switch (t) {
        case ADDRESS_TYPE_UNICAST:
                return "unicast";
        case ADDRESS_TYPE_ANYCAST:
                return "anycast";
        case ADDRESS_TYPE_BROADCAST:
                return "broadcast";
        case ADDRESS_TYPE_MULTICAST:
                return "multicast";
        case ADDRESS_TYPE_NONE:
        case _ADDRESS_TYPE_MAX:
                break;
        }
        return "none";
}

const char *local_reason_name(size_t i) {
        static const char *const names[LOCAL_REASONS] = {
                "unicast",          "prefix",
                "anycast",          "subnet-broadcast",
                "network",          "classful-broadcast",
                "classful-network", "limited-broadcast",
                "all-nodes",        "solicited-node",
                "joined",
        };

        return i < LOCAL_REASONS ? names[i] : "";
}

void address_answer_done(AddressAnswer *a) {
        free(a->ifindexes);
        *a = (AddressAnswer){ .type = ADDRESS_TYPE_NONE };
}

/* An answer in the making. */
typedef struct Collector {
        AddressType type;
        void *ifindexes;
        size_t n;
        size_t allocated;
} Collector;

static void collector_done(Collector *c) {
        free(c->ifindexes);
}

/* Takes a link of this type; a type that comes before the one so far throws the others out. */
static int collect(Collector *c, AddressType type, int32_t ifindex) {
        int r;

        if (type > c->type)
                return 0;
        if (type < c->type) {
                c->type = type;
                c->n = 0;
        }

        r = lookup_grow(&c->ifindexes, &c->allocated, c->n, sizeof(int32_t));
        if (r < 0)
                return r;

        ((int32_t *) c->ifindexes)[c->n++] = ifindex;
        return 0;
}

static int compare_ifindexes(const void *x, const void *y) {
        const int32_t *a = x, *b = y;

        return *a < *b ? -1 : *a > *b;
}

/* Sorts the links and hands them over. */
static void collector_finish(Collector *c, AddressAnswer *ret) {
        if (c->n > 1)
                qsort(c->ifindexes, c->n, sizeof(int32_t), compare_ifindexes);

        *ret = (AddressAnswer){ .type = c->type, .n = c->n, .ifindexes = TAKE_PTR(c->ifindexes) };
}

static AddressType type_of_route(uint8_t type) {
        switch (type) {
        case RTN_LOCAL:
                return ADDRESS_TYPE_UNICAST;
        case RTN_ANYCAST:
                return ADDRESS_TYPE_ANYCAST;
        case RTN_BROADCAST:
                return ADDRESS_TYPE_BROADCAST;
        default:
                return ADDRESS_TYPE_NONE;
        }
}

/* The entries of the longest prefix that has any. */
static int collect_local(const TableView *v, const IpAddress *a, int32_t ifindex, Collector *c) {
        int from = (int) ip_family_bits(a->family);

        while (from >= 0 && c->n == 0) {
                int length = table_prefix_length(v, OBJECT_LOCAL, a->family, from), r;
                LocalRecord row;
                TableWalk w;

                if (length < 0 || length > from)
                        break;

                w = table_walk_prefix(v, OBJECT_LOCAL, a, (unsigned) length);
                while (table_next(v, &w, &row)) {
                        AddressType type = type_of_route(row.type);

                        if (type == ADDRESS_TYPE_NONE || (ifindex != 0 && row.ifindex != ifindex))
                                continue;
                        r = collect(c, type, row.ifindex);
                        if (r < 0)
                                return r;
                }

                from = length - 1;
        }

        return 0;
}

/* Received on every link that can broadcast, with or without an address, or DHCP could not work. */
static int collect_limited_broadcast(const TableView *v, int32_t ifindex, Collector *c) {
        LinkRecord link;
        TableWalk w;
        int r;

        w = table_walk_all(v, OBJECT_LINK);
        while (table_next(v, &w, &link)) {
                if ((link.flags & (IFF_UP | IFF_BROADCAST)) != (IFF_UP | IFF_BROADCAST))
                        continue;
                if (ifindex != 0 && link.ifindex != ifindex)
                        continue;
                r = collect(c, ADDRESS_TYPE_BROADCAST, link.ifindex);
                if (r < 0)
                        return r;
        }

        /* It is a broadcast even where nothing can receive it. */
        c->type = ADDRESS_TYPE_BROADCAST;
        return 0;
}

static int collect_group(const TableView *v, const IpAddress *a, int32_t ifindex, Collector *c) {
        GroupRecord row;
        TableWalk w;
        int r;

        w = table_walk_ip(v, OBJECT_GROUP, a);
        while (table_next(v, &w, &row)) {
                if (ifindex != 0 && row.ifindex != ifindex)
                        continue;
                r = collect(c, ADDRESS_TYPE_MULTICAST, row.ifindex);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int collect_unicast(const TableView *v, const IpAddress *a, int32_t ifindex, Collector *c) {
        static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };
        uint8_t bytes[16];
        IpAddress mapped;
        int r;

        r = collect_local(v, a, ifindex, c);
        if (r < 0 || c->n > 0 || a->family != AF_INET)
                return r;

        /* The kernel takes a v4-mapped address on a link too. It is the same address. */
        memcpy(bytes, mapped_prefix, 12);
        memcpy(bytes + 12, a->bytes, 4);
        mapped = ip_make(AF_INET6, bytes);
        return collect_local(v, &mapped, ifindex, c);
}

int lookup_address(const TableView *v, const IpAddress *a, int32_t ifindex, AddressAnswer *ret) {
        _cleanup_(collector_done) Collector c = { .type = ADDRESS_TYPE_NONE };
        IpAddress unmapped = ip_unmap(a);
        int r;

        if (!ip_is_set(&unmapped) || ip_is_unspecified(&unmapped))
                r = 0;
        else if (ip_classify(&unmapped) == ADDRESS_CLASS_BROADCAST)
                r = collect_limited_broadcast(v, ifindex, &c);
        else if (ip_is_multicast(&unmapped))
                r = collect_group(v, &unmapped, ifindex, &c);
        else
                r = collect_unicast(v, &unmapped, ifindex, &c);
        if (r < 0)
                return r;

        collector_finish(&c, ret);
        return 0;
}
