/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The Varlink transport between one client and one server: what each request is answered with,
 * byte for byte, however it is cut; the order of calls; how calls and connections end. Limits and
 * sockets in the file system have suites of their own.
 */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "unit.h"
#include "varlink-peer.h"

#define ECHO "\"method\":\"org.example.test.Echo\""
#define OK "{\"parameters\":{}}"
#define INVALID(p)                                                                               \
        "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"" p \
        "\"}}"
#define SERVICE_ERROR(name, parameters) \
        "{\"error\":\"org.varlink.service." name "\",\"parameters\":{" parameters "}}"
#define NO_SUCH_THING "{\"error\":\"org.example.test.NoSuchThing\",\"parameters\":{}}"
#define EVENT(text) "{\"parameters\":{\"Event\":\"" text "\"},\"continues\":true}"
#define CLOSED NULL

/* one request and its whole answer */
static const struct {
        const char *request;
        const char *reply;
} exchanges[] = {
        { "{" ECHO "}", OK },
        { " {\n" ECHO "\t}\r\n", OK },
        { "{" ECHO ",\"parameters\":{}}", OK },
        { "{" ECHO ",\"parameters\":null}", OK },
        { "{" ECHO ",\"parameters\":{},\"more\":false,\"oneway\":false,\"upgrade\":false}", OK },
        { "{" ECHO ",\"more\":null,\"oneway\":null,\"upgrade\":null}", OK },
        { "{" ECHO ",\"more\":true}", OK },
        { "{\"parameters\":{\"Text\":\"a\"}," ECHO "}", "{\"parameters\":{\"Text\":\"a\"}}" },
        { "{" ECHO ",\"parameters\":{\"Text\":\"\xc3\xa4\\u00e4\\ud83d\\ude00\\n\"}}",
          "{\"parameters\":{\"Text\":\"\xc3\xa4\xc3\xa4\xf0\x9f\x98\x80\\n\"}}" },
        { "{" ECHO ",\"parameters\":{\"Number\":9223372036854775807}}",
          "{\"parameters\":{\"Number\":9223372036854775807}}" },
        { "{" ECHO ",\"parameters\":{\"Number\":-9223372036854775808}}",
          "{\"parameters\":{\"Number\":-9223372036854775808}}" },
        { "{" ECHO ",\"parameters\":{\"Filter\":{\"Modes\":[\"fast\"]}}}",
          "{\"parameters\":{\"Filter\":{\"Modes\":[\"fast\"]}}}" },

        /* wrong in one member: named, and the connection goes on */
        { "{}", INVALID("method") },
        { "{\"parameters\":{}}", INVALID("method") },
        { "{\"method\":1}", INVALID("method") },
        { "{\"method\":null}", INVALID("method") },
        { "{\"method\":\"\"}", INVALID("method") },
        { "{\"method\":\"Echo\"}", INVALID("method") },
        { "{" ECHO ",\"parameters\":[]}", INVALID("parameters") },
        { "{" ECHO ",\"parameters\":\"\"}", INVALID("parameters") },
        { "{" ECHO ",\"more\":1}", INVALID("more") },
        { "{" ECHO ",\"more\":\"true\"}", INVALID("more") },
        { "{" ECHO ",\"oneway\":0}", INVALID("oneway") },
        { "{" ECHO ",\"upgrade\":true}", INVALID("upgrade") },
        { "{" ECHO ",\"upgrade\":[]}", INVALID("upgrade") },
        { "{" ECHO ",\"Parameters\":{}}", INVALID("Parameters") },
        { "{" ECHO ",\"id\":1}", INVALID("id") },
        { "{" ECHO ",\"parameters\":{\"Number\":1.0}}", INVALID("Number") },
        { "{" ECHO ",\"parameters\":{\"Text\":5}}", INVALID("Text") },
        { "{" ECHO ",\"parameters\":{\"text\":\"\"}}", INVALID("text") },
        { "{" ECHO ",\"parameters\":{\"Filter\":{\"Modes\":[\"lazy\"]}}}", INVALID("Modes") },
        { "{\"method\":\"org.example.test.Big\"}", INVALID("Size") },

        /* nothing there */
        { "{\"method\":\"org.example.Echo\"}",
          SERVICE_ERROR("InterfaceNotFound", "\"interface\":\"org.example\"") },
        { "{\"method\":\".Echo\"}", SERVICE_ERROR("InterfaceNotFound", "\"interface\":\"\"") },
        { "{\"method\":\"org.example.test.echo\"}",
          SERVICE_ERROR("MethodNotFound", "\"method\":\"org.example.test.echo\"") },
        { "{\"method\":\"org.example.test.\"}",
          SERVICE_ERROR("MethodNotFound", "\"method\":\"org.example.test.\"") },
        /* a type is not a method */
        { "{\"method\":\"org.example.test.Mode\"}",
          SERVICE_ERROR("MethodNotFound", "\"method\":\"org.example.test.Mode\"") },
        { "{\"method\":\"org.example.test.Absent\"}",
          SERVICE_ERROR("MethodNotImplemented", "\"method\":\"org.example.test.Absent\"") },
        { "{\"method\":\"org.example.test.Subscribe\"}", SERVICE_ERROR("ExpectedMore", "") },
        { "{\"method\":\"org.example.test.Fail\"}", NO_SUCH_THING },
        { "{\"method\":\"org.example.test.Forget\"}", NO_SUCH_THING },
        { "{\"method\":\"org.example.test.Fail\",\"more\":true}", NO_SUCH_THING },

        /* not a request */
        { "", CLOSED },
        { " ", CLOSED },
        { "null", CLOSED },
        { "[]", CLOSED },
        { "\"\"", CLOSED },
        { "GET / HTTP/1.1\r\n\r\n", CLOSED },
        { "{" ECHO, CLOSED },
        { "{" ECHO "}}", CLOSED },
        { "{" ECHO "}{" ECHO "}", CLOSED },
        { "{" ECHO "," ECHO "}", CLOSED },
        { "{" ECHO ",\"parameters\":{\"Text\":\"a\",\"Text\":\"b\"}}", CLOSED },
        { "{" ECHO ",\"parameters\":{\"Number\":9223372036854775808}}", CLOSED },
        { "{" ECHO ",\"parameters\":{\"Number\":1e999}}", CLOSED },
        { "{" ECHO ",\"parameters\":{\"Text\":\"\xff\"}}", CLOSED },
        { "{" ECHO ",\"parameters\":{\"Text\":\"\xc0\x80\"}}", CLOSED },
        { "{" ECHO ",\"parameters\":{\"Text\":\"\\u0000\"}}", CLOSED },
        { "{" ECHO ",\"parameters\":{\"Text\":\"\\ud800\"}}", CLOSED },
        { "\xef\xbb\xbf{" ECHO "}", CLOSED },
        { "{'method':'org.example.test.Echo'}", CLOSED },
        { "{" ECHO ",\"more\":true,\"oneway\":true}", CLOSED },
};

