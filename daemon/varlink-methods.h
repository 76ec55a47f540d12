/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The methods of org.ifroster. userdata is the Roster.
 */

#include "varlink-server.h"

extern const VarlinkMethod roster_methods[];

/* varlink-answer.c: the questions about addresses */
int roster_on_parse_address(VarlinkCall *call, json_t *parameters, void *userdata);
int roster_on_format_address(VarlinkCall *call, json_t *parameters, void *userdata);
int roster_on_lookup_address(VarlinkCall *call, json_t *parameters, void *userdata);
int roster_on_get_link_for_address(VarlinkCall *call, json_t *parameters, void *userdata);
int roster_on_select_source(VarlinkCall *call, json_t *parameters, void *userdata);
int roster_on_get_primary_address(VarlinkCall *call, json_t *parameters, void *userdata);
int roster_on_list_local(VarlinkCall *call, json_t *parameters, void *userdata);
int roster_on_list_proxies(VarlinkCall *call, json_t *parameters, void *userdata);
