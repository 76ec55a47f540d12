/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a client pays for a question to the library, beside what it pays in the C library. The first
 * six are those that Go's net package measures of itself.
 *
 *   bench-client TABLE PREFIX N-NAMES MILLISECONDS
 *   bench-client TABLE PREFIX N-NAMES times QUESTION N
 *
 * TABLE is that of a daemon; links PREFIX1, PREFIX2, ... are asked for. Every figure is the median of
 * rounds that together take about so long, and of one lookup also the distribution. Prints one JSON
 * object, nanoseconds a call: of CPU time, and those with _p50 and _p99 of real time. The second form asks
 * one question so many times and prints nothing: for who counts instructions.
 */

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench-common.h"
#include "ifroster.h"

#define N_ORDER 4096

typedef struct Client {
        ifroster *roster;
        ifroster_row *row, *inner;
        int *order; /* indexes to ask for, at random */
        char (*names)[IF_NAMESIZE]; /* of these */
        unsigned at;
        uint64_t found; /* kept so that nothing can be left out */
} Client;

static void draw(Client *c, const char *prefix, unsigned n_names) {
        uint32_t x = 12345;

        c->order = calloc(N_ORDER, sizeof(c->order[0]));
        c->names = calloc(N_ORDER, sizeof(c->names[0]));
        (void) must(c->order && c->names ? 0 : -ENOMEM, "memory");
        for (unsigned i = 0; i < N_ORDER; i++) {
                x = x * 1664525 + 1013904223;
                (void) snprintf(c->names[i], sizeof(c->names[0]), "%s%u", prefix,
                                1 + (unsigned) ((uint64_t) x * n_names >> 32));
                c->order[i] = (int) if_nametoindex(c->names[i]);
                (void) must(c->order[i] == 0 ? -ENODEV : 0, c->names[i]);
        }
}

static int pick(Client *c) {
        return c->order[c->at++ % N_ORDER];
}

static const char *pick_name(Client *c) {
        return c->names[c->at++ % N_ORDER];
}

/* All rows of a kind; of one link when ifindex is not 0. */
static void walk(Client *c, int kind, int ifindex, ifroster_row *row) {
        ifroster_walk *w = NULL;
        unsigned found = 0;
        int r;

        (void) must(ifroster_walk_new(c->roster, kind, ifindex, 0, &w), "ifroster_walk_new");
        while ((r = ifroster_walk_next(w, row)) > 0)
                found++;
        /* The kernel may still have something to say of so many links. */
        if (r != -ESTALE)
                (void) must(r, "ifroster_walk_next");
        ifroster_walk_free(w);
        c->found += found;
}

static void walk_each(Client *c, int kind) {
        ifroster_walk *w = NULL;

        (void) must(ifroster_walk_new(c->roster, IFROSTER_LINK, 0, 0, &w), "ifroster_walk_new");
        while (must(ifroster_walk_next(w, c->row), "ifroster_walk_next") > 0)
                walk(c, kind, ifroster_row_ifindex(c->row), c->inner);
        ifroster_walk_free(w);
}

static void interfaces(void *userdata) {
        Client *c = userdata;

        walk(c, IFROSTER_LINK, 0, c->row);
}

static void interface_by_index(void *userdata) {
        Client *c = userdata;

        (void) must(ifroster_get_link(c->roster, pick(c), c->row), "ifroster_get_link");
}

static void interface_by_name(void *userdata) {
        Client *c = userdata;
        int ifindex = must(ifroster_index(c->roster, pick_name(c)), "ifroster_index");

        (void) must(ifroster_get_link(c->roster, ifindex, c->row), "ifroster_get_link");
}

static void interface_addresses(void *userdata) {
        Client *c = userdata;

        walk(c, IFROSTER_ADDRESS, 0, c->row);
}

static void interfaces_and_addresses(void *userdata) {
        Client *c = userdata;

        walk_each(c, IFROSTER_ADDRESS);
}

static void interfaces_and_groups(void *userdata) {
        Client *c = userdata;

        walk_each(c, IFROSTER_GROUP);
}

