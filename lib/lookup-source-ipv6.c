/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RFC 6724 section 5 as Linux does it (ipv6_dev_get_saddr()).
 *
 * Every candidate gets one number a rule, larger is better; the list of numbers is compared from the
 * first rule on. Candidates are the addresses of all links of the routing domain (the weak host
 * model), but only those of the outgoing link for multicast and link-local destinations. Ties go to
 * the address that the kernel meets first: links in their order, and in a link the newest address.
 */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "lookup-source-internal.h"
#include "util.h"

/* A scope that is too small for the destination is worse than any that is large enough. */
#define SCOPE_TOO_SMALL 128

/* Counted over the bytes as they are: to the kernel a v4-mapped address is one like any other. */
static int common_bits(const IpAddress *a, const IpAddress *b) {
        for (int i = 0; i < 16; i++) {
                unsigned difference = a->bytes[i] ^ b->bytes[i];

                if (difference != 0)
                        return i * 8 + __builtin_clz(difference) - 24;
        }
        return 128;
}

static bool is_orchid(const IpAddress *a) {
        return a->bytes[0] == 0x20 && a->bytes[1] == 0x01 && a->bytes[2] == 0x00 &&
               (a->bytes[3] & 0xf0) == 0x10;
}

static int same_value(const Selection *s, const AddressRecord *row) {
        return ip_equal(&row->address, &s->destination);
}

static int scope_value(const Selection *s, const AddressRecord *row) {
        AddressScope scope = lookup_kernel_scope(&row->address);

        return scope >= s->scope ? -(int) scope : (int) scope - SCOPE_TOO_SMALL;
}

static int preferred_value(const Selection *s, const AddressRecord *row) {
        AddressClass class;

        if (!(row->flags & IFA_F_DEPRECATED) &&
            (!(row->flags & IFA_F_OPTIMISTIC) ||
             lookup_setting(s->facts, row->ifindex, LINK_SETTING_USE_OPTIMISTIC)))
                return 1;

        /* For these it means nothing. */
        class = ip_classify(&row->address);
        return class == ADDRESS_CLASS_LOOPBACK || class == ADDRESS_CLASS_V4_COMPATIBLE ||
               ip_unmap(&row->address).family == AF_INET;
}

static int home_value(const Selection *s, const AddressRecord *row) {
        return s->facts->mobility && (row->flags & IFA_F_HOMEADDRESS);
}

static int interface_value(const Selection *s, const AddressRecord *row) {
        return row->ifindex == s->answer.ifindex;
}

static int label_value(const Selection *s, const AddressRecord *row) {
        return lookup_label(s->facts, &row->address, row->ifindex) == s->label;
}

static bool wants_temporary(const Selection *s, int32_t ifindex) {
        if (s->memo->ifindex != ifindex)
                *s->memo = (SettingMemo){
                        ifindex,
                        lookup_setting(s->facts, ifindex, LINK_SETTING_USE_TEMPADDR) >= 2,
                };
        return s->memo->wants_temporary;
}

static int temporary_value(const Selection *s, const AddressRecord *row) {
        bool temporary = row->flags & IFA_F_TEMPORARY;

        return temporary == wants_temporary(s, row->ifindex);
}

static int orchid_value(const Selection *s, const AddressRecord *row) {
        return is_orchid(&row->address) == is_orchid(&s->destination);
}

static int prefix_value(const Selection *s, const AddressRecord *row) {
        int common = common_bits(&row->address, &s->destination);

        return common < row->prefix_length ? common : row->prefix_length;
}

static int optimistic_value(const Selection *s, const AddressRecord *row) {
        return !(row->flags & IFA_F_OPTIMISTIC);
}

/* In the order in which they are compared; each gives a number, larger is better. A late one needs a
 * file of /proc for each link, and is only asked about those that no earlier one has told apart from
 * the best: among the others, which have lost already, it counts as equal. */
static const struct {
        SourceRule rule;
        int (*value)(const Selection *s, const AddressRecord *row);
        bool late;
} rules[] = {
        { SOURCE_RULE_SAME, same_value },
        { SOURCE_RULE_SCOPE, scope_value },
        { SOURCE_RULE_DEPRECATED, preferred_value },
        { SOURCE_RULE_HOME, home_value },
        { SOURCE_RULE_INTERFACE, interface_value },
        { SOURCE_RULE_LABEL, label_value },
        { SOURCE_RULE_TEMPORARY, temporary_value, true },
        { SOURCE_RULE_ORCHID, orchid_value },
        { SOURCE_RULE_PREFIX, prefix_value },
        { SOURCE_RULE_OPTIMISTIC, optimistic_value },
};

