/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The handle: where its answers come from, and the way from the daemon's table to an own reading and
 * back. The quick path is in client-internal.h; here is what happens when it does not apply.
 *
 * Nothing here waits for the daemon longer than CLIENT_STALL_USEC, and nothing trusts it: a table that
 * cannot be read in bounded time is given up, and looked at again later.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"

/* Attempts before a waiting reader gives the processor away, and how long it then sleeps. */
#define SPINS_MAX 200
#define NAP_NSEC 50000

uint64_t client_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

uint64_t client_deadline(uint64_t now, uint64_t usec) {
        return usec > UINT64_MAX - now ? UINT64_MAX : now + usec;
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
        __asm__ volatile("yield");
#endif
}

/* Decides where the next answer comes from; under the mutex. CLIENT_SHARED: the mapped table, unless
 * it turns out to be busy. CLIENT_OWN: the own one, which is current. force_own: leave a table alone
 * that cannot be read. */
static int choose(ifroster *h, const ClientReading *g, bool force_own) {
        bool may_share = !(h->flags & IFROSTER_EMBEDDED_ONLY);
        int r;

        if (may_share && (client_map_is_broken(&h->map) || client_check_is_due(&h->map) ||
                          client_map_is_dead(&h->map)))
                client_map_check(h);
        if (may_share && h->map.fd >= 0 && !force_own) {
                client_own_stop(h);
                return CLIENT_SHARED;
        }
        if (h->flags & IFROSTER_SHARED_ONLY)
                return h->map.fd >= 0 ? -EAGAIN : -ENOTCONN;
        if (h->source && g->resume)
                return CLIENT_OWN;
        r = client_own_start(h);
        if (r < 0)
                return r;
        r = client_own_refresh(h);
        return r < 0 ? r : CLIENT_OWN;
}

/* Whether the table is still mapped and its writer alive. */
static bool is_written(ifroster *h, const ClientReading *g) {
        bool alive;

        client_lock(h);
        alive = client_map_epoch(&h->map) == g->epoch && client_map_is_alive(h->map.fd);
        client_unlock(h);
        return alive;
}

/* A batch is being written, or was when the writer stopped. Waits a little; gives the table up when
 * that has gone on for too long or its writer is dead. */
static void wait_for_writer(ifroster *h, const ClientReading *g, unsigned *spins,
                            uint64_t *started) {
        const struct timespec nap = { .tv_nsec = NAP_NSEC };
        uint64_t now;

        /* Such a table is never completed: its place has been taken. */
        if (!table_superseded(&g->view)) {
                if ((*spins)++ < SPINS_MAX) {
                        relax();
                        return;
                }
                now = client_now();
                if (*started == 0)
                        *started = now;
                if (now - *started < CLIENT_STALL_USEC && is_written(h, g)) {
                        (void) nanosleep(&nap, NULL);
                        return;
                }
        }
        client_lock(h);
        if (client_map_epoch(&h->map) == g->epoch && client_map_open(h, /* wait= */ false) < 0)
                client_map_drop(h);
        client_unlock(h);
        *spins = 0;
        *started = 0;
}

static int begin(ifroster *h, ClientReading *g, bool force_own) {
        uint64_t started = 0;
        unsigned spins = 0;
        int r;

        for (;;) {
                client_lock(h);
                r = choose(h, g, force_own);
                if (r == CLIENT_OWN) {
                        g->origin = CLIENT_OWN;
                        g->view = table_view(h->table);
                        g->epoch = h->origin;
                        (void) table_read_begin(&g->view, &g->sequence);
                        return 0; /* and the mutex stays locked */
                }
                client_unlock(h);
                if (r < 0)
                        return r;
                if (client_map_begin(&h->map, g))
                        return 0;
                if (g->epoch % 2 == 0)
                        wait_for_writer(h, g, &spins, &started);
        }
}

int client_read_begin_slow(const ifroster *h, ClientReading *g) {
        if (h->flags & IFROSTER_FROZEN) {
                g->origin = CLIENT_FROZEN;
                g->view = client_copy_view(&h->frozen);
                g->epoch = g->sequence = 0;
                return 0;
        }
        return begin(client_mutable(h), g, /* force_own= */ false);
}

