/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the model makes of sequences of messages that Linux was seen to send: each step is one commit,
 * written as one line of what it publishes. And rules that random schedules hit too seldom.
 */

#include <check.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "model-script.h"
#include "unit.h"

/* Sequences ------------------------------------------------------------------------------------ */

START_TEST(groups_come_before_their_link) {
        hear(GROUP(.ifindex = 2, .group = "ff01::1"));
        hear(GROUP(.ifindex = 2, .group = "ff02::1"));
        EXPECT("");
        ck_assert_uint_eq(model_n_orphans(model), 2);
        hear(LINK(.ifindex = 2, .name = "v1", .flags = 0x1002, .change = 0xffffffff));
        EXPECT("+v1 +v1:ff01::1 +v1:ff02::1");
        ck_assert_uint_eq(model_n_orphans(model), 0);
}
END_TEST

START_TEST(port_of_a_bridge) {
        new_link(4, "br0");
        new_link(2, "v1");
        hear(LINK(.ifindex = 2, .name = "v1", .flags = IFF_UP, .master = 4));
        hear(LINK(.ifindex = 2, .name = "v1", .flags = IFF_UP, .master = 4, .family = AF_BRIDGE));
        EXPECT("~v1");
        hear(LINK(.ifindex = 2, .name = "v1", .flags = IFF_UP, .master = 4, .family = AF_BRIDGE,
                  .removed = true));
        hear(LINK(.ifindex = 2, .name = "v1", .flags = IFF_UP));
        EXPECT("~v1");
        ck_assert_int_eq(link_now(2).master_ifindex, 0);
}
END_TEST

/* The zone of an address is a name: it changes with the link. */
START_TEST(rename_tells_the_zone) {
        new_link(2, "v1");
        hear(ADDRESS(.ifindex = 2, .address = "fe80::1", .prefix_length = 64, .scope = 253));
        hear(ADDRESS(.ifindex = 2, .address = "2001:db8::1", .prefix_length = 64));
        hear(GROUP(.ifindex = 2, .group = "ff02::1"));
        hear(GROUP(.ifindex = 2, .group = "ff05::1"));
        ck_assert_str_eq(commit(true), "~v1 +v1:fe80::1 +v1:2001:db8::1 +v1:ff02::1 +v1:ff05::1");
        hear(LINK(.ifindex = 2, .name = "new", .flags = IFF_UP));
        hear(ADDRESS(.ifindex = 2, .address = "2001:db8::1", .prefix_length = 64));
        EXPECT("~new ~new:fe80::1 ~new:ff02::1");
}
END_TEST

/* Of a row that was heard while everything is read, the notes stay until that ends. */
START_TEST(rename_while_groups_are_read) {
        new_link(2, "v1");
        model_dump_begin(model, (Scope){ .object = OBJECT_GROUP, .family = AF_INET6 });
        hear(GROUP(.ifindex = 2, .group = "ff02::1"));
        ck_assert_str_eq(commit(false), "+v1:ff02::1");
        hear(LINK(.ifindex = 2, .name = "new", .flags = IFF_UP));
        ck_assert_str_eq(commit(false), "~new ~new:ff02::1");
        end_dump(DUMP_COMPLETE, DUMP_REPEAT);
}
END_TEST

/* The add of a route is heard together with the end of it, which only its link's going down tells. */
START_TEST(route_of_a_link_that_went_down) {
        new_link(2, "v0");
        hear(ROUTE(.ifindex = 2, .gateway = "10.0.0.1"));
        hear(LINK(.ifindex = 2, .name = "v0"));
        ck_assert_str_eq(commit(false), "~v0");
        model_dump_begin(model, (Scope){ .object = OBJECT_ROUTE, .family = AF_INET, .ifindex = 2 });
        ck_assert_str_eq(commit(false), "");
        end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
        EXPECT("");
        ck_assert(!model_is_dirty(model));
        hear(LINK(.ifindex = 2, .name = "v0", .flags = IFF_UP));
        hear(ROUTE(.ifindex = 2, .gateway = "10.0.0.1"));
        ck_assert_str_eq(commit(false), "~v0 +v0>10.0.0.1");
}
END_TEST

