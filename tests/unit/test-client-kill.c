/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A writer that dies or stops at any point of an update: at each single store to the shared block, in
 * turn. The writer is the real one, compiled here once more with a counter in front of every store.
 * Readers that have the table mapped must see the rows from before the batch, or those from after it,
 * or be told in bounded time that there is no table; a reader that comes later likewise.
 */

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ifroster.h"
#include "table-file.h"
#include "table-internal.h"
#include "util.h"

/* What the kernel promises to its own: notice within 100 ms; the rest is for a loaded machine. */
#define NOTICE_USEC (300 * USEC_PER_MSEC)

static unsigned stores_left; /* 0: without end */
static int last_store_signal;

static void count_store(void) {
        if (stores_left > 0 && --stores_left == 0) {
                (void) raise(last_store_signal);
                /* After SIGSTOP and SIGCONT: go on. */
        }
}

static void counted_row_store(uint8_t *row, const void *from, size_t size) {
        for (size_t i = 0; i < size; i += 8) {
                count_store();
                row_store(row + i, (const uint8_t *) from + i, 8);
        }
}

/* The functions of these names are already defined above; from here on each call counts. */
#define store32(p, v) (count_store(), store32((p), (v)))
#define store64(p, v) (count_store(), store64((p), (v)))
#define row_store(row, from, size) counted_row_store((row), (from), (size))
#define __atomic_store_n(p, v, order) (count_store(), __atomic_store_n((p), (v), (order)))
#include "../../lib/table-grow.c"
#include "../../lib/table.c"
#include "unit.h"
#undef store32
#undef store64
#undef row_store
#undef __atomic_store_n

/* The batch ---------------------------------------------------------------------------------- */

#define N_LINKS 12

static void set_link(Table *t, int32_t ifindex, const char *name, uint32_t batch) {
        LinkRecord l = { .ifindex = ifindex, .parent_nsid = -1, .incarnation = 1, .mtu = batch };

        (void) strncpy(l.name, name, LINK_NAME_MAX);
        /* The row's own witness */
        l.flags = batch;
        l.tx_queue_length = batch;
        l.carrier_changes = batch;
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), 0);
}

static void set_texts(Table *t, int32_t ifindex, const char *name) {
        TextSpan span = { name, strlen(name) };
        LinkTexts *texts;

        ck_assert_int_eq(link_texts_new(span, &span, 1, &texts), 0);
        ck_assert_int_eq(table_set_texts(t, ifindex, texts), 0);
        (void) link_texts_free(texts);
}

