/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What one lookup in the table costs at 10, 1,000 and 4,000 links, with the sequence check that a
 * client makes around it; what a walk costs a row, a change the writer; and the memory a link takes.
 * Each link has two addresses, five groups and three local entries. Keys are asked for in random
 * order, so that at 4,000 links the caches are as cold as they get.
 *
 * The figures are the median of many short rounds. Ends with 1 when a lookup is not flat: more than
 * twice as long at 4,000 links as at 10.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "record.h"
#include "table.h"
#include "util.h"

#define N_ROUNDS 101
#define N_CALLS 4000
#define FLAT 2.0

typedef struct Bench {
        Table *table;
        TableView view;
        unsigned n_links;
        uint32_t order[N_CALLS]; /* links to ask for, 1 to n_links */
        char (*names)[16];
        uint64_t found; /* kept so that no lookup can be left out */
} Bench;

static IpAddress link_address(unsigned i, unsigned which) {
        uint8_t v4[4] = { 10, (uint8_t) (i >> 8), (uint8_t) i, 1 };
        uint8_t v6[16] = { 0xfe, 0x80, [13] = (uint8_t) (i >> 8), [14] = (uint8_t) i, [15] = 1 };

        return which == 0 ? ip_make(AF_INET, v4) : ip_make(AF_INET6, v6);
}

static IpAddress link_group(unsigned i, unsigned which) {
        uint8_t group[16] = { 0xff, 0x02, [15] = (uint8_t) which };

        /* the first three on every link, the others a solicited-node group each */
        if (which > 2) {
                group[11] = 1;
                group[12] = 0xff;
                group[13] = (uint8_t) (i >> 8);
                group[14] = (uint8_t) i;
        }
        return ip_make(AF_INET6, group);
}

static void must(int r) {
        if (r < 0) {
                fprintf(stderr, "bench-table: %s\n", strerror(-r));
                exit(EXIT_FAILURE);
        }
}

static void set_link(Bench *b, unsigned i, uint32_t mtu) {
        LinkRecord link = { .ifindex = (int32_t) i, .mtu = mtu };

        memcpy(link.name, b->names[i - 1], sizeof(link.name));
        must(table_set(b->table, OBJECT_LINK, &link));
}

static void fill_link(Bench *b, unsigned i) {
        int32_t ifindex = (int32_t) i;

        (void) snprintf(b->names[i - 1], sizeof(b->names[0]), "veth%u", i);
        set_link(b, i, 1500);
        for (unsigned j = 0; j < 2; j++) {
                AddressRecord a = { .ifindex = ifindex, .prefix_length = j == 0 ? 24 : 64 };

                a.address = link_address(i, j);
                must(table_set(b->table, OBJECT_ADDRESS, &a));
        }
        for (unsigned j = 0; j < 5; j++) {
                GroupRecord g = { .ifindex = ifindex, .group = link_group(i, j) };

                must(table_set(b->table, OBJECT_GROUP, &g));
        }
        for (unsigned j = 0; j < 3; j++) {
                LocalRecord l = { .ifindex = ifindex, .type = (uint8_t) (j == 2 ? 3 : 2) };

                l.address = link_address(i, j % 2);
                l.prefix_length = j % 2 ? 128 : 32;
                must(table_set(b->table, OBJECT_LOCAL, &l));
        }
}

