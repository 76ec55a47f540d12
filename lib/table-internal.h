/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the table module share: access to words that others may look at or change, and
 * the writer's block.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record.h"
#include "table-kinds.h"
#include "table-layout.h"
#include "table.h"

/* A record of any section, copied out. */
typedef union Row {
        Record record;
        NameRow name;
        uint64_t words[sizeof(Record) / 8];
} Row;

_Static_assert(sizeof(NameRow) <= sizeof(Record), "a union of words holds either");

/* Shared words --------------------------------------------------------------------------------- */

static inline uint32_t load32(const uint32_t *p) {
        return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void store32(uint32_t *p, uint32_t v) {
        __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

static inline uint64_t load64(const uint64_t *p) {
        return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void store64(uint64_t *p, uint64_t v) {
        __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

_inline_ void word_load(uint8_t *to, const uint64_t *from) {
        uint64_t w = load64(from);

        memcpy(to, &w, sizeof(w));
}

/* Copies bytes first to last of a record out of a block and into one; both multiples of 8. The
 * private side needs no alignment. By hand four words at a time: compilers do not unroll atomics. */
_inline_ void row_load(void *record, const uint8_t *row, size_t first, size_t last) {
        const uint64_t *from = (const uint64_t *) (const void *) (row + first);
        uint8_t *to = (uint8_t *) record + first;
        size_t n = (last - first) / 8;

        for (; n >= 4; n -= 4, from += 4, to += 32) {
                word_load(to, from);
                word_load(to + 8, from + 1);
                word_load(to + 16, from + 2);
                word_load(to + 24, from + 3);
        }
        for (; n > 0; n--, from++, to += 8)
                word_load(to, from);
}

_inline_ void row_store(uint8_t *row, const void *from, size_t size) {
        for (size_t i = 0; i < size; i += 8) {
                uint64_t w;

                memcpy(&w, (const uint8_t *) from + i, 8);
                store64((uint64_t *) (void *) (row + i), w);
        }
}

/* ThreadSanitizer does not know fences and gcc says so; every access is atomic in itself, so there
 * is nothing for it to find that the fences would have to explain. */
#if defined(__SANITIZE_THREAD__)
#define TABLE_WATCH_RACES 1
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wtsan"
#endif
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TABLE_WATCH_RACES 1
#endif
#endif
#ifndef TABLE_WATCH_RACES
#define TABLE_WATCH_RACES 0
#endif

/* Copies many rows out at once, in private memory of their layout. The processor does that three times as
 * fast as word by word. memcpy() may take a word in pieces or twice; what comes of it is a mixture at
 * worst, as rows are that a writer changes between two words, and the sequence counter rejects both. What
 * must not be is a compiler that looks at the block again where the copy is meant. */
_inline_ void rows_load(void *to, const void *from, size_t size) {
        if (TABLE_WATCH_RACES) {
                row_load(to, from, 0, size);
                return;
        }
        memcpy(to, from, size);
        __asm__ volatile("" : : "r"(to) : "memory");
}

static inline void fence_acquire(void) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void fence_release(void) {
        __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Reading (table-read.c, table-walk.c) ----------------------------------------------------------- */

/* Whether any link has an alias or alternative names. */
bool table_has_texts(const TableView *v);
/* The rows of a link's texts, for table_next(). */
TableWalk table_walk_names(const TableView *v, int32_t ifindex);
/* Room for rows that are read together, and how many at most. */
#define TABLE_CHUNK_BYTES 8192
#define TABLE_CHUNK_ROWS 64

/* As many table_next() as there is room for, at once: from the places of the records in buffer, of
 * TABLE_CHUNK_BYTES and aligned to 8, to ret. Returns how many, 0 at the end. */
unsigned table_next_rows(const TableView *v, TableWalk *w, void *buffer,
                         const Record *ret[static TABLE_CHUNK_ROWS]);
/* For the writer: row number plus one of the row with this key, and its record; 0: none. */
uint32_t table_find(const TableView *v, unsigned section, const TableKey *key, Row *ret);

/* Writing (table.c, table-grow.c) -------------------------------------------------------------- */

struct Table {
        TableStorage storage;
        TableHeader *block; /* the current one */
        size_t size;
        TableHeader *published; /* what readers see, NULL: nothing yet */
        size_t published_size;
        bool in_batch;
        bool touched; /* the batch has changed something, or is about to */
};

/* Before the first change of a batch, of whichever kind. */
void table_touch_slow(Table *t);

static inline void table_touch(Table *t) {
        if (!t->touched)
                table_touch_slow(t);
}

_inline_ uint8_t *table_row(TableHeader *block, unsigned section, uint32_t row) {
        return (uint8_t *) block + block->sections[section].rows_offset +
               (size_t) row * table_row_size(section);
}

_inline_ TableChain *table_chain(TableHeader *block, unsigned section, unsigned index,
                                 uint32_t row) {
        return (TableChain *) (void *) (table_row(block, section, row) +
                                        table_kinds[section].record_size) +
               index;
}

_inline_ uint32_t *table_bucket_of(TableHeader *block, unsigned section, unsigned index,
                                   const TableKey *key) {
        const TableIndex *x = &block->sections[section].indexes[index];

        return (uint32_t *) (void *) ((uint8_t *) block + x->buckets_offset) +
               table_bucket(block->seed, key->words, key->n, x->n_buckets);
}

/* Puts a row at the head of its chain. */
_inline_ void table_link_row(TableHeader *block, unsigned section, unsigned index, uint32_t row,
                             const TableKey *key) {
        TableChain *c = table_chain(block, section, index, row);
        uint32_t *bucket = table_bucket_of(block, section, index, key);
        uint32_t next = *bucket;

        store32(&c->next, next);
        store32(&c->prev, 0);
        if (next > 0)
                store32(&table_chain(block, section, index, next - 1)->prev, row + 1);
        store32(bucket, row + 1);
}

/* An empty block, sequence 0. */
int table_block_new(const TableStorage *storage, TableHeader **ret, size_t *ret_size);
/* Makes room for n_rows rows in all in this section. -E2BIG over TABLE_ROWS_MAX, -ENOMEM; the table
 * is as before then. */
int table_reserve(Table *t, unsigned section, uint32_t n_rows);
/* Gives up a block that is not what readers see. */
void table_block_release(const TableStorage *storage, TableHeader *block, size_t size);
