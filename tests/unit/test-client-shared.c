/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The client on a table that somebody else writes: its answers against those of a private table with
 * the same rows, also while that grows, and what it does when the writer stops, dies or comes back. The
 * handles may not read netlink, so every answer is from the file or an error.
 */

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address.h"
#include "ifroster.h"
#include "lookup.h"
#include "shared-fixture.h"
#include "table-file.h"
#include "table-random.h"
#include "unit.h"
#include "util.h"

/* Answers ---------------------------------------------------------------------------------- */

static void compare_names(Random *x, const ifroster *h, const TableView *v) {
        char name[LINK_ALTNAME_MAX + 1], got[IFROSTER_NAME_SIZE];
        int32_t ifindex = random_ifindex(x);
        int r, matched = -1;
        NameMatch match;
        LinkRecord link;

        random_name(x, name, sizeof(name));
        r = table_get_link_by_name(v, name, strlen(name), &link, &match) ? link.ifindex : -ENODEV;
        ck_assert_int_eq(ifroster_index(h, name), r);
        ck_assert_int_eq(ifroster_zone(h, name, &matched), r);
        if (r > 0)
                ck_assert_int_eq(matched, (int) match);
        r = table_get_link(v, ifindex, &link) ? 0 : -ENODEV;
        ck_assert_int_eq(ifroster_name(h, ifindex, got), r);
        if (r == 0)
                ck_assert_str_eq(got, link.name);
}

static void compare_addresses(Random *x, const ifroster *h, const TableView *v) {
        IpAddress a = random_ip(x, random_family(x));
        int32_t zone = random_next(x, 2) ? random_ifindex(x) : 0;
        AddressAnswer answer;
        int type = -1, links[64];

        ck_assert_int_eq(lookup_address(v, &a, zone, &answer), 0);
        ck_assert_int_eq(ifroster_lookup(h, a.family, a.bytes, zone, &type, links, 64),
                         (int) answer.n);
        ck_assert_int_eq(type, answer.type == ADDRESS_TYPE_NONE ? 0 : (int) answer.type + 1);
        for (size_t i = 0; i < answer.n && i < 64; i++)
                ck_assert_int_eq(links[i], answer.ifindexes[i]);
        address_answer_done(&answer);
}

static void compare_walk(const ifroster *h, const TableView *v, ObjectType type) {
        ifroster_walk *w;
        ifroster_row *row;
        uint32_t n = 0;
        int r;

        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_walk_new(h, (int) type, 0, 0, &w), 0);
        while ((r = ifroster_walk_next(w, row)) > 0) {
                LinkRecord link;

                n++;
                ck_assert_int_eq(ifroster_row_kind(row), (int) type);
                if (table_get_link(v, ifroster_row_ifindex(row), &link)) {
                        ck_assert_str_eq(ifroster_row_name(row), link.name);
                        ck_assert_uint_eq(ifroster_row_incarnation(row), link.incarnation);
                } else
                        ck_assert_str_eq(ifroster_row_name(row), "");
        }
        ck_assert_int_eq(r, 0);
        ck_assert_uint_eq(n, table_count(v, type));
        (void) ifroster_walk_free(w);
        (void) ifroster_row_free(row);
}

START_TEST(answers_are_those_of_the_table) {
        Random x = { .state = 42, .n_links = 40, .n_ips = 200, .n_names = 60 };
        TableFile f;
        ifroster *h;
        Table *own;

        table_file_init(&f);
        table_file_start(&f);
        ck_assert_int_eq(table_new(NULL, &own), 0);
        h = shared_open(&f);
        for (unsigned round = 0; round < 60; round++) {
                TableView v;

                table_file_begin(&f);
                table_begin(own);
                for (unsigned i = 0; i < 40; i++)
                        shared_set_random(&x, f.table, own);
                table_file_end(&f);
                table_end(own, f.generation);
                v = table_view(own);
                ck_assert_uint_eq(ifroster_generation(h), f.generation);
                for (unsigned i = 0; i < 50; i++) {
                        compare_names(&x, h, &v);
                        compare_addresses(&x, h, &v);
                }
                for (ObjectType type = 0; type < _OBJECT_TYPE_MAX; type++)
                        compare_walk(h, &v, type);
        }
        /* It grew several times under the handle. */
        ck_assert_uint_ge(f.n_published, 4);
        (void) ifroster_free(h);
        (void) table_free(own);
        table_file_done(&f);
}
END_TEST

