/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the questions about addresses cost at 10, 1,000 and 4,000 links: is it mine, which link reaches
 * it, which source goes there by the rules; each with the sequence check that a reader of a shared table
 * makes around it. Every link has an IPv4 network, an IPv6 network and a link-local address of its own.
 * Questions are about random links, so that at 4,000 links the caches are as cold as they get.
 *
 * Then the source that the kernel names, beside a bare RTM_GETROUTE for the same destination: by this
 * machine's own tables, which are only read.
 *
 * The figures are the median of many short rounds. Ends with 1 when an answer that does not depend on
 * other links takes more than twice as long at 4,000 links as at 10.
 */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lookup-source.h"
#include "lookup.h"
#include "source-answer.h"
#include "source.h"
#include "util.h"

#define N_ROUNDS 51
#define N_CALLS 1000
#define FLAT 2.0

typedef struct Bench {
        Table *table;
        TableView view;
        unsigned n_links;
        uint32_t order[N_CALLS]; /* links to ask about, 1 to n_links */
        uint64_t found; /* kept so that no lookup can be left out */
} Bench;

static void must(int r) {
        if (r < 0) {
                fprintf(stderr, "bench-lookup: %s\n", strerror(-r));
                exit(EXIT_FAILURE);
        }
}

/* Tables ----------------------------------------------------------------------------------------- */

static IpAddress ipv4(unsigned i, uint8_t host) {
        uint8_t bytes[4] = { 10, (uint8_t) (i >> 8), (uint8_t) i, host };

        return ip_make(AF_INET, bytes);
}

static IpAddress ipv6(unsigned i, uint8_t host) {
        uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, (uint8_t) (i >> 8), (uint8_t) i };

        bytes[15] = host;
        return ip_make(AF_INET6, bytes);
}

static IpAddress link_local(unsigned i) {
        uint8_t bytes[16] = { 0xfe, 0x80, [13] = (uint8_t) (i >> 8), [14] = (uint8_t) i, [15] = 1 };

        return ip_make(AF_INET6, bytes);
}

static void fill_address(Bench *b, unsigned i, IpAddress address, uint8_t prefix_length) {
        AddressRecord a = { .ifindex = (int32_t) i, .prefix_length = prefix_length };
        LocalRecord l = { .ifindex = (int32_t) i, .type = RTN_LOCAL };

        a.address = l.address = address;
        a.usability = USABILITY_USABLE;
        a.order = i;
        l.prefix_length = (uint8_t) ip_family_bits(address.family);
        must(table_set(b->table, OBJECT_ADDRESS, &a));
        must(table_set(b->table, OBJECT_LOCAL, &l));
}

static void fill_link(Bench *b, unsigned i) {
        LinkRecord link = {
                .ifindex = (int32_t) i,
                .incarnation = i,
                .flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST,
                .mtu = 1500,
        };
        LocalRecord broadcast = { .ifindex = (int32_t) i, .type = RTN_BROADCAST };

        (void) snprintf(link.name, sizeof(link.name), "veth%u", i);
        must(table_set(b->table, OBJECT_LINK, &link));
        fill_address(b, i, ipv4(i, 1), 24);
        fill_address(b, i, ipv6(i, 1), 64);
        fill_address(b, i, link_local(i), 64);
        broadcast.address = ipv4(i, 255);
        broadcast.prefix_length = 32;
        must(table_set(b->table, OBJECT_LOCAL, &broadcast));
}

static void bench_fill(Bench *b) {
        uint32_t x = 12345;

        must(table_new(NULL, &b->table));
        table_begin(b->table);
        for (unsigned i = 1; i <= b->n_links; i++)
                fill_link(b, i);
        table_end(b->table, 1);
        b->view = table_view(b->table);
        for (unsigned i = 0; i < N_CALLS; i++) {
                x = x * 1664525 + 1013904223;
                b->order[i] = 1 + (uint32_t) ((uint64_t) x * b->n_links >> 32);
        }
}

/* Questions -------------------------------------------------------------------------------------- */

static void is_it_mine(Bench *b, const IpAddress *a, AddressType expected) {
        _cleanup_(address_answer_done) AddressAnswer answer = { .type = ADDRESS_TYPE_NONE };
        uint64_t s;

        if (table_read_begin(&b->view, &s) && lookup_address(&b->view, a, 0, &answer) >= 0 &&
            !table_read_retry(&b->view, s))
                b->found += answer.type == expected;
}

static void own_ipv4(Bench *b, unsigned i) {
        IpAddress a = ipv4(i, 1);

        is_it_mine(b, &a, ADDRESS_TYPE_UNICAST);
}

