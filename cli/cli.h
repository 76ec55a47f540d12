/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the verbs of the command share: options, where answers come from, exit statuses. The command is
 * a program like any other: it knows the library's public header and the Varlink interface, and every
 * answer is a JSON record before it becomes a line of text.
 */

#include <ifroster.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

/* Exit statuses */
enum {
        CLI_DONE = 0,
        CLI_NO = 1, /* the answer is "no", or "no such link" */
        CLI_USAGE = 2,
        CLI_UNREACHABLE = 3, /* the question needs the daemon, or the kernel could not be asked */
};

typedef enum JsonMode {
        JSON_OFF,
        JSON_SHORT, /* one record a line */
        JSON_PRETTY,
} JsonMode;

typedef struct Options {
        JsonMode json;
        bool legend;
        bool color;
        bool terminal; /* standard output is one: align and colour */
        const char *connect; /* path of the Varlink socket; NULL: the default */
        /* Of single verbs; an option that the verb does not take is refused. */
        bool derived;
        bool plan9;
        bool daemon;
        const char *wait_for;
        const char *mode;
        uint64_t timeout_usec; /* UINT64_MAX: for ever */
} Options;

struct VarlinkClient;

typedef struct Context {
        Options options;
        ifroster *handle; /* opened when first needed */
        ifroster *own; /* likewise: can ask the kernel */
        struct VarlinkClient *varlink; /* likewise */
        int connect_error; /* why there is none at the default path: a negative errno */
        int write_error; /* why standard output could not be flushed */
        json_t *names; /* links as the daemon behind --connect lists them */
} Context;

/* Options beyond the common ones, as bits of Verb.options */
enum {
        OPTION_DERIVED = 1 << 0,
        OPTION_PLAN9 = 1 << 1,
        OPTION_DAEMON = 1 << 2,
        OPTION_FOR = 1 << 3,
        OPTION_TIMEOUT = 1 << 4,
        OPTION_MODE = 1 << 5,
};

typedef struct Verb {
        const char *name;
        const char *arguments; /* as in the usage line */
        const char *summary;
        const char *help; /* more lines for "ifroster VERB --help", may be NULL */
        int min_arguments;
        int max_arguments; /* -1: any number */
        unsigned options;
        int (*run)(Context *c, int argc, char **argv); /* argv: arguments only; an exit status */
} Verb;

/* The table of verbs ends with a NULL name. */
extern const Verb cli_verbs[];

/* verbs, one file each or one a family */
int verb_addresses(Context *c, int argc, char **argv);
int verb_default(Context *c, int argc, char **argv);
int verb_groups(Context *c, int argc, char **argv);
int verb_list(Context *c, int argc, char **argv);
int verb_local(Context *c, int argc, char **argv);
int verb_lookup(Context *c, int argc, char **argv);
int verb_parse(Context *c, int argc, char **argv);
int verb_selftab(Context *c, int argc, char **argv);
int verb_show(Context *c, int argc, char **argv);
int verb_sort(Context *c, int argc, char **argv);
int verb_source(Context *c, int argc, char **argv);
int verb_status(Context *c, int argc, char **argv);
int verb_wait(Context *c, int argc, char **argv);
int verb_watch(Context *c, int argc, char **argv);
int verb_which(Context *c, int argc, char **argv);
int verb_zone(Context *c, int argc, char **argv);

/* Plan 9's file, IFROSTER_PLAN9_STATUS or ..._LOCAL, of one link or of all. */
int print_plan9(Context *c, const char *verb, int file, int argc, char **argv);

/* context.c ---------------------------------------------------------------------------------- */

/* Ends the program. */
_Noreturn void out_of_memory(void);
/* Bytes as text on one line, as records have names. From malloc(), never NULL. */
char *escape_text(const char *text);
/* The same for messages: what is very long ends in "...". */
char *quote_text(const char *text);
static inline void text_freep(char **text) {
        free(*text);
}
/* Says what is wrong on standard error, in one line, with the name of the program before it. */
void cli_error(const char *format, ...) _printf_(1, 2);
/* Says what an errno of the library means for the thing that was asked about, and returns the exit
 * status for it. subject: the text that the user gave, or NULL. */