START_TEST(duplicate_address_detection) {
        new_link(3, "v0");
        hear(ADDRESS(.ifindex = 3, .address = "2001:db8::1", .prefix_length = 64,
                     .flags = IFA_F_TENTATIVE));
        EXPECT("+v0:2001:db8::1");
        ck_assert_uint_eq(link_now(3).states.ipv6, ADDRESS_STATE_OFF);
        hear(ADDRESS(.ifindex = 3, .address = "2001:db8::1", .prefix_length = 64));
        EXPECT("~v0 ~v0:2001:db8::1");
        ck_assert_uint_eq(link_now(3).states.ipv6, ADDRESS_STATE_ROUTABLE);
        /* Of an address that was never announced. */
        hear(ADDRESS(.ifindex = 3, .address = "fe80::9", .prefix_length = 64, .removed = true));
        EXPECT("");
}
END_TEST

START_TEST(expiry) {
        new_link(3, "v0");
        hear(ADDRESS(.ifindex = 3, .address = "10.7.0.1", .local = "10.7.0.1", .prefix_length = 24,
                     .lifetimes = true, .preferred = 2, .valid = 4));
        EXPECT("~v0 +v0:10.7.0.1");
        now += 2 * USEC_PER_SEC;
        hear(ADDRESS(.ifindex = 3, .address = "10.7.0.1", .local = "10.7.0.1", .prefix_length = 24,
                     .flags = IFA_F_DEPRECATED, .lifetimes = true, .preferred = 0, .valid = 2));
        EXPECT("~v0:10.7.0.1");
        hear(ADDRESS(.ifindex = 3, .address = "10.7.0.1", .local = "10.7.0.1", .prefix_length = 24,
                     .flags = IFA_F_DEPRECATED, .lifetimes = true, .removed = true));
        EXPECT("-v0:10.7.0.1 ~v0");
}
END_TEST

/* The kernel counts lifetimes in whole seconds and says them again and again. */
START_TEST(the_same_lifetime_again) {
        new_link(3, "v0");
        for (unsigned i = 0; i < 20; i++) {
                hear(ADDRESS(.ifindex = 3, .address = "2001:db8::1", .prefix_length = 64,
                             .lifetimes = true, .preferred = 1000 - i, .valid = 2000 - i));
                if (i == 0)
                        EXPECT("~v0 +v0:2001:db8::1");
                else
                        EXPECT("");
                /* A second and what rounding makes of it. */
                now += USEC_PER_SEC + (i % 2 ? 700 : -700) * USEC_PER_MSEC;
        }
        hear(ADDRESS(.ifindex = 3, .address = "2001:db8::1", .prefix_length = 64, .lifetimes = true,
                     .preferred = 1000, .valid = 2000));
        EXPECT("~v0:2001:db8::1");
}
END_TEST

START_TEST(primary_deleted) {
        new_link(3, "v0");
        hear(ADDRESS(.ifindex = 3, .address = "10.0.0.1", .local = "10.0.0.1",
                     .prefix_length = 24));
        hear(ADDRESS(.ifindex = 3, .address = "10.0.0.2", .local = "10.0.0.2", .prefix_length = 24,
                     .flags = IFA_F_SECONDARY));
        EXPECT("~v0 +v0:10.0.0.1 +v0:10.0.0.2");
        hear(ADDRESS(.ifindex = 3, .address = "10.0.0.2", .local = "10.0.0.2", .prefix_length = 24,
                     .flags = IFA_F_SECONDARY, .removed = true));
        hear(ADDRESS(.ifindex = 3, .address = "10.0.0.1", .local = "10.0.0.1", .prefix_length = 24,
                     .removed = true));
        EXPECT("-v0:10.0.0.2 -v0:10.0.0.1 ~v0");
}
END_TEST

