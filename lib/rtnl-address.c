/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RTM_NEWADDR, RTM_DELADDR and the multicast memberships, which share its layout. The address of a row
 * is always this machine's own, never the other end's.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "rtnl-internal.h"
#include "util.h"

/* linux/if_addr.h has it from 5.18 on */
#define RTNL_IFA_PROTO 11

#define LIFETIME_INFINITY UINT32_MAX

static uint64_t deadline(uint64_t now_usec, uint32_t seconds) {
        uint64_t left = seconds * USEC_PER_SEC;

        if (seconds == LIFETIME_INFINITY)
                return USEC_INFINITY;
        if (now_usec >= USEC_INFINITY - left)
                return USEC_INFINITY - 1;
        return now_usec + left;
}

/* The kernel tells the seconds left, as of when it wrote the message. No lifetimes: for ever. */
static void read_lifetimes(const struct nlattr *attribute, uint64_t now_usec, AddressRecord *a) {
        struct ifa_cacheinfo info = {
                .ifa_prefered = LIFETIME_INFINITY,
                .ifa_valid = LIFETIME_INFINITY,
        };

        if (attribute && mnl_attr_get_payload_len(attribute) >= sizeof(info))
                memcpy(&info, mnl_attr_get_payload(attribute), sizeof(info));

        a->preferred_usec = deadline(now_usec, info.ifa_prefered);
        a->valid_usec = deadline(now_usec, info.ifa_valid);
}

/* Failed duplicate address detection outlasts the tentative flag. An optimistic address may be used
 * while detection is still running. */
static Usability usability(uint32_t flags) {
        if (flags & IFA_F_DADFAILED)
                return USABILITY_DUPLICATE;
        if ((flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC))
                return USABILITY_TENTATIVE;
        if (flags & IFA_F_DEPRECATED)
                return USABILITY_DEPRECATED;
        return USABILITY_USABLE;
}

/* IPv4 always has IFA_LOCAL, IPv6 only when there is a peer, on links of every type: whether the link
 * is point-to-point does not matter. Where both are there and differ, IFA_ADDRESS is the peer. */
static int read_addresses(const struct nlattr **attributes, int family, AddressRecord *a) {
        IpAddress local = rtnl_attribute_ip(attributes[IFA_LOCAL], family);
        IpAddress address = rtnl_attribute_ip(attributes[IFA_ADDRESS], family);

        if (!ip_is_set(&local) && !ip_is_set(&address))
                return -EBADMSG;

        a->address = ip_is_set(&local) ? local : address;
        if (ip_is_set(&local) && ip_is_set(&address) && !ip_equal(&local, &address))
                a->peer = address;
        if (family == AF_INET)
                a->broadcast = rtnl_attribute_ip(attributes[IFA_BROADCAST], family);
        return 0;
}

/* What addresses and memberships have in common. */
static int read_header(const struct nlmsghdr *message, const struct nlattr **attributes, size_t n,
                       const struct ifaddrmsg **ret) {
        const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
        int r;

        r = rtnl_message_attributes(message, sizeof(*header), attributes, n);
        if (r < 0)
                return r;
        if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
                return RTNL_IGNORED;
        if (header->ifa_index < 1 || header->ifa_index > INT32_MAX ||
            header->ifa_prefixlen > ip_family_bits(header->ifa_family))
                return -EBADMSG;

        *ret = header;
        return 0;
}

int rtnl_parse_address(const struct nlmsghdr *message, uint64_t now_usec, RtnlMessage *ret) {
        const struct nlattr *attributes[RTNL_IFA_PROTO + 1];
        const struct ifaddrmsg *header;
        AddressRecord a = {};
        TextSpan label;
        int r;

        r = read_header(message, attributes, ELEMENTSOF(attributes), &header);
        if (r != 0)
                return r;
        r = read_addresses(attributes, header->ifa_family, &a);
        if (r < 0)
                return r;

        a.ifindex = (int32_t) header->ifa_index;
        a.prefix_length = header->ifa_prefixlen;
        a.scope = header->ifa_scope;
        /* The header has room for the low eight flags only. */
        a.flags = header->ifa_flags;
        (void) rtnl_attribute_u32(attributes[IFA_FLAGS], &a.flags);
        a.usability = usability(a.flags);
        (void) rtnl_attribute_u32(attributes[IFA_RT_PRIORITY], &a.metric);
        (void) rtnl_attribute_u8(attributes[RTNL_IFA_PROTO], &a.protocol);
        read_lifetimes(attributes[IFA_CACHEINFO], now_usec, &a);
        label = rtnl_attribute_text(attributes[IFA_LABEL], LINK_NAME_MAX);
        if (label.len > 0 && header->ifa_family == AF_INET)
                memcpy(a.label, label.text, label.len);

        rtnl_message_init(ret, message, RTNL_ADDRESS, message->nlmsg_type == RTM_DELADDR);
        ret->record.address = a;
        return 0;
}

/* Scope and lifetimes are not read: for one and the same membership the dump and the notification
 * give different scopes, and it has no end of its own. */
int rtnl_parse_group(const struct nlmsghdr *message, RtnlMessage *ret) {
        const struct nlattr *attributes[IFA_MULTICAST + 1];
        const struct ifaddrmsg *header;
        IpAddress group;
        int r;

        r = read_header(message, attributes, ELEMENTSOF(attributes), &header);
        if (r != 0)
                return r;
        group = rtnl_attribute_ip(attributes[IFA_MULTICAST], header->ifa_family);
        if (!ip_is_set(&group))
                return -EBADMSG;

        rtnl_message_init(ret, message, RTNL_GROUP, message->nlmsg_type == RTNL_DELMULTICAST);
        ret->record.group = (GroupRecord){
                .ifindex = (int32_t) header->ifa_index,
                .group = group,
        };
        return 0;
}
