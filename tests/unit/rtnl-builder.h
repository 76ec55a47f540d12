/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes rtnetlink messages by hand, for tests that must say what the kernel would without being root.
 * Knows the kernel's headers only: no libmnl and nothing of lib/rtnl, which is what the tests check.
 * A mistake in a test (an address that is none, a message that does not fit) ends the program.
 */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_SIZE 32768
#define BUILDER_TEXTS_MAX 8

/* Holds one message; each builder_begin() starts a new one. */
typedef struct Builder {
        union {
                struct nlmsghdr header;
                uint8_t data[BUILDER_SIZE];
        };
} Builder;

void builder_begin(Builder *b, uint16_t type, uint16_t flags);
void builder_put(Builder *b, const void *data, size_t len);
void builder_attribute(Builder *b, uint16_t type, const void *data, size_t len);
void builder_u8(Builder *b, uint16_t type, uint8_t value);
void builder_u32(Builder *b, uint16_t type, uint32_t value);
/* With its NUL, as the kernel sends texts. NULL: no attribute. */
void builder_text(Builder *b, uint16_t type, const char *text);
/* The 4 or 16 bytes of a textual address. NULL: no attribute. */
void builder_ip(Builder *b, uint16_t type, const char *address);
size_t builder_nest(Builder *b, uint16_t type);
void builder_nest_end(Builder *b, size_t nest);

/* What a test says of a message; what it leaves out is 0 or not sent. `removed` makes RTM_DEL... */

typedef struct BuiltLink {
        bool removed;
        uint8_t family; /* AF_BRIDGE, AF_INET6: not about the link's life */
        int32_t ifindex;
        uint32_t flags;
        uint32_t change;
        const char *name;
        uint32_t mtu; /* 0: not sent */
        int32_t master;
        int32_t parent;
        const int32_t *nsid;
        uint8_t operstate;
        uint8_t carrier;
        uint32_t carrier_changes; /* 0: not sent */
        const char *kind;
        const char *alias;
        const char *altnames[BUILDER_TEXTS_MAX]; /* up to the first NULL */
        const uint8_t *hardware_address; /* 6 bytes */
        const uint8_t *permanent_address; /* 6 bytes */
} BuiltLink;

typedef struct BuiltAddress {
        bool removed;
        int32_t ifindex;
        uint8_t prefix_length;
        uint32_t flags; /* the header gets the low eight, IFA_FLAGS all */
        uint8_t scope;
        const char *address; /* IFA_ADDRESS */
        const char *local; /* IFA_LOCAL */
        const char *broadcast;
        const char *label;
        bool lifetimes; /* send them; otherwise both are sent as "for ever" */
        uint32_t preferred; /* seconds left */
        uint32_t valid;
} BuiltAddress;

typedef struct BuiltGroup {
        bool removed;
        bool dumped; /* type 58 instead of 56 */
        int32_t ifindex;
        const char *group;
} BuiltGroup;

typedef struct BuiltRoute {
        bool removed;
        uint8_t family;
        uint8_t prefix_length;
        const char *destination;
        uint8_t type;
        uint8_t protocol;
        uint32_t table; /* 0: main */
        uint32_t flags; /* RTM_F_* */
        uint32_t metric;
        int32_t ifindex;
        const char *gateway; /* of the other family: RTA_VIA */
        const char *preferred_source;
        uint32_t nexthop_id;
} BuiltRoute;

const struct nlmsghdr *build_link(Builder *b, const BuiltLink *link);
const struct nlmsghdr *build_address(Builder *b, const BuiltAddress *address);
const struct nlmsghdr *build_group(Builder *b, const BuiltGroup *group);
const struct nlmsghdr *build_route(Builder *b, const BuiltRoute *route);
/* NLMSG_DONE or NLMSG_ERROR with a negative errno or 0. */
const struct nlmsghdr *build_result(Builder *b, uint16_t type, int error);
