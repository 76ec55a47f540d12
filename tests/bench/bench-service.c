/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A D-Bus client with a stop watch, for the system bus of a machine where others know the links too.
 *
 *   bench-service call SERVICE PATH INTERFACE LINK IFINDEX CALLS
 *       GetLinkByName, DescribeLink and Describe, in turns, to a service that has these methods.
 *   bench-service signal IFINDEX CHANGES PATH...
 *       adds an address to a link and removes it, and waits each time for the first signal of every
 *       object below each PATH. All of them hear the same change.
 *
 * Prints one JSON object, times in nanoseconds. A service that does not say a change within a second
 * has not said it: it is counted under "missed".
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "bench-common.h"

#define WARM_UP 10
#define SERVICES_MAX 4
#define QUIET_USEC 20000
#define SIGNAL_NSEC UINT64_C(1000000000)

static sd_bus *connect_bus(void) {
        sd_bus *bus = NULL;

        (void) must(sd_bus_open_system(&bus), "the system bus");
        return bus;
}

static uint64_t *new_times(size_t n) {
        uint64_t *times = calloc(n + 1, sizeof(uint64_t));

        (void) must(times ? 0 : -ENOMEM, "memory");
        return times;
}

typedef struct Service {
        sd_bus *bus;
        const char *name;
        const char *path;
        const char *interface;
} Service;

static uint64_t time_method(const Service *s, const char *method, const char *link, int ifindex) {
        sd_bus_message *call = NULL, *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t start;

        (void) must(sd_bus_message_new_method_call(s->bus, &call, s->name, s->path, s->interface,
                                                   method),
                    method);
        if (link)
                (void) must(sd_bus_message_append(call, "s", link), method);
        else if (ifindex > 0)
                (void) must(sd_bus_message_append(call, "i", ifindex), method);

        start = now_nsec();
        (void) must(sd_bus_call(s->bus, call, 0, &error, &reply), method);
        start = now_nsec() - start;
        sd_bus_message_unref(call);
        sd_bus_message_unref(reply);
        return start;
}

static void bench_call(char *argv[]) {
        Service s = { connect_bus(), argv[0], argv[1], argv[2] };
        int ifindex = atoi(argv[4]);
        size_t calls = (size_t) atoi(argv[5]);
        uint64_t *by_name = new_times(calls), *describe_link = new_times(calls),
                 *describe = new_times(calls);

        for (size_t i = 0; i < WARM_UP + calls; i++) {
                size_t slot = i < WARM_UP ? 0 : i - WARM_UP;

                by_name[slot] = time_method(&s, "GetLinkByName", argv[3], 0);
                describe_link[slot] = time_method(&s, "DescribeLink", NULL, ifindex);
                describe[slot] = time_method(&s, "Describe", NULL, 0);
        }
        printf("{\"GetLinkByName\": %" PRIu64 ", \"DescribeLink\": %" PRIu64
               ", \"Describe\": %" PRIu64 "}\n",
               quantile(by_name, calls, 0.5), quantile(describe_link, calls, 0.5),
               quantile(describe, calls, 0.5));
        sd_bus_flush_close_unref(s.bus);
        free(by_name);
        free(describe_link);
        free(describe);
}

typedef struct Listener {
        const char *path;
        uint64_t heard; /* of the change that is waited for; 0: not yet */
        uint64_t *times;
        size_t n, missed;
} Listener;

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Listener *l = userdata;

        if (l->heard == 0)
                l->heard = now_nsec();
        return 0;
}

static bool all_heard(const Listener *listeners, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (listeners[i].heard == 0)
                        return false;
        return true;
}

/* Handles messages until everybody has been heard, or there was silence for so long. */
static void listen_for(sd_bus *bus, const Listener *listeners, size_t n, uint64_t usec) {
        uint64_t end = now_nsec() + SIGNAL_NSEC;
        int r;

        while (now_nsec() < end && !(listeners && all_heard(listeners, n))) {
                r = must(sd_bus_process(bus, NULL), "sd_bus_process");
                if (r == 0 && must(sd_bus_wait(bus, usec), "sd_bus_wait") == 0 && !listeners)
                        return;
        }
}

static void take_times(Listener *listeners, size_t n, uint64_t start, bool count) {
        for (size_t i = 0; i < n; i++) {
                Listener *l = &listeners[i];

                if (!count)
                        continue;
                if (l->heard == 0)
                        l->missed++;
                else
                        l->times[l->n++] = l->heard - start;
        }
}

static void print_listeners(Listener *listeners, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Listener *l = &listeners[i];

                printf("%s\"%s\": {\"missed\": %zu, \"p50\": %" PRIu64 ", \"p99\": %" PRIu64 "}",
                       i == 0 ? "{" : ", ", l->path, l->missed,
                       l->n > 0 ? quantile(l->times, l->n, 0.5) : 0,
                       l->n > 0 ? quantile(l->times, l->n, 0.99) : 0);
                free(l->times);
        }
        puts("}");
}

static void bench_signal(int ifindex, size_t changes, char *paths[], size_t n) {
        Listener listeners[SERVICES_MAX] = {};
        sd_bus *bus = connect_bus();
        int fd = netlink_open(0);

        for (size_t i = 0; i < n; i++) {
                char match[256];

                listeners[i] = (Listener){ .path = paths[i], .times = new_times(changes) };
                (void) snprintf(match, sizeof(match), "type='signal',path_namespace='%s'",
                                paths[i]);
                (void) must(sd_bus_add_match(bus, NULL, match, on_signal, &listeners[i]), match);
        }
        /* An even number, so that every address that comes also goes. */
        for (unsigned i = 0; i < WARM_UP + changes; i++) {
                uint64_t start = now_nsec();

                for (size_t k = 0; k < n; k++)
                        listeners[k].heard = 0;
                netlink_change(fd, BENCH_CHANGE_ADDRESS, ifindex, i);
                listen_for(bus, listeners, n, SIGNAL_NSEC / 1000);
                take_times(listeners, n, start, i >= WARM_UP);
                listen_for(bus, NULL, 0, QUIET_USEC);
        }
        print_listeners(listeners, n);
        sd_bus_flush_close_unref(bus);
}

int main(int argc, char *argv[]) {
        if (argc == 8 && strcmp(argv[1], "call") == 0 && atoi(argv[7]) > 0)
                bench_call(argv + 2);
        else if (argc >= 5 && argc <= 4 + SERVICES_MAX && strcmp(argv[1], "signal") == 0 &&
                 atoi(argv[3]) > 0)
                bench_signal(atoi(argv[2]), (size_t) atoi(argv[3]) / 2 * 2, argv + 4,
                             (size_t) argc - 4);
        else
                return 2;
        return 0;
}
