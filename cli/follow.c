/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Follows links through renames, departures and arrivals.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "follow.h"

void filter_done(Filter *f) {
        for (size_t i = 0; i < f->n; i++)
                free(f->links[i].text);
        free(f->links);
        *f = (Filter){};
}

int filter_init(Filter *f, Context *c, int n, char **texts) {
        if (n == 0)
                return CLI_DONE;
        f->links = calloc((size_t) n, sizeof(*f->links));
        for (int i = 0; f->links && i < n; i++) {
                FollowedLink *l = &f->links[i];
                int r;

                l->text = escape_text(texts[i]);
                if (!l->text)
                        break;
                f->n++;
                r = context_look_for_link(c, texts[i], &l->index);
                if (r != CLI_DONE)
                        return r;
        }
        if (f->n == (size_t) n)
                return CLI_DONE;
        cli_error("out of memory");
        return CLI_UNREACHABLE;
}

int link_answers_to(const json_t *link, const char *text) {
        const json_t *name;
        char index[32];
        size_t i;

        if (strcmp(record_text(link, "Name"), text) == 0)
                return 1;
        json_array_foreach(json_object_get(link, "AlternativeNames"), i,
                           name) if (strcmp(json_string_value(name) ? json_string_value(name) : "",
                                            text) == 0) return 2;
        (void) snprintf(index, sizeof(index), "%lld", (long long) record_number(link, "Index"));
        return strcmp(index, text) == 0 ? 3 : 0;
}

static bool takes(FollowedLink *l, const json_t *event) {
        int64_t index = record_number(event, "Index");
        int64_t incarnation = record_number(event, "Incarnation");
        bool is_link = strcmp(record_text(event, "Object"), "link") == 0;
        bool removed = strcmp(record_text(event, "Event"), "removed") == 0;

        if (l->index == 0 && is_link && !removed && link_answers_to(event, l->text) > 0)
                l->index = index;
        if (l->index == 0 || l->index != index)
                return false;
        if (l->incarnation == 0)
                l->incarnation = incarnation;
        if (l->incarnation != incarnation)
                return false;
        if (is_link && removed)
                l->index = l->incarnation = 0;
        return true;
}

bool filter_takes(Filter *f, const json_t *event) {
        bool taken = f->n == 0 || strcmp(record_text(event, "Event"), "resynced") == 0;

        for (size_t i = 0; i < f->n; i++)
                taken = takes(&f->links[i], event) || taken;
        return taken;
}

void filter_renumber(Filter *f) {
        for (size_t i = 0; i < f->n; i++)
                f->links[i].incarnation = 0;
}