typedef struct Scored {
        AddressRecord row;
        uint64_t link_order;
        int values[ELEMENTSOF(rules)];
} Scored;

typedef struct ScoredList {
        void *items; /* Scored */
        size_t n;
        size_t allocated;
} ScoredList;

static void scored_list_done(ScoredList *l) {
        free(l->items);
}

/* The rule by which two candidates differ. */
static SourceRule deciding_rule(const Scored *a, const Scored *b) {
        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                if (a->values[i] != b->values[i])
                        return rules[i].rule;
        return SOURCE_RULE_ORDER;
}

/* By the first n rules only; best first. */
static int compare_values(const Scored *a, const Scored *b, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (a->values[i] != b->values[i])
                        return a->values[i] > b->values[i] ? -1 : 1;
        return 0;
}

/* Gives the values of one late rule, where they can matter. */
static void apply_late_rule(const Selection *s, const ScoredList *l, size_t rule) {
        Scored *items = l->items;
        const Scored *best = items;
        size_t n_equal = 0;

        for (size_t i = 0; i < l->n; i++) {
                int c = compare_values(&items[i], best, rule);

                if (c < 0)
                        best = &items[i];
                n_equal = c < 0 ? 1 : n_equal + (c == 0);
        }
        for (size_t i = 0; i < l->n && n_equal > 1; i++)
                if (compare_values(&items[i], best, rule) == 0)
                        items[i].values[rule] = rules[rule].value(s, &items[i].row);
}

/* Best first. */
static int compare_scored(const void *x, const void *y) {
        const Scored *a = x, *b = y;

        int c = compare_values(a, b, ELEMENTSOF(rules));

        if (c != 0)
                return c;
        if (a->link_order != b->link_order)
                return a->link_order < b->link_order ? -1 : 1;
        if (a->row.ifindex != b->row.ifindex)
                return a->row.ifindex < b->row.ifindex ? -1 : 1;
        if (a->row.order != b->row.order)
                return a->row.order > b->row.order ? -1 : 1;
        return ip_compare(&a->row.address, &b->row.address);
}

/* False: it is no candidate, for this reason. An optimistic address is one although it is tentative. */
static bool is_candidate(const AddressRecord *row, SourceRule *ret_reason) {
        if (row->flags & IFA_F_DADFAILED)
                *ret_reason = SOURCE_RULE_DUPLICATE;
        else if ((row->flags & IFA_F_TENTATIVE) && !(row->flags & IFA_F_OPTIMISTIC))
                *ret_reason = SOURCE_RULE_TENTATIVE;
        else if (ip_is_multicast(&row->address) || ip_is_unspecified(&row->address))
                *ret_reason = SOURCE_RULE_NOT_UNICAST;
        else
                return true;
        return false;
}

/* Takes a row as a candidate, or notes why it is none. */
static int consider(Selection *s, ScoredList *l, const AddressRecord *row) {
        SourceRule reason;
        Scored *scored;
        int r;

        if (row->address.family != AF_INET6)
                return 0;
        if (!is_candidate(row, &reason))
                return s->question->explain ? candidate_list_add(&s->candidates, row, reason) : 0;

        r = lookup_grow(&l->items, &l->allocated, l->n, sizeof(Scored));
        if (r < 0)
                return r;

        scored = (Scored *) l->items + l->n++;
        *scored = (Scored){
                .row = *row,
                .link_order = lookup_link_order(s->view, row->ifindex),
        };
        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                scored->values[i] = rules[i].late ? 0 : rules[i].value(s, row);
        return 0;
}

