/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The model's notes beside each link, by index. Only storage: counts are kept by model-derive.c and
 * model-commit.c.
 *
 * They lie in chunks and are chained by number: from the heap each would take half as much again. Those
 * that are not needed any more are used again, and given back when none is in use, as at the end.
 */

#include "model-private.h"

#define AUX_BUCKETS_MIN 32

static LinkAux *aux_at(const AuxTable *t, AuxNumber number) {
        return &t->chunks[(number - 1) / AUX_CHUNK][(number - 1) % AUX_CHUNK];
}

static AuxNumber *aux_bucket(const AuxTable *t, int32_t ifindex) {
        /* Indexes are handed out in sequence: the low bits spread them evenly. */
        return &t->buckets[(uint32_t) ifindex & (t->n_buckets - 1)];
}

LinkAux *model_aux_find(const Model *m, int32_t ifindex) {
        const AuxTable *t = &m->aux;

        if (t->n_buckets == 0)
                return NULL;
        for (AuxNumber number = *aux_bucket(t, ifindex); number > 0;) {
                LinkAux *aux = aux_at(t, number);

                if (aux->ifindex == ifindex)
                        return aux;
                number = aux->next;
        }
        return NULL;
}

LinkAux *model_aux_next(const Model *m, AuxNumber *number) {
        const AuxTable *t = &m->aux;

        while (*number < t->n_chunks * AUX_CHUNK) {
                LinkAux *aux = aux_at(t, ++*number);

                if (aux->ifindex > 0)
                        return aux;
        }
        return NULL;
}

static int grow_buckets(AuxTable *t) {
        uint32_t n = t->n_buckets == 0 ? AUX_BUCKETS_MIN : t->n_buckets * 2, n_old = t->n_buckets;
        AuxNumber *buckets = calloc(n, sizeof(*buckets)), *old = t->buckets;

        if (!buckets)
                return -ENOMEM;
        t->buckets = buckets;
        t->n_buckets = n;
        for (uint32_t i = 0; i < n_old; i++)
                for (AuxNumber number = old[i], next; number > 0; number = next) {
                        LinkAux *aux = aux_at(t, number);
                        AuxNumber *bucket = aux_bucket(t, aux->ifindex);

                        next = aux->next;
                        aux->next = *bucket;
                        *bucket = number;
                }
        free(old);
        return 0;
}

static void put_free(AuxTable *t, AuxNumber number) {
        *aux_at(t, number) = (LinkAux){ .next = t->free };
        t->free = number;
}

static int add_chunk(AuxTable *t) {
        LinkAux **chunks;

        chunks = reallocarray(t->chunks, t->n_chunks + 1, sizeof(*chunks));
        if (!chunks)
                return -ENOMEM;
        t->chunks = chunks;
        chunks[t->n_chunks] = calloc(AUX_CHUNK, sizeof(LinkAux));
        if (!chunks[t->n_chunks])
                return -ENOMEM;
        t->n_chunks++;
        /* So that the first one is taken first. */
        for (uint32_t i = 0; i < AUX_CHUNK; i++)
                put_free(t, t->n_chunks * AUX_CHUNK - i);
        return 0;
}

LinkAux *model_aux_get(Model *m, int32_t ifindex) {
        LinkAux *aux = model_aux_find(m, ifindex);
        AuxTable *t = &m->aux;
        AuxNumber number, *bucket;

        if (aux)
                return aux;
        if (t->n >= t->n_buckets && grow_buckets(t) < 0)
                return NULL;
        if (t->free == 0 && add_chunk(t) < 0)
                return NULL;
        number = t->free;
        aux = aux_at(t, number);
        t->free = aux->next;
        bucket = aux_bucket(t, ifindex);
        *aux = (LinkAux){ .ifindex = ifindex, .next = *bucket, .solicited = UINT32_MAX };
        *bucket = number;
        t->n++;
        return aux;
}

static bool aux_is_needed(const Model *m, const LinkAux *aux) {
        return aux->counted || aux->n_ports > 0 || aux->counted_master > 0 ||
               (m->dumping && aux->died_epoch == m->epoch);
}

void model_aux_prune(Model *m) {
        AuxTable *t = &m->aux;

        for (uint32_t i = 0; i < t->n_buckets; i++)
                for (AuxNumber *where = &t->buckets[i], number; (number = *where) > 0;) {
                        LinkAux *aux = aux_at(t, number);

                        if (aux_is_needed(m, aux)) {
                                where = &aux->next;
                                continue;
                        }
                        *where = aux->next;
                        put_free(t, number);
                        t->n--;
                }
        m->n_dead_aux = 0;
        if (t->n == 0)
                model_aux_done(m);
}

void model_aux_done(Model *m) {
        for (uint32_t i = 0; i < m->aux.n_chunks; i++)
                free(m->aux.chunks[i]);
        free(m->aux.chunks);
        free(m->aux.buckets);
        m->aux = (AuxTable){};
}
