/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The reader's search, for table-read.c and table-walk.c: from a mapping to a section, a bucket and
 * along a chain to a row. The block may change meanwhile and may hold anything: each offset and row
 * number is loaded once, checked against the mapping, and the checked value used; each walk has a
 * budget. Always inlined, because with a constant section and index next to nothing is left of it.
 */

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table-internal.h"
#include "table-kinds.h"
#include "table-layout.h"
#include "table.h"

/* A section as it was taken out of the block: checked once, used from here only, so that the block
 * may change under it. All row numbers below capacity are inside the mapping. */
typedef struct SectionView {
        unsigned section;
        uint32_t capacity;
        const uint8_t *rows;
        const TableSection *layout; /* inside the block: load what is taken from it */
} SectionView;

_inline_ const TableHeader *header_of(const TableView *v) {
        return v->block;
}

/* Whether n items of size bytes at offset are inside the mapping. n and size are small enough (2^20
 * rows of a few hundred bytes, 2^32 buckets of 4) for the product to fit. */
_inline_ bool range_is_mapped(const TableView *v, uint64_t offset, uint64_t n, uint64_t size) {
        return offset >= sizeof(TableHeader) && offset <= v->size && n * size <= v->size - offset;
}

/* False when the descriptor does not fit the mapping. */
_inline_ bool section_of(const TableView *v, unsigned section, SectionView *ret) {
        const TableSection *layout = &header_of(v)->sections[section];
        uint32_t capacity = load32(&layout->capacity);
        uint64_t offset = load64(&layout->rows_offset);

        if (capacity > TABLE_ROWS_MAX || offset % 8 != 0 ||
            load32(&layout->record_size) != table_kinds[section].record_size ||
            load32(&layout->row_size) != table_row_size(section) ||
            !range_is_mapped(v, offset, capacity, table_row_size(section)))
                return false;
        *ret = (SectionView){
                .section = section,
                .capacity = capacity,
                .rows = (const uint8_t *) v->block + offset,
                .layout = layout,
        };
        return true;
}

_inline_ const uint8_t *row_of(const SectionView *s, uint32_t row) {
        return s->rows + (size_t) row * table_row_size(s->section);
}

_inline_ const TableChain *chain_of(const SectionView *s, unsigned index, uint32_t row) {
        return (const TableChain *) (const void *) (row_of(s, row) +
                                                    table_kinds[s->section].record_size) +
               index;
}

_inline_ bool row_is_free(const SectionView *s, uint32_t row) {
        return load32(&chain_of(s, 0, row)->prev) == TABLE_ROW_FREE;
}

/* Row number plus one of the first row in the key's bucket; 0: none, or no sane bucket. */
_inline_ uint32_t first_in_bucket(const TableView *v, const SectionView *s, unsigned index,
                                  const uint64_t *words, unsigned n_words) {
        const TableIndex *x = &s->layout->indexes[index];
        uint64_t offset = load64(&x->buckets_offset);
        uint32_t n = load32(&x->n_buckets);
        const uint32_t *buckets;

        if (n == 0 || offset % 4 != 0 || !range_is_mapped(v, offset, n, sizeof(uint32_t)))
                return 0;
        buckets = (const uint32_t *) (const void *) ((const uint8_t *) v->block + offset);
        return load32(buckets + table_bucket(load64(&header_of(v)->seed), words, n_words, n));
}

/* Goes along a chain, from *position (row number plus one) on, to the next row with this key. Leaves
 * the row's number plus one in the return value and what follows it in *position. */
_inline_ uint32_t chain_next(const SectionView *s, unsigned index, const uint64_t *words,
                             unsigned n_words, uint32_t *position, uint32_t *budget) {
        const IndexKind *kind = &table_kinds[s->section].indexes[index];

        while (*position > 0 && *position <= s->capacity && *budget > 0) {
                uint32_t found = *position;
                TableKey k;
                Row row;

                (*budget)--;
                *position = load32(&chain_of(s, index, found - 1)->next);
                if (row_is_free(s, found - 1))
                        break;
                row_load(&row, row_of(s, found - 1), kind->first, kind->last);
                k.n = kind->key(&row, k.words);
                if (table_words_equal(k.words, k.n, words, n_words))
                        return found;
        }
        *position = 0;
        return 0;
}

/* Copies the words that hold bytes first to last (exclusive) of a row to their places in a record. */
_inline_ void load_words(const SectionView *s, uint32_t row, void *record, size_t first,
                         size_t last) {
        row_load(record, row_of(s, row), first / 8 * 8, (last + 7) / 8 * 8);
}

/* Copies a row out. False when it is nothing to hand on: then there is rubbish in *ret. (Checking a
 * copy first would cost as much again as the lookup, and only a damaged block has such rows.) */