static void bench_fill(Bench *b) {
        uint32_t x = 12345;

        b->names = calloc(b->n_links, sizeof(b->names[0]));
        if (!b->names)
                must(-ENOMEM);
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

static void by_index(Bench *b, unsigned i) {
        LinkRecord l;
        uint64_t s;

        if (table_read_begin(&b->view, &s) && table_get_link(&b->view, (int32_t) i, &l) &&
            !table_read_retry(&b->view, s))
                b->found += (unsigned) l.ifindex;
}

static void by_name(Bench *b, unsigned i) {
        const char *name = b->names[i - 1];
        LinkRecord l;
        uint64_t s;

        if (table_read_begin(&b->view, &s) &&
            table_get_link_by_name(&b->view, name, strlen(name), &l, NULL) &&
            !table_read_retry(&b->view, s))
                b->found += (unsigned) l.ifindex;
}

static void by_address(Bench *b, unsigned i) {
        IpAddress a = link_address(i, i % 2);
        AddressRecord r;
        uint64_t s;

        if (table_read_begin(&b->view, &s)) {
                TableWalk w = table_walk_ip(&b->view, OBJECT_ADDRESS, &a);

                if (table_next(&b->view, &w, &r) && !table_read_retry(&b->view, s))
                        b->found += (unsigned) r.ifindex;
        }
}

static void by_address_absent(Bench *b, unsigned i) {
        IpAddress a = link_address(i, 0);
        AddressRecord r;
        TableWalk w;

        a.bytes[0] = 192;
        w = table_walk_ip(&b->view, OBJECT_ADDRESS, &a);
        b->found += !table_next(&b->view, &w, &r);
}

static void change(Bench *b, unsigned i) {
        table_begin(b->table);
        set_link(b, i, (uint32_t) b->found++);
        table_end(b->table, 2);
}

static double now_nsec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static int by_value(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

/* Nanoseconds a call, the median of rounds. */
static double measure(Bench *b, void (*call)(Bench *b, unsigned i)) {
        double rounds[N_ROUNDS];

        for (unsigned r = 0; r < N_ROUNDS; r++) {
                double start = now_nsec();

                for (unsigned i = 0; i < N_CALLS; i++)
                        call(b, b->order[i]);
                rounds[r] = (now_nsec() - start) / N_CALLS;
        }
        qsort(rounds, N_ROUNDS, sizeof(rounds[0]), by_value);
        return rounds[N_ROUNDS / 2];
}

/* All links and all addresses, nanoseconds a row. */
static double measure_walk(Bench *b) {
        double rounds[N_ROUNDS];

        for (unsigned r = 0; r < N_ROUNDS; r++) {
                TableWalk w = table_walk_all(&b->view, OBJECT_LINK);
                double start = now_nsec();
                unsigned n = 0;
                Record record;

                for (; table_next(&b->view, &w, &record); n++)
                        b->found += record.link.mtu;
                w = table_walk_all(&b->view, OBJECT_ADDRESS);
                for (; table_next(&b->view, &w, &record); n++)
                        b->found += record.address.scope;
                rounds[r] = (now_nsec() - start) / n;
        }
        qsort(rounds, N_ROUNDS, sizeof(rounds[0]), by_value);
        return rounds[N_ROUNDS / 2];
}

/* Bytes of the block that are in memory. */
static size_t resident(const Bench *b) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE), n_pages = (b->view.size + page - 1) / page;
        unsigned char *in_core = calloc(n_pages, 1);
        union {
                const void *read;
                void *any;
        } block = { .read = b->view.block };
        size_t n = 0;

        if (!in_core)
                must(-ENOMEM);
        if (mincore(block.any, b->view.size, in_core) < 0)
                must(-errno);
        for (size_t i = 0; i < n_pages; i++)
                n += in_core[i] & 1;
        free(in_core);
        return n * page;
}

int main(void) {
        static const struct {
                const char *name;
                void (*call)(Bench *b, unsigned i);
                bool is_lookup;
        } calls[] = {
                { "link by index", by_index, true },
                { "link by name", by_name, true },
                { "address", by_address, true },
                { "address, absent", by_address_absent, true },
                { "change of a link", change, false },
        };
        static Bench benches[] = { { .n_links = 10 }, { .n_links = 1000 }, { .n_links = 4000 } };
        bool flat = true;

        for (unsigned i = 0; i < ELEMENTSOF(benches); i++)
                bench_fill(&benches[i]);
        printf("%-20s %10s %10s %10s %12s\n", "ns", "10 links", "1000 links", "4000 links",
               "4000 : 10");
        for (unsigned c = 0; c < ELEMENTSOF(calls); c++) {
                double ns[ELEMENTSOF(benches)];

                for (unsigned i = 0; i < ELEMENTSOF(benches); i++)
                        ns[i] = measure(&benches[i], calls[c].call);
                printf("%-20s %10.1f %10.1f %10.1f %12.2f\n", calls[c].name, ns[0], ns[1], ns[2],
                       ns[2] / ns[0]);
                if (calls[c].is_lookup && ns[2] > FLAT * ns[0])
                        flat = false;
        }
        printf("%-20s %10.1f %10.1f %10.1f\n", "walk, a row", measure_walk(&benches[0]),
               measure_walk(&benches[1]), measure_walk(&benches[2]));
        for (unsigned i = 0; i < ELEMENTSOF(benches); i++)
                printf("%u links: block %zu KiB, in memory %zu KiB, %zu bytes a link\n",
                       benches[i].n_links, benches[i].view.size / 1024,
                       resident(&benches[i]) / 1024, resident(&benches[i]) / benches[i].n_links);
        for (unsigned i = 0; i < ELEMENTSOF(benches); i++) {
                if (benches[i].found == 0)
                        return EXIT_FAILURE;
                (void) table_free(benches[i].table);
                free(benches[i].names);
        }
        if (!flat)
                printf("not flat: a lookup at 4000 links takes more than %.1f times that at 10\n",
                       FLAT);
        return flat ? EXIT_SUCCESS : EXIT_FAILURE;
}
