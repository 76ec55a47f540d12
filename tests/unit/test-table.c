/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table against plain arrays (table-naive.c): after random changes every reading function has to
 * give the same rows, at every size. The seed of a run is in its failure message.
 */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "table-internal.h"
#include "table-naive.h"
#include "table-random.h"
#include "table.h"
#include "unit.h"
#include "util.h"

DEFINE_CLEANUP(Table *, table_free)
DEFINE_CLEANUP(LinkTexts *, link_texts_free)

/* Blocks of exactly their size, so that a sanitizer sees a step beyond; and a record of calls. */
typedef struct Storage {
        int fail_allocate; /* fail when 0, count down otherwise */
        bool fail_publish;
        unsigned n_published;
        unsigned n_blocks;
        const void *published;
} Storage;

static void *storage_allocate(void *userdata, size_t size) {
        Storage *s = userdata;

        if (s->fail_allocate == 0)
                return NULL;
        if (s->fail_allocate > 0)
                s->fail_allocate--;
        s->n_blocks++;
        return calloc(1, size);
}

static int storage_publish(void *userdata, void *block, size_t size) {
        Storage *s = userdata;

        if (s->fail_publish)
                return -EIO;
        s->n_published++;
        s->published = block;
        return 0;
}

static void storage_release(void *userdata, void *block, size_t size) {
        Storage *s = userdata;

        s->n_blocks--;
        free(block);
}

static Table *new_table(Storage *s) {
        const TableStorage storage = { storage_allocate, storage_publish, storage_release, s };
        Table *t;

        s->fail_allocate = -1;
        ck_assert_int_eq(table_new(&storage, &t), 0);
        return t;
}

static int by_bytes(const void *a, const void *b) {
        return memcmp(a, b, sizeof(Record));
}

/* Compares what a walk gives with the rows expected, in any order. */
static void compare_rows(const TableView *v, ObjectType type, TableWalk w, Record *expected,
                         unsigned n_expected) {
        Record *got = calloc(n_expected + 1, sizeof(*got));
        unsigned n = 0;

        while (n <= n_expected && table_next(v, &w, &got[n]))
                n++;
        ck_assert_uint_eq(n, n_expected);
        qsort(got, n, sizeof(*got), by_bytes);
        qsort(expected, n, sizeof(*expected), by_bytes);
        for (unsigned i = 0; i < n; i++)
                ck_assert_mem_eq(&got[i], &expected[i], sizeof(*got));
        free(got);
}

typedef struct Compare {
        Naive *naive;
        TableView view;
        Record *rows; /* scratch, room for all rows of any type */
        Random random;
} Compare;

static void compare_by_ifindex(Compare *c, ObjectType type, int32_t ifindex) {
        unsigned n = 0;

        for (unsigned i = 0; i < c->naive->n[type]; i++)
                if (naive_has_ifindex(type, &c->naive->rows[type][i].record, ifindex))
                        c->rows[n++] = c->naive->rows[type][i].record;
        compare_rows(&c->view, type, table_walk_link(&c->view, type, ifindex), c->rows, n);
}

static void compare_by_ip(Compare *c, ObjectType type, const IpAddress *a) {
        unsigned n = 0;

        for (unsigned i = 0; i < c->naive->n[type]; i++)
                if (naive_has_ip(type, &c->naive->rows[type][i].record, a))
                        c->rows[n++] = c->naive->rows[type][i].record;
        compare_rows(&c->view, type, table_walk_ip(&c->view, type, a), c->rows, n);
}

static void compare_by_prefix(Compare *c, ObjectType type, const IpAddress *a, unsigned length) {
        unsigned n = 0;

        for (unsigned i = 0; i < c->naive->n[type]; i++)
                if (naive_has_prefix(type, &c->naive->rows[type][i].record, a, length))
                        c->rows[n++] = c->naive->rows[type][i].record;
        compare_rows(&c->view, type, table_walk_prefix(&c->view, type, a, length), c->rows, n);
}

static void compare_prefix_lengths(Compare *c, ObjectType type, int family, int bits) {
        bool used[129] = { false };
        int expected = -1;

        for (unsigned i = 0; i < c->naive->n[type]; i++) {
                int f, length;

                ck_assert(naive_prefix(type, &c->naive->rows[type][i].record, &f, &length));
                if (f == family)
                        used[length] = true;
        }
        for (int from = 0; from <= bits; from++) {
                if (used[from])
                        expected = from;
                ck_assert_int_eq(table_prefix_length(&c->view, type, family, from), expected);
        }
}

