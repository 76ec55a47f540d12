/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ifroster: asks about the machine's links, addresses, zones and memberships. This file turns the
 * command line into one call of a verb; what the verbs are is the table in verbs.c, from which the help
 * texts are made as well.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum {
        ARG_JSON = 256,
        ARG_NO_LEGEND,
        ARG_CONNECT,
        ARG_VERSION,
        ARG_DERIVED,
        ARG_PLAN9,
        ARG_DAEMON,
        ARG_FOR,
        ARG_TIMEOUT,
        ARG_MODE,
};

static const struct option long_options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, ARG_VERSION },
        { "json", required_argument, NULL, ARG_JSON },
        { "no-legend", no_argument, NULL, ARG_NO_LEGEND },
        { "connect", required_argument, NULL, ARG_CONNECT },
        { "derived", no_argument, NULL, ARG_DERIVED },
        { "plan9", no_argument, NULL, ARG_PLAN9 },
        { "daemon", no_argument, NULL, ARG_DAEMON },
        { "for", required_argument, NULL, ARG_FOR },
        { "timeout", required_argument, NULL, ARG_TIMEOUT },
        { "mode", required_argument, NULL, ARG_MODE },
        {},
};

/* The options that only some verbs take. */
static const struct {
        unsigned bit;
        const char *usage;
        const char *text;
} verb_options[] = {
        { OPTION_DERIVED, "--derived", "the table by Plan 9's rules, with reasons and counts" },
        { OPTION_PLAN9, "--plan9", "the text of Plan 9's file" },
        { OPTION_DAEMON, "--daemon", "the daemon itself: its state and counters" },
        { OPTION_FOR, "--for=CONDITION", "present, carrier, address or routable" },
        { OPTION_TIMEOUT, "--timeout=SECONDS", "give up after this time (exit status 1)" },
        { OPTION_MODE, "--mode=MODE", "kernel (ask it) or model (compute, with all reasons)" },
};

static void print_options(const Options *options, unsigned bits) {
        for (size_t i = 0; i < ELEMENTSOF(verb_options); i++)
                if (bits & verb_options[i].bit)
                        printf("  %-22s %s\n", verb_options[i].usage, verb_options[i].text);
        printf("  %-22s %s\n", "--json=short|pretty", "records; short: one on each line");
        printf("  %-22s %s\n", "--no-legend", "no line of headings");
        printf("  %-22s %s\n", "--connect=PATH", "the daemon's Varlink socket");
        printf("  %-22s %s\n  %-22s %s\n", "-h, --help", "this text; after a verb: about the verb",
               "--version", "the version");
}

static void print_help(const Options *options) {
        const char *on = color_on(options, COLOR_BOLD), *off = color_off(options, COLOR_BOLD);

        printf("%sifroster%s [OPTION...] [VERB] [ARGUMENT...]\n\n"
               "Ask about the network interfaces of this machine. LINK is a name, an alternative\n"
               "name or an index.\n\n%sVerbs%s\n",
               on, off, on, off);
        for (const Verb *v = cli_verbs; v->name; v++) {
                char usage[64];

                (void) snprintf(usage, sizeof(usage), "%s %s", v->name, v->arguments);
                printf("  %-30s %s\n", usage, v->summary);
        }
        printf("\n%sOptions%s\n", on, off);
        print_options(options, 0);
        printf("\n%sExit status%s\n"
               "  0 done, 1 the answer is \"no\" or \"no such link\", 2 bad usage,\n"
               "  3 the daemon cannot be reached and the question needs it\n",
               on, off);
}

static void print_verb_help(const Options *options, const Verb *v) {
        printf("%sifroster %s%s %s\n\n%s.\n", color_on(options, COLOR_BOLD), v->name,
               color_off(options, COLOR_BOLD), v->arguments, v->summary);
        if (v->help)
                printf("\n%s\n", v->help);
        printf("\nOptions\n");
        print_options(options, v->options);
}