static void own_ipv6(Bench *b, unsigned i) {
        IpAddress a = ipv6(i, 1);

        is_it_mine(b, &a, ADDRESS_TYPE_UNICAST);
}

static void own_broadcast(Bench *b, unsigned i) {
        IpAddress a = ipv4(i, 255);

        is_it_mine(b, &a, ADDRESS_TYPE_BROADCAST);
}

static void nobodys(Bench *b, unsigned i) {
        IpAddress a = ipv6(i, 2);

        is_it_mine(b, &a, ADDRESS_TYPE_NONE);
}

static void which_link(Bench *b, const IpAddress *a, int32_t zone, unsigned expected) {
        LinkAnswer answer = {};
        uint64_t s;

        if (table_read_begin(&b->view, &s) &&
            lookup_link_for_address(&b->view, a, zone, &answer) == 0 &&
            !table_read_retry(&b->view, s))
                b->found += answer.ifindex == (int32_t) expected;
}

static void link_own(Bench *b, unsigned i) {
        IpAddress a = ipv6(i, 1);

        which_link(b, &a, 0, i);
}

static void link_on_link(Bench *b, unsigned i) {
        IpAddress a = ipv4(i, 77);

        which_link(b, &a, 0, i);
}

/* A neighbour: with the zone, as it must be */
static void link_zone(Bench *b, unsigned i) {
        IpAddress a = link_local(i);

        a.bytes[15] = 2;
        which_link(b, &a, (int32_t) i, i);
}

static void which_source(Bench *b, const SourceQuestion *question, const IpAddress *expected) {
        _cleanup_(source_answer_done) SourceAnswer answer = {};
        uint64_t s;

        if (table_read_begin(&b->view, &s) &&
            lookup_source(&b->view, question, NULL, &answer) >= 0 && !table_read_retry(&b->view, s))
                b->found += ip_equal(&answer.source, expected);
}

static void source_on_link(Bench *b, unsigned i) {
        SourceQuestion q = {
                .destination = ipv6(i, 77),
                .route = { .type = RTN_UNICAST, .ifindex = (int32_t) i, .scope = -1 },
        };
        IpAddress expected = ipv6(i, 1);

        which_source(b, &q, &expected);
}

static void source_own(Bench *b, unsigned i) {
        SourceQuestion q = {
                .destination = ipv6(i, 1),
                .route = { .type = RTN_LOCAL, .ifindex = (int32_t) i, .scope = -1 },
        };

        which_source(b, &q, &q.destination);
}

static void source_gateway(Bench *b, unsigned i) {
        static const uint8_t far[4] = { 198, 51, 100, 1 };
        SourceQuestion q = {
                .destination = ip_make(AF_INET, far),
                .route = {
                        .type = RTN_UNICAST,
                        .ifindex = (int32_t) i,
                        .gateway = ipv4(i, 254),
                        .scope = -1,
                },
        };
        IpAddress expected = ipv4(i, 1);

        which_source(b, &q, &expected);
}

/* Every candidate of the machine is named: this one is about all links. */
static void source_explained(Bench *b, unsigned i) {
        SourceQuestion q = {
                .destination = ipv6(i, 77),
                .route = { .type = RTN_UNICAST, .ifindex = (int32_t) i, .scope = -1 },
                .explain = true,
        };
        IpAddress expected = ipv6(i, 1);

        which_source(b, &q, &expected);
}

/* Measuring -------------------------------------------------------------------------------------- */

static double now_nsec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static int by_value(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

/* Nanoseconds a call, the median of rounds. Each call must find what it asks for. */
static double measure(Bench *b, void (*call)(Bench *b, unsigned i), unsigned n_calls) {
        double rounds[N_ROUNDS];

        for (unsigned r = 0; r < N_ROUNDS; r++) {
                double start = now_nsec();

                b->found = 0;
                for (unsigned i = 0; i < n_calls; i++)
                        call(b, b->order[i]);
                rounds[r] = (now_nsec() - start) / n_calls;
                if (b->found != n_calls) {
                        fprintf(stderr, "bench-lookup: a wrong answer\n");
                        exit(EXIT_FAILURE);
                }
        }
        qsort(rounds, N_ROUNDS, sizeof(rounds[0]), by_value);
        return rounds[N_ROUNDS / 2];
}

/* The kernel's answer ---------------------------------------------------------------------------- */

typedef struct Asker {
        Source *source;
        TableView view;
        int fd;
        IpAddress destination;
} Asker;

static void ask_by_library(Asker *a) {
        SourceAnswer answer = {};

        must(source_select_kernel(a->source, &a->view, &a->destination, 0, &answer));
        source_answer_done(&answer);
}

static void ask_bare(Asker *a) {
        struct {
                struct nlmsghdr header;
                struct rtmsg route;
                struct rtattr attribute;
                uint8_t address[4];
        } request = {
                .header = { .nlmsg_len = sizeof(request),
                            .nlmsg_type = RTM_GETROUTE,
                            .nlmsg_flags = NLM_F_REQUEST },
                .route = { .rtm_family = AF_INET, .rtm_dst_len = 32 },
                .attribute = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_DST },
        };
        uint8_t answer[4096];

        memcpy(request.address, a->destination.bytes, 4);
        if (send(a->fd, &request, sizeof(request), 0) < 0 ||
            recv(a->fd, answer, sizeof(answer), 0) < 0)
                must(-errno);
}

