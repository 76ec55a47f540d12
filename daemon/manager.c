/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Joins source, table and publishers in one event loop. An idle daemon has no timer: everything here
 * is a reaction to the source's descriptor, to a signal, or to a question.
 *
 * Whoever makes the source read, the batch goes to every publisher before anything else happens, so
 * that all of them see the same batches in the same order, and an answer never runs ahead of the
 * signal for what it tells.
 *
 * Sync goes by rounds. A re-read that began before a question may have passed by what the question is
 * about, so a question that comes during a round waits for the next one. Questions without end
 * therefore cannot keep anybody waiting for more than two rounds.
 */

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "manager.h"
#include "netns.h"
#include "notify.h"

/* Between two lines about resyncs in the log; those between are counted in the next one. */
#define RESYNC_LOG_INTERVAL_USEC (10 * USEC_PER_SEC)

/* Readings before one answer. */
#define REFRESHES_MAX 3

#define STATUS_CURRENT "The table is current"

typedef struct SyncQueue {
        SyncWaiter *first;
        SyncWaiter *last;
        size_t n;
} SyncQueue;

struct Manager {
        sd_event *event;
        sd_event_source *source_io;
        Table *table;
        Source *source;
        Notify *notify;
        Publisher *publishers[MANAGER_PUBLISHERS_MAX];
        size_t n_publishers;
        SourceState state; /* the last one told */
        uint64_t namespace_id;
        bool publishing; /* inside a publisher: no refresh */
        bool reloading; /* SIGHUP: READY=1 is due when the table is read again */
        SyncQueue sync_round; /* wait for the re-read that is running */
        SyncQueue sync_next; /* came later */
        uint64_t resync_logged_usec;
        uint64_t resyncs_unlogged;
};

sd_event *manager_event(const Manager *m) {
        return m->event;
}

TableView manager_view(const Manager *m) {
        return table_view(m->table);
}

Source *manager_source(const Manager *m) {
        return m->source;
}

SourceState manager_state(const Manager *m) {
        return source_state(m->source);
}

uint64_t manager_namespace_id(const Manager *m) {
        return m->namespace_id;
}

uint64_t manager_resyncs(const Manager *m) {
        const SourceCounters *c = source_counters(m->source);
        uint64_t sum = 0;

        for (size_t i = 0; i < ELEMENTSOF(c->resyncs); i++)
                if (i != RESYNC_START)
                        sum += c->resyncs[i];
        return sum;
}