static const Verb *find_verb(const char *name) {
        for (const Verb *v = cli_verbs; v->name; v++)
                if (strcmp(v->name, name) == 0)
                        return v;
        return NULL;
}

/* "1.5" seconds; 0 is allowed and means "look once". */
static int parse_seconds(const char *text, uint64_t *ret) {
        double seconds;
        char *end;

        if (text[0] < '0' || text[0] > '9')
                return -EINVAL;
        errno = 0;
        seconds = strtod(text, &end);
        if (errno != 0 || *end != '\0' || !(seconds >= 0) || seconds > 1e9)
                return -EINVAL;
        *ret = (uint64_t) (seconds * 1e6);
        return 0;
}

static int bad_value(const char *option, const char *value, const char *expected) {
        _cleanup_(text_freep) char *quoted = quote_text(value);

        cli_error("%s=%s: expected %s", option, quoted, expected);
        return CLI_USAGE;
}

static int parse_json(Options *o, const char *value) {
        if (strcmp(value, "short") == 0)
                o->json = JSON_SHORT;
        else if (strcmp(value, "pretty") == 0)
                o->json = JSON_PRETTY;
        else
                return bad_value("--json", value, "\"short\" or \"pretty\"");
        return CLI_DONE;
}

static int parse_for(Options *o, const char *value) {
        static const char *const conditions[] = { "present", "carrier", "address", "routable" };

        for (size_t i = 0; i < ELEMENTSOF(conditions); i++)
                if (strcmp(conditions[i], value) == 0) {
                        o->wait_for = conditions[i];
                        return CLI_DONE;
                }
        return bad_value("--for", value, "\"present\", \"carrier\", \"address\" or \"routable\"");
}

static int parse_mode(Options *o, const char *value) {
        if (strcmp(value, "kernel") != 0 && strcmp(value, "model") != 0)
                return bad_value("--mode", value, "\"kernel\" or \"model\"");
        o->mode = value;
        return CLI_DONE;
}

/* Everything but --help and --version. *used collects the options that belong to verbs. */
static int parse_option(Options *o, int option, unsigned *used) {
        switch (option) {
        case ARG_JSON:
                return parse_json(o, optarg);
        case ARG_NO_LEGEND:
                o->legend = false;
                return CLI_DONE;
        case ARG_CONNECT:
                o->connect = optarg;
                return CLI_DONE;
        case ARG_DERIVED:
                o->derived = true;
                *used |= OPTION_DERIVED;
                return CLI_DONE;
        case ARG_PLAN9:
                o->plan9 = true;
                *used |= OPTION_PLAN9;
                return CLI_DONE;
        case ARG_DAEMON:
                o->daemon = true;
                *used |= OPTION_DAEMON;
                return CLI_DONE;
        case ARG_FOR:
                *used |= OPTION_FOR;
                return parse_for(o, optarg);
        case ARG_TIMEOUT:
                *used |= OPTION_TIMEOUT;
                if (parse_seconds(optarg, &o->timeout_usec) < 0)
                        return bad_value("--timeout", optarg, "a number of seconds");
                return CLI_DONE;
        case ARG_MODE:
                *used |= OPTION_MODE;
                return parse_mode(o, optarg);
        }
        return CLI_USAGE;
}

static int check_usage(const Verb *v, unsigned used, int n_arguments) {
        for (size_t i = 0; i < ELEMENTSOF(verb_options); i++)
                if (used & ~v->options & verb_options[i].bit) {
                        cli_error("%s: the verb takes no %s; see \"ifroster %s --help\"", v->name,
                                  verb_options[i].usage, v->name);
                        return CLI_USAGE;
                }
        if (n_arguments < v->min_arguments ||
            (v->max_arguments >= 0 && n_arguments > v->max_arguments)) {
                cli_error("%s: %s; the usage is: ifroster %s%s%s", v->name,
                          n_arguments < v->min_arguments ? "an argument is missing"
                                                         : "too many arguments",
                          v->name, v->arguments[0] != '\0' ? " " : "", v->arguments);
                return CLI_USAGE;
        }
        return CLI_DONE;
}

