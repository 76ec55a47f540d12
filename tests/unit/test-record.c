/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rows and their field table: that the public contract holds to the letter, in names, order and
 * words, and that every field says what its row holds.
 */

#include <check.h>
#include <ctype.h>
#include <stdio.h>

#include "record-fixture.h"
#include "record.h"
#include "unit.h"
#include "util.h"

/* Any value as text: "-" for none, bytes in hex, lists with '|' between. */
static const char *show(const RecordView *view, const char *name) {
        static char buf[8192];
        const Field *field = field_find(view->type, name);
        FieldValue v;
        TextSpan span;
        size_t pos = 0, at = 0;

        ck_assert_msg(field, "no field %s", name);
        field_get(field, view, &v);
        buf[0] = '\0';
        switch (v.kind) {
        case VALUE_NONE:
                return "-";
        case VALUE_BOOL:
                return v.boolean ? "true" : "false";
        case VALUE_INT:
                snprintf(buf, sizeof(buf), "%lld", (long long) v.integer);
                break;
        case VALUE_UINT:
        case VALUE_UINT64:
                snprintf(buf, sizeof(buf), "%llu", (unsigned long long) v.number);
                break;
        case VALUE_TEXT:
                ck_assert_uint_eq(strlen(v.bytes), v.len);
                snprintf(buf, sizeof(buf), "%s", (const char *) v.bytes);
                break;
        case VALUE_BYTES:
                for (size_t i = 0; i < v.len; i++)
                        at += (size_t) snprintf(buf + at, sizeof(buf) - at, "%02x",
                                                ((const uint8_t *) v.bytes)[i]);
                break;
        case VALUE_TEXTS:
        case VALUE_BYTES_LIST:
                while (link_texts_next(v.texts, &pos, &span))
                        at += (size_t) snprintf(buf + at, sizeof(buf) - at, "%s%.*s",
                                                at > 0 ? "|" : "", (int) span.len, span.text);
                break;
        case VALUE_RECORDS:
                return object_type_to_string(v.records);
        case _VALUE_KIND_MAX:
                break;
        }
        return buf;
}

/* The contract --------------------------------------------------------------------------------- */

static const char *const field_names[] = {
        [OBJECT_LINK] = ("Index Incarnation Name NameBytes AlternativeNames AlternativeNamesBytes "
                         "Alias AliasBytes Kind Type Flags FlagsString KernelOperationalState "
                         "KernelOperationalStateString Carrier CarrierChanges MTU MinimumMTU "
                         "MaximumMTU HardwareAddress HardwareAddressString "
                         "PermanentHardwareAddress PermanentHardwareAddressString "
                         "BroadcastAddress BroadcastAddressString MasterInterfaceIndex "
                         "ParentInterfaceIndex ParentNamespaceNSID Group TransmitQueueLength "
                         "OperationalState CarrierState AddressState IPv4AddressState "
                         "IPv6AddressState IPv6LinkLocalAddress IPv6LinkLocalAddressString "
                         "Addresses Groups"),
        [OBJECT_ADDRESS] = ("InterfaceIndex Family Address AddressString PrefixLength Peer "
                            "PeerString Broadcast BroadcastString Label LabelBytes Scope "
                            "ScopeString Flags FlagsString Protocol Metric "
                            "PreferredLifetimeUSec ValidLifetimeUSec Zone State"),
        [OBJECT_GROUP] = "InterfaceIndex Family Address AddressString Zone Users",
        [OBJECT_ROUTE] = ("InterfaceIndex Family Gateway GatewayString Metric Protocol Table "
                          "TOS PreferredSource PreferredSourceString"),
        [OBJECT_LOCAL] = "InterfaceIndex Family Address AddressString PrefixLength Type",
};

static const char *const key_names[] = {
        [OBJECT_LINK] = ("Index Incarnation Name"),
        [OBJECT_ADDRESS] = ("InterfaceIndex Family Address AddressString PrefixLength Peer "
                            "PeerString"),
        [OBJECT_GROUP] = "InterfaceIndex Family Address AddressString",
        [OBJECT_ROUTE] = ("InterfaceIndex Family Gateway GatewayString Metric Protocol Table "
                          "TOS"),
        [OBJECT_LOCAL] = "InterfaceIndex Family Address AddressString PrefixLength Type",
};

