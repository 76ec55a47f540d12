/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Records, lists and events as JSON, compared with JSON texts written by hand: nothing may be
 * missing and nothing beside it. Every text is also parsed by jansson, as a client would, and written
 * by it: the bytes must be the same. Random rows are made a tree by other means, and compared too.
 */

#include <check.h>
#include <jansson.h>

#include "json.h"
#include "random.h"
#include "record-fixture.h"
#include "table.h"
#include "unit.h"
#include "util.h"

/* What was written, which is emptied. */
static char *take_text(JsonWriter *w) {
        char *text = NULL;
        size_t len;

        ck_assert_int_eq(json_writer_take(w, &text, &len), 0);
        ck_assert_uint_eq(strlen(text), len);
        return text;
}

static json_t *parse(const char *text) {
        json_error_t error;
        json_t *value;

        value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
        ck_assert_msg(value, "%s: %s", error.text, text);
        return value;
}

static json_t *take_value(JsonWriter *w) {
        _cleanup_(freep) char *text = take_text(w);

        return parse(text);
}

/* The expected text is written with ' for ". What was written is what jansson would have made of it,
 * byte by byte, members in their order. */
static void check_json(JsonWriter *w, const char *expected) {
        _cleanup_(freep) char *dump = take_text(w), *again_text = NULL;
        _cleanup_(freep) char *text = strdup(expected);
        json_auto_t *again = NULL, *wanted = NULL;
        json_error_t error;

        for (char *p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        ck_assert_ptr_nonnull(dump);
        again = parse(dump);
        again_text = json_dumps(again, JSON_COMPACT | JSON_ENCODE_ANY);
        ck_assert_str_eq(dump, again_text);
        wanted = json_loads(text, JSON_DECODE_ANY, &error);
        ck_assert_msg(wanted, "%s at %d: %s", error.text, error.position, text);
        ck_assert_msg(json_equal(again, wanted), "have %s\nwant %s", dump, text);
        ck_assert_ptr_null(strchr(dump, '\n'));
}

static void check_view(const RecordView *view, const char *expected) {
        JsonWriter w = {};

        json_write_record(&w, view, 0);
        check_json(&w, expected);
}

#define LINK_JSON                                                                                 \
        "'Index': 2, 'Incarnation': 7, 'Name': 'eth0',"                                           \
        "'AlternativeNames': ['wan0', 'a\\\\x0ab'],"                                              \
        "'AlternativeNamesBytes': [{'Bytes': [119, 97, 110, 48]}, {'Bytes': [97, 10, 98]}],"      \
        "'Alias': 'up\\\\xff', 'AliasBytes': [117, 112, 255], 'Kind': 'veth', 'Type': 'ether',"   \
        "'Flags': 69699, 'FlagsString': 'up, broadcast, running, multicast, lower-up',"           \
        "'KernelOperationalState': 6, 'KernelOperationalStateString': 'up', 'Carrier': true,"     \
        "'CarrierChanges': 4, 'MTU': 1500, 'MinimumMTU': 68, 'MaximumMTU': 9000,"                 \
        "'HardwareAddress': [2, 0, 0, 170, 187, 1],"                                              \
        "'HardwareAddressString': '02:00:00:aa:bb:01',"                                           \
        "'PermanentHardwareAddress': [2, 0, 0, 170, 187, 2],"                                     \
        "'PermanentHardwareAddressString': '02:00:00:aa:bb:02',"                                  \
        "'BroadcastAddress': [255, 255, 255, 255, 255, 255],"                                     \
        "'BroadcastAddressString': 'ff:ff:ff:ff:ff:ff', 'MasterInterfaceIndex': 9,"               \
        "'ParentInterfaceIndex': 10, 'ParentNamespaceNSID': 0, 'Group': 3,"                       \
        "'TransmitQueueLength': 1000, 'OperationalState': 'degraded', 'CarrierState': 'carrier'," \
        "'AddressState': 'degraded', 'IPv4AddressState': 'off', 'IPv6AddressState': 'degraded',"  \
        "'IPv6LinkLocalAddress': [254, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],"           \
        "'IPv6LinkLocalAddressString': 'fe80::1'"

#define ADDRESS_JSON                                                                               \
        "'InterfaceIndex': 2, 'Family': 2, 'Address': [10, 1, 1, 1], 'AddressString': '10.1.1.1'," \
        "'PrefixLength': 30, 'Peer': [10, 1, 1, 2], 'PeerString': '10.1.1.2',"                     \
        "'Broadcast': [10, 1, 1, 3], 'BroadcastString': '10.1.1.3', 'Label': 'eth0:1',"            \
        "'Scope': 0, 'ScopeString': 'global', 'Flags': 128, 'FlagsString': 'permanent',"           \
        "'Protocol': 3, 'Metric': 100, 'PreferredLifetimeUSec': 1000000,"                          \
        "'ValidLifetimeUSec': 2000000, 'State': 'usable'"

#define ADDRESS_KEY_JSON                                                                           \
        "'InterfaceIndex': 2, 'Family': 2, 'Address': [10, 1, 1, 1], 'AddressString': '10.1.1.1'," \
        "'PrefixLength': 30, 'Peer': [10, 1, 1, 2], 'PeerString': '10.1.1.2'"

#define GROUP_JSON                                                       \
        "'InterfaceIndex': 2, 'Family': 10,"                             \
        "'Address': [255, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]," \
        "'AddressString': 'ff02::1'"

#define ROUTE_KEY_JSON                                                \
        "'InterfaceIndex': 2, 'Family': 2, 'Gateway': [10, 1, 1, 2]," \
        "'GatewayString': '10.1.1.2', 'Metric': 100, 'Protocol': 16, 'Table': 254, 'TOS': 8"
#define ROUTE_JSON                                                           \
        ROUTE_KEY_JSON ", 'Protocol': 16, 'PreferredSource': [10, 1, 1, 1]," \
                       "'PreferredSourceString': '10.1.1.1'"

/* Records -------------------------------------------------------------------------------------- */

START_TEST(test_link) {
        _cleanup_(freep) LinkTexts *texts = make_texts();
        LinkRecord link = fixture_link();
        RecordView view = { .type = OBJECT_LINK, .record = &link, .context.texts = texts };

        check_view(&view, "{" LINK_JSON "}");
}
END_TEST

START_TEST(test_other_records) {
        AddressRecord a = fixture_address();
        GroupRecord group = fixture_group();
        RouteRecord route = fixture_route();
        LocalRecord local = fixture_local();
        RecordView view = { .context = { .link_name = "a\\b", .users = 3 } };

        view.type = OBJECT_ADDRESS;
        view.record = &a;
        check_view(&view, "{" ADDRESS_JSON "}");
        view.type = OBJECT_GROUP;
        view.record = &group;
        check_view(&view, "{" GROUP_JSON ", 'Zone': 'a\\\\x5cb', 'Users': 3}");
        view.context.users = -1;
        check_view(&view, "{" GROUP_JSON ", 'Zone': 'a\\\\x5cb'}");
        view.type = OBJECT_ROUTE;
        view.record = &route;
        check_view(&view, "{" ROUTE_JSON "}");
        view.type = OBJECT_LOCAL;
        view.record = &local;
        check_view(&view, "{'InterfaceIndex': 1, 'Family': 2, 'Address': [127, 0, 0, 0],"
                          "'AddressString': '127.0.0.0', 'PrefixLength': 8, 'Type': 'unicast'}");
}
END_TEST

START_TEST(test_mask) {
        GroupRecord group = fixture_group();
        RecordView view = { .type = OBJECT_GROUP, .record = &group, .context.users = 1 };
        JsonWriter w = {};

        json_write_record(&w, &view, 1 << 0 | 1 << 3 | 1 << 4);
        check_json(&w, "{'InterfaceIndex': 2, 'AddressString': 'ff02::1'}");
}
END_TEST

START_TEST(test_empty_link) {
        LinkRecord link = { .ifindex = 1, .parent_nsid = -1, .type = 772, .name = "lo" };
        RecordView view = { .type = OBJECT_LINK, .record = &link };

        check_view(&view,
                   "{'Index': 1, 'Incarnation': 0, 'Name': 'lo', 'Type': 'loopback', 'Flags': 0,"
                   "'FlagsString': '', 'KernelOperationalState': 0,"
                   "'KernelOperationalStateString': 'unknown', 'Carrier': false,"
                   "'CarrierChanges': 0, 'MTU': 0, 'MinimumMTU': 0, 'MaximumMTU': 0, 'Group': 0,"
                   "'TransmitQueueLength': 0, 'OperationalState': 'missing',"
                   "'CarrierState': 'off', 'AddressState': 'off', 'IPv4AddressState': 'off',"
                   "'IPv6AddressState': 'off'}");
}
END_TEST

START_TEST(test_large_numbers) {
        AddressRecord a = fixture_address();
        RecordView view = { .type = OBJECT_ADDRESS, .record = &a };
        JsonWriter w = {};

        a.flags = UINT32_MAX;
        a.preferred_usec = INT64_MAX;
        a.valid_usec = UINT64_MAX - 1;
        json_write_record(&w, &view, UINT64_C(1) << 13 | 3 << 17);
        check_json(&w, "{'Flags': 4294967295,"
                       "'PreferredLifetimeUSec': 9223372036854775807,"
                       "'ValidLifetimeUSec': 9223372036854775807}");
        json_write_begin_array(&w);
        json_write_uint(&w, UINT64_MAX - 1);
        json_write_uint(&w, INT64_MAX);
        json_write_uint(&w, 0);
        json_write_int(&w, -1);
        json_write_int(&w, INT64_MIN);
        json_write_int(&w, INT64_MAX);
        json_write_end_array(&w);
        check_json(&w, "[9223372036854775807,9223372036854775807,0,-1,-9223372036854775808,"
                       "9223372036854775807]");
}
END_TEST

/* No name can break the text: every byte the kernel takes, one name each. */
START_TEST(test_every_byte_in_a_name) {
        LinkRecord link = fixture_link();
        RecordView view = { .type = OBJECT_LINK, .record = &link };

        for (int byte = 1; byte < 256; byte++) {
                bool odd = byte < 0x20 || byte >= 0x7f || byte == '\\';
                char text[64], name[16];
                JsonWriter w = {};

                memset(link.name, 0, sizeof(link.name));
                link.name[0] = 'a';
                link.name[1] = (char) byte;
                json_write_record(&w, &view, 1 << 2 | 1 << 3);
                if (byte == '"' || byte == '\'') {
                        json_auto_t *object = take_value(&w);

                        ck_assert_str_eq(json_string_value(json_object_get(object, "Name")),
                                         link.name);
                        continue;
                }
                snprintf(name, sizeof(name), odd ? "a\\\\x%02x" : "a%c", byte);
                snprintf(text, sizeof(text),
                         odd ? "{'Name': '%s', 'NameBytes': [97, %d]}" : "{'Name': '%s'}", name,
                         byte);
                check_json(&w, text);
        }
}
END_TEST

/* Events --------------------------------------------------------------------------------------- */

static Change make_change(ChangeType type, ObjectType object, const char *link_name) {
        Change c = { .type = type, .object = object, .incarnation = 7 };

        if (object == OBJECT_LINK)
                c.record.link = fixture_link();
        if (object == OBJECT_ADDRESS)
                c.record.address = fixture_address();
        if (object == OBJECT_GROUP)
                c.record.group = fixture_group();
        if (object == OBJECT_ROUTE)
                c.record.route = fixture_route();
        strcpy(c.link_name, link_name);
        return c;
}

static uint64_t field_bit(ObjectType type, const char *name) {
        size_t n;

        return UINT64_C(1) << (field_find(type, name) - fields_of(type, &n));
}

static void check_event(const Change *c, const char *expected) {
        JsonWriter w = {};

        json_write_event(&w, c);
        check_json(&w, expected);
}

START_TEST(test_event_added) {
        Change c = make_change(CHANGE_ADDED, OBJECT_LINK, "eth0");

        c.texts = make_texts();
        check_event(&c, "{'Event': 'added', 'Object': 'link', " LINK_JSON "}");
        c.type = CHANGE_EXISTING;
        check_event(&c, "{'Event': 'existing', 'Object': 'link', " LINK_JSON "}");
        link_texts_free(c.texts);

        c = make_change(CHANGE_ADDED, OBJECT_ADDRESS, "eth0");
        check_event(&c, "{'Event': 'added', 'Object': 'address', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0', " ADDRESS_JSON "}");
        c = make_change(CHANGE_ADDED, OBJECT_GROUP, "\xff");
        check_event(&c,
                    "{'Event': 'added', 'Object': 'group', 'Index': 2, 'Incarnation': 7,"
                    "'Name': '\\\\xff', 'NameBytes': [255], 'Zone': '\\\\xff', " GROUP_JSON "}");
        c = make_change(CHANGE_ADDED, OBJECT_ROUTE, "eth0");
        check_event(&c, "{'Event': 'added', 'Object': 'route', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0', " ROUTE_JSON "}");
}
END_TEST

START_TEST(test_event_removed) {
        Change c = make_change(CHANGE_REMOVED, OBJECT_LINK, "eth0");

        check_event(&c, "{'Event': 'removed', 'Object': 'link', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0'}");
        c = make_change(CHANGE_REMOVED, OBJECT_ADDRESS, "eth0");
        check_event(&c, "{'Event': 'removed', 'Object': 'address', 'Index': 2,"
                        "'Incarnation': 7, 'Name': 'eth0', " ADDRESS_KEY_JSON "}");
        c = make_change(CHANGE_REMOVED, OBJECT_GROUP, "eth0");
        check_event(&c, "{'Event': 'removed', 'Object': 'group', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0', " GROUP_JSON "}");
        c = make_change(CHANGE_REMOVED, OBJECT_ROUTE, "eth0");
        check_event(&c, "{'Event': 'removed', 'Object': 'route', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0', " ROUTE_KEY_JSON "}");
        /* unreachable default: no link at all */
        c = (Change){ .type = CHANGE_REMOVED, .object = OBJECT_ROUTE };
        c.record.route.family = AF_INET6;
        c.record.route.table = 254;
        c.record.route.metric = UINT32_MAX;
        check_event(&c,
                    "{'Event': 'removed', 'Object': 'route', 'Index': 0, 'Incarnation': 0,"
                    "'Name': '', 'Family': 10, 'Metric': 4294967295, 'Protocol': 0, 'Table': 254}");
}
END_TEST

START_TEST(test_event_changed) {
        Change c = make_change(CHANGE_CHANGED, OBJECT_LINK, "eth0");

        c.fields = field_bit(OBJECT_LINK, "MTU") | field_bit(OBJECT_LINK, "Carrier");
        check_event(&c, "{'Event': 'changed', 'Object': 'link', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0', 'MTU': 1500, 'Carrier': true}");

        /* What is gone is said to be gone: released from its master, alias removed. */
        c.record.link.master_ifindex = 0;
        c.fields = field_bit(OBJECT_LINK, "MasterInterfaceIndex") |
                   field_bit(OBJECT_LINK, "Alias") | field_bit(OBJECT_LINK, "AliasBytes");
        check_event(&c, "{'Event': 'changed', 'Object': 'link', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0', 'MasterInterfaceIndex': null, 'Alias': null,"
                        "'AliasBytes': null}");

        /* Renamed from an odd name. */
        c.fields = field_bit(OBJECT_LINK, "Name") | field_bit(OBJECT_LINK, "NameBytes");
        check_event(&c, "{'Event': 'changed', 'Object': 'link', 'Index': 2, 'Incarnation': 7,"
                        "'Name': 'eth0', 'NameBytes': null}");

        c = make_change(CHANGE_CHANGED, OBJECT_ADDRESS, "eth0");
        c.record.address.usability = USABILITY_DEPRECATED;
        c.record.address.preferred_usec = USEC_INFINITY;
        c.fields = field_bit(OBJECT_ADDRESS, "State") |
                   field_bit(OBJECT_ADDRESS, "PreferredLifetimeUSec");
        check_event(&c, "{'Event': 'changed', 'Object': 'address', 'Index': 2,"
                        "'Incarnation': 7, 'Name': 'eth0', 'State': 'deprecated',"
                        "'PreferredLifetimeUSec': null, " ADDRESS_KEY_JSON "}");
}
END_TEST

START_TEST(test_event_resynced) {
        JsonWriter w = {};

        json_write_resynced(&w, 12, "overrun");
        check_json(&w, "{'Event': 'resynced', 'Generation': 12, 'Reason': 'overrun'}");
}
END_TEST

/* The table ------------------------------------------------------------------------------------ */

static Table *make_table(void) {
        LinkRecord link = fixture_link();
        AddressRecord a = fixture_address();
        GroupRecord group = fixture_group();
        RouteRecord route = fixture_route();
        _cleanup_(freep) LinkTexts *texts = make_texts();
        Table *t = NULL;

        ck_assert_int_eq(table_new(NULL, &t), 0);
        table_begin(t);
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &link), 0);
        ck_assert_int_eq(table_set_texts(t, 2, texts), 0);
        link = (LinkRecord){ .ifindex = 1, .incarnation = 1, .parent_nsid = -1, .name = "lo" };
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &link), 0);
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);

        /* IPv4 oldest first, IPv6 newest first. */
        a = (AddressRecord){ .ifindex = 2, .order = 2, .address = fixture_ip4(10, 9, 0, 1) };
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
        a.address = fixture_ip6(0xfe, 0x80, 1);
        a.order = 7;
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
        a.address = fixture_ip6(0x20, 0x01, 1);
        a.order = 8;
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
        a.ifindex = 1;
        a.address = fixture_ip4(127, 0, 0, 1);
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);

        ck_assert_int_eq(table_set(t, OBJECT_GROUP, &group), 0);
        group.group = fixture_ip4(224, 0, 0, 1);
        ck_assert_int_eq(table_set(t, OBJECT_GROUP, &group), 0);

        ck_assert_int_eq(table_set(t, OBJECT_ROUTE, &route), 0);
        route.metric = 50;
        ck_assert_int_eq(table_set(t, OBJECT_ROUTE, &route), 0);
        route = (RouteRecord){ .family = AF_INET6, .metric = 1, .table = 254 };
        ck_assert_int_eq(table_set(t, OBJECT_ROUTE, &route), 0);
        table_end(t, 42);
        return t;
}

