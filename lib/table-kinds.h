/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the table knows of each kind of row: its size, the keys of its indexes, and what makes a
 * record fit to be handed out. A new kind of row or index is a new entry here and nothing else.
 *
 * A key is written once, as canonical words; hashing and comparing work on those, so the two can
 * never disagree about what "equal" is. The functions see records that a stranger may have written:
 * they must not trust a family or a length.
 *
 * All of it is in a header so that the compiler sees through it: a lookup whose kind is a constant
 * becomes straight code, and that is most of the difference between 60 and 20 nanoseconds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "record.h"
#include "table-layout.h"
#include "util.h"

#define TABLE_KEY_WORDS_MAX (1 + NAME_ROW_BYTES / 8)

/* What an index compares and hashes: the members of a record that matter to it, made canonical. */
typedef struct TableKey {
        uint64_t words[TABLE_KEY_WORDS_MAX];
        unsigned n;
} TableKey;

typedef struct IndexKind {
        /* Fills in words, returns how many. Reads nothing outside first to last. */
        unsigned (*key)(const void *record, uint64_t *words);
        /* The words of the record that key() reads: byte offsets, multiples of 8, last exclusive */
        uint16_t first, last;
        uint16_t buckets_for_8; /* so many for eight rows */
} IndexKind;

typedef struct SectionKind {
        uint32_t record_size;
        uint32_t n_indexes;
        uint32_t first_capacity;
        /* Whether a record can be handed to a caller at all: texts end, lengths and enumerations are
         * in range. A block that a stranger wrote may hold anything. */
        bool (*is_sane)(const void *record);
        IndexKind indexes[TABLE_INDEXES_MAX];
} SectionKind;

#define _inline_ static inline __attribute__((always_inline))

/* Odd constants with well mixed bits: the golden ratio's, and one of the splitmix64 family */
#define TABLE_HASH_STEP UINT64_C(0x9e3779b97f4a7c15)
#define TABLE_HASH_LAST UINT64_C(0xbf58476d1ce4e5b9)

_inline_ bool table_words_equal(const uint64_t *a, unsigned n_a, const uint64_t *b, unsigned n_b) {
        if (n_a != n_b)
                return false;
        for (unsigned i = 0; i < n_a; i++)
                if (a[i] != b[i])
                        return false;
        return true;
}

_inline_ bool table_key_equal(const TableKey *a, const TableKey *b) {
        return table_words_equal(a->words, a->n, b->words, b->n);
}

/* The bucket of a key. Part of the layout: every reader has to compute the same. */
_inline_ uint32_t table_bucket(uint64_t seed, const uint64_t *words, unsigned n,
                               uint32_t n_buckets) {
        uint64_t h = seed;

        for (unsigned i = 0; i < n; i++) {
                h = (h ^ words[i]) * TABLE_HASH_STEP;
                h ^= h >> 32;
        }
        h *= TABLE_HASH_LAST;
        return (uint32_t) (((h >> 32) * n_buckets) >> 32);
}

static inline void key_ip(const IpAddress *a, uint64_t words[static 2]) {
        memcpy(words, a->bytes, sizeof(a->bytes));
}

static inline uint64_t key_link_and_family(int32_t ifindex, uint8_t family) {
        return (uint32_t) ifindex | (uint64_t) family << 32;
}

static inline unsigned key_link_index(const void *record, uint64_t *words) {
        const LinkRecord *l = record;

        words[0] = (uint32_t) l->ifindex;
        return 1;
}

static inline unsigned key_link_name(const void *record, uint64_t *words) {
        const LinkRecord *l = record;

        memcpy(words, l->name, sizeof(l->name));
        return 2;
}

