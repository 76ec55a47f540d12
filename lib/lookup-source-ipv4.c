/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source address of an IPv4 packet as Linux chooses it (inet_select_addr()): no common prefixes,
 * no labels. The first primary address of the outgoing link whose network holds the gateway; else its
 * first primary; else that of another link. Which scope is wide enough is the route's business.
 *
 * The routes that the kernel makes for an address have a preferred source, which was applied before
 * all this is asked.
 */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "lookup-source-internal.h"
#include "util.h"

typedef struct LinkPlace {
        uint64_t order;
        int32_t ifindex;
} LinkPlace;

static int compare_places(const void *x, const void *y) {
        const LinkPlace *a = x, *b = y;

        if (a->order != b->order)
                return a->order < b->order ? -1 : 1;
        return a->ifindex < b->ifindex ? -1 : a->ifindex > b->ifindex;
}

/* The scope of the route, or what it usually is: everywhere behind a gateway, else this link. */
static int usual_scope(const RouteAnswer *route) {
        if (route->scope >= 0)
                return route->scope;
        return ip_is_set(&route->gateway) ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
}

static int route_scope(const Selection *s) {
        if (s->question->ifindex != 0 && ip_is_multicast(&s->destination))
                return s->destination.bytes[0] == 224 && memory_is_zero(s->destination.bytes + 1, 2)
                                       ? RT_SCOPE_LINK
                                       : RT_SCOPE_UNIVERSE;
        if (s->question->ifindex != 0 && ip_classify(&s->destination) == ADDRESS_CLASS_BROADCAST)
                return RT_SCOPE_LINK;
        return usual_scope(&s->question->route);
}

bool lookup_source_tries_route(const Selection *s) {
        return s->question->ifindex != 0 && ip_is_multicast(&s->destination) &&
               route_scope(s) == RT_SCOPE_UNIVERSE;
}

/* Its network, or the peer's, holds the gateway. Any does when there is no IPv4 gateway. */
static bool holds_gateway(const AddressRecord *row, const IpAddress *gateway) {
        return gateway->family != AF_INET ||
               ip_in_prefix(gateway, ip_is_set(&row->peer) ? &row->peer : &row->address,
                            row->prefix_length);
}

static void choose(Selection *s, const AddressRecord *row, SourceRule rule) {
        s->answer.source = row->address;
        s->answer.source_ifindex = row->ifindex;
        s->answer.rule = rule;
        s->prefix_length = row->prefix_length;
}

static int note(Selection *s, const AddressRecord *row, SourceRule rule) {
        return s->question->explain ? candidate_list_add(&s->candidates, row, rule) : 0;
}

/* Looks through the outgoing link. Who is noted with SOURCE_RULE_ONLY could have been chosen. */
static int select_on_outgoing(Selection *s, const IpAddress *gateway, int scope) {
        _cleanup_(freep) AddressRecord *rows = NULL;
        const AddressRecord *first = NULL, *best = NULL;
        int localnet_scope = RT_SCOPE_HOST, r;
        size_t n = 0;

        if (lookup_setting(s->facts, s->answer.ifindex, LINK_SETTING_ROUTE_LOCALNET))
                localnet_scope = RT_SCOPE_LINK;

        r = lookup_addresses_of(s->view, s->answer.ifindex, &rows, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n && rows[i].address.family == AF_INET; i++) {
                const AddressRecord *row = &rows[i];
                SourceRule rule = SOURCE_RULE_ONLY;

                if (row->flags & IFA_F_SECONDARY)
                        rule = SOURCE_RULE_SECONDARY;
                else if (CONST_MIN(row->scope, localnet_scope) > scope)
                        rule = SOURCE_RULE_NARROW;
                else {
                        first = first ?: row;
                        if (!best && holds_gateway(row, gateway))
                                best = row;
                }

                r = note(s, row, rule);
                if (r < 0)
                        return r;
        }

        if (best || first)
                choose(s, best ?: first,
                       best && gateway->family == AF_INET ? SOURCE_RULE_GATEWAY
                                                          : SOURCE_RULE_PRIMARY);
        return 0;
}

