/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RTM_NEWROUTE and RTM_DELROUTE: default routes, one row a next hop; entries of the local table; and
 * the answers to route lookups, which look the same. Of all other routes nothing is kept.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "rtnl-internal.h"
#include "util.h"

typedef struct RouteMessage {
        const struct rtmsg *header;
        const struct nlattr *attributes[RTA_MAX + 1];
        uint32_t table;
} RouteMessage;

typedef struct Hop {
        int32_t ifindex; /* 0: none */
        IpAddress gateway;
} Hop;

/* Where the next hops of a route are read; pos is NULL for a route without RTA_MULTIPATH. */
typedef struct HopWalk {
        const RouteMessage *route;
        const uint8_t *pos;
        size_t left;
        bool done;
} HopWalk;

static int route_read(const struct nlmsghdr *message, RouteMessage *ret) {
        const struct rtmsg *header = mnl_nlmsg_get_payload(message);
        int r;

        r = rtnl_message_attributes(message, sizeof(*header), ret->attributes,
                                    ELEMENTSOF(ret->attributes));
        if (r < 0)
                return r;
        if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)
                return RTNL_IGNORED;
        if (header->rtm_dst_len > ip_family_bits(header->rtm_family))
                return -EBADMSG;

        /* The header has room for table numbers up to 255 only. */
        ret->header = header;
        ret->table = header->rtm_table;
        (void) rtnl_attribute_u32(ret->attributes[RTA_TABLE], &ret->table);
        return 0;
}

/* RTA_VIA names its family, because that is not the family of the route. */
static IpAddress read_gateway(const struct nlattr *const *attributes, int family) {
        IpAddress gateway = rtnl_attribute_ip(attributes[RTA_GATEWAY], family);
        const struct nlattr *via = attributes[RTA_VIA];
        struct rtvia header;
        size_t len;

        if (ip_is_set(&gateway) || !via || mnl_attr_get_payload_len(via) < sizeof(header))
                return gateway;

        memcpy(&header, mnl_attr_get_payload(via), sizeof(header));
        len = mnl_attr_get_payload_len(via) - sizeof(header);
        if (len == 0 || len != ip_family_size(header.rtvia_family))
                return gateway;

        return ip_make(header.rtvia_family,
                       (const uint8_t *) mnl_attr_get_payload(via) + sizeof(header));
}

static HopWalk hop_walk(const RouteMessage *route) {
        const struct nlattr *list = route->attributes[RTA_MULTIPATH];
        size_t len = list ? mnl_attr_get_payload_len(list) : 0;

        return (HopWalk){
                .route = route,
                .pos = len > 0 ? mnl_attr_get_payload(list) : NULL,
                .left = len,
        };
}

static int hop_next_listed(HopWalk *w, Hop *ret) {
        const struct nlattr *attributes[RTA_MAX + 1];
        struct rtnexthop header;
        int r;

        if (w->left == 0)
                return 0;
        if (w->left < sizeof(header))
                return -EBADMSG;
        memcpy(&header, w->pos, sizeof(header));
        if (header.rtnh_len < sizeof(header) || header.rtnh_len > w->left ||
            header.rtnh_ifindex < 0)
                return -EBADMSG;

        r = rtnl_attributes(w->pos + sizeof(header), header.rtnh_len - sizeof(header), attributes,
                            ELEMENTSOF(attributes));
        if (r < 0)
                return r;

        ret->ifindex = header.rtnh_ifindex;
        ret->gateway = read_gateway(attributes, w->route->header->rtm_family);
        w->pos += CONST_MIN((size_t) RTNH_ALIGN(header.rtnh_len), w->left);
        w->left -= CONST_MIN((size_t) RTNH_ALIGN(header.rtnh_len), w->left);
        return 1;
}

/* 1 and the next hop, 0 at the end, -EBADMSG. Every route has at least one: a route that discards
 * packets, or one whose next hop the kernel names by RTA_NH_ID alone, has one without a link. */
static int hop_next(HopWalk *w, Hop *ret) {
        Hop hop = {};

        if (w->pos)
                return hop_next_listed(w, ret);
        if (w->done)
                return 0;

        (void) rtnl_attribute_s32(w->route->attributes[RTA_OIF], &hop.ifindex);
        if (hop.ifindex < 0)
                return -EBADMSG;

        w->done = true;
        hop.gateway = read_gateway(w->route->attributes, w->route->header->rtm_family);
        *ret = hop;
        return 1;
}

/* So that nothing is written of a list that turns out to be broken or too long. */
static int count_hops(const RouteMessage *route, int32_t lowest_ifindex, size_t *ret) {
        HopWalk walk = hop_walk(route);
        size_t n = 0;
        Hop hop;
        int r;

        while ((r = hop_next(&walk, &hop)) > 0) {
                if (hop.ifindex < lowest_ifindex)
                        return -EBADMSG;
                if (n >= RTNL_NEXTHOPS_MAX)
                        return -E2BIG;
                n++;
        }
        if (r < 0)
                return r;

        *ret = n;
        return 0;
}

static bool is_default_route(const RouteMessage *route) {
        const struct rtmsg *header = route->header;

        if (header->rtm_dst_len != 0)
                return false;

        switch (header->rtm_type) {
        case RTN_UNICAST:
        case RTN_UNREACHABLE:
        case RTN_BLACKHOLE:
        case RTN_PROHIBIT:
        case RTN_THROW:
                return true;
        default:
                return false;
        }
}

