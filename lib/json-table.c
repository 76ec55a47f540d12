/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whole parts of the table as JSON: a link with what belongs to it, lists, and everything. Rows are
 * copied out and sorted first, because the table keeps them in no order; then each is written as one
 * object.
 *
 * Under a writer the rows of one call may not fit together. That is for the caller's sequence check
 * to find; here it must only not hurt.
 */

#include "json.h"
#include "util.h"

typedef struct Rows {
        ObjectType type;
        size_t n;
        size_t n_allocated;
        uint8_t *bytes;
} Rows;

static void rows_done(Rows *rows) {
        free(rows->bytes);
}

static const void *rows_get(const Rows *rows, size_t i) {
        return rows->bytes + i * record_size(rows->type);
}

static int rows_add(Rows *rows, const Record *record) {
        size_t size = record_size(rows->type);

        if (rows->n == rows->n_allocated) {
                size_t n = CONST_MAX(rows->n_allocated * 2, (size_t) 16);
                uint8_t *bytes;

                bytes = reallocarray(rows->bytes, n, size);
                if (!bytes)
                        return -ENOMEM;
                rows->bytes = bytes;
                rows->n_allocated = n;
        }

        memcpy(rows->bytes + rows->n++ * size, record, size);
        return 0;
}

static int compare_rows(const void *a, const void *b, void *type) {
        return record_compare(*(const ObjectType *) type, a, b);
}

static int rows_collect(Rows *rows, const TableView *v, int32_t ifindex, int family) {
        TableWalk walk = ifindex != 0 ? table_walk_link(v, rows->type, ifindex)
                                      : table_walk_all(v, rows->type);
        Record record;
        int r;

        while (table_next(v, &walk, &record)) {
                if (family != AF_UNSPEC && record_family(rows->type, &record) != family)
                        continue;
                r = rows_add(rows, &record);
                if (r < 0)
                        return r;
        }

        if (rows->n > 1)
                qsort_r(rows->bytes, rows->n, record_size(rows->type), compare_rows, &rows->type);
        return 0;
}

/* One record of a list, with the name of its link for Zone. */
static void write_row(JsonWriter *w, const TableView *v, ObjectType type, const void *record,
                      JsonUsers users, void *userdata) {
        char name[LINK_NAME_MAX + 1] = "";
        RecordView view = { .type = type, .record = record, .context.users = -1 };
        LinkRecord link;

        if (table_get_link(v, record_ifindex(type, record), &link)) {
                memcpy(name, link.name, LINK_NAME_MAX);
                view.context.link_name = name;
        }
        if (type == OBJECT_GROUP && users) {
                const GroupRecord *group = record;

                view.context.users = users(userdata, group->ifindex, &group->group);
        }
        json_write_record(w, &view, 0);
}

int json_write_rows(JsonWriter *w, const TableView *v, ObjectType type, int32_t ifindex, int family,
                    JsonUsers users, void *userdata) {
        _cleanup_(rows_done) Rows rows = { .type = type };
        int r;

        assert(type != OBJECT_LINK);
        r = rows_collect(&rows, v, ifindex, family);
        if (r < 0)
                return r;

        json_write_begin_array(w);
        for (size_t i = 0; i < rows.n; i++)
                write_row(w, v, type, rows_get(&rows, i), users, userdata);
        json_write_end_array(w);
        return 0;
}

/* The fields of a link that are lists of other records. */
static int write_lists(JsonWriter *w, const TableView *v, const RecordView *link, JsonUsers users,
                       void *userdata) {
        const Field *fields;
        size_t n;
        int r;

        fields = fields_of(OBJECT_LINK, &n);
        for (size_t i = 0; i < n; i++) {
                FieldValue value;

                if (fields[i].kind != VALUE_RECORDS)
                        continue;
                field_get(&fields[i], link, &value);
                json_write_key(w, fields[i].name);
                r = json_write_rows(w, v, value.records, record_ifindex(OBJECT_LINK, link->record),
                                    AF_UNSPEC, users, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_link(JsonWriter *w, const TableView *v, const LinkRecord *link, JsonUsers users,
                      void *userdata) {
        _cleanup_(freep) LinkTexts *texts = NULL;
        RecordView view = { .type = OBJECT_LINK, .record = link, .context.users = -1 };
        int r;

        r = table_get_texts(v, link->ifindex, &texts);
        if (r < 0)
                return r;
        view.context.texts = texts;
        json_write_begin_object(w);
        json_write_fields(w, &view, UINT64_MAX);
        r = write_lists(w, v, &view, users, userdata);
        json_write_end_object(w);
        return r;
}

int json_write_link(JsonWriter *w, const TableView *v, int32_t ifindex, JsonUsers users,
                    void *userdata) {
        LinkRecord link;

        if (!table_get_link(v, ifindex, &link))
                return -ENODEV;
        return write_link(w, v, &link, users, userdata);
}

int json_write_links(JsonWriter *w, const TableView *v, JsonUsers users, void *userdata) {
        _cleanup_(rows_done) Rows rows = { .type = OBJECT_LINK };
        int r;

        r = rows_collect(&rows, v, 0, AF_UNSPEC);
        if (r < 0)
                return r;

        json_write_begin_array(w);
        for (size_t i = 0; i < rows.n; i++) {
                /* A damaged row; index 0 would mean "all links" below. */
                if (record_ifindex(OBJECT_LINK, rows_get(&rows, i)) < 1)
                        continue;
                r = write_link(w, v, rows_get(&rows, i), users, userdata);
                if (r < 0)
                        return r;
        }
        json_write_end_array(w);
        return 0;
}

int json_write_describe(JsonWriter *w, const TableView *v) {
        int r;

        json_write_begin_object(w);
        json_write_key(w, "Generation");
        json_write_uint(w, table_generation(v));
        json_write_key(w, "Links");
        r = json_write_links(w, v, NULL, NULL);
        if (r < 0)
                return r;
        json_write_key(w, "DefaultRoutes");
        r = json_write_rows(w, v, OBJECT_ROUTE, 0, AF_UNSPEC, NULL, NULL);
        json_write_end_object(w);
        return r;
}
