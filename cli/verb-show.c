/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verb show: every member of the records, by its public name. Nothing here knows single fields:
 * a new field is shown without a change.
 */

#include <stdio.h>
#include <string.h>

#include "cli.h"

#define VALUE_SIZE 1024
#define INDENT 4
/* Columns of the longest names of fields */
#define NAME_ROOM 34

static void print_field(const Options *o, int depth, const char *name, const char *value) {
        if (o->terminal)
                printf("%*s%s%-*s%s %s\n", depth * INDENT, "", color_on(o, COLOR_DIM),
                       NAME_ROOM - depth * INDENT, name, color_off(o, COLOR_DIM), value);
        else
                printf("%*s%s\t%s\n", depth * INDENT, "", name, value);
}

static bool is_listed(const char *const *names, const char *name) {
        for (; names && *names; names++)
                if (strcmp(*names, name) == 0)
                        return true;
        return false;
}

/* All members but those in the list, which the line above has said, and lists of records. */
static void print_fields(const Options *o, int depth, json_t *record, const char *const *said) {
        char text[VALUE_SIZE];
        const char *name;
        json_t *value;

        json_object_foreach(record, name, value) {
                if (is_listed(said, name))
                        continue;
                if (record_member_text(record, name, text, sizeof(text)))
                        print_field(o, depth, name, text);
        }
}

static void print_heading(const Options *o, int depth, const char *text, const char *state) {
        Color color = color_of_state(state);

        printf("%*s%s%s%s", depth * INDENT, "", color_on(o, COLOR_BOLD), text,
               color_off(o, COLOR_BOLD));
        if (state[0] != '\0')
                printf(" %s%s%s", color_on(o, color), state, color_off(o, color));
        putchar('\n');
}

static void print_addresses(const Options *o, const json_t *list) {
        static const char *const said[] = { "InterfaceIndex", "Family", "Address", "AddressString",
                                            "PrefixLength",   "Zone",   "State",   NULL };
        json_t *address;
        char text[VALUE_SIZE];
        size_t i;

        if (json_array_size(list) == 0)
                return;
        print_heading(o, 1, "Addresses", "");
        json_array_foreach(list, i, address) {
                record_address(address, text, sizeof(text));
                print_heading(o, 2, text, record_text(address, "State"));
                print_fields(o, 3, address, said);
        }
}

static void print_groups(const Options *o, const json_t *list) {
        const json_t *group, *users;
        char name[VALUE_SIZE], value[64];
        size_t i;

        if (json_array_size(list) == 0)
                return;
        print_heading(o, 1, "Groups", "");
        json_array_foreach(list, i, group) {
                users = json_object_get(group, "Users");
                record_group(group, name, sizeof(name));
                (void) snprintf(value, sizeof(value), "%lld %s",
                                (long long) json_integer_value(users),
                                json_integer_value(users) == 1 ? "user" : "users");
                print_field(o, 2, name, json_is_integer(users) ? value : "");
        }
}

static void print_link(const Options *o, json_t *link) {
        char text[VALUE_SIZE];

        (void) snprintf(text, sizeof(text), "%lld: %s", (long long) record_number(link, "Index"),
                        record_text(link, "Name"));
        print_heading(o, 0, text, record_text(link, "OperationalState"));
        print_fields(o, 1, link, NULL);
        print_addresses(o, record_list(link, "Addresses"));
        print_groups(o, record_list(link, "Groups"));
}

static int show_links(Context *c, const json_t *links) {
        json_t *link;
        size_t i;

        if (c->options.json != JSON_OFF) {
                output_records(&c->options, links);
                return CLI_DONE;
        }
        json_array_foreach(links, i, link) {
                if (i > 0)
                        putchar('\n');
                print_link(&c->options, link);
        }
        return CLI_DONE;
}

/* The links that were named, each with how often its groups are joined. A link that goes while it is
 * being shown is "no such link". */
static int collect(Context *c, int argc, char **argv, json_t *links) {
        for (int i = 0; i < argc; i++) {
                json_t *link;
                int ifindex, r;

                r = context_find_link(c, argv[i], &ifindex);
                if (r == CLI_DONE)
                        r = context_link(c, ifindex, &link);
                if (r != CLI_DONE)
                        return r;
                (void) json_array_append_new(links, link);
        }
        return CLI_DONE;
}

static int show_daemon(Context *c) {
        _cleanup_(json_decrefp) json_t *info = NULL;
        int r;

        r = context_daemon(c, &info);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF)
                output_json(&c->options, info);
        else {
                print_fields(&c->options, 0, info, NULL);
                print_heading(&c->options, 0, "Counters", "");
                print_fields(&c->options, 1, json_object_get(info, "Counters"), NULL);
        }
        return CLI_DONE;
}

int verb_show(Context *c, int argc, char **argv) {
        _cleanup_(json_decrefp) json_t *links = NULL;
        int r;

        if (c->options.daemon) {
                if (argc > 0) {
                        cli_error("show: --daemon takes no LINK");
                        return CLI_USAGE;
                }
                return show_daemon(c);
        }
        if (argc == 0)
                r = context_links(c, /* users= */ true, &links);
        else {
                links = json_array();
                r = collect(c, argc, argv, links);
        }
        return r == CLI_DONE ? show_links(c, links) : r;
}
