/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Subscribe: what is there, then "ready", then every batch, nothing lost and nothing twice in between.
 *
 * Who names no links is told the rows that are there from a copy of the table, a piece whenever the
 * last one was read, so that one subscriber neither keeps the others waiting nor costs more memory
 * than one piece; batches that come meanwhile are held and follow after "ready". All of this is
 * written once for all who want the same objects.
 *
 * Who names links is told at once: there are few of them, and whether a link is followed must be known
 * before the next batch comes.
 *
 * A subscriber that does not read is ended by a limit, with an error: it is never skipped.
 */

#include <errno.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "varlink-roster-internal.h"

struct Subscription {
        Subscription *next;
        Subscription **previous;
        Roster *roster;
        VarlinkCall *call;
        Filter filter;
        /* While the existing rows are told in pieces: */
        Snapshot *snapshot;
        size_t piece; /* the next one */
        VarlinkPayload **held;
        size_t n_held;
        size_t n_held_allocated;
        size_t held_bytes;
};

static void drop_held(Subscription *s) {
        for (size_t i = 0; i < s->n_held; i++)
                varlink_payload_unref(s->held[i]);
        free(s->held);
        s->held = NULL;
        s->n_held = s->n_held_allocated = s->held_bytes = 0;
}

static Subscription *subscription_free(Subscription *s) {
        if (!s)
                return NULL;
        if (s->previous) {
                *s->previous = s->next;
                if (s->next)
                        s->next->previous = s->previous;
                s->roster->n_subscriptions--;
        }
        drop_held(s);
        snapshot_unref(s->snapshot);
        filter_done(&s->filter);
        varlink_call_unref(s->call);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Subscription *, subscription_free)

static void subscription_on_close(VarlinkCall *call, void *userdata) {
        subscription_free(userdata);
}

/* The end of a subscription for a reason of this side. A limit of the transport has ended the call
 * already, and says so by on_close. */
static void subscription_end(Subscription *s, int error) {
        if (!varlink_call_is_open(s->call))
                return;
        varlink_call_set_on_close(s->call, NULL, NULL);
        (void) roster_fail(s->call, error, "Subscribe", NULL);
        subscription_free(s);
}

/* Existing rows ---------------------------------------------------------------------------- */

static int send_ready(Subscription *s, uint64_t generation) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        _cleanup_(json_writer_done) JsonWriter w = {};
        int r;

        roster_text_begin(&w);
        json_write_begin_object(&w);
        json_write_key(&w, "Ready");
        json_write_bool(&w, true);
        json_write_key(&w, "Generation");
        json_write_uint(&w, generation);
        json_write_end_object(&w);
        r = roster_text_payload(&w, /* continues= */ true, /* shared= */ false, &payload);
        return r < 0 ? r : varlink_call_reply_more_payload(s->call, payload);
}

static int tell_the_end(Subscription *s) {
        int r;

        r = send_ready(s, s->snapshot->generation);
        for (size_t i = 0; r >= 0 && i < s->n_held; i++)
                r = varlink_call_reply_more_payload(s->call, s->held[i]);
        drop_held(s);
        s->snapshot = snapshot_unref(s->snapshot);
        return r;
}

static void on_ready(VarlinkCall *call, void *userdata);

/* One piece, and the next when it was read. */
static int tell_piece(Subscription *s) {
        VarlinkPayload *payload;
        int r;

        r = snapshot_piece(s->snapshot, s->filter.objects, s->piece, &payload);
        if (r < 0)
                return r;
        if (!payload)
                return tell_the_end(s);
        s->piece++;
        r = varlink_call_reply_more_payload(s->call, payload);
        if (r < 0)
                return r;
        varlink_call_when_ready(s->call, on_ready, s);
        return 0;
}

static void on_ready(VarlinkCall *call, void *userdata) {
        Subscription *s = userdata;
        int r;

        r = tell_piece(s);
        if (r < 0)
                subscription_end(s, r);
}

/* Copies are kept by those who do not read. When there are too many, whoever is at the oldest one and
 * has something unread goes. False when there is nobody like that. */
static bool end_the_slowest(Roster *roster) {
        Subscription *slowest = NULL;

        for (Subscription *s = roster->subscriptions; s; s = s->next)
                if (s->snapshot && varlink_call_is_open(s->call) &&
                    varlink_call_queued_bytes(s->call) > 0 &&
                    (!slowest || s->snapshot->generation < slowest->snapshot->generation))
                        slowest = s;
        if (!slowest)
                return false;
        subscription_end(slowest, -E2BIG);
        return true;
}

static int tell_in_pieces(Subscription *s) {
        int r;

        do
                r = snapshot_get(s->roster, &s->snapshot);
        while (r == -E2BIG && end_the_slowest(s->roster));
        return r < 0 ? r : tell_piece(s);
}

