/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Subscribe: what is there, then "ready", then every batch, nothing lost and nothing twice in between.
 * The rows that are there are told from a copy of the table, a piece at a time so that one subscriber
 * does not keep the others waiting; batches that come meanwhile are held and follow after "ready".
 *
 * A batch is written once for all who want all of it. A subscriber that does not read is ended by the
 * transport's limit, with an error: it is never skipped.
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
        /* While the existing rows are told: */
        Snapshot *snapshot;
        Telling telling; /* with a filter */
        size_t piece; /* without: the next one of the snapshot */
        sd_event_source *turn;
        VarlinkPayload *held[ROSTER_HELD_BATCHES_MAX];
        size_t n_held;
};

static Subscription *subscription_free(Subscription *s) {
        if (!s)
                return NULL;
        if (s->previous) {
                *s->previous = s->next;
                if (s->next)
                        s->next->previous = s->previous;
                s->roster->n_subscriptions--;
        }
        for (size_t i = 0; i < s->n_held; i++)
                varlink_payload_unref(s->held[i]);
        sd_event_source_disable_unref(s->turn);
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

/* Replies ---------------------------------------------------------------------------------- */

static int send_events(Subscription *s, uint64_t generation, json_t *events) {
        json_auto_t *reply = events_reply(generation, events);

        return reply ? varlink_call_reply_more(s->call, reply) : -ENOMEM;
}

static int send_ready(Subscription *s) {
        json_auto_t *reply = json_object();

        if (!reply || json_object_set_new(reply, "Ready", json_true()) < 0 ||
            json_object_set_new(reply, "Generation", json_number(s->snapshot->generation)) < 0)
                return -ENOMEM;
        return varlink_call_reply_more(s->call, reply);
}

/* The end of a subscription for a reason of this side. */
static void subscription_end(Subscription *s, int error) {
        if (varlink_call_is_open(s->call))
                (void) roster_fail(s->call, error, "Subscribe", NULL);
        subscription_free(s);
}

/* Existing rows ---------------------------------------------------------------------------- */

static int tell_shared_piece(Subscription *s) {
        VarlinkPayload *payload;
        int r;

        r = snapshot_piece(s->snapshot, s->piece, &payload);
        if (r < 0 || !payload)
                return r;
        s->piece++;
        r = varlink_call_reply_more_payload(s->call, payload);
        return r < 0 ? r : 1;
}

static int tell_own_piece(Subscription *s) {
        json_t *events = json_array();
        int more, r;

        if (!events)
                return -ENOMEM;
        more = telling_next(&s->telling, &s->snapshot->view, &s->filter, events);
        if (more < 0 || json_array_size(events) == 0) {
                json_decref(events);
                return more;
        }
        r = send_events(s, s->snapshot->generation, events);
        return r < 0 ? r : more;
}

static int tell_the_end(Subscription *s) {
        int r;

        r = send_ready(s);
        for (size_t i = 0; r >= 0 && i < s->n_held; i++)
                r = varlink_call_reply_more_payload(s->call, s->held[i]);
        for (size_t i = 0; i < s->n_held; i++)
                varlink_payload_unref(s->held[i]);
        s->n_held = 0;
        s->snapshot = snapshot_unref(s->snapshot);
        s->turn = sd_event_source_disable_unref(s->turn);
        return r;
}

/* One piece; 1 when there is more to tell. */
static int tell(Subscription *s) {
        int r;

        r = filter_is_empty(&s->filter) ? tell_shared_piece(s) : tell_own_piece(s);
        return r == 0 ? tell_the_end(s) : r;
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        Subscription *s = userdata;
        bool full = varlink_call_queued_bytes(s->call) > ROSTER_EXISTING_BYTES;
        int r = full ? 1 : tell(s);

        if (r > 0) {
                r = sd_event_source_set_time_relative(source,
                                                      full ? ROSTER_EXISTING_PAUSE_USEC : 0);
                if (r >= 0)
                        r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        /* A limit of the transport has ended the call already, and says so by on_close. */
        if (r < 0 && varlink_call_is_open(s->call))
                subscription_end(s, r);
        return 0;
}

/* Tells the first piece at once: for most machines it is all there is. A filter by name follows links,
 * so it must have seen all of them before the next batch comes. */
static int start_telling(Subscription *s) {
        int r;

        do
                r = tell(s);
        while (r > 0 && s->filter.names);
        if (r <= 0)
                return r;
        return sd_event_add_time_relative(manager_event(s->roster->manager), &s->turn,
                                          CLOCK_MONOTONIC, 0, 0, on_turn, s);
}

/* Subscribers of one generation share a copy. */
static int take_snapshot(Roster *r, Snapshot **ret) {
        TableView v = manager_view(r->manager);
        int k;

        if (r->snapshot && r->snapshot->generation != table_generation(&v))
                r->snapshot = snapshot_unref(r->snapshot);
        if (!r->snapshot) {
                k = snapshot_new(&v, &r->snapshot);
                if (k < 0)
                        return k;
        }
        *ret = snapshot_ref(r->snapshot);
        return 0;
}

int roster_on_subscribe(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(subscription_freep) Subscription *s = NULL;
        const char *parameter = NULL;
        Roster *roster = userdata;
        int r;

        r = manager_refresh(roster->manager);
        if (r < 0)
                return roster_fail(call, r, NULL, NULL);
        if (manager_state(roster->manager) == SOURCE_STARTING)
                return roster_fail(call, -EAGAIN, NULL, NULL);
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
        r = take_snapshot(roster, &s->snapshot);
        if (r < 0)
                return r;

        s->call = varlink_call_ref(call);
        s->next = roster->subscriptions;
        if (s->next)
                s->next->previous = &s->next;
        s->previous = &roster->subscriptions;
        roster->subscriptions = s;
        roster->n_subscriptions++;
        varlink_call_set_on_close(call, subscription_on_close, s);
        r = start_telling(s);
        if (r < 0 && varlink_call_is_open(call)) {
                varlink_call_set_on_close(call, NULL, NULL);
                return roster_fail(call, r, "Subscribe", NULL);
        }
        /* When the transport has ended the call, on_close is still to come. */
        (void) TAKE_PTR(s);
        return 0;
}

/* Batches ---------------------------------------------------------------------------------- */

static int append_resynced(const Batch *batch, json_t *events) {
        json_t *event;
        int r;

        if (!batch->resynced)
                return 0;
        r = json_resynced(batch->generation, batch->reason, &event);
        if (r < 0)
                return r;
        return json_array_append_new(events, event) < 0 ? -ENOMEM : 0;
}

/* All events of a batch; their places are those of the changes. */
static int batch_events(const Batch *batch, json_t **ret) {
        json_auto_t *events = json_array();
        json_t *event;
        int r;

        if (!events)
                return -ENOMEM;
        for (size_t i = 0; i < batch->n_changes; i++) {
                r = json_event(&batch->changes[i], &event);
                if (r < 0)
                        return r;
                if (json_array_append_new(events, event) < 0)
                        return -ENOMEM;
        }
        *ret = json_incref(events);
        return 0;
}

/* A link that got a name of the filter, which the subscriber does not know: all of it is news. */
static int welcome_link(Subscription *s, const Change *change, json_t *events) {
        TableView v = manager_view(s->roster->manager);
        int r;

        r = filter_follow(&s->filter, change->incarnation);
        if (r < 0)
                return r;
        return tell_link(&v, &change->record.link, CHANGE_ADDED, &s->filter, events);
}

typedef struct Sieve {
        Subscription *s;
        json_t *events; /* that pass */
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
        Filter *f = &sieve->s->filter;
        int r;

        *ret_pass = filter_follows(f, change->incarnation);
        if (change->type == CHANGE_REMOVED) {
                filter_forget(f, change->incarnation);
                return 0;
        }
        if (*ret_pass || !filter_names_link(f, &change->record.link, change->texts))
                return 0;
        if (change->type == CHANGE_ADDED) {
                *ret_pass = true;
                return filter_follow(f, change->incarnation);
        }
        if (sieve->n_welcomed == ELEMENTSOF(sieve->welcomed))
                return -E2BIG;
        r = welcome_link(sieve->s, change, sieve->events);
        sieve->welcomed[sieve->n_welcomed++] = change->incarnation;
        return r;
}

static int sieve_change(Sieve *sieve, const Change *change, json_t *event) {
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
        if (!pass || !filter_wants_object(f, change->object))
                return 0;
        return json_array_append(sieve->events, event) < 0 ? -ENOMEM : 0;
}

/* The payload for one filter; NULL when nothing passes. */
static int filtered_payload(Subscription *s, const Batch *batch, json_t *events,
                            VarlinkPayload **ret) {
        json_auto_t *passed = json_array(), *reply = NULL;
        Sieve sieve = { .s = s, .events = passed };
        int r;

        if (!passed)
                return -ENOMEM;
        for (size_t i = 0; i < batch->n_changes; i++) {
                r = sieve_change(&sieve, &batch->changes[i], json_array_get(events, i));
                if (r < 0)
                        return r;
        }
        r = append_resynced(batch, passed);
        if (r < 0)
                return r;
        *ret = NULL;
        if (json_array_size(passed) == 0)
                return 0;
        reply = events_reply(batch->generation, json_incref(passed));
        return reply ? varlink_payload_new(reply, ret) : -ENOMEM;
}

static int whole_payload(const Batch *batch, json_t *events, VarlinkPayload **ret) {
        json_auto_t *all = json_copy(events), *reply = NULL;
        int r;

        if (!all)
                return -ENOMEM;
        r = append_resynced(batch, all);
        if (r < 0)
                return r;
        reply = events_reply(batch->generation, json_incref(all));
        return reply ? varlink_payload_new(reply, ret) : -ENOMEM;
}

static int subscription_send(Subscription *s, VarlinkPayload *payload) {
        if (!s->snapshot)
                return varlink_call_reply_more_payload(s->call, payload);
        if (s->n_held == ELEMENTSOF(s->held))
                return -E2BIG;
        s->held[s->n_held++] = varlink_payload_ref(payload);
        return 0;
}

static int subscription_publish(Subscription *s, const Batch *batch, json_t *events,
                                VarlinkPayload *whole) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *own = NULL;
        int r;

        if (filter_is_empty(&s->filter))
                return subscription_send(s, whole);
        r = filtered_payload(s, batch, events, &own);
        if (r < 0 || !own)
                return r;
        return subscription_send(s, own);
}

void roster_publish(Roster *roster, const Batch *batch) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *whole = NULL;
        json_auto_t *events = NULL;
        int r;

        if (!roster->subscriptions)
                return;
        r = batch_events(batch, &events);
        if (r >= 0)
                r = whole_payload(batch, events, &whole);
        if (r < 0) {
                /* Whoever would miss a batch must know that it did. */
                log_error("out of memory: all Varlink subscriptions are ended");
                while (roster->subscriptions)
                        subscription_end(roster->subscriptions, r);
                return;
        }
        for (Subscription *s = roster->subscriptions, *next; s; s = next) {
                next = s->next;
                if (!varlink_call_is_open(s->call))
                        continue;
                r = subscription_publish(s, batch, events, whole);
                if (r < 0 && varlink_call_is_open(s->call))
                        subscription_end(s, r);
        }
}

void roster_drop_subscriptions(Roster *roster) {
        while (roster->subscriptions)
                subscription_free(roster->subscriptions);
        roster->snapshot = snapshot_unref(roster->snapshot);
}
