/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From one message to one request. Not a request at all is what is not JSON, not UTF-8, nested too
 * deep, has a key twice, or is no object. Nothing unknown is ignored: a member that is not what it
 * should be is named.
 *
 * Whoever asks often asks the same. To read a request takes longer than all that is done for many of
 * them, so the last few are kept with the bytes that they were read from. Those bytes mean the same
 * whoever sends them; who may ask, and how much, is not decided by what is read. Kept are only
 * complete requests, a bounded number of a bounded size, and nobody may change one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "varlink-internal.h"

/* Nesting is bounded before the parser, which recurses, sees the text. Brackets in strings do not
 * count; what is not JSON is left to the parser to find. */
static bool depth_is_bounded(const char *text, size_t size) {
        unsigned depth = 0;
        bool quoted = false;

        for (size_t i = 0; i < size; i++) {
                if (quoted) {
                        if (text[i] == '\\')
                                i++;
                        else if (text[i] == '"')
                                quoted = false;
                } else if (text[i] == '"')
                        quoted = true;
                else if (text[i] == '{' || text[i] == '[') {
                        if (++depth > VARLINK_DEPTH_MAX)
                                return false;
                } else if ((text[i] == '}' || text[i] == ']') && depth > 0)
                        depth--;
        }

        return true;
}

/* null stands for absent, which stands for false */
static bool request_get_flag(json_t *value, bool *flag) {
        if (!json_is_boolean(value) && !json_is_null(value))
                return false;
        *flag = json_is_true(value);
        return true;
}

static bool request_set_member(VarlinkRequest *request, const char *key, json_t *value) {
        bool upgrade;

        if (strcmp(key, "method") == 0) {
                request->method = json_string_value(value);
                return request->method;
        }
        if (strcmp(key, "parameters") == 0) {
                request->parameters = json_is_object(value) ? value : NULL;
                return json_is_object(value) || json_is_null(value);
        }
        if (strcmp(key, "more") == 0)
                return request_get_flag(value, &request->more);
        if (strcmp(key, "oneway") == 0)
                return request_get_flag(value, &request->oneway);
        /* a connection that is handed over to another protocol: nothing here has one */
        if (strcmp(key, "upgrade") == 0)
                return request_get_flag(value, &upgrade) && !upgrade;
        return false;
}

static int request_of(json_t *message, VarlinkRequest *ret) {
        VarlinkRequest request = { 0 };
        const char *key;
        json_t *value;

        if (!json_is_object(message))
                return -EBADMSG;

        json_object_foreach(message, key, value) {
                if (!request_set_member(&request, key, value) && !request.wrong)
                        request.wrong = key;
        }
        if (!request.method && !request.wrong)
                request.wrong = "method";

        /* many replies and none at all: there is no answer that would fit */
        if (request.more && request.oneway)
                return -EBADMSG;

        request.message = json_incref(message);
        *ret = request;
        return 0;
}

static int request_parse(const char *text, size_t size, VarlinkRequest *ret) {
        json_auto_t *message = NULL;

        if (!depth_is_bounded(text, size))
                return -EBADMSG;
        message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        if (!message)
                return -EBADMSG;
        return request_of(message, ret);
}

void varlink_request_done(VarlinkRequest *request) {
        json_decref(request->message);
}

/* known requests */

static void known_forget(VarlinkKnown *known) {
        free(known->text);
        varlink_request_done(&known->request);
        *known = (VarlinkKnown){ 0 };
}

void varlink_requests_forget(VarlinkServer *server) {
        for (size_t i = 0; i < VARLINK_KNOWN_REQUESTS; i++)
                known_forget(&server->known[i]);
}

/* Where a request is kept, in place of others with the same hash. */
static VarlinkKnown *known_place(VarlinkServer *server, const char *text, size_t size) {
        uint64_t hash = size, word;

        for (; size >= sizeof(word); text += sizeof(word), size -= sizeof(word)) {
                memcpy(&word, text, sizeof(word));
                hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
                hash ^= hash >> 32;
        }
        word = 0;
        memcpy(&word, text, size);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        return &server->known[(hash >> 32) % VARLINK_KNOWN_REQUESTS];
}

/* Without memory it is read again the next time. */
static void known_keep(VarlinkKnown *known, const char *text, size_t size,
                       const VarlinkRequest *request) {
        char *copy;

        copy = malloc(size);
        if (!copy)
                return;
        known_forget(known);
        *known = (VarlinkKnown){
                .size = size,
                .text = memcpy(copy, text, size),
                .request = *request,
        };
        (void) json_incref(request->message);
}

int varlink_request_read(VarlinkServer *server, const char *text, size_t size,
                         VarlinkRequest *ret) {
        VarlinkKnown *known;
        int r;

        if (size == 0 || size > VARLINK_KNOWN_BYTES)
                return request_parse(text, size, ret);

        known = known_place(server, text, size);
        if (!known->text || known->size != size || memcmp(known->text, text, size) != 0) {
                r = request_parse(text, size, ret);
                if (r >= 0)
                        known_keep(known, text, size, ret);
                return r;
        }
        *ret = known->request;
        (void) json_incref(ret->message);
        return 0;
}
