/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The netlink sockets of the system: how they are opened, whom they believe, what the kernel filters
 * for them. The only file that makes socket calls; it must not look into messages.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "source-private.h"

/* linux/sock_diag.h: place of the drop counter in SO_MEMINFO */
#define MEMINFO_DROPS 8
#define MEMINFO_MAX 16

static int set_option(int fd, int option, int value) {
        return setsockopt(fd, SOL_NETLINK, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int join(int fd, const int *groups, size_t n) {
        int r;

        for (size_t i = 0; i < n; i++) {
                r = set_option(fd, NETLINK_ADD_MEMBERSHIP, groups[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Of all routes only default routes (destination length 0), those of the local table (255) and
 * nexthop objects get into the queue: a host with a full Internet table costs nothing. Offsets are
 * of nlmsghdr and rtmsg; loads of two bytes are in network order. */
static int filter_routes(int fd) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWNEXTHOP), 6, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELNEXTHOP), 5, 0),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
                         NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
                         NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_table)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        };
        struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
                                                                                           : 0;
}

/* SO_RCVBUFFORCE needs CAP_NET_ADMIN in the initial user namespace; without it rmem_max decides. */
static void set_receive_buffer(int fd, size_t wanted, bool force) {
        int size = wanted > INT32_MAX ? INT32_MAX : (int) wanted;

        if (force && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) >= 0)
                return;
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int open_monitor(int fd, bool *groups) {
        static const int must[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };
        static const int may[] = { RTNL_GROUP_IPV4_MCADDR, RTNL_GROUP_IPV6_MCADDR };
        int r;

        r = join(fd, must, ELEMENTSOF(must));
        if (r < 0)
                return r;
        /* Kernels before 6.14 refuse these with EINVAL. */
        *groups = *groups && join(fd, may, ELEMENTSOF(may)) >= 0;
        return 0;
}

static int open_routes(int fd) {
        static const int must[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };
        int r;

        /* First the filter, then the groups: nothing unfiltered may ever be queued. */
        r = filter_routes(fd);
        if (r < 0)
                return r;
        r = join(fd, must, ELEMENTSOF(must));
        if (r < 0)
                return r;
        /* Nexthop objects came with 5.3; before, there is nothing to hear. */
        (void) set_option(fd, NETLINK_ADD_MEMBERSHIP, RTNLGRP_NEXTHOP);
        return 0;
}

static int system_open(void *userdata _unused_, SocketRole role, size_t receive_buffer,
                       bool *groups) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        _cleanup_(closep) int fd = -1;
        int r = 0;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        switch (role) {
        case SOCKET_MONITOR:
        case SOCKET_ROUTES:
                set_receive_buffer(fd, receive_buffer > 0 ? receive_buffer : SOURCE_RECEIVE_BUFFER,
                                   receive_buffer == 0);
                r = role == SOCKET_MONITOR ? open_monitor(fd, groups) : open_routes(fd);
                break;
        case SOCKET_QUERY:
        case SOCKET_ASK:
                /* Both came with 4.20 and 4.12: without them the kernel sends more than was asked
                 * for, which does no harm. */
                (void) set_option(fd, NETLINK_GET_STRICT_CHK, 1);
                (void) set_option(fd, NETLINK_EXT_ACK, 1);
                break;
        case _SOCKET_ROLE_MAX:
                return -EINVAL;
        }
        return r < 0 ? r : TAKE_FD(fd);
}

/* The port id of the sender is the one thing that cannot be forged: 0 is the kernel. That of the
 * message header is whoever caused the change, and says nothing. */
static int system_receive(void *userdata _unused_, SocketRole role _unused_, int fd, void *buffer,
                          size_t size, Received *ret) {
        struct sockaddr_nl address = {};
        struct iovec iov = { .iov_base = buffer, .iov_len = size };
        struct msghdr message = {
                .msg_name = &address,
                .msg_namelen = sizeof(address),
                .msg_iov = &iov,
                .msg_iovlen = 1,
        };
        ssize_t n;

        do
                n = recvmsg(fd, &message, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;

        *ret = (Received){
                .len = (size_t) n,
                .from_kernel = message.msg_namelen == sizeof(address) &&
                               address.nl_family == AF_NETLINK && address.nl_pid == 0,
                .truncated = message.msg_flags & MSG_TRUNC,
        };
        return 0;
}

static int system_send(void *userdata _unused_, SocketRole role _unused_, int fd, const void *data,
                       size_t size) {
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        ssize_t n;

        do
                n = sendto(fd, data, size, 0, (struct sockaddr *) &kernel, sizeof(kernel));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t) n == size ? 0 : -EIO;
}

