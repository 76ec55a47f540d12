/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pending entries of the model: a hash by key of what was heard and is not (known to be) equal to
 * the table. Owned and used by the model only; knows keys and entries, not what they mean.
 */

#include "model-pool.h"
#include "record.h"
#include "util.h"

typedef struct Pending {
        struct Pending *hash_next;
        struct Pending *next; /* in order of arrival: commits are reproducible */
        struct Pending **previous;
        uint64_t serial; /* grows with every piece of news: what came before what */
        uint32_t hash; /* of the key */
        uint32_t stamp; /* dump epoch during which a notification spoke of the key; 0: none */
        uint32_t listed; /* dump epoch whose dump listed the key; 0: none */
        uint8_t object; /* ObjectType */
        bool present; /* false: the row is gone, or a tombstone */
        bool dirty; /* to be compared with the table */
        bool from_dump; /* comes from a dump and waits for its end */
        bool reborn; /* link: another link with the same index than the published one */
        bool orphan; /* child of a link that is not known; stays dirty */
        uint32_t chunk; /* of the pool; 0: from the heap */
        LinkTexts *texts; /* link */
        uint64_t record[]; /* record_size(object) bytes, aligned */
} Pending;

typedef struct Overlay {
        Pending **buckets;
        uint32_t n_buckets; /* a power of two, or 0 */
        uint32_t n_entries;
        Pending *first;
        Pending **last; /* where the next one is linked */
        Pool pool; /* for what dumps bring */
} Overlay;

void overlay_init(Overlay *o);
void overlay_done(Overlay *o);

Pending *overlay_find(const Overlay *o, ObjectType type, const void *record);
/* Finds or makes the entry of this key; a new one is all zero but for object and a copy of the
 * record. bulk: it is one of many that will go together. NULL: no memory. */
Pending *overlay_get(Overlay *o, ObjectType type, const void *record, bool bulk, bool *ret_new);
void overlay_remove(Overlay *o, Pending *p);
/* Removes all entries; the same as to remove one after the other, only faster. loose: some have texts or
 * are from the heap. */
void overlay_clear(Overlay *o, bool loose);
/* Gives the bucket array back once a large dump has been committed. */
void overlay_shrink(Overlay *o);
