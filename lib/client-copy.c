/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Copies a whole table into private memory: for snapshots, and to tell what has changed since the last
 * one. Only what is in use is copied; the rest of the copy is memory that was never touched.
 *
 * The source may be hostile: offsets and sizes are taken from it once, and nothing is read outside its
 * mapping or written outside the copy. What is wrong inside is copied as it is, for readers of a copy
 * check as much as those of the original.
 */

#include <errno.h>
#include <sys/mman.h>

#include "client-internal.h"

/* Whole words: writers store words, and rows and buckets begin at multiples of 8. */
static void copy_words(void *to, const void *from, size_t first, size_t end) {
        row_load(to, from, first / 8 * 8, end / 8 * 8);
}

/* From the beginning of the block to the first rows: header and all buckets. */
static size_t head_size(const TableView *v) {
        const TableHeader *h = v->block;
        uint64_t end = v->size;

        for (unsigned i = 0; i < _SECTION_MAX; i++) {
                uint64_t offset = load64(&h->sections[i].rows_offset);

                end = CONST_MIN(end, offset);
        }
        return (size_t) end;
}

static void copy_rows(void *to, const TableView *v, unsigned section) {
        const TableSection *s = &((const TableHeader *) v->block)->sections[section];
        uint64_t offset = load64(&s->rows_offset);
        uint64_t bytes = (uint64_t) load32(&s->high_water) * load32(&s->row_size);

        if (offset > v->size || bytes > v->size - offset)
                return;
        copy_words(to, v->block, (size_t) offset, (size_t) (offset + bytes));
}

/* A file may be longer than its block: what is behind the end of the block has no place in the copy. */
static int copy_block(const TableView *v, ClientCopy *ret) {
        uint64_t size = load64(&((const TableHeader *) v->block)->block_size);
        const TableView block = { .block = v->block, .size = (size_t) size };

        if (size < sizeof(TableHeader) || size > v->size)
                return -EBADMSG;
        /* Nothing may stay of an attempt before, which may have been at another block of this size. */
        if (ret->size == size)
                (void) madvise(ret->block, ret->size, MADV_DONTNEED);
        else {
                client_copy_done(ret);
                ret->block = mmap(NULL, (size_t) size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (ret->block == MAP_FAILED) {
                        ret->block = NULL;
                        return -ENOMEM;
                }
                ret->size = (size_t) size;
        }
        copy_words(ret->block, block.block, 0, head_size(&block));
        for (unsigned i = 0; i < _SECTION_MAX; i++)
                copy_rows(ret->block, &block, i);
        return 0;
}

int client_copy(const ifroster *h, ClientCopy *ret) {
        _cleanup_(client_copy_done) ClientCopy copy = {};
        ClientReading g;
        TableView v;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                r = copy_block(&g.view, &copy);
                copy.state = client_state_of(&g);
                copy.behind = client_may_miss(&g);
        } while (client_read_again(&g, &r));
        if (r < 0)
                return r;
        r = table_view_init(&v, copy.block, copy.size);
        if (r < 0)
                return r;
        *ret = copy;
        copy = (ClientCopy){};
        return 0;
}

void client_copy_done(ClientCopy *c) {
        if (c->block)
                (void) munmap(c->block, c->size);
        *c = (ClientCopy){};
}