static void compare_keys(Compare *c, ObjectType type) {
        for (unsigned i = 0; i < c->naive->n[type]; i++) {
                const Record *r = &c->naive->rows[type][i].record;
                Record got = { 0 };

                ck_assert(table_get(&c->view, type, r, &got));
                ck_assert_mem_eq(&got, r, sizeof(got));
        }
        for (unsigned i = 0; i < 50; i++) {
                Record key, got;

                random_record(&c->random, type, &key);
                ck_assert_int_eq(table_get(&c->view, type, &key, &got),
                                 naive_find(c->naive, type, &key) != NULL);
        }
}

static void compare_names(Compare *c) {
        for (unsigned i = 0; i < 100; i++) {
                char name[LINK_ALTNAME_MAX + 1];
                NameMatch match = _NAME_MATCH_MAX, expected_match;
                LinkRecord got;
                NaiveRow *expected;

                random_name(&c->random, name, i % 2 ? sizeof(name) : LINK_NAME_MAX + 1);
                expected = naive_find_name(c->naive, name, &expected_match);
                ck_assert_int_eq(table_get_link_by_name(&c->view, name, strlen(name), &got, &match),
                                 expected != NULL);
                if (!expected)
                        continue;
                ck_assert_int_eq(match, expected_match);
                ck_assert_mem_eq(&got, &expected->record.link, sizeof(got));
        }
}

static void compare_texts(Compare *c, int32_t ifindex) {
        NaiveRow *row = naive_find_link(c->naive, ifindex);
        const NaiveTexts *expected = row ? row->texts : NULL;
        _cleanup_(link_texts_freep) LinkTexts *texts = NULL;
        size_t pos = 0;
        TextSpan s;

        ck_assert_int_eq(table_get_texts(&c->view, ifindex, &texts), 0);
        if (!expected || (expected->n_names == 0 && expected->alias[0] == 0)) {
                ck_assert_ptr_null(texts);
                return;
        }
        ck_assert_ptr_nonnull(texts);
        s = link_texts_alias(texts);
        ck_assert_uint_eq(s.len, strlen(expected->alias));
        ck_assert_mem_eq(s.text, expected->alias, s.len);
        for (unsigned i = 0; i < expected->n_names; i++) {
                ck_assert(link_texts_next(texts, &pos, &s));
                ck_assert_uint_eq(s.len, strlen(expected->names[i]));
                ck_assert_mem_eq(s.text, expected->names[i], s.len);
        }
        ck_assert(!link_texts_next(texts, &pos, &s));
}

static void compare_ips(Compare *c, uint32_t n) {
        static const struct {
                int family;
                uint8_t lengths[7];
        } families[] = { { AF_INET, { 0, 8, 23, 24, 25, 31, 32 } },
                         { AF_INET6, { 0, 10, 63, 64, 65, 127, 128 } } };

        for (unsigned i = 0; i < ELEMENTSOF(families); i++) {
                IpAddress a = random_pool_ip(families[i].family, n);

                compare_by_ip(c, OBJECT_ADDRESS, &a);
                compare_by_ip(c, OBJECT_GROUP, &a);
                for (unsigned j = 0; j < ELEMENTSOF(families[i].lengths); j++) {
                        compare_by_prefix(c, OBJECT_ADDRESS, &a, families[i].lengths[j]);
                        compare_by_prefix(c, OBJECT_LOCAL, &a, families[i].lengths[j]);
                }
        }
}