static void write_before(TableFile *f) {
        AddressRecord a = { .ifindex = 1, .prefix_length = 24 };

        a.address = (IpAddress){ .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
        table_file_begin(f);
        for (int32_t i = 1; i <= N_LINKS; i++)
                set_link(f->table, i, i % 2 ? "odd" : "even", 1);
        set_link(f->table, 1, "one", 1);
        set_texts(f->table, 1, "first");
        ck_assert_int_eq(table_set(f->table, OBJECT_ADDRESS, &a), 0);
        table_file_end(f);
}

/* A rename, changes in place, rows that come and go, an own address on another link; grow: more rows
 * than there is room for. */
static void write_after(TableFile *f, bool grow) {
        AddressRecord a = { .ifindex = 1, .prefix_length = 24 };
        int32_t n = grow ? 40 : N_LINKS;

        a.address = (IpAddress){ .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
        table_file_begin(f);
        ck_assert(table_remove(f->table, OBJECT_ADDRESS, &a));
        a.ifindex = 2;
        ck_assert_int_eq(table_set(f->table, OBJECT_ADDRESS, &a), 0);
        for (int32_t i = 1; i <= n; i++)
                set_link(f->table, i, i % 2 ? "odd" : "even", 2);
        set_link(f->table, 1, "uno", 2);
        set_texts(f->table, 1, "second");
        table_file_end(f);
}

/* The reader ----------------------------------------------------------------------------------- */

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

/* What all questions together say: batch 1, batch 2, or -ENOTCONN. Anything mixed fails. */
static int read_all(const ifroster *h) {
        uint64_t begin = now_usec();
        ifroster_walk *w;
        int batch, n;
        ifroster *frozen;
        ifroster_row *row;

        /* Questions one by one could each be of another batch; those to a snapshot could not. */
        n = ifroster_snapshot(h, &frozen);
        ck_assert_uint_lt(now_usec() - begin, NOTICE_USEC);
        if (n < 0) {
                ck_assert_int_eq(n, -ENOTCONN);
                return -ENOTCONN;
        }
        batch = (int) ifroster_generation(frozen) - 1;
        ck_assert_int_eq(ifroster_row_new(&row), 0);
        ck_assert_int_eq(ifroster_index(frozen, "one"), batch == 1 ? 1 : -ENODEV);
        ck_assert_int_eq(ifroster_index(frozen, "uno"), batch == 2 ? 1 : -ENODEV);
        ck_assert_int_eq(ifroster_index(frozen, "first"), batch == 1 ? 1 : -ENODEV);
        ck_assert_int_eq(ifroster_index(frozen, "second"), batch == 2 ? 1 : -ENODEV);
        ck_assert_int_eq(ifroster_walk_new(frozen, IFROSTER_ADDRESS, 0, 0, &w), 0);
        ck_assert_int_eq(ifroster_walk_next(w, row), 1);
        ck_assert_int_eq(ifroster_row_ifindex(row), batch);
        ck_assert_int_eq(ifroster_walk_next(w, row), 0);
        (void) ifroster_walk_free(w);
        for (int i = 1; i <= N_LINKS; i++) {
                int64_t value;

                ck_assert_int_eq(ifroster_get_link(frozen, i, row), 0);
                ck_assert_uint_eq(ifroster_row_mtu(row), (unsigned) batch);
                ck_assert_uint_eq(ifroster_row_flags(row), (unsigned) batch);
                ck_assert_int_eq(ifroster_row_get_int(row, "TransmitQueueLength", &value), 0);
                ck_assert_int_eq(value, batch);
        }
        (void) ifroster_row_free(row);
        (void) ifroster_free(frozen);
        return batch;
}

/* The writer's process ------------------------------------------------------------------------ */

typedef struct Writer {
        pid_t pid;
        int from, to;
} Writer;

static void run_writer(TableFile *f, bool grow, unsigned store, int sig, int from, int to) {
        char byte = 0;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        table_file_start(f);
        write_before(f);
        if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
                _exit(1);
        last_store_signal = sig;
        stores_left = store;
        write_after(f, grow);
        stores_left = 0;
        if (write(to, &byte, 1) != 1)
                _exit(1);
        for (;;)
                (void) pause();
}

/* Returns when the first batch is there. */
static Writer start_writer(TableFile *f, bool grow, unsigned store, int sig) {
        int up[2], down[2];
        Writer w;
        char byte;

        ck_assert_int_eq(pipe(up), 0);
        ck_assert_int_eq(pipe(down), 0);
        w.pid = fork();
        ck_assert_int_ge(w.pid, 0);
        if (w.pid == 0)
                run_writer(f, grow, store, sig, down[0], up[1]);
        (void) close(down[0]);
        (void) close(up[1]);
        w.from = up[0];
        w.to = down[1];
        ck_assert_int_eq(read(w.from, &byte, 1), 1);
        return w;
}

/* Lets it write the second batch, and returns when the signal has come; false: it never came, the batch
 * has fewer stores. How many it has depends on which keys share a bucket, so on the table's seed. */
static bool go(const Writer *w, int sig) {
        struct pollfd p = { .fd = w->from, .events = POLLIN };
        uint64_t end = now_usec() + 10 * USEC_PER_SEC;
        char byte = 0;

        ck_assert_int_eq(write(w->to, &byte, 1), 1);
        while (now_usec() < end) {
                int status;

                if (waitpid(w->pid, &status, WUNTRACED | WNOHANG) == w->pid) {
                        ck_assert(WIFSTOPPED(status) || WTERMSIG(status) == SIGKILL);
                        return true;
                }
                /* A hangup is the end, which waitpid() then tells; nothing tells of a stop. */
                if (poll(&p, 1, sig == SIGKILL ? 10000 : 1) > 0 && p.revents & POLLIN)
                        return false;
        }
        ck_abort_msg("the writer neither ends nor stops");
}

static void end_writer(const Writer *w) {
        (void) kill(w->pid, SIGKILL);
        (void) waitpid(w->pid, NULL, 0);
        (void) close(w->from);
        (void) close(w->to);
}

/* Also what the writer left behind when it was killed. */
static void clean(const TableFile *f) {
        DIR *d = opendir(f->directory);
        const struct dirent *entry;

        ck_assert_ptr_nonnull(d);
        while ((entry = readdir(d)))
                (void) unlinkat(dirfd(d), entry->d_name, 0);
        (void) closedir(d);
        ck_assert_int_eq(rmdir(f->directory), 0);
}

static bool may_grow(int i) {
        return i == 1;
}

START_TEST(killed_at_any_store) {
        bool grow = may_grow(_i);
        unsigned n = 0, n_before = 0, n_gone = 0, n_runs = 0;
        /* Growing has the same stores again, and more: some of them will do when there is no time. */
        unsigned step = grow && !getenv("IFROSTER_TEST_EVERY_STORE") ? 5 : 1;

        for (bool killed = true; killed; n += step, n_runs++) {
                ifroster *h, *late = NULL;
                TableFile f;
                Writer w;
                int r;

                table_file_init(&f);
                w = start_writer(&f, grow, n + 1, SIGKILL);
                ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &h), 0);
                ck_assert_int_eq(read_all(h), 1);
                killed = go(&w, SIGKILL);
                r = read_all(h);
                n_before += r == 1;
                n_gone += r == -ENOTCONN;
                if (killed)
                        ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &late),
                                         -ENOTCONN);
                else
                        ck_assert_int_eq(r, 2);
                (void) ifroster_free(h);
                end_writer(&w);
                clean(&f);
        }
        /* Before the first two stores the table is calm, and at the end; hardly ever in between. */
        ck_assert_uint_gt(n, 100);
        ck_assert_uint_ge(n_before, 1);
        ck_assert_uint_ge(n_gone, n_runs - 6);
}
END_TEST

