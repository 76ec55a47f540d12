/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the source share. Four sockets, because each answers another question and a loss
 * on one must not be taken for a loss on another: one only hears (links, addresses, groups), one only
 * hears routes behind a kernel filter, one only dumps, one asks for single answers.
 */

#include "model.h"
#include "source.h"
#include "util.h"

/* One datagram; also what makes the kernel fill dumps in large pieces from the first read on. */
#define SOURCE_BUFFER_SIZE (64 * 1024)
/* A page, where pages are of the usual size */
#define SOURCE_BUFFER_ALIGNMENT 4096
/* What systemd-networkd asks for; memory is charged only when messages queue. */
#define SOURCE_RECEIVE_BUFFER (128 * 1024 * 1024)
/* Work for one wake-up. */
#define SOURCE_BUDGET_USEC (20 * USEC_PER_MSEC)
/* A dump that makes no progress for this long is given up, with its socket. */
#define SOURCE_DUMP_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define SOURCE_ASK_TIMEOUT_MSEC 100
/* A child whose link was not heard of in this time: ask for the link. */
#define SOURCE_ORPHAN_USEC (1 * USEC_PER_SEC)
#define SOURCE_RETRY_MIN_USEC (5 * USEC_PER_MSEC)
#define SOURCE_RETRY_MAX_USEC (500 * USEC_PER_MSEC)
#define SOURCE_RESYNC_MIN_USEC (100 * USEC_PER_MSEC)
#define SOURCE_RESYNC_MAX_USEC (1 * USEC_PER_SEC)
/* Under a storm that interrupts every dump, the first reading counts as complete after this. */
#define SOURCE_START_PATIENCE_USEC (2 * USEC_PER_SEC)
/* Membership files are read this long after the first of several events. */
#define SOURCE_PROC_DEBOUNCE_USEC (250 * USEC_PER_MSEC)
/* Links that are down and read again one by one; more: all links at once. */
#define SOURCE_SILENT_MAX 32
/* Refusals of one dump after which it is given up. */
#define SOURCE_REFUSALS_MAX 8
/* Datagrams that nobody asked for, thrown away at one time. */
#define SOURCE_LEFTOVERS_MAX 1024
/* Errors in a row on one socket, without it being found empty in between, after which the source gives
 * up: it will not get better. */
#define SOURCE_ERRORS_MAX 100

typedef enum SocketRole {
        SOCKET_MONITOR,
        SOCKET_ROUTES,
        SOCKET_QUERY,
        SOCKET_ASK,
        _SOCKET_ROLE_MAX,
} SocketRole;

typedef struct Received {
        size_t len;
        bool from_kernel;
        bool truncated;
} Received;

/* The system as the source sees it. Tests put a model kernel with faults here. All return a negative
 * errno on failure. */
typedef struct SocketOps {
        /* Opens and subscribes. *groups (SOCKET_MONITOR only): whether memberships shall be heard, and
         * then whether the kernel announces them. */
        int (*open)(void *userdata, SocketRole role, size_t receive_buffer, bool *groups);
        int (*receive)(void *userdata, SocketRole role, int fd, void *buffer, size_t size,
                       Received *ret);
        int (*send)(void *userdata, SocketRole role, int fd, const void *data, size_t size);
        /* Waits for an answer on the socket. -ETIMEDOUT. */
        int (*wait)(void *userdata, SocketRole role, int fd, int timeout_msec);
        /* Messages that the kernel dropped on this socket so far (32 bits, wraps). */
        int (*drops)(void *userdata, SocketRole role, int fd, uint32_t *ret);
        /* The port id that answers to requests carry; 0: not checked. */
        uint32_t (*port)(void *userdata, SocketRole role, int fd);
        void (*close)(void *userdata, SocketRole role, int fd);
        /* CLOCK_BOOTTIME */
        uint64_t (*now)(void *userdata);
        /* Reads /proc/net/igmp (AF_INET) or igmp6 into a heap text. */
        int (*read_groups)(void *userdata, int family, char **ret_text, size_t *ret_len);
        void *userdata;
} SocketOps;

extern const SocketOps source_system_ops;

typedef struct Query {
        bool active;
        Scope scope;
        bool dump; /* false: one row answers it */
        bool interrupted;
        bool malformed;
        uint32_t sequence;
        uint64_t deadline; /* of the next piece */
} Query;

struct Source {
        SocketOps ops;
        Table *table;
        Model *model;
        SourceConfig config;
        SourceCounters counters;

        int epoll_fd;
        int timer_fd;
        uint64_t timer_at; /* what the timer is set to; USEC_INFINITY: off */
        int fds[_SOCKET_ROLE_MAX];
        uint32_t ports[_SOCKET_ROLE_MAX];
        uint32_t drops[_SOCKET_ROLE_MAX];
        unsigned n_errors[_SOCKET_ROLE_MAX]; /* in a row */
        uint32_t sequence;
        uint8_t *buffer; /* SOURCE_BUFFER_SIZE */
        RtnlMessage *message;

        bool hears_groups;
        bool groups_from_proc[2]; /* dumps: IPv4, IPv6 */
        bool drained; /* the monitor sockets were empty when last read */
        bool overrun; /* an error was seen since then */

        bool started; /* the first reading is complete */
        uint64_t start_at; /* when it began */
        bool lost; /* something was missed since the last resync began */
        ResyncReason lost_reason;
        bool resyncing;
        ResyncReason reason;
        unsigned step; /* of the resync that runs */
        bool announce; /* a resync was completed and is to be announced when settled */
        uint64_t resync_not_before;
        uint64_t resync_backoff;

        Query query;
        Scope retries[SCOPES_MAX];
        size_t n_retries;
        uint64_t retry_at; /* USEC_INFINITY: none */
        uint64_t retry_backoff;
        uint64_t orphans_at; /* likewise */
        uint64_t groups_at; /* likewise */
};

static inline uint64_t source_now(const Source *s) {
        return s->ops.now(s->ops.userdata);
}

/* source-socket.c */
int source_open(Source *s, SocketRole role);
void source_close(Source *s, SocketRole role);
/* One datagram into s->buffer. 1: got one; 0: nothing there; a negative errno otherwise. */
int source_receive(Source *s, SocketRole role, Received *ret);

/* Throws away what lies in a socket while nothing was asked: the rest of an answer that was given up, or
 * what somebody else sent. Left there it would wake the caller for ever, or keep the answer out. */
int source_drop_leftovers(Source *s, SocketRole role);

/* source-monitor.c: reads what the kernel announces until there is no more or time is up. */
int source_drain(Source *s, uint64_t until);
void source_lose(Source *s, ResyncReason reason);

/* source-dump.c: dumps, one after the other, until there is nothing to do or time is up. */
int source_run_queries(Source *s, uint64_t until);
bool source_is_idle(const Source *s);

/* source-ask.c: returns when the kernel has finished the change of links or addresses that it is at. */
int source_ask_barrier(Source *s);

/* source-proc.c: appends what the text of /proc/net/igmp (AF_INET) or igmp6 says. Lines that cannot be
 * read are skipped. -ENOMEM; -E2BIG over a bound. */
int source_parse_groups(int family, const char *text, size_t len, GroupUsers **list, size_t *n,
                        size_t *allocated);
int source_proc_groups(Source *s, int family, GroupUsers **list, size_t *n, size_t *allocated);
