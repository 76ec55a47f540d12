/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A table's file that is made shorter while it is mapped. Each test is a process of its own, because a
 * handler of signals is the process's: with the library's handler it lives, and the handle says that
 * there is no table, or reads rtnetlink; without, the signal ends it, as the documentation says; and a
 * SIGBUS of another cause has the effect that it would have had.
 */

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ifroster.h"
#include "shared-fixture.h"
#include "table-file.h"
#include "table-layout.h"
#include "unit.h"
#include "util.h"

#define N_READERS 4
#define N_ROUNDS 25
#define N_LINKS 200
#define ROUND_USEC (4 * USEC_PER_MSEC)

/* Runs in a process without the handlers of a sanitizer. Returns its wait status. */
static int in_process(void (*run)(int i), int i) {
        int status;
        pid_t pid;

        (void) fflush(NULL);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void) signal(SIGBUS, SIG_DFL);
                run(i);
                _exit(EXIT_SUCCESS);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return status;
}

/* check's own failures would not leave the process. */
#define MUST(condition)                                                                           \
        do {                                                                                      \
                if (!(condition)) {                                                               \
                        fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, \
                                errno);                                                           \
                        _exit(EXIT_FAILURE);                                                      \
                }                                                                                 \
        } while (0)

static bool has_succeeded(int status) {
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

static bool was_killed(int status) {
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

/* Readers -------------------------------------------------------------------------------------- */

static size_t new_size(int i, size_t size) {
        const size_t page = (size_t) sysconf(_SC_PAGESIZE);

        return i == 0 ? 0 : i == 1 ? page : i == 2 ? size / 2 / page * page : size - page;
}

#define N_SIZES 4

/* The writer comes to life. Its first table has all links: none of them is ever missing. */
static void start_with_links(TableFile *f) {
        f->writer++;
        MUST(table_new(&f->storage, &f->table) == 0);
        table_file_begin(f);
        for (int32_t i = 1; i <= N_LINKS; i++) {
                TextSpan name = { "second-name", 11 };
                LinkTexts *texts;

                shared_set_link(f->table, i, i == 1 ? "one" : "more", (uint64_t) i);
                MUST(link_texts_new(name, &name, 1, &texts) == 0);
                MUST(table_set_texts(f->table, i, texts) == 0);
                (void) link_texts_free(texts);
        }
        table_file_end(f);
}

typedef struct Crowd {
        ifroster *handle;
        bool stop; /* atomic */
        unsigned n_answers, n_refused; /* atomic */
} Crowd;

static void judge(Crowd *crowd, bool right, int r) {
        if (r < 0)
                MUST(r == -ENOTCONN || r == -EAGAIN || r == -ESTALE);
        else
                MUST(right);
        (void) __atomic_add_fetch(r < 0 ? &crowd->n_refused : &crowd->n_answers, 1,
                                  __ATOMIC_RELAXED);
}

static void look_up(Crowd *crowd, ifroster_row *row) {
        char name[IFROSTER_NAME_SIZE];
        int r;

        r = ifroster_index(crowd->handle, "one");
        judge(crowd, r == 1, r);
        r = ifroster_name(crowd->handle, 1, name);
        judge(crowd, r < 0 || strcmp(name, "one") == 0, r);
        r = ifroster_get_link(crowd->handle, N_LINKS, row);
        judge(crowd, r < 0 || strcmp(ifroster_row_name(row), "more") == 0, r);
        r = ifroster_index(crowd->handle, "second-name");
        judge(crowd, r >= 1, r);
}

static void walk(Crowd *crowd, ifroster_row *row) {
        ifroster_walk *w;
        int r, n = 0;

        MUST(ifroster_walk_new(crowd->handle, IFROSTER_LINK, 0, 0, &w) == 0);
        while ((r = ifroster_walk_next(w, row)) > 0) {
                MUST(ifroster_row_ifindex(row) >= 1 && ifroster_row_ifindex(row) <= N_LINKS);
                n++;
        }
        judge(crowd, n == N_LINKS, r);
        (void) ifroster_walk_free(w);
}

static void snapshot(Crowd *crowd) {
        ifroster *frozen;
        char *json;
        int r;

        r = ifroster_snapshot(crowd->handle, &frozen);
        judge(crowd, true, r);
        if (r < 0)
                return;
        MUST(ifroster_index(frozen, "one") == 1);
        MUST(ifroster_describe_json(frozen, &json) == 0);
        free(json);
        (void) ifroster_free(frozen);
}

static bool is_stopped(const Crowd *crowd) {
        return __atomic_load_n(&crowd->stop, __ATOMIC_RELAXED);
}

static void *ask(void *userdata) {
        Crowd *crowd = userdata;
        ifroster_row *row;

        MUST(ifroster_row_new(&row) == 0);
        while (!is_stopped(crowd)) {
                for (unsigned i = 0; i < 50; i++)
                        look_up(crowd, row);
                walk(crowd, row);
                snapshot(crowd);
        }
        (void) ifroster_row_free(row);
        return NULL;
}

static void *wait_on(void *userdata) {
        Crowd *crowd = userdata;

        while (!is_stopped(crowd)) {
                uint64_t generation = ifroster_generation(crowd->handle);
                int r;

                r = ifroster_wait(crowd->handle, generation, 20 * USEC_PER_MSEC);
                judge(crowd, true, r);
        }
        return NULL;
}

static void *follow(void *userdata) {
        Crowd *crowd = userdata;
        struct pollfd p = { .fd = ifroster_get_fd(crowd->handle), .events = POLLIN };

        while (!is_stopped(crowd)) {
                const ifroster_event *e;
                int r;

                (void) poll(&p, 1, 5);
                r = ifroster_dispatch(crowd->handle);
                judge(crowd, true, r);
                while (r > 0 && (e = ifroster_next_event(crowd->handle)))
                        (void) ifroster_event_type(e);
        }
        return NULL;
}

static int settled_index(const ifroster *h, int wanted) {
        uint64_t end = shared_now() + NOTICE_USEC + SLACK_USEC;
        int r;

        while ((r = ifroster_index(h, "one")) != wanted && shared_now() < end)
                ;
        return r;
}

static void pause_for(uint64_t usec) {
        const struct timespec t = { .tv_nsec = (long) (usec * NSEC_PER_USEC) };

        (void) nanosleep(&t, NULL);
}

/* The daemon dies with its file, for it writes there; then there is another one. */
static void shorten_again_and_again(int i) {
        void *(*const work[N_READERS])(void *) = { ask, ask, wait_on, follow };
        pthread_t threads[N_READERS];
        Crowd crowd = {};
        TableFile f;

        MUST(ifroster_handle_sigbus() == 0);
        table_file_init(&f);
        start_with_links(&f);
        MUST(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &crowd.handle) == 0);
        for (unsigned n = 0; n < N_READERS; n++)
                MUST(pthread_create(&threads[n], NULL, work[n], &crowd) == 0);
        for (unsigned round = 0; round < N_ROUNDS; round++) {
                MUST(settled_index(crowd.handle, 1) == 1);
                pause_for(ROUND_USEC);
                MUST(truncate(f.path, (off_t) new_size(i, table_file_header(&f)->block_size)) == 0);
                MUST(settled_index(crowd.handle, -ENOTCONN) == -ENOTCONN);
                table_file_stop(&f);
                start_with_links(&f);
        }
        __atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
        for (unsigned n = 0; n < N_READERS; n++)
                MUST(pthread_join(threads[n], NULL) == 0);
        MUST(crowd.n_answers > 100 && crowd.n_refused > 0);
        (void) ifroster_free(crowd.handle);
        table_file_done(&f);
}

START_TEST(readers_live_when_a_file_is_shortened) {
        ck_assert(has_succeeded(in_process(shorten_again_and_again, _i)));
}
END_TEST

/* Handles come and go, many more than one piece of the registry holds, and the one in question is still
 * found; so is the one that is exchanged for a larger table again and again. */
static void shorten_one_of_many(int i) {
        ifroster *handles[150];
        TableFile f, other;

        MUST(ifroster_handle_sigbus() == 0);
        table_file_init(&other);
        shared_start_with_link(&other, "one");
        table_file_init(&f);
        shared_start_with_link(&f, "one");
        for (size_t n = 0; n < ELEMENTSOF(handles); n++)
                MUST(ifroster_new(n % 2 ? f.path : other.path, IFROSTER_SHARED_ONLY, &handles[n]) ==
                     0);
        for (size_t n = 0; n < ELEMENTSOF(handles); n += 3) {
                (void) ifroster_free(handles[n]);
                MUST(ifroster_new(n % 2 ? f.path : other.path, IFROSTER_SHARED_ONLY, &handles[n]) ==
                     0);
        }
        for (int32_t link = 2; link < 3000; link += 97) {
                table_file_begin(&f);
                for (int32_t next = link; next < link + 97; next++)
                        shared_set_link(f.table, next, "more", 2);
                table_file_end(&f);
                for (size_t n = 0; n < ELEMENTSOF(handles); n++)
                        MUST(ifroster_index(handles[n], "one") == 1);
        }
        MUST(truncate(f.path, 0) == 0);
        for (size_t n = 0; n < ELEMENTSOF(handles); n++) {
                MUST(ifroster_index(handles[n], "one") == (n % 2 ? -ENOTCONN : 1));
                (void) ifroster_free(handles[n]);
        }
        table_file_done(&f);
        table_file_done(&other);
}

START_TEST(the_right_mapping_is_found_among_many) {
        ck_assert(has_succeeded(in_process(shorten_one_of_many, 0)));
}
END_TEST

/* Also of a writer that the kernel marks when it dies, so that there is no clock by which to look. */
static void fall_back(int i) {
        TableFile f;
        ifroster *h;

        MUST(ifroster_handle_sigbus() == 0);
        table_file_init(&f);
        shared_start_with_link(&f, "one");
        table_file_header(&f)->writer_tid = i > 0 ? (uint32_t) getpid() : 0;
        MUST(ifroster_new(f.path, 0, &h) == 0);
        MUST(ifroster_is_shared(h) == 1 && ifroster_index(h, "lo") == -ENODEV);
        MUST(truncate(f.path, 0) == 0);
        MUST(ifroster_index(h, "lo") == 1);
        MUST(ifroster_is_shared(h) == 0 && ifroster_index(h, "one") == -ENODEV);
        table_file_stop(&f);
        shared_start_with_link(&f, "one");
        MUST(settled_index(h, 1) == 1 && ifroster_is_shared(h) == 1);
        (void) ifroster_free(h);
        table_file_done(&f);
}

START_TEST(the_handle_reads_netlink_then) {
        ck_assert(has_succeeded(in_process(fall_back, _i)));
}
END_TEST

static char path_of_the_dead[64];

static void without_the_handler(int i) {
        ifroster *h;

        MUST(ifroster_new(path_of_the_dead, IFROSTER_SHARED_ONLY, &h) == 0);
        MUST(truncate(path_of_the_dead, 0) == 0);
        (void) ifroster_index(h, "one");
}

START_TEST(without_the_handler_it_is_the_end) {
        TableFile f;

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        (void) strcpy(path_of_the_dead, f.path);
        ck_assert(was_killed(in_process(without_the_handler, 0)));
        table_file_done(&f);
}
END_TEST

/* Other causes --------------------------------------------------------------------------------- */

/* A page of a file that is not there any more, and no table's. */
static volatile uint8_t *bad_page(void) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);
        int fd = memfd_create("test", MFD_CLOEXEC);
        void *p;

        MUST(fd >= 0 && ftruncate(fd, (off_t) page) == 0);
        p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        MUST(p != MAP_FAILED && ftruncate(fd, 0) == 0);
        (void) close(fd);
        return p;
}