START_TEST(test_exchange) {
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, exchanges[_i].request));
        peer_expect(&f, &peer, exchanges[_i].reply);
        ck_assert_uint_eq(fixture_counters(&f).violations, exchanges[_i].reply ? 0 : 1);
        if (exchanges[_i].reply) {
                /* whatever was wrong, the next call is served */
                ck_assert(peer_send(&f, &peer, "{" ECHO "}"));
                peer_expect(&f, &peer, OK);
        }
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* What was asked before is known again, by its bytes and nothing else. */
START_TEST(test_known) {
        static const unsigned sizes[] = { 8, 480, 1000 };
        char request[2048], reply[2048];
        Peer peers[2];
        Fixture f;

        fixture_init(&f, NULL);
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peers[i] = peer_new(&f);
        for (unsigned i = 0; i < 3000; i++) {
                unsigned n = i * 7 % 101;
                int width = (int) sizes[i % ELEMENTSOF(sizes)];

                snprintf(reply, sizeof(reply), "{\"parameters\":{\"Text\":\"%0*u\"}}", width, n);
                snprintf(request, sizeof(request), "{" ECHO ",%.*s%s}", (int) strlen(reply) - 2,
                         reply + 1, i % 5 == 0 ? ",\"oneway\":true" : "");
                ck_assert(peer_send(&f, &peers[i % 2], request));
                if (i % 5 != 0)
                        peer_expect(&f, &peers[i % 2], reply);
        }
        for (unsigned round = 0; round < 3; round++)
                for (size_t i = 0; i < ELEMENTSOF(exchanges); i++) {
                        Peer peer = peer_new(&f);

                        ck_assert(peer_send(&f, &peer, exchanges[i].request));
                        peer_expect(&f, &peer, exchanges[i].reply);
                        peer_close(&peer);
                }
        for (size_t i = 0; i < ELEMENTSOF(peers); i++)
                peer_close(&peers[i]);
        fixture_done(&f);
}
END_TEST

