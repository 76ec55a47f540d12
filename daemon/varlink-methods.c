/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The methods of org.ifroster about links and rows: unpack, ask, pack. What a question means, its
 * limits and its errors are in question*.c; that parameters have the declared types, the transport has
 * seen to.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json-answer.h"
#include "json.h"
#include "varlink-methods.h"
#include "varlink-roster-internal.h"

static int64_t optional_int(json_t *parameters, const char *name) {
        return json_integer_value(json_object_get(parameters, name));
}

static int reply_object(VarlinkCall *call, int r, json_t *object) {
        json_auto_t *reply = r >= 0 ? object : NULL;

        return r < 0 ? r : varlink_call_reply(call, reply);
}

/* Links ------------------------------------------------------------------------------------ */

static int on_list_links(VarlinkCall *call, json_t *parameters, void *userdata) {
        _cleanup_(json_writer_done) JsonWriter w = {};
        _cleanup_(rows_done) Rows rows = {};
        Roster *roster = userdata;
        Detail detail;
        int r;

        r = question_rows(roster->manager, OBJECT_LINK, 0, 0, &rows, &detail);
        if (r < 0)
                return roster_fail(call, r, NULL, &detail);
        roster_text_begin(&w);
        json_write_begin_object(&w);
        json_write_key(&w, "Links");
        json_write_begin_array(&w);
        for (size_t i = 0; i < rows.n; i++)
                json_write_link_name(&w, (const LinkRecord *) rows.records + i);
        json_write_end_array(&w);
        json_write_end_object(&w);
        return roster_text_reply(&w, call);
}

static int reply_match(VarlinkCall *call, const LinkRecord *link, NameMatch match) {
        _cleanup_(json_writer_done) JsonWriter w = {};

        roster_text_begin(&w);
        json_write_link_match(&w, link, match);
        return roster_text_reply(&w, call);
}

typedef int (*FindLink)(Manager *m, const char *text, size_t len, LinkRecord *ret,
                        NameMatch *ret_match, Detail *reterr_detail);

static int find_link(VarlinkCall *call, json_t *text, void *userdata, FindLink find) {
        Roster *roster = userdata;
        NameMatch match;
        LinkRecord link;
        Detail detail;
        int r;

        r = find(roster->manager, json_string_value(text), json_string_length(text), &link, &match,
                 &detail);
        if (r < 0)
                return roster_fail(call, r, json_string_value(text), &detail);
        return reply_match(call, &link, match);
}

static int on_get_link_by_name(VarlinkCall *call, json_t *parameters, void *userdata) {
        return find_link(call, json_object_get(parameters, "Name"), userdata,
                         question_link_by_name);
}

static int on_resolve_zone(VarlinkCall *call, json_t *parameters, void *userdata) {
        return find_link(call, json_object_get(parameters, "Zone"), userdata,
                         question_resolve_zone);
}

static int on_find_link(VarlinkCall *call, json_t *parameters, void *userdata) {
        return find_link(call, json_object_get(parameters, "Text"), userdata, question_find_link);
}

static int on_get_link_by_index(VarlinkCall *call, json_t *parameters, void *userdata) {
        int64_t index = optional_int(parameters, "Index");
        Roster *roster = userdata;
        char subject[ROSTER_SUBJECT_MAX];
        LinkRecord link;
        Detail detail;
        int r;

        r = question_link_by_index(roster->manager, index, &link, &detail);
        if (r < 0)
                return roster_fail(call, r, roster_subject(index, subject), &detail);
        return reply_match(call, &link, NAME_MATCH_INDEX);
}

/* The record of one link by index, name, or both, which must then mean the same link. */
static int get_link(VarlinkCall *call, json_t *index, json_t *name, Roster *roster) {
        LinkRecord link = {}, by_name;
        char subject[ROSTER_SUBJECT_MAX];
        Detail detail;
        int r;

        if (!json_is_integer(index) && !json_is_string(name))
                return varlink_call_error_invalid_parameter(call, "Index");
        if (json_is_integer(index)) {
                r = question_link_by_index(roster->manager, json_integer_value(index), &link,
                                           &detail);
                if (r < 0)
                        return roster_fail(call, r,
                                           roster_subject(json_integer_value(index), subject),
                                           &detail);
        }
        if (json_is_string(name)) {
                r = question_link_by_name(roster->manager, json_string_value(name),
                                          json_string_length(name), &by_name, NULL, &detail);
                if (r < 0)
                        return roster_fail(call, r, json_string_value(name), &detail);
                if (json_is_integer(index) && by_name.ifindex != link.ifindex)
                        return varlink_call_error_invalid_parameter(call, "Name");
                link = by_name;
        }
        return roster_reply_described(call, roster, link.ifindex);
}

