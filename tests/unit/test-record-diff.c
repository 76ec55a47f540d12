/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Differences between rows: a change of any stored member shows in exactly the public fields that
 * are made of it, and in no other.
 */

#include <check.h>

#include "record-fixture.h"
#include "record.h"
#include "unit.h"
#include "util.h"

#define MEMBER(type, record, member) type, offsetof(record, member), sizeof(((record *) 0)->member)

/* Every stored member, and the public fields that are made of it. */
static const struct {
        ObjectType type;
        size_t offset, size;
        const char *fields;
} members[] = {
        { MEMBER(OBJECT_LINK, LinkRecord, incarnation), "Incarnation" },
        { MEMBER(OBJECT_LINK, LinkRecord, ifindex), "Index" },
        { MEMBER(OBJECT_LINK, LinkRecord, flags), "Flags FlagsString" },
        { MEMBER(OBJECT_LINK, LinkRecord, mtu), "MTU" },
        { MEMBER(OBJECT_LINK, LinkRecord, minimum_mtu), "MinimumMTU" },
        { MEMBER(OBJECT_LINK, LinkRecord, maximum_mtu), "MaximumMTU" },
        { MEMBER(OBJECT_LINK, LinkRecord, tx_queue_length), "TransmitQueueLength" },
        { MEMBER(OBJECT_LINK, LinkRecord, group), "Group" },
        { MEMBER(OBJECT_LINK, LinkRecord, carrier_changes), "CarrierChanges" },
        { MEMBER(OBJECT_LINK, LinkRecord, master_ifindex), "MasterInterfaceIndex" },
        { MEMBER(OBJECT_LINK, LinkRecord, parent_ifindex), "ParentInterfaceIndex" },
        { MEMBER(OBJECT_LINK, LinkRecord, parent_nsid), "ParentNamespaceNSID" },
        { MEMBER(OBJECT_LINK, LinkRecord, type), "Type" },
        { MEMBER(OBJECT_LINK, LinkRecord, kernel_operstate),
          "KernelOperationalState KernelOperationalStateString" },
        { MEMBER(OBJECT_LINK, LinkRecord, carrier), "Carrier" },
        { MEMBER(OBJECT_LINK, LinkRecord, states.operational), "OperationalState" },
        { MEMBER(OBJECT_LINK, LinkRecord, states.carrier), "CarrierState" },
        { MEMBER(OBJECT_LINK, LinkRecord, states.address), "AddressState" },
        { MEMBER(OBJECT_LINK, LinkRecord, states.ipv4), "IPv4AddressState" },
        { MEMBER(OBJECT_LINK, LinkRecord, states.ipv6), "IPv6AddressState" },
        { MEMBER(OBJECT_LINK, LinkRecord, ipv6_link_local.family),
          "IPv6LinkLocalAddress IPv6LinkLocalAddressString" },
        { MEMBER(OBJECT_LINK, LinkRecord, ipv6_link_local.bytes),
          "IPv6LinkLocalAddress IPv6LinkLocalAddressString" },
        { MEMBER(OBJECT_LINK, LinkRecord, hardware_address),
          "HardwareAddress HardwareAddressString" },
        { MEMBER(OBJECT_LINK, LinkRecord, permanent_hardware_address),
          "PermanentHardwareAddress PermanentHardwareAddressString" },
        { MEMBER(OBJECT_LINK, LinkRecord, broadcast_address),
          "BroadcastAddress BroadcastAddressString" },
        { MEMBER(OBJECT_LINK, LinkRecord, name), "Name" },
        { MEMBER(OBJECT_LINK, LinkRecord, kind), "Kind" },
        { MEMBER(OBJECT_LINK, LinkRecord, reserved), "" },

        { MEMBER(OBJECT_ADDRESS, AddressRecord, preferred_usec), "PreferredLifetimeUSec" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, valid_usec), "ValidLifetimeUSec" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, order), "" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, ifindex), "InterfaceIndex" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, flags), "Flags FlagsString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, metric), "Metric" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, address.family), "Family Address AddressString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, address.bytes), "Address AddressString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, peer.family), "Peer PeerString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, peer.bytes), "Peer PeerString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, broadcast.family), "Broadcast BroadcastString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, broadcast.bytes), "Broadcast BroadcastString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, prefix_length), "PrefixLength" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, scope), "Scope ScopeString" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, protocol), "Protocol" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, usability), "State" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, label), "Label" },
        { MEMBER(OBJECT_ADDRESS, AddressRecord, reserved), "" },

        { MEMBER(OBJECT_GROUP, GroupRecord, ifindex), "InterfaceIndex" },
        { MEMBER(OBJECT_GROUP, GroupRecord, group.family), "Family Address AddressString Zone" },
        /* fe02::1 is no group and has no zone */
        { MEMBER(OBJECT_GROUP, GroupRecord, group.bytes), "Address AddressString Zone" },
        { MEMBER(OBJECT_GROUP, GroupRecord, reserved), "" },

        { MEMBER(OBJECT_ROUTE, RouteRecord, ifindex), "InterfaceIndex" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, metric), "Metric" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, table), "Table" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, nexthop_id), "" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, family), "Family" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, tos), "TOS" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, protocol), "Protocol" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, type), "" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, gateway.family), "Gateway GatewayString" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, gateway.bytes), "Gateway GatewayString" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, preferred_source.family),
          "PreferredSource PreferredSourceString" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, preferred_source.bytes),
          "PreferredSource PreferredSourceString" },
        { MEMBER(OBJECT_ROUTE, RouteRecord, reserved), "" },

        { MEMBER(OBJECT_LOCAL, LocalRecord, ifindex), "InterfaceIndex" },
        { MEMBER(OBJECT_LOCAL, LocalRecord, address.family), "Family Address AddressString" },
        { MEMBER(OBJECT_LOCAL, LocalRecord, address.bytes), "Address AddressString" },
        { MEMBER(OBJECT_LOCAL, LocalRecord, prefix_length), "PrefixLength" },
        { MEMBER(OBJECT_LOCAL, LocalRecord, type), "Type" },
        { MEMBER(OBJECT_LOCAL, LocalRecord, reserved), "" },
};