static uint64_t now_usec(clockid_t clock) {
        struct timespec ts = {};

        (void) clock_gettime(clock, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

/* Sync ------------------------------------------------------------------------------------- */

static void sync_queue_append(SyncQueue *q, SyncWaiter *w) {
        w->queue = q;
        w->next = NULL;
        w->previous = q->last;
        if (q->last)
                q->last->next = w;
        else
                q->first = w;
        q->last = w;
        q->n++;
}

static void sync_queue_remove(SyncWaiter *w) {
        SyncQueue *q = w->queue;

        if (w->previous)
                w->previous->next = w->next;
        else
                q->first = w->next;
        if (w->next)
                w->next->previous = w->previous;
        else
                q->last = w->previous;
        q->n--;
        w->queue = NULL;
}

/* on_done may cancel other waiters, so the list is looked at anew each time. */
static void sync_queue_answer(SyncQueue *q, uint64_t generation) {
        SyncWaiter *w;

        while ((w = q->first)) {
                sync_queue_remove(w);
                w->on_done(w, generation);
        }
}

static int sync_start_round(Manager *m) {
        SyncWaiter *w;

        while ((w = m->sync_next.first)) {
                sync_queue_remove(w);
                sync_queue_append(&m->sync_round, w);
        }
        return source_reread_silent(m->source);
}

/* Answers whoever can be answered. Called whenever the source may have settled. */
static void sync_advance(Manager *m) {
        int r;

        while (m->sync_round.n > 0 && source_settled(m->source)) {
                TableView v = manager_view(m);

                sync_queue_answer(&m->sync_round, table_generation(&v));
                if (m->sync_next.n == 0)
                        break;
                r = sync_start_round(m);
                if (r < 0)
                        (void) sd_event_exit(m->event, r);
        }
}

int manager_sync(Manager *m, SyncWaiter *w) {
        int r;

        if (m->sync_round.n + m->sync_next.n >= MANAGER_SYNC_WAITERS_MAX)
                return -E2BIG;

        r = manager_refresh(m);
        if (r < 0)
                return r;

        sync_queue_append(&m->sync_next, w);
        if (m->sync_round.n > 0)
                return 0;
        r = sync_start_round(m);
        if (r < 0) {
                sync_queue_remove(w);
                return r;
        }
        sync_advance(m);
        return 0;
}

void manager_sync_cancel(Manager *m, SyncWaiter *w) {
        if (w->queue)
                sync_queue_remove(w);
}

/* Publishing ------------------------------------------------------------------------------- */

static void log_resync(Manager *m, const Batch *batch) {
        uint64_t now = now_usec(CLOCK_MONOTONIC);

        if (m->resync_logged_usec != 0 && now - m->resync_logged_usec < RESYNC_LOG_INTERVAL_USEC) {
                m->resyncs_unlogged++;
                return;
        }
        log_notice("read everything again (%s): %zu changes, generation %" PRIu64 ", %" PRIu64
                   " more resyncs since the last such line",
                   batch->reason ? batch->reason : "unknown", batch->n_changes, batch->generation,
                   m->resyncs_unlogged);
        m->resync_logged_usec = now;
        m->resyncs_unlogged = 0;
}

static void publish_batch(Manager *m, const Batch *batch) {
        if (batch->resynced)
                log_resync(m, batch);

        m->publishing = true;
        for (size_t i = 0; i < m->n_publishers; i++)
                m->publishers[i]->on_batch(m->publishers[i], batch);
        m->publishing = false;
}

static void notify_state(Manager *m, SourceState before) {
        switch (m->state) {
        case SOURCE_STARTING:
                notify_status(m->notify, "Reading the kernel's tables");
                break;
        case SOURCE_READY:
                /* Once: a later READY=1 would end a reload that is still going on. */
                if (before == SOURCE_STARTING)
                        notify_ready(m->notify, STATUS_CURRENT);
                else
                        notify_status(m->notify, STATUS_CURRENT);
                break;
        case SOURCE_RESYNCING:
                notify_status(m->notify, "Reading the kernel's tables again");
                break;
        case _SOURCE_STATE_MAX:
                break;
        }
}

static void publish_state(Manager *m) {
        SourceState before = m->state;

        m->state = source_state(m->source);
        if (m->state != before) {
                /* A reading of everything holds every row twice for a while. The allocator would keep
                 * that memory for the next one, which may never come. */
                if (m->state == SOURCE_READY)
                        (void) malloc_trim(0);
                notify_state(m, before);
                if (before == SOURCE_STARTING)
                        log_info("ready");

                m->publishing = true;
                for (size_t i = 0; i < m->n_publishers; i++)
                        if (m->publishers[i]->on_state)
                                m->publishers[i]->on_state(m->publishers[i], m->state);
                m->publishing = false;
        }

        if (m->reloading && m->state == SOURCE_READY && source_settled(m->source)) {
                m->reloading = false;
                notify_ready(m->notify, STATUS_CURRENT);
        }
}

/* One reading by the given function of the source, with everything that follows from it. */
static int read_source(Manager *m, int (*read)(Source *s, Batch *ret_batch)) {
        Batch batch = {};
        int r;

        r = read(m->source, &batch);
        if (r < 0) {
                log_error("cannot read netlink any more: %s", strerror(-r));
                (void) sd_event_exit(m->event, r);
                return r;
        }
        if (r > 0)
                publish_batch(m, &batch);
        batch_done(&batch);
        publish_state(m);
        sync_advance(m);
        return 0;
}

int manager_refresh(Manager *m) {
        int r;

        if (m->publishing)
                return 0;
        /* What was heard may ask for a re-read, whose rows the answer needs as well. */
        for (unsigned i = 0; i < REFRESHES_MAX; i++) {
                r = read_source(m, source_refresh);
                if (r < 0 || !source_has_wanted(m->source))
                        return r;
        }
        return 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        (void) read_source(userdata, source_dispatch);
        return 0;
}

int manager_add_publisher(Manager *m, Publisher *p) {
        if (m->n_publishers >= MANAGER_PUBLISHERS_MAX)
                return -E2BIG;
        m->publishers[m->n_publishers++] = p;
        return 0;
}

void manager_remove_publisher(Manager *m, Publisher *p) {
        size_t n = 0;

        for (size_t i = 0; i < m->n_publishers; i++)
                if (m->publishers[i] != p)
                        m->publishers[n++] = m->publishers[i];
        m->n_publishers = n;
}

/* Life ------------------------------------------------------------------------------------- */

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Manager *m = userdata;

        log_info("ending: %s", strsignal((int) si->ssi_signo));
        notify_stopping(m->notify, "Ending");
        return sd_event_exit(m->event, 0);
}

/* "Reload" means for a daemon without configuration: do not trust what you have. */
static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Manager *m = userdata;
        int r;

        r = source_audit(m->source);
        if (r < 0) {
                log_error("cannot read everything again: %s", strerror(-r));
                return 0;
        }
        if (m->state != SOURCE_STARTING) {
                m->reloading = true;
                notify_reloading(m->notify, now_usec(CLOCK_MONOTONIC));
        }
        return 0;
}

int manager_new(sd_event *event, const TableStorage *storage, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        m = calloc(1, sizeof(Manager));
        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);

        r = notify_new(event, &m->notify);
        if (r < 0)
                return r;
        r = netns_get_id(&m->namespace_id);
        if (r < 0)
                log_warning("cannot tell the network namespace from /proc, NamespaceId is 0: %s",
                            strerror(-r));
        r = table_new(storage, &m->table);
        if (r < 0)
                return r;
        r = source_new(m->table, NULL, &m->source);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

int manager_start(Manager *m) {
        int r;

        r = sd_event_add_signal(m->event, NULL, SIGTERM, on_terminate, m);
        if (r < 0)
                return r;
        r = sd_event_add_signal(m->event, NULL, SIGINT, on_terminate, m);
        if (r < 0)
                return r;
        r = sd_event_add_signal(m->event, NULL, SIGHUP, on_hangup, m);
        if (r < 0)
                return r;
        notify_state(m, m->state);
        /* Of the same priority as the clients: whoever makes the kernel announce without end must not
         * keep their questions waiting, and each question hears the kernel first anyway. */
        return sd_event_add_io(m->event, &m->source_io, source_get_fd(m->source), EPOLLIN,
                               on_readable, m);
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;

        /* Its descriptor belongs to the source. */
        sd_event_source_disable_unref(m->source_io);
        notify_free(m->notify);
        source_free(m->source);
        table_free(m->table);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}