static volatile uint8_t *volatile page;
static volatile sig_atomic_t n_calls, blocked, on_other_stack;
static uint8_t other_stack[64 * 1024];

static void repair(void) {
        sigset_t mask;

        n_calls++;
        blocked = pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGUSR1);
        on_other_stack = (uintptr_t) __builtin_frame_address(0) - (uintptr_t) other_stack <
                         sizeof(other_stack);
        if (page)
                (void) mmap((void *) (uintptr_t) page, 1, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void on_signal(int sig) {
        if (sig == SIGBUS)
                repair();
}

static void on_siginfo(int sig, siginfo_t *info, void *context) {
        if (sig == SIGBUS && context && (!page || info->si_addr == (void *) (uintptr_t) page))
                repair();
}

typedef struct Before {
        const char *what;
        void (*handler)(int sig);
        bool siginfo;
        int flags;
        bool lives; /* after a fault */
        bool lives_when_sent;
} Before;

static const Before befores[] = {
        { "the default", SIG_DFL, false, 0, false, false },
        { "ignored", SIG_IGN, false, 0, false, true },
        { "a handler", on_signal, false, SA_RESTART, true, true },
        { "a handler that wants to know more", NULL, true, SA_SIGINFO, true, true },
        { "a handler with a stack", NULL, true, SA_SIGINFO | SA_ONSTACK, true, true },
        { "a handler for once", on_signal, false, (int) SA_RESETHAND, true, true },
};

static void set_before(const Before *b) {
        stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };
        struct sigaction action = { .sa_flags = b->flags };

        if (b->siginfo)
                action.sa_sigaction = on_siginfo;
        else
                action.sa_handler = b->handler;
        (void) sigaddset(&action.sa_mask, SIGUSR1);
        MUST(sigaltstack(&stack, NULL) == 0);
        MUST(sigaction(SIGBUS, &action, NULL) == 0);
        MUST(ifroster_handle_sigbus() == 0);
        MUST(ifroster_handle_sigbus() == 0);
}

