/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Recorded notifications, cut off, as the source hears them from a kernel that has nothing else to
 * tell: what cannot be read is skipped and counted, and everything is read again for its sake, once;
 * what can be read, or is none of our business, causes no such thing. The source ends ready each time.
 */

#include <check.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rtnl.h"
#include "source-private.h"
#include "unit.h"
#include "util.h"

#define FILE_SIZE_MAX (1024U * 1024U)
#define MESSAGES_PER_FILE 6
#define TURNS_MAX 200

/* A request to be answered; sequence 0: none */
typedef struct Asked {
        uint32_t sequence;
        bool dump;
} Asked;

/* A kernel without links: a dump is empty, a link that is asked for does not exist. Time is what the source waits for. */
typedef struct Kernel {
        uint64_t now;
        const void *heard; /* on the monitor socket, one datagram */
        size_t heard_len;
        Asked asked[_SOCKET_ROLE_MAX];
} Kernel;

static Kernel kernel;

static int open_socket(void *userdata _unused_, SocketRole role _unused_,
                       size_t receive_buffer _unused_, bool *groups _unused_) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        return fd < 0 ? -errno : fd;
}

static int receive(void *userdata _unused_, SocketRole role, int fd _unused_, void *buffer,
                   size_t size, Received *ret) {
        Asked *a = &kernel.asked[role];
        struct nlmsghdr *answer = buffer;
        const int result = a->dump ? 0 : -ENODEV;

        if (role == SOCKET_MONITOR && kernel.heard) {
                ck_assert_uint_le(kernel.heard_len, size);
                memcpy(buffer, kernel.heard, kernel.heard_len);
                *ret = (Received){ .len = kernel.heard_len, .from_kernel = true };
                kernel.heard = NULL;
                return 0;
        }
        if (a->sequence != 0) {
                memset(buffer, 0, NLMSG_LENGTH(sizeof(struct nlmsgerr)));
                memcpy(NLMSG_DATA(answer), &result, sizeof(result));
                answer->nlmsg_len = NLMSG_LENGTH(sizeof(struct nlmsgerr));
                answer->nlmsg_type = a->dump ? NLMSG_DONE : NLMSG_ERROR;
                answer->nlmsg_seq = a->sequence;
                *ret = (Received){ .len = answer->nlmsg_len, .from_kernel = true };
                a->sequence = 0;
                return 0;
        }
        return -EAGAIN;
}

static int send_request(void *userdata _unused_, SocketRole role, int fd _unused_, const void *data,
                        size_t size _unused_) {
        const struct nlmsghdr *request = data;

        kernel.asked[role] = (Asked){
                .sequence = request->nlmsg_seq,
                .dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP,
        };
        return 0;
}

static int wait_for_answer(void *userdata _unused_, SocketRole role, int fd _unused_,
                           int timeout_msec _unused_) {
        return kernel.asked[role].sequence != 0 ? 0 : -ETIMEDOUT;
}

static int get_drops(void *userdata _unused_, SocketRole role _unused_, int fd _unused_,
                     uint32_t *ret) {
        *ret = 0;
        return 0;
}

static uint32_t get_port(void *userdata _unused_, SocketRole role _unused_, int fd _unused_) {
        return 0;
}

static void close_socket(void *userdata _unused_, SocketRole role _unused_, int fd) {
        (void) close(fd);
}

static uint64_t get_now(void *userdata _unused_) {
        return kernel.now;
}

static int read_groups(void *userdata _unused_, int family _unused_, char **ret_text,
                       size_t *ret_len) {
        *ret_text = strdup("");
        *ret_len = 0;
        return *ret_text ? 0 : -ENOMEM;
}

