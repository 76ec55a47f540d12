/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Addresses as values and text, and what they are. The cases are rows of tests/data; beside them,
 * random addresses are held against a formatter that tries every way to shorten a text and shares
 * nothing with the C library's. Prefix arithmetic has a suite of its own.
 */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "random.h"
#include "tsv.h"
#include "unit.h"
#include "util.h"

#define N_RANDOM 5000

static TsvTable texts, classes;

static IpAddress parse(const char *text) {
        IpAddress a;

        ck_assert_msg(ip_parse(text, strlen(text), &a) == 0, "not an address: %s", text);
        return a;
}

/* Text ------------------------------------------------------------------------------------- */

/* In a heap block of its exact size, so that a sanitizer sees a read beyond the end. */
static char *exact_copy(const char *text, size_t len) {
        char *copy = malloc(len > 0 ? len : 1);

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, len);
        return copy;
}

START_TEST(test_texts) {
        const TsvRow *row = &texts.rows[_i];
        char text[512], canonical[128], zone[128], formatted[IP_TEXT_MAX];
        size_t len = tsv_unescape(row, 0, text, sizeof(text));
        size_t zone_len = tsv_unescape(row, 2, zone, sizeof(zone));
        _cleanup_(freep) char *exact = exact_copy(text, len);
        bool valid = strcmp(row->fields[1], "!") != 0, zoned = strcmp(row->fields[2], "-") != 0;
        IpAddress untouched = { .family = 77 }, a = untouched;
        AddressText split = address_text_split(exact, len);
        int r;

        ck_assert_msg(split.has_zone == zoned, TSV_AT "zone or none", TSV_ARG(row));
        ck_assert_ptr_eq(split.address, exact);
        if (zoned) {
                ck_assert_msg(split.zone_len == zone_len && memcmp(split.zone, zone, zone_len) == 0,
                              TSV_AT "zone '%.*s'", TSV_ARG(row), (int) split.zone_len, split.zone);
                ck_assert_uint_eq(split.address_len + 1 + split.zone_len, len);
                ck_assert_int_eq(ip_parse(exact, len, &a), -EBADMSG);
        } else
                ck_assert_uint_eq(split.address_len, len);

        r = ip_parse(split.address, split.address_len, &a);
        if (!valid) {
                ck_assert_msg(r == -EBADMSG, TSV_AT "accepted: %s", TSV_ARG(row), row->fields[0]);
                ck_assert_mem_eq(&a, &untouched, sizeof(a));
                return;
        }
        ck_assert_msg(r == 0, TSV_AT "refused: %s", TSV_ARG(row), row->fields[0]);
        (void) tsv_unescape(row, 1, canonical, sizeof(canonical));
        ck_assert_ptr_eq(ip_format(&a, formatted), formatted);
        ck_assert_msg(strcmp(formatted, canonical) == 0, TSV_AT "%s", TSV_ARG(row), formatted);
}
END_TEST

/* RFC 5952 by brute force: of all runs of zero groups take the longest, of those the first; a run
 * has at least two. The dotted tails are those of v4-mapped and v4-compatible addresses. */
static void naive_format(const uint16_t g[static 8], char *buf, size_t size) {
        int run = 0, at = 0, last = 8, n = 0;
        bool high_zero = !g[0] && !g[1] && !g[2] && !g[3] && !g[4];

        for (int length = 8; length >= 2 && run == 0; length--)
                for (int start = 0; start + length <= 8 && run == 0; start++) {
                        bool zero = true;

                        for (int i = start; i < start + length; i++)
                                zero = zero && g[i] == 0;
                        if (zero) {
                                run = length;
                                at = start;
                        }
                }

        if (high_zero && (g[5] == 0xffff || (g[5] == 0 && g[6] != 0)))
                last = 6;
        buf[0] = '\0';
        for (int i = 0; i < last; i++) {
                if (run > 0 && i == at) {
                        n += snprintf(buf + n, size - (size_t) n, "::");
                        i += run - 1;
                        continue;
                }
                n += snprintf(buf + n, size - (size_t) n, "%s%x",
                              n > 0 && buf[n - 1] != ':' ? ":" : "", g[i]);
        }
        if (last == 6)
                (void) snprintf(buf + n, size - (size_t) n, "%s%d.%d.%d.%d",
                                buf[n - 1] != ':' ? ":" : "", g[6] >> 8, g[6] & 0xff, g[7] >> 8,
                                g[7] & 0xff);
}

