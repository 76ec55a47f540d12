/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The client on a table that somebody else writes: its answers against those of a private table with
 * the same rows, its events against the table, and what it does when the writer grows the table, stops,
 * dies, comes back, or is no daemon at all. The handles may not read netlink, so every answer is from
 * the file or an error.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "client-internal.h"
#include "ifroster.h"
#include "lookup.h"
#include "table-file.h"
#include "table-layout.h"
#include "table-random.h"
#include "util.h"

/* Notice of a writer that died or stopped */
#define NOTICE_USEC (100 * USEC_PER_MSEC)
/* For a loaded machine; what is told is the real time */
#define SLACK_USEC (200 * USEC_PER_MSEC)

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

static ifroster *open_shared(const TableFile *f) {
        ifroster *h;

        ck_assert_int_eq(ifroster_new(f->path, IFROSTER_SHARED_ONLY, &h), 0);
        ck_assert_int_eq(ifroster_is_shared(h), 1);
        return h;
}

static void set_link(Table *t, int32_t ifindex, const char *name, uint64_t incarnation) {
        LinkRecord l = { .ifindex = ifindex, .parent_nsid = -1, .incarnation = incarnation };

        (void) strncpy(l.name, name, LINK_NAME_MAX);
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), 0);
}

static void start_with_link(TableFile *f, const char *name) {
        table_file_start(f);
        table_file_begin(f);
        set_link(f->table, 1, name, 1);
        table_file_end(f);
}

/* Answers ---------------------------------------------------------------------------------- */

static void set_random(Random *x, Table *a, Table *b) {
        ObjectType type = (ObjectType) random_next(x, _OBJECT_TYPE_MAX);
        char name[48];
        TextSpan span;
        LinkTexts *texts;
        Record r;

        random_record(x, type, &r);
        if (type == OBJECT_LINK)
                r.link.incarnation = 7;
        if (random_next(x, 4) == 0) {
                ck_assert_int_eq(table_remove(a, type, &r), table_remove(b, type, &r));
                return;
        }
        ck_assert_int_eq(table_set(a, type, &r), 0);
        ck_assert_int_eq(table_set(b, type, &r), 0);
        if (type != OBJECT_LINK)
                return;
        random_name(x, name, sizeof(name));
        span = (TextSpan){ name, strlen(name) };
        ck_assert_int_eq(link_texts_new(span, &span, random_next(x, 2), &texts), 0);
        ck_assert_int_eq(table_set_texts(a, r.link.ifindex, texts), 0);
        ck_assert_int_eq(table_set_texts(b, r.link.ifindex, texts), 0);
        (void) link_texts_free(texts);
}

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
        h = open_shared(&f);
        for (unsigned round = 0; round < 60; round++) {
                TableView v;

                table_file_begin(&f);
                table_begin(own);
                for (unsigned i = 0; i < 40; i++)
                        set_random(&x, f.table, own);
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
        start_with_link(&f, "one");
        table_file_begin(&f);
        set_link(f.table, 2, "two", 2);
        table_file_end(&f);
        h = open_shared(&f);
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_walk_new(h, IFROSTER_LINK, 0, 0, &w), 0);
        ck_assert_int_eq(ifroster_walk_next(w, row), 1);
        ck_assert_int_eq(ifroster_snapshot(h, &frozen), 0);
        table_file_begin(&f);
        set_link(f.table, 1, "uno", 1);
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

/* Asks until the answer is this one, and fails when that takes too long. */
static void await_index(const ifroster *h, const char *name, int wanted, uint64_t usec) {
        uint64_t end = now_usec() + usec;
        int r;

        while ((r = ifroster_index(h, name)) != wanted)
                ck_assert_msg(now_usec() < end, "%s is still %d, not %d", name, r, wanted);
}