/* A reply of its own, which counts for its user. */
static int send_events(Subscription *s, const EventList *events, uint64_t generation) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        int r;

        r = event_list_payload(events, generation, /* shared= */ false, &payload);
        return r < 0 ? r : varlink_call_reply_more_payload(s->call, payload);
}

static int tell_named(Subscription *s) {
        TableView v = manager_view(s->roster->manager);
        uint64_t generation = table_generation(&v);
        Telling telling = {};
        int more, r;

        do {
                _cleanup_(event_list_done) EventList events = {};

                more = telling_next(&telling, &v, &s->filter, &events);
                if (more < 0)
                        return more;
                if (events.n == 0)
                        break;
                r = send_events(s, &events, generation);
                if (r < 0)
                        return r;
        } while (more > 0);
        return send_ready(s, generation);
}

static void subscription_link(Subscription *s, VarlinkCall *call) {
        Roster *roster = s->roster;

        s->call = varlink_call_ref(call);
        s->next = roster->subscriptions;
        if (s->next)
                s->next->previous = &s->next;
        s->previous = &roster->subscriptions;
        roster->subscriptions = s;
        roster->n_subscriptions++;
        varlink_call_set_on_close(call, subscription_on_close, s);
}

int roster_on_subscribe(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(subscription_freep) Subscription *s = NULL;
        const char *parameter = NULL;
        Roster *roster = userdata;
        int r;

        r = roster_begin(call, roster);
        if (r < 0)
                return 0;
        if (roster->n_subscriptions >= ROSTER_SUBSCRIPTIONS_MAX)
                return roster_fail(call, -E2BIG, "Subscribe", NULL);

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->roster = roster;
        r = filter_init(&s->filter, parameters, &parameter);
        if (r == -EINVAL)
                return varlink_call_error_invalid_parameter(call, parameter);
        if (r < 0)
                return roster_fail(call, r, parameter, NULL);

        subscription_link(s, call);
        r = s->filter.names ? tell_named(s) : tell_in_pieces(s);
        if (r < 0)
                subscription_end(s, r);
        /* Where the transport has ended the call, on_close is still to come. */
        (void) TAKE_PTR(s);
        return 0;
}

/* Batches ---------------------------------------------------------------------------------- */

/* All events of a batch, each written once. */
typedef struct BatchEvents {
        JsonWriter w;
        size_t *ends; /* of the texts of its changes */
} BatchEvents;

static void batch_events_done(BatchEvents *events) {
        json_writer_done(&events->w);
        free(events->ends);
}

static int batch_events_write(const Batch *batch, BatchEvents *events) {
        events->ends = reallocarray(NULL, batch->n_changes + 1, sizeof(*events->ends));
        if (!events->ends)
                return -ENOMEM;
        for (size_t i = 0; i < batch->n_changes; i++) {
                json_write_event(&events->w, &batch->changes[i]);
                events->ends[i] = events->w.len;
        }
        return events->w.failed ? -ENOMEM : 0;
}

static void batch_events_copy(const BatchEvents *events, size_t i, EventList *ret) {
        /* Behind the comma. */
        size_t start = i > 0 ? events->ends[i - 1] + 1 : 0;

        json_write_values(&ret->w, events->w.text + start, events->ends[i] - start);
        ret->n++;
}

/* A link that got a name of the filter, which the subscriber does not know: all of it is news. */
static int welcome_link(Subscription *s, const Change *change, EventList *events) {
        TableView v = manager_view(s->roster->manager);
        int r;

        r = filter_follow(&s->filter, change->incarnation);
        if (r < 0)
                return r;
        return tell_link(&v, &change->record.link, &s->filter, events);
}

typedef struct Sieve {
        Subscription *s;
        EventList events; /* that pass */
        uint64_t welcomed[ROSTER_FILTER_LINKS_MAX]; /* told whole in this batch */
        size_t n_welcomed;
} Sieve;

static bool sieve_has_told(const Sieve *sieve, uint64_t incarnation) {
        for (size_t i = 0; i < sieve->n_welcomed; i++)
                if (sieve->welcomed[i] == incarnation)
                        return true;
        return false;
}

static int sieve_link(Sieve *sieve, const Change *change, bool *ret_pass) {
        TableView v = manager_view(sieve->s->roster->manager);
        Filter *f = &sieve->s->filter;
        int r;

        *ret_pass = filter_follows(f, change->incarnation);
        if (change->type == CHANGE_REMOVED) {
                filter_forget(f, change->incarnation);
                return 0;
        }
        if (*ret_pass || !filter_names_link(f, &v, &change->record.link, change->texts))
                return 0;
        if (change->type == CHANGE_ADDED) {
                *ret_pass = true;
                return filter_follow(f, change->incarnation);
        }
        if (sieve->n_welcomed == ELEMENTSOF(sieve->welcomed))
                return -E2BIG;
        r = welcome_link(sieve->s, change, &sieve->events);
        sieve->welcomed[sieve->n_welcomed++] = change->incarnation;
        return r;
}

