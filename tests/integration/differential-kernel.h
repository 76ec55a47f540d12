/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel answers, asked in the plainest way: hand-made netlink requests without libmnl, and
 * ordinary sockets. Uses nothing of the library, which is what its answers are held against. A failure
 * of the machinery itself ends the program.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Ip {
        int family; /* AF_UNSPEC: none */
        uint8_t bytes[16];
} Ip;

/* A mistake in the text ends the program. */
Ip ip_of(const char *text);
bool ip_same(const Ip *a, const Ip *b);
/* "-" for none. Of four results the last is still good. */
const char *ip_text(const Ip *a);

/* The answer to one RTM_GETROUTE. */
typedef struct KernelRoute {
        int error; /* 0, or the errno (positive) */
        uint8_t type; /* RTN_* */
        int ifindex;
        unsigned prefix_length; /* of the route, with fib_match */
        Ip source; /* RTA_PREFSRC */
} KernelRoute;

/* ifindex 0: any link. fib_match: the route itself instead of what it leads to. */
KernelRoute kernel_route(const Ip *destination, int ifindex, bool fib_match);

/* connect() of a UDP socket, bound to the link when there is one, and then its own address. */
typedef struct KernelSocket {
        int error; /* of connect() */
        Ip source; /* none: unspecified */
} KernelSocket;

KernelSocket kernel_connect(const Ip *destination, int ifindex);

typedef struct KernelAddress {
        int ifindex;
        Ip address;
        unsigned prefix_length;
        uint32_t flags;
} KernelAddress;

/* Both families. The caller frees. */
size_t kernel_addresses(KernelAddress **ret);

typedef struct KernelLocal {
        int ifindex;
        Ip address;
        unsigned prefix_length;
        uint8_t type;
} KernelLocal;

/* Table 255 without what the kernel has there for multicast. The caller frees. */
size_t kernel_locals(KernelLocal **ret);

/* By /proc/net/igmp and igmp6 */
bool kernel_is_joined(const Ip *group);
/* 0: there is none */
int kernel_ifindex(const char *name);