/* The first wide enough primary of another link. Link scope never is. */
static int select_on_other(Selection *s, int32_t ifindex, int scope) {
        _cleanup_(freep) AddressRecord *rows = NULL;
        size_t n = 0;
        int r;

        r = lookup_addresses_of(s->view, ifindex, &rows, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n && rows[i].address.family == AF_INET; i++) {
                SourceRule rule = SOURCE_RULE_OTHER_LINK;

                if (rows[i].flags & IFA_F_SECONDARY)
                        rule = SOURCE_RULE_SECONDARY;
                else if (rows[i].scope == RT_SCOPE_LINK || rows[i].scope > scope)
                        rule = SOURCE_RULE_NARROW;

                r = note(s, &rows[i], rule);
                if (r < 0)
                        return r;
                if (rule == SOURCE_RULE_OTHER_LINK) {
                        choose(s, &rows[i], rule);
                        return 0;
                }
        }
        return 0;
}

/* The other links of the routing domain in the kernel's order, a VRF's own device before all. */
static int list_other_links(const Selection *s, LinkPlace **ret, size_t *ret_n) {
        int32_t domain = lookup_routing_domain(s->view, s->answer.ifindex);
        _cleanup_(freep) void *places = NULL;
        size_t n = 0, allocated = 0;
        LinkRecord link;
        TableWalk w;
        int r;

        w = table_walk_all(s->view, OBJECT_LINK);
        while (table_next(s->view, &w, &link)) {
                if (link.ifindex == s->answer.ifindex ||
                    lookup_routing_domain(s->view, link.ifindex) != domain)
                        continue;
                r = lookup_grow(&places, &allocated, n, sizeof(LinkPlace));
                if (r < 0)
                        return r;
                ((LinkPlace *) places)[n++] = (LinkPlace){
                        .order = link.ifindex == domain ? 0 : link.incarnation,
                        .ifindex = link.ifindex,
                };
        }

        if (n > 1)
                qsort(places, n, sizeof(LinkPlace), compare_places);
        *ret = TAKE_PTR(places);
        *ret_n = n;
        return 0;
}

static int select_anywhere(Selection *s, int scope) {
        _cleanup_(freep) LinkPlace *places = NULL;
        size_t n = 0;
        int r;

        r = list_other_links(s, &places, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n && !ip_is_set(&s->answer.source); i++) {
                r = select_on_other(s, places[i].ifindex, scope);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Moves the chosen one to the front; those that it was preferred to lost by its rule. A link can have
 * the same address several times: one of them is it. */
static void mark_chosen(Selection *s) {
        SourceCandidate *items = s->candidates.items;
        bool found = false;

        for (size_t i = 0; i < s->candidates.n; i++) {
                SourceCandidate c = items[i];

                c.chosen = !found && ip_equal(&c.address, &s->answer.source) &&
                           c.ifindex == s->answer.source_ifindex &&
                           c.prefix_length == s->prefix_length &&
                           (c.rule == SOURCE_RULE_ONLY || c.rule == SOURCE_RULE_OTHER_LINK);
                if (c.rule == SOURCE_RULE_ONLY)
                        c.rule = s->answer.rule;
                items[i] = c;
                if (c.chosen) {
                        found = true;
                        memmove(items + 1, items, i * sizeof(*items));
                        items[0] = c;
                }
        }
}

static int select_by_scope(Selection *s, const IpAddress *gateway, int scope) {
        int r;

        r = select_on_outgoing(s, gateway, scope);
        if (r < 0 || ip_is_set(&s->answer.source))
                return r;
        return select_anywhere(s, scope);
}

int lookup_source_ipv4(Selection *s) {
        const RouteAnswer *route = &s->question->route;
        IpAddress gateway = route->gateway;
        int scope = route_scope(s), r;

        /* A whole local prefix has no preferred source: each of its addresses answers for itself. */
        if (route->type == RTN_LOCAL && !ip_is_set(&route->preferred_source)) {
                AddressRecord row = {
                        .address = s->destination,
                        .ifindex = s->answer.ifindex,
                        .prefix_length = 32,
                };

                choose(s, &row, SOURCE_RULE_SAME);
                r = note(s, &row, SOURCE_RULE_SAME);
                if (r >= 0 && s->question->explain)
                        ((SourceCandidate *) s->candidates.items)[0].chosen = true;
                return r;
        }

        if (ip_is_multicast(&s->destination) && s->question->ifindex != 0)
                gateway = (IpAddress){};

        r = select_by_scope(s, &gateway, scope);
        if (r < 0)
                return r;
        if (!ip_is_set(&s->answer.source) && lookup_source_tries_route(s) &&
            !ip_is_set(&route->preferred_source)) {
                s->candidates.n = 0;
                r = select_by_scope(s, &route->gateway, usual_scope(route));
                if (r < 0)
                        return r;
        }
        if (!ip_is_set(&s->answer.source))
                return -EADDRNOTAVAIL;

        mark_chosen(s);
        return 0;
}
