/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The machinery of the field table: finding fields, reading and comparing their values. It knows
 * kinds of values, but no single field; those are in record-field-*.c.
 *
 * A value never owns memory: it points into the row, into what is beside it, or into its own
 * scratch room. So a FieldValue is never copied, only passed by pointer.
 */

#include <stdio.h>

#include "record-field.h"
#include "record-names.h"
#include "util.h"

/* Fields --------------------------------------------------------------------------------------- */

const Field *fields_of(ObjectType type, size_t *ret_n) {
        static const FieldList *const lists[] = {
                [OBJECT_LINK] = &link_field_list,   [OBJECT_ADDRESS] = &address_field_list,
                [OBJECT_GROUP] = &group_field_list, [OBJECT_ROUTE] = &route_field_list,
                [OBJECT_LOCAL] = &local_field_list,
        };

        assert((size_t) type < ELEMENTSOF(lists));
        *ret_n = lists[type]->n;
        return lists[type]->fields;
}

const Field *field_find(ObjectType type, const char *name) {
        const Field *fields;
        size_t n;

        fields = fields_of(type, &n);
        for (size_t i = 0; i < n; i++)
                if (strcmp(fields[i].name, name) == 0)
                        return &fields[i];
        return NULL;
}

void field_get(const Field *field, const RecordView *view, FieldValue *ret) {
        field->get(view, ret);
}

const char *value_kind_signature(ValueKind kind) {
        switch (kind) {
        case VALUE_BOOL:
                return "b";
        case VALUE_INT:
                return "i";
        case VALUE_UINT:
                return "u";
        case VALUE_UINT64:
                return "t";
        case VALUE_TEXT:
                return "s";
        case VALUE_BYTES:
                return "ay";
        case VALUE_TEXTS:
                return "as";
        case VALUE_BYTES_LIST:
                return "aay";
        case VALUE_RECORDS:
                return "aa{sv}";
        case VALUE_NONE:
        case _VALUE_KIND_MAX:
                break;
        }
        return "";
}

void field_sentinel(const Field *field, FieldValue *ret) {
        ret->kind = field->kind;
        switch (field->kind) {
        case VALUE_BOOL:
                ret->boolean = false;
                break;
        case VALUE_INT:
                /* Namespace ids start at 0, so 0 cannot stand for "none" there. */
                ret->integer = strcmp(field->name, "ParentNamespaceNSID") == 0 ? -1 : 0;
                break;
        case VALUE_UINT:
        case VALUE_UINT64:
                ret->number = 0;
                break;
        case VALUE_TEXT:
        case VALUE_BYTES:
                ret->bytes = "";
                ret->len = 0;
                break;
        case VALUE_TEXTS:
        case VALUE_BYTES_LIST:
                ret->texts = NULL;
                break;
        case VALUE_RECORDS:
                /* There is always a list, maybe an empty one: these never are VALUE_NONE. */
                field->get(&(RecordView){}, ret);
                break;
        case VALUE_NONE:
        case _VALUE_KIND_MAX:
                break;
        }
}

/* Comparison ----------------------------------------------------------------------------------- */

static bool altnames_equal(const LinkTexts *a, const LinkTexts *b) {
        size_t pos_a = 0, pos_b = 0;
        TextSpan name_a, name_b;

        for (;;) {
                bool more_a = link_texts_next(a, &pos_a, &name_a);
                bool more_b = link_texts_next(b, &pos_b, &name_b);

                if (!more_a || !more_b)
                        return more_a == more_b;
                if (name_a.len != name_b.len || memcmp(name_a.text, name_b.text, name_a.len) != 0)
                        return false;
        }
}

bool field_value_equal(const FieldValue *a, const FieldValue *b) {
        if (a->kind != b->kind)
                return false;

        switch (a->kind) {
        case VALUE_BOOL:
                return a->boolean == b->boolean;
        case VALUE_INT:
                return a->integer == b->integer;
        case VALUE_UINT:
        case VALUE_UINT64:
                return a->number == b->number;
        case VALUE_TEXT:
        case VALUE_BYTES:
                return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
        case VALUE_TEXTS:
        case VALUE_BYTES_LIST:
                return altnames_equal(a->texts, b->texts);
        case VALUE_NONE:
        case VALUE_RECORDS:
        case _VALUE_KIND_MAX:
                break;
        }
        return true;
}

bool field_is_published(const Field *field, const FieldValue *value) {
        TextSpan name;
        size_t pos = 0;

        if (value->kind == VALUE_NONE)
                return false;
        if (!(field->flags & FIELD_ODD_ONLY))
                return true;
        if (value->kind == VALUE_BYTES)
                return text_needs_escape(value->bytes, value->len);

        while (link_texts_next(value->texts, &pos, &name))
                if (text_needs_escape(name.text, name.len))
                        return true;
        return false;
}

