/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads damaged blocks: single bits and bytes, whole regions of rubbish, chains in circles,
 * descriptors with extreme numbers, files cut short. Each copy is in a heap block of exactly its
 * size, so that AddressSanitizer sees the first byte read beyond it; a walk without end runs into the
 * time limit.
 */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table-exercise.h"
#include "table-internal.h"
#include "table-random.h"
#include "table.h"
#include "unit.h"
#include "util.h"

DEFINE_CLEANUP(Table *, table_free)

#define N_LINKS 12

static Table *filled_table(void) {
        Random x = { .state = 0xb10c, .n_links = N_LINKS, .n_ips = 8, .n_names = 12 };
        TextSpan names[] = { { "one", 3 }, { "two", 3 } };
        LinkTexts *texts;
        Table *t;

        ck_assert_int_eq(table_new(NULL, &t), 0);
        table_begin(t);
        for (unsigned i = 0; i < 200; i++) {
                Record r;

                random_record(&x, i % _OBJECT_TYPE_MAX, &r);
                if (i % 7 == 0)
                        (void) table_remove(t, i % _OBJECT_TYPE_MAX, &r);
                else
                        ck_assert_int_eq(table_set(t, i % _OBJECT_TYPE_MAX, &r), 0);
        }
        ck_assert_int_eq(link_texts_new((TextSpan){ "alias", 5 }, names, 2, &texts), 0);
        ck_assert_int_eq(table_set_texts(t, 1, texts), 0);
        (void) link_texts_free(texts);
        table_end(t, 1);
        return t;
}

/* A copy of the block, cut to size. */
static void *copy_block(const Table *t, size_t size) {
        TableView v = table_view(t);
        void *copy = malloc(size);

        memcpy(copy, v.block, size);
        return copy;
}

static void exercise_and_free(void *block, size_t size) {
        (void) exercise_block(block, size, N_LINKS);
        free(block);
}

/* The control: an undamaged copy can be read, or the tests below show nothing. */
START_TEST(undamaged) {
        _cleanup_(table_freep) Table *t = filled_table();
        size_t size = table_view(t).size;
        void *copy = copy_block(t, size);
        TableView v;

        ck_assert_int_eq(table_view_init(&v, copy, size), 0);
        ck_assert_uint_gt(table_count(&v, OBJECT_ADDRESS), 10);
        exercise_and_free(copy, size);
}
END_TEST

START_TEST(refused) {
        _cleanup_(table_freep) Table *t = filled_table();
        size_t size = table_view(t).size;
        TableHeader *copy = copy_block(t, size);
        TableView v = { .block = t, .size = 77 };

        ck_assert_int_eq(table_view_init(&v, copy, sizeof(TableHeader) - 1), -EBADMSG);
        ck_assert_int_eq(table_view_init(&v, copy, 0), -EBADMSG);
        ck_assert_int_eq(table_view_init(&v, copy, size - 64), -EBADMSG);
        ck_assert_int_eq(table_view_init(&v, (uint8_t *) copy + 4, size - 64), -EBADMSG);
        copy->block_size++;
        ck_assert_int_eq(table_view_init(&v, copy, size), -EBADMSG);
        copy->block_size--;
        copy->header_size += 8;
        ck_assert_int_eq(table_view_init(&v, copy, size), -EBADMSG);
        copy->header_size -= 8;
        copy->version++;
        ck_assert_int_eq(table_view_init(&v, copy, size), -ESTALE);
        copy->magic = __builtin_bswap64(copy->magic);
        ck_assert_int_eq(table_view_init(&v, copy, size), -EBADMSG);
        ck_assert_ptr_eq(v.block, t);
        ck_assert_uint_eq(v.size, 77);
        free(copy);
}
END_TEST

START_TEST(truncated) {
        _cleanup_(table_freep) Table *t = filled_table();
        size_t size = table_view(t).size;

        for (size_t n = 0; n < size; n += n < sizeof(TableHeader) + 256 ? 16 : 509) {
                void *copy = copy_block(t, n);
                TableView v;

                ck_assert_int_eq(table_view_init(&v, copy, n), -EBADMSG);
                exercise_and_free(copy, n);
        }
}
END_TEST

/* Few bytes changed, mostly where it hurts: header, buckets and chains. */
START_TEST(bytes) {
        _cleanup_(table_freep) Table *t = filled_table();
        size_t size = table_view(t).size;
        Random x = { .state = 0xf11b + (unsigned) _i };

        for (unsigned round = 0; round < 150; round++) {
                uint8_t *copy = copy_block(t, size);

                for (unsigned n = 1 + random_next(&x, 8); n > 0; n--) {
                        uint32_t limit = random_next(&x, 3) ? sizeof(TableHeader) + 1024 : size;
                        /* past the magic and version, most of the time */
                        uint32_t at = random_next(&x, 20) ? 16 + random_next(&x, limit - 16)
                                                          : random_next(&x, limit);

                        copy[at] ^= (uint8_t) (1 + random_next(&x, 255));
                }
                exercise_and_free(copy, size);
        }
}
END_TEST

