/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One connection: when it reads, when it handles, when it sends, and how it ends.
 *
 * Flow. Requests are read as far as they can be handled. A peer that leaves replies unread is not
 * read from either, so that someone who asks and asks and never listens costs one queue; only
 * replies that nobody asked for just now, those of a "more" call, can reach the queue's limit.
 * While a call is unanswered the next ones are read up to the limit of calls, so that their number
 * and the end of the peer are noticed.
 *
 * Fairness. One wake-up reads, handles and sends a bounded amount. What is left over is continued
 * from the event loop, behind the connections that became ready meanwhile. So is a reply in many
 * pieces, the next of which is asked for when the queue is empty.
 *
 * Ends. A connection never disappears under its caller: it becomes DEAD, or LINGERING while a last
 * error is on its way, and the server's reaper tells the call's owner and frees it.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "varlink-internal.h"

/* Keeps the user's sum in step with what this connection holds. */
static void connection_account(VarlinkConnection *c) {
        size_t bytes = c->input.capacity + c->queue.private_bytes;

        c->user->bytes = c->user->bytes - c->charged + bytes;
        c->charged = bytes;
}

static bool connection_can_handle(const VarlinkConnection *c) {
        return c->state == VARLINK_STATE_OPEN && !c->call &&
               c->queue.bytes < VARLINK_QUEUE_PAUSE_BYTES;
}

/* Somebody has more to say, and the peer has taken what was said. */
static bool connection_can_continue(const VarlinkConnection *c) {
        return c->state == VARLINK_STATE_OPEN && c->call && c->call->on_ready && c->queue.n == 0;
}

/* Something is left over that needs no event of the socket. */
static bool connection_has_more(const VarlinkConnection *c) {
        return connection_can_continue(c) || (connection_can_handle(c) && c->input.n_messages > 0);
}

static bool connection_wants_input(const VarlinkConnection *c) {
        if (c->state != VARLINK_STATE_OPEN || c->eof || c->queue.bytes >= VARLINK_QUEUE_PAUSE_BYTES)
                return false;
        if (varlink_input_is_full(&c->input, c->server->limits.request_bytes))
                return false;
        return c->call || c->input.n_messages == 0;
}

static bool connection_is_finished(const VarlinkConnection *c) {
        switch (c->state) {
        case VARLINK_STATE_OPEN:
                return c->eof && !c->call && c->input.n_messages == 0 && c->queue.n == 0;
        case VARLINK_STATE_LINGERING:
                return c->queue.n == 0;
        case VARLINK_STATE_DEAD:
                return false;
        }

        assert(false);
        return false;
}

/* Makes what the event loop watches fit the state, after anything that may have changed it. */
static void connection_update(VarlinkConnection *c) {
        uint32_t events = 0;
        bool wait;

        if (connection_is_finished(c))
                varlink_connection_close(c);
        if (c->state == VARLINK_STATE_DEAD)
                return;

        if (connection_wants_input(c))
                events |= EPOLLIN;
        if (c->queue.n > 0)
                events |= EPOLLOUT;
        if (events != c->events)
                (void) varlink_server_poll(c->server, c, events);

        /* the peer owes something: its first request, the rest of one, or to take its last error;
         * while we do not listen to it, it owes nothing */
        wait = c->state == VARLINK_STATE_LINGERING ||
               ((events & EPOLLIN) && (!c->greeted || varlink_input_is_partial(&c->input)));
        varlink_server_wait(c->server, c, wait);
}

void varlink_connection_close(VarlinkConnection *c) {
        if (c->state == VARLINK_STATE_DEAD)
                return;

        c->state = VARLINK_STATE_DEAD;
        varlink_server_wait(c->server, c, false);
        varlink_server_again(c->server, c, false);
        closep(&c->fd);
        c->fd = -1;
        varlink_queue_done(&c->queue);
        /* the input stays: a message in it may be the one being handled */
        varlink_server_closed(c->server, c);
}

