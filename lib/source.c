/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source as a whole: one turn of it reads what was announced, reads what must be read again, and
 * hands out the difference. Every state it can be in is left by a message or by a time; there is no
 * timer while nothing is pending.
 */

#include <linux/if.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include "source-private.h"

const char *source_state_to_string(SourceState state) {
        switch (state) {
        case SOURCE_STARTING:
                return "starting";
        case SOURCE_READY:
                return "ready";
        case SOURCE_RESYNCING:
                return "resyncing";
        case _SOURCE_STATE_MAX:
                break;
        }
        return "unknown";
}

const char *resync_reason_to_string(ResyncReason reason) {
        switch (reason) {
        case RESYNC_START:
                return "start";
        case RESYNC_OVERRUN:
                return "overrun";
        case RESYNC_DROPS:
                return "drops";
        case RESYNC_TRUNCATED:
                return "truncated";
        case RESYNC_MALFORMED:
                return "malformed";
        case RESYNC_ERROR:
                return "error";
        case RESYNC_AUDIT:
                return "audit";
        case _RESYNC_REASON_MAX:
                break;
        }
        return "unknown";
}

bool source_counter_get(const SourceCounters *c, size_t i, const char **ret_name,
                        uint64_t *ret_value) {
        static const struct {
                const char *name;
                size_t offset;
        } counters[] = {
#define RESYNCS(reason) (offsetof(SourceCounters, resyncs) + (reason) * sizeof(uint64_t))
                { "ResyncsStart", RESYNCS(RESYNC_START) },
                { "ResyncsOverrun", RESYNCS(RESYNC_OVERRUN) },
                { "ResyncsDrops", RESYNCS(RESYNC_DROPS) },
                { "ResyncsTruncated", RESYNCS(RESYNC_TRUNCATED) },
                { "ResyncsMalformed", RESYNCS(RESYNC_MALFORMED) },
                { "ResyncsError", RESYNCS(RESYNC_ERROR) },
                { "ResyncsAudit", RESYNCS(RESYNC_AUDIT) },
#undef RESYNCS
                { "Messages", offsetof(SourceCounters, messages) },
                { "DroppedMessages", offsetof(SourceCounters, dropped_messages) },
                { "SkippedRows", offsetof(SourceCounters, skipped_rows) },
                { "ForgedMessages", offsetof(SourceCounters, forged_messages) },
                { "Dumps", offsetof(SourceCounters, dumps) },
                { "InterruptedDumps", offsetof(SourceCounters, interrupted_dumps) },
                { "Asks", offsetof(SourceCounters, asks) },
                { "Rereads", offsetof(SourceCounters, rereads) },
                { "Batches", offsetof(SourceCounters, batches) },
                { "Events", offsetof(SourceCounters, events) },
        };

        if (i >= ELEMENTSOF(counters))
                return false;
        *ret_name = counters[i].name;
        memcpy(ret_value, (const uint8_t *) c + counters[i].offset, sizeof(*ret_value));
        return true;
}

static int source_open_all(Source *s) {
        struct epoll_event event = { .events = EPOLLIN };
        int r;

        s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (s->epoll_fd < 0)
                return -errno;
        s->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (s->timer_fd < 0)
                return -errno;
        if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->timer_fd, &event) < 0)
                return -errno;
        for (SocketRole role = 0; role < _SOCKET_ROLE_MAX; role++) {
                r = source_open(s, role);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Wakes the caller at a time; 0: at once. */
static void set_timer(Source *s, uint64_t at) {
        struct itimerspec t = {};

        if (at == s->timer_at)
                return;
        if (at != USEC_INFINITY) {
                t.it_value.tv_sec = (time_t) (at / USEC_PER_SEC);
                t.it_value.tv_nsec = (long) (at % USEC_PER_SEC * NSEC_PER_USEC);
                /* All zero would switch it off. */
                if (at == 0)
                        t.it_value.tv_nsec = 1;
        }
        if (timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &t, NULL) >= 0)
                s->timer_at = at;
}

