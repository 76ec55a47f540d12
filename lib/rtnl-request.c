/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One question to one request message, as strict checking (NETLINK_GET_STRICT_CHK) wants it: with the
 * full header of its type, every field that is not a filter zero, and no attribute but filters. A
 * request that strict checking refuses is a dump without rows, which looks like an empty table.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addrlabel.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "rtnl.h"
#include "util.h"

/* The largest request, a link by alternative name, takes 16 + 16 + 132 + 8 bytes. */
typedef union RequestBuffer {
        struct nlmsghdr header;
        uint8_t bytes[RTNL_REQUEST_MAX];
} RequestBuffer;

static bool is_ip_family(int family) {
        return family == AF_INET || family == AF_INET6;
}

static struct nlmsghdr *request_new(RequestBuffer *buffer, uint16_t type, bool dump) {
        struct nlmsghdr *message;

        memset(buffer, 0, sizeof(*buffer));
        message = mnl_nlmsg_put_header(buffer->bytes);
        message->nlmsg_type = type;
        message->nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0);
        return message;
}

static void put_ip(struct nlmsghdr *message, uint16_t type, const IpAddress *a) {
        mnl_attr_put(message, type, ip_family_size(a->family), a->bytes);
}

static int build_link(const RtnlRequest *request, RequestBuffer *buffer) {
        bool by_name = request->name.len > 0;
        struct nlmsghdr *message;
        struct ifinfomsg *header;

        if (request->dump ? by_name || request->ifindex != 0 : by_name == (request->ifindex != 0))
                return -EINVAL;
        if (request->name.len > LINK_ALTNAME_MAX ||
            (by_name && memchr(request->name.text, '\0', request->name.len)))
                return -EINVAL;

        message = request_new(buffer, RTM_GETLINK, request->dump);
        header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        header->ifi_index = request->ifindex;
        /* Finds names as well, and unlike IFLA_IFNAME takes more than 15 bytes. */
        if (by_name) {
                char name[LINK_ALTNAME_MAX + 1] = {};

                memcpy(name, request->name.text, request->name.len);
                mnl_attr_put_strz(message, IFLA_ALT_IFNAME, name);
        }
        if (!request->statistics)
                mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        return 0;
}

static int build_address(const RtnlRequest *request, uint16_t type, RequestBuffer *buffer) {
        struct nlmsghdr *message;
        struct ifaddrmsg *header;

        message = request_new(buffer, type, true);
        header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        header->ifa_family = (uint8_t) request->family;
        header->ifa_index = (uint32_t) request->ifindex;
        return 0;
}

static int build_route(const RtnlRequest *request, uint8_t table, RequestBuffer *buffer) {
        struct nlmsghdr *message;
        struct rtmsg *header;

        message = request_new(buffer, RTM_GETROUTE, true);
        header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        header->rtm_family = (uint8_t) request->family;
        header->rtm_table = table;
        if (table != RT_TABLE_UNSPEC)
                mnl_attr_put_u32(message, RTA_TABLE, table);
        if (request->ifindex > 0)
                mnl_attr_put_u32(message, RTA_OIF, (uint32_t) request->ifindex);
        return 0;
}

/* Strict checking wants the header's own index to be zero here; the filter is an attribute. */
static int build_proxy(const RtnlRequest *request, RequestBuffer *buffer) {
        struct nlmsghdr *message;
        struct ndmsg *header;

        message = request_new(buffer, RTM_GETNEIGH, true);
        header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        header->ndm_family = (uint8_t) request->family;
        header->ndm_flags = NTF_PROXY;
        if (request->ifindex > 0)
                mnl_attr_put_u32(message, NDA_IFINDEX, (uint32_t) request->ifindex);
        return 0;
}

static int build_label(RequestBuffer *buffer) {
        struct nlmsghdr *message;
        struct ifaddrlblmsg *header;

        message = request_new(buffer, RTM_GETADDRLABEL, true);
        header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        header->ifal_family = AF_INET6;
        return 0;
}

/* IPv4 names the table only when asked to; IPv6 names it always, and refuses to be asked. */
static int build_fib(const RtnlRequest *request, RequestBuffer *buffer) {
        const IpAddress *destination = &request->destination, *source = &request->source;
        struct nlmsghdr *message;
        struct rtmsg *header;

        if (!is_ip_family(destination->family) ||
            (ip_is_set(source) && source->family != destination->family))
                return -EINVAL;

        message = request_new(buffer, RTM_GETROUTE, false);
        header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        header->rtm_family = destination->family;
        header->rtm_dst_len = (uint8_t) ip_family_bits(destination->family);
        header->rtm_flags = (destination->family == AF_INET ? RTM_F_LOOKUP_TABLE : 0) |
                            (request->fib_match ? RTM_F_FIB_MATCH : 0);
        put_ip(message, RTA_DST, destination);
        if (ip_is_set(source)) {
                header->rtm_src_len = (uint8_t) ip_family_bits(source->family);
                put_ip(message, RTA_SRC, source);
        }
        if (request->ifindex > 0)
                mnl_attr_put_u32(message, RTA_OIF, (uint32_t) request->ifindex);
        return 0;
}

static int build(const RtnlRequest *request, RequestBuffer *buffer) {
        bool any_family = request->family == AF_UNSPEC;

        if (request->ifindex < 0 || (!any_family && !is_ip_family(request->family)))
                return -EINVAL;
        if (request->object == RTNL_LINK)
                return build_link(request, buffer);
        if (request->dump != (request->object != RTNL_FIB))
                return -EINVAL;

        switch (request->object) {
        case RTNL_ADDRESS:
                return build_address(request, RTM_GETADDR, buffer);
        case RTNL_GROUP:
                return any_family ? -EINVAL : build_address(request, RTNL_GETMULTICAST, buffer);
        case RTNL_ROUTE:
                return any_family ? -EINVAL : build_route(request, RT_TABLE_UNSPEC, buffer);
        case RTNL_LOCAL:
                return any_family ? -EINVAL : build_route(request, RT_TABLE_LOCAL, buffer);
        case RTNL_PROXY:
                return build_proxy(request, buffer);
        case RTNL_LABEL:
                return request->ifindex != 0 ? -EINVAL : build_label(buffer);
        case RTNL_FIB:
                return build_fib(request, buffer);
        case RTNL_LINK:
        case RTNL_NEXTHOP: /* of these only the changes matter */
        case _RTNL_OBJECT_MAX:
                return -EINVAL;
        }
        return -EINVAL;
}

int rtnl_build(const RtnlRequest *request, uint32_t sequence,
               uint8_t buffer[static RTNL_REQUEST_MAX]) {
        RequestBuffer request_buffer;
        int r;

        r = build(request, &request_buffer);
        if (r < 0)
                return r;

        request_buffer.header.nlmsg_seq = sequence;
        assert(request_buffer.header.nlmsg_len <= RTNL_REQUEST_MAX);
        memcpy(buffer, request_buffer.bytes, request_buffer.header.nlmsg_len);
        return (int) request_buffer.header.nlmsg_len;
}
