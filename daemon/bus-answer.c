/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The methods of the Manager interface about addresses: unpack, ask, pack, like bus-manager.c. The
 * dictionaries of candidates, local entries and proxies are not rows of the table, so their members
 * are named here; those that a row has too have the row's names.
 */

#include <string.h>

#include "bus-internal.h"
#include "util.h"

/* Texts ----------------------------------------------------------------------------------- */

int bus_on_parse_address(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Bus *b = userdata;
        ParsedAddress a;
        const char *text;
        Detail detail;
        int r;

        r = sd_bus_message_read_basic(message, 's', &text);
        if (r < 0)
                return r;
        r = question_parse_address(b->manager, text, strlen(text), &a, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "i", (int32_t) a.address.family);
        if (r < 0)
                return r;
        r = sd_bus_message_append_array(reply, 'y', a.address.bytes,
                                        ip_family_size(a.address.family));
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "isss", a.ifindex, a.canonical,
                                  address_class_to_string(a.address_class),
                                  address_scope_to_string(a.scope));
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

int bus_on_format_address(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        char text[ADDRESS_TEXT_MAX];
        int32_t family, ifindex;
        Bus *b = userdata;
        const void *bytes;
        Detail detail;
        size_t len;
        int r;

        r = sd_bus_message_read_basic(message, 'i', &family);
        if (r < 0)
                return r;
        r = sd_bus_message_read_array(message, 'y', &bytes, &len);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(message, 'i', &ifindex);
        if (r < 0)
                return r;
        r = question_format_address(b->manager, family, bytes, len, ifindex, text, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        return sd_bus_reply_method_return(message, "s", text);
}

/* "" for a link that is not in the table (any more). */
static const char *link_name(const TableView *v, int32_t ifindex,
                             char buf[static TEXT_ESCAPED_MAX(LINK_NAME_MAX)]) {
        LinkRecord link;

        buf[0] = 0;
        if (table_get_link(v, ifindex, &link))
                (void) text_escape(link.name, strlen(link.name), buf,
                                   TEXT_ESCAPED_MAX(LINK_NAME_MAX));
        return buf;
}

static int append_link(sd_bus_message *m, const TableView *v, int32_t ifindex) {
        char name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];
        LinkRecord link = {};
        size_t len;
        int r;

        (void) table_get_link(v, ifindex, &link);
        len = strlen(link.name);
        (void) text_escape(link.name, len, name, sizeof(name));
        r = bus_append_entry_int(m, "InterfaceIndex", ifindex);
        if (r < 0)
                return r;
        r = bus_append_entry_text(m, "Name", name);
        if (r < 0 || !text_needs_escape(link.name, len))
                return r;
        return bus_append_entry_bytes(m, "NameBytes", link.name, len);
}

/* The text that stands for an address on a link: with a zone where it needs one. */
static const char *address_text(const TableView *v, const IpAddress *a, int32_t ifindex,
                                char buf[static ADDRESS_TEXT_MAX]) {
        if (!ip_needs_zone(a) || ifindex <= 0 || lookup_format_address(v, a, ifindex, buf) < 0)
                (void) ip_format(a, buf);
        return buf;
}

/* Answers of one array of dictionaries; append fills the dictionary of one entry. */
typedef int (*AppendEntry)(sd_bus_message *m, const TableView *v, const void *entry);

static int append_dictionaries(sd_bus_message *m, const TableView *v, const void *entries, size_t n,
                               size_t size, AppendEntry append) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "a{sv}");
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = sd_bus_message_open_container(m, 'a', "{sv}");
                if (r >= 0)
                        r = append(m, v, (const uint8_t *) entries + i * size);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

static int reply_dictionaries(sd_bus_message *message, const TableView *v, const void *entries,
                              size_t n, size_t size, AppendEntry append) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = append_dictionaries(reply, v, entries, n, size, append);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

/* Is it mine, which link ------------------------------------------------------------------- */

