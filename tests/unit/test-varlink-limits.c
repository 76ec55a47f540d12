/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The Varlink transport against peers that are many, slow, long-winded or silent: each limit is
 * reached, by its name, ends only the one who reached it, and a bystander is served meanwhile.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "unit.h"
#include "varlink-peer.h"

#define ECHO "{\"method\":\"org.example.test.Echo\"}"
#define SLOW "{\"method\":\"org.example.test.Slow\"}"
#define LATER "{\"method\":\"org.example.test.Later\"}"
#define SUBSCRIBE "{\"method\":\"org.example.test.Subscribe\",\"more\":true}"
#define OK "{\"parameters\":{}}"
#define LIMIT(name) \
        "{\"error\":\"org.example.test.LimitExceeded\",\"parameters\":{\"Limit\":\"" name "\"}}"

static void expect_echo(Fixture *f, Peer *peer) {
        ck_assert(peer_send(f, peer, ECHO));
        peer_expect(f, peer, OK);
}

/* A pair whose server end was refused; the peer end has what it was told. */
static Peer refused_peer(Fixture *f) {
        int fds[2];

        ck_assert_int_ge(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        ck_assert_int_eq(varlink_server_add_connection(f->server, fds[1]), -E2BIG);
        (void) close(fds[1]);
        return (Peer){ .fd = fds[0] };
}

START_TEST(test_connections) {
        static const struct {
                VarlinkLimits limits;
                VarlinkLimit limit;
                const char *reply;
        } rows[] = {
                { { .connections = 3 }, VARLINK_LIMIT_CONNECTIONS, LIMIT("connections") },
                { { .connections_per_uid = 3 },
                  VARLINK_LIMIT_CONNECTIONS_PER_UID,
                  LIMIT("connections-per-uid") },
        };
        Peer peers[3], extra;
        Fixture f;

        fixture_init(&f, &rows[_i].limits);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peers[i] = peer_new(&f);
        extra = refused_peer(&f);
        peer_expect(&f, &extra, rows[_i].reply);
        peer_expect(&f, &extra, NULL);
        peer_close(&extra);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                expect_echo(&f, &peers[i]);

        ck_assert_uint_eq(fixture_counters(&f).limits[rows[_i].limit], 1);
        ck_assert_uint_eq(fixture_counters(&f).refused, 1);
        ck_assert_uint_eq(fixture_counters(&f).accepted, 3);

        /* one goes, another may come */
        peer_close(&peers[0]);
        fixture_settle(&f);
        peers[0] = peer_new(&f);
        expect_echo(&f, &peers[0]);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peer_close(&peers[i]);
        fixture_done(&f);
}
END_TEST

/* The limit of one user is not that of another. */
START_TEST(test_connections_of_others) {
        static const VarlinkLimits limits = { .connections_per_uid = 1 };
        Peer mine, other;
        Fixture f;
        int fds[2];

        if (geteuid() != 0) {
                printf("# skipped: only root can connect as another user\n");
                return;
        }
        fixture_init(&f, &limits);
        mine = peer_new(&f);
        ck_assert_int_eq(seteuid(65534), 0);
        ck_assert_int_ge(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_int_ge(varlink_server_add_connection(f.server, fds[1]), 0);
        other = (Peer){ .fd = fds[0] };
        expect_echo(&f, &mine);
        expect_echo(&f, &other);
        peer_close(&mine);
        peer_close(&other);
        fixture_done(&f);
}
END_TEST

/* A request of n bytes, the NUL not counted. */
static char *long_request(size_t n) {
        char *text = malloc(n + 1);

        ck_assert_ptr_nonnull(text);
        memset(text, ' ', n);
        memcpy(text, ECHO, strlen(ECHO));
        text[n] = '\0';
        return text;
}

START_TEST(test_request_bytes) {
        static const VarlinkLimits limits = { .request_bytes = 3000 };
        static const int more[] = { -1, 0, 1, 2000, 500000 };
        _cleanup_(freep) char *text = long_request(3000);
        Peer peer, bystander;
        Fixture f;

        fixture_init(&f, &limits);
        bystander = peer_new(&f);
        for (size_t i = 0; i < ELEMENTSOF(more); i++) {
                _cleanup_(freep) char *request = long_request((size_t) (3000 + more[i]));

                peer = peer_new(&f);
                /* two good ones first: the room that they took is used again */
                ck_assert(peer_send(&f, &peer, text));
                ck_assert(peer_send(&f, &peer, text));
                peer_expect(&f, &peer, OK);
                peer_expect(&f, &peer, OK);
                /* the NUL alone, when the buffer is as full as it may be */
                (void) peer_send_bytes(&f, &peer, request, strlen(request));
                fixture_settle(&f);
                (void) peer_send_bytes(&f, &peer, "", 1);
                peer_expect(&f, &peer, more[i] <= 0 ? OK : LIMIT("request-bytes"));
                if (more[i] > 0)
                        peer_expect(&f, &peer, NULL);
                peer_close(&peer);
                expect_echo(&f, &bystander);
        }
        ck_assert_uint_eq(fixture_counters(&f).limits[VARLINK_LIMIT_REQUEST_BYTES], 3);
        peer_close(&bystander);
        fixture_done(&f);
}
END_TEST

/* Held behind an unanswered call: the ones that the limit allows are answered in the end. */
START_TEST(test_calls) {
        static const VarlinkLimits limits = { .calls = 8 };
        Peer peer, bystander;
        Fixture f;

        fixture_init(&f, &limits);
        bystander = peer_new(&f);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, LATER));
        for (unsigned i = 0; i < 7; i++)
                ck_assert(peer_send(&f, &peer, ECHO));
        peer_expect_nothing(&f, &peer);
        if (_i == 0) {
                fixture_answer_later(&f);
                for (unsigned i = 0; i < 8; i++)
                        peer_expect(&f, &peer, OK);
                ck_assert_uint_eq(f.n_closed, 0);
        } else {
                ck_assert(peer_send(&f, &peer, ECHO));
                peer_expect(&f, &peer, LIMIT("calls-in-flight"));
                peer_expect(&f, &peer, NULL);
                ck_assert_uint_eq(f.n_closed, 1);
        }
        ck_assert_uint_eq(fixture_counters(&f).limits[VARLINK_LIMIT_CALLS], (unsigned) _i);
        expect_echo(&f, &bystander);
        peer_close(&peer);
        peer_close(&bystander);
        fixture_done(&f);
}
END_TEST

