/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Walks over the rows of a handle's table, in place: the walk holds row numbers and the state of the
 * table when it began. Any change since then ends it with -ESTALE, because rows may have moved from
 * before the walk's place to behind it; whoever wants to walk undisturbed walks a snapshot.
 *
 * A walk that fills the same row again and again reads ahead: some thousand bytes of the table at once
 * into the row's own buffer, from where the row is pointed at one record after another. The rows stay with
 * the row, not with the walk, so that each row lives as long as its owner wants; and walk and row each
 * name the other, so that whatever else becomes of one of them (it is freed, rewound, used with a third)
 * is seen, and the walk goes back to where its caller is.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"
#include "lookup.h"
#include "table-search.h"

struct ifroster_walk {
        const ifroster *handle;
        ObjectType type;
        int32_t ifindex; /* 0: of all links */
        int family; /* AF_UNSPEC: all */
        bool begun;
        /* Where the table has been read to, and what of that stands in a row and is still to be handed
         * out: */
        TableWalk walk;
        const ifroster_row *row; /* compared only; NULL: none */
        unsigned at, n;
        TableWalk before; /* the rows read ahead */
        unsigned skip; /* rows from `walk` on that have been handed out already */
        /* What the table was, and where its words are that say so: */
        ClientOrigin origin;
        uint64_t epoch;
        uint64_t sequence;
        const uint64_t *epoch_now;
        const uint64_t *sequence_now;
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
        /* Links have no family, so asking for one family of them gives them all. */
        w->family = type == OBJECT_LINK ? AF_UNSPEC : family;
        *ret = w;
        return 0;
}

ifroster_walk *ifroster_walk_free(ifroster_walk *w) {
        free(w);
        return NULL;
}

void ifroster_walk_rewind(ifroster_walk *w) {
        w->begun = false;
        w->row = NULL;
        w->at = w->n = w->skip = 0;
}

/* Reading ahead ---------------------------------------------------------------------------- */

/* The link of the row before: rows of one link often stand together, and those of the next link mostly
 * follow as the links themselves do. */
typedef struct LastLink {
        int32_t ifindex; /* 0: none yet */
        uint32_t row; /* its number plus one, 0: there is no such link */
        ClientLinkName name;
} LastLink;

_inline_ void look_link_up(const TableView *v, const SectionView *links, int32_t ifindex,
                           LastLink *last) {
        last->row = is_link_row(links, last->row, ifindex) ? last->row + 1
                                                           : find_link_row(v, links, ifindex);
        last->ifindex = ifindex;
        if (last->row == 0 ||
            !link_name_of_row(links, last->row - 1, last->name.words, &last->name.incarnation))
                last->name = (ClientLinkName){};
}

_inline_ void name_links(const TableView *v, ObjectType type, ClientAhead *a) {
        const unsigned n = a->n;
        LastLink last = {};
        SectionView links;

        if (!section_of(v, SECTION_LINK, &links)) {
                memset(a->links, 0, sizeof(a->links));
                return;
        }
        for (unsigned i = 0; i < n; i++) {
                int32_t ifindex = type == OBJECT_ADDRESS ? a->records[i]->address.ifindex
                                                         : record_ifindex(type, a->records[i]);

                if (ifindex != last.ifindex)
                        look_link_up(v, &links, ifindex, &last);
                a->links[i].words[0] = last.name.words[0];
                a->links[i].words[1] = last.name.words[1];
                a->links[i].incarnation = last.name.incarnation;
        }
}

