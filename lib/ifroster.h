/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef IFROSTER_H
#define IFROSTER_H

/*
 * libifroster: the machine's network interfaces ("links"), their addresses, IPv6 zones and multicast
 * memberships, always current.
 *
 * A handle reads the table that ifrosterd keeps in shared memory: a lookup is a few memory reads, no
 * call, no copy of the whole, whatever the number of links. Without a daemon the handle reads rtnetlink
 * itself and gives the same answers; it moves from one to the other, and back, by itself.
 *
 * Conventions
 *   Errors     Functions return a negative errno, and touch their ret_ parameters only on success.
 *              The errnos that stand for an answer are listed at ifroster_error_name(). -EAGAIN: what
 *              is asked for may be there, but the kernel's announcements were lost or the daemon's table
 *              is busy, and there was no answer in about 100 ms; ask again.
 *   Threads    All functions that take a const handle may be called on one handle from many threads at
 *              once, also while another thread calls ifroster_dispatch() or ifroster_wait(). Creating,
 *              freeing and pulling events are for one thread at a time. Rows, walks and events belong
 *              to one thread at a time.
 *   Ownership  What a function returns by a char ** is from malloc(). Pointers that a getter of a row
 *              or event hands out live until that row is filled again or freed.
 *   Addresses  Bytes in network order, 4 for AF_INET and 16 for AF_INET6.
 *   Times      Microseconds of CLOCK_BOOTTIME; UINT64_MAX stands for never.
 *   Names      Bytes without NUL. Where a text must be printable, see ifroster_escape().
 *
 * The library starts no thread, prints nothing, never exits the process, and installs no handler unless
 * it is told to: see ifroster_handle_sigbus().
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct ifroster ifroster;
typedef struct ifroster_row ifroster_row;
typedef struct ifroster_walk ifroster_walk;
typedef struct ifroster_event ifroster_event;

/* Room for the longest link name, alternative name, and address with zone, each with the NUL. */
#define IFROSTER_NAME_SIZE 16
#define IFROSTER_ALTNAME_SIZE 128
#define IFROSTER_ADDRESS_SIZE 64

/* Kinds of rows. */
enum {
        IFROSTER_LINK = 0,
        IFROSTER_ADDRESS = 1,
        IFROSTER_GROUP = 2,
        IFROSTER_ROUTE = 3, /* default routes */
        IFROSTER_LOCAL = 4, /* the kernel's local table */
};

/* Handles ------------------------------------------------------------------------------------ */

enum {
        /* Only the daemon's table: -ENOTCONN instead of reading rtnetlink. */
        IFROSTER_SHARED_ONLY = 1 << 0,
        /* Never the daemon's table. */
        IFROSTER_EMBEDDED_ONLY = 1 << 1,
        /* A consistent copy that never changes: see ifroster_snapshot(). Not for ifroster_new(). */
        IFROSTER_FROZEN = 1 << 2,
};

/* Opens a handle. table: path of the daemon's table, NULL for the default (/run/ifroster/table, or
 * $XDG_RUNTIME_DIR/ifroster/table when that is where it is). An embedded handle has read everything when
 * this returns. -EINVAL: bad flags; -ENOTCONN: IFROSTER_SHARED_ONLY and no daemon; -ENOMEM; errnos of
 * socket(2) when rtnetlink cannot be had.
 *
 * The handle answers for the network namespace of the calling thread. A table of another one is ignored,
 * unless IFROSTER_SHARED_ONLY says that this table and no other is wanted. A file is ignored too when it
 * is not of root, of the caller, or of the owner of its directory, or when others can write to it.
 *
 * After fork() the child must not use the handle but to free it. */
int ifroster_new(const char *table, uint64_t flags, ifroster **ret);
/* NULL is fine. Returns NULL. */
ifroster *ifroster_free(ifroster *handle);

/* Makes the process survive a table's file that is made shorter while it is mapped. The daemon never does
 * that, but whoever may write to the file can (see ifroster_new()), and then the next access to what is
 * gone is a SIGBUS, which ends a process that has not called this function.
 *
 * Installs a handler for SIGBUS, for the whole process, once: further calls do nothing and return 0, also
 * from several threads at once. It puts zero pages in the place of what is gone from a table, and the
 * interrupted call of this library finds another table, reads rtnetlink itself, or returns -ENOTCONN, as
 * after the end of a daemon. A SIGBUS of any other cause goes to the action that was there before, and
 * has there the effect that it would have had: the end of the process (SIG_DFL, and for a fault SIG_IGN),
 * nothing (SIG_IGN and a signal that was sent), or a call of the handler, on the stack and with the mask
 * and flags that it asked for. The handler makes system calls only, takes no lock, and leaves
 * errno alone.
 *
 * A program that sets an action for SIGBUS later takes this one away, unless its handler calls the one
 * that it found. Threads must not block SIGBUS: then the kernel ends the process. A negative errno of
 * sigaction(2). */
