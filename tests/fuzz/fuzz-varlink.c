/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Any bytes from a client of the Varlink transport, in pieces of any size. Byte 0xfe ends a piece,
 * and the server runs before the next one; 0xff has it publish to the subscribers and answer the
 * call that it kept. Neither occurs in UTF-8, so that they cost no real request.
 *
 * Whatever comes: the loop comes to rest, every reply is one JSON object of the known members, no
 * more calls are answered than were asked, the connection ends when the client does, and another
 * client is served as if nothing had happened.
 */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "varlink-server.h"

#define PIECE_END 0xfe
#define PUBLISH 0xff

/* Unlike assert() it is there in every build. */
#define CHECK(condition)          \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)

/* Rounds of the loop after which it is taken to spin: far more than an input has bytes. */
#define ROUNDS_MAX 1000000U

/* Subscribers that are kept; more are refused. */
#define SUBSCRIBERS_MAX 4U

static const char text[] = "interface a.b\n"
                           "type E (x, y)\n"
                           "type T (n: ?T, e: ?E)\n"
                           "method Echo(s: ?string, i: ?int, f: ?float, o: ?object, a: ?[]int,\n"
                           "  m: ?[string]bool, t: ?T) -> (s: ?string, i: ?int, f: ?float,\n"
                           "  o: ?object, a: ?[]int, m: ?[string]bool, t: ?T)\n"
                           "method Later() -> ()\n"
                           "method Sub() -> (s: string)\n"
                           "method None() -> ()\n"
                           "error Failed ()\n";

typedef struct State {
        sd_event *event;
        VarlinkServer *server;
        VarlinkCall *calls[SUBSCRIBERS_MAX]; /* kept, not answered */
        int client;
        int bystander;
        json_int_t n_nuls; /* sent by the client */
        json_int_t n_answers; /* that end a call */
        char *partial; /* received, not ended by a NUL yet */
        size_t n_partial;
} State;

static const char *error_name(int error, const char *detail, json_t **ret_parameters) {
        return "a.b.Failed";
}

static int on_echo(VarlinkCall *call, json_t *parameters, void *userdata) {
        return varlink_call_reply(call, parameters);
}

static void on_close(VarlinkCall *call, void *userdata) {
        State *state = userdata;

        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
                if (state->calls[i] == call)
                        state->calls[i] = varlink_call_unref(call);
}

static int on_keep(VarlinkCall *call, json_t *parameters, void *userdata) {
        State *state = userdata;

        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
                if (state->calls[i])
                        continue;
                state->calls[i] = varlink_call_ref(call);
                varlink_call_set_on_close(call, on_close, state);
                return 0;
        }
        return -EBUSY;
}

static const VarlinkMethod methods[] = {
        { "Echo", on_echo },
        { "Later", on_keep },
        { "Sub", on_keep, VARLINK_METHOD_REQUIRES_MORE },
        { 0 },
};

static void settle(State *state) {
        for (unsigned i = 0; i < ROUNDS_MAX; i++) {
                int r = sd_event_run(state->event, 0);

                CHECK(r >= 0);
                if (r == 0)
                        return;
        }
        abort();
}

static void check_reply(State *state, const char *reply) {
        json_auto_t *message = json_loads(reply, JSON_REJECT_DUPLICATES, NULL);
        const json_t *error, *parameters, *continues;
        size_t n = 1;

        CHECK(message);
        error = json_object_get(message, "error");
        parameters = json_object_get(message, "parameters");
        continues = json_object_get(message, "continues");
        CHECK(json_is_object(parameters));
        CHECK(!error || json_is_string(error));
        CHECK(!continues || json_is_true(continues));
        CHECK(!error || !continues);
        n += (error ? 1 : 0) + (continues ? 1 : 0);
        CHECK(json_object_size(message) == n);
        if (!continues)
                state->n_answers++;
}

