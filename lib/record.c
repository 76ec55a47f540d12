/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is true of rows as such: sizes, the link that a row belongs to, the published order, the
 * words of the enums, and the batch that carries changes. How a row looks to the outside is in the
 * field table (record-field*.c).
 *
 * Rows may come from a shared table that another process writes: every number in one is checked
 * before it is used as an index.
 */

#include "record.h"
#include "util.h"

#define RTABLE_MAIN 254

size_t record_size(ObjectType type) {
        switch (type) {
        case OBJECT_LINK:
                return sizeof(LinkRecord);
        case OBJECT_ADDRESS:
                return sizeof(AddressRecord);
        case OBJECT_GROUP:
                return sizeof(GroupRecord);
        case OBJECT_ROUTE:
                return sizeof(RouteRecord);
        case OBJECT_LOCAL:
                return sizeof(LocalRecord);
        case _OBJECT_TYPE_MAX:
                break;
        }
        return 0;
}

int record_family(ObjectType type, const void *record) {
        switch (type) {
        case OBJECT_ADDRESS:
                return ((const AddressRecord *) record)->address.family;
        case OBJECT_GROUP:
                return ((const GroupRecord *) record)->group.family;
        case OBJECT_ROUTE:
                return ((const RouteRecord *) record)->family;
        case OBJECT_LOCAL:
                return ((const LocalRecord *) record)->address.family;
        case OBJECT_LINK:
        case _OBJECT_TYPE_MAX:
                break;
        }
        return AF_UNSPEC;
}

int32_t record_ifindex(ObjectType type, const void *record) {
        switch (type) {
        case OBJECT_LINK:
                return ((const LinkRecord *) record)->ifindex;
        case OBJECT_ADDRESS:
                return ((const AddressRecord *) record)->ifindex;
        case OBJECT_GROUP:
                return ((const GroupRecord *) record)->ifindex;
        case OBJECT_ROUTE:
                return ((const RouteRecord *) record)->ifindex;
        case OBJECT_LOCAL:
                return ((const LocalRecord *) record)->ifindex;
        case _OBJECT_TYPE_MAX:
                break;
        }
        return 0;
}

/* Order ---------------------------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b) {
        return a < b ? -1 : a > b;
}

static int compare_ifindexes(int32_t a, int32_t b) {
        return a < b ? -1 : a > b;
}

static int compare_addresses(const AddressRecord *a, const AddressRecord *b) {
        int c;

        c = compare_ifindexes(a->ifindex, b->ifindex);
        if (c != 0)
                return c;
        c = compare_numbers(a->address.family, b->address.family);
        if (c != 0)
                return c;
        /* The kernel puts a new IPv6 address before its peers, and a new IPv4 address behind. */
        c = a->address.family == AF_INET6 ? compare_numbers(b->order, a->order)
                                          : compare_numbers(a->order, b->order);
        if (c != 0)
                return c;
        c = ip_compare(&a->address, &b->address);
        if (c != 0)
                return c;
        c = compare_numbers(a->prefix_length, b->prefix_length);
        return c != 0 ? c : ip_compare(&a->peer, &b->peer);
}

static int compare_groups(const GroupRecord *a, const GroupRecord *b) {
        int c;

        c = compare_ifindexes(a->ifindex, b->ifindex);
        return c != 0 ? c : ip_compare(&a->group, &b->group);
}

static int compare_routes(const RouteRecord *a, const RouteRecord *b) {
        int c;

        c = compare_numbers(a->family, b->family);
        if (c != 0)
                return c;
        c = compare_numbers(a->metric, b->metric);
        if (c != 0)
                return c;
        /* Of equals, the table that every lookup ends up in comes before those that need a rule. */
        c = compare_numbers(a->table != RTABLE_MAIN, b->table != RTABLE_MAIN);
        if (c != 0)
                return c;
        c = compare_numbers(a->table, b->table);
        if (c != 0)
                return c;
        c = compare_ifindexes(a->ifindex, b->ifindex);
        if (c != 0)
                return c;
        c = ip_compare(&a->gateway, &b->gateway);
        return c != 0 ? c : memcmp(a, b, sizeof(*a));
}

static int compare_locals(const LocalRecord *a, const LocalRecord *b) {
        int c;

        c = compare_ifindexes(a->ifindex, b->ifindex);
        if (c != 0)
                return c;
        c = ip_compare(&a->address, &b->address);
        if (c != 0)
                return c;
        c = compare_numbers(a->prefix_length, b->prefix_length);
        return c != 0 ? c : compare_numbers(a->type, b->type);
}

int record_compare(ObjectType type, const void *a, const void *b) {
        switch (type) {
        case OBJECT_LINK:
                return compare_ifindexes(record_ifindex(type, a), record_ifindex(type, b));
        case OBJECT_ADDRESS:
                return compare_addresses(a, b);
        case OBJECT_GROUP:
                return compare_groups(a, b);
        case OBJECT_ROUTE:
                return compare_routes(a, b);
        case OBJECT_LOCAL:
                return compare_locals(a, b);
        case _OBJECT_TYPE_MAX:
                break;
        }
        return 0;
}

