/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions to the daemon over Varlink.
 *
 * Without --connect the daemon is looked for where it is by default; that it is not there is then no
 * failure but REMOTE_ABSENT, and the verb decides whether the library can answer instead. With
 * --connect it must be there.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"
#include "varlink-client.h"

#define INTERFACE "org.ifroster"
#define SERVICE "org.varlink.service."
#define SYSTEM_PATH "/run/ifroster/org.ifroster"
#define USER_PATH "/ifroster/org.ifroster"
#define CLOSED "the daemon closed the connection"

static int connect_default(VarlinkClient **ret) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        char path[256];
        int r;

        r = varlink_client_connect(SYSTEM_PATH, ret);
        if (r >= 0 || !runtime || runtime[0] != '/')
                return r;
        if ((size_t) snprintf(path, sizeof(path), "%s" USER_PATH, runtime) >= sizeof(path))
                return -ENAMETOOLONG;
        return varlink_client_connect(path, ret);
}

/* 0 or a negative errno */
static int try_connect(Context *c) {
        const char *path = c->options.connect;

        if (c->varlink)
                return 0;
        return path ? varlink_client_connect(path, &c->varlink) : connect_default(&c->varlink);
}

static int connect_daemon(Context *c) {
        _cleanup_(text_freep) char *quoted = NULL;
        int r;

        r = try_connect(c);
        if (r >= 0)
                return REMOTE_DONE;
        if (!c->options.connect) {
                c->connect_error = r;
                return REMOTE_ABSENT;
        }
        quoted = quote_text(c->options.connect);
        cli_error("%s: cannot connect to a daemon there: %s%s", quoted, strerror(-r),
                  r == -ENOENT || r == -ECONNREFUSED ? "; is ifrosterd running?" : "");
        return CLI_UNREACHABLE;
}

/* What went wrong with the connection; it is of no use afterwards. */
static int broken(Context *c, int error) {
        c->varlink = varlink_client_free(c->varlink);
        if (error == -ECONNRESET)
                cli_error(CLOSED);
        else if (error == -ETIMEDOUT)
                cli_error("the daemon does not answer");
        else if (error == -EPROTO)
                cli_error("what answers there does not speak Varlink");
        else if (error == -EMSGSIZE)
                cli_error("the daemon's answer is too long");
        else
                cli_error("cannot talk to the daemon: %s", strerror(-error));
        return CLI_UNREACHABLE;
}

/* The errno that has this public name; the library knows the names, not the way back. */
static int errno_of(const char *name) {
        static const int errnos[] = { ENODEV,      EINVAL,        ERANGE,       EBADMSG,
                                      EILSEQ,      EOPNOTSUPP,    EDESTADDRREQ, ENOTUNIQ,
                                      ENETUNREACH, EADDRNOTAVAIL, E2BIG,        EAGAIN };

        for (size_t i = 0; i < ELEMENTSOF(errnos); i++)
                if (strcmp(ifroster_error_name(errnos[i]), name) == 0)
                        return -errnos[i];
        return -EIO;
}

static int fail_reply(const char *error, const json_t *parameters, int *ret_error) {
        size_t prefix = strlen(INTERFACE ".");

        if (strncmp(error, INTERFACE ".", prefix) == 0) {
                *ret_error = errno_of(error + prefix);
                return REMOTE_REFUSED;
        }
        if (strncmp(error, SERVICE, strlen(SERVICE)) == 0) {
                cli_error("the daemon is of another version: it says %s%s%s", error,
                          *record_text(parameters, "parameter") ? " about " : "",
                          record_text(parameters, "parameter"));
                return CLI_UNREACHABLE;
        }
        cli_error("the daemon says %s", error);
        return CLI_UNREACHABLE;
}

/* Takes a reply apart. */
static int accept_reply(json_t *reply, json_t **ret, int *ret_error) {
        const char *error = json_string_value(json_object_get(reply, "error"));
        json_t *parameters = json_object_get(reply, "parameters");

        if (error)
                return fail_reply(error, parameters, ret_error);
        *ret = parameters ? json_incref(parameters) : json_object();
        return REMOTE_DONE;
}

json_t *remote_text(const char *text) {
        json_t *value = json_string(text);
        char *escaped;

        if (value)
                return value;
        escaped = escape_text(text);
        value = json_string(escaped);
        free(escaped);
        return value;
}

static int send_call(Context *c, const char *method, const json_t *parameters, bool more) {
        char name[128];
        int r;

        r = connect_daemon(c);
        if (r != REMOTE_DONE)
                return r;
        (void) snprintf(name, sizeof(name), INTERFACE ".%s", method);
        r = varlink_client_send(c->varlink, name, parameters, more);
        return r < 0 ? broken(c, r) : REMOTE_DONE;
}

int remote_try(Context *c, const char *method, json_t *parameters, json_t **ret, int *ret_error) {
        _cleanup_(json_decrefp) json_t *sent = parameters, *reply = NULL;
        int r;

        r = send_call(c, method, sent, false);
        if (r != REMOTE_DONE)
                return r;
        r = varlink_client_await(c->varlink, varlink_now() + VARLINK_PATIENCE_USEC, &reply);
        if (r < 0)
                return broken(c, r);
        return accept_reply(reply, ret, ret_error);
}

int remote_call(Context *c, const char *method, json_t *parameters, const char *subject,
                json_t **ret) {
        int error, r;

        r = remote_try(c, method, parameters, ret, &error);
        return r == REMOTE_REFUSED ? cli_fail(error, subject) : r;
}

/* Following ------------------------------------------------------------------------------------ */

int remote_subscribe(Context *c) {
        return send_call(c, "Subscribe", NULL, true);
}

bool remote_resubscribe(Context *c) {
        c->varlink = varlink_client_free(c->varlink);
        return try_connect(c) >= 0 &&
               varlink_client_send(c->varlink, INTERFACE ".Subscribe", NULL, true) >= 0;
}

/* The daemon ended, or ended this connection. */
static int lost(Context *c, const char *reason, RemoteEvents *ret) {
        c->varlink = varlink_client_free(c->varlink);
        ret->reason = reason;
        return REMOTE_BROKEN;
}

int remote_next_events(Context *c, RemoteEvents *ret) {
        _cleanup_(json_decrefp) json_t *reply = NULL, *parameters = NULL;
        json_t *events;
        int error, r;

        r = varlink_client_receive(c->varlink, &reply);
        if (r == -EAGAIN)
                return REMOTE_NOTHING;
        if (r == -ECONNRESET)
                return lost(c, CLOSED, ret);
        if (r < 0)
                return broken(c, r);
        r = accept_reply(reply, &parameters, &error);
        if (r == REMOTE_REFUSED && error == -E2BIG)
                return lost(c, "what the daemon told was not read fast enough", ret);
        if (r != REMOTE_DONE)
                return r == REMOTE_REFUSED ? cli_fail(error, NULL) : r;

        events = record_list(parameters, "Events");
        *ret = (RemoteEvents){
                .events = events ? json_incref(events) : json_array(),
                .generation = (uint64_t) record_number(parameters, "Generation"),
                .ready = json_is_true(json_object_get(parameters, "Ready")),
        };
        return REMOTE_DONE;
}
