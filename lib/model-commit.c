/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compares what is pending with the table, writes the difference and says what it was. The only writer
 * of the table. Every batch leaves it consistent: no child without its link, derived states that fit
 * the rows, removed links' children removed before them.
 *
 * Links come first, because a child needs its link; then children, which move the counts that states
 * are derived from; then the states of every link that was touched, and of the masters that depend on
 * them; and last each touched link is compared with how it stood before.
 */

#include <linux/if.h>

#include "model-commit.h"

/* Masters of masters of ...: the kernel allows 8 levels of stacking. */
#define DERIVE_ROUNDS_MAX 16

void commit_failed(Commit *c, int error) {
        c->m->skipped++;
        if (c->error == 0)
                c->error = error;
}

/* Does the link wait to be published as another one with the same index? Then what is heard of its
 * children is of the new one. */
static bool link_is_held(const Commit *c, int32_t ifindex) {
        const Pending *p;

        if (c->settled || ifindex == 0 || c->m->n_pending[OBJECT_LINK] == 0)
                return false;
        p = overlay_find(&c->m->overlay, OBJECT_LINK, &(LinkRecord){ .ifindex = ifindex });
        return p && p->dirty && p->reborn;
}

bool commit_is_ready(const Commit *c, const Pending *p) {
        if (!p->dirty || (p->from_dump && !c->settled))
                return false;
        return p->object == OBJECT_LINK || !link_is_held(c, record_ifindex(p->object, p->record));
}

Change *commit_say(Commit *c, ChangeType type, ObjectType object, const void *record,
                   const LinkRecord *link) {
        Change *change;

        c->differs = true;
        if (!c->batch)
                return NULL;
        change = batch_add(c->batch);
        if (!change) {
                commit_failed(c, -ENOMEM);
                return NULL;
        }
        change->type = type;
        change->object = object;
        memcpy(&change->record, record, record_size(object));
        if (link) {
                change->incarnation = link->incarnation;
                memcpy(change->link_name, link->name, sizeof(change->link_name));
        }
        return change;
}

Touched *commit_touch(Commit *c, int32_t ifindex) {
        LinkAux *aux = model_aux_get(c->m, ifindex);
        TableView view = table_view(c->m->table);
        Touched *t;

        if (!aux) {
                commit_failed(c, -ENOMEM);
                return NULL;
        }
        if (aux->touched > 0)
                return &c->touched[aux->touched - 1];

        if (c->n_touched == c->n_allocated) {
                size_t n = c->n_allocated == 0 ? 8 : c->n_allocated * 2;
                Touched *grown = reallocarray(c->touched, n, sizeof(*grown));

                if (!grown) {
                        commit_failed(c, -ENOMEM);
                        return NULL;
                }
                c->touched = grown;
                c->n_allocated = n;
        }
        t = &c->touched[c->n_touched++];
        *t = (Touched){ .ifindex = ifindex };
        t->existed = !c->fresh[OBJECT_LINK] && table_get_link(&view, ifindex, &t->before);
        aux->touched = (uint32_t) c->n_touched;
        return t;
}

static void touch_masters(Commit *c, const int32_t *masters, size_t n) {
        TableView view = table_view(c->m->table);
        LinkRecord link;

        for (size_t i = 0; i < n; i++)
                if (table_get_link(&view, masters[i], &link))
                        (void) commit_touch(c, masters[i]);
}

static void remove_children(Commit *c, const LinkRecord *link) {
        static const ObjectType types[] = { OBJECT_ADDRESS, OBJECT_GROUP, OBJECT_ROUTE,
                                            OBJECT_LOCAL };
        TableView view = table_view(c->m->table);
        TableWalk walk;
        Record record;

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                /* A removal ends a walk: begin again at what is now the first. */
                while (walk = table_walk_link(&view, types[i], link->ifindex),
                       table_next(&view, &walk, &record)) {
                        if (!table_remove(c->m->table, types[i], &record))
                                break;
                        if (types[i] != OBJECT_LOCAL)
                                (void) commit_say(c, CHANGE_REMOVED, types[i], &record, link);
                }
}