/* Reads what is there; false when the server has hung up. */
static bool read_replies(State *state) {
        static char chunk[65536];
        ssize_t n;

        while ((n = recv(state->client, chunk, sizeof(chunk), 0)) > 0) {
                char *nul, *p;

                state->partial = realloc(state->partial, state->n_partial + (size_t) n);
                CHECK(state->partial);
                memcpy(state->partial + state->n_partial, chunk, (size_t) n);
                state->n_partial += (size_t) n;

                p = state->partial;
                while ((nul = memchr(p, '\0', state->n_partial))) {
                        check_reply(state, p);
                        state->n_partial -= (size_t) (nul + 1 - p);
                        p = nul + 1;
                }
                memmove(state->partial, p, state->n_partial);
        }
        CHECK(n == 0 || errno == EAGAIN || errno == ECONNRESET);
        return n < 0 && errno == EAGAIN;
}

static void publish(State *state) {
        _cleanup_(varlink_payload_unrefp) VarlinkPayload *payload = NULL;
        char *reply = strdup(VARLINK_REPLY_BEGIN "{\"s\":\"event\"}" VARLINK_REPLY_CONTINUES);

        CHECK(reply && varlink_payload_new_text(reply, strlen(reply) + 1, true, &payload) >= 0);
        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
                VarlinkCall *call = state->calls[i];

                if (!call)
                        continue;
                if (varlink_call_wants_more(call))
                        (void) varlink_call_reply_more_payload(call, payload);
                else if (varlink_call_reply(call, NULL) >= 0)
                        state->calls[i] = varlink_call_unref(call);
        }
}

/* Sends a piece, and lets the server have its way; false when it has hung up. */
static bool send_piece(State *state, const uint8_t *data, size_t size) {
        while (size > 0) {
                ssize_t n = send(state->client, data, size, MSG_NOSIGNAL);

                if (n > 0) {
                        for (ssize_t i = 0; i < n; i++)
                                state->n_nuls += data[i] == '\0';
                        data += n;
                        size -= (size_t) n;
                }
                settle(state);
                if (!read_replies(state))
                        return false;
                /* the server does not read: it waits for an answer to the call before */
                if (n < 0)
                        return true;
        }
        return true;
}

static int adopt(State *state) {
        int fds[2];

        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) >= 0);
        CHECK(varlink_server_add_connection(state->server, fds[1]) >= 0);
        return fds[0];
}

static void check_bystander(State *state) {
        static const char request[] = "{\"method\":\"a.b.Echo\",\"parameters\":{\"i\":7}}";
        static const char reply[] = "{\"parameters\":{\"i\":7}}";
        char received[sizeof(reply) + 1];

        CHECK(send(state->bystander, request, sizeof(request), 0) == sizeof(request));
        settle(state);
        CHECK(recv(state->bystander, received, sizeof(received), 0) == sizeof(reply));
        CHECK(memcmp(received, reply, sizeof(reply)) == 0);
}

static void run(State *state, const uint8_t *data, size_t size) {
        bool open = true;

        while (size > 0 && open) {
                size_t n = 0;

                while (n < size && data[n] != PIECE_END && data[n] != PUBLISH)
                        n++;
                open = send_piece(state, data, n);
                if (n < size && data[n] == PUBLISH)
                        publish(state);
                data += CONST_MIN(n + 1, size);
                size -= CONST_MIN(n + 1, size);
        }

        check_bystander(state);
        (void) read_replies(state);
        /* one more for the limit that ended it */
        CHECK(state->n_answers <= state->n_nuls + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const VarlinkServerInfo info = { "v", "p", "1", "u", error_name };
        static const VarlinkLimits limits = { .request_bytes = 4096, .calls = 8 };
        State state = { 0 };
        VarlinkCounters counters;

        CHECK(sd_event_new(&state.event) >= 0);
        CHECK(varlink_server_new(state.event, &info, &limits, &state.server) >= 0);
        CHECK(varlink_server_add_interface(state.server, text, methods, &state) >= 0);
        state.client = adopt(&state);
        state.bystander = adopt(&state);

        run(&state, data, size);

        (void) close(state.client);
        settle(&state);
        varlink_server_counters(state.server, &counters);
        CHECK(counters.connections == 1);
        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
                CHECK(!state.calls[i]);

        (void) close(state.bystander);
        varlink_server_free(state.server);
        sd_event_unref(state.event);
        free(state.partial);
        return 0;
}