/* Of large pools a sample. */
static void compare_all(Table *t, Naive *naive, Random *x) {
        Compare c = { .naive = naive, .view = table_view(t), .random = *x };
        uint32_t link_step = 1 + x->n_links / 64, ip_step = 1 + x->n_ips / 16;
        unsigned n_max = 1;

        for (unsigned i = 0; i < _OBJECT_TYPE_MAX; i++)
                n_max = CONST_MAX(n_max, naive->n[i]);
        c.rows = calloc(n_max, sizeof(Record));
        for (ObjectType type = 0; type < _OBJECT_TYPE_MAX; type++) {
                ck_assert_uint_eq(table_count(&c.view, type), naive->n[type]);
                for (unsigned i = 0; i < naive->n[type]; i++)
                        c.rows[i] = naive->rows[type][i].record;
                compare_rows(&c.view, type, table_walk_all(&c.view, type), c.rows, naive->n[type]);
                compare_keys(&c, type);
                for (uint32_t i = 0; i <= x->n_links + 1; i += link_step)
                        compare_by_ifindex(&c, type, (int32_t) i);
        }
        for (uint32_t i = 0; i <= x->n_links + 1; i += link_step)
                compare_texts(&c, (int32_t) i);
        for (uint32_t i = 0; i < x->n_ips; i += ip_step)
                compare_ips(&c, i);
        compare_names(&c);
        compare_prefix_lengths(&c, OBJECT_ADDRESS, AF_INET, 32);
        compare_prefix_lengths(&c, OBJECT_ADDRESS, AF_INET6, 128);
        compare_prefix_lengths(&c, OBJECT_LOCAL, AF_INET, 32);
        compare_prefix_lengths(&c, OBJECT_LOCAL, AF_INET6, 128);
        free(c.rows);
}

/* The kernel keeps names and alternative names apart within a namespace, so a name is taken once; a
 * link may have the name of another for a moment, an alternative name never. */
static bool name_is_free(Naive *naive, const NaiveTexts *own, const char *name) {
        for (unsigned i = 0; i < naive->n[OBJECT_LINK]; i++) {
                const NaiveTexts *t = naive->rows[OBJECT_LINK][i].texts;

                for (unsigned j = 0; t && j < t->n_names; j++)
                        if (strcmp(t->names[j], name) == 0)
                                return false;
        }
        for (unsigned j = 0; j < own->n_names; j++)
                if (strcmp(own->names[j], name) == 0)
                        return false;
        return true;
}

static void change_texts(Table *t, Naive *naive, Random *x) {
        NaiveRow *row = naive_find_link(naive, random_ifindex(x));
        _cleanup_(link_texts_freep) LinkTexts *texts = NULL;
        TextSpan spans[NAIVE_NAMES_MAX];
        NaiveTexts *n;

        if (!row)
                return;
        free(row->texts);
        row->texts = n = calloc(1, sizeof(*n));
        memset(n->alias, 'x', random_next(x, 3) ? 0 : 1 + random_next(x, LINK_ALIAS_MAX));
        for (unsigned i = random_next(x, NAIVE_NAMES_MAX); i > 0; i--) {
                char name[LINK_ALTNAME_MAX + 1];

                random_name(x, name, sizeof(name));
                if (!name_is_free(naive, n, name))
                        continue;
                strcpy(n->names[n->n_names], name);
                spans[n->n_names] = (TextSpan){ n->names[n->n_names], strlen(name) };
                n->n_names++;
        }
        ck_assert_int_eq(link_texts_new((TextSpan){ n->alias, strlen(n->alias) }, spans, n->n_names,
                                        &texts),
                         0);
        ck_assert_int_eq(table_set_texts(t, row->record.link.ifindex, texts), 0);
}

static void change_once(Table *t, Naive *naive, Random *x, unsigned remove_percent) {
        ObjectType type = random_next(x, _OBJECT_TYPE_MAX);
        Record r;

        if (random_next(x, 10) == 0) {
                change_texts(t, naive, x);
                return;
        }
        random_record(x, type, &r);
        if (random_next(x, 100) < remove_percent) {
                ck_assert_int_eq(table_remove(t, type, &r), naive_remove(naive, type, &r));
                return;
        }
        (void) naive_set(naive, type, &r);
        ck_assert_int_eq(table_set(t, type, &r), 0);
}

static void run_random(Random x, unsigned n_changes, unsigned compare_every) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        Naive naive = { 0 };
        uint64_t generation = 0;

        fprintf(stderr, "# seed %#llx\n", (unsigned long long) x.state);
        table_begin(t);
        for (unsigned i = 0; i < n_changes; i++) {
                /* It grows, then shrinks, and grows again into the rows freed. */
                change_once(t, &naive, &x, i / (n_changes / 4) == 2 ? 90 : 30);
                if (random_next(&x, 20) == 0) {
                        table_end(t, ++generation);
                        ck_assert_uint_eq(table_generation(&(TableView){ t->block, t->size }),
                                          generation);
                        ck_assert_uint_eq(storage.n_blocks, 1);
                        ck_assert_ptr_eq(storage.published, t->block);
                        table_begin(t);
                }
                if (i % compare_every == 0)
                        compare_all(t, &naive, &x);
        }
        compare_all(t, &naive, &x);
        table_end(t, ++generation);
        naive_done(&naive);
}

