/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tables of texts. On a terminal columns are aligned. A table that is too wide for it leaves out the
 * columns in which nothing is, makes the widest columns narrower, and lets a text that is wider than its
 * column be followed by the next one on the line below: so that short rows still take one line, and each
 * text is whole and below its heading. The last column goes on below itself, cut only between words.
 *
 * Elsewhere nothing depends on how long the texts are.
 */

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli.h"

/* Between two columns */
#define GAP 2
/* No column is made narrower than this. */
#define COLUMN_MIN 8
/* What the last column should have before it takes lines of its own */
#define LAST_MIN 16
/* The indentation of such a line at most */
#define INDENT_MAX 8
#define LEFT_OUT (-1)

typedef struct Cell {
        char *text;
        int width;
        Color color;
        bool empty;
} Cell;

struct Grid {
        const Options *options;
        const char *const *columns;
        size_t n_columns;
        Cell *cells;
        size_t n_cells;
        size_t n_allocated;
        /* While it is printed: */
        int *rooms; /* of the columns; or LEFT_OUT */
        int width; /* of the terminal */
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
        bool empty = text[0] == '\0';
        Cell *cell;

        if (g->n_cells == g->n_allocated) {
                g->n_allocated = g->n_allocated == 0 ? 64 : 2 * g->n_allocated;
                g->cells = reallocarray(g->cells, g->n_allocated, sizeof(*g->cells));
                if (!g->cells)
                        out_of_memory();
        }
        cell = &g->cells[g->n_cells++];
        *cell = (Cell){ .text = strdup(empty ? "-" : text),
                        .color = empty ? COLOR_DIM : color,
                        .empty = empty };
        if (!cell->text)
                out_of_memory();
        cell->width = g->options->terminal ? text_width(cell->text) : 0;
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

/* Widths ------------------------------------------------------------------------------------- */

static int legend_width(const Grid *g, size_t column) {
        return g->options->legend ? text_width(g->columns[column]) : 0;
}

/* The widest text of a column that is not wider than limit. */
static int column_width(const Grid *g, size_t column, int limit) {
        int width = legend_width(g, column);

        for (size_t i = column; i < g->n_cells; i += g->n_columns)
                if (g->cells[i].width > width && g->cells[i].width <= limit)
                        width = g->cells[i].width;
        return width;
}

static bool column_is_empty(const Grid *g, size_t column) {
        for (size_t i = column; i < g->n_cells; i += g->n_columns)
                if (!g->cells[i].empty)
                        return false;
        return g->n_cells > 0;
}

static size_t last_column(const Grid *g) {
        size_t last = g->n_columns - 1;

        while (last > 0 && g->rooms[last] == LEFT_OUT)
                last--;
        return last;
}

/* By how much it is too wide, when the last column may have so much. */
static int excess(const Grid *g, int last_max) {
        size_t last = last_column(g);
        int width = g->rooms[last] < last_max ? g->rooms[last] : last_max;

        for (size_t i = 0; i < last; i++)
                if (g->rooms[i] != LEFT_OUT)
                        width += g->rooms[i] + GAP;
        return width - g->width;
}

/* The widest column before the last that can be narrower; false when there is none. */
static bool find_widest(const Grid *g, size_t *ret) {
        bool found = false;

        for (size_t i = 0; i < last_column(g); i++)
                if (g->rooms[i] > COLUMN_MIN && g->rooms[i] > legend_width(g, i) &&
                    (!found || g->rooms[i] > g->rooms[*ret])) {
                        *ret = i;
                        found = true;
                }
        return found;
}

static void fit(Grid *g) {
        size_t widest = 0;

        /* The first one says what a row is about. */
        for (size_t i = 1; i < g->n_columns && excess(g, INT_MAX / 2) > 0; i++)
                if (column_is_empty(g, i))
                        g->rooms[i] = LEFT_OUT;
        while (excess(g, LAST_MIN) > 0 && find_widest(g, &widest))
                g->rooms[widest] = column_width(g, widest, g->rooms[widest] - 1);
}

static void measure(Grid *g) {
        struct winsize size = {};

        g->rooms = calloc(g->n_columns, sizeof(*g->rooms));
        if (!g->rooms)
                out_of_memory();
        for (size_t i = 0; i < g->n_columns; i++)
                g->rooms[i] = column_width(g, i, INT_MAX);
        g->width = INT_MAX / 2;
        if (!g->options->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
            size.ws_col == 0)
                return;
        g->width = size.ws_col;
        fit(g);
}

/* Printing ----------------------------------------------------------------------------------- */

/* Bytes of the first word, with the comma behind it. */
static size_t word_length(const char *text) {
        size_t n = strcspn(text, " ,");

        return text[n] == ',' ? n + 1 : n;
}

static int word_width(const char *text, size_t n) {
        char *word = strndup(text, n);
        int width;

        if (!word)
                out_of_memory();
        width = text_width(word);
        free(word);
        return width;
}

static bool words_fit(const char *text, int room) {
        for (size_t n; *text; text += n, text += strspn(text, " ")) {
                n = word_length(text);
                if (word_width(text, n) > room)
                        return false;
        }
        return true;
}

/* The cursor is at indent. */
static void print_words(const char *text, int indent, int room) {
        int at = 0;

        while (*text) {
                size_t n = word_length(text), blanks = strspn(text + n, " ");
                int width = word_width(text, n);

                if (at > 0 && at + width > room) {
                        printf("\n%*s", indent, "");
                        at = 0;
                }
                (void) fwrite(text, 1, n, stdout);
                at += width;
                text += n + blanks;
                /* A blank at the end of a line is none. */
                if (blanks > 0 && *text && at + 1 + word_width(text, word_length(text)) <= room)
                        at += printf("%*s", (int) blanks, "");
                else if (blanks > 0)
                        at = room;
        }
}

static void print_last(const Grid *g, const Cell *cell, int at, int cursor) {
        int indent = at, room = g->width - at;

        if (cell->width > room && !words_fit(cell->text, room)) {
                indent = g->rooms[0] + GAP < INDENT_MAX ? g->rooms[0] + GAP : INDENT_MAX;
                room = g->width - indent;
                printf("%s%*s", cursor > 0 ? "\n" : "", indent, "");
        } else
                printf("%*s", at - cursor, "");
        fputs(color_on(g->options, cell->color), stdout);
        print_words(cell->text, indent, room);
        fputs(color_off(g->options, cell->color), stdout);
        fputc('\n', stdout);
}

/* Where a text begins whose column is at a place: farther left when it would not be whole. */
static int place_of(const Grid *g, const Cell *cell, int at) {
        int left = cell->width < g->width ? g->width - cell->width : 0;

        return at < left ? at : left;
}

static void print_aligned(const Grid *g, const Cell *cells) {
        size_t last = last_column(g);
        int at = 0, cursor = 0;

        for (size_t i = 0; i <= last; i++) {
                int place = i == last ? at : place_of(g, &cells[i], at);

                if (g->rooms[i] == LEFT_OUT)
                        continue;
                if (i > 0 && cursor + GAP > place) {
                        fputc('\n', stdout);
                        cursor = 0;
                }
                if (i == last) {
                        print_last(g, &cells[i], at, cursor);
                        return;
                }
                printf("%*s", place - cursor, "");
                fputs(color_on(g->options, cells[i].color), stdout);
                fputs(cells[i].text, stdout);
                fputs(color_off(g->options, cells[i].color), stdout);
                cursor = place + cells[i].width;
                at += g->rooms[i] + GAP;
        }
}

static void print_separated(const Grid *g, const Cell *cells) {
        for (size_t i = 0; i < g->n_columns; i++) {
                fputs(color_on(g->options, cells[i].color), stdout);
                fputs(cells[i].text, stdout);
                fputs(color_off(g->options, cells[i].color), stdout);
                fputc(i + 1 < g->n_columns ? '\t' : '\n', stdout);
        }
}

static void print_row(const Grid *g, const Cell *cells) {
        if (g->options->terminal)
                print_aligned(g, cells);
        else
                print_separated(g, cells);
}

/* A row like the others. */
static void print_legend(const Grid *g) {
        _cleanup_(grid_freep) Grid *legend = grid_new(g->options, g->columns, g->n_columns);

        for (size_t i = 0; i < g->n_columns; i++)
                grid_add(legend, g->columns[i], COLOR_BOLD);
        print_row(g, legend->cells);
}

void grid_print(Grid *g) {
        measure(g);
        if (g->options->legend)
                print_legend(g);
        for (size_t i = 0; i < g->n_cells; i += g->n_columns)
                print_row(g, g->cells + i);
        free(g->rooms);
        g->rooms = NULL;
        grid_clear(g);
}
