/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One rtnetlink message to one value, and one question to one request message. Pure: bytes in, value
 * out; no socket, no state, no memory that outlives the call. Every length is checked against the
 * message; an attribute of a wrong size is skipped as if absent, unless the row makes no sense
 * without it.
 */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* linux/rtnetlink.h of Debian 12 lacks these (kernel 6.14 and later sends them) */
#define RTNL_GROUP_IPV4_MCADDR 37
#define RTNL_GROUP_IPV6_MCADDR 38
#define RTNL_NEWMULTICAST 56
#define RTNL_DELMULTICAST 57
#define RTNL_GETMULTICAST 58

/* Next hops of one default route; a longer list is not believed (-E2BIG). */
#define RTNL_NEXTHOPS_MAX 256
/* Counters of struct rtnl_link_stats64 */
#define RTNL_STATISTICS_MAX 25
/* A request never needs more. */
#define RTNL_REQUEST_MAX 256

typedef enum RtnlObject {
        RTNL_LINK,
        RTNL_ADDRESS,
        RTNL_GROUP,
        RTNL_ROUTE, /* a default route: destination length 0, any table but 255 */
        RTNL_LOCAL, /* an entry of table 255 of type local, broadcast or anycast */
        RTNL_NEXTHOP,
        RTNL_PROXY, /* a proxy neighbour; only as an answer, never announced */
        RTNL_LABEL, /* an address label of RFC 6724; only as an answer */
        RTNL_FIB, /* one route lookup: only in requests, the answer is for rtnl_parse_fib() */
        _RTNL_OBJECT_MAX,
} RtnlObject;

typedef struct RtnlProxy {
        int32_t ifindex;
        IpAddress address;
} RtnlProxy;

typedef struct RtnlLabel {
        IpAddress prefix;
        uint8_t prefix_length;
        uint32_t label;
        int32_t ifindex; /* 0: any */
} RtnlLabel;

/* What the kernel says of one destination. */
typedef struct RtnlFib {
        uint8_t type; /* RTN_UNICAST, RTN_LOCAL, RTN_UNREACHABLE, ... */
        uint8_t scope; /* RT_SCOPE_*; with fib_match that of the route; IPv6 has none (universe) */
        int32_t ifindex; /* 0: none, or (with fib_match) next hops on several links */
        /* IPv4 says 254 for its own addresses too while there are no policy rules: the kernel keeps
         * both tables in one then. */
        uint32_t table;
        IpAddress source; /* RTA_PREFSRC: the source address it would use */
        IpAddress gateway; /* RTA_GATEWAY or RTA_VIA */
} RtnlFib;

/* One message. Pointers go into the message. What does not belong to the object is zero; only of
 * routes[] no more than n_routes rows are written, because clearing them costs more than parsing. */
typedef struct RtnlMessage {
        RtnlObject object;
        bool removed; /* RTM_DEL... */
        uint16_t flags; /* nlmsg_flags */
        Record record; /* LINK, ADDRESS, GROUP, LOCAL; incarnation, states, order are zero */
        /* LINK: without IFLA_IFNAME or IFLA_MTU the message is about something else (wireless
         * events): only ifindex and flags of the record mean anything. */
        bool partial;
        bool has_kind; /* LINK: IFLA_INFO_KIND was there */
        bool has_permanent; /* LINK: IFLA_PERM_ADDRESS was there */
        TextSpan alias; /* LINK */
        const struct nlattr *properties; /* LINK: IFLA_PROP_LIST, for rtnl_link_texts() */
        RtnlProxy proxy;
        RtnlLabel label;
        /* ROUTE: one row a next hop. LOCAL: record.local repeated with the ifindexes of these rows,
         * of which nothing else is set; the first one is in record.local already. At least one row
         * for both. */
        size_t n_routes;
        RouteRecord routes[RTNL_NEXTHOPS_MAX];
} RtnlMessage;

/* Parses one message of len bytes (nlmsg_len is checked against it; the message is aligned to four
 * bytes). now_usec: CLOCK_BOOTTIME, to which lifetimes are added.
 *   0              ret is filled
 *   RTNL_IGNORED   well-formed, but nothing this program keeps: another message type, another family
 *                  (an AF_BRIDGE RTM_DELLINK means "left the bridge", the link lives), another route
 *                  (also a default route for some sources only, and a cached one)
 *   -EBADMSG       malformed: too short, attributes cut off, no address, an index below 1, ...
 *   -E2BIG         over RTNL_NEXTHOPS_MAX */
#define RTNL_IGNORED 1
int rtnl_parse(const struct nlmsghdr *message, size_t len, uint64_t now_usec, RtnlMessage *ret);

/* The answer to one route lookup. It has the type of a notification (RTM_NEWROUTE): only the socket
 * and the sequence number tell them apart, so the caller says which it is. -EBADMSG when it is not a
 * well-formed IPv4 or IPv6 route. */
int rtnl_parse_fib(const struct nlmsghdr *message, size_t len, RtnlFib *ret);

/* Alias and alternative names of a parsed link message as one block; see link_texts_new(). Names that
 * are empty, too long or contain NUL are left out. -EBADMSG when the list itself is broken. */
int rtnl_link_texts(const RtnlMessage *message, LinkTexts **ret);

/* Copies the IFLA_STATS64 counters of a link message, as many as both sides know; the rest are 0.
 * -ENODATA when it has none, -EBADMSG when it is not a well-formed RTM_NEWLINK of family AF_UNSPEC. */
int rtnl_parse_statistics(const struct nlmsghdr *message, size_t len,
                          uint64_t ret_values[static RTNL_STATISTICS_MAX]);
/* "RxPackets", ... in the order of struct rtnl_link_stats64; NULL from RTNL_STATISTICS_MAX on. */
const char *rtnl_statistic_name(size_t i);

/* The error of an NLMSG_ERROR or NLMSG_DONE message: 0 or a negative errno; -EBADMSG when too short or
 * when it is another message.
 * Under strict checking a refused dump is "no rows and NLMSG_DONE with an error", so the payload of
 * NLMSG_DONE must be looked at before anything is swept. */
int rtnl_parse_result(const struct nlmsghdr *message, size_t len);

typedef struct RtnlRequest {
        RtnlObject object;
        bool dump; /* false: one row (LINK and FIB; the others only dump) */
        bool statistics; /* LINK: with counters; otherwise RTEXT_FILTER_SKIP_STATS */
        int family; /* AF_INET or AF_INET6; ADDRESS and PROXY also AF_UNSPEC; LINK, LABEL and
                             * FIB do not look at it */
        int32_t ifindex; /* 0: all; ROUTE and LOCAL: RTA_OIF filter; FIB: RTA_OIF; not for LABEL
                             * and dumps of LINK */
        TextSpan name; /* LINK without ifindex: name or alternative name */
        IpAddress destination; /* FIB */
        IpAddress source; /* FIB, optional */
        bool fib_match; /* FIB: RTM_F_FIB_MATCH, to learn which route it is */
} RtnlRequest;

/* Writes the request (header fields that strict checking refuses are zero) with this sequence number.
 * Returns its length, or -EINVAL when the request makes no sense. ROUTE asks for all tables. The kernel
 * ends a dump for a link that is gone with -ENODEV, of a table that is not there yet with -ENOENT. */
int rtnl_build(const RtnlRequest *request, uint32_t sequence,
               uint8_t buffer[static RTNL_REQUEST_MAX]);
