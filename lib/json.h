/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records as JSON objects, built from the field table: what Describe, Varlink and --json say. Names
 * and meaning of the members are those of the fields; bytes become arrays of integers, as in
 * io.systemd.Network. Fields that do not apply are left out.
 *
 * JSON integers have 64 bits with a sign in practice; a number over INT64_MAX is written as
 * INT64_MAX.
 *
 * Reading a shared table: bracket the calls with table_read_begin() and table_read_retry(). Every
 * function fails with -ENOMEM when memory is out, and gives a new reference that the caller owns.
 */

#include <jansson.h>

#include "record.h"
#include "table.h"

/* How often a link has joined a group: 0 or more, or -1 when it cannot be said. */
typedef int64_t (*JsonUsers)(void *userdata, int32_t ifindex, const IpAddress *group);

/* A number that may be too large for JSON. */
json_t *json_number(uint64_t number);

/* One record. mask has one bit a field by its place in fields_of(); 0 means all of them. Lists of
 * records (VALUE_RECORDS) are not made here: see json_link(). */
int json_from_view(const RecordView *view, uint64_t mask, json_t **ret);

/* One Link with its Addresses and Groups. users may be NULL: then groups come without Users.
 * -ENODEV when there is no such link. */
int json_link(const TableView *v, int32_t ifindex, JsonUsers users, void *userdata, json_t **ret);

/* An array of records of one type, in the published order (record_compare()). ifindex 0 means those
 * of all links, family AF_UNSPEC those of both families. Not for OBJECT_LINK. */
int json_rows(const TableView *v, ObjectType type, int32_t ifindex, int family, JsonUsers users,
              void *userdata, json_t **ret);

/* An array of Link objects with everything in them, by index. */
int json_links(const TableView *v, JsonUsers users, void *userdata, json_t **ret);

/* {Generation, Links, DefaultRoutes} */
int json_describe(const TableView *v, json_t **ret);

/* One Event: Event, Object, then Index, Incarnation and Name of the link (0, 0 and "" for a route
 * without one), then the record's fields beside them: all for "added" and "existing", the
 * identifying ones for "removed", those and the changed ones for "changed". A changed field that no
 * longer applies is null there, so that whoever merges events into a copy forgets it. Addresses and
 * Groups are never in events: their rows have events of their own. */
int json_event(const Change *c, json_t **ret);
/* The Event that says that the table was read anew: {Event: "resynced", Generation, Reason}. */
int json_resynced(uint64_t generation, const char *reason, json_t **ret);

/* Compact text on one line of any value, whose reference it takes. The caller frees the text. */
int json_text_take(json_t *value, char **ret);