/* The same without an answer: only the next call has one. */
START_TEST(test_oneway) {
        char request[512];
        const char *text = exchanges[_i].request;
        Fixture f;
        Peer peer;

        if (text[0] != '{' || text[1] == '}' || !exchanges[_i].reply || strstr(text, "oneway") ||
            strstr(text, "\"more\":true"))
                return;

        (void) snprintf(request, sizeof(request), "{\"oneway\":true,%s", text + 1);
        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, request));
        ck_assert(peer_send(&f, &peer, "{" ECHO ",\"parameters\":{\"Text\":\"next\"}}"));
        peer_expect(&f, &peer, "{\"parameters\":{\"Text\":\"next\"}}");
        peer_expect_nothing(&f, &peer);
        ck_assert_uint_eq(fixture_counters(&f).calls, 2);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* Three requests in one stream, cut in two at every place, the server looking in between. */
START_TEST(test_split) {
        static const char stream[] = "{" ECHO ",\"parameters\":{\"Text\":\"one\"}}\0"
                                     "{" ECHO ",\"oneway\":true}\0"
                                     "{" ECHO ",\"parameters\":{\"Number\":2}}";
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        for (size_t cut = 0; cut <= sizeof(stream); cut++) {
                ck_assert(peer_send_bytes(&f, &peer, stream, cut));
                fixture_settle(&f);
                ck_assert(peer_send_bytes(&f, &peer, stream + cut, sizeof(stream) - cut));
                peer_expect(&f, &peer, "{\"parameters\":{\"Text\":\"one\"}}");
                peer_expect(&f, &peer, "{\"parameters\":{\"Number\":2}}");
        }
        peer_expect_nothing(&f, &peer);
        ck_assert_uint_eq(fixture_counters(&f).calls, 3 * (sizeof(stream) + 1));

        /* and in single bytes */
        for (size_t i = 0; i < sizeof(stream); i++) {
                ck_assert(peer_send_bytes(&f, &peer, stream + i, 1));
                fixture_settle(&f);
        }
        peer_expect(&f, &peer, "{\"parameters\":{\"Text\":\"one\"}}");
        peer_expect(&f, &peer, "{\"parameters\":{\"Number\":2}}");
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

static void echo_number(char *text, size_t size, int number, bool request) {
        (void) snprintf(text, size, "{%s\"parameters\":{\"Number\":%d}}", request ? ECHO "," : "",
                        number);
}

/* Far more than one wake-up handles, and more than the socket holds. A peer that sends without end and
 * reads nothing would be waited for, sooner the slower its calls are served. */
START_TEST(test_pipeline) {
        const int n = 1000;
        char text[128];
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        for (unsigned round = 0; round < 5; round++) {
                for (int i = 0; i < n; i++) {
                        echo_number(text, sizeof(text), i, true);
                        ck_assert(peer_send(&f, &peer, text));
                }
                for (int i = 0; i < n; i++) {
                        echo_number(text, sizeof(text), i, false);
                        peer_expect(&f, &peer, text);
                }
        }
        peer_expect_nothing(&f, &peer);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* An unanswered call holds the ones behind it. */
START_TEST(test_order) {
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        for (unsigned round = 0; round < 3; round++) {
                ck_assert(peer_send(&f, &peer, "{\"method\":\"org.example.test.Later\"}"));
                ck_assert(peer_send(&f, &peer, "{" ECHO ",\"parameters\":{\"Text\":\"a\"}}"));
                ck_assert(peer_send(&f, &peer, "{" ECHO ",\"parameters\":{\"Text\":\"b\"}}"));
                peer_expect_nothing(&f, &peer);
                ck_assert_uint_eq(f.n_handled, 2 * round);
                fixture_answer_later(&f);
                peer_expect(&f, &peer, OK);
                peer_expect(&f, &peer, "{\"parameters\":{\"Text\":\"a\"}}");
                peer_expect(&f, &peer, "{\"parameters\":{\"Text\":\"b\"}}");
        }
        ck_assert_uint_eq(f.n_closed, 0);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* The last reference goes without an answer: the transport gives one. */
START_TEST(test_abandoned) {
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, "{\"method\":\"org.example.test.Later\"}"));
        ck_assert(peer_send(&f, &peer, "{" ECHO "}"));
        peer_expect_nothing(&f, &peer);
        f.later = varlink_call_unref(f.later);
        peer_expect(&f, &peer, NO_SUCH_THING);
        peer_expect(&f, &peer, OK);
        ck_assert_uint_eq(f.n_closed, 0);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

START_TEST(test_subscribe) {
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer,
                            "{\"method\":\"org.example.test.Subscribe\",\"more\":true}"));
        ck_assert(peer_send(&f, &peer, "{" ECHO "}"));
        peer_expect_nothing(&f, &peer);
        fixture_publish(&f, "one", true);
        fixture_publish(&f, "two", false);
        peer_expect(&f, &peer, EVENT("one"));
        peer_expect(&f, &peer, EVENT("two"));
        peer_expect_nothing(&f, &peer);

        /* an error ends it, and lets the next call pass */
        ck_assert_int_eq(varlink_call_error(f.subscribers[0], "org.example.test.NoSuchThing", NULL),
                         0);
        ck_assert(!varlink_call_is_open(f.subscribers[0]));
        f.subscribers[0] = varlink_call_unref(f.subscribers[0]);
        peer_expect(&f, &peer, NO_SUCH_THING);
        peer_expect(&f, &peer, OK);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* The peer goes with a call unanswered, one that it waits for or one that goes on for ever. */
START_TEST(test_peer_gone) {
        static const char *const requests[] = {
                "{\"method\":\"org.example.test.Later\"}",
                "{\"method\":\"org.example.test.Subscribe\",\"more\":true}",
        };
        VarlinkCall *call;
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, requests[_i]));
        peer_expect_nothing(&f, &peer);
        call = varlink_call_ref(_i == 0 ? f.later : f.subscribers[0]);
        ck_assert_uint_eq(varlink_call_uid(call), geteuid());
        peer_close(&peer);
        /* published to before the server has noticed */
        fixture_publish(&f, "lost", true);
        fixture_settle(&f);
        ck_assert_uint_eq(f.n_closed, 1);
        ck_assert(!varlink_call_is_open(call));
        ck_assert_int_eq(varlink_call_reply(call, NULL), -EPIPE);
        ck_assert_uint_eq(varlink_call_queued_bytes(call), 0);
        varlink_call_unref(call);
        ck_assert_uint_eq(fixture_counters(&f).connections, 0);
        fixture_done(&f);
}
END_TEST

