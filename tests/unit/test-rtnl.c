/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parser against recorded traffic: every value of every message in tests/data/rtnl as a second
 * decoder reads it; then every message cut off at every length and with single bits and bytes changed,
 * each in a block of exactly its size, where a read beyond the end does not go unseen.
 */

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "rtnl-describe.h"
#include "rtnl.h"
#include "unit.h"
#include "util.h"

#define FILES_MAX 64
#define FILE_SIZE_MAX (1024U * 1024U)

/* Of many like messages some are cut and changed in every way; cut at every length are all of them. */
#define MESSAGES_PER_FILE 16

typedef struct Recording {
        char name[64];
        uint8_t *data;
        size_t size;
} Recording;

static Recording recordings[FILES_MAX];
static size_t n_recordings;

static uint8_t *read_file(const char *name, size_t *ret_size) {
        const char *directory = getenv("IFROSTER_TEST_DATA");
        char path[4096];
        uint8_t *data;
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/rtnl/%s", directory ? directory : TEST_DATA_DIR,
                        name);
        f = fopen(path, "re");
        ck_assert_msg(f, "%s: %s", path, strerror(errno));
        data = malloc(FILE_SIZE_MAX);
        ck_assert_ptr_nonnull(data);
        *ret_size = fread(data, 1, FILE_SIZE_MAX - 1, f);
        data[*ret_size] = '\0';
        (void) fclose(f);
        return data;
}

static int is_recording(const struct dirent *entry) {
        const char *dot = strrchr(entry->d_name, '.');

        return dot && strcmp(dot, ".bin") == 0;
}

static void load(void) {
        const char *directory = getenv("IFROSTER_TEST_DATA");
        struct dirent **entries;
        char path[4096];
        int n;

        (void) snprintf(path, sizeof(path), "%s/rtnl", directory ? directory : TEST_DATA_DIR);
        n = scandir(path, &entries, is_recording, alphasort);
        ck_assert_msg(n >= 14 && n <= FILES_MAX, "%s: %d recordings", path, n);
        for (int i = 0; i < n; i++) {
                Recording *r = &recordings[n_recordings++];

                (void) snprintf(r->name, sizeof(r->name), "%.*s",
                                (int) (strlen(entries[i]->d_name) - 4), entries[i]->d_name);
                r->data = read_file(entries[i]->d_name, &r->size);
                free(entries[i]);
        }
        free(entries);
}

static void unload(void) {
        while (n_recordings > 0)
                free(recordings[--n_recordings].data);
}

/* The message at pos, or NULL at the end. */
static const struct nlmsghdr *message_at(const Recording *r, size_t pos) {
        const struct nlmsghdr *message = (const void *) (r->data + pos);

        if (pos == r->size)
                return NULL;
        ck_assert_uint_ge(r->size - pos, sizeof(*message));
        ck_assert_uint_ge(message->nlmsg_len, sizeof(*message));
        ck_assert_uint_le(message->nlmsg_len, r->size - pos);
        return message;
}

static void compare_lines(const char *name, const char *expected, const char *found) {
        size_t line = 1;

        while (*expected || *found) {
                size_t expected_len = strcspn(expected, "\n"), found_len = strcspn(found, "\n");

                ck_assert_msg(expected_len == found_len && memcmp(expected, found, found_len) == 0,
                              "%s.tsv:%zu:\nexpected %.*s\nfound    %.*s", name, line,
                              (int) expected_len, expected, (int) found_len, found);
                expected += expected_len + (expected[expected_len] == '\n');
                found += found_len + (found[found_len] == '\n');
                line++;
        }
}

START_TEST(recorded_values) {
        for (size_t i = 0; i < n_recordings; i++) {
                _cleanup_(freep) char *found = NULL;
                _cleanup_(freep) uint8_t *expected = NULL;
                const struct nlmsghdr *message;
                size_t size, place = 0;
                char name[80];
                FILE *f;

                f = open_memstream(&found, &size);
                ck_assert_ptr_nonnull(f);
                for (size_t pos = 0; (message = message_at(&recordings[i], pos));
                     pos += NLMSG_ALIGN(message->nlmsg_len))
                        rtnl_describe(f, place++, message, message->nlmsg_len);
                ck_assert_int_eq(fclose(f), 0);

                (void) snprintf(name, sizeof(name), "%s.tsv", recordings[i].name);
                expected = read_file(name, &size);
                ck_assert_uint_gt(size, 0);
                compare_lines(recordings[i].name, (const char *) expected, found);
        }
}
END_TEST

