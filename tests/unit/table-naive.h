/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The table as plain arrays, searched from end to end: what the real one is compared with. It shares
 * no code with it: keys, networks and the order of names are worked out here again, the slow way.
 */

#include <stdbool.h>
#include <stdint.h>

#include "record.h"
#include "table.h"

#define NAIVE_NAMES_MAX 6

typedef struct NaiveTexts {
        char alias[LINK_ALIAS_MAX + 1];
        unsigned n_names;
        char names[NAIVE_NAMES_MAX][LINK_ALTNAME_MAX + 1];
} NaiveTexts;

typedef struct NaiveRow {
        Record record;
        uint64_t named; /* links: when it got its name */
        NaiveTexts *texts; /* links: may be NULL */
} NaiveRow;

typedef struct Naive {
        NaiveRow *rows[_OBJECT_TYPE_MAX];
        unsigned n[_OBJECT_TYPE_MAX];
        unsigned n_allocated[_OBJECT_TYPE_MAX];
        uint64_t clock;
} Naive;

void naive_done(Naive *n);
/* True when there was a row with this key. */
bool naive_set(Naive *n, ObjectType type, const Record *r);
bool naive_remove(Naive *n, ObjectType type, const Record *r);
NaiveRow *naive_find(Naive *n, ObjectType type, const Record *key);
NaiveRow *naive_find_link(Naive *n, int32_t ifindex);
/* By name, the one that got it last; then by alternative name. */
NaiveRow *naive_find_name(Naive *n, const char *name, NameMatch *ret_match);

/* What a row is looked for by; each says whether it fits. */
bool naive_has_ifindex(ObjectType type, const Record *r, int32_t ifindex);
bool naive_has_ip(ObjectType type, const Record *r, const IpAddress *a);
bool naive_has_prefix(ObjectType type, const Record *r, const IpAddress *a, unsigned length);
/* Family and prefix length as table_prefix_length() counts them; false for other types. */
bool naive_prefix(ObjectType type, const Record *r, int *ret_family, int *ret_length);
