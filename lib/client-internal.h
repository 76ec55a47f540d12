/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the client share: the handle, and how each question reads a table.
 *
 * A question is written once, as a loop around a function that reads a view:
 *
 *     r = client_read_begin(h, &g);
 *     if (r < 0)
 *             return r;
 *     do
 *             r = lookup_...(&g.view, ...);
 *     while (client_read_again(&g, &r));
 *     return r;
 *
 * Behind the view is the daemon's table, read without a lock and repeated when the daemon wrote
 * meanwhile; or the handle's own table, under the handle's mutex and after hearing the kernel; or a
 * copy that never changes. An attempt that will be repeated may have seen garbage: it must have no
 * effect but on memory that the next attempt overwrites or frees. Between begin and the last "again"
 * a question must not return, and not begin another one.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "ifroster.h"
#include "record.h"
#include "source.h"
#include "table-internal.h"
#include "table.h"
#include "util.h"

/* After this long the client looks whether the daemon still lives; a reader therefore believes a dead
 * daemon's table for no longer. */
#define CLIENT_CHECK_USEC (50 * USEC_PER_MSEC)
/* A writer that is inside a batch for this long has been stopped there. */
#define CLIENT_STALL_USEC (40 * USEC_PER_MSEC)
/* Attempts to read what changes all the time. */
#define CLIENT_RETRY_USEC (80 * USEC_PER_MSEC)
/* A whole first reading of netlink */
#define CLIENT_START_USEC (10 * USEC_PER_SEC)
/* An answer that depends on what an own reading has lost is waited for so long. */
#define CLIENT_SETTLE_USEC (100 * USEC_PER_MSEC)
/* A blocking call looks after what cannot wake it at least this often: with CLIENT_STALL_USEC, a daemon
 * that was stopped in a batch is found out in less than 100 ms. */
#define CLIENT_SLICE_USEC (50 * USEC_PER_MSEC)
/* Larger files are no tables. */
#define CLIENT_TABLE_MAX (UINT64_C(1) << 30)
#define CLIENT_PATHS_MAX 2
/* Each reservation is at least twice as large as the one before. */
#define CLIENT_RETIRED_MAX 48

/* A path where the daemon's table may be. */
typedef struct ClientPath {
        char *path;
        bool own_only; /* in the user's own directory: only a file of root or of this user counts */
} ClientPath;

/* The daemon's table, mapped. epoch, base, size and check_at are read without a lock, so that a
 * lookup costs a few loads; all of it is written under the handle's mutex. Addresses from base on are
 * reserved once and stay readable for the life of the handle: another file is mapped over them, so a
 * reader that comes too late reads the wrong table and notices by the epoch. It faults only in a file
 * that was made shorter; the handler of that makes the epoch odd without holding the mutex. */
typedef struct ClientMap {
        uint64_t epoch; /* odd: there is none, or it is being exchanged */
        const void *base;
        size_t size;
        /* CLOCK_MONOTONIC_COARSE, nanoseconds; UINT64_MAX: the kernel marks a dead writer's table, and
         * there is no need for a clock */
        uint64_t check_at;
        int fd; /* -1: none */
        size_t mapped; /* bytes of base that are a file */
        size_t reserved;
        struct {
                void *base;
                size_t reserved;
        } retired[CLIENT_RETIRED_MAX];
        size_t n_retired;
        unsigned n_faults; /* handlers of SIGBUS that are at work on this map, see client-fault.c */
        ClientPath paths[CLIENT_PATHS_MAX];
        size_t n_paths;
        size_t path; /* of the mapped file */
} ClientMap;

/* Who wrote a table, and how far it has come. */
typedef struct ClientState {
        uint64_t origin; /* the daemon's number, or the own source's */
        uint64_t resyncs; /* how often it had read everything anew << 8 | ResyncReason */
        uint64_t generation;
} ClientState;

/* A private copy of a whole table. */
typedef struct ClientCopy {
        void *block;
        size_t size;
        ClientState state;
        bool behind; /* of a reading that was behind the kernel */
} ClientCopy;

/* Where a reading comes from. */
typedef enum ClientOrigin {
        CLIENT_SHARED,
        CLIENT_OWN,
        CLIENT_FROZEN,
        _CLIENT_ORIGIN_MAX,
} ClientOrigin;

