/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Random rows for tests of the table, out of small pools so that keys meet again and again.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "record.h"

typedef struct Random {
        uint64_t state;
        uint32_t n_links; /* indexes are 1 to this */
        uint32_t n_ips; /* addresses in the pool of each family */
        uint32_t n_names;
} Random;

/* xorshift64*, seeded by anything but 0 */
static inline uint32_t random_next(Random *x, uint32_t below) {
        x->state ^= x->state >> 12;
        x->state ^= x->state << 25;
        x->state ^= x->state >> 27;
        return (uint32_t) ((x->state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

/* The pool's address n of a family: few bits differ, high ones and low ones, so that networks of
 * many lengths hold several. */
static inline IpAddress random_pool_ip(int family, uint32_t n) {
        IpAddress a = { .family = (uint8_t) family };

        if (family == AF_INET) {
                memcpy(a.bytes,
                       (uint8_t[]){ 10, (uint8_t) (n >> 8 & 3), (uint8_t) (n >> 4 & 15),
                                    (uint8_t) (n >> 10 << 4 | (n & 15)) },
                       4);
                return a;
        }
        memcpy(a.bytes, (uint8_t[]){ 0x20, 0x01, 0x0d, 0xb8 }, 4);
        a.bytes[7] = (uint8_t) (n >> 4 & 3);
        a.bytes[14] = (uint8_t) (n >> 6);
        a.bytes[15] = (uint8_t) (n & 15);
        return a;
}

static inline IpAddress random_ip(Random *x, int family) {
        return random_pool_ip(family, random_next(x, x->n_ips));
}

static inline int random_family(Random *x) {
        return random_next(x, 2) ? AF_INET : AF_INET6;
}

static inline uint8_t random_prefix(Random *x, int family) {
        static const uint8_t v4[] = { 0, 8, 23, 24, 25, 31, 32 };
        static const uint8_t v6[] = { 0, 10, 63, 64, 65, 127, 128 };

        return family == AF_INET ? v4[random_next(x, sizeof(v4))] : v6[random_next(x, sizeof(v6))];
}

static inline int32_t random_ifindex(Random *x) {
        return 1 + (int32_t) random_next(x, x->n_links);
}

/* Alternative names share the pool with names, and are longer now and then. */
static inline void random_name(Random *x, char *ret, size_t size) {
        uint32_t n = random_next(x, x->n_names);

        if (size > LINK_NAME_MAX + 1 && n % 3 == 0)
                (void) snprintf(ret, size, "a-rather-long-alternative-name-%u", n);
        else
                (void) snprintf(ret, size, "eth%u", n);
}

static inline void random_address(Random *x, AddressRecord *ret) {
        int family = random_family(x);

        ret->ifindex = random_ifindex(x);
        ret->address = random_ip(x, family);
        ret->prefix_length = random_prefix(x, family);
        if (random_next(x, 4) == 0)
                ret->peer = random_ip(x, family);
        ret->flags = random_next(x, 3);
        ret->valid_usec = random_next(x, 3);
        ret->usability = (uint8_t) random_next(x, _USABILITY_MAX);
}

static inline void random_local(Random *x, LocalRecord *ret) {
        int family = random_family(x);

        ret->ifindex = random_ifindex(x);
        ret->address = random_ip(x, family);
        ret->prefix_length = random_prefix(x, family);
        ret->type = (uint8_t) (2 + random_next(x, 2));
        /* host bits zero */
        for (unsigned i = ret->prefix_length; i < (family == AF_INET ? 32u : 128u); i++)
                ret->address.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static inline void random_record(Random *x, ObjectType type, Record *ret) {
        *ret = (Record){ 0 };
        switch (type) {
        case OBJECT_LINK:
                ret->link.ifindex = random_ifindex(x);
                ret->link.mtu = random_next(x, 3);
                random_name(x, ret->link.name, sizeof(ret->link.name));
                break;
        case OBJECT_ADDRESS:
                random_address(x, &ret->address);
                break;
        case OBJECT_GROUP:
                ret->group.ifindex = random_ifindex(x);
                ret->group.group = random_ip(x, random_family(x));
                break;
        case OBJECT_ROUTE:
                ret->route.family = (uint8_t) random_family(x);
                ret->route.ifindex = (int32_t) random_next(x, x->n_links + 1);
                ret->route.metric = random_next(x, 2) * 100;
                ret->route.table = 254 + random_next(x, 2);
                if (random_next(x, 2))
                        ret->route.gateway = random_ip(x, random_family(x));
                if (random_next(x, 2))
                        ret->route.preferred_source = random_ip(x, ret->route.family);
                break;
        case OBJECT_LOCAL:
                random_local(x, &ret->local);
                break;
        case _OBJECT_TYPE_MAX:
                break;
        }
}
