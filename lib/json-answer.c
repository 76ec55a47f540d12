/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Packs answers. Nothing is decided here; the words are those of lookup.h and lookup-source.h.
 *
 * jansson frees a value that it cannot insert, refuses to insert NULL, and refuses to insert into
 * NULL. So a failed allocation anywhere shows up as a failed insertion and is checked only there.
 */

#include "json-answer.h"
#include "util.h"

static int set(json_t *object, const char *name, json_t *value) {
        return json_object_set_new(object, name, value) < 0 ? -ENOMEM : 0;
}

static int set_text(json_t *object, const char *name, const char *text) {
        return set(object, name, json_string(text));
}

static int set_number(json_t *object, const char *name, uint64_t number) {
        return set(object, name, json_integer((json_int_t) number));
}

static int set_bytes(json_t *object, const char *name, const void *bytes, size_t n) {
        json_auto_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(array, json_integer(((const uint8_t *) bytes)[i])) < 0)
                        return -ENOMEM;
        return set(object, name, TAKE_PTR(array));
}

/* NAME and NAMEString */
static int set_address(json_t *object, const char *name, const char *name_string,
                       const IpAddress *a) {
        char text[IP_TEXT_MAX];
        int r;

        r = set_bytes(object, name, a->bytes, ip_family_size(a->family));
        if (r < 0)
                return r;
        return set_text(object, name_string, ip_format(a, text));
}

/* Links ---------------------------------------------------------------------------------------- */

static int set_name(json_t *object, const LinkRecord *link) {
        size_t len = strnlen(link->name, LINK_NAME_MAX);
        char name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];
        int r;

        (void) text_escape(link->name, len, name, sizeof(name));
        r = set_text(object, "Name", name);
        if (r >= 0 && text_needs_escape(link->name, len))
                r = set_bytes(object, "NameBytes", link->name, len);
        return r;
}

/* A link that has gone meanwhile has no Name. */
static int set_link(json_t *object, const char *member, const TableView *v, int32_t ifindex) {
        LinkRecord link;
        int r;

        r = set(object, member, json_integer(ifindex));
        if (r < 0)
                return r;
        return table_get_link(v, ifindex, &link) ? set_name(object, &link) : 0;
}

json_t *json_link_name(const LinkRecord *link) {
        json_auto_t *object = json_object();

        if (set(object, "Index", json_integer(link->ifindex)) < 0 || set_name(object, link) < 0)
                return NULL;
        return TAKE_PTR(object);
}