/* The n-th event, of this many bytes, and the message that carries it. */
static void make_event(char *text, char *message, size_t size, unsigned n) {
        memset(text, '-', size);
        text[size] = '\0';
        text[snprintf(text, size, "%u", n)] = '-';
        (void) sprintf(message, "{\"parameters\":{\"Event\":\"%s\"},\"continues\":true}", text);
}

/* A subscriber that does not read loses its connection and knows it: what it can read in the end
 * has no gap, and an error is behind it. Short events leave the socket full between two messages,
 * long ones in the middle of one. */
START_TEST(test_slow_subscriber) {
        static const VarlinkLimits limits = { .queued_bytes = 400000 };
        static const struct {
                size_t size;
                bool shared;
        } rows[] = { { 1000, true }, { 1000, false }, { 90001, true }, { 90001, false } };
        size_t size = rows[_i].size;
        _cleanup_(freep) char *text = malloc(size + 1);
        _cleanup_(freep) char *expected = malloc(size + 100);
        Peer slow, quick;
        unsigned n = 0, received = 0;
        Fixture f;

        fixture_init(&f, &limits);
        slow = peer_new(&f);
        quick = peer_new(&f);
        ck_assert(peer_send(&f, &slow, SUBSCRIBE));
        fixture_settle(&f);
        ck_assert(peer_send(&f, &quick, SUBSCRIBE));
        fixture_settle(&f);
        ck_assert_uint_eq(f.n_subscribers, 2);

        for (; f.n_closed == 0; n++) {
                ck_assert_uint_lt(n, 10000);
                make_event(text, expected, size, n);
                fixture_publish(&f, text, rows[_i].shared);
                peer_expect(&f, &quick, expected);
                if (f.subscribers[0])
                        ck_assert_uint_le(varlink_call_queued_bytes(f.subscribers[0]), 400000);
        }
        ck_assert_ptr_null(f.subscribers[0]);
        ck_assert_ptr_nonnull(f.subscribers[1]);
        ck_assert_uint_eq(fixture_counters(&f).limits[VARLINK_LIMIT_QUEUED_BYTES], 1);

        for (;; received++) {
                _cleanup_(freep) char *message = peer_receive(&f, &slow);

                ck_assert_ptr_nonnull(message);
                make_event(text, expected, size, received);
                if (strcmp(message, expected) == 0)
                        continue;
                ck_assert_str_eq(message, LIMIT("queued-bytes"));
                break;
        }
        ck_assert_uint_gt(received, 0);
        ck_assert_uint_lt(received, n);
        peer_expect(&f, &slow, NULL);

        fixture_publish(&f, "still", rows[_i].shared);
        peer_expect(&f, &quick, "{\"parameters\":{\"Event\":\"still\"},\"continues\":true}");
        peer_close(&slow);
        peer_close(&quick);
        fixture_done(&f);
}
END_TEST

