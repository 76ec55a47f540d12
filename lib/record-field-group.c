/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public fields of a multicast membership, one row each, in the order in which they are
 * published.
 *
 * Everything but Users comes from the address alone: the scope that the kernel sends beside a
 * membership does not describe the group.
 */

#include "record-field.h"
#include "util.h"

typedef GroupRecord Row;

/* clang-format off */
#define GROUP_FIELDS(X)                                                                            \
        X(InterfaceIndex, VALUE_INT, FIELD_KEY,                                                    \
          value_int(ret, row->ifindex), "ifa_index",                                               \
          "Index of the link that has joined the group")                                           \
        X(Family, VALUE_INT, FIELD_KEY,                                                            \
          value_int(ret, row->group.family), "ifa_family",                                         \
          "2 for IPv4, 10 for IPv6")                                                               \
        X(Address, VALUE_BYTES, FIELD_KEY,                                                         \
          value_ip(ret, &row->group), "IFA_MULTICAST",                                             \
          "Address of the group, 4 or 16 bytes in network order")                                  \
        X(AddressString, VALUE_TEXT, FIELD_KEY,                                                    \
          value_ip_text(ret, &row->group), "IFA_MULTICAST",                                        \
          "Address as canonical text, without a zone")                                             \
        X(Zone, VALUE_TEXT, FIELD_OPTIONAL,                                                        \
          value_zone(ret, row->group.family == AF_INET6 && ip_needs_zone(&row->group),             \
                     context->link_name),                                                          \
          "name of the link",                                                                      \
          "Name of the link, escaped, for ff?1::/16 and ff?2::/16")                                \
        X(Users, VALUE_UINT, FIELD_OPTIONAL,                                                       \
          value_users(ret, context->users), "/proc/net/igmp, /proc/net/igmp6",                     \
          "Number of joins, read when asked for; never in events")
/* clang-format on */

GROUP_FIELDS(FIELD_GETTER)

static const Field group_fields[] = { GROUP_FIELDS(FIELD_ROW) };
_Static_assert(ELEMENTSOF(group_fields) <= FIELDS_MAX, "one bit each");

const FieldList group_field_list = { group_fields, ELEMENTSOF(group_fields) };