static void check_calls(const Before *b, int n) {
        bool handled = b->siginfo || (b->handler != SIG_DFL && b->handler != SIG_IGN);

        MUST(n_calls == (handled ? n : 0));
        if (!handled)
                return;
        MUST(blocked);
        MUST(on_other_stack == !!(b->flags & SA_ONSTACK));
}

static void fault_elsewhere(int i) {
        set_before(&befores[i]);
        page = bad_page();
        errno = 4711;
        *page = 1;
        MUST(errno == 4711 && *page == 1);
        check_calls(&befores[i], 1);
}

static void fault_twice(int i) {
        fault_elsewhere(i);
        page = bad_page();
        *page = 1;
        check_calls(&befores[i], 2);
}

static void send_signal(int i) {
        set_before(&befores[i]);
        MUST(raise(SIGBUS) == 0);
        check_calls(&befores[i], 1);
}

START_TEST(other_faults_have_their_effect) {
        const Before *b = &befores[_i];
        int status;

        status = in_process(fault_elsewhere, _i);
        ck_assert_msg(b->lives ? has_succeeded(status) : was_killed(status), "%s: %x", b->what,
                      (unsigned) status);
        status = in_process(send_signal, _i);
        ck_assert_msg(b->lives_when_sent ? has_succeeded(status) : was_killed(status),
                      "%s, sent: %x", b->what, (unsigned) status);
        status = in_process(fault_twice, _i);
        ck_assert_msg(b->lives && !(b->flags & (int) SA_RESETHAND) ? has_succeeded(status)
                                                                   : was_killed(status),
                      "%s, twice: %x", b->what, (unsigned) status);
}
END_TEST

