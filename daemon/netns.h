/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The network namespace that the daemon watches. It is chosen once, before any socket is opened:
 * a netlink socket stays in the namespace where it was made.
 */

#include <stdint.h>

/* Where "ip netns add NAME" keeps its namespaces */
#define NETNS_DIRECTORY "/run/netns"

/* Moves the calling thread into the namespace called so: a name under NETNS_DIRECTORY, or a path when
 * it holds a slash. Logs why it cannot and returns the negative errno. */
int netns_enter(const char *name_or_path);

/* The inode number of this thread's namespace, as "ip netns" and org.freedesktop.network1 show it.
 * -errno when /proc is not there. */
int netns_get_id(uint64_t *ret);
