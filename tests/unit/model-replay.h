/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A client's copy of a table, kept from batches alone, that trusts nothing: every batch must fit what
 * was there before it and lead to what the table has after it. Linear and slow on purpose.
 */

#include "record.h"
#include "table.h"
#include "world.h"

#define REPLAY_ROWS 1024

typedef struct ReplayRow {
        ObjectType type;
        Record key;
        Record row;
        uint64_t incarnation; /* of the link */
        unsigned since; /* the truth's time that the arrival was about */
} ReplayRow;

typedef struct Replay {
        ReplayRow rows[REPLAY_ROWS];
        size_t n;
        uint64_t generation;
        uint64_t incarnation; /* the highest one so far */
        uint64_t floor; /* that before the batch */
        /* Life of the world's link for each incarnation, modulo: both name the same link. */
        struct {
                uint64_t incarnation;
                unsigned life;
                bool other_hardware; /* seen on it since then */
        } lives[WORLD_LINKS];
} Replay;

/* When each key of the world was last seen to be absent. */
typedef struct Absences {
        unsigned now;
        unsigned last[WORLD_KEYS];
} Absences;

/* To be called after every step of the world. */
void absences_note(Absences *a, const World *w);

/* Takes the table as it is for a beginning. */
void replay_begin(Replay *r, const TableView *v);
/* Applies a batch that tells the truth as of a time. A complaint, or NULL. */
const char *replay_apply(Replay *r, const Batch *batch, const World *w, const Absences *absences,
                         unsigned as_of);
/* The copy and the table are the same; every child has its link; every derived state is what a walk
 * over the table gives. A complaint, or NULL. */
const char *replay_compare(Replay *r, const TableView *v);
/* Each life of a link in the world has one incarnation and each incarnation one life; for times when
 * the table is the truth. */
const char *replay_compare_lives(Replay *r, const World *w, const TableView *v);
