/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Takes notifications: each becomes a pending entry and, where the kernel leaves something unsaid, a
 * wanted re-read. Must not publish (model-commit.c does), must not ask (the source does), and never
 * keys anything by name: a rename is an attribute, and two links may swap names in one batch.
 */

#include "model-private.h"

int model_new(Table *table, Model **ret) {
        Model *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->table = table;
        m->round = 1;
        overlay_init(&m->overlay);
        *ret = m;
        return 0;
}

Model *model_free(Model *m) {
        if (!m)
                return NULL;
        overlay_done(&m->overlay);
        model_aux_done(m);
        free(m);
        return NULL;
}

Pending *model_pending(Model *m, ObjectType type, const void *record) {
        bool is_new;
        Pending *p;

        p = overlay_get(&m->overlay, type, record, m->dumping && m->scope.ifindex == 0, &is_new);
        if (p && is_new) {
                m->n_pending[type]++;
                m->n_pending_ipv6[type] += record_family(type, record) == AF_INET6;
        }
        return p;
}

void model_pending_remove(Model *m, Pending *p) {
        m->n_pending[p->object]--;
        m->n_pending_ipv6[p->object] -= record_family(p->object, p->record) == AF_INET6;
        if (p->orphan)
                m->n_orphans--;
        overlay_remove(&m->overlay, p);
}

void model_pending_update(Model *m, Pending *p, bool present, const void *record, bool from_dump) {
        p->serial = ++m->serial;
        p->present = present;
        p->from_dump = from_dump;
        p->dirty = true;
        memcpy(p->record, record, record_size(p->object));
        if (!m->dumping)
                return;
        if (from_dump) {
                p->listed = m->epoch;
                return;
        }
        p->stamp = m->epoch;
        m->dump_overtaken = true;
        if (m->scope.object == p->object)
                m->dump_dubious = true;
}

bool model_current(const Model *m, ObjectType type, const void *key, Record *ret) {
        const Pending *p = overlay_find(&m->overlay, type, key);
        TableView view;

        if (p) {
                if (p->present)
                        memcpy(ret, p->record, record_size(type));
                return p->present;
        }
        view = table_view(m->table);
        return table_get(&view, type, key, ret);
}

static void link_keep_unsaid(LinkRecord *link, const LinkRecord *before,
                             const RtnlMessage *message) {
        /* A driver may leave these out of a message although they did not change. */
        if (!message->has_kind)
                memcpy(link->kind, before->kind, sizeof(link->kind));
        if (!message->has_permanent)
                link->permanent_hardware_address = before->permanent_hardware_address;
}

/* An index that now belongs to another link than the published one: nothing of what was known holds. A
 * reuse that was announced came with a removal; the removal may have been lost. */
static bool link_is_another(const LinkRecord *a, const LinkRecord *b, bool from_dump, bool late) {
        /* When asked, the kernel never leaves the kind out. */
        if (a->kind[0] != '\0' && (b->kind[0] != '\0' || from_dump) &&
            strcmp(a->kind, b->kind) != 0)
                return true;
        if (a->permanent_hardware_address.len > 0 && b->permanent_hardware_address.len > 0 &&
            memcmp(&a->permanent_hardware_address, &b->permanent_hardware_address,
                   sizeof(HardwareAddress)) != 0)
                return true;
        /* The counter of a living link never goes back, but a message that was queued before what a
         * dump listed may be heard after it. */
        if (!late && b->carrier_changes < a->carrier_changes)
                return true;
        return strcmp(a->name, b->name) != 0 &&
               memcmp(&a->hardware_address, &b->hardware_address, sizeof(HardwareAddress)) != 0;
}

/* What was known of the addresses of a link that is gone must not keep those of the next one with its
 * index from being read. */
static void forget_link_local(LinkAux *aux) {
        if (!aux)
                return;
        aux->solicited = UINT32_MAX;
        aux->link_local_leaves = true;
}

/* With a link all that was known of it goes, and some of that may have been of the new one. */
static void want_children(Model *m, int32_t ifindex) {
        static const ObjectType types[] = { OBJECT_ADDRESS, OBJECT_GROUP, OBJECT_ROUTE,
                                            OBJECT_LOCAL };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                model_want(m, (Scope){ .object = types[i], .ifindex = ifindex });
}

int model_hear_link_row(Model *m, const RtnlMessage *message, bool from_dump) {
        LinkRecord link = message->record.link;
        LinkTexts *texts = NULL;
        Record before;
        bool known;
        Pending *p;
        int r;

        known = model_current(m, OBJECT_LINK, &link, &before);
        r = rtnl_link_texts(message, &texts);
        if (r < 0)
                return r;
        p = model_pending(m, OBJECT_LINK, &link);
        if (!p) {
                link_texts_free(texts);
                return -ENOMEM;
        }

        if (known && link_is_another(&before.link, &link, from_dump, !from_dump && p->from_dump)) {
                p->reborn = true;
                known = false;
                forget_link_local(model_aux_find(m, link.ifindex));
                want_children(m, link.ifindex);
        }
        if (known)
                link_keep_unsaid(&link, &before.link, message);
        model_pending_update(m, p, true, &link, from_dump);
        link_texts_free(p->texts);
        p->texts = texts;
        model_trigger_link(m, known ? &before.link : NULL, &link);
        return 0;
}

