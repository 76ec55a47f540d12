/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Answers that are computed from the table alone: which link a text means, whether an address is this
 * machine's, which link reaches an address. Pure: no kernel is asked; where the table does not know,
 * the caller is told to ask and hands the kernel's answer back in.
 *
 * An answer is either certain or an error: the first of several matches is never taken for the
 * answer. Over a shared table, call these inside the sequence check (table_read_begin()). Errors are
 * those of error.h; -ENOMEM where something is allocated.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "record.h"
#include "table.h"

/* The longest text that can name a link: an alternative name of which every byte is escaped. */
#define LOOKUP_NAME_TEXT_MAX (4 * LINK_ALTNAME_MAX)
/* Room for an address, '%', an escaped link name, and the NUL. */
#define ADDRESS_TEXT_MAX (IP_TEXT_MAX + TEXT_ESCAPED_MAX(LINK_NAME_MAX))

/* Names and zones -------------------------------------------------------------------------- */

/* Exact bytes: a link's name, then an alternative name; when neither exists and the text has escapes
 * (text_escape()), the same for what it stands for. -EINVAL: empty, with a NUL, or over 127 bytes;
 * -ENODEV. ret_match may be NULL. */
int lookup_link_name(const TableView *v, const char *text, size_t len, LinkRecord *ret,
                     NameMatch *ret_match);

/* -ERANGE: not from 1 to INT32_MAX; -ENODEV. */
int lookup_link_index(const TableView *v, int64_t index, LinkRecord *ret);

/* What stands after the '%' of an address: name, alternative name, or the plain decimal index of a
 * link that exists, in this order. */
#define LOOKUP_NO_ZONE 1
/* LOOKUP_NO_ZONE for "0" (unless a link has that name; *ret is then untouched). -EILSEQ: empty, or no
 * name and an attempt at a number that is not a plain one: sign, blank, leading zero, hexadecimal,
 * over INT32_MAX; also with a NUL or over the longest name. -ENODEV: well-formed, but no such link.
 * ret_match may be NULL. */
int lookup_zone(const TableView *v, const char *text, size_t len, LinkRecord *ret,
                NameMatch *ret_match);

/* An address text with everything that follows from it. */
typedef struct ParsedAddress {
        IpAddress address; /* as written: a v4-mapped address stays IPv6 */
        int32_t ifindex; /* of the zone; 0: none */
        AddressClass address_class;
        AddressScope scope;
        char canonical[ADDRESS_TEXT_MAX]; /* with the zone as an escaped link name */
} ParsedAddress;

/* An address, with a zone only where one is allowed: fe80::/10, ff?1::/16, ff?2::/16, and ::1 with
 * the loopback link (printed without). A zone of "0" is no zone, on any address. link_needed: an
 * address that needs a zone must have one. -EBADMSG: no address; -EILSEQ, -ENODEV: as lookup_zone();
 * -EOPNOTSUPP: takes no zone; -EDESTADDRREQ: needs one. */
int lookup_address_text(const TableView *v, const char *text, size_t len, bool link_needed,
                        ParsedAddress *ret);

/* The canonical text of an address and the index of its zone, 0 for none. -ERANGE, -ENODEV: as
 * lookup_link_index(); -EOPNOTSUPP: the address takes no zone; -EBADMSG: AF_UNSPEC. */
int lookup_format_address(const TableView *v, const IpAddress *a, int64_t index,
                          char buf[static ADDRESS_TEXT_MAX]);

/* A link by name, alternative name, plain decimal index, or by an address (with or without zone)
 * that is its own or that it reaches on-link. Digits are an index and never an IPv4 address.
 * -EINVAL: empty or with a NUL or over the longest text; -ERANGE: a number that is no plain index;
 * -EBADMSG: has a ':' but is no address; -ENODEV; -ENOTUNIQ: an address of several links; and the
 * zone's errors. ret_match may be NULL. */
int lookup_find_link(const TableView *v, const char *text, size_t len, LinkRecord *ret,
                     NameMatch *ret_match);

/* Local table ------------------------------------------------------------------------------ */

/* What an address is to this machine. In the order of precedence: an address that is several is the
 * first of these. */
typedef enum AddressType {
        ADDRESS_TYPE_UNICAST,
        ADDRESS_TYPE_ANYCAST,
        ADDRESS_TYPE_BROADCAST,
        ADDRESS_TYPE_MULTICAST,
        ADDRESS_TYPE_NONE,
        _ADDRESS_TYPE_MAX,
} AddressType;

/* "unicast", "anycast", "broadcast", "multicast", "none"; never NULL */
const char *address_type_to_string(AddressType t);

/* All links on which an address has this type, ascending; none for ADDRESS_TYPE_NONE. */
typedef struct AddressAnswer {
        AddressType type;
        size_t n;
        int32_t *ifindexes;
} AddressAnswer;

void address_answer_done(AddressAnswer *a);

/* Does this machine accept packets for the address? The most specific entry of the kernel's local
 * table decides, which holds prefixes too (127.0.0.0/8) and lacks addresses in duplicate address
 * detection; 255.255.255.255 is a broadcast on every broadcast link that is up; a multicast address
 * is a group that is joined. A v4-mapped address is the IPv4 one. ifindex not 0: that link only.
 *
 * One difference to the kernel: as long as nobody adds policy rules, it keeps its IPv4 local and main
 * tables in one, so that a more specific route of the main table wins over a local prefix (not over a
 * single local address). Such routes are not in this table; the answer is then that of a machine with
 * policy rules. */