/* What rows of other kinds say of their link. */
typedef struct ClientLinkName {
        uint64_t words[(LINK_NAME_MAX + 1) / 8]; /* the text; "": not known */
        uint64_t incarnation;
} ClientLinkName;

/* Rows that a walk read ahead, by their number there. */
typedef struct ClientAhead {
        uint64_t rows[TABLE_CHUNK_BYTES / 8];
        const Record *records[TABLE_CHUNK_ROWS]; /* in there */
        ClientLinkName links[TABLE_CHUNK_ROWS]; /* not for links */
        LinkTexts *texts[TABLE_CHUNK_ROWS]; /* for links, when have_texts */
        unsigned n;
        bool have_texts;
} ClientAhead;

struct ifroster_row {
        bool filled;
        bool cached; /* one of the lazy members is set */
        ObjectType type;
        /* What it says: the record of this number, and what belongs to it, among those read ahead, or, when
         * `walk` is NULL, what follows here. */
        unsigned at;
        const ifroster_walk *walk; /* whose rows are in `ahead`; compared only */
        ClientAhead *ahead; /* NULL: never yet */
        Record record;
        ClientLinkName link; /* not for links */
        LinkTexts *texts;
        /* Made when they were asked for: */
        char *field_texts[FIELDS_MAX]; /* what getters handed out */
        char **altnames; /* one block, NULL-terminated */
};

struct ifroster_event {
        int type; /* IFROSTER_EVENT_* */
        uint64_t generation;
        uint64_t fields; /* changed ones, by their place in fields_of() */
        char reason[16]; /* IFROSTER_EVENT_RESYNCED */
        ifroster_row row;
};

/* Telling the difference between two copies step by step, see client-diff.c */
typedef struct ClientDiff {
        ClientCopy before; /* what was told; no block: nothing yet */
        ClientCopy after;
        bool running;
        bool same_writer;
        bool replaced; /* a link has gone and another one has its index */
        bool renamed; /* a link has another name */
        bool texts; /* alias or alternative names may differ */
        unsigned step;
        TableWalk walk;
} ClientDiff;

struct ifroster {
        ClientMap map;
        uint64_t flags;
        ClientCopy frozen; /* IFROSTER_FROZEN */

        /* Under the mutex, as all below up to the next such line: */
        pthread_mutex_t mutex;
        Table *table; /* own reading; NULL: none */
        Source *source;
        uint64_t origin; /* number of the own source */
        uint64_t resyncs; /* of the own source: count << 8 | reason */
        uint64_t netns; /* inode of the network namespace of who made the handle; 0: not known */

        /* Nothing of these before ifroster_get_fd(); -1 then: */
        int epoll_fd;
        int timer_fd;
        int inotify_fd; /* also -1 when it cannot be had */
        int file_watch; /* -1: none */
        uint64_t watched_epoch; /* of the map to which file_watch belongs */
        uint64_t retry_usec; /* until the next look for a daemon */

        /* Of whoever pulls events: */
        ClientDiff diff;
        bool event_ready; /* `event` is the next one to hand out */
        ifroster_event event;
};

struct AddressAnswer;

typedef struct ClientReading {
        TableView view;
        ClientOrigin origin;
        uint64_t epoch; /* CLIENT_SHARED */
        uint64_t sequence;
        const ifroster *handle;
        uint64_t started; /* CLOCK_MONOTONIC when the first attempt failed, microseconds; 0: none did */
        bool resume; /* goes on with something: an own reading need not hear the kernel before */
} ClientReading;

/* client.c ------------------------------------------------------------------------------------- */

/* CLOCK_MONOTONIC, microseconds */
uint64_t client_now(void);
/* now + usec without overflow */
uint64_t client_deadline(uint64_t now, uint64_t usec);
int client_read_begin_slow(const ifroster *h, ClientReading *g);
bool client_read_again_slow(ClientReading *g, int *r);

/* The constant handle's mutable side: what is under the mutex is no part of what it stands for. */
static inline ifroster *client_mutable(const ifroster *h) {
        return (ifroster *) (uintptr_t) h;
}

static inline void client_lock(const ifroster *h) {
        (void) pthread_mutex_lock(&client_mutable(h)->mutex);
}

static inline void client_unlock(const ifroster *h) {
        (void) pthread_mutex_unlock(&client_mutable(h)->mutex);
}

/* client-map.c --------------------------------------------------------------------------------- */

