/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The changes that the kernel makes without announcing them, each tied to something that it does
 * announce. The answer is always to read the smallest scope again, never to guess what happened.
 *
 * Not here, because nothing announces them at all: proxy neighbours, group users and statistics, which
 * are read when asked for; alternative names, alias and group of a link that is down, which Sync and a
 * name that is not found read again.
 */

#include <linux/if.h>
#include <linux/rtnetlink.h>

#include "model-private.h"

/* Does the link carry default routes of this family? Pending ones count without a closer look. */
static bool link_has_routes(const Model *m, int32_t ifindex, int family, bool nexthop_only) {
        TableView view = table_view(m->table);
        TableWalk walk = ifindex > 0 ? table_walk_link(&view, OBJECT_ROUTE, ifindex)
                                     : table_walk_all(&view, OBJECT_ROUTE);
        RouteRecord route;

        if (m->n_pending[OBJECT_ROUTE] > 0)
                return true;
        while (table_next(&view, &walk, &route))
                if (route.family == family && (!nexthop_only || route.nexthop_id != 0))
                        return true;
        return false;
}

static bool may_lose_routes(const Model *m, int32_t ifindex, unsigned what) {
        return (what & (RECHECK_ROUTES4 | RECHECK_NEXTHOPS | RECHECK_SOURCES4 |
                        RECHECK_LINK_GONE) &&
                link_has_routes(m, ifindex, AF_INET, false)) ||
               (what & (RECHECK_ROUTES6 | RECHECK_SOURCES6) &&
                link_has_routes(m, ifindex, AF_INET6, false));
}

/* Routes are heard on a socket of their own: when a link is heard to go down, a route that it had until
 * then may still be unread. So a change only notes where to look, and whether there is anything that
 * may be gone is found out when all has been heard. */
static void recheck(Model *m, int32_t ifindex, unsigned what) {
        Recheck *last = m->n_rechecks > 0 ? &m->rechecks[m->n_rechecks - 1] : NULL;

        /* Where a route went in silence while routes are listed, those behind it moved forward. */
        if (m->dumping && m->scope.object == OBJECT_ROUTE && may_lose_routes(m, ifindex, what))
                m->dump_dubious = true;

        if (last && last->ifindex == ifindex) {
                last->what |= what;
                return;
        }
        if (m->n_rechecks < MODEL_RECHECKS_MAX) {
                m->rechecks[m->n_rechecks++] = (Recheck){ .ifindex = ifindex, .what = what };
                return;
        }
        for (size_t i = 0; i < m->n_rechecks; i++)
                what |= m->rechecks[i].what;
        m->rechecks[0] = (Recheck){ .what = what };
        m->n_rechecks = 1;
}

static bool link_has_broadcasts(const Model *m, int32_t ifindex) {
        TableView view = table_view(m->table);
        TableWalk walk = ifindex > 0 ? table_walk_link(&view, OBJECT_LOCAL, ifindex)
                                     : table_walk_all(&view, OBJECT_LOCAL);
        LocalRecord local;

        if (m->n_pending[OBJECT_LOCAL] > 0)
                return true;
        while (table_next(&view, &walk, &local))
                if (local.address.family == AF_INET && local.type == RTN_BROADCAST)
                        return true;
        return false;
}

static void want_routes(Model *m, int32_t ifindex, uint8_t family) {
        model_want(m, (Scope){ .object = OBJECT_ROUTE, .family = family, .ifindex = ifindex });
}

/* The two ends of a pair name each other by index. When one comes back into this namespace or leaves
 * it, the other's IFLA_LINK_NETNSID changes, and only the mover is announced. */
static void want_other_end(Model *m, const LinkRecord *link, bool here) {
        Record other;
        bool says_here;

        if (link->parent_ifindex <= 0 || link->parent_nsid >= 0)
                return;
        if (!model_current(m, OBJECT_LINK, &(LinkRecord){ .ifindex = link->parent_ifindex },
                           &other))
                return;
        says_here = other.link.parent_nsid < 0 && other.link.parent_ifindex == link->ifindex;
        if (says_here != here)
                model_want(m, (Scope){ .object = OBJECT_LINK, .ifindex = other.link.ifindex });
}