/* One end of a pair is deleted, the other goes too; a group is never said to go. */
START_TEST(pair_deleted) {
        new_link(2, "v1");
        new_link(3, "v0");
        hear(ADDRESS(.ifindex = 3, .address = "10.0.0.1", .local = "10.0.0.1",
                     .prefix_length = 24));
        hear(GROUP(.ifindex = 3, .group = "ff01::1"));
        hear(GROUP(.ifindex = 3, .group = "ff02::1"));
        hear(ROUTE(.ifindex = 3, .gateway = "10.0.0.9"));
        (void) commit(true);
        hear(LINK(.ifindex = 3, .name = "v0"));
        hear(ADDRESS(.ifindex = 3, .address = "10.0.0.1", .local = "10.0.0.1", .prefix_length = 24,
                     .removed = true));
        hear(GROUP(.ifindex = 3, .group = "ff02::1", .removed = true));
        hear(LINK(.ifindex = 3, .removed = true, .change = 0xffffffff));
        hear(LINK(.ifindex = 2, .removed = true, .change = 0xffffffff));
        EXPECT("-v0:10.0.0.1 -v0:ff02::1 -v0:ff01::1 -v0>10.0.0.9 -v0 -v1");
}
END_TEST

/* One end of a pair moves away before it was heard to have another end, which only the message of its
 * going names: the end that stays is read again, because the kernel will not tell. */
START_TEST(mover_names_the_other_end) {
        Scope scope;

        hear(LINK(.ifindex = 2, .name = "v1"));
        hear(LINK(.ifindex = 3, .name = "v0", .parent = 2));
        while (model_next_wanted(model, &scope))
                ;
        hear(LINK(.ifindex = 2, .name = "v1", .parent = 3, .removed = true));
        EXPECT("+v0");
        ck_assert(model_next_wanted(model, &scope));
        ck_assert_int_eq(scope.object, OBJECT_LINK);
        ck_assert_int_eq(scope.ifindex, 3);
}
END_TEST

/* Rules ---------------------------------------------------------------------------------------- */

START_TEST(came_and_went) {
        hear(LINK(.ifindex = 2, .name = "v0"));
        hear(GROUP(.ifindex = 2, .group = "ff02::1"));
        hear(LINK(.ifindex = 2, .removed = true));
        EXPECT("");
        ck_assert_uint_eq(model_n_orphans(model), 0);
        ck_assert(!model_is_dirty(model));
}
END_TEST

START_TEST(a_new_life_in_one_batch) {
        uint64_t before;

        new_link(2, "v0");
        hear(ADDRESS(.ifindex = 2, .address = "10.0.0.1", .local = "10.0.0.1",
                     .prefix_length = 24));
        (void) commit(true);
        before = link_now(2).incarnation;
        hear(LINK(.ifindex = 2, .removed = true));
        hear(LINK(.ifindex = 2, .name = "v0", .flags = IFF_UP));
        hear(GROUP(.ifindex = 2, .group = "ff02::1"));
        EXPECT("-v0:10.0.0.1 -v0 +v0 +v0:ff02::1");
        ck_assert_uint_gt(link_now(2).incarnation, before);
}
END_TEST

/* Drivers leave these out of some messages. */
START_TEST(kind_and_permanent_address_stay) {
        new_link(2, "v0");
        hear(LINK(.ifindex = 2, .name = "v0", .flags = IFF_UP));
        EXPECT("");
        ck_assert_str_eq(link_now(2).kind, "veth");
        ck_assert_uint_eq(link_now(2).permanent_hardware_address.len, 6);
}
END_TEST

/* What a dump says waits for its end and for the end of the resync; what is announced does not. */
START_TEST(dump_rows_wait) {
        new_link(2, "v0");
        model_dump_begin(model, (Scope){ .object = OBJECT_ADDRESS });
        listed(ADDRESS(.ifindex = 2, .address = "fe80::1", .prefix_length = 64, .scope = 253));
        hear(ADDRESS(.ifindex = 2, .address = "fe80::2", .prefix_length = 64, .scope = 253));
        ck_assert_str_eq(commit(false), "~v0 +v0:fe80::2");
        end_dump(DUMP_COMPLETE, DUMP_REPEAT);
        ck_assert_str_eq(commit(false), "");
        /* The link has a link-local address that is older. */
        EXPECT("~v0 +v0:fe80::1");
}
END_TEST

