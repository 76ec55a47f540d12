/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What world.c (changes) and world-rows.c (messages, lists, comparison) share.
 */

#include "world.h"

#define WORLD_POOL 6
#define WORLD_GATEWAYS 3

typedef struct WorldPool {
        const char *address;
        const char *peer;
        uint8_t prefix_length;
        uint8_t scope;
} WorldPool;

typedef struct WorldLocal {
        const char *address;
        uint8_t prefix_length;
        uint8_t type;
} WorldLocal;

extern const WorldPool world_addresses[2][WORLD_POOL];
extern const char *const world_groups[2][WORLD_POOL];
extern const char *const world_gateways[2][WORLD_GATEWAYS];
extern const WorldLocal world_locals[WORLD_LOCALS];

/* world-rows.c */
const struct nlmsghdr *world_build_link(const World *w, Builder *b, int32_t ifindex);
const struct nlmsghdr *world_build_address(Builder *b, int32_t ifindex, int v6,
                                           const WorldAddress *a, bool removed);
const struct nlmsghdr *world_build_route(Builder *b, const WorldRoute *route, bool removed);
const struct nlmsghdr *world_build_local(Builder *b, int32_t ifindex, size_t which, bool removed);

/* world.c */
bool world_chance(World *w, unsigned percent);
WorldLink *world_link(World *w, int32_t ifindex);
/* The index of a link that is there, 0 when there is none. */
int32_t world_random_link(World *w);
void world_emit(World *w, bool routes, const struct nlmsghdr *message);
void world_say_link(World *w, int32_t ifindex);
void world_say_local(World *w, int32_t ifindex, size_t which, bool removed);
void world_join(World *w, int32_t ifindex, int v6, uint8_t which);
void world_leave(World *w, int32_t ifindex, int v6, uint8_t which);
void world_flush_routes(World *w, int32_t ifindex, int v6, bool announced);
void world_remove_address(World *w, int32_t ifindex, int v6, size_t i);

/* world-link.c: one random change each */
void world_add_link(World *w);
void world_delete_link(World *w);
void world_change_link(World *w);
void world_swap_names(World *w);