START_TEST(a_dead_writer_is_noticed_and_its_successor_found) {
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        start_with_link(&f, "first");
        h = open_shared(&f);
        for (unsigned i = 0; i < 5; i++) {
                table_file_stop(&f);
                await_index(h, "first", -ENOTCONN, NOTICE_USEC + SLACK_USEC);
                ck_assert_int_eq(ifroster_is_shared(h), 0);
                start_with_link(&f, "first");
                await_index(h, "first", 1, NOTICE_USEC + SLACK_USEC);
        }
        /* Dead, and at once alive as another one, with other rows */
        table_file_stop(&f);
        start_with_link(&f, "second");
        await_index(h, "second", 1, NOTICE_USEC + SLACK_USEC);
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
        start_with_link(&f, "one");
        h = open_shared(&f);
        table_file_begin(&f);
        set_link(f.table, 1, "two", 1);
        begin = now_usec();
        ck_assert_int_eq(ifroster_index(h, "one"), -ENOTCONN);
        ck_assert_uint_lt(now_usec() - begin, NOTICE_USEC + SLACK_USEC);
        /* That it is still stopped costs next to nothing. */
        begin = now_usec();
        for (unsigned i = 0; i < 100; i++)
                ck_assert_int_eq(ifroster_index(h, "two"), -ENOTCONN);
        ck_assert_uint_lt(now_usec() - begin, SLACK_USEC);
        table_file_end(&f);
        await_index(h, "two", 1, NOTICE_USEC + SLACK_USEC);
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
        start_with_link(&f, "one");
        h = open_shared(&f);
        table_file_begin(&f);
        set_link(f.table, 1, "two", 1);
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
        start_with_link(&f, "one");
        h = open_shared(&f);
        generation = ifroster_generation(h);
        begin = now_usec();
        ck_assert_int_eq(ifroster_wait(h, generation, 30 * USEC_PER_MSEC), 0);
        ck_assert_uint_ge(now_usec() - begin, 30 * USEC_PER_MSEC);
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

/* Events ----------------------------------------------------------------------------------- */

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

        record_key(row->type, &row->record, &key);
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
                record_key(row->type, &row->record, &told->key);
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
        set_link(t, 100, name, 100);
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
        h = open_shared(&f);
        for (unsigned round = 0; round < 300; round++) {
                table_file_begin(&f);
                table_begin(unused);
                for (unsigned i = random_next(&x, 20); i > 0; i--)
                        set_random(&x, f.table, unused);
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
        start_with_link(&f, "old");
        table_file_begin(&f);
        ck_assert_int_eq(table_set(f.table, OBJECT_GROUP, &g), 0);
        table_file_end(&f);
        h = open_shared(&f);
        ck_assert_int_eq(ifroster_dispatch(h), 1);
        expect(h, IFROSTER_EVENT_EXISTING, IFROSTER_LINK, 1);
        expect(h, IFROSTER_EVENT_EXISTING, IFROSTER_GROUP, 1);
        ck_assert_ptr_null(ifroster_next_event(h));

        table_file_begin(&f);
        set_link(f.table, 1, "new", 2);
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
        set_link(f.table, 1, "newer", 2);
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
        start_with_link(&f, "a");
        h = open_shared(&f);
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
                        set_link(f.table, j, j == 1 ? name : "x", (uint64_t) j);
                set_link(f.table, 1, name, 1);
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
        start_with_link(&f, "b");
        while (ifroster_dispatch(h) != 1)
                ck_assert(is_readable(fd, 1000));
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

/* Files that are no tables for us ---------------------------------------------------------- */

typedef struct BadFile {
        const char *what;
        void (*make)(TableFile *f);
} BadFile;

static void bad_magic(TableFile *f) {
        table_file_header(f)->magic++;
}

static void bad_version(TableFile *f) {
        table_file_header(f)->version++;
}

static void bad_header_size(TableFile *f) {
        table_file_header(f)->header_size = 0;
}

static void bad_block_size(TableFile *f) {
        table_file_header(f)->block_size *= 1000;
}

static void bad_capacity(TableFile *f) {
        table_file_header(f)->sections[0].capacity = TABLE_ROWS_MAX;
}

static void bad_offset(TableFile *f) {
        table_file_header(f)->sections[0].rows_offset = UINT64_MAX - 7;
}

static void superseded(TableFile *f) {
        table_file_header(f)->superseded = 1;
}

static void shortened(TableFile *f) {
        ck_assert_int_eq(truncate(f->path, sizeof(TableHeader)), 0);
}

static void empty(TableFile *f) {
        ck_assert_int_eq(truncate(f->path, 0), 0);
}

static void writable(TableFile *f) {
        ck_assert_int_eq(chmod(f->path, 0464), 0);
}

static void of_a_stranger(TableFile *f) {
        if (geteuid() == 0)
                ck_assert_int_eq(chown(f->path, 12345, 12345), 0);
        else
                writable(f);
}

static void unlocked(TableFile *f) {
        struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

        ck_assert_int_eq(fcntl(f->blocks[0].fd, F_OFD_SETLK, &lock), 0);
}

/* Anybody who can read a file can have this lock. */
static void locked_for_reading(TableFile *f) {
        struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

        ck_assert_int_eq(fcntl(f->blocks[0].fd, F_OFD_SETLK, &lock), 0);
}

static void missing(TableFile *f) {
        ck_assert_int_eq(unlink(f->path), 0);
}

static void directory(TableFile *f) {
        missing(f);
        ck_assert_int_eq(mkdir(f->path, 0755), 0);
}

static void fifo(TableFile *f) {
        missing(f);
        ck_assert_int_eq(mkfifo(f->path, 0444), 0);
}

static void link_to_it(TableFile *f) {
        char other[64];

        (void) snprintf(other, sizeof(other), "%s.other", f->path);
        ck_assert_int_eq(rename(f->path, other), 0);
        ck_assert_int_eq(symlink(other, f->path), 0);
}

static const BadFile bad_files[] = {
        { "foreign magic", bad_magic },
        { "foreign version", bad_version },
        { "header size", bad_header_size },
        { "block size", bad_block_size },
        { "capacity", bad_capacity },
        { "offset", bad_offset },
        { "superseded", superseded },
        { "shortened", shortened },
        { "empty", empty },
        { "writable by others", writable },
        { "of a stranger", of_a_stranger },
        { "unlocked", unlocked },
        { "locked for reading", locked_for_reading },
        { "missing", missing },
        { "a directory", directory },
        { "a fifo", fifo },
        { "a symbolic link", link_to_it },
};

START_TEST(no_table_no_answer) {
        const BadFile *bad = &bad_files[_i];
        char other[64];
        TableFile f;
        ifroster *h = NULL;
        int r;

        table_file_init(&f);
        start_with_link(&f, "one");
        bad->make(&f);
        r = ifroster_new(f.path, IFROSTER_SHARED_ONLY, &h);
        ck_assert_msg(r == -ENOTCONN, "%s: %d", bad->what, r);
        ck_assert_ptr_null(h);
        (void) snprintf(other, sizeof(other), "%s.other", f.path);
        (void) unlink(other);
        (void) rmdir(f.path);
        table_file_done(&f);
}
END_TEST

/* Rows, chains and counters may be anything, also under a calm sequence and a living writer. */
START_TEST(garbage_gives_wrong_answers_at_worst) {
        Random x = { .state = 99, .n_links = 30, .n_ips = 50, .n_names = 40 };
        TableFile f;
        ifroster *h;
        Table *own;

        table_file_init(&f);
        table_file_start(&f);
        ck_assert_int_eq(table_new(NULL, &own), 0);
        table_file_begin(&f);
        table_begin(own);
        for (unsigned i = 0; i < 500; i++)
                set_random(&x, f.table, own);
        table_end(own, 1);
        table_file_end(&f);
        h = open_shared(&f);
        for (unsigned round = 0; round < 200; round++) {
                uint8_t *bytes = (uint8_t *) table_file_header(&f);
                size_t size = table_file_header(&f)->block_size, at;
                ifroster *frozen;
                char name[48], text[IFROSTER_ADDRESS_SIZE], *json;
                IpAddress a = random_ip(&x, random_family(&x));
                int links[4], type;

                /* Behind what the writer itself relies on: sizes and the sequence */
                at = offsetof(TableHeader, prefixes) +
                     random_next(&x, (uint32_t) (size - offsetof(TableHeader, prefixes)));
                for (unsigned i = 0; i < 8 && at + i < size; i++)
                        bytes[at + i] = (uint8_t) (random_next(&x, 3) == 0 ? 0xff
                                                                           : random_next(&x, 256));
                random_name(&x, name, sizeof(name));
                (void) ifroster_index(h, name);
                (void) ifroster_find_link(h, name, NULL);
                (void) ifroster_name(h, random_ifindex(&x), text);
                (void) ifroster_lookup(h, a.family, a.bytes, 0, &type, links, 4);
                (void) ifroster_format(h, a.family, a.bytes, 1, text, sizeof(text));
                if (ifroster_snapshot(h, &frozen) >= 0) {
                        if (ifroster_describe_json(frozen, &json) >= 0)
                                free(json);
                        (void) ifroster_free(frozen);
                }
                if (ifroster_link_json(h, random_ifindex(&x), 0, &json) >= 0)
                        free(json);
                if (ifroster_dispatch(h) > 0)
                        while (ifroster_next_event(h))
                                ;
        }
        (void) ifroster_free(h);
        (void) table_free(own);
        table_file_stop(&f);
        table_file_done(&f);
}
END_TEST

/* A file that its owner shortens under its readers, which no daemon does, is found out at the next look
 * at the daemon. */
START_TEST(a_shortened_file_is_given_up) {
        struct timespec longer = { .tv_nsec = 60 * 1000 * 1000 };
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        start_with_link(&f, "one");
        h = open_shared(&f);
        ck_assert_int_eq(ifroster_index(h, "one"), 1);
        ck_assert_int_eq(truncate(f.path, 0), 0);
        (void) nanosleep(&longer, NULL);
        ck_assert_int_eq(ifroster_index(h, "one"), -ENOTCONN);
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
        tcase_add_test(t, events_make_the_table);
        tcase_add_test(t, another_link_with_the_same_index_is_another_link);
        tcase_add_test(t, the_descriptor_tells_of_changes_and_of_death);
        tcase_add_loop_test(t, no_table_no_answer, 0, ELEMENTSOF(bad_files));
        tcase_add_test(t, garbage_gives_wrong_answers_at_worst);
        tcase_add_test(t, a_shortened_file_is_given_up);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        SRunner *runner = srunner_create(suite());
        int failed;

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0;
}