START_TEST(random_small) {
        run_random((Random){ .state = 0x5eed0000 + (unsigned) _i,
                             .n_links = 24,
                             .n_ips = 16,
                             .n_names = 20 },
                   4000, 100);
}
END_TEST

START_TEST(random_large) {
        run_random((Random){ .state = 0x1a49e, .n_links = 3000, .n_ips = 2000, .n_names = 2500 },
                   12000, 3000);
}
END_TEST

static LinkRecord make_link(int32_t ifindex, const char *name) {
        LinkRecord l = { .ifindex = ifindex };

        memcpy(l.name, name, strlen(name));
        return l;
}

static AddressRecord make_address(int32_t ifindex, const char *address, uint8_t length,
                                  const char *peer) {
        AddressRecord a = { .ifindex = ifindex, .prefix_length = length };

        ck_assert_int_eq(ip_parse(address, strlen(address), &a.address), 0);
        if (peer)
                ck_assert_int_eq(ip_parse(peer, strlen(peer), &a.peer), 0);
        return a;
}

static int32_t index_of_name(Table *t, const char *name, size_t len, NameMatch *ret_match) {
        TableView v = table_view(t);
        LinkRecord l;

        return table_get_link_by_name(&v, name, len, &l, ret_match) ? l.ifindex : 0;
}

static void set_link(Table *t, int32_t ifindex, const char *name) {
        LinkRecord l = make_link(ifindex, name);

        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), 0);
}

START_TEST(duplicate_names) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        LinkRecord third = make_link(3, "a");

        table_begin(t);
        set_link(t, 1, "a");
        set_link(t, 2, "b");
        set_link(t, 3, "a");
        ck_assert_int_eq(index_of_name(t, "a", 1, NULL), 3);
        /* What changes nothing in the name does not make it newer. */
        set_link(t, 1, "a");
        ck_assert_int_eq(index_of_name(t, "a", 1, NULL), 3);
        set_link(t, 2, "a");
        ck_assert_int_eq(index_of_name(t, "a", 1, NULL), 2);
        ck_assert_int_eq(index_of_name(t, "b", 1, NULL), 0);
        /* The order survives a rehash. */
        for (int i = 10; i < 100; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "x%d", i);
                set_link(t, i, name);
        }
        ck_assert_int_eq(index_of_name(t, "a", 1, NULL), 2);
        set_link(t, 2, "c");
        ck_assert_int_eq(index_of_name(t, "a", 1, NULL), 3);
        ck_assert(table_remove(t, OBJECT_LINK, &third));
        ck_assert_int_eq(index_of_name(t, "a", 1, NULL), 1);
        table_end(t, 1);
}
END_TEST

START_TEST(names) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        _cleanup_(link_texts_freep) LinkTexts *texts = NULL;
        char longest[LINK_ALTNAME_MAX + 2];
        TextSpan spans[] = { { "eth1", 4 }, { longest, LINK_ALTNAME_MAX }, { "en\xff", 3 } };
        LinkRecord first = make_link(1, "eth0");
        NameMatch match;

        memset(longest, 'z', sizeof(longest));
        ck_assert_int_eq(link_texts_new((TextSpan){ "alias", 5 }, spans, 3, &texts), 0);
        table_begin(t);
        set_link(t, 1, "eth0");
        set_link(t, 3, "fifteen-bytes-x");
        ck_assert_int_eq(table_set_texts(t, 1, texts), 0);
        ck_assert_int_eq(index_of_name(t, "eth1", 4, &match), 1);
        ck_assert_int_eq(match, NAME_MATCH_ALTERNATIVE);
        set_link(t, 2, "eth1");
        ck_assert_int_eq(index_of_name(t, "eth1", 4, &match), 2);
        ck_assert_int_eq(match, NAME_MATCH_NAME);
        ck_assert_int_eq(index_of_name(t, longest, LINK_ALTNAME_MAX, &match), 1);
        ck_assert_int_eq(index_of_name(t, longest, LINK_ALTNAME_MAX - 1, &match), 0);
        ck_assert_int_eq(index_of_name(t, longest, LINK_ALTNAME_MAX + 1, &match), 0);
        ck_assert_int_eq(index_of_name(t, "en\xff", 3, &match), 1);
        ck_assert_int_eq(index_of_name(t, "fifteen-bytes-x", 15, &match), 3);
        ck_assert_int_eq(index_of_name(t, "fifteen-bytes-", 14, &match), 0);
        ck_assert_int_eq(index_of_name(t, "fifteen-bytes-xy", 16, &match), 0);
        /* No name at all, an embedded NUL, an alias */
        ck_assert_int_eq(index_of_name(t, "", 0, &match), 0);
        ck_assert_int_eq(index_of_name(t, "eth0\0", 5, &match), 0);
        ck_assert_int_eq(index_of_name(t, "alias", 5, &match), 0);
        /* The texts go with the link. */
        ck_assert(table_remove(t, OBJECT_LINK, &first));
        ck_assert_int_eq(index_of_name(t, "en\xff", 3, &match), 0);
        ck_assert_uint_eq(t->block->sections[SECTION_NAME].n_live, 0);
        table_end(t, 1);
}
END_TEST

