/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hand-made rtnetlink messages for tests; see the header. Independent of what it tests: everything
 * here is offsets and sizes of the kernel's headers.
 */

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "rtnl-builder.h"

/* Kernel 6.14; not in the headers of Debian 12 */
#define NEWMULTICAST 56
#define DELMULTICAST 57
#define GETMULTICAST 58

static const void *parse_ip(const char *text, int *ret_family, size_t *ret_size) {
        static uint8_t bytes[16];

        *ret_family = strchr(text, ':') ? AF_INET6 : AF_INET;
        *ret_size = *ret_family == AF_INET6 ? 16 : 4;
        if (inet_pton(*ret_family, text, bytes) != 1)
                abort();
        return bytes;
}

static int family_of(const char *text) {
        int family;
        size_t size;

        (void) parse_ip(text, &family, &size);
        return family;
}

void builder_begin(Builder *b, uint16_t type, uint16_t flags) {
        memset(&b->header, 0, sizeof(b->header));
        b->header.nlmsg_len = NLMSG_HDRLEN;
        b->header.nlmsg_type = type;
        b->header.nlmsg_flags = flags;
}

void builder_put(Builder *b, const void *data, size_t len) {
        size_t pos = NLMSG_ALIGN(b->header.nlmsg_len);

        if (pos + NLMSG_ALIGN(len) > sizeof(b->data))
                abort();
        if (len > 0)
                memcpy(b->data + pos, data, len);
        /* Not the whole buffer each time: it is far longer than a message, and there are millions. */
        memset(b->data + pos + len, 0, NLMSG_ALIGN(len) - len);
        b->header.nlmsg_len = (uint32_t) (pos + NLMSG_ALIGN(len));
}

void builder_attribute(Builder *b, uint16_t type, const void *data, size_t len) {
        struct nlattr header = { .nla_len = (uint16_t) (NLA_HDRLEN + len), .nla_type = type };

        if (NLA_HDRLEN + len > UINT16_MAX)
                abort();
        builder_put(b, &header, sizeof(header));
        builder_put(b, data, len);
}

void builder_u8(Builder *b, uint16_t type, uint8_t value) {
        builder_attribute(b, type, &value, sizeof(value));
}

void builder_u32(Builder *b, uint16_t type, uint32_t value) {
        builder_attribute(b, type, &value, sizeof(value));
}

void builder_text(Builder *b, uint16_t type, const char *text) {
        if (text)
                builder_attribute(b, type, text, strlen(text) + 1);
}

void builder_ip(Builder *b, uint16_t type, const char *address) {
        const void *bytes;
        size_t size;
        int family;

        if (!address)
                return;
        bytes = parse_ip(address, &family, &size);
        builder_attribute(b, type, bytes, size);
}

size_t builder_nest(Builder *b, uint16_t type) {
        size_t nest = b->header.nlmsg_len;

        builder_attribute(b, type, NULL, 0);
        return nest;
}

void builder_nest_end(Builder *b, size_t nest) {
        struct nlattr header;

        memcpy(&header, b->data + nest, sizeof(header));
        header.nla_len = (uint16_t) (b->header.nlmsg_len - nest);
        memcpy(b->data + nest, &header, sizeof(header));
}

const struct nlmsghdr *build_link(Builder *b, const BuiltLink *link) {
        struct ifinfomsg header = {
                .ifi_family = link->family,
                .ifi_type = 1, /* Ethernet */
                .ifi_index = link->ifindex,
                .ifi_flags = link->flags,
                .ifi_change = link->change,
        };
        size_t nest;

        builder_begin(b, link->removed ? RTM_DELLINK : RTM_NEWLINK, 0);
        builder_put(b, &header, sizeof(header));
        builder_text(b, IFLA_IFNAME, link->name);
        if (link->mtu > 0)
                builder_u32(b, IFLA_MTU, link->mtu);
        builder_u8(b, IFLA_OPERSTATE, link->operstate);
        builder_u8(b, IFLA_CARRIER, link->carrier);
        if (link->carrier_changes > 0)
                builder_u32(b, IFLA_CARRIER_CHANGES, link->carrier_changes);
        if (link->master > 0)
                builder_u32(b, IFLA_MASTER, (uint32_t) link->master);
        if (link->parent > 0)
                builder_u32(b, IFLA_LINK, (uint32_t) link->parent);
        if (link->nsid)
                builder_u32(b, IFLA_LINK_NETNSID, (uint32_t) *link->nsid);
        builder_text(b, IFLA_IFALIAS, link->alias);
        if (link->hardware_address)
                builder_attribute(b, IFLA_ADDRESS, link->hardware_address, 6);
        if (link->permanent_address)
                builder_attribute(b, IFLA_PERM_ADDRESS, link->permanent_address, 6);
        if (link->kind) {
                nest = builder_nest(b, IFLA_LINKINFO);
                builder_text(b, IFLA_INFO_KIND, link->kind);
                builder_nest_end(b, nest);
        }
        if (link->altnames[0]) {
                nest = builder_nest(b, IFLA_PROP_LIST | NLA_F_NESTED);
                for (size_t i = 0; i < BUILDER_TEXTS_MAX && link->altnames[i]; i++)
                        builder_text(b, IFLA_ALT_IFNAME, link->altnames[i]);
                builder_nest_end(b, nest);
        }
        return &b->header;
}

