/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Takes the rows of a dump. They may be older than what was heard while it ran, so a row whose key is
 * stamped with the dump's epoch is dropped; and rows of a link that went away meanwhile are dropped,
 * because they cannot be told from rows of a new link with the same index. At the end, what the dump
 * covers and did not list is gone, but only when the kernel vouched for the whole of it.
 */

#include "model-private.h"

/* More rows than any dump has between two of its order numbers. */
#define DUMP_ORDER_SPAN (UINT64_C(1) << 32)

static bool scope_has(const Scope *scope, ObjectType type, const void *record) {
        if (scope->object != type && !(scope->locals && type == OBJECT_LOCAL))
                return false;
        if (scope->family != AF_UNSPEC && scope->family != record_family(type, record))
                return false;
        return scope->ifindex == 0 || scope->ifindex == record_ifindex(type, record);
}

static bool knows_of(const Model *m, ObjectType type, uint8_t family) {
        TableView view = table_view(m->table);
        uint32_t n = m->n_pending[type];

        if (family == AF_INET6)
                n = m->n_pending_ipv6[type];
        else if (family == AF_INET)
                n -= m->n_pending_ipv6[type];
        return n > 0 || table_count(&view, type) > 0;
}

void model_dump_begin(Model *m, Scope scope) {
        assert(!m->dumping);

        /* 0 stands for "no epoch". */
        if (++m->epoch == 0)
                m->epoch = 1;
        m->dumping = true;
        m->scope = scope;
        m->dump_overtaken = m->dump_dubious = false;
        m->order += 2 * DUMP_ORDER_SPAN;
        m->dump_order = m->order;
        m->n_dump_addresses = 0;
        /* As at a start: then every row comes from the dump or is heard while it runs, and a look at all
         * that is pending would find nothing to sweep. */
        m->dump_begins_empty = !knows_of(m, scope.object, scope.family) &&
                               !(scope.locals && knows_of(m, OBJECT_LOCAL, scope.family));
}

/* True when what was heard during the dump decides, not the dump. */
static bool row_is_overruled(Model *m, ObjectType type, const void *record) {
        const LinkAux *aux;
        const Pending *p;

        /* As always when nothing happens: no need to look for each of thousands of rows. */
        if (!m->dump_overtaken)
                return false;
        p = overlay_find(&m->overlay, type, record);
        if (p && p->stamp == m->epoch)
                return true;
        if (type == OBJECT_LINK)
                return false;
        aux = model_aux_find(m, record_ifindex(type, record));
        return aux && aux->died_epoch == m->epoch;
}

static int dump_row(Model *m, ObjectType type, const void *record) {
        Pending *p;

        if (row_is_overruled(m, type, record)) {
                m->dump_dubious = true;
                return 0;
        }
        p = model_pending(m, type, record);
        if (!p)
                return -ENOMEM;
        if (type == OBJECT_ROUTE && p->listed == m->epoch)
                m->routes_double = true;
        model_pending_update(m, p, true, record, true);
        return 0;
}

/* The kernel lists the IPv6 addresses of a link newest first and the IPv4 ones in the order in which
 * it prefers them; both orders decide source selection. What is announced later is newer than all. */
static int dump_address(Model *m, const AddressRecord *heard) {
        AddressRecord address = *heard;

        m->n_dump_addresses++;
        address.order = address.address.family == AF_INET6
                                        ? m->dump_order - m->n_dump_addresses
                                        : m->dump_order - DUMP_ORDER_SPAN + m->n_dump_addresses;
        return dump_row(m, OBJECT_ADDRESS, &address);
}

