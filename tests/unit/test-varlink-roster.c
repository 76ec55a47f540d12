/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The text of org.ifroster beside what the daemon is made of: the field tables of the records, the
 * list of errors, the list of methods, and the documentation of each field. What a method takes and
 * gives is held against the text where it runs, in the integration tests.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "record.h"
#include "unit.h"
#include "varlink-idl.h"
#include "varlink-methods.h"
#include "varlink-texts.h"

static const struct {
        const char *name;
        ObjectType object;
} records[] = {
        { "Link", OBJECT_LINK },
        { "Address", OBJECT_ADDRESS },
        { "Group", OBJECT_GROUP },
        { "Route", OBJECT_ROUTE },
};

/* The declared type of each kind of value, as it is written. */
static const char *const type_texts[_VALUE_KIND_MAX] = {
        [VALUE_BOOL] = "bool",      [VALUE_INT] = "int",
        [VALUE_UINT] = "int",       [VALUE_UINT64] = "int",
        [VALUE_TEXT] = "string",    [VALUE_BYTES] = "[]int",
        [VALUE_TEXTS] = "[]string", [VALUE_BYTES_LIST] = "[]RawName",
};

static VarlinkIdl *idl;

static void setup(void) {
        unsigned line = 0;

        ck_assert_msg(varlink_idl_new(org_ifroster_text, &idl, &line) == 0, "line %u", line);
}

static void teardown(void) {
        idl = varlink_idl_free(idl);
}

/* The type of the rows of a field of VALUE_RECORDS goes by the same word as the field. */
static const char *field_type_text(const Field *f) {
        if (f->kind == VALUE_RECORDS)
                return strcmp(f->name, "Addresses") == 0 ? "[]Address" : "[]Group";
        return type_texts[f->kind];
}

START_TEST(test_fields) {
        const VarlinkMember *member;
        const Field *fields;
        char wanted[1024];
        size_t n;

        member = varlink_idl_find(idl, VARLINK_MEMBER_TYPE, records[_i].name);
        ck_assert_ptr_nonnull(member);
        fields = fields_of(records[_i].object, &n);
        for (size_t i = 0; i < n && i < member->type->n_fields; i++)
                ck_assert_str_eq(member->type->fields[i].name, fields[i].name);
        ck_assert_uint_eq(member->type->n_fields, n);

        for (size_t i = 0; i < n; i++) {
                bool optional = fields[i].flags & (FIELD_OPTIONAL | FIELD_ODD_ONLY);

                (void) snprintf(wanted, sizeof(wanted), "  # %s (%s)\n  %s: %s%s%s\n",
                                fields[i].text, fields[i].source, fields[i].name,
                                optional ? "?" : "", field_type_text(fields + i),
                                i + 1 < n ? "," : "");
                ck_assert_msg(strstr(org_ifroster_text, wanted), "%s lacks:\n%s", records[_i].name,
                              wanted);
        }
}
END_TEST

static void check_error(const VarlinkMember *member, const char *name) {
        const VarlinkType *type;

        ck_assert_msg(member, "error %s is not declared", name);
        type = member->type;
        ck_assert_uint_eq(type->n_fields, 2);
        ck_assert_str_eq(type->fields[0].name, "Subject");
        ck_assert_int_eq(type->fields[0].type->kind, VARLINK_TYPE_STRING);
        ck_assert(type->fields[0].type->nullable);
        ck_assert_str_eq(type->fields[1].name, "Message");
        ck_assert_int_eq(type->fields[1].type->kind, VARLINK_TYPE_STRING);
        ck_assert(!type->fields[1].type->nullable);
}

START_TEST(test_errors) {
        size_t n = 0;

#define CHECK_ERROR(id, number, name, text) \
        check_error(varlink_idl_find(idl, VARLINK_MEMBER_ERROR, name), name);
        ERROR_TABLE(CHECK_ERROR)
#undef CHECK_ERROR

        for (size_t i = 0; i < varlink_idl_n_members(idl); i++) {
                const VarlinkMember *member = varlink_idl_member(idl, i);

                if (member->kind != VARLINK_MEMBER_ERROR)
                        continue;
                n++;
                ck_assert_msg(error_from_name(member->name) != -ENOENT, "%s is no error",
                              member->name);
        }
#define COUNT_ERROR(id, number, name, text) +1
        ck_assert_uint_eq(n, 0 ERROR_TABLE(COUNT_ERROR));
#undef COUNT_ERROR
}
END_TEST

START_TEST(test_methods) {
        size_t declared = 0, served = 0;

        for (size_t i = 0; i < varlink_idl_n_members(idl); i++)
                declared += varlink_idl_member(idl, i)->kind == VARLINK_MEMBER_METHOD;
        for (const VarlinkMethod *m = roster_methods; m->name; m++, served++)
                ck_assert_msg(varlink_idl_find(idl, VARLINK_MEMBER_METHOD, m->name),
                              "%s is not declared", m->name);
        ck_assert_uint_eq(declared, served);
}
END_TEST

/* The specification has them, and systemd's parser does not. */
START_TEST(test_no_arrays_of_arrays) {
        ck_assert_ptr_null(strstr(org_ifroster_text, "[][]"));
}
END_TEST

/* Nothing in a text is longer than a terminal's line would bear, and no line ends in blanks. */
START_TEST(test_lines) {
        const char *line = org_ifroster_text;

        while (*line) {
                size_t len = strcspn(line, "\n");

                ck_assert_msg(len == 0 || line[len - 1] != ' ', "%.*s", (int) len, line);
                ck_assert_msg(len <= 160, "%.*s", (int) len, line);
                line += len + (line[len] == '\n');
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("varlink-roster");
        TCase *cases = tcase_create("text");

        tcase_add_checked_fixture(cases, setup, teardown);
        tcase_add_loop_test(cases, test_fields, 0, ELEMENTSOF(records));
        tcase_add_test(cases, test_errors);
        tcase_add_test(cases, test_methods);
        tcase_add_test(cases, test_no_arrays_of_arrays);
        tcase_add_test(cases, test_lines);
        suite_add_tcase(suite, cases);
        return unit_run(suite);
}