START_TEST(stopped_at_some_store) {
        bool grow = may_grow(_i);
        for (unsigned store = 1; store < 300; store += 60) {
                uint64_t end;
                ifroster *h;
                TableFile f;
                Writer w;
                char byte;
                int r;

                table_file_init(&f);
                w = start_writer(&f, grow, store, SIGSTOP);
                ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &h), 0);
                ck_assert(go(&w, SIGSTOP));
                r = read_all(h);
                /* A larger block may be complete and public before the old one says so. */
                if (store == 1)
                        ck_assert_int_eq(r, 1);
                else
                        ck_assert(r == -ENOTCONN || (grow && r == 2));
                ck_assert_int_eq(kill(w.pid, SIGCONT), 0);
                ck_assert_int_eq(read(w.from, &byte, 1), 1);
                end = now_usec() + NOTICE_USEC;
                while ((r = read_all(h)) != 2)
                        ck_assert_msg(now_usec() < end, "still %d", r);
                (void) ifroster_free(h);
                end_writer(&w);
                clean(&f);
        }
}
END_TEST

/* Who only waits is woken by several others in a row: that much more on a loaded machine. Without its
 * mechanism each of these waits would last until its end. */
#define LATE_NOTICE_USEC USEC_PER_SEC

/* Clients that wait ------------------------------------------------------------------------------ */

static bool is_readable(int fd, uint64_t usec) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, (int) (usec / USEC_PER_MSEC)) > 0;
}

/* One who does nothing but wait for the descriptor, until dispatching has this result. */
static void await_dispatch(ifroster *h, int fd, int wanted) {
        uint64_t now = now_usec(), end = now + LATE_NOTICE_USEC;
        int r = 0;

        while (r != wanted && now < end) {
                if (is_readable(fd, end - now))
                        r = ifroster_dispatch(h);
                now = now_usec();
        }
        ck_assert_msg(r == wanted, "%d, not %d", r, wanted);
        while (ifroster_next_event(h))
                ;
}

