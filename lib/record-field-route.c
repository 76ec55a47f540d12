/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public fields of default routes, one row each, in the order in which they are published. The
 * names are those of io.systemd.Network, but for Metric, which it calls Priority.
 */

#include "record-field.h"
#include "util.h"

typedef RouteRecord Row;

/* clang-format off */
#define ROUTE_FIELDS(X)                                                                            \
        X(InterfaceIndex, VALUE_INT, FIELD_KEY | FIELD_OPTIONAL,                                   \
          value_nonzero_int(ret, row->ifindex), "RTA_OIF, rtnh_ifindex",                           \
          "Index of the outgoing link; left out for unreachable and blackhole routes")             \
        X(Family, VALUE_INT, FIELD_KEY,                                                            \
          value_int(ret, row->family), "rtm_family",                                               \
          "2 for IPv4, 10 for IPv6")                                                               \
        X(Gateway, VALUE_BYTES, FIELD_KEY | FIELD_OPTIONAL,                                        \
          value_ip(ret, &row->gateway), "RTA_GATEWAY, RTA_VIA",                                    \
          "Next hop, 4 or 16 bytes in network order; IPv6 even on an IPv4 route; none: on link")   \
        X(GatewayString, VALUE_TEXT, FIELD_KEY | FIELD_OPTIONAL,                                   \
          value_ip_text(ret, &row->gateway), "RTA_GATEWAY, RTA_VIA",                               \
          "Gateway as canonical text, without a zone")                                             \
        X(Metric, VALUE_UINT, FIELD_KEY,                                                           \
          value_uint(ret, row->metric), "RTA_PRIORITY",                                            \
          "Metric; the smallest is used first")                                                    \
        X(Protocol, VALUE_UINT, FIELD_KEY,                                                         \
          value_uint(ret, row->protocol), "rtm_protocol",                                          \
          "RTPROT_* number of whoever made the route, such as 4 static or 16 dhcp")                \
        X(Table, VALUE_UINT, FIELD_KEY,                                                            \
          value_uint(ret, row->table), "RTA_TABLE, else rtm_table",                                \
          "Routing table; 254 is main")                                                            \
        X(TOS, VALUE_UINT, FIELD_KEY | FIELD_OPTIONAL,                                             \
          value_nonzero_uint(ret, row->tos), "rtm_tos",                                            \
          "Type of service (DSCP and two bits) that packets must have; none: any, as mostly")      \
        X(PreferredSource, VALUE_BYTES, FIELD_OPTIONAL,                                            \
          value_ip(ret, &row->preferred_source), "RTA_PREFSRC",                                    \
          "Source address that the route asks for, 4 or 16 bytes in network order")                \
        X(PreferredSourceString, VALUE_TEXT, FIELD_OPTIONAL,                                       \
          value_ip_text(ret, &row->preferred_source), "RTA_PREFSRC",                               \
          "PreferredSource as canonical text, without a zone")
/* clang-format on */

ROUTE_FIELDS(FIELD_GETTER)

static const Field route_fields[] = { ROUTE_FIELDS(FIELD_ROW) };
_Static_assert(ELEMENTSOF(route_fields) <= FIELDS_MAX, "one bit each");

const FieldList route_field_list = { route_fields, ELEMENTSOF(route_fields) };
