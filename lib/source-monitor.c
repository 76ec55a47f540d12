/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hears what the kernel announces and hands it to the model, and notices when something was lost. Must
 * never sleep, never leave because of an error, and never start a dump: after an overrun the socket
 * stays deaf until its queue is empty, without a second error, so a dump that began earlier would miss
 * what is dropped meanwhile.
 */

#include "source-private.h"

void source_lose(Source *s, ResyncReason reason) {
        /* The first reason is the one that says what happened. */
        if (!s->lost)
                s->lost_reason = reason;
        s->lost = true;
        model_doubt(s->model, true);
}

/* Where memberships are not announced, what is announced may have changed them. */
static void expect_groups(Source *s, const RtnlMessage *message) {
        if (s->hears_groups || s->groups_at != USEC_INFINITY)
                return;
        if (message->object == RTNL_LINK || message->object == RTNL_ADDRESS)
                s->groups_at = source_now(s) + SOURCE_PROC_DEBOUNCE_USEC;
}

static void hear_message(Source *s, const struct nlmsghdr *message, uint64_t now) {
        int r;

        switch (message->nlmsg_type) {
        case NLMSG_NOOP:
        case NLMSG_DONE:
        case NLMSG_ERROR:
                return;
        case NLMSG_OVERRUN:
                source_lose(s, RESYNC_OVERRUN);
                return;
        }

        s->counters.messages++;
        r = rtnl_parse(message, message->nlmsg_len, now, s->message);
        if (r == RTNL_IGNORED)
                return;
        if (r < 0) {
                s->counters.skipped_rows++;
                source_lose(s, RESYNC_MALFORMED);
                return;
        }
        r = model_hear(s->model, s->message);
        if (r < 0)
                source_lose(s, RESYNC_ERROR);
        expect_groups(s, s->message);
}

static void hear_datagram(Source *s, size_t len, uint64_t now) {
        const uint8_t *p = s->buffer;

        while (len >= sizeof(struct nlmsghdr)) {
                const struct nlmsghdr *message = (const void *) p;
                size_t step;

                if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > len) {
                        source_lose(s, RESYNC_TRUNCATED);
                        return;
                }
                hear_message(s, message, now);
                step = NLMSG_ALIGN(message->nlmsg_len);
                if (step >= len)
                        return;
                p += step;
                len -= step;
        }
        if (len > 0)
                source_lose(s, RESYNC_TRUNCATED);
}

static int hear_error(Source *s, SocketRole role, int error) {
        s->overrun = true;
        source_lose(s, error == -ENOBUFS ? RESYNC_OVERRUN : RESYNC_ERROR);
        return ++s->n_errors[role] > SOURCE_ERRORS_MAX ? error : 0;
}

/* 1: the socket is empty; 0: time is up; a negative errno: it cannot be read any more. */
static int drain_socket(Source *s, SocketRole role, uint64_t until) {
        Received received;
        uint64_t now;
        int r;

        for (unsigned n = 0;; n++) {
                r = source_receive(s, role, &received);
                if (r == 0) {
                        s->n_errors[role] = 0;
                        return 1;
                }
                if (r < 0) {
                        r = hear_error(s, role, r);
                        if (r < 0)
                                return r;
                        continue;
                }
                s->n_errors[role] = 0;
                if (!received.from_kernel) {
                        s->counters.forged_messages++;
                } else if (received.truncated) {
                        source_lose(s, RESYNC_TRUNCATED);
                } else {
                        /* Lifetimes count from when the message is read. */
                        now = source_now(s);
                        hear_datagram(s, received.len, now);
                        if (now >= until)
                                return 0;
                        continue;
                }
                if (n % 64 == 0 && source_now(s) >= until)
                        return 0;
        }
}

/* A loss may show in the counter alone: an error can be taken by somebody else's look at the socket,
 * or not be set at all when the kernel could not allocate a notification. */
static void watch_drops(Source *s, SocketRole role) {
        uint32_t drops;

        if (s->ops.drops(s->ops.userdata, role, s->fds[role], &drops) < 0)
                return;
        if (drops == s->drops[role])
                return;
        s->counters.dropped_messages += drops - s->drops[role];
        s->drops[role] = drops;
        if (!s->overrun)
                source_lose(s, RESYNC_DROPS);
}

int source_drain(Source *s, uint64_t until) {
        static const SocketRole roles[] = { SOCKET_MONITOR, SOCKET_ROUTES };
        int r;

        s->drained = true;
        for (size_t i = 0; i < ELEMENTSOF(roles); i++) {
                r = drain_socket(s, roles[i], until);
                if (r < 0)
                        return r;
                if (r == 0)
                        s->drained = false;
                watch_drops(s, roles[i]);
        }
        if (s->drained)
                s->overrun = false;
        return 0;
}
