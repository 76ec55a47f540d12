/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the Varlink transport share: the server's tables, a connection, a call. For
 * varlink-*.c alone; the methods use varlink-server.h.
 *
 * Who owns what: the server owns interfaces, listeners, users and connections. A connection knows
 * its one unanswered call, which is owned by the references that the handler took. A call is cut
 * off from its connection when it is answered or closed, and outlives it harmlessly.
 *
 * A connection is never freed where it fails, because its caller, perhaps a publisher in the middle
 * of a list of subscribers, still stands on it: it is closed, listed, and freed by the event loop.
 */

#include <sys/queue.h>
#include <sys/types.h>

#include "varlink-buffer.h"
#include "varlink-server.h"

/* Connections that are served before other sources of the event loop get their turn. */
#define VARLINK_CONNECTIONS_PER_WAKEUP 32U

/* The connections accepted in one wake-up of a listener. */
#define VARLINK_ACCEPTS_PER_WAKEUP 16U

/* What one wake-up of a connection handles before the others get their turn. */
#define VARLINK_CALLS_PER_WAKEUP 16U
#define VARLINK_CALL_BYTES_PER_WAKEUP ((size_t) 64 * 1024)

/* A connection whose calls of one wake-up took longer than this is served behind the others for a
 * while: this many times as long as they took. Of those, as many are served in one wake-up as fit
 * into the same time, and at least one. */
#define VARLINK_SLOW_USEC (UINT64_C(500))
#define VARLINK_REST_FACTOR UINT64_C(50)

/* Replies are collected up to this size before they are sent; a peer that has left as much unread
 * gets no further call handled. */
#define VARLINK_QUEUE_PAUSE_BYTES ((size_t) 64 * 1024)

/* Requests that are known again by their bytes, and how long they may be. */
#define VARLINK_KNOWN_REQUESTS 16U
#define VARLINK_KNOWN_BYTES ((size_t) 512)

/* How long accepting rests when the process or the machine has no descriptor left. */
#define VARLINK_ACCEPT_RETRY_USEC USEC_PER_SEC

typedef struct VarlinkConnection VarlinkConnection;
typedef TAILQ_HEAD(VarlinkConnections, VarlinkConnection) VarlinkConnections;
typedef struct VarlinkInterface VarlinkInterface;
typedef struct VarlinkListener VarlinkListener;
typedef struct VarlinkUser VarlinkUser;

/* Everything that one uid holds, over all its connections. */
struct VarlinkUser {
        LIST_ENTRY(VarlinkUser) list;
        uid_t uid;
        size_t n_connections;
        size_t bytes;
};

struct VarlinkInterface {
        VarlinkIdl *idl;
        json_t *description; /* the text, as GetInterfaceDescription sends it */
        const VarlinkMethod *methods;
        void *userdata;
};

typedef enum VarlinkState {
        VARLINK_STATE_OPEN,
        VARLINK_STATE_LINGERING, /* sends what is queued, its last error, and reads nothing */
        VARLINK_STATE_DEAD, /* has no socket */
} VarlinkState;

struct VarlinkConnection {
        TAILQ_ENTRY(VarlinkConnection) list;
        TAILQ_ENTRY(VarlinkConnection) waiting_list;
        TAILQ_ENTRY(VarlinkConnection) closed_list;
        TAILQ_ENTRY(VarlinkConnection) again_list;
        VarlinkServer *server;
        VarlinkUser *user;
        VarlinkState state;
        int fd;
        uint32_t events; /* those that are polled for */
        VarlinkInput input;
        VarlinkQueue queue;
        size_t charged; /* bytes, in user->bytes */
        VarlinkCall *call;
        uint64_t deadline;
        uint64_t rests_until; /* served behind the others before; 0: never was slow */
        bool polled : 1; /* known to the server's epoll_fd */
        bool dispatching : 1; /* replies are collected, not sent one by one */
        bool eof : 1; /* the peer sends no more; it may still read */
        bool greeted : 1; /* a first request came */
        bool waiting : 1; /* on the list of those that must do something before deadline */
        bool again : 1; /* on the list of those with something left over */
        bool resting : 1; /* and on the one for those that must wait for the others */
        bool closed : 1; /* on the list for the next round of the reaper */
};

struct VarlinkCall {
        unsigned n_ref;
        VarlinkConnection *connection; /* NULL when answered or closed */
        VarlinkClosed on_close;
        void *userdata;
        VarlinkReady on_ready; /* wanted once the queue is empty */
        void *ready_userdata;
        bool more;
        bool oneway;
        bool answered;
};

/* Everything of it belongs to the message. */
typedef struct VarlinkRequest {
        json_t *message; /* a reference of its own */
        const char *method;
        json_t *parameters; /* NULL when absent */
        bool more;
        bool oneway;
        const char *wrong; /* the first member that is not what it should be */
} VarlinkRequest;

