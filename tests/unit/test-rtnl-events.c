/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parser against hand-made messages: sequences of events as kernel 6.18 was seen to send them, and
 * rows as it was seen to dump them. Each is one line: what the message would do to a table.
 */

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtnl-builder.h"
#include "rtnl.h"
#include "unit.h"
#include "util.h"

#define NOW_USEC UINT64_C(7000000)

static Builder builder;
static RtnlMessage parsed;

static int parse(const struct nlmsghdr *message) {
        memset(&parsed, 0xa5, sizeof(parsed));
        return rtnl_parse(message, message->nlmsg_len, NOW_USEC, &parsed);
}

static const char *ip_text(const IpAddress *a) {
        static char text[INET6_ADDRSTRLEN];

        return a->family == AF_UNSPEC ? "-" : inet_ntop(a->family, a->bytes, text, sizeof(text));
}

static const char *summarise_link(char *buf, size_t size) {
        const LinkRecord *l = &parsed.record.link;
        LinkTexts *texts = NULL;
        TextSpan name;
        size_t pos = 0;
        int n;

        n = snprintf(buf, size, "link %" PRIi32 " %s 0x%" PRIx32, l->ifindex, l->name, l->flags);
        if (l->master_ifindex > 0)
                n += snprintf(buf + n, size - (size_t) n, " master %" PRIi32, l->master_ifindex);
        ck_assert_int_eq(rtnl_link_texts(&parsed, &texts), 0);
        while (link_texts_next(texts, &pos, &name))
                n += snprintf(buf + n, size - (size_t) n, " alt %.*s", (int) name.len, name.text);
        (void) link_texts_free(texts);
        return buf;
}

static const char *lifetime_text(uint64_t usec, char *buf, size_t size) {
        if (usec == USEC_INFINITY)
                return "ever";
        (void) snprintf(buf, size, "%" PRIu64, (usec - NOW_USEC) / USEC_PER_SEC);
        return buf;
}

static const char *summarise_address(char *buf, size_t size) {
        static const char *const states[] = { "usable", "tentative", "duplicate", "deprecated" };
        const AddressRecord *a = &parsed.record.address;
        char preferred[24], valid[24];
        int n;

        n = snprintf(buf, size, "address %" PRIi32 " %s", a->ifindex, ip_text(&a->address));
        if (ip_is_set(&a->peer))
                n += snprintf(buf + n, size - (size_t) n, " peer %s", ip_text(&a->peer));
        (void) snprintf(buf + n, size - (size_t) n, "/%u 0x%" PRIx32 " %s %s %s", a->prefix_length,
                        a->flags, states[a->usability],
                        lifetime_text(a->preferred_usec, preferred, sizeof(preferred)),
                        lifetime_text(a->valid_usec, valid, sizeof(valid)));
        return buf;
}

/* One line a message: what it would do to a table. */
static const char *summarise(const struct nlmsghdr *message) {
        static char text[512];
        char value[400];
        int r;

        r = parse(message);
        if (r == RTNL_IGNORED)
                return "ignored";
        if (r < 0)
                return strerror(-r);

        switch (parsed.object) {
        case RTNL_LINK:
                (void) summarise_link(value, sizeof(value));
                break;
        case RTNL_ADDRESS:
                (void) summarise_address(value, sizeof(value));
                break;
        case RTNL_GROUP:
                (void) snprintf(value, sizeof(value), "group %" PRIi32 " %s",
                                parsed.record.group.ifindex, ip_text(&parsed.record.group.group));
                break;
        case RTNL_ROUTE:
                (void) snprintf(value, sizeof(value), "route %" PRIi32 " via %s metric %" PRIu32,
                                parsed.routes[0].ifindex, ip_text(&parsed.routes[0].gateway),
                                parsed.routes[0].metric);
                break;
        case RTNL_LOCAL:
                (void) snprintf(value, sizeof(value), "local %" PRIi32 " %s/%u type %u",
                                parsed.record.local.ifindex, ip_text(&parsed.record.local.address),
                                parsed.record.local.prefix_length, parsed.record.local.type);
                break;
        case RTNL_NEXTHOP:
        case RTNL_PROXY:
        case RTNL_LABEL:
        case RTNL_FIB:
        case _RTNL_OBJECT_MAX:
                return "unexpected";
        }
        (void) snprintf(text, sizeof(text), "%c%s", parsed.removed ? '-' : '+', value);
        return text;
}

#define LINK(...) build_link(&builder, &(BuiltLink){ .mtu = 1500, __VA_ARGS__ })
#define ADDRESS(...) build_address(&builder, &(BuiltAddress){ __VA_ARGS__ })
#define GROUP(...) build_group(&builder, &(BuiltGroup){ __VA_ARGS__ })
#define ROUTE(...) build_route(&builder, &(BuiltRoute){ __VA_ARGS__ })
#define EXPECT(message, text) ck_assert_str_eq(summarise(message), text)

