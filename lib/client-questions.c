/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions by text whose answers are JSON. What is computed over many rows is computed on a copy, so
 * that a table that changes all the time cannot keep it from coming to an end.
 *
 * Only an own reading has sockets to ask the kernel with. A reader of the daemon's table says so
 * instead of guessing.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"
#include "json-answer.h"
#include "json-text.h"
#include "lookup.h"
#include "source-answer.h"

/* Parses by the public function, which asks the kernel for names that the table does not know. */
static int parse(const ifroster *h, const char *text, IpAddress *ret, int *ret_ifindex) {
        uint8_t bytes[16];
        int family, r;

        r = ifroster_parse(h, text, &family, bytes, ret_ifindex);
        if (r < 0)
                return r;
        *ret = ip_make(family, bytes);
        return 0;
}

int ifroster_zone_json(const ifroster *h, const char *text, char **ret) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        ClientReading g;
        LinkRecord link;
        int ifindex, matched, r;

        ifindex = ifroster_zone(h, text, &matched);
        if (ifindex <= 0)
                return ifindex < 0 ? ifindex : -EILSEQ;
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do
                r = table_get_link(&g.view, ifindex, &link) ? 0 : -ENODEV;
        while (client_read_again(&g, &r));
        if (r < 0)
                return r;
        json_write_link_match(&w, &link, (NameMatch) matched);
        return json_writer_take(&w, ret, NULL);
}

int ifroster_parse_json(const ifroster *h, const char *text, char **ret) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        size_t len = strnlen(text, IP_INPUT_MAX + LOOKUP_NAME_TEXT_MAX);
        ParsedAddress parsed;
        ClientReading g;
        IpAddress a;
        int ifindex, r;

        /* The first one may have made the table learn a name. */
        r = parse(h, text, &a, &ifindex);
        if (r < 0)
                return r;
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                json_writer_reset(&w);
                r = lookup_address_text(&g.view, text, len, /* link_needed= */ false, &parsed);
                if (r >= 0)
                        json_write_parsed_address(&w, &g.view, &parsed);
        } while (client_read_again(&g, &r));
        return r < 0 ? r : json_writer_take(&w, ret, NULL);
}

int ifroster_lookup_json(const ifroster *h, const char *text, char **ret) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        ClientReading g;
        IpAddress a;
        _cleanup_(address_answer_done) AddressAnswer checked = {};
        int ifindex, r;

        r = parse(h, text, &a, &ifindex);
        if (r < 0)
                return r;
        /* "None" may need patience, and a reading has none. */
        r = client_lookup(h, &a, ifindex, &checked);
        if (r < 0)
                return r;
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                _cleanup_(address_answer_done) AddressAnswer answer = {};

                json_writer_reset(&w);
                r = lookup_address(&g.view, &a, ifindex, &answer);
                if (r >= 0)
                        json_write_address_answer(&w, &g.view, &answer);
        } while (client_read_again(&g, &r));
        return r < 0 ? r : json_writer_take(&w, ret, NULL);
}

/* Local table ---------------------------------------------------------------------------------- */

/* How often groups are joined, where /proc tells of the table's network namespace. */
static int add_users(const TableView *v, LocalEntry *entries, size_t n) {
        _cleanup_(freep) GroupUsers *users = NULL;
        size_t n_users;
        int r;

        if (!client_is_own_namespace(v))
                return 0;
        r = source_read_users(&users, &n_users);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                int64_t joins;

                if (entries[i].type != ADDRESS_TYPE_MULTICAST)
                        continue;
                joins = group_users_find(users, n_users, entries[i].ifindex, &entries[i].address);
                if (joins > 0)
                        entries[i].references = (uint32_t) joins;
        }
        return 0;
}

int ifroster_local_json(const ifroster *h, int derived, int ifindex, char **ret) {
        _cleanup_(client_copy_done) ClientCopy copy = {};
        _cleanup_(freep) LocalEntry *entries = NULL;
        _cleanup_(json_writer_done) JsonWriter w = {};
        size_t n, kept = 0;
        LinkRecord link;
        TableView v;
        int r;

        if (ifindex != 0) {
                r = client_expect_link(h, ifindex);
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
        if (derived)
                r = lookup_local_derived(&v, &entries, &n);
        else {
                r = lookup_local_kernel(&v, &entries, &n);
                if (r >= 0)
                        r = add_users(&v, entries, n);
        }
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (ifindex == 0 || entries[i].ifindex == ifindex)
                        entries[kept++] = entries[i];
        json_write_local_entries(&w, &v, entries, kept);
        return json_writer_take(&w, ret, NULL);
}

/* The kernel's part ---------------------------------------------------------------------------- */

/* A question on an own table, under the mutex. */
typedef struct Asked {
        IpAddress address;
        int ifindex;
        bool model;
        int (*ask)(Source *s, const TableView *v, const struct Asked *q, JsonWriter *w);
} Asked;

static int ask_own(const ifroster *h, const Asked *q, JsonWriter *w) {
        ifroster *own = client_mutable(h);
        int r;

        client_lock(h);
        if (own->source)
                r = client_own_refresh(own);
        else
                r = -ENOTCONN;
        if (r >= 0) {
                TableView v = table_view(own->table);

                r = q->ask(own->source, &v, q, w);
        }
        client_unlock(h);
        return r;
}

static int ask_link(Source *s, const TableView *v, const Asked *q, JsonWriter *w) {
        LinkAnswer answer;
        int r;

        r = source_link_for_address(s, v, &q->address, q->ifindex, &answer);
        if (r >= 0)
                json_write_link_answer(w, v, &answer);
        return r;
}

static int ask_source(Source *s, const TableView *v, const Asked *q, JsonWriter *w) {
        _cleanup_(source_answer_done) SourceAnswer answer = {};
        int r;

        if (q->model)
                r = source_select_model(s, v, &q->address, q->ifindex, &answer);
        else
                r = source_select_kernel(s, v, &q->address, q->ifindex, &answer);
        if (r < 0)
                return r;
        json_write_source_answer(w, v, &answer,
                                 q->model ? source_rule_to_string(answer.rule) : "kernel");
        return 0;
}

int ifroster_which_json(const ifroster *h, const char *text, char **ret) {
        Asked q = { .ask = ask_link };
        _cleanup_(json_writer_done) JsonWriter w = {};
        LinkAnswer answer;
        ClientReading g;
        int r;

        r = parse(h, text, &q.address, &q.ifindex);
        if (r < 0)
                return r;
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                json_writer_reset(&w);
                r = lookup_link_for_address(&g.view, &q.address, q.ifindex, &answer);
                if (r == 0)
                        json_write_link_answer(&w, &g.view, &answer);
        } while (client_read_again(&g, &r));

        if (r == LOOKUP_ASK_KERNEL)
                r = ask_own(h, &q, &w);
        return r < 0 ? r : json_writer_take(&w, ret, NULL);
}

