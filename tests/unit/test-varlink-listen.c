/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The sockets that the Varlink transport listens on: made, replaced, refused and removed; passed in
 * from outside; and accepting when there is no descriptor left, or ten thousand peers.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "unit.h"
#include "varlink-peer.h"

#define ECHO "{\"method\":\"org.example.test.Echo\"}"
#define OK "{\"parameters\":{}}"
#define LIMIT_FILES \
        "{\"error\":\"org.example.test.LimitExceeded\",\"parameters\":{\"Limit\":\"open-files\"}}"

/* A directory for one test, with a path for a socket one level below. */
typedef struct Place {
        char base[32];
        char directory[48];
        char path[64];
        char lock[72];
} Place;

static Place place_new(void) {
        Place place = { .base = "/tmp/varlink-XXXXXX" };

        ck_assert_ptr_nonnull(mkdtemp(place.base));
        (void) snprintf(place.directory, sizeof(place.directory), "%s/run", place.base);
        (void) snprintf(place.path, sizeof(place.path), "%s/socket", place.directory);
        (void) snprintf(place.lock, sizeof(place.lock), "%s.lock", place.path);
        return place;
}

/* Nothing but what the test has made itself may be left, and that it has removed. */
static void place_done(const Place *place) {
        ck_assert_int_eq(rmdir(place->directory), 0);
        ck_assert_int_eq(rmdir(place->base), 0);
}

static unsigned mode_of(const char *path) {
        struct stat st;

        ck_assert_int_eq(lstat(path, &st), 0);
        return st.st_mode & 07777;
}

static ino_t inode_of(const char *path) {
        struct stat st;

        return lstat(path, &st) < 0 ? 0 : st.st_ino;
}

static void expect_echo(Fixture *f, Peer *peer) {
        ck_assert(peer_send(f, peer, ECHO));
        peer_expect(f, peer, OK);
}

/* Connects, and is served. */
static void expect_service(Fixture *f, const char *path) {
        Peer peer;

        ck_assert_int_eq(peer_connect(&peer, path), 0);
        expect_echo(f, &peer);
        peer_close(&peer);
        fixture_settle(f);
}

/* A socket on a path as another program would make it. */
static int bind_socket(const char *path, int type, bool listening) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        memcpy(address.sun_path, path, strlen(path) + 1);
        ck_assert_int_eq(bind(fd, (const struct sockaddr *) &address, sizeof(address)), 0);
        if (listening)
                ck_assert_int_eq(listen(fd, 0), 0);
        return fd;
}

START_TEST(test_listen_path) {
        Place place = place_new();
        mode_t mask = umask(0077);
        Fixture f;

        fixture_init(&f, NULL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), 0);
        (void) umask(mask);
        ck_assert_uint_eq(mode_of(place.directory), 0755);
        ck_assert_uint_eq(mode_of(place.path), 0666);
        ck_assert_uint_eq(mode_of(place.lock), 0600);
        ck_assert_uint_eq(fixture_counters(&f).listeners, 1);
        expect_service(&f, place.path);
        fixture_done(&f);
        ck_assert_int_eq(access(place.path, F_OK), -1);
        ck_assert_int_eq(access(place.lock, F_OK), -1);
        place_done(&place);
}
END_TEST

/* While the server is held, who connects waits; sockets that come later are held too. */
START_TEST(test_hold) {
        Place place = place_new();
        Fixture fixture;
        Peer peer;

        fixture_init(&fixture, NULL);
        varlink_server_hold(fixture.server, true);
        ck_assert_int_eq(varlink_server_listen_path(fixture.server, place.path), 0);

        ck_assert_int_eq(peer_connect(&peer, place.path), 0);
        ck_assert(peer_send(&fixture, &peer, ECHO));
        fixture_settle(&fixture);
        ck_assert_uint_eq(fixture_counters(&fixture).connections, 0);

        varlink_server_hold(fixture.server, false);
        peer_expect(&fixture, &peer, OK);

        /* those that are there go on, and their end does not let others in */
        varlink_server_hold(fixture.server, true);
        ck_assert(peer_send(&fixture, &peer, ECHO));
        peer_expect(&fixture, &peer, OK);
        peer_close(&peer);
        ck_assert_int_eq(peer_connect(&peer, place.path), 0);
        fixture_settle(&fixture);
        ck_assert_uint_eq(fixture_counters(&fixture).connections, 0);

        peer_close(&peer);
        fixture_done(&fixture);
        place_done(&place);
}
END_TEST

