/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The part of a commit that is about addresses, groups, routes and local entries: each pending one is
 * compared with its row and written. Keeps the counts that the states of links are derived from in step
 * with every row that it writes or removes; a child whose link is not known is never written.
 */

#include <linux/if.h>

#include "model-commit.h"

/* The same lifetime announced again, a little later: seconds are rounded. */
static void settle_lifetime(uint64_t *deadline, uint64_t before) {
        uint64_t moved = *deadline > before ? *deadline - before : before - *deadline;

        if (*deadline != USEC_INFINITY && before != USEC_INFINITY &&
            moved < MODEL_LIFETIME_TOLERANCE_USEC)
                *deadline = before;
}

/* Keeps the counts of the link and notes whether its states may differ now. */
static void count_address(Commit *c, const AddressRecord *before, const AddressRecord *after) {
        const AddressRecord *either = after ? after : before;
        bool link_local = either->address.family == AF_INET6 && ip_is_link_local(&either->address);
        LinkAux *aux = model_aux_get(c->m, either->ifindex);
        Touched *t;

        if (!aux) {
                commit_failed(c, -ENOMEM);
                return;
        }
        if (before)
                model_count_address(aux, before, -1);
        if (after)
                model_count_address(aux, after, +1);
        if (!link_local && before && after && address_reach(before) == address_reach(after))
                return;
        t = commit_touch(c, either->ifindex);
        if (t && link_local)
                t->link_local = true;
}

static void remove_child(Commit *c, const Pending *p, const Record *before,
                         const LinkRecord *link) {
        if (!table_remove(c->m->table, p->object, p->record))
                return;
        if (p->object == OBJECT_ADDRESS)
                count_address(c, &before->address, NULL);
        if (p->object != OBJECT_LOCAL)
                (void) commit_say(c, CHANGE_REMOVED, p->object, before, link);
}

static uint64_t child_diff(const Commit *c, const Pending *p, const Record *before,
                           const Record *after, const LinkRecord *link) {
        const LinkAux *aux = model_aux_find(c->m, link ? link->ifindex : 0);
        const Touched *t = aux && aux->touched > 0 ? &c->touched[aux->touched - 1] : NULL;
        RecordView a = { .type = p->object, .record = before, .context.users = -1 };
        RecordView b = { .type = p->object, .record = after, .context.users = -1 };

        b.context.link_name = link ? link->name : NULL;
        a.context.link_name = t && t->renamed ? t->before.name : b.context.link_name;
        return record_diff(&a, &b);
}

static void write_child(Commit *c, const Pending *p, const Record *before, const LinkRecord *link) {
        size_t size = record_size(p->object);
        Change *change;
        Record after;
        uint64_t fields;
        bool same;
        int r;

        memcpy(&after, p->record, size);
        if (before && p->object == OBJECT_ADDRESS) {
                settle_lifetime(&after.address.preferred_usec, before->address.preferred_usec);
                settle_lifetime(&after.address.valid_usec, before->address.valid_usec);
        }
        same = before && memcmp(before, &after, size) == 0;
        if (!same) {
                r = c->fresh[p->object] ? table_add(c->m->table, p->object, &after)
                                        : table_set(c->m->table, p->object, &after);
                if (r < 0) {
                        commit_failed(c, r);
                        return;
                }
                if (p->object == OBJECT_ADDRESS)
                        count_address(c, before ? &before->address : NULL, &after.address);
        }
        if (!c->batch)
                c->differs = true;
        if (p->object == OBJECT_LOCAL || !c->batch)
                return;
        if (!before) {
                (void) commit_say(c, CHANGE_ADDED, p->object, &after, link);
                return;
        }
        fields = child_diff(c, p, before, &after, link);
        if (fields == 0)
                return;
        change = commit_say(c, CHANGE_CHANGED, p->object, &after, link);
        if (change)
                change->fields = fields;
}

static void mark_orphan(Commit *c, Pending *p, bool orphan) {
        if (p->orphan == orphan)
                return;
        p->orphan = orphan;
        c->m->n_orphans += orphan ? 1U : -1U;
}

/* The children of a link mostly come one after the other, and while they do no link changes. */
static const LinkRecord *commit_parent(Commit *c, int32_t ifindex) {
        TableView view = table_view(c->m->table);

        if (c->parent.ifindex != ifindex && !table_get_link(&view, ifindex, &c->parent))
                c->parent.ifindex = 0;
        return c->parent.ifindex > 0 ? &c->parent : NULL;
}

/* No route leads over a link that is down. One that was heard before that is gone, or about to go, in
 * silence; it is being read again, and is not told until that is done. */
static bool is_doubtful(const Commit *c, const Pending *p, const LinkRecord *link) {
        return !c->settled && p->object == OBJECT_ROUTE && p->present && link &&
               !(link->flags & IFF_UP);
}

void commit_child(Commit *c, Pending *p) {
        int32_t ifindex = record_ifindex(p->object, p->record);
        const LinkAux *aux = model_aux_find(c->m, ifindex);
        const LinkRecord *link = ifindex > 0 ? commit_parent(c, ifindex) : NULL;
        TableView view = table_view(c->m->table);
        bool had, known = ifindex == 0 || link;
        Record before;

        if (aux && p->serial < aux->died)
                p->present = false;
        if (!known && p->present) {
                mark_orphan(c, p, true);
                return;
        }
        mark_orphan(c, p, false);
        had = !c->fresh[p->object] && table_get(&view, p->object, p->record, &before);
        if (!had && is_doubtful(c, p, link))
                return;
        p->dirty = false;
        if (!known)
                return;

        /* Also when it is there again, so that nothing differs. */
        if (p->object == OBJECT_ADDRESS && aux && aux->ipv4_left)
                (void) commit_touch(c, ifindex);
        if (p->present)
                write_child(c, p, had ? &before : NULL, link);
        else if (had)
                remove_child(c, p, &before, link);
}

/* Nothing was heard of one of its IPv4 addresses: it has been there all the time. */
static bool always_had_ipv4(const Commit *c, int32_t ifindex) {
        TableView view = table_view(c->m->table);
        TableWalk walk = table_walk_link(&view, OBJECT_ADDRESS, ifindex);
        AddressRecord row;

        while (table_next(&view, &walk, &row))
                if (row.address.family == AF_INET &&
                    !overlay_find(&c->m->overlay, OBJECT_ADDRESS, &row))
                        return true;
        return false;
}

void commit_after_ipv4_left(Commit *c, int32_t ifindex) {
        TableView view = table_view(c->m->table);
        TableWalk walk = table_walk_link(&view, OBJECT_LOCAL, ifindex);
        LocalRecord row;

        if (always_had_ipv4(c, ifindex))
                return;
        /* A link that is being deleted comes here too when its addresses are heard in one turn and its end
         * in the next: until then that looks the same. */
        while (table_next(&view, &walk, &row))
                if (row.address.family == AF_INET) {
                        model_want(c->m, (Scope){ .object = OBJECT_LOCAL,
                                                  .family = AF_INET,
                                                  .ifindex = ifindex });
                        return;
                }
}
