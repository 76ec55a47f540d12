/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The layout of a table's block, private to the table module and to whoever owns or documents the
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
 * Which words of a record make an index's key, and the hash function, are in table-kinds.h. Every
 * access to a block that others may map is a relaxed atomic word inside the sequence counter's
 * brackets (table-internal.h). Plain reads would be a data race, and a compiler may split or repeat
 * them.
 */

#include <stddef.h>
#include <stdint.h>

#include "record.h"
#include "table.h"

/* "ifrtable" on a little-endian machine; a foreign byte order therefore is a foreign magic */
#define TABLE_MAGIC UINT64_C(0x656c626174726669)
#define TABLE_LAYOUT_VERSION 1
/* FUTEX_OWNER_DIED */
#define TABLE_WRITER_DIED UINT32_C(0x40000000)

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
        uint32_t wake; /* a word to wait on with futex(2); odd from before a batch until after it */
        uint32_t superseded; /* not 0: another block took this one's place, map that */
        /* Who writes. Zero in private memory; whoever owns a shared block fills them in before it
         * is published, and they are carried along when the block grows. */
        /* The thread that writes, in its own PID namespace. The kernel sets TABLE_WRITER_DIED when that
         * dies, if it is in the thread's list of robust futexes; 0: nobody marks it. */
        uint32_t writer_tid;
        /* Readers who ask for it by read(2) on the file are heard in rounds: one more when a round
         * begins (odd), one more when it ends; also a word for futex(2). */
        uint32_t sync_rounds;
        uint64_t netns_inode; /* inode number of the network namespace described */
        uint64_t writer; /* random, another one for each start of the writer */
        uint8_t boot_id[16]; /* /proc/sys/kernel/random/boot_id as bytes */
        uint64_t resyncs; /* how often everything was read anew << 8 | why the last time */
        uint64_t reserved[3]; /* 0 */
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
