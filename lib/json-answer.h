/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Answers to questions as JSON objects, beside the records of json.h: one shape for the library and
 * for Varlink. Links are named by Index and Name where they are the answer, and by InterfaceIndex and
 * Name where they are a member of a list's row. Zones and names are escaped texts; addresses are
 * bytes with a text beside them. What does not apply is left out.
 *
 * Every function fails with -ENOMEM alone, and gives a new reference that the caller owns.
 */

#include <jansson.h>

#include "lookup-source.h"
#include "lookup.h"

/* {Index, Name, NameBytes} of a link; NULL: no memory */
json_t *json_link_name(const LinkRecord *link);
/* {Index, Name, NameBytes, Matched}; NameBytes only beside a name that is escaped */
int json_link_match(const LinkRecord *link, NameMatch match, json_t **ret);

/* {Family, Address, AddressString, Index, Name, Canonical, Class, Scope}; Index is 0, and Name left
 * out, without a zone */
int json_parsed_address(const TableView *v, const ParsedAddress *a, json_t **ret);

/* {Type, Links: [{Index, Name}]} */
int json_address_answer(const TableView *v, const AddressAnswer *a, json_t **ret);

/* {Index, Name, Reason} */
int json_link_answer(const TableView *v, const LinkAnswer *a, json_t **ret);

/* {Source, Index, Name, Rule, Candidates: [{InterfaceIndex, Name, Family, Address, AddressString,
 * PrefixLength, Flags, State, Chosen, Rule}]}; rule: the word for the answer's. Source is a text,
 * with its zone where it needs one. */
int json_source_answer(const TableView *v, const SourceAnswer *a, const char *rule, json_t **ret);

/* [{InterfaceIndex, Name, Family, Address, AddressString, PrefixLength, Type, Reasons, References,
 * Owner, OwnerString, OwnerPrefixLength}] */
int json_local_entries(const TableView *v, const LocalEntry *entries, size_t n, json_t **ret);

/* [{Family, Address, AddressString, Source, SourceString, Place, Rule}]; Place: where it stood in
 * the question, from 0; Source is left out of what cannot be reached. texts: the canonical texts in
 * the order of the question. */
int json_destinations(const Destination *destinations, size_t n, const char *const *texts,
                      json_t **ret);
