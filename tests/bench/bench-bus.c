/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A D-Bus client with a stop watch.
 *
 *   bench-bus call ADDRESS NAME PREFIX N-NAMES CALLS
 *       GetLinkByName and Peer.Ping to the same service, in turns, so that whatever disturbs the one
 *       disturbs the other. Links PREFIX1, PREFIX2, ... are asked for in random order.
 *   bench-bus signal ADDRESS IFINDEX mtu|address CHANGES
 *       changes a link and waits for the next signal Changed on the bus, whoever sends it. The time
 *       runs from before the request to the kernel. The next change waits until the bus is quiet.
 *
 * Prints one JSON object, times in nanoseconds.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "bench-common.h"

#define ROOT "/org/ifroster1"
#define MANAGER "org.ifroster1.Manager"
#define PEER "org.freedesktop.DBus.Peer"
#define WARM_UP 50
/* Nothing more comes for one change when the bus was silent for so long. */
#define QUIET_USEC 3000
#define SIGNAL_USEC 2000000

static sd_bus *connect_bus(const char *address) {
        sd_bus *bus = NULL;

        (void) must(sd_bus_new(&bus), "sd_bus_new");
        (void) must(sd_bus_set_address(bus, address), address);
        (void) must(sd_bus_set_bus_client(bus, true), "sd_bus_set_bus_client");
        (void) must(sd_bus_start(bus), address);
        return bus;
}

static uint64_t time_ping(sd_bus *bus, const char *name) {
        sd_bus_message *reply = NULL;
        uint64_t start = now_nsec();

        (void) must(sd_bus_call_method(bus, name, ROOT, PEER, "Ping", NULL, &reply, ""), "Ping");
        start = now_nsec() - start;
        sd_bus_message_unref(reply);
        return start;
}

static uint64_t time_get(sd_bus *bus, const char *name, const char *link) {
        sd_bus_message *reply = NULL;
        uint64_t start = now_nsec();
        const char *path;
        int ifindex;

        (void) must(sd_bus_call_method(bus, name, ROOT, MANAGER, "GetLinkByName", NULL, &reply, "s",
                                       link),
                    link);
        start = now_nsec() - start;
        (void) must(sd_bus_message_read(reply, "io", &ifindex, &path), "the answer");
        sd_bus_message_unref(reply);
        return start;
}

static uint64_t *new_times(unsigned n) {
        uint64_t *times = calloc(n + 1, sizeof(uint64_t));

        (void) must(times ? 0 : -ENOMEM, "memory");
        return times;
}

static void bench_call(const char *address, const char *name, const char *prefix, unsigned n_names,
                       unsigned calls) {
        uint64_t *ping = new_times(calls), *get = new_times(calls);
        sd_bus *bus = connect_bus(address);
        uint32_t x = 12345;
        char link[32];

        for (unsigned i = 0; i < WARM_UP + calls; i++) {
                unsigned slot = i < WARM_UP ? 0 : i - WARM_UP;

                x = x * 1664525 + 1013904223;
                (void) snprintf(link, sizeof(link), "%s%u", prefix,
                                1 + (unsigned) ((uint64_t) x * n_names >> 32));
                ping[slot] = time_ping(bus, name);
                get[slot] = time_get(bus, name, link);
        }
        printf("{\"calls\": %u, \"ping_p50\": %" PRIu64 ", \"ping_p99\": %" PRIu64
               ", \"get_p50\": %" PRIu64 ", \"get_p99\": %" PRIu64 "}\n",
               calls, quantile(ping, calls, 0.5), quantile(ping, calls, 0.99),
               quantile(get, calls, 0.5), quantile(get, calls, 0.99));
        sd_bus_flush_close_unref(bus);
        free(ping);
        free(get);
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        unsigned *n_signals = userdata;

        (*n_signals)++;
        return 0;
}

/* Waits for the next message and handles it. Returns whether there was one in this time. */
static bool next_message(sd_bus *bus, uint64_t usec) {
        int r;

        for (;;) {
                r = must(sd_bus_process(bus, NULL), "sd_bus_process");
                if (r > 0)
                        return true;
                r = must(sd_bus_wait(bus, usec), "sd_bus_wait");
                if (r == 0)
                        return false;
        }
}

static void bench_signal(const char *address, int ifindex, BenchChange change, unsigned changes) {
        uint64_t *times = new_times(changes);
        sd_bus *bus = connect_bus(address);
        unsigned n_signals = 0, before;
        int fd = netlink_open(0);

        (void) must(sd_bus_add_match(bus, NULL,
                                     "type='signal',interface='" MANAGER "',member='Changed'",
                                     on_changed, &n_signals),
                    "sd_bus_add_match");
        /* An even number, so that every address that comes also goes. */
        for (unsigned i = 0; i < WARM_UP + changes; i++) {
                uint64_t start = now_nsec();

                before = n_signals;
                netlink_change(fd, change, ifindex, i);
                while (n_signals == before)
                        if (!next_message(bus, SIGNAL_USEC))
                                (void) must(-ETIMEDOUT, "waiting for a signal");
                times[i < WARM_UP ? 0 : i - WARM_UP] = now_nsec() - start;
                while (next_message(bus, QUIET_USEC))
                        ;
        }
        printf("{\"changes\": %u, \"signals\": %u, \"p50\": %" PRIu64 ", \"p99\": %" PRIu64 "}\n",
               changes, n_signals, quantile(times, changes, 0.5), quantile(times, changes, 0.99));
        sd_bus_flush_close_unref(bus);
        free(times);
}

int main(int argc, char *argv[]) {
        if (argc == 7 && strcmp(argv[1], "call") == 0)
                bench_call(argv[2], argv[3], argv[4], (unsigned) atoi(argv[5]),
                           (unsigned) atoi(argv[6]));
        else if (argc == 6 && strcmp(argv[1], "signal") == 0)
                bench_signal(argv[2], atoi(argv[3]),
                             strcmp(argv[4], "address") == 0 ? BENCH_CHANGE_ADDRESS
                                                             : BENCH_CHANGE_MTU,
                             (unsigned) atoi(argv[5]));
        else
                return 2;
        return 0;
}
