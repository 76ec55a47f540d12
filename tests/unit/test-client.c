/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The client without a daemon: its answers against the kernel's own (if_nametoindex(), getifaddrs()),
 * right after each change; its events; and the way from a daemon's table to an own reading and back.
 * In a network namespace of its own; skipped where that may not be made.
 */

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client-internal.h"
#include "ifroster.h"
#include "source-private.h"
#include "table-file.h"
#include "table-layout.h"
#include "unit.h"
#include "util.h"

#define SKIPPED 77
#define WAIT_USEC (5 * USEC_PER_SEC)

static void ip(const char *arguments) {
        char command[200];

        (void) snprintf(command, sizeof(command), "ip %s", arguments);
        ck_assert_msg(system(command) == 0, "%s", command);
}

static ifroster *open_own(void) {
        ifroster *h;

        ck_assert_int_eq(ifroster_new(NULL, IFROSTER_EMBEDDED_ONLY, &h), 0);
        ck_assert_int_eq(ifroster_is_shared(h), 0);
        return h;
}

/* Everything again as at the beginning. */
static void clean(void) {
        (void) !system("ip link del t0 2>/dev/null; ip link del t2 2>/dev/null");
}

START_TEST(flags_are_checked) {
        ifroster *h = NULL;

        ck_assert_int_eq(ifroster_new(NULL, IFROSTER_FROZEN, &h), -EINVAL);
        ck_assert_int_eq(ifroster_new(NULL, UINT64_C(1) << 40, &h), -EINVAL);
        ck_assert_int_eq(ifroster_new(NULL, IFROSTER_SHARED_ONLY | IFROSTER_EMBEDDED_ONLY, &h),
                         -EINVAL);
        ck_assert_int_eq(ifroster_new("/nowhere/table", IFROSTER_SHARED_ONLY, &h), -ENOTCONN);
        ck_assert_ptr_null(h);
        ck_assert_ptr_null(ifroster_free(NULL));
}
END_TEST

/* No waiting anywhere: an answer holds what the kernel acknowledged before the question. */
START_TEST(answers_are_fresh) {
        ifroster *h = open_own();
        char name[IFROSTER_NAME_SIZE];

        for (unsigned i = 0; i < 20; i++) {
                int index;

                ip("link add t0 type veth peer name t1");
                index = (int) if_nametoindex("t0");
                ck_assert_int_eq(ifroster_index(h, "t0"), index);
                ck_assert_int_eq(ifroster_index(h, "t1"), (int) if_nametoindex("t1"));
                ip("link set t0 name t2");
                ck_assert_int_eq(ifroster_index(h, "t0"), -ENODEV);
                ck_assert_int_eq(ifroster_name(h, index, name), 0);
                ck_assert_str_eq(name, "t2");
                ip("link del t2");
                ck_assert_int_eq(ifroster_name(h, index, name), -ENODEV);
        }
        (void) ifroster_free(h);
}
END_TEST

/* The kernel does not announce alternative names of a link that is down. */
START_TEST(alternative_names_of_links_that_are_down_are_asked_for) {
        ifroster *h = open_own();
        int index, matched = -1, family, zone;
        uint8_t bytes[16];

        ip("link add t0 type veth peer name t1");
        index = ifroster_index(h, "t0");
        ip("link property add dev t0 altname other");
        ck_assert_int_eq(ifroster_index(h, "other"), index);
        ip("link property add dev t0 altname third");
        ck_assert_int_eq(ifroster_zone(h, "third", &matched), index);
        ck_assert_int_eq(matched, IFROSTER_MATCHED_ALTERNATIVE_NAME);
        ip("link property add dev t0 altname 0fourth");
        ck_assert_int_eq(ifroster_parse(h, "fe80::1%0fourth", &family, bytes, &zone), 0);
        ck_assert_int_eq(zone, index);
        ip("link property add dev t0 altname fifth");
        ck_assert_int_eq(ifroster_sync(h, WAIT_USEC), 0);
        ck_assert_int_eq(ifroster_find_link(h, "fifth", NULL), index);
        clean();
        (void) ifroster_free(h);
}
END_TEST

