/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads the tables in tests/data: one row a line, fields separated by exactly one TAB, lines that
 * are blank or start with '#' skipped. A table that is missing, empty or has a row of another width
 * ends the program with a message: a suite that ran over no rows would pass and prove nothing.
 */

#include <stddef.h>

#define TSV_FIELDS_MAX 16

typedef struct TsvRow {
        const char *file;
        unsigned line;
        size_t n_fields;
        const char *fields[TSV_FIELDS_MAX];
} TsvRow;

typedef struct TsvTable {
        char *text; /* what the fields point into */
        TsvRow *rows;
        size_t n_rows;
} TsvTable;

/* Reads NAME in the folder that the environment variable IFROSTER_TEST_DATA names, else in the one
 * given at compile time. n_fields is what every row must have, or 0 for any number. */
TsvTable tsv_read(const char *name, size_t n_fields);
void tsv_done(TsvTable *table);

/* Decodes \t, \n, \\ and \xHH; any byte can be written so, NUL too. Ends the program on any other
 * escape and on a field that does not fit. buf is terminated; returns the length. */
size_t tsv_unescape(const TsvRow *row, size_t field, char *buf, size_t size);

/* A field that must be a decimal number, negative ones included. */
long tsv_number(const TsvRow *row, size_t field);

/* For messages: ck_assert_msg(ok, TSV_AT "wrong", TSV_ARG(row)) */
#define TSV_AT "%s:%u: "
#define TSV_ARG(row) (row)->file, (row)->line
