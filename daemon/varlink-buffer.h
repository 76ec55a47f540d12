/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The two byte streams of a connection: what came in, cut into messages at each NUL, and what goes
 * out, a queue of written messages. Neither knows sockets' owners, limits by user, or calls.
 */

#include <stdbool.h>
#include <stddef.h>

#include "varlink-server.h"

/* The most that one wake-up reads from one connection. */
#define VARLINK_READ_BYTES ((size_t) 64 * 1024)

/* input */

/* Zero-initialised it is empty and owns nothing; an idle connection keeps no buffer. */
typedef struct VarlinkInput {
        char *data;
        size_t capacity;
        size_t start; /* of the first message that was not taken */
        size_t end; /* of what was received */
        size_t n_messages; /* complete ones between start and end */
} VarlinkInput;

void varlink_input_done(VarlinkInput *input);

/* Receives once from a non-blocking socket. Never holds more than max + 1 bytes: a caller must not
 * read while varlink_input_is_full(). 1: something came; 0: nothing there now; -ENODATA: the peer
 * will send no more; other errno. */
int varlink_input_receive(VarlinkInput *input, int fd, size_t max);

/* No room for another byte. Without a complete message in it, the one at hand is too long. */
bool varlink_input_is_full(const VarlinkInput *input, size_t max);

/* The next message, NUL-terminated, in the buffer; only when n_messages > 0. Valid until the next
 * receive or trim. */
char *varlink_input_take(VarlinkInput *input, size_t *ret_size);

/* A message has begun and is not complete. */
bool varlink_input_is_partial(const VarlinkInput *input);

/* Gives the buffer back when nothing is in it. */
void varlink_input_trim(VarlinkInput *input);

/* output */

/* Zero-initialised it is empty. A ring of references, the first perhaps sent in part. */
typedef struct VarlinkQueue {
        VarlinkPayload **items;
        size_t capacity; /* a power of two, or 0 */
        size_t first;
        size_t n;
        size_t sent; /* bytes of the first item that are gone */
        size_t bytes; /* bytes of all items that are not */
        size_t private_bytes; /* size of the items that no other queue shares */
} VarlinkQueue;

void varlink_queue_done(VarlinkQueue *queue);

/* Takes a reference of its own. */
int varlink_queue_push(VarlinkQueue *queue, VarlinkPayload *payload);

/* Drops what was not begun. A message that is sent in part must end, or the next one is lost. */
void varlink_queue_drop_unsent(VarlinkQueue *queue);

/* Sends what the socket takes, up to a bound: 0, or a negative errno after which the peer is gone.
 * Whether anything is left is in queue->n. */
int varlink_queue_send(VarlinkQueue *queue, int fd);

/* payloads */

/* Writes a whole message, for one connection only. -EINVAL when it cannot be written. */
int varlink_payload_new_message(json_t *message, VarlinkPayload **ret);
bool varlink_payload_is_shared(const VarlinkPayload *payload);
