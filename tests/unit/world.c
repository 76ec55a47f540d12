/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The changes of the small kernel of world.h. Each is the order of messages and silences that Linux was
 * seen to have: children before their link, one message too many, none at all. Must not know how the
 * programs under test keep any of it.
 */

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "world-private.h"

const WorldPool world_addresses[2][WORLD_POOL] = {
        {
                        { "192.0.2.1", NULL, 24, RT_SCOPE_UNIVERSE },
                        { "192.0.2.1", NULL, 25, RT_SCOPE_UNIVERSE },
                        { "198.51.100.7", "198.51.100.8", 32, RT_SCOPE_UNIVERSE },
                        { "169.254.3.4", NULL, 16, RT_SCOPE_LINK },
                        { "127.0.0.5", NULL, 8, RT_SCOPE_HOST },
                        { "10.1.0.1", NULL, 24, RT_SCOPE_SITE },
        },
        {
                        { "fe80::a", NULL, 64, RT_SCOPE_LINK },
                        { "fe80::b", NULL, 64, RT_SCOPE_LINK },
                        { "2001:db8::1", NULL, 64, RT_SCOPE_UNIVERSE },
                        { "2001:db8::2", "2001:db8::3", 128, RT_SCOPE_UNIVERSE },
                        { "fd00::1", NULL, 48, RT_SCOPE_UNIVERSE },
                        { "fec0::1", NULL, 48, RT_SCOPE_SITE },
        },
};
const char *const world_groups[2][WORLD_POOL] = {
        { "224.0.0.1", "239.1.2.3", "224.0.0.251", "239.1.1.1", "232.5.5.5", "224.0.0.2" },
        { "ff02::1", "ff01::1", "ff02::1:ff00:a", "ff05::1:3", "ff02::fb", "ff0e::5" },
};
const char *const world_gateways[2][WORLD_GATEWAYS] = {
        { "192.0.2.254", "192.0.2.253", "10.1.0.254" },
        { "fe80::fe", "fe80::fd", "2001:db8::fe" },
};
const WorldLocal world_locals[WORLD_LOCALS] = {
        { "192.0.2.1", 32, RTN_LOCAL },
        { "192.0.2.255", 32, RTN_BROADCAST },
        { "2001:db8::1", 128, RTN_LOCAL },
};

/* Where the solicited-node group of the automatic address and that address stand in their pools. */
#define SOLICITED 2
#define AUTOMATIC 0

unsigned world_random(World *w, unsigned n) {
        w->random ^= w->random << 13;
        w->random ^= w->random >> 7;
        w->random ^= w->random << 17;
        return (unsigned) ((w->random >> 11) % n);
}

bool world_chance(World *w, unsigned percent) {
        return world_random(w, 100) < percent;
}

void world_init(World *w, uint64_t seed, WorldEmit emit, void *userdata) {
        memset(w, 0, offsetof(World, builder));
        w->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
        w->random += w->random == 0;
        w->link_sequence = w->address_sequence[0] = w->address_sequence[1] = 1;
        w->emit = emit;
        w->userdata = userdata;
}

WorldLink *world_link(World *w, int32_t ifindex) {
        return &w->links[ifindex - 1];
}

int32_t world_random_link(World *w) {
        int32_t start = (int32_t) world_random(w, WORLD_LINKS);

        for (int32_t i = 0; i < WORLD_LINKS; i++) {
                int32_t ifindex = (start + i) % WORLD_LINKS + 1;

                if (world_link(w, ifindex)->present)
                        return ifindex;
        }
        return 0;
}

bool world_has_link(const World *w, int32_t ifindex) {
        return ifindex >= 1 && ifindex <= WORLD_LINKS && w->links[ifindex - 1].present;
}

unsigned world_life(const World *w, int32_t ifindex) {
        return world_has_link(w, ifindex) ? w->links[ifindex - 1].life : 0;
}

/* Announcements ------------------------------------------------------------------------------ */

