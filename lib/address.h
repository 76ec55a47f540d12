/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * IP addresses as values: parse, format, classify, prefix arithmetic. Pure functions over bytes: no
 * allocation, no link table, no system call, no locale. A zone is only ever split off here as text;
 * what it means is the business of `lookup`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An address, or none when family is AF_UNSPEC. Bytes are in network order; IPv4 uses the first
 * four and leaves the rest zero, so that two equal addresses are equal memory. No padding. */
typedef struct IpAddress {
        uint8_t family; /* AF_UNSPEC, AF_INET or AF_INET6 */
        uint8_t bytes[16];
} IpAddress;

/* Room for the longest text of an address, without a zone, with the NUL. */
#define IP_TEXT_MAX 46
/* Room for an address, '%', the longest link name (15 bytes) or index, and the NUL. */
#define IP_ZONE_TEXT_MAX (IP_TEXT_MAX + 1 + 15)
/* The longest text that a parser looks at: an address, '%' and an alternative name of 127 bytes. */
#define IP_INPUT_MAX 256

/* What an address is, the most specific word that applies. A v4-mapped address is what its IPv4
 * address is. */
typedef enum AddressClass {
        ADDRESS_CLASS_UNSPECIFIED,
        ADDRESS_CLASS_LOOPBACK,
        ADDRESS_CLASS_LINK_LOCAL,
        ADDRESS_CLASS_SITE_LOCAL, /* fec0::/10, deprecated by RFC 3879 */
        ADDRESS_CLASS_PRIVATE, /* RFC 1918 */
        ADDRESS_CLASS_SHARED, /* 100.64.0.0/10, RFC 6598 */
        ADDRESS_CLASS_UNIQUE_LOCAL, /* fc00::/7, RFC 4193 */
        ADDRESS_CLASS_DOCUMENTATION, /* RFC 5737, RFC 3849, RFC 9637 */
        ADDRESS_CLASS_BENCHMARKING, /* 198.18.0.0/15, 2001:2::/48 */
        ADDRESS_CLASS_6TO4_RELAY, /* 192.88.99.0/24, RFC 7526 */
        ADDRESS_CLASS_V4_COMPATIBLE, /* ::/96 but for :: and ::1 */
        ADDRESS_CLASS_NAT64, /* 64:ff9b::/96, 64:ff9b:1::/48 */
        ADDRESS_CLASS_DISCARD, /* 100::/64, RFC 6666 */
        ADDRESS_CLASS_TEREDO, /* 2001::/32 */
        ADDRESS_CLASS_ORCHID, /* 2001:10::/28, returned */
        ADDRESS_CLASS_ORCHID_V2, /* 2001:20::/28 */
        ADDRESS_CLASS_6TO4, /* 2002::/16 */
        ADDRESS_CLASS_6BONE, /* 3ffe::/16, returned */
        ADDRESS_CLASS_RESERVED, /* 240.0.0.0/4; what IANA has not given out, as fe00::/9 */
        ADDRESS_CLASS_BROADCAST, /* 255.255.255.255 */
        ADDRESS_CLASS_MULTICAST,
        ADDRESS_CLASS_GLOBAL,
        _ADDRESS_CLASS_MAX,
} AddressClass;

/* Scopes by the number of RFC 4291 2.7; unicast addresses have the equivalent one of RFC 6724 3.1.
 * ADDRESS_SCOPE_NONE for unspecified and limited broadcast addresses, which have no scope. */
typedef enum AddressScope {
        ADDRESS_SCOPE_NONE = -1,
        ADDRESS_SCOPE_RESERVED = 0,
        ADDRESS_SCOPE_INTERFACE_LOCAL = 1,
        ADDRESS_SCOPE_LINK_LOCAL = 2,
        ADDRESS_SCOPE_REALM_LOCAL = 3,
        ADDRESS_SCOPE_ADMIN_LOCAL = 4,
        ADDRESS_SCOPE_SITE_LOCAL = 5,
        ADDRESS_SCOPE_ORGANIZATION_LOCAL = 8,
        ADDRESS_SCOPE_GLOBAL = 14,
} AddressScope;

/* A text split at its first '%'. Pointers go into the input. has_zone is also true for an empty
 * zone ("fe80::1%"), which is never valid, but is not "no zone" either. */
typedef struct AddressText {
        const char *address;
        size_t address_len;
        const char *zone;
        size_t zone_len;
        bool has_zone;
} AddressText;

/* Values ----------------------------------------------------------------------------------- */

