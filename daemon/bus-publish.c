/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A batch as D-Bus signals: one Changed with all events, and beside it the signals that generic
 * clients understand, one per link: InterfacesAdded, InterfacesRemoved, PropertiesChanged.
 *
 * The values are those of the batch, not what the table says some time later. Nothing is built while
 * nobody can be listening. A signal that cannot be sent means a client with a wrong picture, so then
 * the connection is given up: the name disappears from the bus, and every client knows that it has
 * to read anew.
 */

#include <string.h>

#include "bus-internal.h"
#include "log.h"
#include "util.h"

#define OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

/* What one event costs, roughly, without alternative names */
#define EVENT_BYTES 4096
/* Each byte of a name may be said escaped in four, and raw, and has some bytes of frame around. */
#define EVENT_BYTES_PER_TEXT_BYTE 12

/* Events ----------------------------------------------------------------------------------- */

static uint64_t fields_with(ObjectType type, bool (*test)(const Field *field)) {
        const Field *fields;
        uint64_t mask = 0;
        size_t n;

        fields = fields_of(type, &n);
        for (size_t i = 0; i < n; i++)
                if (test(&fields[i]))
                        mask |= UINT64_C(1) << i;
        return mask;
}

static bool is_key(const Field *field) {
        return field->flags & FIELD_KEY;
}

/* Said of the link in every event's head. */
static bool is_head(const Field *field) {
        return strcmp(field->name, "Index") == 0 || strcmp(field->name, "Incarnation") == 0 ||
               strcmp(field->name, "Name") == 0;
}

static bool is_raw_name(const Field *field) {
        return strcmp(field->name, "NameBytes") == 0;
}

static int append_event_head(sd_bus_message *m, const Change *c) {
        char name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];
        size_t len = strlen(c->link_name);
        int r;

        (void) text_escape(c->link_name, len, name, sizeof(name));
        r = bus_append_entry_text(m, "Event", change_type_to_string(c->type));
        if (r < 0)
                return r;
        r = bus_append_entry_text(m, "Object", object_type_to_string(c->object));
        if (r < 0)
                return r;
        r = bus_append_entry_int(m, "Index", record_ifindex(c->object, &c->record));
        if (r < 0)
                return r;
        r = bus_append_entry_uint64(m, "Incarnation", c->incarnation);
        if (r < 0)
                return r;
        r = bus_append_entry_text(m, "Name", name);
        if (r < 0)
                return r;
        if (text_needs_escape(c->link_name, len))
                return bus_append_entry_bytes(m, "NameBytes", c->link_name, len);
        return 0;
}

/* Which fields an event has beside its head. */
static uint64_t event_fields(const Change *c) {
        uint64_t mask = 0;

        switch (c->type) {
        case CHANGE_EXISTING:
        case CHANGE_ADDED:
                mask = UINT64_MAX;
                break;
        case CHANGE_CHANGED:
                mask = fields_with(c->object, is_key) | c->fields;
                break;
        case CHANGE_REMOVED:
                mask = fields_with(c->object, is_key);
                break;
        case _CHANGE_TYPE_MAX:
                break;
        }

        if (c->object == OBJECT_LINK) {
                mask &= ~fields_with(OBJECT_LINK, is_head);
                if (text_needs_escape(c->link_name, strlen(c->link_name)))
                        mask &= ~fields_with(OBJECT_LINK, is_raw_name);
        }
        return mask;
}

static int append_event(sd_bus_message *m, const Change *c) {
        RecordView view = change_view(c);
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        r = append_event_head(m, c);
        if (r < 0)
                return r;
        /* A field that has gone must be said, or a client would keep its old value. */
        r = bus_append_fields(m, &view, event_fields(c), c->type == CHANGE_CHANGED ? c->fields : 0);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static size_t event_size(const Change *c) {
        return EVENT_BYTES + (c->texts ? (size_t) c->texts->size * EVENT_BYTES_PER_TEXT_BYTE : 0);
}

/* One Changed with the changes from *pos on, as many as fit. */
static int publish_changed_part(Bus *b, const Batch *batch, size_t *pos) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        size_t bytes = 0;
        int r;

        r = sd_bus_message_new_signal(b->connection, &m, BUS_ROOT_PATH, BUS_MANAGER_INTERFACE,
                                      "Changed");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 't', &batch->generation);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "a{sv}");
        if (r < 0)
                return r;
        while (*pos < batch->n_changes && bytes < BUS_CHANGED_BYTES_MAX) {
                const Change *c = batch->changes + *pos;

                r = append_event(m, c);
                if (r < 0)
                        return r;
                bytes += event_size(c);
                (*pos)++;
        }
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_send(b->connection, m, NULL);
}

