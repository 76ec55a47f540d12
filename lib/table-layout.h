/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The layout of a table's block, private to the table module and to whoever maps or documents the
 * shared file. Every number in it is fixed in width, in the byte order of this machine, and aligned
 * to its own size; every place is an offset from the start of the block or a row number. A change of
 * any of this needs a new TABLE_LAYOUT_VERSION.
 *
 *     header | buckets of all indexes | rows of all sections
 *
 * A section holds rows of one kind. A row is its record, then one TableChain for each index of the
 * section. Rows never move: growing copies them to the same row number of a larger block. An index
 * is a hash table of chains: buckets with the row number plus one of the first row (0: none), newest
 * first. A row that is not in use is in the section's list of free rows.
 *
 * Every access to a block that others may map goes through the helpers below: relaxed atomic words
 * inside the sequence counter's brackets. Plain reads would be a data race, and a compiler may split
 * or repeat them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record.h"
#include "table.h"

/* "ifrtable" on a little-endian machine; a foreign byte order therefore is a foreign magic */
#define TABLE_MAGIC UINT64_C(0x656c626174726669)
#define TABLE_LAYOUT_VERSION 1

/* Sections: the object types under their own numbers, then the texts of links. */
enum {
        SECTION_LINK = OBJECT_LINK,
        SECTION_ADDRESS = OBJECT_ADDRESS,
        SECTION_GROUP = OBJECT_GROUP,
        SECTION_ROUTE = OBJECT_ROUTE,
        SECTION_LOCAL = OBJECT_LOCAL,
        SECTION_NAME = _OBJECT_TYPE_MAX,
        _SECTION_MAX,
};

/* Indexes by section. The first is the one over the row's key, by which rows are updated (the rows
 * of SECTION_NAME have no key of their own; theirs is the link). */
enum {
        INDEX_KEY = 0,
        INDEX_LINK_NAME = 1,
        INDEX_IFINDEX = 1, /* address, group, route, local */
        INDEX_IP = 2, /* address, group */
        INDEX_ADDRESS_NETWORK = 3, /* the on-link network and its prefix length */
        INDEX_LOCAL_PREFIX = 2,
        INDEX_NAME_IFINDEX = 0,
        INDEX_NAME_TEXT = 1,
        TABLE_INDEXES_MAX = 4,
};

typedef struct TableIndex {
        uint64_t buckets_offset; /* of uint32_t each, aligned to 4 */
        uint32_t n_buckets; /* at least 1 */
        uint32_t reserved; /* 0 */
} TableIndex;

typedef struct TableSection {
        uint32_t record_size; /* bytes, a multiple of 8 */
        uint32_t row_size; /* record_size + 8 * n_indexes */
        uint32_t capacity; /* rows that there is room for, at most TABLE_ROWS_MAX */
        uint32_t high_water; /* rows from this number on were never used */
        uint32_t n_live; /* rows in use */
        uint32_t free_head; /* row number plus one of the first free row, 0: none */
        uint32_t n_indexes;
        uint32_t reserved; /* 0 */
        uint64_t rows_offset; /* aligned to 8 */
        TableIndex indexes[TABLE_INDEXES_MAX];
} TableSection;

/* One a row and index, behind the record. next and prev are row numbers plus one; 0 ends the chain,
 * at either end. A free row has prev == TABLE_ROW_FREE in its first chain, and in next the next free
 * row. */
typedef struct TableChain {
        uint32_t next;
        uint32_t prev;
} TableChain;

#define TABLE_ROW_FREE UINT32_MAX

/* A row of SECTION_NAME: an alternative name, or a piece of the alias. */
enum {
        NAME_ROW_ALTERNATIVE = 0,
        NAME_ROW_ALIAS = 1,
        NAME_ROW_BYTES = 128, /* two pieces hold the longest alias */
};

typedef struct NameRow {
        int32_t ifindex;
        uint16_t order; /* place in the link's list of names; piece of the alias, 0 or 1 */
        uint8_t kind; /* NAME_ROW_* */
        uint8_t len; /* bytes used, the others are 0 */
        uint8_t bytes[NAME_ROW_BYTES];
} NameRow;