int json_link_match(const LinkRecord *link, NameMatch match, json_t **ret) {
        json_auto_t *object = json_link_name(link);
        int r;

        r = set_text(object, "Matched", name_match_to_string(match));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

int json_link_answer(const TableView *v, const LinkAnswer *a, json_t **ret) {
        json_auto_t *object = json_object();
        int r;

        r = set_link(object, "Index", v, a->ifindex);
        if (r >= 0)
                r = set_text(object, "Reason", link_reason_to_string(a->reason));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* Addresses ------------------------------------------------------------------------------------ */

int json_parsed_address(const TableView *v, const ParsedAddress *a, json_t **ret) {
        json_auto_t *object = json_object();
        int r;

        r = set_number(object, "Family", a->address.family);
        if (r >= 0)
                r = set_address(object, "Address", "AddressString", &a->address);
        if (r >= 0)
                r = set_link(object, "Index", v, a->ifindex);
        if (r >= 0)
                r = set_text(object, "Canonical", a->canonical);
        if (r >= 0)
                r = set_text(object, "Class", address_class_to_string(a->address_class));
        if (r >= 0)
                r = set_text(object, "Scope", address_scope_to_string(a->scope));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

int json_address_answer(const TableView *v, const AddressAnswer *a, json_t **ret) {
        json_auto_t *object = json_object(), *links = json_array();
        int r;

        r = set_text(object, "Type", address_type_to_string(a->type));
        for (size_t i = 0; r >= 0 && i < a->n; i++) {
                json_t *link = json_object();

                r = set_link(link, "Index", v, a->ifindexes[i]);
                if (json_array_append_new(links, link) < 0)
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = set(object, "Links", TAKE_PTR(links));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* Source addresses ----------------------------------------------------------------------------- */

static int candidate_to_json(const TableView *v, const SourceCandidate *c, json_t **ret) {
        json_auto_t *object = json_object();
        int r;

        r = set_link(object, "InterfaceIndex", v, c->ifindex);
        if (r >= 0)
                r = set_number(object, "Family", c->address.family);
        if (r >= 0)
                r = set_address(object, "Address", "AddressString", &c->address);
        if (r >= 0)
                r = set_number(object, "PrefixLength", c->prefix_length);
        if (r >= 0)
                r = set_number(object, "Flags", c->flags);
        if (r >= 0)
                r = set_text(object, "State", usability_to_string(c->usability));
        if (r >= 0)
                r = set(object, "Chosen", json_boolean(c->chosen));
        if (r >= 0)
                r = set_text(object, "Rule", source_rule_to_string(c->rule));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

static int set_source(json_t *object, const TableView *v, const SourceAnswer *a) {
        int32_t zone = a->source_ifindex > 0 ? a->source_ifindex : a->ifindex;
        char text[ADDRESS_TEXT_MAX];

        if (!ip_needs_zone(&a->source) || zone <= 0 ||
            lookup_format_address(v, &a->source, zone, text) < 0)
                (void) ip_format(&a->source, text);
        return set_text(object, "Source", text);
}

int json_source_answer(const TableView *v, const SourceAnswer *a, const char *rule, json_t **ret) {
        json_auto_t *object = json_object(), *candidates = json_array();
        int r;

        r = set_source(object, v, a);
        if (r >= 0)
                r = set_link(object, "Index", v, a->ifindex);
        if (r >= 0)
                r = set_text(object, "Rule", rule);
        for (size_t i = 0; r >= 0 && i < a->n_candidates; i++) {
                json_t *candidate = NULL;

                r = candidate_to_json(v, &a->candidates[i], &candidate);
                if (r >= 0 && json_array_append_new(candidates, candidate) < 0)
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = set(object, "Candidates", TAKE_PTR(candidates));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* Lists ---------------------------------------------------------------------------------------- */

static int set_reasons(json_t *object, uint16_t reasons) {
        json_auto_t *array = json_array();

        for (size_t i = 0; i < LOCAL_REASONS; i++)
                if (reasons & (1 << i) &&
                    json_array_append_new(array, json_string(local_reason_name(i))) < 0)
                        return -ENOMEM;
        return set(object, "Reasons", TAKE_PTR(array));
}

static int local_to_json(const TableView *v, const LocalEntry *e, json_t **ret) {
        json_auto_t *object = json_object();
        int r;

        r = set_link(object, "InterfaceIndex", v, e->ifindex);
        if (r >= 0)
                r = set_number(object, "Family", e->address.family);
        if (r >= 0)
                r = set_address(object, "Address", "AddressString", &e->address);
        if (r >= 0)
                r = set_number(object, "PrefixLength", e->prefix_length);
        if (r >= 0)
                r = set_text(object, "Type", address_type_to_string(e->type));
        if (r >= 0)
                r = set_reasons(object, e->reasons);
        if (r >= 0 && e->references > 0)
                r = set_number(object, "References", e->references);
        if (r >= 0 && ip_is_set(&e->owner))
                r = set_address(object, "Owner", "OwnerString", &e->owner);
        if (r >= 0 && ip_is_set(&e->owner))
                r = set_number(object, "OwnerPrefixLength", e->owner_prefix_length);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

int json_local_entries(const TableView *v, const LocalEntry *entries, size_t n, json_t **ret) {
        json_auto_t *array = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *entry = NULL;
                int r;

                r = local_to_json(v, &entries[i], &entry);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, entry) < 0)
                        return -ENOMEM;
        }
        if (!array)
                return -ENOMEM;
        *ret = TAKE_PTR(array);
        return 0;
}

static int destination_to_json(const Destination *d, const char *text, json_t **ret) {
        json_auto_t *object = json_object();
        int r;

        r = set_number(object, "Family", d->address.family);
        if (r >= 0)
                r = set_bytes(object, "Address", d->address.bytes,
                              ip_family_size(d->address.family));
        if (r >= 0)
                r = set_text(object, "AddressString", text);
        if (r >= 0 && ip_is_set(&d->source))
                r = set_address(object, "Source", "SourceString", &d->source);
        if (r >= 0)
                r = set_number(object, "Place", d->place);
        if (r >= 0)
                r = set_text(object, "Rule", destination_rule_to_string(d->rule));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

int json_destinations(const Destination *destinations, size_t n, const char *const *texts,
                      json_t **ret) {
        json_auto_t *array = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *row = NULL;
                int r;

                r = destination_to_json(&destinations[i], texts[destinations[i].place], &row);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, row) < 0)
                        return -ENOMEM;
        }
        if (!array)
                return -ENOMEM;
        *ret = TAKE_PTR(array);
        return 0;
}
