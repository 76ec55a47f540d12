/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The shared table: makes the blocks of the daemon's own table files that clients map. The table is
 * written in place by its only writer, so publishing a batch means waking those who wait for one.
 *
 * Must be made before the manager and freed after it, because the manager's table lives in here.
 */

#include "manager.h"
#include "table.h"
#include "util.h"

typedef struct SharedTable SharedTable;

/* Takes the path for this daemon: nobody else publishes there until *ret is freed or this process is
 * dead, and a table that is there stays as it is until there is a complete one to take its place. Makes
 * the directory when its parent exists. Logs why it cannot; -EADDRINUSE: another daemon has the path. */
int shared_table_new(const char *path, SharedTable **ret);
SharedTable *shared_table_free(SharedTable *t);
DEFINE_CLEANUP(SharedTable *, shared_table_free)

/* For manager_new(). Valid as long as t. */
const TableStorage *shared_table_storage(const SharedTable *t);
/* Follows the manager's batches and hears clients that ask for a sync. */
int shared_table_start(SharedTable *t, Manager *m);
