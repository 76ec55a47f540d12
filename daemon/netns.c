/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Enters a network namespace by name or path. setns() itself would accept any namespace file; asking
 * for CLONE_NEWNET makes it refuse files of another kind, so a wrong path is never half-successful.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "netns.h"
#include "util.h"

int netns_enter(const char *name_or_path) {
        _cleanup_(freep) char *joined = NULL;
        _cleanup_(closep) int fd = -1;
        const char *path = name_or_path;
        char given[LOG_GIVEN_MAX];
        int r;

        if (!strchr(name_or_path, '/')) {
                if (asprintf(&joined, "%s/%s", NETNS_DIRECTORY, name_or_path) < 0) {
                        joined = NULL;
                        return -ENOMEM;
                }
                path = joined;
        }

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) {
                r = -errno;
                log_error("cannot open network namespace %s: %s", log_given(path, given),
                          strerror(-r));
                return r;
        }
        if (setns(fd, CLONE_NEWNET) < 0) {
                r = -errno;
                log_error("cannot enter network namespace %s: %s", log_given(path, given),
                          r == -EINVAL  ? "it is not a network namespace"
                          : r == -EPERM ? "this needs CAP_SYS_ADMIN"
                                        : strerror(-r));
                return r;
        }
        return 0;
}

int netns_get_id(uint64_t *ret) {
        struct stat st;

        if (stat("/proc/thread-self/ns/net", &st) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}