START_TEST(test_field_names) {
        ObjectType type = (ObjectType) _i;
        const Field *fields;
        uint64_t keys = 0;
        char buf[2048];
        size_t n;

        fields = fields_of(type, &n);
        ck_assert_uint_le(n, FIELDS_MAX);
        names_of(type, UINT64_MAX, buf, sizeof(buf));
        ck_assert_str_eq(buf, field_names[type]);

        for (size_t i = 0; i < n; i++)
                if (fields[i].flags & FIELD_KEY)
                        keys |= UINT64_C(1) << i;
        names_of(type, keys, buf, sizeof(buf));
        ck_assert_str_eq(buf, key_names[type]);
}
END_TEST

static void check_documentation(const Field *field) {
        ck_assert_msg(isupper((unsigned char) field->name[0]), "%s", field->name);
        ck_assert_msg(strspn(field->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789") == strlen(field->name),
                      "%s", field->name);
        ck_assert_msg(field->text && strlen(field->text) > 10, "%s", field->name);
        ck_assert_msg(field->source && strlen(field->source) > 5, "%s", field->name);
        ck_assert_msg(!strpbrk(field->text, "\n\t|"), "%s: not one line of a table", field->name);
        ck_assert_msg(!strpbrk(field->source, "\n\t|"), "%s", field->name);
        ck_assert_msg(field->text[strlen(field->text) - 1] != '.', "%s: no full stop", field->name);
        ck_assert_str_ne(value_kind_signature(field->kind), "");
}

START_TEST(test_field_sanity) {
        ObjectType type = (ObjectType) _i;
        _cleanup_(freep) LinkTexts *texts = make_texts();
        const Field *fields;
        Record full, empty = {};
        RecordView view = full_view(type, &full, texts);
        RecordView none = { .type = type, .record = &empty, .context.users = -1 };
        FieldValue v, sentinel;
        size_t n;

        /* What every row has. */
        if (type == OBJECT_LINK) {
                empty.link.name[0] = 'x';
                empty.link.parent_nsid = -1;
        }
        if (type == OBJECT_ADDRESS) {
                empty.address.address = fixture_ip4(1, 2, 3, 4);
                empty.address.preferred_usec = empty.address.valid_usec = USEC_INFINITY;
        }
        if (type == OBJECT_GROUP)
                empty.group.group = fixture_ip4(224, 0, 0, 1);
        if (type == OBJECT_LOCAL)
                empty.local.address = fixture_ip4(1, 2, 3, 4);

        fields = fields_of(type, &n);
        for (size_t i = 0; i < n; i++) {
                check_documentation(&fields[i]);
                ck_assert_ptr_eq(field_find(type, fields[i].name), &fields[i]);

                field_get(&fields[i], &view, &v);
                /* Only an IPv4 address has a label, and only an IPv6 address a zone. */
                if (strcmp(fields[i].name, "Zone") != 0 || type == OBJECT_GROUP)
                        ck_assert_msg(v.kind == fields[i].kind, "%s", fields[i].name);
                ck_assert(field_value_equal(&v, &v));

                field_get(&fields[i], &none, &v);
                ck_assert_msg((v.kind == VALUE_NONE) == !!(fields[i].flags & FIELD_OPTIONAL), "%s",
                              fields[i].name);

                field_sentinel(&fields[i], &sentinel);
                ck_assert_int_eq((int) sentinel.kind, (int) fields[i].kind);
        }
        ck_assert_ptr_null(field_find(type, "name"));
        ck_assert_ptr_null(field_find(type, ""));
}
END_TEST

START_TEST(test_sentinels) {
        FieldValue v;
        TextSpan span;
        size_t pos = 0;

        field_sentinel(field_find(OBJECT_LINK, "ParentNamespaceNSID"), &v);
        ck_assert_int_eq((int) v.integer, -1);
        field_sentinel(field_find(OBJECT_LINK, "MasterInterfaceIndex"), &v);
        ck_assert_int_eq((int) v.integer, 0);
        field_sentinel(field_find(OBJECT_LINK, "Alias"), &v);
        ck_assert_str_eq(v.bytes, "");
        field_sentinel(field_find(OBJECT_LINK, "HardwareAddress"), &v);
        ck_assert_uint_eq(v.len, 0);
        field_sentinel(field_find(OBJECT_LINK, "AlternativeNames"), &v);
        ck_assert(!link_texts_next(v.texts, &pos, &span));
        field_sentinel(field_find(OBJECT_LINK, "Groups"), &v);
        ck_assert_int_eq(v.records, OBJECT_GROUP);
}
END_TEST

START_TEST(test_signatures) {
        static const char *const expected[] = { "",  "b",  "i",  "u",   "t",
                                                "s", "ay", "as", "aay", "aa{sv}" };

        ck_assert_uint_eq(ELEMENTSOF(expected), _VALUE_KIND_MAX);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_str_eq(value_kind_signature((ValueKind) i), expected[i]);
}
END_TEST

/* Words ---------------------------------------------------------------------------------------- */

#define WORD_OF(function, type)                     \
        static const char *word_##function(int i) { \
                return function((type) i);          \
        }

