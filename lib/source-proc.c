/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Memberships and how often each is joined, from /proc/net/igmp and igmp6: the only place where the
 * kernel tells the number of joins, and the only source at all where it does not announce memberships.
 * A line that cannot be read is skipped, and what follows a broken device line is never taken for the
 * device before it.
 */

#include <arpa/inet.h>
#include <linux/if.h>

#include "source-private.h"

/* Rows that are believed; the kernel bounds groups by memory only. */
#define PROC_GROUPS_MAX (UINT32_C(1) << 20)

typedef struct Line {
        const char *p;
        const char *end;
} Line;

static bool next_line(Line *text, Line *ret) {
        const char *newline;

        if (text->p >= text->end)
                return false;
        newline = memchr(text->p, '\n', (size_t) (text->end - text->p));
        /* A last line without its end may be cut off: it is not used. */
        if (!newline)
                return false;
        *ret = (Line){ text->p, newline };
        text->p = newline + 1;
        return true;
}

static void skip_blanks(Line *l) {
        while (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
                l->p++;
}

static int digit_value(char c, unsigned base) {
        int v = -1;

        if (c >= '0' && c <= '9')
                v = c - '0';
        else if (c >= 'a' && c <= 'f')
                v = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
                v = c - 'A' + 10;
        return v >= 0 && (unsigned) v < base ? v : -1;
}

/* A number up to max that ends at a blank, a colon or the end of the line. */
static bool read_number(Line *l, unsigned base, uint64_t max, uint64_t *ret) {
        uint64_t value = 0;
        const char *start;

        skip_blanks(l);
        start = l->p;
        for (int digit; l->p < l->end && (digit = digit_value(*l->p, base)) >= 0; l->p++) {
                value = value * base + (unsigned) digit;
                if (value > max)
                        return false;
        }
        if (l->p == start || (l->p < l->end && *l->p != ' ' && *l->p != '\t' && *l->p != ':'))
                return false;
        *ret = value;
        return true;
}

static int add_group(GroupUsers **list, size_t *n, size_t *allocated, const GroupUsers *group) {
        if (*n >= PROC_GROUPS_MAX)
                return -E2BIG;
        if (*n == *allocated) {
                size_t wanted = *allocated == 0 ? 32 : *allocated * 2;
                GroupUsers *grown = reallocarray(*list, wanted, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                *list = grown;
                *allocated = wanted;
        }
        (*list)[(*n)++] = *group;
        return 0;
}

/* "\t\t\t\tHHHHHHHH %5d ...": the group's four bytes as one number of this host's byte order. */
static bool read_group4(Line line, int32_t ifindex, GroupUsers *ret) {
        uint64_t group, users;
        uint32_t bytes;
        const char *start;

        skip_blanks(&line);
        start = line.p;
        if (!read_number(&line, 16, UINT32_MAX, &group) || line.p - start != 8 ||
            !read_number(&line, 10, UINT32_MAX, &users))
                return false;
        bytes = (uint32_t) group;
        *ret = (GroupUsers){
                .ifindex = ifindex,
                .group = ip_make(AF_INET, &bytes),
                .users = (uint32_t) users,
        };
        return true;
}

/* A device line is "index\tname...", a group line begins with blanks. The name may hold anything, so
 * only the index is read. */
static int read_igmp(Line text, GroupUsers **list, size_t *n, size_t *allocated) {
        int32_t ifindex = 0;
        GroupUsers group;
        uint64_t index;
        Line line;
        int r;

        while (next_line(&text, &line)) {
                if (line.p == line.end)
                        continue;
                if (*line.p != '\t' && *line.p != ' ') {
                        ifindex = read_number(&line, 10, INT32_MAX, &index) ? (int32_t) index : 0;
                        continue;
                }
                if (ifindex <= 0 || !read_group4(line, ifindex, &group) ||
                    !ip_is_multicast(&group.group))
                        continue;
                r = add_group(list, n, allocated, &group);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Where the group stands in an igmp6 line: "%-4d %-15s %32x %5d %08X %d". The name may hold blanks of
 * other alphabets but no ASCII one; so the third word is the group. */
static bool read_group6(Line line, GroupUsers *ret) {
        uint64_t index, users;
        uint8_t bytes[16];

        if (!read_number(&line, 10, INT32_MAX, &index) || index == 0)
                return false;
        skip_blanks(&line);
        while (line.p < line.end && *line.p != ' ' && *line.p != '\t')
                line.p++;
        skip_blanks(&line);
        if (line.end - line.p < 33 || (line.p[32] != ' ' && line.p[32] != '\t'))
                return false;
        for (size_t i = 0; i < sizeof(bytes); i++) {
                int high = digit_value(line.p[2 * i], 16), low = digit_value(line.p[2 * i + 1], 16);

                if (high < 0 || low < 0)
                        return false;
                bytes[i] = (uint8_t) (high << 4 | low);
        }
        line.p += 32;
        if (!read_number(&line, 10, UINT32_MAX, &users))
                return false;
        *ret = (GroupUsers){
                .ifindex = (int32_t) index,
                .group = ip_make(AF_INET6, bytes),
                .users = (uint32_t) users,
        };
        return true;
}

static int read_igmp6(Line text, GroupUsers **list, size_t *n, size_t *allocated) {
        GroupUsers group;
        Line line;
        int r;

        while (next_line(&text, &line)) {
                if (!read_group6(line, &group) || !ip_is_multicast(&group.group))
                        continue;
                r = add_group(list, n, allocated, &group);
                if (r < 0)
                        return r;
        }
        return 0;
}

int source_parse_groups(int family, const char *text, size_t len, GroupUsers **list, size_t *n,
                        size_t *allocated) {
        Line lines = { text, text + len };

        return family == AF_INET ? read_igmp(lines, list, n, allocated)
                                 : read_igmp6(lines, list, n, allocated);
}

static int proc_groups(const SocketOps *ops, int family, GroupUsers **list, size_t *n,
                       size_t *allocated) {
        _cleanup_(freep) char *text = NULL;
        size_t len;
        int r;

        r = ops->read_groups(ops->userdata, family, &text, &len);
        if (r == -ENOENT)
                return 0; /* IPv6 is off, or the file is hidden: no memberships to tell */
        if (r < 0)
                return r;
        return source_parse_groups(family, text, len, list, n, allocated);
}

int source_proc_groups(Source *s, int family, GroupUsers **list, size_t *n, size_t *allocated) {
        return proc_groups(&s->ops, family, list, n, allocated);
}

static int compare_users(const void *a, const void *b) {
        const GroupUsers *x = a, *y = b;

        if (x->ifindex != y->ifindex)
                return x->ifindex < y->ifindex ? -1 : 1;
        return ip_compare(&x->group, &y->group);
}

static int read_users(const SocketOps *ops, GroupUsers **ret, size_t *ret_n) {
        static const int families[] = { AF_INET, AF_INET6 };
        _cleanup_(freep) GroupUsers *list = NULL;
        size_t n = 0, allocated = 0;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                r = proc_groups(ops, families[i], &list, &n, &allocated);
                if (r == -ENOMEM || r == -E2BIG)
                        return r;
        }
        if (n > 0)
                qsort(list, n, sizeof(*list), compare_users);
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

int source_ask_users(Source *s, GroupUsers **ret, size_t *ret_n) {
        s->counters.asks++;
        return read_users(&s->ops, ret, ret_n);
}

int source_read_users(GroupUsers **ret, size_t *ret_n) {
        return read_users(&source_system_ops, ret, ret_n);
}

int64_t group_users_find(const GroupUsers *users, size_t n, int32_t ifindex,
                         const IpAddress *group) {
        GroupUsers key = { .ifindex = ifindex, .group = *group };
        const GroupUsers *found;

        found = n == 0 ? NULL : bsearch(&key, users, n, sizeof(*users), compare_users);
        return found ? (int64_t) found->users : -1;
}
