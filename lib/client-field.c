/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The fields of a row by name, from the field table: a field that is added there is here at once.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"

/* The value, or why there is none. ret_place: of the field in fields_of(). */
static int get_field(const ifroster_row *row, const char *name, uint32_t kinds, FieldValue *ret,
                     size_t *ret_place) {
        const RecordView view = client_row_view(row);
        const Field *fields, *field;
        size_t n;

        if (!row->filled)
                return -ENODATA;
        fields = fields_of(row->type, &n);
        field = field_find(row->type, name);
        if (!field)
                return -ENOENT;
        if (!(kinds & UINT32_C(1) << field->kind))
                return -EINVAL;
        field_get(field, &view, ret);
        if (ret->kind == VALUE_NONE)
                return -ENODATA;
        if (ret_place)
                *ret_place = (size_t) (field - fields);
        return 0;
}

#define KIND(kind) (UINT32_C(1) << (kind))

int ifroster_row_get_int(const ifroster_row *row, const char *field, int64_t *ret) {
        FieldValue value;
        int r;

        r = get_field(row, field, KIND(VALUE_BOOL) | KIND(VALUE_INT) | KIND(VALUE_UINT), &value,
                      NULL);
        if (r < 0)
                return r;
        *ret = value.kind == VALUE_BOOL  ? (int64_t) value.boolean
               : value.kind == VALUE_INT ? value.integer
                                         : (int64_t) value.number;
        return 0;
}

int ifroster_row_get_uint(const ifroster_row *row, const char *field, uint64_t *ret) {
        FieldValue value;
        int r;

        r = get_field(row, field, KIND(VALUE_BOOL) | KIND(VALUE_UINT) | KIND(VALUE_UINT64), &value,
                      NULL);
        if (r < 0)
                return r;
        *ret = value.kind == VALUE_BOOL ? (uint64_t) value.boolean : value.number;
        return 0;
}

/* The value may be in `value` itself, which does not outlive the call: a copy in the row does. */
static int keep(ifroster_row *row, size_t place, const void *bytes, size_t len, const char **ret) {
        char *copy;

        if (!row->field_texts[place]) {
                copy = malloc(len + 1);
                if (!copy)
                        return -ENOMEM;
                memcpy(copy, bytes, len);
                copy[len] = 0;
                row->field_texts[place] = copy;
                row->cached = true;
        }
        *ret = row->field_texts[place];
        return 0;
}

int ifroster_row_get_text(ifroster_row *row, const char *field, const char **ret) {
        FieldValue value;
        size_t place;
        int r;

        r = get_field(row, field, KIND(VALUE_TEXT), &value, &place);
        if (r < 0)
                return r;
        return keep(row, place, value.bytes, value.len, ret);
}

int ifroster_row_get_bytes(ifroster_row *row, const char *field, const void **ret, size_t *ret_n) {
        FieldValue value;
        const char *copy;
        size_t place;
        int r;

        r = get_field(row, field, KIND(VALUE_BYTES), &value, &place);
        if (r < 0)
                return r;
        r = keep(row, place, value.bytes, value.len, &copy);
        if (r < 0)
                return r;
        *ret = copy;
        *ret_n = value.len;
        return 0;
}

/* All names with their NULs behind an array of pointers to them. */
static int make_altnames(ifroster_row *row) {
        const LinkTexts *texts = client_row_texts(row);
        char **names, *text;
        TextSpan name;
        size_t pos = 0, bytes = 0, n = 0;

        while (link_texts_next(texts, &pos, &name)) {
                n++;
                bytes += name.len + 1;
        }
        names = malloc((n + 1) * sizeof(*names) + bytes);
        if (!names)
                return -ENOMEM;
        text = (char *) (names + n + 1);
        for (pos = n = 0; link_texts_next(texts, &pos, &name); n++) {
                names[n] = text;
                memcpy(text, name.text, name.len);
                text[name.len] = 0;
                text += name.len + 1;
        }
        names[n] = NULL;
        row->altnames = names;
        row->cached = true;
        return 0;
}

int ifroster_row_get_altname(const ifroster_row *row, size_t i, const char **ret) {
        /* A row belongs to one thread; what is made late is no part of its value. */
        ifroster_row *mutable = (ifroster_row *) (uintptr_t) row;
        const LinkTexts *texts = client_row_texts(row);
        size_t n = texts ? texts->n_altnames : 0;
        int r;

        if (!row->filled || row->type != OBJECT_LINK || i >= n)
                return -ENODATA;
        if (!row->altnames) {
                r = make_altnames(mutable);
                if (r < 0)
                        return r;
        }
        for (size_t j = 0; j <= i; j++)
                if (!row->altnames[j])
                        return -ENODATA;
        *ret = row->altnames[i];
        return 0;
}
