/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The model against a small kernel whose links, addresses, groups and routes change at random while it
 * listens and dumps. Dump rows are taken early and delivered late, with newer news in between, as the
 * kernel does; messages get lost; lists lose rows while they are walked. Whatever happens, every batch
 * must fit what was published before, and once all is quiet the table must be the truth.
 */

#include <check.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model-replay.h"
#include "model.h"
#include "rtnl.h"
#include "unit.h"
#include "util.h"

#define QUEUE_MAX 4096
#define CHUNK_MAX 3
#define RETRIES_MAX 64

typedef struct Heard {
        struct nlmsghdr *message;
        unsigned time;
} Heard;

/* Everything between the world and the model, as one schedule goes along. */
typedef struct Run {
        uint64_t seed; /* makes it happen again */
        World world;
        Absences absences;
        Table *table;
        Model *model;
        RtnlMessage message;
        Replay replay;
        unsigned as_of;

        Heard queue[QUEUE_MAX];
        size_t first, last;
        bool lost; /* something in the queue was dropped */

        bool dumping;
        Scope scope;
        uint32_t pos;
        uint32_t sequence;
        bool interrupted;
        struct nlmsghdr *chunk[CHUNK_MAX];
        size_t n_chunk;
        bool captured; /* a chunk waits, taken from the truth some time ago */
        bool ended;

        bool resyncing;
        size_t step;
        Scope retries[RETRIES_MAX];
        size_t n_retries;
        bool faults;
        unsigned n_published;
} Run;

static Run run;

static const Scope steps[] = {
        { .object = OBJECT_LINK },
        { .object = OBJECT_ADDRESS },
        { .object = OBJECT_GROUP, .family = AF_INET },
        { .object = OBJECT_GROUP, .family = AF_INET6 },
        { .object = OBJECT_ROUTE, .family = AF_INET, .locals = true },
        { .object = OBJECT_ROUTE, .family = AF_INET6, .locals = true },
};

static struct nlmsghdr *copy(const struct nlmsghdr *message) {
        struct nlmsghdr *m = malloc(message->nlmsg_len);

        ck_assert_ptr_nonnull(m);
        memcpy(m, message, message->nlmsg_len);
        return m;
}

static void on_emit(void *userdata _unused_, bool routes _unused_, const struct nlmsghdr *message) {
        ck_assert_uint_lt(run.last, QUEUE_MAX);
        run.queue[run.last++] = (Heard){ copy(message), run.absences.now };
}

static bool chance(unsigned percent) {
        return world_random(&run.world, 100) < percent;
}

static void happen(unsigned n) {
        while (n-- > 0) {
                world_step(&run.world);
                absences_note(&run.absences, &run.world);
        }
}

/* After a loss what is told may be as old as what was heard last before it, and so may a route whose end
 * was silent until it has been read again. */
static bool is_behind(void) {
        return run.lost || run.resyncing || run.dumping || run.n_retries > 0 ||
               model_has_wanted(run.model);
}

static void hear(size_t n) {
        while (n-- > 0 && run.first < run.last) {
                Heard *h = &run.queue[run.first++];
                int r = rtnl_parse(h->message, h->message->nlmsg_len, run.absences.now,
                                   &run.message);

                ck_assert_int_ge(r, 0);
                if (r == 0)
                        ck_assert_int_ge(model_hear(run.model, &run.message), 0);
                if (!is_behind())
                        run.as_of = h->time;
                free(h->message);
        }
        if (run.first == run.last)
                run.first = run.last = 0;
}

static void hear_all(void) {
        hear(QUEUE_MAX);
}

/* The kernel's queue is full: what comes last is dropped. */
static void lose(void) {
        size_t n = run.last - run.first;

        if (n == 0)
                return;
        for (n = world_random(&run.world, (unsigned) n) + 1; n > 0; n--)
                free(run.queue[--run.last].message);
        run.lost = true;
        model_doubt(run.model, true);
}

/* Dumps ---------------------------------------------------------------------------------------- */

static uint16_t request_type(const Scope *scope) {
        static const uint16_t types[] = {
                [OBJECT_LINK] = RTM_GETLINK,   [OBJECT_ADDRESS] = RTM_GETADDR, [OBJECT_GROUP] = 58,
                [OBJECT_ROUTE] = RTM_GETROUTE, [OBJECT_LOCAL] = RTM_GETROUTE,
        };

        return types[scope->object];
}

static void begin_dump(Scope scope) {
        if (scope.family == AF_UNSPEC && scope.object >= OBJECT_GROUP) {
                Scope other = scope;

                scope.family = AF_INET;
                other.family = AF_INET6;
                model_want(run.model, other);
        }
        model_dump_begin(run.model, scope);
        run.dumping = true;
        run.scope = scope;
        run.pos = run.sequence = 0;
        run.interrupted = run.ended = run.captured = false;
        run.n_chunk = 0;
}

