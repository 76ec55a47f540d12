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
#include "table-search.h"
#include "table.h"
#include "util.h"

const char *name_match_to_string(NameMatch m) {
        static const char *const words[_NAME_MATCH_MAX] = {
                [NAME_MATCH_NAME] = "name",
                [NAME_MATCH_ALTERNATIVE] = "alternative-name",
                [NAME_MATCH_INDEX] = "index",
                [NAME_MATCH_ADDRESS] = "address",
        };

        return (unsigned) m < _NAME_MATCH_MAX ? words[m] : "name";
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

                if (!section_of(&view, i, &s) ||
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

bool table_writer_died(const TableView *v) {
        return (load32(&header_of(v)->writer_tid) & TABLE_WRITER_DIED) != 0;
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

        table_key(type, INDEX_KEY, key, &k);
        return section_of(v, type, &s) && find_row(v, &s, INDEX_KEY, k.words, k.n, ret_record) > 0;
}

uint32_t table_find(const TableView *v, unsigned section, const TableKey *key, Row *ret) {
        SectionView s;

        return section_of(v, section, &s) ? find_row(v, &s, INDEX_KEY, key->words, key->n, ret) : 0;
}

bool table_get_link(const TableView *v, int32_t ifindex, LinkRecord *ret) {
        const uint64_t key = (uint32_t) ifindex;
        SectionView s;

        return section_of(v, SECTION_LINK, &s) && find_row(v, &s, INDEX_KEY, &key, 1, ret) > 0;
}

static bool link_by_name(const TableView *v, const char *name, size_t len, LinkRecord *ret) {
        uint64_t words[2];
        SectionView s;

        return name_words(name, len, words) == len && section_of(v, SECTION_LINK, &s) &&
               find_row(v, &s, INDEX_LINK_NAME, words, 2, ret) > 0;
}

/* Of all links with this alternative name that the table knows the newest. */
static bool link_by_alternative_name(const TableView *v, const char *name, size_t len,
                                     LinkRecord *ret) {
        NameRow row = { .kind = NAME_ROW_ALTERNATIVE, .len = (uint8_t) len };
        uint32_t position, budget;
        SectionView s;
        TableKey key;

        if (memchr(name, 0, len) || !section_of(v, SECTION_NAME, &s))
                return false;
        memcpy(row.bytes, name, len);
        table_key(SECTION_NAME, INDEX_NAME_TEXT, &row, &key);
        position = first_in_bucket(v, &s, INDEX_NAME_TEXT, key.words, key.n);
        budget = s.capacity;
        for (uint32_t found;
             (found = chain_next(&s, INDEX_NAME_TEXT, key.words, key.n, &position, &budget)) > 0;)
                if (copy_row(&s, found - 1, &row) && table_get_link(v, row.ifindex, ret))
                        return true;
        return false;
}

int32_t table_get_ifindex(const TableView *v, const char *name, size_t len) {
        int32_t ifindex = 0;
        uint64_t words[2];
        LinkRecord link;

        if (len == 0 || len > LINK_ALTNAME_MAX)
                return 0;
        if (len <= LINK_NAME_MAX && name_words(name, len, words) == len)
                ifindex = find_ifindex(v, words);
        if (ifindex > 0)
                return ifindex;
        return link_by_alternative_name(v, name, len, &link) ? link.ifindex : 0;
}

bool table_get_link_by_name(const TableView *v, const char *name, size_t len, LinkRecord *ret,
                            NameMatch *ret_match) {
        if (len == 0 || len > LINK_ALTNAME_MAX)
                return false;
        if (len <= LINK_NAME_MAX && link_by_name(v, name, len, ret)) {
                if (ret_match)
                        *ret_match = NAME_MATCH_NAME;
                return true;
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

bool table_has_texts(const TableView *v) {
        SectionView s;

        return section_of(v, SECTION_NAME, &s) && load32(&s.layout->n_live) > 0;
}

/* Most links have neither alias nor alternative names. */
static bool has_names(const TableView *v, int32_t ifindex) {
        const uint64_t key = (uint32_t) ifindex;
        SectionView s;

        return section_of(v, SECTION_NAME, &s) && load32(&s.layout->n_live) > 0 &&
               first_in_bucket(v, &s, INDEX_NAME_IFINDEX, &key, 1) > 0;
}

int table_get_texts(const TableView *v, int32_t ifindex, LinkTexts **ret) {
        _cleanup_(freep) NameRow *rows = NULL;
        _cleanup_(freep) TextSpan *names = NULL;
        char alias[2 * NAME_ROW_BYTES];
        size_t pieces[2] = { 0, 0 }, n_rows, n = 0;
        int r;

        if (!has_names(v, ifindex)) {
                *ret = NULL;
                return 0;
        }
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
