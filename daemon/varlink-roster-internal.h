/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the Varlink publisher share.
 */

#include <jansson.h>

#include "json-text.h"
#include "publisher.h"
#include "question.h"
#include "varlink-roster.h"
#include "varlink-server.h"

/* How long an answer to Describe may be given again. It costs milliseconds to write. */
#define ROSTER_DESCRIBED_USEC USEC_PER_SEC
/* Links whose answer is kept, by the low bits of the index; a power of two. */
#define ROSTER_DESCRIBED_LINKS 32U

/* Subscriptions at once, over all clients. */
#define ROSTER_SUBSCRIPTIONS_MAX 4096
/* Names in the filter of one subscription. */
#define ROSTER_FILTER_LINKS_MAX 64
/* Events in one reply while existing rows are told. */
#define ROSTER_EXISTING_EVENTS 64
/* Batches, and their bytes, that may pass while existing rows are told to one subscriber. */
#define ROSTER_HELD_BATCHES_MAX 1024
#define ROSTER_HELD_BYTES_MAX ((size_t) 16 * 1024 * 1024)
/* Bytes of all copies of the table, with what was written of them: subscribers that began in different
 * generations and do not read keep one each. */
#define ROSTER_SNAPSHOT_BYTES_MAX ((size_t) 128 * 1024 * 1024)

/* Subscribers that name no links differ by the objects they want: one set of replies each. */
#define ROSTER_AUDIENCES (1U << _OBJECT_TYPE_MAX)

typedef struct Subscription Subscription;
typedef struct Snapshot Snapshot;

typedef struct DescribedLink {
        int32_t ifindex;
        VarlinkPayload *payload; /* NULL: none */
} DescribedLink;

struct Roster {
        Publisher publisher;
        Manager *manager;
        VarlinkServer *server;
        VarlinkServerInfo info;
        Subscription *subscriptions;
        size_t n_subscriptions;
        Snapshot *snapshot; /* the newest, while somebody is told from it; no reference */
        size_t snapshot_bytes; /* of all of them */
        /* Answers to Describe and GetLink in the present generation, kept for a moment. */
        VarlinkPayload *described;
        DescribedLink described_links[ROSTER_DESCRIBED_LINKS];
        sd_event_source *forget; /* the end of the moment */
};

/* varlink-roster.c: answers with the error that a negative errno stands for. subject: what was asked
 * about, NULL when nothing in particular. */
int roster_fail(VarlinkCall *call, int error, const char *subject, const Detail *detail);
/* The text of a number, as a subject. */
#define ROSTER_SUBJECT_MAX 24
const char *roster_subject(int64_t number, char buffer[static ROSTER_SUBJECT_MAX]);
/* Before a question that needs nothing but the table. A negative errno: it was answered with an error. */
int roster_begin(VarlinkCall *call, Roster *r);
/* Answers with {member: value}, whose reference it takes; NULL: no memory. */
int roster_reply(VarlinkCall *call, const char *member, json_t *value);
/* A number that may be too large for JSON. */
json_t *roster_number(uint64_t number);

/* Answers of which more than a few values are written as text: to be called first, then comes one
 * object, then one of the others, which empty the writer. */
void roster_text_begin(JsonWriter *w);
/* The last reply. */
int roster_text_reply(JsonWriter *w, VarlinkCall *call);
/* The message; continues: others will follow. */
int roster_text_payload(JsonWriter *w, bool continues, bool shared, VarlinkPayload **ret);

/* varlink-described.c: answers with {Link} for the record of a link that is there, or for ifindex 0 with
 * everything. */
int roster_reply_described(VarlinkCall *call, Roster *r, int32_t ifindex);
/* What was answered is no longer right, or no longer asked for. */
void roster_forget_described(Roster *r);

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
bool filter_wants_object(const Filter *f, ObjectType type);
bool filter_follows(const Filter *f, uint64_t incarnation);
/* Does one of the names mean this link, in this state of the table? As in a zone: a name, then an
 * alternative name, then a plain index that is nobody's name. */
bool filter_names_link(const Filter *f, const TableView *v, const LinkRecord *link,
                       const LinkTexts *texts);
/* -ENOMEM */
int filter_follow(Filter *f, uint64_t incarnation);
void filter_forget(Filter *f, uint64_t incarnation);

/* Where a telling of rows stands. Zeroed: at the start. */
typedef struct Telling {
        bool started;
        bool ended; /* no more links, only routes that have none */
        bool at_link; /* link, and what belongs to it from child on, is still to be told */
        TableWalk links;
        LinkRecord link;
        size_t child;
        bool at_rows;
        TableWalk rows;
} Telling;

/* varlink-existing.c: rows of the table as "existing" or "added" events. */

/* What is told of a copy of the table to those who want the same objects of all links. */
typedef struct Pieces {
        Telling telling;
        bool told; /* there are no more */
        VarlinkPayload **payloads;
        size_t n;
} Pieces;

struct Snapshot {
        Roster *roster;
        unsigned n_refs;
        uint64_t generation;
        void *block;
        TableView view;
        size_t bytes; /* accounted in the roster */
        Pieces audiences[ROSTER_AUDIENCES];
};

/* A copy of the present table, shared by all who ask in one generation. -E2BIG: over the limit of
 * ROSTER_SNAPSHOT_BYTES_MAX; -ENOMEM. */
int snapshot_get(Roster *r, Snapshot **ret);
Snapshot *snapshot_unref(Snapshot *s);
/* Piece number i for an audience (bits by ObjectType), borrowed; NULL: there are no more. -ENOMEM. */
int snapshot_piece(Snapshot *s, unsigned audience, size_t i, VarlinkPayload **ret);

/* Events, as texts with commas between them. */
typedef struct EventList {
        JsonWriter w;
        size_t n;
} EventList;

void event_list_done(EventList *events);
void event_list_add(EventList *events, const Change *change);

/* A reply of {Generation, Events} that others will follow. -ENOMEM. */
int event_list_payload(const EventList *events, uint64_t generation, bool shared,
                       VarlinkPayload **ret);

/* Appends events for the next rows to a list until it has ROSTER_EXISTING_EVENTS. Links that match
 * become followed. Returns 1 when there may be more, 0 at the end. -ENOMEM. */
int telling_next(Telling *t, const TableView *v, Filter *f, EventList *events);
/* Appends "added" events for one link and all that belongs to it. -ENOMEM. */
int tell_link(const TableView *v, const LinkRecord *link, Filter *f, EventList *events);
