/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The questions of the verbs, and who answers them: with --connect the daemon behind that socket;
 * otherwise the library, which reads the daemon's table or rtnetlink itself. What a table alone cannot
 * answer is asked of the daemon first, and of the kernel where there is none.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "remote.h"

static int parse_answer(int r, char *text, const char *subject, json_t **ret) {
        json_t *value;

        if (r < 0)
                return cli_fail(r, subject);
        value = json_loads(text, 0, NULL);
        free(text);
        if (!value) {
                cli_error("the library's answer is not JSON");
                return CLI_UNREACHABLE;
        }
        *ret = value;
        return CLI_DONE;
}

/* Calls a method and takes one member of its answer. parameters: reference taken. */
static int remote_member(Context *c, const char *method, json_t *parameters, const char *member,
                         json_t **ret) {
        _cleanup_(json_decrefp) json_t *reply = NULL;
        json_t *value;
        int r;

        r = remote_call(c, method, parameters, NULL, &reply);
        if (r != CLI_DONE)
                return r;
        value = json_object_get(reply, member);
        if (!value) {
                cli_error("the daemon's answer has no %s", member);
                return CLI_UNREACHABLE;
        }
        *ret = json_incref(value);
        return CLI_DONE;
}

/* Links ---------------------------------------------------------------------------------------- */

int context_zone(Context *c, const char *text, json_t **ret) {
        char *answer = NULL;
        int r;

        if (c->options.connect)
                return remote_call(c, "ResolveZone", json_pack("{so}", "Zone", remote_text(text)),
                                   text, ret);
        r = context_open(c);
        if (r != CLI_DONE)
                return r;
        r = ifroster_zone_json(c->handle, text, &answer);
        return parse_answer(r, answer, text, ret);
}

/* For a link, "0" and a text that is no zone name the same thing: nothing. */
static int link_result(int r, int64_t *ret_ifindex) {
        if (r == 0 || r == -ENODEV || r == -EILSEQ)
                *ret_ifindex = 0;
        else if (r > 0)
                *ret_ifindex = r;
        else
                return cli_fail(r, NULL);
        return CLI_DONE;
}

int context_look_for_link(Context *c, const char *text, int64_t *ret_ifindex) {
        _cleanup_(json_decrefp) json_t *answer = NULL;
        int error, r;

        if (c->options.connect) {
                r = remote_try(c, "ResolveZone", json_pack("{so}", "Zone", remote_text(text)),
                               &answer, &error);
                if (r == REMOTE_REFUSED)
                        return link_result(error, ret_ifindex);
                if (r == CLI_DONE)
                        *ret_ifindex = record_number(answer, "Index");
                return r;
        }
        r = context_open(c);
        if (r != CLI_DONE)
                return r;
        return link_result(ifroster_zone(c->handle, text, NULL), ret_ifindex);
}

int context_find_link(Context *c, const char *text, int *ret_ifindex) {
        int64_t ifindex;
        int r;

        r = context_look_for_link(c, text, &ifindex);
        if (r != CLI_DONE)
                return r;
        if (ifindex == 0)
                return cli_fail(-ENODEV, text);
        *ret_ifindex = (int) ifindex;
        return CLI_DONE;
}

static int remote_name(Context *c, int ifindex, char *buffer, size_t size) {
        json_t *link;
        size_t i;

        if (!c->names && remote_member(c, "ListLinks", NULL, "Links", &c->names) != CLI_DONE)
                c->names = json_array();
        json_array_foreach(c->names, i, link) if (record_number(link, "Index") == ifindex) {
                (void) snprintf(buffer, size, "%s", record_text(link, "Name"));
                return 0;
        }
        return -ENODEV;
}

const char *context_name(Context *c, const json_t *row, char *buffer, size_t size) {
        int ifindex = (int) record_number(row, "InterfaceIndex");
        char name[IFROSTER_NAME_SIZE];
        int r;

        if (ifindex == 0)
                return "";
        if (c->options.connect)
                r = remote_name(c, ifindex, buffer, size);
        else {
                r = ifroster_name(c->handle, ifindex, name);
                if (r >= 0)
                        (void) ifroster_escape(name, strlen(name), buffer, size);
        }
        if (r < 0) /* has gone since */
                (void) snprintf(buffer, size, "%d", ifindex);
        return buffer;
}

