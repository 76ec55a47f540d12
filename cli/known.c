/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A JSON object with a member for each row, in the order in which the rows came. Members that are null
 * are as good as missing: an event says null of what a row has no more.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"

#define KEY_SIZE 512

struct Known {
        json_t *rows; /* key -> record */
};

/* The members by which every event names its row; a type's own ones are in identities[]. */
static const char *const header[] = { "Object", "Index", "Incarnation", "Name", "NameBytes" };

static const struct {
        const char *object;
        const char *members[9];
} identities[] = {
        { "link", {} },
        { "address",
          { "InterfaceIndex", "Family", "Address", "AddressString", "PrefixLength", "Peer",
            "PeerString" } },
        { "group", { "InterfaceIndex", "Family", "Address", "AddressString" } },
        { "route",
          { "InterfaceIndex", "Family", "Gateway", "GatewayString", "Metric", "Protocol", "Table",
            "TOS" } },
};

Known *known_new(void) {
        Known *k = calloc(1, sizeof(*k));

        if (!k)
                out_of_memory();
        k->rows = json_object();
        return k;
}

Known *known_free(Known *k) {
        if (!k)
                return NULL;
        json_decref(k->rows);
        free(k);
        return NULL;
}

static void row_key(const json_t *row, char buffer[static KEY_SIZE]) {
        (void) snprintf(buffer, KEY_SIZE, "%s %lld %s/%lld %s %lld %s %lld %lld %lld %lld",
                        record_text(row, "Object"), (long long) record_number(row, "Index"),
                        record_text(row, "AddressString"),
                        (long long) record_number(row, "PrefixLength"),
                        record_text(row, "PeerString"), (long long) record_number(row, "Family"),
                        record_text(row, "GatewayString"), (long long) record_number(row, "Table"),
                        (long long) record_number(row, "Metric"),
                        (long long) record_number(row, "Protocol"),
                        (long long) record_number(row, "TOS"));
}

void known_update(Known *k, const json_t *event, json_t **ret_before) {
        const char *type = record_text(event, "Event");
        char key[KEY_SIZE];
        json_t *row;

        *ret_before = NULL;
        if (strcmp(type, "resynced") == 0)
                return;
        row_key(event, key);
        row = json_object_get(k->rows, key);
        *ret_before = row ? json_copy(row) : NULL;
        if (strcmp(type, "removed") == 0)
                (void) json_object_del(k->rows, key);
        else if (row && strcmp(type, "changed") == 0) {
                /* Without it, the name needs none any more. */
                (void) json_object_del(row, "NameBytes");
                (void) json_object_update(row, (json_t *) (uintptr_t) event);
        } else
                (void) json_object_set_new(k->rows, key, json_copy((json_t *) (uintptr_t) event));
}

/* Difference ----------------------------------------------------------------------------------- */

static void copy_member(json_t *to, const json_t *from, const char *name) {
        json_t *value = json_object_get(from, name);

        if (value && !json_is_null(value))
                (void) json_object_set(to, name, value);
}

/* An event with nothing but what names its row. */
static json_t *event_about(const char *type, size_t identity, const json_t *row) {
        json_t *event = json_pack("{ss}", "Event", type);

        for (size_t i = 0; i < ELEMENTSOF(header); i++)
                copy_member(event, row, header[i]);
        for (const char *const *m = identities[identity].members; *m; m++)
                copy_member(event, row, *m);
        return event;
}

static bool is_header(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(header); i++)
                if (strcmp(header[i], name) == 0)
                        return true;
        return strcmp(name, "Event") == 0;
}

static bool same(const json_t *a, const json_t *b, const char *name) {
        const json_t *x = json_object_get(a, name), *y = json_object_get(b, name);

        if (!x || json_is_null(x))
                return !y || json_is_null(y);
        return y && json_equal(x, y);
}

/* NULL: nothing has changed. */
static json_t *change_of(size_t identity, const json_t *before, const json_t *after) {
        bool changed = !same(before, after, "Name") ||
                       (strcmp(identities[identity].object, "link") == 0 &&
                        !same(before, after, "Incarnation"));
        json_t *event = event_about("changed", identity, after);
        const char *name;
        json_t *value;

        json_object_foreach((json_t *) (uintptr_t) after, name, value) {
                if (is_header(name) || same(before, after, name))
                        continue;
                (void) json_object_set(event, name, value);
                changed = true;
        }
        json_object_foreach((json_t *) (uintptr_t) before, name, value) {
                if (is_header(name) || json_object_get(after, name) || json_is_null(value))
                        continue;
                (void) json_object_set_new(event, name, json_null());
                changed = true;
        }
        if (changed)
                return event;
        json_decref(event);
        return NULL;
}

/* The name of a row's link is what it is called now, where it is still there. */
static void rename_row(json_t *event, const Known *after) {
        json_t *row = json_pack("{sssI}", "Object", "link", "Index",
                                (json_int_t) record_number(event, "Index"));
        const json_t *link;
        char key[KEY_SIZE];

        row_key(row, key);
        json_decref(row);
        link = json_object_get(after->rows, key);
        if (!link)
                return;
        (void) json_object_del(event, "NameBytes");
        copy_member(event, link, "Name");
        copy_member(event, link, "NameBytes");
}

static void tell_gone(const Known *before, const Known *after, size_t identity, json_t *events) {
        const char *key;
        json_t *row;

        json_object_foreach(before->rows, key, row) {
                json_t *event;

                if (strcmp(record_text(row, "Object"), identities[identity].object) != 0 ||
                    json_object_get(after->rows, key))
                        continue;
                event = event_about("removed", identity, row);
                rename_row(event, after);
                (void) json_array_append_new(events, event);
        }
}

static void tell_present(const Known *before, const Known *after, size_t identity, json_t *events) {
        const char *key;
        json_t *row;

        json_object_foreach(after->rows, key, row) {
                json_t *old = json_object_get(before->rows, key), *event;

                if (strcmp(record_text(row, "Object"), identities[identity].object) != 0)
                        continue;
                if (old)
                        event = change_of(identity, old, row);
                else {
                        event = json_copy(row);
                        (void) json_object_set_new(event, "Event", json_string("added"));
                }
                if (event)
                        (void) json_array_append_new(events, event);
        }
}

json_t *known_difference(const Known *before, const Known *after, KnownStep step) {
        size_t n = ELEMENTSOF(identities);
        json_t *events = json_array();

        for (size_t i = 0; i < n; i++)
                if (step == KNOWN_GONE)
                        tell_gone(before, after, n - 1 - i, events);
                else
                        tell_present(before, after, i, events);
        return events;
}
