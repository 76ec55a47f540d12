/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How links come, change and go in the small kernel of world.h, and what they take with them in silence.
 */

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "world-private.h"

static void new_name(World *w, WorldLink *l) {
        (void) snprintf(l->name, sizeof(l->name), "w%u", world_random(w, 1000000));
}

void world_add_link(World *w) {
        static const char *const kinds[] = { "veth", "bridge", "dummy", NULL };
        int32_t ifindex = (int32_t) world_random(w, WORLD_LINKS) + 1;
        WorldLink *l = world_link(w, ifindex);

        if (l->present)
                return;
        memset(l, 0, sizeof(*l));
        l->present = true;
        l->life = ++w->n_lives;
        l->kind = kinds[world_random(w, 4)];
        l->mtu = 1500;
        l->operstate = 2; /* down */
        memcpy(l->hardware + 2, &l->life, 4);
        new_name(w, l);
        w->link_sequence++;
        /* Its groups are announced before the link itself. */
        if (world_chance(w, 50)) {
                world_join(w, ifindex, 1, 1);
                world_join(w, ifindex, 1, 0);
        }
        world_say_link(w, ifindex);
}

static void release_ports(World *w, int32_t master) {
        for (int32_t i = 1; i <= WORLD_LINKS; i++)
                if (world_link(w, i)->present && world_link(w, i)->master == master) {
                        world_link(w, i)->master = 0;
                        world_say_link(w, i);
                }
}

void world_delete_link(World *w) {
        int32_t ifindex = world_random_link(w);
        BuiltLink gone = { .removed = true, .ifindex = ifindex, .change = UINT32_MAX };
        WorldLink *l;

        if (ifindex == 0)
                return;
        l = world_link(w, ifindex);
        release_ports(w, ifindex);
        world_flush_routes(w, ifindex, 1, true);
        for (int v6 = 1; v6 >= 0; v6--)
                while (l->n_addresses[v6] > 0)
                        world_remove_address(w, ifindex, v6, 0);
        world_flush_routes(w, ifindex, 0, false);
        for (size_t i = 0; i < WORLD_LOCALS; i++)
                if (l->locals[i] && world_locals[i].type == RTN_LOCAL)
                        world_say_local(w, ifindex, i, true);
        /* Only one of the groups is announced to go. */
        world_leave(w, ifindex, 1, 0);
        l->present = false;
        w->link_sequence++;
        world_emit(w, false, build_link(&w->builder, &gone));
}

static void set_up(World *w, int32_t ifindex, bool up) {
        WorldLink *l = world_link(w, ifindex);

        l->flags = up ? IFF_UP : 0;
        l->operstate = up ? 6 : 2;
        if (up)
                l->flags |= IFF_RUNNING | IFF_LOWER_UP;
        l->carrier_changes++;
        if (up) {
                world_say_link(w, ifindex);
                return;
        }
        world_flush_routes(w, ifindex, 0, false);
        l->locals[1] = false;
        world_say_link(w, ifindex);
        world_flush_routes(w, ifindex, 1, world_chance(w, 50));
        if (world_chance(w, 50))
                while (l->n_addresses[1] > 0)
                        world_remove_address(w, ifindex, 1, 0);
}

static void change_carrier(World *w, WorldLink *l) {
        if (!(l->flags & IFF_UP))
                return;
        l->carrier_changes++;
        if (l->flags & IFF_RUNNING) {
                l->flags &= ~(uint32_t) (IFF_RUNNING | IFF_LOWER_UP);
                l->operstate = world_chance(w, 50) ? 2 : 3;
        } else {
                static const uint8_t states[] = { 6, 0, 5 };

                l->flags |= IFF_RUNNING | IFF_LOWER_UP;
                l->operstate = states[world_random(w, 3)];
        }
}

void world_swap_names(World *w) {
        int32_t a = world_random_link(w), b = world_random_link(w);
        char first[16], second[16];

        if (a == 0 || a == b)
                return;
        memcpy(first, world_link(w, a)->name, sizeof(first));
        memcpy(second, world_link(w, b)->name, sizeof(second));
        new_name(w, world_link(w, a));
        world_say_link(w, a);
        memcpy(world_link(w, b)->name, first, sizeof(first));
        world_say_link(w, b);
        memcpy(world_link(w, a)->name, second, sizeof(second));
        world_say_link(w, a);
}

static void change_text(World *w, char *text, const char *what) {
        if (world_chance(w, 30))
                text[0] = '\0';
        else
                (void) snprintf(text, 16, "%s%u", what, world_random(w, 1000000));
}

static void set_master(World *w, int32_t ifindex) {
        int32_t master = world_chance(w, 40) ? 0 : world_random_link(w);

        /* One level of stacking: no loops. */
        if (master == ifindex || (master > 0 && world_link(w, master)->master > 0))
                return;
        for (int32_t i = 1; master > 0 && i <= WORLD_LINKS; i++)
                if (world_link(w, i)->present && world_link(w, i)->master == ifindex)
                        return;
        world_link(w, ifindex)->master = master;
}

void world_change_link(World *w) {
        int32_t ifindex = world_random_link(w);
        WorldLink *l;
        bool quiet;

        if (ifindex == 0)
                return;
        l = world_link(w, ifindex);
        quiet = !(l->flags & IFF_UP);
        switch (world_random(w, 7)) {
        case 0:
                new_name(w, l);
                break;
        case 1:
                l->mtu = 1280 + world_random(w, 3) * 110;
                break;
        case 2:
                set_master(w, ifindex);
                break;
        case 3:
                change_carrier(w, l);
                break;
        case 4:
                if (quiet && !w->silent)
                        return;
                change_text(w, l->alias, "alias");
                if (quiet)
                        return;
                break;
        case 5:
                if (quiet && !w->silent)
                        return;
                change_text(w, l->altname, "alt");
                if (quiet)
                        return;
                break;
        case 6:
                set_up(w, ifindex, quiet);
                return;
        }
        world_say_link(w, ifindex);
}
