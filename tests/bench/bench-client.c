/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a client pays for a question to the library, beside what it pays in the C library. The first
 * six are those that Go's net package measures of itself.
 *
 *   bench-client TABLE PREFIX N-NAMES MILLISECONDS
 *
 * TABLE is that of a daemon; links PREFIX1, PREFIX2, ... are asked for. Every figure is the median of
 * rounds that together take about so long. Prints one JSON object, nanoseconds of CPU time a call.
 */

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench-common.h"
#include "ifroster.h"

#define N_ROUNDS 15
#define CALLS_MAX 100000
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

static void interfaces(Client *c) {
        walk(c, IFROSTER_LINK, 0, c->row);
}

static void interface_by_index(Client *c) {
        (void) must(ifroster_get_link(c->roster, pick(c), c->row), "ifroster_get_link");
}

static void interface_by_name(Client *c) {
        int ifindex = must(ifroster_index(c->roster, pick_name(c)), "ifroster_index");

        (void) must(ifroster_get_link(c->roster, ifindex, c->row), "ifroster_get_link");
}

static void interface_addresses(Client *c) {
        walk(c, IFROSTER_ADDRESS, 0, c->row);
}

static void interfaces_and_addresses(Client *c) {
        walk_each(c, IFROSTER_ADDRESS);
}

static void interfaces_and_groups(Client *c) {
        walk_each(c, IFROSTER_GROUP);
}

static void links_then_addresses(Client *c) {
        walk(c, IFROSTER_LINK, 0, c->row);
        walk(c, IFROSTER_ADDRESS, 0, c->row);
}

static void zone_to_index(Client *c) {
        c->found += (unsigned) must(ifroster_index(c->roster, pick_name(c)), "ifroster_index");
}

static void index_to_zone(Client *c) {
        char name[IFROSTER_NAME_SIZE];

        (void) must(ifroster_name(c->roster, pick(c), name), "ifroster_name");
}

static void libc_zone_to_index(Client *c) {
        unsigned ifindex = if_nametoindex(pick_name(c));

        (void) must(ifindex == 0 ? -ENODEV : 0, "if_nametoindex");
        c->found += ifindex;
}

static void libc_index_to_zone(Client *c) {
        char name[IF_NAMESIZE];

        (void) must(if_indextoname((unsigned) pick(c), name) ? 0 : -errno, "if_indextoname");
}

static void libc_addresses(Client *c) {
        struct ifaddrs *list = NULL;
        unsigned found = 0;

        (void) must_errno(getifaddrs(&list), "getifaddrs");
        for (const struct ifaddrs *i = list; i; i = i->ifa_next)
                found++;
        freeifaddrs(list);
        c->found += found;
}

static double measure(Client *c, void (*call)(Client *c), uint64_t nsec) {
        uint64_t rounds[N_ROUNDS], start = process_nsec();
        unsigned calls = 0;

        /* How many fit into a round. */
        do {
                call(c);
                calls++;
        } while (process_nsec() - start < nsec / N_ROUNDS && calls < CALLS_MAX);
        for (unsigned r = 0; r < N_ROUNDS; r++) {
                start = process_nsec();
                for (unsigned i = 0; i < calls; i++)
                        call(c);
                /* Thousandths, so that integers are exact enough. */
                rounds[r] = (process_nsec() - start) * 1000 / calls;
        }
        return (double) quantile(rounds, N_ROUNDS, 0.5) / 1000;
}

int main(int argc, char *argv[]) {
        static const struct {
                const char *name;
                void (*call)(Client *c);
        } calls[] = {
                { "Interfaces", interfaces },
                { "InterfaceByIndex", interface_by_index },
                { "InterfaceByName", interface_by_name },
                { "InterfaceAddrs", interface_addresses },
                { "InterfacesAndAddrs", interfaces_and_addresses },
                { "InterfacesAndMulticastAddrs", interfaces_and_groups },
                { "walk", links_then_addresses },
                { "getifaddrs", libc_addresses },
                { "zone_to_index", zone_to_index },
                { "if_nametoindex", libc_zone_to_index },
                { "index_to_zone", index_to_zone },
                { "if_indextoname", libc_index_to_zone },
        };
        Client c = {};
        uint64_t nsec;

        if (argc != 5)
                return 2;
        draw(&c, argv[2], (unsigned) atoi(argv[3]));
        nsec = (uint64_t) atoi(argv[4]) * 1000000;
        (void) must(ifroster_new(argv[1], IFROSTER_SHARED_ONLY, &c.roster), argv[1]);
        (void) must(ifroster_row_new(&c.row), "ifroster_row_new");
        (void) must(ifroster_row_new(&c.inner), "ifroster_row_new");

        printf("{");
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
                printf("%s\"%s\": %.1f", i > 0 ? ", " : "", calls[i].name,
                       measure(&c, calls[i].call, nsec));
        printf("}\n");
        ifroster_row_free(c.inner);
        ifroster_row_free(c.row);
        ifroster_free(c.roster);
        free(c.order);
        free(c.names);
        return 0;
}
