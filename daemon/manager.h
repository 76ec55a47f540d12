/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon itself: owns the table and its source, watches the source in the event loop, hands every
 * batch to every publisher, and tells the service manager how it stands. The only writer of the
 * table is the source, the only caller of the source is here.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "publisher.h"
#include "source.h"
#include "table.h"
#include "util.h"

/* Publishers of one manager */
#define MANAGER_PUBLISHERS_MAX 8
/* Unanswered Sync questions, over all clients; over it: -E2BIG. */
#define MANAGER_SYNC_WAITERS_MAX 4096

typedef struct Manager Manager;

/* storage: where the table lives, NULL for private memory. Opens the netlink sockets in the network
 * namespace of the calling thread. */
int manager_new(sd_event *event, const TableStorage *storage, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

/* The publisher must outlive the manager's last batch, or be removed before. -E2BIG. */
int manager_add_publisher(Manager *m, Publisher *p);
void manager_remove_publisher(Manager *m, Publisher *p);

/* Starts reading and reacting to SIGTERM, SIGINT (end the loop) and SIGHUP (read everything again).
 * The signals must be blocked. */
int manager_start(Manager *m);

/* Hears everything that the kernel has announced by now, and publishes it. To be called before each
 * answer; does nothing inside a publisher. A negative errno means that the daemon is about to end. */
int manager_refresh(Manager *m);

sd_event *manager_event(const Manager *m);
/* Valid until the next refresh, or return to the event loop. */
TableView manager_view(const Manager *m);
/* For questions that the table does not answer. Only source_ask_*() and readers. */
Source *manager_source(const Manager *m);
SourceState manager_state(const Manager *m);
/* Of the network namespace; 0 when it cannot be found out. */
uint64_t manager_namespace_id(const Manager *m);
/* Times that the table had to be read again since the first reading. */
uint64_t manager_resyncs(const Manager *m);

/* Sync: everything that the kernel did before the call is in the table. The waiter belongs to the
 * caller and must stay where it is until on_done was called or it was cancelled. on_done comes from
 * the event loop or from inside manager_sync() itself, once; the waiter may be freed in it. */
typedef struct SyncWaiter SyncWaiter;
struct SyncWaiter {
        void (*on_done)(SyncWaiter *w, uint64_t generation);
        SyncWaiter *previous; /* the rest is the manager's */
        SyncWaiter *next;
        struct SyncQueue *queue;
};

/* -E2BIG: over MANAGER_SYNC_WAITERS_MAX; other errors: the source cannot go on. */
int manager_sync(Manager *m, SyncWaiter *w);
/* Does nothing for a waiter that is not waiting. */
void manager_sync_cancel(Manager *m, SyncWaiter *w);
