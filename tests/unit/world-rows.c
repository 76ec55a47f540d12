/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The rows of the small kernel of world.h as messages and as lists, and their comparison with a table.
 */

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "world-private.h"

#define GETMULTICAST 58

const struct nlmsghdr *world_build_link(const World *w, Builder *b, int32_t ifindex) {
        const WorldLink *l = &w->links[ifindex - 1];
        BuiltLink link = {
                .ifindex = ifindex,
                .flags = l->flags,
                .name = l->name,
                .mtu = l->mtu,
                .master = l->master,
                .operstate = l->operstate,
                .kind = l->kind,
                .alias = l->alias[0] != '\0' ? l->alias : NULL,
                .altnames = { l->altname[0] != '\0' ? l->altname : NULL },
                .hardware_address = l->hardware,
        };

        (void) build_link(b, &link);
        builder_u32(b, IFLA_CARRIER_CHANGES, l->carrier_changes);
        return &b->header;
}

const struct nlmsghdr *world_build_address(Builder *b, int32_t ifindex, int v6,
                                           const WorldAddress *a, bool removed) {
        const WorldPool *pool = &world_addresses[v6][a->which];
        BuiltAddress address = {
                .removed = removed,
                .ifindex = ifindex,
                .prefix_length = pool->prefix_length,
                .flags = a->flags,
                .scope = pool->scope,
                .address = pool->peer ? pool->peer : pool->address,
                .local = v6 && !pool->peer ? NULL : pool->address,
                .lifetimes = a->valid > 0,
                .preferred = a->valid,
                .valid = a->valid,
        };

        return build_address(b, &address);
}

const struct nlmsghdr *world_build_route(Builder *b, const WorldRoute *route, bool removed) {
        BuiltRoute built = {
                .removed = removed,
                .family = route->family ? AF_INET6 : AF_INET,
                .metric = route->metric,
                .ifindex = route->ifindex,
                .gateway = world_gateways[route->family][route->gateway],
        };

        return build_route(b, &built);
}

const struct nlmsghdr *world_build_local(Builder *b, int32_t ifindex, size_t which, bool removed) {
        const WorldLocal *local = &world_locals[which];
        BuiltRoute built = {
                .removed = removed,
                .family = strchr(local->address, ':') ? AF_INET6 : AF_INET,
                .prefix_length = local->prefix_length,
                .destination = local->address,
                .type = local->type,
                .table = RT_TABLE_LOCAL,
                .ifindex = ifindex,
        };

        return build_route(b, &built);
}

/* Lists ---------------------------------------------------------------------------------------- */

/* Positions are counted, not pointed at: link, then place in the link's list. */
#define PLACES 32

static const struct nlmsghdr *address_row(const World *w, Builder *b, int family, int32_t ifindex,
                                          uint32_t place) {
        const WorldLink *l = &w->links[ifindex - 1];

        for (int v6 = 0; v6 < 2; v6++) {
                if (family != AF_UNSPEC && family != (v6 ? AF_INET6 : AF_INET))
                        continue;
                if (place < l->n_addresses[v6])
                        return world_build_address(b, ifindex, v6, &l->addresses[v6][place], false);
                if (place < PLACES / 2)
                        return NULL;
                place -= PLACES / 2;
        }
        return NULL;
}

static const struct nlmsghdr *group_row(const World *w, Builder *b, int family, int32_t ifindex,
                                        uint32_t place) {
        const WorldLink *l = &w->links[ifindex - 1];
        int v6 = family == AF_INET6;
        BuiltGroup group = { .dumped = true, .ifindex = ifindex };

        if (place >= l->n_groups[v6])
                return NULL;
        group.group = world_groups[v6][l->groups[v6][place]];
        return build_group(b, &group);
}

static const struct nlmsghdr *local_row(const World *w, Builder *b, int family, int32_t ifindex,
                                        uint32_t place) {
        if (place >= WORLD_LOCALS || !w->links[ifindex - 1].locals[place] ||
            (strchr(world_locals[place].address, ':') ? AF_INET6 : AF_INET) != family)
                return NULL;
        return world_build_local(b, ifindex, place, false);
}

static const struct nlmsghdr *link_list_row(World *w, Builder *b, uint16_t type, int family,
                                            int32_t ifindex, uint32_t place) {
        switch (type) {
        case RTM_GETLINK:
                return place == 0 ? world_build_link(w, b, ifindex) : NULL;
        case RTM_GETADDR:
                return address_row(w, b, family, ifindex, place);
        case GETMULTICAST:
                return group_row(w, b, family, ifindex, place);
        default:
                return local_row(w, b, family, ifindex, place);
        }
}