/* One reply longer than the queue's limit answers a question that may be asked. */
START_TEST(test_long_reply) {
        static const VarlinkLimits limits = { .queued_bytes = 100000 };
        char request[128];
        Fixture f;
        Peer peer;

        fixture_init(&f, &limits);
        peer = peer_new(&f);
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(freep) char *reply = NULL;

                (void) snprintf(request, sizeof(request),
                                "{\"method\":\"org.example.test.Big\",\"parameters\":{\"Size\":%u}}",
                                3000000);
                ck_assert(peer_send(&f, &peer, request));
                reply = peer_receive(&f, &peer);
                ck_assert_ptr_nonnull(reply);
                ck_assert_uint_eq(strlen(reply),
                                  3000000 + strlen("{\"parameters\":{\"Data\":\"\"}}"));
        }
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* Whoever asks and never reads is not read from either, whatever it sends. */
START_TEST(test_deaf_asker) {
        static const VarlinkLimits limits = { .queued_bytes = 100000 };
        static const char request[] =
                        "{\"method\":\"org.example.test.Big\",\"parameters\":{\"Size\":10000}}";
        Peer deaf, bystander;
        uint64_t calls;
        Fixture f;

        fixture_init(&f, &limits);
        deaf = peer_new(&f);
        bystander = peer_new(&f);
        for (unsigned i = 0; i < 100000; i++) {
                if (send(deaf.fd, request, sizeof(request), MSG_NOSIGNAL) < 0) {
                        ck_assert_int_eq(errno, EAGAIN);
                        break;
                }
                fixture_settle(&f);
        }
        calls = fixture_counters(&f).calls;
        ck_assert_uint_lt(calls, 200);
        expect_echo(&f, &bystander);
        fixture_settle(&f);
        ck_assert_uint_eq(fixture_counters(&f).calls, calls + 1);
        ck_assert_uint_eq(fixture_counters(&f).limits[VARLINK_LIMIT_QUEUED_BYTES], 0);
        ck_assert_uint_eq(fixture_counters(&f).connections, 2);

        /* it hangs up: gone at once, though nothing is read from it */
        peer_close(&deaf);
        fixture_settle(&f);
        ck_assert_uint_eq(fixture_counters(&f).connections, 1);
        peer_close(&bystander);
        fixture_done(&f);
}
END_TEST

/* Many connections of one user, none of which reaches a limit of its own. */
START_TEST(test_bytes_per_uid) {
        static const VarlinkLimits limits = { .bytes_per_uid = 4000000 };
        static const char request[] =
                        "{\"method\":\"org.example.test.Big\",\"parameters\":{\"Size\":1000000}}";
        Peer peers[8];
        Fixture f;

        fixture_init(&f, &limits);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++) {
                peers[i] = peer_new(&f);
                ck_assert(peer_send(&f, &peers[i], request));
                fixture_settle(&f);
        }
        ck_assert_uint_eq(fixture_counters(&f).limits[VARLINK_LIMIT_BYTES_PER_UID], 5);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++) {
                _cleanup_(freep) char *reply = peer_receive(&f, &peers[i]);

                if (i < 3)
                        ck_assert_uint_gt(strlen(reply), 1000000);
                else
                        ck_assert_pstr_eq(reply, LIMIT("bytes-per-uid"));
        }

        /* read, and there is room again */
        fixture_settle(&f);
        expect_echo(&f, &peers[0]);
        ck_assert(peer_send(&f, &peers[1], request));
        free(peer_receive(&f, &peers[1]));
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peer_close(&peers[i]);
        fixture_done(&f);
}
END_TEST