static void check_diff(const RecordView *a, const RecordView *b, const char *expected) {
        char buf[2048];

        names_of(a->type, record_diff(a, b), buf, sizeof(buf));
        ck_assert_str_eq(buf, expected);
        names_of(a->type, record_diff(b, a), buf, sizeof(buf));
        ck_assert_str_eq(buf, expected);
}

START_TEST(test_diff_members) {
        Record before, after;
        RecordView a = full_view(members[_i].type, &before, NULL);
        RecordView b = full_view(members[_i].type, &after, NULL);

        check_diff(&a, &b, "");
        /* Changes any number, flag or text, and makes any family one that does not exist. */
        ((uint8_t *) &after)[members[_i].offset] ^= 1;
        check_diff(&a, &b, members[_i].fields);
}
END_TEST

/* The list above leaves no byte of any row out, so a new member cannot be forgotten. */
START_TEST(test_diff_members_complete) {
        size_t covered[_OBJECT_TYPE_MAX] = {};

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                covered[members[i].type] += members[i].size;
        for (int type = 0; type < _OBJECT_TYPE_MAX; type++)
                ck_assert_uint_eq(covered[type], record_size((ObjectType) type));
}
END_TEST

/* A raw twin is news for whoever was told of it, or is told now. */
START_TEST(test_diff_of_twins) {
        static const struct {
                const char *before, *after, *fields, *properties;
        } names[] = {
                { "eth0", "eth1", "Name", "Name NameBytes" },
                { "eth0", "eth\xff", "Name NameBytes", "Name NameBytes" },
                { "eth\xff", "eth\xfe", "Name NameBytes", "Name NameBytes" },
                { "eth\\", "eth/", "Name NameBytes", "Name NameBytes" },
                { "eth\xff", "eth\xff", "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Record before, after;
                RecordView a = full_view(OBJECT_LINK, &before, NULL);
                RecordView b = full_view(OBJECT_LINK, &after, NULL);
                char buf[2048];

                memset(before.link.name, 0, sizeof(before.link.name));
                memset(after.link.name, 0, sizeof(after.link.name));
                strcpy(before.link.name, names[i].before);
                strcpy(after.link.name, names[i].after);
                check_diff(&a, &b, names[i].fields);
                names_of(OBJECT_LINK, record_diff_with_twins(OBJECT_LINK, record_diff(&a, &b)), buf,
                         sizeof(buf));
                ck_assert_str_eq(buf, names[i].properties);
        }
}
END_TEST

/* Each stands behind its text. */
START_TEST(test_twins) {
        for (int type = 0; type < _OBJECT_TYPE_MAX; type++) {
                const Field *fields;
                char name[64];
                size_t n;

                fields = fields_of((ObjectType) type, &n);
                for (size_t i = 0; i < n; i++) {
                        if (!(fields[i].flags & FIELD_ODD_ONLY))
                                continue;
                        ck_assert_uint_gt(i, 0);
                        snprintf(name, sizeof(name), "%sBytes", fields[i - 1].name);
                        ck_assert_str_eq(fields[i].name, name);
                        ck_assert_uint_eq(record_diff_with_twins((ObjectType) type,
                                                                 UINT64_C(1) << (i - 1)),
                                          UINT64_C(3) << (i - 1));
                        ck_assert_uint_eq(
                                        record_diff_with_twins((ObjectType) type, UINT64_C(1) << i),
                                        UINT64_C(1) << i);
                }
        }
}
END_TEST

START_TEST(test_diff_beside_the_row) {
        const TextSpan other[] = { { "wan0", 4 }, { "a\nc", 3 } };
        _cleanup_(freep) LinkTexts *texts = make_texts();
        _cleanup_(freep) LinkTexts *names = NULL, *alias = NULL;
        Record record;
        RecordView a, b;

        a = b = full_view(OBJECT_LINK, &record, texts);
        ck_assert_int_eq(link_texts_new((TextSpan){ "up\xff", 3 }, other, 2, &names), 0);
        b.context.texts = names;
        check_diff(&a, &b, "AlternativeNames AlternativeNamesBytes");
        ck_assert_int_eq(link_texts_new((TextSpan){ "up", 2 }, other, 2, &alias), 0);
        a.context.texts = alias;
        check_diff(&a, &b, "Alias AliasBytes");
        a.context.texts = NULL;
        check_diff(&a, &b, "AlternativeNames AlternativeNamesBytes Alias AliasBytes");

        /* A rename changes the zone of what takes one, and nothing else. */
        a = b = full_view(OBJECT_GROUP, &record, NULL);
        b.context.link_name = "lan0";
        check_diff(&a, &b, "Zone");
        b = a;
        b.context.users = 3;
        check_diff(&a, &b, "Users");
        a = b = full_view(OBJECT_ADDRESS, &record, NULL);
        b.context.link_name = "lan0";
        check_diff(&a, &b, "");

        /* What is not shown does not count: bytes behind the end of a name. */
        a = b = full_view(OBJECT_LINK, &record, NULL);
        {
                Record same = record;

                b.record = &same;
                same.link.name[LINK_NAME_MAX] = 'x';
                check_diff(&a, &b, "");
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("record-diff");
        TCase *c = tcase_create("record-diff");

        suite_add_tcase(suite, c);
        tcase_add_loop_test(c, test_diff_members, 0, ELEMENTSOF(members));
        tcase_add_test(c, test_diff_members_complete);
        tcase_add_test(c, test_diff_of_twins);
        tcase_add_test(c, test_twins);
        tcase_add_test(c, test_diff_beside_the_row);

        return unit_run(suite);
}
