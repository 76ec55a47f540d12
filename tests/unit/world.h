/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A small kernel's idea of links, addresses, groups and routes: plain arrays that change at random, say
 * so in binary rtnetlink messages (or do not, where the kernel does not), and can be listed row by row
 * by position, so that a list that changes while it is walked loses and repeats rows as the kernel's
 * does. The truth for tests of the model and of the source; shares nothing with them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtnl-builder.h"
#include "table.h"

#define WORLD_LINKS 8
#define WORLD_ADDRESSES 12
#define WORLD_GROUPS 8
#define WORLD_ROUTES 12
#define WORLD_LOCALS 3

typedef struct WorldAddress {
        uint8_t which; /* of the pool of addresses */
        uint32_t flags;
        uint32_t valid; /* seconds left when it was last announced; 0: for ever */
} WorldAddress;

typedef struct WorldLink {
        bool present;
        unsigned life; /* another number for every link that ever was */
        char name[16];
        char alias[16];
        char altname[16];
        const char *kind;
        uint8_t hardware[6];
        uint32_t flags;
        uint32_t mtu;
        int32_t master;
        uint8_t operstate;
        uint32_t carrier_changes;
        /* In the kernel's order: IPv4 oldest first, IPv6 newest first. */
        WorldAddress addresses[2][WORLD_ADDRESSES];
        size_t n_addresses[2];
        uint8_t groups[2][WORLD_GROUPS];
        size_t n_groups[2];
        bool locals[WORLD_LOCALS];
} WorldLink;

typedef struct WorldRoute {
        int family; /* 0: IPv4, 1: IPv6 */
        uint32_t metric;
        uint8_t gateway;
        int32_t ifindex;
        bool dying; /* announced by what takes it away, still listed until world_finish() */
} WorldRoute;

/* Where a message is heard: default routes and the local table have a socket of their own. */
typedef void (*WorldEmit)(void *userdata, bool routes, const struct nlmsghdr *message);

typedef struct World {
        uint64_t random;
        unsigned n_lives;
        WorldLink links[WORLD_LINKS]; /* index 1 first */
        WorldRoute routes[WORLD_ROUTES];
        size_t n_routes;
        /* Move when rows come or go; the kernel marks a dump of links or addresses by them. */
        uint32_t link_sequence;
        uint32_t address_sequence[2];
        bool late; /* routes that go in silence are still listed for a while */
        bool silent; /* also changes of links that are down, which are never announced */
        WorldEmit emit;
        void *userdata;
        Builder builder;
} World;

void world_init(World *w, uint64_t seed, WorldEmit emit, void *userdata);
/* 0 to n - 1 */
unsigned world_random(World *w, unsigned n);
/* One thing happens: it changes the truth and then announces what the kernel would. */
void world_step(World *w);

/* What was announced before it was done is done. The kernel answers a question for a link only then:
 * both are under one lock. Otherwise it is done before the next step. */
void world_finish(World *w);

/* Lists rows as the kernel does: type is the RTM_GET... number, family 0 means all, ifindex 0 all links.
 * *pos starts at 0; NULL at the end. The message lives in b. *ret_sequence: what the kernel compares to
 * mark a dump as interrupted, 0 where it compares nothing. */
const struct nlmsghdr *world_row(World *w, Builder *b, uint16_t type, int family, int32_t ifindex,
                                 uint32_t *pos, uint32_t *ret_sequence);
/* What /proc/net/igmp (AF_INET) or igmp6 would say: a heap text. */
char *world_groups_text(const World *w, int family, size_t *ret_len);
bool world_has_link(const World *w, int32_t ifindex);

/* What of the truth is not in the table, or what is in the table and not true: a text, or NULL. */
const char *world_difference(const World *w, const TableView *v);
/* Everything that can be in this world has a number below WORLD_KEYS. */
#define WORLD_KEYS (WORLD_LINKS * (1 + 2 * 6 + 2 * 6 + 2 * 2 * 3))
size_t world_key(ObjectType type, const void *record);
bool world_has_key(const World *w, size_t key);

/* The life of the link with this index, 0 when there is none. */
unsigned world_life(const World *w, int32_t ifindex);
