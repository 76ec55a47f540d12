/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that has nothing but the shared library and <ifroster.h>, and calls every function of it
 * (check-symbols.py sees to "every"). It says whether each can be called and means what the header
 * says in the simplest case; the unit tests say the rest.
 */

#include <errno.h>
#include <ifroster.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static unsigned n_checks;

#define CHECK(condition)                                                                       \
        do {                                                                                   \
                n_checks++;                                                                    \
                if (!(condition)) {                                                            \
                        printf("not ok %u - %s:%d: %s\n1..%u\n", n_checks, __FILE__, __LINE__, \
                               #condition, n_checks);                                          \
                        exit(1);                                                               \
                }                                                                              \
                printf("ok %u - %s\n", n_checks, #condition);                                  \
        } while (0)

static int is_json(int r, char *json) {
        int good = r == 0 && (json[0] == '{' || json[0] == '[') && !strchr(json, '\n');

        if (r == 0)
                free(json);
        return good;
}

static void check_lookups(const ifroster *h) {
        char name[IFROSTER_NAME_SIZE], text[IFROSTER_ADDRESS_SIZE];
        static const uint8_t localhost[4] = { 127, 0, 0, 1 };
        int family, ifindex, type, matched, links[2];
        uint8_t address[16];

        CHECK(ifroster_index(h, "lo") == 1);
        CHECK(ifroster_name(h, 1, name) == 0 && strcmp(name, "lo") == 0);
        CHECK(ifroster_zone(h, "1", &matched) == 1 && matched == IFROSTER_MATCHED_INDEX);
        CHECK(ifroster_find_link(h, "lo", &matched) == 1 && matched == IFROSTER_MATCHED_NAME);
        CHECK(ifroster_parse(h, "fe80::1%lo", &family, address, &ifindex) == 0 &&
              family == AF_INET6 && ifindex == 1);
        CHECK(ifroster_format(h, family, address, ifindex, text, sizeof(text)) == 0 &&
              strcmp(text, "fe80::1%lo") == 0);
        /* A new network namespace may have lo down: then nothing is local. */
        CHECK(ifroster_lookup(h, AF_INET, localhost, 0, &type, links, 2) >= 0);
}

static void check_row(ifroster_row *row) {
        const uint8_t *bytes;
        const char *text;
        const void *data;
        uint64_t number;
        int64_t integer;
        char *json;
        size_t n;
        int r;

        CHECK(ifroster_row_kind(row) == IFROSTER_LINK);
        CHECK(ifroster_row_ifindex(row) == 1);
        CHECK(ifroster_row_incarnation(row) > 0);
        CHECK(strcmp(ifroster_row_name(row), "lo") == 0);
        CHECK((ifroster_row_flags(row) & 8) != 0);
        CHECK(ifroster_row_mtu(row) >= 1280);
        CHECK(ifroster_row_address(row, &bytes) == 0);
        CHECK(ifroster_row_prefix_length(row) == 0);
        CHECK(ifroster_row_peer(row, &bytes) == 0);
        CHECK(ifroster_row_hardware_address(row, &bytes) <= 32);
        CHECK(ifroster_row_get_int(row, "Index", &integer) == 0 && integer == 1);
        CHECK(ifroster_row_get_uint(row, "MTU", &number) == 0 && number >= 1280);
        CHECK(ifroster_row_get_text(row, "Type", &text) == 0 && strcmp(text, "loopback") == 0);
        CHECK(ifroster_row_get_bytes(row, "MTU", &data, &n) == -EINVAL);
        CHECK(ifroster_row_get_altname(row, 0, &text) == -ENODATA);
        r = ifroster_row_json(row, &json);
        CHECK(is_json(r, json));
}

static void check_rows(const ifroster *h) {
        ifroster_walk *walk;
        ifroster_row *row;
        unsigned n = 0;

        CHECK(ifroster_row_new(&row) == 0);
        CHECK(ifroster_get_link(h, 1, row) == 0);
        check_row(row);
        CHECK(ifroster_walk_new(h, IFROSTER_LINK, 0, 0, &walk) == 0);
        while (ifroster_walk_next(walk, row) > 0)
                n++;
        CHECK(n >= 1);
        ifroster_walk_rewind(walk);
        CHECK(ifroster_walk_next(walk, row) == 1);
        CHECK(!ifroster_walk_free(walk));
        CHECK(!ifroster_row_free(row));
}

static void check_json(const ifroster *h) {
        static const char *const destinations[] = { "127.0.0.1", "::1" };
        size_t bad;
        char *json;
        int r;

        r = ifroster_link_json(h, 1, 1, &json);
        CHECK(is_json(r, json));
        r = ifroster_describe_json(h, &json);
        CHECK(is_json(r, json));
        r = ifroster_list_json(h, IFROSTER_ADDRESS, 0, 0, 0, &json);
        CHECK(is_json(r, json));
        r = ifroster_zone_json(h, "lo", &json);
        CHECK(is_json(r, json));
        r = ifroster_parse_json(h, "fe80::1%lo", &json);
        CHECK(is_json(r, json));
        r = ifroster_lookup_json(h, "127.0.0.1", &json);
        CHECK(is_json(r, json));
        r = ifroster_local_json(h, 0, 0, &json);
        CHECK(is_json(r, json));
        r = ifroster_which_json(h, "fe80::1%lo", &json);
        CHECK(r < 0 || is_json(r, json));
        r = ifroster_source_json(h, "127.0.0.1", 0, &json);
        CHECK(r < 0 || is_json(r, json));
        r = ifroster_sort_json(h, destinations, 2, &json, &bad);
        CHECK(r < 0 || is_json(r, json));
        r = ifroster_plan9_text(h, IFROSTER_PLAN9_SELFTAB, 0, &json);
        CHECK(r == 0);
        free(json);
}

static void check_events(ifroster *h) {
        const ifroster_event *event;
        char *json;
        int r;

        CHECK(ifroster_get_fd(h) >= 0);
        CHECK(ifroster_dispatch(h) == 1);
        event = ifroster_next_event(h);
        CHECK(event && ifroster_event_type(event) == IFROSTER_EVENT_EXISTING);
        CHECK(ifroster_event_generation(event) > 0);
        CHECK(ifroster_row_ifindex(ifroster_event_row(event)) >= 1);
        CHECK(ifroster_event_field_changed(event, "Name") == 0);
        r = ifroster_event_json(event, &json);
        CHECK(is_json(r, json));
        CHECK(ifroster_wait(h, 0, 0) == 1);
        CHECK(ifroster_sync(h, 10 * 1000 * 1000) == 0);
}

static void check_texts(void) {
        char text[16];

        CHECK(ifroster_escape("a\n", 2, text, sizeof(text)) == 5 && strcmp(text, "a\\x0a") == 0);
        CHECK(strcmp(ifroster_error_name(-ENODEV), "NoSuchLink") == 0);
        CHECK(strlen(ifroster_error_text(-ENODEV)) > 0);
        CHECK(strlen(ifroster_version()) > 0);
}

int main(void) {
        ifroster *h, *frozen;

        CHECK(ifroster_handle_sigbus() == 0);
        CHECK(ifroster_handle_sigbus() == 0);
        CHECK(ifroster_new(NULL, IFROSTER_EMBEDDED_ONLY, &h) == 0);
        CHECK(ifroster_is_shared(h) == 0);
        CHECK(ifroster_generation(h) > 0);
        CHECK(ifroster_snapshot(h, &frozen) == 0);
        check_lookups(h);
        check_lookups(frozen);
        check_rows(h);
        check_json(h);
        check_events(h);
        check_texts();
        CHECK(!ifroster_free(frozen));
        CHECK(!ifroster_free(h));
        printf("1..%u\n", n_checks);
        return 0;
}
