/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes a table's block: rows, chains and counters, in place and in O(1). There is one writer, and
 * it alone may load what it stores without care; each store is a relaxed atomic word because readers
 * look on. What they see in the middle of a batch is worthless, and the odd sequence tells them so.
 *
 * Room is made before anything is changed: a call that fails leaves the table as it was.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "table-internal.h"
#include "table.h"
#include "util.h"

static void *private_allocate(void *userdata, size_t size) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                return NULL;
        /* Huge pages would make the untouched room of a growing table resident. */
        (void) madvise(p, size, MADV_NOHUGEPAGE);
        return p;
}

static int private_publish(void *userdata, void *block, size_t size) {
        return 0;
}

static void private_release(void *userdata, void *block, size_t size) {
        (void) munmap(block, size);
}

static const TableStorage private_storage = {
        .allocate = private_allocate,
        .publish = private_publish,
        .release = private_release,
};

DEFINE_CLEANUP(Table *, table_free)

int table_new(const TableStorage *storage, Table **ret) {
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->storage = storage ? *storage : private_storage;
        r = table_block_new(&t->storage, &t->block, &t->size);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        if (t->published && t->published != t->block)
                table_block_release(&t->storage, t->published, t->published_size);
        table_block_release(&t->storage, t->block, t->size);
        free(t);
        return NULL;
}

TableView table_view(const Table *t) {
        return (TableView){ .block = t->block, .size = t->size };
}

void table_begin(Table *t) {
        assert(!t->in_batch);
        t->in_batch = true;
        t->touched = false;
}

/* Who waits for changes is told before the sequence is odd, and not only at the end: a writer that is
 * stopped in between tells nobody any more, but whoever was told before looks after it. */
void table_touch_slow(Table *t) {
        TableHeader *h = t->block;

        t->touched = true;
        if (h == t->published) {
                store32(&h->wake, h->wake | 1);
                if (t->storage.announce)
                        t->storage.announce(t->storage.userdata, h);
        }
        store64(&h->sequence, h->sequence + 1);
        fence_release();
}

/* Until a larger block is published, readers are left with the old one and its odd sequence. When
 * that fails, the next batch tries again: no table is better for them than an outdated one. */
static void publish(Table *t) {
        TableHeader *old = t->published;
        size_t old_size = t->published_size;

        if (t->published == t->block)
                return;
        if (t->storage.publish(t->storage.userdata, t->block, t->size) < 0)
                return;
        t->published = t->block;
        t->published_size = t->size;
        if (!old)
                return;
        __atomic_store_n(&old->superseded, 1, __ATOMIC_RELEASE);
        table_block_release(&t->storage, old, old_size);
}

void table_end(Table *t, uint64_t generation) {
        TableHeader *h = t->block;

        assert(t->in_batch);
        if (h->generation != generation)
                table_touch(t);
        t->in_batch = false;
        if (t->touched) {
                store64(&h->generation, generation);
                __atomic_store_n(&h->sequence, h->sequence + 1, __ATOMIC_RELEASE);
                __atomic_store_n(&h->wake, (h->wake | 1) + 1, __ATOMIC_RELEASE);
        }
        publish(t);
}

static void unlink_row(TableHeader *block, unsigned section, unsigned index, uint32_t row,
                       const TableKey *key) {
        const TableChain *c = table_chain(block, section, index, row);
        uint32_t next = c->next, prev = c->prev;

        if (prev > 0)
                store32(&table_chain(block, section, index, prev - 1)->next, next);
        else
                store32(table_bucket_of(block, section, index, key), next);
        if (next > 0)
                store32(&table_chain(block, section, index, next - 1)->prev, prev);
}

_inline_ void count_prefix(TableHeader *block, unsigned section, const void *record, int by) {
        unsigned set, slot;
        uint32_t *n;

        if (!table_prefix_slot(section, record, &set, &slot))
                return;
        n = &block->prefixes[set][slot];
        store32(n, *n + (uint32_t) by);
}

/* A row number to write to: a free one, or the next that was never used. There is room. */
_inline_ uint32_t take_row(TableHeader *block, unsigned section) {
        TableSection *s = &block->sections[section];
        uint32_t row;

        store32(&s->n_live, s->n_live + 1);
        if (s->free_head == 0) {
                row = s->high_water;
                assert(row < s->capacity);
                store32(&s->high_water, row + 1);
                return row;
        }
        row = s->free_head - 1;
        store32(&s->free_head, table_chain(block, section, 0, row)->next);
        return row;
}

_inline_ void link_row(TableHeader *block, unsigned section, unsigned index, uint32_t row,
                       const void *record) {
        TableKey key;

        table_key(section, index, record, &key);
        table_link_row(block, section, index, row, &key);
}

/* Inlined with a constant section, and each index by itself: a start inserts ten thousands of rows. */
_inline_ void insert_row_of(TableHeader *block, unsigned section, const void *record) {
        uint32_t row = take_row(block, section);

        row_store(table_row(block, section, row), record, table_kinds[section].record_size);
        link_row(block, section, 0, row, record);
        if (table_kinds[section].n_indexes > 1)
                link_row(block, section, 1, row, record);
        if (table_kinds[section].n_indexes > 2)
                link_row(block, section, 2, row, record);
        if (table_kinds[section].n_indexes > 3)
                link_row(block, section, 3, row, record);
        count_prefix(block, section, record, 1);
}

_Static_assert(TABLE_INDEXES_MAX == 4, "each index is linked above");