START_TEST(walk_says_that_the_table_changed) {
        ifroster_walk *w;
        ifroster_row *row;
        TableFile f;
        ifroster *h, *frozen;

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        table_file_begin(&f);
        shared_set_link(f.table, 2, "two", 2);
        table_file_end(&f);
        h = shared_open(&f);
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_walk_new(h, IFROSTER_LINK, 0, 0, &w), 0);
        ck_assert_int_eq(ifroster_walk_next(w, row), 1);
        ck_assert_int_eq(ifroster_snapshot(h, &frozen), 0);
        table_file_begin(&f);
        shared_set_link(f.table, 1, "uno", 1);
        table_file_end(&f);
        ck_assert_int_eq(ifroster_walk_next(w, row), -ESTALE);
        ifroster_walk_rewind(w);
        ck_assert_int_eq(ifroster_walk_next(w, row), 1);
        ck_assert_int_eq(ifroster_walk_next(w, row), 1);
        ck_assert_int_eq(ifroster_walk_next(w, row), 0);
        (void) ifroster_walk_free(w);

        /* The snapshot stays what it was. */
        ck_assert_int_eq(ifroster_index(h, "uno"), 1);
        ck_assert_int_eq(ifroster_index(frozen, "uno"), -ENODEV);
        ck_assert_int_eq(ifroster_index(frozen, "one"), 1);
        ck_assert_int_eq(ifroster_dispatch(frozen), -EINVAL);
        ck_assert_int_eq(ifroster_wait(frozen, 0, 0), -EINVAL);
        ck_assert_int_eq(ifroster_get_fd(frozen), -EINVAL);
        (void) ifroster_free(frozen);
        (void) ifroster_row_free(row);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

/* The writer's fate ------------------------------------------------------------------------ */

START_TEST(a_dead_writer_is_noticed_and_its_successor_found) {
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        shared_start_with_link(&f, "first");
        h = shared_open(&f);
        for (unsigned i = 0; i < 5; i++) {
                table_file_stop(&f);
                shared_await_index(h, "first", -ENOTCONN, NOTICE_USEC + SLACK_USEC);
                ck_assert_int_eq(ifroster_is_shared(h), 0);
                shared_start_with_link(&f, "first");
                shared_await_index(h, "first", 1, NOTICE_USEC + SLACK_USEC);
        }
        /* Dead, and at once alive as another one, with other rows */
        table_file_stop(&f);
        shared_start_with_link(&f, "second");
        shared_await_index(h, "second", 1, NOTICE_USEC + SLACK_USEC);
        ck_assert_int_eq(ifroster_index(h, "first"), -ENODEV);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

START_TEST(a_writer_that_stops_in_a_batch_is_given_up) {
        uint64_t begin;
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        h = shared_open(&f);
        table_file_begin(&f);
        shared_set_link(f.table, 1, "two", 1);
        begin = shared_now();
        ck_assert_int_eq(ifroster_index(h, "one"), -ENOTCONN);
        ck_assert_uint_lt(shared_now() - begin, NOTICE_USEC + SLACK_USEC);
        /* That it is still stopped costs next to nothing. */
        begin = shared_now();
        for (unsigned i = 0; i < 100; i++)
                ck_assert_int_eq(ifroster_index(h, "two"), -ENOTCONN);
        ck_assert_uint_lt(shared_now() - begin, SLACK_USEC);
        table_file_end(&f);
        shared_await_index(h, "two", 1, NOTICE_USEC + SLACK_USEC);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

static void *end_batch_later(void *userdata) {
        const struct timespec some_time = { .tv_nsec = 5 * 1000 * 1000 };

        (void) nanosleep(&some_time, NULL);
        table_file_end(userdata);
        return NULL;
}

START_TEST(a_reader_waits_for_a_batch_that_is_being_written) {
        pthread_t thread;
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        h = shared_open(&f);
        table_file_begin(&f);
        shared_set_link(f.table, 1, "two", 1);
        ck_assert_int_eq(pthread_create(&thread, NULL, end_batch_later, &f), 0);
        ck_assert_int_eq(ifroster_index(h, "two"), 1);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

START_TEST(wait_ends_with_a_change_and_with_time) {
        uint64_t begin, generation;
        pthread_t thread;
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        h = shared_open(&f);
        generation = ifroster_generation(h);
        begin = shared_now();
        ck_assert_int_eq(ifroster_wait(h, generation, 30 * USEC_PER_MSEC), 0);
        ck_assert_uint_ge(shared_now() - begin, 30 * USEC_PER_MSEC);
        ck_assert_int_eq(ifroster_wait(h, generation - 1, UINT64_MAX), 1);
        table_file_begin(&f);
        ck_assert_int_eq(pthread_create(&thread, NULL, end_batch_later, &f), 0);
        ck_assert_int_eq(ifroster_wait(h, generation, UINT64_MAX), 1);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        /* This writer hears nobody. */
        ck_assert_int_eq(ifroster_sync(h, 20 * USEC_PER_MSEC), -ETIMEDOUT);
        table_file_stop(&f);
        ck_assert_int_eq(ifroster_wait(h, f.generation, UINT64_MAX), -ENOTCONN);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-shared");
        TCase *t = tcase_create("client-shared");

        tcase_add_test(t, answers_are_those_of_the_table);
        tcase_add_test(t, walk_says_that_the_table_changed);
        tcase_add_test(t, a_dead_writer_is_noticed_and_its_successor_found);
        tcase_add_test(t, a_writer_that_stops_in_a_batch_is_given_up);
        tcase_add_test(t, a_reader_waits_for_a_batch_that_is_being_written);
        tcase_add_test(t, wait_ends_with_a_change_and_with_time);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(suite());
}
