/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public fields of an entry of the kernel's local table, one row each, in the order in which
 * they are published.
 */

#include "record-field.h"
#include "record-names.h"
#include "util.h"

typedef LocalRecord Row;

/* clang-format off */
#define LOCAL_FIELDS(X)                                                                            \
        X(InterfaceIndex, VALUE_INT, FIELD_KEY,                                                    \
          value_int(ret, row->ifindex), "RTA_OIF",                                                 \
          "Index of the link that the entry belongs to")                                           \
        X(Family, VALUE_INT, FIELD_KEY,                                                            \
          value_int(ret, row->address.family), "rtm_family",                                       \
          "2 for IPv4, 10 for IPv6")                                                               \
        X(Address, VALUE_BYTES, FIELD_KEY,                                                         \
          value_ip(ret, &row->address), "RTA_DST",                                                 \
          "First address of the entry, 4 or 16 bytes in network order")                            \
        X(AddressString, VALUE_TEXT, FIELD_KEY,                                                    \
          value_ip_text(ret, &row->address), "RTA_DST",                                            \
          "Address as canonical text, without a zone")                                             \
        X(PrefixLength, VALUE_UINT, FIELD_KEY,                                                     \
          value_uint(ret, row->prefix_length), "rtm_dst_len",                                      \
          "Number of leading bits that must agree, 0 to 32 or 128; mostly all of them")            \
        X(Type, VALUE_TEXT, FIELD_KEY,                                                             \
          value_word_or_number(ret, local_type_name(row->type), row->type), "rtm_type",            \
          "What packets to it are: unicast, broadcast or anycast")
/* clang-format on */

LOCAL_FIELDS(FIELD_GETTER)

static const Field local_fields[] = { LOCAL_FIELDS(FIELD_ROW) };
_Static_assert(ELEMENTSOF(local_fields) <= FIELDS_MAX, "one bit each");

const FieldList local_field_list = { local_fields, ELEMENTSOF(local_fields) };
