/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Walks that read ahead, against the rows of a private table with the same contents: in whatever rows
 * they are put, whatever else is done with these rows in between, and when the table changes in the
 * middle of what has been read.
 */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client-internal.h"
#include "ifroster.h"
#include "shared-fixture.h"
#include "table-file.h"
#include "table-random.h"
#include "unit.h"
#include "util.h"

/* Several times what is read at once, of each kind */
#define N_LINKS 300
#define N_CHANGES 4000
#define N_ROWS_MAX N_CHANGES

typedef struct World {
        TableFile file;
        Table *own;
        ifroster *handle, *frozen;
        /* The rows that a walk has to find, in their order: */
        Record *rows;
        size_t n_rows;
} World;

static void world_init(World *w) {
        Random x = { .state = 7, .n_links = N_LINKS, .n_ips = 900, .n_names = 400 };

        *w = (World){};
        table_file_init(&w->file);
        table_file_start(&w->file);
        ck_assert_int_eq(table_new(NULL, &w->own), 0);
        table_file_begin(&w->file);
        table_begin(w->own);
        for (unsigned i = 0; i < N_CHANGES; i++)
                shared_set_random(&x, w->file.table, w->own);
        table_file_end(&w->file);
        table_end(w->own, w->file.generation);
        w->handle = shared_open(&w->file);
        ck_assert_int_eq(ifroster_snapshot(w->handle, &w->frozen), 0);
        w->rows = calloc(N_ROWS_MAX, sizeof(w->rows[0]));
        ck_assert_ptr_nonnull(w->rows);
}

static void world_done(World *w) {
        free(w->rows);
        (void) ifroster_free(w->frozen);
        (void) ifroster_free(w->handle);
        (void) table_free(w->own);
        table_file_done(&w->file);
}

static void expect(World *w, ObjectType type, int32_t ifindex, int family) {
        TableView v = table_view(w->own);
        TableWalk walk = ifindex != 0 ? table_walk_link(&v, type, ifindex)
                                      : table_walk_all(&v, type);
        Record record;

        w->n_rows = 0;
        while (table_next(&v, &walk, &record)) {
                if (type != OBJECT_LINK && family != 0 && record_family(type, &record) != family)
                        continue;
                ck_assert_uint_lt(w->n_rows, N_ROWS_MAX);
                memcpy(&w->rows[w->n_rows++], &record, record_size(type));
        }
}

static void check_texts(const TableView *v, int32_t ifindex, const ifroster_row *row) {
        size_t pos = 0, n = 0;
        const char *text;
        LinkTexts *texts;
        TextSpan name;

        ck_assert_int_eq(table_get_texts(v, ifindex, &texts), 0);
        for (; texts && link_texts_next(texts, &pos, &name); n++) {
                ck_assert_int_eq(ifroster_row_get_altname(row, n, &text), 0);
                ck_assert_uint_eq(strlen(text), name.len);
                ck_assert_mem_eq(text, name.text, name.len);
        }
        ck_assert_int_eq(ifroster_row_get_altname(row, n, &text), -ENODATA);
        (void) link_texts_free(texts);
}

static void check_row(const World *w, ObjectType type, size_t place, const ifroster_row *row) {
        TableView v = table_view(w->own);
        const Record *wanted = w->rows + place;
        int32_t ifindex = record_ifindex(type, wanted);
        LinkRecord link = {};

        ck_assert_uint_lt(place, w->n_rows);
        ck_assert_int_eq(ifroster_row_kind(row), (int) type);
        ck_assert_int_eq(ifroster_row_ifindex(row), ifindex);
        ck_assert_mem_eq(client_row_record(row), wanted, record_size(type));
        (void) table_get_link(&v, ifindex, &link);
        ck_assert_str_eq(ifroster_row_name(row), link.name);
        ck_assert_uint_eq(ifroster_row_incarnation(row), link.incarnation);
        if (type == OBJECT_LINK)
                check_texts(&v, ifindex, row);
}

/* One row for all of it. */
static void walk_in_one_row(const World *world, ifroster_walk *walk, ObjectType type) {
        ifroster_row *row;

        ck_assert_int_eq(ifroster_row_new(&row), 0);
        for (size_t i = 0; i < world->n_rows; i++) {
                ck_assert_int_eq(ifroster_walk_next(walk, row), 1);
                check_row(world, type, i, row);
        }
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_int_eq(ifroster_walk_next(walk, row), 0);
                ck_assert_int_eq(ifroster_row_kind(row), -1);
        }
        (void) ifroster_row_free(row);
}

/* What can become of a row between two steps. */
static void misuse(Random *x, const World *world, ifroster_walk *other, ifroster_row **row) {
        switch (random_next(x, 12)) {
        case 0:
                *row = ifroster_row_free(*row);
                ck_assert_int_eq(ifroster_row_new(row), 0);
                return;
        case 1:
                (void) ifroster_get_link(world->handle, random_ifindex(x), *row);
                return;
        case 2:
                if (ifroster_walk_next(other, *row) == 0)
                        ifroster_walk_rewind(other);
                return;
        }
}

/* Any of two rows, which are used for other things as well; and one of them is looked at again when the
 * other has been filled. */