int cli_fail(int error, const char *subject);
/* Opens the library. 0 or an exit status (with the message said). */
int context_open(Context *c);
/* Opens the library for questions that need the kernel. Likewise. */
int context_open_own(Context *c);
void context_close(Context *c);

/* answers.c: 0 or an exit status, with the message said --------------------------------------- */

/* {Index, Name, Matched} of the link that a text means (name, alternative name, index) */
int context_zone(Context *c, const char *text, json_t **ret);
int context_find_link(Context *c, const char *text, int *ret_ifindex);
/* The same, but that there is none is an answer: 0. */
int context_look_for_link(Context *c, const char *text, int64_t *ret_ifindex);
/* The name of a row's link, "" when it has none. Returns buffer, or static text. */
const char *context_name(Context *c, const json_t *row, char *buffer, size_t size);
/* Arrays of records; users: how often each group is joined */
int context_links(Context *c, bool users, json_t **ret);
int context_list(Context *c, int kind, int ifindex, bool users, json_t **ret);
int context_local(Context *c, bool derived, int ifindex, json_t **ret);
/* One Link, with the users of its groups */
int context_link(Context *c, int ifindex, json_t **ret);
/* The daemon's state and Counters */
int context_daemon(Context *c, json_t **ret);

typedef enum Question {
        QUESTION_PARSE,
        QUESTION_LOOKUP,
        QUESTION_WHICH,
        QUESTION_SOURCE, /* with a mode */
} Question;

int context_ask(Context *c, Question q, const char *text, const char *mode, json_t **ret);
int context_sort(Context *c, int n, char **texts, json_t **ret);

/* record.c: members of a record; "" or 0 when they are not there ------------------------------ */

const char *record_text(const json_t *record, const char *member);
int64_t record_number(const json_t *record, const char *member);
json_t *record_list(const json_t *record, const char *member);
/* "ipv4", "ipv6" */
const char *record_family(const json_t *record);
/* "10.0.0.1/24", "fe80::1%eth0/64" */
void record_address(const json_t *address, char *buffer, size_t size);
/* "224.0.0.1", "ff02::1%eth0" */
void record_group(const json_t *group, char *buffer, size_t size);
/* A member as text on one line, together with its String twin. False: it is not there, is such a
 * twin, or is a list of records. */
bool record_member_text(const json_t *record, const char *name, char *buffer, size_t size);

/* output.c ----------------------------------------------------------------------------------- */

typedef enum Color {
        COLOR_NONE,
        COLOR_GOOD,
        COLOR_MIDDLING,
        COLOR_BAD,
        COLOR_DIM,
        COLOR_BOLD,
} Color;

/* Writes a record (short: on one line; pretty: indented). */
void output_json(const Options *options, const json_t *value);
/* Writes the records of an array: short: one a line; pretty: the array. */
void output_records(const Options *options, const json_t *records);
const char *color_on(const Options *options, Color color);
const char *color_off(const Options *options, Color color);
/* The colour of one of the state words. */
Color color_of_state(const char *word);
/* "2h 5min", "forever": time left of a CLOCK_BOOTTIME deadline */
void format_time_left(uint64_t deadline_usec, char *buffer, size_t size);

/* grid.c ------------------------------------------------------------------------------------- */

/* A table of texts. On a terminal columns are aligned by what is in them, and rows that are too long for
 * it go on below their columns; elsewhere they are separated by one TAB each, so that cut(1) can have
 * them. */
typedef struct Grid Grid;

Grid *grid_new(const Options *options, const char *const *columns, size_t n_columns);
Grid *grid_free(Grid *g);
static inline void grid_freep(Grid **g) {
        grid_free(*g);
}
/* Cells come one after the other, row by row; "" is shown as "-". Copies the text. */
void grid_add(Grid *g, const char *text, Color color);
void grid_addf(Grid *g, Color color, const char *format, ...) _printf_(3, 4);
/* Prints it, the legend first, and frees its rows. */
void grid_print(Grid *g);
