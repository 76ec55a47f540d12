/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the model makes of sequences of messages that Linux was seen to send: each step is one commit,
 * written as one line of what it publishes. And rules that random schedules hit too seldom.
 */

#include <arpa/inet.h>
#include <check.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model.h"
#include "rtnl-builder.h"
#include "util.h"

#define NOW_USEC (UINT64_C(1000) * USEC_PER_SEC)

static Table *table;
static Model *model;
static Builder builder;
static RtnlMessage parsed;
static uint64_t now;
static uint8_t permanent[6] = { 2, 0, 0, 0, 0, 1 };

static void setup(void) {
        now = NOW_USEC;
        ck_assert_int_eq(table_new(NULL, &table), 0);
        ck_assert_int_eq(model_new(table, &model), 0);
}

static void teardown(void) {
        model = model_free(model);
        table = table_free(table);
}

#define LINK(...) build_link(&builder, &(BuiltLink){ .mtu = 1500, __VA_ARGS__ })
#define ADDRESS(...) build_address(&builder, &(BuiltAddress){ __VA_ARGS__ })
#define GROUP(...) build_group(&builder, &(BuiltGroup){ __VA_ARGS__ })
#define ROUTE(...) build_route(&builder, &(BuiltRoute){ .family = AF_INET, __VA_ARGS__ })

static bool parse(const struct nlmsghdr *message) {
        int r = rtnl_parse(message, message->nlmsg_len, now, &parsed);

        ck_assert_int_ge(r, 0);
        return r == 0;
}

static void hear(const struct nlmsghdr *message) {
        if (parse(message))
                ck_assert_int_eq(model_hear(model, &parsed), 0);
}

static void listed(const struct nlmsghdr *message) {
        if (parse(message))
                ck_assert_int_eq(model_dump_row(model, &parsed), 0);
}

static const char *ip_text(const IpAddress *a) {
        static char text[INET6_ADDRSTRLEN];

        return ip_is_set(a) ? inet_ntop(a->family, a->bytes, text, sizeof(text)) : "-";
}

static void describe(const Change *c, char *buf, size_t size) {
        static const char signs[] = { '=', '+', '~', '-' };
        const Record *r = &c->record;

        switch (c->object) {
        case OBJECT_LINK:
                (void) snprintf(buf, size, "%c%s", signs[c->type], r->link.name);
                break;
        case OBJECT_ADDRESS:
                (void) snprintf(buf, size, "%c%s:%s", signs[c->type], c->link_name,
                                ip_text(&r->address.address));
                break;
        case OBJECT_GROUP:
                (void) snprintf(buf, size, "%c%s:%s", signs[c->type], c->link_name,
                                ip_text(&r->group.group));
                break;
        case OBJECT_ROUTE:
                (void) snprintf(buf, size, "%c%s>%s", signs[c->type], c->link_name,
                                ip_text(&r->route.gateway));
                break;
        case OBJECT_LOCAL:
        case _OBJECT_TYPE_MAX:
                abort();
        }
}

static const char *commit(bool settled) {
        static char text[1024];
        Batch batch = {};
        size_t used = 0;

        ck_assert_int_ge(model_commit(model, settled, &batch), 0);
        text[0] = '\0';
        for (size_t i = 0; i < batch.n_changes; i++) {
                char one[128];

                describe(&batch.changes[i], one, sizeof(one));
                used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s",
                                          i > 0 ? " " : "", one);
        }
        batch_done(&batch);
        return text;
}

#define EXPECT(text) ck_assert_str_eq(commit(true), text)

static LinkRecord link_now(int32_t ifindex) {
        TableView view = table_view(table);
        LinkRecord link;

        ck_assert(table_get_link(&view, ifindex, &link));
        return link;
}

static void end_dump(DumpResult result, DumpAdvice expected) {
        DumpAdvice advice;

        ck_assert_int_eq(model_dump_end(model, result, &advice), 0);
        ck_assert_int_eq(advice, expected);
}

static void new_link(int32_t ifindex, const char *name) {
        hear(LINK(.ifindex = ifindex, .name = name, .flags = IFF_UP, .kind = "veth",
                  .permanent_address = permanent));
        (void) commit(true);
}

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

static bool is_wanted(Scope wish) {
        bool found = false;
        Scope scope;

        while (model_next_wanted(model, &scope))
                found = found || (scope.object == wish.object && scope.family == wish.family &&
                                  scope.ifindex == wish.ifindex);
        return found;
}

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
                { "what may have been missed",
                  { children_of_another_link_are_read_again, link_without_its_kind_is_another,
                    other_name_and_address, down_before_it_was_listed, replaced_route,
                    automatic_address_after_a_loss, silent_end_while_routes_are_read } },
        };
        Suite *suite = suite_create("model-events");
        SRunner *runner;
        int failed;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TCase *tc = tcase_create(cases[i].name);

                tcase_add_checked_fixture(tc, setup, teardown);
                for (size_t k = 0; k < ELEMENTSOF(cases[i].tests) && cases[i].tests[k]; k++)
                        tcase_add_test(tc, cases[i].tests[k]);
                suite_add_tcase(suite, tc);
        }
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0;
}
