/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values, records and events as JSON. Everything about single fields comes from the field table;
 * this file knows kinds of values and the two shapes, record and event.
 *
 * Texts need no care here: the field table gives valid UTF-8 without control characters.
 *
 * jansson frees a value that it cannot insert, and refuses to insert NULL. So a failed allocation
 * anywhere shows up at the insertion, and is checked only there.
 */

#include "json.h"
#include "util.h"

/* Values --------------------------------------------------------------------------------------- */

json_t *json_number(uint64_t number) {
        return json_integer((json_int_t) CONST_MIN(number, (uint64_t) INT64_MAX));
}

static json_t *json_bytes(const uint8_t *bytes, size_t len) {
        json_auto_t *array = json_array();

        for (size_t i = 0; i < len; i++)
                if (json_array_append_new(array, json_integer(bytes[i])) < 0)
                        return NULL;
        return TAKE_PTR(array);
}

static json_t *json_escaped(TextSpan text) {
        char buf[TEXT_ESCAPED_MAX(LINK_ALIAS_MAX)];

        return json_stringn(buf, text_escape(text.text, text.len, buf, sizeof(buf)));
}

/* An array in an array is something that not every Varlink implementation can declare. */
static json_t *json_raw_name(TextSpan name) {
        return json_pack("{s:o}", "Bytes", json_bytes((const uint8_t *) name.text, name.len));
}

static json_t *json_altnames(const LinkTexts *texts, bool raw) {
        json_auto_t *array = json_array();
        TextSpan name;
        size_t pos = 0;

        while (link_texts_next(texts, &pos, &name)) {
                json_t *element = raw ? json_raw_name(name) : json_escaped(name);

                if (json_array_append_new(array, element) < 0)
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_t *json_value(const FieldValue *value) {
        switch (value->kind) {
        case VALUE_BOOL:
                return json_boolean(value->boolean);
        case VALUE_INT:
                return json_integer(value->integer);
        case VALUE_UINT:
        case VALUE_UINT64:
                return json_number(value->number);
        case VALUE_TEXT:
                return json_stringn(value->bytes, value->len);
        case VALUE_BYTES:
                return json_bytes(value->bytes, value->len);
        case VALUE_TEXTS:
                return json_altnames(value->texts, /* raw= */ false);
        case VALUE_BYTES_LIST:
                return json_altnames(value->texts, /* raw= */ true);
        case VALUE_NONE:
        case VALUE_RECORDS:
        case _VALUE_KIND_MAX:
                break;
        }
        return json_null();
}

/* Records -------------------------------------------------------------------------------------- */

/* Fields in `nulls` that are not published are written as null, others left out. */
static int add_fields(json_t *object, const RecordView *view, uint64_t mask, uint64_t nulls) {
        const Field *fields;
        FieldValue value;
        size_t n;

        fields = fields_of(view->type, &n);
        for (size_t i = 0; i < n; i++) {
                uint64_t bit = UINT64_C(1) << i;
                json_t *element;

                if (!(mask & bit) || fields[i].kind == VALUE_RECORDS)
                        continue;

                field_get(&fields[i], view, &value);
                if (field_is_published(&fields[i], &value))
                        element = json_value(&value);
                else if (nulls & bit)
                        element = json_null();
                else
                        continue;
                if (json_object_set_new(object, fields[i].name, element) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int json_from_view(const RecordView *view, uint64_t mask, json_t **ret) {
        json_auto_t *object = json_object();
        int r;

        if (!object)
                return -ENOMEM;
        r = add_fields(object, view, mask != 0 ? mask : UINT64_MAX, 0);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(object);
        return 0;
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

static int add_event_header(json_t *event, const Change *c) {
        TextSpan name = { c->link_name, strnlen(c->link_name, sizeof(c->link_name)) };
        int32_t ifindex = record_ifindex(c->object, &c->record);

        if (json_object_set_new(event, "Event", json_string(change_type_to_string(c->type))) < 0 ||
            json_object_set_new(event, "Object", json_string(object_type_to_string(c->object))) <
                            0 ||
            json_object_set_new(event, "Index", json_integer(ifindex)) < 0 ||
            json_object_set_new(event, "Incarnation", json_number(c->incarnation)) < 0 ||
            json_object_set_new(event, "Name", json_escaped(name)) < 0)
                return -ENOMEM;

        if (text_needs_escape(name.text, name.len) &&
            json_object_set_new(event, "NameBytes",
                                json_bytes((const uint8_t *) name.text, name.len)) < 0)
                return -ENOMEM;
        return 0;
}

int json_event(const Change *c, json_t **ret) {
        json_auto_t *event = json_object();
        RecordView view = change_view(c);
        uint64_t mask = 0, nulls = 0;
        int r;

        if (!event)
                return -ENOMEM;
        r = add_event_header(event, c);
        if (r < 0)
                return r;

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
        r = add_fields(event, &view, mask, nulls);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(event);
        return 0;
}

int json_resynced(uint64_t generation, const char *reason, json_t **ret) {
        json_auto_t *event = json_object();

        if (json_object_set_new(event, "Event", json_string("resynced")) < 0 ||
            json_object_set_new(event, "Generation", json_number(generation)) < 0 ||
            json_object_set_new(event, "Reason", json_string(reason)) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(event);
        return 0;
}
