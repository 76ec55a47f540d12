/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Records as JSON texts. One link is read in place; whatever goes over the whole table works on a copy,
 * so that a table that changes all the time cannot keep it from coming to an end.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"
#include "json.h"
#include "lookup.h"

typedef struct Users {
        GroupUsers *list;
        size_t n;
} Users;

static void users_done(Users *u) {
        free(u->list);
}

static int64_t find_users(void *userdata, int32_t ifindex, const IpAddress *group) {
        const Users *u = userdata;

        return group_users_find(u->list, u->n, ifindex, group);
}

/* /proc tells of the caller's own network namespace; of another one nothing can be said. */
static JsonUsers users_for(const TableView *v, bool wanted) {
        return wanted && client_is_own_namespace(v) ? find_users : NULL;
}

int ifroster_row_json(const ifroster_row *row, char **ret) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        const RecordView view = client_row_view(row);

        if (!row->filled)
                return -ENODATA;
        json_write_record(&w, &view, 0);
        return json_writer_take(&w, ret, NULL);
}

int ifroster_link_json(const ifroster *h, int ifindex, int users, char **ret) {
        _cleanup_(users_done) Users u = {};
        _cleanup_(json_writer_done) JsonWriter w = {};
        ClientReading g;
        int r;

        r = client_expect_link(h, ifindex);
        if (r < 0)
                return r;
        if (users) {
                r = source_read_users(&u.list, &u.n);
                if (r < 0)
                        return r;
        }
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                json_writer_reset(&w);
                r = json_write_link(&w, &g.view, ifindex, users_for(&g.view, users), &u);
        } while (client_read_again(&g, &r));
        if (r < 0)
                return r;
        return json_writer_take(&w, ret, NULL);
}

int ifroster_describe_json(const ifroster *h, char **ret) {
        _cleanup_(client_copy_done) ClientCopy copy = {};
        _cleanup_(json_writer_done) JsonWriter w = {};
        TableView v;
        int r;

        r = client_copy(h, &copy);
        if (r < 0)
                return r;
        v = client_copy_view(&copy);
        r = json_write_describe(&w, &v);
        if (r < 0)
                return r;
        return json_writer_take(&w, ret, NULL);
}

static int write_links(JsonWriter *w, const TableView *v, int32_t ifindex, JsonUsers users,
                       Users *u) {
        int r;

        if (ifindex == 0)
                return json_write_links(w, v, users, u);
        json_write_begin_array(w);
        r = json_write_link(w, v, ifindex, users, u);
        json_write_end_array(w);
        return r;
}

int ifroster_list_json(const ifroster *h, int kind, int ifindex, int family, int users,
                       char **ret) {
        _cleanup_(client_copy_done) ClientCopy copy = {};
        _cleanup_(json_writer_done) JsonWriter w = {};
        _cleanup_(users_done) Users u = {};
        ObjectType type;
        LinkRecord link;
        TableView v;
        int r;

        r = client_object_type(kind, &type);
        if (r < 0)
                return r;
        if (family != AF_UNSPEC && ip_family_size(family) == 0)
                return -EBADMSG;
        if (ifindex != 0) {
                r = client_expect_link(h, ifindex);
                if (r < 0)
                        return r;
        }
        if (users) {
                r = source_read_users(&u.list, &u.n);
                if (r < 0)
                        return r;
        }
        r = client_copy(h, &copy);
        if (r < 0)
                return r;
        v = client_copy_view(&copy);
        if (ifindex != 0) {
                r = lookup_link_index(&v, ifindex, &link);
                if (r < 0)
                        return r;
        }
        r = type == OBJECT_LINK ? write_links(&w, &v, ifindex, users_for(&v, users), &u)
                                : json_write_rows(&w, &v, type, ifindex, family,
                                                  users_for(&v, users), &u);
        if (r < 0)
                return r;
        return json_writer_take(&w, ret, NULL);
}