/* Prefix lengths 0 to 32 and 0 to 128, IPv4 first. */
#define TABLE_PREFIXES (33 + 129)

typedef struct TableHeader {
        uint64_t magic; /* TABLE_MAGIC */
        uint32_t version; /* TABLE_LAYOUT_VERSION */
        uint32_t header_size; /* sizeof(TableHeader) */
        uint64_t block_size; /* bytes, all of the block */
        uint64_t seed; /* of the hash function; random, the same for a table's life */
        uint64_t sequence; /* odd while the writer is inside a batch */
        uint64_t generation; /* of the last batch */
        uint32_t wake; /* the low half of generation: a word to wait on with futex(2) */
        uint32_t superseded; /* not 0: another block took this one's place, map that */
        /* Who writes. Zero in private memory; whoever owns a shared block fills them in before it
         * is published, and they are carried along when the block grows. */
        int32_t writer_pid; /* in the writer's PID namespace */
        uint32_t reserved; /* 0 */
        uint64_t netns_inode; /* inode number of the network namespace described */
        uint64_t epoch; /* of LinkRecord.incarnation: the bits that a restart changes */
        uint8_t boot_id[16]; /* /proc/sys/kernel/random/boot_id as bytes */
        uint64_t reserved2[4]; /* 0 */
        /* Rows by prefix length: of OBJECT_ADDRESS (the on-link network's), then of OBJECT_LOCAL. */
        uint32_t prefixes[2][TABLE_PREFIXES];
        TableSection sections[_SECTION_MAX];
} TableHeader;

_Static_assert(sizeof(TableIndex) == 16, "no hidden padding");
_Static_assert(sizeof(TableSection) == 104, "no hidden padding");
_Static_assert(sizeof(TableChain) == 8, "no hidden padding");
_Static_assert(sizeof(NameRow) == 136, "no hidden padding, a multiple of 8");
_Static_assert(sizeof(TableHeader) == 128 + 2 * 4 * TABLE_PREFIXES + 104 * _SECTION_MAX,
               "no hidden padding");
_Static_assert(NAME_ROW_BYTES >= LINK_ALTNAME_MAX && 2 * NAME_ROW_BYTES >= LINK_ALIAS_MAX,
               "every name fits one row, every alias two");

/* A record of any section, copied out. */
typedef union Row {
        Record record;
        NameRow name;
        uint64_t words[sizeof(Record) / 8];
} Row;

_Static_assert(sizeof(NameRow) <= sizeof(Record), "a walk keeps either as its key");

/* Kinds: what the rest of the module needs to know of each section (table-index.c) ------------- */

#define TABLE_KEY_WORDS_MAX (1 + NAME_ROW_BYTES / 8)

/* What an index compares and hashes: the members of a record that matter to it, made canonical. */
typedef struct TableKey {
        uint64_t words[TABLE_KEY_WORDS_MAX];
        unsigned n;
} TableKey;

typedef struct IndexKind {
        /* Fills in words, returns how many. Reads nothing outside first to last. */
        unsigned (*key)(const void *record, uint64_t *words);
        /* The words of the record that key() reads: byte offsets, multiples of 8, last exclusive */
        uint16_t first, last;
        uint16_t rows_per_bucket; /* at full capacity, where all keys differ */
} IndexKind;

typedef struct SectionKind {
        uint32_t record_size;
        uint32_t n_indexes;
        uint32_t first_capacity;
        /* Whether a record can be handed to a caller at all: texts end, lengths and enumerations are
         * in range. A block that a stranger wrote may hold anything. */
        bool (*is_sane)(const void *record);
        IndexKind indexes[TABLE_INDEXES_MAX];
} SectionKind;

extern const SectionKind table_kinds[_SECTION_MAX];

static inline uint32_t table_row_size(unsigned section) {
        return table_kinds[section].record_size + 8 * table_kinds[section].n_indexes;
}