WORD_OF(object_type_to_string, ObjectType)
WORD_OF(operational_state_to_string, OperationalState)
WORD_OF(carrier_state_to_string, CarrierState)
WORD_OF(address_state_to_string, AddressState)
WORD_OF(usability_to_string, Usability)
WORD_OF(change_type_to_string, ChangeType)

static const struct {
        const char *(*word)(int);
        int n;
        const char *expected; /* in the order of the numbers */
} enums[] = {
        { word_object_type_to_string, _OBJECT_TYPE_MAX, "link address group route local" },
        { word_operational_state_to_string, _OPERATIONAL_STATE_MAX,
          "missing off no-carrier dormant degraded-carrier carrier degraded enslaved routable" },
        { word_carrier_state_to_string, _CARRIER_STATE_MAX,
          "off no-carrier dormant degraded-carrier carrier enslaved" },
        { word_address_state_to_string, _ADDRESS_STATE_MAX, "off degraded routable" },
        { word_usability_to_string, _USABILITY_MAX, "usable tentative duplicate deprecated" },
        { word_change_type_to_string, _CHANGE_TYPE_MAX, "existing added changed removed" },
};

START_TEST(test_enum_words) {
        char buf[512] = "";

        for (int i = 0; i < enums[_i].n; i++) {
                strcat(buf, i > 0 ? " " : "");
                strcat(buf, enums[_i].word(i));
        }
        ck_assert_str_eq(buf, enums[_i].expected);
        ck_assert_str_eq(enums[_i].word(enums[_i].n), "unknown");
        ck_assert_str_eq(enums[_i].word(255), "unknown");
        ck_assert_str_eq(enums[_i].word(-1), "unknown");
}
END_TEST

static const struct {
        uint32_t flags;
        const char *expected;
} link_flags[] = {
        { 0, "" },
        { 0x1, "up" },
        { 0x10049, "up, loopback, running, lower-up" },
        { 0x11043, "up, broadcast, running, multicast, lower-up" },
        { 0x10d1, "up, point-to-point, running, no-arp, multicast" },
        { 0x80000000, "0x80000000" },
        { 0x80080001, "up, 0x80080000" },
        { 0xffffffff, "up, broadcast, debug, loopback, point-to-point, no-trailers, running, "
                      "no-arp, promiscuous, all-multicast, master, slave, multicast, portsel, "
                      "auto-media, dynamic, lower-up, dormant, echo, 0xfff80000" },
};

START_TEST(test_link_flags) {
        LinkRecord link = fixture_link();
        RecordView view = { .type = OBJECT_LINK, .record = &link };

        link.flags = link_flags[_i].flags;
        ck_assert_str_eq(show(&view, "FlagsString"), link_flags[_i].expected);
}
END_TEST

static const struct {
        int family;
        uint32_t flags;
        const char *expected;
} address_flags[] = {
        { AF_INET, 0x80, "permanent" },
        { AF_INET, 0x81, "secondary, permanent" },
        { AF_INET6, 0x01, "temporary" },
        { AF_INET6, 0xc0, "tentative, permanent" },
        { AF_INET6, 0xc8, "dadfailed, tentative, permanent" },
        { AF_INET6, 0x182, "nodad, permanent, manage-temporary-address" },
        { AF_INET6, 0xffffffff,
          "temporary, nodad, optimistic, dadfailed, home-address, deprecated, tentative, "
          "permanent, manage-temporary-address, no-prefixroute, auto-join, stable-privacy, "
          "0xfffff000" },
};

