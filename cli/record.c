/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Members of records without ceremony. A member that is missing, null or of another type is simply
 * empty: records grow, and leave out what does not apply.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

#define STRING_SUFFIX "String"
#define USEC_SUFFIX "USec"

const char *record_text(const json_t *record, const char *member) {
        const char *text = json_string_value(json_object_get(record, member));

        return text ? text : "";
}

int64_t record_number(const json_t *record, const char *member) {
        return json_integer_value(json_object_get(record, member));
}

json_t *record_list(const json_t *record, const char *member) {
        json_t *list = json_object_get(record, member);

        return json_is_array(list) ? list : NULL;
}

const char *record_family(const json_t *record) {
        switch (record_number(record, "Family")) {
        case AF_INET:
                return "ipv4";
        case AF_INET6:
                return "ipv6";
        }
        return "";
}

static void append_zone(const json_t *record, char *buffer, size_t size) {
        const char *zone = record_text(record, "Zone");
        size_t len = strlen(buffer);

        /* The loopback address has a zone, but is never written with one. */
        if (zone[0] != '\0' && strcmp(buffer, "::1") != 0)
                (void) snprintf(buffer + len, size - len, "%%%s", zone);
}

void record_address(const json_t *address, char *buffer, size_t size) {
        size_t len;

        record_group(address, buffer, size);
        len = strlen(buffer);
        (void) snprintf(buffer + len, size - len, "/%" PRId64,
                        record_number(address, "PrefixLength"));
}

void record_group(const json_t *group, char *buffer, size_t size) {
        (void) snprintf(buffer, size, "%s", record_text(group, "AddressString"));
        append_zone(group, buffer, size);
}

/* Values as text ------------------------------------------------------------------------------- */

static bool has_suffix(const char *text, const char *suffix) {
        size_t n = strlen(text), k = strlen(suffix);

        return n > k && strcmp(text + n - k, suffix) == 0;
}

static json_t *twin_of(const json_t *record, const char *name) {
        char twin[128];

        (void) snprintf(twin, sizeof(twin), "%s" STRING_SUFFIX, name);
        return json_object_get(record, twin);
}

/* The String twin of a member that is there is said together with it. */
static bool is_twin(const json_t *record, const char *name) {
        char base[128];

        if (!has_suffix(name, STRING_SUFFIX))
                return false;
        (void) snprintf(base, sizeof(base), "%.*s", (int) (strlen(name) - strlen(STRING_SUFFIX)),
                        name);
        return json_object_get(record, base) != NULL;
}

static size_t append(char *buffer, size_t size, size_t len, const char *text) {
        int n = len < size ? snprintf(buffer + len, size - len, "%s", text) : 0;

        return len + (n > 0 ? (size_t) n : 0);
}

/* Texts with commas between them; bytes in hex with colons. False: a list of records. */
static bool list_text(const json_t *list, char *buffer, size_t size) {
        const json_t *element;
        size_t i, len = 0;
        char byte[8];

        buffer[0] = '\0';
        json_array_foreach(list, i, element) {
                if (json_is_string(element)) {
                        len = append(buffer, size, len, i > 0 ? ", " : "");
                        len = append(buffer, size, len, json_string_value(element));
                } else if (json_is_integer(element)) {
                        (void) snprintf(byte, sizeof(byte), "%s%02x", i > 0 ? ":" : "",
                                        (unsigned) (json_integer_value(element) & 0xff));
                        len = append(buffer, size, len, byte);
                } else if (json_is_array(element)) {
                        char bytes[1024];

                        (void) list_text(element, bytes, sizeof(bytes));
                        len = append(buffer, size, len, i > 0 ? ", " : "");
                        len = append(buffer, size, len, bytes);
                } else
                        return false;
        }
        return true;
}

static void number_text(const char *name, int64_t number, const char *twin, char *buffer,
                        size_t size) {
        bool hex = strcmp(name, "Flags") == 0;
        char left[64];

        if (twin && hex)
                (void) snprintf(buffer, size, "%s (0x%" PRIx64 ")", twin[0] ? twin : "none",
                                (uint64_t) number);
        else if (twin)
                (void) snprintf(buffer, size, "%s (%" PRId64 ")", twin, number);
        else if (has_suffix(name, USEC_SUFFIX)) {
                format_time_left((uint64_t) number, left, sizeof(left));
                (void) snprintf(buffer, size, "%s (until %" PRId64 ")", left, number);
        } else
                (void) snprintf(buffer, size, "%" PRId64, number);
}

bool record_member_text(const json_t *record, const char *name, char *buffer, size_t size) {
        const json_t *value = json_object_get(record, name);
        const char *twin = json_string_value(twin_of(record, name));

        if (!value || is_twin(record, name))
                return false;
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return false;
        case JSON_ARRAY:
                if (!twin)
                        return list_text(value, buffer, size);
                (void) snprintf(buffer, size, "%s", twin);
                return true;
        case JSON_STRING:
                (void) snprintf(buffer, size, "%s", json_string_value(value));
                return true;
        case JSON_INTEGER:
                number_text(name, json_integer_value(value), twin, buffer, size);
                return true;
        case JSON_REAL:
                (void) snprintf(buffer, size, "%g", json_real_value(value));
                return true;
        case JSON_TRUE:
        case JSON_FALSE:
                (void) snprintf(buffer, size, "%s", json_is_true(value) ? "yes" : "no");
                return true;
        case JSON_NULL:
                (void) snprintf(buffer, size, "-");
                return true;
        }
        return false;
}
