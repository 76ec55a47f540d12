/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Time, order statistics and changes over rtnetlink for the benchmarks. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench-common.h"

#define MTU_FIRST 1400
#define MTU_N 100

#define N_ROUNDS 15
#define CALLS_MAX 100000
#define N_SAMPLES 20000
#define BATCH 16

int must(int r, const char *what) {
        if (r >= 0)
                return r;
        fprintf(stderr, "%s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

int must_errno(int r, const char *what) {
        return must(r < 0 ? -errno : r, what);
}

static uint64_t clock_nsec(clockid_t clock) {
        struct timespec t;

        (void) clock_gettime(clock, &t);
        return (uint64_t) t.tv_sec * UINT64_C(1000000000) + (uint64_t) t.tv_nsec;
}

uint64_t now_nsec(void) {
        return clock_nsec(CLOCK_MONOTONIC);
}

uint64_t process_nsec(void) {
        return clock_nsec(CLOCK_PROCESS_CPUTIME_ID);
}

static int by_value(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

uint64_t quantile(uint64_t *values, size_t n, double part) {
        size_t i = (size_t) (part * (double) n);

        qsort(values, n, sizeof(values[0]), by_value);
        return values[i < n ? i : n - 1];
}

double cpu_of_call(void (*call)(void *userdata), void *userdata, uint64_t nsec) {
        uint64_t rounds[N_ROUNDS], start = process_nsec();
        unsigned calls = 0;

        /* How many fit into a round. */
        do {
                call(userdata);
                calls++;
        } while (process_nsec() - start < nsec / N_ROUNDS && calls < CALLS_MAX);
        for (unsigned r = 0; r < N_ROUNDS; r++) {
                start = process_nsec();
                for (unsigned i = 0; i < calls; i++)
                        call(userdata);
                /* Thousandths, so that integers are exact enough. */
                rounds[r] = (process_nsec() - start) * 1000 / calls;
        }
        return (double) quantile(rounds, N_ROUNDS, 0.5) / 1000;
}

static void sample(uint64_t *samples, unsigned batch, void (*call)(void *userdata),
                   void *userdata) {
        for (unsigned n = 0; n < N_SAMPLES; n++) {
                uint64_t start = now_nsec();

                for (unsigned i = 0; i < batch; i++)
                        call(userdata);
                samples[n] = now_nsec() - start;
        }
}

BenchTimes times_of_call(void (*call)(void *userdata), void *userdata) {
        uint64_t *samples = calloc(N_SAMPLES, sizeof(samples[0]));
        uint64_t clock;
        BenchTimes t;

        (void) must(samples ? 0 : -ENOMEM, "memory");
        sample(samples, 0, call, userdata);
        clock = quantile(samples, N_SAMPLES, 0.5);
        sample(samples, BATCH, call, userdata);
        t.p50 = ((double) quantile(samples, N_SAMPLES, 0.5) - (double) clock) / BATCH;
        t.p99 = ((double) quantile(samples, N_SAMPLES, 0.99) - (double) clock) / BATCH;
        free(samples);
        return t;
}

int netlink_open(uint32_t groups) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
        int fd;

        fd = must_errno(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "socket");
        (void) must_errno(bind(fd, (struct sockaddr *) &address, sizeof(address)), "bind");
        return fd;
}

typedef struct ChangeRequest {
        struct nlmsghdr header;
        union {
                struct ifinfomsg link;
                struct ifaddrmsg address;
        };
        uint8_t attributes[64];
} ChangeRequest;

static void request_append(ChangeRequest *q, uint16_t type, uint32_t value) {
        struct rtattr *attribute = (void *) ((uint8_t *) q + q->header.nlmsg_len);

        attribute->rta_type = type;
        attribute->rta_len = RTA_LENGTH(sizeof(value));
        memcpy(RTA_DATA(attribute), &value, sizeof(value));
        q->header.nlmsg_len += (uint32_t) RTA_SPACE(sizeof(value));
}

static void build_mtu(ChangeRequest *q, int ifindex, unsigned i) {
        q->header.nlmsg_type = RTM_NEWLINK;
        q->header.nlmsg_len = NLMSG_LENGTH(sizeof(q->link));
        q->link.ifi_index = ifindex;
        request_append(q, IFLA_MTU, MTU_FIRST + i % MTU_N);
}

static void build_address(ChangeRequest *q, int ifindex, unsigned i) {
        uint32_t address = htonl(0xc6336400U + i / 2 % 256); /* 198.51.100.0/24 is for examples */

        q->header.nlmsg_type = i % 2 == 0 ? RTM_NEWADDR : RTM_DELADDR;
        q->header.nlmsg_len = NLMSG_LENGTH(sizeof(q->address));
        q->address.ifa_family = AF_INET;
        q->address.ifa_prefixlen = 32;
        q->address.ifa_index = (uint32_t) ifindex;
        request_append(q, IFA_LOCAL, address);
        request_append(q, IFA_ADDRESS, address);
}

void netlink_change(int fd, BenchChange change, int ifindex, unsigned i) {
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        ChangeRequest q = { .header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
        union {
                struct nlmsghdr header;
                uint8_t bytes[1024];
        } answer;
        const struct nlmsgerr *error = NLMSG_DATA(&answer.header);

        switch (change) {
        case BENCH_CHANGE_MTU:
                build_mtu(&q, ifindex, i);
                break;
        case BENCH_CHANGE_ADDRESS:
                build_address(&q, ifindex, i);
                break;
        }
        (void) must_errno((int) sendto(fd, &q, q.header.nlmsg_len, 0, (struct sockaddr *) &kernel,
                                       sizeof(kernel)),
                          "sendto");
        (void) must_errno((int) recv(fd, &answer, sizeof(answer), 0), "recv");
        (void) must(answer.header.nlmsg_type == NLMSG_ERROR ? error->error : -EBADMSG,
                    "changing a link");
}