static double measure_asking(Asker *a, void (*call)(Asker *a)) {
        double rounds[N_ROUNDS];

        for (unsigned r = 0; r < N_ROUNDS; r++) {
                double start = now_nsec();

                for (unsigned i = 0; i < 100; i++)
                        call(a);
                rounds[r] = (now_nsec() - start) / 100;
        }
        qsort(rounds, N_ROUNDS, sizeof(rounds[0]), by_value);
        return rounds[N_ROUNDS / 2];
}

static void bench_kernel(void) {
        static const uint8_t loopback[4] = { 127, 0, 0, 1 };
        Asker a = { .destination = ip_make(AF_INET, loopback) };
        struct pollfd p = { .events = POLLIN };
        double library, bare;
        Table *table;

        must(table_new(NULL, &table));
        must(source_new(table, NULL, &a.source));
        p.fd = source_get_fd(a.source);
        while (source_state(a.source) != SOURCE_READY) {
                Batch batch = {};

                (void) poll(&p, 1, 1000);
                must(source_refresh(a.source, &batch));
                batch_done(&batch);
        }
        a.view = table_view(table);
        a.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (a.fd < 0)
                must(-errno);

        /* One after the other, so that both see the same machine. */
        bare = measure_asking(&a, ask_bare);
        library = measure_asking(&a, ask_by_library);
        printf("source by the kernel %.0f ns, a bare RTM_GETROUTE %.0f ns: %.2f times\n", library,
               bare, library / bare);
        (void) close(a.fd);
        (void) source_free(a.source);
        (void) table_free(table);
}

int main(void) {
        static const struct {
                const char *name;
                void (*call)(Bench *b, unsigned i);
                unsigned n_calls;
                bool is_flat;
        } calls[] = {
                { "mine? IPv4", own_ipv4, N_CALLS, true },
                { "mine? IPv6", own_ipv6, N_CALLS, true },
                { "mine? broadcast", own_broadcast, N_CALLS, true },
                { "mine? no", nobodys, N_CALLS, true },
                { "link, own address", link_own, N_CALLS, true },
                { "link, own network", link_on_link, N_CALLS, true },
                { "link, with zone", link_zone, N_CALLS, true },
                { "source, own network", source_on_link, N_CALLS, true },
                { "source, own address", source_own, N_CALLS, true },
                { "source, gateway", source_gateway, N_CALLS, true },
                { "source, explained", source_explained, 10, false },
        };
        static Bench benches[] = { { .n_links = 10 }, { .n_links = 1000 }, { .n_links = 4000 } };
        bool flat = true;

        for (unsigned i = 0; i < ELEMENTSOF(benches); i++)
                bench_fill(&benches[i]);
        printf("%-20s %10s %10s %10s %10s\n", "ns", "10 links", "1000 links", "4000 links",
               "4000 : 10");
        for (unsigned c = 0; c < ELEMENTSOF(calls); c++) {
                double ns[ELEMENTSOF(benches)];

                for (unsigned i = 0; i < ELEMENTSOF(benches); i++)
                        ns[i] = measure(&benches[i], calls[c].call, calls[c].n_calls);
                printf("%-20s %10.1f %10.1f %10.1f %10.2f%s\n", calls[c].name, ns[0], ns[1], ns[2],
                       ns[2] / ns[0], calls[c].is_flat ? "" : " (names every candidate)");
                if (calls[c].is_flat && ns[2] > FLAT * ns[0])
                        flat = false;
        }
        for (unsigned i = 0; i < ELEMENTSOF(benches); i++)
                (void) table_free(benches[i].table);
        bench_kernel();
        if (!flat)
                printf("not flat: an answer at 4000 links takes more than %.1f times that at 10\n",
                       FLAT);
        return flat ? EXIT_SUCCESS : EXIT_FAILURE;
}
