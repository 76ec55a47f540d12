/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verb watch. For people: what is different, one line an event, from a copy of what was told so
 * far. For programs: every event as it is.
 *
 * A link is followed by its index and incarnation, so that it may be renamed, and a new link with a
 * used index is not taken for it. After a break only the difference is told: who reads this has
 * the table as it was.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "follow.h"
#include "known.h"
#include "stream.h"

#define VALUE_SIZE 1024
#define LINE_SIZE 4096

typedef struct Watch {
        Context *context;
        Filter filter;
        Known *known; /* as told so far */
        Known *anew; /* what exists after a break, until all of it is known; else NULL */
} Watch;

/* The members that say which row an event is about; the line says them itself. */
static bool is_identity(const char *name) {
        static const char *const identity[] = {
                "Event",  "Object",       "Index",  "Incarnation", "Name",    "NameBytes",
                "Family", "PrefixLength", "Peer",   "Gateway",     "Address", "InterfaceIndex",
                "Table",  "Protocol",     "Metric", "Zone",        "TOS",
        };

        for (size_t i = 0; i < ELEMENTSOF(identity); i++)
                if (strcmp(identity[i], name) == 0)
                        return true;
        return false;
}

/* What the event is about, for all but links. */
static void subject_text(const json_t *event, char *buffer, size_t size) {
        const char *object = record_text(event, "Object");

        if (strcmp(object, "address") == 0) {
                const char *peer = record_text(event, "PeerString");
                size_t len;

                (void) snprintf(buffer, size, "%s/%lld", record_text(event, "AddressString"),
                                (long long) record_number(event, "PrefixLength"));
                len = strlen(buffer);
                if (peer[0] != '\0')
                        (void) snprintf(buffer + len, size - len, " peer %s", peer);
        } else if (strcmp(object, "route") == 0) {
                const char *gateway = record_text(event, "GatewayString");

                (void) snprintf(buffer, size, "%s default%s%s metric %lld table %lld",
                                record_family(event), gateway[0] != '\0' ? " via " : "", gateway,
                                (long long) record_number(event, "Metric"),
                                (long long) record_number(event, "Table"));
        } else
                (void) snprintf(buffer, size, "%s", record_text(event, "AddressString"));
}

static void append(char *line, size_t size, const char *separator, const char *text) {
        size_t len = strlen(line);

        if (len + 1 < size)
                (void) snprintf(line + len, size - len, "%s%s", len > 0 ? separator : "", text);
}

/* Whether a word is in a list with ", " between the words. */
static bool has_word(const char *list, const char *word, size_t n) {
        for (const char *p = list; *p; p += strcspn(p, ","), p += strspn(p, ", "))
                if (strcspn(p, ",") == n && strncmp(p, word, n) == 0)
                        return true;
        return false;
}

/* Appends the words of one list that the other one lacks, each with a sign before it. */
static void append_words(const char *list, const char *other, char sign, char *text, size_t size) {
        for (const char *p = list; *p; p += strcspn(p, ","), p += strspn(p, ", ")) {
                size_t n = strcspn(p, ","), len = strlen(text);

                if (!has_word(other, p, n) && len < size)
                        (void) snprintf(text + len, size - len, " %c%.*s", sign, (int) n, p);
        }
}

/* Of a member: "MTU 1500 -> 1400", "Flags +up -running", "ValidLifetimeUSec 2h (until ...)". */
static void change_text(const json_t *event, const json_t *before, const char *name, char *text,
                        size_t size) {
        char old[VALUE_SIZE] = "", new[VALUE_SIZE] = "", twin[128];
        const char *new_words, *old_words;

        (void) snprintf(twin, sizeof(twin), "%sString", name);
        new_words = json_string_value(json_object_get(event, twin));
        old_words = json_string_value(json_object_get(before, twin));
        if (new_words && old_words && strcmp(name, "Flags") == 0) {
                (void) snprintf(text, size, "%s", name);
                append_words(new_words, old_words, '+', text, size);
                append_words(old_words, new_words, '-', text, size);
                return;
        }
        if (!new_words) {
                (void) record_member_text(event, name, new, sizeof(new));
                new_words = new;
        }
        if (!old_words && record_member_text(before, name, old, sizeof(old)))
                old_words = old;
        /* A deadline that moved is told by where it is now. */
        if (!old_words || strstr(name, "USec"))
                (void) snprintf(text, size, "%s %s", name, new_words);
        else
                (void) snprintf(text, size, "%s %s -> %s", name, old_words, new_words);
}

