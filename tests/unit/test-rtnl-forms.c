/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parser against hand-made messages of forms that no recording has: attributes of a wrong size,
 * values at their limits and beyond, lists that are too long or broken.
 */

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
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

#define LINK(...) build_link(&builder, &(BuiltLink){ .mtu = 1500, __VA_ARGS__ })
#define ADDRESS(...) build_address(&builder, &(BuiltAddress){ __VA_ARGS__ })
#define GROUP(...) build_group(&builder, &(BuiltGroup){ __VA_ARGS__ })

START_TEST(broken_addresses) {
        const struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_index = 2 };
        struct ifaddrmsg other = header;

        builder_begin(&builder, RTM_NEWADDR, 0);
        builder_put(&builder, &header, sizeof(header));
        ck_assert_int_eq(parse(&builder.header), -EBADMSG);
        /* An address of the wrong size is no address. */
        builder_ip(&builder, IFA_LOCAL, "2001:db8::1");
        ck_assert_int_eq(parse(&builder.header), -EBADMSG);
        builder_ip(&builder, IFA_ADDRESS, "192.0.2.1");
        ck_assert_int_eq(parse(&builder.header), 0);
        ck_assert_str_eq(ip_text(&parsed.record.address.address), "192.0.2.1");
        ck_assert(!ip_is_set(&parsed.record.address.peer));

        ck_assert_int_eq(parse(ADDRESS(.ifindex = 0, .address = "192.0.2.1")), -EBADMSG);
        ck_assert_int_eq(parse(ADDRESS(.ifindex = -1, .address = "192.0.2.1")), -EBADMSG);
        ck_assert_int_eq(parse(ADDRESS(.ifindex = 1, .address = "::", .prefix_length = 129)),
                         -EBADMSG);
        ck_assert_int_eq(parse(ADDRESS(.ifindex = 1, .address = "1.2.3.4", .prefix_length = 33)),
                         -EBADMSG);
        other.ifa_family = AF_DECnet;
        builder_begin(&builder, RTM_NEWADDR, 0);
        builder_put(&builder, &other, sizeof(other));
        ck_assert_int_eq(parse(&builder.header), RTNL_IGNORED);
        builder_begin(&builder, RTM_NEWADDR, 0);
        ck_assert_int_eq(parse(&builder.header), -EBADMSG);
}
END_TEST

START_TEST(lifetimes) {
        ck_assert_int_eq(parse(ADDRESS(.ifindex = 1, .address = "1.2.3.4", .lifetimes = true,
                                       .preferred = UINT32_MAX - 1, .valid = UINT32_MAX)),
                         0);
        ck_assert_uint_eq(parsed.record.address.preferred_usec,
                          NOW_USEC + UINT64_C(4294967294000000));
        ck_assert_uint_eq(parsed.record.address.valid_usec, USEC_INFINITY);

        /* A deadline never becomes "for ever" or wraps. */
        ck_assert_int_eq(rtnl_parse(&builder.header, builder.header.nlmsg_len, UINT64_MAX - 5,
                                    &parsed),
                         0);
        ck_assert_uint_eq(parsed.record.address.preferred_usec, USEC_INFINITY - 1);
}
END_TEST