/* Objects ---------------------------------------------------------------------------------- */

/* What the bus library itself answers on every object. GetManagedObjects lists these, so the signals
 * do too. */
static const char *const standard_interfaces[] = {
        "org.freedesktop.DBus.Peer",
        "org.freedesktop.DBus.Introspectable",
        PROPERTIES_INTERFACE,
};

static int append_interface(sd_bus_message *m, const char *interface, const TableView *v,
                            const RecordView *link, uint64_t mask) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sa{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', interface);
        if (r < 0)
                return r;
        r = bus_append_link_properties(m, v, link, mask);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static int publish_link_added(Bus *b, const Change *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        TableView v = manager_view(b->manager);
        RecordView view = change_view(c);
        char path[BUS_LINK_PATH_MAX];
        int r;

        bus_link_path(c->record.link.ifindex, path);
        r = sd_bus_message_new_signal(b->connection, &m, BUS_ROOT_PATH, OBJECT_MANAGER_INTERFACE,
                                      "InterfacesAdded");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 'o', path);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(standard_interfaces); i++) {
                r = append_interface(m, standard_interfaces[i], &v, &view, 0);
                if (r < 0)
                        return r;
        }
        r = append_interface(m, BUS_LINK_INTERFACE, &v, &view, UINT64_MAX);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_send(b->connection, m, NULL);
}

static int publish_link_removed(Bus *b, const Change *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char path[BUS_LINK_PATH_MAX];
        int r;

        bus_link_path(c->record.link.ifindex, path);
        r = sd_bus_message_new_signal(b->connection, &m, BUS_ROOT_PATH, OBJECT_MANAGER_INTERFACE,
                                      "InterfacesRemoved");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "oas", path, ELEMENTSOF(standard_interfaces) + 1,
                                  standard_interfaces[0], standard_interfaces[1],
                                  standard_interfaces[2], BUS_LINK_INTERFACE);
        if (r < 0)
                return r;
        return sd_bus_send(b->connection, m, NULL);
}

/* Properties ------------------------------------------------------------------------------- */

/* What a batch says of one link. */
typedef struct LinkDelta {
        int32_t ifindex;
        bool whole; /* added or removed: told as an object */
        uint64_t fields; /* have these new values */
        uint64_t lists; /* have changed */
        const Change *link; /* has the new values */
} LinkDelta;

static int compare_deltas(const void *a, const void *b) {
        int32_t x = ((const LinkDelta *) a)->ifindex, y = ((const LinkDelta *) b)->ifindex;

        return (x > y) - (x < y);
}

static LinkDelta change_delta(const Change *c) {
        LinkDelta d = { .ifindex = record_ifindex(c->object, &c->record) };

        if (c->object != OBJECT_LINK)
                d.lists = bus_link_list_fields(c->object);
        else if (c->type == CHANGE_CHANGED) {
                /* As properties they are always there. */
                d.fields = record_diff_with_twins(OBJECT_LINK, c->fields);
                d.link = c;
        } else
                d.whole = true;
        return d;
}

/* One entry per link, by index. */
static int collect_deltas(const Batch *batch, LinkDelta **ret, size_t *ret_n) {
        LinkDelta *deltas;
        size_t n = 0;

        deltas = calloc(batch->n_changes + 1, sizeof(LinkDelta));
        if (!deltas)
                return -ENOMEM;
        for (size_t i = 0; i < batch->n_changes; i++)
                deltas[i] = change_delta(batch->changes + i);
        qsort(deltas, batch->n_changes, sizeof(LinkDelta), compare_deltas);

        for (size_t i = 0; i < batch->n_changes; i++) {
                LinkDelta *last = n > 0 ? deltas + n - 1 : NULL;

                if (!last || last->ifindex != deltas[i].ifindex) {
                        deltas[n++] = deltas[i];
                        continue;
                }
                last->whole = last->whole || deltas[i].whole;
                last->fields |= deltas[i].fields;
                last->lists |= deltas[i].lists;
                if (deltas[i].link)
                        last->link = deltas[i].link;
        }
        *ret = deltas;
        *ret_n = n;
        return 0;
}

