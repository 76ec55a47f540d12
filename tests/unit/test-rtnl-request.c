/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every kind of request: byte for byte against a message made by hand, and sent to the running kernel
 * under strict checking, in a network namespace of its own, where a field too many is an error.
 */

#include <check.h>
#include <errno.h>
#include <linux/if_addrlabel.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "rtnl-builder.h"
#include "rtnl.h"
#include "unit.h"
#include "util.h"

#define SEQUENCE 0x01020304
#define LONG_NAME "a-name-of-more-than-fifteen-bytes"
#define NAME(text) \
        { text, sizeof(text) - 1 }
#define V4(a, b, c, d)             \
        {                          \
                AF_INET, {         \
                        a, b, c, d \
                }                  \
        }
#define V6_LOOPBACK              \
        {                        \
                AF_INET6, {      \
                        [15] = 1 \
                }                \
        }
#define V6_ELSEWHERE                           \
        {                                      \
                AF_INET6, {                    \
                        0x20, 0x01, 0x0d, 0xb8 \
                }                              \
        }

static Builder builder;

static void expect(const RtnlRequest *request) {
        uint8_t found[RTNL_REQUEST_MAX];
        int r;

        r = rtnl_build(request, SEQUENCE, found);
        builder.header.nlmsg_seq = SEQUENCE;
        ck_assert_int_eq(r, (int) builder.header.nlmsg_len);
        ck_assert_mem_eq(found, builder.data, builder.header.nlmsg_len);
}

#define BEGIN(type, flags, header)                                      \
        do {                                                            \
                builder_begin(&builder, type, NLM_F_REQUEST | (flags)); \
                builder_put(&builder, &(header), sizeof(header));       \
        } while (false)

START_TEST(link_requests) {
        struct ifinfomsg header = {};

        BEGIN(RTM_GETLINK, NLM_F_DUMP, header);
        expect(&(RtnlRequest){ .object = RTNL_LINK, .dump = true, .statistics = true });
        builder_u32(&builder, IFLA_EXT_MASK, 8);
        expect(&(RtnlRequest){ .object = RTNL_LINK, .dump = true });

        BEGIN(RTM_GETLINK, 0, header);
        builder_text(&builder, IFLA_ALT_IFNAME, LONG_NAME);
        builder_u32(&builder, IFLA_EXT_MASK, 8);
        /* Only len bytes of the name count. */
        expect(&(RtnlRequest){ .object = RTNL_LINK,
                               .name = { LONG_NAME "more", sizeof(LONG_NAME) - 1 } });

        header.ifi_index = 7;
        BEGIN(RTM_GETLINK, 0, header);
        expect(&(RtnlRequest){ .object = RTNL_LINK, .ifindex = 7, .statistics = true });
        builder_u32(&builder, IFLA_EXT_MASK, 8);
        expect(&(RtnlRequest){ .object = RTNL_LINK, .ifindex = 7 });
}
END_TEST

START_TEST(address_requests) {
        struct ifaddrmsg header = {};

        BEGIN(RTM_GETADDR, NLM_F_DUMP, header);
        expect(&(RtnlRequest){ .object = RTNL_ADDRESS, .dump = true });
        header = (struct ifaddrmsg){ .ifa_family = AF_INET6, .ifa_index = 9 };
        BEGIN(RTM_GETADDR, NLM_F_DUMP, header);
        expect(&(RtnlRequest){
                        .object = RTNL_ADDRESS, .dump = true, .family = AF_INET6, .ifindex = 9 });
        BEGIN(58, NLM_F_DUMP, header);
        expect(&(RtnlRequest){
                        .object = RTNL_GROUP, .dump = true, .family = AF_INET6, .ifindex = 9 });
}
END_TEST

START_TEST(route_requests) {
        struct rtmsg header = { .rtm_family = AF_INET };

        BEGIN(RTM_GETROUTE, NLM_F_DUMP, header);
        expect(&(RtnlRequest){ .object = RTNL_ROUTE, .dump = true, .family = AF_INET });
        builder_u32(&builder, RTA_OIF, 3);
        expect(&(RtnlRequest){
                        .object = RTNL_ROUTE, .dump = true, .family = AF_INET, .ifindex = 3 });

        header = (struct rtmsg){ .rtm_family = AF_INET6, .rtm_table = 255 };
        BEGIN(RTM_GETROUTE, NLM_F_DUMP, header);
        builder_u32(&builder, RTA_TABLE, 255);
        expect(&(RtnlRequest){ .object = RTNL_LOCAL, .dump = true, .family = AF_INET6 });
        builder_u32(&builder, RTA_OIF, 3);
        expect(&(RtnlRequest){
                        .object = RTNL_LOCAL, .dump = true, .family = AF_INET6, .ifindex = 3 });
}
END_TEST

