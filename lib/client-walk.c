/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Walks over the rows of a handle's table, in place: the walk holds row numbers and the state of the
 * table when it began. Any change since then ends it with -ESTALE, because rows may have moved from
 * before the walk's place to behind it; whoever wants to walk undisturbed walks a snapshot.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"
#include "lookup.h"

struct ifroster_walk {
        const ifroster *handle;
        ObjectType type;
        int32_t ifindex; /* 0: of all links */
        int family; /* AF_UNSPEC: all */
        bool begun;
        TableWalk walk;
        /* The link of the row before: rows of one link often stand together. */
        int32_t link_ifindex; /* 0: none yet */
        uint64_t link_incarnation;
        char link_name[LINK_NAME_MAX + 1];
        /* What the table was: */
        ClientOrigin origin;
        uint64_t epoch;
        uint64_t sequence;
};

int ifroster_walk_new(const ifroster *h, int kind, int ifindex, int family, ifroster_walk **ret) {
        ifroster_walk *w;
        ObjectType type;
        int r;

        r = client_object_type(kind, &type);
        if (r < 0)
                return r;
        if (ifindex < 0)
                return -ERANGE;
        if (family != AF_UNSPEC && ip_family_size(family) == 0)
                return -EBADMSG;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->handle = h;
        w->type = type;
        w->ifindex = ifindex;
        w->family = family;
        *ret = w;
        return 0;
}

ifroster_walk *ifroster_walk_free(ifroster_walk *w) {
        free(w);
        return NULL;
}

void ifroster_walk_rewind(ifroster_walk *w) {
        w->begun = false;
}

static void start(ifroster_walk *w, const ClientReading *g) {
        w->origin = g->origin;
        w->epoch = g->epoch;
        w->sequence = g->sequence;
        w->link_ifindex = 0;
        w->walk = w->ifindex != 0 ? table_walk_link(&g->view, w->type, w->ifindex)
                                  : table_walk_all(&g->view, w->type);
}

/* 1: row is filled. Links have no family, so asking for one family of them gives them all. */
static int step(ifroster_walk *w, const TableView *v, ifroster_row *row) {
        int r;

        do {
                if (!table_next(v, &w->walk, &row->record))
                        return 0;
        } while (w->type != OBJECT_LINK && w->family != AF_UNSPEC &&
                 record_family(w->type, &row->record) != w->family);
        r = client_row_complete(row, v);
        return r < 0 ? r : 1;
}

int ifroster_walk_next(ifroster_walk *w, ifroster_row *row) {
        bool begun = w->begun;
        ClientReading g;
        int r;

        client_row_reset(row);
        row->type = w->type;
        r = begun ? client_read_resume(w->handle, &g) : client_read_begin(w->handle, &g);
        if (r < 0) {
                row->filled = false;
                return r;
        }
        do {
                if (!begun)
                        start(w, &g);
                r = w->origin == g.origin && w->epoch == g.epoch && w->sequence == g.sequence
                                    ? step(w, &g.view, row)
                                    : -ESTALE;
        } while (client_read_again(&g, &r));
        w->begun = true;
        row->filled = r > 0;
        return r;
}