int source_new(Table *table, const SourceConfig *config, Source **ret) {
        Source *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->epoll_fd = s->timer_fd = -1;
        for (SocketRole role = 0; role < _SOCKET_ROLE_MAX; role++)
                s->fds[role] = -1;
        s->table = table;
        if (config)
                s->config = *config;
        s->ops = s->config.ops ? *s->config.ops : source_system_ops;
        s->timer_at = s->retry_at = s->orphans_at = s->groups_at = USEC_INFINITY;
        s->buffer = aligned_alloc(SOURCE_BUFFER_ALIGNMENT, SOURCE_BUFFER_SIZE);
        s->message = calloc(1, sizeof(*s->message));
        r = s->buffer && s->message ? model_new(table, &s->model) : -ENOMEM;
        if (r >= 0)
                r = source_open_all(s);
        if (r < 0) {
                source_free(s);
                return r;
        }
        s->start_at = source_now(s);
        source_lose(s, RESYNC_START);
        set_timer(s, 0);
        *ret = s;
        return 0;
}

Source *source_free(Source *s) {
        if (!s)
                return NULL;
        for (SocketRole role = 0; role < _SOCKET_ROLE_MAX; role++)
                source_close(s, role);
        closep(&s->timer_fd);
        closep(&s->epoll_fd);
        model_free(s->model);
        free(s->message);
        free(s->buffer);
        free(s);
        return NULL;
}

int source_get_fd(const Source *s) {
        return s->epoll_fd;
}

SourceState source_state(const Source *s) {
        if (!s->started)
                return SOURCE_STARTING;
        return s->lost || s->resyncing || s->announce ? SOURCE_RESYNCING : SOURCE_READY;
}

bool source_settled(const Source *s) {
        return s->started && source_is_idle(s) && s->groups_at == USEC_INFINITY;
}

bool source_is_behind(const Source *s) {
        return !s->drained || !source_is_idle(s);
}

bool source_has_wanted(const Source *s) {
        return !s->lost && !s->resyncing && model_has_wanted(s->model);
}

const SourceCounters *source_counters(const Source *s) {
        return &s->counters;
}

States source_machine_states(const Source *s) {
        return model_machine_states(s->model);
}

uint32_t source_links_down(const Source *s) {
        return model_links_down(s->model);
}

bool source_hears_groups(const Source *s) {
        return s->hears_groups;
}

int source_audit(Source *s) {
        source_lose(s, RESYNC_AUDIT);
        set_timer(s, 0);
        return 0;
}

int source_reread_silent(Source *s) {
        TableView view = table_view(s->table);
        TableWalk walk = table_walk_all(&view, OBJECT_LINK);
        int32_t down[SOURCE_SILENT_MAX];
        LinkRecord link;
        size_t n = 0;

        while (n < SOURCE_SILENT_MAX && table_next(&view, &walk, &link))
                if (!(link.flags & IFF_UP))
                        down[n++] = link.ifindex;
        if (n == SOURCE_SILENT_MAX)
                model_want(s->model, (Scope){ .object = OBJECT_LINK });
        else
                for (size_t i = 0; i < n; i++)
                        model_want(s->model, (Scope){ .object = OBJECT_LINK, .ifindex = down[i] });
        /* IPv6 additions are acknowledged first and announced a moment later. */
        model_want(s->model, (Scope){ .object = OBJECT_ADDRESS, .family = AF_INET6 });
        if (!s->hears_groups)
                model_want(s->model, (Scope){ .object = OBJECT_GROUP });
        set_timer(s, 0);
        return 0;
}

static void look_after_orphans(Source *s, uint64_t now) {
        int32_t links[SOURCE_SILENT_MAX];
        size_t n;

        if (model_n_orphans(s->model) == 0) {
                s->orphans_at = USEC_INFINITY;
                return;
        }
        if (s->orphans_at == USEC_INFINITY) {
                s->orphans_at = now + SOURCE_ORPHAN_USEC;
                return;
        }
        if (now < s->orphans_at)
                return;
        n = model_orphan_links(s->model, links, ELEMENTSOF(links));
        for (size_t i = 0; i < n; i++)
                model_want(s->model, (Scope){ .object = OBJECT_LINK, .ifindex = links[i] });
        s->orphans_at = now + SOURCE_ORPHAN_USEC;
}

static void look_after_groups(Source *s, uint64_t now) {
        if (now < s->groups_at)
                return;
        s->groups_at = USEC_INFINITY;
        model_want(s->model, (Scope){ .object = OBJECT_GROUP });
}

/* When to be called again although nothing may come in. */
static uint64_t next_time(const Source *s) {
        uint64_t at = CONST_MIN(s->orphans_at, s->groups_at);

        if (s->query.active)
                return CONST_MIN(at, s->query.deadline);
        if (s->resyncing || model_has_wanted(s->model))
                return 0;
        if (s->lost)
                at = CONST_MIN(at, s->resync_not_before);
        if (s->n_retries > 0)
                at = CONST_MIN(at, s->retry_at);
        return at;
}