/* A source that has lost what was announced, and may not read everything again yet. */
static int lose_everything(void *userdata, SocketRole role, int fd, void *buffer, size_t size,
                           Received *ret) {
        int r;

        do
                r = source_system_ops.receive(userdata, role, fd, buffer, size, ret);
        while (r >= 0 && (role == SOCKET_MONITOR || role == SOCKET_ROUTES));
        return r;
}

static void fall_behind(ifroster *h, uint64_t usec) {
        h->source->ops.receive = lose_everything;
        source_lose(h->source, RESYNC_OVERRUN);
        h->source->resync_not_before = source_now(h->source) + usec;
}

static void catch_up(ifroster *h) {
        h->source->ops.receive = source_system_ops.receive;
        h->source->resync_not_before = 0;
        ck_assert_int_eq(ifroster_sync(h, WAIT_USEC), 0);
}

/* Questions about the link t0, which has 192.0.2.1. Each returns its index or 0 when all is well. */
static int ask_name(const ifroster *h, int index) {
        return ifroster_index(h, "t0");
}

static int ask_zone(const ifroster *h, int index) {
        char number[16];

        (void) snprintf(number, sizeof(number), "%d", index);
        return ifroster_zone(h, number, NULL);
}

static int ask_own(const ifroster *h, int index) {
        return ifroster_find_link(h, "192.0.2.1", NULL);
}

static int ask_index(const ifroster *h, int index) {
        char name[IFROSTER_NAME_SIZE];

        return ifroster_name(h, index, name);
}

static int ask_row(const ifroster *h, int index) {
        ifroster_row *row;
        int r;

        ck_assert_int_eq(ifroster_row_new(&row), 0);
        r = ifroster_get_link(h, index, row);
        (void) ifroster_row_free(row);
        return r;
}

static int ask_parse(const ifroster *h, int index) {
        uint8_t bytes[16];
        int family, zone;

        return ifroster_parse(h, "fe80::1%t0", &family, bytes, &zone);
}

static int ask_format(const ifroster *h, int index) {
        const uint8_t bytes[16] = { 0xfe, 0x80, [15] = 1 };
        char text[IFROSTER_ADDRESS_SIZE];

        return ifroster_format(h, AF_INET6, bytes, index, text, sizeof(text));
}

static int ask_lookup(const ifroster *h, int index) {
        const uint8_t bytes[4] = { 192, 0, 2, 1 };
        int type, links[1] = { 0 }, r;

        r = ifroster_lookup(h, AF_INET, bytes, 0, &type, links, 1);
        return r < 0 ? r : r == 1 ? links[0] : -ENODEV;
}

static int drop(int r, char *json) {
        if (r >= 0)
                free(json);
        return r;
}

static int ask_lookup_json(const ifroster *h, int index) {
        char *json;
        int r;

        r = ifroster_lookup_json(h, "192.0.2.1", &json);
        if (r >= 0 && !strstr(json, "unicast"))
                r = -ENODEV;
        else if (r < 0)
                return r;
        free(json);
        return r;
}

static int ask_link_json(const ifroster *h, int index) {
        char *json = NULL;
        int r;

        r = ifroster_link_json(h, index, 0, &json);
        return drop(r, json);
}

static int ask_list_json(const ifroster *h, int index) {
        char *json = NULL;
        int r;

        r = ifroster_list_json(h, IFROSTER_ADDRESS, index, 0, 0, &json);
        return drop(r, json);
}

static int ask_local_json(const ifroster *h, int index) {
        char *json = NULL;
        int r;

        r = ifroster_local_json(h, 0, index, &json);
        return drop(r, json);
}

static int ask_status(const ifroster *h, int index) {
        char *json = NULL;
        int r;

        r = ifroster_plan9_text(h, IFROSTER_PLAN9_STATUS, index, &json);
        return drop(r, json);
}

/* A snapshot is as good as what it is of. */
static int ask_snapshot(const ifroster *h, int index) {
        ifroster *frozen;
        int r, q;

        ck_assert_int_eq(ifroster_snapshot(h, &frozen), 0);
        r = ask_name(frozen, index);
        q = ask_lookup(frozen, index);
        if (r >= 0 || r == -EAGAIN)
                r = q;
        q = ask_index(frozen, index);
        if (r >= 0 || r == -EAGAIN)
                r = q;
        (void) ifroster_free(frozen);
        return r;
}

