/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Interface texts: what parses, what is refused and on which line, and which JSON a type accepts.
 * The tables below are from the grammar of Varlink as its users know it, not from the parser.
 */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "varlink-idl.h"

/* refused with -EBADMSG on this line; 0: accepted */
static const struct {
        const char *text;
        unsigned line;
} syntax[] = {
        { "interface a.b\nmethod M() -> ()", 0 },
        { "interface a.b\nmethod M()->()", 0 },
        { "interface a.b method M() -> () error E ()", 0 },
        { "# c\n\ninterface a.b # c\nmethod M(a: int, # c\n b: string) -> (c: bool)# c", 0 },
        { "interface xn--a.b-c.d1\ntype T ()", 0 },
        { "interface a.b\ntype T (a: [][]int, b: [string][]string, c: ?[string]object)", 0 },
        { "interface a.b\ntype T (one)", 0 },
        { "interface a.b\ntype T (one, two_b, Three)", 0 },
        { "interface a.b\ntype T (a: (x, y), b: ?(c: float))", 0 },
        { "interface a.b\nmethod M(a: U) -> (b: []U)\ntype U (n: ?U)", 0 },
        { "interface a.b\ntype T (type: string, method: int, interface: bool)", 0 },
        { "interface a.b\ntype T (int: int)", 0 },

        { "", 1 },
        { "\n\n", 3 },
        { "interface a.b", 1 },
        { "interface a\ntype T ()", 1 },
        { "interface .a.b\ntype T ()", 1 },
        { "interface a..b\ntype T ()", 1 },
        { "interface a.b.\ntype T ()", 1 },
        { "interface a.-b\ntype T ()", 1 },
        { "interface a-.b\ntype T ()", 1 },
        { "interface 1a.b\ntype T ()", 1 },
        { "interfacea.b\ntype T ()", 1 },
        { "interface a.b\nmethod m() -> ()", 2 },
        { "interface a.b\nmethod M_x() -> ()", 2 },
        { "interface a.b\nmethod M()", 2 },
        { "interface a.b\nmethod M() -> (", 2 },
        { "interface a.b\nmethod M() - > ()", 2 },
        { "interface a.b\nmethod M(a) -> ()", 2 },
        { "interface a.b\nerror E (a, b)", 2 },
        { "interface a.b\nerror E", 2 },
        { "interface a.b\ntype T int", 2 },
        { "interface a.b\ntype T ?(a: int)", 2 },
        { "interface a.b\ntype T (a: int,)", 2 },
        { "interface a.b\ntype T (a: int b: int)", 2 },
        { "interface a.b\ntype T (a: int, b)", 2 },
        { "interface a.b\ntype T (a, b: int)", 2 },
        { "interface a.b\ntype T (_a: int)", 2 },
        { "interface a.b\ntype T (a_: int)", 2 },
        { "interface a.b\ntype T (a__b: int)", 2 },
        { "interface a.b\ntype T (1a: int)", 2 },
        { "interface a.b\ntype T (a: ??int)", 2 },
        { "interface a.b\ntype T (a: []?int)", 2 },
        { "interface a.b\ntype T (a: [string]?int)", 2 },
        { "interface a.b\ntype T (a: [string]())", 2 },
        { "interface a.b\ntype T (a: [int]string)", 2 },
        { "interface a.b\ntype T (a: any)", 2 },
        { "interface a.b\ntype T (a: integer)", 2 },
        { "interface a.b\ntype T (a: int, a: int)", 2 },
        { "interface a.b\ntype T (a, a)", 2 },
        { "interface a.b\ntype T ()\ntype T ()", 3 },
        { "interface a.b\ntype T ()\nerror T ()", 3 },
        { "interface a.b\ntype T (a: U)\n", 3 },
        { "interface a.b\nerror E ()\ntype T (a: E)", 3 },
        { "interface a.b\nmethods M() -> ()", 2 },
        { "interface a.b\ntype T ()\nx", 3 },
        { "interface a.b\ntype T (a: \xc3\xa4)", 2 },
};

START_TEST(test_syntax) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        unsigned line = 0;
        int r;

        r = varlink_idl_new(syntax[_i].text, &idl, &line);
        ck_assert_msg(r == (syntax[_i].line == 0 ? 0 : -EBADMSG), "%d for: %s", r, syntax[_i].text);
        ck_assert_msg(line == syntax[_i].line, "line %u for: %s", line, syntax[_i].text);
        ck_assert(r == 0 || !idl);
}
END_TEST

