/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verbs that list rows of the table: list, addresses, groups, default. One line a row.
 */

#include <stdio.h>
#include <string.h>

#include "cli.h"

#define ADDRESS_TEXT_SIZE 256

/* Addresses of a link in one cell: the ones that can be used from elsewhere first. */
static void add_addresses(Grid *g, const json_t *link) {
        json_t *list = record_list(link, "Addresses"), *address;
        char text[1024] = "", one[ADDRESS_TEXT_SIZE];
        size_t i, len = 0, left = 0;

        for (int link_local = 0; link_local < 2; link_local++)
                json_array_foreach(list, i, address) {
                        const char *state = record_text(address, "State");
                        bool is_local = record_number(address, "Scope") >= 253;

                        if (is_local != (bool) link_local || strcmp(state, "duplicate") == 0 ||
                            strcmp(state, "tentative") == 0)
                                continue;
                        /* In a list of links the column before says which zone it is. */
                        (void) snprintf(one, sizeof(one), "%s/%d",
                                        record_text(address, "AddressString"),
                                        (int) record_number(address, "PrefixLength"));
                        if (len + strlen(one) + 16 > sizeof(text)) {
                                left++;
                                continue;
                        }
                        len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%s",
                                                 len > 0 ? " " : "", one);
                }
        if (left > 0)
                (void) snprintf(text + len, sizeof(text) - len, " +%zu", left);
        grid_add(g, text, COLOR_NONE);
}

int verb_list(Context *c, int argc, char **argv) {
        static const char *const columns[] = {
                "INDEX", "LINK", "KIND", "STATE", "MTU", "ADDRESSES"
        };
        _cleanup_(json_decrefp) json_t *links = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        json_t *link;
        size_t i;
        int r;

        r = context_links(c, /* users= */ false, &links);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_records(&c->options, links);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        json_array_foreach(links, i, link) {
                const char *kind = record_text(link, "Kind");
                const char *state = record_text(link, "OperationalState");

                grid_addf(g, COLOR_NONE, "%lld", (long long) record_number(link, "Index"));
                grid_add(g, record_text(link, "Name"), COLOR_BOLD);
                grid_add(g, kind[0] != '\0' ? kind : record_text(link, "Type"), COLOR_NONE);
                grid_add(g, state, color_of_state(state));
                grid_addf(g, COLOR_NONE, "%lld", (long long) record_number(link, "MTU"));
                add_addresses(g, link);
        }
        grid_print(g);
        return CLI_DONE;
}

/* Rows of one kind, of one link or of all. */
static int rows_of(Context *c, int kind, bool users, int argc, char **argv, json_t **ret) {
        int ifindex = 0, r;

        if (argc > 0) {
                r = context_find_link(c, argv[0], &ifindex);
                if (r != CLI_DONE)
                        return r;
        }
        return context_list(c, kind, ifindex, users, ret);
}

static void add_lifetime(Grid *g, const json_t *address, const char *member) {
        const json_t *deadline = json_object_get(address, member);
        char text[64] = "forever";

        if (json_is_integer(deadline))
                format_time_left((uint64_t) json_integer_value(deadline), text, sizeof(text));
        grid_add(g, text, COLOR_NONE);
}

int verb_addresses(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "LINK",  "ADDRESS",   "PEER",  "SCOPE",
                                               "STATE", "PREFERRED", "VALID", "FLAGS" };
        _cleanup_(json_decrefp) json_t *rows = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        char name[4 * IFROSTER_NAME_SIZE], text[ADDRESS_TEXT_SIZE];
        json_t *row;
        size_t i;
        int r;

        r = rows_of(c, IFROSTER_ADDRESS, false, argc, argv, &rows);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_records(&c->options, rows);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        json_array_foreach(rows, i, row) {
                const char *state = record_text(row, "State");

                record_address(row, text, sizeof(text));
                grid_add(g, context_name(c, row, name, sizeof(name)), COLOR_BOLD);
                grid_add(g, text, COLOR_NONE);
                grid_add(g, record_text(row, "PeerString"), COLOR_NONE);
                grid_add(g, record_text(row, "ScopeString"), COLOR_NONE);
                grid_add(g, state, color_of_state(state));
                add_lifetime(g, row, "PreferredLifetimeUSec");
                add_lifetime(g, row, "ValidLifetimeUSec");
                grid_add(g, record_text(row, "FlagsString"), COLOR_DIM);
        }
        grid_print(g);
        return CLI_DONE;
}

int verb_groups(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "LINK", "GROUP", "USERS" };
        _cleanup_(json_decrefp) json_t *rows = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        char name[4 * IFROSTER_NAME_SIZE], text[ADDRESS_TEXT_SIZE];
        json_t *row;
        size_t i;
        int r;

        r = rows_of(c, IFROSTER_GROUP, true, argc, argv, &rows);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_records(&c->options, rows);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        json_array_foreach(rows, i, row) {
                const json_t *users = json_object_get(row, "Users");

                grid_add(g, context_name(c, row, name, sizeof(name)), COLOR_BOLD);
                record_group(row, text, sizeof(text));
                grid_add(g, text, COLOR_NONE);
                if (json_is_integer(users))
                        grid_addf(g, COLOR_NONE, "%lld", (long long) json_integer_value(users));
                else
                        grid_add(g, "", COLOR_NONE);
        }
        grid_print(g);
        return CLI_DONE;
}

int verb_default(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "FAMILY", "GATEWAY", "LINK",
                                               "METRIC", "TABLE",   "SOURCE" };
        _cleanup_(json_decrefp) json_t *rows = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        char name[4 * IFROSTER_NAME_SIZE];
        json_t *row;
        size_t i;
        int r;

        r = context_list(c, IFROSTER_ROUTE, 0, false, &rows);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_records(&c->options, rows);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        json_array_foreach(rows, i, row) {
                grid_add(g, record_family(row), COLOR_NONE);
                grid_add(g, record_text(row, "GatewayString"), COLOR_NONE);
                grid_add(g, context_name(c, row, name, sizeof(name)), COLOR_BOLD);
                grid_addf(g, COLOR_NONE, "%lld", (long long) record_number(row, "Metric"));
                grid_addf(g, COLOR_NONE, "%lld", (long long) record_number(row, "Table"));
                grid_add(g, record_text(row, "PreferredSourceString"), COLOR_NONE);
        }
        grid_print(g);
        return json_array_size(rows) > 0 ? CLI_DONE : CLI_NO;
}