static int system_wait(void *userdata _unused_, SocketRole role _unused_, int fd,
                       int timeout_msec) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int r;

        do
                r = poll(&p, 1, timeout_msec);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        return r == 0 ? -ETIMEDOUT : 0;
}

static int system_drops(void *userdata _unused_, SocketRole role _unused_, int fd, uint32_t *ret) {
        uint32_t values[MEMINFO_MAX] = {};
        socklen_t len = sizeof(values);

        if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &len) < 0)
                return -errno;
        if (len <= MEMINFO_DROPS * sizeof(uint32_t))
                return -ENODATA;
        *ret = values[MEMINFO_DROPS];
        return 0;
}

static uint32_t system_port(void *userdata _unused_, SocketRole role _unused_, int fd) {
        struct sockaddr_nl address = {};
        socklen_t len = sizeof(address);

        if (getsockname(fd, (struct sockaddr *) &address, &len) < 0)
                return 0;
        return address.nl_pid;
}

static void system_close(void *userdata _unused_, SocketRole role _unused_, int fd) {
        (void) close(fd);
}

static uint64_t system_now(void *userdata _unused_) {
        struct timespec t;

        (void) clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / NSEC_PER_USEC;
}

/* The thread's own files: a process may have threads in several namespaces. */
static int system_read_groups(void *userdata _unused_, int family, char **ret_text,
                              size_t *ret_len) {
        const char *path = family == AF_INET ? "/proc/thread-self/net/igmp"
                                             : "/proc/thread-self/net/igmp6";
        _cleanup_(freep) char *text = NULL;
        _cleanup_(closep) int fd = -1;
        size_t len = 0, size = 0;
        ssize_t n;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        do {
                if (size - len < 4096) {
                        char *grown;

                        size = size == 0 ? 16384 : size * 2;
                        grown = realloc(text, size);
                        if (!grown)
                                return -ENOMEM;
                        text = grown;
                }
                n = read(fd, text + len, size - len);
                if (n < 0 && errno != EINTR)
                        return -errno;
                len += n > 0 ? (size_t) n : 0;
        } while (n != 0);

        *ret_text = TAKE_PTR(text);
        *ret_len = len;
        return 0;
}

const SocketOps source_system_ops = {
        .open = system_open,
        .receive = system_receive,
        .send = system_send,
        .wait = system_wait,
        .drops = system_drops,
        .port = system_port,
        .close = system_close,
        .now = system_now,
        .read_groups = system_read_groups,
};

int source_open(Source *s, SocketRole role) {
        struct epoll_event event = { .events = EPOLLIN };
        bool groups = !s->config.groups_from_proc;
        int fd;

        fd = s->ops.open(s->ops.userdata, role, s->config.receive_buffer, &groups);
        if (fd < 0)
                return fd;
        /* The asking socket is read at once by whoever asks. */
        if (role != SOCKET_ASK && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
                int r = -errno;

                s->ops.close(s->ops.userdata, role, fd);
                return r;
        }
        s->fds[role] = fd;
        s->ports[role] = s->ops.port(s->ops.userdata, role, fd);
        s->drops[role] = 0;
        if (role == SOCKET_MONITOR)
                s->hears_groups = groups;
        return 0;
}

void source_close(Source *s, SocketRole role) {
        if (s->fds[role] < 0)
                return;
        if (role != SOCKET_ASK)
                (void) epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->fds[role], NULL);
        s->ops.close(s->ops.userdata, role, s->fds[role]);
        s->fds[role] = -1;
}

int source_receive(Source *s, SocketRole role, Received *ret) {
        int r;

        /* Only EAGAIN means that there is nothing. */
        do
                r = s->ops.receive(s->ops.userdata, role, s->fds[role], s->buffer,
                                   SOURCE_BUFFER_SIZE, ret);
        while (r == -EINTR);
        if (r == -EAGAIN)
                return 0;
        return r < 0 ? r : 1;
}

int source_drop_leftovers(Source *s, SocketRole role) {
        Received received;
        int r;

        for (unsigned i = 0; i < SOURCE_LEFTOVERS_MAX; i++) {
                r = source_receive(s, role, &received);
                if (r <= 0)
                        return r;
                if (!received.from_kernel)
                        s->counters.forged_messages++;
        }
        return 0;
}