/* The same address written otherwise: all groups, any case, leading zeros, perhaps a dotted tail. */
static void naive_long_format(const uint16_t g[static 8], char *buf, size_t size) {
        int n = 0, last = random_below(2) == 0 ? 6 : 8;

        for (int i = 0; i < last; i++) {
                const char *colon = i > 0 ? ":" : "";
                int width = 1 + (int) random_below(4);

                if (random_below(2) == 0)
                        n += snprintf(buf + n, size - (size_t) n, "%s%0*x", colon, width, g[i]);
                else
                        n += snprintf(buf + n, size - (size_t) n, "%s%0*X", colon, width, g[i]);
        }
        if (last == 6)
                (void) snprintf(buf + n, size - (size_t) n, ":%d.%d.%d.%d", g[6] >> 8, g[6] & 0xff,
                                g[7] >> 8, g[7] & 0xff);
}

START_TEST(test_random_ipv6_texts) {
        for (int round = 0; round < N_RANDOM; round++) {
                uint16_t groups[8];
                uint8_t bytes[16];
                char expected[64], other[64], formatted[IP_TEXT_MAX];
                IpAddress a, b;

                for (int i = 0; i < 8; i++) {
                        groups[i] = random_group();
                        bytes[2 * i] = (uint8_t) (groups[i] >> 8);
                        bytes[2 * i + 1] = (uint8_t) groups[i];
                }
                a = ip_make(AF_INET6, bytes);
                naive_format(groups, expected, sizeof(expected));
                ck_assert_str_eq(ip_format(&a, formatted), expected);
                b = parse(expected);
                ck_assert(ip_equal(&a, &b));
                naive_long_format(groups, other, sizeof(other));
                b = parse(other);
                ck_assert_mem_eq(&a, &b, sizeof(a));
        }
}
END_TEST

START_TEST(test_random_ipv4_texts) {
        for (int round = 0; round < N_RANDOM; round++) {
                uint8_t q[4];
                char expected[32], formatted[IP_TEXT_MAX];
                IpAddress a, b;

                for (int i = 0; i < 4; i++)
                        q[i] = (uint8_t) random_below(256);
                a = ip_make(AF_INET, q);
                (void) snprintf(expected, sizeof(expected), "%d.%d.%d.%d", q[0], q[1], q[2], q[3]);
                ck_assert_str_eq(ip_format(&a, formatted), expected);
                b = parse(expected);
                ck_assert_mem_eq(&a, &b, sizeof(a));
        }
}
END_TEST

