/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The local table as Plan 9's self cache has it: computed from the addresses alone, by its rules.
 *
 * A "logical interface" is one address of one link. It contributes itself and, unless it is
 * point-to-point (all-ones mask or a peer; ::1 is not), its broadcast and network addresses by mask
 * and by class, or its groups. What one logical interface contributes twice is one entry with two
 * references. Addresses in duplicate address detection contribute nothing.
 *
 * Two places are deliberately different: a /31 or /0 has no broadcast and network address of its own
 * (RFC 3021), and an address that is both a host's and a broadcast is the former, whatever was added
 * first.
 */

#include "lookup-internal.h"
#include "lookup.h"
#include "util.h"

static void contribute(Contribution *c, const IpAddress *a, AddressType type, LocalReason reason) {
        LocalEntry *e;

        if (!ip_is_set(a))
                return;

        for (size_t i = 0; i < c->n; i++) {
                e = &c->entries[i];
                if (!ip_equal(&e->address, a))
                        continue;
                /* The address itself came first, and its type is the one that counts. */
                e->reasons |= (uint16_t) reason;
                e->references++;
                return;
        }

        assert(c->n < LOOKUP_CONTRIBUTION_MAX);
        e = &c->entries[c->n];
        *e = (LocalEntry){
                .address = *a,
                .prefix_length = (uint8_t) ip_family_bits(a->family),
                .type = (uint8_t) type,
                .reasons = (uint16_t) reason,
                .ifindex = c->owner->ifindex,
                .references = 1,
                .owner = c->owner->address,
                .owner_prefix_length = c->owner->prefix_length,
                .sequence = (uint32_t) c->n,
        };
        c->n++;
}

static void contribute_ipv4(Contribution *c) {
        static const uint8_t ones[4] = { 255, 255, 255, 255 };
        const IpAddress *a = &c->owner->address;
        unsigned classful = ip_classful_prefix(a);
        IpAddress broadcast, network;

        broadcast = ip_subnet_broadcast(a, c->owner->prefix_length);
        if (ip_is_set(&broadcast)) {
                network = ip_network(a, c->owner->prefix_length);
                contribute(c, &broadcast, ADDRESS_TYPE_BROADCAST, LOCAL_REASON_SUBNET_BROADCAST);
                contribute(c, &network, ADDRESS_TYPE_BROADCAST, LOCAL_REASON_NETWORK);
        }

        if (classful > 0) {
                broadcast = ip_subnet_broadcast(a, classful);
                network = ip_network(a, classful);
                contribute(c, &broadcast, ADDRESS_TYPE_BROADCAST, LOCAL_REASON_CLASSFUL_BROADCAST);
                contribute(c, &network, ADDRESS_TYPE_BROADCAST, LOCAL_REASON_CLASSFUL_NETWORK);
        }

        broadcast = ip_make(AF_INET, ones);
        contribute(c, &broadcast, ADDRESS_TYPE_BROADCAST, LOCAL_REASON_LIMITED_BROADCAST);
}

static void contribute_ipv6(Contribution *c) {
        static const uint8_t link_nodes[16] = { 0xff, 0x02, [15] = 1 };
        static const uint8_t interface_nodes[16] = { 0xff, 0x01, [15] = 1 };
        const IpAddress *a = &c->owner->address;
        IpAddress group;

        if (ip_is_loopback(a)) {
                group = ip_make(AF_INET6, interface_nodes);
                contribute(c, &group, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_ALL_NODES);
        }

        group = ip_make(AF_INET6, link_nodes);
        contribute(c, &group, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_ALL_NODES);
        group = ip_solicited_node(a);
        contribute(c, &group, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_SOLICITED_NODE);
}

static bool is_point_to_point(const AddressRecord *a) {
        if (ip_is_set(&a->peer))
                return true;
        if (a->address.family == AF_INET6 && ip_is_loopback(&a->address))
                return false;
        return a->prefix_length == ip_family_bits(a->address.family);
}

void lookup_contribution(const AddressRecord *a, Contribution *ret) {
        Contribution *c = ret;

        *c = (Contribution){ .owner = a };
        if (!lookup_is_usable(a))
                return;

        /* The kernel takes 255.255.255.255 on a link, but it is a broadcast all the same. */
        if (ip_classify(&a->address) == ADDRESS_CLASS_BROADCAST)
                contribute(c, &a->address, ADDRESS_TYPE_BROADCAST, LOCAL_REASON_LIMITED_BROADCAST);
        else
                contribute(c, &a->address, ADDRESS_TYPE_UNICAST, LOCAL_REASON_UNICAST);
        if (is_point_to_point(a))
                return;

        if (a->address.family == AF_INET)
                contribute_ipv4(c);
        else
                contribute_ipv6(c);
}

int lookup_local_derived(const TableView *v, LocalEntry **ret, size_t *ret_n) {
        _cleanup_(freep) void *entries = NULL;
        size_t n = 0, allocated = 0;
        AddressRecord row;
        Contribution c;
        TableWalk w;
        int r;

        w = table_walk_all(v, OBJECT_ADDRESS);
        while (table_next(v, &w, &row)) {
                lookup_contribution(&row, &c);
                for (size_t i = 0; i < c.n; i++) {
                        r = lookup_grow(&entries, &allocated, n, sizeof(LocalEntry));
                        if (r < 0)
                                return r;
                        ((LocalEntry *) entries)[n++] = c.entries[i];
                }
        }

        if (n > 1)
                qsort(entries, n, sizeof(LocalEntry), lookup_compare_entries);

        *ret = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}

AddressType lookup_local_derived_type(const LocalEntry *entries, size_t n, const IpAddress *a) {
        AddressType type = ADDRESS_TYPE_NONE;
        IpAddress unmapped = ip_unmap(a);
        bool accept_all = false;

        for (size_t i = 0; i < n; i++) {
                const LocalEntry *e = &entries[i];

                if (ip_equal(&e->address, &unmapped) && e->type < type)
                        type = e->type;
                if (e->address.family == unmapped.family && ip_is_unspecified(&e->address))
                        accept_all = true;
        }

        return type == ADDRESS_TYPE_NONE && accept_all ? ADDRESS_TYPE_UNICAST : type;
}
