/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How long after a change in the kernel a waiting client runs: by ifroster_wait(), which sleeps on a
 * word of the shared table, by the descriptor for event loops, and, as what no client can do better
 * than, by a bare netlink socket of its own.
 *
 *   bench-wake TABLE IFINDEX N-CHANGES
 *
 * A thread waits, the other adds or removes an address and notes the time just before. (Not the MTU: after
 * telling of that, the kernel goes over all IPv6 routes, and the processor is busy.) Prints one JSON
 * object, nanoseconds.
 */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "bench-common.h"
#include "ifroster.h"

/* Between two changes: the waiter has gone to sleep, and so has the daemon. */
#define PAUSE_NSEC (2 * 1000 * 1000)

typedef struct Waiter {
        void (*wait)(struct Waiter *w);
        ifroster *roster;
        uint64_t generation;
        int fd;
        uint64_t woken; /* when */
        pthread_barrier_t before, after;
        unsigned n;
} Waiter;

static void wait_by_futex(Waiter *w) {
        (void) must(ifroster_wait(w->roster, w->generation, UINT64_MAX), "ifroster_wait");
        w->woken = now_nsec();
}

static void wait_by_descriptor(Waiter *w) {
        struct pollfd p = { .fd = w->fd, .events = POLLIN };
        int r;

        do {
                (void) must_errno(poll(&p, 1, -1), "poll");
                w->woken = now_nsec();
                r = must(ifroster_dispatch(w->roster), "ifroster_dispatch");
        } while (r == 0);
        while (ifroster_next_event(w->roster))
                ;
}

static void wait_by_netlink(Waiter *w) {
        char buffer[32768];

        (void) must_errno((int) recv(w->fd, buffer, sizeof(buffer), 0), "recv");
        w->woken = now_nsec();
}

static void *wait_on(void *userdata) {
        Waiter *w = userdata;

        for (unsigned i = 0; i < w->n; i++) {
                if (w->roster)
                        w->generation = ifroster_generation(w->roster);
                (void) pthread_barrier_wait(&w->before);
                w->wait(w);
                (void) pthread_barrier_wait(&w->after);
        }
        return NULL;
}

static void measure(Waiter *w, const char *name, int ifindex, unsigned n) {
        const struct timespec pause = { .tv_nsec = PAUSE_NSEC };
        uint64_t *took = calloc(n, sizeof(*took));
        int changer = netlink_open(0);
        pthread_t thread;

        (void) must(took ? 0 : -ENOMEM, "memory");
        w->n = n;
        (void) pthread_barrier_init(&w->before, NULL, 2);
        (void) pthread_barrier_init(&w->after, NULL, 2);
        (void) must(-pthread_create(&thread, NULL, wait_on, w), "thread");
        for (unsigned i = 0; i < n; i++) {
                uint64_t start;

                (void) pthread_barrier_wait(&w->before);
                (void) nanosleep(&pause, NULL);
                start = now_nsec();
                netlink_change(changer, BENCH_CHANGE_ADDRESS, ifindex, i);
                (void) pthread_barrier_wait(&w->after);
                took[i] = w->woken - start;
        }
        (void) pthread_join(thread, NULL);
        printf("\"%s_p50\": %llu, \"%s_p99\": %llu", name,
               (unsigned long long) quantile(took, n, 0.5), name,
               (unsigned long long) quantile(took, n, 0.99));
        free(took);
}

/* What is there already is no change. */
static void open_descriptor(Waiter *w) {
        struct pollfd p = { .events = POLLIN };

        w->fd = p.fd = must(ifroster_get_fd(w->roster), "ifroster_get_fd");
        while (poll(&p, 1, 100) > 0) {
                (void) must(ifroster_dispatch(w->roster), "ifroster_dispatch");
                while (ifroster_next_event(w->roster))
                        ;
        }
}

int main(int argc, char *argv[]) {
        Waiter futex = { .wait = wait_by_futex }, descriptor = { .wait = wait_by_descriptor };
        Waiter netlink = { .wait = wait_by_netlink };
        int ifindex;
        unsigned n;

        if (argc != 4)
                return 2;
        ifindex = atoi(argv[2]);
        n = (unsigned) atoi(argv[3]);
        printf("{");
        netlink.fd = netlink_open(RTMGRP_IPV4_IFADDR);
        measure(&netlink, "netlink", ifindex, n);
        (void) must(ifroster_new(argv[1], IFROSTER_SHARED_ONLY, &futex.roster), argv[1]);
        printf(", ");
        measure(&futex, "futex", ifindex, n);
        ifroster_free(futex.roster);
        (void) must(ifroster_new(argv[1], IFROSTER_SHARED_ONLY, &descriptor.roster), argv[1]);
        open_descriptor(&descriptor);
        printf(", ");
        measure(&descriptor, "descriptor", ifindex, n);
        ifroster_free(descriptor.roster);
        printf("}\n");
        return 0;
}
