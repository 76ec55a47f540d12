/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whole parts of the table as JSON: a link with what belongs to it, lists, and everything. Rows are
 * copied out and sorted first, because the table keeps them in no order; then each becomes one
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
static int row_to_json(const TableView *v, ObjectType type, const void *record, JsonUsers users,
                       void *userdata, json_t **ret) {
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
        return json_from_view(&view, 0, ret);
}

int json_rows(const TableView *v, ObjectType type, int32_t ifindex, int family, JsonUsers users,
              void *userdata, json_t **ret) {
        _cleanup_(rows_done) Rows rows = { .type = type };
        json_auto_t *array = json_array();
        int r;

        assert(type != OBJECT_LINK);
        if (!array)
                return -ENOMEM;
        r = rows_collect(&rows, v, ifindex, family);
        if (r < 0)
                return r;

        for (size_t i = 0; i < rows.n; i++) {
                json_t *element;

                r = row_to_json(v, type, rows_get(&rows, i), users, userdata, &element);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, element) < 0)
                        return -ENOMEM;
        }

        *ret = TAKE_PTR(array);
        return 0;
}

static int add_list(json_t *object, const char *name, const TableView *v, ObjectType type,
                    int32_t ifindex, JsonUsers users, void *userdata) {
        json_t *list;
        int r;

        r = json_rows(v, type, ifindex, AF_UNSPEC, users, userdata, &list);
        if (r < 0)
                return r;
        return json_object_set_new(object, name, list) < 0 ? -ENOMEM : 0;
}

static int link_to_json(const TableView *v, const LinkRecord *link, JsonUsers users, void *userdata,
                        json_t **ret) {
        _cleanup_(freep) LinkTexts *texts = NULL;
        RecordView view = { .type = OBJECT_LINK, .record = link, .context.users = -1 };
        json_auto_t *object = NULL;
        const Field *fields;
        size_t n;
        int r;

        r = table_get_texts(v, link->ifindex, &texts);
        if (r < 0)
                return r;
        view.context.texts = texts;
        r = json_from_view(&view, 0, &object);
        if (r < 0)
                return r;

        fields = fields_of(OBJECT_LINK, &n);
        for (size_t i = 0; i < n; i++) {
                FieldValue value;

                if (fields[i].kind != VALUE_RECORDS)
                        continue;
                field_get(&fields[i], &view, &value);
                r = add_list(object, fields[i].name, v, value.records, link->ifindex, users,
                             userdata);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(object);
        return 0;
}

int json_link(const TableView *v, int32_t ifindex, JsonUsers users, void *userdata, json_t **ret) {
        LinkRecord link;

        if (!table_get_link(v, ifindex, &link))
                return -ENODEV;
        return link_to_json(v, &link, users, userdata, ret);
}

int json_links(const TableView *v, JsonUsers users, void *userdata, json_t **ret) {
        _cleanup_(rows_done) Rows rows = { .type = OBJECT_LINK };
        json_auto_t *array = json_array();
        int r;

        if (!array)
                return -ENOMEM;
        r = rows_collect(&rows, v, 0, AF_UNSPEC);
        if (r < 0)
                return r;

        for (size_t i = 0; i < rows.n; i++) {
                json_t *element;

                /* A damaged row; index 0 would mean "all links" below. */
                if (record_ifindex(OBJECT_LINK, rows_get(&rows, i)) < 1)
                        continue;
                r = link_to_json(v, rows_get(&rows, i), users, userdata, &element);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, element) < 0)
                        return -ENOMEM;
        }

        *ret = TAKE_PTR(array);
        return 0;
}

int json_describe(const TableView *v, json_t **ret) {
        json_auto_t *object = json_object();
        json_t *links;
        int r;

        if (json_object_set_new(object, "Generation", json_number(table_generation(v))) < 0)
                return -ENOMEM;

        r = json_links(v, NULL, NULL, &links);
        if (r < 0)
                return r;
        if (json_object_set_new(object, "Links", links) < 0)
                return -ENOMEM;
        r = add_list(object, "DefaultRoutes", v, OBJECT_ROUTE, 0, NULL, NULL);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(object);
        return 0;
}
