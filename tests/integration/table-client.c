/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A client of the shared table, for test-shared-table.py. It knows the public library only.
 *
 *     table-client TABLE compare          what the daemon's table and an own reading say, one text a line
 *     table-client TABLE churn            asks without a pause until its input ends, says on the way
 *                                         "shared" or "own" whenever that changes, and at last how it went
 *     table-client TABLE waiters N        N handles wait for a change at once, each in a thread
 *     table-client TABLE follow           writes every event, until its input ends
 */

#include <errno.h>
#include <ifroster.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAITERS_MAX 1000
#define WAIT_USEC (UINT64_C(30) * 1000 * 1000)

static int fail(const char *what, int r) {
        fprintf(stderr, "%s: %s\n", what, strerror(-r));
        return EXIT_FAILURE;
}

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static bool input_has_ended(void) {
        struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

        return poll(&p, 1, 0) != 0;
}

/* compare -------------------------------------------------------------------------------------- */

static int print_all(const ifroster *h) {
        char *text;
        int r;

        r = ifroster_describe_json(h, &text);
        if (r < 0)
                return r;
        puts(text);
        free(text);
        for (int kind = IFROSTER_LINK; kind <= IFROSTER_LOCAL; kind++) {
                r = ifroster_list_json(h, kind, 0, 0, 1, &text);
                if (r < 0)
                        return r;
                puts(text);
                free(text);
        }
        return 0;
}

static int compare(const char *table) {
        ifroster *shared, *own;
        int r;

        r = ifroster_new(table, IFROSTER_SHARED_ONLY, &shared);
        if (r < 0)
                return fail("shared", r);
        r = ifroster_new(NULL, IFROSTER_EMBEDDED_ONLY, &own);
        if (r < 0)
                return fail("own", r);
        r = ifroster_sync(shared, WAIT_USEC);
        if (r < 0)
                return fail("sync", r);
        r = ifroster_sync(own, WAIT_USEC);
        if (r < 0)
                return fail("own sync", r);
        r = print_all(shared);
        if (r < 0)
                return fail("shared", r);
        r = print_all(own);
        if (r < 0)
                return fail("own", r);
        ifroster_free(shared);
        ifroster_free(own);
        return EXIT_SUCCESS;
}

/* churn ---------------------------------------------------------------------------------------- */

static int churn(const char *table) {
        uint64_t n_shared = 0, n_own = 0, n_switches = 0, longest = 0;
        int before = -1;
        ifroster *h;
        int r;

        r = ifroster_handle_sigbus();
        if (r < 0)
                return fail("handle_sigbus", r);
        r = ifroster_new(table, 0, &h);
        if (r < 0)
                return fail("new", r);
        while (!input_has_ended())
                for (unsigned i = 0; i < 100; i++) {
                        uint64_t begin = now_usec(), took;
                        int shared;

                        r = ifroster_index(h, "lo");
                        took = now_usec() - begin;
                        longest = took > longest ? took : longest;
                        if (r != 1)
                                return fail("lo", r);
                        r = ifroster_index(h, "no-such-link");
                        if (r != -ENODEV)
                                return fail("no-such-link", r);
                        shared = ifroster_is_shared(h);
                        n_shared += shared == 1;
                        n_own += shared == 0;
                        if (shared != before) {
                                n_switches++;
                                puts(shared ? "shared" : "own");
                                (void) fflush(stdout);
                        }
                        before = shared;
                }
        printf("{\"Shared\":%llu,\"Own\":%llu,\"Switches\":%llu,\"LongestUSec\":%llu}\n",
               (unsigned long long) n_shared, (unsigned long long) n_own,
               (unsigned long long) n_switches, (unsigned long long) longest);
        ifroster_free(h);
        return EXIT_SUCCESS;
}

/* waiters -------------------------------------------------------------------------------------- */

static pthread_barrier_t all_wait;

static void *wait_for_change(void *userdata) {
        ifroster *h = userdata;
        uint64_t generation = ifroster_generation(h);

        (void) pthread_barrier_wait(&all_wait);
        return ifroster_wait(h, generation, WAIT_USEC) == 1 ? h : NULL;
}

static int waiters(const char *table, unsigned n) {
        static pthread_t threads[WAITERS_MAX];
        static ifroster *handles[WAITERS_MAX];
        unsigned n_woken = 0;
        pthread_attr_t attributes;
        int r;

        if (n < 1 || n > WAITERS_MAX)
                return fail("waiters", -EINVAL);
        (void) pthread_attr_init(&attributes);
        (void) pthread_attr_setstacksize(&attributes, 256 * 1024);
        (void) pthread_barrier_init(&all_wait, NULL, n + 1);
        for (unsigned i = 0; i < n; i++) {
                r = ifroster_new(table, IFROSTER_SHARED_ONLY, &handles[i]);
                if (r < 0)
                        return fail("new", r);
                r = -pthread_create(&threads[i], &attributes, wait_for_change, handles[i]);
                if (r < 0)
                        return fail("thread", r);
        }
        (void) pthread_barrier_wait(&all_wait);
        puts("waiting");
        (void) fflush(stdout);
        for (unsigned i = 0; i < n; i++) {
                void *woken;

                (void) pthread_join(threads[i], &woken);
                n_woken += woken != NULL;
                ifroster_free(handles[i]);
        }
        printf("woken %u\n", n_woken);
        return n_woken == n ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* follow --------------------------------------------------------------------------------------- */

static int print_events(ifroster *h) {
        const ifroster_event *event;
        char *text;
        int r;

        r = ifroster_dispatch(h);
        if (r < 0)
                return r;
        while ((event = ifroster_next_event(h))) {
                r = ifroster_event_json(event, &text);
                if (r < 0)
                        return r;
                puts(text);
                free(text);
        }
        (void) fflush(stdout);
        return 0;
}

static int follow(const char *table) {
        ifroster *h;
        int r;

        r = ifroster_new(table, 0, &h);
        if (r < 0)
                return fail("new", r);
        for (;;) {
                struct pollfd p[2] = { { .fd = ifroster_get_fd(h), .events = POLLIN },
                                       { .fd = STDIN_FILENO, .events = POLLIN } };

                if (poll(p, 2, -1) < 0 || p[1].revents)
                        break;
                r = print_events(h);
                if (r < 0)
                        return fail("events", r);
        }
        ifroster_free(h);
        return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        const char *what = argc > 2 ? argv[2] : "";

        if (strcmp(what, "compare") == 0)
                return compare(argv[1]);
        if (strcmp(what, "churn") == 0)
                return churn(argv[1]);
        if (strcmp(what, "waiters") == 0 && argc > 3)
                return waiters(argv[1], (unsigned) strtoul(argv[3], NULL, 10));
        if (strcmp(what, "follow") == 0)
                return follow(argv[1]);
        fprintf(stderr, "usage: table-client TABLE compare|churn|waiters N|follow\n");
        return EXIT_FAILURE;
}
