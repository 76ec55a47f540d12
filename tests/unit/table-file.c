/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "table-file.h"
#include "table-layout.h"

static void *allocate(void *userdata, size_t size) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        TableFile *f = userdata;
        TableFileBlock *b;
        static unsigned n;

        ck_assert_uint_lt(f->n_blocks, TABLE_FILE_BLOCKS_MAX);
        b = &f->blocks[f->n_blocks++];
        (void) snprintf(b->name, sizeof(b->name), "%s.%u", f->path, n++);
        b->size = size;
        b->fd = open(b->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        ck_assert_int_ge(b->fd, 0);
        ck_assert_int_eq(fchmod(b->fd, 0444), 0);
        ck_assert_int_eq(fcntl(b->fd, F_OFD_SETLK, &lock), 0);
        ck_assert_int_eq(ftruncate(b->fd, (off_t) size), 0);
        b->block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
        ck_assert_ptr_ne(b->block, MAP_FAILED);
        return b->block;
}

static TableFileBlock *find(TableFile *f, const void *block) {
        for (unsigned i = 0; i < f->n_blocks; i++)
                if (f->blocks[i].block == block)
                        return &f->blocks[i];
        ck_abort_msg("an unknown block");
}

static int publish(void *userdata, void *block, size_t size) {
        TableFile *f = userdata;
        TableHeader *h = block;

        h->writer = f->writer;
        ck_assert_int_eq(rename(find(f, block)->name, f->path), 0);
        f->n_published++;
        return 0;
}

static void wake(void *block) {
        (void) syscall(SYS_futex, &((TableHeader *) block)->wake, FUTEX_WAKE, INT_MAX, NULL, NULL,
                       0);
}

static void release(void *userdata, void *block, size_t size) {
        TableFile *f = userdata;
        TableFileBlock *b = find(f, block);

        __atomic_add_fetch(&((TableHeader *) block)->wake, 1, __ATOMIC_RELAXED);
        wake(block);
        (void) unlink(b->name);
        (void) munmap(b->block, b->size);
        (void) close(b->fd);
        *b = f->blocks[--f->n_blocks];
}

static void tell(TableFile *f, const void *block) {
        const TableFileBlock *b = find(f, block);
        uint32_t word = ((const TableHeader *) block)->wake;

        (void) !pwrite(b->fd, &word, sizeof(word), offsetof(TableHeader, wake));
}

static void announce(void *userdata, void *block) {
        tell(userdata, block);
}

void table_file_init(TableFile *f) {
        *f = (TableFile){ .directory = "/dev/shm/ifroster-XXXXXX" };
        if (access("/dev/shm", W_OK) < 0)
                (void) strcpy(f->directory, "/tmp/ifroster-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(f->directory));
        (void) snprintf(f->path, sizeof(f->path), "%s/table", f->directory);
        f->storage = (TableStorage){ allocate, publish, release, f, announce };
}

void table_file_start(TableFile *f) {
        f->writer++;
        ck_assert_int_eq(table_new(&f->storage, &f->table), 0);
        table_file_begin(f);
        table_file_end(f);
}

/* A process that dies does nothing more to its files. */
void table_file_stop(TableFile *f) {
        for (unsigned i = 0; i < f->n_blocks; i++) {
                (void) munmap(f->blocks[i].block, f->blocks[i].size);
                (void) close(f->blocks[i].fd);
        }
        f->n_blocks = 0;
        free(f->table);
        f->table = NULL;
}

void table_file_done(TableFile *f) {
        table_file_stop(f);
        (void) unlink(f->path);
        ck_assert_int_eq(rmdir(f->directory), 0);
}

void table_file_begin(TableFile *f) {
        table_begin(f->table);
}

void table_file_end(TableFile *f) {
        unsigned n = f->n_published;

        table_end(f->table, ++f->generation);
        if (f->n_published != n)
                return;
        wake(table_file_header(f));
        tell(f, table_file_header(f));
}

struct TableHeader *table_file_header(const TableFile *f) {
        TableView v = table_view(f->table);

        return (TableHeader *) (uintptr_t) v.block;
}