static void run_until_idle(Source *s) {
        for (unsigned turns = 0; kernel.heard || kernel.asked[SOCKET_QUERY].sequence != 0 ||
                                 s->timer_at != USEC_INFINITY;
             turns++) {
                Batch batch = {};

                ck_assert_uint_lt(turns, TURNS_MAX);
                if (!kernel.heard && kernel.asked[SOCKET_QUERY].sequence == 0)
                        kernel.now = CONST_MAX(kernel.now, s->timer_at);
                ck_assert_int_ge(source_dispatch(s, &batch), 0);
                batch_done(&batch);
        }
        ck_assert_int_eq(source_state(s), SOURCE_READY);
        ck_assert(source_settled(s));
}

static void hear(Source *s, const void *message, size_t len) {
        const struct nlmsghdr *header = message;
        SourceCounters before = *source_counters(s);
        const SourceCounters *after = source_counters(s);
        bool whole = len >= sizeof(*header) && header->nlmsg_len <= len;
        static RtnlMessage parsed;
        int r = whole ? rtnl_parse(message, len, 0, &parsed) : -EBADMSG;
        bool skipped = whole && r < 0, lost = r < 0;

        kernel.heard = message;
        kernel.heard_len = len;
        run_until_idle(s);
        ck_assert_uint_eq(after->skipped_rows - before.skipped_rows, skipped);
        ck_assert_uint_eq(after->resyncs[RESYNC_MALFORMED] - before.resyncs[RESYNC_MALFORMED],
                          skipped);
        ck_assert_uint_eq(after->resyncs[RESYNC_TRUNCATED] - before.resyncs[RESYNC_TRUNCATED],
                          lost && !skipped);
        if (lost)
                ck_assert_uint_gt(after->dumps, before.dumps);
}

static void cut(Source *s, const struct nlmsghdr *message) {
        for (size_t len = 1; len < message->nlmsg_len; len++) {
                _cleanup_(freep) struct nlmsghdr *copy = malloc(len);

                ck_assert_ptr_nonnull(copy);
                memcpy(copy, message, len);
                hear(s, copy, len);
                if (len < sizeof(*copy))
                        continue;
                copy->nlmsg_len = (uint32_t) len;
                hear(s, copy, len);
        }
}

static size_t cut_recording(Source *s, const char *name) {
        static union {
                struct nlmsghdr first;
                uint8_t bytes[FILE_SIZE_MAX];
        } data;
        char path[4096];
        size_t size, n = 0;
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/rtnl/%s.bin", TEST_DATA_DIR, name);
        f = fopen(path, "re");
        ck_assert_msg(f, "%s: %s", path, strerror(errno));
        size = fread(data.bytes, 1, sizeof(data), f);
        (void) fclose(f);

        for (size_t pos = 0; pos < size && n < MESSAGES_PER_FILE;) {
                const struct nlmsghdr *message = (const void *) (data.bytes + pos);

                if (message->nlmsg_type >= RTM_BASE) {
                        cut(s, message);
                        n++;
                }
                pos += NLMSG_ALIGN(message->nlmsg_len);
        }
        return n;
}

START_TEST(cut_notifications) {
        static const char *const recordings[] = { "link-events", "address-events", "group-events",
                                                  "route-events", "local" };
        SocketOps ops = {
                .open = open_socket,
                .receive = receive,
                .send = send_request,
                .wait = wait_for_answer,
                .drops = get_drops,
                .port = get_port,
                .close = close_socket,
                .now = get_now,
                .read_groups = read_groups,
        };
        Table *table = NULL;
        Source *s = NULL;

        kernel = (Kernel){ .now = USEC_PER_SEC };
        ck_assert_int_eq(table_new(NULL, &table), 0);
        ck_assert_int_eq(source_new(table, &(SourceConfig){ .ops = &ops }, &s), 0);
        run_until_idle(s);
        for (size_t i = 0; i < ELEMENTSOF(recordings); i++)
                ck_assert_uint_gt(cut_recording(s, recordings[i]), 0);
        ck_assert_uint_gt(source_counters(s)->skipped_rows, 100);
        source_free(s);
        table_free(table);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("source-cut");
        TCase *tc = tcase_create("cut");

        tcase_add_test(tc, cut_notifications);
        suite_add_tcase(suite, tc);
        return unit_run(suite);
}