void model_trigger_link(Model *m, const LinkRecord *before, const LinkRecord *after) {
        bool was_up, is_up, was_running, is_running;

        if (!before) {
                want_other_end(m, after, true);
                /* Its routes may have been read when it was still up. */
                if (m->links_incomplete)
                        recheck(m, after->ifindex,
                                RECHECK_ROUTES4 | RECHECK_ROUTES6 | RECHECK_BROADCASTS |
                                                RECHECK_NEXTHOPS);
                return;
        }

        was_up = before->flags & IFF_UP;
        is_up = after->flags & IFF_UP;
        if (was_up != is_up) {
                /* Down: all IPv4 routes of the link but local ones go, unannounced; IPv6 ones too
                 * with skip_notify_on_dev_down. Up: next hops come back to life. */
                recheck(m, after->ifindex,
                        RECHECK_ROUTES4 | RECHECK_ROUTES6 | (is_up ? 0 : RECHECK_BROADCASTS));
                return;
        }

        was_running = before->flags & IFF_RUNNING;
        is_running = after->flags & IFF_RUNNING;
        /* Without carrier the kernel drops nexthop objects and the IPv4 routes that use them. */
        if (was_running && !is_running)
                recheck(m, after->ifindex, RECHECK_NEXTHOPS);
}

void model_trigger_link_gone(Model *m, const LinkRecord *last, const LinkRecord *before) {
        recheck(m, last->ifindex, RECHECK_LINK_GONE);
        /* The first message about one end of a pair is older than its other end; that of its going
         * may be the first to name it. */
        want_other_end(m, last->parent_ifindex > 0 || !before ? last : before, false);
        if (!before)
                return;
        /* A route over several links survives the loss of one of them, in another shape. */
        if (link_has_routes(m, before->ifindex, AF_INET, false))
                want_routes(m, 0, AF_INET);
}

/* Routes that prefer a deleted source address go with it, announced only by newer kernels. */
static bool address_is_preferred(const Model *m, const IpAddress *address) {
        TableView view = table_view(m->table);
        TableWalk walk = table_walk_all(&view, OBJECT_ROUTE);
        RouteRecord route;

        while (table_next(&view, &walk, &route))
                if (ip_equal(&route.preferred_source, address))
                        return true;
        return false;
}

void model_trigger_address_gone(Model *m, const AddressRecord *address) {
        bool v6 = address->address.family == AF_INET6;

        /* With its last IPv4 address a link loses every IPv4 route through a gateway. */
        recheck(m, address->ifindex, v6 ? RECHECK_SOURCES6 : RECHECK_SOURCES4 | RECHECK_ROUTES4);
        if (address_is_preferred(m, &address->address))
                want_routes(m, 0, address->address.family);
}

/* Routes that were heard together with the end of a link may be older than it: those of a link with the
 * same index that came since then must not be mixed up with them. */
static void resolve_dead(Model *m) {
        for (const Pending *p = m->overlay.first; p; p = p->next) {
                const LinkAux *aux;

                if (!p->present || (p->object != OBJECT_ROUTE && p->object != OBJECT_LOCAL))
                        continue;
                aux = model_aux_find(m, record_ifindex(p->object, p->record));
                if (aux && aux->died_round == m->round)
                        model_want(m, (Scope){ .object = p->object, .ifindex = aux->ifindex });
        }
}

static void resolve_reused(Model *m, int32_t ifindex) {
        static const ObjectType types[] = { OBJECT_ROUTE, OBJECT_LOCAL };
        TableView view = table_view(m->table);
        Record record;

        if (!model_current(m, OBJECT_LINK, &(LinkRecord){ .ifindex = ifindex }, &record))
                return;
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                TableWalk walk = table_walk_link(&view, types[i], ifindex);

                if (table_next(&view, &walk, &record))
                        model_want(m, (Scope){ .object = types[i], .ifindex = ifindex });
        }
}

static void resolve_all_reused(Model *m) {
        const LinkAux *aux;
        AuxNumber number = 0;

        while ((aux = model_aux_next(m, &number)))
                if (aux->died_round == m->round)
                        resolve_reused(m, aux->ifindex);
}