/* A section's descriptor with numbers that are off by little or by much. */
START_TEST(descriptors) {
        static const uint64_t extremes[] = { 0,          1,          7,           TABLE_ROWS_MAX,
                                             UINT32_MAX, INT32_MAX,  UINT64_MAX,  UINT64_MAX - 7,
                                             0x80000000, 0x7fffff00, (1ull << 63) };
        _cleanup_(table_freep) Table *t = filled_table();
        size_t size = table_view(t).size;

        for (unsigned section = 0; section < _SECTION_MAX; section++)
                for (size_t at = 0; at < sizeof(TableSection); at += 4)
                        for (unsigned i = 0; i < ELEMENTSOF(extremes); i++) {
                                TableHeader *copy = copy_block(t, size);
                                size_t width = at % 8 == 0 && i % 2 ? 8 : 4;

                                memcpy((uint8_t *) &copy->sections[section] + at, &extremes[i],
                                       width);
                                exercise_and_free(copy, size);
                        }
}
END_TEST

/* Every chain made to lead to every place: itself, in circles, beyond the end. */
START_TEST(chains) {
        _cleanup_(table_freep) Table *t = filled_table();
        size_t size = table_view(t).size;
        Random x = { .state = 0xc4a1 };

        for (unsigned round = 0; round < 60; round++) {
                TableHeader *copy = copy_block(t, size);

                for (unsigned s = 0; s < _SECTION_MAX; s++)
                        for (uint32_t row = 0; row < copy->sections[s].capacity; row++)
                                for (unsigned i = 0; i < table_kinds[s].n_indexes; i++) {
                                        TableChain *c = table_chain(copy, s, i, row);

                                        if (random_next(&x, 2))
                                                c->next = random_next(
                                                                &x, copy->sections[s].capacity + 2);
                                        if (random_next(&x, 8) == 0)
                                                c->prev = round % 2 ? 0 : UINT32_MAX;
                                }
                exercise_and_free(copy, size);
        }
}
END_TEST

/* Rubbish behind a header that says that all is well. */
START_TEST(rubbish) {
        _cleanup_(table_freep) Table *t = filled_table();
        size_t size = table_view(t).size;
        Random x = { .state = 0x9a1ba9e };

        for (unsigned round = 0; round < 60; round++) {
                uint8_t *copy = copy_block(t, size);
                uint32_t from = round % 3 ? sizeof(TableHeader) : round % 2 ? 16 : 0;

                for (size_t i = from; i < size; i++)
                        copy[i] = random_next(&x, 3) ? (uint8_t) random_next(&x, 256)
                                                     : (uint8_t) (random_next(&x, 2) * 255);
                exercise_and_free(copy, size);
        }
}
END_TEST

/* A row that is no row to anyone is not handed out. */
START_TEST(unfit_rows) {
        _cleanup_(table_freep) Table *t = filled_table();
        TableView v = table_view(t);
        TableWalk w = table_walk_all(&v, OBJECT_LINK);
        uint32_t n = 0;
        LinkRecord l;

        ck_assert(table_next(&v, &w, &l));
        for (uint32_t row = 0; row < t->block->sections[SECTION_LINK].high_water; row++) {
                LinkRecord *r = (LinkRecord *) (void *) table_row(t->block, SECTION_LINK, row);

                if (r->ifindex == l.ifindex)
                        r->hardware_address.len = HARDWARE_ADDRESS_MAX + 1;
        }
        ck_assert(!table_get_link(&v, l.ifindex, &l));
        for (w = table_walk_all(&v, OBJECT_LINK); table_next(&v, &w, &l);)
                n++;
        ck_assert_uint_eq(n, table_count(&v, OBJECT_LINK) - 1);
}
END_TEST

int main(void) {
        Suite *s = suite_create("table-corrupt");
        TCase *c = tcase_create("table-corrupt");

        suite_add_tcase(s, c);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, undamaged);
        tcase_add_test(c, refused);
        tcase_add_test(c, truncated);
        tcase_add_loop_test(c, bytes, 0, 4);
        tcase_add_test(c, descriptors);
        tcase_add_test(c, chains);
        tcase_add_test(c, rubbish);
        tcase_add_test(c, unfit_rows);
        return unit_run(s);
}