/* Memberships come before the link that they are on. */
START_TEST(new_link) {
        EXPECT(GROUP(.ifindex = 2, .group = "ff01::1"), "+group 2 ff01::1");
        EXPECT(GROUP(.ifindex = 2, .group = "ff02::1"), "+group 2 ff02::1");
        EXPECT(LINK(.ifindex = 2, .flags = 0x1002, .change = 0xffffffff, .name = "v1"),
               "+link 2 v1 0x1002");
}
END_TEST

START_TEST(bridge_port) {
        EXPECT(LINK(.ifindex = 2, .flags = 0x11043, .name = "v1", .master = 4),
               "+link 2 v1 0x11043 master 4");
        EXPECT(LINK(.family = AF_BRIDGE, .ifindex = 2, .flags = 0x11043, .name = "v1", .master = 4),
               "ignored");
        /* It leaves the bridge and lives on. */
        EXPECT(LINK(.removed = true, .family = AF_BRIDGE, .ifindex = 2, .flags = 0x11043,
                    .name = "v1", .master = 4),
               "ignored");
        EXPECT(LINK(.ifindex = 2, .flags = 0x11043, .name = "v1"), "+link 2 v1 0x11043");
        EXPECT(LINK(.family = AF_INET6, .ifindex = 2, .flags = 0x11043, .name = "v1"), "ignored");
}
END_TEST

START_TEST(rename_repeats_addresses) {
        EXPECT(LINK(.ifindex = 2, .flags = 0x11043, .name = "v1new"), "+link 2 v1new 0x11043");
        /* The label need not follow the name. */
        EXPECT(ADDRESS(.ifindex = 2, .address = "10.7.0.1", .local = "10.7.0.1",
                       .prefix_length = 24, .label = "v1", .lifetimes = true, .preferred = 2,
                       .valid = 4),
               "+address 2 10.7.0.1/24 0x0 usable 2 4");
        ck_assert_str_eq(parsed.record.address.label, "v1");
        EXPECT(ADDRESS(.ifindex = 2, .address = "fe80::dc8c:afff:fe13:4a2c", .prefix_length = 64,
                       .flags = 0x80, .scope = 253),
               "+address 2 fe80::dc8c:afff:fe13:4a2c/64 0x80 usable ever ever");
}
END_TEST

START_TEST(alternative_names) {
        EXPECT(LINK(.ifindex = 3, .name = "v0", .altnames = { "one", "", "two" }),
               "+link 3 v0 0x0 alt one alt two");
        /* The list is always the whole list. */
        EXPECT(LINK(.ifindex = 3, .name = "v0"), "+link 3 v0 0x0");
}
END_TEST

START_TEST(duplicate_address_detection) {
        EXPECT(ADDRESS(.ifindex = 3, .address = "2001:db8::1", .prefix_length = 64, .flags = 0x40,
                       .lifetimes = true, .preferred = 2, .valid = 4),
               "+address 3 2001:db8::1/64 0x40 tentative 2 4");
        EXPECT(ADDRESS(.ifindex = 3, .address = "2001:db8::1", .prefix_length = 64,
                       .lifetimes = true, .preferred = 1, .valid = 3),
               "+address 3 2001:db8::1/64 0x0 usable 1 3");
        EXPECT(ADDRESS(.ifindex = 3, .address = "2001:db8::2", .prefix_length = 64, .flags = 0xc8),
               "+address 3 2001:db8::2/64 0xc8 duplicate ever ever");
        EXPECT(ADDRESS(.ifindex = 3, .address = "2001:db8::2", .prefix_length = 64, .flags = 0xc4),
               "+address 3 2001:db8::2/64 0xc4 usable ever ever");
        EXPECT(ADDRESS(.ifindex = 3, .address = "2001:db8::2", .prefix_length = 64, .flags = 0x64),
               "+address 3 2001:db8::2/64 0x64 deprecated ever ever");
}
END_TEST

