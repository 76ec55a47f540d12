/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The handle's own reading of rtnetlink, for as long as there is no daemon to read from. It is begun
 * when the first question needs it and ended when a daemon is there again, so that it costs nothing
 * meanwhile. Everything here is called under the handle's mutex.
 *
 * netlink sockets belong to the network namespace of the thread that opens them. A handle that falls
 * back may do so in another thread than the one that made it, and must not begin to describe another
 * namespace unnoticed.
 */

#include <errno.h>
#include <poll.h>

#include "client-internal.h"

/* Counts the own sources of the process, so that no two of them are taken for one. */
static uint64_t new_origin(void) {
        static uint64_t last;

        return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

static int take_batch(ifroster *h, Batch *batch) {
        if (batch->resynced) {
                uint64_t reason = 0;

                while (reason + 1 < _RESYNC_REASON_MAX && batch->reason &&
                       strcmp(resync_reason_to_string((ResyncReason) reason), batch->reason) != 0)
                        reason++;
                h->resyncs = ((h->resyncs >> 8) + 1) << 8 | reason;
        }
        batch_done(batch);
        return 0;
}

int client_own_refresh(ifroster *h) {
        Batch batch = {};
        int r;

        r = source_refresh(h->source, &batch);
        if (r < 0) {
                client_own_stop(h);
                return r;
        }
        return take_batch(h, &batch);
}

/* Waits for the source, at most until `end`. 1: it has something to do; 0: time is up. */
static int wait_for_source(const ifroster *h, uint64_t end) {
        struct pollfd p = { .fd = source_get_fd(h->source), .events = POLLIN };
        uint64_t now = client_now();

        if (now >= end)
                return 0;
        if (poll(&p, 1, (int) ((end - now) / USEC_PER_MSEC) + 1) < 0 && errno != EINTR)
                return -errno;
        return 1;
}

int client_own_settle(ifroster *h) {
        uint64_t end = client_deadline(client_now(), CLIENT_SETTLE_USEC);
        int r;

        for (;;) {
                r = client_own_refresh(h);
                if (r < 0)
                        return r;
                if (!source_is_behind(h->source))
                        return 0;
                r = wait_for_source(h, end);
                if (r <= 0)
                        return r < 0 ? r : -EAGAIN;
        }
}

/* Reads until the table is complete. */
static int fill(ifroster *h) {
        uint64_t end = client_deadline(client_now(), CLIENT_START_USEC);
        int r;

        while (source_state(h->source) == SOURCE_STARTING) {
                Batch batch = {};

                r = wait_for_source(h, end);
                if (r <= 0)
                        return r < 0 ? r : -EAGAIN;
                r = source_dispatch(h->source, &batch);
                if (r < 0)
                        return r;
                batch_done(&batch);
        }
        return 0;
}

int client_own_start(ifroster *h) {
        int r;

        if (h->source)
                return 0;
        if (h->netns != 0 && client_netns() != h->netns)
                return -ENOTCONN;
        r = table_new(NULL, &h->table);
        if (r < 0)
                return r;
        r = source_new(h->table, NULL, &h->source);
        if (r >= 0)
                r = fill(h);
        if (r < 0) {
                client_own_stop(h);
                return r;
        }
        h->origin = new_origin();
        h->resyncs = 0;
        client_watch_source(h, /* add= */ true);
        return 0;
}

void client_own_stop(ifroster *h) {
        if (h->source)
                client_watch_source(h, /* add= */ false);
        h->source = source_free(h->source);
        h->table = table_free(h->table);
}
