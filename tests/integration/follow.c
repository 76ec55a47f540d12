/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Follows the kernel with the library's source and says on standard output what it publishes, one JSON
 * object a line; for tests of the source that need no daemon around it. First {"Describe": ...} with the
 * table once it is complete, then a line for each batch. Each line has the time at which it was written
 * ("At": microseconds of CLOCK_MONOTONIC). Lines on standard input are answered in order, each after
 * everything that the kernel did before it has been published:
 *
 *   sync      {"Sync": {counters}}
 *   describe  {"Describe": ...}
 *   audit     reads everything again; answered at once with {"Audit": true}
 *
 *   --receive-buffer=BYTES  of the sockets that hear, to overrun them
 *   --groups-from-proc      as on a kernel that does not announce memberships
 */

#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "json.h"
#include "source.h"
#include "util.h"

#define SYNC_TRIES 4000
#define SYNC_WAIT_MSEC 10

typedef struct Follow {
        Table *table;
        Source *source;
        char input[256];
        size_t n_input;
} Follow;

/* Takes the reference. */
static int say(const char *name, json_t *value) {
        json_t *object;
        struct timespec t;
        char *text;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        object = json_pack("{s:o,s:I}", name, value, "At",
                           (json_int_t) ((uint64_t) t.tv_sec * USEC_PER_SEC +
                                         (uint64_t) t.tv_nsec / NSEC_PER_USEC));
        text = object ? json_dumps(object, JSON_COMPACT) : NULL;

        json_decref(object);
        if (!text)
                return -ENOMEM;
        (void) puts(text);
        free(text);
        return fflush(stdout) == 0 ? 0 : -errno;
}

/* What was written, as a value. */
static json_t *value_of(JsonWriter *w) {
        json_t *value = NULL;
        char *text;

        if (json_writer_take(w, &text, NULL) >= 0) {
                value = json_loads(text, 0, NULL);
                free(text);
        }
        return value;
}

static int say_table(const Follow *f) {
        TableView view = table_view(f->table);
        JsonWriter w = {};
        int r;

        r = json_write_describe(&w, &view);
        return r < 0 ? r : say("Describe", value_of(&w));
}

static int say_batch(const Batch *batch) {
        json_t *events = json_array();

        for (size_t i = 0; i < batch->n_changes; i++) {
                JsonWriter w = {};

                json_write_event(&w, &batch->changes[i]);
                (void) json_array_append_new(events, value_of(&w));
        }
        return say("Batch",
                   json_pack("{s:I,s:o,s:s*}", "Generation", (json_int_t) batch->generation,
                             "Events", events, "Resynced", batch->reason));
}

static int say_counters(const Follow *f) {
        json_t *value = json_object();
        const char *name;
        uint64_t number;

        for (size_t i = 0; source_counter_get(source_counters(f->source), i, &name, &number); i++)
                (void) json_object_set_new(value, name, json_integer((json_int_t) number));
        return say("Sync", value);
}

static int turn(Follow *f) {
        bool starting = source_state(f->source) == SOURCE_STARTING;
        Batch batch = {};
        int r;

        r = source_dispatch(f->source, &batch);
        if (r < 0)
                return r;
        if (r > 0)
                r = say_batch(&batch);
        batch_done(&batch);
        if (r >= 0 && starting && source_state(f->source) != SOURCE_STARTING)
                r = say_table(f);
        return r;
}

/* Until everything is read that was asked to be read again. */
static int settle(Follow *f) {
        struct pollfd p = { .fd = source_get_fd(f->source), .events = POLLIN };
        int r;

        for (unsigned i = 0; i < SYNC_TRIES; i++) {
                r = turn(f);
                if (r < 0)
                        return r;
                if (source_settled(f->source) && source_state(f->source) == SOURCE_READY)
                        return 0;
                (void) poll(&p, 1, SYNC_WAIT_MSEC);
        }
        return -ETIMEDOUT;
}

static int sync_all(Follow *f) {
        int r;

        r = settle(f);
        if (r < 0)
                return r;
        r = source_reread_silent(f->source);
        return r < 0 ? r : settle(f);
}

static int answer(Follow *f, const char *line) {
        int r;

        if (strcmp(line, "audit") == 0) {
                r = source_audit(f->source);
                return r < 0 ? r : say("Audit", json_true());
        }
        r = sync_all(f);
        if (r < 0)
                return r;
        if (strcmp(line, "sync") == 0)
                return say_counters(f);
        return strcmp(line, "describe") == 0 ? say_table(f) : -EINVAL;
}

/* 0 at the end of the input. */
static int read_input(Follow *f) {
        ssize_t n = read(STDIN_FILENO, f->input + f->n_input, sizeof(f->input) - f->n_input);
        char *newline;
        int r;

        if (n <= 0)
                return n < 0 ? -errno : 0;
        f->n_input += (size_t) n;
        while ((newline = memchr(f->input, '\n', f->n_input))) {
                size_t len = (size_t) (newline - f->input) + 1;

                *newline = '\0';
                r = answer(f, f->input);
                if (r < 0)
                        return r;
                f->n_input -= len;
                memmove(f->input, f->input + len, f->n_input);
        }
        return 1;
}

static int follow(Follow *f) {
        int r;

        for (;;) {
                struct pollfd p[] = {
                        { .fd = source_get_fd(f->source), .events = POLLIN },
                        { .fd = STDIN_FILENO, .events = POLLIN },
                };

                if (poll(p, ELEMENTSOF(p), -1) < 0 && errno != EINTR)
                        return -errno;
                if (p[0].revents != 0) {
                        r = turn(f);
                        if (r < 0)
                                return r;
                }
                if (p[1].revents != 0) {
                        r = read_input(f);
                        if (r <= 0)
                                return r;
                }
        }
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "receive-buffer", required_argument, NULL, 'r' },
                { "groups-from-proc", no_argument, NULL, 'g' },
                {},
        };
        SourceConfig config = {};
        Follow f = {};
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (c == 'r')
                        config.receive_buffer = strtoul(optarg, NULL, 10);
                else if (c == 'g')
                        config.groups_from_proc = true;
                else
                        return EXIT_FAILURE;

        r = table_new(NULL, &f.table);
        if (r >= 0)
                r = source_new(f.table, &config, &f.source);
        if (r >= 0)
                r = follow(&f);
        source_free(f.source);
        table_free(f.table);
        if (r < 0)
                (void) fprintf(stderr, "follow: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
