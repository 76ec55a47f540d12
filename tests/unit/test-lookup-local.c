/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The local table in both views, and the link for an address. The cases are rows of
 * tests/data: a line that starts with '=' makes a table, the lines below it ask that table.
 */

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "error.h"
#include "lookup-fixture.h"
#include "tsv.h"
#include "unit.h"
#include "util.h"

DEFINE_CLEANUP(Table *, table_free)

static TsvTable types, caches, reached;

/* The table of a row: that of the nearest line above it with '='. NULL: the row is such a line. */
static Table *table_of(const TsvTable *table, int at) {
        if (table->rows[at].fields[0][0] == '=')
                return NULL;
        while (table->rows[at].fields[0][0] != '=') {
                ck_assert_int_gt(at, 0);
                at--;
        }
        return fixture_table(table->rows[at].fields[0] + 1);
}

static int32_t zone_of(const TableView *v, const TsvRow *row) {
        int32_t ifindex;

        if (strcmp(row->fields[1], "-") == 0)
                return 0;
        ifindex = fixture_ifindex(v, row->fields[1]);
        return ifindex > 0 ? ifindex : atoi(row->fields[1]);
}

static void append_name(const TableView *v, int32_t ifindex, char *text, size_t size) {
        size_t n = strlen(text);
        LinkRecord link;

        ck_assert(table_get_link(v, ifindex, &link));
        (void) snprintf(text + n, size - n, "%s%.15s", n > 0 ? " " : "", link.name);
}

/* Types ------------------------------------------------------------------------------------ */

START_TEST(test_types) {
        _cleanup_(address_answer_done) AddressAnswer answer = { .type = ADDRESS_TYPE_NONE };
        _cleanup_(table_freep) Table *t = table_of(&types, _i);
        _cleanup_(freep) LocalEntry *entries = NULL;
        const TsvRow *row = &types.rows[_i];
        char names[256] = "";
        IpAddress a;
        TableView v;
        size_t n;

        if (!t)
                return;
        v = table_view(t);
        a = fixture_ip(row->fields[0]);

        ck_assert_int_eq(lookup_address(&v, &a, zone_of(&v, row), &answer), 0);
        for (size_t i = 0; i < answer.n; i++)
                append_name(&v, answer.ifindexes[i], names, sizeof(names));
        ck_assert_msg(strcmp(address_type_to_string(answer.type), row->fields[2]) == 0, TSV_AT "%s",
                      TSV_ARG(row), address_type_to_string(answer.type));
        ck_assert_msg(strcmp(answer.n > 0 ? names : "-", row->fields[3]) == 0, TSV_AT "%s",
                      TSV_ARG(row), names);

        ck_assert_int_eq(lookup_local_derived(&v, &entries, &n), 0);
        ck_assert_msg(strcmp(address_type_to_string(lookup_local_derived_type(entries, n, &a)),
                             row->fields[4]) == 0,
                      TSV_AT "derived", TSV_ARG(row));
}
END_TEST

/* Derived view ----------------------------------------------------------------------------- */

static void describe_reasons(unsigned reasons, char *text, size_t size) {
        *text = '\0';
        for (size_t i = 0; i < LOCAL_REASONS; i++) {
                size_t n = strlen(text);

                if (reasons & (1U << i))
                        (void) snprintf(text + n, size - n, "%s%s", n > 0 ? " " : "",
                                        local_reason_name(i));
        }
}

