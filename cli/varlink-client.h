/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A small Varlink client: one connection, one call at a time, answers awaited. It knows messages
 * and nothing of links.
 *
 * Every wait is bounded in time and every reply in length: a server that says nothing, or does not
 * stop, costs this command an error message.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct VarlinkClient VarlinkClient;

/* A reply of more bytes is not believed. Describe of ten thousand links has some 30 MB. */
#define VARLINK_REPLY_MAX ((size_t) 128 * 1024 * 1024)
/* For an answer */
#define VARLINK_PATIENCE_USEC (UINT64_C(30) * 1000 * 1000)

/* Connects to a socket. The errnos of connect(2). */
int varlink_client_connect(const char *path, VarlinkClient **ret);
/* NULL is fine. Returns NULL. */
VarlinkClient *varlink_client_free(VarlinkClient *client);

/* Sends a call; its parameters are borrowed, NULL for none. more: several replies may come. */
int varlink_client_send(VarlinkClient *client, const char *method, const json_t *parameters,
                        bool more);
/* The descriptor to poll for POLLIN when varlink_client_receive() has said -EAGAIN. */
int varlink_client_get_fd(const VarlinkClient *client);

/* 0: a reply, all of it in *ret ({parameters, error, continues}, new reference). -EAGAIN: nothing
 * complete is there yet; -ECONNRESET: the server closed the connection; -EMSGSIZE: too long;
 * -EPROTO: no Varlink. Does not block. */
int varlink_client_receive(VarlinkClient *client, json_t **ret);
/* Waits for the reply until a time of CLOCK_MONOTONIC (UINT64_MAX: for ever); -ETIMEDOUT. */
int varlink_client_await(VarlinkClient *client, uint64_t deadline_usec, json_t **ret);

/* CLOCK_MONOTONIC in microseconds */
uint64_t varlink_now(void);