int model_hear_link_gone(Model *m, const LinkRecord *link, bool from_dump) {
        Record before;
        bool known;
        LinkAux *aux;
        Pending *p;

        known = model_current(m, OBJECT_LINK, link, &before);
        p = model_pending(m, OBJECT_LINK, link);
        aux = model_aux_get(m, link->ifindex);
        if (!p || !aux)
                return -ENOMEM;

        model_pending_update(m, p, false, known ? &before.link : link, from_dump);
        p->reborn = true;
        /* Not every child is announced to go (ff01::1, groups that a socket joined): they all go. */
        aux->died = m->serial;
        aux->died_round = m->round;
        forget_link_local(aux);
        m->n_dead_aux++;
        if (m->dumping && !from_dump) {
                aux->died_epoch = m->epoch;
                m->dump_overtaken = true;
                m->dump_dubious = true;
        }
        model_trigger_link_gone(m, link, known ? &before.link : NULL);
        return 0;
}

static int hear_link(Model *m, const RtnlMessage *message) {
        if (message->removed)
                return model_hear_link_gone(m, &message->record.link, false);
        if (message->partial) {
                model_want(m, (Scope){ .object = OBJECT_LINK,
                                       .ifindex = message->record.link.ifindex });
                return 0;
        }
        return model_hear_link_row(m, message, false);
}

static int hear_row(Model *m, ObjectType type, const void *record, bool present) {
        Pending *p = model_pending(m, type, record);

        if (!p)
                return -ENOMEM;
        model_pending_update(m, p, present, record, false);
        return 0;
}

/* What an IPv6 address and its solicited-node group have in common. */
static uint32_t solicited_bits(const IpAddress *a) {
        return (uint32_t) a->bytes[13] << 16 | (uint32_t) a->bytes[14] << 8 | a->bytes[15];
}

static int hear_address(Model *m, const AddressRecord *heard, bool present) {
        AddressRecord address = *heard;
        Record before;
        LinkAux *aux;
        int r;

        if (model_current(m, OBJECT_ADDRESS, heard, &before))
                address.order = before.address.order;
        else
                address.order = ++m->order;

        r = hear_row(m, OBJECT_ADDRESS, &address, present);
        if (r < 0)
                return r;
        aux = model_aux_get(m, address.ifindex);
        if (!aux)
                return -ENOMEM;
        if (address.address.family == AF_INET6)
                aux->solicited = present ? solicited_bits(&address.address) : UINT32_MAX;
        if (!present) {
                aux->link_local_leaves =
                                aux->link_local_leaves || ip_is_link_local(&address.address);
                aux->ipv4_left = aux->ipv4_left || address.address.family == AF_INET;
                model_trigger_address_gone(m, &address);
        }
        return 0;
}

static bool route_same_place(const RouteRecord *a, const RouteRecord *b) {
        return a->family == b->family && a->table == b->table && a->tos == b->tos &&
               a->metric == b->metric;
}

static bool route_in_message(const RouteRecord *route, const RtnlMessage *message) {
        Record a, b;

        record_key(OBJECT_ROUTE, route, &a);
        for (size_t i = 0; i < message->n_routes; i++) {
                record_key(OBJECT_ROUTE, &message->routes[i], &b);
                if (memcmp(&a, &b, sizeof(RouteRecord)) == 0)
                        return true;
        }
        return false;
}

/* Finds what stands where a replacing route goes. Returns how many rows there are (2 stands for
 * "several"), and the one when it is one. */
static size_t routes_replaced(const Model *m, const RtnlMessage *message, RouteRecord *ret) {
        TableView view = table_view(m->table);
        TableWalk walk = table_walk_all(&view, OBJECT_ROUTE);
        RouteRecord route;
        size_t n = 0;

        while (n < 2 && table_next(&view, &walk, &route)) {
                if (!route_same_place(&route, &message->routes[0]) ||
                    route_in_message(&route, message) ||
                    overlay_find(&m->overlay, OBJECT_ROUTE, &route))
                        continue;
                *ret = route;
                n++;
        }
        for (const Pending *p = m->overlay.first; n < 2 && p; p = p->next) {
                const RouteRecord *pending = (const void *) p->record;

                if (p->object != OBJECT_ROUTE || !p->present ||
                    !route_same_place(pending, &message->routes[0]) ||
                    route_in_message(pending, message))
                        continue;
                *ret = *pending;
                n++;
        }
        return n;
}

void model_doubt(Model *m, bool doubt) {
        m->doubt = doubt;
}

/* NLM_F_REPLACE replaces the first of several routes with the same metric, and does not say which
 * that was: with one candidate there is no doubt, with more only a new reading helps. When messages
 * were lost the one may not be the only one. */