static const struct {
        const char *what;
        int (*ask)(const ifroster *h, int index);
} questions[] = {
        { "name", ask_name },
        { "zone", ask_zone },
        { "own address", ask_own },
        { "index", ask_index },
        { "row", ask_row },
        { "parse", ask_parse },
        { "format", ask_format },
        { "lookup", ask_lookup },
        { "lookup as JSON", ask_lookup_json },
        { "link as JSON", ask_link_json },
        { "list as JSON", ask_list_json },
        { "local table as JSON", ask_local_json },
        { "status", ask_status },
        { "snapshot", ask_snapshot },
};

static void make_t0(void) {
        ip("link add t0 type veth peer name t1");
        ip("link set t0 up");
        ip("addr add 192.0.2.1/24 dev t0");
}

/* What the table does not have is asked for, or it cannot be told. */
START_TEST(who_is_behind_does_not_deny) {
        ifroster *h = open_own();
        int index, r;

        fall_behind(h, 60 * USEC_PER_SEC);
        make_t0();
        index = (int) if_nametoindex("t0");
        r = questions[_i].ask(h, index);
        ck_assert_msg(r == 0 || r == index || r == -EAGAIN, "%s: %d", questions[_i].what, r);
        ck_assert(source_is_behind(h->source));
        catch_up(h);
        r = questions[_i].ask(h, index);
        ck_assert_msg(r == 0 || r == index, "%s: %d", questions[_i].what, r);
        clean();
        (void) ifroster_free(h);
}
END_TEST

/* What the kernel does not have is not there. */
START_TEST(who_is_behind_asks_the_kernel) {
        ifroster *h = open_own();
        char name[IFROSTER_NAME_SIZE];
        uint8_t bytes[16];
        int family, zone;
        ifroster_row *row;

        ck_assert_int_eq(ifroster_row_new(&row), 0);
        fall_behind(h, 60 * USEC_PER_SEC);
        make_t0();
        ck_assert_int_eq(ifroster_index(h, "nothing"), -ENODEV);
        ck_assert_int_eq(ifroster_zone(h, "nothing", NULL), -ENODEV);
        ck_assert_int_eq(ifroster_zone(h, "123456", NULL), -ENODEV);
        ck_assert_int_eq(ifroster_name(h, 123456, name), -ENODEV);
        ck_assert_int_eq(ifroster_get_link(h, 123456, row), -ENODEV);
        ck_assert_int_eq(ifroster_parse(h, "fe80::1%nothing", &family, bytes, &zone), -ENODEV);
        ck_assert_int_eq(ifroster_zone(h, "01", NULL), -EILSEQ);
        ck_assert(source_is_behind(h->source));
        clean();
        (void) ifroster_row_free(row);
        (void) ifroster_free(h);
}
END_TEST

/* The resync is near: then it is waited for. */
START_TEST(a_short_wait_is_no_refusal) {
        const uint8_t bytes[4] = { 192, 0, 2, 1 };
        ifroster *h = open_own();
        int type, links[1];

        for (unsigned i = 0; i < 5; i++) {
                ck_assert_int_eq(ifroster_sync(h, WAIT_USEC), 0);
                fall_behind(h, 20 * USEC_PER_MSEC);
                make_t0();
                h->source->resync_not_before = source_now(h->source) + 20 * USEC_PER_MSEC;
                ck_assert_int_eq(ifroster_lookup(h, AF_INET, bytes, 0, &type, links, 1), 1);
                ck_assert_int_eq(links[0], (int) if_nametoindex("t0"));
                catch_up(h);
                clean();
        }
        (void) ifroster_free(h);
}
END_TEST