/* Sends what is queued; a peer that cannot be sent to is gone. */
static void connection_flush(VarlinkConnection *c) {
        int r;

        if (c->state == VARLINK_STATE_DEAD)
                return;
        r = varlink_queue_send(&c->queue, c->fd);
        if (r < 0)
                varlink_connection_close(c);
        connection_account(c);
}

void varlink_connection_close_limit(VarlinkConnection *c, VarlinkLimit limit) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        int r;

        if (c->state != VARLINK_STATE_OPEN)
                return;

        /* where the queue is what is too long, the error takes the place of what is in it */
        if (limit == VARLINK_LIMIT_QUEUED_BYTES || limit == VARLINK_LIMIT_BYTES_PER_UID)
                varlink_queue_drop_unsent(&c->queue);
        r = varlink_server_limit_payload(c->server, limit, &payload);
        if (r < 0 || !payload || varlink_queue_push(&c->queue, payload) < 0) {
                varlink_connection_close(c);
                return;
        }

        c->state = VARLINK_STATE_LINGERING;
        varlink_server_wait(c->server, c, false);
        varlink_server_closed(c->server, c);
        connection_flush(c);
        connection_update(c);
}

/* Which limit one more message would break, if any. */
static VarlinkLimit connection_limit_for(const VarlinkConnection *c,
                                         const VarlinkPayload *payload) {
        const VarlinkLimits *limits = &c->server->limits;
        size_t size = varlink_payload_size(payload);

        if (c->queue.n > 0 && c->queue.bytes + size > limits->queued_bytes)
                return VARLINK_LIMIT_QUEUED_BYTES;
        if (!varlink_payload_is_shared(payload) && c->user->bytes + size > limits->bytes_per_uid)
                return VARLINK_LIMIT_BYTES_PER_UID;
        return _VARLINK_LIMIT_MAX;
}

int varlink_connection_enqueue(VarlinkConnection *c, VarlinkPayload *payload) {
        VarlinkLimit limit;
        int r;

        if (c->state != VARLINK_STATE_OPEN)
                return -EPIPE;

        limit = connection_limit_for(c, payload);
        if (limit != _VARLINK_LIMIT_MAX && c->queue.n > 0) {
                /* perhaps it was only collected; what the peer takes at once is not queued */
                connection_flush(c);
                if (c->state != VARLINK_STATE_OPEN)
                        return -EPIPE;
                limit = connection_limit_for(c, payload);
        }
        if (limit != _VARLINK_LIMIT_MAX) {
                varlink_connection_close_limit(c, limit);
                return -ENOBUFS;
        }

        r = varlink_queue_push(&c->queue, payload);
        if (r < 0)
                return r;
        connection_account(c);

        /* a queue from before means that the socket is full: the event loop says when it is not */
        if (c->dispatching ? c->queue.bytes >= VARLINK_QUEUE_PAUSE_BYTES : c->queue.n == 1)
                connection_flush(c);
        if (!c->dispatching)
                connection_update(c);
        return 0;
}

/* The calls that wait behind an unanswered one. */
static void connection_check_calls(VarlinkConnection *c) {
        if (c->call && c->input.n_messages >= c->server->limits.calls)
                varlink_connection_close_limit(c, VARLINK_LIMIT_CALLS);
}

static void connection_handle_some(VarlinkConnection *c, uint64_t start) {
        size_t bytes = 0;

        for (unsigned i = 0; i < VARLINK_CALLS_PER_WAKEUP; i++) {
                const char *message;
                size_t size;
                int r;

                if (!connection_can_handle(c) || c->input.n_messages == 0 ||
                    bytes >= VARLINK_CALL_BYTES_PER_WAKEUP)
                        return;

                message = varlink_input_take(&c->input, &size);
                bytes += size;
                c->greeted = true;
                /* each request has its own time */
                varlink_server_wait(c->server, c, false);

                r = varlink_call_dispatch(c, message, size);
                if (r < 0) {
                        c->server->counters.violations++;
                        /* the requests before it were good, and their replies may still go */
                        connection_flush(c);
                        varlink_connection_close(c);
                        return;
                }
                if (varlink_server_now() - start > VARLINK_SLOW_USEC)
                        return;
        }
}

