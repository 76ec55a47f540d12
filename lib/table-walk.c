/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Walks over the rows of a table's block: all of a kind, or those along one chain. A walk remembers
 * row numbers only, and checks them anew at each step; it ends after as many steps as there is room
 * for rows, whatever the block says.
 */

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "table-search.h"
#include "table.h"
#include "util.h"

_inline_ TableWalk walk_chain(const TableView *v, unsigned section, unsigned index,
                              const uint64_t *words, unsigned n_words) {
        TableWalk w = { .type = (ObjectType) section,
                        .index = (int8_t) index,
                        .n_key = (uint8_t) n_words };
        SectionView s;

        assert(n_words <= ELEMENTSOF(w.key));
        for (unsigned i = 0; i < n_words; i++)
                w.key[i] = words[i];
        if (!section_of(v, section, &s))
                return w;
        w.row = first_in_bucket(v, &s, index, words, n_words);
        w.budget = s.capacity;
        return w;
}

/* The chain of the rows that share this record's key in this index. */
_inline_ TableWalk walk_like(const TableView *v, unsigned section, unsigned index,
                             const void *record) {
        TableKey key;

        table_key(section, index, record, &key);
        return walk_chain(v, section, index, key.words, key.n);
}

TableWalk table_walk_names(const TableView *v, int32_t ifindex) {
        const uint64_t key = (uint32_t) ifindex;

        return walk_chain(v, SECTION_NAME, INDEX_NAME_IFINDEX, &key, 1);
}

uint32_t table_count(const TableView *v, ObjectType type) {
        SectionView s;
        uint32_t n;

        if (!section_of(v, type, &s))
                return 0;
        n = load32(&s.layout->n_live);
        return CONST_MIN(n, s.capacity);
}

TableWalk table_walk_all(const TableView *v, ObjectType type) {
        TableWalk w = { .type = type, .index = -1 };
        SectionView s;

        if (!section_of(v, type, &s))
                return w;
        w.budget = load32(&s.layout->high_water);
        w.budget = CONST_MIN(w.budget, s.capacity);
        w.row = w.budget > 0 ? 1 : 0;
        return w;
}

TableWalk table_walk_link(const TableView *v, ObjectType type, int32_t ifindex) {
        const uint64_t key = (uint32_t) ifindex;

        return walk_chain(v, type, type == OBJECT_LINK ? INDEX_KEY : INDEX_IFINDEX, &key, 1);
}

TableWalk table_walk_ip(const TableView *v, ObjectType type, const IpAddress *a) {
        assert(type == OBJECT_ADDRESS || type == OBJECT_GROUP);
        if (type == OBJECT_ADDRESS)
                return walk_like(v, SECTION_ADDRESS, INDEX_IP, &(AddressRecord){ .address = *a });
        return walk_like(v, SECTION_GROUP, INDEX_IP, &(GroupRecord){ .group = *a });
}

TableWalk table_walk_prefix(const TableView *v, ObjectType type, const IpAddress *a,
                            unsigned prefix_length) {
        uint8_t length = (uint8_t) prefix_length;

        assert(type == OBJECT_ADDRESS || type == OBJECT_LOCAL);
        if (prefix_length > ip_family_bits(a->family))
                return (TableWalk){ .type = type, .index = -1 };
        if (type == OBJECT_ADDRESS)
                return walk_like(v, SECTION_ADDRESS, INDEX_ADDRESS_NETWORK,
                                 &(AddressRecord){ .address = *a, .prefix_length = length });
        return walk_like(v, SECTION_LOCAL, INDEX_LOCAL_PREFIX,
                         &(LocalRecord){ .address = *a, .prefix_length = length });
}

/* The next row in use, in the order of row numbers. */
_inline_ uint32_t next_in_use(const SectionView *s, TableWalk *w) {
        while (w->row > 0 && w->row <= s->capacity && w->budget > 0) {
                uint32_t found = w->row;

                w->budget--;
                w->row = w->budget > 0 ? found + 1 : 0;
                if (!row_is_free(s, found - 1))
                        return found;
        }
        w->row = 0;
        return 0;
}

