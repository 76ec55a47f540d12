/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads tables from the kernel: one dump at a time, and between its pieces what is announced meanwhile
 * is read as well. Start, overrun and audit are the same sequence of dumps; a dump that was interrupted,
 * refused or overtaken by news is repeated after a while. Must never block and never sleep: waiting is
 * a time at which source_dispatch() is called again.
 */

#include <linux/if.h>

#include "source-private.h"

/* The order matters: a child needs its link. */
static const Scope resync_steps[] = {
        { .object = OBJECT_LINK },
        { .object = OBJECT_ADDRESS },
        { .object = OBJECT_GROUP, .family = AF_INET },
        { .object = OBJECT_GROUP, .family = AF_INET6 },
        { .object = OBJECT_ROUTE, .family = AF_INET, .locals = true },
        { .object = OBJECT_ROUTE, .family = AF_INET6, .locals = true },
};

static int retry_later(Source *s, Scope scope) {
        uint64_t at;

        scope_set_add(s->retries, &s->n_retries, scope);
        s->retry_backoff = s->retry_backoff == 0
                                           ? SOURCE_RETRY_MIN_USEC
                                           : CONST_MIN(2 * s->retry_backoff, SOURCE_RETRY_MAX_USEC);
        at = source_now(s) + s->retry_backoff;
        if (s->retry_at == USEC_INFINITY)
                s->retry_at = at;
        return 0;
}

/* A dump that is refused again and again tells of a kernel without that table, or of a sandbox. The
 * rest goes on without it; without links nothing can. */
static int retry_refused(Source *s, Scope scope) {
        if (++scope.refused < SOURCE_REFUSALS_MAX)
                return retry_later(s, scope);
        s->counters.skipped_rows++;
        return scope.object == OBJECT_LINK && scope.ifindex == 0 ? -EIO : 0;
}

/* A row that cannot be read now will not be readable for ever: it stays left out, and nothing is swept
 * for its sake, but the rest is complete. */
static int retry_malformed(Source *s, Scope scope) {
        return ++scope.refused < SOURCE_REFUSALS_MAX ? retry_later(s, scope) : 0;
}

static int finish_dump(Source *s, DumpResult result) {
        Query *q = &s->query;
        DumpAdvice advice;
        int r;

        if (result == DUMP_COMPLETE && q->interrupted)
                result = DUMP_INTERRUPTED;
        /* A row that could not be read may be any row: nothing may be swept for its sake. */
        if (result == DUMP_COMPLETE && q->malformed)
                result = DUMP_INTERRUPTED;
        if (result == DUMP_INTERRUPTED)
                s->counters.interrupted_dumps++;

        q->active = false;
        r = model_dump_end(s->model, result, &advice);
        if (r < 0)
                source_lose(s, RESYNC_ERROR);
        if (result == DUMP_FAILED)
                return retry_refused(s, q->scope);
        if (result == DUMP_INTERRUPTED)
                return q->interrupted ? retry_later(s, q->scope) : retry_malformed(s, q->scope);
        if (advice == DUMP_REPEAT)
                return retry_later(s, q->scope);
        if (advice == DUMP_VERIFY && !q->scope.verify) {
                q->scope.verify = true;
                return retry_later(s, q->scope);
        }
        if (s->n_retries == 0)
                s->retry_backoff = 0;
        return 0;
}

/* Memberships from /proc: all of them at once, in place of a dump. */
static void read_groups(Source *s, int family) {
        _cleanup_(freep) GroupUsers *list = NULL;
        size_t n = 0, allocated = 0;
        DumpAdvice advice;
        int r;

        s->counters.dumps++;
        r = source_proc_groups(s, family, &list, &n, &allocated);
        model_dump_begin(s->model, (Scope){ .object = OBJECT_GROUP, .family = (uint8_t) family });
        for (size_t i = 0; r >= 0 && i < n; i++) {
                GroupRecord group = { .ifindex = list[i].ifindex, .group = list[i].group };

                r = model_dump_group(s->model, &group);
        }
        /* No file, no rows: there is nobody who could be asked again. */
        if (model_dump_end(s->model, r < 0 ? DUMP_FAILED : DUMP_COMPLETE, &advice) < 0)
                source_lose(s, RESYNC_ERROR);
}

static bool scope_is_from_proc(const Source *s, const Scope *scope) {
        return scope->object == OBJECT_GROUP &&
               (!s->hears_groups || s->groups_from_proc[scope->family == AF_INET6]);
}

