/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public fields of an address, one row each, in the order in which they are published. The
 * names are those of io.systemd.Network where it has the field.
 *
 * A lifetime without end is left out, as there; so a missing field means "for ever".
 */

#include "record-field.h"
#include "record-names.h"
#include "util.h"

#define SCOPE_LINK 253 /* RT_SCOPE_LINK */
#define SCOPE_HOST 254 /* RT_SCOPE_HOST */

typedef AddressRecord Row;

static void value_address_flags(FieldValue *ret, const AddressRecord *row) {
        ret->kind = VALUE_TEXT;
        ret->bytes = ret->scratch;
        ret->len = address_flags_format(row->flags, row->address.family, ret->scratch);
}

/* Also for ::1, whose zone is the loopback link by RFC 4007 although nobody writes it. Not for
 * IPv4: its scope is whatever the administrator typed. */
static bool has_zone(const AddressRecord *row) {
        if (row->address.family != AF_INET6)
                return false;
        return ip_needs_zone(&row->address) || row->scope == SCOPE_LINK || row->scope == SCOPE_HOST;
}

/* clang-format off */
#define ADDRESS_FIELDS(X)                                                                          \
        X(InterfaceIndex, VALUE_INT, FIELD_KEY,                                                    \
          value_int(ret, row->ifindex), "ifa_index",                                               \
          "Index of the link that has the address")                                                \
        X(Family, VALUE_INT, FIELD_KEY,                                                            \
          value_int(ret, row->address.family), "ifa_family",                                       \
          "2 for IPv4, 10 for IPv6")                                                               \
        X(Address, VALUE_BYTES, FIELD_KEY,                                                         \
          value_ip(ret, &row->address), "IFA_LOCAL, else IFA_ADDRESS",                             \
          "This machine's own address, never the peer's; 4 or 16 bytes in network order")          \
        X(AddressString, VALUE_TEXT, FIELD_KEY,                                                    \
          value_ip_text(ret, &row->address), "IFA_LOCAL, else IFA_ADDRESS",                        \
          "Address as canonical text, without a zone")                                             \
        X(PrefixLength, VALUE_UINT, FIELD_KEY,                                                     \
          value_uint(ret, row->prefix_length), "ifa_prefixlen",                                    \
          "Length of the network's prefix in bits, 0 to 32 or 128; of the peer's network if any")  \
        X(Peer, VALUE_BYTES, FIELD_KEY | FIELD_OPTIONAL,                                           \
          value_ip(ret, &row->peer), "IFA_ADDRESS when IFA_LOCAL is another address",              \
          "The address of the other end, 4 or 16 bytes in network order")                          \
        X(PeerString, VALUE_TEXT, FIELD_KEY | FIELD_OPTIONAL,                                      \
          value_ip_text(ret, &row->peer), "IFA_ADDRESS when IFA_LOCAL is another address",         \
          "Peer as canonical text, without a zone")                                                \
        X(Broadcast, VALUE_BYTES, FIELD_OPTIONAL,                                                  \
          value_ip(ret, &row->broadcast), "IFA_BROADCAST",                                         \
          "IPv4 broadcast address that was configured, 4 bytes in network order")                  \
        X(BroadcastString, VALUE_TEXT, FIELD_OPTIONAL,                                             \
          value_ip_text(ret, &row->broadcast), "IFA_BROADCAST",                                    \
          "Broadcast as text")                                                                     \
        X(Label, VALUE_TEXT, FIELD_OPTIONAL,                                                       \
          value_name(ret, row->label), "IFA_LABEL",                                                \
          "IPv4 label, 1 to 15 bytes, escaped; stays as it is when the link is renamed")           \
        X(LabelBytes, VALUE_BYTES, FIELD_OPTIONAL | FIELD_ODD_ONLY,                                \
          value_name_bytes(ret, row->label), "IFA_LABEL",                                          \
          "Label as the kernel has it, beside a Label that is escaped")                            \
        X(Scope, VALUE_UINT, 0,                                                                    \
          value_uint(ret, row->scope), "ifa_scope",                                                \
          "RT_SCOPE_* number, 0 to 255; for IPv4 whatever was configured")                         \
        X(ScopeString, VALUE_TEXT, 0,                                                              \
          value_word_or_number(ret, scope_name(row->scope), row->scope), "ifa_scope",              \
          "global, site, link, host, nowhere, or the number as text")                              \
        X(Flags, VALUE_UINT, 0,                                                                    \
          value_uint(ret, row->flags), "IFA_FLAGS, else ifa_flags",                                \
          "IFA_F_* flags, all 32 bits")                                                            \
        X(FlagsString, VALUE_TEXT, 0,                                                              \
          value_address_flags(ret, row), "IFA_FLAGS, else ifa_flags",                              \
          "Words for Flags, separated by a comma and a blank; unknown bits as one hex number")     \
        X(Protocol, VALUE_UINT, FIELD_OPTIONAL,                                                    \
          value_nonzero_uint(ret, row->protocol), "IFA_PROTO",                                     \
          "Maker of the address: 1 loopback, 2 router advertisement, 3 link-local, or another")    \
        X(Metric, VALUE_UINT, FIELD_OPTIONAL,                                                      \
          value_nonzero_uint(ret, row->metric), "IFA_RT_PRIORITY",                                 \
          "Metric of the prefix route that comes with the address, when one was set")              \
        X(PreferredLifetimeUSec, VALUE_UINT64, FIELD_OPTIONAL,                                     \
          value_deadline(ret, row->preferred_usec), "IFA_CACHEINFO, ifa_prefered",                 \
          "CLOCK_BOOTTIME time in microseconds at which it becomes deprecated; missing: never")    \
        X(ValidLifetimeUSec, VALUE_UINT64, FIELD_OPTIONAL,                                         \
          value_deadline(ret, row->valid_usec), "IFA_CACHEINFO, ifa_valid",                        \
          "CLOCK_BOOTTIME time in microseconds at which the kernel removes it; missing: never")    \
        X(Zone, VALUE_TEXT, FIELD_OPTIONAL,                                                        \
          value_zone(ret, has_zone(row), context->link_name), "name of the link",                  \
          "Name of the link, escaped, for fe80::/10 and other IPv6 of link or host scope")         \
        X(State, VALUE_TEXT, 0,                                                                    \
          value_word(ret, usability_to_string(row->usability)), "IFA_FLAGS",                       \
          "usable, tentative (still being checked), duplicate (check failed) or deprecated")
/* clang-format on */

ADDRESS_FIELDS(FIELD_GETTER)

static const Field address_fields[] = { ADDRESS_FIELDS(FIELD_ROW) };
_Static_assert(ELEMENTSOF(address_fields) <= FIELDS_MAX, "one bit each");

const FieldList address_field_list = { address_fields, ELEMENTSOF(address_fields) };
