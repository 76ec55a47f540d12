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
        while (o->first)
                overlay_remove(o, o->first);
        free(o->buckets);
        overlay_init(o);
}

static uint32_t hash_key(ObjectType type, const Record *key) {
        const uint8_t *bytes = (const uint8_t *) key;
        uint64_t h = UINT64_C(0x9e3779b97f4a7c15) * (type + 1U);
        size_t size = record_size(type);

        for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
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
        uint32_t n = o->n_buckets == 0 ? OVERLAY_BUCKETS_MIN : o->n_buckets * 2;
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

Pending *overlay_get(Overlay *o, ObjectType type, const void *record, bool *ret_new) {
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
        p = calloc(1, sizeof(*p) + record_size(type));
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
        free(p);
}

void overlay_shrink(Overlay *o) {
        if (o->n_entries > 0 || o->n_buckets <= OVERLAY_BUCKETS_MIN)
                return;
        free(o->buckets);
        o->buckets = NULL;
        o->n_buckets = 0;
}