/* The paths to look at; path NULL: the defaults. -ENOMEM. */
int client_map_init(ClientMap *m, const char *path);
void client_map_done(ClientMap *m);
/* Opens and maps a table, the first that is there. wait: one that is in the middle of a batch is fine.
 * -ENOENT: none that a living daemon writes. */
int client_map_open(ifroster *h, bool wait);
void client_map_drop(ifroster *h);
/* Drops the mapped table, or exchanges it, when its daemon is dead or has made a new one. */
void client_map_check(ifroster *h);
/* Whether the mapped table is marked as a dead daemon's. */
bool client_map_is_dead(const ClientMap *m);
/* Whether a batch has been announced, or is being written. Under the mutex. */
bool client_map_is_busy(const ClientMap *m);
/* Whether a living process holds the daemon's lock on this file. */
bool client_map_is_alive(int fd);
/* Whether a part of the mapped file was found to be gone. Under the mutex. */
bool client_map_is_broken(const ClientMap *m);
/* The inode of the calling thread's network namespace; 0: cannot be told. */
uint64_t client_netns(void);
/* Whether the table describes the calling thread's network namespace, of which /proc tells as well. */
bool client_is_own_namespace(const TableView *v);

static inline uint64_t client_map_epoch(const ClientMap *m) {
        return __atomic_load_n(&m->epoch, __ATOMIC_RELAXED);
}

static inline uint64_t client_coarse_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
        return (uint64_t) ts.tv_sec * UINT64_C(1000000000) + (uint64_t) ts.tv_nsec;
}

static inline bool client_check_is_due(const ClientMap *m) {
        uint64_t at = __atomic_load_n(&m->check_at, __ATOMIC_RELAXED);

        return at != UINT64_MAX && client_coarse_now() >= at;
}

/* The mapped table, unless there is none, its daemon is dead or to be looked at, or a batch is being
 * written. The pair of base and size belongs together only when the epoch is the same after it. */
static inline bool client_map_begin(const ClientMap *m, ClientReading *g) {
        g->epoch = __atomic_load_n(&m->epoch, __ATOMIC_ACQUIRE);
        if (g->epoch % 2 != 0 || client_check_is_due(m))
                return false;
        g->view.block = __atomic_load_n(&m->base, __ATOMIC_ACQUIRE);
        g->view.size = __atomic_load_n(&m->size, __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&m->epoch, __ATOMIC_RELAXED) != g->epoch)
                return false;
        g->origin = CLIENT_SHARED;
        /* table_read_begin() and table_writer_died(), without the calls: together they would take longer
         * than some lookups. */
        g->sequence = __atomic_load_n(&((const TableHeader *) g->view.block)->sequence,
                                      __ATOMIC_ACQUIRE);
        return g->sequence % 2 == 0 &&
               !(load32(&((const TableHeader *) g->view.block)->writer_tid) & TABLE_WRITER_DIED);
}

/* The fence keeps the loads of the data before those of the counters. */
static inline bool client_map_retry(const ClientMap *m, const ClientReading *g) {
        fence_acquire();
        return load64(&((const TableHeader *) g->view.block)->sequence) != g->sequence ||
               __atomic_load_n(&m->epoch, __ATOMIC_RELAXED) != g->epoch;
}

static inline int client_read_begin(const ifroster *h, ClientReading *g) {
        g->handle = h;
        g->started = 0;
        g->resume = false;
        if (client_map_begin(&h->map, g))
                return 0;
        return client_read_begin_slow(h, g);
}

static inline int client_read_resume(const ifroster *h, ClientReading *g) {
        g->handle = h;
        g->started = 0;
        g->resume = true;
        if (client_map_begin(&h->map, g))
                return 0;
        return client_read_begin_slow(h, g);
}

/* True: repeat the attempt; *r is then meaningless. False: *r is the result, or has become the error
 * that stopped further attempts. -ENODEV becomes -EAGAIN while the handle's own reading is behind the
 * kernel: "no such link" may then only be said by the kernel, see client_ask_index(). */
static inline bool client_read_again(ClientReading *g, int *r) {
        if (g->origin == CLIENT_SHARED && !client_map_retry(&g->handle->map, g))
                return false;
        return client_read_again_slow(g, r);
}

/* The state of what is being read; inside a reading. */
ClientState client_state_of(const ClientReading *g);
int client_state(const ifroster *h, ClientState *ret);
static inline bool client_state_equal(const ClientState *a, const ClientState *b) {
        return a->origin == b->origin && a->resyncs == b->resyncs && a->generation == b->generation;
}

