/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The interface org.ifroster as the verbs use it: which method answers which question, and what its
 * errors mean for the exit status.
 */

#include "cli.h"

/* Besides the exit statuses of cli.h */
enum {
        REMOTE_DONE = CLI_DONE,
        REMOTE_ABSENT = -1, /* there is no daemon, and --connect did not ask for one */
        REMOTE_NOTHING = -2, /* no reply is there yet */
        REMOTE_REFUSED = -3, /* the answer is an error of the interface */
        REMOTE_BROKEN = -4, /* the connection is of no use any more */
};

/* Calls METHOD of the interface. parameters: reference taken; NULL: none. REMOTE_DONE, REMOTE_ABSENT,
 * REMOTE_REFUSED with the negative errno of the error, or an exit status with the message said. */
int remote_try(Context *c, const char *method, json_t *parameters, json_t **ret, int *ret_error);
/* The same, but an error of the interface is said, too. subject: the text that the user gave, or
 * NULL. */
int remote_call(Context *c, const char *method, json_t *parameters, const char *subject,
                json_t **ret);
/* A text for a parameter; bytes that are no UTF-8 are escaped, as the daemon expects them. */
json_t *remote_text(const char *text);

/* Begins to follow all changes. As remote_call(). */
int remote_subscribe(Context *c);
/* The same, after a break: once, and nothing is said. Whether it could be done. */
bool remote_resubscribe(Context *c);

typedef struct RemoteEvents {
        json_t *events; /* new reference, may be empty */
        uint64_t generation; /* 0: not said */
        bool ready; /* all that existed has been told by now */
        const char *reason; /* REMOTE_BROKEN only: static text */
} RemoteEvents;

/* The next reply. REMOTE_DONE, REMOTE_NOTHING, REMOTE_BROKEN, or an exit status with the message said.
 * Does not block. */
int remote_next_events(Context *c, RemoteEvents *ret);
