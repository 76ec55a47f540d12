/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the model must think of when messages were lost, came late, or were never sent: what it must read again,
 * and what it must not take for something else. Each was found by a random schedule that ended wrong.
 */

#include <check.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "model-script.h"
#include "unit.h"

/* Links were not all listed, what they have was: the one that turns out to be another then takes rows
 * with it that were its successor's. */
START_TEST(children_of_another_link_are_read_again) {
        static const ObjectType types[] = { OBJECT_ADDRESS, OBJECT_GROUP, OBJECT_ROUTE,
                                            OBJECT_LOCAL };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                teardown();
                setup();
                new_link(2, "v0");
                hear(ADDRESS(.ifindex = 2, .address = "10.0.0.1", .local = "10.0.0.1",
                             .prefix_length = 24));
                EXPECT("~v0 +v0:10.0.0.1");
                model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
                end_dump(DUMP_INTERRUPTED, DUMP_ENOUGH);
                model_dump_begin(model, (Scope){ .object = OBJECT_ADDRESS });
                listed(ADDRESS(.ifindex = 2, .address = "10.0.0.2", .local = "10.0.0.2",
                               .prefix_length = 24));
                end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
                EXPECT("-v0:10.0.0.1 +v0:10.0.0.2");
                ck_assert(!model_has_wanted(model));
                model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
                listed(LINK(.ifindex = 2, .name = "v0", .flags = IFF_UP, .kind = "bridge"));
                end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
                EXPECT("-v0:10.0.0.2 -v0 +v0");
                ck_assert(is_wanted((Scope){ .object = types[i], .ifindex = 2 }));
        }
}
END_TEST

/* A link has its kind for life, and whoever asks is told it. */
START_TEST(link_without_its_kind_is_another) {
        new_link(2, "v0");
        model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
        listed(LINK(.ifindex = 2, .name = "v0", .flags = IFF_UP));
        end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
        EXPECT("-v0 +v0");
        ck_assert_str_eq(link_now(2).kind, "");
}
END_TEST

/* One of the two may change in a link's life; both at once is another link. */
START_TEST(other_name_and_address) {
        static const uint8_t first[6] = { 2, 1 }, second[6] = { 2, 2 }, third[6] = { 2, 3 };

        hear(LINK(.ifindex = 2, .name = "v0", .kind = "veth", .hardware_address = first));
        EXPECT("+v0");
        hear(LINK(.ifindex = 2, .name = "v1", .kind = "veth", .hardware_address = first));
        EXPECT("~v1");
        hear(LINK(.ifindex = 2, .name = "v1", .kind = "veth", .hardware_address = second));
        EXPECT("~v1");
        hear(LINK(.ifindex = 2, .name = "v2", .kind = "veth", .hardware_address = third));
        EXPECT("-v1 +v2");
}
END_TEST

/* A message that the kernel queued before it wrote what a dump listed, and that is heard after it: the
 * counter of carrier changes went forward all the time. */
START_TEST(message_older_than_a_row) {
        hear(LINK(.ifindex = 2, .name = "v0", .kind = "veth", .carrier_changes = 1));
        EXPECT("+v0");
        model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
        listed(LINK(.ifindex = 2, .name = "v0", .kind = "veth", .carrier_changes = 3));
        hear(LINK(.ifindex = 2, .name = "v0", .kind = "veth", .carrier_changes = 2));
        end_dump(DUMP_COMPLETE, DUMP_VERIFY);
        EXPECT("~v0");
        /* In order it is another link. */
        hear(LINK(.ifindex = 2, .name = "v0", .kind = "veth", .carrier_changes = 1));
        EXPECT("-v0 +v0");
}
END_TEST

/* What a link loses in silence when it goes down was read, but not the link: it is heard of first when
 * it is down. */
START_TEST(down_before_it_was_listed) {
        model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
        end_dump(DUMP_INTERRUPTED, DUMP_ENOUGH);
        model_dump_begin(model,
                         (Scope){ .object = OBJECT_ROUTE, .family = AF_INET, .locals = true });
        listed(ROUTE(.ifindex = 2, .destination = "192.0.2.255", .prefix_length = 32,
                     .type = RTN_BROADCAST, .table = RT_TABLE_LOCAL));
        end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
        hear(LINK(.ifindex = 2, .name = "v0"));
        EXPECT("+v0");
        ck_assert(is_wanted((Scope){ .object = OBJECT_LOCAL, .family = AF_INET, .ifindex = 2 }));
        /* Not when nothing can have been missed. */
        model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
        listed(LINK(.ifindex = 2, .name = "v0"));
        end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
        hear(LINK(.ifindex = 3, .name = "v1"));
        EXPECT("+v1");
        ck_assert(!model_has_wanted(model));
}
END_TEST