static void check_link(const RtnlMessage *m) {
        const LinkRecord *l = &m->record.link;
        LinkTexts *texts = NULL;
        int r;

        ck_assert_int_ge(l->ifindex, 1);
        ck_assert(m->partial || (l->name[0] && memchr(l->name, '\0', sizeof(l->name))));
        ck_assert_ptr_nonnull(memchr(l->kind, '\0', sizeof(l->kind)));
        ck_assert_uint_le(l->hardware_address.len, HARDWARE_ADDRESS_MAX);
        ck_assert_int_ge(l->master_ifindex, 0);
        ck_assert_int_ge(l->parent_ifindex, 0);

        r = rtnl_link_texts(m, &texts);
        ck_assert(r == 0 || r == -EBADMSG || r == -E2BIG);
        ck_assert(r == 0 || !texts);
        (void) link_texts_free(texts);
}

static void check_address(const AddressRecord *a) {
        ck_assert_int_ge(a->ifindex, 1);
        ck_assert(ip_is_set(&a->address));
        ck_assert_uint_le(a->prefix_length, ip_family_bits(a->address.family));
        ck_assert_uint_lt(a->usability, _USABILITY_MAX);
}

static void check_hops(const RtnlMessage *m, int32_t lowest) {
        ck_assert_uint_ge(m->n_routes, 1);
        ck_assert_uint_le(m->n_routes, RTNL_NEXTHOPS_MAX);
        for (size_t i = 0; i < m->n_routes; i++)
                ck_assert_int_ge(m->routes[i].ifindex, lowest);
}

static void check_value(const RtnlMessage *m) {
        switch (m->object) {
        case RTNL_LINK:
                check_link(m);
                return;
        case RTNL_ADDRESS:
                check_address(&m->record.address);
                return;
        case RTNL_GROUP:
                ck_assert_int_ge(m->record.group.ifindex, 1);
                ck_assert(ip_is_set(&m->record.group.group));
                return;
        case RTNL_ROUTE:
                check_hops(m, 0);
                return;
        case RTNL_LOCAL:
                check_hops(m, 1);
                ck_assert(ip_is_set(&m->record.local.address));
                return;
        case RTNL_NEXTHOP:
                return;
        case RTNL_PROXY:
                ck_assert(ip_is_set(&m->proxy.address));
                return;
        case RTNL_LABEL:
                ck_assert_uint_eq(m->label.prefix.family, AF_INET6);
                return;
        case RTNL_FIB:
        case _RTNL_OBJECT_MAX:
                break;
        }
        ck_abort_msg("object %d", m->object);
}

static int parse_all(const struct nlmsghdr *message, size_t len) {
        static RtnlMessage parsed, before;
        uint64_t statistics[RTNL_STATISTICS_MAX];
        RtnlFib fib;
        int r;

        memset(&parsed, 0xa5, offsetof(RtnlMessage, routes) + sizeof(RouteRecord));
        memset(&before, 0xa5, offsetof(RtnlMessage, routes) + sizeof(RouteRecord));
        r = rtnl_parse(message, len, DESCRIBE_NOW_USEC, &parsed);
        if (r == 0)
                check_value(&parsed);
        else {
                ck_assert(r == RTNL_IGNORED || r == -EBADMSG || r == -E2BIG);
                ck_assert_mem_eq(&parsed, &before,
                                 offsetof(RtnlMessage, routes) + sizeof(RouteRecord));
        }

        (void) rtnl_parse_result(message, len);
        (void) rtnl_parse_statistics(message, len, statistics);
        if (rtnl_parse_fib(message, len, &fib) == 0)
                ck_assert_int_ge(fib.ifindex, 0);
        return r;
}

/* Once where a sanitizer sees what this program reads too much, once where the kernel does. */
static void cut_at(const struct nlmsghdr *message, size_t len) {
        _cleanup_(freep) struct nlmsghdr *copy = malloc(len > 0 ? len : 1);
        struct nlmsghdr *guarded = guard_copy(message, len);

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, message, len);
        /* Its header says more than there is. */
        ck_assert_int_eq(parse_all(copy, len), -EBADMSG);
        ck_assert_int_eq(parse_all(guarded, len), -EBADMSG);
        /* Its header says less. */
        if (len >= sizeof(*copy)) {
                copy->nlmsg_len = guarded->nlmsg_len = (uint32_t) len;
                (void) parse_all(copy, len);
                (void) parse_all(guarded, len);
        }
}

