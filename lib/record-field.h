/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How the field tables are written. Each record-field-TYPE.c has one list macro with a row a public
 * field, and expands it twice: into one getter function a row and into the array of fields. A row:
 *
 *     X(Name, kind, flags, expression that reads it, source in the kernel, documentation)
 *
 * where the expression calls one of the value_*() functions below on `ret`, and has `row` (the
 * record) and `context` (what is known beside it) to read from. The file defines `Row` before.
 */

#include "record.h"

#define FIELD_GETTER(name, kind, flags, read, source, text)               \
        static void get_##name(const RecordView *view, FieldValue *ret) { \
                const RecordContext *context = &view->context;            \
                const Row *row = view->record;                            \
                                                                          \
                (void) context;                                           \
                (void) row;                                               \
                read;                                                     \
        }
#define FIELD_ROW(name, kind, flags, read, source, text) \
        { #name, kind, flags, get_##name, source, text },

typedef struct FieldList {
        const Field *fields;
        size_t n;
} FieldList;

extern const FieldList link_field_list;
extern const FieldList address_field_list;
extern const FieldList group_field_list;
extern const FieldList route_field_list;
extern const FieldList local_field_list;

/* Values ----------------------------------------------------------------------------------- */

void value_none(FieldValue *ret);
void value_bool(FieldValue *ret, bool b);
void value_int(FieldValue *ret, int64_t i);
void value_uint(FieldValue *ret, uint32_t u);
void value_uint64(FieldValue *ret, uint64_t u);
/* 0 means that there is none. */
void value_nonzero_int(FieldValue *ret, int64_t i);
void value_nonzero_uint(FieldValue *ret, uint32_t u);
/* A negative number means that there is none. */
void value_unsigned_int(FieldValue *ret, int64_t i);
void value_users(FieldValue *ret, int64_t users);
/* USEC_INFINITY means that there is none. */
void value_deadline(FieldValue *ret, uint64_t usec);
/* Static text that needs no escaping */
void value_word(FieldValue *ret, const char *word);
/* The word, or the number as text when it has none */
void value_word_or_number(FieldValue *ret, const char *word, unsigned number);
/* Bytes from the kernel that are a text, escaped; none when empty. */
void value_escaped(FieldValue *ret, const char *text, size_t len);
/* None when empty. */
void value_bytes(FieldValue *ret, const void *bytes, size_t len);
/* The names without the alias; none when there are none. */
void value_altnames(FieldValue *ret, ValueKind kind, const LinkTexts *texts);
void value_records(FieldValue *ret, ObjectType type);
/* Bytes and text of an address; none when it is not set. */
void value_ip(FieldValue *ret, const IpAddress *a);
void value_ip_text(FieldValue *ret, const IpAddress *a);
void value_hardware(FieldValue *ret, const HardwareAddress *a);
void value_hardware_text(FieldValue *ret, const HardwareAddress *a, uint16_t link_type);
/* A name in a fixed array that is zero filled, but may fill it without NUL in a damaged row. */
#define value_name(ret, array) value_escaped(ret, array, strnlen(array, sizeof(array)))
#define value_name_bytes(ret, array) value_bytes(ret, array, strnlen(array, sizeof(array)))
/* The escaped name of the row's link when the address takes a zone; none otherwise. */
void value_zone(FieldValue *ret, bool takes_zone, const char *link_name);