/* What is in the place already, and what becomes of it. */
START_TEST(test_in_place) {
        static const struct {
                const char *what;
                int type;
                bool listening;
                bool open; /* whoever made it still lives */
                int result;
        } rows[] = {
                { "stale socket", SOCK_STREAM, true, false, 0 },
                { "socket never listened on", SOCK_STREAM, false, true, 0 },
                { "live socket", SOCK_STREAM, true, true, -EADDRINUSE },
                { "live datagram socket", SOCK_DGRAM, false, true, -EADDRINUSE },
                { "stale datagram socket", SOCK_DGRAM, false, false, 0 },
                { "file", 0, false, false, -EEXIST },
        };
        Place place = place_new();
        ino_t before;
        Fixture f;
        int fd;

        ck_assert_int_eq(mkdir(place.directory, 0700), 0);
        if (rows[_i].type)
                fd = bind_socket(place.path, rows[_i].type, rows[_i].listening);
        else
                fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        if (!rows[_i].open)
                (void) close(TAKE_FD(fd));
        before = inode_of(place.path);

        fixture_init(&f, NULL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), rows[_i].result);
        if (rows[_i].result == 0)
                expect_service(&f, place.path);
        else
                ck_assert_uint_eq(inode_of(place.path), before);
        fixture_done(&f);

        /* a directory that was there keeps its mode; what is not ours stays, what is ours goes */
        ck_assert_uint_eq(mode_of(place.directory), 0700);
        ck_assert_int_eq(unlink(place.path), rows[_i].result == 0 ? -1 : 0);
        closep(&fd);
        place_done(&place);
}
END_TEST

/* A live one whose backlog is full refuses even to be asked. */
START_TEST(test_backlog_full) {
        Place place = place_new();
        Peer peers[4];
        size_t n = 0;
        Fixture f;
        int fd;

        ck_assert_int_eq(mkdir(place.directory, 0755), 0);
        fd = bind_socket(place.path, SOCK_STREAM, true);
        while (n < ELEMENTSOF(peers) && peer_connect(&peers[n], place.path) == 0)
                n++;
        ck_assert_uint_lt(n, ELEMENTSOF(peers));
        fixture_init(&f, NULL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), -EADDRINUSE);
        fixture_done(&f);
        while (n > 0)
                peer_close(&peers[--n]);
        closep(&fd);
        ck_assert_int_eq(unlink(place.path), 0);
        place_done(&place);
}
END_TEST

START_TEST(test_two_servers) {
        Place place = place_new();
        ino_t before;
        Fixture f, g;

        fixture_init(&f, NULL);
        fixture_init(&g, NULL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), 0);
        before = inode_of(place.path);
        ck_assert_int_eq(varlink_server_listen_path(g.server, place.path), -EADDRINUSE);
        /* even when somebody has removed the socket: the lock tells */
        ck_assert_int_eq(rename(place.path, place.base), -1);
        ck_assert_uint_eq(inode_of(place.path), before);
        ck_assert_int_eq(unlink(place.path), 0);
        ck_assert_int_eq(varlink_server_listen_path(g.server, place.path), -EADDRINUSE);

        /* the first goes, the second may come, and the first one's end does it no harm */
        fixture_done(&f);
        ck_assert_int_eq(varlink_server_listen_path(g.server, place.path), 0);
        expect_service(&g, place.path);
        fixture_done(&g);
        place_done(&place);
}
END_TEST