const struct nlmsghdr *world_row(World *w, Builder *b, uint16_t type, int family, int32_t ifindex,
                                 uint32_t *pos, uint32_t *ret_sequence) {
        uint32_t n_listed = WORLD_LINKS * PLACES;

        *ret_sequence = type == RTM_GETLINK                        ? w->link_sequence
                        : type == RTM_GETADDR && family == AF_INET ? w->address_sequence[0]
                        : type == RTM_GETADDR ? w->address_sequence[0] + w->address_sequence[1]
                                              : 0;
        for (; *pos < n_listed; (*pos)++) {
                int32_t index = (int32_t) (*pos / PLACES) + 1;
                const struct nlmsghdr *message;

                if (!w->links[index - 1].present || (ifindex > 0 && index != ifindex))
                        continue;
                message = link_list_row(w, b, type, family, index, *pos % PLACES);
                if (message) {
                        (*pos)++;
                        return message;
                }
        }
        if (type != RTM_GETROUTE)
                return NULL;
        while (*pos - n_listed < w->n_routes) {
                const WorldRoute *route = &w->routes[*pos - n_listed];

                (*pos)++;
                if (family == (route->family ? AF_INET6 : AF_INET) &&
                    (ifindex == 0 || route->ifindex == ifindex))
                        return world_build_route(b, route, false);
        }
        return NULL;
}

static void print_groups4(FILE *file, const WorldLink *l, int ifindex) {
        (void) fprintf(file, "%d\t%-10s: %5zu      V3\n", ifindex, l->name, l->n_groups[0]);
        for (size_t i = 0; i < l->n_groups[0]; i++) {
                uint32_t bytes;

                (void) inet_pton(AF_INET, world_groups[0][l->groups[0][i]], &bytes);
                (void) fprintf(file, "\t\t\t\t%08X %5d 0:00000000\t\t0\n", bytes, 1);
        }
}

static void print_groups6(FILE *file, const WorldLink *l, int ifindex) {
        for (size_t i = 0; i < l->n_groups[1]; i++) {
                uint8_t bytes[16];

                (void) inet_pton(AF_INET6, world_groups[1][l->groups[1][i]], bytes);
                (void) fprintf(file, "%-4d %-15s ", ifindex, l->name);
                for (size_t k = 0; k < sizeof(bytes); k++)
                        (void) fprintf(file, "%02x", bytes[k]);
                (void) fprintf(file, " %5d %08X 0\n", 1, 4);
        }
}

