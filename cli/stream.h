/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Changes as event records, from the daemon's Varlink interface when it can be reached, otherwise
 * from the library: the same records in the same order, first what exists. When a daemon goes, it is
 * said on standard error, and the stream goes on from the beginning: with --connect when there is a
 * daemon again, otherwise at once, from the library.
 */

#include "cli.h"

typedef struct Stream Stream;

typedef enum StreamStep {
        STREAM_EVENT, /* *ret_event is a new reference */
        STREAM_READY, /* what existed has been told */
        STREAM_BROKEN, /* some changes may be missed; what exists comes again, and then READY */
        STREAM_TIMEOUT,
        STREAM_READER_GONE, /* nobody reads standard output any more */
        STREAM_FAILED, /* the message was said; *ret_status is the exit status */
} StreamStep;

/* 0 or an exit status, with the message said. for_output: to stop when nobody reads standard output
 * any more, even while nothing happens. */
int stream_open(Context *c, bool for_output, Stream **ret);
/* Waits until a time of CLOCK_MONOTONIC in microseconds, UINT64_MAX for ever. ret_status is set with
 * STREAM_FAILED only. */
StreamStep stream_next(Stream *s, uint64_t deadline_usec, json_t **ret_event, int *ret_status);
/* Of what existed, after STREAM_READY */
uint64_t stream_generation(const Stream *s);
/* NULL is fine. Returns NULL. */
Stream *stream_free(Stream *s);
static inline void stream_freep(Stream **s) {
        *s = stream_free(*s);
}