/* Another's socket has taken the place of ours: it stays when we go. */
START_TEST(test_replaced) {
        Place place = place_new();
        Fixture f;
        int fd;

        fixture_init(&f, NULL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), 0);
        ck_assert_int_eq(unlink(place.path), 0);
        fd = bind_socket(place.path, SOCK_STREAM, true);
        fixture_done(&f);
        ck_assert_uint_ne(inode_of(place.path), 0);
        closep(&fd);
        ck_assert_int_eq(unlink(place.path), 0);
        place_done(&place);
}
END_TEST

START_TEST(test_bad_path) {
        char path[256];
        Fixture f;

        fixture_init(&f, NULL);
        memset(path, 'x', sizeof(path) - 1);
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        ck_assert_int_eq(varlink_server_listen_path(f.server, path), -ENAMETOOLONG);
        ck_assert_int_eq(varlink_server_listen_path(f.server, "socket"), -EINVAL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, ""), -EINVAL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, "/nowhere/at/all"), -ENOENT);
        ck_assert_int_eq(varlink_server_listen_path(f.server, "/dev/null/socket"), -ENOTDIR);
        ck_assert_uint_eq(fixture_counters(&f).listeners, 0);
        fixture_done(&f);
}
END_TEST

START_TEST(test_listen_fd) {
        Place place = place_new();
        int fds[2], fd;
        Fixture f;

        ck_assert_int_eq(mkdir(place.directory, 0755), 0);
        fixture_init(&f, NULL);

        /* not a socket; connected; datagrams; not listening */
        ck_assert_int_eq(pipe(fds), 0);
        ck_assert_int_eq(varlink_server_listen_fd(f.server, fds[0]), -EINVAL);
        closep(&fds[0]);
        closep(&fds[1]);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        ck_assert_int_eq(varlink_server_listen_fd(f.server, fds[0]), -EINVAL);
        closep(&fds[0]);
        closep(&fds[1]);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd >= 0 && listen(fd, 1) >= 0)
                ck_assert_int_eq(varlink_server_listen_fd(f.server, fd), -EINVAL);
        closep(&fd);
        ck_assert_int_eq(varlink_server_listen_fd(f.server, -1), -EINVAL);

        /* blocking, as the service manager passes it */
        fd = bind_socket(place.path, SOCK_STREAM, true);
        ck_assert_int_eq(varlink_server_listen_fd(f.server, fd), 0);
        expect_service(&f, place.path);
        expect_service(&f, place.path);
        fixture_done(&f);
        /* the file is the service manager's */
        ck_assert_int_eq(unlink(place.path), 0);
        place_done(&place);
}
END_TEST

/* The number of the next descriptor, which is the limit that leaves none. */
static rlim_t next_descriptor(void) {
        int fd = dup(0);

        ck_assert_int_ge(fd, 0);
        (void) close(fd);
        return (rlim_t) fd;
}

static void set_descriptors(rlim_t n, rlim_t *ret_before) {
        struct rlimit limit;

        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        if (ret_before)
                *ret_before = limit.rlim_cur;
        limit.rlim_cur = n;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* No descriptor is left: peers are told and let go, and the loop comes to rest. */
START_TEST(test_no_descriptor) {
        Place place = place_new();
        Peer served, peers[20];
        rlim_t before;
        Fixture f;

        fixture_init(&f, NULL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), 0);
        ck_assert_int_eq(peer_connect(&served, place.path), 0);
        expect_echo(&f, &served);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                ck_assert_int_eq(peer_connect(&peers[i], place.path), 0);

        set_descriptors(next_descriptor(), &before);
        fixture_settle(&f);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++) {
                peer_expect(&f, &peers[i], LIMIT_FILES);
                peer_expect(&f, &peers[i], NULL);
                peer_close(&peers[i]);
        }
        expect_echo(&f, &served);
        ck_assert_uint_eq(fixture_counters(&f).refused, ELEMENTSOF(peers));
        ck_assert_uint_eq(fixture_counters(&f).limits[VARLINK_LIMIT_FILES], ELEMENTSOF(peers));

        set_descriptors(before, NULL);
        expect_service(&f, place.path);
        peer_close(&served);
        fixture_done(&f);
        place_done(&place);
}
END_TEST

