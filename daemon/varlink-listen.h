/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One socket that is listened on, whoever made it. For varlink-listen.c, which accepts, and
 * varlink-path.c, which makes sockets in the file system.
 */

#include "varlink-internal.h"

struct VarlinkListener {
        LIST_ENTRY(VarlinkListener) list; /* while source is set */
        VarlinkServer *server;
        sd_event_source *source;
        int fd;

        /* Of a socket that we made; otherwise NULL and -1. */
        char *path;
        int lock_fd;
        bool bound; /* the file with this device and inode is ours to remove */
        dev_t device;
        ino_t inode;
};

int varlink_listener_new(VarlinkServer *server, VarlinkListener **ret);
DEFINE_CLEANUP(VarlinkListener *, varlink_listener_free)

/* Accepts from now on; the server owns the listener when this succeeds. */
int varlink_listener_start(VarlinkListener *listener);

/* Removes the socket, if the one in its place is still ours, and its lock. */
void varlink_listener_remove_files(VarlinkListener *listener);
