/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plan 9's texts, byte for byte as the library gives them, for programs that read those files.
 */

#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

static int print_text(Context *c, int file, int ifindex) {
        char *text;
        int r;

        r = ifroster_plan9_text(c->handle, file, ifindex, &text);
        if (r < 0)
                return cli_fail(r, NULL);
        fputs(text, stdout);
        free(text);
        return CLI_DONE;
}

/* The texts are written from a whole table, not asked for; and they are no records. */
static int check(Context *c, const char *verb) {
        if (c->options.json != JSON_OFF) {
                cli_error("%s: Plan 9's text is no record; leave --json out", verb);
                return CLI_USAGE;
        }
        if (c->options.connect) {
                cli_error("%s: Plan 9's text is made by the library; leave --connect out", verb);
                return CLI_USAGE;
        }
        return context_open(c);
}

int print_plan9(Context *c, const char *verb, int file, int argc, char **argv) {
        _cleanup_(json_decrefp) json_t *links = NULL;
        const json_t *link;
        size_t i;
        int ifindex, r;

        r = check(c, verb);
        if (r != CLI_DONE)
                return r;
        if (argc > 0) {
                r = context_find_link(c, argv[0], &ifindex);
                return r == CLI_DONE ? print_text(c, file, ifindex) : r;
        }
        r = context_links(c, /* users= */ false, &links);
        if (r != CLI_DONE)
                return r;
        json_array_foreach(links, i, link) {
                r = print_text(c, file, (int) record_number(link, "Index"));
                if (r != CLI_DONE)
                        return r;
        }
        return CLI_DONE;
}

int verb_status(Context *c, int argc, char **argv) {
        return print_plan9(c, "status", IFROSTER_PLAN9_STATUS, argc, argv);
}

int verb_selftab(Context *c, int argc, char **argv) {
        int r;

        r = check(c, "selftab");
        return r == CLI_DONE ? print_text(c, IFROSTER_PLAN9_SELFTAB, 0) : r;
}
