/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The Link interface. There is no object for a link anywhere: one fallback vtable serves every path
 * below BUS_LINK_PREFIX, and a path is found in the table when somebody asks for it. The properties
 * are made from the field table, so a new public field is a new property without a line here.
 *
 * A getter never fails for want of a value: one property that fails would make GetAll fail for all
 * of them.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bus-internal.h"
#include "util.h"

void bus_link_path(int32_t ifindex, char ret[static BUS_LINK_PATH_MAX]) {
        /* sd_bus_path_encode() of a decimal number without an allocation: an object path element of
         * systemd's kind does not begin with a digit, so the first one is escaped. */
        (void) snprintf(ret, BUS_LINK_PATH_MAX, BUS_LINK_PREFIX "/_3%" PRIi32, ifindex);
}

/* 0 for a path that is no link's. Exactly the form of bus_link_path(): "/_3", then a number from 1 to
 * INT32_MAX without leading zeros, so that a link has one path. */
static int32_t link_path_index(const char *path) {
        char canonical[BUS_LINK_PATH_MAX];
        uint64_t index = 0;
        const char *p;

        if (strncmp(path, BUS_LINK_PREFIX "/_3", sizeof(BUS_LINK_PREFIX "/_3") - 1) != 0)
                return 0;
        for (p = path + sizeof(BUS_LINK_PREFIX "/_3") - 1; *p >= '0' && *p <= '9'; p++) {
                index = index * 10 + (uint64_t) (*p - '0');
                if (index > INT32_MAX)
                        return 0;
        }
        if (index == 0)
                return 0;
        bus_link_path((int32_t) index, canonical);
        return strcmp(canonical, path) == 0 ? (int32_t) index : 0;
}

static RecordView link_view(const BusLink *link) {
        return (RecordView){
                .type = OBJECT_LINK,
                .record = &link->record,
                .context = { .texts = link->texts, .users = -1 },
        };
}

static int append_list(sd_bus_message *m, const TableView *v, ObjectType type, int32_t ifindex) {
        _cleanup_(rows_done) Rows rows = {};
        int r;

        r = rows_of_link(v, type, ifindex, &rows);
        if (r < 0)
                return r;
        return bus_append_rows(m, v, &rows);
}

/* A property's value: that of the field, or the one that stands for "none". */
static int append_property(sd_bus_message *m, const TableView *v, const Field *field,
                           const RecordView *link) {
        FieldValue value;

        field_get(field, link, &value);
        if (value.kind == VALUE_NONE)
                field_sentinel(field, &value);
        if (value.kind == VALUE_RECORDS)
                return append_list(m, v, value.records, record_ifindex(OBJECT_LINK, link->record));
        return bus_append_value(m, &value);
}

static int append_properties(sd_bus_message *m, const TableView *v, const RecordView *link,
                             uint64_t mask) {
        const Field *fields;
        size_t n;
        int r;

        fields = fields_of(OBJECT_LINK, &n);
        for (size_t i = 0; i < n; i++) {
                if (!(mask & (UINT64_C(1) << i)))
                        continue;
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', fields[i].name);
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'v',
                                                          value_kind_signature(fields[i].kind));
                if (r >= 0)
                        r = append_property(m, v, &fields[i], link);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r < 0)
                        return r;
        }
        return 0;
}

int bus_append_link_properties(sd_bus_message *m, const TableView *v, const RecordView *link,
                               uint64_t mask) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        r = append_properties(m, v, link, mask);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

uint64_t bus_link_list_fields(ObjectType type) {
        const Field *fields;
        uint64_t mask = 0;
        FieldValue value;
        size_t n;

        fields = fields_of(OBJECT_LINK, &n);
        for (size_t i = 0; i < n; i++) {
                if (fields[i].kind != VALUE_RECORDS)
                        continue;
                field_sentinel(&fields[i], &value);
                if (value.records == type)
                        mask |= UINT64_C(1) << i;
        }
        return mask;
}

static int on_get(sd_bus *connection, const char *path, const char *interface, const char *property,
                  sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error) {
        const BusLinkField *f = userdata;
        TableView v = manager_view(f->link->bus->manager);
        RecordView view = link_view(f->link);

        return append_property(reply, &v, f->field, &view);
}

/* Methods ---------------------------------------------------------------------------------- */

