/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The model's notes beside each link, by index. Only storage: counts are kept by model-derive.c and
 * model-commit.c.
 */

#include "model-private.h"

#define AUX_BUCKETS_MIN 32

static LinkAux **aux_bucket(const Model *m, int32_t ifindex) {
        /* Indexes are handed out in sequence: the low bits spread them evenly. */
        return &m->aux_buckets[(uint32_t) ifindex & (m->n_aux_buckets - 1)];
}

LinkAux *model_aux_find(const Model *m, int32_t ifindex) {
        LinkAux *aux;

        if (m->n_aux_buckets == 0)
                return NULL;
        for (aux = *aux_bucket(m, ifindex); aux && aux->ifindex != ifindex; aux = aux->hash_next)
                ;
        return aux;
}

static int aux_grow(Model *m) {
        uint32_t n = m->n_aux_buckets == 0 ? AUX_BUCKETS_MIN : m->n_aux_buckets * 2;
        LinkAux **buckets = calloc(n, sizeof(*buckets));

        if (!buckets)
                return -ENOMEM;
        for (uint32_t i = 0; i < m->n_aux_buckets; i++)
                for (LinkAux *aux = m->aux_buckets[i], *next; aux; aux = next) {
                        uint32_t h = (uint32_t) aux->ifindex & (n - 1);

                        next = aux->hash_next;
                        aux->hash_next = buckets[h];
                        buckets[h] = aux;
                }
        free(m->aux_buckets);
        m->aux_buckets = buckets;
        m->n_aux_buckets = n;
        return 0;
}

LinkAux *model_aux_get(Model *m, int32_t ifindex) {
        LinkAux *aux = model_aux_find(m, ifindex);
        LinkAux **bucket;

        if (aux)
                return aux;
        if (m->n_aux >= m->n_aux_buckets && aux_grow(m) < 0)
                return NULL;
        aux = calloc(1, sizeof(*aux));
        if (!aux)
                return NULL;
        aux->ifindex = ifindex;
        aux->solicited = UINT32_MAX;
        bucket = aux_bucket(m, ifindex);
        aux->hash_next = *bucket;
        *bucket = aux;
        m->n_aux++;
        return aux;
}

static bool aux_is_needed(const Model *m, const LinkAux *aux) {
        return aux->counted || aux->n_ports > 0 || aux->counted_master > 0 ||
               (m->dumping && aux->died_epoch == m->epoch);
}

void model_aux_prune(Model *m) {
        for (uint32_t i = 0; i < m->n_aux_buckets; i++)
                for (LinkAux **where = &m->aux_buckets[i], *aux; (aux = *where);) {
                        if (aux_is_needed(m, aux)) {
                                where = &aux->hash_next;
                                continue;
                        }
                        *where = aux->hash_next;
                        free(aux);
                        m->n_aux--;
                }
        m->n_dead_aux = 0;
}

void model_aux_done(Model *m) {
        for (uint32_t i = 0; i < m->n_aux_buckets; i++)
                for (LinkAux *aux = m->aux_buckets[i], *next; aux; aux = next) {
                        next = aux->hash_next;
                        free(aux);
                }
        free(m->aux_buckets);
        m->aux_buckets = NULL;
        m->n_aux_buckets = m->n_aux = 0;
}
