/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The client as a whole on a table that may hold anything and that changes at the worst moments: every
 * public question, walks, snapshots, events, texts.
 *
 * Input: a byte of flags, a text with its length before it, to ask with, and then what the table is made
 * of. Flag 1: the bytes are the table. Otherwise they are changes to a sound one, groups of a number of
 * pairs (a byte) and the pairs, a place (two bytes, of words of four bytes) and a value (four bytes): the
 * first group is done to the table before it is opened, each other one at the next moment at which a
 * reader does not look.
 *
 * Laws: no crash and no end of a question that does not come; walks and events are no more than there are
 * rows; what is handed out ends with a NUL where it must, is UTF-8 on one line where that is promised,
 * and what is JSON can be parsed.
 */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client-internal.h"
#include "fuzz.h"
#include "record-field.h"

/* Not assert(): it must also hold in a build without assertions. */
#define HOLDS(law)               \
        do {                     \
                if (!(law))      \
                        abort(); \
        } while (0)

#define N_LINKS 4
#define TEXT_MAX 80
/* Of a walk, with all their fields; the others are only counted */
#define ROWS_LOOKED_AT 2

enum {
        FLAG_RAW = 1,
};

typedef struct Input {
        const uint8_t *data;
        size_t size;
        uint8_t *block; /* exactly as large as the table says: a read beyond it is seen */
        size_t block_size;
        char text[TEXT_MAX + 1];
} Input;

static size_t take(Input *in, void *to, size_t n) {
        n = CONST_MIN(n, in->size);
        memcpy(to, in->data, n);
        in->data += n;
        in->size -= n;
        return n;
}

/* The next moment. */
static void change_table(Input *in) {
        uint8_t n = 0;

        (void) take(in, &n, 1);
        for (; n > 0 && in->size >= 6; n--) {
                uint16_t at;
                uint32_t value;

                (void) take(in, &at, sizeof(at));
                (void) take(in, &value, sizeof(value));
                memcpy(in->block + (size_t) at % (in->block_size / 4) * 4, &value, sizeof(value));
        }
}

/* The sound table ------------------------------------------------------------------------------ */