/* Heard of, and heard to be gone: with the commit everything of it goes. */
static bool link_is_gone(const Model *m, int32_t ifindex) {
        const Pending *p;

        if (ifindex == 0 || m->n_pending[OBJECT_LINK] == 0)
                return false;
        p = overlay_find(&m->overlay, OBJECT_LINK, &(LinkRecord){ .ifindex = ifindex });
        return p && !p->present;
}

static void resolve(Model *m, const Recheck *change) {
        /* News of routes that came together with the change: one of them may be what is gone. */
        bool news = m->n_pending[OBJECT_ROUTE] > 0;
        Recheck copy = *change, *c = &copy;

        /* A link goes down before it goes away. */
        if (link_is_gone(m, c->ifindex))
                c->what &= ~(unsigned) (RECHECK_ROUTES4 | RECHECK_ROUTES6 | RECHECK_BROADCASTS);
        if (c->what & RECHECK_ROUTES4 && link_has_routes(m, c->ifindex, AF_INET, false))
                want_routes(m, c->ifindex, AF_INET);
        if (c->what & RECHECK_ROUTES6 && link_has_routes(m, c->ifindex, AF_INET6, false))
                want_routes(m, c->ifindex, AF_INET6);
        if (c->what & RECHECK_NEXTHOPS && link_has_routes(m, c->ifindex, AF_INET, true))
                want_routes(m, 0, AF_INET);
        if (c->what & (RECHECK_LINK_GONE | RECHECK_SOURCES4) && news)
                want_routes(m, 0, AF_INET);
        if (c->what & RECHECK_SOURCES6 && news)
                want_routes(m, 0, AF_INET6);
        if (c->what & RECHECK_LINK_GONE && c->ifindex > 0)
                resolve_reused(m, c->ifindex);
        else if (c->what & RECHECK_LINK_GONE)
                resolve_all_reused(m);
        if (c->what & RECHECK_BROADCASTS && link_has_broadcasts(m, c->ifindex))
                model_want(m, (Scope){ .object = OBJECT_LOCAL,
                                       .family = AF_INET,
                                       .ifindex = c->ifindex });
}

void model_trigger_resolve(Model *m) {
        unsigned what = 0;

        if (m->n_rechecks == 0)
                return;
        for (size_t i = 0; i < m->n_rechecks; i++) {
                resolve(m, &m->rechecks[i]);
                what |= m->rechecks[i].what;
        }
        if (what & RECHECK_LINK_GONE && m->n_pending[OBJECT_ROUTE] + m->n_pending[OBJECT_LOCAL] > 0)
                resolve_dead(m);
        m->n_rechecks = 0;
        m->round++;
}

/* The automatic link-local address is announced only when duplicate address detection is over, but
 * its solicited-node group is joined at once. */
void model_trigger_group(Model *m, const GroupRecord *group) {
        static const uint8_t solicited_node[13] = { 0xff, 0x02, [11] = 0x01, [12] = 0xff };
        const uint8_t *b = group->group.bytes;
        const LinkAux *aux;
        uint32_t low;

        if (group->group.family != AF_INET6 || memcmp(b, solicited_node, 13) != 0)
                return;
        low = (uint32_t) b[13] << 16 | (uint32_t) b[14] << 8 | b[15];
        aux = model_aux_find(m, group->ifindex);
        if (aux && ((aux->n_link_local > 0 && !aux->link_local_leaves) || aux->solicited == low))
                return;
        model_want(m, (Scope){ .object = OBJECT_ADDRESS,
                               .family = AF_INET6,
                               .ifindex = group->ifindex });
}

/* Routes that use a nexthop object change or go with it, IPv4 ones without a word. */
void model_trigger_nexthop(Model *m) {
        TableView view = table_view(m->table);
        TableWalk walk = table_walk_all(&view, OBJECT_ROUTE);
        RouteRecord route;
        bool used = m->n_pending[OBJECT_ROUTE] > 0;

        while (!used && table_next(&view, &walk, &route))
                used = route.nexthop_id != 0;
        if (!used)
                return;
        want_routes(m, 0, AF_INET);
        want_routes(m, 0, AF_INET6);
}