/* A peer that has said all (nc -N) still gets its answers, those that come later too. */
START_TEST(test_half_closed) {
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, "{" ECHO "}"));
        ck_assert(peer_send(&f, &peer, "{\"method\":\"org.example.test.Later\"}"));
        if (_i == 0)
                ck_assert(peer_send(&f, &peer, "{" ECHO "}"));
        ck_assert_int_eq(shutdown(peer.fd, SHUT_WR), 0);
        peer_expect(&f, &peer, OK);
        peer_expect_nothing(&f, &peer);
        fixture_answer_later(&f);
        peer_expect(&f, &peer, OK);
        if (_i == 0)
                peer_expect(&f, &peer, OK);
        peer_expect(&f, &peer, CLOSED);
        fixture_settle(&f);
        ck_assert_uint_eq(fixture_counters(&f).connections, 0);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* Sent and gone before the server looked: what wants no answer is still done. */
START_TEST(test_oneway_and_gone) {
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        for (unsigned i = 0; i < 100; i++)
                ck_assert(peer_send(&f, &peer, "{" ECHO ",\"oneway\":true}"));
        ck_assert(peer_send_bytes(&f, &peer, "{", 1));
        peer_close(&peer);
        fixture_settle(&f);
        ck_assert_uint_eq(f.n_handled, 100);
        ck_assert_uint_eq(fixture_counters(&f).connections, 0);
        fixture_done(&f);
}
END_TEST

