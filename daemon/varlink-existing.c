/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rows of the table told as events, to somebody who does not know them yet. What is told in pieces is
 * told from a copy of the table, so that the pieces together are one state: that of the generation
 * which the copy has. A piece is written once for all who want the same of it.
 */

#include <errno.h>
#include <string.h>

#include "json.h"
#include "varlink-roster-internal.h"

static const ObjectType children[] = { OBJECT_ADDRESS, OBJECT_GROUP, OBJECT_ROUTE };

/* Lists of events ------------------------------------------------------------------------------ */

void event_list_done(EventList *events) {
        json_writer_done(&events->w);
}

void event_list_add(EventList *events, const Change *change) {
        json_write_event(&events->w, change);
        events->n++;
}

int event_list_payload(const EventList *events, uint64_t generation, bool shared,
                       VarlinkPayload **ret) {
        _cleanup_(json_writer_done) JsonWriter w = {};

        if (events->w.failed)
                return -ENOMEM;
        roster_text_begin(&w);
        json_write_begin_object(&w);
        json_write_key(&w, "Generation");
        json_write_uint(&w, generation);
        json_write_key(&w, "Events");
        json_write_begin_array(&w);
        json_write_values(&w, events->w.text, events->w.len);
        json_write_end_array(&w);
        json_write_end_object(&w);
        return roster_text_payload(&w, /* continues= */ true, shared, ret);
}

static void add_link(const LinkRecord *link, ChangeType type, LinkTexts *texts, EventList *events) {
        Change change = {
                .type = type,
                .object = OBJECT_LINK,
                .incarnation = link->incarnation,
                .record.link = *link,
                .texts = texts,
        };

        memcpy(change.link_name, link->name, sizeof(change.link_name));
        event_list_add(events, &change);
}

/* Walks --------------------------------------------------------------------------------------- */

/* The link itself, when it is wanted, and what belongs to it comes next. */
static int telling_begin_link(Telling *t, const TableView *v, ChangeType type, Filter *f,
                              EventList *events) {
        LinkTexts *texts = NULL;
        int r;

        r = table_get_texts(v, t->link.ifindex, &texts);
        if (r < 0)
                return r;
        t->at_link = filter_follows(f, t->link.incarnation) ||
                     filter_names_link(f, v, &t->link, texts);
        t->child = 0;
        if (t->at_link)
                r = filter_follow(f, t->link.incarnation);
        if (r >= 0 && t->at_link && filter_wants_object(f, OBJECT_LINK))
                add_link(&t->link, type, texts, events);
        link_texts_free(texts);
        return r;
}

/* The next row of the link; false when it has no more. */
static bool telling_next_row(Telling *t, const TableView *v, const Filter *f, Change *change) {
        for (; t->child < ELEMENTSOF(children); t->child++, t->at_rows = false) {
                if (!filter_wants_object(f, children[t->child]))
                        continue;
                if (!t->at_rows)
                        t->rows = table_walk_link(v, children[t->child], t->link.ifindex);
                t->at_rows = true;
                change->object = children[t->child];
                if (table_next(v, &t->rows, &change->record))
                        return true;
        }
        return false;
}

/* Rows of the link, until the array is full. */
static void telling_rows(Telling *t, const TableView *v, ChangeType type, const Filter *f,
                         size_t n_max, EventList *events) {
        Change change = { .type = type, .incarnation = t->link.incarnation };

        memcpy(change.link_name, t->link.name, sizeof(change.link_name));
        while (events->n < n_max) {
                if (!telling_next_row(t, v, f, &change)) {
                        t->at_link = false;
                        return;
                }
                event_list_add(events, &change);
        }
}

/* On to the next link. Behind the last one come the routes that lead nowhere (unreachable, blackhole)
 * and belong to none. */
static int telling_next_link(Telling *t, const TableView *v, Filter *f, EventList *events) {
        if (!t->started)
                t->links = table_walk_all(v, OBJECT_LINK);
        t->started = true;
        if (table_next(v, &t->links, &t->link))
                return telling_begin_link(t, v, CHANGE_EXISTING, f, events);
        t->ended = true;
        t->link = (LinkRecord){};
        t->child = 0;
        t->at_link = !f->names;
        return 0;
}

