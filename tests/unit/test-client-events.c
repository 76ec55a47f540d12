/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The events of a client on a table that somebody else writes, against that table: whatever changed
 * between two looks at it, the events make of what was told before what is there now. And the
 * descriptor, which is readable when there is something to tell.
 */

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-internal.h"
#include "ifroster.h"
#include "shared-fixture.h"
#include "table-file.h"
#include "table-layout.h"
#include "table-random.h"
#include "unit.h"
#include "util.h"

/* What events make of nothing: the JSON of each row by its key. */
typedef struct Told {
        ObjectType type;
        Record key;
        char *json;
} Told;

typedef struct Tale {
        Told rows[4096];
        size_t n;
        unsigned n_events, n_changed, n_resynced;
} Tale;

static Told *find_told(Tale *tale, const ifroster_row *row) {
        Record key;

        record_key(row->type, client_row_record(row), &key);
        for (size_t i = 0; i < tale->n; i++)
                if (tale->rows[i].type == row->type &&
                    memcmp(&tale->rows[i].key, &key, record_size(row->type)) == 0)
                        return &tale->rows[i];
        return NULL;
}

static void tell(Tale *tale, const ifroster_event *e) {
        const ifroster_row *row = ifroster_event_row(e);
        int type = ifroster_event_type(e);
        Told *told;

        tale->n_events++;
        if (type == IFROSTER_EVENT_RESYNCED) {
                ck_assert_ptr_null(row);
                tale->n_resynced++;
                return;
        }
        told = find_told(tale, row);
        if (type == IFROSTER_EVENT_REMOVED) {
                ck_assert_ptr_nonnull(told);
                free(told->json);
                *told = tale->rows[--tale->n];
                return;
        }
        if (type == IFROSTER_EVENT_CHANGED) {
                tale->n_changed++;
                ck_assert_ptr_nonnull(told);
                free(told->json);
        } else {
                ck_assert_ptr_null(told);
                ck_assert_uint_lt(tale->n, ELEMENTSOF(tale->rows));
                told = &tale->rows[tale->n++];
                told->type = row->type;
                record_key(row->type, client_row_record(row), &told->key);
        }
        ck_assert_int_eq(ifroster_row_json(row, &told->json), 0);
}

static void pull(Tale *tale, ifroster *h) {
        const ifroster_event *e;

        if (ifroster_dispatch(h) == 0)
                ck_assert_ptr_null(ifroster_next_event(h));
        while ((e = ifroster_next_event(h)))
                tell(tale, e);
        ck_assert_int_eq(ifroster_dispatch(h), 0);
}

/* Each row as the events left it, and no other. */
static void compare_tale(Tale *tale, const ifroster *h) {
        ifroster_row *row;
        size_t n = 0;

        ck_assert_int_eq(ifroster_row_new(&row), 0);
        for (int kind = IFROSTER_LINK; kind <= IFROSTER_ROUTE; kind++) {
                ifroster_walk *w;

                ck_assert_int_eq(ifroster_walk_new(h, kind, 0, 0, &w), 0);
                while (ifroster_walk_next(w, row) > 0) {
                        const Told *told = find_told(tale, row);
                        char *json;

                        n++;
                        ck_assert_ptr_nonnull(told);
                        ck_assert_int_eq(ifroster_row_json(row, &json), 0);
                        ck_assert_str_eq(told->json, json);
                        free(json);
                }
                (void) ifroster_walk_free(w);
        }
        ck_assert_uint_eq(tale->n, n);
        (void) ifroster_row_free(row);
}

static void tale_done(Tale *tale) {
        for (size_t i = 0; i < tale->n; i++)
                free(tale->rows[i].json);
        free(tale);
}

/* Zones follow the names of links, so a rename changes rows that are equal themselves. */
static void rename_zoned(Random *x, Table *t) {
        AddressRecord a = { .ifindex = 100, .prefix_length = 64 };
        char name[LINK_NAME_MAX + 1];

        random_name(x, name, sizeof(name));
        shared_set_link(t, 100, name, 100);
        a.address = (IpAddress){ .family = AF_INET6, .bytes = { 0xfe, 0x80, [15] = 1 } };
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
}

START_TEST(events_make_the_table) {
        Random x = { .state = 4711, .n_links = 30, .n_ips = 100, .n_names = 60 };
        Tale *tale = calloc(1, sizeof(*tale));
        TableFile f;
        ifroster *h;
        Table *unused;

        ck_assert_ptr_nonnull(tale);
        table_file_init(&f);
        table_file_start(&f);
        ck_assert_int_eq(table_new(NULL, &unused), 0);
        h = shared_open(&f);
        for (unsigned round = 0; round < 300; round++) {
                table_file_begin(&f);
                table_begin(unused);
                for (unsigned i = random_next(&x, 20); i > 0; i--)
                        shared_set_random(&x, f.table, unused);
                if (round % 4 == 0)
                        rename_zoned(&x, f.table);
                table_end(unused, 1);
                table_file_end(&f);
                if (round % 100 == 50) {
                        /* The same rows from another writer: nothing but the notice. */
                        table_file_header(&f)->writer++;
                        f.writer++;
                }
                if (random_next(&x, 3) == 0)
                        continue;
                pull(tale, h);
                compare_tale(tale, h);
        }
        pull(tale, h);
        compare_tale(tale, h);
        ck_assert_uint_gt(tale->n_changed, 100);
        ck_assert_uint_eq(tale->n_resynced, 3);
        tale_done(tale);
        (void) ifroster_free(h);
        (void) table_free(unused);
        table_file_done(&f);
}
END_TEST

