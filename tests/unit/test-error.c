/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The list of errors: the public names are a contract, so they are written down here once more;
 * each name and each errno must mean one error only, or a client could not tell two apart.
 */

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "unit.h"
#include "util.h"

static const char *const names[] = {
        "NoSuchLink",     "InvalidName",   "InvalidIndex", "InvalidAddress", "InvalidZone",
        "ZoneNotAllowed", "ZoneRequired",  "Ambiguous",    "NoRoute",        "NoAddress",
        "KernelError",    "LimitExceeded", "NotReady",
};

#define ERROR_ONE(id, number, name, text) +1
enum {
        N_ERRORS = ERROR_TABLE(ERROR_ONE)
};
#undef ERROR_ONE

START_TEST(test_names) {
        int number = error_from_name(names[_i]);

        ck_assert_msg(number < 0 && number != -ENOENT, "no error is called %s", names[_i]);
        ck_assert_str_eq(error_name(number), names[_i]);
        ck_assert_str_eq(error_name(-number), names[_i]);

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                if ((int) i == _i)
                        continue;
                ck_assert_msg(error_from_name(names[i]) != number, "%s and %s", names[_i],
                              names[i]);
                ck_assert_str_ne(error_text(error_from_name(names[i])), error_text(number));
        }
}
END_TEST

START_TEST(test_texts) {
        const char *text = error_text(error_from_name(names[_i]));
        size_t length = strlen(text);

        ck_assert_str_eq(error_text(-error_from_name(names[_i])), text);
        ck_assert_msg(length > 0 && isupper((unsigned char) text[0]), "%s", text);
        ck_assert_msg(text[length - 1] != '.' && !strchr(text, '\n'), "%s", text);
}
END_TEST

START_TEST(test_list_is_complete) {
        ck_assert_uint_eq(N_ERRORS, ELEMENTSOF(names));
        ck_assert_int_eq(ERROR_INVALID_ADDRESS, EBADMSG);
}
END_TEST

START_TEST(test_strangers) {
        /* What else can fail is a system call. */
        ck_assert_str_eq(error_name(-ENOMEM), "KernelError");
        ck_assert_str_eq(error_text(-ENOMEM), error_text(error_from_name("KernelError")));
        ck_assert_str_eq(error_name(0), "KernelError");
        ck_assert_int_eq(error_from_name(""), -ENOENT);
        ck_assert_int_eq(error_from_name("nosuchlink"), -ENOENT);
        ck_assert_int_eq(error_from_name("NoSuchLinks"), -ENOENT);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("error");
        TCase *errors = tcase_create("errors");

        tcase_add_loop_test(errors, test_names, 0, (int) ELEMENTSOF(names));
        tcase_add_loop_test(errors, test_texts, 0, (int) ELEMENTSOF(names));
        tcase_add_test(errors, test_list_is_complete);
        tcase_add_test(errors, test_strangers);
        suite_add_tcase(suite, errors);

        return unit_run(suite);
}
