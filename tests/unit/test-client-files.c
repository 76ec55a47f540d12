/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files that a client must not believe: those that are no tables, those of the wrong people, those that
 * are damaged, replaced or changed in size while they are mapped. It may say that there is no table, and
 * of a damaged one that is sound at first sight something wrong; it may not crash, and not run on.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "ifroster.h"
#include "shared-fixture.h"
#include "table-file.h"
#include "table-layout.h"
#include "table-random.h"
#include "unit.h"
#include "util.h"

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
        shared_start_with_link(&f, "one");
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
                shared_set_random(&x, f.table, own);
        table_end(own, 1);
        table_file_end(&f);
        h = shared_open(&f);
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
        shared_start_with_link(&f, "one");
        h = shared_open(&f);
        ck_assert_int_eq(ifroster_index(h, "one"), 1);
        ck_assert_int_eq(truncate(f.path, 0), 0);
        (void) nanosleep(&longer, NULL);
        ck_assert_int_eq(ifroster_index(h, "one"), -ENOTCONN);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

/* Longer than it says is what a file may be. */
START_TEST(a_file_that_grows_is_read_on) {
        TableFile f;
        ifroster *h;

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        h = shared_open(&f);
        ck_assert_int_eq(truncate(f.path, (off_t) table_file_header(&f)->block_size * 3), 0);
        table_file_begin(&f);
        shared_set_link(f.table, 2, "two", 2);
        table_file_end(&f);
        /* Beyond the next look at the file */
        (void) usleep(60 * 1000);
        ck_assert_int_eq(ifroster_index(h, "two"), 2);
        ck_assert_int_eq(ifroster_is_shared(h), 1);
        (void) ifroster_free(h);
        h = shared_open(&f);
        ck_assert_int_eq(ifroster_index(h, "two"), 2);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

/* Rows that are in the file, but behind the end that it says it has: a copy has no room for them. The last
 * mapping before that of a copy is right behind it, and may not be written to. */
START_TEST(rows_behind_the_end_are_not_copied) {
        const size_t end = (size_t) 4 << 20, behind = (size_t) 6 << 20, length = (size_t) 8 << 20;
        TableHeader *header;
        ifroster *h, *frozen;
        void *guard;
        TableFile f;

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        header = table_file_header(&f);
        ck_assert_uint_lt(header->block_size, end);
        ck_assert_int_eq(truncate(f.path, (off_t) length), 0);
        h = shared_open(&f);
        header->block_size = end;
        header->sections[0].rows_offset = behind;
        header->sections[0].high_water = header->sections[0].capacity;
        guard = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(guard, MAP_FAILED);
        ck_assert_int_eq(ifroster_snapshot(h, &frozen), -EBADMSG);
        ck_assert_int_eq(munmap(guard, length), 0);
        (void) ifroster_free(h);
        table_file_done(&f);
}
END_TEST

/* A living writer's table is the table, whatever has its path meanwhile; after its death the path counts,
 * and what is there now. */
START_TEST(a_file_that_is_replaced_is_read_until_its_writer_dies) {
        static const struct {
                off_t size;
                bool is_table;
        } others[] = { { 0, false }, { 1 << 20, false }, { 0, true } };
        char path[64];
        TableFile f, other;
        ifroster *h;

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                table_file_init(&f);
                shared_start_with_link(&f, "one");
                h = shared_open(&f);
                table_file_init(&other);
                shared_start_with_link(&other, "other");
                (void) snprintf(path, sizeof(path), "%s", other.path);
                if (!others[i].is_table) {
                        ck_assert_int_eq(unlink(path), 0);
                        (void) close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
                        ck_assert_int_eq(truncate(path, others[i].size), 0);
                }
                ck_assert_int_eq(rename(path, f.path), 0);
                (void) usleep(60 * 1000);
                ck_assert_int_eq(ifroster_index(h, "one"), 1);
                table_file_begin(&f);
                shared_set_link(f.table, 1, "uno", 1);
                table_file_end(&f);
                ck_assert_int_eq(ifroster_index(h, "uno"), 1);
                table_file_stop(&f);
                shared_await_index(h, "other", others[i].is_table ? 1 : -ENOTCONN,
                                   NOTICE_USEC + SLACK_USEC);
                (void) ifroster_free(h);
                table_file_done(&other);
                table_file_done(&f);
        }
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-files");
        TCase *t = tcase_create("client-files");

        tcase_add_loop_test(t, no_table_no_answer, 0, ELEMENTSOF(bad_files));
        tcase_add_test(t, garbage_gives_wrong_answers_at_worst);
        tcase_add_test(t, a_shortened_file_is_given_up);
        tcase_add_test(t, a_file_that_grows_is_read_on);
        tcase_add_test(t, rows_behind_the_end_are_not_copied);
        tcase_add_test(t, a_file_that_is_replaced_is_read_until_its_writer_dies);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(suite());
}
