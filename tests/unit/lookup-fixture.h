/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A table made from a line of text, for tests of what is computed from a table. Statements are
 * separated by ';', words by blanks:
 *
 *   link NAME INDEX [FLAG...]        up broadcast loopback p2p multicast, kind=KIND, master=INDEX,
 *                                    type=ARPHRD; "up broadcast multicast" when no flag is given
 *   altname LINK NAME
 *   addr LINK ADDRESS/LENGTH [...]   peer=ADDRESS, scope=NUMBER, preferred=SECONDS, valid=SECONDS and
 *                                    deprecated tentative duplicate temporary secondary home
 *                                    optimistic noprefixroute
 *   local LINK ADDRESS/LENGTH [broadcast|anycast]
 *   group LINK ADDRESS
 *
 * Later addresses are newer. Texts are read by the C library, not by the code under test. Anything
 * else in it ends the test.
 */

#include "lookup.h"
#include "table.h"

/* The table; table_free() it. */
Table *fixture_table(const char *config);
/* Any of several lines, one after the other. */
void fixture_apply(Table *t, const char *config);
/* One link, with a name that may have any bytes. */
void fixture_add_link(Table *t, int32_t ifindex, const char *name, size_t len, uint32_t flags);
void fixture_add_altnames(Table *t, int32_t ifindex, const TextSpan *names, size_t n);
IpAddress fixture_ip(const char *text);
/* By name; 0 when there is none. Walks all rows. */
int32_t fixture_ifindex(const TableView *v, const char *name);
/* The longest texts in these tests */
#define FIXTURE_TEXT_MAX 4096