START_TEST(dump_without_its_end_sweeps_nothing) {
        static const DumpResult results[] = { DUMP_INTERRUPTED, DUMP_FAILED };

        new_link(2, "v0");
        new_link(3, "v1");
        for (size_t i = 0; i < ELEMENTSOF(results); i++) {
                model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
                listed(LINK(.ifindex = 2, .name = "v0", .flags = IFF_UP, .kind = "veth"));
                end_dump(results[i], DUMP_ENOUGH);
                EXPECT("");
        }
        model_dump_begin(model, (Scope){ .object = OBJECT_LINK });
        listed(LINK(.ifindex = 2, .name = "v0", .flags = IFF_UP, .kind = "veth"));
        end_dump(DUMP_COMPLETE, DUMP_ENOUGH);
        EXPECT("-v1");
}
END_TEST

/* A link that only its children speak of, and of which the kernel knows nothing. */
START_TEST(orphans_are_forgotten) {
        int32_t links[4];

        hear(GROUP(.ifindex = 7, .group = "ff02::1"));
        hear(GROUP(.ifindex = 7, .group = "ff01::1"));
        hear(GROUP(.ifindex = 8, .group = "ff01::1"));
        EXPECT("");
        ck_assert_uint_eq(model_orphan_links(model, links, ELEMENTSOF(links)), 2);
        ck_assert_int_eq(links[0], 7);
        model_dump_begin(model, (Scope){ .object = OBJECT_LINK, .ifindex = 7 });
        end_dump(DUMP_GONE, DUMP_ENOUGH);
        EXPECT("");
        ck_assert_uint_eq(model_n_orphans(model), 1);
        hear(LINK(.ifindex = 7, .name = "v7"));
        hear(LINK(.ifindex = 8, .name = "v8"));
        EXPECT("+v7 +v8 +v8:ff01::1");
}
END_TEST

START_TEST(wishes_are_bounded) {
        Scope scope;

        for (int32_t i = 1; i <= 3 * MODEL_WANTED_MAX; i++)
                model_want(model, (Scope){ .object = OBJECT_LINK, .ifindex = i });
        model_want(model, (Scope){ .object = OBJECT_GROUP, .family = AF_INET });
        model_want(model, (Scope){ .object = OBJECT_LINK, .ifindex = 5 });
        ck_assert(model_next_wanted(model, &scope));
        ck_assert_int_eq(scope.object, OBJECT_LINK);
        ck_assert_int_eq(scope.ifindex, 0);
        ck_assert(model_next_wanted(model, &scope));
        ck_assert_int_eq(scope.object, OBJECT_GROUP);
        ck_assert(!model_next_wanted(model, &scope));
}
END_TEST

/* A wish for routes that waits must not take one for routes and the local table away. */
START_TEST(wish_for_more) {
        Scope scope;

        model_want(model, (Scope){ .object = OBJECT_ROUTE, .family = AF_INET });
        model_want(model, (Scope){ .object = OBJECT_ROUTE, .family = AF_INET, .locals = true });
        ck_assert(model_next_wanted(model, &scope));
        while (!scope.locals)
                ck_assert(model_next_wanted(model, &scope));
}
END_TEST

int main(void) {
        const struct {
                const char *name;
                const TTest *tests[16];
        } cases[] = {
                { "sequences",
                  { groups_come_before_their_link, port_of_a_bridge, rename_tells_the_zone,
                    rename_while_groups_are_read, route_of_a_link_that_went_down,
                    duplicate_address_detection, expiry, the_same_lifetime_again, primary_deleted,
                    pair_deleted, mover_names_the_other_end } },
                { "rules",
                  { came_and_went, a_new_life_in_one_batch, kind_and_permanent_address_stay,
                    dump_rows_wait, dump_without_its_end_sweeps_nothing, orphans_are_forgotten,
                    wishes_are_bounded, wish_for_more } },
        };
        Suite *suite = suite_create("model-events");

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TCase *tc = tcase_create(cases[i].name);

                tcase_add_checked_fixture(tc, setup, teardown);
                for (size_t k = 0; k < ELEMENTSOF(cases[i].tests) && cases[i].tests[k]; k++)
                        tcase_add_test(tc, cases[i].tests[k]);
                suite_add_tcase(suite, tc);
        }
        return unit_run(suite);
}
