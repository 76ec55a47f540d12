/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Joins the transport, the interface and the manager: sockets, errors, the publisher. The methods are
 * in varlink-methods.c, the interface text is org.ifroster.varlink.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "error.h"
#include "log.h"
#include "varlink-methods.h"
#include "varlink-roster-internal.h"
#include "varlink-texts.h"

#define ERROR_PREFIX "org.ifroster."
/* The longest name of an error, with the prefix */
#define ERROR_NAME_MAX 64

static const char *full_name(int error, char buffer[static ERROR_NAME_MAX]) {
        (void) snprintf(buffer, ERROR_NAME_MAX, ERROR_PREFIX "%s", error_name(error));
        return buffer;
}

static json_t *error_parameters(const char *subject, const char *message) {
        return json_pack("{s:s*, s:s}", "Subject", subject, "Message", message);
}

int roster_fail(VarlinkCall *call, int error, const char *subject, const Detail *detail) {
        json_auto_t *parameters = NULL;
        char name[ERROR_NAME_MAX];

        parameters = error_parameters(subject, detail ? detail->text : error_text(error));
        /* What cannot be written as JSON is left out rather than the whole answer. */
        if (!parameters)
                parameters = error_parameters(NULL, error_text(error));
        return varlink_call_error(call, full_name(error, name), parameters);
}

const char *roster_subject(int64_t number, char buffer[static ROSTER_SUBJECT_MAX]) {
        (void) snprintf(buffer, ROSTER_SUBJECT_MAX, "%" PRIi64, number);
        return buffer;
}

int roster_begin(VarlinkCall *call, Roster *r) {
        int k;

        k = manager_refresh(r->manager);
        if (k >= 0 && manager_state(r->manager) == SOURCE_STARTING)
                k = -EAGAIN;
        if (k < 0)
                (void) roster_fail(call, k, NULL, NULL);
        return k;
}

int roster_reply(VarlinkCall *call, const char *member, json_t *value) {
        json_auto_t *reply = json_pack("{s:o}", member, value);

        return reply ? varlink_call_reply(call, reply) : -ENOMEM;
}

json_t *roster_number(uint64_t number) {
        return json_integer((json_int_t) CONST_MIN(number, (uint64_t) INT64_MAX));
}

void roster_text_begin(JsonWriter *w) {
        json_write_raw(w, VARLINK_REPLY_BEGIN, strlen(VARLINK_REPLY_BEGIN));
}

int roster_text_payload(JsonWriter *w, bool continues, bool shared, VarlinkPayload **ret) {
        const char *end = continues ? VARLINK_REPLY_CONTINUES : VARLINK_REPLY_END;
        char *text;
        size_t len;
        int r;

        json_write_raw(w, end, strlen(end));
        r = json_writer_take(w, &text, &len);
        if (r < 0)
                return r;
        r = varlink_payload_new_text(text, len + 1, shared, ret);
        if (r < 0)
                free(text);
        return r;
}

int roster_text_reply(JsonWriter *w, VarlinkCall *call) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        int r;

        r = roster_text_payload(w, /* continues= */ false, /* shared= */ false, &payload);
        return r < 0 ? r : varlink_call_reply_payload(call, payload);
}

/* For the transport: a limit that was reached, a handler that failed without an answer. */
static const char *on_error_name(int error, const char *detail, json_t **ret_parameters) {
        static char name[ERROR_NAME_MAX];

        *ret_parameters = error_parameters(detail, error_text(error));
        return full_name(error, name);
}

static void on_batch(Publisher *p, const Batch *batch) {
        Roster *r = (Roster *) p;

        roster_forget_described(r);
        roster_publish(r, batch);
}

/* Who has the daemon started by connecting, or connects while it restarts, has not come to hear that it
 * is not ready: he waits the moment that the table takes. */
static void on_state(Publisher *p, SourceState state) {
        varlink_server_hold(((Roster *) p)->server, state == SOURCE_STARTING);
}

/* Sockets that the service manager passed. Returns how many were taken. */
static int listen_passed(Roster *r) {
        int n, taken = 0, k;

        n = sd_listen_fds(true);
        if (n < 0)
                return n;
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                k = varlink_server_listen_fd(r->server, fd);
                if (k < 0) {
                        log_warning("socket %d from the service manager is not a listening Unix "
                                    "stream socket, ignoring: %s",
                                    fd, strerror(-k));
                        continue;
                }
                taken++;
        }
        return taken;
}

static const char *listen_hint(int error) {
        switch (error) {
        case -EADDRINUSE:
                return "another daemon listens there; stop it, or give another --varlink=PATH";
        case -EEXIST:
                return "something that is not a socket is there; remove it, or give another "
                       "--varlink=PATH";
        case -EACCES:
        case -EROFS:
        case -EPERM:
                return "no permission; give a --varlink=PATH that can be written, or "
                       "--varlink=none";
        }
        return strerror(-error);
}

static int roster_listen(Roster *r, const char *path, bool default_path) {
        int taken, k;

        taken = listen_passed(r);
        if (taken < 0)
                return taken;
        if (!path || (taken > 0 && default_path))
                return 0;
        k = varlink_server_listen_path(r->server, path);
        if (k < 0)
                log_error("cannot listen on %s: %s", path, listen_hint(k));
        return k;
}

int roster_new(Manager *m, const char *path, bool default_path, Roster **ret) {
        _cleanup_(roster_freep) Roster *r = NULL;
        int k;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->publisher.on_batch = on_batch;
        r->publisher.on_state = on_state;
        r->manager = m;
        r->info = (VarlinkServerInfo){
                .vendor = "the ifroster developers",
                .product = "ifrosterd",
                .version = PROJECT_VERSION,
                .url = "",
                .error_name = on_error_name,
        };
        k = varlink_server_new(manager_event(m), &r->info, NULL, &r->server);
        if (k < 0)
                return k;
        k = varlink_server_add_interface(r->server, org_ifroster_text, roster_methods, r);
        if (k < 0) {
                log_error("the interface org.ifroster cannot be served: %s", strerror(-k));
                return k;
        }
        varlink_server_hold(r->server, manager_state(m) == SOURCE_STARTING);
        k = roster_listen(r, path, default_path);
        if (k < 0)
                return k;
        k = manager_add_publisher(m, &r->publisher);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(r);
        return 0;
}

Roster *roster_free(Roster *r) {
        if (!r)
                return NULL;
        manager_remove_publisher(r->manager, &r->publisher);
        /* Closing the server calls on_close for every subscription. */
        varlink_server_free(r->server);
        roster_drop_subscriptions(r);
        roster_forget_described(r);
        sd_event_source_disable_unref(r->forget);
        free(r);
        return NULL;
}
