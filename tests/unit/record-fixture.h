/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Rows with every member set, each to a value of its own, and nothing to share with the code under
 * test: what is expected of them is written out in the tests.
 */

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "record.h"
#include "util.h"

static inline IpAddress fixture_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
        return (IpAddress){ .family = AF_INET, .bytes = { a, b, c, d } };
}

/* The first two and the last byte; zeros between. */
static inline IpAddress fixture_ip6(uint8_t first, uint8_t second, uint8_t last) {
        return (IpAddress){
                .family = AF_INET6,
                .bytes = { [0] = first, [1] = second, [15] = last },
        };
}

static inline LinkRecord fixture_link(void) {
        return (LinkRecord) {
                .incarnation = 7,
                .ifindex = 2,
                .flags = 0x11043,
                .mtu = 1500,
                .minimum_mtu = 68,
                .maximum_mtu = 9000,
                .tx_queue_length = 1000,
                .group = 3,
                .carrier_changes = 4,
                .master_ifindex = 9,
                .parent_ifindex = 10,
                .parent_nsid = 0,
                .type = 1,
                .kernel_operstate = 6,
                .carrier = 1,
                .states = {
                        .operational = OPERATIONAL_STATE_DEGRADED,
                        .carrier = CARRIER_STATE_CARRIER,
                        .address = ADDRESS_STATE_DEGRADED,
                        .ipv4 = ADDRESS_STATE_OFF,
                        .ipv6 = ADDRESS_STATE_DEGRADED,
                },
                .ipv6_link_local = fixture_ip6(0xfe, 0x80, 1),
                .hardware_address = { 6, { 0x02, 0, 0, 0xaa, 0xbb, 0x01 } },
                .permanent_hardware_address = { 6, { 0x02, 0, 0, 0xaa, 0xbb, 0x02 } },
                .broadcast_address = { 6, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
                .name = "eth0",
                .kind = "veth",
        };
}

static inline AddressRecord fixture_address(void) {
        return (AddressRecord){
                .preferred_usec = 1000000,
                .valid_usec = 2000000,
                .order = 5,
                .ifindex = 2,
                .flags = 0x80,
                .metric = 100,
                .address = fixture_ip4(10, 1, 1, 1),
                .peer = fixture_ip4(10, 1, 1, 2),
                .broadcast = fixture_ip4(10, 1, 1, 3),
                .prefix_length = 30,
                .scope = 0,
                .protocol = 3,
                .usability = USABILITY_USABLE,
                .label = "eth0:1",
        };
}

static inline GroupRecord fixture_group(void) {
        return (GroupRecord){ .ifindex = 2, .group = fixture_ip6(0xff, 0x02, 1) };
}

static inline RouteRecord fixture_route(void) {
        return (RouteRecord){
                .ifindex = 2,
                .metric = 100,
                .table = 254,
                .nexthop_id = 12,
                .family = AF_INET,
                .tos = 8,
                .protocol = 16,
                .type = 1,
                .gateway = fixture_ip4(10, 1, 1, 2),
                .preferred_source = fixture_ip4(10, 1, 1, 1),
        };
}

static inline LocalRecord fixture_local(void) {
        return (LocalRecord){
                .ifindex = 1,
                .address = fixture_ip4(127, 0, 0, 0),
                .prefix_length = 8,
                .type = 2,
        };
}

/* An alias and two alternative names, both with something odd in them. */
static inline LinkTexts *make_texts(void) {
        const TextSpan names[] = { { "wan0", 4 }, { "a\nb", 3 } };
        LinkTexts *t = NULL;

        ck_assert_int_eq(link_texts_new((TextSpan){ "up\xff", 3 }, names, 2, &t), 0);
        return t;
}

/* A row of each type with every member set. */
static inline RecordView full_view(ObjectType type, Record *record, LinkTexts *texts) {
        *record = (Record){};
        switch (type) {
        case OBJECT_LINK:
                record->link = fixture_link();
                break;
        case OBJECT_ADDRESS:
                record->address = fixture_address();
                break;
        case OBJECT_GROUP:
                record->group = fixture_group();
                break;
        case OBJECT_ROUTE:
                record->route = fixture_route();
                break;
        case OBJECT_LOCAL:
                record->local = fixture_local();
                break;
        case _OBJECT_TYPE_MAX:
                break;
        }
        return (RecordView){
                .type = type,
                .record = record,
                .context = { .texts = texts, .link_name = "eth0", .users = 2 },
        };
}

/* The names of the fields in a mask, with blanks between. */
static inline void names_of(ObjectType type, uint64_t mask, char *buf, size_t size) {
        const Field *fields;
        size_t n, at = 0;

        buf[0] = '\0';
        fields = fields_of(type, &n);
        for (size_t i = 0; i < n; i++)
                if (mask & UINT64_C(1) << i)
                        at += (size_t) snprintf(buf + at, size - at, "%s%s", at > 0 ? " " : "",
                                                fields[i].name);
}
