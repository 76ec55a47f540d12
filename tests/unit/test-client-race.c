/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Many threads ask one handle, while the writer renames, changes, grows its table, dies and comes back,
 * and one more thread follows the events. Every row carries the number of its batch and a sum over
 * itself; an answer that fits no batch is a torn one. Built with ThreadSanitizer as well, which watches
 * the handle: threads read it without a lock.
 */

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ifroster.h"
#include "table-file.h"
#include "table-layout.h"
#include "unit.h"
#include "util.h"

#define N_READERS 3
#define N_LINKS_MIN 8
#define N_LINKS_MAX 300
#define RACE_USEC (1500 * USEC_PER_MSEC)

typedef struct Race {
        ifroster *handle;
        bool stop; /* atomic */
} Race;

typedef struct Reader {
        Race *race;
        unsigned n_answers, n_refused;
        const char *wrong; /* NULL: nothing */
} Reader;

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

static bool is_stopped(const Race *race) {
        return __atomic_load_n(&race->stop, __ATOMIC_RELAXED);
}

/* What a row of this batch has to hold, as the reader gets it: number and name. */
static uint32_t witness(int32_t ifindex, uint32_t batch) {
        return (batch * 2654435761u) ^ (uint32_t) ifindex * 40503u;
}

static void name_of(int32_t ifindex, uint32_t batch, char name[LINK_NAME_MAX + 1]) {
        (void) snprintf(name, LINK_NAME_MAX + 1, "l%d-%u", ifindex, batch % 4);
}

static void set_link(Table *t, int32_t ifindex, uint32_t batch) {
        LinkRecord l = { .ifindex = ifindex, .parent_nsid = -1, .incarnation = 1, .mtu = batch };

        name_of(ifindex, batch, l.name);
        l.flags = witness(ifindex, batch);
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), 0);
}

static void write_batch(TableFile *f, uint32_t batch, int32_t n_links) {
        table_file_begin(f);
        for (int32_t i = 1; i <= n_links; i++)
                set_link(f->table, i, batch);
        table_file_end(f);
}

static const char *check_row(const ifroster_row *row) {
        char name[LINK_NAME_MAX + 1];

        if (ifroster_row_flags(row) != witness(ifroster_row_ifindex(row), ifroster_row_mtu(row)))
                return "a row of two batches";
        name_of(ifroster_row_ifindex(row), ifroster_row_mtu(row), name);
        return strcmp(name, ifroster_row_name(row)) == 0 ? NULL : "a name of another batch";
}

static bool may_fail(int r) {
        return r == -ENOTCONN || r == -EAGAIN || r == -ENODEV;
}

/* A name that is found says the index itself; all others are those of other batches. */
static const char *ask_name(Reader *reader, unsigned n) {
        int32_t ifindex = 1 + (int32_t) (n % N_LINKS_MIN);
        char name[LINK_NAME_MAX + 1];
        int r;

        name_of(ifindex, n / N_LINKS_MIN, name);
        r = ifroster_index(reader->race->handle, name);
        reader->n_answers += r > 0;
        reader->n_refused += r < 0;
        if (r > 0)
                return r == ifindex ? NULL : "a name of another link";
        return may_fail(r) ? NULL : "an error that cannot be";
}

static const char *ask_row(Reader *reader, unsigned n, ifroster_row *row) {
        int r;

        r = ifroster_get_link(reader->race->handle, 1 + (int) (n % N_LINKS_MAX), row);
        if (r < 0)
                return may_fail(r) ? NULL : "an error that cannot be";
        return check_row(row);
}

/* All rows of a walk that is not refused are of one batch. */
static const char *walk(const ifroster *h, bool frozen, ifroster_row *row) {
        const char *wrong = NULL;
        uint32_t batch = 0;
        ifroster_walk *w;
        int r;

        if (ifroster_walk_new(h, IFROSTER_LINK, 0, 0, &w) < 0)
                return "out of memory";
        while (!wrong && (r = ifroster_walk_next(w, row)) > 0) {
                if (batch == 0)
                        batch = ifroster_row_mtu(row);
                wrong = ifroster_row_mtu(row) != batch ? "a walk over two batches" : check_row(row);
        }
        if (!wrong && r < 0 && (frozen || (r != -ESTALE && !may_fail(r))))
                wrong = "a walk that cannot end so";
        (void) ifroster_walk_free(w);
        return wrong;
}