/* Takes the entries of one address and holds them against a row. Returns where the next begin. */
static size_t check_cached(const TsvRow *row, const LocalEntry *entries, size_t i, size_t n) {
        char owners[256] = "", reasons[256], owner[INET6_ADDRSTRLEN], type[3];
        static const char letters[] = "uabm";
        IpAddress a = fixture_ip(row->fields[0]);
        unsigned all = 0, best = ADDRESS_TYPE_NONE;

        ck_assert_msg(i < n, TSV_AT "missing", TSV_ARG(row));
        for (; i < n && ip_equal(&entries[i].address, &a); i++) {
                size_t at = strlen(owners);

                inet_ntop(entries[i].owner.family, entries[i].owner.bytes, owner, sizeof(owner));
                (void) snprintf(owners + at, sizeof(owners) - at, "%s%s*%u", at > 0 ? " " : "",
                                owner, (unsigned) entries[i].references);
                all |= entries[i].reasons;
                best = entries[i].type < best ? entries[i].type : best;
        }
        ck_assert_msg(best < ADDRESS_TYPE_NONE, TSV_AT "missing", TSV_ARG(row));

        (void) snprintf(type, sizeof(type), "%c%c", a.family == AF_INET ? '4' : '6', letters[best]);
        describe_reasons(all, reasons, sizeof(reasons));
        ck_assert_msg(strcmp(type, row->fields[1]) == 0, TSV_AT "%s", TSV_ARG(row), type);
        ck_assert_msg(strcmp(owners, row->fields[2]) == 0, TSV_AT "%s", TSV_ARG(row), owners);
        ck_assert_msg(strcmp(reasons, row->fields[3]) == 0, TSV_AT "%s", TSV_ARG(row), reasons);
        return i;
}

START_TEST(test_self_cache) {
        const TsvRow *head = &caches.rows[_i];
        _cleanup_(freep) LocalEntry *entries = NULL;
        _cleanup_(table_freep) Table *t = NULL;
        size_t at = 0, n;
        TableView v;

        if (head->fields[0][0] != '=')
                return;
        t = fixture_table(head->fields[0] + 1);
        v = table_view(t);
        ck_assert_int_eq(lookup_local_derived(&v, &entries, &n), 0);

        for (size_t i = (size_t) _i + 1; i < caches.n_rows; i++) {
                if (caches.rows[i].fields[0][0] == '=')
                        break;
                at = check_cached(&caches.rows[i], entries, at, n);
        }
        ck_assert_msg(at == n, TSV_AT "%zu entries too many", TSV_ARG(head), n - at);
}
END_TEST

/* Kernel view ------------------------------------------------------------------------------ */

START_TEST(test_kernel_view) {
        static const struct {
                const char *address;
                uint8_t length, type;
                unsigned reasons;
                int32_t ifindex;
        } expected[] = {
                { "127.0.0.0", 8, ADDRESS_TYPE_UNICAST, LOCAL_REASON_PREFIX, 1 },
                { "192.0.2.1", 32, ADDRESS_TYPE_UNICAST, LOCAL_REASON_UNICAST, 2 },
                { "192.0.2.255", 32, ADDRESS_TYPE_BROADCAST, LOCAL_REASON_SUBNET_BROADCAST, 2 },
                { "224.0.0.1", 32, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_ALL_NODES, 2 },
                { "224.0.0.251", 32, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_JOINED, 2 },
                { "2001:db8::", 128, ADDRESS_TYPE_ANYCAST, LOCAL_REASON_ANYCAST, 2 },
                { "fe80::1", 128, ADDRESS_TYPE_UNICAST, LOCAL_REASON_UNICAST, 2 },
                { "fe80::1", 128, ADDRESS_TYPE_UNICAST, LOCAL_REASON_UNICAST, 3 },
                { "ff01::1", 128, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_ALL_NODES, 3 },
                { "ff02::1", 128, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_ALL_NODES, 3 },
                { "ff02::1:ff00:0", 128, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_SOLICITED_NODE, 2 },
                /* of an address that is still tentative */
                { "ff02::1:ff00:9", 128, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_SOLICITED_NODE, 2 },
                /* the address is on another link */
                { "ff02::1:ff00:9", 128, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_JOINED, 3 },
                { "ff05::1", 128, ADDRESS_TYPE_MULTICAST, LOCAL_REASON_JOINED, 3 },
        };
        _cleanup_(table_freep) Table *t = fixture_table(
                        "link lo 1 up loopback; link v0 2; link v1 3; group v1 ff05::1; group v1 ff02::1;"
                        "group v1 ff01::1; group v0 ff02::1:ff00:9; group v1 ff02::1:ff00:9;"
                        "group v0 ff02::1:ff00:0; group v0 224.0.0.251; group v0 224.0.0.1;"
                        "addr v0 2001:db8::9/64 tentative; local v1 fe80::1/128; local v0 fe80::1/128;"
                        "local v0 2001:db8::/128 anycast; local v0 192.0.2.255/32 broadcast;"
                        "local v0 192.0.2.1/32; local lo 127.0.0.0/8");
        _cleanup_(freep) LocalEntry *entries = NULL;
        const TableView v = table_view(t);
        size_t n;

        ck_assert_int_eq(lookup_local_kernel(&v, &entries, &n), 0);
        ck_assert_uint_eq(n, ELEMENTSOF(expected));
        for (size_t i = 0; i < n; i++) {
                IpAddress a = fixture_ip(expected[i].address);

                ck_assert_msg(ip_equal(&entries[i].address, &a), "entry %zu", i);
                ck_assert_uint_eq(entries[i].prefix_length, expected[i].length);
                ck_assert_uint_eq(entries[i].type, expected[i].type);
                ck_assert_uint_eq(entries[i].reasons, expected[i].reasons);
                ck_assert_int_eq(entries[i].ifindex, expected[i].ifindex);
        }
}
END_TEST

