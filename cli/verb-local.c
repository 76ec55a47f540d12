/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verbs local and lookup: which addresses are this machine's.
 */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

#define CELL_SIZE 512

/* Prefixes are shown as such, single addresses bare. */
static void address_text(const json_t *entry, char *buffer, size_t size) {
        int64_t length = record_number(entry, "PrefixLength");
        bool whole = length == (record_number(entry, "Family") == AF_INET ? 32 : 128);

        if (whole)
                (void) snprintf(buffer, size, "%s", record_text(entry, "AddressString"));
        else
                (void) snprintf(buffer, size, "%s/%lld", record_text(entry, "AddressString"),
                                (long long) length);
}

static void add_entry(Grid *g, const json_t *entry, bool derived) {
        char text[CELL_SIZE] = "", reasons[CELL_SIZE] = "";
        const char *owner = record_text(entry, "OwnerString");
        int64_t references = record_number(entry, "References");

        address_text(entry, text, sizeof(text));
        (void) record_member_text(entry, "Reasons", reasons, sizeof(reasons));
        grid_add(g, text, COLOR_NONE);
        grid_add(g, record_text(entry, "Type"), COLOR_NONE);
        grid_add(g, record_text(entry, "Name"), COLOR_BOLD);
        if (references > 0)
                grid_addf(g, COLOR_NONE, "%lld", (long long) references);
        else
                grid_add(g, "", COLOR_NONE);
        if (derived && owner[0] != '\0')
                grid_addf(g, COLOR_NONE, "%s/%lld", owner,
                          (long long) record_number(entry, "OwnerPrefixLength"));
        else if (derived)
                grid_add(g, "", COLOR_NONE);
        grid_add(g, reasons, COLOR_DIM);
}

int verb_local(Context *c, int argc, char **argv) {
        static const char *const kernel[] = { "ADDRESS", "TYPE", "LINK", "USERS", "REASONS" };
        static const char *const derived[] = { "ADDRESS", "TYPE",  "LINK",
                                               "COUNT",   "OWNER", "REASONS" };
        _cleanup_(json_decrefp) json_t *entries = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        const Options *o = &c->options;
        const json_t *entry;
        int ifindex = 0, r;
        size_t i;

        if (o->plan9 && o->derived) {
                cli_error("local: --plan9 is of the derived table already; leave --derived out");
                return CLI_USAGE;
        }
        if (o->plan9)
                return print_plan9(c, "local", IFROSTER_PLAN9_LOCAL, argc, argv);
        if (argc > 0) {
                r = context_find_link(c, argv[0], &ifindex);
                if (r != CLI_DONE)
                        return r;
        }
        r = context_local(c, o->derived, ifindex, &entries);
        if (r != CLI_DONE)
                return r;
        if (o->json != JSON_OFF) {
                output_records(o, entries);
                return CLI_DONE;
        }
        g = o->derived ? grid_new(o, derived, ELEMENTSOF(derived))
                       : grid_new(o, kernel, ELEMENTSOF(kernel));
        json_array_foreach(entries, i, entry) add_entry(g, entry, o->derived);
        grid_print(g);
        return CLI_DONE;
}

int verb_lookup(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "TYPE", "LINKS" };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        char names[4096] = "";
        const json_t *link;
        size_t i, len = 0;
        bool mine;
        int r;

        r = context_ask(c, QUESTION_LOOKUP, argv[0], NULL, &answer);
        if (r != CLI_DONE)
                return r;
        mine = strcmp(record_text(answer, "Type"), "none") != 0;
        if (c->options.json != JSON_OFF)
                output_json(&c->options, answer);
        else {
                json_array_foreach(json_object_get(answer, "Links"), i,
                                   link) if (len < sizeof(names)) len +=
                                (size_t) snprintf(names + len, sizeof(names) - len, "%s%s",
                                                  i > 0 ? " " : "", record_text(link, "Name"));
                g = grid_new(&c->options, columns, ELEMENTSOF(columns));
                grid_add(g, record_text(answer, "Type"), mine ? COLOR_GOOD : COLOR_DIM);
                grid_add(g, names, COLOR_BOLD);
                grid_print(g);
        }
        return mine ? CLI_DONE : CLI_NO;
}
