/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The server and the client for the tests of the Varlink transport; see the header. A failure here
 * is a failure of the test that runs.
 */

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "varlink-peer.h"

static const char fixture_text[] = "# For the tests alone.\n"
                                   "interface org.example.test\n"
                                   "type Mode (fast, slow)\n"
                                   "type Filter (Name: ?string, Modes: ?[]Mode)\n"
                                   "method Echo(Text: ?string, Number: ?int, Filter: ?Filter) ->\n"
                                   "  (Text: ?string, Number: ?int, Filter: ?Filter)\n"
                                   "method Big(Size: int) -> (Data: string)\n"
                                   "method Slow() -> ()\n"
                                   "method Later() -> ()\n"
                                   "method Fail() -> ()\n"
                                   "method Forget() -> ()\n"
                                   "method Subscribe() -> (Event: string)\n"
                                   "method Absent() -> ()\n"
                                   "error NoSuchThing ()\n"
                                   "error LimitExceeded (Limit: string)\n";

static const char *fixture_error_name(int error, const char *detail, json_t **ret_parameters) {
        if (error != -E2BIG)
                return "org.example.test.NoSuchThing";
        *ret_parameters = json_pack("{s:s}", "Limit", detail);
        return "org.example.test.LimitExceeded";
}

static const VarlinkServerInfo fixture_info = {
        .vendor = "vendor",
        .product = "product",
        .version = "1",
        .url = "https://example.org/",
        .error_name = fixture_error_name,
};

static int on_echo(VarlinkCall *call, json_t *parameters, void *userdata) {
        Fixture *fixture = userdata;

        fixture->n_handled++;
        return varlink_call_reply(call, parameters);
}

static int on_big(VarlinkCall *call, json_t *parameters, void *userdata) {
        size_t size = (size_t) json_integer_value(json_object_get(parameters, "Size"));
        _cleanup_(freep) char *text = malloc(size + 1);
        json_auto_t *reply = NULL;

        ck_assert_ptr_nonnull(text);
        memset(text, 'x', size);
        text[size] = '\0';
        reply = json_pack("{s:s}", "Data", text);
        ck_assert_ptr_nonnull(reply);
        return varlink_call_reply(call, reply);
}

static uint64_t now_usec(void) {
        struct timespec ts;

        ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

static int on_slow(VarlinkCall *call, json_t *parameters, void *userdata) {
        uint64_t end = now_usec() + FIXTURE_SLOW_USEC;
        Fixture *fixture = userdata;

        fixture->n_slow++;
        while (now_usec() < end)
                ;
        return varlink_call_reply(call, NULL);
}

static void on_later_closed(VarlinkCall *call, void *userdata) {
        Fixture *fixture = userdata;

        ck_assert(!fixture->in_transport);
        ck_assert_ptr_eq(fixture->later, call);
        fixture->n_closed++;
        fixture->later = varlink_call_unref(fixture->later);
}

static int on_later(VarlinkCall *call, json_t *parameters, void *userdata) {
        Fixture *fixture = userdata;

        ck_assert_ptr_null(fixture->later);
        fixture->later = varlink_call_ref(call);
        varlink_call_set_on_close(call, on_later_closed, fixture);
        return 0;
}

static int on_fail(VarlinkCall *call, json_t *parameters, void *userdata) {
        return -ENODEV;
}

static int on_forget(VarlinkCall *call, json_t *parameters, void *userdata) {
        return 0;
}

static void on_subscriber_closed(VarlinkCall *call, void *userdata) {
        Fixture *fixture = userdata;

        ck_assert(!fixture->in_transport);
        fixture->n_closed++;
        for (size_t i = 0; i < fixture->n_subscribers; i++)
                if (fixture->subscribers[i] == call)
                        fixture->subscribers[i] = varlink_call_unref(fixture->subscribers[i]);
}

static int on_subscribe(VarlinkCall *call, json_t *parameters, void *userdata) {
        Fixture *fixture = userdata;

        ck_assert_uint_lt(fixture->n_subscribers, FIXTURE_SUBSCRIBERS_MAX);
        fixture->subscribers[fixture->n_subscribers++] = varlink_call_ref(call);
        varlink_call_set_on_close(call, on_subscriber_closed, fixture);
        return 0;
}

static const VarlinkMethod fixture_methods[] = {
        { "Echo", on_echo },
        { "Big", on_big },
        { "Slow", on_slow },
        { "Later", on_later },
        { "Fail", on_fail },
        { "Forget", on_forget },
        { "Subscribe", on_subscribe, VARLINK_METHOD_REQUIRES_MORE },
        { 0 },
};

void fixture_init(Fixture *fixture, const VarlinkLimits *limits) {
        *fixture = (Fixture){ 0 };
        ck_assert_int_ge(sd_event_new(&fixture->event), 0);
        ck_assert_int_ge(
                        varlink_server_new(fixture->event, &fixture_info, limits, &fixture->server),
                        0);
        ck_assert_int_ge(varlink_server_add_interface(fixture->server, fixture_text,
                                                      fixture_methods, fixture),
                         0);
}

void fixture_done(Fixture *fixture) {
        fixture->server = varlink_server_free(fixture->server);
        /* on_close has dropped every reference */
        ck_assert_ptr_null(fixture->later);
        for (size_t i = 0; i < fixture->n_subscribers; i++)
                ck_assert_ptr_null(fixture->subscribers[i]);
        fixture->event = sd_event_unref(fixture->event);
}

void fixture_run(Fixture *fixture, uint64_t usec) {
        ck_assert_int_ge(sd_event_run(fixture->event, usec), 0);
}

void fixture_settle(Fixture *fixture) {
        for (unsigned i = 0; i < 1000000; i++) {
                int r = sd_event_run(fixture->event, 0);

                ck_assert_int_ge(r, 0);
                if (r == 0)
                        return;
        }
        ck_abort_msg("the event loop does not come to rest");
}

void fixture_answer_later(Fixture *fixture) {
        ck_assert_ptr_nonnull(fixture->later);
        fixture->in_transport = true;
        ck_assert_int_eq(varlink_call_reply(fixture->later, NULL), 0);
        fixture->in_transport = false;
        fixture->later = varlink_call_unref(fixture->later);
}

void fixture_publish(Fixture *fixture, const char *text, bool shared) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        char *reply;
        int n;

        n = asprintf(&reply, VARLINK_REPLY_BEGIN "{\"Event\":\"%s\"}" VARLINK_REPLY_CONTINUES,
                     text);
        ck_assert_int_gt(n, 0);
        ck_assert_int_eq(varlink_payload_new_text(reply, (size_t) n + 1, shared, &payload), 0);

        fixture->in_transport = true;
        for (size_t i = 0; i < fixture->n_subscribers; i++)
                if (fixture->subscribers[i])
                        fixture->last_reply = varlink_call_reply_more_payload(
                                        fixture->subscribers[i], payload);
        fixture->in_transport = false;
}

