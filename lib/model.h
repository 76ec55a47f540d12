/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel's state as heard, kept as the difference to the published table: a pending entry for
 * every key that a message spoke of since the last commit, and for every child whose link is not known
 * (an orphan). When nothing is pending the model is the table, so that memory and the cost of a change
 * do not double.
 *
 * Two kinds of news come in. A notification is the newest that can be known of a key. A row of a dump
 * may be older than a notification that was read before it: the kernel fills a dump buffer, drops its
 * locks and only then queues it. Therefore a notification heard while a dump runs stamps its key, also
 * when it is a removal of something unknown (a tombstone), and the dump's row for a stamped key is
 * dropped, and the sweep at its end spares it.
 *
 * model_commit() compares every pending key with the table, writes the difference and yields it as one
 * batch. What is published is thus always a difference of states, never a message: repeated messages
 * cost nothing, and something that came and went inside one batch is never seen.
 *
 * No I/O, no clock. Whatever a message hints at without saying it becomes a wanted re-read (Scope)
 * that the caller fetches.
 */

#include <stdbool.h>
#include <stdint.h>

#include "record.h"
#include "rtnl.h"
#include "table.h"

/* Pending entries that are allowed; over it a notification is refused with -E2BIG (the caller reads
 * everything again later). Far more than any dump of a full table. */
#define MODEL_PENDING_MAX (UINT32_C(1) << 22)
/* Children of unknown links that are kept. */
#define MODEL_ORPHANS_MAX 65536
/* Distinct scopes that wait to be read again; more of one kind become "all of it". */
#define MODEL_WANTED_MAX 64
/* Links whose rows are looked at again once all that was announced has been heard; more: all links. */
#define MODEL_RECHECKS_MAX 256
/* A lifetime that was announced again and moved less than this has not changed: the kernel counts in
 * whole seconds and rounds. */
#define MODEL_LIFETIME_TOLERANCE_USEC (2 * USEC_PER_SEC)

/* What one dump covers: all rows of a type, of one family where the kernel dumps by family, of one
 * link when ifindex is not 0. */
typedef struct Scope {
        ObjectType object;
        uint8_t family; /* AF_UNSPEC: both */
        int32_t ifindex;
        bool locals; /* OBJECT_ROUTE: a dump of all tables, so the local table's entries too */
        /* For the caller's own bookkeeping: */
        bool verify; /* this is a second look, after a dump that was overtaken by news */
        uint8_t refused; /* how often the kernel has refused it */
} Scope;

/* A set of scopes to be read: SCOPES_MAX elements have room for it. Adding one that is covered changes
 * nothing; over MODEL_WANTED_MAX those of one kind become one scope that covers them all. */
#define SCOPES_MAX (MODEL_WANTED_MAX + _OBJECT_TYPE_MAX)
void scope_set_add(Scope *set, size_t *n, Scope scope);

typedef enum DumpResult {
        DUMP_COMPLETE, /* every row was there: what was not listed is gone */
        DUMP_INTERRUPTED, /* the rows are true, but not all of them: nothing is swept */
        DUMP_GONE, /* "no such device" for a scope of one link: the scope is empty */
        DUMP_FAILED, /* no news at all */
} DumpResult;

/* What to do after a dump. */
typedef enum DumpAdvice {
        DUMP_ENOUGH,
        DUMP_VERIFY, /* keys changed while it ran: one more pass is advised */
        /* Rows that are gone may still be there, or the order of addresses may be wrong: read it again
         * until nothing comes in between. */
        DUMP_REPEAT,
} DumpAdvice;

typedef struct Model Model;

/* The table must outlive the model; only the model writes to it. */
int model_new(Table *table, Model **ret);
Model *model_free(Model *m);

/* Takes one notification. -ENOMEM; -E2BIG over a limit: something was not taken, read it again. */
int model_hear(Model *m, const RtnlMessage *message);

/* Messages were lost and what is known is not complete, until everything has been read again: nothing
 * may be concluded from what is not there. */
void model_doubt(Model *m, bool doubt);

/* Brackets a dump. One at a time. A dump row is handed to model_dump_row() as it was parsed. */
void model_dump_begin(Model *m, Scope scope);
int model_dump_row(Model *m, const RtnlMessage *message);
/* A group row that did not come by netlink (from /proc). */
int model_dump_group(Model *m, const GroupRecord *group);
/* -ENOMEM: the sweep was not complete. */
int model_dump_end(Model *m, DumpResult result, DumpAdvice *ret_advice);

/* Writes the difference to the table and appends it to *batch, which the caller owns (NULL: nobody
 * wants to know, as while the table is filled for the first time). With settled
 * false, rows that came from a dump wait for a later commit: only what was notified is published.
 * Sets batch->generation to the generation that the table now has. 1: there was a difference; 0: not.
 * -ENOMEM or -E2BIG: rows had to be left out (counted in model_skipped()), the rest is done. */
int model_commit(Model *m, bool settled, Batch *batch);
/* True when a commit may find a difference. */
bool model_is_dirty(const Model *m);

/* Re-reads that messages made necessary: hands out one and forgets it. False when there is none. To be
 * called only when everything that was announced has been heard. */
bool model_next_wanted(Model *m, Scope *ret);
void model_want(Model *m, Scope scope);
bool model_has_wanted(const Model *m);

/* Links that children speak of but that were never heard of themselves: fills up to n distinct
 * ifindexes, returns how many there are in the array. */
size_t model_orphan_links(const Model *m, int32_t *ret, size_t n);
size_t model_n_orphans(const Model *m);
uint64_t model_skipped(const Model *m);

/* The best of the derived states over all links but loopback ones. */
States model_machine_states(const Model *m);
/* Published links without IFF_UP. */
uint32_t model_links_down(const Model *m);
