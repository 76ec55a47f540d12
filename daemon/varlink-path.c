/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A listening socket in the file system.
 *
 * A daemon that was killed leaves its socket behind. bind() does not replace a file, so a stale one
 * must be removed first, and a live daemon's must not. Whether anyone listens is asked with
 * connect(); but between that and bind() another daemon may start, and each would take the other's
 * fresh socket, on which listen() was not called yet, for a stale one. So both take a lock first,
 * which the kernel drops with its holder; it is kept for the life of the server. Only its owner can
 * open the lock file: a stranger cannot keep the daemon from starting.
 *
 * It must never remove a file that is not a socket, nor one that somebody else put in its place.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "varlink-listen.h"

#define LOCK_SUFFIX ".lock"

/* A lock file that its last holder removes just as we lock it is tried again; more often than
 * this, something else is wrong. */
#define LOCK_TRIES 16U

static int address_from_path(const char *path, struct sockaddr_un *ret) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (path[0] != '/')
                return -EINVAL;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;

        memcpy(address.sun_path, path, strlen(path) + 1);
        *ret = address;
        return 0;
}

/* The directory of the socket: one level, readable by all whatever the umask says. */
static int make_directory(const char *path) {
        _cleanup_(freep) char *directory = NULL;

        directory = strndup(path, (size_t) (strrchr(path, '/') - path));
        if (!directory)
                return -ENOMEM;
        if (directory[0] == '\0')
                return 0;

        if (mkdir(directory, 0755) < 0)
                return errno == EEXIST ? 0 : -errno;
        return chmod(directory, 0755) < 0 ? -errno : 0;
}

static int lock_path(const char *path, char **ret) {
        return asprintf(ret, "%s" LOCK_SUFFIX, path) < 0 ? -ENOMEM : 0;
}

/* Opens and locks: 1 when the locked file is the one that has the name, 0 when it just went. */
static int lock_once(const char *name, int *ret) {
        _cleanup_(closep) int fd = -1;
        struct stat opened, named;

        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
        if (fstat(fd, &opened) < 0)
                return -errno;
        if (lstat(name, &named) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino)
                return 0;

        *ret = TAKE_FD(fd);
        return 1;
}

static int take_lock(const char *path, int *ret) {
        _cleanup_(freep) char *name = NULL;
        int r;

        r = lock_path(path, &name);
        if (r < 0)
                return r;

        for (unsigned i = 0; i < LOCK_TRIES; i++) {
                r = lock_once(name, ret);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return -EADDRINUSE;
}

/* 0 when nobody listens there. */
static int probe(const struct sockaddr_un *address) {
        _cleanup_(closep) int fd = -1;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) >= 0)
                return -EADDRINUSE;

        switch (errno) {
        case ECONNREFUSED:
        case ENOENT:
                return 0;
        case EAGAIN: /* it listens, and its backlog is full */
        case EPROTOTYPE: /* it is in use, by another kind of socket */
                return -EADDRINUSE;
        default:
                return -errno;
        }
}

/* Removes a socket that nobody listens on. Only under the lock. */
static int remove_stale(const char *path, const struct sockaddr_un *address) {
        struct stat st;
        int r;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        /* connect() refuses a plain file with the same error as a stale socket */
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;

        r = probe(address);
        if (r < 0)
                return r;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_and_listen(VarlinkListener *listener, const struct sockaddr_un *address) {
        struct stat st;

        listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener->fd < 0)
                return -errno;
        if (bind(listener->fd, (const struct sockaddr *) address, sizeof(*address)) < 0)
                return -errno;
        if (lstat(listener->path, &st) < 0)
                return -errno;
        listener->device = st.st_dev;
        listener->inode = st.st_ino;
        listener->bound = true;

        /* the umask took part in bind(); before listen() nobody can connect anyway */
        if (chmod(listener->path, 0666) < 0)
                return -errno;
        return listen(listener->fd, SOMAXCONN) < 0 ? -errno : 0;
}

int varlink_server_listen_path(VarlinkServer *server, const char *path) {
        _cleanup_(varlink_listener_freep) VarlinkListener *listener = NULL;
        struct sockaddr_un address;
        int r;

        r = address_from_path(path, &address);
        if (r < 0)
                return r;
        r = varlink_listener_new(server, &listener);
        if (r < 0)
                return r;
        listener->path = strdup(path);
        if (!listener->path)
                return -ENOMEM;

        r = make_directory(path);
        if (r < 0)
                return r;
        r = take_lock(path, &listener->lock_fd);
        if (r < 0)
                return r;
        r = remove_stale(path, &address);
        if (r < 0)
                return r;
        r = bind_and_listen(listener, &address);
        if (r < 0)
                return r;
        r = varlink_listener_start(listener);
        if (r < 0)
                return r;

        TAKE_PTR(listener);
        return 0;
}

void varlink_listener_remove_files(VarlinkListener *listener) {
        _cleanup_(freep) char *name = NULL;
        struct stat st;

        /* somebody may have moved it away and put another there: that one stays */
        if (listener->bound && lstat(listener->path, &st) >= 0 && st.st_dev == listener->device &&
            st.st_ino == listener->inode)
                (void) unlink(listener->path);

        /* last, and while it is still locked: see lock_once() */
        if (listener->lock_fd >= 0 && lock_path(listener->path, &name) >= 0)
                (void) unlink(name);
}