static void fill_link(Table *t, int32_t i) {
        const IpAddress v6 = ip_make(AF_INET6, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
        const IpAddress v4 = { .family = AF_INET, .bytes = { 10, 0, 0, (uint8_t) i } };
        const IpAddress all = { .family = AF_INET, .bytes = { 224, 0, 0, 1 } };
        LinkRecord link = {
                .ifindex = i,
                .name = { 'l', (char) ('0' + i) },
                .incarnation = (uint64_t) i,
                .parent_nsid = -1,
                .flags = 0x1043,
                .mtu = 1500,
                .type = 1,
                .hardware_address = { .len = 6, .bytes = { 2, 0, 0, 0, 0, (uint8_t) i } },
        };
        AddressRecord own6 = { .ifindex = i, .address = v6, .prefix_length = 64 };
        AddressRecord own4 = { .ifindex = i, .address = v4, .prefix_length = 24 };
        GroupRecord group = { .ifindex = i, .group = all };
        LocalRecord local6 = { .ifindex = i, .address = v6, .prefix_length = 128 };
        LocalRecord local4 = { .ifindex = i, .address = v4, .prefix_length = 32 };
        RouteRecord route = { .ifindex = i, .family = AF_INET, .gateway = v4, .metric = 7 };

        HOLDS(table_set(t, OBJECT_LINK, &link) == 0);
        HOLDS(table_set(t, OBJECT_ADDRESS, &own6) == 0);
        HOLDS(table_set(t, OBJECT_ADDRESS, &own4) == 0);
        HOLDS(table_set(t, OBJECT_GROUP, &group) == 0);
        HOLDS(table_set(t, OBJECT_LOCAL, &local6) == 0);
        HOLDS(table_set(t, OBJECT_LOCAL, &local4) == 0);
        HOLDS(table_set(t, OBJECT_ROUTE, &route) == 0);
}

static Table *make_table(void) {
        TextSpan names[] = { { "one", 3 }, { "t\nwo\xff", 5 } };
        LinkTexts *texts = NULL;
        Table *t = NULL;

        HOLDS(table_new(NULL, &t) == 0);
        /* the same input, the same run */
        t->block->seed = 1;
        t->block->netns_inode = 1;
        table_begin(t);
        for (int32_t i = 1; i <= N_LINKS; i++)
                fill_link(t, i);
        HOLDS(link_texts_new((TextSpan){ "alias", 5 }, names, 2, &texts) == 0);
        HOLDS(table_set_texts(t, 1, texts) == 0);
        (void) link_texts_free(texts);
        table_end(t, 1);
        return t;
}

static void make_block(Input *in, bool raw) {
        static Table *sound;
        TableView v;

        if (!sound)
                sound = make_table();
        v = table_view(sound);
        in->block_size = raw ? in->size : v.size;
        in->block = malloc(CONST_MAX(in->block_size, (size_t) 4));
        HOLDS(in->block);
        if (raw) {
                (void) take(in, in->block, in->size);
                return;
        }
        memcpy(in->block, v.block, v.size);
        change_table(in);
}

/* What is handed out --------------------------------------------------------------------------- */

/* Length of the character at p, 0: it is none. Written from the table of the Unicode standard. */
static size_t character(const uint8_t *p) {
        uint8_t low = 0x80, high = 0xbf;
        size_t n;

        if (p[0] < 0x80)
                return 1;
        n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;
        if (p[0] == 0xe0)
                low = 0xa0;
        if (p[0] == 0xed)
                high = 0x9f;
        if (p[0] == 0xf0)
                low = 0x90;
        if (p[0] == 0xf4)
                high = 0x8f;
        if (p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < n; i++)
                if (p[i] < 0x80 || p[i] > 0xbf)
                        return 0;
        return n;
}

static void check_text(const char *text, bool lines) {
        const uint8_t *p = (const uint8_t *) text;

        while (*p) {
                size_t n = character(p);

                HOLDS(n > 0);
                HOLDS(*p >= 0x20 || (lines && (*p == '\n' || *p == '\t')));
                p += n;
        }
}

/* Takes the text. */
static void check_json(char *text) {
        json_t *json;

        check_text(text, /* lines= */ false);
        json = json_loads(text, 0, NULL);
        HOLDS(json);
        json_decref(json);
        free(text);
}

/* A call that leaves its text in `json`. */
#define CHECK_JSON(call)                  \
        do {                              \
                if ((call) >= 0)          \
                        check_json(json); \
        } while (0)

/* Reads every byte. */
static void touch(const void *data, size_t n) {
        const volatile uint8_t *p = data;

        for (size_t i = 0; i < n; i++)
                (void) p[i];
}

static void check_row(ifroster_row *row) {
        int kind = ifroster_row_kind(row);
        const uint8_t *bytes = NULL;
        size_t n_fields, n;
        const Field *fields = fields_of((ObjectType) kind, &n_fields);
        const char *text;
        const void *data;
        char *json = NULL;
        uint64_t number;
        int64_t integer;

        HOLDS(kind >= IFROSTER_LINK && kind <= IFROSTER_LOCAL);
        HOLDS(strnlen(ifroster_row_name(row), IFROSTER_NAME_SIZE) < IFROSTER_NAME_SIZE);
        (void) ifroster_row_ifindex(row);
        (void) ifroster_row_incarnation(row);
        HOLDS(ifroster_row_prefix_length(row) <= 128);
        n = ifroster_row_hardware_address(row, &bytes);
        HOLDS(n <= 32);
        touch(bytes, n);
        n = ip_family_size(ifroster_row_address(row, &bytes));
        touch(bytes, n);
        n = ip_family_size(ifroster_row_peer(row, &bytes));
        touch(bytes, n);
        for (size_t i = 0; i < n_fields; i++) {
                if (ifroster_row_get_text(row, fields[i].name, &text) == 0)
                        check_text(text, /* lines= */ false);
                else if (ifroster_row_get_bytes(row, fields[i].name, &data, &n) == 0)
                        touch(data, n);
                else if (ifroster_row_get_int(row, fields[i].name, &integer) < 0)
                        (void) ifroster_row_get_uint(row, fields[i].name, &number);
        }
        for (size_t i = 0; ifroster_row_get_altname(row, i, &text) == 0; i++)
                HOLDS(strnlen(text, IFROSTER_ALTNAME_SIZE) < IFROSTER_ALTNAME_SIZE);
        CHECK_JSON(ifroster_row_json(row, &json));
}

/* Questions ------------------------------------------------------------------------------------ */

static void ask_text(const ifroster *h, const char *text) {
        char out[IFROSTER_ADDRESS_SIZE], *json = NULL;
        const char *texts[] = { text, "10.0.0.1", "fe80::1%l1" };
        int matched, family, ifindex, type, links[2], r;
        uint8_t address[16];
        size_t bad;

        (void) ifroster_index(h, text);
        (void) ifroster_zone(h, text, &matched);
        (void) ifroster_find_link(h, text, &matched);
        r = ifroster_parse(h, text, &family, address, &ifindex);
        if (r >= 0) {
                r = ifroster_lookup(h, family, address, ifindex, &type, links, 2);
                HOLDS(r < 0 || (type == IFROSTER_TYPE_NONE) == (r == 0));
                if (ifroster_format(h, family, address, ifindex, out, sizeof(out)) >= 0)
                        check_text(out, /* lines= */ false);
                (void) ifroster_lookup(h, family, address, 0, &type, links, 2);
        }
        CHECK_JSON(ifroster_zone_json(h, text, &json));
        CHECK_JSON(ifroster_parse_json(h, text, &json));
        CHECK_JSON(ifroster_lookup_json(h, text, &json));
        CHECK_JSON(ifroster_which_json(h, text, &json));
        CHECK_JSON(ifroster_source_json(h, text, 1, &json));
        CHECK_JSON(ifroster_sort_json(h, texts, ELEMENTSOF(texts), &json, &bad));
}

static void ask_index(Input *in, const ifroster *h, int ifindex, ifroster_row *row) {
        char name[IFROSTER_NAME_SIZE], *json = NULL;

        if (ifroster_name(h, ifindex, name) == 0)
                HOLDS(strnlen(name, sizeof(name)) < sizeof(name));
        if (ifroster_get_link(h, ifindex, row) == 0) {
                change_table(in);
                check_row(row);
        }
        CHECK_JSON(ifroster_link_json(h, ifindex, 0, &json));
        CHECK_JSON(ifroster_local_json(h, ifindex % 2, ifindex, &json));
}

/* In place, or of a copy: rows_max is more than either can have. */
static void walk(Input *in, const ifroster *h, int kind, int ifindex, ifroster_row *row,
                 size_t rows_max) {
        ifroster_walk *w;
        size_t n = 0;

        HOLDS(ifroster_walk_new(h, kind, ifindex, AF_UNSPEC, &w) == 0);
        while (ifroster_walk_next(w, row) > 0) {
                HOLDS(n++ < rows_max);
                if (n == 2)
                        change_table(in);
                if (n <= ROWS_LOOKED_AT)
                        check_row(row);
        }
        (void) ifroster_walk_free(w);
}

static void ask_all(Input *in, const ifroster *h, ifroster_row *row) {
        size_t rows_max = in->block_size / 48 + 1;
        char *json = NULL;

        (void) ifroster_is_shared(h);
        (void) ifroster_generation(h);
        ask_text(h, in->text);
        for (int i = 1; i <= N_LINKS; i++)
                ask_index(in, h, i, row);
        for (int kind = IFROSTER_LINK; kind <= IFROSTER_LOCAL; kind++) {
                walk(in, h, kind, 0, row, rows_max);
                walk(in, h, kind, 1, row, rows_max);
                CHECK_JSON(ifroster_list_json(h, kind, 0, 0, 0, &json));
        }
        CHECK_JSON(ifroster_describe_json(h, &json));
        for (int file = IFROSTER_PLAN9_STATUS; file <= IFROSTER_PLAN9_SELFTAB; file++)
                if (ifroster_plan9_text(h, file, 0, &json) >= 0) {
                        check_text(json, /* lines= */ true);
                        free(json);
                }
}

static void pull(Input *in, ifroster *h) {
        size_t n = 0, events_max = 4 * (in->block_size / 48 + 1);
        const ifroster_event *e;
        char *json = NULL;

        (void) ifroster_dispatch(h);
        while ((e = ifroster_next_event(h))) {
                HOLDS(n++ < events_max);
                if (n > 4 * N_LINKS)
                        continue;
                CHECK_JSON(ifroster_event_json(e, &json));
                (void) ifroster_event_field_changed(e, "Name");
                HOLDS(!ifroster_event_row(e) ==
                      (ifroster_event_type(e) == IFROSTER_EVENT_RESYNCED));
        }
}

/* A handle on a block of memory as if it were a file of a daemon that lives. It may read nothing else. */
static ifroster *open_block(const Input *in) {
        ifroster *h;
        TableView v;

        if (table_view_init(&v, in->block, in->block_size) < 0)
                return NULL;
        h = calloc(1, sizeof(*h));
        HOLDS(h);
        h->flags = IFROSTER_SHARED_ONLY;
        h->map.fd = h->epoll_fd = h->timer_fd = h->inotify_fd = h->file_watch = -1;
        h->map.epoch = 2;
        h->map.base = in->block;
        h->map.size = in->block_size;
        h->map.check_at = UINT64_MAX;
        (void) pthread_mutex_init(&h->mutex, NULL);
        return h;
}

static void run(Input *in) {
        ifroster *h = open_block(in), *frozen;
        ifroster_row *row;

        if (!h)
                return;
        HOLDS(ifroster_row_new(&row) == 0);
        pull(in, h);
        change_table(in);
        ask_all(in, h, row);
        if (ifroster_snapshot(h, &frozen) >= 0) {
                change_table(in);
                ask_all(in, frozen, row);
                (void) ifroster_free(frozen);
        }
        pull(in, h);
        (void) ifroster_wait(h, 1, 0);
        (void) ifroster_sync(h, 0);
        (void) ifroster_row_free(row);
        /* It is no mapping to be given back. */
        h->map.base = NULL;
        (void) ifroster_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Input in = { .data = data, .size = size };
        uint8_t flags = 0, len = 0;

        (void) take(&in, &flags, 1);
        (void) take(&in, &len, 1);
        in.text[take(&in, in.text, len % (TEXT_MAX + 1))] = 0;
        make_block(&in, flags & FLAG_RAW);
        run(&in);
        free(in.block);
        return 0;
}
