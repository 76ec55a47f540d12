/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The methods of org.ifroster about addresses: unpack, ask, pack.
 */

#include <errno.h>
#include <string.h>

#include "json-answer.h"
#include "json.h"
#include "varlink-methods.h"
#include "varlink-roster-internal.h"

static int reply_object(VarlinkCall *call, int r, json_t *object) {
        json_auto_t *reply = r >= 0 ? object : NULL;

        return r < 0 ? r : varlink_call_reply(call, reply);
}

int roster_on_parse_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        json_t *text = json_object_get(parameters, "Text"), *object = NULL;
        Roster *roster = userdata;
        ParsedAddress parsed;
        Detail detail;
        TableView v;
        int r;

        r = question_parse_address(roster->manager, json_string_value(text),
                                   json_string_length(text), &parsed, &detail);
        if (r < 0)
                return roster_fail(call, r, json_string_value(text), &detail);
        v = manager_view(roster->manager);
        r = json_parsed_address(&v, &parsed, &object);
        return reply_object(call, r, object);
}

/* An array of numbers as bytes; false when one is none, or there are too many. */
static bool read_bytes(json_t *list, uint8_t bytes[static 16], size_t *ret_len) {
        json_t *number;
        size_t i;

        if (json_array_size(list) > 16)
                return false;
        json_array_foreach(list, i, number) {
                json_int_t n = json_integer_value(number);

                if (n < 0 || n > UINT8_MAX)
                        return false;
                bytes[i] = (uint8_t) n;
        }
        *ret_len = json_array_size(list);
        return true;
}

int roster_on_format_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        char text[ADDRESS_TEXT_MAX];
        Roster *roster = userdata;
        uint8_t bytes[16] = {};
        Detail detail;
        size_t len;
        int r;

        if (!read_bytes(json_object_get(parameters, "Address"), bytes, &len))
                return roster_fail(call, -EBADMSG, "Address", NULL);
        r = question_format_address(
                        roster->manager, json_integer_value(json_object_get(parameters, "Family")),
                        bytes, len, json_integer_value(json_object_get(parameters, "Index")), text,
                        &detail);
        if (r < 0)
                return roster_fail(call, r, "Address", &detail);
        return roster_reply(call, "Text", json_string(text));
}

int roster_on_lookup_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(address_answer_done) AddressAnswer answer = {};
        json_t *text = json_object_get(parameters, "Address"), *object = NULL;
        Roster *roster = userdata;
        Detail detail;
        TableView v;
        int r;

        r = question_lookup_address(roster->manager, json_string_value(text),
                                    json_string_length(text), &answer, &detail);
        if (r < 0)
                return roster_fail(call, r, json_string_value(text), &detail);
        v = manager_view(roster->manager);
        r = json_address_answer(&v, &answer, &object);
        return reply_object(call, r, object);
}

int roster_on_get_link_for_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        json_t *text = json_object_get(parameters, "Address"), *object = NULL;
        Roster *roster = userdata;
        LinkAnswer answer = {};
        LinkRecord link;
        Detail detail;
        TableView v;
        int r;

        r = question_link_for_address(roster->manager, json_string_value(text),
                                      json_string_length(text), &link, &answer.reason, &detail);
        if (r < 0)
                return roster_fail(call, r, json_string_value(text), &detail);
        answer.ifindex = link.ifindex;
        v = manager_view(roster->manager);
        r = json_link_answer(&v, &answer, &object);
        return reply_object(call, r, object);
}

int roster_on_select_source(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(source_answer_done) SourceAnswer answer = {};
        json_t *text = json_object_get(parameters, "Destination"), *object = NULL;
        const char *mode = json_string_value(json_object_get(parameters, "Mode")), *rule;
        Roster *roster = userdata;
        Detail detail;
        TableView v;
        int r;

        r = question_select_source(roster->manager, json_string_value(text),
                                   json_string_length(text), mode ? mode : "", &answer, &rule,
                                   &detail);
        if (r < 0)
                return roster_fail(call, r, json_string_value(text), &detail);
        v = manager_view(roster->manager);
        r = json_source_answer(&v, &answer, rule, &object);
        return reply_object(call, r, object);
}

int roster_on_get_primary_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        int64_t family = json_integer_value(json_object_get(parameters, "Family"));
        char link_name[LINK_NAME_MAX + 1];
        Roster *roster = userdata;
        AddressRecord address;
        json_t *record = NULL;
        RecordView view;
        LinkRecord link;
        Detail detail;
        TableView v;
        int r;

        r = question_primary_address(roster->manager, family, &address, &detail);
        if (r < 0)
                return roster_fail(call, r, NULL, &detail);
        v = manager_view(roster->manager);
        view = (RecordView){ .type = OBJECT_ADDRESS, .record = &address, .context.users = -1 };
        if (table_get_link(&v, address.ifindex, &link)) {
                memcpy(link_name, link.name, sizeof(link_name));
                view.context.link_name = link_name;
        }
        r = json_from_view(&view, 0, &record);
        if (r < 0)
                return r;
        return roster_reply(call, "Address", record);
}

int roster_on_list_local(VarlinkCall *call, json_t *parameters, void *userdata) {
        const char *view = json_string_value(json_object_get(parameters, "View"));
        _cleanup_(freep) LocalEntry *entries = NULL;
        Roster *roster = userdata;
        json_t *list = NULL;
        Detail detail;
        TableView v;
        size_t n;
        int r;

        r = question_local(roster->manager, view ? view : "", &entries, &n, &detail);
        if (r < 0)
                return roster_fail(call, r, view, &detail);
        v = manager_view(roster->manager);
        r = json_local_entries(&v, entries, n, &list);
        return r < 0 ? r : roster_reply(call, "Entries", list);
}

int roster_on_list_proxies(VarlinkCall *call, json_t *parameters, void *userdata) {
        int64_t index = json_integer_value(json_object_get(parameters, "InterfaceIndex"));
        _cleanup_(freep) RtnlProxy *proxies = NULL;
        json_auto_t *list = json_array();
        Roster *roster = userdata;
        char subject[ROSTER_SUBJECT_MAX];
        Detail detail;
        size_t n;
        int r;

        r = question_proxies(roster->manager, index, &proxies, &n, &detail);
        if (r < 0)
                return roster_fail(call, r, roster_subject(index, subject), &detail);
        for (size_t i = 0; list && i < n; i++) {
                size_t size = ip_family_size(proxies[i].address.family);
                json_t *bytes = json_array();
                char text[IP_TEXT_MAX];

                for (size_t k = 0; bytes && k < size; k++)
                        (void) json_array_append_new(bytes,
                                                     json_integer(proxies[i].address.bytes[k]));
                if (json_array_append_new(list, json_pack("{s:i, s:i, s:o, s:s}", "InterfaceIndex",
                                                          proxies[i].ifindex, "Family",
                                                          (int) proxies[i].address.family,
                                                          "Address", bytes, "AddressString",
                                                          ip_format(&proxies[i].address, text))) <
                    0)
                        return -ENOMEM;
        }
        return list ? roster_reply(call, "Proxies", json_incref(list)) : -ENOMEM;
}
