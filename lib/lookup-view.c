/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The whole local table as a list: the kernel's entries and memberships, each with why it is there.
 *
 * A solicited-node group is called so only when an address of the link needs it: a program can join
 * one, and proxying for a neighbour does, without any such address.
 */

#include <linux/rtnetlink.h>

#include "lookup-internal.h"
#include "lookup.h"
#include "util.h"

typedef struct EntryList {
        void *entries;
        size_t n;
        size_t allocated;
} EntryList;

/* A solicited-node group that an address of a link asks for. */
typedef struct Solicited {
        int32_t ifindex;
        IpAddress group;
} Solicited;

typedef struct SolicitedList {
        void *items;
        size_t n;
        size_t allocated;
} SolicitedList;

static void entry_list_done(EntryList *l) {
        free(l->entries);
}

static void solicited_list_done(SolicitedList *l) {
        free(l->items);
}

static int entry_list_add(EntryList *l, const LocalEntry *entry) {
        int r;

        r = lookup_grow(&l->entries, &l->allocated, l->n, sizeof(LocalEntry));
        if (r < 0)
                return r;

        ((LocalEntry *) l->entries)[l->n++] = *entry;
        return 0;
}

static int compare_solicited(const void *x, const void *y) {
        const Solicited *a = x, *b = y;

        if (a->ifindex != b->ifindex)
                return a->ifindex < b->ifindex ? -1 : 1;
        return ip_compare(&a->group, &b->group);
}

static int solicited_list_add(SolicitedList *l, int32_t ifindex, const IpAddress *a) {
        Solicited item = { .ifindex = ifindex, .group = ip_solicited_node(a) };
        int r;

        if (!ip_is_set(&item.group))
                return 0;

        r = lookup_grow(&l->items, &l->allocated, l->n, sizeof(item));
        if (r < 0)
                return r;

        ((Solicited *) l->items)[l->n++] = item;
        return 0;
}

/* Also of addresses in duplicate address detection, which listens there, and of anycast ones. */
static int collect_solicited(const TableView *v, SolicitedList *l) {
        AddressRecord address;
        LocalRecord local;
        TableWalk w;
        int r;

        w = table_walk_all(v, OBJECT_ADDRESS);
        while (table_next(v, &w, &address)) {
                r = solicited_list_add(l, address.ifindex, &address.address);
                if (r < 0)
                        return r;
        }

        w = table_walk_all(v, OBJECT_LOCAL);
        while (table_next(v, &w, &local)) {
                if (local.type != RTN_ANYCAST)
                        continue;
                r = solicited_list_add(l, local.ifindex, &local.address);
                if (r < 0)
                        return r;
        }

        if (l->n > 1)
                qsort(l->items, l->n, sizeof(Solicited), compare_solicited);
        return 0;
}

/* 224.0.0.1, ff01::1 and ff02::1, which the kernel joins on every link by itself */
static bool is_all_nodes(const IpAddress *a) {
        static const uint8_t all_hosts[4] = { 224, 0, 0, 1 };

        if (a->family == AF_INET)
                return memcmp(a->bytes, all_hosts, 4) == 0;

        return a->bytes[0] == 0xff && (a->bytes[1] == 0x01 || a->bytes[1] == 0x02) &&
               memory_is_zero(a->bytes + 2, 13) && a->bytes[15] == 1;
}

static LocalReason reason_of_group(const GroupRecord *row, const SolicitedList *l) {
        Solicited key = { .ifindex = row->ifindex, .group = row->group };

        if (is_all_nodes(&row->group))
                return LOCAL_REASON_ALL_NODES;
        if (l->n > 0 && bsearch(&key, l->items, l->n, sizeof(Solicited), compare_solicited))
                return LOCAL_REASON_SOLICITED_NODE;
        return LOCAL_REASON_JOINED;
}

static int add_local(EntryList *l, const LocalRecord *row) {
        LocalEntry entry = {
                .address = row->address,
                .prefix_length = row->prefix_length,
                .ifindex = row->ifindex,
        };

        switch (row->type) {
        case RTN_LOCAL:
                entry.type = ADDRESS_TYPE_UNICAST;
                entry.reasons = row->prefix_length == ip_family_bits(row->address.family)
                                                ? LOCAL_REASON_UNICAST
                                                : LOCAL_REASON_PREFIX;
                break;
        case RTN_ANYCAST:
                entry.type = ADDRESS_TYPE_ANYCAST;
                entry.reasons = LOCAL_REASON_ANYCAST;
                break;
        case RTN_BROADCAST:
                entry.type = ADDRESS_TYPE_BROADCAST;
                entry.reasons = ip_classify(&row->address) == ADDRESS_CLASS_BROADCAST
                                                ? LOCAL_REASON_LIMITED_BROADCAST
                                                : LOCAL_REASON_SUBNET_BROADCAST;
                break;
        default:
                return 0;
        }

        return entry_list_add(l, &entry);
}

int lookup_local_kernel(const TableView *v, LocalEntry **ret, size_t *ret_n) {
        _cleanup_(solicited_list_done) SolicitedList solicited = {};
        _cleanup_(entry_list_done) EntryList l = {};
        GroupRecord group;
        LocalRecord local;
        TableWalk w;
        int r;

        r = collect_solicited(v, &solicited);
        if (r < 0)
                return r;

        w = table_walk_all(v, OBJECT_LOCAL);
        while (table_next(v, &w, &local)) {
                r = add_local(&l, &local);
                if (r < 0)
                        return r;
        }

        w = table_walk_all(v, OBJECT_GROUP);
        while (table_next(v, &w, &group)) {
                LocalEntry entry = {
                        .address = group.group,
                        .prefix_length = (uint8_t) ip_family_bits(group.group.family),
                        .type = ADDRESS_TYPE_MULTICAST,
                        .reasons = (uint16_t) reason_of_group(&group, &solicited),
                        .ifindex = group.ifindex,
                };

                r = entry_list_add(&l, &entry);
                if (r < 0)
                        return r;
        }

        if (l.n > 1)
                qsort(l.entries, l.n, sizeof(LocalEntry), lookup_compare_entries);

        *ret = TAKE_PTR(l.entries);
        *ret_n = l.n;
        return 0;
}
