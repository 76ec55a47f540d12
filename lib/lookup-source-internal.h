/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of source selection share among themselves; nobody else includes it.
 */

#include "lookup-internal.h"
#include "lookup-source.h"

typedef struct CandidateList {
        void *items; /* SourceCandidate */
        size_t n;
        size_t allocated;
} CandidateList;

/* Appends what a row says; the rule is the one given. */
int candidate_list_add(CandidateList *l, const AddressRecord *row, SourceRule rule);

/* The setting that was read last; the addresses of a link come one after the other. */
typedef struct SettingMemo {
        int32_t ifindex; /* 0: none yet */
        bool wants_temporary;
} SettingMemo;

/* One question on its way. */
typedef struct Selection {
        const TableView *view;
        const SourceFacts *facts;
        const SourceQuestion *question;
        IpAddress destination; /* unmapped */
        CandidateList candidates;
        SourceAnswer answer; /* without the candidates */
        uint8_t prefix_length; /* IPv4: of the source */
        AddressScope scope; /* IPv6: of the destination, and its label */
        uint32_t label;
        SettingMemo *memo;
} Selection;

/* The routing domain of a link (VRF): the ifindex of its master, its own when it is one; 0: none. */
int32_t lookup_routing_domain(const TableView *v, int32_t ifindex);
/* Where a link stands in the kernel's list of links, as far as the table tells: the order in which
 * they appeared. For comparing, together with the ifindex. */
uint64_t lookup_link_order(const TableView *v, int32_t ifindex);
int lookup_setting(const SourceFacts *facts, int32_t ifindex, LinkSetting which);

/* An IPv4 group over a named link: an address for everywhere is taken whatever the route says; only
 * when there is none, the route is asked as for any other destination. */
bool lookup_source_tries_route(const Selection *s);

/* Fill in the answer and, when asked to, the candidates. -EADDRNOTAVAIL: there is none. */
int lookup_source_ipv4(Selection *s);
int lookup_source_ipv6(Selection *s);