static void end_dump(DumpResult result) {
        DumpAdvice advice = DUMP_ENOUGH;

        ck_assert_int_ge(model_dump_end(run.model, result, &advice), 0);
        run.dumping = false;
        if (result == DUMP_INTERRUPTED || result == DUMP_FAILED || advice == DUMP_REPEAT ||
            (advice == DUMP_VERIFY && !run.scope.verify)) {
                run.scope.verify = advice == DUMP_VERIFY;
                ck_assert_uint_lt(run.n_retries, RETRIES_MAX);
                run.retries[run.n_retries++] = run.scope;
        }
}

/* The kernel fills a buffer now; when it is read is another matter. */
static void capture(void) {
        static Builder builder;

        run.captured = true;
        run.n_chunk = 0;
        while (run.n_chunk < CHUNK_MAX) {
                const struct nlmsghdr *row;
                uint32_t sequence;

                row = world_row(&run.world, &builder, request_type(&run.scope), run.scope.family,
                                run.scope.ifindex, &run.pos, &sequence);
                if (run.sequence != 0 && sequence != run.sequence)
                        run.interrupted = true;
                run.sequence = sequence;
                if (!row) {
                        run.ended = true;
                        return;
                }
                run.chunk[run.n_chunk++] = copy(row);
        }
}

static void deliver(void) {
        for (size_t i = 0; i < run.n_chunk; i++) {
                struct nlmsghdr *row = run.chunk[i];

                ck_assert_int_eq(rtnl_parse(row, row->nlmsg_len, run.absences.now, &run.message),
                                 0);
                ck_assert_int_ge(model_dump_row(run.model, &run.message), 0);
                free(row);
        }
        run.n_chunk = 0;
        run.captured = false;
        if (!run.ended)
                return;
        if (run.scope.object == OBJECT_LINK && run.scope.ifindex > 0 && run.pos == 0)
                end_dump(DUMP_GONE);
        else
                end_dump(run.interrupted ? DUMP_INTERRUPTED : DUMP_COMPLETE);
}

static bool next_scope(Scope *ret) {
        if (run.lost) {
                run.lost = false;
                run.resyncing = true;
                run.step = 0;
                run.n_retries = 0;
        }
        if (run.resyncing) {
                if (run.step < ELEMENTSOF(steps)) {
                        *ret = steps[run.step++];
                        return true;
                }
                run.resyncing = false;
                model_doubt(run.model, false);
        }
        while (run.n_retries > 0)
                model_want(run.model, run.retries[--run.n_retries]);
        return model_next_wanted(run.model, ret);
}

static void dump_on(void) {
        Scope scope;

        if (!run.dumping) {
                if (run.first < run.last || !next_scope(&scope))
                        return;
                begin_dump(scope);
                capture();
        } else if (!run.captured) {
                capture();
        } else {
                hear_all();
                if (run.faults && chance(2)) {
                        for (size_t i = 0; i < run.n_chunk; i++)
                                free(run.chunk[i]);
                        end_dump(DUMP_FAILED);
                        return;
                }
                run.interrupted = run.interrupted || (run.faults && chance(2));
                deliver();
        }
}

/* Publishing ----------------------------------------------------------------------------------- */

static void publish(void) {
        bool settled = !run.dumping && !run.resyncing && !run.lost && run.first == run.last;
        TableView view;
        const char *wrong;
        Batch batch = {};
        int r;

        if (settled && !is_behind())
                run.as_of = run.absences.now;
        r = model_commit(run.model, settled, &batch);
        ck_assert_int_ge(r, 0);
        ck_assert_int_eq(r, batch.n_changes > 0);
        run.n_published += (unsigned) batch.n_changes;
        wrong = replay_apply(&run.replay, &batch, &run.world, &run.absences, run.as_of);
        ck_assert_msg(!wrong, "seed %lu: %s", (unsigned long) run.seed, wrong);
        view = table_view(run.table);
        wrong = replay_compare(&run.replay, &view);
        ck_assert_msg(!wrong, "seed %lu: %s", (unsigned long) run.seed, wrong);
        batch_done(&batch);
}

