/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which link reaches an address.
 *
 * Own addresses and the networks of own addresses are known here; for everything else the kernel's
 * routing tables have the answer, and the caller fetches it. Two links with equally specific networks
 * are a case for the kernel too: its route metrics tell them apart. Only without a zone on a
 * link-local destination can nobody tell, because every link has fe80::/64.
 */

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "lookup-internal.h"
#include "lookup.h"
#include "util.h"

const char *link_reason_to_string(LinkReason r) {
        switch (r) {
        case LINK_REASON_OWN:
                return "own";
        case LINK_REASON_PEER:
                return "peer";
        case LINK_REASON_ON_LINK:
                return "on-link";
        case LINK_REASON_ROUTE:
        case _LINK_REASON_MAX:
                break;
        }
        return "route";
}

static bool is_up(const TableView *v, int32_t ifindex) {
        LinkRecord link;

        return table_get_link(v, ifindex, &link) && (link.flags & IFF_UP);
}

static bool reaches(const TableView *v, const AddressRecord *row, bool hidden) {
        if (!hidden && (row->flags & IFA_F_NOPREFIXROUTE))
                return false;
        /* IPv4 addresses stay on a link that goes down, their routes do not. */
        return lookup_is_usable(row) && is_up(v, row->ifindex);
}

/* every: all links count alike. Otherwise a peer's link counts more than others with that network. */
static void on_link_add(OnLink *on_link, int32_t ifindex, bool peer, bool every) {
        if (on_link->ifindex == 0 || (!every && peer && !on_link->peer))
                *on_link = (OnLink){ .ifindex = ifindex, .peer = peer };
        else if (on_link->ifindex == ifindex)
                on_link->peer = on_link->peer || peer;
        else if (every || peer == on_link->peer)
                on_link->several = true;
}

/* Looks at one link's own addresses only: fe80::/64 is a network of every link. */
static OnLink on_this_link(const TableView *v, const IpAddress *a, int32_t ifindex, bool hidden,
                           bool every) {
        OnLink on_link = {};
        unsigned longest = 0;
        AddressRecord row;
        TableWalk w;

        w = table_walk_link(v, OBJECT_ADDRESS, ifindex);
        while (table_next(v, &w, &row)) {
                bool has_peer = ip_is_set(&row.peer);

                if (!ip_in_prefix(a, has_peer ? &row.peer : &row.address, row.prefix_length) ||
                    !reaches(v, &row, hidden))
                        continue;
                if (!every && on_link.ifindex != 0 && row.prefix_length < longest)
                        continue;
                if (!every && row.prefix_length > longest)
                        on_link = (OnLink){};
                longest = row.prefix_length;
                on_link_add(&on_link, ifindex, has_peer && ip_equal(&row.peer, a), every);
        }

        return on_link;
}

OnLink lookup_on_link(const TableView *v, const IpAddress *a, int32_t ifindex, bool hidden,
                      bool every) {
        int from = (int) ip_family_bits(a->family);
        OnLink on_link = {};

        if (ifindex != 0)
                return on_this_link(v, a, ifindex, hidden, every);

        while (from >= 0 && (every || on_link.ifindex == 0)) {
                int length = table_prefix_length(v, OBJECT_ADDRESS, a->family, from);
                AddressRecord row;
                TableWalk w;

                if (length < 0 || length > from)
                        break;

                w = table_walk_prefix(v, OBJECT_ADDRESS, a, (unsigned) length);
                while (table_next(v, &w, &row)) {
                        bool peer = ip_is_set(&row.peer) && ip_equal(&row.peer, a);

                        if (!reaches(v, &row, hidden))
                                continue;
                        on_link_add(&on_link, row.ifindex, peer, every);
                }

                from = length - 1;
        }

        return on_link;
}

/* One of this machine's own addresses. 1: not so. */
static int own_link(const TableView *v, const IpAddress *a, int32_t ifindex, LinkAnswer *ret) {
        _cleanup_(address_answer_done) AddressAnswer answer = { .type = ADDRESS_TYPE_NONE };
        int r;

        r = lookup_address(v, a, ifindex, &answer);
        if (r < 0)
                return r;

        if (answer.type != ADDRESS_TYPE_UNICAST && answer.type != ADDRESS_TYPE_ANYCAST)
                return 1;
        if (answer.n > 1)
                return -ENOTUNIQ;

        *ret = (LinkAnswer){ .ifindex = answer.ifindexes[0], .reason = LINK_REASON_OWN };
        return 0;
}