START_TEST(test_format_zone) {
        static const struct {
                const char *address, *zone, *expected;
        } cases[] = {
                { "fe80::1", "eth0", "fe80::1%eth0" },
                { "FE80:0::1", "eth0", "fe80::1%eth0" },
                { "fe80::1", NULL, "fe80::1" },
                { "fe80::1", "", "fe80::1" },
                { "fe80::1", "x%y", "fe80::1" },
                { "fe80::1", "%", "fe80::1" },
                { "ff01::1", "lo", "ff01::1%lo" },
                { "ff32::1", "a b", "ff32::1%a b" },
                { "ff05::1", "eth0", "ff05::1" },
                { "::1", "lo", "::1" },
                { "::", "eth0", "::" },
                { "169.254.0.1", "eth0", "169.254.0.1" },
                { "::ffff:169.254.0.1", "eth0", "::ffff:169.254.0.1" },
                { "2001:db8::1", "eth0", "2001:db8::1" },
                /* the longest address and the longest link name fit ... */
                { "fe80:1111:1111:1111:1111:1111:1111:1111", "abcdefghijklmno",
                  "fe80:1111:1111:1111:1111:1111:1111:1111%abcdefghijklmno" },
                /* ... up to the last byte of the buffer, and no further */
                { "fe80:1111:1111:1111:1111:1111:1111:1111", "abcdefghijklmnopqrstu",
                  "fe80:1111:1111:1111:1111:1111:1111:1111%abcdefghijklmnopqrstu" },
                { "fe80:1111:1111:1111:1111:1111:1111:1111", "abcdefghijklmnopqrstuv",
                  "fe80:1111:1111:1111:1111:1111:1111:1111" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                IpAddress a = parse(cases[i].address);
                _cleanup_(freep) char *buf = malloc(IP_ZONE_TEXT_MAX);

                ck_assert_ptr_nonnull(buf);
                ck_assert_str_eq(ip_format_zone(&a, cases[i].zone, buf), cases[i].expected);
        }
}
END_TEST

/* Values ----------------------------------------------------------------------------------- */

START_TEST(test_values) {
        static const uint8_t bytes[16] = {
                192, 0, 2, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
        };
        IpAddress none = ip_make(AF_UNSPEC, bytes), other = ip_make(AF_PACKET, bytes);
        IpAddress v4 = ip_make(AF_INET, bytes), v6 = ip_make(AF_INET6, bytes);
        char buf[IP_ZONE_TEXT_MAX];

        ck_assert(!ip_is_set(&none) && !ip_is_set(&other) && ip_is_set(&v4) && ip_is_set(&v6));
        ck_assert_mem_eq(&none, &other, sizeof(none));
        ck_assert(memory_is_zero(&none, sizeof(none)));
        ck_assert(memory_is_zero(v4.bytes + 4, 12));
        ck_assert_mem_eq(v6.bytes, bytes, 16);
        ck_assert_str_eq(ip_format(&none, buf), "");
        ck_assert_str_eq(ip_format_zone(&none, "eth0", buf), "");
        ck_assert_int_eq(ip_classify(&none), ADDRESS_CLASS_UNSPECIFIED);
        ck_assert_int_eq(ip_scope(&none), ADDRESS_SCOPE_NONE);
        ck_assert(!ip_is_unspecified(&none) && !ip_is_multicast(&none) && !ip_needs_zone(&none));

        ck_assert_uint_eq(ip_family_size(AF_INET), 4);
        ck_assert_uint_eq(ip_family_size(AF_INET6), 16);
        ck_assert_uint_eq(ip_family_size(AF_UNSPEC), 0);
        ck_assert_uint_eq(ip_family_bits(AF_INET), 32);
        ck_assert_uint_eq(ip_family_bits(AF_INET6), 128);
        ck_assert_uint_eq(ip_family_bits(-1), 0);
}
END_TEST

START_TEST(test_compare) {
        /* In ascending order; bytes count as unsigned. */
        static const char *const sorted[] = {
                "0.0.0.0",   "10.0.0.1",        "10.0.1.0", "127.255.255.255",
                "128.0.0.0", "255.255.255.255", "::",       "::1",
                "::80",      "7fff::",          "8000::",   "ffff::1",
        };

        for (size_t i = 0; i < ELEMENTSOF(sorted); i++)
                for (size_t j = 0; j < ELEMENTSOF(sorted); j++) {
                        IpAddress a = parse(sorted[i]), b = parse(sorted[j]);
                        int c = ip_compare(&a, &b);

                        ck_assert_msg((c > 0) - (c < 0) == (i > j) - (i < j), "%s and %s",
                                      sorted[i], sorted[j]);
                        ck_assert_int_eq(ip_equal(&a, &b), i == j);
                }
}
END_TEST

START_TEST(test_unmap) {
        static const char *const cases[][2] = {
                { "::ffff:192.0.2.1", "192.0.2.1" },
                { "::ffff:0:0", "0.0.0.0" },
                { "::ffff:ffff:ffff", "255.255.255.255" },
                { "::192.0.2.1", "::192.0.2.1" },
                { "::ffff:0:192.0.2.1", "::ffff:0:192.0.2.1" },
                { "1::ffff:192.0.2.1", "1::ffff:192.0.2.1" },
                { "192.0.2.1", "192.0.2.1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                IpAddress a = parse(cases[i][0]), expected = parse(cases[i][1]), b = ip_unmap(&a);

                ck_assert_msg(memcmp(&b, &expected, sizeof(b)) == 0, "%s", cases[i][0]);
        }
}
END_TEST

/* Classification --------------------------------------------------------------------------- */

START_TEST(test_classes) {
        const TsvRow *row = &classes.rows[_i];
        IpAddress a = parse(row->fields[0]);
        const char *class = address_class_to_string(ip_classify(&a));
        bool zone = strcmp(row->fields[6], "yes") == 0;

        ck_assert_msg(zone || strcmp(row->fields[6], "no") == 0, TSV_AT "yes or no", TSV_ARG(row));
        ck_assert_msg(strcmp(class, row->fields[1]) == 0, TSV_AT "%s", TSV_ARG(row), class);
        ck_assert_msg(ip_scope(&a) == tsv_number(row, 2), TSV_AT "scope %d", TSV_ARG(row),
                      (int) ip_scope(&a));
        ck_assert_msg(ip_sorting_scope(&a) == tsv_number(row, 3), TSV_AT "sorting scope %d",
                      TSV_ARG(row), (int) ip_sorting_scope(&a));
        ck_assert_msg(ip_default_precedence(&a) == (unsigned) tsv_number(row, 4),
                      TSV_AT "precedence %u", TSV_ARG(row), ip_default_precedence(&a));
        ck_assert_msg(ip_default_label(&a) == (unsigned) tsv_number(row, 5), TSV_AT "label %u",
                      TSV_ARG(row), ip_default_label(&a));
        ck_assert_msg(ip_needs_zone(&a) == zone, TSV_AT "takes a zone", TSV_ARG(row));

        /* The predicates are written apart from the table of blocks. */
        ck_assert_int_eq(ip_is_unspecified(&a), strcmp(class, "unspecified") == 0);
        ck_assert_int_eq(ip_is_loopback(&a), strcmp(class, "loopback") == 0);
        ck_assert_int_eq(ip_is_multicast(&a), strcmp(class, "multicast") == 0);
        ck_assert_int_eq(ip_is_link_local(&a), strcmp(class, "link-local") == 0);
}
END_TEST

START_TEST(test_class_words) {
        for (int i = 0; i < _ADDRESS_CLASS_MAX; i++) {
                const char *word = address_class_to_string((AddressClass) i);
                bool seen = false;

                ck_assert_ptr_nonnull(word);
                for (int j = 0; j < i; j++)
                        ck_assert_str_ne(word, address_class_to_string((AddressClass) j));
                for (size_t j = 0; j < classes.n_rows; j++)
                        seen = seen || strcmp(classes.rows[j].fields[1], word) == 0;
                ck_assert_msg(seen, "no row of classification.tsv is '%s'", word);
        }
        ck_assert_str_eq(address_class_to_string(_ADDRESS_CLASS_MAX), "unknown");
}
END_TEST

START_TEST(test_scope_words) {
        static const struct {
                int scope;
                const char *word;
        } cases[] = {
                { -2, "unassigned" },        { -1, "none" },
                { 0, "reserved" },           { 1, "interface-local" },
                { 2, "link-local" },         { 3, "realm-local" },
                { 4, "admin-local" },        { 5, "site-local" },
                { 6, "unassigned" },         { 7, "unassigned" },
                { 8, "organization-local" }, { 9, "unassigned" },
                { 13, "unassigned" },        { 14, "global" },
                { 15, "reserved" },          { 16, "unassigned" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                ck_assert_str_eq(address_scope_to_string((AddressScope) cases[i].scope),
                                 cases[i].word);
}
END_TEST

static Suite *address_suite(void) {
        Suite *suite = suite_create("address");
        TCase *text = tcase_create("text"), *values = tcase_create("values"),
              *class = tcase_create("class");

        tcase_add_loop_test(text, test_texts, 0, (int) texts.n_rows);
        tcase_add_test(text, test_random_ipv6_texts);
        tcase_add_test(text, test_random_ipv4_texts);
        tcase_add_test(text, test_format_zone);
        suite_add_tcase(suite, text);

        tcase_add_test(values, test_values);
        tcase_add_test(values, test_compare);
        tcase_add_test(values, test_unmap);
        suite_add_tcase(suite, values);

        tcase_add_loop_test(class, test_classes, 0, (int) classes.n_rows);
        tcase_add_test(class, test_class_words);
        tcase_add_test(class, test_scope_words);
        suite_add_tcase(suite, class);
        return suite;
}

int main(void) {
        int status;

        texts = tsv_read("address-texts.tsv", 3);
        classes = tsv_read("classification.tsv", 7);

        status = unit_run(address_suite());
        tsv_done(&texts);
        tsv_done(&classes);
        return status;
}