static inline void table_key(unsigned section, unsigned index, const void *record, TableKey *ret) {
        ret->n = table_kinds[section].indexes[index].key(record, ret->words);
}

bool table_key_equal(const TableKey *a, const TableKey *b);
/* The bucket of a key. Part of the layout: every reader has to compute the same. */
uint32_t table_bucket(uint64_t seed, const TableKey *key, uint32_t n_buckets);
/* Where a record is counted in TableHeader.prefixes: set and place. False when it is not. */
bool table_prefix_slot(unsigned section, const void *record, unsigned *ret_set, unsigned *ret_slot);

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

/* Copies bytes first to last of a record out of a block and into one; both multiples of 8. The
 * private side needs no alignment. */
static inline void row_load(void *to, const uint8_t *row, size_t first, size_t last) {
        for (size_t i = first; i < last; i += 8) {
                uint64_t w = load64((const uint64_t *) (const void *) (row + i));

                memcpy((uint8_t *) to + i, &w, 8);
        }
}

static inline void row_store(uint8_t *row, const void *from, size_t size) {
        for (size_t i = 0; i < size; i += 8) {
                uint64_t w;

                memcpy(&w, (const uint8_t *) from + i, 8);
                store64((uint64_t *) (void *) (row + i), w);
        }
}

/* ThreadSanitizer does not know fences and gcc says so; every access is atomic in itself, so there
 * is nothing for it to find that the fences would have to explain. */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

static inline void fence_acquire(void) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void fence_release(void) {
        __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Reading (table-read.c) ----------------------------------------------------------------------- */

/* A section as a reader took it out of the block: checked once, used from here only, so that the
 * block may change under it. All row numbers below capacity are inside the mapping. */
typedef struct SectionView {
        unsigned section;
        uint32_t capacity;
        const uint8_t *rows;
        const TableSection *layout; /* inside the block: load what is taken from it */
} SectionView;

/* False when the descriptor does not fit the mapping. */
bool table_section(const TableView *v, unsigned section, SectionView *ret);
/* Row number plus one of the newest row with this key, and its record; 0: none. row_size bytes of
 * *ret are used as scratch space in any case. */
uint32_t table_find(const TableView *v, const SectionView *s, unsigned index, const TableKey *key,
                    Row *ret);

/* The rows of a link's texts, for table_next(). */
TableWalk table_walk_names(const TableView *v, int32_t ifindex);

/* Writing (table.c, table-grow.c) -------------------------------------------------------------- */

struct Table {
        TableStorage storage;
        TableHeader *block; /* the current one */
        size_t size;
        TableHeader *published; /* what readers see, NULL: nothing yet */
        size_t published_size;
        bool in_batch;
};

static inline uint8_t *table_row(TableHeader *block, unsigned section, uint32_t row) {
        return (uint8_t *) block + block->sections[section].rows_offset +
               (size_t) row * table_row_size(section);
}

static inline TableChain *table_chain(TableHeader *block, unsigned section, unsigned index,
                                      uint32_t row) {
        return (TableChain *) (void *) (table_row(block, section, row) +
                                        table_kinds[section].record_size) +
               index;
}

static inline uint32_t *table_bucket_of(TableHeader *block, unsigned section, unsigned index,
                                        const TableKey *key) {
        const TableIndex *x = &block->sections[section].indexes[index];

        return (uint32_t *) (void *) ((uint8_t *) block + x->buckets_offset) +
               table_bucket(block->seed, key, x->n_buckets);
}

/* Puts a row at the head of its chain. */
void table_link_row(TableHeader *block, unsigned section, unsigned index, uint32_t row,
                    const TableKey *key);
/* An empty block, sequence 0. */
int table_block_new(const TableStorage *storage, TableHeader **ret, size_t *ret_size);
/* Makes room for n_rows rows in all in this section. -E2BIG over TABLE_ROWS_MAX, -ENOMEM; the table
 * is as before then. */
int table_reserve(Table *t, unsigned section, uint32_t n_rows);
/* Gives up a block that is not what readers see. */
void table_block_release(const TableStorage *storage, TableHeader *block, size_t size);