/* Half a request and then nothing, from many. */
START_TEST(test_bytes_per_uid_unread) {
        static const VarlinkLimits limits = { .bytes_per_uid = 1000000 };
        _cleanup_(freep) char *text = long_request(100000);
        Peer peers[16];
        Fixture f;

        fixture_init(&f, &limits);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++) {
                peers[i] = peer_new(&f);
                (void) peer_send_bytes(&f, &peers[i], text, 100000);
                fixture_settle(&f);
        }
        ck_assert_uint_gt(fixture_counters(&f).limits[VARLINK_LIMIT_BYTES_PER_UID], 5);
        /* the first is not the one that reached it */
        ck_assert(peer_send_bytes(&f, &peers[0], "", 1));
        peer_expect(&f, &peers[0], OK);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peer_close(&peers[i]);
        fixture_done(&f);
}
END_TEST

/* What each sends before it falls silent, and whether that is too little. */
START_TEST(test_timeout) {
        static const struct {
                const char *data;
                size_t size;
                bool late;
        } rows[] = {
                { "", 0, true },
                { "{", 1, true },
                { ECHO, sizeof(ECHO), false },
                { ECHO "\0{", sizeof(ECHO) + 1, true },
                /* one who waits for an answer owes nothing */
                { LATER, sizeof(LATER), false },
        };
        static const VarlinkLimits limits = { .timeout_usec = 30 * USEC_PER_MSEC };
        Peer peer, bystander;
        Fixture f;

        fixture_init(&f, &limits);
        bystander = peer_new(&f);
        expect_echo(&f, &bystander);
        peer = peer_new(&f);
        ck_assert(peer_send_bytes(&f, &peer, rows[_i].data, rows[_i].size));
        fixture_settle(&f);
        if (rows[_i].late) {
                if (rows[_i].size == sizeof(ECHO) + 1)
                        peer_expect(&f, &peer, OK);
                peer_expect(&f, &peer, LIMIT("timeout"));
                peer_expect(&f, &peer, NULL);
        } else
                /* nobody owes anything: not one event comes in three times that long */
                ck_assert_int_eq(sd_event_run(f.event, 3 * limits.timeout_usec), 0);
        ck_assert_uint_eq(fixture_counters(&f).limits[VARLINK_LIMIT_TIMEOUT], rows[_i].late);
        expect_echo(&f, &bystander);
        peer_close(&peer);
        peer_close(&bystander);
        fixture_done(&f);
}
END_TEST

/* Whoever does not take even the last error is closed when the time is over. */
START_TEST(test_timeout_lingering) {
        static const VarlinkLimits limits = { .timeout_usec = 30 * USEC_PER_MSEC,
                                              .queued_bytes = 1000 };
        uint64_t connections = 1;
        Fixture f;
        Peer peer;

        fixture_init(&f, &limits);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, SUBSCRIBE));
        fixture_settle(&f);
        while (f.n_closed == 0) {
                fixture_publish(&f, "an event", true);
                fixture_settle(&f);
        }
        ck_assert_uint_eq(fixture_counters(&f).connections, 1);
        for (unsigned i = 0; i < 100 && connections > 0; i++) {
                fixture_run(&f, limits.timeout_usec);
                connections = fixture_counters(&f).connections;
        }
        ck_assert_uint_eq(connections, 0);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* One asks ten thousand things at once: another's question waits for a few of them, not for all. */
START_TEST(test_fairness) {
        _cleanup_(freep) char *stream = malloc(2000 * sizeof(ECHO));
        Peer busy, bystander;
        Fixture f;

        ck_assert_ptr_nonnull(stream);
        for (size_t i = 0; i < 2000; i++)
                memcpy(stream + i * sizeof(ECHO), ECHO, sizeof(ECHO));

        fixture_init(&f, NULL);
        busy = peer_new(&f);
        bystander = peer_new(&f);
        ck_assert_int_eq(send(busy.fd, stream, 2000 * sizeof(ECHO), 0), 2000 * sizeof(ECHO));
        for (unsigned i = 0; i < 3; i++) {
                uint64_t before = fixture_counters(&f).calls;

                expect_echo(&f, &bystander);
                ck_assert_uint_le(fixture_counters(&f).calls - before, 100);
        }
        for (unsigned i = 0; i < 2000; i++)
                peer_expect(&f, &busy, OK);
        peer_close(&busy);
        peer_close(&bystander);
        fixture_done(&f);
}
END_TEST

