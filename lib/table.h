/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The published table: one block of memory with rows and hash indexes, row numbers and offsets
 * instead of pointers. The same block and the same reading code serve private memory, the file that
 * the daemon shares, and a client's read-only mapping of that file.
 *
 * A writer (Table) updates rows in place between table_begin() and table_end(); a sequence counter in
 * the block is odd meanwhile. A reader (TableView) copies rows out and, in shared memory, checks the
 * counter around everything it read. A reader trusts nothing in the block: every row number and
 * offset is checked against what was mapped, every chain walk is bounded, so that a hostile or
 * half-written block gives a wrong row or none (which the counter then rejects), never a crash or an
 * endless loop.
 *
 * One change costs the same at any size: rows, chains and counters are all updated in O(1).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* Rows of one kind that a table holds at most; over it table_set() says -E2BIG. */
#define TABLE_ROWS_MAX (UINT32_C(1) << 20)

typedef struct Table Table;

/* A mapping to read from. Cheap to copy. */
typedef struct TableView {
        const void *block;
        size_t size; /* bytes mapped */
} TableView;

/* How a name was matched; also D-Bus "matched". */
typedef enum NameMatch {
        NAME_MATCH_NAME,
        NAME_MATCH_ALTERNATIVE,
        NAME_MATCH_INDEX,
        NAME_MATCH_ADDRESS,
        _NAME_MATCH_MAX,
} NameMatch;

/* "name", "alternative-name", "index", "address" */
const char *name_match_to_string(NameMatch m);

/* Where blocks live. Growing makes a new block; the old one is released (and, where shared, marked
 * superseded) only after the new one is complete. The first block too is published by the first
 * table_end(); a publication that fails is tried again by the next one. */
typedef struct TableStorage {
        /* A zeroed block of at least this size, page aligned. NULL on failure (-ENOMEM). */
        void *(*allocate)(void *userdata, size_t size);
        /* The new block is complete and current: make it visible to readers. */
        int (*publish)(void *userdata, void *block, size_t size);
        void (*release)(void *userdata, void *block, size_t size);
        void *userdata;
        /* May be NULL. The published block is about to change, and its wake word has just become odd:
         * readers that do not look by themselves have to be told before this returns. */
        void (*announce)(void *userdata, void *block);
} TableStorage;

/* Writer ----------------------------------------------------------------------------------- */

/* storage NULL: private anonymous memory. The struct is copied, userdata must outlive the table. */
int table_new(const TableStorage *storage, Table **ret);
Table *table_free(Table *t);
/* Valid until the next table_set() or table_set_texts(), which may move the block. */
TableView table_view(const Table *t);

/* Brackets a batch. table_end() stores the generation that the table now has. A batch in which nothing
 * changes, the generation neither, leaves no trace in the block. */
void table_begin(Table *t);
/* Makes room for so many rows of each kind (by ObjectType) in one step, where row by row would move the
 * block again and again. Never shrinks, may do nothing. Between table_begin() and table_end(). */
void table_expect(Table *t, const uint32_t n_rows[static _OBJECT_TYPE_MAX]);
void table_end(Table *t, uint64_t generation);

/* Upsert by the row's key. Between begin and end only. -E2BIG over TABLE_ROWS_MAX, -ENOMEM, -EINVAL
 * for a row that no reader would take (a text without end, a length or enumeration out of range). */
int table_set(Table *t, ObjectType type, const void *record);
/* Likewise, for a row whose key is known not to be there: saves looking for it. */
int table_add(Table *t, ObjectType type, const void *record);
/* Removes the row with this key; false when there is none. A link's texts go with it; its children
 * do not: the caller removes them first. */
bool table_remove(Table *t, ObjectType type, const void *record);
/* Replaces alias and alternative names of a link. NULL removes them. */
int table_set_texts(Table *t, int32_t ifindex, const LinkTexts *texts);

/* Reader ----------------------------------------------------------------------------------- */

/* Checks that a mapping of this size can be read at all: magic, layout version, sizes. -EBADMSG for
 * anything else, -ESTALE for a foreign layout version. */
int table_view_init(TableView *v, const void *block, size_t size);
uint64_t table_generation(const TableView *v);
/* Shared memory: another block has taken this one's place; map anew. A reader that finds the counter
 * odd for long looks here first. */
bool table_superseded(const TableView *v);
/* Shared memory: s = table_read_begin(); read; if (table_read_retry(s)) start over. begin returns
 * false while a writer is inside (odd counter). Private memory needs neither. */
bool table_read_begin(const TableView *v, uint64_t *ret_sequence);
bool table_read_retry(const TableView *v, uint64_t sequence);

/* Of the three table_get functions: *ret is untouched when there is no such row. Only in a damaged
 * block may a row be found that cannot be handed on; then the answer is false and *ret is rubbish. */

/* The row with the same key as *key (other members of key are ignored); false when there is none. */
bool table_get(const TableView *v, ObjectType type, const void *key, void *ret_record);
bool table_get_link(const TableView *v, int32_t ifindex, LinkRecord *ret);
/* Exact bytes; a link's name before any alternative name. ret_match may be NULL. */
bool table_get_link_by_name(const TableView *v, const char *name, size_t len, LinkRecord *ret,
                            NameMatch *ret_match);
/* The index of the link that table_get_link_by_name() finds, without a copy of it; 0: none. */
int32_t table_get_ifindex(const TableView *v, const char *name, size_t len);
/* Shared memory: the writer is dead, or has given this block up. False proves nothing. */
bool table_writer_died(const TableView *v);
/* Heap copy; *ret = NULL when the link has none. -ENOMEM. */
int table_get_texts(const TableView *v, int32_t ifindex, LinkTexts **ret);
/* Number of rows of a type. */
uint32_t table_count(const TableView *v, ObjectType type);

/* A walk. Rows come in no order unless said; a walk over a table that changes meanwhile is only
 * meaningful inside the sequence check. */
typedef struct TableWalk {
        ObjectType type;
        uint32_t row; /* next row number plus one, 0: done */
        uint32_t budget; /* steps left before the walk is called corrupt */
        int8_t index; /* which chain, -1: all rows */
        uint8_t n_key;
        uint64_t key[3]; /* n_key words that the rows of the chain must match */
} TableWalk;

/* Every row of a type. */
TableWalk table_walk_all(const TableView *v, ObjectType type);
/* The addresses, groups, routes or local entries of a link. */
TableWalk table_walk_link(const TableView *v, ObjectType type, int32_t ifindex);
/* OBJECT_ADDRESS: rows with this own address; OBJECT_GROUP: with this group. */
TableWalk table_walk_ip(const TableView *v, ObjectType type, const IpAddress *a);
/* OBJECT_ADDRESS: rows whose on-link network (the peer's on point-to-point) is exactly this one;
 * OBJECT_LOCAL: entries with exactly this prefix. Host bits of a are ignored. */
TableWalk table_walk_prefix(const TableView *v, ObjectType type, const IpAddress *a,
                            unsigned prefix_length);
/* False at the end; *ret_record is rubbish then. The row that was just returned may be removed before
 * the next step, unless that moves the block; nothing else may change. */
bool table_next(const TableView *v, TableWalk *w, void *ret_record);

/* The next shorter prefix length that any row of this type has in this family, starting at from
 * itself and going down; -1 when there is none. For longest-prefix matches without trying all 129.
 * OBJECT_ADDRESS and OBJECT_LOCAL. */
int table_prefix_length(const TableView *v, ObjectType type, int family, int from);
