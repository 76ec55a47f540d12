/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prefix arithmetic: the rows of tests/data, and random addresses with every prefix length against
 * an oracle that knows only "bit i of an address".
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "random.h"
#include "tsv.h"
#include "unit.h"
#include "util.h"

#define N_RANDOM 500

static TsvTable ipv4, ipv6, common;

static IpAddress parse(const char *text) {
        IpAddress a = {};

        if (strcmp(text, "-") != 0)
                ck_assert_msg(ip_parse(text, strlen(text), &a) == 0, "not an address: %s", text);
        return a;
}

static void expect(const TsvRow *row, size_t field, IpAddress actual) {
        IpAddress expected = parse(row->fields[field]);
        char buf[IP_TEXT_MAX];

        ck_assert_msg(memcmp(&actual, &expected, sizeof(actual)) == 0, TSV_AT "'%s', not '%s'",
                      TSV_ARG(row), ip_format(&actual, buf), row->fields[field]);
}

START_TEST(test_ipv4) {
        const TsvRow *row = &ipv4.rows[_i];
        IpAddress a = parse(row->fields[0]), none = {};
        unsigned length = (unsigned) tsv_number(row, 1), classful = ip_classful_prefix(&a);

        expect(row, 2, ip_mask(AF_INET, length));
        expect(row, 3, ip_network(&a, length));
        expect(row, 4, ip_subnet_broadcast(&a, length));
        expect(row, 5, classful > 0 ? ip_network(&a, classful) : none);
        expect(row, 6, ip_subnet_broadcast(&a, classful));
        expect(row, 0, a);
        a = ip_solicited_node(&a);
        ck_assert(!ip_is_set(&a));
}
END_TEST

START_TEST(test_ipv6) {
        const TsvRow *row = &ipv6.rows[_i];
        IpAddress a = parse(row->fields[0]), broadcast;
        unsigned length = (unsigned) tsv_number(row, 1);

        expect(row, 2, ip_network(&a, length));
        expect(row, 3, ip_solicited_node(&a));
        broadcast = ip_subnet_broadcast(&a, length);
        ck_assert(!ip_is_set(&broadcast));
        ck_assert_uint_eq(ip_classful_prefix(&a), 0);
}
END_TEST

START_TEST(test_common) {
        const TsvRow *row = &common.rows[_i];
        IpAddress a = parse(row->fields[0]), b = parse(row->fields[1]), none = {};
        unsigned expected = (unsigned) tsv_number(row, 2);

        ck_assert_msg(ip_common_prefix(&a, &b) == expected, TSV_AT "%u", TSV_ARG(row),
                      ip_common_prefix(&a, &b));
        ck_assert_uint_eq(ip_common_prefix(&b, &a), expected);
        ck_assert_uint_eq(ip_common_prefix(&a, &none), 0);
        ck_assert_uint_eq(ip_common_prefix(&none, &none), 0);
}
END_TEST

static bool bit(const IpAddress *a, unsigned i) {
        return a->bytes[i / 8] & (128U >> (i % 8));
}

static void set_bit(IpAddress *a, unsigned i, bool value) {
        uint8_t mask = (uint8_t) (128U >> (i % 8));

        a->bytes[i / 8] = (uint8_t) (value ? a->bytes[i / 8] | mask : a->bytes[i / 8] & ~mask);
}

/* A neighbour of a: equal up to a random bit, different in it, anything behind it. */
static IpAddress random_neighbour(const IpAddress *a, unsigned bits) {
        unsigned at = random_below(bits);
        IpAddress b = *a;

        set_bit(&b, at, !bit(a, at));
        for (unsigned i = at + 1; i < bits; i++)
                set_bit(&b, i, random_below(2));
        return b;
}