/* A request that came lately, as it was sent and as it was read. */
typedef struct VarlinkKnown {
        size_t size;
        char *text; /* NULL: none */
        VarlinkRequest request;
} VarlinkKnown;

struct VarlinkServer {
        sd_event *event;
        const VarlinkServerInfo *info;
        VarlinkLimits limits;
        VarlinkCounters counters;
        VarlinkInterface *interfaces;
        size_t n_interfaces;
        LIST_HEAD(, VarlinkListener) listeners;
        LIST_HEAD(, VarlinkUser) users;
        VarlinkConnections connections;
        VarlinkConnections waiting; /* by deadline: all wait equally long */
        VarlinkConnections closed;
        VarlinkConnections again;
        VarlinkConnections resting; /* likewise, behind the others */
        size_t n_again; /* on both */
        int epoll_fd; /* every connection, and again_fd */
        int again_fd; /* an eventfd, readable while n_again is not 0 */
        sd_event_source *io; /* epoll_fd */
        sd_event_source *reap; /* enabled while closed is not empty */
        sd_event_source *timer; /* enabled while waiting is not empty */
        sd_event_source *retry; /* enabled while accepting rests */
        bool held; /* nobody is accepted, whatever else happens: varlink_server_hold() */
        VarlinkKnown known[VARLINK_KNOWN_REQUESTS];
        int reserve_fd; /* given up for a moment to refuse a peer without a descriptor */
};

/* server */

const VarlinkInterface *varlink_server_find_interface(const VarlinkServer *server, const char *name,
                                                      size_t n);

/* Has the event loop finish a connection that just failed. */
void varlink_server_closed(VarlinkServer *server, VarlinkConnection *connection);

/* Starts or ends the time that a connection has; starting it again changes nothing. */
void varlink_server_wait(VarlinkServer *server, VarlinkConnection *connection, bool wait);

/* Polls for these events of a connection's socket, from now on or instead of others. Closing the
 * socket ends it. */
int varlink_server_poll(VarlinkServer *server, VarlinkConnection *connection, uint32_t events);

/* CLOCK_MONOTONIC, now and not as of the beginning of the wake-up. */
uint64_t varlink_server_now(void);

/* Has a connection go on with its requests and replies, or no longer. */
void varlink_server_again(VarlinkServer *server, VarlinkConnection *connection, bool again);

/* The user of a uid, made when there is none; gone with its last connection. */
VarlinkUser *varlink_server_get_user(VarlinkServer *server, uid_t uid);
void varlink_server_put_user(VarlinkServer *server, VarlinkUser *user);

/* Counts the limit and writes its error; 0 with NULL when the server has no name for it. */
int varlink_server_limit_payload(VarlinkServer *server, VarlinkLimit limit, VarlinkPayload **ret);

/* listeners */

/* Accepts again after a rest; without one it does nothing. */
void varlink_listeners_resume(VarlinkServer *server);
VarlinkListener *varlink_listener_free(VarlinkListener *listener);
void varlink_listeners_free_all(VarlinkServer *server);

/* connections */

/* What the event loop calls: the socket is ready; something is left over. */
void varlink_connection_ready(VarlinkConnection *connection, uint32_t revents);
void varlink_connection_process(VarlinkConnection *connection);

/* Its calls took long, so that others come first. */
bool varlink_connection_rests(const VarlinkConnection *connection);

int varlink_connection_new(VarlinkServer *server, int fd, uid_t uid, VarlinkConnection **ret);

/* Off every list and out of the counters. Its call must be gone. */
VarlinkConnection *varlink_connection_free(VarlinkConnection *connection);

/* Queues one message, and sends it unless a wake-up of this connection is under way. */
int varlink_connection_enqueue(VarlinkConnection *connection, VarlinkPayload *payload);

/* Its call was answered, or has more to say: it may go on. */
void varlink_connection_next(VarlinkConnection *connection);

/* No more of it: the socket is closed now, the rest is done by the event loop. */
void varlink_connection_close(VarlinkConnection *connection);

/* Likewise, with an error as the last message if the peer takes it in time. */
void varlink_connection_close_limit(VarlinkConnection *connection, VarlinkLimit limit);

/* calls */

/* Handles one message, which ends with a NUL. -EBADMSG: it is not a request. */
int varlink_call_dispatch(VarlinkConnection *connection, const char *text, size_t size);

/* Tells whoever waits for it that the queue is empty. */
void varlink_call_ready(VarlinkCall *call);

/* Cuts the call off from its connection, and tells whoever waits for that. */
void varlink_call_close(VarlinkCall *call);

/* requests */

/* Reads one message, which ends with a NUL. -EBADMSG: it is not a request. */
int varlink_request_read(VarlinkServer *server, const char *text, size_t size, VarlinkRequest *ret);
void varlink_request_done(VarlinkRequest *request);
void varlink_requests_forget(VarlinkServer *server);

/* messages */

int varlink_message_new(const char *error, json_t *parameters, json_t **ret);

/* service */

int varlink_service_add(VarlinkServer *server);