/* Link for an address ---------------------------------------------------------------------- */

START_TEST(test_reached) {
        _cleanup_(table_freep) Table *t = table_of(&reached, _i);
        const TsvRow *row = &reached.rows[_i];
        LinkAnswer answer = { .ifindex = -7 };
        IpAddress a;
        TableView v;
        int r;

        if (!t)
                return;
        v = table_view(t);
        a = fixture_ip(row->fields[0]);
        r = lookup_link_for_address(&v, &a, zone_of(&v, row), &answer);
        if (r != 0) {
                const char *word = r == LOOKUP_ASK_KERNEL ? "ask" : error_name(r);

                ck_assert_msg(strcmp(word, row->fields[2]) == 0, TSV_AT "%s", TSV_ARG(row), word);
                ck_assert_int_eq(answer.ifindex, -7);
                return;
        }
        ck_assert_msg(answer.ifindex == fixture_ifindex(&v, row->fields[2]), TSV_AT "link %d",
                      TSV_ARG(row), (int) answer.ifindex);
        ck_assert_msg(strcmp(link_reason_to_string(answer.reason), row->fields[3]) == 0,
                      TSV_AT "%s", TSV_ARG(row), link_reason_to_string(answer.reason));
}
END_TEST

START_TEST(test_route) {
        _cleanup_(table_freep) Table *t = fixture_table(
                        "link v0 2; link v1 3; addr v0 10.0.0.1/24; addr v1 10.0.0.2/24;"
                        "addr v1 10.6.0.1/24 noprefixroute; addr v1 10.7.0.1/24 peer=10.7.0.2");
        const TableView v = table_view(t);
        static const struct {
                const char *address, *gateway;
                uint8_t type;
                int32_t ifindex;
                int result;
                LinkReason reason;
        } cases[] = {
                { "10.0.0.9", NULL, RTN_UNICAST, 3, 0, LINK_REASON_ON_LINK },
                { "10.6.0.9", NULL, RTN_UNICAST, 3, 0, LINK_REASON_ON_LINK },
                { "10.7.0.2", NULL, RTN_UNICAST, 3, 0, LINK_REASON_PEER },
                { "10.6.0.9", NULL, RTN_UNICAST, 2, 0, LINK_REASON_ROUTE },
                { "10.6.0.9", "10.0.0.7", RTN_UNICAST, 3, 0, LINK_REASON_ROUTE },
                { "8.8.8.8", "10.0.0.7", RTN_UNICAST, 2, 0, LINK_REASON_ROUTE },
                { "8.8.8.8", NULL, RTN_UNICAST, 2, 0, LINK_REASON_ROUTE },
                { "10.9.9.9", NULL, RTN_LOCAL, 2, 0, LINK_REASON_OWN },
                { "239.1.1.1", NULL, RTN_MULTICAST, 2, 0, LINK_REASON_ROUTE },
                { "8.8.8.8", NULL, RTN_UNREACHABLE, 2, -ENETUNREACH, 0 },
                { "8.8.8.8", NULL, RTN_BLACKHOLE, 0, -ENETUNREACH, 0 },
                { "8.8.8.8", NULL, RTN_UNICAST, 0, -ENETUNREACH, 0 },
                { "8.8.8.8", NULL, RTN_UNICAST, 9, -ENODEV, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RouteAnswer route = { .type = cases[i].type, .ifindex = cases[i].ifindex };
                IpAddress a = fixture_ip(cases[i].address);
                LinkAnswer answer;

                if (cases[i].gateway)
                        route.gateway = fixture_ip(cases[i].gateway);
                ck_assert_msg(lookup_link_from_route(&v, &a, &route, &answer) == cases[i].result,
                              "case %zu", i);
                if (cases[i].result < 0)
                        continue;
                ck_assert_int_eq(answer.ifindex, cases[i].ifindex);
                ck_assert_msg(answer.reason == cases[i].reason, "case %zu", i);
        }
}
END_TEST

/* The kernel's order of addresses ---------------------------------------------------------- */

START_TEST(test_addresses_of) {
        static const char *const expected[] = {
                "10.5.0.1",    "10.0.0.1", "10.0.1.1", "10.0.0.2", "2001:db8::2",
                "2001:db8::1", "fec0::1",  "fe80::2",  "fe80::1",
        };
        _cleanup_(table_freep) Table *t = fixture_table(
                        "link v0 2; link v1 3; addr v0 fe80::1/64; addr v0 2001:db8::1/64;"
                        "addr v0 10.0.0.1/24; addr v0 10.0.0.2/24 secondary; addr v0 fec0::1/64;"
                        "addr v0 10.0.1.1/24; addr v0 2001:db8::2/64; addr v0 fe80::2/64;"
                        "addr v0 10.5.0.1/24 scope=253; addr v1 10.9.0.1/24");
        _cleanup_(freep) AddressRecord *rows = NULL;
        const TableView v = table_view(t);
        size_t n;

        ck_assert_int_eq(lookup_addresses_of(&v, 2, &rows, &n), 0);
        ck_assert_uint_eq(n, ELEMENTSOF(expected));
        for (size_t i = 0; i < n; i++) {
                IpAddress a = fixture_ip(expected[i]);

                ck_assert_msg(ip_equal(&rows[i].address, &a), "place %zu", i);
        }

        free(TAKE_PTR(rows));
        ck_assert_int_eq(lookup_addresses_of(&v, 77, &rows, &n), 0);
        ck_assert_uint_eq(n, 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("lookup-local");
        TCase *tc = tcase_create("lookup-local");
        int status;

        types = tsv_read("local-types.tsv", 5);
        caches = tsv_read("self-cache.tsv", 4);
        reached = tsv_read("link-for-address.tsv", 4);

        tcase_add_loop_test(tc, test_types, 0, (int) types.n_rows);
        tcase_add_loop_test(tc, test_self_cache, 0, (int) caches.n_rows);
        tcase_add_test(tc, test_kernel_view);
        tcase_add_loop_test(tc, test_reached, 0, (int) reached.n_rows);
        tcase_add_test(tc, test_route);
        tcase_add_test(tc, test_addresses_of);
        suite_add_tcase(suite, tc);

        status = unit_run(suite);
        tsv_done(&types);
        tsv_done(&caches);
        tsv_done(&reached);
        return status;
}