static int hear_route_replace(Model *m, const RtnlMessage *message) {
        RouteRecord old;

        switch (routes_replaced(m, message, &old)) {
        case 0:
                return 0;
        case 1:
                if (!m->doubt)
                        return hear_row(m, OBJECT_ROUTE, &old, false);
                model_want(m, (Scope){ .object = OBJECT_ROUTE,
                                       .family = old.family,
                                       .ifindex = old.ifindex });
                return 0;
        default:
                model_want(m, (Scope){ .object = OBJECT_ROUTE, .family = old.family });
                return 0;
        }
}

static int hear_one_route(Model *m, const RouteRecord *route, bool removed) {
        Record before;

        if (removed && m->routes_double)
                model_want(m, (Scope){ .object = OBJECT_ROUTE, .family = route->family });
        if (!removed && model_current(m, OBJECT_ROUTE, route, &before) &&
            !ip_equal(&before.route.preferred_source, &route->preferred_source))
                m->routes_double = true;
        return hear_row(m, OBJECT_ROUTE, route, !removed);
}

static int hear_route(Model *m, const RtnlMessage *message) {
        int r;

        if (message->n_routes == 0)
                return 0;
        if (!message->removed && (message->flags & NLM_F_REPLACE)) {
                r = hear_route_replace(m, message);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < message->n_routes; i++) {
                r = hear_one_route(m, &message->routes[i], message->removed);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int hear_local(Model *m, const RtnlMessage *message) {
        LocalRecord local = message->record.local;
        int r;

        if (message->flags & NLM_F_REPLACE && !message->removed)
                model_want(m, (Scope){ .object = OBJECT_LOCAL, .family = local.address.family });
        if (message->n_routes == 0)
                return hear_row(m, OBJECT_LOCAL, &local, !message->removed);
        for (size_t i = 0; i < message->n_routes; i++) {
                local.ifindex = message->routes[i].ifindex;
                r = hear_row(m, OBJECT_LOCAL, &local, !message->removed);
                if (r < 0)
                        return r;
        }
        return 0;
}

int model_hear(Model *m, const RtnlMessage *message) {
        int r;

        if (m->overlay.n_entries >= MODEL_PENDING_MAX || m->n_orphans >= MODEL_ORPHANS_MAX)
                return -E2BIG;

        switch (message->object) {
        case RTNL_LINK:
                return hear_link(m, message);
        case RTNL_ADDRESS:
                return hear_address(m, &message->record.address, !message->removed);
        case RTNL_GROUP:
                r = hear_row(m, OBJECT_GROUP, &message->record.group, !message->removed);
                if (r >= 0 && !message->removed)
                        model_trigger_group(m, &message->record.group);
                return r;
        case RTNL_ROUTE:
                return hear_route(m, message);
        case RTNL_LOCAL:
                return hear_local(m, message);
        case RTNL_NEXTHOP:
                model_trigger_nexthop(m);
                return 0;
        case RTNL_PROXY:
        case RTNL_LABEL:
        case RTNL_FIB:
        case _RTNL_OBJECT_MAX:
                return 0;
        }
        return 0;
}

bool model_is_dirty(const Model *m) {
        return m->overlay.n_entries > m->n_orphans;
}

size_t model_orphan_links(const Model *m, int32_t *ret, size_t n) {
        size_t found = 0, i;

        if (m->n_orphans == 0)
                return 0;
        for (const Pending *p = m->overlay.first; p && found < n; p = p->next) {
                int32_t ifindex = record_ifindex(p->object, p->record);

                if (!p->orphan)
                        continue;
                for (i = 0; i < found && ret[i] != ifindex; i++)
                        ;
                if (i == found)
                        ret[found++] = ifindex;
        }
        return found;
}

size_t model_n_orphans(const Model *m) {
        return m->n_orphans;
}

uint64_t model_skipped(const Model *m) {
        return m->skipped;
}

void scope_set_add(Scope *set, size_t *n, Scope scope) {
        size_t kept = 0;

        for (size_t i = 0; i < *n; i++)
                if (set[i].object == scope.object &&
                    (set[i].family == scope.family || set[i].family == AF_UNSPEC) &&
                    (set[i].ifindex == scope.ifindex || set[i].ifindex == 0) &&
                    set[i].locals >= scope.locals)
                        return;
        if (*n < MODEL_WANTED_MAX) {
                set[(*n)++] = scope;
                return;
        }

        /* Too many links of one kind: all of it at once is cheaper, and bounded. */
        scope.ifindex = 0;
        scope.family = AF_UNSPEC;
        for (size_t i = 0; i < *n; i++)
                if (set[i].object != scope.object)
                        set[kept++] = set[i];
                else
                        scope.locals |= set[i].locals;
        /* The array has one place more for each kind, so this always fits. */
        set[kept++] = scope;
        *n = kept;
}

void model_want(Model *m, Scope scope) {
        scope_set_add(m->wanted, &m->n_wanted, scope);
}

bool model_next_wanted(Model *m, Scope *ret) {
        model_trigger_resolve(m);
        if (m->n_wanted == 0)
                return false;
        *ret = m->wanted[0];
        m->n_wanted--;
        memmove(m->wanted, m->wanted + 1, m->n_wanted * sizeof(m->wanted[0]));
        return true;
}

bool model_has_wanted(const Model *m) {
        return m->n_wanted > 0 || m->n_rechecks > 0;
}
