/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The Manager interface: one short function a method, which unpacks the question, asks it, and packs
 * the answer. What a question means, its limits and its errors are in question.c.
 */

#include <string.h>

#include "bus-internal.h"
#include "util.h"

/* Unanswered Sync calls of one client, so that it cannot use up those of all. */
#define BUS_SYNCS_PER_CLIENT_MAX 64

#ifndef PROJECT_VERSION
#error "the build says which version this is"
#endif

/* Links ------------------------------------------------------------------------------------ */

static int on_list_links(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(rows_done) Rows rows = {};
        char path[BUS_LINK_PATH_MAX];
        Bus *b = userdata;
        Detail detail;
        int r;

        r = question_rows(b->manager, OBJECT_LINK, 0, AF_UNSPEC, &rows, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(iso)");
        for (size_t i = 0; r >= 0 && i < rows.n; i++) {
                const LinkRecord *link = (const LinkRecord *) rows.records + i;

                bus_link_path(link->ifindex, path);
                r = sd_bus_message_open_container(reply, 'r', "iso");
                if (r >= 0)
                        r = sd_bus_message_append_basic(reply, 'i', &link->ifindex);
                if (r >= 0)
                        r = bus_append_escaped(reply, link->name, strlen(link->name));
                if (r >= 0)
                        r = sd_bus_message_append_basic(reply, 'o', path);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

static int on_get_link_by_name(sd_bus_message *message, void *userdata,
                               sd_bus_error *reterr_error) {
        char path[BUS_LINK_PATH_MAX];
        Bus *b = userdata;
        const char *name;
        LinkRecord link;
        Detail detail;
        int r;

        r = sd_bus_message_read_basic(message, 's', &name);
        if (r < 0)
                return r;
        r = question_link_by_name(b->manager, name, strlen(name), &link, NULL, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        bus_link_path(link.ifindex, path);
        return sd_bus_reply_method_return(message, "io", link.ifindex, path);
}

static int on_get_link_by_index(sd_bus_message *message, void *userdata,
                                sd_bus_error *reterr_error) {
        char path[BUS_LINK_PATH_MAX], name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];
        Bus *b = userdata;
        LinkRecord link;
        int32_t ifindex;
        Detail detail;
        int r;

        r = sd_bus_message_read_basic(message, 'i', &ifindex);
        if (r < 0)
                return r;
        r = question_link_by_index(b->manager, ifindex, &link, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        bus_link_path(link.ifindex, path);
        (void) text_escape(link.name, strlen(link.name), name, sizeof(name));
        return sd_bus_reply_method_return(message, "so", name, path);
}

/* "Found this link, and this is how" */
static int reply_match(sd_bus_message *message, const LinkRecord *link, NameMatch match) {
        char name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];

        (void) text_escape(link->name, strlen(link->name), name, sizeof(name));
        return sd_bus_reply_method_return(message, "iss", link->ifindex, name,
                                          name_match_to_string(match));
}

static int on_resolve_zone(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        Bus *b = userdata;
        const char *zone;
        LinkRecord link;
        NameMatch match;
        Detail detail;
        int r;

        r = sd_bus_message_read_basic(message, 's', &zone);
        if (r < 0)
                return r;
        r = question_resolve_zone(b->manager, zone, strlen(zone), &link, &match, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        return reply_match(message, &link, match);
}

static int on_find_link(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        Bus *b = userdata;
        const char *text;
        LinkRecord link;
        NameMatch match;
        Detail detail;
        int r;

        r = sd_bus_message_read_basic(message, 's', &text);
        if (r < 0)
                return r;
        r = question_find_link(b->manager, text, strlen(text), &link, &match, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        return reply_match(message, &link, match);
}

static int on_describe(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(freep) char *text = NULL;
        Bus *b = userdata;
        Detail detail;
        int r;

        r = question_describe(b->manager, &text, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        return sd_bus_reply_method_return(message, "s", text);
}

static int on_describe_link(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(freep) char *text = NULL;
        Bus *b = userdata;
        int32_t ifindex;
        Detail detail;
        int r;

        r = sd_bus_message_read_basic(message, 'i', &ifindex);
        if (r < 0)
                return r;
        r = question_describe_link(b->manager, ifindex, &text, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        return sd_bus_reply_method_return(message, "s", text);
}

/* Rows ------------------------------------------------------------------------------------- */

static int reply_rows(Bus *b, sd_bus_message *message, ObjectType type, int32_t ifindex,
                      int32_t family, sd_bus_error *reterr_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(rows_done) Rows rows = {};
        Detail detail;
        TableView v;
        int r;

        r = question_rows(b->manager, type, ifindex, family, &rows, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);

        v = manager_view(b->manager);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = bus_append_rows(reply, &v, &rows);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

static int on_list_addresses(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        int32_t ifindex, family;
        int r;

        r = sd_bus_message_read(message, "ii", &ifindex, &family);
        if (r < 0)
                return r;
        return reply_rows(userdata, message, OBJECT_ADDRESS, ifindex, family, reterr_error);
}

static int on_list_groups(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        int32_t ifindex, family;
        int r;

        r = sd_bus_message_read(message, "ii", &ifindex, &family);
        if (r < 0)
                return r;
        return reply_rows(userdata, message, OBJECT_GROUP, ifindex, family, reterr_error);
}

static int on_list_default_routes(sd_bus_message *message, void *userdata,
                                  sd_bus_error *reterr_error) {
        return reply_rows(userdata, message, OBJECT_ROUTE, 0, AF_UNSPEC, reterr_error);
}

/* Sync ------------------------------------------------------------------------------------- */

struct BusSync {
        SyncWaiter waiter; /* first: what the manager calls is this */
        Bus *bus;
        sd_bus_message *call;
        BusSync *next;
};

static void sync_free(BusSync *sync) {
        for (BusSync **s = &sync->bus->syncs; *s; s = &(*s)->next)
                if (*s == sync) {
                        *s = sync->next;
                        break;
                }
        manager_sync_cancel(sync->bus->manager, &sync->waiter);
        sd_bus_message_unref(sync->call);
        free(sync);
}

static void on_synced(SyncWaiter *w, uint64_t generation) {
        BusSync *sync = (BusSync *) w;

        /* Fails only for a connection that is going away, which is noticed elsewhere. */
        (void) sd_bus_reply_method_return(sync->call, "t", generation);
        sync_free(sync);
}

static size_t count_syncs(const Bus *b, const char *sender) {
        size_t n = 0;

        for (const BusSync *s = b->syncs; s; s = s->next) {
                const char *other = sd_bus_message_get_sender(s->call);

                n += sender && other && strcmp(sender, other) == 0;
        }
        return n;
}

static int on_sync(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        Detail detail = { "Too many calls of Sync are waiting" };
        Bus *b = userdata;
        BusSync *sync;
        int r;

        if (count_syncs(b, sd_bus_message_get_sender(message)) >= BUS_SYNCS_PER_CLIENT_MAX)
                return bus_error(reterr_error, -E2BIG, &detail);

        sync = malloc(sizeof(BusSync));
        if (!sync)
                return -ENOMEM;
        *sync = (BusSync){
                .waiter.on_done = on_synced,
                .bus = b,
                .call = sd_bus_message_ref(message),
                .next = b->syncs,
        };
        b->syncs = sync;

        r = question_sync(b->manager, &sync->waiter, &detail);
        if (r < 0) {
                sync_free(sync);
                return bus_error(reterr_error, r, &detail);
        }
        return 1;
}

void bus_manager_forget_syncs(Bus *b) {
        while (b->syncs)
                sync_free(b->syncs);
}

static int on_get_counters(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Bus *b = userdata;
        const char *name;
        uint64_t value;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "{st}");
        if (r < 0)
                return r;
        for (size_t i = 0;
             source_counter_get(source_counters(manager_source(b->manager)), i, &name, &value);
             i++) {
                r = sd_bus_message_append(reply, "{st}", name, value);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

/* Properties ------------------------------------------------------------------------------- */

static int get_generation(sd_bus *connection, const char *path, const char *interface,
                          const char *property, sd_bus_message *reply, void *userdata,
                          sd_bus_error *reterr_error) {
        Bus *b = userdata;
        TableView v = manager_view(b->manager);

        return sd_bus_message_append(reply, "t", table_generation(&v));
}

static int get_state(sd_bus *connection, const char *path, const char *interface,
                     const char *property, sd_bus_message *reply, void *userdata,
                     sd_bus_error *reterr_error) {
        Bus *b = userdata;

        return sd_bus_message_append(reply, "s", source_state_to_string(manager_state(b->manager)));
}

static int get_resyncs(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *reterr_error) {
        Bus *b = userdata;

        return sd_bus_message_append(reply, "t", manager_resyncs(b->manager));
}

static int get_namespace_id(sd_bus *connection, const char *path, const char *interface,
                            const char *property, sd_bus_message *reply, void *userdata,
                            sd_bus_error *reterr_error) {
        Bus *b = userdata;

        return sd_bus_message_append(reply, "t", manager_namespace_id(b->manager));
}

static int get_version(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *reterr_error) {
        return sd_bus_message_append(reply, "s", PROJECT_VERSION);
}

static int get_overall_state(sd_bus *connection, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *reterr_error) {
        Bus *b = userdata;
        States s = source_machine_states(manager_source(b->manager));
        const char *word;

        if (strcmp(property, "OperationalState") == 0)
                word = operational_state_to_string(s.operational);
        else if (strcmp(property, "CarrierState") == 0)
                word = carrier_state_to_string(s.carrier);
        else if (strcmp(property, "AddressState") == 0)
                word = address_state_to_string(s.address);
        else if (strcmp(property, "IPv4AddressState") == 0)
                word = address_state_to_string(s.ipv4);
        else
                word = address_state_to_string(s.ipv6);
        return sd_bus_message_append_basic(reply, 's', word);
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),

        SD_BUS_PROPERTY("Generation", "t", get_generation, 0, 0),
        SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Resyncs", "t", get_resyncs, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("NamespaceId", "t", get_namespace_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("OperationalState", "s", get_overall_state, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("CarrierState", "s", get_overall_state, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("AddressState", "s", get_overall_state, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("IPv4AddressState", "s", get_overall_state, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("IPv6AddressState", "s", get_overall_state, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),

        SD_BUS_METHOD_WITH_ARGS("ListLinks", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(iso)", links),
                                on_list_links, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetLinkByName", SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("i", index, "o", path), on_get_link_by_name,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetLinkByIndex", SD_BUS_ARGS("i", index),
                                SD_BUS_RESULT("s", name, "o", path), on_get_link_by_index,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_describe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DescribeLink", SD_BUS_ARGS("i", index), SD_BUS_RESULT("s", json),
                                on_describe_link, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListAddresses", SD_BUS_ARGS("i", index, "i", family),
                                SD_BUS_RESULT("aa{sv}", addresses), on_list_addresses,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListGroups", SD_BUS_ARGS("i", index, "i", family),
                                SD_BUS_RESULT("aa{sv}", groups), on_list_groups,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ResolveZone", SD_BUS_ARGS("s", zone),
                                SD_BUS_RESULT("i", index, "s", name, "s", matched), on_resolve_zone,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ParseAddress", SD_BUS_ARGS("s", text),
                                SD_BUS_RESULT("i", family, "ay", address, "i", index, "s",
                                              canonical, "s", class, "s", scope),
                                bus_on_parse_address, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("FormatAddress",
                                SD_BUS_ARGS("i", family, "ay", address, "i", index),
                                SD_BUS_RESULT("s", text), bus_on_format_address,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("LookupAddress", SD_BUS_ARGS("s", address),
                                SD_BUS_RESULT("s", type, "a(is)", links), bus_on_lookup_address,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetLinkForAddress", SD_BUS_ARGS("s", address),
                                SD_BUS_RESULT("i", index, "s", name, "s", reason),
                                bus_on_get_link_for_address, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SelectSource", SD_BUS_ARGS("s", destination, "s", mode),
                                SD_BUS_RESULT("s", source, "i", index, "s", name, "s", rule,
                                              "aa{sv}", candidates),
                                bus_on_select_source, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetPrimaryAddress", SD_BUS_ARGS("i", family),
                                SD_BUS_RESULT("s", address, "i", index), bus_on_get_primary_address,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListLocal", SD_BUS_ARGS("s", view),
                                SD_BUS_RESULT("aa{sv}", entries), bus_on_list_local,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListProxies", SD_BUS_ARGS("i", index),
                                SD_BUS_RESULT("aa{sv}", proxies), bus_on_list_proxies,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("FindLink", SD_BUS_ARGS("s", text),
                                SD_BUS_RESULT("i", index, "s", name, "s", matched), on_find_link,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListDefaultRoutes", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("aa{sv}", routes), on_list_default_routes,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Sync", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", generation), on_sync,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetCounters", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{st}", counters),
                                on_get_counters, SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_SIGNAL_WITH_ARGS("Changed", SD_BUS_ARGS("t", generation, "aa{sv}", events), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Resynced", SD_BUS_ARGS("t", generation, "s", reason), 0),

        SD_BUS_VTABLE_END,
};

int bus_manager_export(Bus *b) {
        int r;

        r = sd_bus_add_object_manager(b->connection, NULL, BUS_ROOT_PATH);
        if (r < 0)
                return r;
        return sd_bus_add_object_vtable(b->connection, NULL, BUS_ROOT_PATH, BUS_MANAGER_INTERFACE,
                                        manager_vtable, b);
}
