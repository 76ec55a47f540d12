/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Counts links by state. A change record holds the new row only, so the states that each link was
 * last counted with are kept here, in a small hash by ifindex with linear probing: an empty slot ends
 * a search, and removal moves later entries of the same run back instead of leaving marks.
 *
 * Loopback links say nothing about reaching anybody and are not counted, as in systemd-networkd.
 */

#include <net/if.h>

#include "overview.h"
#include "util.h"

#define SLOTS_MIN 64

struct OverviewLink {
        int32_t ifindex; /* 0: empty */
        uint8_t down;
        uint8_t counted; /* not loopback */
        States states;
};

void overview_done(Overview *o) {
        free(o->slots);
        *o = (Overview){};
}

static size_t home_slot(const Overview *o, int32_t ifindex) {
        /* Fibonacci hashing: indexes come in long runs, or in steps */
        return ((uint32_t) ifindex * UINT32_C(2654435769)) & (o->n_slots - 1);
}

/* The link's slot, or the empty one where it belongs. */
static OverviewLink *find_slot(const Overview *o, int32_t ifindex) {
        size_t i = home_slot(o, ifindex);

        while (o->slots[i].ifindex != 0 && o->slots[i].ifindex != ifindex)
                i = (i + 1) & (o->n_slots - 1);
        return o->slots + i;
}

static int grow(Overview *o) {
        Overview bigger = { .n_slots = CONST_MAX(o->n_slots * 2, (size_t) SLOTS_MIN) };

        /* At most three quarters full, so that a search always meets an empty slot soon */
        if (o->n_slots != 0 && o->n_links < o->n_slots / 4 * 3)
                return 0;

        bigger.slots = calloc(bigger.n_slots, sizeof(OverviewLink));
        if (!bigger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < o->n_slots; i++)
                if (o->slots[i].ifindex != 0)
                        *find_slot(&bigger, o->slots[i].ifindex) = o->slots[i];
        free(o->slots);
        o->slots = bigger.slots;
        o->n_slots = bigger.n_slots;
        return 0;
}

static void count(Overview *o, const OverviewLink *l, size_t step) {
        /* Adding SIZE_MAX takes one away. */
        o->n_down += l->down ? step : 0;
        if (!l->counted)
                return;
        o->operational[l->states.operational] += step;
        o->carrier[l->states.carrier] += step;
        o->address[l->states.address] += step;
        o->ipv4[l->states.ipv4] += step;
        o->ipv6[l->states.ipv6] += step;
}

static int link_set(Overview *o, const LinkRecord *record) {
        OverviewLink *l;
        int r;

        r = grow(o);
        if (r < 0)
                return r;
        l = find_slot(o, record->ifindex);
        if (l->ifindex != 0)
                count(o, l, SIZE_MAX);
        else
                o->n_links++;
        *l = (OverviewLink){
                .ifindex = record->ifindex,
                .down = !(record->flags & IFF_UP),
                .counted = !(record->flags & IFF_LOOPBACK),
                .states = record->states,
        };
        count(o, l, 1);
        return 0;
}

static void link_remove(Overview *o, int32_t ifindex) {
        OverviewLink *l;
        size_t hole, i;

        if (o->n_slots == 0)
                return;
        l = find_slot(o, ifindex);
        if (l->ifindex == 0)
                return;
        count(o, l, SIZE_MAX);
        o->n_links--;

        hole = (size_t) (l - o->slots);
        for (i = (hole + 1) & (o->n_slots - 1); o->slots[i].ifindex != 0;
             i = (i + 1) & (o->n_slots - 1)) {
                size_t home = home_slot(o, o->slots[i].ifindex);

                /* May move back to the hole unless its home lies between the hole and itself. */
                if (((i - home) & (o->n_slots - 1)) < ((i - hole) & (o->n_slots - 1)))
                        continue;
                o->slots[hole] = o->slots[i];
                hole = i;
        }
        o->slots[hole] = (OverviewLink){};
}

int overview_apply(Overview *o, const Batch *batch) {
        int first_error = 0, r;

        for (size_t i = 0; i < batch->n_changes; i++) {
                const Change *c = batch->changes + i;

                if (c->object != OBJECT_LINK)
                        continue;
                if (c->type == CHANGE_REMOVED) {
                        link_remove(o, c->record.link.ifindex);
                        continue;
                }
                r = link_set(o, &c->record.link);
                if (r < 0 && first_error == 0)
                        first_error = r;
        }
        return first_error;
}

static uint8_t best(const size_t *counts, size_t n, uint8_t none) {
        for (size_t i = n; i-- > 0;)
                if (counts[i] > 0)
                        return (uint8_t) i;
        return none;
}

States overview_states(const Overview *o) {
        States s = {
                .operational = best(o->operational, _OPERATIONAL_STATE_MAX, OPERATIONAL_STATE_OFF),
                .carrier = best(o->carrier, _CARRIER_STATE_MAX, CARRIER_STATE_OFF),
                .address = best(o->address, _ADDRESS_STATE_MAX, ADDRESS_STATE_OFF),
                .ipv4 = best(o->ipv4, _ADDRESS_STATE_MAX, ADDRESS_STATE_OFF),
                .ipv6 = best(o->ipv6, _ADDRESS_STATE_MAX, ADDRESS_STATE_OFF),
        };

        if (s.carrier == CARRIER_STATE_ENSLAVED)
                s.carrier = CARRIER_STATE_CARRIER;
        return s;
}
