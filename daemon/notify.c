/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Talks to the service manager. sd_notify() waits while the receiver's queue is full, which holds but
 * few datagrams, so whoever listens without reading could stop the daemon. Here nothing waits: what is
 * to be said is state, not a queue, and is sent when there is room. The watchdog is answered here as
 * well, because sd-event answers it with sd_notify().
 *
 * The socket is connected for each message and stays so only while there is no room, so that a service
 * manager that made its socket anew is found again. It is open all the time: clients that take all
 * descriptors must not keep the watchdog from being answered.
 */

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "notify.h"

#define MESSAGE_MAX 256

struct Notify {
        sd_event *event;
        sd_event_source *room_source; /* while a message waits for room */
        sd_event_source *watchdog_source;
        uint64_t watchdog_usec; /* between two answers */
        struct sockaddr_un address;
        socklen_t address_len;
        int fd; /* -1: nobody listens */
        /* What is to be told */
        bool reloading;
        bool ready;
        bool stopping;
        bool watchdog;
        uint64_t reloading_usec;
        const char *status; /* the newest, told or not */
        bool status_due;
};

static void stop_waiting(Notify *n) {
        n->room_source = sd_event_source_disable_unref(n->room_source);
}

/* 0: it is sent, or nobody is there. -EAGAIN: no room. */
static int send_text(Notify *n, const char *text, size_t len) {
        if (!n->room_source &&
            connect(n->fd, (const struct sockaddr *) &n->address, n->address_len) < 0)
                return 0;
        if (send(n->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN)
                return -EAGAIN;
        return 0;
}

static int send_reloading(Notify *n) {
        char text[MESSAGE_MAX];
        int len, r;

        if (!n->reloading)
                return 0;
        len = snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                       n->reloading_usec);
        r = send_text(n, text, (size_t) len);
        if (r >= 0)
                n->reloading = false;
        return r;
}

static int send_rest(Notify *n) {
        char text[MESSAGE_MAX];
        int len, r;

        if (!n->ready && !n->stopping && !n->watchdog && !n->status_due)
                return 0;
        len = snprintf(text, sizeof(text), "%s%s%s%s%s", n->stopping ? "STOPPING=1\n" : "",
                       n->ready ? "READY=1\n" : "", n->watchdog ? "WATCHDOG=1\n" : "",
                       n->status_due ? "STATUS=" : "", n->status_due ? n->status : "");
        r = send_text(n, text, (size_t) len);
        if (r >= 0)
                n->ready = n->stopping = n->watchdog = n->status_due = false;
        return r;
}

static int send_due(Notify *n) {
        int r;

        r = send_reloading(n);
        return r < 0 ? r : send_rest(n);
}

static int on_room(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Notify *n = userdata;

        if (send_due(n) >= 0)
                stop_waiting(n);
        return 0;
}

static void flush(Notify *n) {
        if (n->fd < 0)
                return;
        if (send_due(n) >= 0)
                stop_waiting(n);
        else if (!n->room_source &&
                 sd_event_add_io(n->event, &n->room_source, n->fd, EPOLLOUT, on_room, n) < 0)
                stop_waiting(n); /* goes along with the next message */
}

static void set_status(Notify *n, const char *status) {
        if (n->status && strcmp(n->status, status) == 0)
                return;
        n->status = status;
        n->status_due = true;
}

void notify_status(Notify *n, const char *status) {
        set_status(n, status);
        flush(n);
}

void notify_ready(Notify *n, const char *status) {
        n->ready = true;
        notify_status(n, status);
}

void notify_reloading(Notify *n, uint64_t since_usec) {
        n->reloading = true;
        n->reloading_usec = since_usec;
        /* The end of an earlier reload that was not told yet would end this one. */
        n->ready = false;
        flush(n);
}

void notify_stopping(Notify *n, const char *status) {
        n->stopping = true;
        notify_status(n, status);
}

/* Watchdog --------------------------------------------------------------------------------- */

/* Between half and three quarters of the time that the service manager allows, so that the answer
 * can go along with other wake-ups. */
static int on_watchdog(sd_event_source *s, uint64_t usec, void *userdata) {
        Notify *n = userdata;
        int r;

        n->watchdog = true;
        flush(n);
        r = sd_event_source_set_time_relative(s, n->watchdog_usec / 2);
        return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int start_watchdog(Notify *n) {
        int r;

        r = sd_watchdog_enabled(false, &n->watchdog_usec);
        if (r <= 0)
                return r;
        r = sd_event_add_time_relative(n->event, &n->watchdog_source, CLOCK_MONOTONIC,
                                       n->watchdog_usec / 2, n->watchdog_usec / 4, on_watchdog, n);
        if (r < 0)
                return r;
        /* Clients that never let it rest do not mean that it hangs. */
        return sd_event_source_set_priority(n->watchdog_source, SD_EVENT_PRIORITY_IMPORTANT);
}

/* Life ------------------------------------------------------------------------------------- */

/* A path, or an abstract name behind "@"; the other kinds are not for services on this machine. */
static void read_address(Notify *n) {
        const char *text = getenv("NOTIFY_SOCKET");
        size_t len = text ? strlen(text) : 0;

        if (len < 2 || len >= sizeof(n->address.sun_path) || (text[0] != '/' && text[0] != '@'))
                return;
        n->address.sun_family = AF_UNIX;
        memcpy(n->address.sun_path, text, len);
        if (text[0] == '@')
                n->address.sun_path[0] = '\0';
        /* A path with its NUL; an abstract name is all bytes there are. */
        n->address_len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len +
                                      (text[0] == '/' ? 1 : 0));
}

static int start(Notify *n) {
        read_address(n);
        if (n->address_len == 0)
                return 0;
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (n->fd < 0)
                return -errno;
        return start_watchdog(n);
}

int notify_new(sd_event *event, Notify **ret) {
        _cleanup_(notify_freep) Notify *n = NULL;
        int r;

        n = calloc(1, sizeof(*n));
        if (!n)
                return -ENOMEM;
        n->fd = -1;
        n->event = sd_event_ref(event);
        r = start(n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

Notify *notify_free(Notify *n) {
        if (!n)
                return NULL;
        stop_waiting(n);
        closep(&n->fd);
        sd_event_source_disable_unref(n->watchdog_source);
        sd_event_unref(n->event);
        free(n);
        return NULL;
}
