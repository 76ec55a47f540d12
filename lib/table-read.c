/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads a table's block. The block may change under the reader, and in a client's mapping may hold
 * anything: each offset and row number is loaded once, checked against the mapping and used from
 * there; each chain walk has a budget. Nothing here writes to the block, waits or allocates (but for
 * the copy of a link's texts).
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "table-layout.h"
#include "table.h"
#include "util.h"

static const TableHeader *header_of(const TableView *v) {
        return v->block;
}

const char *name_match_to_string(NameMatch m) {
        static const char *const words[_NAME_MATCH_MAX] = {
                [NAME_MATCH_NAME] = "name",
                [NAME_MATCH_ALTERNATIVE] = "alternative-name",
                [NAME_MATCH_INDEX] = "index",
                [NAME_MATCH_ADDRESS] = "address",
        };

        return (unsigned) m < _NAME_MATCH_MAX ? words[m] : "name";
}

/* Whether n items of size bytes at offset are inside the mapping. n and size are small enough (2^20
 * rows of a few hundred bytes, 2^32 buckets of 4) for the product to fit. */
static bool range_is_mapped(const TableView *v, uint64_t offset, uint64_t n, uint64_t size) {
        return offset >= sizeof(TableHeader) && offset <= v->size && n * size <= v->size - offset;
}

bool table_section(const TableView *v, unsigned section, SectionView *ret) {
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

static const uint8_t *row_of(const SectionView *s, uint32_t row) {
        return s->rows + (size_t) row * table_row_size(s->section);
}

static const TableChain *chain_of(const SectionView *s, unsigned index, uint32_t row) {
        return (const TableChain *) (const void *) (row_of(s, row) +
                                                    table_kinds[s->section].record_size) +
               index;
}

static bool row_is_free(const SectionView *s, uint32_t row) {
        return load32(&chain_of(s, 0, row)->prev) == TABLE_ROW_FREE;
}

/* Row number plus one of the first row in the key's bucket; 0: none, or no sane bucket. */
static uint32_t first_in_bucket(const TableView *v, const SectionView *s, unsigned index,
                                const TableKey *key) {
        const TableIndex *x = &s->layout->indexes[index];
        uint64_t offset = load64(&x->buckets_offset);
        uint32_t n = load32(&x->n_buckets);
        const uint32_t *buckets;

        if (n == 0 || offset % 4 != 0 || !range_is_mapped(v, offset, n, sizeof(uint32_t)))
                return 0;
        buckets = (const uint32_t *) (const void *) ((const uint8_t *) v->block + offset);
        return load32(buckets + table_bucket(load64(&header_of(v)->seed), key, n));
}

/* Goes along a chain, from *position (row number plus one) on, to the next row with this key. Leaves
 * the row's number plus one in the return value and what follows it in *position. */
static uint32_t chain_next(const SectionView *s, unsigned index, const TableKey *key,
                           uint32_t *position, uint32_t *budget, void *scratch) {
        const IndexKind *kind = &table_kinds[s->section].indexes[index];

        while (*position > 0 && *position <= s->capacity && *budget > 0) {
                uint32_t found = *position;
                TableKey k;

                (*budget)--;
                *position = load32(&chain_of(s, index, found - 1)->next);
                if (row_is_free(s, found - 1))
                        break;
                row_load(scratch, row_of(s, found - 1), kind->first, kind->last);
                k.n = kind->key(scratch, k.words);
                if (table_key_equal(&k, key))
                        return found;
        }
        *position = 0;
        return 0;
}

uint32_t table_find(const TableView *v, const SectionView *s, unsigned index, const TableKey *key,
                    Row *ret) {
        const SectionKind *kind = &table_kinds[s->section];
        uint32_t position = first_in_bucket(v, s, index, key), budget = s->capacity, found;

        found = chain_next(s, index, key, &position, &budget, ret);
        if (found == 0)
                return 0;
        row_load(ret, row_of(s, found - 1), 0, kind->record_size);
        return kind->is_sane(ret) ? found : 0;
}

int table_view_init(TableView *v, const void *block, size_t size) {
        TableView view = { .block = block, .size = size };
        const TableHeader *h = block;
        uint64_t block_size;

        if (size < sizeof(TableHeader) || (uintptr_t) block % 8 != 0 ||
            load64(&h->magic) != TABLE_MAGIC)
                return -EBADMSG;
        if (load32(&h->version) != TABLE_LAYOUT_VERSION)
                return -ESTALE;
        block_size = load64(&h->block_size);
        if (load32(&h->header_size) != sizeof(TableHeader) || block_size > size)
                return -EBADMSG;
        for (unsigned i = 0; i < _SECTION_MAX; i++) {
                SectionView s;

                if (!table_section(&view, i, &s) ||
                    load32(&s.layout->n_indexes) != table_kinds[i].n_indexes)
                        return -EBADMSG;
        }
        *v = view;
        return 0;
}

uint64_t table_generation(const TableView *v) {
        return load64(&header_of(v)->generation);
}

bool table_superseded(const TableView *v) {
        return __atomic_load_n(&header_of(v)->superseded, __ATOMIC_ACQUIRE) != 0;
}

bool table_read_begin(const TableView *v, uint64_t *ret_sequence) {
        uint64_t sequence = __atomic_load_n(&header_of(v)->sequence, __ATOMIC_ACQUIRE);

        if (sequence % 2 != 0)
                return false;
        *ret_sequence = sequence;
        return true;
}

/* The fence keeps the loads of the data before the second load of the counter. */
bool table_read_retry(const TableView *v, uint64_t sequence) {
        fence_acquire();
        return load64(&header_of(v)->sequence) != sequence;
}

bool table_get(const TableView *v, ObjectType type, const void *key, void *ret_record) {
        SectionView s;
        TableKey k;
        Row row;

        table_key(type, INDEX_KEY, key, &k);
        if (!table_section(v, type, &s) || table_find(v, &s, INDEX_KEY, &k, &row) == 0)
                return false;
        memcpy(ret_record, &row, table_kinds[type].record_size);
        return true;
}

bool table_get_link(const TableView *v, int32_t ifindex, LinkRecord *ret) {
        const TableKey key = { .words = { (uint32_t) ifindex }, .n = 1 };
        SectionView s;
        Row row;

        if (!table_section(v, SECTION_LINK, &s) || table_find(v, &s, INDEX_KEY, &key, &row) == 0)
                return false;
        *ret = row.record.link;
        return true;
}

static TableWalk walk_chain(const TableView *v, unsigned section, unsigned index, const void *key) {
        TableWalk w = { .type = (ObjectType) section, .index = (int8_t) index };
        SectionView s;
        TableKey k;

        memcpy(&w.key, key, table_kinds[section].record_size);
        if (!table_section(v, section, &s))
                return w;
        table_key(section, index, key, &k);
        w.row = first_in_bucket(v, &s, index, &k);
        w.budget = s.capacity;
        return w;
}

TableWalk table_walk_names(const TableView *v, int32_t ifindex) {
        const NameRow key = { .ifindex = ifindex };

        return walk_chain(v, SECTION_NAME, INDEX_NAME_IFINDEX, &key);
}

/* Of all links with this alternative name that the table knows the newest. */
static bool link_by_alternative_name(const TableView *v, const char *name, size_t len,
                                     LinkRecord *ret) {
        NameRow row = { .kind = NAME_ROW_ALTERNATIVE, .len = (uint8_t) len };
        TableWalk w;

        memcpy(row.bytes, name, len);
        w = walk_chain(v, SECTION_NAME, INDEX_NAME_TEXT, &row);
        while (table_next(v, &w, &row))
                if (table_get_link(v, row.ifindex, ret))
                        return true;
        return false;
}

bool table_get_link_by_name(const TableView *v, const char *name, size_t len, LinkRecord *ret,
                            NameMatch *ret_match) {
        if (len == 0 || len > LINK_ALTNAME_MAX || memchr(name, 0, len))
                return false;
        if (len <= LINK_NAME_MAX) {
                TableKey key = { .n = 2 };
                SectionView s;
                Row row;

                key.words[0] = key.words[1] = 0;
                memcpy(key.words, name, len);
                if (table_section(v, SECTION_LINK, &s) &&
                    table_find(v, &s, INDEX_LINK_NAME, &key, &row) != 0) {
                        *ret = row.record.link;
                        if (ret_match)
                                *ret_match = NAME_MATCH_NAME;
                        return true;
                }
        }
        if (!link_by_alternative_name(v, name, len, ret))
                return false;
        if (ret_match)
                *ret_match = NAME_MATCH_ALTERNATIVE;
        return true;
}

/* Copies the rows of a link's texts out. 0 when there are none. */
static int name_rows(const TableView *v, int32_t ifindex, NameRow **ret, size_t *ret_n) {
        TableWalk start = table_walk_names(v, ifindex), w = start;
        _cleanup_(freep) NameRow *rows = NULL;
        size_t n_max = 0, n = 0;
        NameRow row;

        while (n_max < LINK_ALTNAMES_MAX + 2 && table_next(v, &w, &row))
                n_max++;
        if (n_max > 0) {
                rows = calloc(n_max, sizeof(*rows));
                if (!rows)
                        return -ENOMEM;
        }
        /* The rows may have changed since they were counted: not more than there is room for. */
        for (w = start; n < n_max && table_next(v, &w, &row); n++)
                rows[n] = row;
        *ret = TAKE_PTR(rows);
        *ret_n = n;
        return 0;
}

int table_get_texts(const TableView *v, int32_t ifindex, LinkTexts **ret) {
        _cleanup_(freep) NameRow *rows = NULL;
        _cleanup_(freep) TextSpan *names = NULL;
        char alias[2 * NAME_ROW_BYTES];
        size_t pieces[2] = { 0, 0 }, n_rows, n = 0;
        int r;

        r = name_rows(v, ifindex, &rows, &n_rows);
        if (r < 0)
                return r;
        if (n_rows == 0) {
                *ret = NULL;
                return 0;
        }
        names = calloc(n_rows, sizeof(*names));
        if (!names)
                return -ENOMEM;
        /* In the order of the list. What has no place in it is not from this project's writer, or
         * half written. */
        for (size_t i = 0; i < n_rows; i++)
                if (rows[i].kind == NAME_ROW_ALIAS) {
                        pieces[rows[i].order] = rows[i].len;
                        memcpy(alias + (size_t) rows[i].order * NAME_ROW_BYTES, rows[i].bytes,
                               rows[i].len);
                } else if (rows[i].order < n_rows)
                        names[rows[i].order] =
                                        (TextSpan){ (const char *) rows[i].bytes, rows[i].len };
        for (size_t i = 0; i < n_rows; i++)
                if (names[i].len > 0)
                        names[n++] = names[i];
        if (pieces[0] < NAME_ROW_BYTES)
                pieces[1] = 0;
        return link_texts_new((TextSpan){ alias, CONST_MIN(pieces[0] + pieces[1], LINK_ALIAS_MAX) },
                              names, CONST_MIN(n, LINK_ALTNAMES_MAX), ret);
}

uint32_t table_count(const TableView *v, ObjectType type) {
        SectionView s;
        uint32_t n;

        if (!table_section(v, type, &s))
                return 0;
        n = load32(&s.layout->n_live);
        return CONST_MIN(n, s.capacity);
}

TableWalk table_walk_all(const TableView *v, ObjectType type) {
        TableWalk w = { .type = type, .index = -1 };
        SectionView s;

        if (!table_section(v, type, &s))
                return w;
        w.budget = load32(&s.layout->high_water);
        w.budget = CONST_MIN(w.budget, s.capacity);
        w.row = w.budget > 0 ? 1 : 0;
        return w;
}

TableWalk table_walk_link(const TableView *v, ObjectType type, int32_t ifindex) {
        Record key = { 0 };

        switch (type) {
        case OBJECT_LINK:
                key.link.ifindex = ifindex;
                return walk_chain(v, type, INDEX_KEY, &key);
        case OBJECT_ADDRESS:
                key.address.ifindex = ifindex;
                break;
        case OBJECT_GROUP:
                key.group.ifindex = ifindex;
                break;
        case OBJECT_ROUTE:
                key.route.ifindex = ifindex;
                break;
        case OBJECT_LOCAL:
                key.local.ifindex = ifindex;
                break;
        case _OBJECT_TYPE_MAX:
                assert(false);
        }
        return walk_chain(v, type, INDEX_IFINDEX, &key);
}

TableWalk table_walk_ip(const TableView *v, ObjectType type, const IpAddress *a) {
        Record key = { 0 };

        assert(type == OBJECT_ADDRESS || type == OBJECT_GROUP);
        if (type == OBJECT_ADDRESS)
                key.address.address = *a;
        else
                key.group.group = *a;
        return walk_chain(v, type, INDEX_IP, &key);
}

TableWalk table_walk_prefix(const TableView *v, ObjectType type, const IpAddress *a,
                            unsigned prefix_length) {
        TableWalk none = { .type = type, .index = -1 };
        Record key = { 0 };

        assert(type == OBJECT_ADDRESS || type == OBJECT_LOCAL);
        if (prefix_length > ip_family_bits(a->family))
                return none;
        if (type == OBJECT_ADDRESS) {
                key.address.address = *a;
                key.address.prefix_length = (uint8_t) prefix_length;
                return walk_chain(v, type, INDEX_ADDRESS_NETWORK, &key);
        }
        key.local.address = *a;
        key.local.prefix_length = (uint8_t) prefix_length;
        return walk_chain(v, type, INDEX_LOCAL_PREFIX, &key);
}

/* The next row in use, in the order of row numbers. */
static uint32_t next_in_use(const SectionView *s, TableWalk *w) {
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

bool table_next(const TableView *v, TableWalk *w, void *ret_record) {
        const SectionKind *kind = &table_kinds[w->type];
        SectionView s;
        TableKey key;

        if (w->row == 0 || !table_section(v, w->type, &s))
                return false;
        if (w->index >= 0)
                table_key(w->type, (unsigned) w->index, &w->key, &key);
        for (;;) {
                uint32_t found;
                Row row;

                if (w->index < 0)
                        found = next_in_use(&s, w);
                else
                        found = chain_next(&s, (unsigned) w->index, &key, &w->row, &w->budget,
                                           &row);
                if (found == 0)
                        return false;
                row_load(&row, row_of(&s, found - 1), 0, kind->record_size);
                if (!kind->is_sane(&row))
                        continue;
                memcpy(ret_record, &row, kind->record_size);
                return true;
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
