/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Messages are JSON objects with a NUL behind each, over a stream socket.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "varlink-client.h"

#define CHUNK ((size_t) 64 * 1024)

struct VarlinkClient {
        int fd;
        bool closed; /* by the server */
        char *buffer;
        size_t start; /* of what was not handed out yet */
        size_t end;
        size_t searched; /* no NUL before this */
        size_t allocated;
};

uint64_t varlink_now(void) {
        struct timespec ts = {};

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

VarlinkClient *varlink_client_free(VarlinkClient *client) {
        if (!client)
                return NULL;
        if (client->fd >= 0)
                (void) close(client->fd);
        free(client->buffer);
        free(client);
        return NULL;
}

static void client_freep(VarlinkClient **client) {
        *client = varlink_client_free(*client);
}

int varlink_client_connect(const char *path, VarlinkClient **ret) {
        _cleanup_(client_freep) VarlinkClient *client = NULL;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t len = strlen(path);

        if (len == 0)
                return -ENOENT;
        if (len >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, len);

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (client->fd < 0)
                return -errno;
        /* A full queue of connections blocks; a local server that never accepts is not waited for
         * any longer than one that never answers. */
        struct timeval patience = { .tv_sec = VARLINK_PATIENCE_USEC / 1000000 };
        (void) setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(client->fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        *ret = client;
        client = NULL;
        return 0;
}

int varlink_client_get_fd(const VarlinkClient *client) {
        return client->fd;
}

static int send_all(int fd, const char *bytes, size_t n) {
        while (n > 0) {
                ssize_t k = send(fd, bytes, n, MSG_NOSIGNAL);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                bytes += k;
                n -= (size_t) k;
        }
        return 0;
}

int varlink_client_send(VarlinkClient *client, const char *method, const json_t *parameters,
                        bool more) {
        _cleanup_(json_decrefp) json_t *call = json_object();
        char *text;
        int r;

        if (json_object_set_new(call, "method", json_string(method)) < 0 ||
            (parameters &&
             json_object_set(call, "parameters", (json_t *) (uintptr_t) parameters) < 0) ||
            (more && json_object_set_new(call, "more", json_true()) < 0))
                return -ENOMEM;
        text = json_dumps(call, JSON_COMPACT);
        if (!text)
                return -ENOMEM;
        r = send_all(client->fd, text, strlen(text) + 1);
        free(text);
        return r == -EPIPE ? -ECONNRESET : r;
}

/* Takes the next message out of the buffer; NULL: there is no complete one. */
static const char *next_message(VarlinkClient *client, size_t *ret_len) {
        const char *message, *nul;

        /* Before the first piece there is no buffer either. */
        if (client->searched == client->end)
                return NULL;
        message = client->buffer + client->start;
        nul = memchr(client->buffer + client->searched, 0, client->end - client->searched);
        if (!nul) {
                client->searched = client->end;
                return NULL;
        }
        *ret_len = (size_t) (nul - message);
        client->start = client->searched = (size_t) (nul + 1 - client->buffer);
        return message;
}

static int make_room(VarlinkClient *client) {
        char *buffer;

        if (client->start > 0) {
                memmove(client->buffer, client->buffer + client->start,
                        client->end - client->start);
                client->end -= client->start;
                client->searched -= client->start;
                client->start = 0;
        }
        if (client->allocated - client->end >= CHUNK)
                return 0;
        if (client->allocated >= VARLINK_REPLY_MAX)
                return -EMSGSIZE;
        buffer = realloc(client->buffer, client->allocated * 2 + CHUNK);
        if (!buffer)
                return -ENOMEM;
        client->buffer = buffer;
        client->allocated = client->allocated * 2 + CHUNK;
        return 0;
}

/* 1: something came; -EAGAIN: nothing is there */
static int read_some(VarlinkClient *client) {
        ssize_t n;
        int r;

        r = make_room(client);
        if (r < 0)
                return r;
        n = recv(client->fd, client->buffer + client->end, client->allocated - client->end,
                 MSG_DONTWAIT);
        if (n < 0)
                return errno == EINTR ? 1 : errno == EWOULDBLOCK ? -EAGAIN : -errno;
        if (n == 0)
                return -ECONNRESET;
        client->end += (size_t) n;
        return 1;
}

int varlink_client_receive(VarlinkClient *client, json_t **ret) {
        const char *message;
        json_t *reply;
        size_t len;
        int r;

        while (!(message = next_message(client, &len))) {
                r = read_some(client);
                if (r < 0)
                        return r;
        }
        reply = json_loadb(message, len, 0, NULL);
        if (!json_is_object(reply)) {
                json_decref(reply);
                return -EPROTO;
        }
        *ret = reply;
        return 0;
}

int varlink_client_await(VarlinkClient *client, uint64_t deadline_usec, json_t **ret) {
        int r;

        while ((r = varlink_client_receive(client, ret)) == -EAGAIN) {
                struct pollfd p = { .fd = client->fd, .events = POLLIN };
                uint64_t now = varlink_now();
                int timeout = -1;

                if (now >= deadline_usec)
                        return -ETIMEDOUT;
                if (deadline_usec != UINT64_MAX) {
                        uint64_t msec = (deadline_usec - now + 999) / 1000;

                        timeout = msec < INT_MAX ? (int) msec : INT_MAX;
                }
                if (poll(&p, 1, timeout) < 0 && errno != EINTR)
                        return -errno;
        }
        return r;
}
