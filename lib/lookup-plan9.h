/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The texts of Plan 9's ipifc files, byte for byte in form, of this machine in content: what a
 * program that parses them expects. Sorted and stable; no name can break a line.
 */

#include "lookup.h"

/* What the table does not have of a link; 0 where it is not known. */
typedef struct Plan9Facts {
        uint64_t packets_in; /* IFLA_STATS64 */
        uint64_t packets_out;
        uint64_t errors_in;
        uint64_t errors_out;
        uint32_t accept_ra; /* IFLA_INET6_CONF accept_ra */
        uint32_t managed; /* M flag of the last router advertisement, 0 or 1 */
        uint32_t other; /* O flag */
        uint32_t ra_mtu; /* IFLA_INET6_RA_MTU, bytes */
        uint32_t reachable_time; /* IFLA_INET6_CACHEINFO, milliseconds */
        uint32_t retransmit_time; /* likewise */
        uint32_t hop_limit;
} Plan9Facts;

/* "status": a line for the link, then one for each address (or an empty one). What Linux has no
 * source for is 0. now_usec: CLOCK_BOOTTIME. facts may be NULL. -ENODEV. The caller frees the text. */
int lookup_plan9_status(const TableView *v, int32_t ifindex, const Plan9Facts *facts,
                        uint64_t now_usec, char **ret);

/* "local": for each address of a link what it contributes to the derived local table, newest first.
 * -ENODEV. The caller frees the text. */
int lookup_plan9_local(const TableView *v, int32_t ifindex, char **ret);

/* "selftab": each address of the derived local table, how many logical interfaces have it, and
 * "4u", "4b", "6u" or "6m". The caller frees the text. */
int lookup_plan9_selftab(const TableView *v, char **ret);
