/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's command line: what each option means, which values are refused, and where the files
 * are when nobody says so. The texts of refusals are looked at in the integration test.
 */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "options.h"
#include "unit.h"
#include "util.h"

#define ARGUMENTS_MAX 8

static Options options;
static char error_text[OPTIONS_ERROR_MAX];

/* The array ends with NULL; its strings outlive what is parsed from them. */
static int parse(const char *const *arguments) {
        static char words[ARGUMENTS_MAX + 1][PATH_MAX + 64];
        char *argv[ARGUMENTS_MAX + 2] = { words[0] };
        int argc = 1;

        strcpy(words[0], "ifrosterd");
        for (; *arguments; arguments++, argc++) {
                ck_assert_int_le(argc, ARGUMENTS_MAX);
                strcpy(words[argc], *arguments);
                argv[argc] = words[argc];
        }
        error_text[0] = 0;
        return options_parse(argc, argv, &options, error_text);
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

START_TEST(test_values) {
        ck_assert_int_eq(PARSE("--bus=unix:path=/x", "--varlink=/a/b", "--table", "/c", "--netns=n",
                               "--log-level=warning"),
                         0);
        ck_assert_int_eq(options.action, OPTIONS_RUN);
        ck_assert_str_eq(options.bus, "unix:path=/x");
        ck_assert_str_eq(options.varlink, "/a/b");
        ck_assert_str_eq(options.table, "/c");
        ck_assert_str_eq(options.netns, "n");
        ck_assert_int_eq(options.log_level, LOG_WARNING);
        ck_assert(!options.default_varlink && !options.default_table);
}
END_TEST

START_TEST(test_none) {
        ck_assert_int_eq(PARSE("--bus=none", "--varlink=none", "--table=none"), 0);
        ck_assert_ptr_null(options.bus);
        ck_assert_ptr_null(options.varlink);
        ck_assert_ptr_null(options.table);
        ck_assert(!options.default_varlink && !options.default_table);
        ck_assert_ptr_null(options.netns);
        ck_assert_int_eq(options.log_level, LOG_INFO);
}
END_TEST

START_TEST(test_last_one_counts) {
        ck_assert_int_eq(PARSE("--bus=none", "--bus=session", "--varlink=/x", "--varlink=none",
                               "--table=none", "--table=/y"),
                         0);
        ck_assert_str_eq(options.bus, "session");
        ck_assert_ptr_null(options.varlink);
        ck_assert_str_eq(options.table, "/y");
}
END_TEST

START_TEST(test_defaults) {
        ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "/run/user/4711", 1), 0);
        ck_assert_int_eq(PARSE(), 0);
        ck_assert_str_eq(options.bus, "system");
        ck_assert(options.default_varlink && options.default_table);
        if (geteuid() == 0 || access("/run/ifroster", W_OK) == 0) {
                ck_assert_str_eq(options.varlink, "/run/ifroster/org.ifroster");
                ck_assert_str_eq(options.table, "/run/ifroster/table");
                return;
        }
        ck_assert_str_eq(options.varlink, "/run/user/4711/ifroster/org.ifroster");
        ck_assert_str_eq(options.table, "/run/user/4711/ifroster/table");

        ck_assert_int_eq(unsetenv("XDG_RUNTIME_DIR"), 0);
        ck_assert_int_eq(PARSE(), -ENOENT);
        ck_assert_int_eq(PARSE("--varlink=none"), -ENOENT);
        ck_assert_int_eq(PARSE("--varlink=none", "--table=none"), 0);
}
END_TEST

START_TEST(test_actions) {
        ck_assert_int_eq(PARSE("--help"), 0);
        ck_assert_int_eq(options.action, OPTIONS_HELP);
        ck_assert_int_eq(PARSE("-h", "nonsense"), 0);
        ck_assert_int_eq(options.action, OPTIONS_HELP);
        ck_assert_int_eq(PARSE("--version"), 0);
        ck_assert_int_eq(options.action, OPTIONS_VERSION);
        ck_assert_ptr_nonnull(strstr(options_help(), "--netns"));
}
END_TEST

static const char *const refused[] = {
        "x",
        "",
        "-x",
        "--x",
        "--bus",
        "--bus=",
        "--bus=System",
        "--bus=/run/bus",
        "--varlink",
        "--varlink=",
        "--varlink=x",
        "--varlink=/x/",
        "--varlink=@x",
        "--table=",
        "--table=x",
        "--table=/",
        "--netns=",
        "--netns=.",
        "--netns=..",
        "--netns=a/b",
        "--log-level",
        "--log-level=",
        "--log-level=8",
        "--log-level=-1",
        "--log-level=77",
        "--log-level=Info",
        "--help=x",
        "--version=x",
};

START_TEST(test_refused) {
        const char *argument = refused[_i];

        ck_assert_msg(PARSE(argument) == -EINVAL, "%s is taken", argument);
        ck_assert_msg(strlen(error_text) > 10 && !strchr(error_text, '\n'), "%s: \"%s\"", argument,
                      error_text);
}
END_TEST

START_TEST(test_long_paths) {
        char path[PATH_MAX + 32] = "--varlink=/";

        memset(path + 11, 'x', OPTIONS_SOCKET_PATH_MAX - 2);
        ck_assert_int_eq(PARSE(path, "--table=none"), 0);
        ck_assert_uint_eq(strlen(options.varlink), OPTIONS_SOCKET_PATH_MAX - 1);
        path[strlen(path)] = 'x';
        ck_assert_int_eq(PARSE(path), -EINVAL);

        memset(path + 11, 'x', PATH_MAX);
        path[11 + PATH_MAX] = 0;
        ck_assert_int_eq(PARSE(path), -EINVAL);
        /* An error text is cut, not overrun. */
        memcpy(path, "--netns=a/", 10);
        ck_assert_int_eq(PARSE(path), -EINVAL);
        ck_assert_uint_lt(strlen(error_text), OPTIONS_ERROR_MAX);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("options");
        TCase *tcase = tcase_create("command line");

        tcase_add_test(tcase, test_values);
        tcase_add_test(tcase, test_none);
        tcase_add_test(tcase, test_last_one_counts);
        tcase_add_test(tcase, test_defaults);
        tcase_add_test(tcase, test_actions);
        tcase_add_loop_test(tcase, test_refused, 0, ELEMENTSOF(refused));
        tcase_add_test(tcase, test_long_paths);
        suite_add_tcase(suite, tcase);

        return unit_run(suite);
}
