/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the Varlink publisher share.
 */

#include <jansson.h>

#include "publisher.h"
#include "question.h"
#include "varlink-roster.h"
#include "varlink-server.h"

/* Subscriptions at once, over all clients. */
#define ROSTER_SUBSCRIPTIONS_MAX 4096
/* Names in the filter of one subscription. */
#define ROSTER_FILTER_LINKS_MAX 64
/* Events in one reply while existing rows are told. */
#define ROSTER_EXISTING_EVENTS 64
/* A subscriber that has this much unread is told no more existing rows until it has read some. */
#define ROSTER_EXISTING_BYTES (256 * 1024)
/* How soon it is looked at again. */
#define ROSTER_EXISTING_PAUSE_USEC (10 * USEC_PER_MSEC)
/* Batches that may pass while existing rows are told to one subscriber. */
#define ROSTER_HELD_BATCHES_MAX 1024

typedef struct Subscription Subscription;
typedef struct Snapshot Snapshot;

struct Roster {
        Publisher publisher;
        Manager *manager;
        VarlinkServer *server;
        VarlinkServerInfo info;
        Subscription *subscriptions;
        size_t n_subscriptions;
        Snapshot *snapshot; /* of the present generation, when somebody subscribed in it */
};

/* varlink-roster.c: answers with the error that a negative errno stands for. subject: what was asked
 * about, NULL when nothing in particular. */
int roster_fail(VarlinkCall *call, int error, const char *subject, const Detail *detail);
/* Answers with {member: value}, whose reference it takes; NULL: no memory. */
int roster_reply(VarlinkCall *call, const char *member, json_t *value);

/* varlink-subscribe.c */
int roster_on_subscribe(VarlinkCall *call, json_t *parameters, void *userdata);
void roster_publish(Roster *r, const Batch *batch);
void roster_drop_subscriptions(Roster *r);

/* varlink-filter.c: which events a subscriber wants. */
typedef struct Filter {
        unsigned objects; /* bits by ObjectType; 0: all */
        char **names; /* raw bytes; NULL: all links */
        size_t n_names;
        uint64_t *followed; /* incarnations of the links that matched, sorted as they came */
        size_t n_followed;
        size_t n_allocated;
} Filter;

/* Reads Links and Objects. -E2BIG; -EINVAL with the name of the bad parameter; -ENOMEM. */
int filter_init(Filter *f, json_t *parameters, const char **reterr_parameter);
void filter_done(Filter *f);
bool filter_is_empty(const Filter *f);
bool filter_wants_object(const Filter *f, ObjectType type);
bool filter_follows(const Filter *f, uint64_t incarnation);
/* Does one of the names mean this link now? Names, alternative names and plain indexes do. */
bool filter_names_link(const Filter *f, const LinkRecord *link, const LinkTexts *texts);
/* -ENOMEM */
int filter_follow(Filter *f, uint64_t incarnation);
void filter_forget(Filter *f, uint64_t incarnation);

/* Where a telling of rows stands. Zeroed: at the start. */
typedef struct Telling {
        bool started;
        TableWalk links;
} Telling;

/* varlink-existing.c: rows of the table as "existing" or "added" events. A copy of the table, and the
 * pieces in which it is told to those who want all of it: written once for all of them. */
struct Snapshot {
        unsigned n_refs;
        uint64_t generation;
        void *block;
        TableView view;
        Telling telling;
        bool told; /* there are no more pieces */
        VarlinkPayload **pieces;
        size_t n_pieces;
};

int snapshot_new(const TableView *v, Snapshot **ret);
Snapshot *snapshot_ref(Snapshot *s);
Snapshot *snapshot_unref(Snapshot *s);
/* Piece number i, borrowed; NULL: there are no more. -ENOMEM. */
int snapshot_piece(Snapshot *s, size_t i, VarlinkPayload **ret);

/* {Generation, Events}; takes the reference of events. NULL: no memory. */
json_t *events_reply(uint64_t generation, json_t *events);

/* Appends events for the rows of the next links to an array until it has ROSTER_EXISTING_EVENTS or
 * more. Links that match become followed. Returns 1 when there is more, 0 at the end. -ENOMEM. */
int telling_next(Telling *t, const TableView *v, Filter *f, json_t *events);
/* Appends events for one link and all that belongs to it. -ENOMEM. */
int tell_link(const TableView *v, const LinkRecord *link, ChangeType type, const Filter *f,
              json_t *events);