void world_emit(World *w, bool routes, const struct nlmsghdr *message) {
        w->emit(w->userdata, routes, message);
        /* The kernel repeats itself. */
        if (world_chance(w, 5))
                w->emit(w->userdata, routes, message);
}

void world_say_link(World *w, int32_t ifindex) {
        world_emit(w, false, world_build_link(w, &w->builder, ifindex));
}

static void say_address(World *w, int32_t ifindex, int v6, const WorldAddress *a, bool removed) {
        world_emit(w, false, world_build_address(&w->builder, ifindex, v6, a, removed));
}

static void say_group(World *w, int32_t ifindex, int v6, uint8_t which, bool removed) {
        BuiltGroup group = {
                .removed = removed,
                .ifindex = ifindex,
                .group = world_groups[v6][which],
        };

        world_emit(w, false, build_group(&w->builder, &group));
}

static void say_route(World *w, const WorldRoute *route, bool removed, uint16_t flags) {
        (void) world_build_route(&w->builder, route, removed);
        w->builder.header.nlmsg_flags = flags;
        world_emit(w, true, &w->builder.header);
}

void world_say_local(World *w, int32_t ifindex, size_t which, bool removed) {
        world_emit(w, true, world_build_local(&w->builder, ifindex, which, removed));
}

/* Messages that have nothing to say about the life of a link although they look so. */
static void say_noise(World *w) {
        BuiltLink port = { .removed = world_chance(w, 50), .family = AF_BRIDGE };
        BuiltLink wireless = {};
        int32_t ifindex = world_random_link(w);

        if (ifindex == 0)
                return;
        port.ifindex = wireless.ifindex = ifindex;
        port.name = wireless.name = world_link(w, ifindex)->name;
        port.mtu = 1500;
        wireless.flags = world_link(w, ifindex)->flags;
        world_emit(w, false, build_link(&w->builder, world_chance(w, 50) ? &port : &wireless));
}

/* Groups --------------------------------------------------------------------------------------- */

static size_t find_group(const WorldLink *l, int v6, uint8_t which) {
        size_t i = 0;

        while (i < l->n_groups[v6] && l->groups[v6][i] != which)
                i++;
        return i;
}

void world_join(World *w, int32_t ifindex, int v6, uint8_t which) {
        WorldLink *l = world_link(w, ifindex);

        if (find_group(l, v6, which) < l->n_groups[v6])
                return;
        /* New ones stand first. */
        memmove(l->groups[v6] + 1, l->groups[v6], l->n_groups[v6]);
        l->groups[v6][0] = which;
        l->n_groups[v6]++;
        say_group(w, ifindex, v6, which, false);
}

void world_leave(World *w, int32_t ifindex, int v6, uint8_t which) {
        WorldLink *l = world_link(w, ifindex);
        size_t i = find_group(l, v6, which);

        if (i == l->n_groups[v6])
                return;
        memmove(l->groups[v6] + i, l->groups[v6] + i + 1, l->n_groups[v6] - i - 1);
        l->n_groups[v6]--;
        say_group(w, ifindex, v6, which, true);
}

/* Routes --------------------------------------------------------------------------------------- */

static void remove_route(World *w, size_t i) {
        memmove(w->routes + i, w->routes + i + 1, (w->n_routes - i - 1) * sizeof(w->routes[0]));
        w->n_routes--;
}

void world_flush_routes(World *w, int32_t ifindex, int v6, bool announced) {
        for (size_t i = w->n_routes; i-- > 0;) {
                WorldRoute route = w->routes[i];

                if (route.ifindex != ifindex || route.family != v6)
                        continue;
                if (!announced && w->late) {
                        w->routes[i].dying = true;
                        continue;
                }
                remove_route(w, i);
                if (announced)
                        say_route(w, &route, true, 0);
        }
}

void world_finish(World *w) {
        for (size_t i = w->n_routes; i-- > 0;)
                if (w->routes[i].dying)
                        remove_route(w, i);
}

