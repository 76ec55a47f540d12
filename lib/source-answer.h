/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Questions that the table begins to answer and the kernel completes: asks what lookup.h and
 * lookup-source.h say they need (a route, the address labels, settings of links) and hands it in.
 * Each costs a bounded number of requests, none when the table is enough.
 *
 * Errors are those of the lookups; -EIO when the kernel could not be asked.
 */

#include "lookup-source.h"
#include "lookup.h"
#include "source.h"

/* lookup_link_for_address(), with the kernel's route where no address decides. */
int source_link_for_address(Source *s, const TableView *v, const IpAddress *a, int32_t ifindex,
                            LinkAnswer *ret);

/* The address that the kernel itself would use: its answer to one question for a route. There are no
 * candidates; the rule does not mean anything. An unset source: the kernel names none. */
int source_select_kernel(Source *s, const TableView *v, const IpAddress *destination,
                         int32_t ifindex, SourceAnswer *ret);
/* lookup_source(), with every candidate explained. */
int source_select_model(Source *s, const TableView *v, const IpAddress *destination,
                        int32_t ifindex, SourceAnswer *ret);

/* For SourceFacts.setting, with a TableView as userdata: what /proc/sys/net says, in the network
 * namespace of the calling thread. 0 for what cannot be read. */
int source_link_setting(void *userdata, int32_t ifindex, LinkSetting which);