bool varlink_connection_rests(const VarlinkConnection *c) {
        return c->rests_until > 0 && varlink_server_now() < c->rests_until;
}

/* The work of one wake-up, and what it costs the connection. */
static void connection_work(VarlinkConnection *c) {
        uint64_t start, spent;

        if (!connection_has_more(c))
                return;
        start = varlink_server_now();
        c->dispatching = true;
        if (connection_can_continue(c))
                varlink_call_ready(c->call);
        connection_handle_some(c, start);
        c->dispatching = false;

        spent = varlink_server_now() - start;
        if (spent > VARLINK_SLOW_USEC)
                c->rests_until = start + spent + spent * VARLINK_REST_FACTOR;
}

void varlink_connection_process(VarlinkConnection *c) {
        connection_work(c);

        varlink_input_trim(&c->input);
        connection_flush(c);
        connection_check_calls(c);
        if (connection_has_more(c))
                varlink_server_again(c->server, c, true);
        connection_update(c);
}

void varlink_connection_next(VarlinkConnection *c) {
        /* from inside of a wake-up that goes on by itself */
        if (c->dispatching || c->state != VARLINK_STATE_OPEN)
                return;

        if (connection_has_more(c))
                varlink_server_again(c->server, c, true);
        connection_update(c);
}

static void connection_receive(VarlinkConnection *c) {
        size_t max = c->server->limits.request_bytes;
        int r;

        r = varlink_input_receive(&c->input, c->fd, max);
        if (r == -ENODATA)
                c->eof = true;
        else if (r < 0) {
                varlink_connection_close(c);
                return;
        }

        connection_account(c);
        if (c->user->bytes > c->server->limits.bytes_per_uid)
                varlink_connection_close_limit(c, VARLINK_LIMIT_BYTES_PER_UID);
        else if (c->input.n_messages == 0 && varlink_input_is_full(&c->input, max))
                varlink_connection_close_limit(c, VARLINK_LIMIT_REQUEST_BYTES);
}

void varlink_connection_ready(VarlinkConnection *c, uint32_t revents) {
        if (revents & EPOLLOUT)
                connection_flush(c);

        /* The peer may have sent, shut down and closed in one go: what it sent is read first, and
         * the end is found behind it. A hang-up that we are not reading is final, and reported
         * for as long as the socket is there. */
        if (connection_wants_input(c)) {
                if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                        connection_receive(c);
        } else if ((revents & (EPOLLHUP | EPOLLERR)) &&
                   (c->input.n_messages == 0 || !connection_can_handle(c)))
                varlink_connection_close(c);

        if (c->state == VARLINK_STATE_DEAD)
                return;
        if (connection_has_more(c) && varlink_connection_rests(c)) {
                varlink_server_again(c->server, c, true);
                connection_update(c);
        } else
                varlink_connection_process(c);
}

int varlink_connection_new(VarlinkServer *server, int fd, uid_t uid, VarlinkConnection **ret) {
        VarlinkConnection *c;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;

        c->server = server;
        c->fd = fd;
        c->user = varlink_server_get_user(server, uid);
        if (!c->user) {
                free(c);
                return -ENOMEM;
        }
        r = varlink_server_poll(server, c, EPOLLIN);
        if (r < 0) {
                varlink_server_put_user(server, c->user);
                free(c);
                return r;
        }

        c->user->n_connections++;
        TAILQ_INSERT_TAIL(&server->connections, c, list);
        server->counters.connections++;
        server->counters.accepted++;
        connection_update(c);

        *ret = c;
        return 0;
}

VarlinkConnection *varlink_connection_free(VarlinkConnection *c) {
        assert(c->state == VARLINK_STATE_DEAD && !c->call);

        if (c->closed)
                TAILQ_REMOVE(&c->server->closed, c, closed_list);
        TAILQ_REMOVE(&c->server->connections, c, list);
        c->server->counters.connections--;

        varlink_input_done(&c->input);
        connection_account(c);
        c->user->n_connections--;
        varlink_server_put_user(c->server, c->user);
        free(c);
        return NULL;
}
