/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Many subscribers of the daemon, one change at a time: when the first and the last of them have it,
 * and what it costs the daemon.
 *
 *   bench-subscribe PATH PID IFINDEX SUBSCRIBERS CHANGES   prints one JSON object, nanoseconds
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench-common.h"

#define WARM_UP 20
#define BUFFER_SIZE (1024 * 1024)
#define EVENTS 256
#define TIMEOUT_MSEC 10000

static const char request[] = "{\"method\":\"org.ifroster.Subscribe\",\"more\":true}";
static char buffer[BUFFER_SIZE];

typedef struct Subscriber {
        int fd;
        unsigned n; /* messages */
        bool ready;
} Subscriber;

typedef struct Bench {
        Subscriber *subscribers;
        unsigned n;
        int epoll_fd;
        int netlink_fd;
        int ifindex;
        const char *schedstat;
} Bench;

static void subscribe(Bench *bench, Subscriber *s, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };

        (void) must(strlen(path) < sizeof(address.sun_path) ? 0 : -ENAMETOOLONG, path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        s->fd = must_errno(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        (void) must_errno(connect(s->fd, (struct sockaddr *) &address, sizeof(address)), path);
        (void) must_errno((int) send(s->fd, request, sizeof(request), 0), "send");
        (void) must_errno(epoll_ctl(bench->epoll_fd, EPOLL_CTL_ADD, s->fd, &event), "epoll_ctl");
}

static void receive(Subscriber *s) {
        int n = must_errno((int) recv(s->fd, buffer, sizeof(buffer) - 1, 0), "recv");

        (void) must(n == 0 ? -ECONNRESET : 0, "a subscription");
        /* May be cut in two, which only matters where nobody measures. */
        buffer[n] = 0;
        for (int i = 0; i < n; i++)
                if (buffer[i] == 0)
                        s->n++;
        if (!s->ready && memmem(buffer, (size_t) n, "\"Ready\":true", 12)) {
                s->ready = true;
                s->n = 0;
        }
}

/* Until so many more subscribers have got something to count. Returns when the first had it. */
static uint64_t wait_for(Bench *bench, bool (*has)(const Subscriber *s, unsigned i), unsigned i) {
        struct epoll_event events[EVENTS];
        uint64_t first = 0;
        unsigned done = 0;

        while (done < bench->n) {
                int n = must_errno(epoll_wait(bench->epoll_fd, events, EVENTS, TIMEOUT_MSEC),
                                   "epoll_wait");

                (void) must(n == 0 ? -ETIMEDOUT : 0, "a subscriber");
                for (int k = 0; k < n; k++) {
                        Subscriber *s = events[k].data.ptr;
                        bool had = has(s, i);

                        receive(s);
                        if (first == 0)
                                first = now_nsec();
                        done += !had && has(s, i);
                }
        }
        return first;
}

static bool is_ready(const Subscriber *s, unsigned i) {
        return s->ready;
}

static bool has_message(const Subscriber *s, unsigned i) {
        return s->n > i;
}

/* CPU time of the daemon so far. */
static uint64_t cpu_nsec(const Bench *bench) {
        FILE *file = fopen(bench->schedstat, "re");
        uint64_t nsec = 0;

        (void) must(!file || fscanf(file, "%" SCNu64, &nsec) != 1 ? -EIO : 0, bench->schedstat);
        (void) fclose(file);
        return nsec;
}

static void run(Bench *bench, unsigned changes) {
        uint64_t *firsts = calloc(changes, sizeof(uint64_t));
        uint64_t *lasts = calloc(changes, sizeof(uint64_t)), cpu = 0;

        (void) must(firsts && lasts ? 0 : -ENOMEM, "memory");
        for (unsigned i = 0; i < WARM_UP + changes; i++) {
                uint64_t start = now_nsec(), first;

                if (i == WARM_UP)
                        cpu = cpu_nsec(bench);
                netlink_change(bench->netlink_fd, BENCH_CHANGE_MTU, bench->ifindex, i);
                first = wait_for(bench, has_message, i);
                if (i < WARM_UP)
                        continue;
                firsts[i - WARM_UP] = first - start;
                lasts[i - WARM_UP] = now_nsec() - start;
        }
        cpu = cpu_nsec(bench) - cpu;

        printf("{\"cpu\": %" PRIu64 ", \"first_p50\": %" PRIu64 ", \"last_p50\": %" PRIu64
               ", \"last_p99\": %" PRIu64 "}\n",
               cpu / changes, quantile(firsts, changes, 0.5), quantile(lasts, changes, 0.5),
               quantile(lasts, changes, 0.99));
        free(firsts);
        free(lasts);
}

int main(int argc, char *argv[]) {
        struct rlimit limit = {};
        char schedstat[64];
        Bench bench = {};
        uint64_t start;

        if (argc != 6) {
                fputs("usage: bench-subscribe PATH PID IFINDEX SUBSCRIBERS CHANGES\n", stderr);
                return 2;
        }
        (void) must_errno(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
        limit.rlim_cur = limit.rlim_max;
        (void) must_errno(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");

        (void) snprintf(schedstat, sizeof(schedstat), "/proc/%s/schedstat", argv[2]);
        bench.schedstat = schedstat;
        bench.ifindex = atoi(argv[3]);
        bench.n = (unsigned) atoi(argv[4]);
        bench.netlink_fd = netlink_open(0);
        bench.epoll_fd = must_errno(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        bench.subscribers = calloc(bench.n, sizeof(Subscriber));
        (void) must(bench.subscribers ? 0 : -ENOMEM, "memory");

        start = now_nsec();
        for (unsigned i = 0; i < bench.n; i++)
                subscribe(&bench, &bench.subscribers[i], argv[1]);
        (void) wait_for(&bench, is_ready, 0);
        fprintf(stderr, "%u subscribers are ready after %.1f ms\n", bench.n,
                (double) (now_nsec() - start) / 1e6);
        run(&bench, (unsigned) atoi(argv[5]));
        return 0;
}
