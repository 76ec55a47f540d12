/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Readers on threads of their own race a writer that changes rows, renames, removes, adds and grows.
 * Whatever a reader accepts has to be of one batch: every row carries the batch's number and a sum
 * over itself. Run it in a build with -Db_sanitize=thread as well, which sees each access that is
 * not atomic.
 */

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "address.h"
#include "table-internal.h"
#include "table.h"
#include "unit.h"
#include "util.h"

#define N_READERS 2
#define N_LINKS_MIN 8
#define N_LINKS_MAX 400
#define N_BLOCKS_MAX 64
/* Enough for every sort of collision; the clock ends the test, not a count. */
#define RACE_NSEC (800 * 1000 * 1000)

/* Blocks stay until the end: in this process a reader may still look at an old one, as a client's
 * mapping of a replaced file stays. */
typedef struct Race {
        const void *published; /* atomic */
        bool stop; /* atomic */
        void *blocks[N_BLOCKS_MAX];
        unsigned n_blocks;
} Race;

typedef struct Reader {
        Race *race;
        unsigned n_accepted, n_rejected, n_superseded;
        const char *wrong; /* what was torn, NULL: nothing */
} Reader;

static void *race_allocate(void *userdata, size_t size) {
        Race *race = userdata;

        if (race->n_blocks == N_BLOCKS_MAX)
                return NULL;
        return race->blocks[race->n_blocks++] = calloc(1, size);
}

static int race_publish(void *userdata, void *block, size_t size) {
        Race *race = userdata;

        __atomic_store_n(&race->published, block, __ATOMIC_RELEASE);
        return 0;
}

static void race_release(void *userdata, void *block, size_t size) {
}

static uint32_t sum_of(const LinkRecord *l) {
        LinkRecord copy = *l;
        const uint8_t *bytes = (const uint8_t *) &copy;
        uint32_t sum = 1;

        copy.flags = 0;
        for (size_t i = 0; i < sizeof(copy); i++)
                sum = sum * 31 + bytes[i];
        return sum;
}

/* The first half of the links keep their index, and get a new name with each batch. */
static LinkRecord link_of(int32_t ifindex, uint64_t batch) {
        LinkRecord l = { .ifindex = ifindex, .incarnation = batch, .mtu = (uint32_t) batch };

        (void) snprintf(l.name, sizeof(l.name), "l%d-%u", ifindex, (unsigned) (batch % 4));
        memset(l.hardware_address.bytes, (int) batch, HARDWARE_ADDRESS_MAX);
        l.flags = sum_of(&l);
        return l;
}

/* The same address everywhere, so that the chain is long; its network moves. */
static AddressRecord address_of(int32_t ifindex, uint64_t batch) {
        AddressRecord a = { .ifindex = ifindex, .order = batch, .valid_usec = batch };

        a.address = ip_make(AF_INET6, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
        a.prefix_length = (uint8_t) (batch % 2 ? 64 : 10);
        return a;
}

static void write_batch(Table *t, uint64_t batch, int32_t *n_links) {
        int32_t n = N_LINKS_MIN + (int32_t) (batch * 7 % (N_LINKS_MAX - N_LINKS_MIN));

        /* Slow growth at first, so that readers meet several blocks. */
        if ((uint64_t) n > N_LINKS_MIN + batch)
                n = N_LINKS_MIN + (int32_t) batch;
        table_begin(t);
        for (int32_t i = 1; i <= CONST_MAX(n, *n_links); i++) {
                LinkRecord l = link_of(i, batch);
                AddressRecord a = address_of(i, batch);

                if (i > n) {
                        ck_assert(table_remove(t, OBJECT_ADDRESS, &a));
                        ck_assert(table_remove(t, OBJECT_LINK, &l));
                        continue;
                }
                ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), 0);
                ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
        }
        *n_links = n;
        table_end(t, batch);
}

/* What was read of one state, judged after the counter has said that it was one. */
typedef struct Seen {
        uint64_t generation;
        uint32_t n_links, n_addresses, n_counted;
        bool links_good, addresses_good, by_name, by_index, prefix_good;
} Seen;