START_TEST(arguments_are_checked) {
        ifroster *h = open_own();
        char name[IFROSTER_NAME_SIZE] = "kept", text[IFROSTER_ADDRESS_SIZE], long_name[200];
        uint8_t bytes[16] = { 0xfe, 0x80 };
        int family, zone, type, links[1];
        ifroster_walk *w;
        ifroster_row *row;
        char *json;

        memset(long_name, 'a', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = 0;
        ck_assert_int_eq(ifroster_index(h, ""), -EINVAL);
        ck_assert_int_eq(ifroster_index(h, long_name), -EINVAL);
        ck_assert_int_eq(ifroster_name(h, 0, name), -ERANGE);
        ck_assert_int_eq(ifroster_name(h, -5, name), -ERANGE);
        ck_assert_int_eq(ifroster_name(h, 1 << 30, name), -ENODEV);
        ck_assert_str_eq(name, "kept");
        ck_assert_int_eq(ifroster_zone(h, "0", NULL), 0);
        ck_assert_int_eq(ifroster_zone(h, "01", NULL), -EILSEQ);
        ck_assert_int_eq(ifroster_zone(h, "1", NULL), 1);
        ck_assert_int_eq(ifroster_zone(h, "nothing", NULL), -ENODEV);
        ck_assert_int_eq(ifroster_parse(h, "nonsense", &family, bytes, &zone), -EBADMSG);
        ck_assert_int_eq(ifroster_parse(h, "192.0.2.1%lo", &family, bytes, &zone), -EOPNOTSUPP);
        ck_assert_int_eq(ifroster_parse(h, "fe80::1%nothing", &family, bytes, &zone), -ENODEV);
        ck_assert_int_eq(ifroster_parse(h, "fe80::1%lo", &family, bytes, &zone), 0);
        ck_assert_int_eq(family, AF_INET6);
        ck_assert_int_eq(zone, 1);
        ck_assert_int_eq(ifroster_format(h, AF_INET6, bytes, 1, text, sizeof(text)), 0);
        ck_assert_str_eq(text, "fe80::1%lo");
        ck_assert_int_eq(ifroster_format(h, AF_INET6, bytes, 1, text, 10), -ENOSPC);
        ck_assert_int_eq(ifroster_format(h, AF_INET6, bytes, 12345, text, sizeof(text)), -ENODEV);
        ck_assert_int_eq(ifroster_format(h, AF_UNIX, bytes, 0, text, sizeof(text)), -EBADMSG);
        ck_assert_int_eq(ifroster_lookup(h, AF_UNIX, bytes, 0, &type, links, 1), -EBADMSG);
        ck_assert_int_eq(ifroster_walk_new(h, 5, 0, 0, &w), -EINVAL);
        ck_assert_int_eq(ifroster_walk_new(h, 0, -1, 0, &w), -ERANGE);
        ck_assert_int_eq(ifroster_walk_new(h, 1, 0, AF_UNIX, &w), -EBADMSG);
        ck_assert_int_eq(ifroster_link_json(h, 12345, 0, &json), -ENODEV);
        ck_assert_int_eq(ifroster_list_json(h, IFROSTER_ADDRESS, 12345, 0, 0, &json), -ENODEV);
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_row_kind(row), -1);
        ck_assert_int_eq(ifroster_get_link(h, 12345, row), -ENODEV);
        ck_assert_int_eq(ifroster_row_kind(row), -1);
        ck_assert_int_eq(ifroster_row_json(row, &json), -ENODATA);
        (void) ifroster_row_free(row);
        (void) ifroster_free(h);
}
END_TEST

/* Rows ------------------------------------------------------------------------------------- */

static bool has_address(const ifroster *h, const struct ifaddrs *a, ifroster_row *row) {
        const struct sockaddr_in *v4 = (const void *) a->ifa_addr;
        const struct sockaddr_in6 *v6 = (const void *) a->ifa_addr;
        int family = a->ifa_addr->sa_family;
        const void *wanted = family == AF_INET ? (const void *) &v4->sin_addr
                                               : (const void *) &v6->sin6_addr;
        ifroster_walk *w;
        bool found = false;

        ck_assert_int_eq(ifroster_walk_new(h, IFROSTER_ADDRESS, (int) if_nametoindex(a->ifa_name),
                                           family, &w),
                         0);
        while (ifroster_walk_next(w, row) > 0) {
                const uint8_t *bytes;

                ck_assert_int_eq(ifroster_row_address(row, &bytes), family);
                if (memcmp(bytes, wanted, family == AF_INET ? 4 : 16) == 0)
                        found = true;
                ck_assert_str_eq(ifroster_row_name(row), a->ifa_name);
        }
        (void) ifroster_walk_free(w);
        return found;
}

