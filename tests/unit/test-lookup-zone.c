/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Texts that name a link: names, zones, addresses with zones, anything. The cases are rows of
 * tests/data; every canonical text must come back as the same address and link.
 */

#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "error.h"
#include "lookup-fixture.h"
#include "tsv.h"
#include "unit.h"
#include "util.h"

DEFINE_CLEANUP(Table *, table_free)

static TsvTable links, texts, names;

/* In a heap block of its exact size, so that a sanitizer sees a read beyond the end. */
static char *exact_copy(const char *text, size_t len) {
        char *copy = malloc(len > 0 ? len : 1);

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, len);
        return copy;
}

static Table *make_table(void) {
        Table *t;

        ck_assert_int_eq(table_new(NULL, &t), 0);
        table_begin(t);
        for (size_t i = 0; i < links.n_rows; i++) {
                const TsvRow *row = &links.rows[i];
                char buffers[TSV_FIELDS_MAX][LINK_ALTNAME_MAX + 1];
                TextSpan spans[TSV_FIELDS_MAX];
                int32_t ifindex = (int32_t) tsv_number(row, 0);
                size_t len = tsv_unescape(row, 1, buffers[0], sizeof(buffers[0]));
                uint32_t flags = IFF_UP | IFF_MULTICAST | IFF_BROADCAST;

                if (strcmp(row->fields[2], "loopback") == 0)
                        flags = IFF_UP | IFF_LOOPBACK;
                fixture_add_link(t, ifindex, buffers[0], len, flags);
                for (size_t k = 3; k < row->n_fields; k++) {
                        spans[k].len = tsv_unescape(row, k, buffers[k], sizeof(buffers[k]));
                        spans[k].text = buffers[k];
                }
                if (row->n_fields > 3)
                        fixture_add_altnames(t, ifindex, spans + 3, row->n_fields - 3);
        }
        table_end(t, 1);
        return t;
}

static const char *result_name(int r) {
        return r < 0 ? error_name(r) : r == LOOKUP_NO_ZONE ? "none" : "ok";
}

static void check_result(const TsvRow *row, size_t field, int r) {
        ck_assert_msg(strcmp(result_name(r), row->fields[field]) == 0, TSV_AT "%s, not %s",
                      TSV_ARG(row), result_name(r), row->fields[field]);
}

/* Addresses -------------------------------------------------------------------------------- */

static void check_parsed(const TableView *v, const TsvRow *row, const ParsedAddress *parsed) {
        char canonical[FIXTURE_TEXT_MAX], formatted[ADDRESS_TEXT_MAX];
        ParsedAddress again;

        (void) tsv_unescape(row, 4, canonical, sizeof(canonical));
        ck_assert_msg(parsed->ifindex == tsv_number(row, 3), TSV_AT "index %d", TSV_ARG(row),
                      (int) parsed->ifindex);
        ck_assert_msg(strcmp(parsed->canonical, canonical) == 0, TSV_AT "canonical %s",
                      TSV_ARG(row), parsed->canonical);
        ck_assert_str_eq(address_class_to_string(parsed->address_class), row->fields[5]);

        ck_assert_int_eq(lookup_format_address(v, &parsed->address, parsed->ifindex, formatted), 0);
        ck_assert_str_eq(formatted, canonical);

        ck_assert_int_eq(lookup_address_text(v, canonical, strlen(canonical), false, &again), 0);
        ck_assert(ip_equal(&again.address, &parsed->address));
        /* ::1 is printed without its link, which is no loss. */
        if (strchr(canonical, '%'))
                ck_assert_int_eq(again.ifindex, parsed->ifindex);
}

