/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The D-Bus publisher: everything that is said and asked over D-Bus, over one connection that may be
 * absent, appear, break and come back at any time without anybody else noticing.
 */

#include "manager.h"
#include "util.h"

typedef struct Bus Bus;

/* address: "system", "session", or a D-Bus address. Starts connecting and does not wait for it; a bus
 * that is not there is no error. -EINVAL: the address makes no sense. */
int bus_new(Manager *m, const char *address, Bus **ret);
Bus *bus_free(Bus *b);
DEFINE_CLEANUP(Bus *, bus_free)