static int consider_link(Selection *s, ScoredList *l, int32_t ifindex) {
        AddressRecord row;
        TableWalk w;
        int r;

        w = table_walk_link(s->view, OBJECT_ADDRESS, ifindex);
        while (table_next(s->view, &w, &row)) {
                r = consider(s, l, &row);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int consider_domain(Selection *s, ScoredList *l) {
        int32_t domain = lookup_routing_domain(s->view, s->answer.ifindex);
        AddressRecord row;
        TableWalk w;
        int r;

        w = table_walk_all(s->view, OBJECT_ADDRESS);
        while (table_next(s->view, &w, &row)) {
                if (lookup_routing_domain(s->view, row.ifindex) != domain)
                        continue;
                r = consider(s, l, &row);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The destination is an address of this machine: nothing can beat it, so nothing else is looked at. */
static int consider_same(Selection *s, ScoredList *l) {
        int32_t domain = lookup_routing_domain(s->view, s->answer.ifindex);
        AddressRecord row;
        TableWalk w;
        int r;

        w = table_walk_ip(s->view, OBJECT_ADDRESS, &s->destination);
        while (table_next(s->view, &w, &row)) {
                if (lookup_routing_domain(s->view, row.ifindex) != domain)
                        continue;
                r = consider(s, l, &row);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* An address of the outgoing link that is perfect by all rules before "outgoing link" loses to no
 * address of another link, unless that one is the destination. */
static bool outgoing_link_decides(const Selection *s, const ScoredList *l) {
        const Scored *items = l->items;
        int best_scope = -(int) s->scope;

        if (s->facts->mobility)
                return false;

        for (size_t i = 0; i < l->n; i++)
                if (scope_value(s, &items[i].row) == best_scope &&
                    preferred_value(s, &items[i].row) == 1)
                        return true;
        return false;
}

static int consider_all(Selection *s, ScoredList *l) {
        bool outgoing_only = ip_is_multicast(&s->destination) ||
                             s->scope <= ADDRESS_SCOPE_LINK_LOCAL ||
                             lookup_setting(s->facts, s->answer.ifindex,
                                            LINK_SETTING_USE_OIF_ADDRS_ONLY);
        int r;

        if (outgoing_only)
                return consider_link(s, l, s->answer.ifindex);
        if (s->question->explain)
                return consider_domain(s, l);

        r = consider_same(s, l);
        if (r < 0 || l->n > 0)
                return r;
        r = consider_link(s, l, s->answer.ifindex);
        if (r < 0 || outgoing_link_decides(s, l))
                return r;

        l->n = 0;
        return consider_domain(s, l);
}

/* To an address of its own the kernel sends over the loopback link, but chooses the source as if over
 * the link that has the address. */
static int find_outgoing_link(Selection *s) {
        _cleanup_(address_answer_done) AddressAnswer own = { .type = ADDRESS_TYPE_NONE };
        uint8_t type = s->question->route.type;
        int r;

        if (type != RTN_LOCAL && type != RTN_ANYCAST)
                return 0;

        r = lookup_address(s->view, &s->destination, s->question->ifindex, &own);
        if (r < 0)
                return r;

        for (size_t i = 0; i < own.n; i++)
                if (own.ifindexes[i] == s->answer.ifindex)
                        return 0;
        if (own.n > 0)
                s->answer.ifindex = own.ifindexes[0];
        return 0;
}

/* Ranked candidates before those that are none, each with its rule. */
static int publish(Selection *s, const ScoredList *l) {
        CandidateList dropped = s->candidates;
        const Scored *items = l->items;
        int r = 0;

        s->candidates = (CandidateList){};
        for (size_t i = 0; i < l->n && r >= 0; i++)
                r = candidate_list_add(&s->candidates, &items[i].row,
                                       i == 0 ? s->answer.rule
                                              : deciding_rule(&items[0], &items[i]));
        if (r >= 0)
                ((SourceCandidate *) s->candidates.items)[0].chosen = true;

        for (size_t i = 0; i < dropped.n && r >= 0; i++) {
                r = lookup_grow(&s->candidates.items, &s->candidates.allocated, s->candidates.n,
                                sizeof(SourceCandidate));
                if (r >= 0)
                        ((SourceCandidate *) s->candidates.items)[s->candidates.n++] =
                                        ((SourceCandidate *) dropped.items)[i];
        }

        free(dropped.items);
        return r;
}

int lookup_source_ipv6(Selection *s) {
        _cleanup_(scored_list_done) ScoredList l = {};
        Scored *items;
        int r;

        r = find_outgoing_link(s);
        if (r < 0)
                return r;
        s->scope = lookup_kernel_scope(&s->destination);
        s->label = lookup_label(s->facts, &s->destination, s->answer.ifindex);
        r = consider_all(s, &l);
        if (r < 0)
                return r;
        if (l.n == 0)
                return -EADDRNOTAVAIL;

        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                if (rules[i].late)
                        apply_late_rule(s, &l, i);
        items = l.items;
        qsort(items, l.n, sizeof(Scored), compare_scored);
        s->answer.source = items[0].row.address;
        s->answer.source_ifindex = items[0].row.ifindex;
        s->answer.rule = l.n == 1 ? SOURCE_RULE_ONLY : deciding_rule(&items[0], &items[1]);

        return s->question->explain ? publish(s, &l) : 0;
}