int ifroster_handle_sigbus(void);

/* 1: answers come from the daemon's table now; 0: from the handle's own reading. */
int ifroster_is_shared(const ifroster *handle);
/* Grows by one with every change of the table that is published. Of one handle it never goes back
 * while it stays with the same daemon. */
uint64_t ifroster_generation(const ifroster *handle);

/* A copy of the whole table at one moment, as a handle of its own for all questions below (events,
 * wait and sync do not apply: -EINVAL). For walks that must be consistent as a whole. Where it says
 * -EAGAIN, take another one. */
int ifroster_snapshot(const ifroster *handle, ifroster **ret);

/* Lookups ------------------------------------------------------------------------------------ */

/* How a text was matched. */
enum {
        IFROSTER_MATCHED_NAME = 0,
        IFROSTER_MATCHED_ALTERNATIVE_NAME = 1,
        IFROSTER_MATCHED_INDEX = 2,
        IFROSTER_MATCHED_ADDRESS = 3,
};

/* The index (>= 1) of the link with this name or alternative name, exact bytes. -ENODEV: none; -EINVAL:
 * empty or over 127 bytes. */
int ifroster_index(const ifroster *handle, const char *name);
/* The name of a link. -ENODEV; -ERANGE: an index below 1. */
int ifroster_name(const ifroster *handle, int ifindex, char ret_name[IFROSTER_NAME_SIZE]);
/* A zone as people write it: name, alternative name, or strict decimal index of a link that exists.
 * Returns the index, or 0 for "0", which is no zone. ret_matched may be NULL. -EILSEQ: not a zone;
 * -ENODEV. */
int ifroster_zone(const ifroster *handle, const char *text, int *ret_matched);
/* The same for a name, alternative name, index or own address. */
int ifroster_find_link(const ifroster *handle, const char *text, int *ret_matched);

/* Parses "address" or "address%zone". ret_address takes 16 bytes (IPv4 uses 4), ret_ifindex is 0 when no
 * zone was given. -EBADMSG, -EILSEQ, -EOPNOTSUPP (a zone where none belongs), -ENODEV. */
int ifroster_parse(const ifroster *handle, const char *text, int *ret_family,
                   uint8_t ret_address[16], int *ret_ifindex);
/* Writes the canonical text, with the zone by name when the address takes one and ifindex is not 0.
 * -ENODEV, -EBADMSG: bad family; -ENOSPC. */
int ifroster_format(const ifroster *handle, int family, const void *address, int ifindex,
                    char *ret_text, size_t size);

/* What an address is to this machine. */
enum {
        IFROSTER_TYPE_NONE = 0,
        IFROSTER_TYPE_UNICAST = 1,
        IFROSTER_TYPE_ANYCAST = 2,
        IFROSTER_TYPE_BROADCAST = 3,
        IFROSTER_TYPE_MULTICAST = 4,
};

/* "Is this mine?" ifindex: its zone, 0 for any link. Writes the indexes of up to n_links links that hold
 * it and returns how many there are; *ret_type may be IFROSTER_TYPE_NONE, then that is 0. -EBADMSG. */
int ifroster_lookup(const ifroster *handle, int family, const void *address, int ifindex,
                    int *ret_type, int *ret_links, size_t n_links);

/* Rows --------------------------------------------------------------------------------------- */

int ifroster_row_new(ifroster_row **ret);
ifroster_row *ifroster_row_free(ifroster_row *row);

/* Fills the row with a link. -ENODEV; -ERANGE. */
int ifroster_get_link(const ifroster *handle, int ifindex, ifroster_row *row);

/* Walks all rows of a kind; ifindex not 0: of one link; family not 0: of one family. Every row is
 * consistent in itself, and in no particular order. */
int ifroster_walk_new(const ifroster *handle, int kind, int ifindex, int family,
                      ifroster_walk **ret);
ifroster_walk *ifroster_walk_free(ifroster_walk *walk);
/* Starts over. */
void ifroster_walk_rewind(ifroster_walk *walk);
/* 1: row is filled; 0: no more; -ESTALE: the table changed since the walk began, so rows may be missing
 * or double: rewind, or walk a snapshot. */
int ifroster_walk_next(ifroster_walk *walk, ifroster_row *row);