char *world_groups_text(const World *w, int family, size_t *ret_len) {
        char *text = NULL;
        FILE *file = open_memstream(&text, ret_len);

        if (!file)
                abort();
        if (family == AF_INET)
                (void) fprintf(file,
                               "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
        for (int i = 1; i <= WORLD_LINKS; i++) {
                if (!w->links[i - 1].present)
                        continue;
                if (family == AF_INET)
                        print_groups4(file, &w->links[i - 1], i);
                else
                        print_groups6(file, &w->links[i - 1], i);
        }
        (void) fclose(file);
        return text;
}

/* Comparison ----------------------------------------------------------------------------------- */

static char complaint[256];

#define COMPLAIN(...) (snprintf(complaint, sizeof(complaint), __VA_ARGS__), complaint)

static IpAddress ip_of(const char *text) {
        uint8_t bytes[16];
        int family = strchr(text, ':') ? AF_INET6 : AF_INET;

        (void) inet_pton(family, text, bytes);
        return ip_make(family, bytes);
}

static bool has_ip(const IpAddress *a, const char *text) {
        IpAddress b = text ? ip_of(text) : (IpAddress){};

        return memcmp(a, &b, sizeof(b)) == 0;
}

static bool texts_are(const TableView *v, int32_t ifindex, const char *alias, const char *altname) {
        LinkTexts *texts = NULL;
        size_t pos = 0;
        TextSpan span;
        bool same;

        if (table_get_texts(v, ifindex, &texts) < 0)
                return false;
        span = link_texts_alias(texts);
        same = span.len == strlen(alias) && memcmp(span.text, alias, span.len) == 0;
        if (altname[0] != '\0')
                same = same && link_texts_next(texts, &pos, &span) && span.len == strlen(altname) &&
                       memcmp(span.text, altname, span.len) == 0;
        same = same && !link_texts_next(texts, &pos, &span);
        (void) link_texts_free(texts);
        return same;
}

/* Keys: for each link itself, its addresses, groups and routes. */
#define KEYS_PER_LINK (WORLD_KEYS / WORLD_LINKS)
#define KEYS_GROUPS (1 + 2 * WORLD_POOL)
#define KEYS_ROUTES (KEYS_GROUPS + 2 * WORLD_POOL)

static size_t address_key(const AddressRecord *a) {
        for (size_t v6 = 0; v6 < 2; v6++)
                for (size_t i = 0; i < WORLD_POOL; i++) {
                        const WorldPool *pool = &world_addresses[v6][i];

                        if (has_ip(&a->address, pool->address) &&
                            a->prefix_length == pool->prefix_length)
                                return 1 + v6 * WORLD_POOL + i;
                }
        abort();
}

static size_t group_key(const GroupRecord *g) {
        for (size_t v6 = 0; v6 < 2; v6++)
                for (size_t i = 0; i < WORLD_POOL; i++)
                        if (has_ip(&g->group, world_groups[v6][i]))
                                return KEYS_GROUPS + v6 * WORLD_POOL + i;
        abort();
}

static size_t route_key(const RouteRecord *r) {
        for (size_t v6 = 0; v6 < 2; v6++)
                for (size_t i = 0; i < WORLD_GATEWAYS; i++)
                        if (has_ip(&r->gateway, world_gateways[v6][i]))
                                return KEYS_ROUTES + (r->metric / 100 - 1) * 2 * WORLD_GATEWAYS +
                                       v6 * WORLD_GATEWAYS + i;
        abort();
}

size_t world_key(ObjectType type, const void *record) {
        size_t link = (size_t) (record_ifindex(type, record) - 1) * KEYS_PER_LINK;

        switch (type) {
        case OBJECT_LINK:
                return link;
        case OBJECT_ADDRESS:
                return link + address_key(record);
        case OBJECT_GROUP:
                return link + group_key(record);
        case OBJECT_ROUTE:
                return link + route_key(record);
        case OBJECT_LOCAL:
        case _OBJECT_TYPE_MAX:
                break;
        }
        abort();
}

static bool has_address(const WorldLink *l, size_t v6, size_t which) {
        for (size_t i = 0; i < l->n_addresses[v6]; i++)
                if (l->addresses[v6][i].which == which)
                        return true;
        return false;
}

static bool has_group(const WorldLink *l, size_t v6, size_t which) {
        return memchr(l->groups[v6], (int) which, l->n_groups[v6]) != NULL;
}

bool world_has_key(const World *w, size_t key) {
        int32_t ifindex = (int32_t) (key / KEYS_PER_LINK) + 1;
        const WorldLink *l = &w->links[ifindex - 1];
        size_t k = key % KEYS_PER_LINK;

        if (!l->present || k == 0)
                return l->present;
        if (k < KEYS_GROUPS)
                return has_address(l, (k - 1) / WORLD_POOL, (k - 1) % WORLD_POOL);
        if (k < KEYS_ROUTES)
                return has_group(l, (k - KEYS_GROUPS) / WORLD_POOL, (k - KEYS_GROUPS) % WORLD_POOL);
        k -= KEYS_ROUTES;
        for (size_t i = 0; i < w->n_routes; i++) {
                const WorldRoute *r = &w->routes[i];

                if (r->ifindex == ifindex && !r->dying &&
                    k == (r->metric / 100 - 1) * 2 * WORLD_GATEWAYS +
                                                    (size_t) r->family * WORLD_GATEWAYS +
                                                    r->gateway)
                        return true;
        }
        return false;
}

static const char *compare_link(const World *w, const TableView *v, int32_t ifindex) {
        const WorldLink *l = &w->links[ifindex - 1];
        LinkRecord link;

        if (!table_get_link(v, ifindex, &link))
                return COMPLAIN("link %d %s is not in the table", ifindex, l->name);
        if (strcmp(link.name, l->name) != 0)
                return COMPLAIN("link %d is %s, not %s", ifindex, l->name, link.name);
        if (link.flags != l->flags || link.mtu != l->mtu || link.master_ifindex != l->master ||
            link.kernel_operstate != l->operstate || link.carrier_changes != l->carrier_changes)
                return COMPLAIN("link %d %s has other fields", ifindex, l->name);
        if (strcmp(link.kind, l->kind ? l->kind : "") != 0)
                return COMPLAIN("link %d %s has kind %s", ifindex, l->name, link.kind);
        if (memcmp(link.hardware_address.bytes, l->hardware, 6) != 0)
                return COMPLAIN("link %d %s has another hardware address", ifindex, l->name);
        if (!texts_are(v, ifindex, l->alias, l->altname))
                return COMPLAIN("link %d %s has other texts", ifindex, l->name);
        return NULL;
}

/* The row that is this address, by looking at all. */
static bool find_row(const TableView *v, int32_t ifindex, const WorldPool *pool,
                     AddressRecord *ret) {
        TableWalk walk = table_walk_all(v, OBJECT_ADDRESS);

        while (table_next(v, &walk, ret))
                if (ret->ifindex == ifindex && has_ip(&ret->address, pool->address) &&
                    ret->prefix_length == pool->prefix_length && has_ip(&ret->peer, pool->peer))
                        return true;
        return false;
}

static const char *compare_addresses(const World *w, const TableView *v, int32_t ifindex, int v6) {
        const WorldLink *l = &w->links[ifindex - 1];
        uint64_t order = v6 ? UINT64_MAX : 0;

        for (size_t i = 0; i < l->n_addresses[v6]; i++) {
                const WorldAddress *a = &l->addresses[v6][i];
                const WorldPool *pool = &world_addresses[v6][a->which];
                AddressRecord row;

                if (!find_row(v, ifindex, pool, &row))
                        return COMPLAIN("address %s of %d is not in the table", pool->address,
                                        ifindex);
                if (row.flags != a->flags || row.scope != pool->scope)
                        return COMPLAIN("address %s of %d has flags 0x%x, not 0x%x", pool->address,
                                        ifindex, row.flags, a->flags);
                if ((row.valid_usec == UINT64_MAX) != (a->valid == 0))
                        return COMPLAIN("address %s of %d has another lifetime", pool->address,
                                        ifindex);
                if (v6 ? row.order >= order : row.order <= order)
                        return COMPLAIN("address %s of %d is out of order", pool->address, ifindex);
                order = row.order;
        }
        return NULL;
}

static const char *compare_groups(const World *w, const TableView *v, int32_t ifindex, int v6) {
        const WorldLink *l = &w->links[ifindex - 1];

        for (size_t i = 0; i < l->n_groups[v6]; i++) {
                const char *text = world_groups[v6][l->groups[v6][i]];
                GroupRecord group = { .ifindex = ifindex, .group = ip_of(text) };

                if (!table_get(v, OBJECT_GROUP, &group, &group))
                        return COMPLAIN("group %s of %d is not in the table", text, ifindex);
        }
        return NULL;
}

static const char *compare_locals(const World *w, const TableView *v, int32_t ifindex) {
        for (size_t i = 0; i < WORLD_LOCALS; i++) {
                LocalRecord local = {
                        .ifindex = ifindex,
                        .address = ip_of(world_locals[i].address),
                        .prefix_length = world_locals[i].prefix_length,
                        .type = world_locals[i].type,
                };
                bool there = table_get(v, OBJECT_LOCAL, &local, &local);

                if (there != w->links[ifindex - 1].locals[i])
                        return COMPLAIN("local %s of %d: in the table %d", world_locals[i].address,
                                        ifindex, there);
        }
        return NULL;
}

static const char *compare_routes(const World *w, const TableView *v) {
        for (size_t i = 0; i < w->n_routes; i++) {
                const WorldRoute *route = &w->routes[i];
                const char *gateway = world_gateways[route->family][route->gateway];
                TableWalk walk = table_walk_all(v, OBJECT_ROUTE);
                RouteRecord row;
                bool found = route->dying;

                while (!found && table_next(v, &walk, &row))
                        found = row.ifindex == route->ifindex && row.metric == route->metric &&
                                has_ip(&row.gateway, gateway);
                if (!found)
                        return COMPLAIN("route via %s dev %d metric %u is not in the table",
                                        gateway, route->ifindex, route->metric);
        }
        return NULL;
}

static const char *compare_ghosts(const World *w, const TableView *v) {
        Record record;

        for (ObjectType type = 0; type < OBJECT_LOCAL; type++) {
                TableWalk walk = table_walk_all(v, type);

                while (table_next(v, &walk, &record))
                        if (!world_has_key(w, world_key(type, &record)))
                                return COMPLAIN("a %s of link %d is not true (key %zu)",
                                                object_type_to_string(type),
                                                record_ifindex(type, &record),
                                                world_key(type, &record));
        }
        return NULL;
}

const char *world_difference(const World *w, const TableView *v) {
        const char *found = NULL;

        for (int32_t i = 1; i <= WORLD_LINKS && !found; i++) {
                if (!w->links[i - 1].present)
                        continue;
                found = compare_link(w, v, i);
                for (int v6 = 0; v6 < 2 && !found; v6++) {
                        found = compare_addresses(w, v, i, v6);
                        if (!found)
                                found = compare_groups(w, v, i, v6);
                }
                if (!found)
                        found = compare_locals(w, v, i);
        }
        if (!found)
                found = compare_routes(w, v);
        return found ? found : compare_ghosts(w, v);
}
