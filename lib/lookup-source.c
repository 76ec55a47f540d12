/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parts of source selection that both families share: the question's checks, a route's own
 * preferred source, labels, link settings, and the primary address.
 */

#include <linux/rtnetlink.h>
#include <net/if.h>

#include "lookup-source-internal.h"
#include "lookup-source.h"
#include "util.h"

/* What the kernel says for an address that no row of its label table covers. */
#define LABEL_NONE UINT32_MAX

const char *source_rule_to_string(SourceRule r) {
        static const char *const names[_SOURCE_RULE_MAX] = {
                [SOURCE_RULE_ONLY] = "only-candidate",
                [SOURCE_RULE_ROUTE] = "preferred-source",
                [SOURCE_RULE_SAME] = "same-address",
                [SOURCE_RULE_SCOPE] = "scope",
                [SOURCE_RULE_DEPRECATED] = "deprecated",
                [SOURCE_RULE_HOME] = "home-address",
                [SOURCE_RULE_INTERFACE] = "outgoing-interface",
                [SOURCE_RULE_LABEL] = "label",
                [SOURCE_RULE_TEMPORARY] = "temporary",
                [SOURCE_RULE_ORCHID] = "orchid",
                [SOURCE_RULE_PREFIX] = "longest-prefix",
                [SOURCE_RULE_OPTIMISTIC] = "optimistic",
                [SOURCE_RULE_ORDER] = "list-order",
                [SOURCE_RULE_GATEWAY] = "gateway-network",
                [SOURCE_RULE_PRIMARY] = "first-primary",
                [SOURCE_RULE_SECONDARY] = "secondary",
                [SOURCE_RULE_NARROW] = "narrow-scope",
                [SOURCE_RULE_OTHER_LINK] = "other-link",
                [SOURCE_RULE_TENTATIVE] = "tentative",
                [SOURCE_RULE_DUPLICATE] = "duplicate",
                [SOURCE_RULE_NOT_UNICAST] = "not-unicast",
        };

        return (unsigned) r < _SOURCE_RULE_MAX ? names[r] : "unknown";
}

void source_answer_done(SourceAnswer *a) {
        free(a->candidates);
        *a = (SourceAnswer){};
}

int candidate_list_add(CandidateList *l, const AddressRecord *row, SourceRule rule) {
        int r;

        r = lookup_grow(&l->items, &l->allocated, l->n, sizeof(SourceCandidate));
        if (r < 0)
                return r;

        ((SourceCandidate *) l->items)[l->n++] = (SourceCandidate){
                .address = row->address,
                .ifindex = row->ifindex,
                .prefix_length = row->prefix_length,
                .usability = row->usability,
                .flags = row->flags,
                .rule = rule,
        };
        return 0;
}

static bool is_vrf(const LinkRecord *link) {
        return strncmp(link->kind, "vrf", sizeof(link->kind)) == 0;
}

int32_t lookup_routing_domain(const TableView *v, int32_t ifindex) {
        LinkRecord link, master;

        if (!table_get_link(v, ifindex, &link))
                return 0;
        if (is_vrf(&link))
                return link.ifindex;
        if (link.master_ifindex > 0 && table_get_link(v, link.master_ifindex, &master) &&
            is_vrf(&master))
                return master.ifindex;
        return 0;
}

uint64_t lookup_link_order(const TableView *v, int32_t ifindex) {
        LinkRecord link;

        return table_get_link(v, ifindex, &link) ? link.incarnation : UINT64_MAX;
}

int lookup_setting(const SourceFacts *facts, int32_t ifindex, LinkSetting which) {
        return facts->setting ? facts->setting(facts->userdata, ifindex, which) : 0;
}

uint32_t lookup_label(const SourceFacts *facts, const IpAddress *a, int32_t ifindex) {
        const AddressLabel *best = NULL;

        if (facts->n_labels == 0)
                return ip_default_label(a);

        for (size_t i = 0; i < facts->n_labels; i++) {
                const AddressLabel *l = &facts->labels[i];

                if (l->ifindex != 0 && l->ifindex != ifindex)
                        continue;
                if (!ip_in_prefix(a, &l->prefix, l->prefix_length))
                        continue;
                if (!best || l->prefix_length > best->prefix_length ||
                    (l->prefix_length == best->prefix_length && best->ifindex == 0 &&
                     l->ifindex != 0))
                        best = l;
        }

        return best ? best->label : LABEL_NONE;
}

/* The row of an own address, on the outgoing link when it is there too; a bare one when no link has
 * it (the kernel only checks that when the route is made). */
static AddressRecord find_own(const Selection *s, const IpAddress *a) {
        AddressRecord row, best = {
                .address = *a,
                .prefix_length = (uint8_t) ip_family_bits(a->family),
        };
        TableWalk w;

        w = table_walk_ip(s->view, OBJECT_ADDRESS, a);
        while (table_next(s->view, &w, &row))
                if (best.ifindex == 0 || row.ifindex == s->answer.ifindex)
                        best = row;
        return best;
}

