/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions that are answered with lists of rows, or with a description of everything.
 *
 * The table keeps rows in no order and may move when the kernel is heard; so a list is copied out
 * and sorted in one go, and what is packed into an answer afterwards is one consistent state.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "question-internal.h"
#include "util.h"

void rows_done(Rows *rows) {
        free(rows->records);
        free(rows->users);
        *rows = (Rows){};
}

static int compare_rows(const void *a, const void *b, void *type) {
        return record_compare(*(const ObjectType *) type, a, b);
}

static int rows_append(Rows *rows, size_t *allocated, const Record *record) {
        size_t size = record_size(rows->type);

        if (rows->n == *allocated) {
                size_t n = CONST_MAX(*allocated * 2, (size_t) 16);
                void *bigger;

                bigger = reallocarray(rows->records, n, size);
                if (!bigger)
                        return -ENOMEM;
                rows->records = bigger;
                *allocated = n;
        }
        memcpy((uint8_t *) rows->records + rows->n++ * size, record, size);
        return 0;
}

/* ifindex 0: of all links */
static int rows_collect(const TableView *v, ObjectType type, int32_t ifindex, int family,
                        Rows *ret) {
        _cleanup_(rows_done) Rows rows = { .type = type };
        size_t allocated = 0;
        TableWalk walk;
        Record record;
        int r;

        walk = ifindex > 0 ? table_walk_link(v, type, ifindex) : table_walk_all(v, type);
        while (table_next(v, &walk, &record)) {
                if (family != AF_UNSPEC && record_family(type, &record) != family)
                        continue;
                r = rows_append(&rows, &allocated, &record);
                if (r < 0)
                        return r;
        }
        if (rows.n > 1)
                qsort_r(rows.records, rows.n, record_size(type), compare_rows, &rows.type);

        *ret = rows;
        rows = (Rows){};
        return 0;
}

void rows_view(const Rows *rows, const TableView *v, size_t i,
               char link_name[static LINK_NAME_MAX + 1], RecordView *ret) {
        const void *record = (const uint8_t *) rows->records + i * record_size(rows->type);
        LinkRecord link;

        *ret = (RecordView){ .type = rows->type, .record = record, .context.users = -1 };

        /* Only these two have a Zone. */
        if ((rows->type == OBJECT_ADDRESS || rows->type == OBJECT_GROUP) &&
            table_get_link(v, record_ifindex(rows->type, record), &link)) {
                memcpy(link_name, link.name, LINK_NAME_MAX + 1);
                ret->context.link_name = link_name;
        }
        if (rows->type == OBJECT_GROUP && rows->has_users) {
                const GroupRecord *group = record;

                ret->context.users = group_users_find(rows->users, rows->n_users, group->ifindex,
                                                      &group->group);
        }
}

int rows_of_link(const TableView *v, ObjectType type, int32_t ifindex, Rows *ret) {
        return rows_collect(v, type, ifindex, AF_UNSPEC, ret);
}

int question_rows(Manager *m, ObjectType type, int64_t index, int64_t family, Rows *ret,
                  Detail *reterr_detail) {
        _cleanup_(rows_done) Rows rows = {};
        LinkRecord link = {};
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6) {
                (void) snprintf(reterr_detail->text, sizeof(reterr_detail->text),
                                "A family is 0 (both), 2 (IPv4) or 10 (IPv6): %" PRIi64, family);
                return -ERROR_INVALID_ADDRESS;
        }
        if (index != 0) {
                r = question_index(m, index, &v, &link);
                if (r < 0)
                        return question_fail_number(reterr_detail, r, index);
        }

        r = rows_collect(&v, type, link.ifindex, (int) family, &rows);
        if (r >= 0 && type == OBJECT_GROUP) {
                r = source_ask_users(manager_source(m), &rows.users, &rows.n_users);
                rows.has_users = r >= 0;
        }
        if (r < 0)
                return question_fail_plain(reterr_detail, r);

        *ret = rows;
        rows = (Rows){};
        return 0;
}

int question_describe(Manager *m, char **ret, Detail *reterr_detail) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        r = json_write_describe(&w, &v);
        if (r >= 0)
                r = json_writer_take(&w, ret, NULL);
        if (r < 0)
                return question_fail_plain(reterr_detail, r);
        return 0;
}

int question_describe_link(Manager *m, int64_t index, char **ret, Detail *reterr_detail) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        LinkRecord link;
        TableView v;
        int r;

        r = question_link_by_index(m, index, &link, reterr_detail);
        if (r < 0)
                return r;
        v = manager_view(m);
        r = json_write_link(&w, &v, link.ifindex, NULL, NULL);
        if (r >= 0)
                r = json_writer_take(&w, ret, NULL);
        if (r < 0)
                return question_fail_plain(reterr_detail, r);
        return 0;
}
