/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The library's answers against the kernel's, over random configurations and destinations: source
 * selection by its own rules against RTM_GETROUTE and against connect() and getsockname() of a UDP
 * socket; the type of an address and the links that have it against RTM_GETROUTE and the local table.
 *
 *     differential CONFIGURATIONS [SEED]
 *
 * To be run in a network namespace that may be changed at will (test-differential.py makes one). Ends
 * with 0 when every answer agreed, 1 when one did not, 2 when the machinery failed, 77 when it cannot
 * run here. The differences that are no mistakes are counted apart; docs/lookups.md explains them.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "differential-world.h"
#include "source-answer.h"
#include "source.h"
#include "util.h"

#define QUESTIONS 24
#define DEADLINE_SECONDS 5
#define PRINTED_MAX 10
/* Every so many configurations the same questions go to a table that was just read. */
#define ANEW_EVERY 4

typedef struct Reading {
        Table *table;
        Source *source;
} Reading;

static struct {
        unsigned configurations;
        unsigned sources; /* questions for a source */
        unsigned sources_none; /* of them those without an answer */
        unsigned types;
        unsigned links;
        unsigned merged; /* known differences, see check_type() */
        unsigned mapped;
        unsigned both;
        unsigned wrong;
} counts;

static unsigned seed;

/* The IPv4 address behind a v4-mapped one, which is the same to everybody. */
static Ip unmapped(const Ip *a) {
        static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
        Ip v4 = { .family = AF_INET };

        if (a->family != AF_INET6 || memcmp(a->bytes, prefix, sizeof(prefix)) != 0)
                return *a;
        memcpy(v4.bytes, a->bytes + 12, 4);
        return v4;
}

static IpAddress address_of(const Ip *a) {
        return ip_make(a->family, a->bytes);
}

static Ip ip_from(const IpAddress *a) {
        Ip ip = { .family = a->family };

        memcpy(ip.bytes, a->bytes, ip_family_size(a->family));
        return ip;
}

static void __attribute__((format(printf, 1, 2))) wrong(const char *format, ...) {
        va_list ap;

        if (counts.wrong++ < PRINTED_MAX || strncmp(format, "the table", 9) == 0) {
                printf("seed %u, configuration %u: ", seed, counts.configurations);
                va_start(ap, format);
                (void) vprintf(format, ap);
                va_end(ap);
                printf("\n");
                if (counts.wrong == 1)
                        world_print();
        }
}

/* The table becomes the kernel's ---------------------------------------------------------------- */

static void reading_new(Reading *r) {
        *r = (Reading){};
        if (table_new(NULL, &r->table) < 0 || source_new(r->table, NULL, &r->source) < 0) {
                fprintf(stderr, "cannot read the kernel's tables\n");
                exit(2);
        }
}

static void reading_done(Reading *r) {
        r->source = source_free(r->source);
        r->table = table_free(r->table);
}

/* Takes in everything that was announced and everything that has to be read again because of it. */
static void reading_refresh(Reading *r) {
        struct pollfd p = { .fd = source_get_fd(r->source), .events = POLLIN };
        Batch batch;

        do {
                batch = (Batch){};
                if (source_refresh(r->source, &batch) < 0) {
                        fprintf(stderr, "the source gave up\n");
                        exit(2);
                }
                batch_done(&batch);
        } while (!source_settled(r->source) && poll(&p, 1, 1000) >= 0);
}

static bool has_address(const TableView *v, const KernelAddress *a) {
        IpAddress address = address_of(&a->address);
        AddressRecord row;
        TableWalk w;

        w = table_walk_ip(v, OBJECT_ADDRESS, &address);
        while (table_next(v, &w, &row))
                if (row.ifindex == a->ifindex && row.prefix_length == a->prefix_length &&
                    row.flags == a->flags)
                        return true;
        return false;
}

static bool has_local(const TableView *v, const KernelLocal *l) {
        IpAddress address = address_of(&l->address);
        LocalRecord row;
        TableWalk w;

        w = table_walk_prefix(v, OBJECT_LOCAL, &address, l->prefix_length);
        while (table_next(v, &w, &row))
                if (row.ifindex == l->ifindex && row.prefix_length == l->prefix_length &&
                    row.type == l->type)
                        return true;
        return false;
}

/* The kernel adds an IPv6 address first and does what belongs to it a moment later. */
static bool is_finished(const KernelAddress *a) {
        KernelRoute route;

        if (a->address.family != AF_INET6)
                return true;
        if (a->flags & IFA_F_TENTATIVE)
                return world_detects_duplicates(a->ifindex) && !(a->flags & IFA_F_NODAD);
        route = kernel_route(&a->address, 0, false);
        return route.error == 0 && (route.type == RTN_LOCAL || route.type == RTN_ANYCAST);
}

