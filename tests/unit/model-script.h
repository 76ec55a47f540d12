/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * For tests that tell a model what the kernel says, message by message, and look at what it makes of it: one
 * model and one table at a time, which belong to the running test.
 */

#include "model.h"
#include "rtnl-builder.h"
#include "util.h"

extern Table *table;
extern Model *model;
extern Builder builder;
/* CLOCK_BOOTTIME at which messages are heard, microseconds */
extern uint64_t now;

void setup(void);
void teardown(void);

#define LINK(...) build_link(&builder, &(BuiltLink){ .mtu = 1500, __VA_ARGS__ })
#define ADDRESS(...) build_address(&builder, &(BuiltAddress){ __VA_ARGS__ })
#define GROUP(...) build_group(&builder, &(BuiltGroup){ __VA_ARGS__ })
#define ROUTE(...) build_route(&builder, &(BuiltRoute){ .family = AF_INET, __VA_ARGS__ })

/* A notification; a row of the dump that runs. */
void hear(const struct nlmsghdr *message);
void listed(const struct nlmsghdr *message);
void end_dump(DumpResult result, DumpAdvice expected);

/* One line of what is published: signs for added, changed and removed, each with the link's name and what
 * it is. Lives until the next call. */
const char *commit(bool settled);
#define EXPECT(text) ck_assert_str_eq(commit(true), text)

/* A link that is up, heard and published. */
void new_link(int32_t ifindex, const char *name);
LinkRecord link_now(int32_t ifindex);
/* Whether this is to be read again; forgets all that is. */
bool is_wanted(Scope wish);
