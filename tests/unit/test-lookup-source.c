/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Source selection and destination ordering. The rows of tests/data are the examples of RFC 6724 and
 * what a Linux kernel was seen to choose. Each selection runs with and without an explanation, which
 * take different ways through the table and must agree.
 */

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "error.h"
#include "lookup-fixture.h"
#include "lookup-source.h"
#include "tsv.h"
#include "unit.h"
#include "util.h"

#define WORDS_MAX 32

DEFINE_CLEANUP(Table *, table_free)

static TsvTable selections, orders;

/* The kernel's default label table. */
static AddressLabel linux_labels[10];

static void make_labels(void) {
        static const struct {
                const char *prefix;
                uint8_t length;
                uint32_t label;
        } rows[] = {
                { "::1", 128, 0 },    { "::", 0, 1 },          { "2002::", 16, 2 },
                { "::", 96, 3 },      { "::ffff:0:0", 96, 4 }, { "fc00::", 7, 5 },
                { "2001::", 32, 6 },  { "2001:10::", 28, 7 },  { "fec0::", 10, 11 },
                { "3ffe::", 16, 12 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                linux_labels[i] = (AddressLabel){
                        .prefix = fixture_ip(rows[i].prefix),
                        .prefix_length = rows[i].length,
                        .label = rows[i].label,
                };
}

/* A text cut into words; the words point into the copy. */
typedef struct Words {
        char copy[FIXTURE_TEXT_MAX];
        const char *words[WORDS_MAX];
        size_t n;
} Words;

static void split(const char *text, Words *ret) {
        char *state;

        (void) snprintf(ret->copy, sizeof(ret->copy), "%s", text);
        ret->n = 0;
        for (char *w = strtok_r(ret->copy, " ", &state); w; w = strtok_r(NULL, " ", &state)) {
                ck_assert_uint_lt(ret->n, WORDS_MAX);
                ret->words[ret->n++] = w;
        }
}

/* Settings -------------------------------------------------------------------------------- */

typedef struct Settings {
        int values[_LINK_SETTING_MAX];
        unsigned asked[_LINK_SETTING_MAX];
} Settings;

static int get_setting(void *userdata, int32_t ifindex, LinkSetting which) {
        Settings *s = userdata;

        s->asked[which]++;
        return s->values[which];
}

static uint8_t route_type(const char *word) {
        static const struct {
                const char *word;
                uint8_t type;
        } types[] = {
                { "unicast", RTN_UNICAST },         { "local", RTN_LOCAL },
                { "broadcast", RTN_BROADCAST },     { "multicast", RTN_MULTICAST },
                { "unreachable", RTN_UNREACHABLE }, { "blackhole", RTN_BLACKHOLE },
        };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strcmp(types[i].word, word) == 0)
                        return types[i].type;
        ck_abort_msg("unknown route type: %s", word);
}

static bool read_fact(const char *word, SourceFacts *facts, Settings *settings) {
        if (strcmp(word, "mobility") == 0)
                facts->mobility = true;
        else if (strcmp(word, "labels=rfc") == 0)
                facts->n_labels = 0;
        else if (strncmp(word, "tempaddr=", 9) == 0)
                settings->values[LINK_SETTING_USE_TEMPADDR] = atoi(word + 9);
        else if (strcmp(word, "optimistic") == 0)
                settings->values[LINK_SETTING_USE_OPTIMISTIC] = 1;
        else if (strcmp(word, "oif-only") == 0)
                settings->values[LINK_SETTING_USE_OIF_ADDRS_ONLY] = 1;
        else
                return false;
        return true;
}

static void read_question(const TableView *v, const char *text, SourceQuestion *q,
                          SourceFacts *facts, Settings *settings) {
        Words words;

        split(text, &words);
        q->route = (RouteAnswer){ .type = RTN_UNICAST, .scope = -1 };
        for (size_t i = 0; i < words.n; i++) {
                const char *word = words.words[i], *value;

                if (read_fact(word, facts, settings))
                        continue;
                ck_assert_uint_lt(i + 1, words.n);
                value = words.words[++i];
                if (strcmp(word, "dev") == 0)
                        q->route.ifindex = fixture_ifindex(v, value);
                else if (strcmp(word, "index") == 0)
                        q->route.ifindex = atoi(value);
                else if (strcmp(word, "oif") == 0)
                        q->ifindex = fixture_ifindex(v, value);
                else if (strcmp(word, "via") == 0)
                        q->route.gateway = fixture_ip(value);
                else if (strcmp(word, "src") == 0)
                        q->route.preferred_source = fixture_ip(value);
                else if (strcmp(word, "scope") == 0)
                        q->route.scope = (int16_t) atoi(value);
                else if (strcmp(word, "type") == 0)
                        q->route.type = route_type(value);
                else
                        ck_abort_msg("unknown word: %s", word);
        }
}

/* Selection ------------------------------------------------------------------------------- */

/* "address=rule" of one that lost */
static void check_lost(const TsvRow *row, const SourceAnswer *answer, const char *expected) {
        const char *equal = strchr(expected, '=');
        char text[64];
        IpAddress a;

        ck_assert_ptr_nonnull(equal);
        (void) snprintf(text, sizeof(text), "%.*s", (int) (equal - expected), expected);
        a = fixture_ip(text);

        for (size_t i = 0; i < answer->n_candidates; i++) {
                const SourceCandidate *c = &answer->candidates[i];

                if (!ip_equal(&c->address, &a))
                        continue;
                ck_assert_msg(!c->chosen, TSV_AT "%s was chosen", TSV_ARG(row), text);
                ck_assert_msg(strcmp(source_rule_to_string(c->rule), equal + 1) == 0,
                              TSV_AT "%s lost by %s", TSV_ARG(row), text,
                              source_rule_to_string(c->rule));
                return;
        }
        ck_abort_msg(TSV_AT "%s is no candidate", TSV_ARG(row), text);
}

static void check_explanation(const TsvRow *row, const SourceAnswer *answer) {
        const SourceCandidate *first = &answer->candidates[0];
        Words lost;

        ck_assert_uint_gt(answer->n_candidates, 0);
        ck_assert(first->chosen);
        ck_assert(ip_equal(&first->address, &answer->source));
        ck_assert_int_eq(first->ifindex, answer->source_ifindex);
        ck_assert_int_eq(first->rule, answer->rule);
        for (size_t i = 1; i < answer->n_candidates; i++)
                ck_assert(!answer->candidates[i].chosen);

        if (strcmp(row->fields[5], "-") == 0)
                return;
        split(row->fields[5], &lost);
        for (size_t i = 0; i < lost.n; i++)
                check_lost(row, answer, lost.words[i]);
}

static void select_once(const TsvRow *row, bool explain) {
        _cleanup_(source_answer_done) SourceAnswer answer = { .ifindex = -7 };
        _cleanup_(table_freep) Table *t = fixture_table(row->fields[0]);
        const TableView v = table_view(t);
        SourceQuestion question = { .explain = explain };
        Settings settings = {};
        SourceFacts facts = {
                .labels = linux_labels,
                .n_labels = ELEMENTSOF(linux_labels),
                .setting = get_setting,
                .userdata = &settings,
        };
        char source[IP_TEXT_MAX];
        IpAddress expected;
        int r;

        question.destination = fixture_ip(row->fields[1]);
        read_question(&v, row->fields[2], &question, &facts, &settings);
        r = lookup_source(&v, &question, &facts, &answer);
        if (r < 0) {
                ck_assert_msg(strcmp(error_name(r), row->fields[3]) == 0, TSV_AT "%s", TSV_ARG(row),
                              error_name(r));
                ck_assert_int_eq(answer.ifindex, -7);
                return;
        }

        inet_ntop(answer.source.family, answer.source.bytes, source, sizeof(source));
        ck_assert_msg(error_from_name(row->fields[3]) == -ENOENT, TSV_AT "%s", TSV_ARG(row),
                      source);
        expected = fixture_ip(row->fields[3]);
        ck_assert_msg(ip_equal(&answer.source, &expected), TSV_AT "%s by %s", TSV_ARG(row), source,
                      source_rule_to_string(answer.rule));
        if (!explain) {
                ck_assert_ptr_null(answer.candidates);
                return;
        }
        ck_assert_msg(strcmp(source_rule_to_string(answer.rule), row->fields[4]) == 0,
                      TSV_AT "by %s", TSV_ARG(row), source_rule_to_string(answer.rule));
        check_explanation(row, &answer);
}

START_TEST(test_selection) {
        select_once(&selections.rows[_i], true);
}
END_TEST

START_TEST(test_selection_short) {
        select_once(&selections.rows[_i], false);
}
END_TEST

/* The short way through the table must never see more than it needs, nor choose otherwise: random
 * tables, with and without an explanation. */
START_TEST(test_short_agrees) {
        static const char *const words[] = { "", "deprecated", "tentative", "temporary", "home" };
        unsigned seed = 1;

        for (int round = 0; round < 400; round++) {
                char config[FIXTURE_TEXT_MAX] = "link v0 2; link v1 3; link v2 4";
                _cleanup_(source_answer_done) SourceAnswer full = {}, brief = {};
                SourceQuestion q = { .route = { .type = RTN_UNICAST, .ifindex = 2, .scope = -1 } };
                SourceFacts facts = { .mobility = round % 4 == 0 };
                _cleanup_(table_freep) Table *t = NULL;
                TableView v;
                int r;

                for (int i = 0; i < 6; i++) {
                        size_t n = strlen(config);
                        unsigned x = (unsigned) rand_r(&seed);

                        (void) snprintf(config + n, sizeof(config) - n, "; addr v%u %s%x::%x/64 %s",
                                        x % 3,
                                        x & 64    ? "2001:db8:"
                                        : x & 128 ? "fd00:0:"
                                                  : "fe80:0:",
                                        x >> 8 & 3, 1 + i, words[(x >> 12) % ELEMENTSOF(words)]);
                }
                t = fixture_table(config);
                v = table_view(t);
                q.destination = fixture_ip(round % 3 ? "2001:db8:1::1" : "fd00:0:1::2");

                r = lookup_source(&v, &q, &facts, &brief);
                q.explain = true;
                ck_assert_int_eq(lookup_source(&v, &q, &facts, &full), r);
                if (r < 0)
                        continue;
                ck_assert_msg(ip_equal(&full.source, &brief.source), "%s", config);
                ck_assert_int_eq(full.source_ifindex, brief.source_ifindex);
        }
}
END_TEST

/* The same address on two links: the one that is on the outgoing link is meant. */
START_TEST(test_preferred_link) {
        _cleanup_(table_freep) Table *t = fixture_table(
                        "link v0 2; link v1 3; link v2 4; addr v0 2001:db8::1/64; addr v1 2001:db8::1/64;"
                        "addr v2 2001:db8::1/64");
        const TableView v = table_view(t);

        for (int32_t ifindex = 2; ifindex <= 4; ifindex++) {
                SourceQuestion q = {
                        .destination = fixture_ip("2001:db8:9::1"),
                        .route = { .type = RTN_UNICAST, .ifindex = ifindex, .scope = -1 },
                };
                SourceAnswer answer;

                q.route.preferred_source = fixture_ip("2001:db8::1");
                ck_assert_int_eq(lookup_source(&v, &q, NULL, &answer), 0);
                ck_assert_int_eq(answer.source_ifindex, ifindex);
                ck_assert_int_eq(answer.rule, SOURCE_RULE_ROUTE);
        }
}
END_TEST

/* Settings are files: one is read once for a link, and only where an earlier rule has not decided. */
START_TEST(test_settings_are_asked_seldom) {
        static const struct {
                const char *more;
                unsigned asked;
                const char *chosen;
        } cases[] = {
                /* The outgoing link has one address that is good enough. */
                { "", 0, "2001:db8::1" },
                /* Two of one link. */
                { "addr v0 2001:db8:0:1::1/64", 1, "2001:db8:0:1::1" },
                { "addr v0 2001:db8:0:1::1/64; addr v0 2001:db8:0:2::1/64 temporary", 1,
                  "2001:db8:0:2::1" },
                /* Others elsewhere lose to it by the link. */
                { "addr v1 2001:db8:0:1::1/64; addr v2 2001:db8:0:2::1/64", 0, "2001:db8::1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(table_freep) Table *t = fixture_table(
                                "link v0 2; link v1 3; link v2 4; addr v0 2001:db8::1/64;"
                                "addr v0 fe80::1/64; addr v1 fe80::2/64; addr v2 fe80::3/64;"
                                "addr v2 fe80::4/64");
                _cleanup_(source_answer_done) SourceAnswer answer = {};
                Settings settings = { .values[LINK_SETTING_USE_TEMPADDR] = 2 };
                SourceFacts facts = { .setting = get_setting, .userdata = &settings };
                SourceQuestion q = {
                        .destination = fixture_ip("2001:db9::9"),
                        .route = { .type = RTN_UNICAST, .ifindex = 2, .scope = -1 },
                        .explain = true,
                };
                IpAddress chosen = fixture_ip(cases[i].chosen);
                TableView v;

                fixture_apply(t, cases[i].more);
                v = table_view(t);
                ck_assert_int_eq(lookup_source(&v, &q, &facts, &answer), 0);
                ck_assert_msg(ip_equal(&answer.source, &chosen), "case %zu", i);
                ck_assert_uint_eq(settings.asked[LINK_SETTING_USE_TEMPADDR], cases[i].asked);
                ck_assert_uint_eq(settings.asked[LINK_SETTING_USE_OPTIMISTIC], 0);
        }
}
END_TEST

START_TEST(test_labels) {
        AddressLabel rows[] = {
                { .prefix = fixture_ip("2001:db8::"), .prefix_length = 32, .label = 50 },
                { .prefix = fixture_ip("2001:db8::"),
                  .prefix_length = 32,
                  .label = 51,
                  .ifindex = 3 },
                { .prefix = fixture_ip("2001:db8:1::"), .prefix_length = 48, .label = 52 },
        };
        SourceFacts facts = { .labels = rows, .n_labels = ELEMENTSOF(rows) };
        IpAddress a = fixture_ip("2001:db8::1"), b = fixture_ip("2001:db8:1::1");
        IpAddress c = fixture_ip("2002::1");

        ck_assert_uint_eq(lookup_label(&facts, &a, 2), 50);
        ck_assert_uint_eq(lookup_label(&facts, &a, 3), 51);
        ck_assert_uint_eq(lookup_label(&facts, &b, 3), 52);
        /* What no row covers matches only what no row covers. */
        ck_assert_uint_eq(lookup_label(&facts, &c, 2), UINT32_MAX);
        facts.n_labels = 0;
        ck_assert_uint_eq(lookup_label(&facts, &c, 2), 2);
}
END_TEST

/* Primary address ------------------------------------------------------------------------- */

static void check_primary(const char *config, int family, const char *expected) {
        _cleanup_(table_freep) Table *t = fixture_table(config);
        const TableView v = table_view(t);
        char text[IP_TEXT_MAX];
        AddressRecord a;
        int r;

        r = lookup_primary_address(&v, family, &a);
        if (!expected) {
                ck_assert_int_eq(r, -EADDRNOTAVAIL);
                return;
        }
        ck_assert_int_eq(r, 0);
        ck_assert_str_eq(inet_ntop(family, a.address.bytes, text, sizeof(text)), expected);
}

START_TEST(test_primary) {
        const char *config = "link lo 1 up loopback; link v1 3; link v0 2; link v2 4 down;"
                             "addr lo ::1/128; addr lo 127.0.0.1/8; addr lo 2001:db8:9::1/128;"
                             "addr v0 fe80::5/64; addr v0 169.254.1.1/16; addr v2 10.2.0.1/24;"
                             "addr v1 2001:db8::1/64; addr v1 2001:db8::2/64; addr v1 10.1.0.1/24;"
                             "addr v1 10.1.1.1/24; addr v0 2001:db8:1::1/64 tentative;"
                             "addr v0 2001:db8:2::1/64 deprecated";
        AddressRecord a;
        TableView v;

        check_primary(config, AF_INET6, "2001:db8::2");
        check_primary(config, AF_INET, "10.1.0.1");
        check_primary("link v0 2; link v1 3; addr v1 fe80::1/64; addr v0 fe80::2/64", AF_INET6,
                      "fe80::2");
        check_primary("link lo 1 up loopback; addr lo ::1/128; addr lo 127.0.0.1/8", AF_INET, NULL);
        check_primary("link v0 2; addr v0 2001:db8::1/64 deprecated", AF_INET6, NULL);

        _cleanup_(table_freep) Table *t = fixture_table(config);
        v = table_view(t);
        ck_assert_int_eq(lookup_primary_address(&v, AF_UNSPEC, &a), -EBADMSG);
        ck_assert_int_eq(lookup_primary_address(&v, AF_UNIX, &a), -EBADMSG);
}
END_TEST

/* Destination ordering -------------------------------------------------------------------- */

static Destination read_destination(const char *address, const char *source) {
        Destination d = { .address = fixture_ip(address) };
        char text[64], *mark;

        if (strcmp(source, "-") == 0)
                return d;

        (void) snprintf(text, sizeof(text), "%s", source);
        if ((mark = strchr(text, '+'))) {
                *mark++ = '\0';
                if (strcmp(mark, "deprecated") == 0)
                        d.source_flags = IFA_F_DEPRECATED;
                else if (strcmp(mark, "home") == 0)
                        d.source_flags = IFA_F_HOMEADDRESS;
                else if (strcmp(mark, "tunnel") == 0)
                        d.tunnel = true;
                else
                        ck_abort_msg("unknown word: %s", mark);
        }
        if ((mark = strchr(text, '/'))) {
                *mark++ = '\0';
                d.source_prefix_length = (uint8_t) atoi(mark);
        }
        d.source = fixture_ip(text);
        return d;
}

static void check_order(const TsvRow *row, const Destination *expected, size_t n, bool reversed,
                        const Words *rules) {
        Destination d[WORDS_MAX];

        for (size_t i = 0; i < n; i++)
                d[i] = expected[reversed ? n - 1 - i : i];
        ck_assert_int_eq(lookup_sort_destinations(d, n), 0);

        for (size_t i = 0; i < n; i++) {
                ck_assert_msg(ip_equal(&d[i].address, &expected[i].address), TSV_AT "place %zu",
                              TSV_ARG(row), i);
                ck_assert_uint_eq(d[i].place, reversed ? n - 1 - i : i);
                ck_assert_msg(strcmp(destination_rule_to_string(d[i].rule),
                                     i + 1 < n ? rules->words[i] : "last") == 0,
                              TSV_AT "place %zu by %s", TSV_ARG(row), i,
                              destination_rule_to_string(d[i].rule));
        }
}

START_TEST(test_order) {
        const TsvRow *row = &orders.rows[_i];
        bool tied = row->fields[0][0] == '=';
        Destination expected[WORDS_MAX];
        Words addresses, sources, rules;

        split(row->fields[0] + tied, &addresses);
        split(row->fields[1], &sources);
        split(row->fields[2], &rules);
        ck_assert_uint_eq(sources.n, addresses.n);
        ck_assert_uint_eq(rules.n + 1, addresses.n);
        for (size_t i = 0; i < addresses.n; i++)
                expected[i] = read_destination(addresses.words[i], sources.words[i]);

        check_order(row, expected, addresses.n, false, &rules);
        if (!tied)
                check_order(row, expected, addresses.n, true, &rules);
}
END_TEST

START_TEST(test_order_limits) {
        static Destination many[LOOKUP_SORT_MAX + 1];
        LinkRecord link = {};

        ck_assert_int_eq(lookup_sort_destinations(NULL, 0), 0);
        ck_assert_int_eq(lookup_sort_destinations(many, LOOKUP_SORT_MAX), 0);
        ck_assert_int_eq(lookup_sort_destinations(many, LOOKUP_SORT_MAX + 1), -E2BIG);

        link.type = ARPHRD_SIT;
        ck_assert(lookup_is_tunnel(&link));
        link.type = ARPHRD_ETHER;
        ck_assert(!lookup_is_tunnel(&link));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("lookup-source");
        TCase *tc = tcase_create("lookup-source");
        int status;

        make_labels();
        selections = tsv_read("source-selection.tsv", 6);
        orders = tsv_read("destination-order.tsv", 3);

        tcase_add_loop_test(tc, test_selection, 0, (int) selections.n_rows);
        tcase_add_loop_test(tc, test_selection_short, 0, (int) selections.n_rows);
        tcase_add_test(tc, test_short_agrees);
        tcase_add_test(tc, test_preferred_link);
        tcase_add_test(tc, test_settings_are_asked_seldom);
        tcase_add_test(tc, test_labels);
        tcase_add_test(tc, test_primary);
        tcase_add_loop_test(tc, test_order, 0, (int) orders.n_rows);
        tcase_add_test(tc, test_order_limits);
        suite_add_tcase(suite, tc);

        status = unit_run(suite);
        tsv_done(&selections);
        tsv_done(&orders);
        return status;
}
