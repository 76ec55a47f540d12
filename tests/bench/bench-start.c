/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How long a program takes from its start to its READY=1.
 *
 *   bench-start DIRECTORY ROUNDS PROGRAM [ARGUMENT...] -- PROGRAM [ARGUMENT...]
 *
 * Starts the two in turns, each with a notification socket in that directory, and ends each with SIGTERM
 * when it has said READY=1. Prints one JSON object with the medians in nanoseconds, of the
 * time and of the CPU time.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-common.h"

#define ROUNDS_MAX 1000
#define READY_SECONDS 60

extern char **environ;

static int open_notify(const char *directory) {
        struct timeval patience = { .tv_sec = READY_SECONDS };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd, n;

        n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/start.notify", directory);
        (void) must(n < 0 || (size_t) n >= sizeof(address.sun_path) ? -ENAMETOOLONG : 0, directory);
        (void) unlink(address.sun_path);
        fd = must_errno(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
        (void) must_errno(bind(fd, (struct sockaddr *) &address, sizeof(address)), directory);
        (void) must_errno(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
                          "SO_RCVTIMEO");
        (void) must_errno(setenv("NOTIFY_SOCKET", address.sun_path, 1), "setenv");
        return fd;
}

/* What a process has computed so far; it may be a zombie. */
static uint64_t cpu_of(pid_t pid) {
        char path[64];
        uint64_t nsec = 0;
        FILE *f;

        (void) snprintf(path, sizeof(path), "/proc/%d/schedstat", (int) pid);
        f = fopen(path, "re");
        (void) must(f && fscanf(f, "%" SCNu64, &nsec) == 1 ? 0 : -EIO, path);
        (void) fclose(f);
        return nsec;
}

static uint64_t time_start(int notify, char *const command[], uint64_t *ret_cpu) {
        posix_spawn_file_actions_t actions;
        char text[4096];
        uint64_t start;
        ssize_t len;
        pid_t pid;

        (void) must(-posix_spawn_file_actions_init(&actions), "posix_spawn");
        (void) must(-posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                                      O_WRONLY, 0),
                    "posix_spawn");
        start = now_nsec();
        (void) must(-posix_spawn(&pid, command[0], &actions, NULL, command, environ), command[0]);
        do {
                len = must_errno((int) recv(notify, text, sizeof(text) - 1, 0), command[0]);
                text[len] = '\0';
        } while (!strstr(text, "READY=1"));
        start = now_nsec() - start;
        *ret_cpu = cpu_of(pid);

        (void) kill(pid, SIGTERM);
        (void) must_errno(waitpid(pid, NULL, 0), "waitpid");
        /* What it said while it ended. */
        while (recv(notify, text, sizeof(text), MSG_DONTWAIT) > 0)
                ;
        (void) posix_spawn_file_actions_destroy(&actions);
        return start;
}

int main(int argc, char *argv[]) {
        uint64_t first[ROUNDS_MAX], second[ROUNDS_MAX];
        uint64_t first_cpu[ROUNDS_MAX], second_cpu[ROUNDS_MAX];
        char **other = argv + 3;
        unsigned rounds;
        int notify;

        if (argc < 6)
                return 2;
        while (*other && strcmp(*other, "--") != 0)
                other++;
        rounds = (unsigned) atoi(argv[2]);
        if (!*other || !other[1] || rounds < 1 || rounds > ROUNDS_MAX)
                return 2;
        *other++ = NULL;

        notify = open_notify(argv[1]);
        for (unsigned i = 0; i < rounds; i++) {
                first[i] = time_start(notify, argv + 3, &first_cpu[i]);
                second[i] = time_start(notify, other, &second_cpu[i]);
        }
        printf("{\"rounds\": %u, \"first\": %" PRIu64 ", \"second\": %" PRIu64
               ", \"first_cpu\": %" PRIu64 ", \"second_cpu\": %" PRIu64 "}\n",
               rounds, quantile(first, rounds, 0.5), quantile(second, rounds, 0.5),
               quantile(first_cpu, rounds, 0.5), quantile(second_cpu, rounds, 0.5));
        return 0;
}