static void links_then_addresses(void *userdata) {
        Client *c = userdata;

        walk(c, IFROSTER_LINK, 0, c->row);
        walk(c, IFROSTER_ADDRESS, 0, c->row);
}

static void zone_to_index(void *userdata) {
        Client *c = userdata;

        c->found += (unsigned) must(ifroster_index(c->roster, pick_name(c)), "ifroster_index");
}

static void index_to_zone(void *userdata) {
        Client *c = userdata;
        char name[IFROSTER_NAME_SIZE];

        (void) must(ifroster_name(c->roster, pick(c), name), "ifroster_name");
}

static void libc_zone_to_index(void *userdata) {
        Client *c = userdata;
        unsigned ifindex = if_nametoindex(pick_name(c));

        (void) must(ifindex == 0 ? -ENODEV : 0, "if_nametoindex");
        c->found += ifindex;
}

static void libc_index_to_zone(void *userdata) {
        Client *c = userdata;
        char name[IF_NAMESIZE];

        (void) must(if_indextoname((unsigned) pick(c), name) ? 0 : -errno, "if_indextoname");
}

static void libc_addresses(void *userdata) {
        Client *c = userdata;
        struct ifaddrs *list = NULL;
        unsigned found = 0;

        (void) must_errno(getifaddrs(&list), "getifaddrs");
        for (const struct ifaddrs *i = list; i; i = i->ifa_next)
                found++;
        freeifaddrs(list);
        c->found += found;
}

static const struct {
        const char *name;
        void (*call)(void *client);
        bool is_lookup;
} questions[] = {
        { "Interfaces", interfaces },
        { "InterfaceByIndex", interface_by_index },
        { "InterfaceByName", interface_by_name },
        { "InterfaceAddrs", interface_addresses },
        { "InterfacesAndAddrs", interfaces_and_addresses },
        { "InterfacesAndMulticastAddrs", interfaces_and_groups },
        { "walk", links_then_addresses },
        { "getifaddrs", libc_addresses },
        { "zone_to_index", zone_to_index, true },
        { "if_nametoindex", libc_zone_to_index, true },
        { "index_to_zone", index_to_zone, true },
        { "if_indextoname", libc_index_to_zone, true },
};

#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void measure(Client *c, uint64_t nsec) {
        printf("{");
        for (size_t i = 0; i < N_QUESTIONS; i++) {
                BenchTimes t;

                printf("%s\"%s\": %.1f", i > 0 ? ", " : "", questions[i].name,
                       cpu_of_call(questions[i].call, c, nsec));
                if (!questions[i].is_lookup)
                        continue;
                t = times_of_call(questions[i].call, c);
                printf(", \"%s_p50\": %.1f, \"%s_p99\": %.1f", questions[i].name, t.p50,
                       questions[i].name, t.p99);
        }
        printf("}\n");
}

static int ask_times(Client *c, const char *question, unsigned n) {
        for (size_t i = 0; i < N_QUESTIONS; i++)
                if (strcmp(questions[i].name, question) == 0) {
                        while (n-- > 0)
                                questions[i].call(c);
                        return 0;
                }
        return 2;
}

int main(int argc, char *argv[]) {
        Client c = {};
        int r = 0;

        if (argc != 5 && !(argc == 7 && strcmp(argv[4], "times") == 0))
                return 2;
        draw(&c, argv[2], (unsigned) atoi(argv[3]));
        (void) must(ifroster_new(argv[1], IFROSTER_SHARED_ONLY, &c.roster), argv[1]);
        (void) must(ifroster_row_new(&c.row), "ifroster_row_new");
        (void) must(ifroster_row_new(&c.inner), "ifroster_row_new");
        if (argc == 5)
                measure(&c, (uint64_t) atoi(argv[4]) * 1000000);
        else
                r = ask_times(&c, argv[5], (unsigned) atoi(argv[6]));
        ifroster_row_free(c.inner);
        ifroster_row_free(c.row);
        ifroster_free(c.roster);
        free(c.order);
        free(c.names);
        return r;
}