static int dump_routes(Model *m, const RtnlMessage *message) {
        int r;

        for (size_t i = 0; i < message->n_routes; i++) {
                r = dump_row(m, OBJECT_ROUTE, &message->routes[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int dump_locals(Model *m, const RtnlMessage *message) {
        LocalRecord local = message->record.local;
        int r;

        if (message->n_routes == 0)
                return dump_row(m, OBJECT_LOCAL, &local);
        for (size_t i = 0; i < message->n_routes; i++) {
                local.ifindex = message->routes[i].ifindex;
                r = dump_row(m, OBJECT_LOCAL, &local);
                if (r < 0)
                        return r;
        }
        return 0;
}

int model_dump_row(Model *m, const RtnlMessage *message) {
        assert(m->dumping);

        if (m->overlay.n_entries >= MODEL_PENDING_MAX)
                return -E2BIG;
        if (message->removed)
                return 0;

        switch (message->object) {
        case RTNL_LINK:
                if (message->partial)
                        return -EBADMSG;
                if (row_is_overruled(m, OBJECT_LINK, &message->record.link)) {
                        m->dump_dubious = true;
                        return 0;
                }
                return model_hear_link_row(m, message, true);
        case RTNL_ADDRESS:
                return dump_address(m, &message->record.address);
        case RTNL_GROUP:
                return dump_row(m, OBJECT_GROUP, &message->record.group);
        case RTNL_ROUTE:
                return dump_routes(m, message);
        case RTNL_LOCAL:
                return dump_locals(m, message);
        case RTNL_NEXTHOP:
        case RTNL_PROXY:
        case RTNL_LABEL:
        case RTNL_FIB:
        case _RTNL_OBJECT_MAX:
                return 0;
        }
        return 0;
}

int model_dump_group(Model *m, const GroupRecord *group) {
        assert(m->dumping);

        if (m->overlay.n_entries >= MODEL_PENDING_MAX)
                return -E2BIG;
        return dump_row(m, OBJECT_GROUP, group);
}

/* Its removal was lost. The automatic address that came in its place since then is not announced yet; what
 * gives it away must not be taken for the solicited-node group of the old one, and may have been so
 * already while the dump ran. */
static void note_swept(Model *m, const AddressRecord *address) {
        LinkAux *aux = model_aux_find(m, address->ifindex);

        if (!aux || address->address.family != AF_INET6 || !ip_is_link_local(&address->address))
                return;
        aux->link_local_leaves = true;
        aux->solicited = UINT32_MAX;
        model_want(m, (Scope){ .object = OBJECT_ADDRESS,
                               .family = AF_INET6,
                               .ifindex = address->ifindex });
}

static int sweep_row(Model *m, ObjectType type, const void *record) {
        Pending *p = overlay_find(&m->overlay, type, record);

        if (p && (!p->present || p->stamp == m->epoch || p->listed == m->epoch))
                return 0;
        if (type == OBJECT_LINK)
                return model_hear_link_gone(m, record, true);
        if (!p)
                p = model_pending(m, type, record);
        if (!p)
                return -ENOMEM;
        model_pending_update(m, p, false, record, true);
        if (type == OBJECT_ADDRESS)
                note_swept(m, record);
        return 0;
}

/* Published rows are not changed here, so that the walk stays valid. */
static int sweep_table(Model *m, ObjectType type) {
        TableView view = table_view(m->table);
        TableWalk walk;
        Record record;
        int r;

        if (type == OBJECT_LINK && m->scope.ifindex > 0) {
                if (!table_get_link(&view, m->scope.ifindex, &record.link))
                        return 0;
                return sweep_row(m, OBJECT_LINK, &record);
        }
        walk = m->scope.ifindex > 0 ? table_walk_link(&view, type, m->scope.ifindex)
                                    : table_walk_all(&view, type);
        while (table_next(&view, &walk, &record)) {
                if (!scope_has(&m->scope, type, &record))
                        continue;
                r = sweep_row(m, type, &record);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int sweep_pending(Model *m) {
        int r;

        for (Pending *p = m->overlay.first, *next; p; p = next) {
                Record record;

                next = p->next;
                if (!p->present || p->listed == m->epoch || p->stamp == m->epoch ||
                    !scope_has(&m->scope, p->object, p->record))
                        continue;
                /* The entry's own row is written to below. */
                memcpy(&record, p->record, record_size(p->object));
                r = sweep_row(m, p->object, &record);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A link that only its children speak of and that the kernel does not know: they were heard late. */
static void forget_orphans(Model *m, int32_t ifindex) {
        for (Pending *p = m->overlay.first, *next; p; p = next) {
                next = p->next;
                if (p->orphan && p->stamp != m->epoch &&
                    record_ifindex(p->object, p->record) == ifindex)
                        model_pending_remove(m, p);
        }
}

/* The kernel counts places in lists. It marks a dump of links or addresses when a list changed between
 * two pieces, and says nothing for groups and routes: a row that moved forward is then not listed
 * although it is there. */
static bool dump_may_miss_rows(const Model *m) {
        return m->dump_dubious && m->scope.object != OBJECT_LINK &&
               m->scope.object != OBJECT_ADDRESS;
}

int model_dump_end(Model *m, DumpResult result, DumpAdvice *ret_advice) {
        bool sweep = result == DUMP_GONE || (result == DUMP_COMPLETE && !dump_may_miss_rows(m));
        int r = 0;

        assert(m->dumping);

        if (sweep && !m->dump_begins_empty) {
                r = sweep_table(m, m->scope.object);
                if (r >= 0 && m->scope.locals)
                        r = sweep_table(m, OBJECT_LOCAL);
                if (r >= 0)
                        r = sweep_pending(m);
        }
        if (result == DUMP_GONE && m->scope.object == OBJECT_LINK)
                forget_orphans(m, m->scope.ifindex);

        m->dumping = false;
        if (m->scope.object == OBJECT_LINK && m->scope.ifindex == 0)
                m->links_incomplete = result != DUMP_COMPLETE;
        if (!m->dump_dubious)
                *ret_advice = DUMP_ENOUGH;
        else
                *ret_advice = m->scope.object == OBJECT_LINK ? DUMP_VERIFY : DUMP_REPEAT;
        return r;
}