static int run_verb(Context *c, const char *name, int argc, char **argv, unsigned used, bool help) {
        const Verb *v = find_verb(name);
        int r;

        if (!v) {
                _cleanup_(text_freep) char *quoted = quote_text(name);

                cli_error("there is no verb \"%s\"; \"ifroster --help\" lists them", quoted);
                return CLI_USAGE;
        }
        if (help) {
                print_verb_help(&c->options, v);
                return CLI_DONE;
        }
        r = check_usage(v, used, argc);
        return r == CLI_DONE ? v->run(c, argc, argv) : r;
}

/* What getopt did not like is in argv before optind, or, for a single letter, in optopt. */
static int bad_option(int option, const char *argument) {
        _cleanup_(text_freep) char *quoted = quote_text(argument);

        if (option == ':')
                cli_error("%s needs a value; see \"ifroster --help\"", quoted);
        else if (optopt != 0 && strchr(argument, '='))
                cli_error("%s: this option takes no value", quoted);
        else
                cli_error("%s: there is no such option, or more than one begins so; "
                          "see \"ifroster --help\"",
                          quoted);
        return CLI_USAGE;
}

static int run(Context *c, int argc, char **argv) {
        unsigned used = 0;
        bool help = false;
        int option, r;

        /* getopt's own messages would print odd bytes as they are. */
        opterr = 0;
        while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) >= 0) {
                if (option == 'h') {
                        help = true;
                        continue;
                }
                if (option == ARG_VERSION) {
                        printf("ifroster %s\n", ifroster_version());
                        return CLI_DONE;
                }
                if (option == '?' || option == ':')
                        return bad_option(option, argv[optind - 1]);
                r = parse_option(&c->options, option, &used);
                if (r != CLI_DONE)
                        return r;
        }
        if (help && optind == argc) {
                print_help(&c->options);
                return CLI_DONE;
        }
        if (optind == argc)
                return run_verb(c, "list", 0, NULL, used, false);
        return run_verb(c, argv[optind], argc - optind - 1, argv + optind + 1, used, help);
}

/* A socket must never become standard output or standard error. What is open only for reading fails
 * to write as if it were closed. */
static void occupy_standard_descriptors(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd >= 0)
                (void) close(fd);
}

/* Why not all that was printed could be written, 0: it could. The reason of an earlier failure is
 * forgotten by the C library, which throws the text away. */
static int write_error(const Context *c) {
        struct pollfd p = { .fd = STDOUT_FILENO };

        if (c->write_error != 0)
                return c->write_error;
        errno = 0;
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        if (errno != 0)
                return errno;
        return poll(&p, 1, 0) > 0 && (p.revents & POLLERR) ? EPIPE : EIO;
}

int main(int argc, char **argv) {
        const char *term = getenv("TERM");
        Context c = {
                .options = {
                        .legend = true,
                        .terminal = isatty(STDOUT_FILENO),
                        .timeout_usec = UINT64_MAX,
                },
        };
        int error, r;

        occupy_standard_descriptors();
        (void) setlocale(LC_CTYPE, "");
        /* A reader that has seen enough is no failure: writing fails, and the end comes by itself. */
        (void) signal(SIGPIPE, SIG_IGN);
        /* Without it, a table's file that is made shorter ends the command. */
        (void) ifroster_handle_sigbus();
        c.options.color = c.options.terminal && !getenv("NO_COLOR") && term &&
                          strcmp(term, "dumb") != 0;
        r = run(&c, argc, argv);
        context_close(&c);
        /* An answer that nobody got is no answer. */
        error = write_error(&c);
        if (error != 0 && error != EPIPE && r == CLI_DONE) {
                cli_error("cannot write: %s", strerror(error));
                return CLI_UNREACHABLE;
        }
        return r;
}
