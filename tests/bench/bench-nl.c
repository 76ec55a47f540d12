/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the caches of libnl-route-3 cost, of all links and of all addresses: a program that has filled
 * them keeps what was true then.
 *
 *   bench-nl PREFIX N-NAMES MILLISECONDS
 *
 * Prints one JSON object, nanoseconds of CPU time a call: of a lookup of link PREFIX1, PREFIX2, ..., of a
 * walk over both caches, and of filling them.
 */

#include <errno.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench-common.h"

#define N_ORDER 4096
#define NAME_SIZE 16

typedef struct Caches {
        struct nl_sock *socket;
        struct nl_cache *links, *addresses;
        int *order; /* indexes to ask for, at random */
        char (*names)[NAME_SIZE]; /* of these */
        unsigned at;
        uint64_t found; /* kept so that nothing can be left out */
} Caches;

static int must_nl(int r, const char *what) {
        return must(r < 0 ? -EIO : r, what);
}

static void fill(void *userdata) {
        Caches *c = userdata;

        if (c->links)
                nl_cache_free(c->links);
        if (c->addresses)
                nl_cache_free(c->addresses);
        (void) must_nl(rtnl_link_alloc_cache(c->socket, AF_UNSPEC, &c->links), "links");
        (void) must_nl(rtnl_addr_alloc_cache(c->socket, &c->addresses), "addresses");
}

static void name_to_index(void *userdata) {
        Caches *c = userdata;
        int ifindex = rtnl_link_name2i(c->links, c->names[c->at++ % N_ORDER]);

        (void) must(ifindex == 0 ? -ENODEV : 0, "rtnl_link_name2i");
        c->found += (unsigned) ifindex;
}

static void index_to_name(void *userdata) {
        Caches *c = userdata;
        char name[NAME_SIZE];

        (void) must(rtnl_link_i2name(c->links, c->order[c->at++ % N_ORDER], name, sizeof(name))
                                    ? 0
                                    : -ENODEV,
                    "rtnl_link_i2name");
}

static void walk(void *userdata) {
        Caches *c = userdata;
        unsigned found = 0;

        for (struct nl_object *o = nl_cache_get_first(c->links); o; o = nl_cache_get_next(o))
                found++;
        for (struct nl_object *o = nl_cache_get_first(c->addresses); o; o = nl_cache_get_next(o))
                found++;
        c->found += found;
}

static void draw(Caches *c, const char *prefix, unsigned n_names) {
        uint32_t x = 12345;

        c->order = calloc(N_ORDER, sizeof(c->order[0]));
        c->names = calloc(N_ORDER, sizeof(c->names[0]));
        (void) must(c->order && c->names ? 0 : -ENOMEM, "memory");
        for (unsigned i = 0; i < N_ORDER; i++) {
                x = x * 1664525 + 1013904223;
                (void) snprintf(c->names[i], sizeof(c->names[0]), "%s%u", prefix,
                                1 + (unsigned) ((uint64_t) x * n_names >> 32));
                c->order[i] = rtnl_link_name2i(c->links, c->names[i]);
                (void) must(c->order[i] == 0 ? -ENODEV : 0, c->names[i]);
        }
}

int main(int argc, char *argv[]) {
        Caches c = {};
        uint64_t nsec;

        if (argc != 4)
                return 2;
        nsec = (uint64_t) atoi(argv[3]) * 1000000;
        c.socket = nl_socket_alloc();
        (void) must(c.socket ? 0 : -ENOMEM, "memory");
        (void) must_nl(nl_connect(c.socket, NETLINK_ROUTE), "nl_connect");
        fill(&c);
        draw(&c, argv[1], (unsigned) atoi(argv[2]));
        printf("{\"name_to_index\": %.1f, ", cpu_of_call(name_to_index, &c, nsec));
        printf("\"index_to_name\": %.1f, ", cpu_of_call(index_to_name, &c, nsec));
        printf("\"walk\": %.1f, ", cpu_of_call(walk, &c, nsec));
        printf("\"fill\": %.1f}\n", cpu_of_call(fill, &c, nsec));
        nl_cache_free(c.links);
        nl_cache_free(c.addresses);
        nl_socket_free(c.socket);
        free(c.order);
        free(c.names);
        return 0;
}