static int on_describe(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        const BusLink *link = userdata;
        _cleanup_(freep) char *text = NULL;
        Detail detail;
        int r;

        r = question_describe_link(link->bus->manager, link->record.ifindex, &text, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        return sd_bus_reply_method_return(message, "s", text);
}

static int on_get_statistics(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t values[RTNL_STATISTICS_MAX];
        const BusLink *link = userdata;
        Detail detail;
        int r;

        r = question_statistics(link->bus->manager, link->record.ifindex, values, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "{st}");
        if (r < 0)
                return r;
        for (size_t i = 0; i < RTNL_STATISTICS_MAX; i++) {
                r = sd_bus_message_append(reply, "{st}", rtnl_statistic_name(i), values[i]);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

/* Objects ---------------------------------------------------------------------------------- */

static const sd_bus_vtable vtable_head[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_describe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{st}", statistics),
                                on_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
};
static const sd_bus_vtable vtable_tail = SD_BUS_VTABLE_END;

/* How a client learns that the property has another value. */
static uint64_t property_flags(const Field *field) {
        if (field->kind == VALUE_RECORDS)
                return SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION;
        /* These two are what the object is. */
        if (strcmp(field->name, "Index") == 0 || strcmp(field->name, "Incarnation") == 0)
                return SD_BUS_VTABLE_PROPERTY_CONST;
        return SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;
}

int bus_link_vtable_new(Bus *b) {
        const Field *fields;
        sd_bus_vtable *row;
        size_t n;

        fields = fields_of(OBJECT_LINK, &n);
        b->link_vtable = calloc(ELEMENTSOF(vtable_head) + n + 1, sizeof(sd_bus_vtable));
        if (!b->link_vtable)
                return -ENOMEM;

        b->link.bus = b;
        memcpy(b->link_vtable, vtable_head, sizeof(vtable_head));
        row = b->link_vtable + ELEMENTSOF(vtable_head);
        for (size_t i = 0; i < n; i++, row++) {
                b->link.fields[i] = (BusLinkField){ &b->link, &fields[i] };
                *row = (sd_bus_vtable) SD_BUS_PROPERTY(
                                fields[i].name, value_kind_signature(fields[i].kind), on_get,
                                offsetof(BusLink, fields) + i * sizeof(BusLinkField),
                                property_flags(&fields[i]));
        }
        *row = vtable_tail;
        return 0;
}

void bus_link_done(Bus *b) {
        free(b->link_vtable);
        link_texts_free(b->link.texts);
}

/* The kernel has been heard for this message already (see bus.c). What is found stays in b->link
 * until the next path is looked for. */
static int on_find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                   void **ret_found, sd_bus_error *reterr_error) {
        Bus *b = userdata;
        TableView v = manager_view(b->manager);
        int32_t ifindex = link_path_index(path);
        int r;

        if (ifindex == 0 || manager_state(b->manager) == SOURCE_STARTING ||
            !table_get_link(&v, ifindex, &b->link.record))
                return 0;
        b->link.texts = link_texts_free(b->link.texts);
        r = table_get_texts(&v, ifindex, &b->link.texts);
        if (r < 0)
                return r;
        *ret_found = &b->link;
        return 1;
}

static char **strv_free(char **strv) {
        for (char **s = strv; s && *s; s++)
                free(*s);
        free(strv);
        return NULL;
}
DEFINE_CLEANUP(char **, strv_free)

static int on_enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                        sd_bus_error *reterr_error) {
        _cleanup_(strv_freep) char **paths = NULL;
        Bus *b = userdata;
        TableView v = manager_view(b->manager);
        TableWalk walk = table_walk_all(&v, OBJECT_LINK);
        size_t n = 0, max = table_count(&v, OBJECT_LINK);
        char path[BUS_LINK_PATH_MAX];
        LinkRecord link;

        paths = calloc(max + 1, sizeof(char *));
        if (!paths)
                return -ENOMEM;
        while (manager_state(b->manager) != SOURCE_STARTING && n < max &&
               table_next(&v, &walk, &link)) {
                bus_link_path(link.ifindex, path);
                paths[n] = strdup(path);
                if (!paths[n++])
                        return -ENOMEM;
        }

        *ret_nodes = TAKE_PTR(paths);
        return 0;
}

int bus_link_export(Bus *b) {
        int r;

        r = sd_bus_add_fallback_vtable(b->connection, NULL, BUS_LINK_PREFIX, BUS_LINK_INTERFACE,
                                       b->link_vtable, on_find, b);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(b->connection, NULL, BUS_LINK_PREFIX, on_enumerate, b);
}
