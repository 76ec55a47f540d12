/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the tests of the Varlink transport share: a server with an interface made for testing, and
 * a client of raw bytes. Both run in one thread: whoever waits for the other runs the event loop,
 * with a deadline. The client cuts messages at NUL by itself and hands out text, so that nothing of
 * the transport checks itself.
 */

#include "varlink-server.h"

/* How long anything that is waited for may take, before a test fails. */
#define PEER_DEADLINE_USEC (UINT64_C(10) * USEC_PER_SEC)

#define FIXTURE_SUBSCRIBERS_MAX 2048
#define FIXTURE_SLOW_USEC USEC_PER_MSEC

/* Of the interface "org.example.test":
 *   Echo      answers with its parameters
 *   Big       answers with Size letters
 *   Slow      keeps the processor for FIXTURE_SLOW_USEC
 *   Later     answers when fixture_answer_later() says so
 *   Fail      returns an error
 *   Forget    returns without an answer
 *   Subscribe is answered by fixture_publish()
 *   Absent    is declared and has no handler */
typedef struct Fixture {
        sd_event *event;
        VarlinkServer *server;
        VarlinkCall *later;
        VarlinkCall *subscribers[FIXTURE_SUBSCRIBERS_MAX];
        size_t n_subscribers;
        unsigned n_handled;
        unsigned n_slow; /* calls of Slow */
        unsigned n_closed; /* calls of on_close */
        bool in_transport; /* a function of the transport is running */
        int last_reply; /* what the transport said to the last reply of fixture_publish() */
} Fixture;

typedef struct Peer {
        int fd;
        char *data;
        size_t size;
        bool eof;
} Peer;

/* limits may be NULL. */
void fixture_init(Fixture *fixture, const VarlinkLimits *limits);
void fixture_done(Fixture *fixture);

/* Runs the loop until nothing is left to do; fails when that does not come. */
void fixture_settle(Fixture *fixture);

/* One round of the loop that waits at most this long. */
void fixture_run(Fixture *fixture, uint64_t usec);

void fixture_answer_later(Fixture *fixture);

/* {"Event": text} to all subscribers, shared or counted for each. */
void fixture_publish(Fixture *fixture, const char *text, bool shared);

VarlinkCounters fixture_counters(const Fixture *fixture);

/* A client over a socket pair that the server has adopted. */
Peer peer_new(Fixture *fixture);

/* A client that connects to a path; -errno when that fails. */
int peer_connect(Peer *peer, const char *path);
void peer_close(Peer *peer);

/* Sends all of it, and runs the loop while the socket is full. False when the server hung up. */
bool peer_send_bytes(Fixture *fixture, Peer *peer, const char *data, size_t size);

/* Sends a text with its NUL. */
bool peer_send(Fixture *fixture, Peer *peer, const char *text);

/* The next message, to be freed; NULL when the server closes instead. Runs the loop. */
char *peer_receive(Fixture *fixture, Peer *peer);

/* Fails unless the next message is this; NULL: unless the server closes without one. */
void peer_expect(Fixture *fixture, Peer *peer, const char *text);

/* Fails when anything was sent, or the server has hung up. */
void peer_expect_nothing(Fixture *fixture, Peer *peer);