static void insert_row(TableHeader *block, unsigned section, const void *record) {
        switch (section) {
        case SECTION_LINK:
                return insert_row_of(block, SECTION_LINK, record);
        case SECTION_ADDRESS:
                return insert_row_of(block, SECTION_ADDRESS, record);
        case SECTION_GROUP:
                return insert_row_of(block, SECTION_GROUP, record);
        case SECTION_ROUTE:
                return insert_row_of(block, SECTION_ROUTE, record);
        case SECTION_LOCAL:
                return insert_row_of(block, SECTION_LOCAL, record);
        case SECTION_NAME:
                return insert_row_of(block, SECTION_NAME, record);
        }
}

static void remove_row(TableHeader *block, unsigned section, uint32_t row, const void *record) {
        const SectionKind *kind = &table_kinds[section];
        TableSection *s = &block->sections[section];
        TableChain *free_chain = table_chain(block, section, 0, row);
        TableKey key;

        for (unsigned i = 0; i < kind->n_indexes; i++) {
                table_key(section, i, record, &key);
                unlink_row(block, section, i, row, &key);
        }
        count_prefix(block, section, record, -1);
        store32(&free_chain->prev, TABLE_ROW_FREE);
        store32(&free_chain->next, s->free_head);
        store32(&s->free_head, row + 1);
        store32(&s->n_live, s->n_live - 1);
}

/* The row keeps its place in each chain whose key stays; in the others it becomes the newest. */
static void update_row(TableHeader *block, unsigned section, uint32_t row, const void *before,
                       const void *after) {
        const SectionKind *kind = &table_kinds[section];

        row_store(table_row(block, section, row), after, kind->record_size);
        for (unsigned i = 1; i < kind->n_indexes; i++) {
                TableKey old_key, new_key;

                table_key(section, i, before, &old_key);
                table_key(section, i, after, &new_key);
                if (table_key_equal(&old_key, &new_key))
                        continue;
                unlink_row(block, section, i, row, &old_key);
                table_link_row(block, section, i, row, &new_key);
        }
        count_prefix(block, section, before, -1);
        count_prefix(block, section, after, 1);
}

/* Row number plus one; 0: none. */
static uint32_t find_row(const Table *t, unsigned section, const TableKey *key, Row *ret) {
        TableView v = table_view(t);

        return table_find(&v, section, key, ret);
}

int table_add(Table *t, ObjectType type, const void *record) {
        int r;

        assert(t->in_batch);
        if (!table_kinds[type].is_sane(record))
                return -EINVAL;
        table_touch(t);
        r = table_reserve(t, type, t->block->sections[type].n_live + 1);
        if (r < 0)
                return r;
        insert_row(t->block, type, record);
        return 0;
}

int table_set(Table *t, ObjectType type, const void *record) {
        TableKey key;
        uint32_t found;
        Row old;

        assert(t->in_batch);
        if (!table_kinds[type].is_sane(record))
                return -EINVAL;
        table_key(type, INDEX_KEY, record, &key);
        found = find_row(t, type, &key, &old);
        if (found > 0) {
                if (memcmp(&old, record, table_kinds[type].record_size) != 0) {
                        table_touch(t);
                        update_row(t->block, type, found - 1, &old, record);
                }
                return 0;
        }
        return table_add(t, type, record);
}

static void remove_texts(Table *t, int32_t ifindex) {
        const TableKey key = { .words = { (uint32_t) ifindex }, .n = 1 };
        uint32_t found;
        Row row;

        while ((found = find_row(t, SECTION_NAME, &key, &row)) > 0)
                remove_row(t->block, SECTION_NAME, found - 1, &row);
}

bool table_remove(Table *t, ObjectType type, const void *record) {
        TableKey key;
        uint32_t found;
        Row old;

        assert(t->in_batch);
        table_key(type, INDEX_KEY, record, &key);
        found = find_row(t, type, &key, &old);
        if (found == 0)
                return false;
        table_touch(t);
        if (type == OBJECT_LINK)
                remove_texts(t, old.record.link.ifindex);
        remove_row(t->block, type, found - 1, &old);
        return true;
}

static uint32_t count_texts(const Table *t, int32_t ifindex) {
        TableView v = table_view(t);
        TableWalk w = table_walk_names(&v, ifindex);
        uint32_t n = 0;
        NameRow row;

        while (table_next(&v, &w, &row))
                n++;
        return n;
}

static void insert_name(Table *t, int32_t ifindex, uint8_t kind, uint16_t order, const char *text,
                        size_t len) {
        NameRow row = { .ifindex = ifindex, .order = order, .kind = kind, .len = (uint8_t) len };

        memcpy(row.bytes, text, len);
        insert_row(t->block, SECTION_NAME, &row);
}

int table_set_texts(Table *t, int32_t ifindex, const LinkTexts *texts) {
        TextSpan alias = texts ? link_texts_alias(texts) : (TextSpan){ "", 0 };
        uint32_t n_new = (uint32_t) (alias.len + NAME_ROW_BYTES - 1) / NAME_ROW_BYTES;
        size_t pos = 0;
        TextSpan name;
        int r;

        assert(t->in_batch);
        if (texts)
                n_new += texts->n_altnames;
        table_touch(t);
        /* First all the room that is needed, then the change. */
        r = table_reserve(t, SECTION_NAME,
                          t->block->sections[SECTION_NAME].n_live - count_texts(t, ifindex) +
                                          n_new);
        if (r < 0)
                return r;
        remove_texts(t, ifindex);
        for (size_t i = 0; i * NAME_ROW_BYTES < alias.len; i++)
                insert_name(t, ifindex, NAME_ROW_ALIAS, (uint16_t) i,
                            alias.text + i * NAME_ROW_BYTES,
                            CONST_MIN(alias.len - i * NAME_ROW_BYTES, NAME_ROW_BYTES));
        for (uint16_t order = 0; texts && link_texts_next(texts, &pos, &name); order++)
                insert_name(t, ifindex, NAME_ROW_ALTERNATIVE, order, name.text, name.len);
        return 0;
}
