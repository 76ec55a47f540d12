/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The table as event records told it: what each row was before an event, and by which events one such
 * table becomes another. Rows are told apart by what events identify them by, not by the incarnation of
 * their link, which is another number after each start of a daemon.
 */

#include "cli.h"

typedef struct Known Known;

Known *known_new(void);
/* NULL is fine. Returns NULL. */
Known *known_free(Known *k);
static inline void known_freep(Known **k) {
        *k = known_free(*k);
}

/* Brings it up to date with an event, which may be one that is about no row. *ret_before: a copy of the
 * row as it was, new reference; NULL: there was none. */
void known_update(Known *k, const json_t *event, json_t **ret_before);

typedef enum KnownStep {
        KNOWN_GONE, /* rows that are not in after: children before links */
        KNOWN_PRESENT, /* rows that are new or other: links before children */
} KnownStep;

/* Array of the events, new reference: "removed" in the one step, "added" and "changed" in the other. A
 * link that has nothing new but its incarnation is told as changed, because later events have that. */
json_t *known_difference(const Known *before, const Known *after, KnownStep step);
