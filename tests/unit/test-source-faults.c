/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source on top of a kernel that fails in every way in which netlink can: seeded schedules of
 * changes, system calls and faults. Whatever happened, once the kernel is quiet and the sockets work
 * the table becomes the truth within a bounded number of turns, every batch fits the one before, and
 * then nothing wakes the caller any more.
 */

#include <check.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "model-kernel.h"
#include "model-replay.h"
#include "unit.h"
#include "world-private.h"

#define TURNS_MAX 600

typedef struct Run {
        uint64_t seed;
        Kernel kernel;
        SocketOps ops;
        SourceConfig config;
        Table *table;
        Source *source;
        Replay replay;
        Absences absences;
        unsigned as_of;
        bool strict; /* what goes must have been gone */
} Run;

static Run run;

#define MUST(condition) ck_assert_msg(condition, "seed %lu: " #condition, (unsigned long) run.seed)

static void on_step(void *userdata _unused_) {
        absences_note(&run.absences, &run.kernel.world);
}

static unsigned random_below(unsigned n) {
        return world_random(&run.kernel.world, n);
}

static void check_wrong(const char *wrong) {
        ck_assert_msg(!wrong, "seed %lu: %s", (unsigned long) run.seed, wrong);
}

static bool has_data(SocketRole role) {
        const KernelSocket *s = &run.kernel.sockets[role];

        return s->n > 0 || s->error != 0;
}

static bool is_readable(void) {
        struct epoll_event event;

        return epoll_wait(source_get_fd(run.source), &event, 1, 0) > 0;
}

static void turn(void) {
        SourceState before = source_state(run.source);
        unsigned now = run.absences.now;
        Batch batch = {};
        TableView view;
        int r;

        /* As the loop does, or before an answer. */
        r = random_below(3) > 0 ? source_dispatch(run.source, &batch)
                                : source_refresh(run.source, &batch);
        MUST(r >= 0);
        /* After a loss what is told may be as old as what was heard last. */
        if (!has_data(SOCKET_MONITOR) && !has_data(SOCKET_ROUTES) &&
            source_state(run.source) != SOURCE_RESYNCING)
                run.as_of = now;
        view = table_view(run.table);
        if (source_state(run.source) == SOURCE_STARTING) {
                MUST(batch.n_changes == 0);
        } else if (before == SOURCE_STARTING) {
                MUST(batch.n_changes == 0);
                replay_begin(&run.replay, &view);
        } else {
                MUST(r == (batch.n_changes > 0 || batch.resynced));
                check_wrong(replay_apply(&run.replay, &batch, run.strict ? &run.kernel.world : NULL,
                                         &run.absences, run.as_of));
                check_wrong(replay_compare(&run.replay, &view));
        }
        batch_done(&batch);
}

/* Until nothing is there to be done. */
static void turn_until_idle(void) {
        for (unsigned turns = 0;; turns++) {
                MUST(turns < TURNS_MAX);
                if (has_data(SOCKET_MONITOR) || has_data(SOCKET_ROUTES) || has_data(SOCKET_QUERY))
                        MUST(is_readable());
                else if (run.source->timer_at == USEC_INFINITY)
                        return;
                else if (run.source->timer_at > run.kernel.now)
                        run.kernel.now = run.source->timer_at;
                turn();
        }
}

static void settle(void) {
        KernelFaults faults = run.kernel.faults;
        TableView view;

        memset(&run.kernel.faults, 0, sizeof(run.kernel.faults));
        turn_until_idle();
        /* Of links that are known to be down, what they do not announce. */
        MUST(source_reread_silent(run.source) >= 0);
        turn_until_idle();
        MUST(!is_readable());
        MUST(source_settled(run.source));
        MUST(source_state(run.source) == SOURCE_READY);
        view = table_view(run.table);
        check_wrong(world_difference(&run.kernel.world, &view));
        check_wrong(replay_compare_lives(&run.replay, &run.kernel.world, &view));
        run.kernel.faults = faults;
}

static void begin_run(uint64_t seed, const KernelFaults *faults) {
        memset(&run, 0, sizeof(run));
        run.seed = seed;
        kernel_init(&run.kernel, seed, &run.ops);
        run.kernel.on_step = on_step;
        run.kernel.announces_groups = seed % 5 != 0;
        run.kernel.dumps_groups = seed % 7 != 0;
        run.kernel.world.silent = run.kernel.world.late = true;
        run.config = (SourceConfig){ .ops = &run.ops };
        run.strict = run.kernel.announces_groups;
        for (unsigned i = random_below(60); i > 0; i--)
                kernel_step(&run.kernel);
        run.kernel.faults = *faults;
        ck_assert_int_eq(table_new(NULL, &run.table), 0);
        ck_assert_int_eq(source_new(run.table, &run.config, &run.source), 0);
}

