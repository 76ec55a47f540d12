/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two calls that block. With the daemon's table a waiter sleeps on a word of the mapping, by
 * futex(2); a dead daemon wakes nobody there, so nobody sleeps longer than CLIENT_SLICE_USEC at once.
 *
 * Sync: reading a byte of the table's file with read(2) is what a client can do to be heard, since it
 * can write nowhere: the daemon watches its file for that. It then hears everything that the kernel has
 * to tell, and counts in the table: up by one when it begins, odd, and by one when it is done.
 */

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client-internal.h"

/* Not FUTEX_PRIVATE_FLAG: the waker is another process. */
static void sleep_on(const uint32_t *word, uint32_t value, uint64_t usec) {
        const struct timespec t = {
                .tv_sec = (time_t) (usec / USEC_PER_SEC),
                .tv_nsec = (long) (usec % USEC_PER_SEC * NSEC_PER_USEC),
        };

        (void) syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0);
}

static void sleep_on_source(const ifroster *h, uint64_t usec) {
        struct pollfd p = { .fd = -1, .events = POLLIN };

        client_lock(h);
        if (h->source)
                p.fd = source_get_fd(h->source);
        client_unlock(h);
        if (p.fd >= 0)
                (void) poll(&p, 1, (int) ((usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
}

/* What a waiter has to know of the table. */
typedef struct Seen {
        ClientState state;
        ClientOrigin origin;
        const uint32_t *wake, *rounds;
        uint32_t wake_value, rounds_value;
} Seen;

static int look(const ifroster *h, Seen *ret) {
        ClientReading g;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                const TableHeader *header = g.view.block;

                r = 0;
                *ret = (Seen){
                        .state = client_state_of(&g),
                        .origin = g.origin,
                        .wake = &header->wake,
                        .rounds = &header->sync_rounds,
                        .wake_value = load32(&header->wake),
                        .rounds_value = __atomic_load_n(&header->sync_rounds, __ATOMIC_ACQUIRE),
                };
        } while (client_read_again(&g, &r));
        return r;
}

int ifroster_wait(ifroster *h, uint64_t generation, uint64_t timeout_usec) {
        uint64_t now, end = client_deadline(client_now(), timeout_usec), origin = 0;
        Seen seen;
        int r;

        if (h->flags & IFROSTER_FROZEN)
                return -EINVAL;
        for (;;) {
                r = look(h, &seen);
                if (r < 0)
                        return r;
                if (origin == 0)
                        origin = seen.state.origin;
                if (seen.state.generation != generation || seen.state.origin != origin)
                        return 1;
                now = client_now();
                if (now >= end)
                        return 0;
                if (seen.origin == CLIENT_SHARED)
                        sleep_on(seen.wake, seen.wake_value,
                                 CONST_MIN(end - now, CLIENT_SLICE_USEC));
                else
                        sleep_on_source(h, CONST_MIN(end - now, CLIENT_SLICE_USEC));
        }
}

/* Sync ------------------------------------------------------------------------------------- */

/* Under the mutex. 1: done. */
static int settle_own(ifroster *h, bool *asked) {
        int r;

        r = client_own_refresh(h);
        if (r < 0)
                return r;
        if (!*asked) {
                r = source_reread_silent(h->source);
                if (r < 0)
                        return r;
                *asked = true;
                r = client_own_refresh(h);
                if (r < 0)
                        return r;
        }
        return source_settled(h->source);
}

static int sync_own(ifroster *h, bool *asked, uint64_t left) {
        int r;

        client_lock(h);
        r = h->source ? settle_own(h, asked) : 0;
        client_unlock(h);
        if (r == 0)
                sleep_on_source(h, CONST_MIN(left, CLIENT_SLICE_USEC));
        return r;
}

/* The count to wait for: a round that is under way began too early. */
static uint32_t target_after(uint32_t rounds) {
        return rounds % 2 == 0 ? rounds + 2 : rounds + 3;
}

static int poke(const ifroster *h) {
        uint8_t byte;
        ssize_t n;

        client_lock(h);
        n = h->map.fd < 0 ? 0 : pread(h->map.fd, &byte, sizeof(byte), 0);
        client_unlock(h);
        return n < 0 ? -errno : 0;
}

int ifroster_sync(ifroster *h, uint64_t timeout_usec) {
        uint64_t now = client_now(), end = client_deadline(now, timeout_usec), origin = 0;
        uint64_t poke_at = 0;
        uint32_t target = 0;
        bool asked = false;
        Seen seen;
        int r;

        if (h->flags & IFROSTER_FROZEN)
                return -EINVAL;
        for (;;) {
                r = look(h, &seen);
                if (r < 0)
                        return r;
                if (seen.state.origin != origin) {
                        origin = seen.state.origin;
                        target = target_after(seen.rounds_value);
                        asked = false;
                        poke_at = now;
                }
                /* Again, because the file may have been exchanged between the two. */
                if (seen.origin == CLIENT_SHARED && now >= poke_at) {
                        r = poke(h);
                        if (r < 0)
                                return r;
                        poke_at = now + CLIENT_SLICE_USEC;
                }
                if (seen.origin == CLIENT_SHARED && (int32_t) (seen.rounds_value - target) >= 0)
                        return 0;
                now = client_now();
                if (now >= end)
                        return -ETIMEDOUT;
                if (seen.origin == CLIENT_SHARED)
                        sleep_on(seen.rounds, seen.rounds_value,
                                 CONST_MIN(end - now, CLIENT_SLICE_USEC));
                else {
                        r = sync_own(h, &asked, end - now);
                        if (r != 0)
                                return r < 0 ? r : 0;
                }
        }
}
