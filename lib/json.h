/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records as JSON, written from the field table: what Describe, Varlink and --json say. Names and
 * meaning of the members are those of the fields; bytes become arrays of integers, as in
 * io.systemd.Network. Fields that do not apply are left out.
 *
 * Every function writes one value (json-text.h) and leaves the question whether there was memory to
 * whoever takes the text; those that return an int fail with -ENOMEM when rows could not be copied,
 * and then the text is of no use.
 *
 * Reading a shared table: bracket the calls with table_read_begin() and table_read_retry().
 */

#include "json-text.h"
#include "record.h"
#include "table.h"

/* How often a link has joined a group: 0 or more, or -1 when it cannot be said. */
typedef int64_t (*JsonUsers)(void *userdata, int32_t ifindex, const IpAddress *group);

/* Bytes from the kernel as a text, escaped. */
void json_write_escaped(JsonWriter *w, TextSpan text);

/* One record. mask has one bit a field by its place in fields_of(); 0 means all of them. Lists of
 * records (VALUE_RECORDS) are not made here: see json_write_link(). */
void json_write_record(JsonWriter *w, const RecordView *view, uint64_t mask);
/* Likewise only the members, for an object that has more. */
void json_write_fields(JsonWriter *w, const RecordView *view, uint64_t mask);

/* One Link with its Addresses and Groups. users may be NULL: then groups come without Users.
 * -ENODEV when there is no such link. */
int json_write_link(JsonWriter *w, const TableView *v, int32_t ifindex, JsonUsers users,
                    void *userdata);

/* An array of records of one type, in the published order (record_compare()). ifindex 0 means those
 * of all links, family AF_UNSPEC those of both families. Not for OBJECT_LINK. */
int json_write_rows(JsonWriter *w, const TableView *v, ObjectType type, int32_t ifindex, int family,
                    JsonUsers users, void *userdata);

/* An array of Link objects with everything in them, by index. */
int json_write_links(JsonWriter *w, const TableView *v, JsonUsers users, void *userdata);

/* {Generation, Links, DefaultRoutes} */
int json_write_describe(JsonWriter *w, const TableView *v);

/* One Event: Event, Object, then Index, Incarnation and Name of the link (0, 0 and "" for a route
 * without one), then the record's fields beside them: all for "added" and "existing", the
 * identifying ones for "removed", those and the changed ones for "changed". A changed field that no
 * longer applies is null there, so that whoever merges events into a copy forgets it. Addresses and
 * Groups are never in events: their rows have events of their own. */
void json_write_event(JsonWriter *w, const Change *c);
/* The Event that says that the table was read anew: {Event: "resynced", Generation, Reason}. */
void json_write_resynced(JsonWriter *w, uint64_t generation, const char *reason);
