/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What lib/rtnl makes of one message, as the lines that tests/data/rtnl/decode.py writes.
 */

#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>

/* The present time of decode.py */
#define DESCRIBE_NOW_USEC UINT64_C(5000000000)

void rtnl_describe(FILE *f, size_t place, const struct nlmsghdr *message, size_t len);