int lookup_address(const TableView *v, const IpAddress *a, int32_t ifindex, AddressAnswer *ret);

/* Why an address is in the local table; a set of bits, because one address may have several causes
 * (a /24 in a class C network has one broadcast address by both rules). */
typedef enum LocalReason {
        LOCAL_REASON_UNICAST = 1 << 0,
        LOCAL_REASON_PREFIX = 1 << 1, /* a whole prefix is local: 127.0.0.0/8, or made by hand */
        LOCAL_REASON_ANYCAST = 1 << 2,
        LOCAL_REASON_SUBNET_BROADCAST = 1 << 3,
        LOCAL_REASON_NETWORK = 1 << 4,
        LOCAL_REASON_CLASSFUL_BROADCAST = 1 << 5,
        LOCAL_REASON_CLASSFUL_NETWORK = 1 << 6,
        LOCAL_REASON_LIMITED_BROADCAST = 1 << 7,
        LOCAL_REASON_ALL_NODES = 1 << 8,
        LOCAL_REASON_SOLICITED_NODE = 1 << 9,
        LOCAL_REASON_JOINED = 1 << 10,
} LocalReason;

#define LOCAL_REASONS 11
/* The word for bit number i < LOCAL_REASONS: "unicast", "subnet-broadcast", ... */
const char *local_reason_name(size_t i);

typedef struct LocalEntry {
        IpAddress address;
        uint8_t prefix_length; /* all bits but for prefixes of the kernel's table */
        uint8_t type; /* AddressType */
        uint16_t reasons; /* LocalReason bits, at least one */
        int32_t ifindex;
        /* Derived view: how often the logical interface contributes it. Kernel view: 0, the table
         * does not hold how often a group is joined; the caller may fill in what /proc says. */
        uint32_t references;
        /* Derived view: the logical interface, that is the link's own address behind the entry.
         * Kernel view: unset. */
        IpAddress owner;
        uint8_t owner_prefix_length;
        uint32_t sequence; /* derived view: order of creation within the logical interface */
} LocalEntry;

/* Every entry of the kernel's local table and every membership. Sorted by address, prefix length,
 * type, link; the caller frees. */
int lookup_local_kernel(const TableView *v, LocalEntry **ret, size_t *ret_n);
/* The entries that the rules of Plan 9's self cache give: for each usable IPv4 address itself and its
 * broadcast and network addresses by prefix and by class, for each IPv6 address itself and its
 * groups; for a point-to-point one itself alone. One entry a logical interface and address. Sorted
 * as above, then by owner; the caller frees. */
int lookup_local_derived(const TableView *v, LocalEntry **ret, size_t *ret_n);
/* What the derived view says of an address. An own unspecified address accepts everything of its
 * family. */
AddressType lookup_local_derived_type(const LocalEntry *entries, size_t n, const IpAddress *a);

/* The addresses of a link in the order of the kernel's own list, on which its choices depend: IPv4
 * primaries, widest scope number first, oldest first, then secondaries; then IPv6, widest scope
 * first, newest first. The caller frees. */
int lookup_addresses_of(const TableView *v, int32_t ifindex, AddressRecord **ret, size_t *ret_n);

/* Link for an address ---------------------------------------------------------------------- */

typedef enum LinkReason {
        LINK_REASON_OWN, /* the address is this machine's, on that link */
        LINK_REASON_PEER, /* the other end of a point-to-point address */
        LINK_REASON_ON_LINK, /* in the network of one of the link's addresses */
        LINK_REASON_ROUTE, /* the kernel's routing tables say so */
        _LINK_REASON_MAX,
} LinkReason;

/* "own", "peer", "on-link", "route"; never NULL */
const char *link_reason_to_string(LinkReason r);

typedef struct LinkAnswer {
        int32_t ifindex;
        LinkReason reason;
} LinkAnswer;

/* What the kernel says of one destination (RTM_GETROUTE). */
typedef struct RouteAnswer {
        uint8_t type; /* RTN_* */
        int32_t ifindex; /* 0: none */
        IpAddress gateway; /* unset: on-link */
        IpAddress preferred_source; /* of the route itself, as asked with RTM_F_FIB_MATCH; unset: none.
                                     * Never the address that the kernel chose for this question. */
        int16_t scope; /* IPv4: rtm_scope; -1: not known, what is usual is assumed */
} RouteAnswer;

#define LOOKUP_ASK_KERNEL 1
/* The link over which an address is reached: its own, a peer's, or the one with the most specific
 * network around it. ifindex: the zone, 0 for none.
 *   0                  *ret is the answer
 *   LOOKUP_ASK_KERNEL  no address of the table decides: ask the kernel for a route (with the zone as
 *                      outgoing link), then call lookup_link_from_route()
 *   -ENOTUNIQ          own on several links; or a link-local unicast, ff?1 or ff?2 destination without
 *                      a zone that several links could reach
 *   -EBADMSG           unspecified */
int lookup_link_for_address(const TableView *v, const IpAddress *a, int32_t ifindex,
                            LinkAnswer *ret);
/* The second step. The reason is "on-link" when the route has no gateway and an address of its link
 * covers the destination. -ENETUNREACH: the answer is "no"; -ENODEV: the link is not in the table. */
int lookup_link_from_route(const TableView *v, const IpAddress *a, const RouteAnswer *route,
                           LinkAnswer *ret);
