/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every reader of a table on arbitrary bytes, as a client meets them in a file that it mapped. A
 * first byte of 1 lays the bytes that follow over a sound block, so that a short input reaches what
 * is behind the header's checks: pairs of a place (four bytes) and a value (four bytes).
 */

#include <stdlib.h>
#include <string.h>

#include "../unit/table-exercise.h"
#include "fuzz.h"
#include "table.h"

#define N_LINKS 4

static void fill(Table *t) {
        IpAddress a = ip_make(AF_INET6, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1");

        for (int32_t i = 1; i <= N_LINKS; i++) {
                LinkRecord l = { .ifindex = i, .name = { 'l', (char) ('0' + i) } };
                AddressRecord address = { .ifindex = i, .address = a, .prefix_length = 64 };
                GroupRecord group = { .ifindex = i, .group = a };
                LocalRecord local = { .ifindex = i, .address = a, .prefix_length = 128 };

                (void) table_set(t, OBJECT_LINK, &l);
                (void) table_set(t, OBJECT_ADDRESS, &address);
                (void) table_set(t, OBJECT_GROUP, &group);
                (void) table_set(t, OBJECT_LOCAL, &local);
        }
}

/* A sound block of its own for each input. */
static uint8_t *sound_block(size_t *ret_size) {
        TextSpan names[] = { { "one", 3 }, { "two", 3 } };
        LinkTexts *texts = NULL;
        TableView v;
        uint8_t *copy;
        Table *t;

        if (table_new(NULL, &t) < 0)
                return NULL;
        /* the same input, the same run */
        t->block->seed = 1;
        table_begin(t);
        fill(t);
        if (link_texts_new((TextSpan){ "alias", 5 }, names, 2, &texts) == 0)
                (void) table_set_texts(t, 1, texts);
        (void) link_texts_free(texts);
        table_end(t, 1);
        v = table_view(t);
        copy = malloc(v.size);
        if (copy)
                memcpy(copy, v.block, v.size);
        *ret_size = v.size;
        (void) table_free(t);
        return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *block;
        size_t block_size = size;

        if (size > 0 && data[0] == 1) {
                block = sound_block(&block_size);
                for (size_t i = 1; block && i + 8 <= size; i += 8) {
                        uint32_t at;

                        memcpy(&at, data + i, 4);
                        memcpy(block + at % (block_size / 4) * 4, data + i + 4, 4);
                }
        } else {
                block = malloc(size);
                if (block && size > 0)
                        memcpy(block, data, size);
        }
        if (block)
                (void) exercise_block(block, block_size, N_LINKS + 1);
        free(block);
        return 0;
}
