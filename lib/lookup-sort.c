/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The order in which destinations are best tried: RFC 6724 section 6.
 *
 * Rule 9 (common prefix of source and destination) is for IPv6 alone: with IPv4 it undoes DNS round
 * robin and means little behind NAT. Two families never tie on the rules before it, so that this
 * cannot make the order depend on who is compared with whom.
 */

#include <linux/if_addr.h>
#include <linux/if_arp.h>

#include "lookup-source.h"
#include "util.h"

const char *destination_rule_to_string(DestinationRule r) {
        static const char *const names[_DESTINATION_RULE_MAX] = {
                [DESTINATION_RULE_LAST] = "last",
                [DESTINATION_RULE_USABLE] = "usable",
                [DESTINATION_RULE_SCOPE] = "matching-scope",
                [DESTINATION_RULE_DEPRECATED] = "deprecated",
                [DESTINATION_RULE_HOME] = "home-address",
                [DESTINATION_RULE_LABEL] = "matching-label",
                [DESTINATION_RULE_PRECEDENCE] = "precedence",
                [DESTINATION_RULE_NATIVE] = "native-transport",
                [DESTINATION_RULE_NARROW] = "smaller-scope",
                [DESTINATION_RULE_PREFIX] = "longest-prefix",
                [DESTINATION_RULE_ORDER] = "given-order",
        };

        return (unsigned) r < _DESTINATION_RULE_MAX ? names[r] : "unknown";
}

bool lookup_is_tunnel(const LinkRecord *link) {
        switch (link->type) {
        case ARPHRD_TUNNEL:
        case ARPHRD_TUNNEL6:
        case ARPHRD_SIT:
        case ARPHRD_IPGRE:
        case ARPHRD_IP6GRE:
                return true;
        default:
                return false;
        }
}

/* Rules 2 to 8 of a reachable destination as numbers, larger is better. */
static int rule_value(const Destination *d, DestinationRule rule) {
        switch (rule) {
        case DESTINATION_RULE_USABLE:
                return ip_is_set(&d->source);
        case DESTINATION_RULE_SCOPE:
                return ip_sorting_scope(&d->address) == ip_sorting_scope(&d->source);
        case DESTINATION_RULE_DEPRECATED:
                return !(d->source_flags & IFA_F_DEPRECATED);
        case DESTINATION_RULE_HOME:
                return d->source.family == AF_INET6 && (d->source_flags & IFA_F_HOMEADDRESS);
        case DESTINATION_RULE_LABEL:
                return ip_default_label(&d->address) == ip_default_label(&d->source);
        case DESTINATION_RULE_PRECEDENCE:
                return (int) ip_default_precedence(&d->address);
        case DESTINATION_RULE_NATIVE:
                return !d->tunnel;
        case DESTINATION_RULE_NARROW:
                return -(int) ip_sorting_scope(&d->address);
        case DESTINATION_RULE_LAST:
        case DESTINATION_RULE_PREFIX:
        case DESTINATION_RULE_ORDER:
        case _DESTINATION_RULE_MAX:
                break;
        }
        return 0;
}

/* Within the source's prefix: beyond it, bits in common do not mean nearness. */
static unsigned common_prefix(const Destination *d) {
        unsigned common = ip_common_prefix(&d->address, &d->source);

        return d->source_prefix_length > 0 ? CONST_MIN(common, d->source_prefix_length) : common;
}

/* True when b must stand before a, by this rule; also tells the rule when a stands before b. */
static bool comes_after(const Destination *a, const Destination *b, DestinationRule *ret_rule) {
        IpAddress a_address = ip_unmap(&a->address), b_address = ip_unmap(&b->address);

        for (DestinationRule rule = DESTINATION_RULE_USABLE; rule <= DESTINATION_RULE_NARROW;
             rule++) {
                int a_value = rule_value(a, rule), b_value = rule_value(b, rule);

                *ret_rule = rule;
                if (a_value != b_value)
                        return a_value < b_value;
                /* Nothing more is to be said of two that cannot be reached. */
                if (rule == DESTINATION_RULE_USABLE && a_value == 0)
                        break;
        }

        if (ip_is_set(&a->source) && a_address.family == AF_INET6 && b_address.family == AF_INET6) {
                unsigned a_common = common_prefix(a), b_common = common_prefix(b);

                *ret_rule = DESTINATION_RULE_PREFIX;
                if (a_common != b_common)
                        return a_common < b_common;
        }

        *ret_rule = DESTINATION_RULE_ORDER;
        return false;
}

int lookup_sort_destinations(Destination *destinations, size_t n) {
        DestinationRule rule;

        if (n > LOOKUP_SORT_MAX)
                return -E2BIG;

        for (size_t i = 0; i < n; i++)
                destinations[i].place = i;

        /* Insertion sort: stable, and the lists are short. */
        for (size_t i = 1; i < n; i++) {
                Destination d = destinations[i];
                size_t j = i;

                for (; j > 0 && comes_after(&destinations[j - 1], &d, &rule); j--)
                        destinations[j] = destinations[j - 1];
                destinations[j] = d;
        }

        for (size_t i = 0; i < n; i++) {
                destinations[i].rule = DESTINATION_RULE_LAST;
                if (i + 1 < n)
                        (void) comes_after(&destinations[i], &destinations[i + 1],
                                           &destinations[i].rule);
        }
        return 0;
}