/* Likewise when all of it was received already, behind a call that took its time. */
START_TEST(test_fairness_held) {
        Peer busy, bystander;
        uint64_t before;
        Fixture f;

        fixture_init(&f, NULL);
        busy = peer_new(&f);
        bystander = peer_new(&f);
        ck_assert(peer_send(&f, &busy, LATER));
        for (unsigned i = 1; i < VARLINK_CALLS_MAX; i++)
                ck_assert(peer_send(&f, &busy, ECHO));
        fixture_settle(&f);
        before = fixture_counters(&f).calls;
        fixture_answer_later(&f);
        expect_echo(&f, &bystander);
        ck_assert_uint_le(fixture_counters(&f).calls - before, VARLINK_CALLS_MAX / 2);
        for (unsigned i = 0; i < VARLINK_CALLS_MAX; i++)
                peer_expect(&f, &busy, OK);
        peer_close(&busy);
        peer_close(&bystander);
        fixture_done(&f);
}
END_TEST

/* Peers that always have something slow to ask wait for each other, not the others for all of them. */
START_TEST(test_slow_askers) {
        unsigned before, n_behind = 0;
        Peer slow[10], quick;
        Fixture f;

        fixture_init(&f, NULL);
        quick = peer_new(&f);
        for (size_t i = 0; i < ELEMENTSOF(slow); i++) {
                slow[i] = peer_new(&f);
                for (unsigned k = 0; k < 200; k++)
                        ck_assert(peer_send(&f, &slow[i], SLOW));
        }
        /* until all of them are known to be slow */
        while (f.n_slow < 2 * ELEMENTSOF(slow))
                fixture_run(&f, 0);

        /* One of them in each turn of the loop, of which a question takes up to three; not so when this
         * program was held up for so long that they have rested. */
        before = f.n_slow;
        for (unsigned i = 0; i < 20; i++) {
                unsigned n = f.n_slow;

                expect_echo(&f, &quick);
                n_behind += f.n_slow - n <= 3;
        }
        ck_assert_uint_ge(n_behind, 10);
        /* and still they are served */
        ck_assert_uint_gt(f.n_slow, before);

        for (size_t i = 0; i < ELEMENTSOF(slow); i++)
                peer_close(&slow[i]);
        peer_close(&quick);
        fixture_done(&f);
}
END_TEST

START_TEST(test_many_subscribers) {
        enum {
                N = 1000
        };
        static Peer peers[N];
        Fixture f;

        fixture_init(&f, NULL);
        for (size_t i = 0; i < N; i++) {
                peers[i] = peer_new(&f);
                ck_assert(peer_send(&f, &peers[i], SUBSCRIBE));
        }
        fixture_settle(&f);
        ck_assert_uint_eq(f.n_subscribers, N);
        for (size_t i = 0; i < N; i += 10)
                peer_close(&peers[i]);
        fixture_publish(&f, "all", true);
        fixture_settle(&f);
        ck_assert_uint_eq(f.n_closed, N / 10);
        for (size_t i = 0; i < N; i++) {
                if (i % 10 == 0)
                        continue;
                peer_expect(&f, &peers[i],
                            "{\"parameters\":{\"Event\":\"all\"},\"continues\":true}");
                peer_close(&peers[i]);
        }
        fixture_settle(&f);
        ck_assert_uint_eq(f.n_closed, N);
        fixture_done(&f);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("varlink-limits");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, test_connections, 0, 2);
        tcase_add_test(tcase, test_connections_of_others);
        tcase_add_test(tcase, test_request_bytes);
        tcase_add_loop_test(tcase, test_calls, 0, 2);
        tcase_add_loop_test(tcase, test_slow_subscriber, 0, 4);
        tcase_add_test(tcase, test_long_reply);
        tcase_add_test(tcase, test_deaf_asker);
        tcase_add_test(tcase, test_bytes_per_uid);
        tcase_add_test(tcase, test_bytes_per_uid_unread);
        tcase_add_loop_test(tcase, test_timeout, 0, 5);
        tcase_add_test(tcase, test_timeout_lingering);
        tcase_add_test(tcase, test_fairness);
        tcase_add_test(tcase, test_fairness_held);
        tcase_add_test(tcase, test_slow_askers);
        tcase_add_test(tcase, test_many_subscribers);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