START_TEST(expiry) {
        EXPECT(ADDRESS(.ifindex = 3, .address = "2001:db8::1", .prefix_length = 64, .flags = 0x20,
                       .lifetimes = true, .preferred = 0, .valid = 2),
               "+address 3 2001:db8::1/64 0x20 deprecated 0 2");
        EXPECT(ADDRESS(.ifindex = 2, .address = "10.7.0.1", .local = "10.7.0.1",
                       .prefix_length = 24, .flags = 0x20, .lifetimes = true, .preferred = 0,
                       .valid = 2),
               "+address 2 10.7.0.1/24 0x20 deprecated 0 2");
        EXPECT(ADDRESS(.removed = true, .ifindex = 3, .address = "2001:db8::1", .prefix_length = 64,
                       .flags = 0x20, .lifetimes = true),
               "-address 3 2001:db8::1/64 0x20 deprecated 0 0");
        EXPECT(ADDRESS(.removed = true, .ifindex = 2, .address = "10.7.0.1", .local = "10.7.0.1",
                       .prefix_length = 24, .flags = 0x20, .lifetimes = true),
               "-address 2 10.7.0.1/24 0x20 deprecated 0 0");
}
END_TEST

START_TEST(primary_deleted) {
        EXPECT(ADDRESS(.removed = true, .ifindex = 3, .address = "10.0.0.2", .local = "10.0.0.2",
                       .prefix_length = 24, .flags = 0x81),
               "-address 3 10.0.0.2/24 0x81 usable ever ever");
        EXPECT(ADDRESS(.removed = true, .ifindex = 3, .address = "10.0.0.1", .local = "10.0.0.1",
                       .prefix_length = 24, .flags = 0x80),
               "-address 3 10.0.0.1/24 0x80 usable ever ever");
}
END_TEST

START_TEST(link_down_and_deleted) {
        EXPECT(LINK(.ifindex = 3, .flags = 0x1002, .change = 1, .name = "v0"), "+link 3 v0 0x1002");
        EXPECT(GROUP(.removed = true, .ifindex = 3, .group = "224.0.0.1"), "-group 3 224.0.0.1");
        EXPECT(ADDRESS(.removed = true, .ifindex = 3, .address = "fe80::9cd6:67ff:fe33:990e",
                       .prefix_length = 64, .flags = 0x80, .scope = 253),
               "-address 3 fe80::9cd6:67ff:fe33:990e/64 0x80 usable ever ever");
        EXPECT(GROUP(.removed = true, .ifindex = 3, .group = "ff02::1"), "-group 3 ff02::1");
        EXPECT(LINK(.removed = true, .ifindex = 3, .flags = 0x1002, .change = 0xffffffff,
                    .name = "v0"),
               "-link 3 v0 0x1002");
}
END_TEST