DEFINE_CLEANUP(Table *, table_free)

static int64_t count_users(void *userdata, int32_t ifindex, const IpAddress *group) {
        ck_assert_str_eq(userdata, "userdata");
        ck_assert_int_eq(ifindex, 2);
        return group->family == AF_INET ? 5 : -1;
}

/* The values of one member of all objects in an array, with blanks between. */
static void check_members(const json_t *array, const char *member, const char *expected) {
        char buf[256] = "";
        size_t n = 0;

        for (size_t i = 0; i < json_array_size(array); i++) {
                const json_t *value = json_object_get(json_array_get(array, i), member);
                const char *separator = i > 0 ? " " : "";

                if (json_is_string(value))
                        n += (size_t) snprintf(buf + n, sizeof(buf) - n, "%s%s", separator,
                                               json_string_value(value));
                else if (json_is_integer(value))
                        n += (size_t) snprintf(buf + n, sizeof(buf) - n, "%s%lld", separator,
                                               (long long) json_integer_value(value));
                else
                        n += (size_t) snprintf(buf + n, sizeof(buf) - n, "%s-", separator);
        }
        ck_assert_str_eq(buf, expected);
}

START_TEST(test_table_link) {
        _cleanup_(table_freep) Table *t = make_table();
        TableView view = table_view(t);
        char userdata[] = "userdata";
        json_auto_t *link = NULL, *empty = NULL;
        _cleanup_(freep) char *text = NULL;
        const json_t *list;
        JsonWriter w = {};

        ck_assert_int_eq(json_write_link(&w, &view, 2, count_users, userdata), 0);
        link = take_value(&w);
        list = json_object_get(link, "Addresses");
        check_members(list, "AddressString", "10.9.0.1 10.1.1.1 2001::1 fe80::1");
        check_members(list, "Zone", "- - - eth0");
        list = json_object_get(link, "Groups");
        check_members(list, "AddressString", "224.0.0.1 ff02::1");
        check_members(list, "Users", "5 -");
        check_members(list, "Zone", "- eth0");
        ck_assert_int_eq(json_object_del(link, "Addresses"), 0);
        ck_assert_int_eq(json_object_del(link, "Groups"), 0);
        text = json_dumps(link, JSON_COMPACT);
        json_write_raw(&w, text, strlen(text));
        check_json(&w, "{" LINK_JSON "}");

        ck_assert_int_eq(json_write_link(&w, &view, 3, NULL, NULL), -ENODEV);
        ck_assert_int_eq(json_write_link(&w, &view, 0, NULL, NULL), -ENODEV);
        ck_assert_int_eq(json_write_link(&w, &view, -1, NULL, NULL), -ENODEV);
        ck_assert_uint_eq(w.len, 0);

        /* The lists are there, even when empty. */
        ck_assert_int_eq(json_write_link(&w, &view, 1, NULL, NULL), 0);
        empty = take_value(&w);
        ck_assert(json_is_array(json_object_get(empty, "Groups")));
        ck_assert_uint_eq(json_array_size(json_object_get(empty, "Groups")), 0);
}
END_TEST