START_TEST(texts_replaced) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        _cleanup_(link_texts_freep) LinkTexts *many = NULL, *alias = NULL, *got = NULL;
        char name[LINK_ALTNAMES_MAX][8], text[LINK_ALIAS_MAX];
        TextSpan spans[LINK_ALTNAMES_MAX];
        TableView v;

        for (unsigned i = 0; i < LINK_ALTNAMES_MAX; i++) {
                spans[i].len = (size_t) snprintf(name[i], sizeof(name[i]), "n%u", i);
                spans[i].text = name[i];
        }
        for (unsigned i = 0; i < sizeof(text); i++)
                text[i] = (char) ('A' + i % 26);
        ck_assert_int_eq(link_texts_new((TextSpan){ text, sizeof(text) }, spans, LINK_ALTNAMES_MAX,
                                        &many),
                         0);
        ck_assert_int_eq(link_texts_new((TextSpan){ text, 128 }, NULL, 0, &alias), 0);
        table_begin(t);
        set_link(t, 1, "a");
        ck_assert_int_eq(table_set_texts(t, 1, many), 0);
        v = table_view(t);
        ck_assert_int_eq(table_get_texts(&v, 1, &got), 0);
        ck_assert(link_texts_equal(got, many));
        got = link_texts_free(got);
        /* Room is counted after what goes away. */
        ck_assert_uint_eq(storage.n_blocks, 1);
        ck_assert_int_eq(table_set_texts(t, 1, many), 0);
        ck_assert_ptr_eq(v.block, table_view(t).block);
        ck_assert_int_eq(table_set_texts(t, 1, alias), 0);
        ck_assert_int_eq(table_get_texts(&v, 1, &got), 0);
        ck_assert(link_texts_equal(got, alias));
        got = link_texts_free(got);
        ck_assert_int_eq(index_of_name(t, "n0", 2, NULL), 0);
        ck_assert_int_eq(table_set_texts(t, 1, NULL), 0);
        ck_assert_int_eq(table_get_texts(&v, 1, &got), 0);
        ck_assert_ptr_null(got);
        table_end(t, 1);
}
END_TEST