/* Dumps come in pieces of half its size, announcements are small: after a reading of everything most of
 * the buffer's pages will not be touched again for long. */
static void give_back_buffer(Source *s) {
        (void) madvise(s->buffer, SOURCE_BUFFER_SIZE, MADV_DONTNEED);
}

/* Until the table is complete nobody is told what is put in. */
static int fill(Source *s, uint64_t now) {
        bool complete = !s->query.active && s->drained && !s->resyncing && !s->lost;
        bool patient = now < s->start_at + SOURCE_START_PATIENCE_USEC;
        int r;

        /* Not in parts: links that were heard of first would come before those that are older, and an
         * empty table needs no comparison. */
        if (!complete)
                return 0;
        r = model_commit(s->model, true, NULL);
        if (r == -ENOMEM)
                return r;
        if (source_is_idle(s) || !patient) {
                s->started = true;
                s->announce = false;
                give_back_buffer(s);
        }
        return 0;
}

static int publish(Source *s, Batch *batch) {
        bool settled = !s->resyncing && !s->lost && !s->query.active && s->drained;
        TableView view;
        int r;

        if (model_is_dirty(s->model)) {
                r = model_commit(s->model, settled, batch);
                if (r < 0) {
                        /* What could not be written is read again, and told as skipped. */
                        s->counters.skipped_rows++;
                        if (r == -ENOMEM)
                                source_lose(s, RESYNC_ERROR);
                }
        }
        if (s->announce && settled && source_is_idle(s)) {
                s->announce = false;
                give_back_buffer(s);
                batch->resynced = s->reason != RESYNC_START;
                batch->reason = resync_reason_to_string(s->reason);
                view = table_view(s->table);
                batch->generation = table_generation(&view);
        }
        s->counters.events += batch->n_changes;
        s->counters.batches += batch->n_changes > 0;
        return batch->n_changes > 0 || batch->resynced;
}

int source_dispatch(Source *s, Batch *ret_batch) {
        Batch batch = {};
        uint64_t now, until;
        uint64_t expired;
        int r;

        now = source_now(s);
        until = now + SOURCE_BUDGET_USEC;
        if (now >= s->timer_at || s->timer_at == 0) {
                (void) !read(s->timer_fd, &expired, sizeof(expired));
                s->timer_at = USEC_INFINITY;
        }

        r = source_drain(s, until);
        if (r < 0)
                return r;
        look_after_groups(s, now);
        look_after_orphans(s, now);
        r = source_run_queries(s, until);
        if (r < 0)
                return r;
        r = s->started ? publish(s, &batch) : fill(s, now);
        if (r < 0) {
                batch_done(&batch);
                return r;
        }
        look_after_orphans(s, now);
        set_timer(s, next_time(s));
        *ret_batch = batch;
        return r;
}

/* Something to read, or an error, on one of the sockets. They are asked themselves: an epoll instance has a
 * list of what is ready, which most kernels look at without its lock, and which is empty for a moment while
 * another thread polls the instance or one that it is in. Then epoll_wait() without a timeout says that
 * there is nothing. */
static bool is_readable(const Source *s) {
        struct pollfd p[] = {
                { .fd = s->fds[SOCKET_MONITOR], .events = POLLIN },
                { .fd = s->fds[SOCKET_ROUTES], .events = POLLIN },
                { .fd = s->fds[SOCKET_QUERY], .events = POLLIN },
        };

        return poll(p, ELEMENTSOF(p), 0) != 0;
}

/* Nothing to do and nothing to hear: what a dispatch would find out with a read and a look at the drop
 * counter of each socket.
 *
 * A socket that lost something says so: the kernel counts a drop and sets the error that is polled for
 * in one step, or sets it before the queue runs full and counts what is dropped until it was empty once.
 * So what only the counter tells happened before the socket was last found empty, and was seen then.
 * The kernel marks a socket readable before it acknowledges the change that it tells of. */
static bool is_quiet(const Source *s) {
        return s->started && s->drained && s->timer_at == USEC_INFINITY && source_is_idle(s) &&
               !s->announce && !model_is_dirty(s->model) && !is_readable(s);
}

int source_refresh(Source *s, Batch *ret_batch) {
        if (is_quiet(s)) {
                *ret_batch = (Batch){};
                return 0;
        }
        return source_dispatch(s, ret_batch);
}