static RtnlRequest scope_request(const Scope *scope) {
        static const RtnlObject objects[] = {
                [OBJECT_LINK] = RTNL_LINK,   [OBJECT_ADDRESS] = RTNL_ADDRESS,
                [OBJECT_GROUP] = RTNL_GROUP, [OBJECT_ROUTE] = RTNL_ROUTE,
                [OBJECT_LOCAL] = RTNL_LOCAL,
        };

        return (RtnlRequest){
                .object = objects[scope->object],
                .dump = scope->object != OBJECT_LINK || scope->ifindex == 0,
                .family = scope->family,
                .ifindex = scope->ifindex,
        };
}

static int start_dump(Source *s, Scope scope) {
        uint8_t buffer[RTNL_REQUEST_MAX];
        RtnlRequest request;
        int len, r;

        /* The kernel lists these by family only. */
        if (scope.family == AF_UNSPEC && scope.object != OBJECT_LINK &&
            scope.object != OBJECT_ADDRESS) {
                Scope other = scope;

                other.family = AF_INET6;
                scope.family = AF_INET;
                model_want(s->model, other);
        }
        if (scope_is_from_proc(s, &scope)) {
                read_groups(s, scope.family);
                return 0;
        }

        /* The kernel announces that a link went down, and that an address went, before it removes the
         * routes, and lists routes without the lock that it holds meanwhile. */
        if (scope.object == OBJECT_ROUTE || scope.object == OBJECT_LOCAL) {
                r = source_ask_barrier(s);
                if (r < 0)
                        return retry_refused(s, scope);
        }

        request = scope_request(&scope);
        len = rtnl_build(&request, ++s->sequence, buffer);
        if (len < 0)
                return len;
        s->query = (Query){
                .active = true,
                .scope = scope,
                .dump = request.dump,
                .sequence = s->sequence,
                .deadline = source_now(s) + SOURCE_DUMP_TIMEOUT_USEC,
        };
        s->counters.dumps++;
        model_dump_begin(s->model, scope);
        r = s->ops.send(s->ops.userdata, SOCKET_QUERY, s->fds[SOCKET_QUERY], buffer, (size_t) len);
        return r < 0 ? finish_dump(s, DUMP_FAILED) : 0;
}

/* The answer to a refusal depends on what was asked for: "no such device" means an empty scope when it
 * was about one link, and "not supported" that memberships must be read elsewhere. */
static int dump_result(Source *s, int error) {
        Query *q = &s->query;

        if (error == 0)
                return finish_dump(s, DUMP_COMPLETE);
        if (error == -ENODEV && q->scope.ifindex > 0)
                return finish_dump(s, DUMP_GONE);
        if (error == -EOPNOTSUPP && q->scope.object == OBJECT_GROUP)
                s->groups_from_proc[q->scope.family == AF_INET6] = true;
        return finish_dump(s, DUMP_FAILED);
}

static void dump_row(Source *s, const struct nlmsghdr *message, uint64_t now) {
        Query *q = &s->query;
        int r;

        r = rtnl_parse(message, message->nlmsg_len, now, s->message);
        if (r == RTNL_IGNORED)
                return;
        if (r >= 0)
                r = model_dump_row(s->model, s->message);
        if (r < 0) {
                s->counters.skipped_rows++;
                q->malformed = true;
        }
}

static int dump_message(Source *s, const struct nlmsghdr *message, uint64_t now) {
        Query *q = &s->query;

        if (message->nlmsg_seq != q->sequence ||
            (s->ports[SOCKET_QUERY] != 0 && message->nlmsg_pid != s->ports[SOCKET_QUERY]))
                return 0;
        q->deadline = now + SOURCE_DUMP_TIMEOUT_USEC;
        if (message->nlmsg_flags & NLM_F_DUMP_INTR)
                q->interrupted = true;

        switch (message->nlmsg_type) {
        case NLMSG_NOOP:
                return 0;
        case NLMSG_OVERRUN:
                q->interrupted = true;
                return 0;
        case NLMSG_DONE:
        case NLMSG_ERROR:
                return dump_result(s, rtnl_parse_result(message, message->nlmsg_len));
        }
        dump_row(s, message, now);
        return q->dump ? 0 : finish_dump(s, DUMP_COMPLETE);
}

static int dump_datagram(Source *s, size_t len) {
        const uint8_t *p = s->buffer;
        uint64_t now = source_now(s);
        int r;

        while (s->query.active && len >= sizeof(struct nlmsghdr)) {
                const struct nlmsghdr *message = (const void *) p;
                size_t step;

                if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > len) {
                        s->query.interrupted = true;
                        return 0;
                }
                r = dump_message(s, message, now);
                if (r < 0)
                        return r;
                step = NLMSG_ALIGN(message->nlmsg_len);
                if (step >= len)
                        return 0;
                p += step;
                len -= step;
        }
        /* Too little for a header: a piece is missing. */
        if (s->query.active && len > 0)
                s->query.interrupted = true;
        return 0;
}