static void become_idle(ifroster *h, int fd) {
        while (is_readable(fd, 50 * USEC_PER_MSEC))
                while (ifroster_dispatch(h) > 0)
                        while (ifroster_next_event(h))
                                ;
}

typedef struct Sleeper {
        ifroster *handle;
        uint64_t begin, end;
        int result;
} Sleeper;

static void *sleep_in_wait(void *userdata) {
        Sleeper *s = userdata;

        s->result = ifroster_wait(s->handle, ifroster_generation(s->handle), 10 * USEC_PER_SEC);
        s->end = now_usec();
        return NULL;
}

/* The table is calm for two stores, the announcement and the sequence; then those who wait are awake. */
START_TEST(those_who_wait_notice_a_stop) {
        static const unsigned stores[] = { 3, 4, 11, 40, 100 };
        bool grow = may_grow(_i);

        for (size_t i = 0; i < ELEMENTSOF(stores); i++) {
                Sleeper sleeper = {};
                pthread_t thread;
                ifroster *h;
                TableFile f;
                Writer w;
                char byte;
                int fd;

                table_file_init(&f);
                w = start_writer(&f, grow, stores[i], SIGSTOP);
                ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &h), 0);
                ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &sleeper.handle), 0);
                fd = ifroster_get_fd(h);
                become_idle(h, fd);
                /* All is well: nothing wakes it. */
                ck_assert(!is_readable(fd, 250 * USEC_PER_MSEC));
                ck_assert_int_eq(pthread_create(&thread, NULL, sleep_in_wait, &sleeper), 0);
                (void) usleep(20 * 1000);
                ck_assert(go(&w, SIGSTOP));
                sleeper.begin = now_usec();
                await_dispatch(h, fd, -ENOTCONN);
                ck_assert_int_eq(pthread_join(thread, NULL), 0);
                ck_assert_int_eq(sleeper.result, -ENOTCONN);
                ck_assert(sleeper.end < sleeper.begin + LATE_NOTICE_USEC);

                ck_assert_int_eq(kill(w.pid, SIGCONT), 0);
                ck_assert_int_eq(read(w.from, &byte, 1), 1);
                await_dispatch(h, fd, 1);
                ck_assert_int_eq(ifroster_index(h, "uno"), 1);
                become_idle(h, fd);
                ck_assert(!is_readable(fd, 250 * USEC_PER_MSEC));
                (void) ifroster_free(sleeper.handle);
                (void) ifroster_free(h);
                end_writer(&w);
                clean(&f);
        }
}
END_TEST

START_TEST(those_who_wait_notice_a_death) {
        static const unsigned stores[] = { 1, 2, 3, 40, 100 };

        for (size_t i = 0; i < ELEMENTSOF(stores); i++) {
                Sleeper sleeper = {};
                pthread_t thread;
                ifroster *h;
                TableFile f;
                Writer w;
                int fd;

                table_file_init(&f);
                w = start_writer(&f, may_grow(_i), stores[i], SIGKILL);
                ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &h), 0);
                ck_assert_int_eq(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &sleeper.handle), 0);
                fd = ifroster_get_fd(h);
                become_idle(h, fd);
                ck_assert_int_eq(pthread_create(&thread, NULL, sleep_in_wait, &sleeper), 0);
                (void) usleep(20 * 1000);
                sleeper.begin = now_usec();
                ck_assert(go(&w, SIGKILL));
                await_dispatch(h, fd, -ENOTCONN);
                ck_assert_int_eq(pthread_join(thread, NULL), 0);
                ck_assert_int_eq(sleeper.result, -ENOTCONN);
                ck_assert(sleeper.end < sleeper.begin + LATE_NOTICE_USEC);
                (void) ifroster_free(sleeper.handle);
                (void) ifroster_free(h);
                end_writer(&w);
                clean(&f);
        }
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-kill");
        TCase *t = tcase_create("client-kill");

        tcase_add_loop_test(t, killed_at_any_store, 0, 2);
        tcase_add_loop_test(t, stopped_at_some_store, 0, 2);
        tcase_add_loop_test(t, those_who_wait_notice_a_stop, 0, 2);
        tcase_add_loop_test(t, those_who_wait_notice_a_death, 0, 2);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(suite());
}