/* Makes an address of a family and its 4 or 16 bytes; AF_UNSPEC for any other family. */
IpAddress ip_make(int family, const void *bytes);
/* The number of bytes of a family: 4, 16, or 0. */
size_t ip_family_size(int family);
/* 32, 128, or 0. */
unsigned ip_family_bits(int family);
bool ip_is_set(const IpAddress *a);
bool ip_equal(const IpAddress *a, const IpAddress *b);
/* Total order: family, then bytes as a number. */
int ip_compare(const IpAddress *a, const IpAddress *b);
/* A v4-mapped IPv6 address (::ffff:0:0/96) becomes the IPv4 address; all others stay. */
IpAddress ip_unmap(const IpAddress *a);

/* Text ------------------------------------------------------------------------------------- */

/* Splits at the first '%'. The input need not be terminated. Never fails. */
AddressText address_text_split(const char *text, size_t len);
/* Strict: dotted quad with four decimal parts without leading zeros, or RFC 4291 2.2 text. No
 * blanks, brackets, zone, prefix length. -EBADMSG (InvalidAddress) otherwise, also for more than
 * IP_INPUT_MAX bytes and for an embedded NUL. The text need not be terminated. */
int ip_parse(const char *text, size_t len, IpAddress *ret);
/* Canonical RFC 5952 text; v4-mapped and v4-compatible addresses keep their dotted tail as
 * inet_ntop() writes them. Empty string for AF_UNSPEC. Returns buf. */
char *ip_format(const IpAddress *a, char buf[static IP_TEXT_MAX]);
/* The same with "%zone" behind it when the address takes a zone (ip_needs_zone()), zone is given,
 * is not empty and has no '%'. Returns buf. A zone that does not fit is left out. */
char *ip_format_zone(const IpAddress *a, const char *zone, char buf[static IP_ZONE_TEXT_MAX]);

/* Classification --------------------------------------------------------------------------- */

/* All of these but ip_needs_zone() judge a v4-mapped address as its IPv4 address. An address that is
 * not set is of class unspecified and scope none, and no predicate holds for it. */
AddressClass ip_classify(const IpAddress *a);
AddressScope ip_scope(const IpAddress *a);
/* Like ip_scope(), but what RFC 6724 3.1 and 3.2 sort by: every IPv4 multicast address is global,
 * and so are those without a scope, because a sort needs an answer; never ADDRESS_SCOPE_NONE. */
AddressScope ip_sorting_scope(const IpAddress *a);
bool ip_is_unspecified(const IpAddress *a);
bool ip_is_loopback(const IpAddress *a);
/* 224.0.0.0/4 and ff00::/8 */
bool ip_is_multicast(const IpAddress *a);
/* 169.254.0.0/16 and fe80::/10 */
bool ip_is_link_local(const IpAddress *a);
/* fe80::/10, ff?1::/16 and ff?2::/16: the kernel refuses to use them without a scope id */
bool ip_needs_zone(const IpAddress *a);
/* Lower-case words for people and programs: "link-local", "unique-local"; never NULL. */
const char *address_class_to_string(AddressClass c);
/* "link-local", "global", ...; "none" for ADDRESS_SCOPE_NONE; "reserved" for 0 and 15;
 * "unassigned" for numbers without a name. Never NULL. */
const char *address_scope_to_string(AddressScope s);

/* RFC 6724 2.1 default policy table: precedence and label. IPv4 is looked up v4-mapped. */
unsigned ip_default_precedence(const IpAddress *a);
unsigned ip_default_label(const IpAddress *a);

/* Prefix arithmetic ------------------------------------------------------------------------ */

/* A prefix length over the family's bits counts as all bits. */
IpAddress ip_mask(int family, unsigned prefix_length);
/* Host bits cleared. */
IpAddress ip_network(const IpAddress *a, unsigned prefix_length);
/* IPv4 only, host bits set; AF_UNSPEC for IPv6, for /31 and /32 (RFC 3021) and for /0. */
IpAddress ip_subnet_broadcast(const IpAddress *a, unsigned prefix_length);
bool ip_in_prefix(const IpAddress *a, const IpAddress *network, unsigned prefix_length);
/* Leading bits in common, 0 when the families differ; v4-mapped counts as IPv4. */
unsigned ip_common_prefix(const IpAddress *a, const IpAddress *b);
/* RFC 791 classes A, B, C by the first bits: 8, 16 or 24; 0 for D, E and for IPv6. */
unsigned ip_classful_prefix(const IpAddress *a);
/* RFC 4291 2.7.1 for a unicast IPv6 address; AF_UNSPEC for others. */
IpAddress ip_solicited_node(const IpAddress *a);
