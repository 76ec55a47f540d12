/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * With the last IPv4 address of a link the kernel drops every IPv4 route over it. It announces those
 * that it had made for the address, and says nothing of a prefix that somebody had made local by hand:
 * that one has to be read again, and only then.
 */

#include <check.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "model.h"
#include "rtnl-builder.h"
#include "rtnl.h"
#include "unit.h"

#define LINK 3

static Table *table;
static Model *model;

static void hear(const struct nlmsghdr *message) {
        static RtnlMessage parsed;

        ck_assert_int_eq(rtnl_parse(message, message->nlmsg_len, 0, &parsed), 0);
        ck_assert_int_ge(model_hear(model, &parsed), 0);
}

static void hear_address(const char *address, uint8_t prefix_length, bool removed) {
        Builder b;

        hear(build_address(&b, &(BuiltAddress){ .removed = removed,
                                                .ifindex = LINK,
                                                .prefix_length = prefix_length,
                                                .address = address,
                                                .local = address }));
}

static void hear_local(const char *address, uint8_t prefix_length, bool removed) {
        Builder b;

        hear(build_route(&b, &(BuiltRoute){ .removed = removed,
                                            .family = AF_INET,
                                            .prefix_length = prefix_length,
                                            .destination = address,
                                            .type = RTN_LOCAL,
                                            .table = RT_TABLE_LOCAL,
                                            .ifindex = LINK }));
}

static void commit(void) {
        Batch batch = {};

        ck_assert_int_ge(model_commit(model, true, &batch), 0);
        batch_done(&batch);
}

/* A link with two addresses and their entries in the local table */
static void setup(void) {
        Scope scope;
        Builder b;

        ck_assert_int_eq(table_new(NULL, &table), 0);
        ck_assert_int_eq(model_new(table, &model), 0);
        hear(build_link(&b,
                        &(BuiltLink){ .ifindex = LINK, .name = "v0", .mtu = 1500, .flags = 1 }));
        hear_address("10.0.0.1", 24, false);
        hear_local("10.0.0.1", 32, false);
        hear_address("10.0.1.1", 24, false);
        hear_local("10.0.1.1", 32, false);
        commit();
        while (model_next_wanted(model, &scope))
                continue;
}

static void teardown(void) {
        model = model_free(model);
        table = table_free(table);
}

static void expect_reread(bool expected) {
        bool found = false;
        Scope scope;

        while (model_next_wanted(model, &scope))
                found = found || (scope.object == OBJECT_LOCAL && scope.family == AF_INET &&
                                  scope.ifindex == LINK);
        ck_assert_int_eq(found, expected);
}

START_TEST(prefix_goes_with_the_last_address) {
        hear_local("10.77.0.0", 16, false);
        commit();

        hear_address("10.0.0.1", 24, true);
        hear_local("10.0.0.1", 32, true);
        commit();
        expect_reread(false);

        hear_address("10.0.1.1", 24, true);
        hear_local("10.0.1.1", 32, true);
        commit();
        expect_reread(true);
}
END_TEST

/* In one go, so that afterwards no address is missing. */
START_TEST(prefix_goes_although_the_address_is_back) {
        hear_local("10.77.0.0", 16, false);
        commit();

        hear_address("10.0.0.1", 24, true);
        hear_address("10.0.1.1", 24, true);
        hear_address("10.0.1.1", 24, false);
        commit();
        expect_reread(true);
}
END_TEST

START_TEST(nothing_is_read_when_all_was_said) {
        hear_address("10.0.0.1", 24, true);
        hear_local("10.0.0.1", 32, true);
        hear_address("10.0.1.1", 24, true);
        hear_local("10.0.1.1", 32, true);
        commit();
        expect_reread(false);
}
END_TEST

START_TEST(another_prefix_length_is_no_loss) {
        hear_local("10.77.0.0", 16, false);
        hear_address("10.0.0.1", 24, true);
        hear_address("10.0.0.1", 16, false);
        commit();
        expect_reread(false);
}
END_TEST

/* It goes down first, and what else is said of it comes on a socket of its own. */
START_TEST(deleted_link_is_not_read) {
        Builder b;

        hear(build_link(&b, &(BuiltLink){ .ifindex = LINK, .name = "v0", .mtu = 1500 }));
        hear_address("10.0.0.1", 24, true);
        hear_address("10.0.1.1", 24, true);
        hear(build_link(&b, &(BuiltLink){ .removed = true, .ifindex = LINK, .name = "v0" }));
        hear_local("10.0.0.1", 32, true);
        expect_reread(false);
        commit();
        expect_reread(false);
}
END_TEST

START_TEST(link_that_is_only_down_is_read) {
        Builder b;

        hear(build_link(&b, &(BuiltLink){ .ifindex = LINK, .name = "v0", .mtu = 1500 }));
        hear_local("10.0.0.1", 32, true);
        expect_reread(true);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("model-local");
        TCase *tc = tcase_create("silent");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_test(tc, prefix_goes_with_the_last_address);
        tcase_add_test(tc, prefix_goes_although_the_address_is_back);
        tcase_add_test(tc, nothing_is_read_when_all_was_said);
        tcase_add_test(tc, another_prefix_length_is_no_loss);
        tcase_add_test(tc, deleted_link_is_not_read);
        tcase_add_test(tc, link_that_is_only_down_is_read);
        suite_add_tcase(suite, tc);
        return unit_run(suite);
}
