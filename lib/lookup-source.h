/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which source address this machine would use for a destination, and why: RFC 6724 section 5 as Linux
 * does it for IPv6, and Linux's own rules for IPv4. Also the primary address, and the order of
 * destinations (RFC 6724 section 6).
 *
 * Pure: the route, the kernel's address labels and the settings of the links are arguments.
 */

#include "lookup.h"

/* The rule that chose an address or by which it lost. */
typedef enum SourceRule {
        SOURCE_RULE_ONLY, /* chosen: there is no other candidate */
        SOURCE_RULE_ROUTE, /* the route has a preferred source */
        SOURCE_RULE_SAME, /* RFC 6724 rule 1: the destination itself */
        SOURCE_RULE_SCOPE, /* rule 2: the smallest scope that is large enough */
        SOURCE_RULE_DEPRECATED, /* rule 3: not deprecated, and not optimistic either */
        SOURCE_RULE_HOME, /* rule 4: a home address (Mobile IPv6) */
        SOURCE_RULE_INTERFACE, /* rule 5: on the outgoing link */
        SOURCE_RULE_LABEL, /* rule 6: the label of the destination */
        SOURCE_RULE_TEMPORARY, /* rule 7: public, or temporary where the link prefers these */
        SOURCE_RULE_ORCHID, /* Linux: ORCHID (2001:10::/28) for ORCHID, and only then */
        SOURCE_RULE_PREFIX, /* rule 8: more leading bits in common, within its prefix */
        SOURCE_RULE_OPTIMISTIC, /* Linux: not in duplicate address detection */
        SOURCE_RULE_ORDER, /* Linux: first in the kernel's list, which is the newest of the link */
        SOURCE_RULE_GATEWAY, /* IPv4: the first primary whose network holds the gateway */
        SOURCE_RULE_PRIMARY, /* IPv4: the first primary of the outgoing link */
        SOURCE_RULE_SECONDARY, /* IPv4: lost because secondaries are never chosen */
        SOURCE_RULE_NARROW, /* IPv4: lost because its scope is narrower than the route's */
        SOURCE_RULE_OTHER_LINK, /* IPv4: the outgoing link has none, another one has */
        SOURCE_RULE_TENTATIVE, /* no candidate: in duplicate address detection */
        SOURCE_RULE_DUPLICATE, /* no candidate: found to be a duplicate */
        SOURCE_RULE_NOT_UNICAST, /* no candidate: unspecified or multicast */
        _SOURCE_RULE_MAX,
} SourceRule;

/* "only-candidate", "preferred-source", "same-address", "scope", ...; never NULL */
const char *source_rule_to_string(SourceRule r);

/* A row of the kernel's label table (RTM_GETADDRLABEL). */
typedef struct AddressLabel {
        IpAddress prefix;
        uint8_t prefix_length;
        uint32_t label;
        int32_t ifindex; /* 0: any link */
} AddressLabel;

/* Settings of a link, from /proc/sys/net/ipv6/conf and /proc/sys/net/ipv4/conf */
typedef enum LinkSetting {
        LINK_SETTING_USE_TEMPADDR, /* 2 and more: temporary addresses are preferred */
        LINK_SETTING_USE_OIF_ADDRS_ONLY,
        LINK_SETTING_USE_OPTIMISTIC, /* of the link or of "all" */
        LINK_SETTING_ROUTE_LOCALNET, /* IPv4 */
        _LINK_SETTING_MAX,
} LinkSetting;

/* What the table does not have. All zero is a valid default. */
typedef struct SourceFacts {
        const AddressLabel *labels; /* none: the default table of RFC 6724 */
        size_t n_labels;
        bool mobility; /* the kernel knows home addresses (CONFIG_IPV6_MIP6) */
        /* NULL: every setting is 0 */
        int (*setting)(void *userdata, int32_t ifindex, LinkSetting which);
        void *userdata;
} SourceFacts;

