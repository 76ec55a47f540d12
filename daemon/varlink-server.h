/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A Varlink server over sd-event: sockets, framing, calls and replies. It knows JSON messages and
 * interface texts and nothing of what the methods are about, so that another transport can take
 * its place.
 *
 * Everything runs in the thread of the event loop. Nothing here blocks. A peer costs a bounded
 * amount of work a wake-up and of memory, and what it does wrong ends at most its own connection.
 *
 * Calls of one connection are answered in the order in which they came: while one is unanswered,
 * and a call with "more" is until its last reply, the ones behind it wait unread.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "util.h"
#include "varlink-idl.h"

/* The limits of a server that sets none of its own (VarlinkLimits). */
#define VARLINK_CONNECTIONS_MAX ((size_t) 4096)
#define VARLINK_CONNECTIONS_PER_UID_MAX ((size_t) 2048)
#define VARLINK_REQUEST_BYTES_MAX ((size_t) 128 * 1024)
#define VARLINK_QUEUED_BYTES_MAX ((size_t) 16 * 1024 * 1024)
#define VARLINK_BYTES_PER_UID_MAX ((size_t) 128 * 1024 * 1024)
#define VARLINK_CALLS_MAX ((size_t) 256)
#define VARLINK_TIMEOUT_USEC (UINT64_C(30) * USEC_PER_SEC)

/* Nesting of arrays and objects in a request, the request itself included. */
#define VARLINK_DEPTH_MAX 32U

typedef struct VarlinkCall VarlinkCall;
typedef struct VarlinkCounters VarlinkCounters;
typedef struct VarlinkLimits VarlinkLimits;
typedef struct VarlinkMethod VarlinkMethod;
typedef struct VarlinkPayload VarlinkPayload;
typedef struct VarlinkServer VarlinkServer;
typedef struct VarlinkServerInfo VarlinkServerInfo;

/* X(identifier, name): every limit by the name that an operator and a client see. */
#define VARLINK_LIMIT_TABLE(X)                        \
        X(CONNECTIONS, "connections")                 \
        X(CONNECTIONS_PER_UID, "connections-per-uid") \
        X(FILES, "open-files")                        \
        X(REQUEST_BYTES, "request-bytes")             \
        X(QUEUED_BYTES, "queued-bytes")               \
        X(BYTES_PER_UID, "bytes-per-uid")             \
        X(CALLS, "calls-in-flight")                   \
        X(TIMEOUT, "timeout")

typedef enum VarlinkLimit {
#define VARLINK_LIMIT_ENUM(id, name) VARLINK_LIMIT_##id,
        VARLINK_LIMIT_TABLE(VARLINK_LIMIT_ENUM)
#undef VARLINK_LIMIT_ENUM
        _VARLINK_LIMIT_MAX,
} VarlinkLimit;

const char *varlink_limit_name(VarlinkLimit limit);

struct VarlinkServerInfo {
        /* For GetInfo. Borrowed: they must outlive the server, as must everything here. */
        const char *vendor;
        const char *product;
        const char *version;
        const char *url;

        /* Turns a negative errno into the full name of a Varlink error: for a handler that failed
         * without an answer of its own, and for -E2BIG when a limit is reached; detail is then the
         * name of the limit, otherwise NULL. May set *ret_parameters (a new reference). NULL, or a
         * NULL answer: the connection is closed without an error. */
        const char *(*error_name)(int error, const char *detail, json_t **ret_parameters);
};

/* A member that is 0 stands for the default above. */
struct VarlinkLimits {
        size_t connections; /* in all */
        size_t connections_per_uid; /* of one user, by SO_PEERCRED */
        size_t request_bytes; /* of one message, without its NUL */
        /* Waiting for one client to read them. One reply, however long, always fits: it answers a
         * question that the peer may ask; it counts against bytes_per_uid alone. */
        size_t queued_bytes;
        /* All unread requests and unsent replies of one user; a payload that is shared between
         * connections counts for none of them (the memory is there once). */
        size_t bytes_per_uid;
        size_t calls; /* received on one connection and not answered, the current one included */
        /* For the first request after connecting, for the rest of any request that has begun, and
         * for taking the last error before a close. CLOCK_MONOTONIC. */
        uint64_t timeout_usec;
};

