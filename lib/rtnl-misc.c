/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two kinds of rows that are only ever read when somebody asks: proxy neighbours and address labels.
 * The kernel announces neither.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addrlabel.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "rtnl-internal.h"
#include "util.h"

int rtnl_parse_proxy(const struct nlmsghdr *message, RtnlMessage *ret) {
        const struct nlattr *attributes[NDA_DST + 1];
        const struct ndmsg *header = mnl_nlmsg_get_payload(message);
        IpAddress address;
        int r;

        r = rtnl_message_attributes(message, sizeof(*header), attributes, ELEMENTSOF(attributes));
        if (r < 0)
                return r;
        if ((header->ndm_family != AF_INET && header->ndm_family != AF_INET6) ||
            !(header->ndm_flags & NTF_PROXY))
                return RTNL_IGNORED;

        /* Index 0 is a proxy on every link. */
        address = rtnl_attribute_ip(attributes[NDA_DST], header->ndm_family);
        if (header->ndm_ifindex < 0 || !ip_is_set(&address))
                return -EBADMSG;

        rtnl_message_init(ret, message, RTNL_PROXY, false);
        ret->proxy = (RtnlProxy){ .ifindex = header->ndm_ifindex, .address = address };
        return 0;
}

int rtnl_parse_label(const struct nlmsghdr *message, RtnlMessage *ret) {
        const struct nlattr *attributes[IFAL_LABEL + 1];
        const struct ifaddrlblmsg *header = mnl_nlmsg_get_payload(message);
        IpAddress prefix;
        uint32_t label;
        int r;

        r = rtnl_message_attributes(message, sizeof(*header), attributes, ELEMENTSOF(attributes));
        if (r < 0)
                return r;
        if (header->ifal_family != AF_INET6)
                return RTNL_IGNORED;

        prefix = rtnl_attribute_ip(attributes[IFAL_ADDRESS], AF_INET6);
        if (header->ifal_index > INT32_MAX || header->ifal_prefixlen > ip_family_bits(AF_INET6) ||
            !ip_is_set(&prefix) || !rtnl_attribute_u32(attributes[IFAL_LABEL], &label))
                return -EBADMSG;

        rtnl_message_init(ret, message, RTNL_LABEL, false);
        ret->label = (RtnlLabel){
                .prefix = ip_network(&prefix, header->ifal_prefixlen),
                .prefix_length = header->ifal_prefixlen,
                .label = label,
                .ifindex = (int32_t) header->ifal_index,
        };
        return 0;
}
