/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes blocks: the first one, and larger ones. Growing changes nothing that a reader of the old
 * block can see, and nothing at all until the new block is complete; rows keep their numbers, so only
 * the indexes of the section that grew are built anew. The new block is no one else's yet, so it is
 * written without ceremony.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "table-internal.h"
#include "table.h"
#include "util.h"

/* Doubling, while that is little memory; then by a quarter. */
#define DOUBLING_MAX 1024
/* Rows that are expected get that much room more than they need. */
#define SPARE_ROWS(n) ((n) / 16 + 1)
/* Where memory can be had ready; on machines with larger pages less of it may be. */
#define PAGE_SIZE_MIN 4096
#define BLOCK_ALIGNMENT 64

static uint64_t align_up(uint64_t n) {
        return (n + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
}

/* Whoever knows the seed can make all keys collide; the walk's cost is bounded, but slow. At boot,
 * before there is entropy, the clock is the best there is: waiting for it would delay the network. */
static uint64_t make_seed(void) {
        struct timespec ts = { 0 };
        uint64_t seed;

        if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t) sizeof(seed))
                return seed;
        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * UINT64_C(1000000007) ^ (uint64_t) ts.tv_nsec << 20 ^
               (uint64_t) (uintptr_t) &ts;
}

/* Fills in sizes and offsets for these capacities. Buckets come first, together: they are touched
 * all over, while the rows above the high-water mark stay untouched and so cost no memory. */
static void lay_out(TableHeader *h, const uint32_t capacities[static _SECTION_MAX]) {
        uint64_t at = align_up(sizeof(TableHeader));

        for (unsigned i = 0; i < _SECTION_MAX; i++) {
                const SectionKind *kind = &table_kinds[i];
                TableSection *s = &h->sections[i];

                s->record_size = kind->record_size;
                s->row_size = table_row_size(i);
                s->capacity = capacities[i];
                s->n_indexes = kind->n_indexes;
                for (unsigned j = 0; j < kind->n_indexes; j++) {
                        uint32_t n = capacities[i] * kind->indexes[j].buckets_for_8 / 8;

                        s->indexes[j].buckets_offset = at;
                        s->indexes[j].n_buckets = n;
                        at = align_up(at + (uint64_t) n * sizeof(uint32_t));
                }
        }
        for (unsigned i = 0; i < _SECTION_MAX; i++) {
                h->sections[i].rows_offset = at;
                at = align_up(at + (uint64_t) capacities[i] * table_row_size(i));
        }
        h->block_size = at;
}

void table_block_release(const TableStorage *storage, TableHeader *block, size_t size) {
        if (block)
                storage->release(storage->userdata, block, size);
}

int table_block_new(const TableStorage *storage, TableHeader **ret, size_t *ret_size) {
        TableHeader h = {
                .magic = TABLE_MAGIC,
                .version = TABLE_LAYOUT_VERSION,
                .header_size = sizeof(TableHeader),
                .seed = make_seed(),
        };
        uint32_t capacities[_SECTION_MAX];
        TableHeader *block;

        for (unsigned i = 0; i < _SECTION_MAX; i++)
                capacities[i] = table_kinds[i].first_capacity;
        lay_out(&h, capacities);
        block = storage->allocate(storage->userdata, h.block_size);
        if (!block)
                return -ENOMEM;
        *block = h;
        *ret = block;
        *ret_size = h.block_size;
        return 0;
}

static uint32_t *buckets_of(TableHeader *block, unsigned section, unsigned index) {
        return (uint32_t *) (void *) ((uint8_t *) block +
                                      block->sections[section].indexes[index].buckets_offset);
}

/* Rows with the same key keep their order, newest first: they share their old chain, and that is
 * taken from its end. */
static void rehash(TableHeader *to, TableHeader *from, unsigned section, unsigned index) {
        const uint32_t *buckets = buckets_of(from, section, index);
        uint32_t n = from->sections[section].indexes[index].n_buckets;

        for (uint32_t i = 0; i < n; i++) {
                uint32_t last = 0;

                for (uint32_t p = buckets[i]; p > 0;
                     p = table_chain(from, section, index, p - 1)->next)
                        last = p;
                while (last > 0) {
                        TableKey key;

                        table_key(section, index, table_row(from, section, last - 1), &key);
                        table_link_row(to, section, index, last - 1, &key);
                        last = table_chain(from, section, index, last - 1)->prev;
                }
        }
}