START_TEST(test_address_flags) {
        AddressRecord a = fixture_address();
        RecordView view = { .type = OBJECT_ADDRESS, .record = &a };

        a.flags = address_flags[_i].flags;
        a.address.family = (uint8_t) address_flags[_i].family;
        ck_assert_str_eq(show(&view, "FlagsString"), address_flags[_i].expected);
}
END_TEST

START_TEST(test_numbers_with_words) {
        LinkRecord link = fixture_link();
        AddressRecord a = fixture_address();
        LocalRecord local = fixture_local();
        RecordView links = { .type = OBJECT_LINK, .record = &link };
        RecordView addresses = { .type = OBJECT_ADDRESS, .record = &a };
        RecordView locals = { .type = OBJECT_LOCAL, .record = &local };
        static const struct {
                uint16_t type;
                const char *word;
        } types[] = {
                { 1, "ether" },     { 772, "loopback" },
                { 65534, "none" },  { 512, "ppp" },
                { 776, "sit" },     { 778, "ipgre" },
                { 823, "ip6gre" },  { 32, "infiniband" },
                { 280, "can" },     { 802, "ieee80211_prism" },
                { 65535, "void" },  { 9, "9" },
                { 60000, "60000" },
        };
        static const char *const operstates[] = { "unknown", "not-present",
                                                  "down",    "lower-layer-down",
                                                  "testing", "dormant",
                                                  "up",      "7" };
        static const struct {
                uint8_t scope;
                const char *word;
        } scopes[] = { { 0, "global" }, { 200, "site" },    { 253, "link" },
                       { 254, "host" }, { 255, "nowhere" }, { 7, "7" } };
        static const char *const locals_types[] = { "0",       "1",         "unicast", "broadcast",
                                                    "anycast", "multicast", "6" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                link.type = types[i].type;
                ck_assert_str_eq(show(&links, "Type"), types[i].word);
        }
        for (size_t i = 0; i < ELEMENTSOF(operstates); i++) {
                link.kernel_operstate = (uint8_t) i;
                ck_assert_str_eq(show(&links, "KernelOperationalStateString"), operstates[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(scopes); i++) {
                a.scope = scopes[i].scope;
                ck_assert_str_eq(show(&addresses, "ScopeString"), scopes[i].word);
        }
        for (size_t i = 0; i < ELEMENTSOF(locals_types); i++) {
                local.type = (uint8_t) i;
                ck_assert_str_eq(show(&locals, "Type"), locals_types[i]);
        }
}
END_TEST

/* Values --------------------------------------------------------------------------------------- */

static const struct {
        ObjectType type;
        const char *field, *expected;
} values[] = {
        { OBJECT_LINK, "Index", "2" },
        { OBJECT_LINK, "Incarnation", "7" },
        { OBJECT_LINK, "Name", "eth0" },
        { OBJECT_LINK, "NameBytes", "65746830" },
        { OBJECT_LINK, "AlternativeNames", "wan0|a\nb" },
        { OBJECT_LINK, "Alias", "up\\xff" },
        { OBJECT_LINK, "AliasBytes", "7570ff" },
        { OBJECT_LINK, "Kind", "veth" },
        { OBJECT_LINK, "Flags", "69699" },
        { OBJECT_LINK, "KernelOperationalState", "6" },
        { OBJECT_LINK, "Carrier", "true" },
        { OBJECT_LINK, "CarrierChanges", "4" },
        { OBJECT_LINK, "MTU", "1500" },
        { OBJECT_LINK, "MinimumMTU", "68" },
        { OBJECT_LINK, "MaximumMTU", "9000" },
        { OBJECT_LINK, "HardwareAddress", "020000aabb01" },
        { OBJECT_LINK, "HardwareAddressString", "02:00:00:aa:bb:01" },
        { OBJECT_LINK, "PermanentHardwareAddressString", "02:00:00:aa:bb:02" },
        { OBJECT_LINK, "BroadcastAddress", "ffffffffffff" },
        { OBJECT_LINK, "BroadcastAddressString", "ff:ff:ff:ff:ff:ff" },
        { OBJECT_LINK, "MasterInterfaceIndex", "9" },
        { OBJECT_LINK, "ParentInterfaceIndex", "10" },
        { OBJECT_LINK, "ParentNamespaceNSID", "0" },
        { OBJECT_LINK, "Group", "3" },
        { OBJECT_LINK, "TransmitQueueLength", "1000" },
        { OBJECT_LINK, "OperationalState", "degraded" },
        { OBJECT_LINK, "CarrierState", "carrier" },
        { OBJECT_LINK, "AddressState", "degraded" },
        { OBJECT_LINK, "IPv4AddressState", "off" },
        { OBJECT_LINK, "IPv6AddressState", "degraded" },
        { OBJECT_LINK, "IPv6LinkLocalAddress", "fe800000000000000000000000000001" },
        { OBJECT_LINK, "IPv6LinkLocalAddressString", "fe80::1" },
        { OBJECT_LINK, "Addresses", "address" },
        { OBJECT_LINK, "Groups", "group" },
        { OBJECT_ADDRESS, "InterfaceIndex", "2" },
        { OBJECT_ADDRESS, "Family", "2" },
        { OBJECT_ADDRESS, "Address", "0a010101" },
        { OBJECT_ADDRESS, "AddressString", "10.1.1.1" },
        { OBJECT_ADDRESS, "PrefixLength", "30" },
        { OBJECT_ADDRESS, "Peer", "0a010102" },
        { OBJECT_ADDRESS, "PeerString", "10.1.1.2" },
        { OBJECT_ADDRESS, "BroadcastString", "10.1.1.3" },
        { OBJECT_ADDRESS, "Label", "eth0:1" },
        { OBJECT_ADDRESS, "Scope", "0" },
        { OBJECT_ADDRESS, "Flags", "128" },
        { OBJECT_ADDRESS, "Protocol", "3" },
        { OBJECT_ADDRESS, "Metric", "100" },
        { OBJECT_ADDRESS, "PreferredLifetimeUSec", "1000000" },
        { OBJECT_ADDRESS, "ValidLifetimeUSec", "2000000" },
        { OBJECT_ADDRESS, "Zone", "-" },
        { OBJECT_ADDRESS, "State", "usable" },
        { OBJECT_GROUP, "Family", "10" },
        { OBJECT_GROUP, "AddressString", "ff02::1" },
        { OBJECT_GROUP, "Zone", "eth0" },
        { OBJECT_GROUP, "Users", "2" },
        { OBJECT_ROUTE, "GatewayString", "10.1.1.2" },
        { OBJECT_ROUTE, "Metric", "100" },
        { OBJECT_ROUTE, "Protocol", "16" },
        { OBJECT_ROUTE, "Table", "254" },
        { OBJECT_ROUTE, "TOS", "8" },
        { OBJECT_ROUTE, "PreferredSourceString", "10.1.1.1" },
        { OBJECT_LOCAL, "AddressString", "127.0.0.0" },
        { OBJECT_LOCAL, "PrefixLength", "8" },
};

START_TEST(test_values) {
        _cleanup_(freep) LinkTexts *texts = make_texts();
        Record record;
        RecordView view = full_view(values[_i].type, &record, texts);

        ck_assert_str_eq(show(&view, values[_i].field), values[_i].expected);
}
END_TEST

/* A tunnel has an IP address where others have hardware; everything else is bytes, whatever its
 * length. */
static const struct {
        uint16_t type;
        HardwareAddress address;
        const char *expected;
} hardware[] = {
        { 1, { 0, {} }, "-" },
        { 772, { 6, {} }, "00:00:00:00:00:00" },
        { 776, { 4, { 192, 0, 2, 1 } }, "192.0.2.1" },
        { 768, { 4, { 0 } }, "0.0.0.0" },
        { 769, { 16, { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } }, "2001:db8::1" },
        { 823, { 16, { 0 } }, "::" },
        { 776, { 6, { 1, 2, 3, 4, 5, 6 } }, "01:02:03:04:05:06" },
        { 1, { 4, { 192, 0, 2, 1 } }, "c0:00:02:01" },
        { 32,
          { 20, { 0x80, [19] = 0xfe } },
          "80:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:fe" },
        { 24,
          { 32, { 1, [31] = 2 } },
          "01:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
          "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:02" },
        /* A damaged row is cut, not read past. */
        { 1,
          { 255, { 1, [31] = 2 } },
          "01:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
          "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:02" },
};

START_TEST(test_hardware_text) {
        LinkRecord link = fixture_link();
        RecordView view = { .type = OBJECT_LINK, .record = &link };

        link.type = hardware[_i].type;
        link.hardware_address = hardware[_i].address;
        ck_assert_str_eq(show(&view, "HardwareAddressString"), hardware[_i].expected);
}
END_TEST

static const struct {
        ObjectType type;
        int family;
        uint8_t first, second, scope;
        const char *link_name, *zone;
} zones[] = {
        { OBJECT_ADDRESS, AF_INET6, 0xfe, 0x80, 253, "br0", "br0" },
        { OBJECT_ADDRESS, AF_INET6, 0xfe, 0xbf, 253, "br0", "br0" },
        { OBJECT_ADDRESS, AF_INET6, 0xfe, 0x80, 253, NULL, "-" },
        { OBJECT_ADDRESS, AF_INET6, 0xfe, 0x80, 0, "br0", "br0" }, /* whatever the scope */
        { OBJECT_ADDRESS, AF_INET6, 0x00, 0x00, 254, "lo", "lo" }, /* ::1 */
        { OBJECT_ADDRESS, AF_INET6, 0x20, 0x01, 0, "br0", "-" },
        { OBJECT_ADDRESS, AF_INET6, 0xfd, 0x00, 0, "br0", "-" },
        { OBJECT_ADDRESS, AF_INET6, 0xfe, 0xc0, 200, "br0", "-" },
        { OBJECT_ADDRESS, AF_INET, 10, 5, 253, "br0", "-" }, /* ip addr add scope link */
        { OBJECT_ADDRESS, AF_INET, 169, 254, 253, "br0", "-" },
        { OBJECT_ADDRESS, AF_INET, 127, 0, 254, "lo", "-" },
        { OBJECT_GROUP, AF_INET6, 0xff, 0x01, 0, "br0", "br0" },
        { OBJECT_GROUP, AF_INET6, 0xff, 0x02, 0, "br0", "br0" },
        { OBJECT_GROUP, AF_INET6, 0xff, 0x12, 0, "br0", "br0" },
        { OBJECT_GROUP, AF_INET6, 0xff, 0x05, 0, "br0", "-" },
        { OBJECT_GROUP, AF_INET6, 0xff, 0x0e, 0, "br0", "-" },
        { OBJECT_GROUP, AF_INET, 224, 0, 0, "br0", "-" },
        { OBJECT_GROUP, AF_INET6, 0xff, 0x02, 0,
          "a\x01"
          "b",
          "a\\x01b" },
};

START_TEST(test_zones) {
        IpAddress ip = zones[_i].family == AF_INET
                                       ? fixture_ip4(zones[_i].first, zones[_i].second, 0, 1)
                                       : fixture_ip6(zones[_i].first, zones[_i].second, 1);
        AddressRecord a = { .ifindex = 3, .address = ip, .scope = zones[_i].scope };
        GroupRecord g = { .ifindex = 3, .group = ip };
        RecordView view = {
                .type = zones[_i].type,
                .record = zones[_i].type == OBJECT_GROUP ? (const void *) &g : &a,
                .context.link_name = zones[_i].link_name,
        };

        ck_assert_str_eq(show(&view, "Zone"), zones[_i].zone);
        /* The text stays bare: the zone is a field of its own. */
        ck_assert_ptr_null(strchr(show(&view, "AddressString"), '%'));
}
END_TEST

START_TEST(test_optional_values) {
        LinkRecord link = fixture_link();
        AddressRecord a = fixture_address();
        GroupRecord group = fixture_group();
        RouteRecord route = { .family = AF_INET6, .table = 254, .metric = 0 };
        RecordView links = { .type = OBJECT_LINK, .record = &link };
        RecordView addresses = { .type = OBJECT_ADDRESS, .record = &a };
        RecordView groups = { .type = OBJECT_GROUP, .record = &group, .context.users = -1 };
        RecordView routes = { .type = OBJECT_ROUTE, .record = &route };

        link.parent_nsid = -1;
        ck_assert_str_eq(show(&links, "ParentNamespaceNSID"), "-");
        ck_assert_str_eq(show(&links, "AlternativeNames"), "-");
        a.preferred_usec = 0;
        a.valid_usec = USEC_INFINITY;
        ck_assert_str_eq(show(&addresses, "PreferredLifetimeUSec"), "0");
        ck_assert_str_eq(show(&addresses, "ValidLifetimeUSec"), "-");
        ck_assert_str_eq(show(&groups, "Users"), "-");
        groups.context.users = 0;
        ck_assert_str_eq(show(&groups, "Users"), "0");
        ck_assert_str_eq(show(&routes, "InterfaceIndex"), "-");
        ck_assert_str_eq(show(&routes, "Gateway"), "-");
        ck_assert_str_eq(show(&routes, "Metric"), "0");
        /* An IPv4 route may have an IPv6 next hop. */
        route = fixture_route();
        route.gateway = fixture_ip6(0xfe, 0x80, 1);
        ck_assert_str_eq(show(&routes, "Family"), "2");
        ck_assert_str_eq(show(&routes, "GatewayString"), "fe80::1");
}
END_TEST

/* Raw twins are for names that escaping changed, and only for those. */
START_TEST(test_odd_only) {
        static const struct {
                const char *name;
                bool odd;
        } names[] = { { "eth0", false },    { "\xc3\xa9", false }, { "a\\b", true },
                      { "\xff\xfe", true }, { "0x\x01", true },    { "a\x7f", true } };
        const Field *bytes = field_find(OBJECT_LINK, "NameBytes");
        const Field *text = field_find(OBJECT_LINK, "Name");
        const Field *list = field_find(OBJECT_LINK, "AlternativeNamesBytes");
        _cleanup_(freep) LinkTexts *odd = make_texts();
        _cleanup_(freep) LinkTexts *plain = NULL;
        LinkRecord link = fixture_link();
        RecordView view = { .type = OBJECT_LINK, .record = &link };
        FieldValue v;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                memset(link.name, 0, sizeof(link.name));
                memcpy(link.name, names[i].name, strlen(names[i].name));
                field_get(bytes, &view, &v);
                ck_assert_msg(field_is_published(bytes, &v) == names[i].odd, "%s", names[i].name);
                field_get(text, &view, &v);
                ck_assert(field_is_published(text, &v));
        }

        ck_assert_int_eq(link_texts_new((TextSpan){ "\xff", 1 }, &(TextSpan){ "wan0", 4 }, 1,
                                        &plain),
                         0);
        view.context.texts = plain; /* the alias does not count */
        field_get(list, &view, &v);
        ck_assert(!field_is_published(list, &v));
        view.context.texts = odd;
        field_get(list, &view, &v);
        ck_assert(field_is_published(list, &v));
        view.context.texts = NULL;
        field_get(list, &view, &v);
        ck_assert(!field_is_published(list, &v));
}
END_TEST

/* Order and batches ---------------------------------------------------------------------------- */

static void check_order(ObjectType type, const void *rows, size_t n) {
        const uint8_t *p = rows;
        size_t size = record_size(type);

        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) {
                        int c = record_compare(type, p + i * size, p + j * size);

                        ck_assert_msg((c > 0) - (c < 0) == (i > j) - (i < j), "%s %zu %zu",
                                      object_type_to_string(type), i, j);
                }
}