bool client_read_again_slow(ClientReading *g, int *r) {
        ifroster *h = client_mutable(g->handle);
        uint64_t now;
        int q;

        switch (g->origin) {
        case CLIENT_OWN:
                /* What is missing may be what was not heard of yet. */
                if (*r == -ENODEV && client_may_miss(g))
                        *r = -EAGAIN;
                client_unlock(h);
                return false;
        case CLIENT_FROZEN:
                if (*r == -ENODEV && client_may_miss(g))
                        *r = -EAGAIN;
                return false;
        case _CLIENT_ORIGIN_MAX:
                return false;
        case CLIENT_SHARED:
                break;
        }
        now = client_now();
        if (g->started == 0)
                g->started = now;
        if (now - g->started < CLIENT_RETRY_USEC && client_map_begin(&h->map, g))
                return true;
        q = begin(h, g, now - g->started >= CLIENT_RETRY_USEC);
        if (q < 0) {
                *r = q;
                return false;
        }
        return true;
}

/* Two writers are never taken for one: the daemon's numbers are random, and a bit that own ones do not
 * reach keeps both kinds apart. */
ClientState client_state_of(const ClientReading *g) {
        const TableHeader *header = g->view.block;
        ClientState state = { .generation = load64(&header->generation) };

        switch (g->origin) {
        case CLIENT_SHARED:
                state.origin = load64(&header->writer) | UINT64_C(1) << 63;
                state.resyncs = load64(&header->resyncs);
                break;
        case CLIENT_OWN:
                state.origin = g->handle->origin;
                state.resyncs = g->handle->resyncs;
                break;
        case CLIENT_FROZEN:
                state = g->handle->frozen.state;
                break;
        case _CLIENT_ORIGIN_MAX:
                break;
        }
        return state;
}

int client_state(const ifroster *h, ClientState *ret) {
        ClientState state;
        ClientReading g;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                r = 0;
                state = client_state_of(&g);
        } while (client_read_again(&g, &r));
        if (r >= 0)
                *ret = state;
        return r;
}

/* Handles -------------------------------------------------------------------------------------- */

static int handle_new(uint64_t flags, ifroster **ret) {
        ifroster *h;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->flags = flags;
        h->map.fd = h->epoll_fd = h->timer_fd = h->inotify_fd = h->file_watch = -1;
        h->map.epoch = 1;
        (void) pthread_mutex_init(&h->mutex, NULL);
        *ret = h;
        return 0;
}

ifroster *ifroster_free(ifroster *h) {
        if (!h)
                return NULL;
        client_diff_done(&h->diff);
        client_row_done(&h->event.row);
        client_own_stop(h);
        client_watch_done(h);
        client_map_done(&h->map);
        client_copy_done(&h->frozen);
        (void) pthread_mutex_destroy(&h->mutex);
        free(h);
        return NULL;
}

DEFINE_CLEANUP(ifroster *, ifroster_free)

int ifroster_new(const char *table, uint64_t flags, ifroster **ret) {
        _cleanup_(ifroster_freep) ifroster *h = NULL;
        ClientReading g;
        int r;

        if (flags & ~(uint64_t) (IFROSTER_SHARED_ONLY | IFROSTER_EMBEDDED_ONLY) ||
            flags == (IFROSTER_SHARED_ONLY | IFROSTER_EMBEDDED_ONLY))
                return -EINVAL;
        r = handle_new(flags, &h);
        if (r < 0)
                return r;
        h->netns = client_netns();
        if (!(flags & IFROSTER_EMBEDDED_ONLY)) {
                r = client_map_init(&h->map, table);
                if (r < 0)
                        return r;
                (void) client_map_open(h, /* wait= */ true);
        }
        /* The first reading, so that no question has to wait for it. */
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        while (client_read_again(&g, &r))
                r = 0;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

int ifroster_is_shared(const ifroster *h) {
        ClientReading g;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return 0;
        do
                r = g.origin == CLIENT_SHARED;
        while (client_read_again(&g, &r));
        return r > 0;
}

uint64_t ifroster_generation(const ifroster *h) {
        uint64_t generation = 0;
        ClientReading g;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return 0;
        do
                generation = table_generation(&g.view);
        while (client_read_again(&g, &r));
        return generation;
}

int ifroster_snapshot(const ifroster *h, ifroster **ret) {
        _cleanup_(ifroster_freep) ifroster *frozen = NULL;
        int r;

        r = handle_new(IFROSTER_FROZEN, &frozen);
        if (r < 0)
                return r;
        r = client_copy(h, &frozen->frozen);
        if (r >= 0 && frozen->frozen.behind && client_ask_index(h, 0) >= 0) {
                client_copy_done(&frozen->frozen);
                r = client_copy(h, &frozen->frozen);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(frozen);
        return 0;
}
