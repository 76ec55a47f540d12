/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A chained hash of pending entries, plus a list that keeps the order in which they arrived. Must not
 * interpret an entry: the model decides what it means and when it goes.
 */

#include "model-overlay.h"

#define OVERLAY_BUCKETS_MIN 64

void overlay_init(Overlay *o) {
        *o = (Overlay){};
        o->last = &o->first;
}

void overlay_done(Overlay *o) {
        overlay_clear(o, true);
        free(o->buckets);
        overlay_init(o);
}

void overlay_clear(Overlay *o, bool loose) {
        for (Pending *p = o->first, *next; loose && p; p = next) {
                next = p->next;
                link_texts_free(p->texts);
                if (p->chunk == 0)
                        free(p);
        }
        pool_clear(&o->pool);
        o->first = NULL;
        o->last = &o->first;
        o->n_entries = 0;
        if (o->n_buckets > OVERLAY_BUCKETS_MIN)
                overlay_shrink(o);
        else if (o->n_buckets > 0)
                memset(o->buckets, 0, o->n_buckets * sizeof(*o->buckets));
}

/* Of what record_key() leaves in a record, the part in which keys differ: words, last exclusive. */
static const struct {
        size_t first, last;
} hashed[_OBJECT_TYPE_MAX] = {
        [OBJECT_LINK] = { offsetof(LinkRecord, ifindex), offsetof(LinkRecord, name) },
        [OBJECT_ADDRESS] = { offsetof(AddressRecord, ifindex), offsetof(AddressRecord, broadcast) },
        [OBJECT_GROUP] = { 0, sizeof(GroupRecord) },
        [OBJECT_ROUTE] = { 0, sizeof(RouteRecord) },
        [OBJECT_LOCAL] = { 0, sizeof(LocalRecord) },
};

_Static_assert(offsetof(LinkRecord, ifindex) % 8 == 0 && offsetof(LinkRecord, name) % 8 == 0 &&
                               offsetof(AddressRecord, ifindex) % 8 == 0,
               "whole words");

static uint32_t hash_key(ObjectType type, const Record *key) {
        const uint8_t *bytes = (const uint8_t *) key;
        uint64_t h = UINT64_C(0x9e3779b97f4a7c15) * (type + 1U);

        for (size_t i = hashed[type].first; i < hashed[type].last; i += sizeof(uint64_t)) {
                uint64_t word;

                memcpy(&word, bytes + i, sizeof(word));
                h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
                h ^= h >> 32;
        }
        return (uint32_t) (h ^ (h >> 17));
}

static Pending *find_key(const Overlay *o, ObjectType type, const Record *key, uint32_t hash) {
        Record other;

        if (o->n_buckets == 0)
                return NULL;

        for (Pending *p = o->buckets[hash & (o->n_buckets - 1)]; p; p = p->hash_next) {
                if (p->hash != hash || p->object != type)
                        continue;
                record_key(type, p->record, &other);
                if (memcmp(&other, key, record_size(type)) == 0)
                        return p;
        }
        return NULL;
}

Pending *overlay_find(const Overlay *o, ObjectType type, const void *record) {
        Record key;

        if (o->n_entries == 0)
                return NULL;
        record_key(type, record, &key);
        return find_key(o, type, &key, hash_key(type, &key));
}

static int overlay_grow(Overlay *o) {
        /* By much: each time every entry is touched again. */
        uint32_t n = o->n_buckets == 0 ? OVERLAY_BUCKETS_MIN : o->n_buckets * 4;
        Pending **buckets = calloc(n, sizeof(*buckets));

        if (!buckets)
                return -ENOMEM;

        for (Pending *p = o->first; p; p = p->next) {
                Pending **bucket = &buckets[p->hash & (n - 1)];

                p->hash_next = *bucket;
                *bucket = p;
        }
        free(o->buckets);
        o->buckets = buckets;
        o->n_buckets = n;
        return 0;
}

static Pending *new_entry(Overlay *o, ObjectType type, bool bulk) {
        size_t size = sizeof(Pending) + record_size(type);
        uint32_t chunk;
        Pending *p;

        if (!bulk)
                return calloc(1, size);
        p = pool_take(&o->pool, (uint32_t) size, &chunk);
        if (p)
                p->chunk = chunk;
        return p;
}

Pending *overlay_get(Overlay *o, ObjectType type, const void *record, bool bulk, bool *ret_new) {
        Pending *p, **bucket;
        uint32_t hash;
        Record key;

        record_key(type, record, &key);
        hash = hash_key(type, &key);
        p = find_key(o, type, &key, hash);
        if (p) {
                *ret_new = false;
                return p;
        }

        if (o->n_entries >= o->n_buckets && overlay_grow(o) < 0)
                return NULL;
        p = new_entry(o, type, bulk);
        if (!p)
                return NULL;

        p->object = type;
        memcpy(p->record, record, record_size(type));
        p->hash = hash;
        bucket = &o->buckets[hash & (o->n_buckets - 1)];
        p->hash_next = *bucket;
        *bucket = p;
        p->previous = o->last;
        *o->last = p;
        o->last = &p->next;
        o->n_entries++;
        *ret_new = true;
        return p;
}

void overlay_remove(Overlay *o, Pending *p) {
        Pending **where = &o->buckets[p->hash & (o->n_buckets - 1)];

        while (*where != p)
                where = &(*where)->hash_next;
        *where = p->hash_next;

        *p->previous = p->next;
        if (p->next)
                p->next->previous = p->previous;
        else
                o->last = p->previous;

        o->n_entries--;
        link_texts_free(p->texts);
        if (p->chunk > 0)
                pool_return(&o->pool, p->chunk);
        else
                free(p);
}

void overlay_shrink(Overlay *o) {
        if (o->n_entries > 0 || o->n_buckets <= OVERLAY_BUCKETS_MIN)
                return;
        free(o->buckets);
        o->buckets = NULL;
        o->n_buckets = 0;
}
