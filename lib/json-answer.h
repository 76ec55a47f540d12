/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Answers to questions as JSON objects, beside the records of json.h: one shape for the library and
 * for Varlink. Links are named by Index and Name where they are the answer, and by InterfaceIndex and
 * Name where they are a member of a list's row. Zones and names are escaped texts; addresses are
 * bytes with a text beside them. What does not apply is left out.
 *
 * Every function writes one value.
 */

#include "json-text.h"
#include "lookup-source.h"
#include "lookup.h"

/* {Index, Name, NameBytes} of a link; NameBytes only beside a name that is escaped */
void json_write_link_name(JsonWriter *w, const LinkRecord *link);
/* {Index, Name, NameBytes, Matched} */
void json_write_link_match(JsonWriter *w, const LinkRecord *link, NameMatch match);

/* {Family, Address, AddressString, Index, Name, Canonical, Class, Scope}; Index is 0, and Name left
 * out, without a zone */
void json_write_parsed_address(JsonWriter *w, const TableView *v, const ParsedAddress *a);

/* {Type, Links: [{Index, Name}]} */
void json_write_address_answer(JsonWriter *w, const TableView *v, const AddressAnswer *a);

/* {Index, Name, Reason} */
void json_write_link_answer(JsonWriter *w, const TableView *v, const LinkAnswer *a);

/* {Source, Index, Name, Rule, Candidates: [{InterfaceIndex, Name, Family, Address, AddressString,
 * PrefixLength, Flags, State, Chosen, Rule}]}; rule: the word for the answer's. Source is a text,
 * with its zone where it needs one. */
void json_write_source_answer(JsonWriter *w, const TableView *v, const SourceAnswer *a,
                              const char *rule);

/* [{InterfaceIndex, Name, Family, Address, AddressString, PrefixLength, Type, Reasons, References,
 * Owner, OwnerString, OwnerPrefixLength}] */
void json_write_local_entries(JsonWriter *w, const TableView *v, const LocalEntry *entries,
                              size_t n);

/* [{Family, Address, AddressString, Source, SourceString, Place, Rule}]; Place: where it stood in
 * the question, from 0; Source is left out of what cannot be reached. texts: the canonical texts in
 * the order of the question. */
void json_write_destinations(JsonWriter *w, const Destination *destinations, size_t n,
                             const char *const *texts);

/* The members NAME and NAME_STRING of an object: an address as bytes and as text. */
void json_write_address(JsonWriter *w, const char *name, const char *name_string,
                        const IpAddress *a);