START_TEST(other_requests) {
        struct ndmsg neighbour = { .ndm_family = AF_INET6, .ndm_flags = NTF_PROXY };
        struct ifaddrlblmsg label = { .ifal_family = AF_INET6 };

        BEGIN(RTM_GETNEIGH, NLM_F_DUMP, neighbour);
        expect(&(RtnlRequest){ .object = RTNL_PROXY, .dump = true, .family = AF_INET6 });
        builder_u32(&builder, NDA_IFINDEX, 4);
        expect(&(RtnlRequest){
                        .object = RTNL_PROXY, .dump = true, .family = AF_INET6, .ifindex = 4 });
        BEGIN(RTM_GETADDRLABEL, NLM_F_DUMP, label);
        expect(&(RtnlRequest){ .object = RTNL_LABEL, .dump = true });
}
END_TEST

START_TEST(lookup_requests) {
        struct rtmsg header = {
                .rtm_family = AF_INET,
                .rtm_dst_len = 32,
                .rtm_flags = RTM_F_LOOKUP_TABLE,
        };

        BEGIN(RTM_GETROUTE, 0, header);
        builder_ip(&builder, RTA_DST, "192.0.2.1");
        expect(&(RtnlRequest){ .object = RTNL_FIB, .destination = V4(192, 0, 2, 1) });

        header.rtm_src_len = 32;
        header.rtm_flags |= RTM_F_FIB_MATCH;
        BEGIN(RTM_GETROUTE, 0, header);
        builder_ip(&builder, RTA_DST, "192.0.2.1");
        builder_ip(&builder, RTA_SRC, "10.0.0.1");
        builder_u32(&builder, RTA_OIF, 5);
        expect(&(RtnlRequest){ .object = RTNL_FIB,
                               .destination = V4(192, 0, 2, 1),
                               .source = V4(10, 0, 0, 1),
                               .ifindex = 5,
                               .fib_match = true });

        header = (struct rtmsg){ .rtm_family = AF_INET6, .rtm_dst_len = 128 };
        BEGIN(RTM_GETROUTE, 0, header);
        builder_ip(&builder, RTA_DST, "::1");
        expect(&(RtnlRequest){ .object = RTNL_FIB, .destination = V6_LOOPBACK });
        header.rtm_flags = RTM_F_FIB_MATCH;
        BEGIN(RTM_GETROUTE, 0, header);
        builder_ip(&builder, RTA_DST, "::1");
        expect(&(RtnlRequest){ .object = RTNL_FIB, .destination = V6_LOOPBACK, .fib_match = true });
}
END_TEST

START_TEST(nonsense) {
        static const char too_long[LINK_ALTNAME_MAX + 1] = { [0 ... LINK_ALTNAME_MAX] = 'n' };
        const RtnlRequest requests[] = {
                { .object = RTNL_LINK },
                { .object = RTNL_LINK, .ifindex = -1 },
                { .object = RTNL_LINK, .ifindex = 1, .name = NAME("lo") },
                { .object = RTNL_LINK, .name = NAME("l\0o") },
                { .object = RTNL_LINK, .name = { too_long, sizeof(too_long) } },
                { .object = RTNL_LINK, .dump = true, .ifindex = 1 },
                { .object = RTNL_LINK, .dump = true, .name = NAME("lo") },
                { .object = RTNL_ADDRESS },
                { .object = RTNL_ADDRESS, .dump = true, .family = AF_BRIDGE },
                { .object = RTNL_GROUP, .dump = true },
                { .object = RTNL_ROUTE, .dump = true },
                { .object = RTNL_LOCAL, .dump = true },
                { .object = RTNL_LOCAL, .family = AF_INET },
                { .object = RTNL_NEXTHOP, .dump = true },
                { .object = RTNL_LABEL, .dump = true, .ifindex = 1 },
                { .object = RTNL_FIB },
                { .object = RTNL_FIB, .dump = true, .destination = V6_LOOPBACK },
                { .object = RTNL_FIB, .destination = V6_LOOPBACK, .source = V4(1, 2, 3, 4) },
                { .object = _RTNL_OBJECT_MAX },
                { .object = _RTNL_OBJECT_MAX, .dump = true },
        };

        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                uint8_t buffer[RTNL_REQUEST_MAX] = {};

                ck_assert_msg(rtnl_build(&requests[i], 1, buffer) == -EINVAL, "request %zu", i);
                ck_assert(memory_is_zero(buffer, sizeof(buffer)));
        }
}
END_TEST

