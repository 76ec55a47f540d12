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

int roster_on_parse_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        json_t *text = json_object_get(parameters, "Text");
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
        roster_text_begin(&w);
        json_write_parsed_address(&w, &v, &parsed);
        return roster_text_reply(&w, call);
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
        _cleanup_(json_writer_done) JsonWriter w = {};
        _cleanup_(address_answer_done) AddressAnswer answer = {};
        json_t *text = json_object_get(parameters, "Address");
        Roster *roster = userdata;
        Detail detail;
        TableView v;
        int r;

        r = question_lookup_address(roster->manager, json_string_value(text),
                                    json_string_length(text), &answer, &detail);
        if (r < 0)
                return roster_fail(call, r, json_string_value(text), &detail);
        v = manager_view(roster->manager);
        roster_text_begin(&w);
        json_write_address_answer(&w, &v, &answer);
        return roster_text_reply(&w, call);
}

int roster_on_get_link_for_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        json_t *text = json_object_get(parameters, "Address");
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
        roster_text_begin(&w);
        json_write_link_answer(&w, &v, &answer);
        return roster_text_reply(&w, call);
}

int roster_on_select_source(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        _cleanup_(source_answer_done) SourceAnswer answer = {};
        json_t *text = json_object_get(parameters, "Destination");
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
        roster_text_begin(&w);
        json_write_source_answer(&w, &v, &answer, rule);
        return roster_text_reply(&w, call);
}

int roster_on_get_primary_address(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        int64_t family = json_integer_value(json_object_get(parameters, "Family"));
        char link_name[LINK_NAME_MAX + 1];
        Roster *roster = userdata;
        AddressRecord address;
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
        roster_text_begin(&w);
        json_write_begin_object(&w);
        json_write_key(&w, "Address");
        json_write_record(&w, &view, 0);
        json_write_end_object(&w);
        return roster_text_reply(&w, call);
}

int roster_on_list_local(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        const char *view = json_string_value(json_object_get(parameters, "View"));
        _cleanup_(freep) LocalEntry *entries = NULL;
        Roster *roster = userdata;
        Detail detail;
        TableView v;
        size_t n;
        int r;

        r = question_local(roster->manager, view ? view : "", &entries, &n, &detail);
        if (r < 0)
                return roster_fail(call, r, view, &detail);
        v = manager_view(roster->manager);
        roster_text_begin(&w);
        json_write_begin_object(&w);
        json_write_key(&w, "Entries");
        json_write_local_entries(&w, &v, entries, n);
        json_write_end_object(&w);
        return roster_text_reply(&w, call);
}

int roster_on_list_proxies(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        int64_t index = json_integer_value(json_object_get(parameters, "InterfaceIndex"));
        _cleanup_(freep) RtnlProxy *proxies = NULL;
        Roster *roster = userdata;
        char subject[ROSTER_SUBJECT_MAX];
        Detail detail;
        size_t n;
        int r;

        r = question_proxies(roster->manager, index, &proxies, &n, &detail);
        if (r < 0)
                return roster_fail(call, r, roster_subject(index, subject), &detail);
        roster_text_begin(&w);
        json_write_begin_object(&w);
        json_write_key(&w, "Proxies");
        json_write_begin_array(&w);
        for (size_t i = 0; i < n; i++) {
                json_write_begin_object(&w);
                json_write_key(&w, "InterfaceIndex");
                json_write_int(&w, proxies[i].ifindex);
                json_write_key(&w, "Family");
                json_write_int(&w, proxies[i].address.family);
                json_write_address(&w, "Address", "AddressString", &proxies[i].address);
                json_write_end_object(&w);
        }
        json_write_end_array(&w);
        json_write_end_object(&w);
        return roster_text_reply(&w, call);
}