/* Words ---------------------------------------------------------------------------------------- */

static const char *word(const char *const *words, size_t n_words, unsigned number) {
        return number < n_words ? words[number] : "unknown";
}

#define WORD(words, number) word(words, ELEMENTSOF(words), (unsigned) (number))

static const char *const object_types[] = {
        [OBJECT_LINK] = "link",   [OBJECT_ADDRESS] = "address", [OBJECT_GROUP] = "group",
        [OBJECT_ROUTE] = "route", [OBJECT_LOCAL] = "local",
};
_Static_assert(ELEMENTSOF(object_types) == _OBJECT_TYPE_MAX, "one word each");

static const char *const operational_states[] = {
        [OPERATIONAL_STATE_MISSING] = "missing",
        [OPERATIONAL_STATE_OFF] = "off",
        [OPERATIONAL_STATE_NO_CARRIER] = "no-carrier",
        [OPERATIONAL_STATE_DORMANT] = "dormant",
        [OPERATIONAL_STATE_DEGRADED_CARRIER] = "degraded-carrier",
        [OPERATIONAL_STATE_CARRIER] = "carrier",
        [OPERATIONAL_STATE_DEGRADED] = "degraded",
        [OPERATIONAL_STATE_ENSLAVED] = "enslaved",
        [OPERATIONAL_STATE_ROUTABLE] = "routable",
};
_Static_assert(ELEMENTSOF(operational_states) == _OPERATIONAL_STATE_MAX, "one word each");

static const char *const carrier_states[] = {
        [CARRIER_STATE_OFF] = "off",         [CARRIER_STATE_NO_CARRIER] = "no-carrier",
        [CARRIER_STATE_DORMANT] = "dormant", [CARRIER_STATE_DEGRADED_CARRIER] = "degraded-carrier",
        [CARRIER_STATE_CARRIER] = "carrier", [CARRIER_STATE_ENSLAVED] = "enslaved",
};
_Static_assert(ELEMENTSOF(carrier_states) == _CARRIER_STATE_MAX, "one word each");

static const char *const address_states[] = {
        [ADDRESS_STATE_OFF] = "off",
        [ADDRESS_STATE_DEGRADED] = "degraded",
        [ADDRESS_STATE_ROUTABLE] = "routable",
};
_Static_assert(ELEMENTSOF(address_states) == _ADDRESS_STATE_MAX, "one word each");

static const char *const usabilities[] = {
        [USABILITY_USABLE] = "usable",
        [USABILITY_TENTATIVE] = "tentative",
        [USABILITY_DUPLICATE] = "duplicate",
        [USABILITY_DEPRECATED] = "deprecated",
};
_Static_assert(ELEMENTSOF(usabilities) == _USABILITY_MAX, "one word each");

static const char *const change_types[] = {
        [CHANGE_EXISTING] = "existing",
        [CHANGE_ADDED] = "added",
        [CHANGE_CHANGED] = "changed",
        [CHANGE_REMOVED] = "removed",
};
_Static_assert(ELEMENTSOF(change_types) == _CHANGE_TYPE_MAX, "one word each");

const char *object_type_to_string(ObjectType type) {
        return WORD(object_types, type);
}

const char *operational_state_to_string(OperationalState s) {
        return WORD(operational_states, s);
}

const char *carrier_state_to_string(CarrierState s) {
        return WORD(carrier_states, s);
}

const char *address_state_to_string(AddressState s) {
        return WORD(address_states, s);
}

const char *usability_to_string(Usability u) {
        return WORD(usabilities, u);
}

const char *change_type_to_string(ChangeType t) {
        return WORD(change_types, t);
}

/* Batches -------------------------------------------------------------------------------------- */

#define BATCH_FIRST_ALLOCATION 16

void batch_done(Batch *b) {
        for (size_t i = 0; i < b->n_changes; i++)
                link_texts_free(b->changes[i].texts);
        free(b->changes);
        *b = (Batch){};
}

Change *batch_add(Batch *b) {
        if (b->n_changes == b->n_allocated) {
                size_t n = b->n_allocated > 0 ? b->n_allocated * 2 : BATCH_FIRST_ALLOCATION;
                Change *changes;

                changes = reallocarray(b->changes, n, sizeof(Change));
                if (!changes)
                        return NULL;
                b->changes = changes;
                b->n_allocated = n;
        }

        b->changes[b->n_changes] = (Change){};
        return &b->changes[b->n_changes++];
}

RecordView change_view(const Change *c) {
        return (RecordView) {
                .type = c->object,
                .record = &c->record,
                .context = {
                        .texts = c->texts,
                        .link_name = c->link_name[0] != '\0' ? c->link_name : NULL,
                        .users = -1,
                },
        };
}
