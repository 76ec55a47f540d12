/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A client that wants to be sure that everything is in the table reads a byte of its file. inotify tells
 * that, and a round of listening to the kernel is counted in the header: once when it begins, so that the
 * word is odd, and once when it ends. Rounds do not follow each other at once, so that nobody can keep
 * the daemon busy this way.
 */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "publish-table-sync.h"
#include "util.h"

#define PAUSE_USEC (2 * USEC_PER_MSEC)

void sync_rounds_wake(uint32_t *word) {
        (void) syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void count_round(SyncRounds *s, int32_t by) {
        if (!s->word)
                return;
        __atomic_store_n(s->word, *s->word + (uint32_t) by, __ATOMIC_RELEASE);
        sync_rounds_wake(s->word);
}

static void pause_rounds(SyncRounds *s) {
        uint64_t now;

        if (sd_event_now(manager_event(s->manager), CLOCK_MONOTONIC, &now) >= 0 &&
            sd_event_source_set_time(s->pause_source, now + PAUSE_USEC) >= 0 &&
            sd_event_source_set_enabled(s->pause_source, SD_EVENT_ONESHOT) >= 0)
                s->pausing = true;
}

static void on_synced(SyncWaiter *w, uint64_t generation) {
        SyncRounds *s = (SyncRounds *) ((char *) w - offsetof(SyncRounds, waiter));

        s->syncing = false;
        count_round(s, 1);
        if (s->again)
                pause_rounds(s);
}

static void start_round(SyncRounds *s) {
        if (s->syncing || s->pausing) {
                s->again = true;
                return;
        }
        s->again = false;
        s->syncing = true;
        count_round(s, 1);
        /* Refused: as if there had been no round. Who waits asks again. */
        if (manager_sync(s->manager, &s->waiter) < 0) {
                s->syncing = false;
                count_round(s, -1);
        }
        pause_rounds(s);
}

static int on_pause_end(sd_event_source *source, uint64_t usec, void *userdata) {
        SyncRounds *s = userdata;

        s->pausing = false;
        if (s->again)
                start_round(s);
        return 0;
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        uint8_t buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        SyncRounds *s = userdata;
        bool accessed = false;
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                for (ssize_t i = 0; i < n;) {
                        const struct inotify_event *event = (const void *) (buffer + i);

                        if (event->mask & (IN_ACCESS | IN_Q_OVERFLOW))
                                accessed = true;
                        i += (ssize_t) (sizeof(*event) + event->len);
                }
        if (accessed)
                start_round(s);
        return 0;
}

void sync_rounds_init(SyncRounds *s) {
        *s = (SyncRounds){ .inotify_fd = -1, .watch = -1, .waiter.on_done = on_synced };
}

int sync_rounds_start(SyncRounds *s, Manager *m) {
        sd_event *event = manager_event(m);
        int r;

        s->manager = m;
        s->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (s->inotify_fd < 0)
                return -errno;
        r = sd_event_add_io(event, &s->inotify_source, s->inotify_fd, EPOLLIN, on_inotify, s);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &s->pause_source, CLOCK_MONOTONIC, 0, 0, on_pause_end, s);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(s->pause_source, SD_EVENT_OFF);
}

void sync_rounds_done(SyncRounds *s) {
        sd_event_source_disable_unref(s->inotify_source);
        sd_event_source_disable_unref(s->pause_source);
        closep(&s->inotify_fd);
}

void sync_rounds_watch(SyncRounds *s, const char *path) {
        if (s->inotify_fd < 0)
                return;
        if (s->watch >= 0)
                (void) inotify_rm_watch(s->inotify_fd, s->watch);
        s->watch = inotify_add_watch(s->inotify_fd, path, IN_ACCESS);
}
