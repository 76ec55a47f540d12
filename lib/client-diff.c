/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events, made by comparing two copies of the table: the one whose content was told, and the newest.
 * That needs no queue: a reader that comes late finds the net difference, and what it costs does not
 * depend on how late it comes. Each step finds one difference, so neither is there a list of them.
 *
 * First what has gone, children before their link, then what has come or changed, links before their
 * children. A link that has gone and come again under the same index takes its children along; the
 * incarnation shows it, which means something only within one writer's table.
 *
 * Rows keep their numbers in a table, also when it grows. So most rows are found equal by comparing
 * memory in the same place, without a search.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"

enum {
        STEP_REMOVED = 0, /* four steps: routes, groups, addresses, links */
        STEP_RESYNCED = 4,
        STEP_PRESENT = 5, /* four steps: links, addresses, groups, routes */
        STEP_END = 9,
};

static const ObjectType step_types[STEP_END] = {
        [STEP_REMOVED] = OBJECT_ROUTE,       [STEP_REMOVED + 1] = OBJECT_GROUP,
        [STEP_REMOVED + 2] = OBJECT_ADDRESS, [STEP_REMOVED + 3] = OBJECT_LINK,
        [STEP_PRESENT] = OBJECT_LINK,        [STEP_PRESENT + 1] = OBJECT_ADDRESS,
        [STEP_PRESENT + 2] = OBJECT_GROUP,   [STEP_PRESENT + 3] = OBJECT_ROUTE,
};

/* Copies are private and were checked, so plain memory accesses do. */
static const uint8_t *row_at(const ClientCopy *c, unsigned section, uint32_t row) {
        return table_row(c->block, section, row);
}

static const TableSection *section_at(const ClientCopy *c, unsigned section) {
        return &((const TableHeader *) c->block)->sections[section];
}

static uint32_t common_rows(const ClientDiff *d, unsigned section) {
        const TableSection *a = section_at(&d->before, section),
                           *b = section_at(&d->after, section);
        uint32_t n = CONST_MIN(a->high_water, b->high_water);

        return CONST_MIN(n, CONST_MIN(a->capacity, b->capacity));
}

static bool rows_equal(const ClientDiff *d, unsigned section, uint32_t row) {
        return memcmp(row_at(&d->before, section, row), row_at(&d->after, section, row),
                      table_row_size(section)) == 0;
}

static bool texts_differ(const ClientDiff *d) {
        uint32_t n = common_rows(d, SECTION_NAME);

        if (section_at(&d->before, SECTION_NAME)->high_water !=
            section_at(&d->after, SECTION_NAME)->high_water)
                return true;
        return memcmp(row_at(&d->before, SECTION_NAME, 0), row_at(&d->after, SECTION_NAME, 0),
                      (size_t) n * table_row_size(SECTION_NAME)) != 0;
}

/* What makes it necessary to look at rows that are equal themselves. */
static void examine_links(ClientDiff *d) {
        TableView before = client_copy_view(&d->before), after = client_copy_view(&d->after);
        TableWalk w = table_walk_all(&before, OBJECT_LINK);
        LinkRecord old, new;

        d->replaced = d->renamed = false;
        while (table_next(&before, &w, &old)) {
                if (!table_get_link(&after, old.ifindex, &new))
                        continue;
                if (old.incarnation != new.incarnation && d->same_writer)
                        d->replaced = true;
                if (memcmp(old.name, new.name, sizeof(old.name)) != 0)
                        d->renamed = true;
        }
        d->texts = texts_differ(d);
}

/* Goes past rows that stand equal in the same place. */
static void skip_equal(const ClientDiff *d, ObjectType type, TableWalk *w) {
        uint32_t n = common_rows(d, type);

        if (d->replaced || d->renamed || (type == OBJECT_LINK && d->texts) || !d->same_writer)
                return;
        while (w->row > 0 && w->row <= n && w->budget > 1 && rows_equal(d, type, w->row - 1)) {
                w->row++;
                w->budget--;
        }
}

static uint64_t incarnation_in(const ClientCopy *c, int32_t ifindex) {
        TableView v = client_copy_view(c);
        LinkRecord link;

        return table_get_link(&v, ifindex, &link) ? link.incarnation : 0;
}

/* Whether the link of this row is in both copies the same one, so that a row in both is too. */
static bool same_link(const ClientDiff *d, ObjectType type, const Record *record) {
        int32_t ifindex = record_ifindex(type, record);

        return !d->replaced ||
               incarnation_in(&d->before, ifindex) == incarnation_in(&d->after, ifindex);
}

