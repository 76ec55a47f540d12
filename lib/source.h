/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the table comes from: the netlink sockets, dumps, resync, and re-reads of what the kernel
 * changes without saying so. Passive: one file descriptor to poll, one function to call; no thread,
 * no callback, no log, no sleep. Fills one Table and hands out what changed as batches.
 *
 * Bound to the network namespace of the thread that creates it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "record.h"
#include "rtnl.h"
#include "table.h"

typedef struct Source Source;

typedef enum SourceState {
        SOURCE_STARTING, /* the first reading is not complete: the table is not to be believed yet */
        SOURCE_READY,
        SOURCE_RESYNCING, /* messages were lost; the table is being read again */
        _SOURCE_STATE_MAX,
} SourceState;

/* "starting", "ready", "resyncing" */
const char *source_state_to_string(SourceState s);

/* Why a resync happens; also the reason in the public Resynced signal. */
typedef enum ResyncReason {
        RESYNC_START, /* the first reading; not announced */
        RESYNC_OVERRUN, /* ENOBUFS: the kernel dropped notifications */
        RESYNC_DROPS, /* the socket's drop counter moved without an error */
        RESYNC_TRUNCATED, /* a datagram was longer than the buffer, or a header was broken */
        RESYNC_MALFORMED, /* a row could not be read */
        RESYNC_ERROR, /* another error on a socket */
        RESYNC_AUDIT, /* somebody asked for it */
        _RESYNC_REASON_MAX,
} ResyncReason;

/* "start", "overrun", "drops", "truncated", "malformed", "error", "audit" */
const char *resync_reason_to_string(ResyncReason r);

/* For an operator; all count from the start and never go back. */
typedef struct SourceCounters {
        uint64_t resyncs[_RESYNC_REASON_MAX];
        uint64_t messages; /* notifications read */
        uint64_t dropped_messages; /* by the kernel, as the sockets count them */
        uint64_t skipped_rows; /* malformed, or over a limit */
        uint64_t forged_messages; /* not from the kernel */
        uint64_t dumps; /* requests for many rows */
        uint64_t interrupted_dumps;
        uint64_t asks; /* requests for one answer */
        uint64_t rereads; /* dumps because of a change that is not announced */
        uint64_t batches;
        uint64_t events;
} SourceCounters;

/* Names and values in a fixed order, for D-Bus, Varlink and the command: "ResyncsOverrun", ...,
 * "Messages", ... False from the end on. */
bool source_counter_get(const SourceCounters *c, size_t i, const char **ret_name,
                        uint64_t *ret_value);

typedef struct SourceConfig {
        size_t receive_buffer; /* bytes for notifications; 0: the default */
        bool groups_from_proc; /* behave as on a kernel that does not announce memberships */
        const struct SocketOps *ops; /* NULL: the system's; tests inject faults here */
} SourceConfig;

/* Opens the sockets and subscribes; nothing is read yet. config may be NULL. The table must be empty
 * and outlive the source; nobody else writes to it. */
int source_new(Table *table, const SourceConfig *config, Source **ret);
Source *source_free(Source *s);

/* Readable (EPOLLIN) whenever source_dispatch() has something to do. Owned by the source. */
int source_get_fd(const Source *s);

/* Does what there is to do, for at most about 20 ms, without blocking, and hands out what changed
 * since the last call in *ret_batch (the caller owns it: batch_done()). 0: nothing changed, *ret_batch
 * is empty; 1: a batch. A negative errno means that the source cannot go on (no memory, no sockets). */
int source_dispatch(Source *s, Batch *ret_batch);

/* Like source_dispatch(), for use before an answer: afterwards the table has everything that the
 * kernel announced before the call, as far as one bounded reading gets, unless a resync is on. */
int source_refresh(Source *s, Batch *ret_batch);

SourceState source_state(const Source *s);
/* True when no resync and no re-read is pending: with a table that was refreshed before, everything
 * that the kernel did is in it. */
bool source_settled(const Source *s);
/* True when the kernel may have announced what the table does not have yet: it was not read so far, or
 * it was lost and is being read again. "Not in the table" is no answer then. */
bool source_is_behind(const Source *s);
/* True when what was heard makes a re-read necessary that has not begun: one more source_refresh()
 * brings it. */
bool source_has_wanted(const Source *s);
/* Reads everything again: RESYNC_AUDIT. Happens in the following source_dispatch() calls. */
int source_audit(Source *s);
/* Starts reading again what may have changed without an announcement, or before it: links that are down
 * (alternative names, alias, group), IPv6 addresses, and where memberships are not announced, groups. */
int source_reread_silent(Source *s);
const SourceCounters *source_counters(const Source *s);
/* The best of the derived states over all links but loopback ones; "off" throughout without any. A link
 * that is a port of another counts as one with carrier. */
States source_machine_states(const Source *s);
/* Links that are down: only those change in silence. */
uint32_t source_links_down(const Source *s);
/* True when the kernel announces memberships. */
bool source_hears_groups(const Source *s);

/* Questions to the kernel that no table answers. Each is one request and one bounded wait of at most
 * 100 ms for an answer that the kernel gives at once. -EIO, -ETIMEDOUT and other errnos of the
 * sockets mean "could not ask". ----------------------------------------------------------------- */

/* -ENODEV: no such link. */
int source_ask_statistics(Source *s, int32_t ifindex,
                          uint64_t ret_values[static RTNL_STATISTICS_MAX]);
/* Asks for a name or alternative name that the table does not have: links that are down change them
 * without an announcement. Returns its index; -ENODEV when the kernel knows no such name. The link is
 * then read again, so that a source_refresh() finds it. */
int source_ask_link_by_name(Source *s, TextSpan name, int32_t *ret_ifindex);
/* The same for an index; it may have been lost that the link appeared. */
int source_ask_link_by_index(Source *s, int32_t ifindex);
/* One RTM_GETROUTE. ifindex 0: any; source AF_UNSPEC: none. -ENETUNREACH: no route. -ENODEV: no such
 * link. */
int source_ask_route(Source *s, const IpAddress *destination, int32_t ifindex,
                     const IpAddress *source, bool fib_match, RtnlFib *ret);
/* Heap arrays, the caller frees. */
int source_ask_proxies(Source *s, RtnlProxy **ret, size_t *ret_n);
int source_ask_labels(Source *s, RtnlLabel **ret, size_t *ret_n);

/* How often each group is joined, from /proc/net/igmp and igmp6. Sorted; the caller frees. Not being
 * able to read the files gives an empty list. */
typedef struct GroupUsers {
        int32_t ifindex;
        IpAddress group;
        uint32_t users;
} GroupUsers;
int source_ask_users(Source *s, GroupUsers **ret, size_t *ret_n);
/* The same without a source, in the network namespace of the calling thread. */
int source_read_users(GroupUsers **ret, size_t *ret_n);
/* The count of one group in that list; -1 when it is not there. */
int64_t group_users_find(const GroupUsers *users, size_t n, int32_t ifindex,
                         const IpAddress *group);