/* What an operator wants to know. All but the first two only grow. */
struct VarlinkCounters {
        uint64_t connections; /* open now */
        uint64_t listeners; /* sockets listened on now */
        uint64_t accepted; /* connections served */
        uint64_t refused; /* connections closed at once, see limits[] for the reasons */
        uint64_t calls; /* requests that were well formed, whatever the answer */
        uint64_t errors; /* answers that were an error, sent or (oneway) not */
        uint64_t violations; /* connections closed for something that is not a request */
        uint64_t accept_pauses;
        uint64_t limits[_VARLINK_LIMIT_MAX]; /* times that each limit was reached */
};

/* Handles one call. The parameters have the declared type; they are borrowed and valid during the
 * handler (json_incref() keeps them), and never changed: another call may have the same. It either answers before it returns, or keeps a reference of
 * the call and answers later. On a negative errno without an answer, or when the last reference
 * goes without one, the transport answers with VarlinkServerInfo.error_name. */
typedef int (*VarlinkHandler)(VarlinkCall *call, json_t *parameters, void *userdata);

/* The peer went away, or a limit ended the call, before the last reply. Called from the event
 * loop, never from inside a function of this header other than varlink_server_free(). The call can
 * take no reply any more; whoever holds a reference drops it now or later. */
typedef void (*VarlinkClosed)(VarlinkCall *call, void *userdata);

typedef enum VarlinkMethodFlags {
        VARLINK_METHOD_REQUIRES_MORE = 1 << 0, /* ExpectedMore for a call without "more" */
} VarlinkMethodFlags;

/* Everything sent so far is out of this process, so that there is room for more. Called from the
 * event loop, never from inside a function of this header. */
typedef void (*VarlinkReady)(VarlinkCall *call, void *userdata);

/* A table of these ends with a row without a name. */
struct VarlinkMethod {
        const char *name; /* as in the interface text, without the interface */
        VarlinkHandler handler;
        VarlinkMethodFlags flags;
};

/* server */

/* info is borrowed, limits (may be NULL) copied. A new server has org.varlink.service and listens
 * nowhere. */
int varlink_server_new(sd_event *event, const VarlinkServerInfo *info, const VarlinkLimits *limits,
                       VarlinkServer **ret);

/* Closes everything, calls on_close for every unanswered call, and removes the socket files that
 * it made. Not from inside a handler or on_close. */
VarlinkServer *varlink_server_free(VarlinkServer *server);
DEFINE_CLEANUP(VarlinkServer *, varlink_server_free)

/* Adds an interface by its text (copied). A declared method without a row answers
 * MethodNotImplemented. methods and userdata are borrowed. -EBADMSG: the text is not an interface;
 * -EINVAL: it lacks a method of the table, or is not UTF-8; -EEXIST: there is one of that name. */
int varlink_server_add_interface(VarlinkServer *server, const char *text,
                                 const VarlinkMethod *methods, void *userdata);

/* Listens on an absolute path: makes its directory (0755, one level) when there is none, replaces
 * a socket that nobody listens on, and lets everyone connect (0666). Beside it stands PATH.lock,
 * locked while the server lives, so that of two servers that start at once one loses. -EADDRINUSE:
 * somebody listens there; -EEXIST: it is not a socket, and stays; -ENAMETOOLONG; other errno. */
int varlink_server_listen_path(VarlinkServer *server, const char *path);

/* Listens on a socket passed by the service manager: AF_UNIX, SOCK_STREAM, listening, else
 * -EINVAL. Owns fd on success; its file in the file system is never removed. */
int varlink_server_listen_fd(VarlinkServer *server, int fd);

/* While held, nobody is accepted: who connects waits in the kernel's queue, as for a server that is not
 * quick. */