int bus_on_lookup_address(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(address_answer_done) AddressAnswer answer = {};
        char name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];
        Bus *b = userdata;
        const char *text;
        Detail detail;
        TableView v;
        int r;

        r = sd_bus_message_read_basic(message, 's', &text);
        if (r < 0)
                return r;
        r = question_lookup_address(b->manager, text, strlen(text), &answer, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);

        v = manager_view(b->manager);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "s", address_type_to_string(answer.type));
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(is)");
        if (r < 0)
                return r;
        for (size_t i = 0; i < answer.n; i++) {
                r = sd_bus_message_append(reply, "(is)", answer.ifindexes[i],
                                          link_name(&v, answer.ifindexes[i], name));
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

int bus_on_get_link_for_address(sd_bus_message *message, void *userdata,
                                sd_bus_error *reterr_error) {
        char name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];
        Bus *b = userdata;
        LinkReason reason;
        LinkRecord link;
        const char *text;
        Detail detail;
        int r;

        r = sd_bus_message_read_basic(message, 's', &text);
        if (r < 0)
                return r;
        r = question_link_for_address(b->manager, text, strlen(text), &link, &reason, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        (void) text_escape(link.name, strlen(link.name), name, sizeof(name));
        return sd_bus_reply_method_return(message, "iss", link.ifindex, name,
                                          link_reason_to_string(reason));
}

/* Source addresses ------------------------------------------------------------------------- */

static int append_candidate(sd_bus_message *m, const TableView *v, const void *entry) {
        const SourceCandidate *c = entry;
        int r;

        r = append_link(m, v, c->ifindex);
        if (r >= 0)
                r = bus_append_entry_int(m, "Family", c->address.family);
        if (r >= 0)
                r = bus_append_entry_address(m, "Address", "AddressString", &c->address);
        if (r >= 0)
                r = bus_append_entry_uint(m, "PrefixLength", c->prefix_length);
        if (r >= 0)
                r = bus_append_entry_uint(m, "Flags", c->flags);
        if (r >= 0)
                r = bus_append_entry_text(m, "State", usability_to_string(c->usability));
        if (r >= 0)
                r = bus_append_entry_bool(m, "Chosen", c->chosen);
        if (r >= 0)
                r = bus_append_entry_text(m, "Rule", source_rule_to_string(c->rule));
        return r;
}

int bus_on_select_source(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(source_answer_done) SourceAnswer answer = {};
        char text[ADDRESS_TEXT_MAX], name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];
        const char *destination, *mode, *rule;
        Bus *b = userdata;
        Detail detail;
        TableView v;
        int r;

        r = sd_bus_message_read(message, "ss", &destination, &mode);
        if (r < 0)
                return r;
        r = question_select_source(b->manager, destination, strlen(destination), mode, &answer,
                                   &rule, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);

        v = manager_view(b->manager);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "siss",
                                  address_text(&v, &answer.source,
                                               answer.source_ifindex > 0 ? answer.source_ifindex
                                                                         : answer.ifindex,
                                               text),
                                  answer.ifindex, link_name(&v, answer.ifindex, name), rule);
        if (r < 0)
                return r;
        r = append_dictionaries(reply, &v, answer.candidates, answer.n_candidates,
                                sizeof(SourceCandidate), append_candidate);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

int bus_on_get_primary_address(sd_bus_message *message, void *userdata,
                               sd_bus_error *reterr_error) {
        char text[ADDRESS_TEXT_MAX];
        AddressRecord address;
        Bus *b = userdata;
        int32_t family;
        Detail detail;
        TableView v;
        int r;

        r = sd_bus_message_read_basic(message, 'i', &family);
        if (r < 0)
                return r;
        r = question_primary_address(b->manager, family, &address, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        v = manager_view(b->manager);
        return sd_bus_reply_method_return(message, "si",
                                          address_text(&v, &address.address, address.ifindex, text),
                                          address.ifindex);
}

/* Lists ------------------------------------------------------------------------------------ */

static int append_reasons(sd_bus_message *m, uint16_t reasons) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', "Reasons");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', "as");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && i < LOCAL_REASONS; i++)
                if (reasons & (1 << i))
                        r = sd_bus_message_append_basic(m, 's', local_reason_name(i));
        for (size_t i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_local(sd_bus_message *m, const TableView *v, const void *entry) {
        const LocalEntry *e = entry;
        int r;

        r = append_link(m, v, e->ifindex);
        if (r >= 0)
                r = bus_append_entry_int(m, "Family", e->address.family);
        if (r >= 0)
                r = bus_append_entry_address(m, "Address", "AddressString", &e->address);
        if (r >= 0)
                r = bus_append_entry_uint(m, "PrefixLength", e->prefix_length);
        if (r >= 0)
                r = bus_append_entry_text(m, "Type", address_type_to_string(e->type));
        if (r >= 0)
                r = append_reasons(m, e->reasons);
        if (r >= 0 && e->references > 0)
                r = bus_append_entry_uint(m, "References", e->references);
        if (r >= 0 && ip_is_set(&e->owner))
                r = bus_append_entry_address(m, "Owner", "OwnerString", &e->owner);
        if (r >= 0 && ip_is_set(&e->owner))
                r = bus_append_entry_uint(m, "OwnerPrefixLength", e->owner_prefix_length);
        return r;
}

int bus_on_list_local(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(freep) LocalEntry *entries = NULL;
        Bus *b = userdata;
        const char *view;
        Detail detail;
        TableView v;
        size_t n;
        int r;

        r = sd_bus_message_read_basic(message, 's', &view);
        if (r < 0)
                return r;
        r = question_local(b->manager, view, &entries, &n, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        v = manager_view(b->manager);
        return reply_dictionaries(message, &v, entries, n, sizeof(LocalEntry), append_local);
}

static int append_proxy(sd_bus_message *m, const TableView *v, const void *entry) {
        const RtnlProxy *p = entry;
        int r;

        r = append_link(m, v, p->ifindex);
        if (r < 0)
                return r;
        r = bus_append_entry_int(m, "Family", p->address.family);
        if (r < 0)
                return r;
        return bus_append_entry_address(m, "Address", "AddressString", &p->address);
}

int bus_on_list_proxies(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        _cleanup_(freep) RtnlProxy *proxies = NULL;
        Bus *b = userdata;
        int32_t ifindex;
        Detail detail;
        TableView v;
        size_t n;
        int r;

        r = sd_bus_message_read_basic(message, 'i', &ifindex);
        if (r < 0)
                return r;
        r = question_proxies(b->manager, ifindex, &proxies, &n, &detail);
        if (r < 0)
                return bus_error(reterr_error, r, &detail);
        v = manager_view(b->manager);
        return reply_dictionaries(message, &v, proxies, n, sizeof(RtnlProxy), append_proxy);
}