/* The kernel's view, in a child, because it leaves its namespace. ------------------------------- */

typedef struct Question {
        RtnlRequest request;
        int error; /* how the answer ends */
        bool or_none; /* a kernel without multicast dumps says -EOPNOTSUPP */
        int n_rows; /* at least so many rows of the object */
} Question;

static const Question questions[] = {
        { .request = { .object = RTNL_LINK, .dump = true }, .n_rows = 1 },
        { .request = { .object = RTNL_LINK, .dump = true, .statistics = true }, .n_rows = 1 },
        { .request = { .object = RTNL_LINK, .ifindex = 1 }, .n_rows = 1 },
        { .request = { .object = RTNL_LINK, .ifindex = 1, .statistics = true }, .n_rows = 1 },
        { .request = { .object = RTNL_LINK, .ifindex = 999 }, .error = -ENODEV },
        { .request = { .object = RTNL_LINK, .name = NAME("lo") }, .n_rows = 1 },
        { .request = { .object = RTNL_LINK, .name = NAME(LONG_NAME) }, .n_rows = 1 },
        { .request = { .object = RTNL_LINK, .name = NAME("nosuchlink") }, .error = -ENODEV },
        { .request = { .object = RTNL_ADDRESS, .dump = true }, .n_rows = 2 },
        { .request = { .object = RTNL_ADDRESS, .dump = true, .family = AF_INET }, .n_rows = 1 },
        { .request = { .object = RTNL_ADDRESS, .dump = true, .ifindex = 1 }, .n_rows = 2 },
        { .request = { .object = RTNL_ADDRESS, .dump = true, .ifindex = 999 }, .error = -ENODEV },
        { .request = { .object = RTNL_GROUP, .dump = true, .family = AF_INET },
          .n_rows = 1,
          .or_none = true },
        { .request = { .object = RTNL_GROUP, .dump = true, .family = AF_INET6 }, .n_rows = 1 },
        { .request = { .object = RTNL_GROUP, .dump = true, .family = AF_INET6, .ifindex = 1 },
          .n_rows = 1 },
        { .request = { .object = RTNL_ROUTE, .dump = true, .family = AF_INET } },
        { .request = { .object = RTNL_ROUTE, .dump = true, .family = AF_INET6, .ifindex = 1 } },
        { .request = { .object = RTNL_LOCAL, .dump = true, .family = AF_INET }, .n_rows = 2 },
        { .request = { .object = RTNL_LOCAL, .dump = true, .family = AF_INET6 }, .n_rows = 1 },
        { .request = { .object = RTNL_LOCAL, .dump = true, .family = AF_INET, .ifindex = 1 },
          .n_rows = 2 },
        { .request = { .object = RTNL_LOCAL, .dump = true, .family = AF_INET6, .ifindex = 999 },
          .error = -ENODEV },
        { .request = { .object = RTNL_PROXY, .dump = true } },
        { .request = { .object = RTNL_PROXY, .dump = true, .family = AF_INET6, .ifindex = 1 } },
        { .request = { .object = RTNL_LABEL, .dump = true }, .n_rows = 5 },
        { .request = { .object = RTNL_FIB, .destination = V4(127, 9, 9, 9) }, .n_rows = 1 },
        { .request = { .object = RTNL_FIB, .destination = V4(127, 9, 9, 9), .fib_match = true },
          .n_rows = 1 },
        { .request = { .object = RTNL_FIB, .destination = V4(192, 0, 2, 1) },
          .error = -ENETUNREACH },
        { .request = { .object = RTNL_FIB,
                       .destination = V4(127, 0, 0, 1),
                       .source = V4(127, 0, 0, 2),
                       .ifindex = 1 },
          .n_rows = 1 },
        { .request = { .object = RTNL_FIB, .destination = V6_LOOPBACK }, .n_rows = 1 },
        { .request = { .object = RTNL_FIB,
                       .destination = V6_LOOPBACK,
                       .source = V6_LOOPBACK,
                       .ifindex = 1,
                       .fib_match = true },
          .n_rows = 1 },
        { .request = { .object = RTNL_FIB, .destination = V6_ELSEWHERE }, .error = -ENETUNREACH },
};