static void copy_section(TableHeader *to, TableHeader *from, unsigned section) {
        const TableSection *old = &from->sections[section];
        TableSection *s = &to->sections[section];

        s->high_water = old->high_water;
        s->n_live = old->n_live;
        s->free_head = old->free_head;
        memcpy(table_row(to, section, 0), table_row(from, section, 0),
               (size_t) old->high_water * old->row_size);
        for (unsigned i = 0; i < old->n_indexes; i++)
                if (s->capacity != old->capacity)
                        rehash(to, from, section, i);
                else
                        memcpy(buckets_of(to, section, i), buckets_of(from, section, i),
                               (size_t) old->indexes[i].n_buckets * sizeof(uint32_t));
}

static uint32_t next_capacity(uint32_t capacity, uint32_t n_rows) {
        while (capacity < n_rows)
                capacity += capacity < DOUBLING_MAX ? capacity : capacity / 4;
        return CONST_MIN(capacity, TABLE_ROWS_MAX);
}

/* Has the pages ready that will be written to: all at once they take half the time that they take one by
 * one. A hint, which kernels before 5.14 do not know. */
static void prepare_range(TableHeader *block, uint64_t first, uint64_t last) {
#ifdef MADV_POPULATE_WRITE
        first = first / PAGE_SIZE_MIN * PAGE_SIZE_MIN;
        (void) madvise((uint8_t *) block + first, (size_t) (last - first), MADV_POPULATE_WRITE);
#endif
}

/* The header, all buckets, and the first rows of each section. The rest of the rows takes no memory until
 * it is used. */
static void prepare(TableHeader *block, const uint32_t n_rows[static _SECTION_MAX]) {
        prepare_range(block, 0, block->sections[0].rows_offset);
        for (unsigned i = 0; i < _SECTION_MAX; i++) {
                uint64_t offset = block->sections[i].rows_offset;

                if (n_rows[i] > 0)
                        prepare_range(block, offset,
                                      offset + (uint64_t) n_rows[i] * table_row_size(i));
        }
}

/* Moves to a block with these capacities, each at least what it was. So many rows of each section are
 * about to be used. */
static int grow(Table *t, const uint32_t capacities[static _SECTION_MAX],
                const uint32_t n_rows[static _SECTION_MAX]) {
        TableHeader *old = t->block, *block;
        TableHeader h = *old;

        lay_out(&h, capacities);
        block = t->storage.allocate(t->storage.userdata, h.block_size);
        if (!block)
                return -ENOMEM;
        *block = h;
        prepare(block, n_rows);
        for (unsigned i = 0; i < _SECTION_MAX; i++)
                copy_section(block, old, i);
        /* What readers see stays until table_end() has published the new one. */
        if (old != t->published)
                table_block_release(&t->storage, old, t->size);
        t->block = block;
        t->size = h.block_size;
        return 0;
}

static void get_sizes(const Table *t, uint32_t ret_capacities[static _SECTION_MAX],
                      uint32_t ret_n_rows[static _SECTION_MAX]) {
        for (unsigned i = 0; i < _SECTION_MAX; i++) {
                ret_capacities[i] = t->block->sections[i].capacity;
                ret_n_rows[i] = t->block->sections[i].high_water;
        }
}

/* A new link brings rows of all kinds: sections that are nearly full grow along with the one that is, so
 * that the block does not move once for each. */
int table_reserve(Table *t, unsigned section, uint32_t n_rows) {
        uint32_t capacities[_SECTION_MAX], used[_SECTION_MAX];

        if (n_rows <= t->block->sections[section].capacity)
                return 0;
        if (n_rows > TABLE_ROWS_MAX)
                return -E2BIG;
        get_sizes(t, capacities, used);
        for (unsigned i = 0; i < _SECTION_MAX; i++)
                if (i == section)
                        capacities[i] = next_capacity(capacities[i], n_rows);
                else if (used[i] > capacities[i] - capacities[i] / 8)
                        capacities[i] = next_capacity(capacities[i], capacities[i] + 1);
        return grow(t, capacities, used);
}

void table_expect(Table *t, const uint32_t n_rows[static _OBJECT_TYPE_MAX]) {
        uint32_t capacities[_SECTION_MAX], used[_SECTION_MAX];
        bool grows = false;

        get_sizes(t, capacities, used);
        for (unsigned i = 0; i < _OBJECT_TYPE_MAX; i++) {
                used[i] = CONST_MAX(used[i], CONST_MIN(n_rows[i], TABLE_ROWS_MAX));
                if (used[i] <= capacities[i])
                        continue;
                capacities[i] = CONST_MIN(used[i] + SPARE_ROWS(used[i]), TABLE_ROWS_MAX);
                grows = true;
        }
        if (!grows)
                return;
        table_touch(t);
        (void) grow(t, capacities, used);
}
