/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values of the field table as D-Bus values. Knows kinds of values and the shapes a{sv} and aa{sv},
 * but no single field.
 *
 * The bus library refuses a string that is not UTF-8 and poisons the message; the field table gives
 * valid texts only, and names that come from elsewhere are escaped here.
 */

#include <string.h>

#include "bus-internal.h"
#include "util.h"

int bus_append_escaped(sd_bus_message *m, const char *text, size_t len) {
        char escaped[TEXT_ESCAPED_MAX(LINK_ALIAS_MAX)];

        (void) text_escape(text, len, escaped, sizeof(escaped));
        return sd_bus_message_append_basic(m, 's', escaped);
}

static int append_names(sd_bus_message *m, const LinkTexts *texts) {
        TextSpan name;
        size_t pos = 0;
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        if (r < 0)
                return r;
        while (link_texts_next(texts, &pos, &name)) {
                r = bus_append_escaped(m, name.text, name.len);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

static int append_raw_names(sd_bus_message *m, const LinkTexts *texts) {
        TextSpan name;
        size_t pos = 0;
        int r;

        r = sd_bus_message_open_container(m, 'a', "ay");
        if (r < 0)
                return r;
        while (link_texts_next(texts, &pos, &name)) {
                r = sd_bus_message_append_array(m, 'y', name.text, name.len);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

int bus_append_value(sd_bus_message *m, const FieldValue *value) {
        switch (value->kind) {
        case VALUE_BOOL:
                return sd_bus_message_append_basic(m, 'b', &(int){ value->boolean });
        case VALUE_INT:
                return sd_bus_message_append_basic(m, 'i', &(int32_t){ (int32_t) value->integer });
        case VALUE_UINT:
                return sd_bus_message_append_basic(m, 'u', &(uint32_t){ (uint32_t) value->number });
        case VALUE_UINT64:
                return sd_bus_message_append_basic(m, 't', &value->number);
        case VALUE_TEXT:
                return sd_bus_message_append_basic(m, 's', value->bytes);
        case VALUE_BYTES:
                return sd_bus_message_append_array(m, 'y', value->bytes, value->len);
        case VALUE_TEXTS:
                return append_names(m, value->texts);
        case VALUE_BYTES_LIST:
                return append_raw_names(m, value->texts);
        case VALUE_NONE:
        case VALUE_RECORDS:
        case _VALUE_KIND_MAX:
                break;
        }
        assert(false);
        return -EINVAL;
}

int bus_append_variant(sd_bus_message *m, const FieldValue *value) {
        int r;

        r = sd_bus_message_open_container(m, 'v', value_kind_signature(value->kind));
        if (r < 0)
                return r;
        r = bus_append_value(m, value);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static int append_entry(sd_bus_message *m, const char *key, const FieldValue *value) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', key);
        if (r < 0)
                return r;
        r = bus_append_variant(m, value);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

int bus_append_entry_text(sd_bus_message *m, const char *key, const char *value) {
        FieldValue v;

        v.kind = VALUE_TEXT;
        v.bytes = value;
        v.len = strlen(value);
        return append_entry(m, key, &v);
}

int bus_append_entry_bytes(sd_bus_message *m, const char *key, const void *bytes, size_t len) {
        FieldValue v;

        v.kind = VALUE_BYTES;
        v.bytes = bytes;
        v.len = len;
        return append_entry(m, key, &v);
}

int bus_append_entry_int(sd_bus_message *m, const char *key, int32_t value) {
        FieldValue v;

        v.kind = VALUE_INT;
        v.integer = value;
        return append_entry(m, key, &v);
}

int bus_append_entry_bool(sd_bus_message *m, const char *key, bool value) {
        FieldValue v;

        v.kind = VALUE_BOOL;
        v.boolean = value;
        return append_entry(m, key, &v);
}

int bus_append_entry_uint(sd_bus_message *m, const char *key, uint32_t value) {
        FieldValue v;

        v.kind = VALUE_UINT;
        v.number = value;
        return append_entry(m, key, &v);
}

int bus_append_entry_address(sd_bus_message *m, const char *key, const char *text_key,
                             const IpAddress *a) {
        char text[IP_TEXT_MAX];
        int r;

        r = bus_append_entry_bytes(m, key, a->bytes, ip_family_size(a->family));
        if (r < 0)
                return r;
        return bus_append_entry_text(m, text_key, ip_format(a, text));
}

int bus_append_entry_uint64(sd_bus_message *m, const char *key, uint64_t value) {
        FieldValue v;

        v.kind = VALUE_UINT64;
        v.number = value;
        return append_entry(m, key, &v);
}

int bus_append_fields(sd_bus_message *m, const RecordView *view, uint64_t mask, uint64_t gone) {
        const Field *fields;
        FieldValue value;
        size_t n;
        int r;

        fields = fields_of(view->type, &n);
        for (size_t i = 0; i < n; i++) {
                uint64_t bit = UINT64_C(1) << i;

                if (!(mask & bit) || fields[i].kind == VALUE_RECORDS)
                        continue;
                field_get(&fields[i], view, &value);
                if (!field_is_published(&fields[i], &value)) {
                        if (!(gone & bit) || (fields[i].flags & FIELD_ODD_ONLY))
                                continue;
                        field_sentinel(&fields[i], &value);
                }
                r = append_entry(m, fields[i].name, &value);
                if (r < 0)
                        return r;
        }
        return 0;
}

int bus_append_record(sd_bus_message *m, const RecordView *view) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        r = bus_append_fields(m, view, UINT64_MAX, 0);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

int bus_append_rows(sd_bus_message *m, const TableView *v, const Rows *rows) {
        char link_name[LINK_NAME_MAX + 1];
        RecordView view;
        int r;

        r = sd_bus_message_open_container(m, 'a', "a{sv}");
        if (r < 0)
                return r;
        for (size_t i = 0; i < rows->n; i++) {
                rows_view(rows, v, i, link_name, &view);
                r = bus_append_record(m, &view);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}
