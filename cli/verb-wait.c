/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verb wait: follows the links and looks after each event whether the one that was named is as it
 * should be. Nothing is polled.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "follow.h"
#include "stream.h"
#include "varlink-client.h"

#define NAME_MAX_BYTES (IFROSTER_ALTNAME_SIZE - 1)

typedef struct Waiting {
        Context *context;
        const char *given;
        char *text; /* the same escaped, as records have names */
        json_t *links; /* index -> record */
        bool ready;
        bool looked; /* at what exists, at least once */
} Waiting;

static bool fulfils(const json_t *link, const char *condition) {
        const char *carrier = record_text(link, "CarrierState");

        if (strcmp(condition, "carrier") == 0)
                return strcmp(carrier, "carrier") == 0 || strcmp(carrier, "enslaved") == 0 ||
                       strcmp(carrier, "degraded-carrier") == 0;
        if (strcmp(condition, "address") == 0)
                return strcmp(record_text(link, "AddressState"), "off") != 0;
        if (strcmp(condition, "routable") == 0)
                return strcmp(record_text(link, "OperationalState"), "routable") == 0;
        return true;
}

static json_t *find(const Waiting *w) {
        json_t *link, *best = NULL;
        const char *key;
        int rank = 0;

        json_object_foreach(w->links, key, link) {
                int n = link_answers_to(link, w->text);

                if (n > 0 && (rank == 0 || n < rank)) {
                        best = link;
                        rank = n;
                }
        }
        return best;
}

static void take(Waiting *w, json_t *event) {
        const char *type = record_text(event, "Event");
        json_t *link;
        char key[32];

        if (strcmp(record_text(event, "Object"), "link") != 0)
                return;
        (void) snprintf(key, sizeof(key), "%lld", (long long) record_number(event, "Index"));
        link = json_object_get(w->links, key);
        if (strcmp(type, "removed") == 0)
                (void) json_object_del(w->links, key);
        else if (strcmp(type, "changed") == 0 && link)
                (void) json_object_update(link, event);
        else
                (void) json_object_set(w->links, key, event);
}

static bool is_done(const Waiting *w) {
        json_t *link = w->ready ? find(w) : NULL;

        if (!link || !fulfils(link, w->context->options.wait_for))
                return false;
        if (w->context->options.json != JSON_OFF) {
                /* The record of the link, not the event by which it came. */
                (void) json_object_del(link, "Event");
                (void) json_object_del(link, "Object");
                output_json(&w->context->options, link);
        }
        return true;
}

static int time_is_up(const Waiting *w) {
        _cleanup_(text_freep) char *quoted = quote_text(w->given);

        cli_error("%s: not %s in time", quoted, w->context->options.wait_for);
        return CLI_NO;
}

static int follow(Waiting *w, Stream *stream, uint64_t deadline_usec) {
        for (;;) {
                _cleanup_(json_decrefp) json_t *event = NULL;
                /* What exists is always looked at, also without any time to wait. */
                uint64_t until = w->looked ? deadline_usec : UINT64_MAX;
                int status = CLI_DONE;

                if (w->looked && varlink_now() >= deadline_usec)
                        return time_is_up(w);
                switch (stream_next(stream, until, &event, &status)) {
                case STREAM_EVENT:
                        take(w, event);
                        break;
                case STREAM_READY:
                        w->ready = w->looked = true;
                        break;
                case STREAM_BROKEN:
                        w->ready = false;
                        (void) json_object_clear(w->links);
                        break;
                case STREAM_TIMEOUT:
                        return time_is_up(w);
                case STREAM_READER_GONE:
                        break; /* does not come: nothing is written before the end */
                case STREAM_FAILED:
                        return status;
                }
                if (is_done(w))
                        return CLI_DONE;
        }
}

int verb_wait(Context *c, int argc, char **argv) {
        _cleanup_(stream_freep) Stream *stream = NULL;
        uint64_t timeout = c->options.timeout_usec, deadline = UINT64_MAX;
        Waiting w = { .context = c };
        size_t len = strlen(argv[0]);
        int r;

        if (!c->options.wait_for) {
                cli_error("wait: for what? add --for=present, --for=carrier, --for=address or "
                          "--for=routable");
                return CLI_USAGE;
        }
        /* Such a link can never come. */
        if (len == 0 || len > 4 * NAME_MAX_BYTES)
                return cli_fail(-EINVAL, argv[0]);
        if (timeout != UINT64_MAX)
                deadline = varlink_now() + timeout;

        r = stream_open(c, /* for_output= */ false, &stream);
        if (r != CLI_DONE)
                return r;
        w.given = argv[0];
        w.text = escape_text(argv[0]);
        w.links = json_object();
        r = follow(&w, stream, deadline);
        json_decref(w.links);
        free(w.text);
        return r;
}