START_TEST(test_order) {
        const LinkRecord links[] = { { .ifindex = 1 }, { .ifindex = 2 }, { .ifindex = INT32_MAX } };
        const AddressRecord addresses[] = {
                { .ifindex = 1, .order = 3, .address = fixture_ip4(9, 0, 0, 1) },
                { .ifindex = 1, .order = 4, .address = fixture_ip4(8, 0, 0, 1) },
                { .ifindex = 1, .order = 4, .address = fixture_ip4(8, 0, 0, 2) },
                { .ifindex = 1, .order = 2, .address = fixture_ip6(0x20, 1, 1) },
                { .ifindex = 1, .order = 1, .address = fixture_ip6(0xfe, 0x80, 1) },
                { .ifindex = 2, .order = 0, .address = fixture_ip4(7, 0, 0, 1) },
        };
        const GroupRecord groups[] = {
                { .ifindex = 1, .group = fixture_ip4(224, 0, 0, 1) },
                { .ifindex = 1, .group = fixture_ip4(239, 0, 0, 1) },
                { .ifindex = 1, .group = fixture_ip6(0xff, 1, 1) },
                { .ifindex = 2, .group = fixture_ip4(224, 0, 0, 1) },
        };
        const RouteRecord routes[] = {
                { .family = AF_INET, .metric = 0, .table = 254, .ifindex = 5 },
                { .family = AF_INET, .metric = 0, .table = 100, .ifindex = 1 },
                { .family = AF_INET, .metric = 100, .table = 254, .ifindex = 1 },
                { .family = AF_INET, .metric = 100, .table = 254, .ifindex = 3 },
                { .family = AF_INET, .metric = 4000000000, .table = 254, .ifindex = 1 },
                { .family = AF_INET6, .metric = 1024, .table = 254, .ifindex = 1 },
        };
        const LocalRecord locals[] = {
                { .ifindex = 1, .address = fixture_ip4(127, 0, 0, 0), .prefix_length = 8 },
                { .ifindex = 1, .address = fixture_ip4(127, 0, 0, 0), .prefix_length = 32 },
                { .ifindex = 1, .address = fixture_ip4(127, 0, 0, 1), .prefix_length = 32 },
                { .ifindex = 2, .address = fixture_ip4(10, 0, 0, 1), .prefix_length = 32 },
        };

        check_order(OBJECT_LINK, links, ELEMENTSOF(links));
        check_order(OBJECT_ADDRESS, addresses, ELEMENTSOF(addresses));
        check_order(OBJECT_GROUP, groups, ELEMENTSOF(groups));
        check_order(OBJECT_ROUTE, routes, ELEMENTSOF(routes));
        check_order(OBJECT_LOCAL, locals, ELEMENTSOF(locals));
}
END_TEST