static int append_field_names(sd_bus_message *m, uint64_t mask) {
        const Field *fields;
        size_t n;
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        if (r < 0)
                return r;
        fields = fields_of(OBJECT_LINK, &n);
        for (size_t i = 0; i < n; i++) {
                if (!(mask & (UINT64_C(1) << i)))
                        continue;
                r = sd_bus_message_append_basic(m, 's', fields[i].name);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

static int publish_properties(Bus *b, const LinkDelta *d) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        TableView v = manager_view(b->manager);
        RecordView view = {};
        char path[BUS_LINK_PATH_MAX];
        int r;

        if (d->link)
                view = change_view(d->link);
        bus_link_path(d->ifindex, path);
        r = sd_bus_message_new_signal(b->connection, &m, path, PROPERTIES_INTERFACE,
                                      "PropertiesChanged");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', BUS_LINK_INTERFACE);
        if (r < 0)
                return r;
        r = bus_append_link_properties(m, &v, &view, d->fields);
        if (r < 0)
                return r;
        r = append_field_names(m, d->lists);
        if (r < 0)
                return r;
        return sd_bus_send(b->connection, m, NULL);
}

static int publish_objects(Bus *b, const Batch *batch) {
        _cleanup_(freep) LinkDelta *deltas = NULL;
        size_t n;
        int r;

        for (size_t i = 0; i < batch->n_changes; i++) {
                const Change *c = batch->changes + i;

                if (c->object != OBJECT_LINK || c->type == CHANGE_CHANGED)
                        continue;
                r = c->type == CHANGE_REMOVED ? publish_link_removed(b, c)
                                              : publish_link_added(b, c);
                if (r < 0)
                        return r;
        }

        r = collect_deltas(batch, &deltas, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (deltas[i].whole || (deltas[i].fields | deltas[i].lists) == 0)
                        continue;
                r = publish_properties(b, deltas + i);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The Manager's own properties that are not what was last said. */
static int publish_manager(Bus *b, bool state) {
        States s = source_machine_states(manager_source(b->manager)), old = b->states;
        uint64_t resyncs = manager_resyncs(b->manager);
        char *names[8];
        size_t n = 0;

        const struct {
                const char *name;
                bool changed;
        } properties[] = {
                { "State", state },
                { "Resyncs", resyncs != b->resyncs },
                { "OperationalState", s.operational != old.operational },
                { "CarrierState", s.carrier != old.carrier },
                { "AddressState", s.address != old.address },
                { "IPv4AddressState", s.ipv4 != old.ipv4 },
                { "IPv6AddressState", s.ipv6 != old.ipv6 },
        };

        _Static_assert(ELEMENTSOF(properties) < ELEMENTSOF(names), "the list ends with NULL");
        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (properties[i].changed)
                        names[n++] = (char *) (uintptr_t) properties[i].name;
        if (n == 0)
                return 0;
        names[n] = NULL;

        b->states = s;
        b->resyncs = resyncs;
        return sd_bus_emit_properties_changed_strv(b->connection, BUS_ROOT_PATH,
                                                   BUS_MANAGER_INTERFACE, names);
}

/* Publishing ------------------------------------------------------------------------------- */

static int publish_batch(Bus *b, const Batch *batch) {
        size_t pos = 0;
        int r;

        while (pos < batch->n_changes) {
                r = publish_changed_part(b, batch, &pos);
                if (r < 0)
                        return r;
        }
        r = publish_objects(b, batch);
        if (r < 0)
                return r;
        r = publish_manager(b, false);
        if (r < 0)
                return r;
        if (batch->resynced)
                return sd_bus_emit_signal(b->connection, BUS_ROOT_PATH, BUS_MANAGER_INTERFACE,
                                          "Resynced", "ts", batch->generation, batch->reason);
        return 0;
}

static int check_queue(Bus *b) {
        uint64_t queued;
        int r;

        r = sd_bus_get_n_queued_write(b->connection, &queued);
        if (r < 0)
                return r;
        return queued > BUS_QUEUED_MESSAGES_MAX ? -ENOBUFS : 0;
}

void bus_on_batch(Publisher *p, const Batch *batch) {
        Bus *b = (Bus *) p;
        int r;

        if (b->state != BUS_OWNER)
                return;
        r = check_queue(b);
        if (r >= 0)
                r = publish_batch(b, batch);
        if (r < 0) {
                log_warning("leaving the bus, because it does not take signals: %s", strerror(-r));
                bus_drop(b);
        }
}

void bus_on_state(Publisher *p, SourceState state) {
        Bus *b = (Bus *) p;
        int r;

        if (b->state == BUS_CONNECTED && !b->waiting_for_name) {
                bus_request_name(b);
                return;
        }
        if (b->state != BUS_OWNER)
                return;
        r = publish_manager(b, true);
        if (r < 0) {
                log_warning("leaving the bus, because it does not take signals: %s", strerror(-r));
                bus_drop(b);
        }
}