/* The route says which source to use; the candidates are then only what it was preferred to. */
static int apply_preferred_source(Selection *s) {
        AddressRecord own = find_own(s, &s->question->route.preferred_source);
        SourceCandidate *items, chosen;
        size_t place = 0;
        int r;

        while (place < s->candidates.n) {
                items = s->candidates.items;
                if (ip_equal(&items[place].address, &own.address) &&
                    items[place].ifindex == own.ifindex)
                        break;
                place++;
        }
        if (place == s->candidates.n) {
                r = candidate_list_add(&s->candidates, &own, SOURCE_RULE_ROUTE);
                if (r < 0)
                        return r;
        }

        items = s->candidates.items;
        chosen = items[place];
        memmove(items + 1, items, place * sizeof(*items));
        items[0] = chosen;
        for (size_t i = 0; i < s->candidates.n; i++) {
                items[i].chosen = i == 0;
                items[i].rule = SOURCE_RULE_ROUTE;
        }

        s->answer.source = own.address;
        s->answer.source_ifindex = own.ifindex;
        s->answer.rule = SOURCE_RULE_ROUTE;
        return 0;
}

/* With a link given the kernel takes an IPv4 multicast or broadcast there whatever its routes say. */
static bool needs_route(const Selection *s) {
        return s->question->ifindex == 0 || s->destination.family != AF_INET ||
               !(ip_is_multicast(&s->destination) ||
                 ip_classify(&s->destination) == ADDRESS_CLASS_BROADCAST);
}

static int check_question(Selection *s) {
        LinkRecord link;

        if (!ip_is_set(&s->destination) || ip_is_unspecified(&s->destination))
                return -EBADMSG;

        s->answer.ifindex = s->question->route.ifindex;
        if (!needs_route(s))
                s->answer.ifindex = s->question->ifindex;
        else if (!lookup_route_is_usable(&s->question->route))
                return -ENETUNREACH;

        return table_get_link(s->view, s->answer.ifindex, &link) ? 0 : -ENODEV;
}

static void selection_done(Selection *s) {
        free(s->candidates.items);
}

int lookup_source(const TableView *v, const SourceQuestion *question, const SourceFacts *facts,
                  SourceAnswer *ret) {
        static const SourceFacts no_facts = {};
        SettingMemo memo = {};
        _cleanup_(selection_done) Selection s = {
                .view = v,
                .facts = facts ?: &no_facts,
                .question = question,
                .destination = ip_unmap(&question->destination),
                .memo = &memo,
        };
        bool preferred;
        int r;

        r = check_question(&s);
        if (r < 0)
                return r;

        preferred = needs_route(&s) && ip_is_set(&question->route.preferred_source);
        if (preferred && !question->explain)
                r = 0;
        else if (s.destination.family == AF_INET)
                r = lookup_source_ipv4(&s);
        else
                r = lookup_source_ipv6(&s);
        if (r == -EADDRNOTAVAIL && ip_is_set(&question->route.preferred_source) &&
            (preferred || lookup_source_tries_route(&s)))
                preferred = true;
        else if (r < 0)
                return r;

        if (preferred) {
                r = apply_preferred_source(&s);
                if (r < 0)
                        return r;
        }

        *ret = s.answer;
        ret->candidates = NULL;
        ret->n_candidates = 0;
        if (question->explain) {
                ret->candidates = TAKE_PTR(s.candidates.items);
                ret->n_candidates = s.candidates.n;
        }
        return 0;
}

/* Global before link-local, then the lowest ifindex; among the addresses of one link the order of its
 * list decides, so that a later one must be better to win. */
static bool is_better_primary(const AddressRecord *a, const AddressRecord *best) {
        bool local = ip_is_link_local(&a->address);
        bool best_local = ip_is_link_local(&best->address);

        if (local != best_local)
                return best_local;
        return a->ifindex < best->ifindex;
}

int lookup_primary_address(const TableView *v, int family, AddressRecord *ret) {
        AddressRecord best = {};
        LinkRecord link;
        TableWalk w;
        int r;

        if (family != AF_INET && family != AF_INET6)
                return -EBADMSG;

        w = table_walk_all(v, OBJECT_LINK);
        while (table_next(v, &w, &link)) {
                _cleanup_(freep) AddressRecord *rows = NULL;
                size_t n = 0;

                if (!(link.flags & IFF_UP) || (link.flags & IFF_LOOPBACK))
                        continue;

                r = lookup_addresses_of(v, link.ifindex, &rows, &n);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < n; i++)
                        if (rows[i].address.family == family &&
                            rows[i].usability == USABILITY_USABLE &&
                            !ip_is_unspecified(&rows[i].address) &&
                            !ip_is_multicast(&rows[i].address) &&
                            (!ip_is_set(&best.address) || is_better_primary(&rows[i], &best)))
                                best = rows[i];
        }

        if (!ip_is_set(&best.address))
                return -EADDRNOTAVAIL;
        *ret = best;
        return 0;
}
