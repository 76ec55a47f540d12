/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verbs zone and parse: what a text means. A text that means nothing is named an error.
 */

#include "cli.h"

int verb_zone(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "INDEX", "LINK", "MATCHED" };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        int r;

        r = context_zone(c, argv[0], &answer);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_json(&c->options, answer);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        grid_addf(g, COLOR_NONE, "%lld", (long long) record_number(answer, "Index"));
        grid_add(g, record_text(answer, "Name"), COLOR_BOLD);
        grid_add(g, record_text(answer, "Matched"), COLOR_NONE);
        grid_print(g);
        return CLI_DONE;
}

int verb_parse(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "ADDRESS", "FAMILY", "CLASS", "SCOPE", "LINK" };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        int r;

        r = context_ask(c, QUESTION_PARSE, argv[0], NULL, &answer);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_json(&c->options, answer);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        grid_add(g, record_text(answer, "Canonical"), COLOR_BOLD);
        grid_add(g, record_family(answer), COLOR_NONE);
        grid_add(g, record_text(answer, "Class"), COLOR_NONE);
        grid_add(g, record_text(answer, "Scope"), COLOR_NONE);
        grid_add(g, record_text(answer, "Name"), COLOR_NONE);
        grid_print(g);
        return CLI_DONE;
}