const struct nlmsghdr *build_address(Builder *b, const BuiltAddress *a) {
        struct ifaddrmsg header = {
                .ifa_prefixlen = a->prefix_length,
                .ifa_flags = (uint8_t) a->flags,
                .ifa_scope = a->scope,
                .ifa_index = (uint32_t) a->ifindex,
        };
        struct ifa_cacheinfo lifetimes = { .ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX };

        if (!a->address && !a->local)
                abort();
        header.ifa_family = (uint8_t) family_of(a->address ? a->address : a->local);
        if (a->lifetimes) {
                lifetimes.ifa_prefered = a->preferred;
                lifetimes.ifa_valid = a->valid;
        }

        builder_begin(b, a->removed ? RTM_DELADDR : RTM_NEWADDR, 0);
        builder_put(b, &header, sizeof(header));
        builder_ip(b, IFA_ADDRESS, a->address);
        builder_ip(b, IFA_LOCAL, a->local);
        builder_ip(b, IFA_BROADCAST, a->broadcast);
        builder_text(b, IFA_LABEL, a->label);
        builder_u32(b, IFA_FLAGS, a->flags);
        builder_attribute(b, IFA_CACHEINFO, &lifetimes, sizeof(lifetimes));
        return &b->header;
}

const struct nlmsghdr *build_group(Builder *b, const BuiltGroup *g) {
        struct ifaddrmsg header = {
                .ifa_family = (uint8_t) family_of(g->group),
                .ifa_prefixlen = family_of(g->group) == AF_INET ? 32 : 128,
                .ifa_flags = IFA_F_PERMANENT,
                .ifa_index = (uint32_t) g->ifindex,
        };

        builder_begin(b, g->dumped ? GETMULTICAST : g->removed ? DELMULTICAST : NEWMULTICAST, 0);
        builder_put(b, &header, sizeof(header));
        builder_ip(b, IFA_MULTICAST, g->group);
        return &b->header;
}

static void put_gateway(Builder *b, uint8_t family, const char *gateway) {
        uint8_t via[2 + 16];
        const void *bytes;
        size_t size;
        int other;

        if (!gateway)
                return;
        bytes = parse_ip(gateway, &other, &size);
        if (other == family) {
                builder_attribute(b, RTA_GATEWAY, bytes, size);
                return;
        }
        memcpy(via, &(uint16_t){ (uint16_t) other }, 2);
        memcpy(via + 2, bytes, size);
        builder_attribute(b, RTA_VIA, via, 2 + size);
}

const struct nlmsghdr *build_route(Builder *b, const BuiltRoute *r) {
        uint32_t table = r->table > 0 ? r->table : RT_TABLE_MAIN;
        struct rtmsg header = {
                .rtm_family = r->family,
                .rtm_dst_len = r->prefix_length,
                .rtm_table = (uint8_t) (table < 256 ? table : RT_TABLE_COMPAT),
                .rtm_protocol = r->protocol,
                .rtm_type = r->type > 0 ? r->type : RTN_UNICAST,
                .rtm_flags = r->flags,
        };

        builder_begin(b, r->removed ? RTM_DELROUTE : RTM_NEWROUTE, 0);
        builder_put(b, &header, sizeof(header));
        builder_u32(b, RTA_TABLE, table);
        builder_ip(b, RTA_DST, r->destination);
        if (r->metric > 0)
                builder_u32(b, RTA_PRIORITY, r->metric);
        if (r->ifindex > 0)
                builder_u32(b, RTA_OIF, (uint32_t) r->ifindex);
        put_gateway(b, r->family, r->gateway);
        builder_ip(b, RTA_PREFSRC, r->preferred_source);
        if (r->nexthop_id > 0)
                builder_u32(b, RTA_NH_ID, r->nexthop_id);
        return &b->header;
}

const struct nlmsghdr *build_result(Builder *b, uint16_t type, int error) {
        struct nlmsgerr body = { .error = error };

        builder_begin(b, type, type == NLMSG_DONE ? NLM_F_MULTI : 0);
        builder_put(b, &body, type == NLMSG_DONE ? sizeof(error) : sizeof(body));
        return &b->header;
}
