/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The command line of ifrosterd as values, checked as far as that is possible without touching
 * anything. Reads argv and two environment variables; opens nothing, logs nothing.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* What a socket address holds, with its NUL */
#define OPTIONS_SOCKET_PATH_MAX 108
/* Room for the sentence about a mistake; longer ones are cut. */
#define OPTIONS_ERROR_MAX 512
/* The directory of a daemon that may write there */
#define OPTIONS_RUNTIME_DIRECTORY "/run/ifroster"

typedef enum OptionsAction {
        OPTIONS_RUN,
        OPTIONS_HELP,
        OPTIONS_VERSION,
        _OPTIONS_ACTION_MAX,
} OptionsAction;

typedef struct Options {
        OptionsAction action;
        int log_level;
        const char *bus; /* a D-Bus address, "system" or "session"; NULL: no bus */
        const char *varlink; /* an absolute path; NULL: none */
        const char *table; /* an absolute path; NULL: none */
        const char *netns; /* a name, or an absolute path; NULL: where the daemon was started */
        bool default_varlink; /* nobody named the path: a socket passed by systemd replaces it */
        bool default_table;
        char varlink_path[PATH_MAX]; /* what the defaults above point to */
        char table_path[PATH_MAX];
} Options;

/* Reads the command line into *ret; the strings belong to argv or to *ret, which must not be moved.
 * -EINVAL: it makes no sense (exit status 2), -ENOENT: there is no directory for the default paths
 * (exit status 1); both with one sentence in reterr_text. */
int options_parse(int argc, char *argv[], Options *ret, char reterr_text[static OPTIONS_ERROR_MAX]);

/* The text of --help. */
const char *options_help(void);