static bool is_known(const json_t *before, const char *name) {
        const json_t *value = json_object_get(before, name);

        return value && !json_is_null(value);
}

/* "MTU 1500 -> 1400, Carrier no -> yes". False: only the name of the row's link is another one. */
static bool append_changes(json_t *event, const json_t *before, char *line, size_t size) {
        char new[VALUE_SIZE], text[2 * VALUE_SIZE + 128];
        const char *name, *separator = " ";
        json_t *value;

        if (before && strcmp(record_text(event, "Object"), "link") == 0 &&
            strcmp(record_text(before, "Name"), record_text(event, "Name")) != 0) {
                (void) snprintf(text, sizeof(text), "Name %s -> %s", record_text(before, "Name"),
                                record_text(event, "Name"));
                append(line, size, separator, text);
                separator = ", ";
        }
        json_object_foreach(event, name, value) {
                if (is_identity(name) || !record_member_text(event, name, new, sizeof(new)))
                        continue;
                if (json_is_null(value) && !is_known(before, name))
                        continue;
                change_text(event, before, name, text, sizeof(text));
                append(line, size, separator, text);
                separator = ", ";
        }
        return separator[0] == ',';
}

/* What is worth knowing of a row that is new. */
static void append_summary(const json_t *event, char *line, size_t size) {
        static const char *const members[] = {
                "Kind",  "OperationalState",     "MTU", "HardwareAddress", "ScopeString",
                "State", "PreferredSourceString"
        };
        char value[VALUE_SIZE], text[VALUE_SIZE + 16];

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                const char *word = json_string_value(json_object_get(event, members[i]));

                if (word)
                        append(line, size, " ", word);
                else if (record_member_text(event, members[i], value, sizeof(value))) {
                        (void) snprintf(text, sizeof(text), "%s%s",
                                        strcmp(members[i], "MTU") == 0 ? "mtu " : "", value);
                        append(line, size, " ", text);
                }
        }
}

static void now_text(char *buffer, size_t size) {
        struct timespec ts = {};
        struct tm tm = {};
        size_t n;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        (void) localtime_r(&ts.tv_sec, &tm);
        n = strftime(buffer, size, "%H:%M:%S", &tm);
        (void) snprintf(buffer + n, size - n, ".%03ld", ts.tv_nsec / 1000000);
}

static void print_line(const Options *o, const char *time, char symbol, Color color,
                       const char *object, const char *name, const char *what) {
        const char *on = color_on(o, color), *off = color_off(o, color);

        if (o->terminal)
                printf("%s%-12s%s %s%c%s %-8s %s%-15s%s %s\n", color_on(o, COLOR_DIM), time,
                       color_off(o, COLOR_DIM), on, symbol, off, object, color_on(o, COLOR_BOLD),
                       name, color_off(o, COLOR_BOLD), what);
        else
                printf("%s\t%c\t%s\t%s\t%s\n", time, symbol, object, name, what);
}