static int take_texts(const TableView *v, ClientAhead *a) {
        int r;

        if (!table_has_texts(v))
                return 0;
        memset(a->texts, 0, sizeof(a->texts));
        a->have_texts = true;
        for (unsigned i = 0; i < a->n; i++) {
                r = table_get_texts(v, a->records[i]->link.ifindex, &a->texts[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What rows have beside their record. */
static int complete(const TableView *v, ObjectType type, ClientAhead *a) {
        switch (type) {
        case OBJECT_LINK:
                return take_texts(v, a);
        case OBJECT_ADDRESS:
                name_links(v, OBJECT_ADDRESS, a);
                return 0;
        case OBJECT_GROUP:
        case OBJECT_ROUTE:
        case OBJECT_LOCAL:
        case _OBJECT_TYPE_MAX:
                name_links(v, type, a);
                return 0;
        }
        return -EINVAL;
}

/* Keeps the records of one family. */
static void choose_family(ObjectType type, int family, ClientAhead *a) {
        unsigned n = 0;

        for (unsigned i = 0; i < a->n; i++)
                if (record_family(type, a->records[i]) == family)
                        a->records[n++] = a->records[i];
        a->n = n;
}

/* 1: the buffer has rows; 0: no more. */
static int read_ahead(const ifroster_walk *w, const TableView *v, TableWalk *walk, ClientAhead *a) {
        int r;

        do {
                client_ahead_reset(a);
                a->n = table_next_rows(v, walk, a->rows, a->records);
                if (a->n == 0)
                        return 0;
                if (w->family != AF_UNSPEC)
                        choose_family(w->type, w->family, a);
        } while (a->n == 0);
        r = complete(v, w->type, a);
        return r < 0 ? r : 1;
}

/* Steps ------------------------------------------------------------------------------------ */

static bool next_record(const ifroster_walk *w, const TableView *v, TableWalk *walk, Record *ret) {
        do {
                if (!table_next(v, walk, ret))
                        return false;
        } while (w->family != AF_UNSPEC && record_family(w->type, ret) != w->family);
        return true;
}

/* 1: the row, or its buffer, is filled. */
static int step(ifroster_walk *w, const TableView *v, ifroster_row *row) {
        TableWalk before = w->walk, walk;
        int r;

        for (unsigned i = 0; i < w->skip; i++)
                (void) next_record(w, v, &before, &row->record);
        walk = before;
        if (row->ahead)
                r = read_ahead(w, v, &walk, row->ahead);
        else if (!next_record(w, v, &walk, &row->record))
                r = 0;
        else {
                r = client_row_complete(row, v);
                r = r < 0 ? r : 1;
        }
        if (r < 0)
                return r;
        w->before = before;
        w->walk = walk;
        w->skip = 0;
        return r;
}

static void start(ifroster_walk *w, const ClientReading *g) {
        const TableHeader *header = g->view.block;

        w->origin = g->origin;
        w->epoch = g->epoch;
        w->sequence = g->sequence;
        w->epoch_now = g->origin == CLIENT_SHARED ? &w->handle->map.epoch : &w->epoch;
        w->sequence_now = g->origin == CLIENT_SHARED ? &header->sequence : &w->sequence;
        w->walk = w->ifindex != 0 ? table_walk_link(&g->view, w->type, w->ifindex)
                                  : table_walk_all(&g->view, w->type);
}

static int finish(ifroster_walk *w, ifroster_row *row, int r) {
        row->filled = r > 0;
        w->at = w->n = 0;
        if (r > 0 && row->ahead) {
                row->walk = w;
                row->at = 0;
                w->at = 1;
                w->n = row->ahead->n;
        }
        return r;
}

/* True when the table is still what it was. Of the walk's own words when nobody else can change it. */
static bool is_unchanged(const ifroster_walk *w) {
        return load64(w->sequence_now) == w->sequence && load64(w->epoch_now) == w->epoch;
}

/* Rows that were read ahead for another row, or for one that is used for something else now, are read
 * again. */
static void go_back(ifroster_walk *w) {
        if (w->at >= w->n)
                return;
        w->walk = w->before;
        w->skip = w->at;
        w->at = w->n = 0;
}

/* Not inlined: what it needs on the stack the quick way would have to make room for. */
static __attribute__((noinline)) int read_on(ifroster_walk *w, ifroster_row *row) {
        bool begun = w->begun;
        ClientReading g;
        int r;

        client_row_reset(row);
        row->type = w->type;
        go_back(w);
        if (begun && w->walk.row == 0 && is_unchanged(w))
                return finish(w, row, 0);
        if (w->row == row)
                client_row_want_ahead(row);
        w->row = row;
        r = begun ? client_read_resume(w->handle, &g) : client_read_begin(w->handle, &g);
        if (r < 0)
                return finish(w, row, r);
        do {
                if (!begun)
                        start(w, &g);
                r = w->origin == g.origin && w->epoch == g.epoch && w->sequence == g.sequence
                                    ? step(w, &g.view, row)
                                    : -ESTALE;
        } while (client_read_again(&g, &r));
        w->begun = true;
        return finish(w, row, r);
}

static __attribute__((noinline)) int forget_and_next(ifroster_walk *w, ifroster_row *row) {
        client_row_forget(row);
        return ifroster_walk_next(w, row);
}

/* The rows that were read ahead are all of the state in which the walk began, so that they could be handed
 * out in any case. That a change is told at the next row is what the caller expects; another table in
 * the place of this one is noticed with the next reading. The compiler is told what to expect because
 * a jump more is a twentieth of a walk. */
int ifroster_walk_next(ifroster_walk *w, ifroster_row *row) {
        unsigned at = w->at;

        if (__builtin_expect(at >= w->n || w->row != row || row->walk != w ||
                                             load64(w->sequence_now) != w->sequence,
                             0))
                return read_on(w, row);
        if (__builtin_expect(row->cached, 0))
                return forget_and_next(w, row);
        w->at = at + 1;
        row->at = at;
        return 1;
}