/* Good requests before a bad one have their replies. */
START_TEST(test_good_before_bad) {
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send_bytes(&f, &peer, "{" ECHO "}\0{" ECHO "}\0{\0{" ECHO "}",
                                  sizeof("{" ECHO "}\0{" ECHO "}\0{\0{" ECHO "}")));
        peer_expect(&f, &peer, OK);
        peer_expect(&f, &peer, OK);
        peer_expect(&f, &peer, CLOSED);
        ck_assert_uint_eq(fixture_counters(&f).calls, 2);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* A request n deep: the outermost object, its parameters, and arrays in them. Balanced or not, the
 * text must not reach the parser's recursion. */
static char *deep_request(unsigned n) {
        char *text = malloc(256 + 2 * (size_t) n), *p = text;

        ck_assert_ptr_nonnull(text);
        /* brackets in a string, and behind an escaped quote, are only text */
        p = stpcpy(p, "{" ECHO ",\"parameters\":{\"Text\":\"[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                      "[[[[[[[[[[[[\",\"Filter\":");
        for (unsigned i = 2; i < n; i++)
                *p++ = '[';
        for (unsigned i = 2; i < n; i++)
                *p++ = ']';
        (void) stpcpy(p, "}}");
        return text;
}

START_TEST(test_depth) {
        static const struct {
                unsigned n;
                const char *reply;
        } rows[] = {
                { 3, INVALID("Filter") },
                { VARLINK_DEPTH_MAX, INVALID("Filter") },
                { VARLINK_DEPTH_MAX + 1, CLOSED },
                { 60000, CLOSED },
        };
        _cleanup_(freep) char *text = deep_request(rows[_i].n);
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, text));
        peer_expect(&f, &peer, rows[_i].reply);
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

START_TEST(test_service) {
        static const char *const names[] = { "org.varlink.service", "org.example.test" };
        Fixture f;
        Peer peer;

        fixture_init(&f, NULL);
        peer = peer_new(&f);
        ck_assert(peer_send(&f, &peer, "{\"method\":\"org.varlink.service.GetInfo\"}"));
        peer_expect(&f, &peer,
                    "{\"parameters\":{\"vendor\":\"vendor\",\"product\":\"product\","
                    "\"version\":\"1\",\"url\":\"https://example.org/\",\"interfaces\":"
                    "[\"org.varlink.service\",\"org.example.test\"]}}");

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(freep) char *text = NULL;
                _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
                json_auto_t *reply = NULL;
                const char *description;
                char request[256];

                (void) snprintf(request, sizeof(request),
                                "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                                "\"parameters\":{\"interface\":\"%s\"}}",
                                names[i]);
                ck_assert(peer_send(&f, &peer, request));
                text = peer_receive(&f, &peer);
                ck_assert_ptr_nonnull(text);
                reply = json_loads(text, 0, NULL);
                description = json_string_value(json_object_get(
                                json_object_get(reply, "parameters"), "description"));
                ck_assert_ptr_nonnull(description);
                ck_assert_int_eq(varlink_idl_new(description, &idl, NULL), 0);
                ck_assert_str_eq(varlink_idl_name(idl), names[i]);
        }

        ck_assert(peer_send(&f, &peer,
                            "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                            "\"parameters\":{\"interface\":\"org.nowhere\"}}"));
        peer_expect(&f, &peer, SERVICE_ERROR("InterfaceNotFound", "\"interface\":\"org.nowhere\""));
        peer_close(&peer);
        fixture_done(&f);
}
END_TEST

/* What org.varlink.service is for everyone else: the errors that clients know by name. */
START_TEST(test_service_members) {
        static const struct {
                VarlinkMemberKind kind;
                const char *name;
                const char *input;
                const char *output;
        } rows[] = {
                { VARLINK_MEMBER_METHOD, "GetInfo", "{}",
                  "{\"vendor\":\"\",\"product\":\"\",\"version\":\"\",\"url\":\"\","
                  "\"interfaces\":[]}" },
                { VARLINK_MEMBER_METHOD, "GetInterfaceDescription", "{\"interface\":\"\"}",
                  "{\"description\":\"\"}" },
                { VARLINK_MEMBER_ERROR, "InterfaceNotFound", "{\"interface\":\"\"}" },
                { VARLINK_MEMBER_ERROR, "MethodNotFound", "{\"method\":\"\"}" },
                { VARLINK_MEMBER_ERROR, "MethodNotImplemented", "{\"method\":\"\"}" },
                { VARLINK_MEMBER_ERROR, "InvalidParameter", "{\"parameter\":\"\"}" },
                { VARLINK_MEMBER_ERROR, "PermissionDenied", "{}" },
                { VARLINK_MEMBER_ERROR, "ExpectedMore", "{}" },
        };
        extern const char org_varlink_service_text[];
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;

        ck_assert_int_eq(varlink_idl_new(org_varlink_service_text, &idl, NULL), 0);
        ck_assert_uint_eq(varlink_idl_n_members(idl), ELEMENTSOF(rows));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const VarlinkMember *m = varlink_idl_find(idl, rows[i].kind, rows[i].name);
                json_auto_t *input = json_loads(rows[i].input, 0, NULL);

                ck_assert_ptr_nonnull(m);
                ck_assert_int_eq(varlink_type_check(m->type, input, NULL), 0);
                if (rows[i].output) {
                        json_auto_t *output = json_loads(rows[i].output, 0, NULL);

                        ck_assert_int_eq(varlink_type_check(m->output, output, NULL), 0);
                }
        }
}
END_TEST

START_TEST(test_add_interface) {
        static const VarlinkMethod none[] = { { 0 } };
        static const VarlinkMethod other[] = { { "Other", NULL }, { 0 } };
        Fixture f;

        fixture_init(&f, NULL);
        ck_assert_int_eq(varlink_server_add_interface(f.server, "interface a.b\ntype T ()", none,
                                                      NULL),
                         0);
        ck_assert_int_eq(varlink_server_add_interface(f.server, "interface a.b\ntype U ()", none,
                                                      NULL),
                         -EEXIST);
        ck_assert_int_eq(varlink_server_add_interface(f.server, "interface a.c\ntype Other ()",
                                                      other, NULL),
                         -EINVAL);
        ck_assert_int_eq(varlink_server_add_interface(f.server, "interface", none, NULL), -EBADMSG);
        ck_assert_int_eq(varlink_server_add_interface(f.server, "# \xff\ninterface a.d\ntype T ()",
                                                      none, NULL),
                         -EINVAL);
        fixture_done(&f);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("varlink-server");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, test_exchange, 0, ELEMENTSOF(exchanges));
        tcase_add_test(tcase, test_known);
        tcase_add_loop_test(tcase, test_oneway, 0, ELEMENTSOF(exchanges));
        tcase_add_test(tcase, test_split);
        tcase_add_test(tcase, test_pipeline);
        tcase_add_test(tcase, test_order);
        tcase_add_test(tcase, test_abandoned);
        tcase_add_test(tcase, test_subscribe);
        tcase_add_loop_test(tcase, test_peer_gone, 0, 2);
        tcase_add_loop_test(tcase, test_half_closed, 0, 2);
        tcase_add_test(tcase, test_oneway_and_gone);
        tcase_add_test(tcase, test_good_before_bad);
        tcase_add_loop_test(tcase, test_depth, 0, 4);
        tcase_add_test(tcase, test_service);
        tcase_add_test(tcase, test_service_members);
        tcase_add_test(tcase, test_add_interface);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
