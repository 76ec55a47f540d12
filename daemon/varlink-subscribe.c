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
        json_auto_t *reply = json_object();

        if (!reply || json_object_set_new(reply, "Ready", json_true()) < 0 ||
            json_object_set_new(reply, "Generation", json_number(generation)) < 0)
                return -ENOMEM;
        return varlink_call_reply_more(s->call, reply);
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

static int tell_named(Subscription *s) {
        TableView v = manager_view(s->roster->manager);
        uint64_t generation = table_generation(&v);
        Telling telling = {};
        int more, r;

        do {
                json_auto_t *events = json_array(), *reply = NULL;

                if (!events)
                        return -ENOMEM;
                more = telling_next(&telling, &v, &s->filter, events);
                if (more < 0)
                        return more;
                if (json_array_size(events) == 0)
                        break;
                reply = events_reply(generation, json_incref(events));
                r = reply ? varlink_call_reply_more(s->call, reply) : -ENOMEM;
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
        return tell_link(&v, &change->record.link, &s->filter, events);
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

/* What passes a filter, as the parameters of a reply; NULL when nothing does. */
static int filtered_reply(Subscription *s, const Batch *batch, json_t *events, json_t **ret) {
        json_auto_t *passed = json_array();
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
        *ret = events_reply(batch->generation, json_incref(passed));
        return *ret ? 0 : -ENOMEM;
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

static int publish_shared(Subscription *s, const Batch *batch, json_t *events, Shared *shared) {
        json_auto_t *reply = NULL;
        int r;

        if (!shared->made) {
                r = filtered_reply(s, batch, events, &reply);
                if (r >= 0 && reply)
                        r = varlink_payload_new(reply, &shared->payload);
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

/* A reply of its own, which counts for its user. */
static int publish_named(Subscription *s, const Batch *batch, json_t *events) {
        json_auto_t *reply = NULL;
        int r;

        r = filtered_reply(s, batch, events, &reply);
        if (r < 0 || !reply)
                return r;
        return varlink_call_reply_more(s->call, reply);
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
        json_auto_t *events = NULL;
        Subscription *next;
        int r;

        if (!roster->subscriptions)
                return;
        r = batch_events(batch, &events);
        if (r < 0) {
                end_all(roster, r);
                return;
        }
        for (Subscription *s = roster->subscriptions; s; s = next) {
                next = s->next;
                if (!varlink_call_is_open(s->call))
                        continue;
                r = s->filter.names ? publish_named(s, batch, events)
                                    : publish_shared(s, batch, events, shared + s->filter.objects);
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
