/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The plain way of asking the kernel; see the header. Nothing is const here, because the macros of the
 * kernel's headers are older than that word. Every request is one datagram and waits for its
 * answer, so nothing can get out of step.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "differential-kernel.h"

#define ANSWER_MAX 65536
#define TABLE_LOCAL 255

static void die(const char *what) {
        perror(what);
        exit(2);
}

Ip ip_of(const char *text) {
        Ip a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

        if (inet_pton(a.family, text, a.bytes) != 1) {
                fprintf(stderr, "not an address: %s\n", text);
                exit(2);
        }
        return a;
}

static size_t ip_length(int family) {
        return family == AF_INET ? 4 : 16;
}

bool ip_same(const Ip *a, const Ip *b) {
        return a->family == b->family &&
               (a->family == AF_UNSPEC || memcmp(a->bytes, b->bytes, ip_length(a->family)) == 0);
}

const char *ip_text(const Ip *a) {
        static char texts[4][INET6_ADDRSTRLEN];
        static unsigned next;
        char *text = texts[next++ % 4];

        if (a->family == AF_UNSPEC)
                return "-";
        return inet_ntop(a->family, a->bytes, text, INET6_ADDRSTRLEN);
}

/* Requests ------------------------------------------------------------------------------------- */

typedef struct Request {
        struct nlmsghdr header;
        union {
                struct rtmsg route;
                struct ifaddrmsg address;
        };
        uint8_t attributes[64];
} Request;

/* Called with every message that is neither the end nor an error. */
typedef void (*OnMessage)(struct nlmsghdr *message, void *userdata);

static int netlink_socket(void) {
        static int fd = -1;

        if (fd < 0)
                fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0)
                die("socket");
        return fd;
}

static void put(Request *request, uint16_t type, const void *data, size_t len) {
        struct rtattr *a = (void *) ((uint8_t *) request + request->header.nlmsg_len);

        a->rta_type = type;
        a->rta_len = (uint16_t) RTA_LENGTH(len);
        memcpy(RTA_DATA(a), data, len);
        request->header.nlmsg_len += (uint32_t) RTA_ALIGN(a->rta_len);
}

/* 0, or the errno of the answer. */
static int ask(Request *request, OnMessage on_message, void *userdata) {
        static uint8_t answer[ANSWER_MAX] __attribute__((aligned(8)));
        static uint32_t sequence;
        int fd = netlink_socket();

        request->header.nlmsg_seq = ++sequence;
        request->header.nlmsg_flags |= NLM_F_REQUEST;
        if (send(fd, request, request->header.nlmsg_len, 0) < 0)
                die("send");

        for (;;) {
                ssize_t n = recv(fd, answer, sizeof(answer), 0);
                struct nlmsghdr *m = (void *) answer;

                if (n < 0)
                        die("recv");
                for (unsigned left = (unsigned) n; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
                        if (m->nlmsg_seq != sequence)
                                continue;
                        if (m->nlmsg_type == NLMSG_DONE)
                                return 0;
                        if (m->nlmsg_type == NLMSG_ERROR)
                                return -((struct nlmsgerr *) NLMSG_DATA(m))->error;
                        on_message(m, userdata);
                        if (!(m->nlmsg_flags & NLM_F_MULTI))
                                return 0;
                }
        }
}

static Request request_new(uint16_t type, uint16_t flags, size_t size) {
        return (Request){
                .header = {
                        .nlmsg_type = type,
                        .nlmsg_flags = flags,
                        .nlmsg_len = (uint32_t) NLMSG_LENGTH(size),
                },
        };
}

static Ip attribute_ip(struct rtattr *a, int family) {
        Ip ip = { .family = family };

        if (RTA_PAYLOAD(a) != ip_length(family))
                return (Ip){};
        memcpy(ip.bytes, RTA_DATA(a), ip_length(family));
        return ip;
}

static uint32_t attribute_u32(struct rtattr *a) {
        uint32_t value;

        memcpy(&value, RTA_DATA(a), sizeof(value));
        return value;
}

/* Routes --------------------------------------------------------------------------------------- */

static void on_route(struct nlmsghdr *message, void *userdata) {
        struct rtmsg *r = NLMSG_DATA(message);
        struct rtattr *a = RTM_RTA(r);
        KernelRoute *route = userdata;

        route->type = r->rtm_type;
        route->prefix_length = r->rtm_dst_len;
        for (unsigned n = (unsigned) RTM_PAYLOAD(message); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
                if (a->rta_type == RTA_OIF)
                        route->ifindex = (int) attribute_u32(a);
                if (a->rta_type == RTA_PREFSRC)
                        route->source = attribute_ip(a, r->rtm_family);
        }
}

KernelRoute kernel_route(const Ip *destination, int ifindex, bool fib_match) {
        Request request = request_new(RTM_GETROUTE, 0, sizeof(struct rtmsg));
        KernelRoute route = {};

        request.route.rtm_family = (uint8_t) destination->family;
        request.route.rtm_dst_len = (uint8_t) (8 * ip_length(destination->family));
        request.route.rtm_flags = fib_match ? RTM_F_FIB_MATCH : 0;
        put(&request, RTA_DST, destination->bytes, ip_length(destination->family));
        if (ifindex > 0)
                put(&request, RTA_OIF, &ifindex, sizeof(ifindex));
        route.error = ask(&request, on_route, &route);
        return route;
}

/* Sockets -------------------------------------------------------------------------------------- */

typedef union Name {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} Name;