static void remove_link(Commit *c, const LinkRecord *link) {
        LinkAux *aux = model_aux_find(c->m, link->ifindex);
        int32_t masters[2];

        remove_children(c, link);
        (void) table_remove(c->m->table, OBJECT_LINK, link);
        (void) commit_say(c, CHANGE_REMOVED, OBJECT_LINK, link, link);
        if (!aux)
                return;

        memset(aux->n_addresses, 0, sizeof(aux->n_addresses));
        aux->n_link_local = 0;
        aux->link_local_leaves = false;
        model_count_machine(c->m, aux, NULL);
        touch_masters(c, masters, model_count_port(c->m, aux, 0, false, masters));
        if (aux->touched > 0)
                c->touched[aux->touched - 1].existed = false;
        c->m->n_dead_aux++;
}

/* The zone of a link's addresses and groups is its name: they all change with it. */
static void pend_zone_children(Commit *c, int32_t ifindex) {
        static const ObjectType types[] = { OBJECT_ADDRESS, OBJECT_GROUP };
        TableView view = table_view(c->m->table);
        TableWalk walk;
        Record record;
        Pending *p;

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                walk = table_walk_link(&view, types[i], ifindex);
                while (table_next(&view, &walk, &record)) {
                        p = overlay_find(&c->m->overlay, types[i], &record);
                        /* Kept for the dump that runs: it has been published under the old name. */
                        if (p) {
                                p->dirty = p->dirty || p->present;
                                continue;
                        }
                        p = model_pending(c->m, types[i], &record);
                        if (!p) {
                                commit_failed(c, -ENOMEM);
                                return;
                        }
                        p->serial = ++c->m->serial;
                        p->present = p->dirty = true;
                }
        }
}

static void write_link(Commit *c, Touched *t, Pending *p) {
        TableView view = table_view(c->m->table);
        LinkRecord link;
        int r;

        memcpy(&link, p->record, sizeof(link));
        if (t->existed) {
                link.incarnation = t->before.incarnation;
                link.states = t->before.states;
                link.ipv6_link_local = t->before.ipv6_link_local;
                t->renamed = strcmp(link.name, t->before.name) != 0;
                r = table_get_texts(&view, link.ifindex, &t->texts_before);
                if (r < 0)
                        commit_failed(c, r);
        } else
                link.incarnation = ++c->m->incarnation;

        if (!t->existed || memcmp(&link, &t->before, sizeof(link)) != 0) {
                r = c->fresh[OBJECT_LINK] ? table_add(c->m->table, OBJECT_LINK, &link)
                                          : table_set(c->m->table, OBJECT_LINK, &link);
                if (r < 0) {
                        commit_failed(c, r);
                        return;
                }
        }
        t->texts_after = TAKE_PTR(p->texts);
        if (!link_texts_equal(t->texts_before, t->texts_after)) {
                r = table_set_texts(c->m->table, link.ifindex, t->texts_after);
                if (r < 0)
                        commit_failed(c, r);
        }
}

static void commit_link(Commit *c, Pending *p) {
        TableView view = table_view(c->m->table);
        const LinkRecord *key = (const void *) p->record;
        LinkRecord before;
        Touched *t;

        if ((!p->present || p->reborn) && !c->fresh[OBJECT_LINK] &&
            table_get_link(&view, key->ifindex, &before))
                remove_link(c, &before);
        p->reborn = false;
        p->dirty = false;
        if (!p->present)
                return;

        t = commit_touch(c, key->ifindex);
        if (!t)
                return;
        write_link(c, t, p);
        if (t->renamed)
                pend_zone_children(c, key->ifindex);
}

/* The usable link-local address that came first. A walk, but only when one of them changed. */
static IpAddress first_link_local(const TableView *view, int32_t ifindex) {
        TableWalk walk = table_walk_link(view, OBJECT_ADDRESS, ifindex);
        uint64_t order = UINT64_MAX;
        IpAddress first = {};
        AddressRecord a;

        while (table_next(view, &walk, &a)) {
                if (a.address.family != AF_INET6 || !ip_is_link_local(&a.address) ||
                    (a.usability != USABILITY_USABLE && a.usability != USABILITY_DEPRECATED) ||
                    a.order >= order)
                        continue;
                order = a.order;
                first = a.address;
        }
        return first;
}