static size_t count_rows(const ifroster *h, int kind, ifroster_row *row) {
        ifroster_walk *w;
        size_t n = 0;

        ck_assert_int_eq(ifroster_walk_new(h, kind, 0, 0, &w), 0);
        while (ifroster_walk_next(w, row) > 0)
                n++;
        (void) ifroster_walk_free(w);
        return n;
}

START_TEST(rows_are_those_of_getifaddrs) {
        ifroster *h = open_own();
        size_t n_links = 0, n_addresses = 0;
        struct ifaddrs *all;
        ifroster_row *row;

        ip("link add t0 type veth peer name t1");
        ip("link set t0 up");
        ip("link set t1 up");
        ip("addr add 192.0.2.1/24 dev t0");
        ip("addr add 192.0.2.9 peer 198.51.100.1/32 dev t1");
        ip("addr add 2001:db8::1/64 dev t0 nodad");
        /* Acknowledged by the kernel before it is announced. */
        ck_assert_int_eq(ifroster_sync(h, WAIT_USEC), 0);
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(getifaddrs(&all), 0);
        for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
                const struct sockaddr_ll *ll = (const void *) a->ifa_addr;
                const uint8_t *bytes;

                if (a->ifa_addr->sa_family != AF_PACKET) {
                        n_addresses++;
                        ck_assert(has_address(h, a, row));
                        continue;
                }
                n_links++;
                ck_assert_int_eq(ifroster_get_link(h, ll->sll_ifindex, row), 0);
                ck_assert_str_eq(ifroster_row_name(row), a->ifa_name);
                ck_assert_uint_eq(ifroster_row_flags(row), a->ifa_flags);
                if (ifroster_row_hardware_address(row, &bytes) > 0)
                        ck_assert_mem_eq(bytes, ll->sll_addr, ll->sll_halen);
        }
        ck_assert_uint_eq(count_rows(h, IFROSTER_LINK, row), n_links);
        ck_assert_uint_eq(count_rows(h, IFROSTER_ADDRESS, row), n_addresses);
        freeifaddrs(all);
        clean();
        (void) ifroster_row_free(row);
        (void) ifroster_free(h);
}
END_TEST

START_TEST(fields_by_name) {
        ifroster *h = open_own();
        const char *text, *again, *name;
        const void *bytes;
        ifroster_row *row;
        uint64_t u;
        int64_t i;
        size_t n;

        ip("link add t0 type veth peer name t1");
        ip("link set t0 mtu 1400 alias hello");
        ip("link property add dev t0 altname second");
        ck_assert_int_eq(ifroster_sync(h, WAIT_USEC), 0);
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_get_link(h, (int) if_nametoindex("t0"), row), 0);
        ck_assert_uint_eq(ifroster_row_mtu(row), 1400);
        ck_assert_int_eq(ifroster_row_get_uint(row, "MTU", &u), 0);
        ck_assert_uint_eq(u, 1400);
        ck_assert_int_eq(ifroster_row_get_int(row, "Index", &i), 0);
        ck_assert_int_eq(i, (int64_t) if_nametoindex("t0"));
        ck_assert_int_eq(ifroster_row_get_text(row, "Alias", &text), 0);
        ck_assert_str_eq(text, "hello");
        ck_assert_int_eq(ifroster_row_get_text(row, "Name", &name), 0);
        ck_assert_int_eq(ifroster_row_get_text(row, "Alias", &again), 0);
        ck_assert_ptr_eq(again, text);
        ck_assert_str_eq(name, "t0");
        ck_assert_int_eq(ifroster_row_get_bytes(row, "HardwareAddress", &bytes, &n), 0);
        ck_assert_uint_eq(n, 6);
        ck_assert_int_eq(ifroster_row_get_altname(row, 0, &text), 0);
        ck_assert_str_eq(text, "second");
        ck_assert_int_eq(ifroster_row_get_altname(row, 1, &text), -ENODATA);
        ck_assert_int_eq(ifroster_row_get_uint(row, "NoSuchField", &u), -ENOENT);
        ck_assert_int_eq(ifroster_row_get_uint(row, "Name", &u), -EINVAL);
        ck_assert_int_eq(ifroster_row_get_int(row, "MasterInterfaceIndex", &i), -ENODATA);
        /* What was handed out ends when the row is filled again. */
        ck_assert_int_eq(ifroster_get_link(h, 1, row), 0);
        ck_assert_int_eq(ifroster_row_get_text(row, "Name", &name), 0);
        ck_assert_str_eq(name, "lo");
        ck_assert_int_eq(ifroster_row_get_text(row, "Alias", &text), -ENODATA);
        clean();
        (void) ifroster_row_free(row);
        (void) ifroster_free(h);
}
END_TEST