START_TEST(test_rows) {
        static const int32_t ifindexes[] = { 2, 2, 2, 2, 1 };
        Record record;

        for (int type = 0; type < _OBJECT_TYPE_MAX; type++) {
                (void) full_view((ObjectType) type, &record, NULL);
                ck_assert_int_eq(record_ifindex((ObjectType) type, &record), ifindexes[type]);
        }
}
END_TEST

START_TEST(test_batch) {
        Batch batch = {};
        RecordView view;

        for (int32_t i = 0; i < 100; i++) {
                Change *c = batch_add(&batch);

                ck_assert_ptr_nonnull(c);
                ck_assert(memory_is_zero(c, sizeof(*c)));
                c->object = OBJECT_LINK;
                c->record.link.ifindex = i + 1;
                c->texts = make_texts();
        }
        ck_assert_uint_eq(batch.n_changes, 100);
        for (int32_t i = 0; i < 100; i++)
                ck_assert_int_eq(batch.changes[i].record.link.ifindex, i + 1);

        view = change_view(&batch.changes[4]);
        ck_assert_int_eq(view.type, OBJECT_LINK);
        ck_assert_ptr_eq(view.record, &batch.changes[4].record);
        ck_assert_ptr_eq(view.context.texts, batch.changes[4].texts);
        ck_assert_ptr_null(view.context.link_name);
        ck_assert_int_eq((int) view.context.users, -1);

        batch_done(&batch);
        ck_assert(memory_is_zero(&batch, sizeof(batch)));
        batch_done(&batch);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name) {
        TCase *c = tcase_create(name);

        suite_add_tcase(suite, c);
        return c;
}