START_TEST(test_table_rows) {
        _cleanup_(table_freep) Table *t = make_table();
        TableView view = table_view(t);
        static const struct {
                ObjectType type;
                int32_t ifindex;
                int family;
                const char *member, *expected;
        } cases[] = {
                { OBJECT_ADDRESS, 0, AF_UNSPEC, "AddressString",
                  "127.0.0.1 10.9.0.1 10.1.1.1 2001::1 fe80::1" },
                { OBJECT_ADDRESS, 0, AF_INET, "AddressString", "127.0.0.1 10.9.0.1 10.1.1.1" },
                { OBJECT_ADDRESS, 2, AF_INET6, "AddressString", "2001::1 fe80::1" },
                { OBJECT_ADDRESS, 1, AF_INET6, "AddressString", "" },
                { OBJECT_ADDRESS, 77, AF_UNSPEC, "AddressString", "" },
                { OBJECT_ADDRESS, -1, AF_UNSPEC, "AddressString", "" },
                { OBJECT_GROUP, 2, AF_INET, "AddressString", "224.0.0.1" },
                { OBJECT_GROUP, 2, AF_UNSPEC, "Users", "- -" },
                { OBJECT_ROUTE, 0, AF_UNSPEC, "Metric", "50 100 1" },
                { OBJECT_ROUTE, 2, AF_UNSPEC, "Metric", "50 100" },
                { OBJECT_LOCAL, 0, AF_UNSPEC, "Type", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_auto_t *array = NULL;
                JsonWriter w = {};

                ck_assert_int_eq(json_write_rows(&w, &view, cases[i].type, cases[i].ifindex,
                                                 cases[i].family, NULL, NULL),
                                 0);
                array = take_value(&w);
                check_members(array, cases[i].member, cases[i].expected);
        }
}
END_TEST

START_TEST(test_table_describe) {
        _cleanup_(table_freep) Table *t = make_table();
        TableView view = table_view(t);
        json_auto_t *all = NULL, *link = NULL;
        JsonWriter w = {};

        ck_assert_int_eq(json_write_describe(&w, &view), 0);
        all = take_value(&w);
        ck_assert_uint_eq(json_object_size(all), 3);
        ck_assert_int_eq(json_integer_value(json_object_get(all, "Generation")), 42);
        check_members(json_object_get(all, "Links"), "Name", "lo eth0");
        check_members(json_object_get(all, "DefaultRoutes"), "Metric", "50 100 1");
        check_members(json_object_get(all, "DefaultRoutes"), "Family", "2 2 10");

        ck_assert_int_eq(json_write_link(&w, &view, 2, NULL, NULL), 0);
        link = take_value(&w);
        ck_assert(json_equal(json_array_get(json_object_get(all, "Links"), 1), link));
}
END_TEST

START_TEST(test_table_empty) {
        _cleanup_(table_freep) Table *t = NULL;
        JsonWriter w = {};
        TableView view;

        ck_assert_int_eq(table_new(NULL, &t), 0);
        view = table_view(t);
        ck_assert_int_eq(json_write_describe(&w, &view), 0);
        check_json(&w, "{'Generation': 0, 'Links': [], 'DefaultRoutes': []}");
}
END_TEST

/* By other means --------------------------------------------------------------------------------- */

static json_t *tree_of_bytes(const void *bytes, size_t n) {
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                ck_assert_int_eq(json_array_append_new(array,
                                                       json_integer(((const uint8_t *) bytes)[i])),
                                 0);
        return array;
}

static json_t *tree_of_names(const LinkTexts *texts, bool raw) {
        char text[TEXT_ESCAPED_MAX(LINK_ALTNAME_MAX)];
        json_t *array = json_array();
        TextSpan name;
        size_t pos = 0;

        while (link_texts_next(texts, &pos, &name)) {
                size_t n = text_escape(name.text, name.len, text, sizeof(text));

                json_array_append_new(array, raw ? json_pack("{s:o}", "Bytes",
                                                             tree_of_bytes(name.text, name.len))
                                                 : json_stringn(text, n));
        }
        return array;
}

static json_t *tree_of_value(const FieldValue *v) {
        switch (v->kind) {
        case VALUE_BOOL:
                return json_boolean(v->boolean);
        case VALUE_INT:
                return json_integer(v->integer);
        case VALUE_UINT:
        case VALUE_UINT64:
                return json_integer(v->number > INT64_MAX ? INT64_MAX : (json_int_t) v->number);
        case VALUE_TEXT:
                return json_stringn(v->bytes, v->len);
        case VALUE_BYTES:
                return tree_of_bytes(v->bytes, v->len);
        case VALUE_TEXTS:
        case VALUE_BYTES_LIST:
                return tree_of_names(v->texts, v->kind == VALUE_BYTES_LIST);
        case VALUE_NONE:
        case VALUE_RECORDS:
        case _VALUE_KIND_MAX:
                break;
        }
        ck_abort_msg("no value");
}

/* As jansson would have it, from the values of the field table. */
static json_t *tree_of_record(const RecordView *view) {
        json_t *object = json_object();
        const Field *fields;
        FieldValue value;
        size_t n;

        fields = fields_of(view->type, &n);
        for (size_t i = 0; i < n; i++) {
                field_get(&fields[i], view, &value);
                if (value.kind != VALUE_RECORDS && field_is_published(&fields[i], &value))
                        ck_assert_int_eq(json_object_set_new(object, fields[i].name,
                                                             tree_of_value(&value)),
                                         0);
        }
        return object;
}

/* Takes the tree. */
static void check_tree(JsonWriter *w, json_t *tree) {
        _cleanup_(freep) char *wanted = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
        _cleanup_(freep) char *text = take_text(w);
        json_auto_t *again = parse(text);

        ck_assert_str_eq(text, wanted);
        ck_assert(json_equal(again, tree));
        json_decref(tree);
}

static void random_bytes(void *bytes, size_t n) {
        for (size_t i = 0; i < n; i++)
                ((uint8_t *) bytes)[i] = (uint8_t) random_below(256);
}

/* Any bytes but for what every row keeps to: families exist or are unset, names have no NUL inside. */
static void random_record(ObjectType type, Record *ret) {
        static const uint8_t families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
        Record r;

        random_bytes(&r, sizeof(r));
        if (type == OBJECT_LINK) {
                r.link.name[random_below(LINK_NAME_MAX) + 1] = '\0';
                r.link.ipv6_link_local.family = random_below(2) ? AF_INET6 : AF_UNSPEC;
        } else if (type == OBJECT_ADDRESS) {
                r.address.address.family = families[random_below(2) + 1];
                r.address.peer.family = families[random_below(3)];
                r.address.broadcast.family = families[random_below(3)];
        } else if (type == OBJECT_GROUP) {
                r.group.group.family = families[random_below(2) + 1];
        } else if (type == OBJECT_ROUTE) {
                r.route.family = families[random_below(2) + 1];
                r.route.gateway.family = families[random_below(3)];
                r.route.preferred_source.family = families[random_below(3)];
        } else {
                r.local.address.family = families[random_below(2) + 1];
        }
        *ret = r;
}

static LinkTexts *random_texts(void) {
        char bytes[6][LINK_ALTNAME_MAX];
        TextSpan names[5], alias;
        LinkTexts *texts = NULL;

        for (size_t i = 0; i < ELEMENTSOF(bytes); i++)
                for (size_t k = 0; k < sizeof(bytes[i]); k++)
                        bytes[i][k] = (char) (random_below(255) + 1);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                names[i] = (TextSpan){ bytes[i], random_below(LINK_ALTNAME_MAX) };
        alias = (TextSpan){ bytes[5], random_below(LINK_ALTNAME_MAX) };
        ck_assert_int_eq(link_texts_new(alias, names, random_below(6), &texts), 0);
        return texts;
}

START_TEST(test_random_records) {
        for (unsigned i = 0; i < 3000; i++) {
                _cleanup_(freep) LinkTexts *texts = random_texts();
                ObjectType type = (ObjectType) random_below(_OBJECT_TYPE_MAX);
                RecordView view = { .type = type };
                Record record;
                JsonWriter w = {};

                random_record(type, &record);
                view.record = &record;
                view.context = (RecordContext){
                        .texts = texts,
                        .link_name = random_below(2) ? "a\"\\\xff" : NULL,
                        .users = (int64_t) random_below(3) - 1,
                };
                json_write_record(&w, &view, 0);
                check_tree(&w, tree_of_record(&view));
        }
}
END_TEST

/* Every character that needs care, at every place of a growing buffer. */
START_TEST(test_random_texts) {
        static const char *const pieces[] = { "a",  "\"", "\\",     "/",      "\x01",      "\x1f",
                                              "\b", "\f", "\n",     "\r",     "\t",        "\x7f",
                                              " ",  "",   "\u00e4", "\u20ac", "\U0001f600" };
        for (unsigned i = 0; i < 300; i++) {
                json_t *array = json_array();
                JsonWriter w = {};

                json_write_begin_array(&w);
                for (unsigned k = random_below(40); k > 0; k--) {
                        char text[256] = "";

                        for (unsigned n = random_below(50); n > 0; n--)
                                strcat(text, pieces[random_below(ELEMENTSOF(pieces))]);
                        json_write_text(&w, text);
                        json_array_append_new(array, json_string(text));
                }
                json_write_end_array(&w);
                check_tree(&w, array);
        }
}
END_TEST

/* What could not be written is not handed out, whatever came behind it. */
START_TEST(test_no_memory) {
        JsonWriter w = {};
        char *text = NULL;

        json_write_begin_array(&w);
        json_write_string(&w, "", SIZE_MAX / 2);
        json_write_int(&w, 1);
        json_write_end_array(&w);
        ck_assert_int_eq(json_writer_take(&w, &text, NULL), -ENOMEM);
        ck_assert_ptr_null(text);
        json_writer_reset(&w);
        json_write_null(&w);
        check_json(&w, "null");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("json");
        TCase *c = tcase_create("json");

        suite_add_tcase(suite, c);
        tcase_add_test(c, test_link);
        tcase_add_test(c, test_other_records);
        tcase_add_test(c, test_mask);
        tcase_add_test(c, test_empty_link);
        tcase_add_test(c, test_large_numbers);
        tcase_add_test(c, test_every_byte_in_a_name);
        tcase_add_test(c, test_event_added);
        tcase_add_test(c, test_event_removed);
        tcase_add_test(c, test_event_changed);
        tcase_add_test(c, test_event_resynced);
        tcase_add_test(c, test_table_link);
        tcase_add_test(c, test_table_rows);
        tcase_add_test(c, test_table_describe);
        tcase_add_test(c, test_table_empty);
        tcase_add_test(c, test_random_records);
        tcase_add_test(c, test_random_texts);
        tcase_add_test(c, test_no_memory);

        return unit_run(suite);
}