static void print_change(const Watch *w, json_t *event, const json_t *before) {
        const char *type = record_text(event, "Event"), *name = record_text(event, "Name");
        const Options *o = &w->context->options;
        char time[32], line[LINE_SIZE] = "", symbol = '+';
        Color color = COLOR_GOOD;

        now_text(time, sizeof(time));
        if (strcmp(type, "resynced") == 0) {
                print_line(o, time, '!', COLOR_MIDDLING, "table", "-",
                           "read anew; what came and went meanwhile was not seen");
                return;
        }
        if (strcmp(record_text(event, "Object"), "link") != 0)
                subject_text(event, line, sizeof(line));
        if (strcmp(type, "changed") == 0) {
                symbol = '~';
                color = COLOR_MIDDLING;
                if (!append_changes(event, before, line, sizeof(line)))
                        return;
        } else if (strcmp(type, "removed") == 0) {
                symbol = '-';
                color = COLOR_BAD;
        } else
                append_summary(event, line, sizeof(line));
        print_line(o, time, symbol, color, record_text(event, "Object"),
                   name[0] != '\0' ? name : "-", line[0] != '\0' ? line : "-");
}

static void tell(Watch *w, json_t *event) {
        _cleanup_(json_decrefp) json_t *before = NULL;
        bool existing = strcmp(record_text(event, "Event"), "existing") == 0;

        known_update(w->known, event, &before);
        if (!filter_takes(&w->filter, event))
                return;
        if (w->context->options.json != JSON_OFF)
                output_json(&w->context->options, event);
        else if (!existing)
                print_change(w, event, before);
}

static void tell_all(Watch *w, json_t *events) {
        json_t *event;
        size_t i;

        json_array_foreach(events, i, event) tell(w, event);
        json_decref(events);
}

/* What is different after a break, as if it had been heard now. */
static void tell_difference(Watch *w, uint64_t generation) {
        _cleanup_(known_freep) Known *anew = w->anew;
        json_t *gone, *present, *resynced;

        w->anew = NULL;
        gone = known_difference(w->known, anew, KNOWN_GONE);
        present = known_difference(w->known, anew, KNOWN_PRESENT);
        resynced = json_pack("[{sssIss}]", "Event", "resynced", "Generation",
                             (json_int_t) generation, "Reason", "source");
        tell_all(w, gone);
        tell_all(w, resynced);
        filter_renumber(&w->filter);
        tell_all(w, present);
        /* Also what no event tells: incarnations. */
        known_free(w->known);
        w->known = anew;
        anew = NULL;
}

static void take(Watch *w, json_t *event) {
        json_t *before;

        if (w->anew) {
                known_update(w->anew, event, &before);
                json_decref(before);
        } else
                tell(w, event);
}

/* The headings also say that from now on every change is shown. */
static void show_legend(const Watch *w) {
        const Options *o = &w->context->options;

        if (o->json == JSON_OFF && o->legend)
                print_line(o, "TIME", ' ', COLOR_NONE, "OBJECT", "LINK", "WHAT");
}

static int follow(Watch *w, Stream *stream) {
        for (;;) {
                _cleanup_(json_decrefp) json_t *event = NULL;
                int status = CLI_DONE;

                switch (stream_next(stream, UINT64_MAX, &event, &status)) {
                case STREAM_EVENT:
                        take(w, event);
                        break;
                case STREAM_READY:
                        if (w->anew)
                                tell_difference(w, stream_generation(stream));
                        else
                                show_legend(w);
                        break;
                case STREAM_BROKEN:
                        known_free(w->anew);
                        w->anew = known_new();
                        break;
                case STREAM_TIMEOUT:
                        break;
                case STREAM_READER_GONE:
                        return CLI_DONE;
                case STREAM_FAILED:
                        return status;
                }
                if (fflush(stdout) != 0) {
                        w->context->write_error = errno;
                        return CLI_DONE; /* main() says why, if it is worth saying */
                }
        }
}

int verb_watch(Context *c, int argc, char **argv) {
        _cleanup_(stream_freep) Stream *stream = NULL;
        Watch w = { .context = c };
        int r;

        r = filter_init(&w.filter, c, argc, argv);
        if (r == CLI_DONE)
                r = stream_open(c, /* for_output= */ true, &stream);
        if (r == CLI_DONE) {
                w.known = known_new();
                r = follow(&w, stream);
        }
        known_free(w.known);
        known_free(w.anew);
        filter_done(&w.filter);
        return r;
}