int main(void) {
        Suite *suite = suite_create("record");
        TCase *c;

        c = add_case(suite, "contract");
        tcase_add_loop_test(c, test_field_names, 0, _OBJECT_TYPE_MAX);
        tcase_add_loop_test(c, test_field_sanity, 0, _OBJECT_TYPE_MAX);
        tcase_add_test(c, test_sentinels);
        tcase_add_test(c, test_signatures);

        c = add_case(suite, "words");
        tcase_add_loop_test(c, test_enum_words, 0, ELEMENTSOF(enums));
        tcase_add_loop_test(c, test_link_flags, 0, ELEMENTSOF(link_flags));
        tcase_add_loop_test(c, test_address_flags, 0, ELEMENTSOF(address_flags));
        tcase_add_test(c, test_numbers_with_words);

        c = add_case(suite, "values");
        tcase_add_loop_test(c, test_values, 0, ELEMENTSOF(values));
        tcase_add_loop_test(c, test_hardware_text, 0, ELEMENTSOF(hardware));
        tcase_add_loop_test(c, test_zones, 0, ELEMENTSOF(zones));
        tcase_add_test(c, test_optional_values);
        tcase_add_test(c, test_odd_only);

        c = add_case(suite, "rows");
        tcase_add_test(c, test_order);
        tcase_add_test(c, test_rows);
        tcase_add_test(c, test_batch);

        return unit_run(suite);
}