int telling_next(Telling *t, const TableView *v, Filter *f, EventList *events) {
        int r = 0;

        while (events->n < ROSTER_EXISTING_EVENTS) {
                if (t->at_link)
                        telling_rows(t, v, CHANGE_EXISTING, f, ROSTER_EXISTING_EVENTS, events);
                else if (t->ended)
                        return 0;
                else
                        r = telling_next_link(t, v, f, events);
                if (r < 0)
                        return r;
        }
        return 1;
}

int tell_link(const TableView *v, const LinkRecord *link, Filter *f, EventList *events) {
        Telling t = { .link = *link };
        int r;

        r = telling_begin_link(&t, v, CHANGE_ADDED, f, events);
        if (r < 0 || !t.at_link)
                return r;
        telling_rows(&t, v, CHANGE_ADDED, f, SIZE_MAX, events);
        return 0;
}

/* Copies of the table ------------------------------------------------------------------------- */

static void snapshot_account(Snapshot *s, size_t bytes) {
        s->bytes += bytes;
        s->roster->snapshot_bytes += bytes;
}

static int snapshot_new(Roster *r, const TableView *v, Snapshot **ret) {
        Snapshot *s;

        if (r->snapshot_bytes > 0 && r->snapshot_bytes + v->size > ROSTER_SNAPSHOT_BYTES_MAX)
                return -E2BIG;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->block = malloc(v->size);
        if (!s->block) {
                free(s);
                return -ENOMEM;
        }
        memcpy(s->block, v->block, v->size);
        s->view = (TableView){ .block = s->block, .size = v->size };
        s->generation = table_generation(v);
        s->roster = r;
        snapshot_account(s, v->size);
        *ret = s;
        return 0;
}

int snapshot_get(Roster *r, Snapshot **ret) {
        TableView v = manager_view(r->manager);
        int k;

        if (!r->snapshot || r->snapshot->generation != table_generation(&v)) {
                k = snapshot_new(r, &v, &r->snapshot);
                if (k < 0)
                        return k;
        }
        r->snapshot->n_refs++;
        *ret = r->snapshot;
        return 0;
}

Snapshot *snapshot_unref(Snapshot *s) {
        if (!s || --s->n_refs > 0)
                return NULL;
        for (size_t a = 0; a < ROSTER_AUDIENCES; a++) {
                for (size_t i = 0; i < s->audiences[a].n; i++)
                        varlink_payload_unref(s->audiences[a].payloads[i]);
                free(s->audiences[a].payloads);
        }
        s->roster->snapshot_bytes -= s->bytes;
        if (s->roster->snapshot == s)
                s->roster->snapshot = NULL;
        free(s->block);
        free(s);
        return NULL;
}

static int snapshot_add_piece(Snapshot *s, Pieces *p, const EventList *events) {
        VarlinkPayload **grown;
        int r;

        grown = reallocarray(p->payloads, p->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        p->payloads = grown;
        r = event_list_payload(events, s->generation, /* shared= */ true, &p->payloads[p->n]);
        if (r < 0)
                return r;
        snapshot_account(s, varlink_payload_size(p->payloads[p->n]));
        p->n++;
        return 0;
}

static int snapshot_write_piece(Snapshot *s, unsigned audience) {
        _cleanup_(event_list_done) EventList events = {};
        Filter filter = { .objects = audience };
        Pieces *p = &s->audiences[audience];
        Telling telling = p->telling;
        int more, r;

        more = telling_next(&telling, &s->view, &filter, &events);
        if (more < 0)
                return more;
        if (events.n > 0) {
                r = snapshot_add_piece(s, p, &events);
                if (r < 0)
                        return r;
        }
        /* Not before there is the piece: without memory it is made for whoever comes next. */
        p->telling = telling;
        p->told = more == 0;
        return 0;
}

int snapshot_piece(Snapshot *s, unsigned audience, size_t i, VarlinkPayload **ret) {
        Pieces *p = &s->audiences[audience];
        int r;

        while (i >= p->n && !p->told) {
                r = snapshot_write_piece(s, audience);
                if (r < 0)
                        return r;
        }
        *ret = i < p->n ? p->payloads[i] : NULL;
        return 0;
}
