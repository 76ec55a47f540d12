/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the service manager is told: READY, RELOADING, STOPPING, a line of status, and its watchdog's
 * answers. Nothing here blocks or fails: what there is no room for is kept, the newest of each kind,
 * until there is.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "util.h"

typedef struct Notify Notify;

/* Reads $NOTIFY_SOCKET and, for the watchdog, $WATCHDOG_USEC. Without them there is nobody to tell,
 * and everything below does nothing. */
int notify_new(sd_event *event, Notify **ret);
Notify *notify_free(Notify *n);
DEFINE_CLEANUP(Notify *, notify_free)

/* status: static text. The same text as before is not told again. */
void notify_status(Notify *n, const char *status);
void notify_ready(Notify *n, const char *status);
/* since_usec: CLOCK_MONOTONIC */
void notify_reloading(Notify *n, uint64_t since_usec);
void notify_stopping(Notify *n, const char *status);