/* Each row: an address to set; whether it is a row of its own, after all those above. */
START_TEST(address_keys) {
        static const struct {
                int32_t ifindex;
                const char *address;
                uint8_t length;
                const char *peer;
                bool is_new;
        } rows[] = {
                { 1, "10.0.0.1", 24, NULL, true },
                { 2, "10.0.0.1", 24, NULL, true },
                { 1, "10.0.0.1", 24, NULL, false },
                { 1, "10.0.0.1", 16, NULL, true },
                { 1, "10.0.0.1", 32, NULL, true },
                { 1, "10.0.0.1", 32, "10.9.9.1", true },
                { 1, "10.0.0.1", 32, "10.9.9.2", true },
                { 1, "10.0.0.1", 32, "10.0.0.1", false },
                { 1, "10.0.0.1", 24, "10.9.9.1", true },
                { 1, "10.0.0.1", 24, "10.9.9.77", false },
                { 1, "10.0.0.1", 24, "10.0.0.99", false },
                { 1, "fe80::1", 64, NULL, true },
                { 2, "fe80::1", 64, NULL, true },
                { 1, "fe80::1", 10, NULL, false },
                { 1, "fe80::1", 128, "fe80::2", false },
                { 1, "::ffff:10.0.0.1", 128, NULL, true },
        };
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        uint32_t n = 0;

        table_begin(t);
        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                AddressRecord a = make_address(rows[i].ifindex, rows[i].address, rows[i].length,
                                               rows[i].peer);
                AddressRecord got;
                TableView v;

                ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
                n += rows[i].is_new;
                v = table_view(t);
                ck_assert_msg(table_count(&v, OBJECT_ADDRESS) == n, "row %u", i);
                ck_assert(table_get(&v, OBJECT_ADDRESS, &a, &got));
                ck_assert_mem_eq(&got, &a, sizeof(a));
        }
        table_end(t, 1);
}
END_TEST

/* An IPv6 address whose prefix length changes keeps its row, and moves to its other network. */
START_TEST(network_changes) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        AddressRecord a = make_address(1, "2001:db8::1", 64, NULL), got;
        TableView v;
        TableWalk w;

        table_begin(t);
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
        v = table_view(t);
        ck_assert_int_eq(table_prefix_length(&v, OBJECT_ADDRESS, AF_INET6, 128), 64);
        a.prefix_length = 48;
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
        ck_assert_int_eq(table_prefix_length(&v, OBJECT_ADDRESS, AF_INET6, 128), 48);
        ck_assert_int_eq(table_prefix_length(&v, OBJECT_ADDRESS, AF_INET6, 47), -1);
        ck_assert_int_eq(table_prefix_length(&v, OBJECT_ADDRESS, AF_INET, 32), -1);
        ck_assert_int_eq(table_prefix_length(&v, OBJECT_ADDRESS, AF_UNSPEC, 128), -1);
        w = table_walk_prefix(&v, OBJECT_ADDRESS, &a.address, 64);
        ck_assert(!table_next(&v, &w, &got));
        w = table_walk_prefix(&v, OBJECT_ADDRESS, &a.address, 48);
        ck_assert(table_next(&v, &w, &got));
        ck_assert(!table_next(&v, &w, &got));
        w = table_walk_prefix(&v, OBJECT_ADDRESS, &a.address, 129);
        ck_assert(!table_next(&v, &w, &got));
        ck_assert(table_remove(t, OBJECT_ADDRESS, &a));
        ck_assert(!table_remove(t, OBJECT_ADDRESS, &a));
        ck_assert_int_eq(table_prefix_length(&v, OBJECT_ADDRESS, AF_INET6, 128), -1);
        table_end(t, 1);
}
END_TEST

START_TEST(empty) {
        _cleanup_(table_freep) Table *t = NULL;
        _cleanup_(link_texts_freep) LinkTexts *texts = NULL;
        IpAddress a = ip_make(AF_INET, "\x7f\0\0\1");
        LinkRecord l;
        TableView v, checked;
        TableWalk w;
        Record r;

        ck_assert_int_eq(table_new(NULL, &t), 0);
        v = table_view(t);
        ck_assert_uint_eq((uintptr_t) v.block % 4096, 0);
        ck_assert_int_eq(table_view_init(&checked, v.block, v.size), 0);
        ck_assert(!table_get_link(&v, 1, &l));
        ck_assert(!table_get_link(&v, 0, &l));
        ck_assert(!table_get_link(&v, -1, &l));
        ck_assert(!table_get_link_by_name(&v, "lo", 2, &l, NULL));
        ck_assert_int_eq(table_get_texts(&v, 1, &texts), 0);
        ck_assert_ptr_null(texts);
        for (ObjectType type = 0; type < _OBJECT_TYPE_MAX; type++) {
                ck_assert_uint_eq(table_count(&v, type), 0);
                w = table_walk_all(&v, type);
                ck_assert(!table_next(&v, &w, &r));
                ck_assert(!table_next(&v, &w, &r));
                w = table_walk_link(&v, type, 1);
                ck_assert(!table_next(&v, &w, &r));
        }
        w = table_walk_ip(&v, OBJECT_ADDRESS, &a);
        ck_assert(!table_next(&v, &w, &r));
        ck_assert_uint_eq(table_generation(&v), 0);
        ck_assert_str_eq(name_match_to_string(NAME_MATCH_ALTERNATIVE), "alternative-name");
}
END_TEST

