/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One commit, as the files that carry it out share it. Lives on the stack of model_commit(); nobody
 * else includes this.
 */

#include "model-private.h"

typedef struct Touched {
        int32_t ifindex;
        bool existed; /* and is still the same link */
        bool renamed;
        bool link_local; /* IPv6 link-local addresses came, went or changed */
        LinkRecord before;
        LinkTexts *texts_before; /* both only when the link's own row was pending */
        LinkTexts *texts_after;
} Touched;

typedef struct Commit {
        Model *m;
        bool settled;
        bool differs;
        Batch *batch;
        /* By ObjectType: the table had no such row, so there is nothing to compare with. */
        bool fresh[_OBJECT_TYPE_MAX];
        /* The link that commit_parent() found last; index 0: none. */
        LinkRecord parent;
        Touched *touched;
        size_t n_touched;
        size_t n_allocated;
        int error; /* the first one; the commit goes on */
} Commit;

/* model-commit.c */
void commit_failed(Commit *c, int error);
bool commit_is_ready(const Commit *c, const Pending *p);
/* Appends a change to the batch; NULL: nobody wants to know, or no memory. */
Change *commit_say(Commit *c, ChangeType type, ObjectType object, const void *record,
                   const LinkRecord *link);
/* Notes a link as it stood before the commit. NULL: no memory. */
Touched *commit_touch(Commit *c, int32_t ifindex);

/* model-commit-child.c: after the links, and for each entry that is ready. */
void commit_child(Commit *c, Pending *p);
/* After all of them, for a link that lost an IPv4 address. With the last one the kernel drops all IPv4
 * routes of the link, and announces only those that it had made for addresses: a prefix that somebody
 * made local goes without a word, even if there is an address again by now. */
void commit_after_ipv4_left(Commit *c, int32_t ifindex);