static void cut(const struct nlmsghdr *message) {
        for (size_t len = 0; len < message->nlmsg_len; len++)
                cut_at(message, len);
}

/* The quick half of it, for all. */
static void cut_guarded(const struct nlmsghdr *message) {
        for (size_t len = 0; len < message->nlmsg_len; len++) {
                struct nlmsghdr *guarded = guard_copy(message, len);
                static RtnlMessage parsed;
                int r;

                ck_assert_int_eq(rtnl_parse(guarded, len, DESCRIBE_NOW_USEC, &parsed), -EBADMSG);
                if (len < sizeof(*guarded))
                        continue;
                guarded->nlmsg_len = (uint32_t) len;
                r = rtnl_parse(guarded, len, DESCRIBE_NOW_USEC, &parsed);
                if (r == 0)
                        check_value(&parsed);
                else
                        ck_assert(r == RTNL_IGNORED || r == -EBADMSG);
        }
}

static void change(const struct nlmsghdr *message) {
        size_t len = message->nlmsg_len;
        uint8_t *copy = guard_copy(message, len);

        for (size_t i = 0; i < len; i++) {
                const uint8_t old = copy[i];
                const uint8_t values[] = { (uint8_t) (old ^ (1U << (i % 8))), 0, 0xff,
                                           (uint8_t) (old + 4) };

                for (size_t k = 0; k < ELEMENTSOF(values); k++) {
                        copy[i] = values[k];
                        (void) parse_all((const void *) copy, len);
                }
                copy[i] = old;
        }
}

static void for_messages(const Recording *r, size_t max,
                         void (*f)(const struct nlmsghdr *message)) {
        const struct nlmsghdr *message;
        size_t n = 0;

        for (size_t pos = 0; n < max && (message = message_at(r, pos));
             pos += NLMSG_ALIGN(message->nlmsg_len)) {
                f(message);
                n++;
        }
        ck_assert_uint_gt(n, 0);
}

START_TEST(cut_off) {
        for (size_t i = 0; i < n_recordings; i++)
                for_messages(&recordings[i], MESSAGES_PER_FILE, cut);
        for (size_t i = 0; i < n_recordings; i++)
                for_messages(&recordings[i], SIZE_MAX, cut_guarded);
}
END_TEST

START_TEST(changed_bytes) {
        for (size_t i = 0; i < n_recordings; i++)
                for_messages(&recordings[i], MESSAGES_PER_FILE, change);
}
END_TEST

/* Cut behind a whole attribute the message is good, cut within one it is not: what is missing must
 * not read as a fact. */
START_TEST(cut_attribute_is_an_error) {
        size_t n_good = 0, n_bad = 0;

        for (size_t i = 0; i < n_recordings; i++) {
                const struct nlmsghdr *first = message_at(&recordings[i], 0);
                _cleanup_(freep) struct nlmsghdr *copy = NULL;

                if (!first || first->nlmsg_type != RTM_NEWLINK ||
                    *(const uint8_t *) (first + 1) != AF_UNSPEC)
                        continue;
                copy = malloc(first->nlmsg_len);
                ck_assert_ptr_nonnull(copy);
                memcpy(copy, first, first->nlmsg_len);
                for (size_t len = 32, end = 32; len < first->nlmsg_len; len++) {
                        const struct nlattr *next = (const void *) ((uint8_t *) copy + end);
                        bool whole = len <= end;

                        if (len == end + next->nla_len) {
                                end += NLA_ALIGN(next->nla_len);
                                whole = true;
                        }
                        copy->nlmsg_len = (uint32_t) len;
                        ck_assert_int_eq(parse_all(copy, len), whole ? 0 : -EBADMSG);
                        n_good += whole;
                        n_bad += !whole;
                }
        }
        ck_assert_uint_gt(n_good, 20);
        ck_assert_uint_gt(n_bad, 1000);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("rtnl");
        TCase *tcase = tcase_create("recorded");

        tcase_add_checked_fixture(tcase, load, unload);
        tcase_set_timeout(tcase, 100);
        tcase_add_test(tcase, recorded_values);
        tcase_add_test(tcase, cut_off);
        tcase_add_test(tcase, changed_bytes);
        tcase_add_test(tcase, cut_attribute_is_an_error);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