START_TEST(sequence) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        LinkRecord link = { .ifindex = 1, .name = "one" };
        TableView v = table_view(t);
        uint64_t s = 77, other;

        ck_assert(table_read_begin(&v, &s));
        ck_assert(!table_read_retry(&v, s));
        /* Nothing changes: no trace. */
        table_begin(t);
        table_end(t, 0);
        ck_assert(!table_read_retry(&v, s));
        ck_assert_uint_eq(t->block->wake, 0);
        table_begin(t);
        ck_assert(!table_read_retry(&v, s));
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &link), 0);
        ck_assert_uint_eq(t->block->wake, 1);
        other = 77;
        ck_assert(!table_read_begin(&v, &other));
        ck_assert_uint_eq(other, 77);
        ck_assert(table_read_retry(&v, s));
        table_end(t, UINT64_C(0x100000005));
        ck_assert(table_read_retry(&v, s));
        ck_assert(table_read_begin(&v, &s));
        ck_assert(!table_read_retry(&v, s));
        ck_assert_uint_eq(table_generation(&v), UINT64_C(0x100000005));
        ck_assert_uint_eq(t->block->wake, 2);
        ck_assert_uint_eq(storage.n_published, 1);
        /* The same row again is no change, another generation is one. */
        table_begin(t);
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &link), 0);
        ck_assert(!table_read_retry(&v, s));
        table_end(t, UINT64_C(0x100000006));
        ck_assert(table_read_retry(&v, s));
        ck_assert_uint_eq(t->block->wake, 4);
}
END_TEST

static void fill_links(Table *t, int32_t from, int32_t to) {
        for (int32_t i = from; i <= to; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "l%d", i);
                set_link(t, i, name);
        }
}

/* A block that grows in the middle of a batch takes the readers' place only at its end. */
START_TEST(growth) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        TableView old, v;
        LinkRecord l;
        uint64_t s;

        table_begin(t);
        fill_links(t, 1, 10);
        t->block->writer_tid = 4711;
        table_end(t, 1);
        old = table_view(t);
        storage.fail_publish = true;
        table_begin(t);
        fill_links(t, 11, 500);
        ck_assert_ptr_ne(table_view(t).block, old.block);
        ck_assert_ptr_eq(storage.published, old.block);
        ck_assert_uint_eq(storage.n_blocks, 2);
        v = table_view(t);
        ck_assert(!table_read_begin(&v, &s));
        ck_assert(!table_read_begin(&old, &s));
        ck_assert_uint_eq(table_count(&old, OBJECT_LINK), 16);
        ck_assert(!table_superseded(&old));
        table_end(t, 2);
        /* Not published: readers are not shown a table that is no longer true. */
        ck_assert(!table_read_begin(&old, &s));
        ck_assert(!table_superseded(&old));
        ck_assert(table_read_begin(&v, &s));
        storage.fail_publish = false;
        table_begin(t);
        table_end(t, 3);
        ck_assert_ptr_eq(storage.published, v.block);
        ck_assert_uint_eq(storage.n_blocks, 1);
        ck_assert_uint_eq(storage.n_published, 2);
        ck_assert_int_eq(t->block->writer_tid, 4711);
        ck_assert_uint_eq(table_generation(&v), 3);
        for (int32_t i = 1; i <= 500; i++)
                ck_assert(table_get_link(&v, i, &l) && l.ifindex == i);
}
END_TEST

