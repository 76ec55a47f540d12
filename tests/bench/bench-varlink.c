/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One request over two sockets, in turns: that of the daemon, and one that always gives as many bytes
 * back.
 *
 *   bench-varlink size PATH REQUEST              prints how many bytes the answer has
 *   bench-varlink call PATH OTHER REQUEST CALLS  prints one JSON object, times in nanoseconds
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bench-common.h"

#define WARM_UP 50
#define BUFFER_SIZE (1024 * 1024)

static char buffer[BUFFER_SIZE];

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        (void) must(strlen(path) < sizeof(address.sun_path) ? 0 : -ENAMETOOLONG, path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = must_errno(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        (void) must_errno(connect(fd, (struct sockaddr *) &address, sizeof(address)), path);
        return fd;
}

/* Returns the size of the answer with its NUL. */
static size_t call(int fd, const char *request) {
        size_t n = 0;

        (void) must_errno((int) send(fd, request, strlen(request) + 1, 0), "send");
        do {
                int len = must_errno((int) recv(fd, buffer + n, sizeof(buffer) - n, 0), "recv");

                (void) must(len == 0 ? -ECONNRESET : 0, "the answer");
                n += (size_t) len;
        } while (buffer[n - 1] != '\0');
        return n;
}

static void bench(const char *path, const char *other, const char *request, unsigned calls) {
        uint64_t *times[2] = { calloc(calls, sizeof(uint64_t)), calloc(calls, sizeof(uint64_t)) };
        int fds[2] = { connect_to(path), connect_to(other) };

        (void) must(times[0] && times[1] ? 0 : -ENOMEM, "memory");
        for (unsigned i = 0; i < WARM_UP + calls; i++)
                for (unsigned j = 0; j < 2; j++) {
                        uint64_t start = now_nsec();

                        (void) call(fds[j], request);
                        times[j][i < WARM_UP ? 0 : i - WARM_UP] = now_nsec() - start;
                }
        printf("{\"calls\": %u, \"daemon_p50\": %" PRIu64 ", \"daemon_p99\": %" PRIu64
               ", \"echo_p50\": %" PRIu64 ", \"echo_p99\": %" PRIu64 "}\n",
               calls, quantile(times[0], calls, 0.5), quantile(times[0], calls, 0.99),
               quantile(times[1], calls, 0.5), quantile(times[1], calls, 0.99));
        free(times[0]);
        free(times[1]);
}

int main(int argc, char *argv[]) {
        if (argc == 4 && strcmp(argv[1], "size") == 0)
                printf("%zu\n", call(connect_to(argv[2]), argv[3]));
        else if (argc == 6 && strcmp(argv[1], "call") == 0)
                bench(argv[2], argv[3], argv[4], (unsigned) atoi(argv[5]));
        else
                return 2;
        return 0;
}