static socklen_t name_of(const Ip *a, int ifindex, Name *ret) {
        *ret = (Name){};
        if (a->family == AF_INET) {
                ret->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(9) };
                memcpy(&ret->v4.sin_addr, a->bytes, 4);
                return sizeof(ret->v4);
        }
        ret->v6 = (struct sockaddr_in6){
                .sin6_family = AF_INET6,
                .sin6_port = htons(9),
                .sin6_scope_id = (uint32_t) ifindex,
        };
        memcpy(&ret->v6.sin6_addr, a->bytes, 16);
        return sizeof(ret->v6);
}

KernelSocket kernel_connect(const Ip *destination, int ifindex) {
        char link[IF_NAMESIZE] = "";
        KernelSocket answer = {};
        socklen_t len;
        Name name;
        int fd, one = 1;

        fd = socket(destination->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) < 0)
                die("socket");
        if (ifindex > 0 &&
            (!if_indextoname((unsigned) ifindex, link) ||
             setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link, (socklen_t) strlen(link) + 1) < 0))
                die("bind to link");

        len = name_of(destination, ifindex, &name);
        if (connect(fd, &name.any, len) < 0)
                answer.error = errno;
        else {
                static const uint8_t zero[16];
                const void *bytes;

                len = sizeof(name);
                if (getsockname(fd, &name.any, &len) < 0)
                        die("getsockname");
                bytes = name.any.sa_family == AF_INET ? (const void *) &name.v4.sin_addr
                                                      : (const void *) &name.v6.sin6_addr;
                if (memcmp(bytes, zero, ip_length(name.any.sa_family)) != 0) {
                        answer.source.family = name.any.sa_family;
                        memcpy(answer.source.bytes, bytes, ip_length(name.any.sa_family));
                }
        }
        (void) close(fd);
        return answer;
}

/* Lists ---------------------------------------------------------------------------------------- */

typedef struct List {
        void *items;
        size_t n;
} List;

static void *list_add(List *l, size_t size) {
        void *grown = reallocarray(l->items, l->n + 1, size);

        if (!grown)
                die("reallocarray");
        l->items = grown;
        return memset((uint8_t *) grown + l->n++ * size, 0, size);
}

static void on_address(struct nlmsghdr *message, void *userdata) {
        struct ifaddrmsg *header = NLMSG_DATA(message);
        struct rtattr *a = IFA_RTA(header);
        KernelAddress *address = list_add(userdata, sizeof(KernelAddress));

        address->ifindex = (int) header->ifa_index;
        address->prefix_length = header->ifa_prefixlen;
        address->flags = header->ifa_flags;
        for (unsigned n = (unsigned) IFA_PAYLOAD(message); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
                if (a->rta_type == IFA_LOCAL ||
                    (a->rta_type == IFA_ADDRESS && address->address.family == AF_UNSPEC))
                        address->address = attribute_ip(a, header->ifa_family);
                if (a->rta_type == IFA_FLAGS)
                        address->flags = attribute_u32(a);
        }
}

size_t kernel_addresses(KernelAddress **ret) {
        Request request = request_new(RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
        List l = {};

        if (ask(&request, on_address, &l) != 0)
                die("RTM_GETADDR");
        *ret = l.items;
        return l.n;
}

static void on_local(struct nlmsghdr *message, void *userdata) {
        struct rtmsg *r = NLMSG_DATA(message);
        struct rtattr *a = RTM_RTA(r);
        KernelLocal *local;

        if (r->rtm_table != TABLE_LOCAL || (r->rtm_flags & RTM_F_CLONED) ||
            (r->rtm_type != RTN_LOCAL && r->rtm_type != RTN_BROADCAST &&
             r->rtm_type != RTN_ANYCAST))
                return;
        local = list_add(userdata, sizeof(KernelLocal));
        local->type = r->rtm_type;
        local->prefix_length = r->rtm_dst_len;
        local->address.family = r->rtm_family;
        for (unsigned n = (unsigned) RTM_PAYLOAD(message); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
                if (a->rta_type == RTA_OIF)
                        local->ifindex = (int) attribute_u32(a);
                if (a->rta_type == RTA_DST)
                        local->address = attribute_ip(a, r->rtm_family);
        }
}

size_t kernel_locals(KernelLocal **ret) {
        static const uint8_t families[] = { AF_INET, AF_INET6 };
        List l = {};

        for (size_t i = 0; i < 2; i++) {
                Request request = request_new(RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtmsg));

                request.route.rtm_family = families[i];
                if (ask(&request, on_local, &l) != 0)
                        die("RTM_GETROUTE");
        }
        *ret = l.items;
        return l.n;
}

bool kernel_is_joined(const Ip *group) {
        bool v4 = group->family == AF_INET, found = false;
        FILE *f = fopen(v4 ? "/proc/net/igmp" : "/proc/net/igmp6", "re");
        char wanted[33] = "", line[256], word[64];
        uint32_t raw;

        if (!f)
                return false;
        if (v4) {
                memcpy(&raw, group->bytes, 4);
                (void) snprintf(wanted, sizeof(wanted), "%08X", raw);
        } else
                for (size_t i = 0; i < 16; i++)
                        (void) snprintf(wanted + 2 * i, 3, "%02x", group->bytes[i]);
        while (!found && fgets(line, sizeof(line), f))
                found = sscanf(line, v4 ? "\t\t\t\t%63s" : "%*s %*s %63s", word) == 1 &&
                        strcmp(word, wanted) == 0;
        (void) fclose(f);
        return found;
}

int kernel_ifindex(const char *name) {
        return (int) if_nametoindex(name);
}
