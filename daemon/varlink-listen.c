/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Accepting: who gets a connection, and what happens when there is no descriptor for one.
 *
 * Level-triggered polling reports a connection that cannot be accepted for ever, so a full
 * descriptor table would turn the loop into a spin. One descriptor is kept in reserve: given up, it
 * lets the peer in just long enough to be told. When even that is lost, accepting rests until a
 * connection closes or a second has passed, whichever is first: others in this process and on this
 * machine hold descriptors too.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include "varlink-listen.h"

/* Tells the peer the limit, if it can be told at once; the socket is closed by the caller. */
static void refuse(VarlinkServer *server, int fd, VarlinkLimit limit) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        VarlinkQueue queue = { 0 };

        server->counters.refused++;
        if (varlink_server_limit_payload(server, limit, &payload) < 0 || !payload)
                return;
        if (varlink_queue_push(&queue, payload) >= 0)
                (void) varlink_queue_send(&queue, fd);
        varlink_queue_done(&queue);
}

/* Which limit one more connection of this user would break, if any. */
static VarlinkLimit limit_for_connection(const VarlinkServer *server, uid_t uid) {
        const VarlinkUser *user;

        if (server->counters.connections >= server->limits.connections)
                return VARLINK_LIMIT_CONNECTIONS;
        LIST_FOREACH(user, &server->users, list)
        if (user->uid == uid && user->n_connections >= server->limits.connections_per_uid)
                return VARLINK_LIMIT_CONNECTIONS_PER_UID;
        return _VARLINK_LIMIT_MAX;
}

int varlink_server_add_connection(VarlinkServer *server, int fd) {
        VarlinkConnection *connection;
        struct ucred peer;
        socklen_t size = sizeof(peer);
        VarlinkLimit limit;

        /* those of the process that called connect(), as they were then */
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;

        limit = limit_for_connection(server, peer.uid);
        if (limit != _VARLINK_LIMIT_MAX) {
                refuse(server, fd, limit);
                return -E2BIG;
        }
        return varlink_connection_new(server, fd, peer.uid, &connection);
}

/* Nobody is accepted until something has changed. */
static void listeners_pause(VarlinkServer *server) {
        VarlinkListener *listener;

        server->counters.accept_pauses++;
        LIST_FOREACH(listener, &server->listeners, list)
        (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
        (void) sd_event_source_set_time_relative(server->retry, VARLINK_ACCEPT_RETRY_USEC);
        (void) sd_event_source_set_enabled(server->retry, SD_EVENT_ONESHOT);
}

void varlink_listeners_resume(VarlinkServer *server) {
        VarlinkListener *listener;

        if (server->reserve_fd < 0)
                server->reserve_fd = eventfd(0, EFD_CLOEXEC);
        (void) sd_event_source_set_enabled(server->retry, SD_EVENT_OFF);
        if (server->held)
                return;
        LIST_FOREACH(listener, &server->listeners, list)
        (void) sd_event_source_set_enabled(listener->source, SD_EVENT_ON);
}

void varlink_server_hold(VarlinkServer *server, bool hold) {
        VarlinkListener *listener;

        server->held = hold;
        if (!hold) {
                varlink_listeners_resume(server);
                return;
        }
        LIST_FOREACH(listener, &server->listeners, list)
        (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
}

/* No descriptor is left: 1 when the reserve served to refuse a peer, 0 when there was none (the
 * kernel looks for a descriptor first, so that is not known before); -EMFILE: it is lost. */
static int refuse_with_reserve(VarlinkServer *server, int listener_fd) {
        int fd;

        if (server->reserve_fd < 0)
                return -EMFILE;
        (void) close(TAKE_FD(server->reserve_fd));

        fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
                refuse(server, fd, VARLINK_LIMIT_FILES);
                (void) close(fd);
        }

        server->reserve_fd = eventfd(0, EFD_CLOEXEC);
        if (server->reserve_fd < 0)
                return -EMFILE;
        return fd >= 0 ? 1 : 0;
}

/* 1: accepted or refused one; 0: nobody there; negative: accepting must rest. */
static int accept_one(VarlinkServer *server, int listener_fd) {
        _cleanup_(closep) int fd = -1;

        fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                switch (errno) {
                case EAGAIN:
                        return 0;
                case EINTR:
                case ECONNABORTED:
                        return 1;
                case EMFILE:
                case ENFILE:
                        return refuse_with_reserve(server, listener_fd);
                default:
                        return -errno;
                }
        }

        if (varlink_server_add_connection(server, fd) >= 0)
                TAKE_FD(fd);
        return 1;
}

static int listener_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        VarlinkListener *listener = userdata;
        int r = 1;

        for (unsigned i = 0; i < VARLINK_ACCEPTS_PER_WAKEUP && r > 0; i++)
                r = accept_one(listener->server, fd);
        if (r < 0)
                listeners_pause(listener->server);
        return 0;
}

int varlink_listener_start(VarlinkListener *listener) {
        VarlinkServer *server = listener->server;
        int r;

        r = sd_event_add_io(server->event, &listener->source, listener->fd, EPOLLIN, listener_on_io,
                            listener);
        if (r < 0)
                return r;
        if (server->held)
                (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);

        LIST_INSERT_HEAD(&server->listeners, listener, list);
        server->counters.listeners++;
        return 0;
}

VarlinkListener *varlink_listener_free(VarlinkListener *listener) {
        if (!listener)
                return NULL;

        if (listener->source) {
                LIST_REMOVE(listener, list);
                listener->server->counters.listeners--;
                sd_event_source_disable_unref(listener->source);
        }
        varlink_listener_remove_files(listener);
        closep(&listener->fd);
        closep(&listener->lock_fd);
        free(listener->path);
        free(listener);
        return NULL;
}

int varlink_listener_new(VarlinkServer *server, VarlinkListener **ret) {
        VarlinkListener *listener;

        listener = calloc(1, sizeof(*listener));
        if (!listener)
                return -ENOMEM;
        listener->server = server;
        listener->fd = -1;
        listener->lock_fd = -1;
        *ret = listener;
        return 0;
}

void varlink_listeners_free_all(VarlinkServer *server) {
        while (!LIST_EMPTY(&server->listeners))
                varlink_listener_free(LIST_FIRST(&server->listeners));
}

/* The value of a socket option that is an int, or -1. */
static int socket_option(int fd, int option) {
        socklen_t size = sizeof(int);
        int value;

        return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

int varlink_server_listen_fd(VarlinkServer *server, int fd) {
        _cleanup_(varlink_listener_freep) VarlinkListener *listener = NULL;
        int flags, r;

        if (socket_option(fd, SO_DOMAIN) != AF_UNIX || socket_option(fd, SO_TYPE) != SOCK_STREAM ||
            socket_option(fd, SO_ACCEPTCONN) != 1)
                return -EINVAL;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;

        r = varlink_listener_new(server, &listener);
        if (r < 0)
                return r;
        listener->fd = fd;
        r = varlink_listener_start(listener);
        if (r < 0) {
                listener->fd = -1; /* still the caller's */
                return r;
        }

        TAKE_PTR(listener);
        return 0;
}
