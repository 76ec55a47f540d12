/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A table in a file, as the daemon publishes one, written by a test: locked, replaced when it grows,
 * marked when it is superseded. It shares no code with the daemon's publisher. Works in a directory of
 * its own and knows no failure but a failed test.
 */

#include <stdint.h>

#include "table.h"

#define TABLE_FILE_BLOCKS_MAX 64

typedef struct TableFileBlock {
        void *block;
        size_t size;
        int fd;
        char name[80];
} TableFileBlock;

typedef struct TableFile {
        char directory[32];
        char path[48];
        TableStorage storage;
        Table *table;
        uint64_t generation;
        uint64_t writer; /* for the header; 0: no living writer */
        TableFileBlock blocks[TABLE_FILE_BLOCKS_MAX];
        unsigned n_blocks, n_published;
} TableFile;

/* A directory, and a path in it where there is nothing yet. */
void table_file_init(TableFile *f);
/* The writer comes to life with an empty, published table. */
void table_file_start(TableFile *f);
/* It dies: locks are gone, the file stays. */
void table_file_stop(TableFile *f);
void table_file_done(TableFile *f);

/* table_begin() and table_end() with the next generation, which wakes who waits. */
void table_file_begin(TableFile *f);
void table_file_end(TableFile *f);
/* The published block, to do harm in. */
struct TableHeader *table_file_header(const TableFile *f);
