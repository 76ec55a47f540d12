/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Rounds of listening to the kernel for clients of the shared table, who can only map and read it: a
 * read(2) of the file asks for one, and a word in the table's header tells when it began and ended.
 */

#include <systemd/sd-event.h>

#include "manager.h"

typedef struct SyncRounds {
        uint32_t *word; /* where rounds are counted, in the current block; NULL: there is none */

        Manager *manager;
        int inotify_fd;
        int watch;
        sd_event_source *inotify_source;
        sd_event_source *pause_source;
        SyncWaiter waiter;
        bool syncing;
        bool pausing;
        bool again; /* asked for meanwhile */
} SyncRounds;

void sync_rounds_init(SyncRounds *s);
/* Begins to hear readers. Until then, and when it fails, nobody is heard. */
int sync_rounds_start(SyncRounds *s, Manager *m);
void sync_rounds_done(SyncRounds *s);

/* From now on readers of the file that has this path, and of no other. Before it has its public name. */
void sync_rounds_watch(SyncRounds *s, const char *path);

/* Wakes whoever sleeps on a word of the table. */
void sync_rounds_wake(uint32_t *word);