/* A kernel that never ends a dump, or a socket that is broken: a new socket forgets the old dump. */
static int renew_query_socket(Source *s) {
        int r;

        if (s->query.active) {
                r = finish_dump(s, DUMP_FAILED);
                if (r < 0)
                        return r;
        }
        source_close(s, SOCKET_QUERY);
        r = source_open(s, SOCKET_QUERY);
        return r < 0 ? r : 1;
}

/* 1: read a piece; 0: nothing there yet. */
static int read_dump(Source *s) {
        Received received;
        int r;

        r = source_receive(s, SOCKET_QUERY, &received);
        if (r < 0)
                return renew_query_socket(s);
        if (r == 0) {
                if (s->query.active && source_now(s) >= s->query.deadline)
                        return renew_query_socket(s);
                return 0;
        }
        if (!received.from_kernel) {
                s->counters.forged_messages++;
                return 1;
        }
        if (received.truncated)
                s->query.interrupted = true;
        r = dump_datagram(s, received.len);
        return r < 0 ? r : 1;
}

static bool begin_resync(Source *s) {
        uint64_t now = source_now(s);

        /* Only an empty queue ends an overrun; before, what comes is dropped in silence. */
        if (!s->lost || !s->drained || now < s->resync_not_before)
                return false;

        /* The first one starts at once; when they come in a row they get slower and slower. */
        if (now < s->resync_not_before + 2 * SOURCE_RESYNC_MAX_USEC)
                s->resync_backoff = CONST_MIN(2 * s->resync_backoff, SOURCE_RESYNC_MAX_USEC);
        else
                s->resync_backoff = 0;
        s->resync_backoff = CONST_MAX(s->resync_backoff, SOURCE_RESYNC_MIN_USEC);
        if (s->lost_reason != RESYNC_START)
                s->resync_not_before = now + s->resync_backoff;
        s->lost = false;
        s->resyncing = true;
        s->reason = s->lost_reason;
        s->counters.resyncs[s->reason]++;
        s->step = 0;
        s->announce = false;
        s->n_retries = 0;
        s->retry_at = USEC_INFINITY;
        return true;
}

/* A wish for a link that is known to be gone would only be refused. But where something is kept of a
 * link that is not known, it may be of a dead one, and must not wait for the next with its index. */
static bool scope_is_void(Source *s, const Scope *scope) {
        TableView view = table_view(s->table);
        LinkRecord link;

        if (scope->ifindex == 0 || scope->object == OBJECT_LINK)
                return false;
        return !table_get_link(&view, scope->ifindex, &link) && !model_is_dirty(s->model) &&
               model_n_orphans(s->model) == 0;
}

static bool next_scope(Source *s, Scope *ret) {
        if (begin_resync(s) || s->resyncing) {
                if (s->step < ELEMENTSOF(resync_steps)) {
                        *ret = resync_steps[s->step++];
                        return true;
                }
                s->resyncing = false;
                s->announce = true;
        }
        if (s->n_retries > 0 && source_now(s) >= s->retry_at) {
                for (size_t i = 0; i < s->n_retries; i++)
                        model_want(s->model, s->retries[i]);
                s->n_retries = 0;
                s->retry_at = USEC_INFINITY;
        }
        while (model_next_wanted(s->model, ret)) {
                if (scope_is_void(s, ret))
                        continue;
                s->counters.rereads++;
                return true;
        }
        /* Only now: what a resync could not read is still unknown. */
        model_doubt(s->model, s->lost || s->n_retries > 0);
        return false;
}

bool source_is_idle(const Source *s) {
        return !s->query.active && !s->lost && !s->resyncing && s->n_retries == 0 &&
               !model_has_wanted(s->model);
}

int source_run_queries(Source *s, uint64_t until) {
        Scope scope;
        int r;

        do {
                if (!s->query.active) {
                        r = source_drop_leftovers(s, SOCKET_QUERY);
                        if (r < 0)
                                r = renew_query_socket(s);
                        if (r < 0)
                                return r;
                        if (!s->drained || !next_scope(s, &scope))
                                return 0;
                        r = start_dump(s, scope);
                } else {
                        r = read_dump(s);
                        if (r == 0)
                                return 0;
                }
                if (r < 0)
                        return r;
                /* What is announced while a dump runs decides over the dump's rows: it must have
                 * been heard before the dump ends, or at the latest before it counts. */
                r = source_drain(s, until);
                if (r < 0)
                        return r;
        } while (source_now(s) < until);
        return 0;
}
