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
/* The events of the next reply (new reference, may be empty), and whether all that existed has been
 * told by now. REMOTE_DONE, REMOTE_NOTHING, or an exit status with the message said. Does not block. */
int remote_next_events(Context *c, json_t **ret, bool *ret_ready);
