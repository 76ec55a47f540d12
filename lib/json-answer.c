/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Packs answers. Nothing is decided here; the words are those of lookup.h and lookup-source.h.
 */

#include "json-answer.h"
#include "json.h"
#include "util.h"

static void set_text(JsonWriter *w, const char *name, const char *text) {
        json_write_key(w, name);
        json_write_text(w, text);
}

static void set_number(JsonWriter *w, const char *name, uint64_t number) {
        json_write_key(w, name);
        json_write_uint(w, number);
}

static void set_bytes(JsonWriter *w, const char *name, const void *bytes, size_t n) {
        json_write_key(w, name);
        json_write_bytes(w, bytes, n);
}

void json_write_address(JsonWriter *w, const char *name, const char *name_string,
                        const IpAddress *a) {
        char text[IP_TEXT_MAX];

        set_bytes(w, name, a->bytes, ip_family_size(a->family));
        set_text(w, name_string, ip_format(a, text));
}

/* Links ---------------------------------------------------------------------------------------- */

static void set_name(JsonWriter *w, const LinkRecord *link) {
        TextSpan name = { link->name, strnlen(link->name, LINK_NAME_MAX) };

        json_write_key(w, "Name");
        json_write_escaped(w, name);
        if (text_needs_escape(name.text, name.len))
                set_bytes(w, "NameBytes", name.text, name.len);
}

/* A link that has gone meanwhile has no Name. */
static void set_link(JsonWriter *w, const char *member, const TableView *v, int32_t ifindex) {
        LinkRecord link;

        json_write_key(w, member);
        json_write_int(w, ifindex);
        if (table_get_link(v, ifindex, &link))
                set_name(w, &link);
}

void json_write_link_name(JsonWriter *w, const LinkRecord *link) {
        json_write_begin_object(w);
        json_write_key(w, "Index");
        json_write_int(w, link->ifindex);
        set_name(w, link);
        json_write_end_object(w);
}

void json_write_link_match(JsonWriter *w, const LinkRecord *link, NameMatch match) {
        json_write_begin_object(w);
        json_write_key(w, "Index");
        json_write_int(w, link->ifindex);
        set_name(w, link);
        set_text(w, "Matched", name_match_to_string(match));
        json_write_end_object(w);
}

void json_write_link_answer(JsonWriter *w, const TableView *v, const LinkAnswer *a) {
        json_write_begin_object(w);
        set_link(w, "Index", v, a->ifindex);
        set_text(w, "Reason", link_reason_to_string(a->reason));
        json_write_end_object(w);
}

/* Addresses ------------------------------------------------------------------------------------ */

void json_write_parsed_address(JsonWriter *w, const TableView *v, const ParsedAddress *a) {
        json_write_begin_object(w);
        set_number(w, "Family", a->address.family);
        json_write_address(w, "Address", "AddressString", &a->address);
        set_link(w, "Index", v, a->ifindex);
        set_text(w, "Canonical", a->canonical);
        set_text(w, "Class", address_class_to_string(a->address_class));
        set_text(w, "Scope", address_scope_to_string(a->scope));
        json_write_end_object(w);
}

void json_write_address_answer(JsonWriter *w, const TableView *v, const AddressAnswer *a) {
        json_write_begin_object(w);
        set_text(w, "Type", address_type_to_string(a->type));
        json_write_key(w, "Links");
        json_write_begin_array(w);
        for (size_t i = 0; i < a->n; i++) {
                json_write_begin_object(w);
                set_link(w, "Index", v, a->ifindexes[i]);
                json_write_end_object(w);
        }
        json_write_end_array(w);
        json_write_end_object(w);
}

/* Source addresses ----------------------------------------------------------------------------- */

static void write_candidate(JsonWriter *w, const TableView *v, const SourceCandidate *c) {
        json_write_begin_object(w);
        set_link(w, "InterfaceIndex", v, c->ifindex);
        set_number(w, "Family", c->address.family);
        json_write_address(w, "Address", "AddressString", &c->address);
        set_number(w, "PrefixLength", c->prefix_length);
        set_number(w, "Flags", c->flags);
        set_text(w, "State", usability_to_string(c->usability));
        json_write_key(w, "Chosen");
        json_write_bool(w, c->chosen);
        set_text(w, "Rule", source_rule_to_string(c->rule));
        json_write_end_object(w);
}

static void set_source(JsonWriter *w, const TableView *v, const SourceAnswer *a) {
        int32_t zone = a->source_ifindex > 0 ? a->source_ifindex : a->ifindex;
        char text[ADDRESS_TEXT_MAX];

        if (!ip_needs_zone(&a->source) || zone <= 0 ||
            lookup_format_address(v, &a->source, zone, text) < 0)
                (void) ip_format(&a->source, text);
        set_text(w, "Source", text);
}

void json_write_source_answer(JsonWriter *w, const TableView *v, const SourceAnswer *a,
                              const char *rule) {
        json_write_begin_object(w);
        set_source(w, v, a);
        set_link(w, "Index", v, a->ifindex);
        set_text(w, "Rule", rule);
        json_write_key(w, "Candidates");
        json_write_begin_array(w);
        for (size_t i = 0; i < a->n_candidates; i++)
                write_candidate(w, v, &a->candidates[i]);
        json_write_end_array(w);
        json_write_end_object(w);
}

/* Lists ---------------------------------------------------------------------------------------- */

static void set_reasons(JsonWriter *w, uint16_t reasons) {
        json_write_key(w, "Reasons");
        json_write_begin_array(w);
        for (size_t i = 0; i < LOCAL_REASONS; i++)
                if (reasons & (1 << i))
                        json_write_text(w, local_reason_name(i));
        json_write_end_array(w);
}

static void write_local(JsonWriter *w, const TableView *v, const LocalEntry *e) {
        json_write_begin_object(w);
        set_link(w, "InterfaceIndex", v, e->ifindex);
        set_number(w, "Family", e->address.family);
        json_write_address(w, "Address", "AddressString", &e->address);
        set_number(w, "PrefixLength", e->prefix_length);
        set_text(w, "Type", address_type_to_string(e->type));
        set_reasons(w, e->reasons);
        if (e->references > 0)
                set_number(w, "References", e->references);
        if (ip_is_set(&e->owner)) {
                json_write_address(w, "Owner", "OwnerString", &e->owner);
                set_number(w, "OwnerPrefixLength", e->owner_prefix_length);
        }
        json_write_end_object(w);
}

void json_write_local_entries(JsonWriter *w, const TableView *v, const LocalEntry *entries,
                              size_t n) {
        json_write_begin_array(w);
        for (size_t i = 0; i < n; i++)
                write_local(w, v, &entries[i]);
        json_write_end_array(w);
}

static void write_destination(JsonWriter *w, const Destination *d, const char *text) {
        json_write_begin_object(w);
        set_number(w, "Family", d->address.family);
        set_bytes(w, "Address", d->address.bytes, ip_family_size(d->address.family));
        set_text(w, "AddressString", text);
        if (ip_is_set(&d->source))
                json_write_address(w, "Source", "SourceString", &d->source);
        set_number(w, "Place", d->place);
        set_text(w, "Rule", destination_rule_to_string(d->rule));
        json_write_end_object(w);
}

void json_write_destinations(JsonWriter *w, const Destination *destinations, size_t n,
                             const char *const *texts) {
        json_write_begin_array(w);
        for (size_t i = 0; i < n; i++)
                write_destination(w, &destinations[i], texts[destinations[i].place]);
        json_write_end_array(w);
}