/* record_key() knows what makes two addresses the same one; this packs it. */
static inline unsigned key_address(const void *record, uint64_t *words) {
        Record key;

        record_key(OBJECT_ADDRESS, record, &key);
        words[0] = key_link_and_family(key.address.ifindex, key.address.address.family) |
                   (uint64_t) key.address.prefix_length << 40;
        key_ip(&key.address.address, words + 1);
        key_ip(&key.address.peer, words + 3);
        return 5;
}

static inline unsigned key_address_ifindex(const void *record, uint64_t *words) {
        const AddressRecord *a = record;

        words[0] = (uint32_t) a->ifindex;
        return 1;
}

static inline unsigned key_address_ip(const void *record, uint64_t *words) {
        const AddressRecord *a = record;

        words[0] = a->address.family;
        key_ip(&a->address, words + 1);
        return 3;
}

static inline unsigned key_address_network(const void *record, uint64_t *words) {
        const AddressRecord *a = record;
        IpAddress network =
                        ip_network(ip_is_set(&a->peer) ? &a->peer : &a->address, a->prefix_length);

        words[0] = network.family | (uint64_t) a->prefix_length << 8;
        key_ip(&network, words + 1);
        return 3;
}

static inline unsigned key_group(const void *record, uint64_t *words) {
        const GroupRecord *g = record;

        words[0] = key_link_and_family(g->ifindex, g->group.family);
        key_ip(&g->group, words + 1);
        return 3;
}

static inline unsigned key_group_ifindex(const void *record, uint64_t *words) {
        const GroupRecord *g = record;

        words[0] = (uint32_t) g->ifindex;
        return 1;
}

static inline unsigned key_group_ip(const void *record, uint64_t *words) {
        const GroupRecord *g = record;

        words[0] = g->group.family;
        key_ip(&g->group, words + 1);
        return 3;
}

static inline unsigned key_route(const void *record, uint64_t *words) {
        const RouteRecord *t = record;

        words[0] = (uint32_t) t->ifindex | (uint64_t) t->metric << 32;
        words[1] = t->table | (uint64_t) t->nexthop_id << 32;
        words[2] = t->family | (uint64_t) t->tos << 8 | (uint64_t) t->protocol << 16 |
                   (uint64_t) t->type << 24 | (uint64_t) t->gateway.family << 32;
        key_ip(&t->gateway, words + 3);
        return 5;
}

static inline unsigned key_route_ifindex(const void *record, uint64_t *words) {
        const RouteRecord *t = record;

        words[0] = (uint32_t) t->ifindex;
        return 1;
}

static inline unsigned key_local(const void *record, uint64_t *words) {
        const LocalRecord *l = record;

        words[0] = key_link_and_family(l->ifindex, l->address.family) |
                   (uint64_t) l->prefix_length << 40 | (uint64_t) l->type << 48;
        key_ip(&l->address, words + 1);
        return 3;
}

static inline unsigned key_local_ifindex(const void *record, uint64_t *words) {
        const LocalRecord *l = record;

        words[0] = (uint32_t) l->ifindex;
        return 1;
}

static inline unsigned key_local_prefix(const void *record, uint64_t *words) {
        const LocalRecord *l = record;
        IpAddress network = ip_network(&l->address, l->prefix_length);

        words[0] = network.family | (uint64_t) l->prefix_length << 8;
        key_ip(&network, words + 1);
        return 3;
}

static inline unsigned key_name_ifindex(const void *record, uint64_t *words) {
        const NameRow *n = record;

        words[0] = (uint32_t) n->ifindex;
        return 1;
}

/* The kind is part of it: a piece of an alias is no name. */
static inline unsigned key_name_text(const void *record, uint64_t *words) {
        const NameRow *n = record;
        unsigned used = CONST_MIN(n->len, NAME_ROW_BYTES);
        unsigned n_words = (used + 7) / 8;

        words[0] = n->kind | (uint64_t) n->len << 8;
        memcpy(words + 1, n->bytes, (size_t) n_words * 8);
        return 1 + n_words;
}

/* By family one more than its longest prefix length, 0: no family. A table, because a walk asks this
 * several times for each row. */
