/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reader of tests/data. The whole file is read and cut in place; every complaint names file
 * and line and ends the program, because a test must not go on with half of its cases.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsv.h"

__attribute__((format(printf, 3, 4), noreturn)) static void fail(const char *file, unsigned line,
                                                                 const char *format, ...) {
        va_list ap;

        fprintf(stderr, "%s:%u: ", file, line);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        exit(EXIT_FAILURE);
}

/* The file as one string; n_lines is how many lines it has at most. */
static char *read_text(const char *name, size_t *ret_n_lines) {
        const char *folder = getenv("IFROSTER_TEST_DATA");
        char path[4096], *text = NULL;
        size_t size = 0, n_lines = 1;
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/%s", folder ? folder : TEST_DATA_DIR, name);
        f = fopen(path, "re");
        if (!f)
                fail(path, 0, "%s", strerror(errno));
        if (getdelim(&text, &size, '\0', f) < 0)
                fail(path, 0, "empty or unreadable");
        if (!feof(f))
                fail(path, 0, "holds a NUL; write it as \\x00");
        (void) fclose(f);

        for (const char *p = text; *p; p++)
                n_lines += *p == '\n';
        *ret_n_lines = n_lines;
        return text;
}

static void cut_row(TsvRow *row, char *line) {
        char *field;

        while ((field = strsep(&line, "\t"))) {
                if (row->n_fields >= TSV_FIELDS_MAX)
                        fail(row->file, row->line, "more than %d fields", TSV_FIELDS_MAX);
                row->fields[row->n_fields++] = field;
        }
}

TsvTable tsv_read(const char *name, size_t n_fields) {
        TsvTable table = {};
        char *rest, *line;
        unsigned number = 0;
        size_t n_lines;

        rest = table.text = read_text(name, &n_lines);
        table.rows = calloc(n_lines, sizeof(*table.rows));
        if (!table.rows)
                fail(name, 0, "out of memory");

        while ((line = strsep(&rest, "\n"))) {
                TsvRow *row = &table.rows[table.n_rows];

                number++;
                if (line[0] == '#' || line[strspn(line, " \t\r")] == '\0')
                        continue;
                *row = (TsvRow){ .file = name, .line = number };
                cut_row(row, line);
                if (n_fields > 0 && row->n_fields != n_fields)
                        fail(name, number, "%zu fields, not %zu", row->n_fields, n_fields);
                table.n_rows++;
        }
        if (table.n_rows == 0)
                fail(name, number, "no rows");
        return table;
}

void tsv_done(TsvTable *table) {
        free(table->rows);
        free(table->text);
        *table = (TsvTable){};
}

/* Decodes the escape behind a backslash and returns what follows it. */
static const char *unescape_one(const TsvRow *row, const char *p, char *ret) {
        unsigned byte;

        switch (*p) {
        case 't':
                *ret = '\t';
                return p + 1;
        case 'n':
                *ret = '\n';
                return p + 1;
        case '\\':
                *ret = '\\';
                return p + 1;
        case 'x':
                if (!isxdigit((unsigned char) p[1]) || !isxdigit((unsigned char) p[2]) ||
                    sscanf(p + 1, "%2x", &byte) != 1)
                        fail(row->file, row->line, "\\x takes two hexadecimal digits");
                *ret = (char) byte;
                return p + 3;
        }
        fail(row->file, row->line, "unknown escape \\%c", *p);
}

size_t tsv_unescape(const TsvRow *row, size_t field, char *buf, size_t size) {
        size_t n = 0;

        for (const char *p = row->fields[field]; *p;) {
                char c = *p++;

                if (c == '\\')
                        p = unescape_one(row, p, &c);
                if (n + 1 >= size)
                        fail(row->file, row->line, "field %zu over %zu bytes", field, size - 1);
                buf[n++] = c;
        }
        buf[n] = '\0';
        return n;
}

long tsv_number(const TsvRow *row, size_t field) {
        char *end;
        long n;

        errno = 0;
        n = strtol(row->fields[field], &end, 10);
        if (errno != 0 || end == row->fields[field] || *end != '\0')
                fail(row->file, row->line, "'%s' is no number", row->fields[field]);
        return n;
}