START_TEST(test_members) {
        static const char text[] = "interface org.example\n"
                                   "type Mode (fast, slow)\n"
                                   "method Go(Mode: ?Mode, N: []int) -> (Done: bool)\n"
                                   "error Stuck (Why: string)\n";
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        const VarlinkMember *m;

        ck_assert_int_eq(varlink_idl_new(text, &idl, NULL), 0);
        ck_assert_str_eq(varlink_idl_name(idl), "org.example");
        ck_assert_str_eq(varlink_idl_text(idl), text);
        ck_assert_uint_eq(varlink_idl_n_members(idl), 3);
        ck_assert_str_eq(varlink_idl_member(idl, 0)->name, "Mode");
        ck_assert_int_eq(varlink_idl_member(idl, 0)->type->kind, VARLINK_TYPE_ENUM);
        ck_assert_str_eq(varlink_idl_member(idl, 2)->name, "Stuck");

        ck_assert_ptr_null(varlink_idl_find(idl, VARLINK_MEMBER_METHOD, "Mode"));
        m = varlink_idl_find(idl, VARLINK_MEMBER_METHOD, "Go");
        ck_assert_ptr_nonnull(m);
        ck_assert_uint_eq(m->type->n_fields, 2);
        ck_assert_str_eq(m->type->fields[0].name, "Mode");
        ck_assert(m->type->fields[0].type->nullable);
        ck_assert_ptr_eq(m->type->fields[0].type->named, varlink_idl_member(idl, 0)->type);
        ck_assert_int_eq(m->type->fields[1].type->kind, VARLINK_TYPE_ARRAY);
        ck_assert_int_eq(m->type->fields[1].type->element->kind, VARLINK_TYPE_INT);
        ck_assert_str_eq(m->output->fields[0].name, "Done");
}
END_TEST

/* A text whose types are nested n deep in arrays, or n bytes of comment before a good text. */
static int parse_nested(unsigned n) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        _cleanup_(freep) char *text = malloc(64 + 2 * n);
        char *p = text;

        p = stpcpy(p, "interface a.b\ntype T (a: ");
        for (unsigned i = 0; i < n; i++)
                p = stpcpy(p, "[]");
        (void) stpcpy(p, "int)");
        return varlink_idl_new(text, &idl, NULL);
}

static int parse_long(size_t n) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        _cleanup_(freep) char *text = malloc(n + 1);
        static const char end[] = "\ninterface a.b\ntype T ()";

        memset(text, '#', n);
        memcpy(text + n + 1 - sizeof(end), end, sizeof(end));
        return varlink_idl_new(text, &idl, NULL);
}

START_TEST(test_limits) {
        /* the list of the type and the innermost "int" are a level each */
        ck_assert_int_eq(parse_nested(VARLINK_IDL_DEPTH_MAX - 2), 0);
        ck_assert_int_eq(parse_nested(VARLINK_IDL_DEPTH_MAX - 1), -E2BIG);
        ck_assert_int_eq(parse_nested(100000), -E2BIG);
        ck_assert_int_eq(parse_long(VARLINK_IDL_BYTES_MAX), 0);
        ck_assert_int_eq(parse_long(VARLINK_IDL_BYTES_MAX + 1), -E2BIG);
}
END_TEST

/* Every prefix of a text that has everything: an error or not, but never a byte too far. */
START_TEST(test_prefixes) {
        static const char text[] = "# c\ninterface a.b-c.d\n"
                                   "type T (a: ?[][string](x, y), b: (c: U, d: ?float))\n"
                                   "type U (e_f: [string]object)\n"
                                   "method M(a: bool) -> (b: int)\nerror E (s: string)\n";

        for (size_t n = 0; n < sizeof(text); n++) {
                _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
                /* exactly as long, for a sanitizer to see what is read behind it */
                _cleanup_(freep) char *prefix = strndup(text, n);

                ck_assert_ptr_nonnull(prefix);
                (void) varlink_idl_new(prefix, &idl, NULL);
        }
}
END_TEST

#define CHECK_TEXT                                                                   \
        "interface a.b\n"                                                            \
        "type Mode (fast, slow)\n"                                                   \
        "type Node (Name: string, Next: ?Node)\n"                                    \
        "type T (b: ?bool, i: ?int, f: ?float, s: ?string, o: ?object, a: ?[]int,\n" \
        "  m: ?[string]int, e: ?Mode, n: ?Node, l: ?[]Node, in: ?(x: int, y: ?int))\n"

