/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the daemon is measured beside: programs that do the same work with nothing in it.
 *
 *   bench-peer dump            asks the kernel for the tables that the daemon reads at its start, with
 *                              the same requests, reads the answers and throws them away; then says
 *                              READY=1 to $NOTIFY_SOCKET and prints the nanoseconds that it took
 *   bench-peer signal ADDRESS  sends one constant signal for each wake-up by rtnetlink
 *   bench-peer echo PATH N     answers every request (up to a NUL byte) on a socket with N bytes
 */

#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "bench-common.h"
#include "rtnl.h"

#define BUFFER_SIZE (64 * 1024)

static uint8_t *new_buffer(void) {
        uint8_t *buffer = malloc(BUFFER_SIZE);

        (void) must(buffer ? 0 : -ENOMEM, "memory");
        return buffer;
}

/* Reads up to the end of a dump. Returns the number of messages. */
static unsigned read_dump(int fd, uint8_t *buffer) {
        unsigned n = 0;

        for (;;) {
                int len = must_errno((int) recv(fd, buffer, BUFFER_SIZE, 0), "recv");
                struct nlmsghdr *message = (void *) buffer;

                for (; NLMSG_OK(message, (unsigned) len); message = NLMSG_NEXT(message, len)) {
                        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
                                return n;
                        n++;
                }
        }
}

static void peer_dump(void) {
        static const RtnlRequest requests[] = {
                { .object = RTNL_LINK, .dump = true },
                { .object = RTNL_ADDRESS, .dump = true },
                { .object = RTNL_GROUP, .dump = true, .family = AF_INET },
                { .object = RTNL_GROUP, .dump = true, .family = AF_INET6 },
                { .object = RTNL_ROUTE, .dump = true, .family = AF_INET },
                { .object = RTNL_ROUTE, .dump = true, .family = AF_INET6 },
        };
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        uint64_t start = now_nsec();
        uint8_t *buffer = new_buffer();
        int fd = netlink_open(0), one = 1;
        unsigned n = 0;

        (void) must_errno(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one)),
                          "NETLINK_GET_STRICT_CHK");
        for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
                uint8_t request[RTNL_REQUEST_MAX];
                int len = must(rtnl_build(&requests[i], i + 1, request), "rtnl_build");

                (void) must_errno((int) sendto(fd, request, (size_t) len, 0,
                                               (struct sockaddr *) &kernel, sizeof(kernel)),
                                  "sendto");
                n += read_dump(fd, buffer);
        }
        (void) sd_notify(0, "READY=1");
        printf("{\"nsec\": %" PRIu64 ", \"messages\": %u}\n", now_nsec() - start, n);
        free(buffer);
}

static void peer_signal(const char *address) {
        uint8_t *buffer = new_buffer();
        sd_bus *bus = NULL;
        int fd;

        (void) must(sd_bus_new(&bus), "sd_bus_new");
        (void) must(sd_bus_set_address(bus, address), address);
        (void) must(sd_bus_set_bus_client(bus, true), "sd_bus_set_bus_client");
        (void) must(sd_bus_start(bus), address);
        (void) must(sd_bus_flush(bus), "sd_bus_flush");

        fd = netlink_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
        (void) sd_notify(0, "READY=1");
        for (;;) {
                /* The wake-up, and whatever came with it. */
                (void) must_errno((int) recv(fd, buffer, BUFFER_SIZE, 0), "recv");
                while (recv(fd, buffer, BUFFER_SIZE, MSG_DONTWAIT) > 0)
                        ;
                (void) must(sd_bus_emit_signal(bus, "/org/ifroster1", "org.ifroster1.Manager",
                                               "Changed", "taa{sv}", (uint64_t) 1, 0),
                            "sd_bus_emit_signal");
                while (sd_bus_process(bus, NULL) > 0)
                        ;
        }
}

static void peer_echo(const char *path, size_t n) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        uint8_t *request = new_buffer();
        char *answer = malloc(n);
        int listener, fd;

        (void) must(answer && strlen(path) < sizeof(address.sun_path) ? 0 : -ENOMEM, "memory");
        memset(answer, 'x', n);
        answer[n - 1] = '\0';
        memcpy(address.sun_path, path, strlen(path) + 1);
        listener = must_errno(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        (void) must_errno(bind(listener, (struct sockaddr *) &address, sizeof(address)), path);
        (void) must_errno(listen(listener, 1), "listen");
        (void) sd_notify(0, "READY=1");
        fd = must_errno(accept(listener, NULL, NULL), "accept");
        for (;;) {
                ssize_t len = must_errno((int) recv(fd, request, BUFFER_SIZE, 0), "recv");

                if (len == 0)
                        return;
                if (request[len - 1] != '\0')
                        continue;
                for (size_t sent = 0; sent < n;)
                        sent += (size_t) must_errno((int) send(fd, answer + sent, n - sent, 0),
                                                    "send");
        }
}

int main(int argc, char *argv[]) {
        if (argc == 2 && strcmp(argv[1], "dump") == 0)
                peer_dump();
        else if (argc == 3 && strcmp(argv[1], "signal") == 0)
                peer_signal(argv[2]);
        else if (argc == 4 && strcmp(argv[1], "echo") == 0)
                peer_echo(argv[2], (size_t) atoi(argv[3]));
        else
                return 2;
        return 0;
}