/* Even the reserve is lost: accepting rests, and comes back by itself. */
START_TEST(test_no_reserve) {
        Place place = place_new();
        Peer served, waiting;
        rlim_t before;
        Fixture f;

        fixture_init(&f, NULL);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), 0);
        ck_assert_int_eq(peer_connect(&served, place.path), 0);
        expect_echo(&f, &served);
        ck_assert_int_eq(peer_connect(&waiting, place.path), 0);
        ck_assert(peer_send(&f, &waiting, ECHO));

        /* lower than any number in use: what is given up cannot be had again */
        set_descriptors(3, &before);
        fixture_settle(&f);
        ck_assert_uint_eq(fixture_counters(&f).accept_pauses, 1);
        /* it rests: the peer waits, and yet there is nothing to do */
        ck_assert_int_eq(sd_event_run(f.event, 0), 0);
        expect_echo(&f, &served);

        set_descriptors(before, NULL);
        if (_i == 0) {
                /* a connection closes */
                peer_close(&served);
                fixture_settle(&f);
                ck_assert_uint_eq(fixture_counters(&f).accepted, 2);
        }
        /* otherwise it is tried again after a while */
        peer_expect(&f, &waiting, OK);
        expect_service(&f, place.path);
        ck_assert_uint_eq(fixture_counters(&f).refused, 0);
        peer_close(&served);
        peer_close(&waiting);
        fixture_done(&f);
        place_done(&place);
}
END_TEST

/* As many peers as this process can play, up to ten thousand: they cost those before them nothing,
 * and all of them are served. */
START_TEST(test_ten_thousand) {
        enum {
                N_MAX = 10000,
                RESERVED = 64
        };
        static const VarlinkLimits limits = { .connections = N_MAX + 1,
                                              .connections_per_uid = N_MAX + 1 };
        static Peer peers[N_MAX];
        Place place = place_new();
        struct rlimit limit;
        Peer bystander;
        rlim_t before;
        Fixture f;
        size_t n;

        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        n = CONST_MIN((size_t) N_MAX, (size_t) (limit.rlim_max - RESERVED) / 2);
        set_descriptors((rlim_t) (2 * n + RESERVED), &before);

        fixture_init(&f, &limits);
        ck_assert_int_eq(varlink_server_listen_path(f.server, place.path), 0);
        ck_assert_int_eq(peer_connect(&bystander, place.path), 0);
        for (size_t i = 0; i < n; i++) {
                int r = peer_connect(&peers[i], place.path);

                /* the backlog is full */
                if (r == -EAGAIN) {
                        expect_echo(&f, &bystander);
                        r = peer_connect(&peers[i], place.path);
                }
                ck_assert_int_eq(r, 0);
                if (i % 1000 == 0)
                        expect_echo(&f, &bystander);
        }
        fixture_settle(&f);
        ck_assert_uint_eq(fixture_counters(&f).connections, n + 1);

        for (size_t i = 0; i < n; i++)
                ck_assert(peer_send(&f, &peers[i], ECHO));
        for (size_t i = 0; i < n; i++) {
                peer_expect(&f, &peers[i], OK);
                peer_close(&peers[i]);
        }
        fixture_settle(&f);
        ck_assert_uint_eq(fixture_counters(&f).connections, 1);
        peer_close(&bystander);
        fixture_done(&f);
        set_descriptors(before, NULL);
        place_done(&place);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("varlink-listen");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, test_listen_path);
        tcase_add_test(tcase, test_hold);
        tcase_add_loop_test(tcase, test_in_place, 0, 6);
        tcase_add_test(tcase, test_backlog_full);
        tcase_add_test(tcase, test_two_servers);
        tcase_add_test(tcase, test_replaced);
        tcase_add_test(tcase, test_bad_path);
        tcase_add_test(tcase, test_listen_fd);
        tcase_add_test(tcase, test_no_descriptor);
        tcase_add_loop_test(tcase, test_no_reserve, 0, 2);
        tcase_add_test(tcase, test_ten_thousand);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
