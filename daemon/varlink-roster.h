/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The Varlink publisher: the interface org.ifroster on top of the transport. Serves the same questions
 * as D-Bus, and Subscribe.
 */

#include "manager.h"

typedef struct Roster Roster;

/* Serves on path (NULL: only on sockets that the service manager passed). default_path: a passed socket
 * replaces it. The manager must outlive it. Says in the log what cannot be done. */
int roster_new(Manager *m, const char *path, bool default_path, Roster **ret);
Roster *roster_free(Roster *r);
DEFINE_CLEANUP(Roster *, roster_free)