static int sieve_change(Sieve *sieve, const Batch *batch, const BatchEvents *events, size_t i) {
        const Change *change = &batch->changes[i];
        Filter *f = &sieve->s->filter;
        bool pass;
        int r;

        if (change->object == OBJECT_LINK) {
                r = sieve_link(sieve, change, &pass);
                if (r < 0)
                        return r;
        } else
                pass = filter_follows(f, change->incarnation) &&
                       !sieve_has_told(sieve, change->incarnation);
        if (pass && filter_wants_object(f, change->object))
                batch_events_copy(events, i, &sieve->events);
        return 0;
}

/* What passes a filter; an empty list when nothing does. The caller is done with it in any case. */
static int filter_events(Subscription *s, const Batch *batch, const BatchEvents *events,
                         EventList *ret) {
        Sieve sieve = { .s = s };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < batch->n_changes; i++)
                r = sieve_change(&sieve, batch, events, i);
        if (r >= 0 && batch->resynced) {
                json_write_resynced(&sieve.events.w, batch->generation, batch->reason);
                sieve.events.n++;
        }
        *ret = sieve.events;
        return r;
}

static int hold(Subscription *s, VarlinkPayload *payload) {
        size_t bytes = varlink_payload_size(payload);

        if (s->n_held == ROSTER_HELD_BATCHES_MAX || s->held_bytes + bytes > ROSTER_HELD_BYTES_MAX)
                return -E2BIG;
        if (s->n_held == s->n_held_allocated) {
                size_t n = s->n_held_allocated == 0 ? 4 : 2 * s->n_held_allocated;
                VarlinkPayload **grown = reallocarray(s->held, n, sizeof(VarlinkPayload *));

                if (!grown)
                        return -ENOMEM;
                s->held = grown;
                s->n_held_allocated = n;
        }
        s->held[s->n_held++] = varlink_payload_ref(payload);
        s->held_bytes += bytes;
        return 0;
}

/* One batch for those who name no links, written when the first of them needs it. */
typedef struct Shared {
        bool made;
        VarlinkPayload *payload; /* NULL: nothing in it is for them */
} Shared;

static int publish_shared(Subscription *s, const Batch *batch, const BatchEvents *events,
                          Shared *shared) {
        _cleanup_(event_list_done) EventList passed = {};
        int r;

        if (!shared->made) {
                r = filter_events(s, batch, events, &passed);
                if (r >= 0 && passed.n > 0)
                        r = event_list_payload(&passed, batch->generation, /* shared= */ true,
                                               &shared->payload);
                if (r < 0)
                        return r;
                shared->made = true;
        }
        if (!shared->payload)
                return 0;
        if (s->snapshot)
                return hold(s, shared->payload);
        return varlink_call_reply_more_payload(s->call, shared->payload);
}

static int publish_named(Subscription *s, const Batch *batch, const BatchEvents *events) {
        _cleanup_(event_list_done) EventList passed = {};
        int r;

        r = filter_events(s, batch, events, &passed);
        if (r < 0 || passed.n == 0)
                return r;
        return send_events(s, &passed, batch->generation);
}

/* Whoever would miss a batch must know that it did. */
static void end_all(Roster *roster, int error) {
        Subscription *next;

        log_error("all Varlink subscriptions are ended: %s", strerror(-error));
        for (Subscription *s = roster->subscriptions; s; s = next) {
                next = s->next;
                subscription_end(s, error);
        }
}

void roster_publish(Roster *roster, const Batch *batch) {
        Shared shared[ROSTER_AUDIENCES] = {};
        _cleanup_(batch_events_done) BatchEvents events = {};
        Subscription *next;
        int r;

        if (!roster->subscriptions)
                return;
        r = batch_events_write(batch, &events);
        if (r < 0) {
                end_all(roster, r);
                return;
        }
        for (Subscription *s = roster->subscriptions; s; s = next) {
                next = s->next;
                if (!varlink_call_is_open(s->call))
                        continue;
                r = s->filter.names ? publish_named(s, batch, &events)
                                    : publish_shared(s, batch, &events, shared + s->filter.objects);
                if (r < 0)
                        subscription_end(s, r);
        }
        for (size_t i = 0; i < ELEMENTSOF(shared); i++)
                varlink_payload_unref(shared[i].payload);
}

void roster_drop_subscriptions(Roster *roster) {
        while (roster->subscriptions)
                subscription_free(roster->subscriptions);
}
