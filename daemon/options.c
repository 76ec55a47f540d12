/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Parses the command line of ifrosterd. Every mistake is answered with what is wrong and what would
 * be right, because the person who made it may only ever see this one line in a journal.
 *
 * An ordinary user cannot write below /run; the default paths then move to the user's own runtime
 * directory, which is where clients of that user look second.
 */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "options.h"
#include "util.h"

#define VARLINK_FILE "org.ifroster"
#define TABLE_FILE "table"

enum {
        OPTION_BUS = 0x100,
        OPTION_VARLINK,
        OPTION_TABLE,
        OPTION_NETNS,
        OPTION_LOG_LEVEL,
        OPTION_VERSION,
};

static const struct option long_options[] = {
        { "bus", required_argument, NULL, OPTION_BUS },
        { "varlink", required_argument, NULL, OPTION_VARLINK },
        { "table", required_argument, NULL, OPTION_TABLE },
        { "netns", required_argument, NULL, OPTION_NETNS },
        { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPTION_VERSION },
        {},
};

const char *options_help(void) {
        return "ifrosterd [OPTION...]\n"
               "\n"
               "Keep one table of this machine's network links, addresses, zones and multicast\n"
               "memberships, answer questions about it and publish every change.\n"
               "\n"
               "  --bus=BUS          system (default), session, none, or a D-Bus address\n"
               "  --varlink=PATH     Varlink socket (/run/ifroster/org.ifroster), or none\n"
               "  --table=PATH       shared table (/run/ifroster/table), or none\n"
               "  --netns=NETNS      another network namespace: a name as in ip netns, or a path\n"
               "  --log-level=LEVEL  emerg, alert, crit, err, warning, notice, info (default),\n"
               "                     debug, or 0 to 7\n"
               "  -h --help          show this text\n"
               "  --version          show the version\n"
               "\n"
               "An ordinary user's defaults are in $XDG_RUNTIME_DIR/ifroster.\n"
               "See ifrosterd(8).\n";
}

/* About the value of an option. */
_printf_(4, 5) static int fail_value(char *text, const char *option, const char *value,
                                     const char *format, ...) {
        char given[LOG_GIVEN_MAX];
        va_list ap;
        int n;

        n = snprintf(text, OPTIONS_ERROR_MAX, "%s=%s: ", option, log_given(value, given));
        va_start(ap, format);
        (void) vsnprintf(text + n, OPTIONS_ERROR_MAX - (size_t) n, format, ap);
        va_end(ap);
        return -EINVAL;
}

_printf_(3, 4) static int fail(char *text, int error, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, OPTIONS_ERROR_MAX, format, ap);
        va_end(ap);
        return error;
}

static bool is_none(const char *value) {
        return strcmp(value, "none") == 0;
}

/* The transports that the bus library knows. It skips others without a word. */
static bool is_bus_address(const char *value) {
        static const char *const transports[] = { "unix:", "tcp:", "unixexec:", "x-machine-unix:" };

        for (size_t i = 0; i < ELEMENTSOF(transports); i++)
                if (strncmp(value, transports[i], strlen(transports[i])) == 0)
                        return true;
        return false;
}

static int parse_bus(Options *o, const char *value, char *text) {
        if (is_none(value))
                o->bus = NULL;
        else if (strcmp(value, "system") == 0 || strcmp(value, "session") == 0 ||
                 is_bus_address(value))
                o->bus = value;
        else
                return fail_value(text, "--bus", value,
                                  "want system, session, none, or a D-Bus address such as "
                                  "unix:path=/run/dbus/system_bus_socket");
        return 0;
}

static int parse_path(const char *option, const char *value, size_t max, const char **ret,
                      char *text) {
        size_t len = strlen(value);

        if (is_none(value)) {
                *ret = NULL;
                return 0;
        }
        if (value[0] != '/')
                return fail_value(text, option, value, "want an absolute path, or none");
        if (value[len - 1] == '/')
                return fail_value(text, option, value,
                                  "this is a directory; want the path of a file");
        if (len >= max)
                return fail(text, -EINVAL, "%s: the path is too long; at most %zu bytes fit",
                            option, max - 1);
        *ret = value;
        return 0;
}

static int parse_netns(Options *o, const char *value, char *text) {
        if (value[0] == 0 || strcmp(value, ".") == 0 || strcmp(value, "..") == 0 ||
            (strchr(value, '/') && value[0] != '/'))
                return fail_value(text, "--netns", value,
                                  "want the name of a network namespace as \"ip netns\" lists it, "
                                  "or an absolute path such as /proc/PID/ns/net");
        o->netns = value;
        return 0;
}

static int parse_log_level(Options *o, const char *value, char *text) {
        int r;

        r = log_level_from_string(value);
        if (r < 0)
                return fail_value(text, "--log-level", value,
                                  "want emerg, alert, crit, err, warning, notice, info, debug, "
                                  "or 0 to 7");
        o->log_level = r;
        return 0;
}