static void settle(void) {
        TableView view;
        const char *wrong;
        int32_t orphans[8];
        bool faults = run.faults;
        size_t n;

        run.faults = false;
        /* What links that are down did not announce is only found by looking. */
        if (run.world.silent)
                model_want(run.model, (Scope){ .object = OBJECT_LINK });
        for (unsigned i = 0; i < 2000; i++) {
                hear_all();
                dump_on();
                n = model_orphan_links(run.model, orphans, ELEMENTSOF(orphans));
                if (n == 0 || run.dumping || model_has_wanted(run.model) || run.n_retries > 0)
                        continue;
                publish();
                n = model_orphan_links(run.model, orphans, ELEMENTSOF(orphans));
                for (size_t k = 0; k < n; k++)
                        model_want(run.model,
                                   (Scope){ .object = OBJECT_LINK, .ifindex = orphans[k] });
        }
        ck_assert(!run.dumping && !run.resyncing && run.n_retries == 0);
        ck_assert(!model_has_wanted(run.model));
        publish();
        ck_assert_uint_eq(model_n_orphans(run.model), 0);
        ck_assert(!model_is_dirty(run.model));

        run.faults = faults;
        view = table_view(run.table);
        wrong = world_difference(&run.world, &view);
        ck_assert_msg(!wrong, "seed %lu: %s", (unsigned long) run.seed, wrong);
        wrong = replay_compare_lives(&run.replay, &run.world, &view);
        ck_assert_msg(!wrong, "seed %lu: %s", (unsigned long) run.seed, wrong);
}

static void check_machine(void) {
        States s = model_machine_states(run.model);
        TableView view = table_view(run.table);
        TableWalk walk = table_walk_all(&view, OBJECT_LINK);
        uint8_t operational = OPERATIONAL_STATE_OFF, carrier = 0, address = 0, v4 = 0, v6 = 0;
        LinkRecord link;

        while (table_next(&view, &walk, &link)) {
                uint8_t own = link.states.carrier == CARRIER_STATE_ENSLAVED ? CARRIER_STATE_CARRIER
                                                                            : link.states.carrier;

                operational = CONST_MAX(operational, link.states.operational);
                carrier = CONST_MAX(carrier, own);
                address = CONST_MAX(address, link.states.address);
                v4 = CONST_MAX(v4, link.states.ipv4);
                v6 = CONST_MAX(v6, link.states.ipv6);
        }
        ck_assert_uint_eq(s.operational, operational);
        ck_assert_uint_eq(s.carrier, carrier);
        ck_assert_uint_eq(s.address, address);
        ck_assert_uint_eq(s.ipv4, v4);
        ck_assert_uint_eq(s.ipv6, v6);
}

static void begin_run(uint64_t seed, bool faults) {
        TableView view;

        memset(&run, 0, sizeof(run));
        run.seed = seed;
        ck_assert_int_eq(table_new(NULL, &run.table), 0);
        ck_assert_int_eq(model_new(run.table, &run.model), 0);
        world_init(&run.world, seed, on_emit, NULL);
        absences_note(&run.absences, &run.world);
        run.world.silent = seed % 3 == 0;
        run.faults = faults;
        view = table_view(run.table);
        replay_begin(&run.replay, &view);
        happen(world_random(&run.world, 100));
        hear_all();
        run.lost = true; /* the first reading */
}

static void end_run(void) {
        run.model = model_free(run.model);
        run.table = table_free(run.table);
}

static void one_schedule(uint64_t seed, bool faults, unsigned n) {
        begin_run(seed, faults);
        for (unsigned i = 0; i < n; i++) {
                switch (world_random(&run.world, 8)) {
                case 0:
                case 1:
                        happen(1 + world_random(&run.world, 4));
                        break;
                case 2:
                        hear(1 + world_random(&run.world, 4));
                        break;
                case 3:
                        hear_all();
                        break;
                case 4:
                case 5:
                        dump_on();
                        break;
                case 6:
                        publish();
                        break;
                case 7:
                        if (run.faults && chance(10))
                                lose();
                        if (chance(5)) {
                                settle();
                                check_machine();
                        }
                        break;
                }
        }
        settle();
        check_machine();
        end_run();
}

/* IFROSTER_TEST_SEED is the first seed, IFROSTER_TEST_ROUNDS the number of schedules. */
static void schedules(bool faults, unsigned n_schedules, unsigned n) {
        const char *text = getenv("IFROSTER_TEST_SEED"), *many = getenv("IFROSTER_TEST_ROUNDS");
        uint64_t first = text ? strtoull(text, NULL, 0) : 1;

        if (many)
                n_schedules = (unsigned) strtoul(many, NULL, 0);
        for (uint64_t seed = first; seed < first + n_schedules; seed++) {
                one_schedule(seed, faults, n);
        }
}

START_TEST(quiet_kernel) {
        schedules(false, 1500, 300);
}
END_TEST

START_TEST(lossy_kernel) {
        schedules(true, 3000, 300);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("model");
        TCase *tc = tcase_create("random");

        tcase_set_timeout(tc, 3600);
        tcase_add_test(tc, quiet_kernel);
        tcase_add_test(tc, lossy_kernel);
        suite_add_tcase(suite, tc);
        return unit_run(suite);
}