/* Own address, peer, prefix length and flags of each kind of row. */
START_TEST(address_rows) {
        static const struct {
                const char *address, *local;
                uint8_t prefix_length;
                uint32_t flags;
                const char *expected;
        } rows[] = {
                { "169.254.0.254", "169.254.0.1", 32, 0x80,
                  "+address 9 169.254.0.1 peer 169.254.0.254/32 0x80 usable ever ever" },
                { "10.9.9.1", "10.9.9.1", 24, 0x80,
                  "+address 9 10.9.9.1/24 0x80 usable ever ever" },
                { "2001:db8:a::1", NULL, 64, 0x80,
                  "+address 9 2001:db8:a::1/64 0x80 usable ever ever" },
                { "2001:db8:9::2", "2001:db8:9::1", 128, 0x80,
                  "+address 9 2001:db8:9::1 peer 2001:db8:9::2/128 0x80 usable ever ever" },
                { "10.1.1.2", "10.1.1.1", 30, 0x80,
                  "+address 9 10.1.1.1 peer 10.1.1.2/30 0x80 usable ever ever" },
                { "fe80::b8d1:a1ff:fe9d:e334", NULL, 64, 0xc0,
                  "+address 9 fe80::b8d1:a1ff:fe9d:e334/64 0xc0 tentative ever ever" },
                { "::1", NULL, 128, 0x80, "+address 9 ::1/128 0x80 usable ever ever" },
                { "2001:db8:c::1", NULL, 64, 0x60,
                  "+address 9 2001:db8:c::1/64 0x60 tentative ever ever" },
                { "2001:db8:e::", NULL, 64, 0x182,
                  "+address 9 2001:db8:e::/64 0x182 usable ever ever" },
                { "10.2.2.6", "10.2.2.6", 24, 0x81,
                  "+address 9 10.2.2.6/24 0x81 usable ever ever" },
                { NULL, "10.2.2.7", 24, 0x80, "+address 9 10.2.2.7/24 0x80 usable ever ever" },
                { "10.2.2.8", NULL, 24, 0x80, "+address 9 10.2.2.8/24 0x80 usable ever ever" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                EXPECT(ADDRESS(.ifindex = 9, .address = rows[i].address, .local = rows[i].local,
                               .prefix_length = rows[i].prefix_length, .flags = rows[i].flags),
                       rows[i].expected);
}
END_TEST

START_TEST(group_forms) {
        const struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_index = 2 };

        EXPECT(GROUP(.dumped = true, .ifindex = 3, .group = "239.1.1.1"), "+group 3 239.1.1.1");
        EXPECT(GROUP(.ifindex = 0, .group = "239.1.1.1"), "Bad message");
        builder_begin(&builder, RTNL_NEWMULTICAST, 0);
        builder_put(&builder, &header, sizeof(header));
        builder_ip(&builder, IFA_ADDRESS, "239.1.1.1");
        ck_assert_int_eq(parse(&builder.header), -EBADMSG);
}
END_TEST

START_TEST(default_routes) {
        EXPECT(ROUTE(.family = AF_INET, .ifindex = 3, .gateway = "10.0.0.1", .metric = 5),
               "+route 3 via 10.0.0.1 metric 5");
        EXPECT(ROUTE(.removed = true, .family = AF_INET, .ifindex = 3, .gateway = "fe80::1"),
               "-route 3 via fe80::1 metric 0");
        EXPECT(ROUTE(.family = AF_INET6, .ifindex = 3, .table = 1000), "+route 3 via - metric 0");
        ck_assert_uint_eq(parsed.routes[0].table, 1000);
        EXPECT(ROUTE(.family = AF_INET, .nexthop_id = 7), "+route 0 via - metric 0");
        ck_assert_uint_eq(parsed.routes[0].nexthop_id, 7);
        EXPECT(ROUTE(.family = AF_INET, .type = RTN_BLACKHOLE), "+route 0 via - metric 0");
        ck_assert_uint_eq(parsed.routes[0].type, RTN_BLACKHOLE);

        EXPECT(ROUTE(.family = AF_INET, .ifindex = 3, .flags = RTM_F_CLONED), "ignored");
        EXPECT(ROUTE(.family = AF_INET, .ifindex = 1, .type = RTN_LOCAL), "ignored");
        EXPECT(ROUTE(.family = AF_INET, .ifindex = 3, .prefix_length = 8,
                     .destination = "10.0.0.0"),
               "ignored");
        EXPECT(ROUTE(.family = AF_DECnet, .ifindex = 3), "ignored");
        EXPECT(ROUTE(.family = AF_INET, .prefix_length = 33), "Bad message");
}
END_TEST

START_TEST(local_table) {
        EXPECT(ROUTE(.family = AF_INET, .table = 255, .type = RTN_LOCAL, .ifindex = 1,
                     .prefix_length = 8, .destination = "127.1.2.3"),
               "+local 1 127.0.0.0/8 type 2");
        EXPECT(ROUTE(.removed = true, .family = AF_INET, .table = 255, .type = RTN_BROADCAST,
                     .ifindex = 3, .prefix_length = 32, .destination = "10.0.0.255"),
               "-local 3 10.0.0.255/32 type 3");
        EXPECT(ROUTE(.family = AF_INET6, .table = 255, .type = RTN_ANYCAST, .ifindex = 3,
                     .prefix_length = 128, .destination = "2001:db8::"),
               "+local 3 2001:db8::/128 type 4");
        EXPECT(ROUTE(.family = AF_INET, .table = 255, .type = RTN_LOCAL, .ifindex = 1),
               "+local 1 0.0.0.0/0 type 2");
        ck_assert_uint_eq(parsed.n_routes, 1);

        EXPECT(ROUTE(.family = AF_INET6, .table = 255, .type = RTN_MULTICAST, .ifindex = 3,
                     .prefix_length = 8, .destination = "ff00::"),
               "ignored");
        EXPECT(ROUTE(.family = AF_INET, .table = 255, .type = RTN_UNREACHABLE), "ignored");
        EXPECT(ROUTE(.family = AF_INET, .table = 255, .type = RTN_LOCAL, .nexthop_id = 4),
               "ignored");
        EXPECT(ROUTE(.family = AF_INET, .table = 255, .type = RTN_LOCAL), "Bad message");
        EXPECT(ROUTE(.family = AF_INET, .table = 255, .type = RTN_LOCAL, .ifindex = 1,
                     .prefix_length = 8),
               "Bad message");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("rtnl-events");
        TCase *tcase = tcase_create("events");

        tcase_add_test(tcase, new_link);
        tcase_add_test(tcase, bridge_port);
        tcase_add_test(tcase, rename_repeats_addresses);
        tcase_add_test(tcase, alternative_names);
        tcase_add_test(tcase, duplicate_address_detection);
        tcase_add_test(tcase, expiry);
        tcase_add_test(tcase, primary_deleted);
        tcase_add_test(tcase, link_down_and_deleted);
        tcase_add_test(tcase, address_rows);
        tcase_add_test(tcase, group_forms);
        tcase_add_test(tcase, default_routes);
        tcase_add_test(tcase, local_table);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