static const uint8_t family_limits[UINT8_MAX + 1] = {
        [AF_UNSPEC] = 129,
        [AF_INET] = 33,
        [AF_INET6] = 129,
};

_inline_ bool family_is_sane(uint8_t family) {
        return family_limits[family] != 0;
}

_inline_ bool prefix_is_sane(const IpAddress *a, uint8_t prefix_length) {
        return prefix_length < family_limits[a->family];
}

static inline bool link_is_sane(const void *record) {
        const LinkRecord *l = record;

        return l->name[LINK_NAME_MAX] == 0 && l->kind[LINK_KIND_MAX] == 0 &&
               l->hardware_address.len <= HARDWARE_ADDRESS_MAX &&
               l->permanent_hardware_address.len <= HARDWARE_ADDRESS_MAX &&
               l->broadcast_address.len <= HARDWARE_ADDRESS_MAX &&
               family_is_sane(l->ipv6_link_local.family) &&
               l->states.operational < _OPERATIONAL_STATE_MAX &&
               l->states.carrier < _CARRIER_STATE_MAX && l->states.address < _ADDRESS_STATE_MAX &&
               l->states.ipv4 < _ADDRESS_STATE_MAX && l->states.ipv6 < _ADDRESS_STATE_MAX;
}

static inline bool address_is_sane(const void *record) {
        const AddressRecord *a = record;

        return prefix_is_sane(&a->address, a->prefix_length) && family_is_sane(a->peer.family) &&
               family_is_sane(a->broadcast.family) && a->usability < _USABILITY_MAX &&
               a->label[LINK_NAME_MAX] == 0;
}

static inline bool group_is_sane(const void *record) {
        const GroupRecord *g = record;

        return family_is_sane(g->group.family);
}

static inline bool route_is_sane(const void *record) {
        const RouteRecord *t = record;

        return family_is_sane(t->family) && family_is_sane(t->gateway.family) &&
               family_is_sane(t->preferred_source.family);
}

static inline bool local_is_sane(const void *record) {
        const LocalRecord *l = record;

        return prefix_is_sane(&l->address, l->prefix_length);
}

static inline bool name_is_sane(const void *record) {
        const NameRow *n = record;

        return (n->kind == NAME_ROW_ALTERNATIVE && n->len <= LINK_ALTNAME_MAX) ||
               (n->kind == NAME_ROW_ALIAS && n->len <= NAME_ROW_BYTES && n->order < 2);
}

/* Where a record is counted in TableHeader.prefixes: set and place. False when it is not. */
static inline bool table_prefix_slot(unsigned section, const void *record, unsigned *ret_set,
                                     unsigned *ret_slot) {
        const AddressRecord *a = record;
        const LocalRecord *l = record;
        bool is_address = section == SECTION_ADDRESS;
        uint8_t family;
        unsigned length;

        if (!is_address && section != SECTION_LOCAL)
                return false;
        family = is_address ? a->address.family : l->address.family;
        length = is_address ? a->prefix_length : l->prefix_length;
        if (family == AF_UNSPEC)
                return false;
        *ret_set = is_address ? 0 : 1;
        *ret_slot = family == AF_INET ? length : 33 + length;
        return true;
}

/* The words of a record from the one that begins it to the one that holds the member's end */
#define TABLE_WORDS(type, from, to)            \
        .first = offsetof(type, from) / 8 * 8, \
        .last = (offsetof(type, to) + sizeof(((type *) 0)->to) + 7) / 8 * 8

/* Buckets cost 4 bytes each at 4,000 links as well: more than there are rows only where a lookup has to be
 * fast (with as many as rows, a third of the lookups look at a wrong row first, which the processor did
 * not expect), fewer where many rows share a link, or where only the writer looks. */
