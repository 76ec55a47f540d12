/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events in the caller's hands. One is made at a time, ahead of being pulled, so that dispatch can say
 * whether there is any.
 */

#include <errno.h>

#include "client-internal.h"
#include "json.h"

_Static_assert(IFROSTER_EVENT_EXISTING == (int) CHANGE_EXISTING &&
                               IFROSTER_EVENT_ADDED == (int) CHANGE_ADDED &&
                               IFROSTER_EVENT_CHANGED == (int) CHANGE_CHANGED &&
                               IFROSTER_EVENT_REMOVED == (int) CHANGE_REMOVED,
               "public types of events are the inner ones");

/* Makes the next event. 0: everything was told; when the table has changed meanwhile, the descriptor
 * becomes readable again, because what made it readable for that change has been read. */
static int advance(ifroster *h) {
        ClientState state;
        int r;

        r = client_diff_next(&h->diff, &h->event);
        h->event_ready = r > 0;
        if (r != 0)
                return r;
        if (client_state(h, &state) < 0 || !client_state_equal(&state, &h->diff.before.state)) {
                client_lock(h);
                client_watch_wake(h);
                client_unlock(h);
        }
        return 0;
}

int ifroster_dispatch(ifroster *h) {
        ClientState state;
        bool worth_it;
        int r;

        if (h->flags & IFROSTER_FROZEN)
                return -EINVAL;
        if (h->event_ready)
                return 1;
        if (h->diff.running)
                return advance(h);

        client_lock(h);
        worth_it = client_watch_update(h);
        client_unlock(h);
        if (!worth_it && h->diff.before.block)
                return 0;
        r = client_state(h, &state);
        if (r < 0)
                return r;
        if (h->diff.before.block && client_state_equal(&state, &h->diff.before.state))
                return 0;
        r = client_diff_start(h, &h->diff);
        if (r < 0)
                return r;
        return advance(h);
}

const ifroster_event *ifroster_next_event(ifroster *h) {
        if (!h->event_ready && h->diff.running)
                (void) advance(h);
        if (!h->event_ready)
                return NULL;
        h->event_ready = false;
        return &h->event;
}

int ifroster_event_type(const ifroster_event *event) {
        return event->type;
}

uint64_t ifroster_event_generation(const ifroster_event *event) {
        return event->generation;
}

const ifroster_row *ifroster_event_row(const ifroster_event *event) {
        return event->row.filled ? &event->row : NULL;
}

int ifroster_event_field_changed(const ifroster_event *event, const char *field) {
        const Field *fields, *found;
        size_t n;

        if (event->type != IFROSTER_EVENT_CHANGED)
                return 0;
        fields = fields_of(event->row.type, &n);
        found = field_find(event->row.type, field);
        return found &&
               record_diff_with_twins(event->row.type, event->fields) >> (found - fields) & 1;
}

static void write_event(JsonWriter *w, const ifroster_event *event) {
        Change change = {
                .type = (ChangeType) event->type,
                .object = event->row.type,
                .incarnation = ifroster_row_incarnation(&event->row),
                .fields = event->fields,
                .record = event->row.record,
                .texts = event->row.texts, /* still the row's */
        };

        if (event->type == IFROSTER_EVENT_RESYNCED) {
                json_write_resynced(w, event->generation, event->reason);
                return;
        }
        memcpy(change.link_name, ifroster_row_name(&event->row), sizeof(change.link_name));
        json_write_event(w, &change);
}

int ifroster_event_json(const ifroster_event *event, char **ret) {
        _cleanup_(json_writer_done) JsonWriter w = {};

        write_event(&w, event);
        return json_writer_take(&w, ret, NULL);
}