static void end_run(void) {
        run.source = source_free(run.source);
        run.table = table_free(run.table);
        kernel_done(&run.kernel);
}

static void one_schedule(uint64_t seed, const KernelFaults *faults) {
        begin_run(seed, faults);
        for (unsigned i = 0; i < 60; i++) {
                switch (random_below(6)) {
                case 0:
                case 1:
                        for (unsigned n = random_below(8); n > 0; n--)
                                kernel_step(&run.kernel);
                        break;
                case 2:
                case 3:
                case 4:
                        turn();
                        break;
                case 5:
                        run.kernel.now += random_below(600) * USEC_PER_MSEC;
                        if (random_below(20) == 0)
                                settle();
                        if (random_below(30) == 0)
                                (void) source_audit(run.source);
                        break;
                }
        }
        settle();
        end_run();
}

/* IFROSTER_TEST_SEED is the first seed, IFROSTER_TEST_ROUNDS the number of schedules. */
static void schedules(const KernelFaults *faults, unsigned n) {
        const char *text = getenv("IFROSTER_TEST_SEED"), *many = getenv("IFROSTER_TEST_ROUNDS");
        uint64_t first = text ? strtoull(text, NULL, 0) : 1;

        if (many)
                n = (unsigned) strtoul(many, NULL, 0);
        for (uint64_t seed = first; seed < first + n; seed++)
                one_schedule(seed, faults);
}

START_TEST(no_faults) {
        schedules(&(KernelFaults){ .step = 100 }, 700);
}
END_TEST

START_TEST(losses) {
        schedules(&(KernelFaults){ .step = 200,
                                   .set_error = 5,
                                   .silent_drop = 5,
                                   .truncated = 3,
                                   .cut = 3,
                                   .eintr = 20 },
                  700);
}
END_TEST

/* Queues of a few messages, that are still not empty when the time for one turn is up: what happens until
 * they are is lost without another word, so nothing may be read again before. */
START_TEST(overruns) {
        schedules(&(KernelFaults){ .step = 300, .queue = 4, .slow = 200, .eintr = 20 }, 700);
}
END_TEST

START_TEST(dump_faults) {
        schedules(&(KernelFaults){ .step = 100,
                                   .interrupted = 20,
                                   .refused = 10,
                                   .endless = 5,
                                   .busy = 10,
                                   .query_error = 5,
                                   .send_error = 10 },
                  700);
}
END_TEST

START_TEST(forged) {
        schedules(&(KernelFaults){ .step = 150, .forged = 300 }, 300);
}
END_TEST

/* Losses in a row, soon after the machine's start: each is repaired, but not at once. */
START_TEST(resyncs_slow_down) {
        const uint64_t *resyncs;
        uint64_t until;

        begin_run(1, &(KernelFaults){});
        turn_until_idle();
        resyncs = source_counters(run.source)->resyncs;
        until = run.kernel.now + USEC_PER_SEC;
        while (run.kernel.now < until) {
                run.kernel.faults.set_error = 1000;
                kernel_step(&run.kernel);
                run.kernel.faults.set_error = 0;
                turn();
                run.kernel.now += USEC_PER_MSEC;
        }
        ck_assert_uint_ge(resyncs[RESYNC_OVERRUN], 2);
        ck_assert_uint_le(resyncs[RESYNC_OVERRUN], 6);
        settle();
        end_run();
}
END_TEST

/* A link that comes back with the same index, for a link's life. */
static void begin_life(int32_t ifindex, bool up) {
        WorldLink *l = world_link(&run.kernel.world, ifindex);

        *l = (WorldLink){
                .present = true,
                .life = ++run.kernel.world.n_lives,
                .name = "v0",
                .kind = "veth",
                .flags = up ? IFF_UP : 0,
                .mtu = 1500,
        };
        world_say_link(&run.kernel.world, ifindex);
        on_step(NULL);
}

/* What an epoll instance says is not exact while another thread looks at it: a question hears what was
 * announced although the instance says that there is nothing. */
START_TEST(questions_ask_the_sockets) {
        struct epoll_event event = { .events = EPOLLIN };
        int32_t ifindex = 1;
        Batch batch = {};
        LinkRecord link;
        TableView view;
        int fd;

        begin_run(1, &(KernelFaults){});
        turn_until_idle();
        while (world_link(&run.kernel.world, ifindex)->present)
                ck_assert_int_le(++ifindex, WORLD_LINKS);
        fd = run.kernel.sockets[SOCKET_MONITOR].fd;
        ck_assert_int_eq(epoll_ctl(source_get_fd(run.source), EPOLL_CTL_DEL, fd, NULL), 0);
        begin_life(ifindex, true);
        MUST(!is_readable());
        MUST(source_refresh(run.source, &batch) >= 0);
        batch_done(&batch);
        view = table_view(run.table);
        MUST(table_get_link(&view, ifindex, &link));
        ck_assert_int_eq(epoll_ctl(source_get_fd(run.source), EPOLL_CTL_ADD, fd, &event), 0);
        end_run();
}
END_TEST

