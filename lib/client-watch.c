/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One descriptor for event loops, whatever stands behind the handle: an epoll instance with the own
 * source, an inotify instance and a timer in it.
 *
 * Stores to a mapped file wake nobody, so the daemon also writes to its file with write(2), before and
 * after each batch: inotify tells that. Who is woken before a batch, and finds it not yet or half done,
 * looks again after a while; so a daemon that is stopped in the middle is noticed. And the kernel closes the files of a process that
 * dies, whichever way: inotify tells that too. So a client that waits for events does not wake up
 * without one. Where inotify cannot be had, a timer does what it can.
 */

#include <errno.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client-internal.h"

/* A daemon that comes back is looked for after these times; then only when something else happens. */
#define RETRY_FIRST_USEC (20 * USEC_PER_MSEC)
#define RETRY_LAST_USEC (20 * USEC_PER_SEC)

static void set_timer(ifroster *h, uint64_t usec) {
        struct itimerspec t = {};

        if (h->timer_fd < 0)
                return;
        if (usec != USEC_INFINITY) {
                t.it_value.tv_sec = (time_t) (usec / USEC_PER_SEC);
                t.it_value.tv_nsec = (long) (usec % USEC_PER_SEC * NSEC_PER_USEC);
                /* All zero would switch it off. */
                if (usec == 0)
                        t.it_value.tv_nsec = 1;
        }
        (void) timerfd_settime(h->timer_fd, 0, &t, NULL);
}

void client_watch_wake(ifroster *h) {
        set_timer(h, 0);
}

static int add_to_epoll(ifroster *h, int fd) {
        struct epoll_event event = { .events = EPOLLIN };

        return epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void client_watch_source(ifroster *h, bool add) {
        if (h->epoll_fd < 0)
                return;
        if (add)
                (void) add_to_epoll(h, source_get_fd(h->source));
        else
                (void) epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, source_get_fd(h->source), NULL);
}

int client_watch_start(ifroster *h) {
        int r;

        if (h->epoll_fd >= 0)
                return 0;
        h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (h->epoll_fd < 0)
                return -errno;
        h->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        r = h->timer_fd < 0 ? -errno : add_to_epoll(h, h->timer_fd);
        if (r < 0) {
                client_watch_done(h);
                return r;
        }
        if (h->source)
                client_watch_source(h, /* add= */ true);
        h->retry_usec = RETRY_FIRST_USEC;
        (void) client_watch_update(h);
        client_watch_wake(h);
        return 0;
}

void client_watch_done(ifroster *h) {
        closep(&h->inotify_fd);
        closep(&h->timer_fd);
        closep(&h->epoll_fd);
        h->inotify_fd = h->timer_fd = h->epoll_fd = h->file_watch = -1;
}

/* Reads and forgets; what happened is seen by looking. Whether a writer closed the file, and whether the
 * timer had expired. */
static bool drain(ifroster *h, bool *ret_expired) {
        uint8_t buffer[1024] __attribute__((aligned(__alignof__(struct inotify_event))));
        uint64_t expired;
        bool closed = false;
        ssize_t n;

        *ret_expired = read(h->timer_fd, &expired, sizeof(expired)) > 0;
        while (h->inotify_fd >= 0 && (n = read(h->inotify_fd, buffer, sizeof(buffer))) > 0)
                for (ssize_t i = 0; i < n;) {
                        const struct inotify_event *event = (const void *) (buffer + i);

                        if (event->mask & (IN_CLOSE_WRITE | IN_UNMOUNT | IN_Q_OVERFLOW))
                                closed = true;
                        i += (ssize_t) (sizeof(*event) + event->len);
                }
        return closed;
}

/* Watches the mapped file. By its path, and then makes sure that it is the same file: the descriptor
 * would need /proc. False: look again soon. */
static bool watch_file(ifroster *h) {
        const char *path = h->map.paths[h->map.path].path;
        struct stat a, b;

        if (h->inotify_fd < 0) {
                h->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
                if (h->inotify_fd < 0)
                        return false;
                if (add_to_epoll(h, h->inotify_fd) < 0) {
                        closep(&h->inotify_fd);
                        h->inotify_fd = -1;
                        return false;
                }
        }
        if (h->file_watch >= 0)
                (void) inotify_rm_watch(h->inotify_fd, h->file_watch);
        h->file_watch = inotify_add_watch(h->inotify_fd, path, IN_MODIFY | IN_CLOSE_WRITE);
        if (h->file_watch < 0)
                return false;
        if (stat(path, &a) < 0 || fstat(h->map.fd, &b) < 0 || a.st_ino != b.st_ino ||
            a.st_dev != b.st_dev) {
                (void) inotify_rm_watch(h->inotify_fd, h->file_watch);
                h->file_watch = -1;
                return false;
        }
        h->watched_epoch = client_map_epoch(&h->map);
        return true;
}

/* While there is no daemon: when to look for one. */
static uint64_t next_retry(ifroster *h) {
        uint64_t usec = h->retry_usec;

        if (h->flags & IFROSTER_EMBEDDED_ONLY || usec > RETRY_LAST_USEC)
                return USEC_INFINITY;
        h->retry_usec = 2 * usec;
        return usec;
}

bool client_watch_update(ifroster *h) {
        uint64_t again = USEC_INFINITY;
        bool expired, busy = false;

        if (h->epoll_fd < 0)
                return true;
        /* A dying process closes its files just before the kernel drops its locks. */
        if (drain(h, &expired))
                again = USEC_PER_MSEC;
        if (!(h->flags & IFROSTER_EMBEDDED_ONLY))
                client_map_check(h);
        if (h->map.fd < 0) {
                /* What else wakes us does not make the times longer. */
                if (expired)
                        set_timer(h, next_retry(h));
        } else {
                busy = client_map_is_busy(&h->map);
                if (busy)
                        again = CONST_MIN(again, CLIENT_STALL_USEC);
                h->retry_usec = RETRY_FIRST_USEC;
                if ((h->file_watch < 0 || h->watched_epoch != client_map_epoch(&h->map)) &&
                    !watch_file(h))
                        again = CONST_MIN(again, CLIENT_SLICE_USEC);
                set_timer(h, again);
        }
        return !busy || expired;
}

int ifroster_get_fd(ifroster *h) {
        int r;

        if (h->flags & IFROSTER_FROZEN)
                return -EINVAL;
        client_lock(h);
        r = client_watch_start(h);
        client_unlock(h);
        return r < 0 ? r : h->epoll_fd;
}