/* What the table has and the kernel has not. */
static const char *surplus(const TableView *v, const KernelLocal *locals, size_t n) {
        static char text[160];
        LocalRecord row;
        TableWalk w;

        w = table_walk_all(v, OBJECT_LOCAL);
        while (table_next(v, &w, &row)) {
                Ip address = ip_from(&row.address);
                bool found = false;

                for (size_t i = 0; i < n; i++)
                        found = found || (ip_same(&locals[i].address, &address) &&
                                          locals[i].ifindex == row.ifindex &&
                                          locals[i].prefix_length == row.prefix_length &&
                                          locals[i].type == row.type);
                if (!found)
                        (void) snprintf(text, sizeof(text),
                                        "local entry %s/%u on %d, type %u, is gone",
                                        ip_text(&address), row.prefix_length, row.ifindex,
                                        row.type);
        }
        return text;
}

/* NULL, or in what the table is not the kernel's yet. */
static const char *difference(const TableView *v) {
        _cleanup_(freep) KernelAddress *addresses = NULL;
        _cleanup_(freep) KernelLocal *locals = NULL;
        size_t n_addresses = kernel_addresses(&addresses), n_locals;
        static char text[160];

        for (size_t i = 0; i < n_addresses; i++) {
                const KernelAddress *a = &addresses[i];

                if (is_finished(a) && has_address(v, a))
                        continue;
                (void) snprintf(text, sizeof(text), "address %s/%u on %d, flags %x",
                                ip_text(&a->address), a->prefix_length, a->ifindex, a->flags);
                return text;
        }
        /* Not before: finishing an address adds to them. */
        n_locals = kernel_locals(&locals);
        for (size_t i = 0; i < n_locals; i++) {
                const KernelLocal *l = &locals[i];

                if (has_local(v, l))
                        continue;
                (void) snprintf(text, sizeof(text), "local entry %s/%u on %d, type %u",
                                ip_text(&l->address), l->prefix_length, l->ifindex, l->type);
                return text;
        }
        if (n_addresses != table_count(v, OBJECT_ADDRESS))
                return "the table has an address too many";
        return n_locals != table_count(v, OBJECT_LOCAL) ? surplus(v, locals, n_locals) : NULL;
}

static double now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* False: they do not meet. */
static bool settle(Reading *r) {
        double end = now() + DEADLINE_SECONDS;
        const char *what;
        TableView v;

        do {
                (void) source_reread_silent(r->source);
                reading_refresh(r);
                v = table_view(r->table);
                what = difference(&v);
                if (!what)
                        return true;
        } while (now() < end);
        wrong("the table does not become the kernel's: %s", what);
        return false;
}

/* Questions ------------------------------------------------------------------------------------ */

/* plain: what the kernel is asked for. */
static void check_source(const Reading *r, const Ip *destination, const Ip *plain, int ifindex) {
        _cleanup_(source_answer_done) SourceAnswer answer = {};
        IpAddress a = address_of(destination);
        TableView v = table_view(r->table);
        KernelRoute route = kernel_route(plain, ifindex, false);
        KernelSocket connected = kernel_connect(plain, ifindex);
        Ip source = {}, asked = {};
        int error;
        counts.sources++;
        error = source_select_model(r->source, &v, &a, ifindex, &answer);
        if (error >= 0)
                source = ip_from(&answer.source);
        if (route.error == 0)
                asked = route.source;
        if (asked.family == AF_UNSPEC)
                counts.sources_none++;

        /* The kernel chooses a v4-mapped address that somebody gave a link, and then cannot use it. */
        if (connected.error == EAFNOSUPPORT && ip_unmap(&answer.source).family == AF_INET)
                connected.source = source;
        /* The lookup over the link finds a local prefix, and the one for the source then a more specific
         * route of the merged main table: the kernel names a source that it does not take for its own. */
        if (connected.error == ENETUNREACH && route.error == 0 && route.type == RTN_LOCAL &&
            kernel_route(&route.source, 0, false).type != RTN_LOCAL) {
                connected.source = source;
                counts.merged++;
        }
        if (!ip_same(&source, &asked) || !ip_same(&source, &connected.source))
                wrong("source for %s over link %d: route says %s (type %u, link %d, error %d), socket "
                      "%s (error %d), model %s (%s, error %d)",
                      ip_text(destination), ifindex, ip_text(&asked), route.type, route.ifindex,
                      route.error, ip_text(&connected.source), connected.error, ip_text(&source),
                      source_rule_to_string(answer.rule), error);
        else if (route.error != 0 && error != -ENETUNREACH && error != -EADDRNOTAVAIL)
                wrong("source for %s over link %d: no route (%d), model says %d",
                      ip_text(destination), ifindex, route.error, error);

        /* Every candidate is named once, and one of them is the answer. */
        for (size_t i = 0; i < answer.n_candidates; i++)
                if (answer.candidates[i].chosen != (i == 0) ||
                    (i == 0 && !ip_equal(&answer.candidates[i].address, &answer.source)))
                        wrong("candidates for %s over link %d: number %zu", ip_text(destination),
                              ifindex, i);
}