/* Returns true when the link's row changed, so that its master must be looked at again. */
static bool derive_link(Commit *c, size_t i) {
        LinkAux *aux = model_aux_find(c->m, c->touched[i].ifindex);
        TableView view = table_view(c->m->table);
        size_t n = c->n_touched;
        LinkRecord link, derived;
        int32_t masters[2];
        bool down;
        int r;

        if (!aux || !table_get_link(&view, c->touched[i].ifindex, &link))
                return false;
        derived = link;
        derived.states = model_link_states(aux, &link);
        if (c->touched[i].link_local)
                derived.ipv6_link_local = first_link_local(&view, link.ifindex);
        if (memcmp(&derived, &link, sizeof(link)) != 0) {
                r = table_set(c->m->table, OBJECT_LINK, &derived);
                if (r < 0)
                        commit_failed(c, r);
        }
        model_count_machine(c->m, aux, &derived);
        down = derived.states.carrier < CARRIER_STATE_CARRIER;
        n = model_count_port(c->m, aux, derived.master_ifindex, down, masters);
        touch_masters(c, masters, n);
        return n > 0;
}

static void derive_links(Commit *c) {
        bool again = true;

        for (size_t round = 0; again && round < DERIVE_ROUNDS_MAX; round++) {
                again = false;
                /* The list grows by masters while it is walked. */
                for (size_t i = 0; i < c->n_touched; i++)
                        again |= derive_link(c, i);
        }
}

static void say_link(Commit *c, Touched *t) {
        TableView view = table_view(c->m->table);
        RecordView a = { .type = OBJECT_LINK, .record = &t->before, .context.users = -1 };
        RecordView b = { .type = OBJECT_LINK, .context.users = -1 };
        uint64_t fields = 0;
        LinkRecord after;
        Change *change;

        if (!c->batch) {
                c->differs = true;
                return;
        }
        if (!table_get_link(&view, t->ifindex, &after))
                return;
        if (t->existed) {
                a.context.texts = t->texts_before;
                b.context.texts = t->texts_after;
                b.record = &after;
                fields = record_diff(&a, &b);
                if (fields == 0)
                        return;
        }
        change = commit_say(c, t->existed ? CHANGE_CHANGED : CHANGE_ADDED, OBJECT_LINK, &after,
                            &after);
        if (!change)
                return;
        change->fields = fields;
        change->texts = TAKE_PTR(t->texts_after);
}

static bool is_done(const Model *m, const Pending *p) {
        bool stamped = m->dumping && (p->stamp == m->epoch || p->listed == m->epoch);

        return !p->dirty && !stamped;
}

static void drop_pending(Model *m) {
        bool all = true, loose = false;

        for (const Pending *p = m->overlay.first; p && all; p = p->next) {
                all = is_done(m, p);
                loose = loose || p->texts || p->chunk == 0;
        }
        if (all) {
                overlay_clear(&m->overlay, loose);
                memset(m->n_pending, 0, sizeof(m->n_pending));
                memset(m->n_pending_ipv6, 0, sizeof(m->n_pending_ipv6));
                return;
        }
        for (Pending *p = m->overlay.first, *next; p; p = next) {
                next = p->next;
                if (is_done(m, p))
                        model_pending_remove(m, p);
        }
}

static void commit_finish(Commit *c) {
        Model *m = c->m;

        for (size_t i = 0; i < c->n_touched; i++) {
                Touched *t = &c->touched[i];
                LinkAux *aux = model_aux_find(m, t->ifindex);

                say_link(c, t);
                if (aux) {
                        if (aux->ipv4_left)
                                commit_after_ipv4_left(c, t->ifindex);
                        aux->ipv4_left = false;
                        aux->touched = 0;
                }
                link_texts_free(t->texts_before);
                link_texts_free(t->texts_after);
        }
        free(c->touched);

        drop_pending(m);
        overlay_shrink(&m->overlay);
        /* Rows that wait for the end of a dump may be older than the death of their link: until they
         * are written or dropped, when that was must be known. */
        if (c->settled && m->n_dead_aux > m->aux.n / 2)
                model_aux_prune(m);
}

