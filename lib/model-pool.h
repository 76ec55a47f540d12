/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory in small pieces, many of which are taken one after the other and given back together: a dump
 * makes ten thousands of pending entries, and the commit drops them all. A chunk goes back to the
 * kernel with its last piece.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct Pool {
        struct PoolChunk *chunks;
        size_t n_chunks;
        size_t current; /* the one that pieces are cut from, when there is any */
} Pool;

/* A piece of zeroed memory, size a multiple of 8 and at most some KiB, and the number of its chunk (never
 * 0), by which it is given back. NULL: no memory. */
void *pool_take(Pool *pool, uint32_t size, uint32_t *ret_chunk);
void pool_return(Pool *pool, uint32_t chunk);
/* Gives all of it back, whatever has been taken. */
void pool_clear(Pool *pool);