/* Routes have a socket of their own: one is heard after the end of its link, and the first attempt to
 * find out what the kernel has of it fails. It must not become the next link's. */
START_TEST(rows_of_a_dead_link_do_not_wait) {
        World *w = &run.kernel.world;
        size_t broadcast = 0;
        int32_t ifindex = 1;

        begin_run(1, &(KernelFaults){});
        turn_until_idle();
        while (world_locals[broadcast].type != RTN_BROADCAST)
                broadcast++;
        while (world_link(w, ifindex)->present)
                ck_assert_int_le(++ifindex, WORLD_LINKS);
        begin_life(ifindex, true);
        world_link(w, ifindex)->locals[broadcast] = true;
        world_say_local(w, ifindex, broadcast, false);
        world_link(w, ifindex)->present = false;
        on_step(NULL);
        world_emit(w, false,
                   build_link(&w->builder, &(BuiltLink){ .removed = true, .ifindex = ifindex }));
        run.kernel.faults.refused = 1000;
        turn();
        turn();
        run.kernel.faults.refused = 0;
        ck_assert_uint_gt(model_n_orphans(run.source->model), 0);
        /* As soon as it tries again, not when it looks for links that never came. */
        run.kernel.now += SOURCE_RETRY_MAX_USEC;
        for (unsigned i = 0; i < 10; i++)
                turn();
        begin_life(ifindex, false);
        settle();
        end_run();
}
END_TEST

static void say_default(const WorldRoute *route, uint16_t flags) {
        World *w = &run.kernel.world;

        (void) world_build_route(&w->builder, route, false);
        w->builder.header.nlmsg_flags = flags;
        on_step(NULL);
        world_emit(w, true, &w->builder.header);
}

/* A resync is over and its dump of routes was refused: the only route that is known need not be the
 * only one, so it is not the one that was replaced until that is read. */
START_TEST(refused_routes_are_doubtful) {
        World *w = &run.kernel.world;
        int32_t ifindex = 1;

        begin_run(1, &(KernelFaults){});
        turn_until_idle();
        while (world_link(w, ifindex)->present)
                ck_assert_int_le(++ifindex, WORLD_LINKS);
        begin_life(ifindex, true);
        ck_assert_uint_eq(w->n_routes, 0);
        w->routes[0] = (WorldRoute){ .metric = 100, .gateway = 0, .ifindex = ifindex };
        w->n_routes = 1;
        say_default(&w->routes[0], NLM_F_CREATE);
        turn_until_idle();

        /* Another one comes before it, and nobody hears. */
        w->routes[1] = w->routes[0];
        w->routes[0].gateway = 1;
        w->n_routes = 2;
        on_step(NULL);
        run.kernel.sockets[SOCKET_ROUTES].drops++;
        run.kernel.now += 10 * USEC_PER_SEC;
        run.kernel.faults.refused = 1000;
        for (unsigned i = 0; i < 3; i++)
                turn();
        MUST(source_counters(run.source)->resyncs[RESYNC_DROPS] == 1);
        MUST(!run.source->resyncing && run.source->n_retries > 0);
        run.kernel.faults.refused = 0;
        w->routes[0].gateway = 2;
        say_default(&w->routes[0], NLM_F_REPLACE);
        turn();
        settle();
        end_run();
}
END_TEST

START_TEST(everything) {
        schedules(&(KernelFaults){ .step = 200,
                                   .set_error = 5,
                                   .silent_drop = 5,
                                   .truncated = 3,
                                   .cut = 3,
                                   .eintr = 20,
                                   .forged = 50,
                                   .interrupted = 20,
                                   .refused = 10,
                                   .endless = 5,
                                   .busy = 10,
                                   .query_error = 5,
                                   .send_error = 10,
                                   .slow = 5 },
                  700);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("source-faults");
        TCase *tc = tcase_create("random");

        tcase_set_timeout(tc, 3600);
        tcase_add_test(tc, no_faults);
        tcase_add_test(tc, losses);
        tcase_add_test(tc, overruns);
        tcase_add_test(tc, dump_faults);
        tcase_add_test(tc, forged);
        tcase_add_test(tc, resyncs_slow_down);
        tcase_add_test(tc, questions_ask_the_sockets);
        tcase_add_test(tc, rows_of_a_dead_link_do_not_wait);
        tcase_add_test(tc, refused_routes_are_doubtful);
        tcase_add_test(tc, everything);
        suite_add_tcase(suite, tc);
        return unit_run(suite);
}
