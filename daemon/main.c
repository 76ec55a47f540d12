/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ifrosterd: joins options, manager and publishers, and runs the event loop. Exit status 0 after
 * SIGTERM or SIGINT, 2 for a command line that makes no sense, 1 for everything else.
 */

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "bus.h"
#include "log.h"
#include "manager.h"
#include "netns.h"
#include "options.h"
#include "publish-table.h"
#include "util.h"
#include "varlink-roster.h"

#define EXIT_USAGE 2
#define LARGE_ALLOCATION (128 * 1024)

static int run(const Options *o) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(shared_table_freep) SharedTable *table = NULL;
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_(bus_freep) Bus *bus = NULL;
        _cleanup_(roster_freep) Roster *roster = NULL;
        int r;

        r = sd_event_default(&event);
        if (r < 0) {
                log_error("cannot make an event loop: %s", strerror(-r));
                return r;
        }
        if (o->table) {
                r = shared_table_new(o->table, &table);
                if (r < 0)
                        return r;
        }
        r = manager_new(event, table ? shared_table_storage(table) : NULL, &manager);
        if (r < 0) {
                log_error("cannot listen to netlink: %s", strerror(-r));
                return r;
        }
        if (table) {
                r = shared_table_start(table, manager);
                if (r < 0)
                        return r;
        }
        if (o->bus) {
                r = bus_new(manager, o->bus, &bus);
                if (r < 0)
                        return r;
        }
        r = roster_new(manager, o->varlink, o->default_varlink, &roster);
        if (r < 0)
                return r;
        r = manager_start(manager);
        if (r < 0) {
                log_error("cannot start: %s", strerror(-r));
                return r;
        }
        return sd_event_loop(event);
}

/* Signals are read by the event loop. A peer that closes its socket is an error of write(). */
static void block_signals(void) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
}

/* A socket must never become standard error, where it would get what is logged. What is open only for
 * reading fails to write as if it were closed. */
static void occupy_standard_descriptors(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd >= 0)
                (void) close(fd);
}

/* Each client is a descriptor; the soft limit is low because of programs that use select(). */
static void raise_files(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
                return;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

/* What a large answer needs for a moment goes back to the kernel. Left to itself the allocator learns from
 * the first one to keep such memory. */
static void keep_no_memory(void) {
        (void) mallopt(M_MMAP_THRESHOLD, LARGE_ALLOCATION);
        (void) mallopt(M_TRIM_THRESHOLD, LARGE_ALLOCATION);
}

static int print(const char *text) {
        if (fputs(text, stdout) != EOF && fflush(stdout) == 0)
                return EXIT_SUCCESS;
        log_error("cannot write: %s", strerror(errno));
        return EXIT_FAILURE;
}

int main(int argc, char *argv[]) {
        char error[OPTIONS_ERROR_MAX];
        static Options options;
        int r;

        occupy_standard_descriptors();
        keep_no_memory();
        log_init(LOG_INFO);
        r = options_parse(argc, argv, &options, error);
        if (r < 0) {
                log_error("%s", error);
                return r == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
        }

        switch (options.action) {
        case OPTIONS_HELP:
                return print(options_help());
        case OPTIONS_VERSION:
                return print("ifrosterd " PROJECT_VERSION "\n");
        case OPTIONS_RUN:
        case _OPTIONS_ACTION_MAX:
                break;
        }

        log_init(options.log_level);
        block_signals();
        raise_files();
        if (options.netns && netns_enter(options.netns) < 0)
                return EXIT_FAILURE;
        r = run(&options);
        return r == -EINVAL ? EXIT_USAGE : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