static void walk_in_two_rows(Random *x, const World *world, ifroster_walk *walk,
                             ifroster_walk *other, ObjectType type) {
        size_t last[2] = { SIZE_MAX, SIZE_MAX };
        ifroster_row *rows[2];

        ck_assert_int_eq(ifroster_row_new(&rows[0]), 0);
        ck_assert_int_eq(ifroster_row_new(&rows[1]), 0);
        for (size_t i = 0; i < world->n_rows; i++) {
                unsigned which = random_next(x, 8) == 0;

                ck_assert_int_eq(ifroster_walk_next(walk, rows[which]), 1);
                check_row(world, type, i, rows[which]);
                last[which] = i;
                if (last[!which] != SIZE_MAX)
                        check_row(world, type, last[!which], rows[!which]);
                which = random_next(x, 2);
                misuse(x, world, other, &rows[which]);
                last[which] = SIZE_MAX;
        }
        ck_assert_int_eq(ifroster_walk_next(walk, rows[0]), 0);
        (void) ifroster_row_free(rows[0]);
        (void) ifroster_row_free(rows[1]);
}

/* Goes some way, starts over, and goes all of it. */
static void walk_again(Random *x, const World *world, ifroster_walk *walk, ObjectType type) {
        size_t n = world->n_rows > 0 ? random_next(x, (uint32_t) world->n_rows) : 0;
        ifroster_row *row;

        ck_assert_int_eq(ifroster_row_new(&row), 0);
        for (size_t i = 0; i < n; i++)
                ck_assert_int_eq(ifroster_walk_next(walk, row), 1);
        ifroster_walk_rewind(walk);
        if (n > 0)
                check_row(world, type, n - 1, row);
        for (size_t i = 0; i < world->n_rows; i++) {
                ck_assert_int_eq(ifroster_walk_next(walk, row), 1);
                check_row(world, type, i, row);
        }
        ck_assert_int_eq(ifroster_walk_next(walk, row), 0);
        (void) ifroster_row_free(row);
}

static void walk_all_ways(World *world, const ifroster *h, ObjectType type, int32_t ifindex,
                          int family) {
        Random x = { .state = 3, .n_links = N_LINKS };
        ifroster_walk *walk, *other;

        expect(world, type, ifindex, family);
        ck_assert_int_eq(ifroster_walk_new(h, (int) type, ifindex, family, &walk), 0);
        ck_assert_int_eq(ifroster_walk_new(h, IFROSTER_ADDRESS, 0, 0, &other), 0);
        walk_in_one_row(world, walk, type);
        ifroster_walk_rewind(walk);
        walk_in_two_rows(&x, world, walk, other, type);
        ifroster_walk_rewind(walk);
        walk_again(&x, world, walk, type);
        (void) ifroster_walk_free(other);
        (void) ifroster_walk_free(walk);
}

START_TEST(walks_find_all_rows_once) {
        static const int families[] = { 0, AF_INET, AF_INET6 };
        World w;

        world_init(&w);
        for (ObjectType type = 0; type < _OBJECT_TYPE_MAX; type++)
                for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                        walk_all_ways(&w, w.handle, type, 0, families[i]);
                        walk_all_ways(&w, w.frozen, type, 0, families[i]);
                        for (int32_t ifindex = 1; ifindex < 40; ifindex++)
                                walk_all_ways(&w, w.handle, type, ifindex, families[i]);
                }
        world_done(&w);
}
END_TEST

START_TEST(rows_outlive_their_walk) {
        ifroster_row *row;
        ifroster_walk *walk;
        World w;

        world_init(&w);
        expect(&w, OBJECT_ADDRESS, 0, 0);
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_walk_new(w.handle, IFROSTER_ADDRESS, 0, 0, &walk), 0);
        for (size_t i = 0; i < 10; i++)
                ck_assert_int_eq(ifroster_walk_next(walk, row), 1);
        (void) ifroster_walk_free(walk);
        check_row(&w, OBJECT_ADDRESS, 9, row);
        /* Another walk, which may well stand in the same place in memory, goes its own way. */
        ck_assert_int_eq(ifroster_walk_new(w.handle, IFROSTER_ADDRESS, 0, 0, &walk), 0);
        for (size_t i = 0; i < 5; i++) {
                ck_assert_int_eq(ifroster_walk_next(walk, row), 1);
                check_row(&w, OBJECT_ADDRESS, i, row);
        }
        (void) ifroster_walk_free(walk);
        (void) ifroster_row_free(row);
        world_done(&w);
}
END_TEST

START_TEST(a_change_is_told_at_the_next_row) {
        ifroster_row *row;
        ifroster_walk *walk;
        World w;

        world_init(&w);
        expect(&w, OBJECT_LINK, 0, 0);
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_walk_new(w.handle, IFROSTER_LINK, 0, 0, &walk), 0);
        for (size_t i = 0; i < 5; i++)
                ck_assert_int_eq(ifroster_walk_next(walk, row), 1);
        table_file_begin(&w.file);
        table_file_end(&w.file);
        check_row(&w, OBJECT_LINK, 4, row);
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_int_eq(ifroster_walk_next(walk, row), -ESTALE);
                ck_assert_int_eq(ifroster_row_kind(row), -1);
        }
        ifroster_walk_rewind(walk);
        ck_assert_int_eq(ifroster_walk_next(walk, row), 1);
        check_row(&w, OBJECT_LINK, 0, row);
        (void) ifroster_walk_free(walk);
        (void) ifroster_row_free(row);
        world_done(&w);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-walk");
        TCase *t = tcase_create("client-walk");

        tcase_add_test(t, walks_find_all_rows_once);
        tcase_add_test(t, rows_outlive_their_walk);
        tcase_add_test(t, a_change_is_told_at_the_next_row);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(suite());
}
