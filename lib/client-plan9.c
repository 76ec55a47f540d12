/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plan 9's files, with what the table does not have of a link from /proc. That is of the caller's own
 * network namespace: for a table of another one those numbers are 0, as everything that is not known.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client-internal.h"
#include "lookup-plan9.h"

static void fclosep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

/* A line is "NAME: " and 16 numbers: of what came bytes, packets, errors and five more, then the same
 * of what went. No name of a link contains a colon. */
static void read_counters(const char *name, Plan9Facts *facts) {
        _cleanup_(fclosep) FILE *f = fopen("/proc/thread-self/net/dev", "re");
        size_t n = strlen(name);
        char line[512];

        while (f && fgets(line, sizeof(line), f)) {
                const char *p = line + strspn(line, " ");

                if (strncmp(p, name, n) != 0 || p[n] != ':')
                        continue;
                (void) sscanf(p + n + 1,
                              " %*u %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %*u"
                              " %*u %" SCNu64 " %" SCNu64,
                              &facts->packets_in, &facts->errors_in, &facts->packets_out,
                              &facts->errors_out);
                return;
        }
}

static uint32_t read_setting(const char *kind, const char *name, const char *setting) {
        _cleanup_(closep) int fd = -1;
        char path[256], text[32];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/proc/sys/net/ipv6/%s/%s/%s", kind, name, setting);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
        if (n <= 0)
                return 0;
        text[n] = '\0';
        return (uint32_t) strtoul(text, NULL, 10);
}

static void read_facts(const char *name, Plan9Facts *ret) {
        read_counters(name, ret);
        ret->accept_ra = read_setting("conf", name, "accept_ra");
        ret->hop_limit = read_setting("conf", name, "hop_limit");
        ret->reachable_time = read_setting("neigh", name, "base_reachable_time_ms");
        ret->retransmit_time = read_setting("neigh", name, "retrans_time_ms");
}

static int status_text(const TableView *v, int ifindex, char **ret) {
        Plan9Facts facts = {};
        struct timespec now;
        LinkRecord link;

        if (!table_get_link(v, ifindex, &link))
                return -ENODEV;
        if (client_is_own_namespace(v))
                read_facts(link.name, &facts);
        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return lookup_plan9_status(v, ifindex, &facts,
                                   (uint64_t) now.tv_sec * USEC_PER_SEC +
                                                   (uint64_t) now.tv_nsec / NSEC_PER_USEC,
                                   ret);
}

int ifroster_plan9_text(const ifroster *h, int file, int ifindex, char **ret) {
        _cleanup_(client_copy_done) ClientCopy copy = {};
        TableView v;
        int r;

        if (file != IFROSTER_PLAN9_SELFTAB) {
                r = client_expect_link(h, ifindex);
                if (r < 0)
                        return r;
        }
        r = client_copy(h, &copy);
        if (r < 0)
                return r;
        v = client_copy_view(&copy);

        switch (file) {
        case IFROSTER_PLAN9_STATUS:
                return status_text(&v, ifindex, ret);
        case IFROSTER_PLAN9_LOCAL:
                return lookup_plan9_local(&v, ifindex, ret);
        case IFROSTER_PLAN9_SELFTAB:
                return lookup_plan9_selftab(&v, ret);
        }
        return -EINVAL;
}