/* Installing ----------------------------------------------------------------------------------- */

static void *install(void *userdata) {
        MUST(ifroster_handle_sigbus() == 0);
        return NULL;
}

static struct sigaction found;

static void on_top(int sig, siginfo_t *info, void *context) {
        n_calls++;
        found.sa_sigaction(sig, info, context);
}

/* A program's handler on top of the library's: further calls do not put the library's on top again, where
 * both would call each other for ever. */
static void install_between(int i) {
        struct sigaction action = { .sa_sigaction = on_top, .sa_flags = SA_SIGINFO }, now;
        pthread_t threads[8];
        TableFile f;
        ifroster *h;

        for (size_t n = 0; n < ELEMENTSOF(threads); n++)
                MUST(pthread_create(&threads[n], NULL, install, NULL) == 0);
        for (size_t n = 0; n < ELEMENTSOF(threads); n++)
                MUST(pthread_join(threads[n], NULL) == 0);
        MUST(sigaction(SIGBUS, &action, &found) == 0 && found.sa_flags & SA_SIGINFO);
        MUST(ifroster_handle_sigbus() == 0);
        MUST(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == on_top);

        table_file_init(&f);
        shared_start_with_link(&f, "one");
        MUST(ifroster_new(f.path, IFROSTER_SHARED_ONLY, &h) == 0);
        MUST(truncate(f.path, 0) == 0);
        MUST(ifroster_index(h, "one") == -ENOTCONN);
        MUST(n_calls >= 1);
        (void) ifroster_free(h);
        table_file_done(&f);
        page = bad_page();
        *page = 1;
}

START_TEST(it_is_installed_once) {
        ck_assert(was_killed(in_process(install_between, 0)));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-fault");
        TCase *t = tcase_create("client-fault");

        tcase_add_loop_test(t, readers_live_when_a_file_is_shortened, 0, N_SIZES);
        tcase_add_test(t, the_right_mapping_is_found_among_many);
        tcase_add_loop_test(t, the_handle_reads_netlink_then, 0, 2);
        tcase_add_test(t, without_the_handler_it_is_the_end);
        tcase_add_loop_test(t, other_faults_have_their_effect, 0, ELEMENTSOF(befores));
        tcase_add_test(t, it_is_installed_once);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(suite());
}