/* A group that never leaves its link: any link can carry it that is up, does multicast and has the
 * source address for it. The loopback link is meant only when it is named. */
static int group_link(const TableView *v, int32_t ifindex, LinkAnswer *ret) {
        int32_t found = 0;
        LinkRecord link;
        TableWalk w;

        if (ifindex != 0) {
                if (!is_up(v, ifindex))
                        return LOOKUP_ASK_KERNEL;
                *ret = (LinkAnswer){ .ifindex = ifindex, .reason = LINK_REASON_ON_LINK };
                return 0;
        }

        w = table_walk_all(v, OBJECT_LINK);
        while (table_next(v, &w, &link)) {
                if ((link.flags & (IFF_UP | IFF_MULTICAST | IFF_LOOPBACK)) !=
                                    (IFF_UP | IFF_MULTICAST) ||
                    !ip_is_set(&link.ipv6_link_local))
                        continue;
                if (found != 0)
                        return -ENOTUNIQ;
                found = link.ifindex;
        }
        if (found == 0)
                return LOOKUP_ASK_KERNEL;

        *ret = (LinkAnswer){ .ifindex = found, .reason = LINK_REASON_ON_LINK };
        return 0;
}

int lookup_link_for_address(const TableView *v, const IpAddress *a, int32_t ifindex,
                            LinkAnswer *ret) {
        IpAddress unmapped = ip_unmap(a);
        bool link_local = ip_needs_zone(&unmapped);
        LinkRecord link;
        OnLink on_link;
        int r;

        if (!ip_is_set(&unmapped) || ip_is_unspecified(&unmapped))
                return -EBADMSG;
        if (ifindex != 0) {
                r = lookup_link_index(v, ifindex, &link);
                if (r < 0)
                        return r;
        }

        if (ip_is_multicast(&unmapped))
                return link_local ? group_link(v, ifindex, ret) : LOOKUP_ASK_KERNEL;
        if (ip_classify(&unmapped) == ADDRESS_CLASS_BROADCAST)
                return LOOKUP_ASK_KERNEL;

        r = own_link(v, &unmapped, ifindex, ret);
        if (r <= 0)
                return r;

        on_link = lookup_on_link(v, &unmapped, ifindex, false, link_local);
        if (on_link.ifindex == 0)
                return LOOKUP_ASK_KERNEL;
        if (on_link.several)
                return link_local ? -ENOTUNIQ : LOOKUP_ASK_KERNEL;

        *ret = (LinkAnswer){
                .ifindex = on_link.ifindex,
                .reason = on_link.peer ? LINK_REASON_PEER : LINK_REASON_ON_LINK,
        };
        return 0;
}

bool lookup_route_is_usable(const RouteAnswer *route) {
        switch (route->type) {
        case RTN_UNICAST:
        case RTN_LOCAL:
        case RTN_BROADCAST:
        case RTN_ANYCAST:
        case RTN_MULTICAST:
                return route->ifindex > 0;
        default:
                return false;
        }
}

int lookup_link_from_route(const TableView *v, const IpAddress *a, const RouteAnswer *route,
                           LinkAnswer *ret) {
        IpAddress unmapped = ip_unmap(a);
        LinkAnswer answer = { .ifindex = route->ifindex, .reason = LINK_REASON_ROUTE };
        LinkRecord link;
        OnLink on_link;

        if (!lookup_route_is_usable(route))
                return -ENETUNREACH;
        if (!table_get_link(v, route->ifindex, &link))
                return -ENODEV;

        if (route->type == RTN_LOCAL || route->type == RTN_ANYCAST)
                answer.reason = LINK_REASON_OWN;
        else if (!ip_is_set(&route->gateway) && !ip_is_multicast(&unmapped)) {
                on_link = lookup_on_link(v, &unmapped, route->ifindex, true, true);
                if (on_link.ifindex != 0)
                        answer.reason = on_link.peer ? LINK_REASON_PEER : LINK_REASON_ON_LINK;
        }

        *ret = answer;
        return 0;
}