/* The quick getters. Those that do not apply to the kind of row give 0, "" or nothing. */
/* IFROSTER_LINK ...; -1 for a row that is not filled. */
int ifroster_row_kind(const ifroster_row *row);
int ifroster_row_ifindex(const ifroster_row *row);
uint64_t ifroster_row_incarnation(const ifroster_row *row);
/* The link's name: also for rows of addresses, groups, routes and local entries when it is known. */
const char *ifroster_row_name(const ifroster_row *row);
uint32_t ifroster_row_flags(const ifroster_row *row);
uint32_t ifroster_row_mtu(const ifroster_row *row);
/* The family (0: none); *ret_address points to its bytes. The own address of an address row, the group,
 * a route's gateway, a local entry. */
int ifroster_row_address(const ifroster_row *row, const uint8_t **ret_address);
unsigned ifroster_row_prefix_length(const ifroster_row *row);
/* The peer on a point-to-point address: its family, or 0. */
int ifroster_row_peer(const ifroster_row *row, const uint8_t **ret_address);
/* Length and bytes of a link's hardware address. */
size_t ifroster_row_hardware_address(const ifroster_row *row, const uint8_t **ret_bytes);

/* Every public field by its name ("MTU", "OperationalState", "ValidLifetimeUSec", ...), as in the
 * documentation of the D-Bus and Varlink interfaces. -ENOENT: the row's kind has no such field; -ENODATA:
 * it does not apply to this row; -EINVAL: it has another type. By the D-Bus signature of a field: get_int
 * takes b, i and u, get_uint b, u and t, get_text s, get_bytes ay. */
int ifroster_row_get_int(const ifroster_row *row, const char *field, int64_t *ret);
int ifroster_row_get_uint(const ifroster_row *row, const char *field, uint64_t *ret);
int ifroster_row_get_text(ifroster_row *row, const char *field, const char **ret);
int ifroster_row_get_bytes(ifroster_row *row, const char *field, const void **ret, size_t *ret_n);
/* The alternative names of a link, one by one from i = 0. -ENODATA at the end. */
int ifroster_row_get_altname(const ifroster_row *row, size_t i, const char **ret);

/* JSON --------------------------------------------------------------------------------------- */

/* The records of the Varlink interface as compact UTF-8 JSON texts on one line. A link's row comes without
 * Addresses and Groups, which are rows of their own. */
int ifroster_row_json(const ifroster_row *row, char **ret);
/* One Link with its Addresses and Groups. users not 0: groups with Users, read from /proc/net now. */
int ifroster_link_json(const ifroster *handle, int ifindex, int users, char **ret);
/* {"Generation":..., "Links":[...], "DefaultRoutes":[...]} */
int ifroster_describe_json(const ifroster *handle, char **ret);
/* An array of records of a kind, in the published order; ifindex and family as for a walk. */
int ifroster_list_json(const ifroster *handle, int kind, int ifindex, int family, int users,
                       char **ret);

/* Answers ------------------------------------------------------------------------------------ */

/* Questions by text, with the answers of the Varlink interface as compact JSON texts on one line. Texts
 * are what a person writes: "fe80::1%eth0". Errors are those of ifroster_parse() and those named. */

/* {"Index":, "Name":, "Matched":} of a zone. -EILSEQ, also for "0", which is no link; -ENODEV. */
int ifroster_zone_json(const ifroster *handle, const char *text, char **ret);
/* {"Family":, "Address":, "AddressString":, "Index":, "Name":, "Canonical":, "Class":, "Scope":} */
int ifroster_parse_json(const ifroster *handle, const char *text, char **ret);
/* {"Type":, "Links":[]}: "Is this mine?" */
int ifroster_lookup_json(const ifroster *handle, const char *text, char **ret);
/* An array of the local table's entries. derived not 0: what the rules of Plan 9 make of the
 * addresses. ifindex not 0: of one link. -ENODEV. */
int ifroster_local_json(const ifroster *handle, int derived, int ifindex, char **ret);

/* The next three may need the kernel. A handle that reads the daemon's table does not ask it:
 * -ENOTCONN, and the daemon's Varlink interface, or a handle with IFROSTER_EMBEDDED_ONLY, answers.
 * -ENETUNREACH: no route; -ENOTUNIQ, -EDESTADDRREQ: add a zone; -EIO: the kernel could not be asked. */

/* {"Index":, "Name":, "Reason":}: the link that reaches an address. */
int ifroster_which_json(const ifroster *handle, const char *text, char **ret);
/* {"Source":, "Index":, "Name":, "Rule":, "Candidates":[]}: the source address for a destination. model
 * not 0: by the rules, with every candidate; 0: what the kernel says. -EADDRNOTAVAIL: none. */