void varlink_server_hold(VarlinkServer *server, bool hold);

/* Serves one connected AF_UNIX stream socket, with the limits of one that was accepted: -E2BIG
 * when one is reached (the peer was told). Owns fd on success. */
int varlink_server_add_connection(VarlinkServer *server, int fd);

void varlink_server_counters(const VarlinkServer *server, VarlinkCounters *ret);

/* calls */

/* A call may be referred to longer than its connection lives. unref returns NULL. */
VarlinkCall *varlink_call_ref(VarlinkCall *call);
VarlinkCall *varlink_call_unref(VarlinkCall *call);
DEFINE_CLEANUP(VarlinkCall *, varlink_call_unref)

/* The caller set "more": replies before the last one are allowed. */
bool varlink_call_wants_more(const VarlinkCall *call);

/* The caller wants no reply; one is accepted and dropped. */
bool varlink_call_is_oneway(const VarlinkCall *call);

/* Neither answered nor closed: a reply can still be given. */
bool varlink_call_is_open(const VarlinkCall *call);

/* The effective uid of the process that connected, at that time. Only while the call is open. */
uid_t varlink_call_uid(const VarlinkCall *call);

void varlink_call_set_on_close(VarlinkCall *call, VarlinkClosed on_close, void *userdata);

/* Calls on_ready once, when the peer has taken what was queued; at the earliest in the next turn of
 * this connection, so that a long answer given a piece a call keeps nobody else waiting. Asked for
 * again, it replaces what was asked before. Does nothing for a call that is not open. */
void varlink_call_when_ready(VarlinkCall *call, VarlinkReady on_ready, void *userdata);

/* Bytes that wait for this peer to read them. */
size_t varlink_call_queued_bytes(const VarlinkCall *call);

/* The functions below take an object of parameters, borrowed, NULL for an empty one. They return 0
 * when the reply was sent or queued, which is all that can be known; -EPIPE when the call was
 * closed; -ENOBUFS when this reply reached a limit of the peer: it was not queued, the peer is sent
 * an error as its last message and the call is closed. -EINVAL when it cannot be written as JSON,
 * -ENOMEM: the call stays open. Answering a call again is a programmer's error. */

/* The last reply. */
int varlink_call_reply(VarlinkCall *call, json_t *parameters);

/* Likewise, with a message that was written before. */
int varlink_call_reply_payload(VarlinkCall *call, VarlinkPayload *payload);

/* A reply that others will follow; only for a call that wants more, else -EINVAL. */
int varlink_call_reply_more_payload(VarlinkCall *call, VarlinkPayload *payload);

/* The last reply: an error by its full name. */
int varlink_call_error(VarlinkCall *call, const char *name, json_t *parameters);

/* Likewise org.varlink.service.InvalidParameter, for a parameter whose type is right and whose
 * value is not. */
int varlink_call_error_invalid_parameter(VarlinkCall *call, const char *parameter);

/* payloads */

/* A reply, from a text that the caller wrote, NUL-terminated, of size bytes with the NUL: it must be
 * VARLINK_REPLY_BEGIN, one JSON object, and VARLINK_REPLY_END or, for a reply that others will follow,
 * VARLINK_REPLY_CONTINUES. Owns the text on success. Immutable, counted references; each queue that
 * holds it has its own. shared: it counts for no connection, otherwise for each that it waits in. */
#define VARLINK_REPLY_BEGIN "{\"parameters\":"
#define VARLINK_REPLY_END "}"
#define VARLINK_REPLY_CONTINUES ",\"continues\":true}"
int varlink_payload_new_text(char *text, size_t size, bool shared, VarlinkPayload **ret);
VarlinkPayload *varlink_payload_ref(VarlinkPayload *payload);
VarlinkPayload *varlink_payload_unref(VarlinkPayload *payload);
DEFINE_CLEANUP(VarlinkPayload *, varlink_payload_unref)

/* Its length on the wire. */
size_t varlink_payload_size(const VarlinkPayload *payload);