static int parse_default(const struct nlmsghdr *message, const RouteMessage *route,
                         RtnlMessage *ret) {
        const struct nlattr *const *attributes = route->attributes;
        HopWalk walk = hop_walk(route);
        RouteRecord row = {
                .table = route->table,
                .family = route->header->rtm_family,
                .tos = route->header->rtm_tos,
                .protocol = route->header->rtm_protocol,
                .type = route->header->rtm_type,
        };
        size_t n;
        Hop hop;
        int r;

        r = count_hops(route, 0, &n);
        if (r < 0)
                return r;

        (void) rtnl_attribute_u32(attributes[RTA_PRIORITY], &row.metric);
        (void) rtnl_attribute_u32(attributes[RTA_NH_ID], &row.nexthop_id);
        row.preferred_source = rtnl_attribute_ip(attributes[RTA_PREFSRC], row.family);

        rtnl_message_init(ret, message, RTNL_ROUTE, message->nlmsg_type == RTM_DELROUTE);
        while (ret->n_routes < n && hop_next(&walk, &hop) > 0) {
                row.ifindex = hop.ifindex;
                row.gateway = hop.gateway;
                ret->routes[ret->n_routes++] = row;
        }
        return 0;
}

static int parse_local(const struct nlmsghdr *message, const RouteMessage *route,
                       RtnlMessage *ret) {
        static const uint8_t zero[16] = {};
        const struct nlattr *const *attributes = route->attributes;
        const struct rtmsg *header = route->header;
        HopWalk walk = hop_walk(route);
        IpAddress address;
        size_t n;
        Hop hop;
        int r;

        /* With net.ipv4.nexthop_compat_mode=0 nothing but the number of the nexthop object is told:
         * on which link the address is, is not known. */
        if (attributes[RTA_NH_ID] && !attributes[RTA_OIF] && !attributes[RTA_MULTIPATH])
                return RTNL_IGNORED;

        address = header->rtm_dst_len == 0
                                  ? ip_make(header->rtm_family, zero)
                                  : rtnl_attribute_ip(attributes[RTA_DST], header->rtm_family);
        if (!ip_is_set(&address))
                return -EBADMSG;
        r = count_hops(route, 1, &n);
        if (r < 0)
                return r;

        rtnl_message_init(ret, message, RTNL_LOCAL, message->nlmsg_type == RTM_DELROUTE);
        while (ret->n_routes < n && hop_next(&walk, &hop) > 0)
                ret->routes[ret->n_routes++] = (RouteRecord){ .ifindex = hop.ifindex };
        ret->record.local = (LocalRecord){
                .ifindex = ret->routes[0].ifindex,
                .address = ip_network(&address, header->rtm_dst_len),
                .prefix_length = header->rtm_dst_len,
                .type = header->rtm_type,
        };
        return 0;
}

static bool is_local_type(uint8_t type) {
        return type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_ANYCAST;
}

/* As the header alone tells: a dump of all tables has as many of these as of the others, and each link
 * brings some. (Only the numbers of other tables do not fit it.) */
static bool is_other_route(const struct nlmsghdr *message) {
        const struct rtmsg *header = mnl_nlmsg_get_payload(message);

        if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
            header->rtm_dst_len > ip_family_bits(header->rtm_family))
                return false;
        if (header->rtm_table != RT_TABLE_LOCAL)
                return header->rtm_dst_len != 0;
        return !is_local_type(header->rtm_type);
}

int rtnl_parse_route(const struct nlmsghdr *message, RtnlMessage *ret) {
        RouteMessage route;
        int r;

        if (is_other_route(message))
                return RTNL_IGNORED;
        r = route_read(message, &route);
        if (r != 0)
                return r;
        if (route.header->rtm_flags & RTM_F_CLONED)
                return RTNL_IGNORED;
        /* A route for some sources only is not the default for the others. */
        if (route.header->rtm_src_len != 0)
                return RTNL_IGNORED;

        if (route.table != RT_TABLE_LOCAL)
                return is_default_route(&route) ? parse_default(message, &route, ret)
                                                : RTNL_IGNORED;

        return is_local_type(route.header->rtm_type) ? parse_local(message, &route, ret)
                                                     : RTNL_IGNORED;
}

int rtnl_parse_fib(const struct nlmsghdr *message, size_t len, RtnlFib *ret) {
        RouteMessage route;
        RtnlFib fib = {};
        HopWalk walk;
        bool first = true;
        Hop hop;
        int r;

        if (!rtnl_message_fits(message, len) || message->nlmsg_type != RTM_NEWROUTE)
                return -EBADMSG;

        r = route_read(message, &route);
        if (r != 0)
                return -EBADMSG;

        walk = hop_walk(&route);
        while ((r = hop_next(&walk, &hop)) > 0) {
                if (first) {
                        fib.ifindex = hop.ifindex;
                        fib.gateway = hop.gateway;
                        first = false;
                        continue;
                }
                /* Which of several next hops it will be is not known. */
                if (fib.ifindex != hop.ifindex)
                        fib.ifindex = 0;
                if (!ip_equal(&fib.gateway, &hop.gateway))
                        fib.gateway = (IpAddress){};
        }
        if (r < 0)
                return r;

        fib.type = route.header->rtm_type;
        fib.scope = route.header->rtm_scope;
        fib.table = route.table;
        fib.source = rtnl_attribute_ip(route.attributes[RTA_PREFSRC], route.header->rtm_family);
        *ret = fib;
        return 0;
}

/* What a nexthop object is does not matter, only that one has changed: the kernel drops the routes
 * that use it without telling. */
int rtnl_parse_nexthop(const struct nlmsghdr *message, RtnlMessage *ret) {
        const struct nlattr *attributes[NHA_ID + 1];
        int r;

        r = rtnl_message_attributes(message, sizeof(struct nhmsg), attributes,
                                    ELEMENTSOF(attributes));
        if (r < 0)
                return r;

        rtnl_message_init(ret, message, RTNL_NEXTHOP, message->nlmsg_type == RTM_DELNEXTHOP);
        return 0;
}