_inline_ bool copy_row(const SectionView *s, uint32_t row, void *ret) {
        row_load(ret, row_of(s, row), 0, table_kinds[s->section].record_size);
        return table_kinds[s->section].is_sane(ret);
}

/* The newest row with this key: its number plus one, and its record; 0: none. */
_inline_ uint32_t find_row(const TableView *v, const SectionView *s, unsigned index,
                           const uint64_t *words, unsigned n_words, void *ret) {
        uint32_t position = first_in_bucket(v, s, index, words, n_words), budget = s->capacity;
        uint32_t found = chain_next(s, index, words, n_words, &position, &budget);

        return found > 0 && copy_row(s, found - 1, ret) ? found : 0;
}

/* Name, as the two words that it is, and incarnation of the link in a row; false: the name has no end. In
 * registers: bytes that are stored as two words and read back as one vector wait for the store buffer,
 * which takes longer than the search. */
_inline_ bool link_name_of_row(const SectionView *links, uint32_t row, uint64_t ret_words[static 2],
                               uint64_t *ret_incarnation) {
        const uint64_t *words = (const uint64_t *) (const void *) row_of(links, row);

        ret_words[0] = load64(words + offsetof(LinkRecord, name) / 8);
        ret_words[1] = load64(words + offsetof(LinkRecord, name) / 8 + 1);
        *ret_incarnation = load64(words + offsetof(LinkRecord, incarnation) / 8);
        /* The last byte is the NUL. */
        return (ret_words[1] & htole64(UINT64_C(0xff) << 56)) == 0;
}

/* Number plus one of the row of this link; 0: none. */
_inline_ uint32_t find_link_row(const TableView *v, const SectionView *links, int32_t ifindex) {
        const uint64_t key = (uint32_t) ifindex;
        uint32_t position = first_in_bucket(v, links, INDEX_KEY, &key, 1);
        uint32_t budget = links->capacity;

        return chain_next(links, INDEX_KEY, &key, 1, &position, &budget);
}

/* Whether this row is that of the link. */
_inline_ bool is_link_row(const SectionView *links, uint32_t row, int32_t ifindex) {
        const uint64_t *words = (const uint64_t *) (const void *) row_of(links, row);
        int32_t found;
        uint64_t w;

        if (row >= links->capacity || row_is_free(links, row))
                return false;
        w = load64(words + offsetof(LinkRecord, ifindex) / 8);
        memcpy(&found, &w, sizeof(found)); /* it is the first of two in this word */
        return found == ifindex;
}

/* The same of the link with this index; false: there is none. */
_inline_ bool find_link_name(const TableView *v, int32_t ifindex, uint64_t ret_words[static 2],
                             uint64_t *ret_incarnation) {
        uint32_t found;
        SectionView s;

        if (!section_of(v, SECTION_LINK, &s))
                return false;
        found = find_link_row(v, &s, ifindex);
        return found > 0 && link_name_of_row(&s, found - 1, ret_words, ret_incarnation);
}

/* One word from the bytes of a text until its NUL, at most max of them and 8. Returns how many. In a
 * register: in memory each byte would wait for the one before to be stored. */
_inline_ size_t text_word(const char *text, size_t max, uint64_t *ret) {
        uint64_t w = 0;
        size_t i;

        for (i = 0; i < 8 && i < max && text[i] != 0; i++)
                w |= (uint64_t) (uint8_t) text[i] << i * 8;
        *ret = le64toh(w);
        return i;
}

/* The words of LinkRecord.name from a text that ends at a NUL or after max bytes, at most 16. Returns its
 * length. */
_inline_ size_t name_words(const char *name, size_t max, uint64_t words[static 2]) {
        size_t n = text_word(name, max, &words[0]);

        words[1] = 0;
        return n < 8 ? n : n + text_word(name + 8, max - 8, &words[1]);
}

/* The index of the link with this name; 0: none. */
_inline_ int32_t find_ifindex(const TableView *v, const uint64_t words[static 2]) {
        uint32_t position, budget, found;
        SectionView s;
        Row row;

        if (!section_of(v, SECTION_LINK, &s))
                return 0;
        position = first_in_bucket(v, &s, INDEX_LINK_NAME, words, 2);
        budget = s.capacity;
        found = chain_next(&s, INDEX_LINK_NAME, words, 2, &position, &budget);
        if (found == 0)
                return 0;
        load_words(&s, found - 1, &row, offsetof(LinkRecord, ifindex), offsetof(LinkRecord, flags));
        return CONST_MAX(row.record.link.ifindex, 0);
}

_Static_assert(offsetof(LinkRecord, name) % 8 == 0 && offsetof(LinkRecord, incarnation) % 8 == 0 &&
                               offsetof(LinkRecord, ifindex) % 8 == 0 && LINK_NAME_MAX == 15,
               "words of their own");
