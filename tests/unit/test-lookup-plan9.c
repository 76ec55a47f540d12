/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plan 9's texts, byte for byte: widths, padding, order, and what stands for "for ever".
 */

#include <check.h>
#include <errno.h>

#include "lookup-fixture.h"
#include "lookup-plan9.h"
#include "unit.h"
#include "util.h"

DEFINE_CLEANUP(Table *, table_free)

/* Byte for byte, with the padding that the widths ask for. */
START_TEST(test_plan9_status) {
        _cleanup_(table_freep) Table *t = fixture_table(
                        "link v0 2; link v1 3; addr v0 192.168.1.10/24; addr v0 10.1.1.1/32 peer=10.1.1.2;"
                        "addr v0 2001:db8::1/64 preferred=1060 valid=1120");
        const TableView v = table_view(t);
        Plan9Facts facts = {
                .packets_in = 11,
                .packets_out = 12,
                .errors_in = 13,
                .errors_out = 14,
                .accept_ra = 1,
                .managed = 1,
                .other = 0,
                .ra_mtu = 1480,
                .reachable_time = 30000,
                .retransmit_time = 1000,
                .hop_limit = 64,
        };
        _cleanup_(freep) char *text = NULL, *bare = NULL, *missing = NULL;

        ck_assert_int_eq(lookup_plan9_status(&v, 2, &facts, 1000 * USEC_PER_SEC, &text), 0);
        ck_assert_str_eq(
                        text,
                        "device v0 maxtu 1500 sendra 0 recvra 1 mflag 1 oflag 0 maxraint 0 minraint 0 "
                        "linkmtu 1480 reachtime 30000 rxmitra 1000 ttl 64 routerlt 0 pktin 11 pktout 12 "
                        "errin 13 errout 14 speed 0 delay 0\n"
                        "\t192.168.1.10                             /120       "
                        "192.168.1.0                              4294967295   4294967295  \n"
                        "\t10.1.1.1                                 /128       "
                        "10.1.1.2                                 4294967295   4294967295  \n"
                        "\t2001:db8::1                              /64        "
                        "2001:db8::                               120          60          \n");

        ck_assert_int_eq(lookup_plan9_status(&v, 3, NULL, 0, &bare), 0);
        ck_assert_str_eq(bare,
                         "device v1 maxtu 1500 sendra 0 recvra 0 mflag 0 oflag 0 maxraint 0 "
                         "minraint 0 linkmtu 0 reachtime 0 rxmitra 0 ttl 0 routerlt 0 pktin 0 "
                         "pktout 0 errin 0 errout 0 speed 0 delay 0\n\n");

        ck_assert_int_eq(lookup_plan9_status(&v, 9, NULL, 0, &missing), -ENODEV);
        ck_assert_int_eq(lookup_plan9_status(&v, 0, NULL, 0, &missing), -ENODEV);
        ck_assert_int_eq(lookup_plan9_local(&v, 9, &missing), -ENODEV);
        ck_assert_ptr_null(missing);
}
END_TEST

/* A lifetime that has ended is 0, and a very long one is not "forever". */
START_TEST(test_plan9_lifetimes) {
        _cleanup_(table_freep) Table *t = fixture_table(
                        "link v0 2; addr v0 2001:db8::1/64 preferred=10 valid=5000000000");
        const TableView v = table_view(t);
        _cleanup_(freep) char *text = NULL;

        ck_assert_int_eq(lookup_plan9_status(&v, 2, NULL, 20 * USEC_PER_SEC, &text), 0);
        ck_assert_ptr_nonnull(strstr(text, " 4294967294   0           \n"));
}
END_TEST

START_TEST(test_plan9_odd_name) {
        static const char name[] = "a\nb";
        _cleanup_(freep) char *text = NULL;
        _cleanup_(table_freep) Table *t = NULL;
        TableView v;

        ck_assert_int_eq(table_new(NULL, &t), 0);
        table_begin(t);
        fixture_add_link(t, 2, name, sizeof(name) - 1, 0);
        table_end(t, 1);
        v = table_view(t);
        ck_assert_int_eq(lookup_plan9_status(&v, 2, NULL, 0, &text), 0);
        ck_assert(strncmp(text, "device a\\x0ab maxtu ", 20) == 0);
}
END_TEST

static const char worked_example[] =
                "link lo 1 up loopback; link v0 2; link v1 3; addr v0 192.168.1.10/24;"
                "addr v0 10.2.2.5/24; addr v1 2001:db8::1/64; addr v1 fe80::1/64; addr lo ::1/128;"
                "addr v1 2001:db8::9/64 tentative";

START_TEST(test_plan9_selftab) {
        _cleanup_(table_freep) Table *t = fixture_table(worked_example);
        const TableView v = table_view(t);
        _cleanup_(freep) char *text = NULL;

        ck_assert_int_eq(lookup_plan9_selftab(&v, &text), 0);
        ck_assert_str_eq(text, "10.0.0.0                                     01   4b\n"
                               "10.2.2.0                                     01   4b\n"
                               "10.2.2.5                                     01   4u\n"
                               "10.2.2.255                                   01   4b\n"
                               "10.255.255.255                               01   4b\n"
                               "192.168.1.0                                  01   4b\n"
                               "192.168.1.10                                 01   4u\n"
                               "192.168.1.255                                01   4b\n"
                               "255.255.255.255                              02   4b\n"
                               "::1                                          01   6u\n"
                               "2001:db8::1                                  01   6u\n"
                               "fe80::1                                      01   6u\n"
                               "ff01::1                                      01   6m\n"
                               "ff02::1                                      03   6m\n"
                               "ff02::1:ff00:1                               03   6m\n");
}
END_TEST

START_TEST(test_plan9_local) {
        _cleanup_(table_freep) Table *t = fixture_table(worked_example);
        const TableView v = table_view(t);
        _cleanup_(freep) char *text = NULL, *second = NULL;

        ck_assert_int_eq(lookup_plan9_local(&v, 1, &text), 0);
        ck_assert_str_eq(text, "::1                                      ->"
                               " ff02::1:ff00:1                          "
                               " ff02::1                                 "
                               " ff01::1                                 "
                               " ::1                                     \n");

        ck_assert_int_eq(lookup_plan9_local(&v, 2, &second), 0);
        ck_assert_str_eq(second, "192.168.1.10                             ->"
                                 " 255.255.255.255                         "
                                 " 192.168.1.0                             "
                                 " 192.168.1.255                           "
                                 " 192.168.1.10                            \n"
                                 "10.2.2.5                                 ->"
                                 " 255.255.255.255                         "
                                 " 10.0.0.0                                "
                                 " 10.255.255.255                          "
                                 " 10.2.2.0                                "
                                 " 10.2.2.255                              "
                                 " 10.2.2.5                                \n");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("lookup-plan9");
        TCase *tc = tcase_create("lookup-plan9");

        tcase_add_test(tc, test_plan9_status);
        tcase_add_test(tc, test_plan9_lifetimes);
        tcase_add_test(tc, test_plan9_odd_name);
        tcase_add_test(tc, test_plan9_selftab);
        tcase_add_test(tc, test_plan9_local);
        suite_add_tcase(suite, tc);

        return unit_run(suite);
}
