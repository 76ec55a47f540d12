/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Text for people and for programs. Everything that comes here is already printable UTF-8 on one line;
 * this file only aligns, colours and separates. Colour and alignment are for terminals.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "cli.h"

#define USEC_PER_SEC UINT64_C(1000000)

typedef struct Cell {
        char *text;
        int width;
        Color color;
} Cell;

struct Grid {
        const Options *options;
        const char *const *columns;
        size_t n_columns;
        Cell *cells;
        size_t n_cells;
        size_t n_allocated;
};

/* Columns that a text takes on a terminal; bytes when the locale cannot say. */
static int text_width(const char *text) {
        size_t n = mbstowcs(NULL, text, 0);
        wchar_t *wide;
        int width;

        if (n == (size_t) -1)
                return (int) strlen(text);
        wide = calloc(n + 1, sizeof(*wide));
        if (!wide)
                out_of_memory();
        (void) mbstowcs(wide, text, n + 1);
        width = wcswidth(wide, n);
        free(wide);
        return width >= 0 ? width : (int) strlen(text);
}

Grid *grid_new(const Options *options, const char *const *columns, size_t n_columns) {
        Grid *g = calloc(1, sizeof(*g));

        if (!g)
                out_of_memory();
        g->options = options;
        g->columns = columns;
        g->n_columns = n_columns;
        return g;
}

static void grid_clear(Grid *g) {
        for (size_t i = 0; i < g->n_cells; i++)
                free(g->cells[i].text);
        g->n_cells = 0;
}

Grid *grid_free(Grid *g) {
        if (!g)
                return NULL;
        grid_clear(g);
        free(g->cells);
        free(g);
        return NULL;
}

void grid_add(Grid *g, const char *text, Color color) {
        Cell *cell;

        if (g->n_cells == g->n_allocated) {
                g->n_allocated = g->n_allocated == 0 ? 64 : 2 * g->n_allocated;
                g->cells = reallocarray(g->cells, g->n_allocated, sizeof(*g->cells));
                if (!g->cells)
                        out_of_memory();
        }
        cell = &g->cells[g->n_cells++];
        cell->text = strdup(text[0] != '\0' ? text : "-");
        if (!cell->text)
                out_of_memory();
        cell->width = g->options->terminal ? text_width(cell->text) : 0;
        cell->color = text[0] != '\0' ? color : COLOR_DIM;
}

void grid_addf(Grid *g, Color color, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                out_of_memory();
        grid_add(g, text, color);
        free(text);
}

static void print_cell(const Grid *g, const char *text, int width, int room, Color color,
                       bool last) {
        fputs(color_on(g->options, color), stdout);
        fputs(text, stdout);
        fputs(color_off(g->options, color), stdout);
        if (last)
                fputc('\n', stdout);
        else if (g->options->terminal)
                printf("%*s", room - width + 2, "");
        else
                fputc('\t', stdout);
}

void grid_print(Grid *g) {
        int *rooms = calloc(g->n_columns, sizeof(*rooms));

        if (!rooms)
                out_of_memory();
        for (size_t i = 0; i < g->n_columns && g->options->legend; i++)
                rooms[i] = text_width(g->columns[i]);
        for (size_t i = 0; i < g->n_cells; i++)
                if (g->cells[i].width > rooms[i % g->n_columns])
                        rooms[i % g->n_columns] = g->cells[i].width;

        for (size_t i = 0; i < g->n_columns && g->options->legend; i++)
                print_cell(g, g->columns[i], text_width(g->columns[i]), rooms[i], COLOR_BOLD,
                           i + 1 == g->n_columns);
        for (size_t i = 0; i < g->n_cells; i++) {
                size_t column = i % g->n_columns;
                const Cell *cell = &g->cells[i];

                print_cell(g, cell->text, cell->width, rooms[column], cell->color,
                           column + 1 == g->n_columns);
        }
        free(rooms);
        grid_clear(g);
}

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