/* Records -------------------------------------------------------------------------------------- */

/* Replaces the groups of links by those of a list, which has their users. */
static void merge_groups(json_t *links, json_t *groups) {
        _cleanup_(json_decrefp) json_t *by_index = json_object();
        json_t *element;
        char key[32];
        size_t i;

        json_array_foreach(links, i, element) {
                json_t *own = json_array();

                (void) snprintf(key, sizeof(key), "%lld",
                                (long long) record_number(element, "Index"));
                (void) json_object_set(by_index, key, own);
                (void) json_object_set_new(element, "Groups", own);
        }
        json_array_foreach(groups, i, element) {
                (void) snprintf(key, sizeof(key), "%lld",
                                (long long) record_number(element, "InterfaceIndex"));
                (void) json_array_append(json_object_get(by_index, key), element);
        }
}

static int remote_links(Context *c, bool users, json_t **ret) {
        _cleanup_(json_decrefp) json_t *links = NULL, *groups = NULL;
        int r;

        r = remote_member(c, "Describe", NULL, "Links", &links);
        if (r == CLI_DONE && users)
                r = remote_member(c, "ListGroups", NULL, "Groups", &groups);
        if (r != CLI_DONE)
                return r;
        if (users)
                merge_groups(links, groups);
        *ret = json_incref(links);
        return CLI_DONE;
}

int context_links(Context *c, bool users, json_t **ret) {
        char *text = NULL;
        int r;

        if (c->options.connect)
                return remote_links(c, users, ret);
        r = context_open(c);
        if (r != CLI_DONE)
                return r;
        r = ifroster_list_json(c->handle, IFROSTER_LINK, 0, 0, users, &text);
        return parse_answer(r, text, NULL, ret);
}

static int remote_link(Context *c, int ifindex, json_t **ret) {
        json_t *groups;
        int r;

        r = remote_member(c, "DescribeLink", json_pack("{si}", "Index", ifindex), "Link", ret);
        if (r != CLI_DONE)
                return r;
        /* Users are read only where they are asked for. */
        r = remote_member(c, "ListGroups", json_pack("{si}", "InterfaceIndex", ifindex), "Groups",
                          &groups);
        if (r == CLI_DONE)
                (void) json_object_set_new(*ret, "Groups", groups);
        else
                json_decref(*ret);
        return r;
}

int context_link(Context *c, int ifindex, json_t **ret) {
        char *text = NULL;
        int r;

        if (c->options.connect)
                return remote_link(c, ifindex, ret);
        r = context_open(c);
        if (r != CLI_DONE)
                return r;
        r = ifroster_link_json(c->handle, ifindex, 1, &text);
        return parse_answer(r, text, NULL, ret);
}

int context_list(Context *c, int kind, int ifindex, bool users, json_t **ret) {
        static const char *const methods[][2] = {
                [IFROSTER_ADDRESS] = { "ListAddresses", "Addresses" },
                [IFROSTER_GROUP] = { "ListGroups", "Groups" },
                [IFROSTER_ROUTE] = { "ListDefaultRoutes", "DefaultRoutes" },
        };
        char *text = NULL;
        int r;

        if (c->options.connect)
                return remote_member(c, methods[kind][0],
                                     ifindex != 0 ? json_pack("{si}", "InterfaceIndex", ifindex)
                                                  : NULL,
                                     methods[kind][1], ret);
        r = context_open(c);
        if (r != CLI_DONE)
                return r;
        r = ifroster_list_json(c->handle, kind, ifindex, 0, users, &text);
        return parse_answer(r, text, NULL, ret);
}