typedef struct SourceQuestion {
        IpAddress destination;
        int32_t ifindex; /* the link that was asked for: a zone, a bound socket; 0: none */
        RouteAnswer route; /* the kernel's route there, over that link */
        bool explain; /* name every candidate; without, only as many are looked at as needed */
} SourceQuestion;

typedef struct SourceCandidate {
        IpAddress address;
        int32_t ifindex;
        uint8_t prefix_length;
        uint8_t usability; /* Usability */
        uint32_t flags; /* IFA_F_* */
        bool chosen;
        SourceRule rule; /* chosen: that decided against the next best; otherwise: that it lost by */
} SourceCandidate;

typedef struct SourceAnswer {
        IpAddress source;
        int32_t ifindex; /* outgoing link */
        int32_t source_ifindex; /* the link that holds the source; 0: none does */
        SourceRule rule; /* without explain: among the candidates that were looked at */
        SourceCandidate *candidates; /* with explain: best first, the dropped ones last */
        size_t n_candidates;
} SourceAnswer;

void source_answer_done(SourceAnswer *a);

/* -EBADMSG: the destination is unspecified; -ENETUNREACH: the route says "no"; -ENODEV: its link is
 * not in the table; -EADDRNOTAVAIL: no candidate. facts may be NULL. */
int lookup_source(const TableView *v, const SourceQuestion *question, const SourceFacts *facts,
                  SourceAnswer *ret);

/* The label of an address on a link (longest prefix; a row for this link before one for any). */
uint32_t lookup_label(const SourceFacts *facts, const IpAddress *a, int32_t ifindex);

/* The address by which this machine is best known: usable, not deprecated, on a link that is up and
 * not loopback; global before link-local, then the lowest ifindex, then the kernel's order.
 * -EADDRNOTAVAIL: none; -EBADMSG: no such family. */
int lookup_primary_address(const TableView *v, int family, AddressRecord *ret);

/* Destination ordering --------------------------------------------------------------------- */

/* Destinations in one call */
#define LOOKUP_SORT_MAX 256

/* The rules of RFC 6724 section 6. */
typedef enum DestinationRule {
        DESTINATION_RULE_LAST, /* nothing comes after it */
        DESTINATION_RULE_USABLE, /* 1: has a route and a source */
        DESTINATION_RULE_SCOPE, /* 2: its source has its scope */
        DESTINATION_RULE_DEPRECATED, /* 3: its source is not deprecated */
        DESTINATION_RULE_HOME, /* 4: its source is a home address */
        DESTINATION_RULE_LABEL, /* 5: its source has its label */
        DESTINATION_RULE_PRECEDENCE, /* 6 */
        DESTINATION_RULE_NATIVE, /* 7: not over an encapsulating tunnel */
        DESTINATION_RULE_NARROW, /* 8: smaller scope */
        DESTINATION_RULE_PREFIX, /* 9: more leading bits in common with its source; IPv6 only */
        DESTINATION_RULE_ORDER, /* 10: as given */
        _DESTINATION_RULE_MAX,
} DestinationRule;

/* "last", "usable", "scope", ...; never NULL */
const char *destination_rule_to_string(DestinationRule r);

typedef struct Destination {
        IpAddress address;
        IpAddress source; /* what lookup_source() chose; unset: cannot be reached */
        uint8_t source_prefix_length; /* 0: not known */
        uint32_t source_flags; /* IFA_F_* */
        bool tunnel; /* the outgoing link encapsulates; see lookup_is_tunnel() */
        size_t place; /* result: where it stood in the input */
        DestinationRule rule; /* result: by which it stands before the next one */
} Destination;

/* Sorts in place, stable. -E2BIG over LOOKUP_SORT_MAX. Labels and precedences are those of RFC 6724,
 * which is what resolvers use; the kernel's label table is not asked. */
int lookup_sort_destinations(Destination *destinations, size_t n);

/* IPv6 in IPv4, IPv4 in IPv6 and the like. */
bool lookup_is_tunnel(const LinkRecord *link);
