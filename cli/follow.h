/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which events are about the links that were named. A text means a link as everywhere: name,
 * alternative name, index. Once found, the link is followed by index and incarnation; one that is not
 * there yet is taken when it comes.
 */

#include "cli.h"

typedef struct FollowedLink {
        char *text; /* escaped, as records have names */
        int64_t index; /* 0: not found yet */
        int64_t incarnation; /* 0: not known yet */
} FollowedLink;

typedef struct Filter {
        FollowedLink *links;
        size_t n; /* 0: everything passes */
} Filter;

/* 0 or an exit status, with the message said. filter_done() in any case. */
int filter_init(Filter *f, Context *c, int n, char **texts);
void filter_done(Filter *f);
/* In the order of the events, each once. */
bool filter_takes(Filter *f, const json_t *event);

/* From here on a link may have another incarnation, because somebody else gives them. */
void filter_renumber(Filter *f);

/* Whether a link's record answers to a text; the smaller the number, the better; 0: not at all. */
int link_answers_to(const json_t *link, const char *text);