static Seen look(const TableView *v, unsigned round) {
        Seen s = { .generation = table_generation(v), .links_good = true, .addresses_good = true };
        IpAddress a = address_of(1, 0).address;
        int32_t ifindex = 1 + (int32_t) (round % N_LINKS_MIN);
        LinkRecord l, expected = link_of(ifindex, s.generation);
        AddressRecord r;
        TableWalk w;

        s.by_index = table_get_link(v, ifindex, &l) && memcmp(&l, &expected, sizeof(l)) == 0;
        s.by_name = table_get_link_by_name(v, expected.name, strlen(expected.name), &l, NULL) &&
                    memcmp(&l, &expected, sizeof(l)) == 0;
        s.prefix_good = table_prefix_length(v, OBJECT_ADDRESS, AF_INET6, 128) ==
                        (s.generation % 2 ? 64 : 10);
        if (round % 8 != 0)
                return s;
        s.n_counted = table_count(v, OBJECT_LINK);
        for (w = table_walk_all(v, OBJECT_LINK); table_next(v, &w, &l); s.n_links++)
                if (l.flags != sum_of(&l) || l.incarnation != s.generation)
                        s.links_good = false;
        w = table_walk_prefix(v, OBJECT_ADDRESS, &a, s.generation % 2 ? 64 : 10);
        for (; table_next(v, &w, &r); s.n_addresses++)
                if (r.order != s.generation || r.valid_usec != s.generation)
                        s.addresses_good = false;
        return s;
}

static const char *judge(const Seen *s) {
        if (!s->by_index)
                return "link by index";
        if (!s->by_name)
                return "link by name";
        if (!s->prefix_good)
                return "prefix counter";
        if (!s->links_good)
                return "row of a link";
        if (!s->addresses_good)
                return "row of an address";
        if (s->n_links != s->n_counted)
                return "number of links";
        if (s->n_addresses != s->n_links)
                return "chain of addresses";
        return NULL;
}

static void *reader_main(void *userdata) {
        Reader *reader = userdata;
        Race *race = reader->race;

        for (unsigned round = 0; !reader->wrong && !__atomic_load_n(&race->stop, __ATOMIC_RELAXED);
             round++) {
                const TableHeader *block = __atomic_load_n(&race->published, __ATOMIC_ACQUIRE);
                TableView v;
                uint64_t sequence;
                Seen seen;

                if (table_view_init(&v, block, block->block_size) < 0) {
                        reader->wrong = "header";
                        break;
                }
                if (!table_read_begin(&v, &sequence)) {
                        reader->n_superseded += table_superseded(&v);
                        reader->n_rejected++;
                        continue;
                }
                seen = look(&v, round);
                if (table_read_retry(&v, sequence)) {
                        reader->n_rejected++;
                        continue;
                }
                reader->n_accepted++;
                reader->wrong = judge(&seen);
        }
        return NULL;
}

static int64_t now_nsec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

START_TEST(race) {
        Race r = { 0 };
        const TableStorage storage = { race_allocate, race_publish, race_release, &r };
        Reader readers[N_READERS];
        pthread_t threads[N_READERS];
        Table *t;
        uint64_t batch = 1;
        int32_t n_links = 0;
        int64_t end = now_nsec() + RACE_NSEC;

        ck_assert_int_eq(table_new(&storage, &t), 0);
        write_batch(t, batch, &n_links);
        for (unsigned i = 0; i < N_READERS; i++) {
                readers[i] = (Reader){ .race = &r };
                ck_assert_int_eq(pthread_create(&threads[i], NULL, reader_main, &readers[i]), 0);
        }
        while (now_nsec() < end) {
                /* Between batches a reader gets its chance, as it does from a daemon that sleeps. */
                struct timespec pause = { .tv_nsec = 50 * 1000 };

                write_batch(t, ++batch, &n_links);
                (void) nanosleep(&pause, NULL);
        }
        __atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
        for (unsigned i = 0; i < N_READERS; i++) {
                ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
                fprintf(stderr, "# %llu batches, %u blocks; reader %u: %u accepted, %u rejected\n",
                        (unsigned long long) batch, r.n_blocks, i, readers[i].n_accepted,
                        readers[i].n_rejected);
                ck_assert_msg(!readers[i].wrong, "torn: %s", readers[i].wrong);
                ck_assert_uint_gt(readers[i].n_accepted, 0);
        }
        (void) table_free(t);
        for (unsigned i = 0; i < r.n_blocks; i++)
                free(r.blocks[i]);
}
END_TEST

int main(void) {
        Suite *s = suite_create("table-race");
        TCase *c = tcase_create("table-race");

        suite_add_tcase(s, c);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, race);
        return unit_run(s);
}
