/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Text for people and for programs. Everything that comes here is already printable UTF-8 on one line;
 * this file only colours and separates. Tables are in grid.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

#define USEC_PER_SEC UINT64_C(1000000)

void output_json(const Options *options, const json_t *value) {
        size_t flags = options->json == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT;

        (void) json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
        fputc('\n', stdout);
}

void output_records(const Options *options, const json_t *records) {
        const json_t *record;
        size_t i;

        if (options->json == JSON_PRETTY) {
                output_json(options, records);
                return;
        }
        json_array_foreach(records, i, record) output_json(options, record);
}

const char *color_on(const Options *options, Color color) {
        if (!options->color)
                return "";
        switch (color) {
        case COLOR_NONE:
                return "";
        case COLOR_GOOD:
                return "\x1b[32m";
        case COLOR_MIDDLING:
                return "\x1b[33m";
        case COLOR_BAD:
                return "\x1b[31m";
        case COLOR_DIM:
                return "\x1b[90m";
        case COLOR_BOLD:
                return "\x1b[1m";
        }
        return "";
}

const char *color_off(const Options *options, Color color) {
        return options->color && color != COLOR_NONE ? "\x1b[0m" : "";
}

Color color_of_state(const char *word) {
        static const struct {
                const char *word;
                Color color;
        } colors[] = {
                { "routable", COLOR_GOOD },       { "carrier", COLOR_GOOD },
                { "enslaved", COLOR_GOOD },       { "usable", COLOR_GOOD },
                { "degraded", COLOR_MIDDLING },   { "degraded-carrier", COLOR_MIDDLING },
                { "dormant", COLOR_MIDDLING },    { "tentative", COLOR_MIDDLING },
                { "deprecated", COLOR_MIDDLING }, { "no-carrier", COLOR_BAD },
                { "duplicate", COLOR_BAD },       { "off", COLOR_DIM },
        };

        for (size_t i = 0; i < ELEMENTSOF(colors); i++)
                if (strcmp(colors[i].word, word) == 0)
                        return colors[i].color;
        return COLOR_NONE;
}

void format_time_left(uint64_t deadline_usec, char *buffer, size_t size) {
        static const struct {
                uint64_t seconds;
                const char *unit;
        } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
        struct timespec ts = {};
        uint64_t now, left;
        size_t len = 0;
        int n_units = 0;

        (void) clock_gettime(CLOCK_BOOTTIME, &ts);
        now = (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
        left = deadline_usec > now ? (deadline_usec - now) / USEC_PER_SEC : 0;
        if (left == 0) {
                (void) snprintf(buffer, size, "0s");
                return;
        }
        /* The two largest units are enough. */
        for (size_t i = 0; i < ELEMENTSOF(units) && n_units < 2 && left > 0; i++) {
                if (left < units[i].seconds && n_units == 0)
                        continue;
                if (left >= units[i].seconds)
                        len += (size_t) snprintf(buffer + len, size - len, "%s%llu%s",
                                                 len > 0 ? " " : "",
                                                 (unsigned long long) (left / units[i].seconds),
                                                 units[i].unit);
                left %= units[i].seconds;
                n_units++;
        }
}
