/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * JSON as text, for whoever passes it on as a string and has no other business with JSON.
 */

#include "json.h"
#include "util.h"

int json_text_take(json_t *value, char **ret) {
        char *text;

        /* Members stay in the order of the field table. */
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(value);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}