static bool covers(const KernelLocal *l, const Ip *a) {
        unsigned whole = l->prefix_length / 8, rest = l->prefix_length % 8;

        return l->address.family == a->family && memcmp(l->address.bytes, a->bytes, whole) == 0 &&
               (rest == 0 || (l->address.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0);
}

static int type_of(uint8_t route_type) {
        switch (route_type) {
        case RTN_LOCAL:
                return ADDRESS_TYPE_UNICAST;
        case RTN_ANYCAST:
                return ADDRESS_TYPE_ANYCAST;
        case RTN_BROADCAST:
                return ADDRESS_TYPE_BROADCAST;
        case RTN_MULTICAST:
                return ADDRESS_TYPE_MULTICAST;
        default:
                return ADDRESS_TYPE_NONE;
        }
}

/* The links of an answer are those of the most specific entries of the local table. */
static void check_links(const Ip *a, const AddressAnswer *answer) {
        _cleanup_(freep) KernelLocal *locals = NULL;
        size_t n = kernel_locals(&locals), matching = 0;
        unsigned longest = 0;

        for (size_t i = 0; i < n; i++)
                if (covers(&locals[i], a) && locals[i].prefix_length > longest)
                        longest = locals[i].prefix_length;
        for (size_t i = 0; i < n; i++) {
                bool listed = false;

                if (!covers(&locals[i], a) || locals[i].prefix_length != longest ||
                    type_of(locals[i].type) != (int) answer->type)
                        continue;
                matching++;
                for (size_t k = 0; k < answer->n; k++)
                        listed = listed || answer->ifindexes[k] == locals[i].ifindex;
                if (!listed)
                        wrong("%s is on link %d too", ip_text(a), locals[i].ifindex);
        }
        if (answer->n == 0 || answer->n > matching)
                wrong("%s is on %zu links, not %zu", ip_text(a), matching, answer->n);
}

/* As long as there are no policy rules the kernel keeps its IPv4 local and main tables in one. */
static bool is_merged(const Ip *destination, AddressType type) {
        KernelRoute match = kernel_route(destination, 0, true);
        _cleanup_(freep) KernelLocal *locals = NULL;
        size_t n;

        if (world_has_rules() || destination->family != AF_INET || type != ADDRESS_TYPE_UNICAST)
                return false;
        /* A route of the type unreachable and the like: how long its prefix is it does not say. */
        if (match.error == EHOSTUNREACH || match.error == EACCES || match.error == EINVAL)
                match.prefix_length = 32;
        else if (match.error != 0 || match.type != RTN_UNICAST)
                return false;
        n = kernel_locals(&locals);
        for (size_t i = 0; i < n; i++)
                if (covers(&locals[i], destination) &&
                    locals[i].prefix_length >= match.prefix_length)
                        return false;
        return true;
}

/* Somebody gave a link the IPv6 address that stands for this IPv4 one. */
static bool is_mapped(const TableView *v, const Ip *destination) {
        uint8_t bytes[16] = { [10] = 0xff, [11] = 0xff };
        AddressRecord row;
        IpAddress a;
        TableWalk w;

        if (destination->family != AF_INET)
                return false;
        memcpy(bytes + 12, destination->bytes, 4);
        a = ip_make(AF_INET6, bytes);
        w = table_walk_ip(v, OBJECT_ADDRESS, &a);
        return table_next(v, &w, &row);
}

/* It is one link's own and another's broadcast address: to the kernel what came first, to us its own. */
static bool is_both(const Ip *destination, AddressType type) {
        _cleanup_(freep) KernelLocal *locals = NULL;
        size_t n = kernel_locals(&locals);
        bool own = false, broadcast = false;

        for (size_t i = 0; i < n; i++)
                if (locals[i].prefix_length == 32 && ip_same(&locals[i].address, destination)) {
                        own = own || locals[i].type == RTN_LOCAL;
                        broadcast = broadcast || locals[i].type == RTN_BROADCAST;
                }
        return own && broadcast && type == ADDRESS_TYPE_UNICAST;
}

static void check_type(const Reading *r, const Ip *destination) {
        _cleanup_(address_answer_done) AddressAnswer answer = {};
        IpAddress a = address_of(destination);
        TableView v = table_view(r->table);
        KernelRoute route = kernel_route(destination, 0, false);
        int expected = route.error == 0 ? type_of(route.type) : ADDRESS_TYPE_NONE;
        uint32_t broadcast;

        counts.types++;
        if (lookup_address(&v, &a, 0, &answer) < 0) {
                wrong("%s cannot be looked up", ip_text(destination));
                return;
        }
        /* Any group has a route; the question is whether somebody joined it. */
        if (ip_is_multicast(&a))
                expected = kernel_is_joined(destination) ? ADDRESS_TYPE_MULTICAST
                                                         : ADDRESS_TYPE_NONE;
        memcpy(&broadcast, destination->bytes, 4);
        /* No table needs to have it. */
        if (destination->family == AF_INET && broadcast == INADDR_BROADCAST)
                expected = ADDRESS_TYPE_BROADCAST;

        if ((int) answer.type == expected) {
                if (expected == ADDRESS_TYPE_UNICAST || expected == ADDRESS_TYPE_ANYCAST)
                        check_links(destination, &answer);
        } else if (is_merged(destination, answer.type))
                counts.merged++;
        else if (answer.type == ADDRESS_TYPE_UNICAST && is_mapped(&v, destination))
                counts.mapped++;
        else if (expected == ADDRESS_TYPE_BROADCAST && is_both(destination, answer.type))
                counts.both++;
        else
                wrong("%s is %s, the kernel says type %u (error %d)", ip_text(destination),
                      address_type_to_string(answer.type), route.type, route.error);
}

/* What the table decides itself is an own address or an own network; else it is the kernel's answer. */
static void check_link(const Reading *r, const Ip *destination, const Ip *plain, int ifindex) {
        KernelRoute route = kernel_route(plain, ifindex, false);
        IpAddress a = address_of(destination);
        TableView v = table_view(r->table);
        LinkAnswer answer = {};
        LinkRecord link;
        int error;

        counts.links++;
        error = source_link_for_address(r->source, &v, &a, ifindex, &answer);
        if (error < 0) {
                if (route.error == 0 && error != -ENOTUNIQ)
                        wrong("link for %s over link %d: %d", ip_text(destination), ifindex, error);
                return;
        }
        if (!table_get_link(&v, answer.ifindex, &link) ||
            (ifindex != 0 && answer.ifindex != ifindex && answer.reason != LINK_REASON_OWN))
                wrong("link for %s over link %d: %d", ip_text(destination), ifindex,
                      answer.ifindex);
        if (answer.reason == LINK_REASON_ROUTE && answer.ifindex != route.ifindex)
                wrong("link for %s over link %d: %d, by the kernel's route it is %d",
                      ip_text(destination), ifindex, answer.ifindex, route.ifindex);
}

static void ask_all(const Reading *r) {
        for (unsigned i = 0; i < QUESTIONS; i++) {
                int ifindex;
                Ip destination = world_destination(&ifindex), plain = unmapped(&destination);

                check_source(r, &destination, &plain, ifindex);
                check_link(r, &destination, &plain, ifindex);
                if (ifindex == 0 && plain.family == destination.family)
                        check_type(r, &destination);
        }
}

static void one_configuration(Reading *r) {
        world_change();
        if (!settle(r))
                return;
        ask_all(r);
        if (counts.configurations % ANEW_EVERY == 0) {
                Reading anew;

                reading_new(&anew);
                if (settle(&anew))
                        ask_all(&anew);
                reading_done(&anew);
        }
}

int main(int argc, char **argv) {
        unsigned n = argc > 1 ? (unsigned) strtoul(argv[1], NULL, 0) : 0;
        double start = now();
        Reading r;

        seed = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 0) : 1;
        if (n == 0) {
                fprintf(stderr, "usage: %s CONFIGURATIONS [SEED]\n", argv[0]);
                return 2;
        }
        if (!world_create(seed))
                return 77;

        reading_new(&r);
        for (counts.configurations = 1; counts.configurations <= n && counts.wrong < 100;
             counts.configurations++)
                one_configuration(&r);
        reading_done(&r);

        printf("%u configurations in %.1f s: %u questions for a source (%u of them without one), %u "
               "for a type, %u for a link; known differences: %u because the kernel has merged its "
               "tables, %u because of a v4-mapped address, %u own and broadcast; %u wrong\n",
               counts.configurations - 1, now() - start, counts.sources, counts.sources_none,
               counts.types, counts.links, counts.merged, counts.mapped, counts.both, counts.wrong);
        return counts.wrong > 0;
}
