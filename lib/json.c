/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values, records and events as JSON. Everything about single fields comes from the field table;
 * this file knows kinds of values and the two shapes, record and event.
 *
 * Texts need no care here: the field table gives valid UTF-8 without control characters.
 */

#include "json.h"
#include "util.h"

/* Values --------------------------------------------------------------------------------------- */

void json_write_escaped(JsonWriter *w, TextSpan text) {
        char buf[TEXT_ESCAPED_MAX(LINK_ALIAS_MAX)];

        json_write_string(w, buf, text_escape(text.text, text.len, buf, sizeof(buf)));
}

/* An array in an array is something that not every Varlink implementation can declare. */
static void write_raw_name(JsonWriter *w, TextSpan name) {
        json_write_begin_object(w);
        json_write_key(w, "Bytes");
        json_write_bytes(w, name.text, name.len);
        json_write_end_object(w);
}

static void write_altnames(JsonWriter *w, const LinkTexts *texts, bool raw) {
        TextSpan name;
        size_t pos = 0;

        json_write_begin_array(w);
        while (link_texts_next(texts, &pos, &name))
                if (raw)
                        write_raw_name(w, name);
                else
                        json_write_escaped(w, name);
        json_write_end_array(w);
}

static void write_value(JsonWriter *w, const FieldValue *value) {
        switch (value->kind) {
        case VALUE_BOOL:
                json_write_bool(w, value->boolean);
                return;
        case VALUE_INT:
                json_write_int(w, value->integer);
                return;
        case VALUE_UINT:
        case VALUE_UINT64:
                json_write_uint(w, value->number);
                return;
        case VALUE_TEXT:
                json_write_string(w, value->bytes, value->len);
                return;
        case VALUE_BYTES:
                json_write_bytes(w, value->bytes, value->len);
                return;
        case VALUE_TEXTS:
                write_altnames(w, value->texts, /* raw= */ false);
                return;
        case VALUE_BYTES_LIST:
                write_altnames(w, value->texts, /* raw= */ true);
                return;
        case VALUE_NONE:
        case VALUE_RECORDS:
        case _VALUE_KIND_MAX:
                break;
        }
        json_write_null(w);
}

/* Records -------------------------------------------------------------------------------------- */

/* Fields in `nulls` that are not published are written as null, others left out. */
static void write_fields(JsonWriter *w, const RecordView *view, uint64_t mask, uint64_t nulls) {
        const Field *fields;
        FieldValue value;
        size_t n;

        fields = fields_of(view->type, &n);
        for (size_t i = 0; i < n; i++) {
                uint64_t bit = UINT64_C(1) << i;
                bool published;

                if (!(mask & bit) || fields[i].kind == VALUE_RECORDS)
                        continue;

                field_get(&fields[i], view, &value);
                published = field_is_published(&fields[i], &value);
                if (!published && !(nulls & bit))
                        continue;
                json_write_key(w, fields[i].name);
                if (published)
                        write_value(w, &value);
                else
                        json_write_null(w);
        }
}

void json_write_fields(JsonWriter *w, const RecordView *view, uint64_t mask) {
        write_fields(w, view, mask != 0 ? mask : UINT64_MAX, 0);
}

void json_write_record(JsonWriter *w, const RecordView *view, uint64_t mask) {
        json_write_begin_object(w);
        json_write_fields(w, view, mask);
        json_write_end_object(w);
}

/* Events --------------------------------------------------------------------------------------- */

static uint64_t key_fields(ObjectType type) {
        const Field *fields;
        uint64_t mask = 0;
        size_t n;

        fields = fields_of(type, &n);
        for (size_t i = 0; i < n; i++)
                if (fields[i].flags & FIELD_KEY)
                        mask |= UINT64_C(1) << i;
        return mask;
}

/* A link's own fields that the header has told. */
static uint64_t header_fields(bool odd) {
        static const char *const names[] = { "Index", "Incarnation", "Name", "NameBytes" };
        const Field *fields;
        uint64_t mask = 0;
        size_t n;

        fields = fields_of(OBJECT_LINK, &n);
        for (size_t i = 0; i < ELEMENTSOF(names) - !odd; i++)
                mask |= UINT64_C(1) << (field_find(OBJECT_LINK, names[i]) - fields);
        return mask;
}

static void write_header(JsonWriter *w, const Change *c, TextSpan name, bool odd) {
        json_write_key(w, "Event");
        json_write_text(w, change_type_to_string(c->type));
        json_write_key(w, "Object");
        json_write_text(w, object_type_to_string(c->object));
        json_write_key(w, "Index");
        json_write_int(w, record_ifindex(c->object, &c->record));
        json_write_key(w, "Incarnation");
        json_write_uint(w, c->incarnation);
        json_write_key(w, "Name");
        json_write_escaped(w, name);
        if (odd) {
                json_write_key(w, "NameBytes");
                json_write_bytes(w, name.text, name.len);
        }
}

void json_write_event(JsonWriter *w, const Change *c) {
        TextSpan name = { c->link_name, strnlen(c->link_name, sizeof(c->link_name)) };
        bool odd = text_needs_escape(name.text, name.len);
        RecordView view = change_view(c);
        uint64_t mask = 0, nulls = 0;

        switch (c->type) {
        case CHANGE_EXISTING:
        case CHANGE_ADDED:
                mask = UINT64_MAX;
                break;
        case CHANGE_CHANGED:
                mask = key_fields(c->object) | c->fields;
                nulls = c->fields;
                break;
        case CHANGE_REMOVED:
                mask = key_fields(c->object);
                break;
        case _CHANGE_TYPE_MAX:
                break;
        }
        if (c->object == OBJECT_LINK)
                mask &= ~header_fields(odd);

        json_write_begin_object(w);
        write_header(w, c, name, odd);
        write_fields(w, &view, mask, nulls);
        json_write_end_object(w);
}

void json_write_resynced(JsonWriter *w, uint64_t generation, const char *reason) {
        json_write_begin_object(w);
        json_write_key(w, "Event");
        json_write_text(w, "resynced");
        json_write_key(w, "Generation");
        json_write_uint(w, generation);
        json_write_key(w, "Reason");
        json_write_text(w, reason);
        json_write_end_object(w);
}
