/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The machine's own states, which are the best of its links' states, and how many links are down.
 * Kept by counting: one change costs the same however many links there are. Pure: fed with batches,
 * asked for values.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

typedef struct OverviewLink OverviewLink;

typedef struct Overview {
        OverviewLink *slots; /* hash by ifindex; a power of two of them */
        size_t n_slots;
        size_t n_links;
        size_t n_down; /* links without IFF_UP, loopback included */
        size_t operational[_OPERATIONAL_STATE_MAX];
        size_t carrier[_CARRIER_STATE_MAX];
        size_t address[_ADDRESS_STATE_MAX];
        size_t ipv4[_ADDRESS_STATE_MAX];
        size_t ipv6[_ADDRESS_STATE_MAX];
} Overview;

/* A zeroed Overview is a valid one without links. */
void overview_done(Overview *o);
/* Counts what the batch says of links. -ENOMEM: some links are not counted. */
int overview_apply(Overview *o, const Batch *batch);
/* "off" throughout when there is no link but loopback. For the whole machine a link that is enslaved
 * has a carrier like any other, so its carrier counts as CARRIER_STATE_CARRIER. */
States overview_states(const Overview *o);