static const SectionKind table_kinds[_SECTION_MAX] = {
        [SECTION_LINK] = {
                .record_size = sizeof(LinkRecord),
                .n_indexes = 2,
                .first_capacity = 16,
                .is_sane = link_is_sane,
                .indexes = {
                        [INDEX_KEY] = { key_link_index, TABLE_WORDS(LinkRecord, ifindex, ifindex), 16 },
                        [INDEX_LINK_NAME] = { key_link_name, TABLE_WORDS(LinkRecord, name, name), 32 },
                },
        },
        [SECTION_ADDRESS] = {
                .record_size = sizeof(AddressRecord),
                .n_indexes = 4,
                .first_capacity = 32,
                .is_sane = address_is_sane,
                .indexes = {
                        [INDEX_KEY] = { key_address,
                                        TABLE_WORDS(AddressRecord, ifindex, prefix_length), 2 },
                        [INDEX_IFINDEX] = { key_address_ifindex,
                                            TABLE_WORDS(AddressRecord, ifindex, ifindex), 4 },
                        [INDEX_IP] = { key_address_ip,
                                       TABLE_WORDS(AddressRecord, address, address), 8 },
                        [INDEX_ADDRESS_NETWORK] = { key_address_network,
                                                    TABLE_WORDS(AddressRecord, address, prefix_length),
                                                    4 },
                },
        },
        [SECTION_GROUP] = {
                .record_size = sizeof(GroupRecord),
                .n_indexes = 3,
                .first_capacity = 64,
                .is_sane = group_is_sane,
                .indexes = {
                        [INDEX_KEY] = { key_group, TABLE_WORDS(GroupRecord, ifindex, group), 2 },
                        [INDEX_IFINDEX] = { key_group_ifindex,
                                            TABLE_WORDS(GroupRecord, ifindex, ifindex), 2 },
                        [INDEX_IP] = { key_group_ip, TABLE_WORDS(GroupRecord, group, group), 2 },
                },
        },
        [SECTION_ROUTE] = {
                .record_size = sizeof(RouteRecord),
                .n_indexes = 2,
                .first_capacity = 8,
                .is_sane = route_is_sane,
                .indexes = {
                        [INDEX_KEY] = { key_route, TABLE_WORDS(RouteRecord, ifindex, gateway), 4 },
                        [INDEX_IFINDEX] = { key_route_ifindex,
                                            TABLE_WORDS(RouteRecord, ifindex, ifindex), 4 },
                },
        },
        [SECTION_LOCAL] = {
                .record_size = sizeof(LocalRecord),
                .n_indexes = 3,
                .first_capacity = 64,
                .is_sane = local_is_sane,
                .indexes = {
                        [INDEX_KEY] = { key_local, TABLE_WORDS(LocalRecord, ifindex, type), 2 },
                        [INDEX_IFINDEX] = { key_local_ifindex,
                                            TABLE_WORDS(LocalRecord, ifindex, ifindex), 2 },
                        [INDEX_LOCAL_PREFIX] = { key_local_prefix,
                                                 TABLE_WORDS(LocalRecord, address, prefix_length), 4 },
                },
        },
        [SECTION_NAME] = {
                .record_size = sizeof(NameRow),
                .n_indexes = 2,
                .first_capacity = 8,
                .is_sane = name_is_sane,
                .indexes = {
                        [INDEX_NAME_IFINDEX] = { key_name_ifindex,
                                                 TABLE_WORDS(NameRow, ifindex, ifindex), 8 },
                        [INDEX_NAME_TEXT] = { key_name_text, TABLE_WORDS(NameRow, ifindex, bytes), 8 },
                },
        },
};

_inline_ uint32_t table_row_size(unsigned section) {
        return table_kinds[section].record_size + 8 * table_kinds[section].n_indexes;
}

_inline_ void table_key(unsigned section, unsigned index, const void *record, TableKey *ret) {
        ret->n = table_kinds[section].indexes[index].key(record, ret->words);
}