/* Events ----------------------------------------------------------------------------------- */

/* Pulls until there is an event of this type for a link of this name. */
static void await_event(ifroster *h, int type, const char *name) {
        struct pollfd p = { .fd = ifroster_get_fd(h), .events = POLLIN };

        for (;;) {
                const ifroster_event *e;

                ck_assert_int_ge(ifroster_dispatch(h), 0);
                while ((e = ifroster_next_event(h)))
                        if (ifroster_event_type(e) == type && ifroster_event_row(e) &&
                            ifroster_row_kind(ifroster_event_row(e)) == IFROSTER_LINK &&
                            strcmp(ifroster_row_name(ifroster_event_row(e)), name) == 0)
                                return;
                ck_assert_msg(poll(&p, 1, 5000) > 0, "no event %d for %s", type, name);
        }
}

START_TEST(events_come_by_the_descriptor) {
        ifroster *h = open_own();

        await_event(h, IFROSTER_EVENT_EXISTING, "lo");
        ip("link add t0 type veth peer name t1");
        await_event(h, IFROSTER_EVENT_ADDED, "t0");
        ip("link set t0 mtu 1300");
        await_event(h, IFROSTER_EVENT_CHANGED, "t0");
        ip("link del t0");
        await_event(h, IFROSTER_EVENT_REMOVED, "t0");
        (void) ifroster_free(h);
}
END_TEST

static void *change_later(void *userdata) {
        const struct timespec some_time = { .tv_nsec = 20 * 1000 * 1000 };

        (void) nanosleep(&some_time, NULL);
        ip("link add t0 type veth peer name t1");
        return NULL;
}

START_TEST(wait_ends_with_a_change) {
        ifroster *h = open_own();
        uint64_t generation = ifroster_generation(h);
        pthread_t thread;

        ck_assert_int_eq(ifroster_wait(h, generation, 1000), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, change_later, NULL), 0);
        ck_assert_int_eq(ifroster_wait(h, generation, WAIT_USEC), 1);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        clean();
        (void) ifroster_free(h);
}
END_TEST

/* Between a daemon and none ---------------------------------------------------------------- */

static void await_index(const ifroster *h, const char *name, int wanted) {
        struct timespec begin, now;
        int r;

        (void) clock_gettime(CLOCK_MONOTONIC, &begin);
        while ((r = ifroster_index(h, name)) != wanted) {
                (void) clock_gettime(CLOCK_MONOTONIC, &now);
                ck_assert_msg(now.tv_sec - begin.tv_sec < 3, "%s is %d, not %d", name, r, wanted);
        }
}

static void start_with(TableFile *f, const char *name, uint64_t netns) {
        LinkRecord l = { .ifindex = 77, .parent_nsid = -1, .incarnation = 1 };

        (void) strcpy(l.name, name);
        table_file_start(f);
        table_file_header(f)->netns_inode = netns;
        table_file_begin(f);
        ck_assert_int_eq(table_set(f->table, OBJECT_LINK, &l), 0);
        table_file_end(f);
}

static uint64_t own_netns(void) {
        struct stat st;

        ck_assert_int_eq(stat("/proc/thread-self/ns/net", &st), 0);
        return st.st_ino;
}