START_TEST(test_address_text) {
        _cleanup_(table_freep) Table *t = make_table();
        const TableView v = table_view(t);
        const TsvRow *row = &texts.rows[_i];
        char text[FIXTURE_TEXT_MAX];
        size_t len = tsv_unescape(row, 0, text, sizeof(text));
        _cleanup_(freep) char *exact = exact_copy(text, len);
        ParsedAddress parsed = { .ifindex = -7 };
        int r;

        r = lookup_address_text(&v, exact, len, true, &parsed);
        check_result(row, 2, r);
        if (r < 0)
                ck_assert_int_eq(parsed.ifindex, -7);

        r = lookup_address_text(&v, exact, len, false, &parsed);
        check_result(row, 1, r);
        if (r < 0)
                ck_assert_int_eq(parsed.ifindex, -7);
        else
                check_parsed(&v, row, &parsed);
}
END_TEST

START_TEST(test_format) {
        _cleanup_(table_freep) Table *t = make_table();
        const TableView v = table_view(t);
        IpAddress link_local = fixture_ip("fe80::1"), global = fixture_ip("2001:db8::1");
        IpAddress loopback = fixture_ip("::1"), none = {};
        char buf[ADDRESS_TEXT_MAX];

        ck_assert_int_eq(lookup_format_address(&v, &link_local, 0, buf), 0);
        ck_assert_str_eq(buf, "fe80::1");
        ck_assert_int_eq(lookup_format_address(&v, &loopback, 1, buf), 0);
        ck_assert_str_eq(buf, "::1");
        ck_assert_int_eq(lookup_format_address(&v, &loopback, 2, buf), -EOPNOTSUPP);
        ck_assert_int_eq(lookup_format_address(&v, &global, 2, buf), -EOPNOTSUPP);
        ck_assert_int_eq(lookup_format_address(&v, &link_local, 1000, buf), -ENODEV);
        ck_assert_int_eq(lookup_format_address(&v, &link_local, -1, buf), -ERANGE);
        ck_assert_int_eq(lookup_format_address(&v, &link_local, INT64_C(1) << 32, buf), -ERANGE);
        ck_assert_int_eq(lookup_format_address(&v, &none, 0, buf), -EBADMSG);
}
END_TEST

/* No kernel has such a name; a table in shared memory may. */
START_TEST(test_hostile_name) {
        _cleanup_(table_freep) Table *t = make_table();
        IpAddress a = fixture_ip("fe80::1");
        char buf[ADDRESS_TEXT_MAX];
        TableView v;

        table_begin(t);
        fixture_add_link(t, 70, "a%b", 3, IFF_UP);
        fixture_add_link(t, 71, "\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14", 15,
                         IFF_UP);
        /* What the first is escaped to is the name of the second. */
        fixture_add_link(t, 72, "\x85", 1, IFF_UP);
        fixture_add_link(t, 73, "\\x85", 4, IFF_UP);
        table_end(t, 2);
        v = table_view(t);

        ck_assert_int_eq(lookup_format_address(&v, &a, 72, buf), 0);
        ck_assert_str_eq(buf, "fe80::1%72");
        ck_assert_int_eq(lookup_format_address(&v, &a, 73, buf), 0);
        ck_assert_str_eq(buf, "fe80::1%\\x5cx85");
        ck_assert_int_eq(lookup_format_address(&v, &a, 70, buf), 0);
        ck_assert_str_eq(buf, "fe80::1%70");
        ck_assert_int_eq(lookup_format_address(&v, &a, 71, buf), 0);
        ck_assert_str_eq(buf, "fe80::1%\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\x0e\\x0f\\x10"
                              "\\x11\\x12\\x13\\x14");
}
END_TEST

/* Names ------------------------------------------------------------------------------------ */

static void check_link(const TsvRow *row, size_t field, int r, const LinkRecord *link,
                       NameMatch match) {
        check_result(row, field, r);
        if (r != 0) {
                ck_assert_int_eq(link->ifindex, -7);
                return;
        }
        ck_assert_msg(link->ifindex == tsv_number(row, field + 1), TSV_AT "index %d", TSV_ARG(row),
                      (int) link->ifindex);
        ck_assert_str_eq(name_match_to_string(match), row->fields[field + 2]);
}