static bool link_names_equal(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Nothing that any field is made of differs: the usual case when the kernel repeats itself, and
 * much cheaper than to make every text. */
static bool views_identical(const RecordView *a, const RecordView *b) {
        return memcmp(a->record, b->record, record_size(a->type)) == 0 &&
               link_texts_equal(a->context.texts, b->context.texts) &&
               link_names_equal(a->context.link_name, b->context.link_name) &&
               a->context.users == b->context.users;
}

uint64_t record_diff(const RecordView *before, const RecordView *after) {
        const Field *fields;
        uint64_t diff = 0;
        FieldValue a, b;
        size_t n;

        assert(before->type == after->type);
        if (views_identical(before, after))
                return 0;

        fields = fields_of(before->type, &n);
        for (size_t i = 0; i < n; i++) {
                fields[i].get(before, &a);
                fields[i].get(after, &b);
                if (field_value_equal(&a, &b))
                        continue;
                if ((fields[i].flags & FIELD_ODD_ONLY) && !field_is_published(&fields[i], &a) &&
                    !field_is_published(&fields[i], &b))
                        continue;
                diff |= UINT64_C(1) << i;
        }
        return diff;
}

uint64_t record_diff_with_twins(ObjectType type, uint64_t diff) {
        const Field *fields;
        size_t n;

        fields = fields_of(type, &n);
        for (size_t i = 1; i < n; i++)
                if ((fields[i].flags & FIELD_ODD_ONLY) && (diff & (UINT64_C(1) << (i - 1))))
                        diff |= UINT64_C(1) << i;
        return diff;
}

/* Values --------------------------------------------------------------------------------------- */

void value_none(FieldValue *ret) {
        ret->kind = VALUE_NONE;
}

void value_bool(FieldValue *ret, bool b) {
        ret->kind = VALUE_BOOL;
        ret->boolean = b;
}

void value_int(FieldValue *ret, int64_t i) {
        ret->kind = VALUE_INT;
        ret->integer = i;
}

void value_uint(FieldValue *ret, uint32_t u) {
        ret->kind = VALUE_UINT;
        ret->number = u;
}

void value_uint64(FieldValue *ret, uint64_t u) {
        ret->kind = VALUE_UINT64;
        ret->number = u;
}

void value_nonzero_int(FieldValue *ret, int64_t i) {
        value_int(ret, i);
        if (i == 0)
                value_none(ret);
}

void value_nonzero_uint(FieldValue *ret, uint32_t u) {
        value_uint(ret, u);
        if (u == 0)
                value_none(ret);
}

void value_unsigned_int(FieldValue *ret, int64_t i) {
        value_int(ret, i);
        if (i < 0)
                value_none(ret);
}

void value_users(FieldValue *ret, int64_t users) {
        value_uint(ret, (uint32_t) CONST_MIN(users, (int64_t) UINT32_MAX));
        if (users < 0)
                value_none(ret);
}

void value_deadline(FieldValue *ret, uint64_t usec) {
        value_uint64(ret, usec);
        if (usec == USEC_INFINITY)
                value_none(ret);
}

void value_word(FieldValue *ret, const char *word) {
        ret->kind = VALUE_TEXT;
        ret->bytes = word;
        ret->len = strlen(word);
}

/* For values that have just been written to the scratch room. */
static void value_scratch(FieldValue *ret, size_t len) {
        ret->kind = VALUE_TEXT;
        ret->bytes = ret->scratch;
        ret->len = len;
}

void value_word_or_number(FieldValue *ret, const char *word, unsigned number) {
        if (word)
                value_word(ret, word);
        else
                value_scratch(ret,
                              (size_t) snprintf(ret->scratch, sizeof(ret->scratch), "%u", number));
}

void value_escaped(FieldValue *ret, const char *text, size_t len) {
        value_scratch(ret, text_escape(text, len, ret->scratch, sizeof(ret->scratch)));
        if (len == 0)
                value_none(ret);
}

void value_bytes(FieldValue *ret, const void *bytes, size_t len) {
        ret->kind = len > 0 ? VALUE_BYTES : VALUE_NONE;
        ret->bytes = bytes;
        ret->len = len;
}

void value_altnames(FieldValue *ret, ValueKind kind, const LinkTexts *texts) {
        ret->kind = texts && texts->n_altnames > 0 ? kind : VALUE_NONE;
        ret->texts = texts;
}

void value_records(FieldValue *ret, ObjectType type) {
        ret->kind = VALUE_RECORDS;
        ret->records = type;
}

void value_ip(FieldValue *ret, const IpAddress *a) {
        value_bytes(ret, a->bytes, ip_family_size(a->family));
}

void value_ip_text(FieldValue *ret, const IpAddress *a) {
        if (ip_family_size(a->family) == 0)
                value_none(ret);
        else
                value_scratch(ret, strlen(ip_format(a, ret->scratch)));
}

void value_hardware(FieldValue *ret, const HardwareAddress *a) {
        value_bytes(ret, a->bytes, CONST_MIN(a->len, HARDWARE_ADDRESS_MAX));
}

void value_hardware_text(FieldValue *ret, const HardwareAddress *a, uint16_t link_type) {
        value_scratch(ret, hardware_address_format(a, link_type, ret->scratch));
        if (a->len == 0)
                value_none(ret);
}

void value_zone(FieldValue *ret, bool takes_zone, const char *link_name) {
        if (takes_zone && link_name)
                value_escaped(ret, link_name, strlen(link_name));
        else
                value_none(ret);
}