static int open_socket(void) {
        const struct timeval timeout = { .tv_sec = 10 };
        const int one = 1;
        int fd;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0 || setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        return fd;
}

static bool is_row(const RtnlRequest *request, const struct nlmsghdr *message) {
        static RtnlMessage parsed;
        RtnlFib fib;

        if (request->object == RTNL_FIB)
                return rtnl_parse_fib(message, message->nlmsg_len, &fib) == 0 && fib.ifindex == 1;
        return rtnl_parse(message, message->nlmsg_len, 0, &parsed) == 0 &&
               parsed.object == request->object;
}

/* Sends and reads to the end of the answer, whose error it returns. */
static int ask(int fd, const void *data, size_t len, const RtnlRequest *request, int *ret_rows) {
        static union {
                struct nlmsghdr header;
                uint8_t data[65536];
        } buffer;

        *ret_rows = 0;
        if (send(fd, data, len, 0) < 0)
                return -errno;
        for (;;) {
                ssize_t size = recv(fd, buffer.data, sizeof(buffer.data), 0);

                if (size < 0)
                        return -errno;
                for (size_t pos = 0; pos + sizeof(struct nlmsghdr) <= (size_t) size;) {
                        const struct nlmsghdr *m = (const void *) (buffer.data + pos);

                        if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
                                return rtnl_parse_result(m, (size_t) size - pos);
                        *ret_rows += request && is_row(request, m);
                        if (!(m->nlmsg_flags & NLM_F_MULTI))
                                return 0;
                        pos += NLMSG_ALIGN(m->nlmsg_len);
                }
        }
}

/* Loopback up, for addresses and routes, and with an alternative name. */
static int prepare(int fd) {
        const struct ifinfomsg header = { .ifi_index = 1 };
        struct ifreq lo = { .ifr_name = "lo" };
        _cleanup_(closep) int udp = -1;
        size_t nest;
        int rows;

        udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (udp < 0 || ioctl(udp, SIOCGIFFLAGS, &lo) < 0)
                return -errno;
        lo.ifr_flags |= IFF_UP;
        if (ioctl(udp, SIOCSIFFLAGS, &lo) < 0)
                return -errno;

        builder_begin(&builder, RTM_NEWLINKPROP,
                      NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND);
        builder_put(&builder, &header, sizeof(header));
        nest = builder_nest(&builder, IFLA_PROP_LIST | NLA_F_NESTED);
        builder_text(&builder, IFLA_ALT_IFNAME, LONG_NAME);
        builder_nest_end(&builder, nest);
        return ask(fd, builder.data, builder.header.nlmsg_len, NULL, &rows);
}

static int ask_all(void) {
        _cleanup_(closep) int fd = -1;
        int n_wrong = 0, r;

        fd = open_socket();
        if (fd < 0)
                return fd;
        r = prepare(fd);
        if (r < 0) {
                fprintf(stderr, "# preparing: %s\n", strerror(-r));
                return r;
        }

        for (size_t i = 0; i < ELEMENTSOF(questions); i++) {
                const Question *q = &questions[i];
                uint8_t buffer[RTNL_REQUEST_MAX];
                int n_rows = 0;

                r = rtnl_build(&q->request, (uint32_t) i + 1, buffer);
                if (r > 0)
                        r = ask(fd, buffer, (size_t) r, &q->request, &n_rows);
                if (q->or_none && r == -EOPNOTSUPP)
                        continue;
                if (r != q->error || n_rows < q->n_rows) {
                        fprintf(stderr, "# question %zu: %d rows, %s\n", i, n_rows, strerror(-r));
                        n_wrong++;
                }
        }
        return n_wrong;
}

START_TEST(kernel_accepts) {
        int status;
        pid_t pid;

        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
                        fprintf(stderr, "# skipped: no network namespace to ask in: %m\n");
                        _exit(77);
                }
                _exit(ask_all() == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert(WEXITSTATUS(status) == EXIT_SUCCESS || WEXITSTATUS(status) == 77);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("rtnl-request");
        TCase *tcase = tcase_create("requests");

        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, link_requests);
        tcase_add_test(tcase, address_requests);
        tcase_add_test(tcase, route_requests);
        tcase_add_test(tcase, other_requests);
        tcase_add_test(tcase, lookup_requests);
        tcase_add_test(tcase, nonsense);
        tcase_add_test(tcase, kernel_accepts);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