/* client-fault.c -------------------------------------------------------------------------------- */

/* Addresses in which a reader of this map may find that the file is shorter. -ENOMEM. */
int client_fault_add(ClientMap *m, const void *base, size_t size);
/* All that were added for the map, before they are unmapped. */
void client_fault_remove(const ClientMap *m);
/* To be called with an odd epoch, before something is mapped: no handler is at work whose zero pages
 * could end up in what is mapped next. False: it is better to try again later. */
bool client_fault_settle(const ClientMap *m);

/* client-own.c: the handle's own source, all under the mutex ------------------------------------ */

/* Has read everything when it returns; does nothing when there is a source. */
int client_own_start(ifroster *h);
void client_own_stop(ifroster *h);
/* Hears the kernel. When it fails there is no source any more. */
int client_own_refresh(ifroster *h);
/* Hears the kernel until the table is not behind any more, for a bounded time. -EAGAIN: it still is. */
int client_own_settle(ifroster *h);

/* client-lookup.c ------------------------------------------------------------------------------ */

/* After a question about this index, or any if it is 0, had -EAGAIN for an answer: 0: it is worth asking
 * once more; -ENODEV: the kernel says that there is no such link; -EAGAIN: it cannot be told now. */
int client_ask_index(const ifroster *h, int ifindex);
/* 0 when there is this link, in the sense of ifroster_name(). */
int client_expect_link(const ifroster *h, int ifindex);
/* Which links hold an address; *ret is the caller's only on success. */
int client_lookup(const ifroster *h, const IpAddress *a, int ifindex, struct AddressAnswer *ret);
/* True in a reading in which "there is none" would be no answer, because the own reading is behind. */
bool client_may_miss(const ClientReading *g);

/* client-copy.c -------------------------------------------------------------------------------- */

/* The whole table at one moment. */
int client_copy(const ifroster *h, ClientCopy *ret);
void client_copy_done(ClientCopy *c);

static inline TableView client_copy_view(const ClientCopy *c) {
        return (TableView){ .block = c->block, .size = c->size };
}

/* client-row.c --------------------------------------------------------------------------------- */

/* Forgets what getters of the row made. */
void client_row_forget(ifroster_row *row);
/* Forgets that as well as the texts and what was read ahead. */
void client_row_reset(ifroster_row *row);
/* Gives back all that a row has. */
void client_row_done(ifroster_row *row);
/* Fills in what the view knows beside row->record, which is already there. For a link: -ENOMEM. */
int client_row_complete(ifroster_row *row, const TableView *v);
/* Gives the row room for reading ahead. Without memory for that it goes on without. */
void client_row_want_ahead(ifroster_row *row);
/* Forgets the rows that were read ahead. */
void client_ahead_reset(ClientAhead *a);

static inline const Record *client_row_record(const ifroster_row *row) {
        return row->walk ? row->ahead->records[row->at] : &row->record;
}

static inline const LinkTexts *client_row_texts(const ifroster_row *row) {
        return !row->walk ? row->texts : row->ahead->have_texts ? row->ahead->texts[row->at] : NULL;
}
RecordView client_row_view(const ifroster_row *row);
/* Checks IFROSTER_LINK ... IFROSTER_LOCAL; -EINVAL. */
int client_object_type(int kind, ObjectType *ret);

/* client-diff.c -------------------------------------------------------------------------------- */

/* Makes a new copy and begins to tell how it differs from the one told before. */
int client_diff_start(const ifroster *h, ClientDiff *d);
/* 1: *event is the next difference; 0: no more, and `before` is what was told. -ENOMEM. */
int client_diff_next(ClientDiff *d, ifroster_event *event);
void client_diff_done(ClientDiff *d);

/* client-watch.c: the descriptor for event loops ------------------------------------------------ */

/* Under the mutex, all of these; they do nothing before there is a descriptor. */
int client_watch_start(ifroster *h);
void client_watch_done(ifroster *h);
/* Makes the descriptor readable at once. */
void client_watch_wake(ifroster *h);
/* The own source began, or is about to end. */
void client_watch_source(ifroster *h, bool add);
/* Takes note of what woke us, and watches the file that matters now. False: a batch has been announced
 * that is not over, and the descriptor tells when it is, or when it should have been. */
bool client_watch_update(ifroster *h);