/* For a constant section the compiler leaves a check, a load of the row's words and little else. */
_inline_ bool next_in(const TableView *v, TableWalk *w, unsigned section, void *ret_record) {
        SectionView s;

        if (w->row == 0 || !section_of(v, section, &s))
                return false;
        if (w->index < 0) {
                for (uint32_t found; (found = next_in_use(&s, w)) > 0;)
                        if (copy_row(&s, found - 1, ret_record))
                                return true;
                return false;
        }
        for (;;) {
                uint32_t found = chain_next(&s, (unsigned) w->index, w->key, w->n_key, &w->row,
                                            &w->budget);

                if (found == 0)
                        return false;
                if (copy_row(&s, found - 1, ret_record))
                        return true;
        }
}

bool table_next(const TableView *v, TableWalk *w, void *ret_record) {
        switch ((unsigned) w->type) {
        case SECTION_LINK:
                return next_in(v, w, SECTION_LINK, ret_record);
        case SECTION_ADDRESS:
                return next_in(v, w, SECTION_ADDRESS, ret_record);
        default:
                return next_in(v, w, w->type, ret_record);
        }
}

/* Rows along a chain stand anywhere: one by one. */
_inline_ unsigned next_rows_in_chain(const TableView *v, TableWalk *w, unsigned section,
                                     uint8_t *buffer, const Record **ret) {
        const uint32_t size = table_kinds[section].record_size;
        unsigned n_max = CONST_MIN(TABLE_CHUNK_BYTES / size, TABLE_CHUNK_ROWS), n = 0;

        while (n < n_max && next_in(v, w, section, buffer + n * size)) {
                ret[n] = (const Record *) (const void *) (buffer + n * size);
                n++;
        }
        return n;
}

/* The records of those rows of a copy that are in use. */
_inline_ unsigned records_in_use(const SectionView *copy, const Record **ret) {
        unsigned n = 0;

        for (uint32_t i = 0; i < copy->capacity; i++) {
                const Record *record = (const Record *) (const void *) row_of(copy, i);

                if (!row_is_free(copy, i) && table_kinds[copy->section].is_sane(record))
                        ret[n++] = record;
        }
        return n;
}

_inline_ unsigned next_rows_in(const TableView *v, TableWalk *w, unsigned section, uint8_t *buffer,
                               const Record **ret) {
        const uint32_t size = table_row_size(section);
        const uint32_t n_max = CONST_MIN(TABLE_CHUNK_BYTES / size, TABLE_CHUNK_ROWS);
        unsigned n = 0;
        SectionView s;

        if (w->index >= 0)
                return next_rows_in_chain(v, w, section, buffer, ret);
        if (!section_of(v, section, &s))
                return 0;
        while (n == 0 && w->row > 0 && w->row <= s.capacity && w->budget > 0) {
                uint32_t n_rows = CONST_MIN(CONST_MIN(w->budget, s.capacity - w->row + 1), n_max);
                SectionView copy = { .section = section, .capacity = n_rows, .rows = buffer };

                rows_load(buffer, row_of(&s, w->row - 1), (size_t) n_rows * size);
                n = records_in_use(&copy, ret);
                w->budget -= n_rows;
                w->row = w->budget > 0 ? w->row + n_rows : 0;
        }
        return n;
}

unsigned table_next_rows(const TableView *v, TableWalk *w, void *buffer,
                         const Record *ret[static TABLE_CHUNK_ROWS]) {
        switch ((unsigned) w->type) {
        case SECTION_LINK:
                return next_rows_in(v, w, SECTION_LINK, buffer, ret);
        case SECTION_ADDRESS:
                return next_rows_in(v, w, SECTION_ADDRESS, buffer, ret);
        default:
                return next_rows_in(v, w, w->type, buffer, ret);
        }
}

int table_prefix_length(const TableView *v, ObjectType type, int family, int from) {
        int bits = (int) ip_family_bits(family);
        const uint32_t *counts;

        assert(type == OBJECT_ADDRESS || type == OBJECT_LOCAL);
        if (bits == 0)
                return -1;
        counts = header_of(v)->prefixes[type == OBJECT_ADDRESS ? 0 : 1] +
                 (family == AF_INET ? 0 : 33);
        for (int i = CONST_MIN(from, bits); i >= 0; i--)
                if (load32(counts + i) > 0)
                        return i;
        return -1;
}
