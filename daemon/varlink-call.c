/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From one message to one call, and from an answer to one message.
 *
 * What is not a request at all (see varlink-request.c) is answered by closing the connection, because
 * whoever sent it cannot be told apart from someone who speaks another protocol. A request with
 * something wrong in it is answered with an error that names what is wrong, and the connection goes
 * on.
 *
 * The call belongs to whoever holds references of it; when the last one goes without an answer, the
 * transport answers, since otherwise everything behind the call would wait for ever.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "varlink-internal.h"

#define ERROR_EXPECTED_MORE "org.varlink.service.ExpectedMore"
#define ERROR_INTERFACE_NOT_FOUND "org.varlink.service.InterfaceNotFound"
#define ERROR_INVALID_PARAMETER "org.varlink.service.InvalidParameter"
#define ERROR_METHOD_NOT_FOUND "org.varlink.service.MethodNotFound"
#define ERROR_METHOD_NOT_IMPLEMENTED "org.varlink.service.MethodNotImplemented"

/* messages */

int varlink_message_new(const char *error, json_t *parameters, json_t **ret) {
        json_auto_t *message = NULL, *empty = NULL;

        if (!parameters) {
                parameters = empty = json_object();
                if (!empty)
                        return -ENOMEM;
        }

        message = json_object();
        if (!message)
                return -ENOMEM;
        if (error && json_object_set_new(message, "error", json_string(error)) < 0)
                return -EINVAL;
        if (json_object_set(message, "parameters", parameters) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(message);
        return 0;
}

/* life of a call */

static int call_new(VarlinkConnection *connection, bool more, bool oneway, VarlinkCall **ret) {
        VarlinkCall *call;

        call = malloc(sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (VarlinkCall){
                .n_ref = 1,
                .connection = connection,
                .more = more,
                .oneway = oneway,
        };

        connection->call = call;
        *ret = call;
        return 0;
}

static VarlinkConnection *call_detach(VarlinkCall *call) {
        VarlinkConnection *connection = TAKE_PTR(call->connection);

        if (connection)
                connection->call = NULL;
        return connection;
}

void varlink_call_close(VarlinkCall *call) {
        call_detach(call);
        if (call->on_close)
                call->on_close(call, call->userdata);
}

/* The last reply went: the call is over, the next may come. */
static void call_finish(VarlinkCall *call) {
        VarlinkConnection *connection;

        call->answered = true;
        connection = call_detach(call);
        if (connection)
                varlink_connection_next(connection);
}

bool varlink_call_is_open(const VarlinkCall *call) {
        return call->connection && call->connection->state == VARLINK_STATE_OPEN;
}

/* The answer of someone who gave none. */
static void call_fail(VarlinkCall *call, int error) {
        VarlinkConnection *connection = call->connection;
        const VarlinkServerInfo *info = connection->server->info;
        json_auto_t *parameters = NULL;
        const char *name;

        if (call->oneway) {
                connection->server->counters.errors++;
                call_finish(call);
                return;
        }

        name = info->error_name ? info->error_name(error, NULL, &parameters) : NULL;
        if (name && varlink_call_error(call, name, parameters) >= 0)
                return;

        /* unless a limit has just closed it, with an error of its own under way */
        if (varlink_call_is_open(call))
                varlink_connection_close(connection);
}

VarlinkCall *varlink_call_ref(VarlinkCall *call) {
        call->n_ref++;
        return call;
}

VarlinkCall *varlink_call_unref(VarlinkCall *call) {
        if (!call)
                return NULL;
        if (call->n_ref > 1) {
                call->n_ref--;
                return NULL;
        }

        /* while the reference still counts: what is done for an answer looks at the call */
        if (varlink_call_is_open(call))
                call_fail(call, -EIO);
        call_detach(call);
        free(call);
        return NULL;
}

bool varlink_call_wants_more(const VarlinkCall *call) {
        return call->more;
}

bool varlink_call_is_oneway(const VarlinkCall *call) {
        return call->oneway;
}

uid_t varlink_call_uid(const VarlinkCall *call) {
        assert(call->connection);
        return call->connection->user->uid;
}

void varlink_call_set_on_close(VarlinkCall *call, VarlinkClosed on_close, void *userdata) {
        call->on_close = on_close;
        call->userdata = userdata;
}

void varlink_call_when_ready(VarlinkCall *call, VarlinkReady on_ready, void *userdata) {
        if (!varlink_call_is_open(call))
                return;

        call->on_ready = on_ready;
        call->ready_userdata = userdata;
        varlink_connection_next(call->connection);
}

void varlink_call_ready(VarlinkCall *call) {
        VarlinkReady on_ready = TAKE_PTR(call->on_ready);

        on_ready(call, call->ready_userdata);
}

size_t varlink_call_queued_bytes(const VarlinkCall *call) {
        return call->connection ? call->connection->queue.bytes : 0;
}

/* answers */

static int call_send(VarlinkCall *call, const char *error, json_t *parameters) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        json_auto_t *message = NULL;
        int r;

        assert(!call->answered);

        if (!varlink_call_is_open(call))
                return -EPIPE;
        if (call->oneway)
                return 0;

        r = varlink_message_new(error, parameters, &message);
        if (r < 0)
                return r;
        r = varlink_payload_new_message(message, &payload);
        if (r < 0)
                return r;
        return varlink_connection_enqueue(call->connection, payload);
}

int varlink_call_reply(VarlinkCall *call, json_t *parameters) {
        int r;

        r = call_send(call, NULL, parameters);
        if (r < 0)
                return r;

        call_finish(call);
        return 0;
}

int varlink_call_reply_payload(VarlinkCall *call, VarlinkPayload *payload) {
        int r;

        assert(!call->answered);

        if (!varlink_call_is_open(call))
                return -EPIPE;
        if (!call->oneway) {
                r = varlink_connection_enqueue(call->connection, payload);
                if (r < 0)
                        return r;
        }
        call_finish(call);
        return 0;
}

int varlink_call_reply_more_payload(VarlinkCall *call, VarlinkPayload *payload) {
        assert(!call->answered);

        if (!call->more)
                return -EINVAL;
        if (!varlink_call_is_open(call))
                return -EPIPE;
        return varlink_connection_enqueue(call->connection, payload);
}

int varlink_call_error(VarlinkCall *call, const char *name, json_t *parameters) {
        VarlinkServer *server = call->connection ? call->connection->server : NULL;
        int r;

        r = call_send(call, name, parameters);
        if (r < 0)
                return r;

        server->counters.errors++;
        call_finish(call);
        return 0;
}

/* One of the service's errors, all of which have at most one parameter, a string. */
static int call_error_string(VarlinkCall *call, const char *name, const char *key,
                             const char *value) {
        json_auto_t *parameters = NULL;

        parameters = json_pack("{s:s}", key, value);
        if (!parameters)
                return -ENOMEM;
        return varlink_call_error(call, name, parameters);
}

int varlink_call_error_invalid_parameter(VarlinkCall *call, const char *parameter) {
        return call_error_string(call, ERROR_INVALID_PARAMETER, "parameter", parameter);
}

/* requests */

static const VarlinkMethod *interface_find_method(const VarlinkInterface *interface,
                                                  const char *name) {
        for (const VarlinkMethod *m = interface->methods; m->name; m++)
                if (strcmp(m->name, name) == 0)
                        return m;
        return NULL;
}

static int call_run(VarlinkCall *call, const VarlinkInterface *interface,
                    const VarlinkMember *member, const VarlinkRequest *request) {
        json_auto_t *empty = NULL;
        json_t *parameters = request->parameters;
        const VarlinkMethod *method;
        const char *field = NULL;
        int r;

        method = interface_find_method(interface, member->name);
        if (!method)
                return call_error_string(call, ERROR_METHOD_NOT_IMPLEMENTED, "method",
                                         request->method);

        if (!parameters) {
                parameters = empty = json_object();
                if (!empty)
                        return -ENOMEM;
        }
        r = varlink_type_check(member->type, parameters, &field);
        if (r < 0)
                return varlink_call_error_invalid_parameter(call, field ? field : "parameters");

        if ((method->flags & VARLINK_METHOD_REQUIRES_MORE) && !call->more)
                return varlink_call_error(call, ERROR_EXPECTED_MORE, NULL);

        return method->handler(call, parameters, interface->userdata);
}

/* Finds what is called, or says what there is not. */
static int call_route(VarlinkCall *call, const VarlinkRequest *request) {
        const VarlinkServer *server = call->connection->server;
        const VarlinkInterface *interface;
        const VarlinkMember *member;
        const char *dot;
        size_t n;

        if (request->wrong)
                return varlink_call_error_invalid_parameter(call, request->wrong);

        dot = strrchr(request->method, '.');
        if (!dot)
                return varlink_call_error_invalid_parameter(call, "method");

        n = (size_t) (dot - request->method);
        interface = varlink_server_find_interface(server, request->method, n);
        if (!interface) {
                json_auto_t *parameters = json_pack("{s:s%}", "interface", request->method, n);

                return varlink_call_error(call, ERROR_INTERFACE_NOT_FOUND, parameters);
        }

        member = varlink_idl_find(interface->idl, VARLINK_MEMBER_METHOD, dot + 1);
        if (!member)
                return call_error_string(call, ERROR_METHOD_NOT_FOUND, "method", request->method);

        return call_run(call, interface, member, request);
}

int varlink_call_dispatch(VarlinkConnection *connection, const char *text, size_t size) {
        _cleanup_(varlink_request_done) VarlinkRequest request = { 0 };
        _cleanup_(varlink_call_unrefp) VarlinkCall *call = NULL;
        int r;

        r = varlink_request_read(connection->server, text, size, &request);
        if (r < 0)
                return r;

        connection->server->counters.calls++;
        r = call_new(connection, request.more, request.oneway, &call);
        if (r < 0)
                return r;

        r = call_route(call, &request);
        /* a handler that failed for a reason of the connection has nobody to tell */
        if (r < 0 && varlink_call_is_open(call))
                call_fail(call, r);
        return 0;
}