static int remote_local(Context *c, bool derived, int ifindex, json_t **ret) {
        json_t *all, *entry;
        size_t i;
        int r;

        r = remote_member(c, "ListLocal", json_pack("{ss}", "View", derived ? "derived" : "kernel"),
                          "Entries", &all);
        if (r != CLI_DONE || ifindex == 0) {
                *ret = all;
                return r;
        }
        *ret = json_array();
        json_array_foreach(all, i, entry) if (record_number(entry, "InterfaceIndex") ==
                                              ifindex)(void) json_array_append(*ret, entry);
        json_decref(all);
        return CLI_DONE;
}

int context_local(Context *c, bool derived, int ifindex, json_t **ret) {
        char *text = NULL;
        int r;

        if (c->options.connect)
                return remote_local(c, derived, ifindex, ret);
        r = context_open(c);
        if (r != CLI_DONE)
                return r;
        r = ifroster_local_json(c->handle, derived, ifindex, &text);
        return parse_answer(r, text, NULL, ret);
}

int context_daemon(Context *c, json_t **ret) {
        _cleanup_(json_decrefp) json_t *state = NULL, *counters = NULL;
        int r;

        r = remote_call(c, "GetState", NULL, NULL, &state);
        if (r == CLI_DONE)
                r = remote_member(c, "GetCounters", NULL, "Counters", &counters);
        if (r == REMOTE_ABSENT) {
                if (c->connect_error == -ENOENT || c->connect_error == -ECONNREFUSED)
                        cli_error("there is no daemon; start ifrosterd, or name its socket with "
                                  "--connect=PATH");
                else
                        cli_error("cannot connect to the daemon: %s", strerror(-c->connect_error));
                return CLI_UNREACHABLE;
        }
        if (r != CLI_DONE)
                return r;
        (void) json_object_set(state, "Counters", counters);
        *ret = json_incref(state);
        return CLI_DONE;
}

/* Questions about an address ------------------------------------------------------------------- */

static int ask_parse(const ifroster *h, const char *text, const char *mode, char **ret) {
        return ifroster_parse_json(h, text, ret);
}

static int ask_lookup(const ifroster *h, const char *text, const char *mode, char **ret) {
        return ifroster_lookup_json(h, text, ret);
}

static int ask_which(const ifroster *h, const char *text, const char *mode, char **ret) {
        return ifroster_which_json(h, text, ret);
}

static int ask_source(const ifroster *h, const char *text, const char *mode, char **ret) {
        return ifroster_source_json(h, text, strcmp(mode, "model") == 0, ret);
}

static const struct {
        const char *method;
        const char *parameter;
        int (*ask)(const ifroster *h, const char *text, const char *mode, char **ret);
        bool kernel; /* the table may not be enough */
} questions[] = {
        [QUESTION_PARSE] = { "ParseAddress", "Text", ask_parse, false },
        [QUESTION_LOOKUP] = { "LookupAddress", "Address", ask_lookup, false },
        [QUESTION_WHICH] = { "GetLinkForAddress", "Address", ask_which, true },
        [QUESTION_SOURCE] = { "SelectSource", "Destination", ask_source, true },
};

int context_ask(Context *c, Question q, const char *text, const char *mode, json_t **ret) {
        char *answer = NULL;
        int r;

        if (c->options.connect || questions[q].kernel) {
                json_t *parameters = json_pack("{so}", questions[q].parameter, remote_text(text));

                if (mode)
                        (void) json_object_set_new(parameters, "Mode", json_string(mode));
                r = remote_call(c, questions[q].method, parameters, text, ret);
                if (r != REMOTE_ABSENT)
                        return r;
        }
        r = questions[q].kernel ? context_open_own(c) : context_open(c);
        if (r != CLI_DONE)
                return r;
        r = questions[q].ask(questions[q].kernel ? c->own : c->handle, text, mode, &answer);
        return parse_answer(r, answer, text, ret);
}

int context_sort(Context *c, int n, char **texts, json_t **ret) {
        char *answer = NULL;
        size_t bad;
        int r;

        r = context_open_own(c);
        if (r != CLI_DONE)
                return r;
        r = ifroster_sort_json(c->own, (const char *const *) texts, (size_t) n, &answer, &bad);
        return parse_answer(r, answer, r < 0 && bad < (size_t) n ? texts[bad] : NULL, ret);
}
