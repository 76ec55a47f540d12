/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A kernel behind SocketOps: the small world of world.h behind four netlink sockets with queues, limits
 * and an own clock, and with every fault that the real ones can have. The queue of a socket that
 * overflowed takes nothing until it was empty once, and says so only once. A dump is filled one piece
 * ahead of the reader, so that what is announced meanwhile is heard before older rows.
 */

#include "source-private.h"
#include "world.h"

#define KERNEL_QUEUE 256

/* Chances out of 1000, each time that it can happen. */
typedef struct KernelFaults {
        unsigned eintr;
        unsigned set_error; /* a notification is lost, the error is set */
        unsigned silent_drop; /* a notification is lost, only counted */
        unsigned truncated;
        unsigned cut; /* a datagram without its end, not marked */
        unsigned forged; /* a message that is not from the kernel */
        unsigned interrupted; /* a row is marked although nothing happened */
        unsigned refused; /* a dump ends with an error and no rows */
        unsigned endless; /* a dump does not end */
        unsigned busy;
        unsigned query_error; /* the querying socket fails */
        unsigned send_error;
        unsigned step; /* something happens between two system calls */
        unsigned slow; /* a system call takes as long as the source has for one turn */
        unsigned queue; /* no chance: so many announcements fill a socket; 0: the usual number */
} KernelFaults;

typedef struct KernelDatagram {
        uint8_t *data;
        size_t len;
        bool forged;
} KernelDatagram;

typedef struct KernelSocket {
        int fd; /* an eventfd that is readable when the queue is not empty; -1: closed */
        KernelDatagram queue[KERNEL_QUEUE];
        size_t first, n;
        bool congested;
        int error;
        uint32_t drops;
} KernelSocket;

typedef struct Kernel {
        World world;
        KernelFaults faults;
        KernelSocket sockets[_SOCKET_ROLE_MAX];
        uint64_t now;
        bool announces_groups;
        bool dumps_groups;
        void (*on_step)(void *userdata); /* after each step of the world */
        void *userdata;

        bool dumping;
        struct nlmsghdr request;
        uint16_t type;
        int family;
        int32_t ifindex;
        uint32_t pos;
        uint32_t sequence;
        bool ended; /* the rows are; NLMSG_DONE is not out */
} Kernel;

void kernel_init(Kernel *k, uint64_t seed, SocketOps *ret_ops);
void kernel_done(Kernel *k);
/* The world takes a step; what it announces is queued, or lost. */
void kernel_step(Kernel *k);
