/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verbs which, source and sort: how this machine would talk to another one, and why so.
 */

#include <string.h>

#include "cli.h"

int verb_which(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "INDEX", "LINK", "REASON" };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        int r;

        r = context_ask(c, QUESTION_WHICH, argv[0], NULL, &answer);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_json(&c->options, answer);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        grid_addf(g, COLOR_NONE, "%lld", (long long) record_number(answer, "Index"));
        grid_add(g, record_text(answer, "Name"), COLOR_BOLD);
        grid_add(g, record_text(answer, "Reason"), COLOR_NONE);
        grid_print(g);
        return CLI_DONE;
}

/* The kernel's answer has no candidates: it is one row itself. */
static void add_answer(Grid *g, const json_t *answer) {
        grid_add(g, record_text(answer, "Source"), COLOR_BOLD);
        grid_add(g, record_text(answer, "Name"), COLOR_NONE);
        grid_add(g, "", COLOR_NONE);
        grid_add(g, "chosen", COLOR_GOOD);
        grid_add(g, record_text(answer, "Rule"), COLOR_NONE);
}

static void add_candidate(Grid *g, const json_t *candidate) {
        bool chosen = json_is_true(json_object_get(candidate, "Chosen"));
        const char *state = record_text(candidate, "State");

        grid_addf(g, chosen ? COLOR_BOLD : COLOR_NONE, "%s/%lld",
                  record_text(candidate, "AddressString"),
                  (long long) record_number(candidate, "PrefixLength"));
        grid_add(g, record_text(candidate, "Name"), COLOR_NONE);
        grid_add(g, state, color_of_state(state));
        grid_add(g, chosen ? "chosen" : "dropped", chosen ? COLOR_GOOD : COLOR_DIM);
        grid_add(g, record_text(candidate, "Rule"), COLOR_NONE);
}

int verb_source(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "ADDRESS", "LINK", "STATE", "RESULT", "RULE" };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        const json_t *candidates, *candidate;
        size_t i;
        int r;

        r = context_ask(c, QUESTION_SOURCE, argv[0], c->options.mode ? c->options.mode : "model",
                        &answer);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_json(&c->options, answer);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        candidates = record_list(answer, "Candidates");
        json_array_foreach(candidates, i, candidate) add_candidate(g, candidate);
        if (json_array_size(candidates) == 0)
                add_answer(g, answer);
        grid_print(g);
        return CLI_DONE;
}

int verb_sort(Context *c, int argc, char **argv) {
        static const char *const columns[] = { "DESTINATION", "SOURCE", "BEFORE THE NEXT BY" };
        _cleanup_(json_decrefp) json_t *rows = NULL;
        _cleanup_(grid_freep) Grid *g = NULL;
        const json_t *row;
        size_t i;
        int r;

        if (c->options.connect) {
                cli_error("sort: asks the kernel itself; leave --connect out");
                return CLI_USAGE;
        }
        r = context_sort(c, argc, argv, &rows);
        if (r != CLI_DONE)
                return r;
        if (c->options.json != JSON_OFF) {
                output_records(&c->options, rows);
                return CLI_DONE;
        }
        g = grid_new(&c->options, columns, ELEMENTSOF(columns));
        json_array_foreach(rows, i, row) {
                const char *source = record_text(row, "SourceString");

                grid_add(g, record_text(row, "AddressString"), COLOR_BOLD);
                grid_add(g, source[0] != '\0' ? source : "unreachable",
                         source[0] != '\0' ? COLOR_NONE : COLOR_BAD);
                grid_add(g, i + 1 < json_array_size(rows) ? record_text(row, "Rule") : "",
                         COLOR_DIM);
        }
        grid_print(g);
        return CLI_DONE;
}
