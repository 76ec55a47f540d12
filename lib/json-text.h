/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes JSON as text on one line, without blanks. Commas come by themselves; that keys and ends are
 * where they belong is for the caller to see to. A failed allocation is remembered and makes what
 * follows do nothing, so that it is checked once, when the text is taken.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised it is empty and owns nothing. */
typedef struct JsonWriter {
        char *text; /* not NUL-terminated; NULL: nothing yet */
        size_t len;
        size_t allocated;
        bool failed;
} JsonWriter;

void json_writer_done(JsonWriter *w);
/* Forgets what was written. */
void json_writer_reset(JsonWriter *w);
/* Hands over the text, NUL-terminated, for the caller to free; ret_len, its length, may be NULL. The
 * writer is empty then. -ENOMEM: it failed, now or before. */
int json_writer_take(JsonWriter *w, char **ret, size_t *ret_len);

void json_write_begin_object(JsonWriter *w);
void json_write_end_object(JsonWriter *w);
void json_write_begin_array(JsonWriter *w);
void json_write_end_array(JsonWriter *w);

/* ASCII without quotes and backslashes. */
void json_write_key(JsonWriter *w, const char *key);

void json_write_null(JsonWriter *w);
void json_write_bool(JsonWriter *w, bool value);
void json_write_int(JsonWriter *w, int64_t value);
/* JSON integers have 64 bits with a sign in practice: more than INT64_MAX is written as INT64_MAX. */
void json_write_uint(JsonWriter *w, uint64_t value);
/* Valid UTF-8. */
void json_write_string(JsonWriter *w, const char *text, size_t len);
void json_write_text(JsonWriter *w, const char *text);
/* An array of integers. */
void json_write_bytes(JsonWriter *w, const void *bytes, size_t len);
/* One or more values that were written before, with the commas between them. */
void json_write_values(JsonWriter *w, const char *text, size_t len);
/* Anything, as it is. */
void json_write_raw(JsonWriter *w, const char *text, size_t len);