static int on_get_link(VarlinkCall *call, json_t *parameters, void *userdata) {
        return get_link(call, json_object_get(parameters, "Index"),
                        json_object_get(parameters, "Name"), userdata);
}

static int on_describe_link(VarlinkCall *call, json_t *parameters, void *userdata) {
        return get_link(call, json_object_get(parameters, "Index"), NULL, userdata);
}

/* Everything ------------------------------------------------------------------------------- */

static int on_describe(VarlinkCall *call, json_t *parameters, void *userdata) {
        Roster *roster = userdata;

        return roster_begin(call, roster) < 0 ? 0 : roster_reply_described(call, roster, 0);
}

static int list_rows(VarlinkCall *call, json_t *parameters, Roster *roster, ObjectType type,
                     const char *member) {
        int64_t index = optional_int(parameters, "InterfaceIndex");
        _cleanup_(json_writer_done) JsonWriter w = {};
        _cleanup_(rows_done) Rows rows = {};
        char subject[ROSTER_SUBJECT_MAX];
        Detail detail;
        TableView v;
        int r;

        r = question_rows(roster->manager, type, index, optional_int(parameters, "Family"), &rows,
                          &detail);
        if (r < 0)
                return roster_fail(call, r, index != 0 ? roster_subject(index, subject) : NULL,
                                   &detail);
        v = manager_view(roster->manager);
        roster_text_begin(&w);
        json_write_begin_object(&w);
        json_write_key(&w, member);
        json_write_begin_array(&w);
        for (size_t i = 0; i < rows.n; i++) {
                char link_name[LINK_NAME_MAX + 1];
                RecordView view;

                rows_view(&rows, &v, i, link_name, &view);
                json_write_record(&w, &view, 0);
        }
        json_write_end_array(&w);
        json_write_end_object(&w);
        return roster_text_reply(&w, call);
}

static int on_list_addresses(VarlinkCall *call, json_t *parameters, void *userdata) {
        return list_rows(call, parameters, userdata, OBJECT_ADDRESS, "Addresses");
}

static int on_list_groups(VarlinkCall *call, json_t *parameters, void *userdata) {
        return list_rows(call, parameters, userdata, OBJECT_GROUP, "Groups");
}

static int on_list_default_routes(VarlinkCall *call, json_t *parameters, void *userdata) {
        return list_rows(call, parameters, userdata, OBJECT_ROUTE, "DefaultRoutes");
}

static int on_get_statistics(VarlinkCall *call, json_t *parameters, void *userdata) {
        int64_t index = optional_int(parameters, "Index");
        uint64_t values[RTNL_STATISTICS_MAX];
        json_auto_t *object = json_object();
        Roster *roster = userdata;
        char subject[ROSTER_SUBJECT_MAX];
        Detail detail;
        int r;

        r = question_statistics(roster->manager, index, values, &detail);
        if (r < 0)
                return roster_fail(call, r, roster_subject(index, subject), &detail);
        for (size_t i = 0; object && i < RTNL_STATISTICS_MAX; i++)
                if (json_object_set_new(object, rtnl_statistic_name(i), roster_number(values[i])) <
                    0)
                        return -ENOMEM;
        return object ? roster_reply(call, "Statistics", json_incref(object)) : -ENOMEM;
}

/* The daemon itself ------------------------------------------------------------------------ */

static int on_get_counters(VarlinkCall *call, json_t *parameters, void *userdata) {
        json_auto_t *object = json_object();
        Roster *roster = userdata;
        VarlinkCounters transport;
        const char *name;
        uint64_t value;

        for (size_t i = 0;
             source_counter_get(source_counters(manager_source(roster->manager)), i, &name, &value);
             i++)
                if (!object || json_object_set_new(object, name, roster_number(value)) < 0)
                        return -ENOMEM;
        varlink_server_counters(roster->server, &transport);
        if (!object ||
            json_object_set_new(object, "VarlinkConnections",
                                roster_number(transport.connections)) < 0 ||
            json_object_set_new(object, "VarlinkRefused", roster_number(transport.refused)) < 0 ||
            json_object_set_new(object, "VarlinkCalls", roster_number(transport.calls)) < 0 ||
            json_object_set_new(object, "VarlinkViolations", roster_number(transport.violations)) <
                            0 ||
            json_object_set_new(object, "VarlinkSubscriptions",
                                roster_number(roster->n_subscriptions)) < 0)
                return -ENOMEM;
        return roster_reply(call, "Counters", json_incref(object));
}

