/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rows of the table told as events, to somebody who does not know them yet. What is told in pieces is
 * told from a copy of the table, so that the pieces together are one state: that of the generation
 * which the copy has.
 */

#include <errno.h>
#include <string.h>

#include "json.h"
#include "varlink-roster-internal.h"

int snapshot_new(const TableView *v, Snapshot **ret) {
        Snapshot *s = calloc(1, sizeof(*s));

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
        s->n_refs = 1;
        *ret = s;
        return 0;
}

Snapshot *snapshot_ref(Snapshot *s) {
        s->n_refs++;
        return s;
}

Snapshot *snapshot_unref(Snapshot *s) {
        if (!s || --s->n_refs > 0)
                return NULL;
        for (size_t i = 0; i < s->n_pieces; i++)
                varlink_payload_unref(s->pieces[i]);
        free(s->pieces);
        free(s->block);
        free(s);
        return NULL;
}

static int append_event(const Change *change, json_t *events) {
        json_t *event;
        int r;

        r = json_event(change, &event);
        if (r < 0)
                return r;
        return json_array_append_new(events, event) < 0 ? -ENOMEM : 0;
}

static int tell_rows(const TableView *v, const LinkRecord *link, ObjectType object, ChangeType type,
                     json_t *events) {
        TableWalk walk = table_walk_link(v, object, link->ifindex);
        Change change = { .type = type, .object = object, .incarnation = link->incarnation };
        int r;

        memcpy(change.link_name, link->name, sizeof(change.link_name));
        while (table_next(v, &walk, &change.record)) {
                r = append_event(&change, events);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int tell_link_itself(const TableView *v, const LinkRecord *link, ChangeType type,
                            LinkTexts *texts, json_t *events) {
        Change change = {
                .type = type,
                .object = OBJECT_LINK,
                .incarnation = link->incarnation,
                .record.link = *link,
                .texts = texts,
        };

        memcpy(change.link_name, link->name, sizeof(change.link_name));
        return append_event(&change, events);
}

static int tell_link_with(const TableView *v, const LinkRecord *link, ChangeType type,
                          LinkTexts *texts, const Filter *f, json_t *events) {
        static const ObjectType children[] = { OBJECT_ADDRESS, OBJECT_GROUP, OBJECT_ROUTE };
        int r = 0;

        if (filter_wants_object(f, OBJECT_LINK))
                r = tell_link_itself(v, link, type, texts, events);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(children); i++)
                if (filter_wants_object(f, children[i]))
                        r = tell_rows(v, link, children[i], type, events);
        return r;
}

int tell_link(const TableView *v, const LinkRecord *link, ChangeType type, const Filter *f,
              json_t *events) {
        LinkTexts *texts = NULL;
        int r;

        r = table_get_texts(v, link->ifindex, &texts);
        if (r < 0)
                return r;
        r = tell_link_with(v, link, type, texts, f, events);
        link_texts_free(texts);
        return r;
}

static int tell_if_wanted(const TableView *v, const LinkRecord *link, Filter *f, json_t *events) {
        LinkTexts *texts = NULL;
        int r;

        r = table_get_texts(v, link->ifindex, &texts);
        if (r < 0)
                return r;
        if (filter_names_link(f, link, texts)) {
                r = filter_follow(f, link->incarnation);
                if (r >= 0)
                        r = tell_link_with(v, link, CHANGE_EXISTING, texts, f, events);
        }
        link_texts_free(texts);
        return r;
}

/* Routes that lead nowhere (unreachable, blackhole) belong to no link. */
static int tell_routes_without_link(const TableView *v, const Filter *f, json_t *events) {
        LinkRecord none = {};

        if (f->names || !filter_wants_object(f, OBJECT_ROUTE))
                return 0;
        return tell_rows(v, &none, OBJECT_ROUTE, CHANGE_EXISTING, events);
}

int telling_next(Telling *t, const TableView *v, Filter *f, json_t *events) {
        LinkRecord link;
        int r;

        if (!t->started) {
                t->links = table_walk_all(v, OBJECT_LINK);
                t->started = true;
        }
        while (json_array_size(events) < ROSTER_EXISTING_EVENTS) {
                if (!table_next(v, &t->links, &link))
                        return tell_routes_without_link(v, f, events);
                r = tell_if_wanted(v, &link, f, events);
                if (r < 0)
                        return r;
        }
        return 1;
}

json_t *events_reply(uint64_t generation, json_t *events) {
        json_t *reply = json_object();

        if (!reply || json_object_set_new(reply, "Generation", json_number(generation)) < 0 ||
            json_object_set(reply, "Events", events) < 0) {
                json_decref(reply);
                reply = NULL;
        }
        json_decref(events);
        return reply;
}

static int snapshot_add_piece(Snapshot *s, json_t *events) {
        json_auto_t *reply = events_reply(s->generation, events);
        VarlinkPayload **grown;
        int r;

        grown = reallocarray(s->pieces, s->n_pieces + 1, sizeof(*grown));
        if (!grown || !reply)
                return -ENOMEM;
        s->pieces = grown;
        r = varlink_payload_new(reply, &s->pieces[s->n_pieces]);
        if (r >= 0)
                s->n_pieces++;
        return r;
}

int snapshot_piece(Snapshot *s, size_t i, VarlinkPayload **ret) {
        Filter all = {};
        json_t *events;
        int more, r;

        while (i >= s->n_pieces && !s->told) {
                events = json_array();
                if (!events)
                        return -ENOMEM;
                more = telling_next(&s->telling, &s->view, &all, events);
                if (more < 0 || json_array_size(events) == 0)
                        json_decref(events);
                else {
                        r = snapshot_add_piece(s, events);
                        if (r < 0)
                                return r;
                }
                if (more < 0)
                        return more;
                s->told = more == 0;
        }
        *ret = i < s->n_pieces ? s->pieces[i] : NULL;
        return 0;
}