static int change_rank(const Change *change) {
        if (change->type == CHANGE_REMOVED)
                return change->object == OBJECT_LINK;
        return change->object == OBJECT_LINK ? 2 : 3;
}

/* Removed children, removed links, links, children; otherwise as it happened. */
static int sort_changes(Batch *batch) {
        Change *sorted;
        size_t n = 0;

        if (batch->n_changes < 2)
                return 0;
        sorted = calloc(batch->n_changes, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (int rank = 0; rank <= 3; rank++)
                for (size_t i = 0; i < batch->n_changes; i++)
                        if (change_rank(&batch->changes[i]) == rank)
                                sorted[n++] = batch->changes[i];
        free(batch->changes);
        batch->changes = sorted;
        batch->n_allocated = batch->n_changes;
        return 0;
}

static int compare_links(const void *x, const void *y) {
        const LinkRecord *a = (const void *) (*(Pending *const *) x)->record;
        const LinkRecord *b = (const void *) (*(Pending *const *) y)->record;

        return a->ifindex < b->ifindex ? -1 : a->ifindex > b->ifindex;
}

/* The kernel mostly lists them so. */
static bool links_are_sorted(Pending *const *links, size_t n) {
        for (size_t i = 1; i < n; i++)
                if (compare_links(&links[i - 1], &links[i]) > 0)
                        return false;
        return true;
}

/* While the table is filled, links come in the order of their indexes, whether they were listed or
 * heard of meanwhile: as far as anybody can tell, that is the order in which the kernel has them, and
 * incarnations are given in it. */
static void commit_first_links(Commit *c) {
        _cleanup_(freep) Pending **links = NULL;
        uint32_t left = c->m->n_pending[OBJECT_LINK];
        size_t n = 0;

        links = calloc(c->m->n_pending[OBJECT_LINK] + 1, sizeof(*links));
        if (!links) {
                commit_failed(c, -ENOMEM);
                return;
        }
        for (Pending *p = c->m->overlay.first; p && left > 0; p = p->next) {
                left -= p->object == OBJECT_LINK;
                if (p->object == OBJECT_LINK && commit_is_ready(c, p))
                        links[n++] = p;
        }
        if (!links_are_sorted(links, n))
                qsort(links, n, sizeof(*links), compare_links);
        for (size_t i = 0; i < n; i++)
                commit_link(c, links[i]);
}

static void commit_links(Commit *c) {
        for (Pending *p = c->m->overlay.first; p; p = p->next)
                if (p->object == OBJECT_LINK && commit_is_ready(c, p))
                        commit_link(c, p);
}

static void note_fresh(Commit *c) {
        TableView view = table_view(c->m->table);

        for (ObjectType type = 0; type < _OBJECT_TYPE_MAX; type++)
                c->fresh[type] = table_count(&view, type) == 0;
}

int model_commit(Model *m, bool settled, Batch *batch) {
        Commit c = { .m = m, .settled = settled, .batch = batch };
        int r;

        assert(!settled || !m->dumping);

        table_begin(m->table);
        note_fresh(&c);
        table_expect(m->table, m->n_pending);
        if (batch)
                commit_links(&c);
        else
                commit_first_links(&c);
        /* Entries that are added on the way are at the end of the list: they are seen as well. */
        for (Pending *p = m->overlay.first; p; p = p->next)
                if (p->object != OBJECT_LINK && commit_is_ready(&c, p))
                        commit_child(&c, p);
        derive_links(&c);
        commit_finish(&c);

        if (c.differs)
                m->generation++;
        table_end(m->table, m->generation);
        if (batch) {
                batch->generation = m->generation;
                r = sort_changes(batch);
                if (r < 0 && c.error == 0)
                        c.error = r;
        }
        return c.error < 0 ? c.error : c.differs;
}