/* Answers at any time, also before the first reading is complete. */
static int on_get_state(VarlinkCall *call, json_t *parameters, void *userdata) {
        Roster *roster = userdata;
        TableView v;
        States s;
        int r;

        r = manager_refresh(roster->manager);
        if (r < 0)
                return roster_fail(call, r, NULL, NULL);
        v = manager_view(roster->manager);
        s = source_machine_states(manager_source(roster->manager));
        return reply_object(call, 0,
                            json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "State",
                                      source_state_to_string(manager_state(roster->manager)),
                                      "Generation", roster_number(table_generation(&v)), "Resyncs",
                                      roster_number(manager_resyncs(roster->manager)),
                                      "NamespaceId",
                                      roster_number(manager_namespace_id(roster->manager)),
                                      "Version", PROJECT_VERSION, "OperationalState",
                                      operational_state_to_string(s.operational), "CarrierState",
                                      carrier_state_to_string(s.carrier), "AddressState",
                                      address_state_to_string(s.address), "IPv4AddressState",
                                      address_state_to_string(s.ipv4), "IPv6AddressState",
                                      address_state_to_string(s.ipv6)));
}

typedef struct Sync {
        SyncWaiter waiter;
        Manager *manager;
        VarlinkCall *call;
} Sync;

static void sync_free(Sync *sync) {
        varlink_call_unref(sync->call);
        free(sync);
}

static void sync_on_done(SyncWaiter *waiter, uint64_t generation) {
        Sync *sync = (Sync *) waiter;

        varlink_call_set_on_close(sync->call, NULL, NULL);
        if (varlink_call_is_open(sync->call))
                (void) roster_reply(sync->call, "Generation", roster_number(generation));
        sync_free(sync);
}

static void sync_on_close(VarlinkCall *call, void *userdata) {
        Sync *sync = userdata;

        manager_sync_cancel(sync->manager, &sync->waiter);
        sync_free(sync);
}

static int on_sync(VarlinkCall *call, json_t *parameters, void *userdata) {
        Roster *roster = userdata;
        Detail detail;
        Sync *sync;
        int r;

        sync = calloc(1, sizeof(*sync));
        if (!sync)
                return -ENOMEM;
        sync->waiter.on_done = sync_on_done;
        sync->manager = roster->manager;
        sync->call = varlink_call_ref(call);
        varlink_call_set_on_close(call, sync_on_close, sync);
        r = question_sync(roster->manager, &sync->waiter, &detail);
        if (r < 0) {
                varlink_call_set_on_close(call, NULL, NULL);
                sync_free(sync);
                return roster_fail(call, r, NULL, &detail);
        }
        return 0;
}

const VarlinkMethod roster_methods[] = {
        { "Describe", on_describe },
        { "DescribeLink", on_describe_link },
        { "FindLink", on_find_link },
        { "FormatAddress", roster_on_format_address },
        { "GetCounters", on_get_counters },
        { "GetLink", on_get_link },
        { "GetLinkByIndex", on_get_link_by_index },
        { "GetLinkByName", on_get_link_by_name },
        { "GetLinkForAddress", roster_on_get_link_for_address },
        { "GetPrimaryAddress", roster_on_get_primary_address },
        { "GetState", on_get_state },
        { "GetStatistics", on_get_statistics },
        { "ListAddresses", on_list_addresses },
        { "ListDefaultRoutes", on_list_default_routes },
        { "ListGroups", on_list_groups },
        { "ListLinks", on_list_links },
        { "ListLocal", roster_on_list_local },
        { "ListProxies", roster_on_list_proxies },
        { "LookupAddress", roster_on_lookup_address },
        { "ParseAddress", roster_on_parse_address },
        { "ResolveZone", on_resolve_zone },
        { "SelectSource", roster_on_select_source },
        { "Subscribe", roster_on_subscribe, VARLINK_METHOD_REQUIRES_MORE },
        { "Sync", on_sync },
        {},
};