START_TEST(from_the_daemon_to_an_own_reading_and_back) {
        struct pollfd p = { .events = POLLIN };
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        start_with(&f, "daemons", own_netns());
        ck_assert_int_eq(ifroster_new(f.path, 0, &h), 0);
        p.fd = ifroster_get_fd(h);
        ck_assert_int_eq(ifroster_is_shared(h), 1);
        ck_assert_int_eq(ifroster_index(h, "daemons"), 77);
        ck_assert_int_eq(ifroster_index(h, "lo"), -ENODEV);
        await_event(h, IFROSTER_EVENT_EXISTING, "daemons");
        table_file_stop(&f);
        await_event(h, IFROSTER_EVENT_ADDED, "lo");
        await_index(h, "lo", 1);
        ck_assert_int_eq(ifroster_index(h, "daemons"), -ENODEV);
        ck_assert_int_eq(ifroster_is_shared(h), 0);
        start_with(&f, "again", own_netns());
        await_event(h, IFROSTER_EVENT_ADDED, "again");
        /* It does not listen to the kernel any more, or the descriptor would be readable for ever. */
        while (poll(&p, 1, 50) > 0)
                while (ifroster_dispatch(h) > 0)
                        (void) ifroster_next_event(h);
        ip("link add t0 type veth peer name t1");
        ck_assert_int_eq(poll(&p, 1, 100), 0);
        clean();
        await_index(h, "again", 77);
        ck_assert_int_eq(ifroster_is_shared(h), 1);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

/* The table of another namespace is not what this process can reach. */
START_TEST(a_foreign_namespace_is_not_described) {
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        start_with(&f, "foreign", own_netns() + 1);
        ck_assert_int_eq(ifroster_new(f.path, 0, &h), 0);
        ck_assert_int_eq(ifroster_is_shared(h), 0);
        ck_assert_int_eq(ifroster_index(h, "lo"), 1);
        (void) ifroster_free(h);
        ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &h), 0);
        ck_assert_int_eq(ifroster_index(h, "foreign"), 77);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

/* Texts ------------------------------------------------------------------------------------ */

START_TEST(escape_is_like_snprintf) {
        char text[2000], input[600], small[8];
        size_t n;

        ck_assert_uint_eq(ifroster_escape("a\nb", 3, text, sizeof(text)), 6);
        ck_assert_str_eq(text, "a\\x0ab");
        ck_assert_uint_eq(ifroster_escape("a\nb", 3, small, 3), 6);
        ck_assert_str_eq(small, "a");
        ck_assert_uint_eq(ifroster_escape("abc", 3, NULL, 0), 3);
        /* A character on every border of an inner piece */
        for (size_t shift = 0; shift < 4; shift++) {
                memset(input, 'x', sizeof(input));
                for (size_t i = shift; i + 4 <= sizeof(input); i += 4)
                        memcpy(input + i, "\xf0\x9f\x98\x80", 4);
                n = ifroster_escape(input, sizeof(input), text, sizeof(text));
                ck_assert_uint_eq(n, sizeof(input));
                ck_assert_mem_eq(text, input, sizeof(input));
        }
        /* Continuation bytes that begin nowhere */
        memset(input, 0x80, sizeof(input));
        n = ifroster_escape(input, 400, text, sizeof(text));
        ck_assert_uint_eq(n, 1600);
        ck_assert_uint_eq(strlen(text), 1600);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client");
        TCase *t = tcase_create("client");

        tcase_add_test(t, flags_are_checked);
        tcase_add_test(t, answers_are_fresh);
        tcase_add_test(t, alternative_names_of_links_that_are_down_are_asked_for);
        tcase_add_loop_test(t, who_is_behind_does_not_deny, 0, ELEMENTSOF(questions));
        tcase_add_test(t, who_is_behind_asks_the_kernel);
        tcase_add_test(t, a_short_wait_is_no_refusal);
        tcase_add_test(t, arguments_are_checked);
        tcase_add_test(t, rows_are_those_of_getifaddrs);
        tcase_add_test(t, fields_by_name);
        tcase_add_test(t, events_come_by_the_descriptor);
        tcase_add_test(t, wait_ends_with_a_change);
        tcase_add_test(t, from_the_daemon_to_an_own_reading_and_back);
        tcase_add_test(t, a_foreign_namespace_is_not_described);
        tcase_add_test(t, escape_is_like_snprintf);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
                printf("1..0 # SKIP cannot make a network namespace: %s\n", strerror(errno));
                return SKIPPED;
        }
        if (system("ip link set lo up") != 0) {
                printf("1..0 # SKIP ip (iproute2) is not there, or may not change the namespace\n");
                return SKIPPED;
        }
        return unit_run(suite());
}
