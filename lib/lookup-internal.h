/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of this module share among themselves; nobody else includes it.
 */

#include "lookup.h"

/* A plain decimal number from 0 to INT32_MAX. -ERANGE: meant as a number, but written with a sign, a
 * leading zero, in hexadecimal, or too large; -ENOENT: no number. */
int lookup_parse_index(const char *text, size_t len, int32_t *ret);

/* Room for one more item behind n of them; *items moves. -ENOMEM: nothing has changed. */
int lookup_grow(void **items, size_t *allocated, size_t n, size_t item_size);

/* Answers lookups and may be a source: not in duplicate address detection and not a duplicate. */
bool lookup_is_usable(const AddressRecord *a);

/* The scope by which the kernel sorts and chooses IPv6 addresses: that of RFC 6724, but v4-mapped
 * addresses are global whatever they map. */
AddressScope lookup_kernel_scope(const IpAddress *a);

/* qsort() over LocalEntry: address, prefix length, type, link, owner. */
int lookup_compare_entries(const void *x, const void *y);

/* The most entries of one logical interface: itself, two of the subnet, two of the class, limited */
#define LOOKUP_CONTRIBUTION_MAX 6
/* What one address of a link contributes to the derived local table, in the order of creation. */
typedef struct Contribution {
        const AddressRecord *owner;
        LocalEntry entries[LOOKUP_CONTRIBUTION_MAX];
        size_t n;
} Contribution;

/* Nothing for an address that is not usable. The row must outlive the contribution. */
void lookup_contribution(const AddressRecord *a, Contribution *ret);

/* The links that reach an address without a router, as far as their addresses tell. */
typedef struct OnLink {
        int32_t ifindex; /* the first; 0: none */
        bool several; /* there are others, equally good */
        bool peer; /* it is the other end of a point-to-point address */
} OnLink;

/* Which links have a network around the address, most specific first. ifindex not 0: that link only.
 * hidden: also networks for which the kernel was told to make no route (network managers make their
 * own). every: all networks count, not only the most specific. Links that are down reach nothing. */
OnLink lookup_on_link(const TableView *v, const IpAddress *a, int32_t ifindex, bool hidden,
                      bool every);

/* The kernel would send the packet, and says over which link. */
bool lookup_route_is_usable(const RouteAnswer *route);