static bool same_route(const WorldRoute *a, const WorldRoute *b) {
        return a->family == b->family && a->metric == b->metric && a->ifindex == b->ifindex &&
               a->gateway == b->gateway;
}

static bool has_route(const World *w, const WorldRoute *route) {
        for (size_t i = 0; i < w->n_routes; i++)
                if (same_route(&w->routes[i], route))
                        return true;
        return false;
}

static void add_route(World *w) {
        WorldRoute route = {
                .family = (int) world_random(w, 2),
                .metric = 100 * (1 + world_random(w, 2)),
                .gateway = (uint8_t) world_random(w, WORLD_GATEWAYS),
                .ifindex = world_random_link(w),
        };
        WorldLink *l;

        if (route.ifindex == 0 || has_route(w, &route))
                return;
        l = world_link(w, route.ifindex);
        if (!(l->flags & IFF_UP) || l->n_addresses[route.family] == 0)
                return;
        /* Replacing takes the first with this metric away and does not say which that was. */
        if (world_chance(w, 30))
                for (size_t i = 0; i < w->n_routes; i++)
                        if (w->routes[i].family == route.family &&
                            w->routes[i].metric == route.metric) {
                                w->routes[i] = route;
                                say_route(w, &route, false, NLM_F_REPLACE);
                                return;
                        }
        if (w->n_routes == WORLD_ROUTES)
                return;
        w->routes[w->n_routes++] = route;
        say_route(w, &route, false, NLM_F_CREATE | NLM_F_EXCL);
}

static void delete_route(World *w) {
        size_t i = world_random(w, WORLD_ROUTES);
        WorldRoute route;

        if (i >= w->n_routes)
                return;
        route = w->routes[i];
        remove_route(w, i);
        say_route(w, &route, true, 0);
}

static void toggle_local(World *w) {
        int32_t ifindex = world_random_link(w);
        size_t which = world_random(w, WORLD_LOCALS);

        if (ifindex == 0 || !(world_link(w, ifindex)->flags & IFF_UP))
                return;
        world_link(w, ifindex)->locals[which] = !world_link(w, ifindex)->locals[which];
        world_say_local(w, ifindex, which, !world_link(w, ifindex)->locals[which]);
}

/* Addresses ------------------------------------------------------------------------------------ */

static size_t find_address(const WorldLink *l, int v6, uint8_t which) {
        size_t i = 0;

        while (i < l->n_addresses[v6] && l->addresses[v6][i].which != which)
                i++;
        return i;
}

static WorldAddress *insert_address(World *w, WorldLink *l, int v6, uint8_t which, uint32_t flags) {
        size_t i = v6 ? 0 : l->n_addresses[v6];

        memmove(l->addresses[v6] + i + 1, l->addresses[v6] + i,
                (l->n_addresses[v6] - i) * sizeof(WorldAddress));
        l->addresses[v6][i] = (WorldAddress){ .which = which, .flags = flags };
        l->n_addresses[v6]++;
        w->address_sequence[v6]++;
        return &l->addresses[v6][i];
}

static void add_address(World *w) {
        int32_t ifindex = world_random_link(w);
        int v6 = (int) world_random(w, 2);
        uint8_t which = (uint8_t) world_random(w, WORLD_POOL);
        uint32_t flags = v6 && world_chance(w, 50) ? IFA_F_TENTATIVE : 0;
        WorldAddress *a;
        WorldLink *l;

        if (ifindex == 0)
                return;
        l = world_link(w, ifindex);
        if (find_address(l, v6, which) < l->n_addresses[v6])
                return;
        if (world_chance(w, 30))
                flags |= IFA_F_PERMANENT;
        a = insert_address(w, l, v6, which, flags);
        if (world_chance(w, 30))
                a->valid = 1000 + world_random(w, 10000);
        say_address(w, ifindex, v6, a, false);
}