static int next_removed(ClientDiff *d, ObjectType type, ifroster_event *event) {
        TableView before = client_copy_view(&d->before), after = client_copy_view(&d->after);
        Record other;
        int r;

        for (;;) {
                const TableView *last = &before;
                LinkRecord link;

                skip_equal(d, type, &d->walk);
                if (!table_next(&before, &d->walk, &event->row.record))
                        return 0;
                if (table_get(&after, type, &event->row.record, &other) &&
                    same_link(d, type, &event->row.record))
                        continue;
                /* The link's name of now, when it is still there. */
                if (type != OBJECT_LINK && same_link(d, type, &event->row.record) &&
                    table_get_link(&after, record_ifindex(type, &event->row.record), &link))
                        last = &after;
                event->type = IFROSTER_EVENT_REMOVED;
                event->row.type = type;
                r = client_row_complete(&event->row, last);
                return r < 0 ? r : 1;
        }
}

/* Bits of the fields that differ for a reader; 0 when only inner members do. */
static int compare_row(const ClientDiff *d, const Record *old, const ifroster_row *row,
                       uint64_t *ret) {
        TableView before = client_copy_view(&d->before);
        _cleanup_(freep) LinkTexts *texts = NULL;
        RecordView old_view = { .type = row->type, .record = old, .context.users = -1 };
        RecordView new_view = client_row_view(row);
        LinkRecord link;
        int r;

        if (row->type == OBJECT_LINK) {
                r = table_get_texts(&before, old->link.ifindex, &texts);
                if (r < 0)
                        return r;
                old_view.context.texts = texts;
        } else if (table_get_link(&before, record_ifindex(row->type, old), &link))
                old_view.context.link_name = link.name;
        *ret = record_diff(&old_view, &new_view);
        return 0;
}

static int next_present(ClientDiff *d, ObjectType type, ifroster_event *event) {
        bool first = !d->before.block;
        TableView before = client_copy_view(&d->before), after = client_copy_view(&d->after);
        Record old;
        int r;

        for (;;) {
                if (!first)
                        skip_equal(d, type, &d->walk);
                client_row_reset(&event->row);
                if (!table_next(&after, &d->walk, &event->row.record))
                        return 0;
                event->row.type = type;
                r = client_row_complete(&event->row, &after);
                if (r < 0)
                        return r;
                if (first || !table_get(&before, type, &event->row.record, &old) ||
                    !same_link(d, type, &event->row.record)) {
                        event->type = first ? IFROSTER_EVENT_EXISTING : IFROSTER_EVENT_ADDED;
                        return 1;
                }
                r = compare_row(d, &old, &event->row, &event->fields);
                if (r < 0)
                        return r;
                if (event->fields != 0) {
                        event->type = IFROSTER_EVENT_CHANGED;
                        return 1;
                }
        }
}

/* 1 when the table was read anew, or by another writer. */
static int next_resynced(const ClientDiff *d, ifroster_event *event) {
        const ClientState *a = &d->before.state, *b = &d->after.state;
        unsigned reason = b->resyncs & 0xff;

        if (a->origin == b->origin && a->resyncs == b->resyncs)
                return 0;
        event->type = IFROSTER_EVENT_RESYNCED;
        event->row.filled = false;
        (void) strncpy(event->reason,
                       a->origin != b->origin || reason >= _RESYNC_REASON_MAX
                                       ? "source"
                                       : resync_reason_to_string((ResyncReason) reason),
                       sizeof(event->reason) - 1);
        return 1;
}

static void enter_step(ClientDiff *d, unsigned step) {
        const ClientCopy *copy = step < STEP_RESYNCED ? &d->before : &d->after;
        TableView v = client_copy_view(copy);

        d->step = step;
        if (step != STEP_RESYNCED && step < STEP_END)
                d->walk = table_walk_all(&v, step_types[step]);
}

int client_diff_start(const ifroster *h, ClientDiff *d) {
        int r;

        r = client_copy(h, &d->after);
        if (r < 0)
                return r;
        d->running = true;
        if (!d->before.block) {
                enter_step(d, STEP_PRESENT);
                return 0;
        }
        d->same_writer = d->before.state.origin == d->after.state.origin;
        examine_links(d);
        enter_step(d, STEP_REMOVED);
        return 0;
}

int client_diff_next(ClientDiff *d, ifroster_event *event) {
        int r = 0;

        while (d->step < STEP_END) {
                client_row_reset(&event->row);
                event->fields = 0;
                event->reason[0] = 0;
                event->generation = d->after.state.generation;
                if (d->step < STEP_RESYNCED)
                        r = next_removed(d, step_types[d->step], event);
                else if (d->step == STEP_RESYNCED)
                        r = next_resynced(d, event);
                else
                        r = next_present(d, step_types[d->step], event);
                /* Said once. */
                if (r == 0 || d->step == STEP_RESYNCED)
                        enter_step(d, d->step + 1);
                if (r != 0)
                        return r;
        }
        client_copy_done(&d->before);
        d->before = d->after;
        d->after = (ClientCopy){};
        d->running = false;
        return 0;
}

void client_diff_done(ClientDiff *d) {
        client_copy_done(&d->before);
        client_copy_done(&d->after);
        d->running = false;
}
