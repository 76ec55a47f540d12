/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table as plain arrays; see table-naive.h.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "table-naive.h"
#include "util.h"

static const size_t sizes[_OBJECT_TYPE_MAX] = { sizeof(LinkRecord), sizeof(AddressRecord),
                                                sizeof(GroupRecord), sizeof(RouteRecord),
                                                sizeof(LocalRecord) };

static bool same_ip(const IpAddress *a, const IpAddress *b) {
        return memcmp(a, b, sizeof(*a)) == 0;
}

/* Bit for bit. */
static bool same_network(const IpAddress *a, const IpAddress *b, unsigned length) {
        if (a->family != b->family)
                return false;
        for (unsigned i = 0; i < length; i++)
                if ((a->bytes[i / 8] ^ b->bytes[i / 8]) & (0x80 >> i % 8))
                        return false;
        return true;
}

static const IpAddress *far_end(const AddressRecord *a) {
        return a->peer.family != AF_UNSPEC ? &a->peer : &a->address;
}

static bool same_route(const RouteRecord *a, const RouteRecord *b) {
        return a->ifindex == b->ifindex && a->metric == b->metric && a->table == b->table &&
               a->nexthop_id == b->nexthop_id && a->family == b->family && a->tos == b->tos &&
               a->protocol == b->protocol && a->type == b->type &&
               same_ip(&a->gateway, &b->gateway);
}

static bool same_key(ObjectType type, const Record *a, const Record *b) {
        switch (type) {
        case OBJECT_LINK:
                return a->link.ifindex == b->link.ifindex;
        case OBJECT_ADDRESS:
                if (a->address.ifindex != b->address.ifindex ||
                    !same_ip(&a->address.address, &b->address.address))
                        return false;
                return a->address.address.family == AF_INET6 ||
                       (a->address.prefix_length == b->address.prefix_length &&
                        same_network(far_end(&a->address), far_end(&b->address),
                                     a->address.prefix_length));
        case OBJECT_GROUP:
                return a->group.ifindex == b->group.ifindex &&
                       same_ip(&a->group.group, &b->group.group);
        case OBJECT_ROUTE:
                return same_route(&a->route, &b->route);
        case OBJECT_LOCAL:
                return memcmp(&a->local, &b->local, sizeof(a->local)) == 0;
        case _OBJECT_TYPE_MAX:
                break;
        }
        abort();
}

void naive_done(Naive *n) {
        for (unsigned i = 0; i < n->n[OBJECT_LINK]; i++)
                free(n->rows[OBJECT_LINK][i].texts);
        for (unsigned i = 0; i < _OBJECT_TYPE_MAX; i++)
                free(n->rows[i]);
}

NaiveRow *naive_find(Naive *n, ObjectType type, const Record *key) {
        for (unsigned i = 0; i < n->n[type]; i++)
                if (same_key(type, &n->rows[type][i].record, key))
                        return &n->rows[type][i];
        return NULL;
}

NaiveRow *naive_find_link(Naive *n, int32_t ifindex) {
        Record key = { .link.ifindex = ifindex };

        return naive_find(n, OBJECT_LINK, &key);
}

bool naive_set(Naive *n, ObjectType type, const Record *r) {
        NaiveRow *row = naive_find(n, type, r);
        bool existed = row;

        if (!row) {
                if (n->n[type] == n->n_allocated[type]) {
                        n->n_allocated[type] = 2 * n->n_allocated[type] + 16;
                        n->rows[type] = realloc(n->rows[type],
                                                n->n_allocated[type] * sizeof(NaiveRow));
                        if (!n->rows[type])
                                abort();
                }
                row = &n->rows[type][n->n[type]++];
                *row = (NaiveRow){ 0 };
        }
        if (type == OBJECT_LINK && (!existed || strcmp(row->record.link.name, r->link.name) != 0))
                row->named = ++n->clock;
        memcpy(&row->record, r, sizes[type]);
        return existed;
}

bool naive_remove(Naive *n, ObjectType type, const Record *r) {
        NaiveRow *row = naive_find(n, type, r);

        if (!row)
                return false;
        free(row->texts);
        *row = n->rows[type][--n->n[type]];
        return true;
}

NaiveRow *naive_find_name(Naive *n, const char *name, NameMatch *ret_match) {
        NaiveRow *best = NULL;

        for (unsigned i = 0; i < n->n[OBJECT_LINK]; i++) {
                NaiveRow *row = &n->rows[OBJECT_LINK][i];

                if (strcmp(row->record.link.name, name) == 0 && (!best || row->named > best->named))
                        best = row;
        }
        *ret_match = NAME_MATCH_NAME;
        if (best)
                return best;
        *ret_match = NAME_MATCH_ALTERNATIVE;
        for (unsigned i = 0; i < n->n[OBJECT_LINK]; i++) {
                const NaiveTexts *t = n->rows[OBJECT_LINK][i].texts;

                for (unsigned j = 0; t && j < t->n_names; j++)
                        if (strcmp(t->names[j], name) == 0)
                                return &n->rows[OBJECT_LINK][i];
        }
        return NULL;
}

bool naive_has_ifindex(ObjectType type, const Record *r, int32_t ifindex) {
        switch (type) {
        case OBJECT_LINK:
                return r->link.ifindex == ifindex;
        case OBJECT_ADDRESS:
                return r->address.ifindex == ifindex;
        case OBJECT_GROUP:
                return r->group.ifindex == ifindex;
        case OBJECT_ROUTE:
                return r->route.ifindex == ifindex;
        case OBJECT_LOCAL:
                return r->local.ifindex == ifindex;
        case _OBJECT_TYPE_MAX:
                break;
        }
        abort();
}

bool naive_has_ip(ObjectType type, const Record *r, const IpAddress *a) {
        return same_ip(type == OBJECT_ADDRESS ? &r->address.address : &r->group.group, a);
}

bool naive_prefix(ObjectType type, const Record *r, int *ret_family, int *ret_length) {
        if (type == OBJECT_ADDRESS) {
                *ret_family = r->address.address.family;
                *ret_length = r->address.prefix_length;
                return true;
        }
        if (type == OBJECT_LOCAL) {
                *ret_family = r->local.address.family;
                *ret_length = r->local.prefix_length;
                return true;
        }
        return false;
}

bool naive_has_prefix(ObjectType type, const Record *r, const IpAddress *a, unsigned length) {
        const IpAddress *network =
                        type == OBJECT_ADDRESS ? far_end(&r->address) : &r->local.address;
        int family, own;

        return naive_prefix(type, r, &family, &own) && own == (int) length &&
               same_network(network, a, length);
}
