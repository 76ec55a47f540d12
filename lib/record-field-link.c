/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The public fields of a link, one row each, in the order in which they are published. The names
 * are those of io.systemd.Network where it has the field. A new field is a new row where it is to
 * be read; nothing outside this process knows fields by number.
 */

#include "record-field.h"
#include "record-names.h"
#include "util.h"

typedef LinkRecord Row;

#define ALIAS link_texts_alias(context->texts)

static void value_link_flags(FieldValue *ret, uint32_t flags) {
        ret->kind = VALUE_TEXT;
        ret->bytes = ret->scratch;
        ret->len = link_flags_format(flags, ret->scratch);
}

/* clang-format off */
#define LINK_FIELDS(X)                                                                             \
        X(Index, VALUE_INT, FIELD_KEY,                                                             \
          value_int(ret, row->ifindex), "ifi_index",                                               \
          "Index of the link, 1 or more; the kernel may give it to another link later")            \
        X(Incarnation, VALUE_UINT64, FIELD_KEY,                                                    \
          value_uint64(ret, row->incarnation), "given by the daemon",                              \
          "Number given to the link when it appeared, never given again while the daemon runs")    \
        X(Name, VALUE_TEXT, FIELD_KEY,                                                             \
          value_name(ret, row->name), "IFLA_IFNAME",                                               \
          "Name, 1 to 15 bytes, escaped where it is not printable UTF-8")                          \
        X(NameBytes, VALUE_BYTES, FIELD_ODD_ONLY,                                                  \
          value_name_bytes(ret, row->name), "IFLA_IFNAME",                                         \
          "Name as the kernel has it, beside a Name that is escaped")                              \
        X(AlternativeNames, VALUE_TEXTS, FIELD_OPTIONAL,                                           \
          value_altnames(ret, VALUE_TEXTS, context->texts), "IFLA_PROP_LIST, IFLA_ALT_IFNAME",     \
          "Alternative names in the kernel's order, 1 to 127 bytes each, escaped like Name")       \
        X(AlternativeNamesBytes, VALUE_BYTES_LIST, FIELD_OPTIONAL | FIELD_ODD_ONLY,                \
          value_altnames(ret, VALUE_BYTES_LIST, context->texts),                                   \
          "IFLA_PROP_LIST, IFLA_ALT_IFNAME",                                                       \
          "All alternative names as the kernel has them, when at least one is escaped")            \
        X(Alias, VALUE_TEXT, FIELD_OPTIONAL,                                                       \
          value_escaped(ret, ALIAS.text, ALIAS.len), "IFLA_IFALIAS",                               \
          "Free text that an administrator gave the link, 1 to 255 bytes, escaped like Name")      \
        X(AliasBytes, VALUE_BYTES, FIELD_OPTIONAL | FIELD_ODD_ONLY,                                \
          value_bytes(ret, ALIAS.text, ALIAS.len), "IFLA_IFALIAS",                                 \
          "Alias as the kernel has it, beside an Alias that is escaped")                           \
        X(Kind, VALUE_TEXT, FIELD_OPTIONAL,                                                        \
          value_name(ret, row->kind), "IFLA_LINKINFO, IFLA_INFO_KIND",                             \
          "Kind of a virtual link, such as veth or bridge; left out for hardware")                 \
        X(Type, VALUE_TEXT, 0,                                                                     \
          value_word_or_number(ret, link_type_name(row->type), row->type), "ifi_type",             \
          "Hardware type in lower case, such as ether or loopback, or its number as text")         \
        X(Flags, VALUE_UINT, 0,                                                                    \
          value_uint(ret, row->flags), "ifi_flags",                                                \
          "IFF_* flags, all 32 bits")                                                              \
        X(FlagsString, VALUE_TEXT, 0,                                                              \
          value_link_flags(ret, row->flags), "ifi_flags",                                          \
          "Words for Flags, separated by a comma and a blank; unknown bits as one hex number")     \
        X(KernelOperationalState, VALUE_UINT, 0,                                                   \
          value_uint(ret, row->kernel_operstate), "IFLA_OPERSTATE",                                \
          "IF_OPER_* state of RFC 2863, 0 to 6")                                                   \
        X(KernelOperationalStateString, VALUE_TEXT, 0,                                             \
          value_word_or_number(ret, kernel_operstate_name(row->kernel_operstate),                  \
                               row->kernel_operstate),                                             \
          "IFLA_OPERSTATE",                                                                        \
          "unknown, not-present, down, lower-layer-down, testing, dormant or up")                  \
        X(Carrier, VALUE_BOOL, 0,                                                                  \
          value_bool(ret, row->carrier != 0), "IFLA_CARRIER",                                      \
          "Whether the driver senses a carrier")                                                   \
        X(CarrierChanges, VALUE_UINT, 0,                                                           \
          value_uint(ret, row->carrier_changes), "IFLA_CARRIER_CHANGES",                           \
          "Number of times the carrier came or went since the link exists")                        \
        X(MTU, VALUE_UINT, 0,                                                                      \
          value_uint(ret, row->mtu), "IFLA_MTU",                                                   \
          "Maximum transmission unit in bytes")                                                    \
        X(MinimumMTU, VALUE_UINT, 0,                                                               \
          value_uint(ret, row->minimum_mtu), "IFLA_MIN_MTU",                                       \
          "Smallest MTU that the driver takes, in bytes")                                          \
        X(MaximumMTU, VALUE_UINT, 0,                                                               \
          value_uint(ret, row->maximum_mtu), "IFLA_MAX_MTU",                                       \
          "Largest MTU that the driver takes, in bytes; 0 when it sets no limit")                  \
        X(HardwareAddress, VALUE_BYTES, FIELD_OPTIONAL,                                            \
          value_hardware(ret, &row->hardware_address), "IFLA_ADDRESS",                             \
          "Hardware address, 1 to 32 bytes")                                                       \
        X(HardwareAddressString, VALUE_TEXT, FIELD_OPTIONAL,                                       \
          value_hardware_text(ret, &row->hardware_address, row->type), "IFLA_ADDRESS",             \
          "HardwareAddress as hex bytes with colons; as an IP address on IP tunnels")              \
        X(PermanentHardwareAddress, VALUE_BYTES, FIELD_OPTIONAL,                                   \
          value_hardware(ret, &row->permanent_hardware_address), "IFLA_PERM_ADDRESS",              \
          "Hardware address that the device was made with, 1 to 32 bytes")                         \
        X(PermanentHardwareAddressString, VALUE_TEXT, FIELD_OPTIONAL,                              \
          value_hardware_text(ret, &row->permanent_hardware_address, row->type),                   \
          "IFLA_PERM_ADDRESS",                                                                     \
          "PermanentHardwareAddress as text, like HardwareAddressString")                          \
        X(BroadcastAddress, VALUE_BYTES, FIELD_OPTIONAL,                                           \
          value_hardware(ret, &row->broadcast_address), "IFLA_BROADCAST",                          \
          "Hardware broadcast address (on a point-to-point link that of the peer), 1 to 32 bytes") \
        X(BroadcastAddressString, VALUE_TEXT, FIELD_OPTIONAL,                                      \
          value_hardware_text(ret, &row->broadcast_address, row->type), "IFLA_BROADCAST",          \
          "BroadcastAddress as text, like HardwareAddressString")                                  \
        X(MasterInterfaceIndex, VALUE_INT, FIELD_OPTIONAL,                                         \
          value_nonzero_int(ret, row->master_ifindex), "IFLA_MASTER",                              \
          "Index of the bridge, bond, VRF or team that the link is enslaved to")                   \
        X(ParentInterfaceIndex, VALUE_INT, FIELD_OPTIONAL,                                         \
          value_nonzero_int(ret, row->parent_ifindex), "IFLA_LINK",                                \
          "Index of the link below (VLAN, MACVLAN) or at the other end (veth)")                    \
        X(ParentNamespaceNSID, VALUE_INT, FIELD_OPTIONAL,                                          \
          value_unsigned_int(ret, row->parent_nsid), "IFLA_LINK_NETNSID",                          \
          "Id, 0 or more, of ParentInterfaceIndex's network namespace when it is another")         \
        X(Group, VALUE_UINT, 0,                                                                    \
          value_uint(ret, row->group), "IFLA_GROUP",                                               \
          "Group of links that an administrator put it in; 0 is the default group")                \
        X(TransmitQueueLength, VALUE_UINT, 0,                                                      \
          value_uint(ret, row->tx_queue_length), "IFLA_TXQLEN",                                    \
          "Length of the transmit queue in packets")                                               \
        X(OperationalState, VALUE_TEXT, 0,                                                         \
          value_word(ret, operational_state_to_string(row->states.operational)),                   \
          "derived from CarrierState and AddressState",                                            \
          "missing, off, no-carrier, dormant, degraded-carrier, carrier, degraded, enslaved or "   \
          "routable")                                                                              \
        X(CarrierState, VALUE_TEXT, 0,                                                             \
          value_word(ret, carrier_state_to_string(row->states.carrier)),                           \
          "derived from ifi_flags, IFLA_OPERSTATE and IFLA_MASTER",                                \
          "off, no-carrier, dormant, degraded-carrier, carrier or enslaved")                       \
        X(AddressState, VALUE_TEXT, 0,                                                             \
          value_word(ret, address_state_to_string(row->states.address)),                           \
          "derived from the usable addresses of both families",                                    \
          "off (none), degraded (link scope only) or routable")                                    \
        X(IPv4AddressState, VALUE_TEXT, 0,                                                         \
          value_word(ret, address_state_to_string(row->states.ipv4)),                              \
          "derived from the usable IPv4 addresses",                                                \
          "off (none), degraded (link scope only) or routable")                                    \
        X(IPv6AddressState, VALUE_TEXT, 0,                                                         \
          value_word(ret, address_state_to_string(row->states.ipv6)),                              \
          "derived from the usable IPv6 addresses",                                                \
          "off (none), degraded (link scope only) or routable")                                    \
        X(IPv6LinkLocalAddress, VALUE_BYTES, FIELD_OPTIONAL,                                       \
          value_ip(ret, &row->ipv6_link_local), "derived from the usable IPv6 addresses",          \
          "The usable address in fe80::/10 that came first, 16 bytes")                             \
        X(IPv6LinkLocalAddressString, VALUE_TEXT, FIELD_OPTIONAL,                                  \
          value_ip_text(ret, &row->ipv6_link_local), "derived from the usable IPv6 addresses",     \
          "IPv6LinkLocalAddress as text, without a zone")                                          \
        X(Addresses, VALUE_RECORDS, 0,                                                             \
          value_records(ret, OBJECT_ADDRESS), "RTM_NEWADDR",                                       \
          "The addresses of the link: IPv4 oldest first, then IPv6 newest first")                  \
        X(Groups, VALUE_RECORDS, 0,                                                                \
          value_records(ret, OBJECT_GROUP), "RTM_NEWMULTICAST, /proc/net/igmp, /proc/net/igmp6",   \
          "The multicast groups that the link has joined, by address")
/* clang-format on */

LINK_FIELDS(FIELD_GETTER)

static const Field link_fields[] = { LINK_FIELDS(FIELD_ROW) };
_Static_assert(ELEMENTSOF(link_fields) <= FIELDS_MAX, "one bit each");

const FieldList link_field_list = { link_fields, ELEMENTSOF(link_fields) };