static void expect(ifroster *h, int type, int kind, int32_t ifindex) {
        const ifroster_event *e = ifroster_next_event(h);
        const ifroster_row *row;

        ck_assert_ptr_nonnull(e);
        row = ifroster_event_row(e);
        ck_assert_int_eq(ifroster_event_type(e), type);
        ck_assert_int_eq(ifroster_row_kind(row), kind);
        ck_assert_int_eq(ifroster_row_ifindex(row), ifindex);
}

START_TEST(another_link_with_the_same_index_is_another_link) {
        GroupRecord g = { .ifindex = 1, .group = { .family = AF_INET, .bytes = { 224, 0, 0, 1 } } };
        const ifroster_event *e;
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        shared_start_with_link(&f, "old");
        table_file_begin(&f);
        ck_assert_int_eq(table_set(f.table, OBJECT_GROUP, &g), 0);
        table_file_end(&f);
        h = shared_open(&f);
        ck_assert_int_eq(ifroster_dispatch(h), 1);
        expect(h, IFROSTER_EVENT_EXISTING, IFROSTER_LINK, 1);
        expect(h, IFROSTER_EVENT_EXISTING, IFROSTER_GROUP, 1);
        ck_assert_ptr_null(ifroster_next_event(h));

        table_file_begin(&f);
        shared_set_link(f.table, 1, "new", 2);
        table_file_end(&f);
        ck_assert_int_eq(ifroster_dispatch(h), 1);
        expect(h, IFROSTER_EVENT_REMOVED, IFROSTER_GROUP, 1);
        e = ifroster_next_event(h);
        ck_assert_int_eq(ifroster_event_type(e), IFROSTER_EVENT_REMOVED);
        ck_assert_str_eq(ifroster_row_name(ifroster_event_row(e)), "old");
        ck_assert_uint_eq(ifroster_row_incarnation(ifroster_event_row(e)), 1);
        expect(h, IFROSTER_EVENT_ADDED, IFROSTER_LINK, 1);
        expect(h, IFROSTER_EVENT_ADDED, IFROSTER_GROUP, 1);
        ck_assert_ptr_null(ifroster_next_event(h));

        /* A change says which fields. */
        table_file_begin(&f);
        shared_set_link(f.table, 1, "newer", 2);
        table_file_end(&f);
        ck_assert_int_eq(ifroster_dispatch(h), 1);
        e = ifroster_next_event(h);
        ck_assert_int_eq(ifroster_event_type(e), IFROSTER_EVENT_CHANGED);
        ck_assert_int_eq(ifroster_event_field_changed(e, "Name"), 1);
        ck_assert_int_eq(ifroster_event_field_changed(e, "MTU"), 0);
        ck_assert_int_eq(ifroster_event_field_changed(e, "NoSuchField"), 0);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

static bool is_readable(int fd, int timeout_msec) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, timeout_msec) > 0;
}

START_TEST(the_descriptor_tells_of_changes_and_of_death) {
        TableFile f;
        ifroster *h;
        int fd;

        table_file_init(&f);
        shared_start_with_link(&f, "a");
        h = shared_open(&f);
        fd = ifroster_get_fd(h);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ifroster_get_fd(h), fd);
        ck_assert(is_readable(fd, 1000));
        ck_assert_int_eq(ifroster_dispatch(h), 1);
        while (ifroster_next_event(h))
                ;
        while (is_readable(fd, 0))
                ck_assert_int_eq(ifroster_dispatch(h), 0);
        for (unsigned i = 0; i < 20; i++) {
                char name[8];

                (void) snprintf(name, sizeof(name), "n%u", i);
                table_file_begin(&f);
                /* The table grows now and then: that must not lose the watch. */
                for (int32_t j = 1; j < (int32_t) (10 * i); j++)
                        shared_set_link(f.table, j, j == 1 ? name : "x", (uint64_t) j);
                shared_set_link(f.table, 1, name, 1);
                table_file_end(&f);
                ck_assert(is_readable(fd, 1000));
                ck_assert_int_eq(ifroster_dispatch(h), 1);
                while (ifroster_next_event(h))
                        ;
                while (is_readable(fd, 0))
                        ck_assert_int_eq(ifroster_dispatch(h), 0);
        }
        table_file_stop(&f);
        while (ifroster_dispatch(h) != -ENOTCONN)
                ck_assert(is_readable(fd, 1000));
        shared_start_with_link(&f, "b");
        while (ifroster_dispatch(h) != 1)
                ck_assert(is_readable(fd, 1000));
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-events");
        TCase *t = tcase_create("client-events");

        tcase_add_test(t, events_make_the_table);
        tcase_add_test(t, another_link_with_the_same_index_is_another_link);
        tcase_add_test(t, the_descriptor_tells_of_changes_and_of_death);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(suite());
}