#define GOOD NULL
#define WHOLE ""

/* the field that is named; GOOD when accepted, WHOLE when there is no field to name */
static const struct {
        const char *value;
        const char *field;
} values[] = {
        { "{}", GOOD },
        { "{\"b\":true,\"i\":-1,\"f\":1.5,\"s\":\"\",\"o\":{\"k\":[1]},\"a\":[1,2]}", GOOD },
        { "{\"b\":null,\"i\":null,\"a\":null,\"e\":null,\"n\":null,\"in\":null}", GOOD },
        { "{\"i\":9223372036854775807}", GOOD },
        { "{\"i\":-9223372036854775808}", GOOD },
        { "{\"f\":1}", GOOD },
        { "{\"a\":[]}", GOOD },
        { "{\"m\":{}}", GOOD },
        { "{\"m\":{\"any key\":1,\"\":2}}", GOOD },
        { "{\"e\":\"slow\"}", GOOD },
        { "{\"n\":{\"Name\":\"a\",\"Next\":{\"Name\":\"b\",\"Next\":null}}}", GOOD },
        { "{\"in\":{\"x\":1}}", GOOD },

        { "[]", WHOLE },
        { "null", WHOLE },
        { "1", WHOLE },
        { "{\"b\":1}", "b" },
        { "{\"b\":\"true\"}", "b" },
        { "{\"i\":1.0}", "i" },
        { "{\"i\":1e3}", "i" },
        { "{\"i\":true}", "i" },
        { "{\"i\":\"1\"}", "i" },
        { "{\"f\":\"1\"}", "f" },
        { "{\"s\":1}", "s" },
        { "{\"s\":[\"a\"]}", "s" },
        { "{\"o\":[]}", "o" },
        { "{\"a\":{}}", "a" },
        { "{\"a\":1}", "a" },
        { "{\"a\":[1,\"2\"]}", "a" },
        { "{\"a\":[null]}", "a" },
        { "{\"m\":[]}", "m" },
        { "{\"m\":{\"k\":\"v\"}}", "m" },
        { "{\"m\":{\"k\":null}}", "m" },
        { "{\"e\":\"Slow\"}", "e" },
        { "{\"e\":\"\"}", "e" },
        { "{\"e\":1}", "e" },
        { "{\"n\":{}}", "Name" },
        { "{\"n\":{\"Name\":null}}", "Name" },
        { "{\"n\":{\"Name\":\"a\",\"Next\":{\"Name\":1}}}", "Name" },
        { "{\"n\":{\"Name\":\"a\",\"Next\":[]}}", "Next" },
        { "{\"n\":{\"Name\":\"a\",\"next\":null}}", "next" },
        { "{\"l\":[{\"Name\":\"a\"},{\"Name\":\"b\",\"Extra\":1}]}", "Extra" },
        { "{\"l\":[{\"Name\":\"a\"},1]}", "l" },
        { "{\"in\":{}}", "x" },
        { "{\"in\":{\"x\":1,\"y\":\"\"}}", "y" },
        { "{\"unknown\":1}", "unknown" },
        { "{\"B\":true}", "B" },
        { "{\"\":1}", WHOLE },
};

START_TEST(test_check) {
        _cleanup_(varlink_idl_freep) VarlinkIdl *idl = NULL;
        json_auto_t *value = json_loads(values[_i].value, JSON_DECODE_ANY, NULL);
        const char *field = "untouched";
        const VarlinkType *type;
        int r;

        ck_assert_ptr_nonnull(value);
        ck_assert_int_eq(varlink_idl_new(CHECK_TEXT, &idl, NULL), 0);
        type = varlink_idl_find(idl, VARLINK_MEMBER_TYPE, "T")->type;

        r = varlink_type_check(type, value, &field);
        ck_assert_msg(r == (values[_i].field ? -EINVAL : 0), "%d for %s", r, values[_i].value);
        if (values[_i].field)
                ck_assert_str_eq(field ? field : "", values[_i].field);
        ck_assert_int_eq(varlink_type_check(type, value, NULL), r);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("varlink-idl");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, test_syntax, 0, ELEMENTSOF(syntax));
        tcase_add_test(tcase, test_members);
        tcase_add_test(tcase, test_limits);
        tcase_add_test(tcase, test_prefixes);
        tcase_add_loop_test(tcase, test_check, 0, ELEMENTSOF(values));
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