/* One assertion for all bits: check notes each one in a file, and there are millions of bits. */
static void check_prefix(const IpAddress *a, const IpAddress *b, unsigned bits, unsigned length) {
        IpAddress mask = ip_mask(a->family, length), network = ip_network(a, length);
        IpAddress broadcast = ip_subnet_broadcast(a, length);
        bool has_broadcast = a->family == AF_INET && length >= 1 && length <= 30;
        bool inside = true, right = true;

        for (unsigned i = 0; i < 128; i++) {
                bool covered = i < bits && i < length;
                bool host = i < bits && i >= length;

                right = right && bit(&mask, i) == covered;
                right = right && bit(&network, i) == (covered && bit(a, i));
                right = right && bit(&broadcast, i) == (has_broadcast && (host || bit(a, i)));
                inside = inside && (!covered || bit(a, i) == bit(b, i));
        }
        right = right && mask.family == a->family && network.family == a->family;
        right = right && broadcast.family == (has_broadcast ? AF_INET : AF_UNSPEC);
        right = right && ip_in_prefix(a, b, length) == inside;
        right = right && ip_in_prefix(a, &network, length) && ip_in_prefix(&network, a, length);
        if (!right) {
                char x[IP_TEXT_MAX], y[IP_TEXT_MAX];

                ck_abort_msg("%s/%u beside %s", ip_format(a, x), length, ip_format(b, y));
        }
}

static void check_random(int family) {
        unsigned bits = ip_family_bits(family);

        for (int round = 0; round < N_RANDOM; round++) {
                unsigned shared = 0;
                uint8_t bytes[16];
                IpAddress a, b;

                for (size_t i = 0; i < sizeof(bytes); i += 2) {
                        uint16_t group = random_group();

                        bytes[i] = (uint8_t) (group >> 8);
                        bytes[i + 1] = (uint8_t) group;
                }
                bytes[0] |= 1; /* keeps it from being v4-mapped, which counts otherwise */
                a = ip_make(family, bytes);
                b = random_neighbour(&a, bits);
                if (b.bytes[0] == 0)
                        continue;

                while (bit(&a, shared) == bit(&b, shared))
                        shared++;
                ck_assert_uint_eq(ip_common_prefix(&a, &b), shared);
                for (unsigned length = 0; length <= bits + 2; length++)
                        check_prefix(&a, &b, bits, length);
                check_prefix(&a, &b, bits, UINT32_MAX);
        }
}

START_TEST(test_random) {
        check_random(AF_INET);
        check_random(AF_INET6);
}
END_TEST

START_TEST(test_families) {
        IpAddress v4 = parse("0.0.0.0"), v6 = parse("::"), none = {};
        IpAddress mask = ip_mask(AF_UNSPEC, 8), network = ip_network(&none, 8);

        /* The same bytes, but a prefix holds only its own family, and "none" is in nothing. */
        ck_assert(ip_in_prefix(&v4, &v4, 0) && ip_in_prefix(&v6, &v6, 0));
        ck_assert(!ip_in_prefix(&v4, &v6, 0) && !ip_in_prefix(&v6, &v4, 0));
        ck_assert(!ip_in_prefix(&none, &none, 0) && !ip_in_prefix(&none, &v4, 0));
        ck_assert(!ip_is_set(&mask) && !ip_is_set(&network));
        ck_assert_uint_eq(ip_classful_prefix(&none), 0);
}
END_TEST

static Suite *prefix_suite(void) {
        Suite *suite = suite_create("address-prefix");
        TCase *prefix = tcase_create("prefix");

        tcase_add_loop_test(prefix, test_ipv4, 0, (int) ipv4.n_rows);
        tcase_add_loop_test(prefix, test_ipv6, 0, (int) ipv6.n_rows);
        tcase_add_loop_test(prefix, test_common, 0, (int) common.n_rows);
        tcase_add_test(prefix, test_random);
        tcase_add_test(prefix, test_families);
        suite_add_tcase(suite, prefix);
        return suite;
}

int main(void) {
        int status;

        ipv4 = tsv_read("ipv4-prefixes.tsv", 7);
        ipv6 = tsv_read("ipv6-prefixes.tsv", 4);
        common = tsv_read("common-prefix.tsv", 3);

        status = unit_run(prefix_suite());
        tsv_done(&ipv4);
        tsv_done(&ipv6);
        tsv_done(&common);
        return status;
}