/* The automatic link-local address: announced when duplicate address detection is over, betrayed
 * before that by its group. */
static void add_automatic(World *w) {
        int32_t ifindex = world_random_link(w);
        WorldLink *l;

        if (ifindex == 0)
                return;
        l = world_link(w, ifindex);
        if (!(l->flags & IFF_UP) || find_address(l, 1, AUTOMATIC) < l->n_addresses[1] ||
            find_address(l, 1, AUTOMATIC + 1) < l->n_addresses[1] ||
            find_group(l, 1, SOLICITED) < l->n_groups[1])
                return;
        (void) insert_address(w, l, 1, AUTOMATIC, IFA_F_TENTATIVE | IFA_F_PERMANENT);
        world_join(w, ifindex, 1, SOLICITED);
}

static void change_address(World *w) {
        static const uint32_t flags[] = { 0, IFA_F_TENTATIVE, IFA_F_DEPRECATED,
                                          IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, IFA_F_DADFAILED };
        int32_t ifindex = world_random_link(w);
        int v6 = (int) world_random(w, 2);
        WorldAddress *a;
        WorldLink *l;

        if (ifindex == 0)
                return;
        l = world_link(w, ifindex);
        if (l->n_addresses[v6] == 0)
                return;
        a = &l->addresses[v6][world_random(w, (unsigned) l->n_addresses[v6])];
        if (world_chance(w, 70))
                a->flags = v6 ? flags[world_random(w, 5)]
                              : (world_chance(w, 50) ? IFA_F_DEPRECATED : 0);
        if (world_chance(w, 30))
                a->valid = world_chance(w, 30) ? 0 : 1000 + world_random(w, 10000);
        say_address(w, ifindex, v6, a, false);
}

void world_remove_address(World *w, int32_t ifindex, int v6, size_t i) {
        WorldLink *l = world_link(w, ifindex);
        WorldAddress a = l->addresses[v6][i];

        memmove(l->addresses[v6] + i, l->addresses[v6] + i + 1,
                (l->n_addresses[v6] - i - 1) * sizeof(WorldAddress));
        l->n_addresses[v6]--;
        w->address_sequence[v6]++;
        if (v6 && a.which == AUTOMATIC)
                world_leave(w, ifindex, 1, SOLICITED);
        /* Without an IPv4 address a link loses its IPv4 routes, and nobody is told. */
        if (!v6 && l->n_addresses[0] == 0)
                world_flush_routes(w, ifindex, 0, false);
        say_address(w, ifindex, v6, &a, true);
}

static void delete_address(World *w) {
        int32_t ifindex = world_random_link(w);
        int v6 = (int) world_random(w, 2);
        size_t n;

        if (ifindex == 0)
                return;
        n = world_link(w, ifindex)->n_addresses[v6];
        if (n > 0)
                world_remove_address(w, ifindex, v6, world_random(w, (unsigned) n));
}

static void toggle_group(World *w) {
        int32_t ifindex = world_random_link(w);
        int v6 = (int) world_random(w, 2);
        uint8_t which = (uint8_t) world_random(w, WORLD_POOL);

        if (ifindex == 0 || (v6 && which == SOLICITED))
                return;
        if (find_group(world_link(w, ifindex), v6, which) < world_link(w, ifindex)->n_groups[v6])
                world_leave(w, ifindex, v6, which);
        else
                world_join(w, ifindex, v6, which);
}

void world_step(World *w) {
        static void (*const steps[])(World *) = {
                world_add_link,    world_delete_link, world_change_link, world_change_link,
                world_change_link, add_address,       add_address,       change_address,
                delete_address,    add_automatic,     toggle_group,      toggle_group,
                add_route,         add_route,         delete_route,      toggle_local,
                world_swap_names,  say_noise,         world_add_link,
        };

        world_finish(w);
        steps[world_random(w, sizeof(steps) / sizeof(steps[0]))](w);
}
