/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The writer of JSON texts. Whether a comma is due shows in the last byte of what is there: a value
 * ends in a quote, a digit, a letter or a closing bracket, and only what opens, or a key, ends in
 * something else.
 */

#include "json-text.h"
#include "util.h"

#define FIRST_SIZE ((size_t) 512)

/* INT64_MIN */
#define INTEGER_MAX 20

void json_writer_done(JsonWriter *w) {
        free(w->text);
        *w = (JsonWriter){};
}

void json_writer_reset(JsonWriter *w) {
        w->len = 0;
        w->failed = false;
}

/* Room for n more bytes, which the caller fills and counts; NULL when there is none. */
static char *reserve(JsonWriter *w, size_t n) {
        size_t allocated = CONST_MAX(w->allocated, FIRST_SIZE);
        char *text;

        if (w->failed)
                return NULL;
        if (n <= w->allocated - w->len)
                return w->text + w->len;

        while (allocated - w->len < n && allocated <= SIZE_MAX / 2)
                allocated *= 2;
        text = allocated - w->len < n ? NULL : realloc(w->text, allocated);
        if (!text) {
                w->failed = true;
                return NULL;
        }
        w->text = text;
        w->allocated = allocated;
        return text + w->len;
}

static bool comma_is_due(const JsonWriter *w) {
        char last = w->len > 0 ? w->text[w->len - 1] : '[';

        return last != '{' && last != '[' && last != ':';
}

/* Likewise for a value or a key, behind the comma that it may need. */
static char *reserve_value(JsonWriter *w, size_t n) {
        char *p;

        p = reserve(w, n + 1);
        if (p && comma_is_due(w)) {
                *p++ = ',';
                w->len++;
        }
        return p;
}

int json_writer_take(JsonWriter *w, char **ret, size_t *ret_len) {
        char *p;

        p = reserve(w, 1);
        if (!p)
                return -ENOMEM;
        *p = '\0';
        if (ret_len)
                *ret_len = w->len;
        *ret = TAKE_PTR(w->text);
        json_writer_done(w);
        return 0;
}

void json_write_raw(JsonWriter *w, const char *text, size_t len) {
        char *p;

        p = reserve(w, len);
        if (!p)
                return;
        memcpy(p, text, len);
        w->len += len;
}

void json_write_values(JsonWriter *w, const char *text, size_t len) {
        char *p;

        p = len > 0 ? reserve_value(w, len) : NULL;
        if (!p)
                return;
        memcpy(p, text, len);
        w->len += len;
}

static void write_byte(JsonWriter *w, char byte) {
        json_write_raw(w, &byte, 1);
}

void json_write_begin_object(JsonWriter *w) {
        json_write_values(w, "{", 1);
}

void json_write_end_object(JsonWriter *w) {
        write_byte(w, '}');
}

void json_write_begin_array(JsonWriter *w) {
        json_write_values(w, "[", 1);
}

void json_write_end_array(JsonWriter *w) {
        write_byte(w, ']');
}

void json_write_key(JsonWriter *w, const char *key) {
        size_t len = strlen(key);
        char *p;

        p = reserve_value(w, len + 3);
        if (!p)
                return;
        *p++ = '"';
        p = mempcpy(p, key, len);
        *p++ = '"';
        *p = ':';
        w->len += len + 3;
}

/* Numbers -------------------------------------------------------------------------------------- */

void json_write_null(JsonWriter *w) {
        json_write_values(w, "null", 4);
}

void json_write_bool(JsonWriter *w, bool value) {
        json_write_values(w, value ? "true" : "false", value ? 4 : 5);
}

/* Returns the end. */
static char *format_number(char *p, uint64_t number) {
        char digits[INTEGER_MAX], *d = digits + sizeof(digits);

        do {
                *--d = (char) ('0' + number % 10);
                number /= 10;
        } while (number > 0);
        return mempcpy(p, d, (size_t) (digits + sizeof(digits) - d));
}

void json_write_int(JsonWriter *w, int64_t value) {
        char *p, *end;

        p = end = reserve_value(w, INTEGER_MAX);
        if (!p)
                return;
        if (value < 0)
                *end++ = '-';
        end = format_number(end, value < 0 ? -(uint64_t) value : (uint64_t) value);
        w->len += (size_t) (end - p);
}

void json_write_uint(JsonWriter *w, uint64_t value) {
        json_write_int(w, (int64_t) CONST_MIN(value, (uint64_t) INT64_MAX));
}

void json_write_bytes(JsonWriter *w, const void *bytes, size_t len) {
        const uint8_t *b = bytes;
        char *p, *end;

        p = end = reserve_value(w, 2 + 4 * len);
        if (!p)
                return;
        *end++ = '[';
        for (size_t i = 0; i < len; i++) {
                if (i > 0)
                        *end++ = ',';
                if (b[i] >= 100)
                        *end++ = (char) ('0' + b[i] / 100);
                if (b[i] >= 10)
                        *end++ = (char) ('0' + b[i] / 10 % 10);
                *end++ = (char) ('0' + b[i] % 10);
        }
        *end++ = ']';
        w->len += (size_t) (end - p);
}

/* Texts ---------------------------------------------------------------------------------------- */

/* "\u001F" is the longest. Returns the end. */
static char *format_escaped(char *p, char c) {
        static const char digits[16] = "0123456789ABCDEF", names[] = "b\bf\fn\nr\rt\t\"\"\\\\";

        *p++ = '\\';
        for (size_t i = 0; names[i] != '\0'; i += 2)
                if (names[i + 1] == c) {
                        *p++ = names[i];
                        return p;
                }
        p = mempcpy(p, "u00", 3);
        *p++ = digits[(uint8_t) c >> 4];
        *p++ = digits[(uint8_t) c & 15];
        return p;
}

void json_write_string(JsonWriter *w, const char *text, size_t len) {
        char *p, *end;

        p = end = len > (SIZE_MAX - 3) / 6 ? NULL : reserve_value(w, 2 + 6 * len);
        if (!p) {
                w->failed = true;
                return;
        }
        *end++ = '"';
        for (size_t i = 0; i < len; i++)
                if ((uint8_t) text[i] < 0x20 || text[i] == '"' || text[i] == '\\')
                        end = format_escaped(end, text[i]);
                else
                        *end++ = text[i];
        *end++ = '"';
        w->len += (size_t) (end - p);
}

void json_write_text(JsonWriter *w, const char *text) {
        json_write_string(w, text, strlen(text));
}