START_TEST(test_names) {
        _cleanup_(table_freep) Table *t = make_table();
        const TsvRow *row = &names.rows[_i];
        char text[FIXTURE_TEXT_MAX];
        size_t len = tsv_unescape(row, 0, text, sizeof(text));
        _cleanup_(freep) char *exact = exact_copy(text, len);
        NameMatch match = NAME_MATCH_NAME;
        LinkRecord link;
        TableView v;
        int r;

        fixture_apply(t, "addr eth0 10.0.0.1/24; local eth0 10.0.0.1/32;"
                         "addr eth0.100 10.0.1.1/24; local eth0.100 10.0.1.1/32;"
                         "addr eth0 fe80::5/64; local eth0 fe80::5/128;"
                         "addr eth0 2001:db8:5::1/64; local eth0 2001:db8:5::1/128;"
                         "addr eth0.100 2001:db8:5::1/64; local eth0.100 2001:db8:5::1/128;"
                         "addr a\"b 10.9.0.1/24 noprefixroute; local a\"b 10.9.0.1/32");
        v = table_view(t);

        link.ifindex = -7;
        r = lookup_link_name(&v, exact, len, &link, &match);
        check_link(row, 1, r, &link, match);
        link.ifindex = -7;
        r = lookup_zone(&v, exact, len, &link, &match);
        check_link(row, 4, r, &link, match);
        link.ifindex = -7;
        r = lookup_find_link(&v, exact, len, &link, &match);
        check_link(row, 7, r, &link, match);

        /* Nobody has to want to know how it matched. */
        ck_assert_int_eq(lookup_find_link(&v, exact, len, &link, NULL), r);
}
END_TEST

/* Every link is found by its index as itself and by its name as itself. */
START_TEST(test_index) {
        _cleanup_(table_freep) Table *t = make_table();
        const TableView v = table_view(t);
        LinkRecord link, row;
        TableWalk w;

        w = table_walk_all(&v, OBJECT_LINK);
        while (table_next(&v, &w, &row)) {
                size_t len = strnlen(row.name, sizeof(row.name));

                ck_assert_int_eq(lookup_link_index(&v, row.ifindex, &link), 0);
                ck_assert_int_eq(link.ifindex, row.ifindex);
                ck_assert_int_eq(lookup_link_name(&v, row.name, len, &link, NULL), 0);
                ck_assert_int_eq(link.ifindex, row.ifindex);
        }

        ck_assert_int_eq(lookup_link_index(&v, 67, &link), -ENODEV);
        ck_assert_int_eq(lookup_link_index(&v, INT32_MAX, &link), -ENODEV);
        ck_assert_int_eq(lookup_link_index(&v, 0, &link), -ERANGE);
        ck_assert_int_eq(lookup_link_index(&v, -1, &link), -ERANGE);
        ck_assert_int_eq(lookup_link_index(&v, INT64_C(0x100000001), &link), -ERANGE);
        ck_assert_int_eq(lookup_link_index(&v, INT64_MIN, &link), -ERANGE);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("lookup-zone");
        TCase *tc = tcase_create("lookup-zone");
        int status;

        links = tsv_read("zone-links.tsv", 0);
        texts = tsv_read("zone-texts.tsv", 6);
        names = tsv_read("link-names.tsv", 10);

        tcase_add_loop_test(tc, test_address_text, 0, (int) texts.n_rows);
        tcase_add_test(tc, test_format);
        tcase_add_test(tc, test_hostile_name);
        tcase_add_loop_test(tc, test_names, 0, (int) names.n_rows);
        tcase_add_test(tc, test_index);
        suite_add_tcase(suite, tc);

        status = unit_run(suite);
        tsv_done(&links);
        tsv_done(&texts);
        tsv_done(&names);
        return status;
}