START_TEST(no_memory) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        _cleanup_(link_texts_freep) LinkTexts *texts = NULL, *got = NULL;
        TextSpan spans[20];
        LinkRecord l = make_link(17, "late");
        TableView v;
        uint8_t *before;

        table_begin(t);
        fill_links(t, 1, 16);
        v = table_view(t);
        before = malloc(v.size);
        memcpy(before, v.block, v.size);
        storage.fail_allocate = 0;
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), -ENOMEM);
        ck_assert_ptr_eq(table_view(t).block, v.block);
        ck_assert_mem_eq(before, v.block, v.size);
        for (unsigned i = 0; i < ELEMENTSOF(spans); i++)
                spans[i] = (TextSpan){ "abcdefghijklmnopqrstuvwxyz", i + 1 };
        ck_assert_int_eq(link_texts_new((TextSpan){ "", 0 }, spans, 3, &texts), 0);
        ck_assert_int_eq(table_set_texts(t, 1, texts), 0);
        texts = link_texts_free(texts);
        ck_assert_int_eq(link_texts_new((TextSpan){ "", 0 }, spans, ELEMENTSOF(spans), &texts), 0);
        ck_assert_int_eq(table_set_texts(t, 1, texts), -ENOMEM);
        ck_assert_int_eq(table_get_texts(&v, 1, &got), 0);
        ck_assert_uint_eq(got->n_altnames, 3);
        storage.fail_allocate = -1;
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), 0);
        ck_assert_int_eq(table_set_texts(t, 1, texts), 0);
        table_end(t, 1);
        free(before);
}
END_TEST

START_TEST(refused) {
        Storage storage = { 0 };
        _cleanup_(table_freep) Table *t = new_table(&storage);
        LinkRecord l = make_link(1, "a");
        AddressRecord a = make_address(1, "10.0.0.1", 33, NULL);
        TableView v = table_view(t);

        memset(l.name, 'x', sizeof(l.name));
        table_begin(t);
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), -EINVAL);
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), -EINVAL);
        ck_assert_int_eq(table_reserve(t, SECTION_GROUP, TABLE_ROWS_MAX + 1), -E2BIG);
        ck_assert_uint_eq(table_count(&v, OBJECT_LINK), 0);
        ck_assert_uint_eq(table_count(&v, OBJECT_ADDRESS), 0);
        table_end(t, 1);
}
END_TEST

/* The table must think of two rows as the same exactly when record_key() does. */
START_TEST(keys_as_elsewhere) {
        Random x = { .state = 0xcafe, .n_links = 2, .n_ips = 4, .n_names = 2 };

        for (unsigned i = 0; i < 20000; i++) {
                ObjectType type = i % _OBJECT_TYPE_MAX;
                Record a, b, ka, kb;
                TableKey x1, x2;

                random_record(&x, type, &a);
                random_record(&x, type, &b);
                record_key(type, &a, &ka);
                record_key(type, &b, &kb);
                table_key(type, INDEX_KEY, &a, &x1);
                table_key(type, INDEX_KEY, &b, &x2);
                ck_assert_int_eq(table_key_equal(&x1, &x2),
                                 memcmp(&ka, &kb, record_size(type)) == 0);
        }
}
END_TEST

/* Keys as the kernel gives them, one after the other, must not pile up in few buckets. */
START_TEST(hash_spreads) {
        enum {
                N = 4096
        };
        static uint8_t used[N];
        unsigned longest = 0, empty_buckets = 0;

        for (uint32_t i = 0; i < N; i++) {
                TableKey k = { .n = 3 };

                if (_i == 0)
                        k = (TableKey){ .words = { i }, .n = 1 };
                else if (_i == 1)
                        k.words[2] = (uint64_t) i << 52;
                else
                        k.words[1] = (uint64_t) i << 20;
                used[table_bucket(UINT64_C(0x123456789), k.words, k.n, N)]++;
        }
        for (unsigned i = 0; i < N; i++) {
                longest = CONST_MAX(longest, used[i]);
                empty_buckets += used[i] == 0;
                used[i] = 0;
        }
        ck_assert_uint_le(longest, 12);
        /* 1/e of them for a random function */
        ck_assert_uint_le(empty_buckets, N / 2);
}
END_TEST

int main(void) {
        Suite *s = suite_create("table");
        TCase *c = tcase_create("table");

        suite_add_tcase(s, c);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, empty);
        tcase_add_test(c, names);
        tcase_add_test(c, duplicate_names);
        tcase_add_test(c, texts_replaced);
        tcase_add_test(c, address_keys);
        tcase_add_test(c, network_changes);
        tcase_add_test(c, sequence);
        tcase_add_test(c, growth);
        tcase_add_test(c, no_memory);
        tcase_add_test(c, refused);
        tcase_add_test(c, keys_as_elsewhere);
        tcase_add_loop_test(c, hash_spreads, 0, 3);
        tcase_add_loop_test(c, random_small, 0, 4);
        tcase_add_test(c, random_large);
        return unit_run(s);
}