int ifroster_source_json(const ifroster *h, const char *text, int model, char **ret) {
        Asked q = { .ask = ask_source, .model = model != 0 };
        _cleanup_(json_writer_done) JsonWriter w = {};
        int r;

        r = parse(h, text, &q.address, &q.ifindex);
        if (r >= 0)
                r = ask_own(h, &q, &w);
        return r < 0 ? r : json_writer_take(&w, ret, NULL);
}

/* Sorting -------------------------------------------------------------------------------------- */

/* The source that the kernel would use, as the rules see it. A destination that cannot be reached
 * has none, whatever the reason. */
static int fill_source(Source *s, const TableView *v, int ifindex, Destination *d) {
        _cleanup_(source_answer_done) SourceAnswer answer = {};
        AddressRecord row;
        LinkRecord link;
        TableWalk walk;
        int r;

        r = source_select_kernel(s, v, &d->address, ifindex, &answer);
        if (r == -ENOMEM || r == -EIO)
                return r;
        if (r < 0)
                return 0;
        d->source = answer.source;
        d->tunnel = table_get_link(v, answer.ifindex, &link) && lookup_is_tunnel(&link);
        walk = table_walk_ip(v, OBJECT_ADDRESS, &answer.source);
        while (table_next(v, &walk, &row)) {
                d->source_prefix_length = row.prefix_length;
                d->source_flags = row.flags;
                /* The same address on the outgoing link is the better witness. */
                if (row.ifindex == answer.ifindex)
                        break;
        }
        return 0;
}

static int fill_destinations(const ifroster *h, Destination *destinations, const int *zones,
                             size_t n) {
        ifroster *own = client_mutable(h);
        int r;

        client_lock(h);
        r = own->source ? client_own_refresh(own) : -ENOTCONN;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                TableView v = table_view(own->table);

                r = fill_source(own->source, &v, zones[i], &destinations[i]);
        }
        client_unlock(h);
        return r;
}

/* What one call of ifroster_sort_json() works on, n of each. */
typedef struct Sorting {
        Destination *destinations;
        int *zones;
        char (*texts)[ADDRESS_TEXT_MAX];
        const char **names; /* pointers into texts */
} Sorting;

static void sorting_done(Sorting *s) {
        free(s->destinations);
        free(s->zones);
        free(s->texts);
        free(s->names);
}

static int sorting_init(Sorting *s, size_t n) {
        if (n > LOOKUP_SORT_MAX)
                return -E2BIG;
        s->destinations = calloc(n + 1, sizeof(*s->destinations));
        s->zones = calloc(n + 1, sizeof(*s->zones));
        s->texts = calloc(n + 1, sizeof(*s->texts));
        s->names = calloc(n + 1, sizeof(*s->names));
        return s->destinations && s->zones && s->texts && s->names ? 0 : -ENOMEM;
}

static int sorting_parse(Sorting *s, const ifroster *h, const char *text, size_t i) {
        Destination *d = &s->destinations[i];
        int r;

        r = parse(h, text, &d->address, &s->zones[i]);
        if (r < 0)
                return r;
        s->names[i] = s->texts[i];
        return ifroster_format(h, d->address.family, d->address.bytes, s->zones[i], s->texts[i],
                               sizeof(s->texts[i]));
}

int ifroster_sort_json(const ifroster *h, const char *const *texts, size_t n, char **ret,
                       size_t *reterr_bad) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        _cleanup_(sorting_done) Sorting s = {};
        int r;

        if (reterr_bad)
                *reterr_bad = n;
        r = sorting_init(&s, n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = sorting_parse(&s, h, texts[i], i);
                if (r < 0 && reterr_bad)
                        *reterr_bad = i;
        }
        if (r >= 0)
                r = fill_destinations(h, s.destinations, s.zones, n);
        if (r >= 0)
                r = lookup_sort_destinations(s.destinations, n);
        if (r < 0)
                return r;
        json_write_destinations(&w, s.destinations, n, s.names);
        return json_writer_take(&w, ret, NULL);
}