VarlinkCounters fixture_counters(const Fixture *fixture) {
        VarlinkCounters counters;

        varlink_server_counters(fixture->server, &counters);
        return counters;
}

Peer peer_new(Fixture *fixture) {
        int fds[2];

        ck_assert_int_ge(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        ck_assert_int_ge(varlink_server_add_connection(fixture->server, fds[1]), 0);
        return (Peer){ .fd = fds[0] };
}

int peer_connect(Peer *peer, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(fd, 0);
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                int error = errno;

                (void) close(fd);
                return -error;
        }

        *peer = (Peer){ .fd = fd };
        return 0;
}

void peer_close(Peer *peer) {
        closep(&peer->fd);
        free(peer->data);
        *peer = (Peer){ .fd = -1 };
}

bool peer_send_bytes(Fixture *fixture, Peer *peer, const char *data, size_t size) {
        uint64_t deadline = now_usec() + PEER_DEADLINE_USEC;

        while (size > 0) {
                ssize_t n = send(peer->fd, data, size, MSG_NOSIGNAL);

                ck_assert_uint_lt(now_usec(), deadline);
                if (n < 0 && errno != EAGAIN)
                        return false;
                if (n < 0)
                        fixture_run(fixture, USEC_PER_MSEC);
                else {
                        data += n;
                        size -= (size_t) n;
                }
        }
        return true;
}

bool peer_send(Fixture *fixture, Peer *peer, const char *text) {
        return peer_send_bytes(fixture, peer, text, strlen(text) + 1);
}

/* Everything that is there now. */
static void peer_read(Peer *peer) {
        static char chunk[65536];
        ssize_t n;

        while (!peer->eof && (n = recv(peer->fd, chunk, sizeof(chunk), 0)) != 0) {
                /* whoever closes with something unread resets the other side */
                if (n < 0 && errno == ECONNRESET)
                        break;
                if (n < 0) {
                        ck_assert_int_eq(errno, EAGAIN);
                        return;
                }
                peer->data = realloc(peer->data, peer->size + (size_t) n);
                ck_assert_ptr_nonnull(peer->data);
                memcpy(peer->data + peer->size, chunk, (size_t) n);
                peer->size += (size_t) n;
        }
        peer->eof = true;
}

static char *peer_take(Peer *peer) {
        char *nul = peer->size > 0 ? memchr(peer->data, '\0', peer->size) : NULL;
        size_t n;
        char *text;

        if (!nul)
                return NULL;
        text = strdup(peer->data);
        ck_assert_ptr_nonnull(text);
        n = (size_t) (nul + 1 - peer->data);
        memmove(peer->data, nul + 1, peer->size - n);
        peer->size -= n;
        return text;
}

char *peer_receive(Fixture *fixture, Peer *peer) {
        uint64_t deadline = now_usec() + PEER_DEADLINE_USEC;
        char *text;

        for (;;) {
                text = peer_take(peer);
                if (text)
                        return text;
                if (peer->eof) {
                        /* half a message at the end would be a lie */
                        ck_assert_uint_eq(peer->size, 0);
                        return NULL;
                }
                peer_read(peer);
                fixture_run(fixture, 0);
                if (peer->size == 0 && !peer->eof)
                        fixture_run(fixture, USEC_PER_MSEC);
                ck_assert_msg(now_usec() < deadline, "nothing came");
        }
}

void peer_expect(Fixture *fixture, Peer *peer, const char *text) {
        _cleanup_(freep) char *received = peer_receive(fixture, peer);

        if (text)
                ck_assert_pstr_eq(received, text);
        else
                ck_assert_ptr_null(received);
}

void peer_expect_nothing(Fixture *fixture, Peer *peer) {
        fixture_settle(fixture);
        peer_read(peer);
        ck_assert_uint_eq(peer->size, 0);
        ck_assert(!peer->eof);
}