/* What getopt could not make sense of is in argv before optind, or, for a single letter, in optopt. */
static int parse_unknown(int c, char *const argv[], char *text) {
        char given[LOG_GIVEN_MAX];
        const char *word = log_given(argv[optind - 1], given);

        if (c == ':')
                return fail(text, -EINVAL, "option %s needs a value", word);
        if (optopt > 0 && optopt < OPTION_BUS && optopt != 'h')
                return fail(text, -EINVAL, "unknown option -%c; see ifrosterd --help", optopt);
        if (optopt != 0)
                return fail(text, -EINVAL, "option %s takes no value", word);
        return fail(text, -EINVAL, "unknown or ambiguous option %s; see ifrosterd --help", word);
}

static int parse_one(Options *o, int c, char *const argv[], char *text) {
        int r;

        switch (c) {
        case OPTION_BUS:
                return parse_bus(o, optarg, text);
        case OPTION_VARLINK:
                r = parse_path("--varlink", optarg, OPTIONS_SOCKET_PATH_MAX, &o->varlink, text);
                o->default_varlink = false;
                return r;
        case OPTION_TABLE:
                r = parse_path("--table", optarg, PATH_MAX, &o->table, text);
                o->default_table = false;
                return r;
        case OPTION_NETNS:
                return parse_netns(o, optarg, text);
        case OPTION_LOG_LEVEL:
                return parse_log_level(o, optarg, text);
        case 'h':
                o->action = OPTIONS_HELP;
                return 0;
        case OPTION_VERSION:
                o->action = OPTIONS_VERSION;
                return 0;
        default:
                return parse_unknown(c, argv, text);
        }
}

/* Where the default paths are; NULL when there is no such place. The user's own directory is made by
 * whoever writes there first. */
static const char *default_directory(char buf[static PATH_MAX]) {
        const char *user = getenv("XDG_RUNTIME_DIR");
        int n;

        if (geteuid() == 0 || access(OPTIONS_RUNTIME_DIRECTORY, W_OK | X_OK) == 0)
                return OPTIONS_RUNTIME_DIRECTORY;
        if (!user || user[0] != '/')
                return NULL;
        n = snprintf(buf, PATH_MAX, "%s/ifroster", user);
        return n < PATH_MAX ? buf : NULL;
}

static int set_default(const char *directory, const char *file, size_t max,
                       char buf[static PATH_MAX], const char **ret) {
        int n = snprintf(buf, PATH_MAX, "%s/%s", directory, file);

        if (n < 0 || (size_t) n >= max)
                return -ENAMETOOLONG;
        *ret = buf;
        return 0;
}

static int set_defaults(Options *o, char *text) {
        char buf[PATH_MAX];
        const char *directory;
        int r = 0;

        if (!o->default_varlink && !o->default_table)
                return 0;

        directory = default_directory(buf);
        if (!directory)
                return fail(text, -ENOENT,
                            "%s cannot be written and $XDG_RUNTIME_DIR is not set; name the files "
                            "with --varlink=PATH and --table=PATH, or none",
                            OPTIONS_RUNTIME_DIRECTORY);
        if (o->default_varlink)
                r = set_default(directory, VARLINK_FILE, OPTIONS_SOCKET_PATH_MAX, o->varlink_path,
                                &o->varlink);
        if (r >= 0 && o->default_table)
                r = set_default(directory, TABLE_FILE, PATH_MAX, o->table_path, &o->table);
        if (r < 0)
                return fail(text, -ENOENT,
                            "$XDG_RUNTIME_DIR is too long a path for a socket; name the files with "
                            "--varlink=PATH and --table=PATH, or none");
        return 0;
}

int options_parse(int argc, char *argv[], Options *ret,
                  char reterr_text[static OPTIONS_ERROR_MAX]) {
        char given[LOG_GIVEN_MAX];
        int c, r;

        *ret = (Options){
                .action = OPTIONS_RUN,
                .log_level = LOG_INFO,
                .bus = "system",
                .default_varlink = true,
                .default_table = true,
        };

        /* 0 rather than 1: start over, also for a second command line in one process */
        optind = 0;
        opterr = 0;
        while ((c = getopt_long(argc, argv, "+:h", long_options, NULL)) >= 0) {
                r = parse_one(ret, c, argv, reterr_text);
                if (r < 0)
                        return r;
                if (ret->action != OPTIONS_RUN)
                        return 0;
        }
        if (optind < argc)
                return fail(reterr_text, -EINVAL,
                            "unexpected argument \"%s\"; see ifrosterd --help",
                            log_given(argv[optind], given));
        return set_defaults(ret, reterr_text);
}
