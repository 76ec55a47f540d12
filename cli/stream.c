/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events from either of two places. A connection that breaks is never patched up in silence: who
 * follows changes must know that some may have been missed. One that never told all that exists is
 * not waited for: the socket may be another program's.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"
#include "stream.h"
#include "varlink-client.h"

/* Between two attempts to reach a daemon that has gone */
#define PAUSE_MIN_USEC UINT64_C(50000)
#define PAUSE_MAX_USEC UINT64_C(2000000)

struct Stream {
        Context *context; /* borrowed */
        bool for_output;
        bool remote;
        bool dispatched; /* library: the first dispatch has been made */
        bool ready;
        uint64_t generation; /* with ready */
        RemoteEvents reply; /* remote: the last one */
        size_t position; /* of the next event in it */
        bool begun; /* remote: what existed has been told at least once */
        bool broken; /* remote: there is no connection */
        uint64_t pause_usec; /* remote: before the next attempt; 0: the daemon was well */
        uint64_t retry_usec; /* the time of the next attempt */
};

Stream *stream_free(Stream *s) {
        if (!s)
                return NULL;
        json_decref(s->reply.events);
        free(s);
        return NULL;
}

int stream_open(Context *c, bool for_output, Stream **ret) {
        Stream *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                cli_error("out of memory");
                return CLI_UNREACHABLE;
        }
        s->context = c;
        s->for_output = for_output;
        r = remote_subscribe(c);
        s->remote = r == REMOTE_DONE;
        if (r == REMOTE_ABSENT)
                r = context_open(c);
        if (r != CLI_DONE) {
                stream_free(s);
                return r;
        }
        *ret = s;
        return CLI_DONE;
}

static StreamStep failed(int status, int *ret_status) {
        *ret_status = status;
        return STREAM_FAILED;
}

/* Waits for the source to have something; anything else than STREAM_EVENT ends the waiting. */
static StreamStep wait_readable(const Stream *s, int fd, uint64_t deadline_usec) {
        struct pollfd p[] = {
                { .fd = fd, .events = POLLIN },
                { .fd = s->for_output ? STDOUT_FILENO
                                      : -1 }, /* POLLERR when the reader of a pipe has gone */
        };
        uint64_t now = varlink_now();
        int timeout = -1;

        if (deadline_usec != UINT64_MAX) {
                uint64_t msec = now < deadline_usec ? (deadline_usec - now + 999) / 1000 : 0;

                timeout = msec < INT_MAX ? (int) msec : INT_MAX;
        }
        if (poll(p, ELEMENTSOF(p), timeout) < 0)
                return STREAM_EVENT; /* interrupted: look again */
        if (p[1].revents & POLLERR)
                return STREAM_READER_GONE;
        if (p[0].revents == 0 && varlink_now() >= deadline_usec)
                return STREAM_TIMEOUT;
        return STREAM_EVENT;
}

/* Library -------------------------------------------------------------------------------------- */

static StreamStep next_library(Stream *s, uint64_t deadline_usec, json_t **ret_event,
                               int *ret_status) {
        ifroster *handle = s->context->handle;
        const ifroster_event *event;
        int r;

        for (;;) {
                StreamStep step;
                char *text;

                event = s->dispatched ? ifroster_next_event(handle) : NULL;
                if (event) {
                        r = ifroster_event_json(event, &text);
                        if (r < 0)
                                return failed(cli_fail(r, NULL), ret_status);
                        *ret_event = json_loads(text, 0, NULL);
                        free(text);
                        if (*ret_event)
                                return STREAM_EVENT;
                        cli_error("the library's answer is not JSON");
                        return failed(CLI_UNREACHABLE, ret_status);
                }
                if (s->dispatched && !s->ready) {
                        s->ready = true;
                        s->generation = ifroster_generation(handle);
                        return STREAM_READY;
                }
                if (s->dispatched) {
                        step = wait_readable(s, ifroster_get_fd(handle), deadline_usec);
                        if (step != STREAM_EVENT)
                                return step;
                }
                r = ifroster_dispatch(handle);
                if (r < 0)
                        return failed(cli_fail(r, NULL), ret_status);
                s->dispatched = true;
        }
}

/* Varlink -------------------------------------------------------------------------------------- */

static void forget_reply(Stream *s) {
        json_decref(s->reply.events);
        s->reply = (RemoteEvents){};
        s->position = 0;
}

/* With --connect nobody else is asked. */
static StreamStep go_on(Stream *s, const char *reason, int *ret_status) {
        s->ready = false;
        if (s->context->options.connect) {
                if (s->pause_usec == 0)
                        cli_error("%s; connecting again", reason);
                s->pause_usec = s->pause_usec == 0 ? PAUSE_MIN_USEC : 2 * s->pause_usec;
                if (s->pause_usec > PAUSE_MAX_USEC)
                        s->pause_usec = PAUSE_MAX_USEC;
                s->retry_usec = varlink_now() + s->pause_usec;
                s->broken = true;
        } else {
                cli_error("%s; going on without it", reason);
                s->remote = false;
                *ret_status = context_open(s->context);
                if (*ret_status != CLI_DONE)
                        return STREAM_FAILED;
        }
        return STREAM_BROKEN;
}

/* STREAM_EVENT: there is a connection again. */
static StreamStep reconnect(Stream *s, uint64_t deadline_usec) {
        while (varlink_now() < s->retry_usec) {
                uint64_t until = s->retry_usec < deadline_usec ? s->retry_usec : deadline_usec;
                StreamStep step = wait_readable(s, /* fd= */ -1, until);

                if (step == STREAM_READER_GONE || varlink_now() >= deadline_usec)
                        return step;
        }
        s->broken = !remote_resubscribe(s->context);
        return STREAM_EVENT;
}

static StreamStep next_remote(Stream *s, uint64_t deadline_usec, json_t **ret_event,
                              int *ret_status) {
        for (;;) {
                StreamStep step;
                int r;

                if (s->position < json_array_size(s->reply.events)) {
                        *ret_event = json_incref(json_array_get(s->reply.events, s->position++));
                        return STREAM_EVENT;
                }
                if (s->reply.ready && !s->ready) {
                        s->ready = s->begun = true;
                        s->pause_usec = 0;
                        s->generation = s->reply.generation;
                        return STREAM_READY;
                }
                forget_reply(s);
                if (s->broken) {
                        step = reconnect(s, deadline_usec);
                        if (step != STREAM_EVENT)
                                return step;
                        if (s->broken)
                                return go_on(s, "", ret_status);
                }
                r = remote_next_events(s->context, &s->reply);
                if (r == REMOTE_NOTHING) {
                        step = wait_readable(s, varlink_client_get_fd(s->context->varlink),
                                             deadline_usec);
                        if (step != STREAM_EVENT)
                                return step;
                } else if (r == REMOTE_BROKEN && s->begun)
                        return go_on(s, s->reply.reason, ret_status);
                else if (r == REMOTE_BROKEN) {
                        cli_error("%s", s->reply.reason);
                        return failed(CLI_UNREACHABLE, ret_status);
                } else if (r != REMOTE_DONE)
                        return failed(r, ret_status);
        }
}

StreamStep stream_next(Stream *s, uint64_t deadline_usec, json_t **ret_event, int *ret_status) {
        return s->remote ? next_remote(s, deadline_usec, ret_event, ret_status)
                         : next_library(s, deadline_usec, ret_event, ret_status);
}

uint64_t stream_generation(const Stream *s) {
        return s->generation;
}
