/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lists that a lookup hands out, and the order of a link's addresses.
 *
 * The kernel takes the first address of its own list that fits, so that its list order is part of
 * many answers. The table keeps for each address when it came; the list order follows from that.
 */

#include <linux/if_addr.h>

#include "lookup-internal.h"
#include "util.h"

int lookup_grow(void **items, size_t *allocated, size_t n, size_t item_size) {
        size_t want;
        void *p;

        if (n < *allocated)
                return 0;

        want = *allocated > 0 ? *allocated * 2 : 8;
        p = reallocarray(*items, want, item_size);
        if (!p)
                return -ENOMEM;

        *items = p;
        *allocated = want;
        return 0;
}

bool lookup_is_usable(const AddressRecord *a) {
        return a->usability == USABILITY_USABLE || a->usability == USABILITY_DEPRECATED;
}

AddressScope lookup_kernel_scope(const IpAddress *a) {
        if (a->family == AF_INET6 && ip_unmap(a).family == AF_INET)
                return ADDRESS_SCOPE_GLOBAL;
        return ip_sorting_scope(a);
}

/* inet_insert_ifa(): a primary goes behind the last primary of the same or a larger scope number, a
 * secondary to the end. */
static int compare_ipv4(const AddressRecord *a, const AddressRecord *b) {
        bool a_secondary = a->flags & IFA_F_SECONDARY, b_secondary = b->flags & IFA_F_SECONDARY;

        if (a_secondary != b_secondary)
                return a_secondary ? 1 : -1;
        if (!a_secondary && a->scope != b->scope)
                return a->scope > b->scope ? -1 : 1;
        if (a->order != b->order)
                return a->order < b->order ? -1 : 1;
        return 0;
}

/* ipv6_link_dev_addr(): sorted by scope, global first; among equals the newest first. */
static int compare_ipv6(const AddressRecord *a, const AddressRecord *b) {
        AddressScope a_scope = lookup_kernel_scope(&a->address);
        AddressScope b_scope = lookup_kernel_scope(&b->address);

        if (a_scope != b_scope)
                return a_scope > b_scope ? -1 : 1;
        if (a->order != b->order)
                return a->order > b->order ? -1 : 1;
        return 0;
}

static int compare_addresses(const void *x, const void *y) {
        const AddressRecord *a = x, *b = y;
        int r;

        if (a->address.family != b->address.family)
                return a->address.family == AF_INET ? -1 : 1;

        r = a->address.family == AF_INET ? compare_ipv4(a, b) : compare_ipv6(a, b);
        if (r != 0)
                return r;

        /* Never so in a sound table; but a list must have one order. */
        return memcmp(a, b, sizeof(AddressRecord));
}

int lookup_addresses_of(const TableView *v, int32_t ifindex, AddressRecord **ret, size_t *ret_n) {
        _cleanup_(freep) void *items = NULL;
        size_t n = 0, allocated = 0;
        AddressRecord row;
        TableWalk w;
        int r;

        w = table_walk_link(v, OBJECT_ADDRESS, ifindex);
        while (table_next(v, &w, &row)) {
                r = lookup_grow(&items, &allocated, n, sizeof(row));
                if (r < 0)
                        return r;
                ((AddressRecord *) items)[n++] = row;
        }

        if (n > 1)
                qsort(items, n, sizeof(row), compare_addresses);

        *ret = TAKE_PTR(items);
        *ret_n = n;
        return 0;
}

int lookup_compare_entries(const void *x, const void *y) {
        const LocalEntry *a = x, *b = y;
        int r;

        r = ip_compare(&a->address, &b->address);
        if (r != 0)
                return r;
        if (a->prefix_length != b->prefix_length)
                return a->prefix_length < b->prefix_length ? -1 : 1;
        if (a->type != b->type)
                return a->type < b->type ? -1 : 1;
        if (a->ifindex != b->ifindex)
                return a->ifindex < b->ifindex ? -1 : 1;
        r = ip_compare(&a->owner, &b->owner);
        if (r != 0)
                return r;
        if (a->owner_prefix_length != b->owner_prefix_length)
                return a->owner_prefix_length < b->owner_prefix_length ? -1 : 1;
        return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}