START_TEST(link_names) {
        static const struct {
                const char *name;
                bool partial;
        } rows[] = {
                { NULL, true },
                { "", true },
                { "a", false },
                { "abcdefghijklmno", false },
                { "abcdefghijklmnop", true },
                { "\xff\xfe", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ck_assert_int_eq(parse(LINK(.ifindex = 1, .flags = 1, .name = rows[i].name,
                                            .master = 7, .alias = "x")),
                                 0);
                ck_assert_int_eq(parsed.partial, rows[i].partial);
                ck_assert_str_eq(parsed.record.link.name, rows[i].partial ? "" : rows[i].name);
                ck_assert_int_eq(parsed.record.link.master_ifindex, rows[i].partial ? 0 : 7);
                ck_assert_uint_eq(parsed.record.link.flags, 1);
                ck_assert_uint_eq(parsed.alias.len, rows[i].partial ? 0 : 1);
        }

        ck_assert_int_eq(parse(LINK(.ifindex = 0, .name = "a")), -EBADMSG);
        ck_assert_int_eq(parse(LINK(.ifindex = -2, .name = "a")), -EBADMSG);
}
END_TEST

static void begin_link(void) {
        const struct ifinfomsg header = { .ifi_index = 5 };

        builder_begin(&builder, RTM_NEWLINK, 0);
        builder_put(&builder, &header, sizeof(header));
        builder_u32(&builder, IFLA_MTU, 1500);
}

START_TEST(link_attributes_of_wrong_size) {
        uint8_t long_address[33] = { 1 };
        uint64_t eight = 0x0101010101010101;

        begin_link();
        builder_attribute(&builder, IFLA_IFNAME, "eth0", 4); /* without NUL */
        builder_attribute(&builder, IFLA_MASTER, &eight, 8);
        builder_attribute(&builder, IFLA_GROUP, &eight, 2);
        builder_attribute(&builder, IFLA_OPERSTATE, &eight, 4);
        builder_attribute(&builder, IFLA_ADDRESS, long_address, sizeof(long_address));
        builder_attribute(&builder, IFLA_PERM_ADDRESS, long_address, 32);
        builder_attribute(&builder, IFLA_LINKINFO, &eight, 3);
        builder_u32(&builder, IFLA_LINK, 0x80000001);
        ck_assert_int_eq(parse(&builder.header), 0);
        ck_assert(!parsed.partial && !parsed.has_kind && parsed.has_permanent);
        ck_assert_str_eq(parsed.record.link.name, "eth0");
        ck_assert_int_eq(parsed.record.link.master_ifindex, 0);
        ck_assert_int_eq(parsed.record.link.parent_ifindex, 0);
        ck_assert_uint_eq(parsed.record.link.group, 0);
        ck_assert_uint_eq(parsed.record.link.kernel_operstate, 0);
        ck_assert_uint_eq(parsed.record.link.hardware_address.len, 0);
        ck_assert_uint_eq(parsed.record.link.permanent_hardware_address.len, 32);

        begin_link();
        builder_attribute(&builder, IFLA_IFNAME, "et\0h", 5); /* NUL inside */
        ck_assert_int_eq(parse(&builder.header), 0);
        ck_assert(parsed.partial);

        /* The MTU is what tells a whole message from a wireless event. */
        ck_assert_int_eq(parse(build_link(&builder, &(BuiltLink){ .ifindex = 1, .name = "wlan0" })),
                         0);
        ck_assert(parsed.partial);
}
END_TEST

START_TEST(parent_namespace) {
        const int32_t none = -1, zero = 0;

        ck_assert_int_eq(parse(LINK(.ifindex = 1, .name = "a", .parent = 9)), 0);
        ck_assert_int_eq(parsed.record.link.parent_ifindex, 9);
        ck_assert_int_eq(parsed.record.link.parent_nsid, -1);
        ck_assert_int_eq(parse(LINK(.ifindex = 1, .name = "a", .parent = 9, .nsid = &zero)), 0);
        ck_assert_int_eq(parsed.record.link.parent_ifindex, 9);
        ck_assert_int_eq(parsed.record.link.parent_nsid, 0);
        ck_assert_int_eq(parse(LINK(.ifindex = 1, .name = "a", .parent = 9, .nsid = &none)), 0);
        ck_assert_int_eq(parsed.record.link.parent_ifindex, 0);
}
END_TEST

static int texts_of(size_t n_names, size_t name_len, size_t alias_len, LinkTexts **ret) {
        char text[300];
        size_t nest;

        memset(text, 'n', sizeof(text));
        begin_link();
        builder_text(&builder, IFLA_IFNAME, "a");
        builder_attribute(&builder, IFLA_IFALIAS, text, alias_len);
        nest = builder_nest(&builder, IFLA_PROP_LIST);
        for (size_t i = 0; i < n_names; i++)
                builder_attribute(&builder, IFLA_ALT_IFNAME, text, name_len);
        builder_nest_end(&builder, nest);
        ck_assert_int_eq(parse(&builder.header), 0);
        return rtnl_link_texts(&parsed, ret);
}

START_TEST(link_text_limits) {
        LinkTexts *texts = NULL;
        TextSpan name;
        size_t pos = 0;

        ck_assert_int_eq(texts_of(1, LINK_ALTNAME_MAX, LINK_ALIAS_MAX, &texts), 0);
        ck_assert_uint_eq(link_texts_alias(texts).len, LINK_ALIAS_MAX);
        ck_assert(link_texts_next(texts, &pos, &name));
        ck_assert_uint_eq(name.len, LINK_ALTNAME_MAX);
        texts = link_texts_free(texts);

        ck_assert_int_eq(texts_of(1, LINK_ALTNAME_MAX + 1, LINK_ALIAS_MAX + 1, &texts), 0);
        ck_assert_ptr_null(texts);
        ck_assert_int_eq(texts_of(LINK_ALTNAMES_MAX, 3, 0, &texts), 0);
        ck_assert_uint_eq(texts->n_altnames, LINK_ALTNAMES_MAX);
        texts = link_texts_free(texts);
        ck_assert_int_eq(texts_of(LINK_ALTNAMES_MAX + 1, 3, 0, &texts), -E2BIG);

        begin_link();
        builder_text(&builder, IFLA_IFNAME, "a");
        builder_attribute(&builder, IFLA_PROP_LIST, "\x09\x00\x35\x00\x00", 5);
        ck_assert_int_eq(parse(&builder.header), 0);
        ck_assert_int_eq(rtnl_link_texts(&parsed, &texts), -EBADMSG);
}
END_TEST

static const struct nlmsghdr *many_hops(uint8_t table, uint8_t type, size_t n, int32_t first) {
        const struct rtmsg header = { .rtm_family = AF_INET, .rtm_table = table, .rtm_type = type };
        size_t nest;

        builder_begin(&builder, RTM_NEWROUTE, 0);
        builder_put(&builder, &header, sizeof(header));
        nest = builder_nest(&builder, RTA_MULTIPATH);
        for (size_t i = 0; i < n; i++) {
                const struct rtnexthop hop = {
                        .rtnh_len = sizeof(hop) + 8,
                        .rtnh_ifindex = first + (int32_t) i,
                };

                builder_put(&builder, &hop, sizeof(hop));
                builder_ip(&builder, RTA_GATEWAY, "10.0.0.9");
        }
        builder_nest_end(&builder, nest);
        return &builder.header;
}

START_TEST(next_hops) {
        RtnlFib fib;

        ck_assert_int_eq(parse(many_hops(254, RTN_UNICAST, RTNL_NEXTHOPS_MAX, 1)), 0);
        ck_assert_uint_eq(parsed.n_routes, RTNL_NEXTHOPS_MAX);
        ck_assert_int_eq(parsed.routes[RTNL_NEXTHOPS_MAX - 1].ifindex, RTNL_NEXTHOPS_MAX);
        ck_assert_int_eq(parse(many_hops(254, RTN_UNICAST, RTNL_NEXTHOPS_MAX + 1, 1)), -E2BIG);
        ck_assert_int_eq(parse(many_hops(254, RTN_UNICAST, 2, -1)), -EBADMSG);

        ck_assert_int_eq(parse(many_hops(255, RTN_LOCAL, 2, 4)), 0);
        ck_assert_uint_eq(parsed.n_routes, 2);
        ck_assert_int_eq(parsed.record.local.ifindex, 4);
        ck_assert_int_eq(parsed.routes[1].ifindex, 5);
        ck_assert_int_eq(parse(many_hops(255, RTN_LOCAL, 2, 0)), -EBADMSG);

        /* An answer that leaves the link open does not name one; the gateway is the same. */
        ck_assert_int_eq(rtnl_parse_fib(many_hops(254, RTN_UNICAST, 2, 4), BUILDER_SIZE, &fib), 0);
        ck_assert_int_eq(fib.ifindex, 0);
        ck_assert_str_eq(ip_text(&fib.gateway), "10.0.0.9");
        ck_assert_int_eq(rtnl_parse_fib(many_hops(254, RTN_UNICAST, 1, 4), BUILDER_SIZE, &fib), 0);
        ck_assert_int_eq(fib.ifindex, 4);
}
END_TEST

START_TEST(results) {
        Builder *b = &builder;

        ck_assert_int_eq(rtnl_parse_result(build_result(b, NLMSG_DONE, 0), BUILDER_SIZE), 0);
        ck_assert_int_eq(rtnl_parse_result(build_result(b, NLMSG_DONE, -EINVAL), BUILDER_SIZE),
                         -EINVAL);
        ck_assert_int_eq(rtnl_parse_result(build_result(b, NLMSG_ERROR, -ENODEV), BUILDER_SIZE),
                         -ENODEV);
        ck_assert_int_eq(rtnl_parse_result(build_result(b, NLMSG_ERROR, 5), BUILDER_SIZE),
                         -EBADMSG);
        ck_assert_int_eq(rtnl_parse_result(build_result(b, NLMSG_ERROR, INT32_MIN), BUILDER_SIZE),
                         -EBADMSG);
        ck_assert_int_eq(rtnl_parse_result(build_result(b, NLMSG_NOOP, 0), BUILDER_SIZE), -EBADMSG);
        builder_begin(b, NLMSG_DONE, 0);
        ck_assert_int_eq(rtnl_parse_result(&b->header, BUILDER_SIZE), -EBADMSG);
        ck_assert_int_eq(parse(build_result(b, NLMSG_DONE, 0)), RTNL_IGNORED);
}
END_TEST

START_TEST(statistics) {
        uint64_t sent[RTNL_STATISTICS_MAX + 2], found[RTNL_STATISTICS_MAX];

        for (size_t i = 0; i < ELEMENTSOF(sent); i++)
                sent[i] = i + 1;
        /* 23 counters of old kernels, and more than are known here. */
        for (size_t n = 23; n <= ELEMENTSOF(sent); n++) {
                begin_link();
                builder_attribute(&builder, IFLA_STATS64, sent, n * sizeof(uint64_t));
                ck_assert_int_eq(rtnl_parse_statistics(&builder.header, BUILDER_SIZE, found), 0);
                for (size_t i = 0; i < ELEMENTSOF(found); i++)
                        ck_assert_uint_eq(found[i], i < n ? i + 1 : 0);
        }
        begin_link();
        ck_assert_int_eq(rtnl_parse_statistics(&builder.header, BUILDER_SIZE, found), -ENODATA);
        ck_assert_int_eq(rtnl_parse_statistics(GROUP(.ifindex = 1, .group = "ff02::1"),
                                               BUILDER_SIZE, found),
                         -EBADMSG);

        ck_assert_str_eq(rtnl_statistic_name(0), "RxPackets");
        ck_assert_str_eq(rtnl_statistic_name(3), "TxBytes");
        ck_assert_str_eq(rtnl_statistic_name(RTNL_STATISTICS_MAX - 1), "RxOtherhostDropped");
        ck_assert_ptr_null(rtnl_statistic_name(RTNL_STATISTICS_MAX));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("rtnl-forms");
        TCase *tcase = tcase_create("forms");

        tcase_add_test(tcase, broken_addresses);
        tcase_add_test(tcase, lifetimes);
        tcase_add_test(tcase, link_names);
        tcase_add_test(tcase, link_attributes_of_wrong_size);
        tcase_add_test(tcase, parent_namespace);
        tcase_add_test(tcase, link_text_limits);
        tcase_add_test(tcase, next_hops);
        tcase_add_test(tcase, results);
        tcase_add_test(tcase, statistics);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