static const char *ask_snapshot(Reader *reader, ifroster_row *row) {
        const char *wrong;
        ifroster *frozen;
        int r;

        r = ifroster_snapshot(reader->race->handle, &frozen);
        if (r < 0)
                return may_fail(r) ? NULL : "an error that cannot be";
        wrong = walk(frozen, /* frozen= */ true, row);
        (void) ifroster_free(frozen);
        return wrong;
}

static void *read_on(void *userdata) {
        Reader *reader = userdata;
        ifroster_row *row;

        if (ifroster_row_new(&row) < 0)
                return NULL;
        for (unsigned n = 0; !is_stopped(reader->race) && !reader->wrong; n++) {
                reader->wrong = ask_name(reader, n);
                if (!reader->wrong)
                        reader->wrong = ask_row(reader, n, row);
                if (!reader->wrong && n % 64 == 0)
                        reader->wrong = ask_snapshot(reader, row);
                if (!reader->wrong && n % 64 == 32)
                        reader->wrong = walk(reader->race->handle, /* frozen= */ false, row);
        }
        (void) ifroster_row_free(row);
        return NULL;
}

static void *follow(void *userdata) {
        Reader *reader = userdata;
        struct pollfd p = { .fd = ifroster_get_fd(reader->race->handle), .events = POLLIN };

        while (!is_stopped(reader->race) && !reader->wrong) {
                const ifroster_event *e;

                (void) poll(&p, 1, 10);
                (void) ifroster_dispatch(reader->race->handle);
                while (!reader->wrong && (e = ifroster_next_event(reader->race->handle))) {
                        reader->n_answers++;
                        if (ifroster_event_row(e))
                                reader->wrong = check_row(ifroster_event_row(e));
                }
        }
        return NULL;
}

static void write_on(TableFile *f, uint64_t until) {
        uint32_t batch = 1;
        int32_t n_links = N_LINKS_MIN;

        while (now_usec() < until) {
                const struct timespec pause = { .tv_nsec = (long) (batch % 7) * 20000 };

                write_batch(f, ++batch, n_links);
                n_links += n_links < N_LINKS_MAX ? (int32_t) (batch % 2) : 0;
                if (batch % 512 == 0) {
                        table_file_stop(f);
                        table_file_start(f);
                        n_links = N_LINKS_MIN;
                }
                (void) nanosleep(&pause, NULL);
        }
}

START_TEST(no_answer_is_torn) {
        pthread_t threads[N_READERS + 1];
        Reader readers[N_READERS + 1] = {};
        const char *seconds = getenv("IFROSTER_TEST_SECONDS");
        Race race = {};
        TableFile f;

        table_file_init(&f);
        table_file_start(&f);
        write_batch(&f, 1, N_LINKS_MIN);
        ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &race.handle), 0);
        for (unsigned i = 0; i <= N_READERS; i++) {
                readers[i].race = &race;
                ck_assert_int_eq(pthread_create(&threads[i], NULL, i < N_READERS ? read_on : follow,
                                                &readers[i]),
                                 0);
        }
        write_on(&f, now_usec() + (seconds ? strtoull(seconds, NULL, 10) * USEC_PER_SEC
                                           : (uint64_t) RACE_USEC));
        __atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
        for (unsigned i = 0; i <= N_READERS; i++) {
                ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
                ck_assert_msg(!readers[i].wrong, "%s", readers[i].wrong);
                ck_assert_uint_gt(readers[i].n_answers, 100);
        }
        (void) ifroster_free(race.handle);
        table_file_done(&f);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-race");
        TCase *t = tcase_create("client-race");

        tcase_add_test(t, no_answer_is_torn);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(suite());
}