int ifroster_source_json(const ifroster *handle, const char *text, int model, char **ret);
/* An array of the destinations in the order in which they are best tried (RFC 6724 section 6), each
 * with its source and the rule by which it stands before the next. On failure *reterr_bad (may be
 * NULL) is the number of the text that is bad, or n. -E2BIG: more than 256. */
int ifroster_sort_json(const ifroster *handle, const char *const *texts, size_t n, char **ret,
                       size_t *reterr_bad);

/* Plan 9's files. Of STATUS and LOCAL the part of one link: -ENODEV. */
enum {
        IFROSTER_PLAN9_STATUS = 0,
        IFROSTER_PLAN9_LOCAL = 1,
        IFROSTER_PLAN9_SELFTAB = 2,
};
int ifroster_plan9_text(const ifroster *handle, int file, int ifindex, char **ret);

/* Changes ------------------------------------------------------------------------------------ */

/* A file descriptor that becomes readable (EPOLLIN) when ifroster_dispatch() has something to do. It
 * stays the same for the life of the handle, which owns it. -EINVAL for a snapshot. */
int ifroster_get_fd(ifroster *handle);
/* Takes in what happened, without blocking. 1: there are events to pull; 0: not; a negative errno: the
 * handle cannot follow any more (-ENOTCONN with IFROSTER_SHARED_ONLY and no daemon: try again later). */
int ifroster_dispatch(ifroster *handle);
/* The next event, or NULL. Valid until the next call of this function or of ifroster_dispatch(), or the
 * end of the handle. The first call of ifroster_dispatch() yields an "existing" event for every row that
 * is there. Later events are the difference since what was told last, so several changes of one row
 * between two calls of ifroster_dispatch() come as one, and no number of them makes a queue overflow.
 * Rows of the local table have no events. */
const ifroster_event *ifroster_next_event(ifroster *handle);

enum {
        IFROSTER_EVENT_EXISTING = 0,
        IFROSTER_EVENT_ADDED = 1,
        IFROSTER_EVENT_CHANGED = 2,
        IFROSTER_EVENT_REMOVED = 3,
        /* The table was read anew, or from another source: events before and after this one together are
         * still the whole difference, but what came and went in between was not seen. Has no row. */
        IFROSTER_EVENT_RESYNCED = 4,
};

int ifroster_event_type(const ifroster_event *event);
uint64_t ifroster_event_generation(const ifroster_event *event);
/* The row as it is now, or as it last was for IFROSTER_EVENT_REMOVED; NULL for ..._RESYNCED. */
const ifroster_row *ifroster_event_row(const ifroster_event *event);
/* 1: this field differs from before (IFROSTER_EVENT_CHANGED); 0: it does not. */
int ifroster_event_field_changed(const ifroster_event *event, const char *field);
/* The Event record of the Varlink interface. */
int ifroster_event_json(const ifroster_event *event, char **ret);

/* Blocks until the generation is another one than this, at most timeout_usec (UINT64_MAX: for ever).
 * 1: it is; 0: time is up. Also returns 1 when the source of the answers changed. -ENOTCONN: as
 * ifroster_dispatch(). */
int ifroster_wait(ifroster *handle, uint64_t generation, uint64_t timeout_usec);
/* Returns when everything that the kernel did before the call is in the table, at most timeout_usec.
 * A lookup in the daemon's table does not wait for the daemon: it may miss what the kernel did in the
 * last fractions of a millisecond, and alternative names that a link got while it was down. After this
 * call it does not. -ETIMEDOUT; -ENOTCONN. */
int ifroster_sync(ifroster *handle, uint64_t timeout_usec);

/* Texts and errors --------------------------------------------------------------------------- */

/* Bytes as text: valid UTF-8 on one line, everything else as \xNN. Returns the length without the NUL, as
 * snprintf() does, also when size is too small for it. */
size_t ifroster_escape(const char *bytes, size_t n, char *ret_text, size_t size);

/* The public name of an errno that one of these functions returned, as D-Bus and Varlink say it:
 *   ENODEV NoSuchLink           EINVAL InvalidName          ERANGE InvalidIndex
 *   EBADMSG InvalidAddress      EILSEQ InvalidZone          EOPNOTSUPP ZoneNotAllowed
 *   EDESTADDRREQ ZoneRequired   ENOTUNIQ Ambiguous          ENETUNREACH NoRoute
 *   EADDRNOTAVAIL NoAddress     E2BIG LimitExceeded         EAGAIN NotReady
 * "KernelError" for all others. Never NULL. */
const char *ifroster_error_name(int error);
/* One sentence for people. Never NULL. */
const char *ifroster_error_text(int error);
/* "0.1.0" */
const char *ifroster_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
