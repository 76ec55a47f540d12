/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Memory for the entries of a dump, in pieces of chunks that are mapped whole. Must never be used for
 * what single notifications bring: an entry that stays for long keeps its chunk.
 */

#include <sys/mman.h>

#include "model-pool.h"
#include "util.h"

/* Small tables need little; each next chunk is twice as large, up to the last. */
#define CHUNK_MIN (UINT32_C(32) * 1024)
#define CHUNK_MAX (UINT32_C(1024) * 1024)

typedef struct PoolChunk {
        uint8_t *memory; /* NULL: this place is free */
        uint32_t size;
        uint32_t used;
        uint32_t n_pieces;
} PoolChunk;

/* The pages are there at once: to touch them one after the other takes twice the time. */
static int chunk_map(PoolChunk *c, uint32_t size) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        if (p == MAP_FAILED)
                return -ENOMEM;
        *c = (PoolChunk){ .memory = p, .size = size };
        return 0;
}

static int pool_grow(Pool *pool) {
        uint32_t size = CHUNK_MIN;
        PoolChunk *grown;
        size_t i;
        int r;

        for (i = 0; i < pool->n_chunks && pool->chunks[i].memory; i++)
                size = CONST_MIN(2 * size, CHUNK_MAX);
        if (i == pool->n_chunks) {
                grown = reallocarray(pool->chunks, pool->n_chunks + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                grown[pool->n_chunks++] = (PoolChunk){};
                pool->chunks = grown;
        }
        r = chunk_map(&pool->chunks[i], size);
        if (r < 0)
                return r;
        pool->current = i;
        return 0;
}

static PoolChunk *current_chunk(const Pool *pool) {
        return pool->n_chunks > 0 ? &pool->chunks[pool->current] : NULL;
}

void *pool_take(Pool *pool, uint32_t size, uint32_t *ret_chunk) {
        PoolChunk *c = current_chunk(pool);
        void *piece;

        assert(size % 8 == 0 && size <= CHUNK_MIN);

        if (!c || !c->memory || c->size - c->used < size) {
                if (pool_grow(pool) < 0)
                        return NULL;
                c = current_chunk(pool);
        }
        piece = c->memory + c->used;
        c->used += size;
        c->n_pieces++;
        *ret_chunk = (uint32_t) pool->current + 1;
        return piece;
}

static void chunk_unmap(PoolChunk *c) {
        if (c->memory)
                (void) munmap(c->memory, c->size);
        *c = (PoolChunk){};
}

void pool_return(Pool *pool, uint32_t chunk) {
        PoolChunk *c = &pool->chunks[chunk - 1];

        assert(c->n_pieces > 0);
        if (--c->n_pieces == 0)
                chunk_unmap(c);
}

void pool_clear(Pool *pool) {
        for (size_t i = 0; i < pool->n_chunks; i++)
                chunk_unmap(&pool->chunks[i]);
        free(pool->chunks);
        *pool = (Pool){};
}