static void hear_replacement(const char *gateway) {
        (void) ROUTE(.ifindex = 2, .gateway = gateway, .metric = 7);
        builder.header.nlmsg_flags |= NLM_F_REPLACE;
        hear(&builder.header);
}

/* Which route was replaced is not said. The only one with the metric is no guess, unless another may
 * have been missed; the first of several is. */
START_TEST(replaced_route) {
        new_link(2, "v0");
        hear(ROUTE(.ifindex = 2, .gateway = "10.0.0.1", .metric = 7));
        hear(ROUTE(.ifindex = 2, .gateway = "10.0.0.9", .metric = 8));
        EXPECT("+v0>10.0.0.1 +v0>10.0.0.9");
        hear_replacement("10.0.0.2");
        EXPECT("-v0>10.0.0.1 +v0>10.0.0.2");
        ck_assert(!model_has_wanted(model));
        model_doubt(model, true);
        hear_replacement("10.0.0.3");
        EXPECT("+v0>10.0.0.3");
        ck_assert(is_wanted((Scope){ .object = OBJECT_ROUTE, .family = AF_INET, .ifindex = 2 }));
        model_doubt(model, false);
        hear_replacement("10.0.0.4");
        EXPECT("+v0>10.0.0.4");
        ck_assert(is_wanted((Scope){ .object = OBJECT_ROUTE, .family = AF_INET }));
}
END_TEST

/* The removal of a link-local address was lost, and only the group of the next one is heard. */
START_TEST(automatic_address_after_a_loss) {
        const Scope addresses = { .object = OBJECT_ADDRESS, .family = AF_INET6, .ifindex = 2 };

        new_link(2, "v0");
        hear(ADDRESS(.ifindex = 2, .address = "fe80::1", .prefix_length = 64, .scope = 253));
        hear(GROUP(.ifindex = 2, .group = "ff02::1:ff00:1"));
        EXPECT("~v0 +v0:fe80::1 +v0:ff02::1:ff00:1");
        hear(GROUP(.ifindex = 2, .group = "ff02::1:ff00:1", .removed = true));
        model_dump_begin(model, (Scope){ .object = OBJECT_ADDRESS });
        end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
        /* It may have come while the addresses were read ... */
        ck_assert(is_wanted(addresses));
        /* ... and until what was read is published. */
        hear(GROUP(.ifindex = 2, .group = "ff02::1:ff00:1"));
        ck_assert(is_wanted(addresses));
        EXPECT("-v0:fe80::1 ~v0");
}
END_TEST

/* Routes that go in silence while routes are listed move those behind them forward: what was not listed
 * may be there. */
START_TEST(silent_end_while_routes_are_read) {
        new_link(2, "v0");
        new_link(3, "v1");
        hear(ROUTE(.ifindex = 2, .gateway = "10.0.0.1", .metric = 1));
        hear(ROUTE(.ifindex = 3, .gateway = "10.0.0.2", .metric = 2));
        EXPECT("+v0>10.0.0.1 +v1>10.0.0.2");
        model_dump_begin(model, (Scope){ .object = OBJECT_ROUTE, .family = AF_INET });
        listed(ROUTE(.ifindex = 2, .gateway = "10.0.0.1", .metric = 1));
        hear(LINK(.ifindex = 2, .name = "v0"));
        end_dump(DUMP_COMPLETE, DUMP_REPEAT);
        EXPECT("~v0");
        /* One without routes can take none along. */
        new_link(4, "v2");
        model_dump_begin(model, (Scope){ .object = OBJECT_ROUTE, .family = AF_INET });
        hear(LINK(.ifindex = 4, .name = "v2"));
        listed(ROUTE(.ifindex = 3, .gateway = "10.0.0.2", .metric = 2));
        end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
        EXPECT("-v0>10.0.0.1 ~v2");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("model-missed");
        TCase *tc = tcase_create("what may have been missed");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_test(tc, children_of_another_link_are_read_again);
        tcase_add_test(tc, link_without_its_kind_is_another);
        tcase_add_test(tc, other_name_and_address);
        tcase_add_test(tc, message_older_than_a_row);
        tcase_add_test(tc, down_before_it_was_listed);
        tcase_add_test(tc, replaced_route);
        tcase_add_test(tc, automatic_address_after_a_loss);
        tcase_add_test(tc, silent_end_while_routes_are_read);
        suite_add_tcase(suite, tc);
        return unit_run(suite);
}
