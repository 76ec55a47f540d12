/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the tests of clients on a shared table begin with: a writer with a link or random rows, and a
 * handle that reads nothing but its file.
 */

#include <stdint.h>

#include "ifroster.h"
#include "table-file.h"
#include "table-random.h"
#include "table.h"
#include "util.h"

/* Notice of a writer that died or stopped */
#define NOTICE_USEC (100 * USEC_PER_MSEC)
/* For a loaded machine; what is told is the real time */
#define SLACK_USEC (200 * USEC_PER_MSEC)

/* CLOCK_MONOTONIC, microseconds */
uint64_t shared_now(void);
/* IFROSTER_SHARED_ONLY */
ifroster *shared_open(const TableFile *f);
/* In a batch */
void shared_set_link(Table *t, int32_t ifindex, const char *name, uint64_t incarnation);
/* The writer comes to life with a table that has this link, of index 1. */
void shared_start_with_link(TableFile *f, const char *name);
/* Asks until the answer is this one, and fails when that takes too long. */
void shared_await_index(const ifroster *h, const char *name, int wanted, uint64_t usec);
/* The same random change to both tables. */
void shared_set_random(Random *x, Table *a, Table *b);
