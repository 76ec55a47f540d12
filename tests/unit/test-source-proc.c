/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reader of /proc/net/igmp and igmp6 against texts that Linux was seen to give and against damaged
 * ones: a line that cannot be read is left out, and its groups never become another device's.
 */

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "source-private.h"
#include "tsv.h"
#include "unit.h"

#define TEXT_SIZE 8192

static char text[TEXT_SIZE];

/* The groups of a text as tests/data/proc-groups.tsv writes them. Parsed from a block of exactly the
 * right size, so that a sanitizer sees a look beyond the end. */
static const char *memberships(int family, const char *data, size_t len) {
        static char result[TEXT_SIZE];
        _cleanup_(freep) GroupUsers *list = NULL;
        _cleanup_(freep) char *exact = malloc(len + (len == 0));
        size_t n = 0, allocated = 0, used = 0;
        char address[INET6_ADDRSTRLEN];

        ck_assert_ptr_nonnull(exact);
        memcpy(exact, data, len);
        ck_assert_int_eq(source_parse_groups(family, exact, len, &list, &n, &allocated), 0);
        result[0] = '\0';
        for (size_t i = 0; i < n; i++) {
                ck_assert_int_eq(list[i].group.family, family);
                ck_assert_ptr_nonnull(
                                inet_ntop(family, list[i].group.bytes, address, sizeof(address)));
                used += (size_t) snprintf(result + used, sizeof(result) - used, "%s%d %s %u",
                                          i > 0 ? "; " : "", list[i].ifindex, address,
                                          list[i].users);
        }
        return n > 0 ? result : "-";
}

START_TEST(texts) {
        TsvTable table = tsv_read("proc-groups.tsv", 4);

        for (size_t i = 0; i < table.n_rows; i++) {
                const TsvRow *row = &table.rows[i];
                int family = tsv_number(row, 0) == 4 ? AF_INET : AF_INET6;
                size_t len = 0;
                const char *found;

                if (strcmp(row->fields[2], "-") != 0)
                        len = tsv_unescape(row, 2, text, sizeof(text));
                found = memberships(family, text, len);
                ck_assert_msg(strcmp(found, row->fields[3]) == 0, TSV_AT "%s", TSV_ARG(row), found);
        }
        tsv_done(&table);
}
END_TEST

/* A text that ends anywhere gives the first of its groups, each as in the whole. */
START_TEST(every_length) {
        TsvTable table = tsv_read("proc-groups.tsv", 4);

        for (size_t i = 0; i < table.n_rows; i++) {
                const TsvRow *row = &table.rows[i];
                int family = tsv_number(row, 0) == 4 ? AF_INET : AF_INET6;
                size_t len;

                if (strcmp(row->fields[2], "-") == 0)
                        continue;
                len = tsv_unescape(row, 2, text, sizeof(text));
                for (size_t cut = 0; cut < len; cut++) {
                        const char *found = memberships(family, text, cut);

                        if (strcmp(found, "-") == 0)
                                continue;
                        ck_assert_msg(strncmp(found, row->fields[3], strlen(found)) == 0,
                                      TSV_AT "%zu bytes: %s", TSV_ARG(row), cut, found);
                }
        }
        tsv_done(&table);
}
END_TEST

START_TEST(users) {
        static const char four[] = "2\tv0        :     1      V3\n"
                                   "\t\t\t\t010101EF     2 0:00000000\t\t0\n";
        static const char six[] =
                        "2    v0              ff050000000000000000000000001234     3 00000004 0\n";
        _cleanup_(freep) GroupUsers *list = NULL;
        size_t n = 0, allocated = 0;
        IpAddress a = {};

        /* Both files make one list. */
        ck_assert_int_eq(source_parse_groups(AF_INET, four, strlen(four), &list, &n, &allocated),
                         0);
        ck_assert_int_eq(source_parse_groups(AF_INET6, six, strlen(six), &list, &n, &allocated), 0);
        ck_assert_uint_eq(n, 2);
        a = ip_make(AF_INET, (const uint8_t[]){ 239, 1, 1, 1 });
        ck_assert_int_eq(group_users_find(list, n, 2, &a), 2);
        ck_assert_int_eq(group_users_find(list, n, 3, &a), -1);
        a = list[1].group;
        ck_assert_int_eq(group_users_find(list, n, 2, &a), 3);
        ck_assert_int_eq(group_users_find(NULL, 0, 2, &a), -1);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("source-proc");
        TCase *tc = tcase_create("texts");

        tcase_add_test(tc, texts);
        tcase_add_test(tc, every_length);
        tcase_add_test(tc, users);
        suite_add_tcase(suite, tc);
        return unit_run(suite);
}
