/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The library's handle, and what is said when answers do not come. Every failure ends in one line on
 * standard error that says what was asked and what to do, and in one of the four exit statuses.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "varlink-client.h"

/* A daemon that is well answers in much less. */
#define SYNC_USEC UINT64_C(1000000)

/* Of what the user gave, in messages. Every text that means something is shorter; the path of a socket has
 * at most 107 bytes. */
#define QUOTE_MAX 112

void out_of_memory(void) {
        fputs("ifroster: out of memory\n", stderr);
        exit(CLI_UNREACHABLE);
}

char *escape_text(const char *text) {
        size_t n = strlen(text), size = ifroster_escape(text, n, NULL, 0) + 1;
        char *escaped = malloc(size);

        if (!escaped)
                out_of_memory();
        (void) ifroster_escape(text, n, escaped, size);
        return escaped;
}

char *quote_text(const char *text) {
        char *quoted = escape_text(text);
        size_t n = QUOTE_MAX;

        if (strlen(quoted) <= QUOTE_MAX)
                return quoted;
        while (n > 0 && ((unsigned char) quoted[n] & 0xc0) == 0x80)
                n--; /* not in the middle of a character */
        memcpy(quoted + n, "...", sizeof("..."));
        return quoted;
}

void cli_error(const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                out_of_memory();
        /* Names and arguments are in it: it must stay one line, and must not command a terminal. */
        for (char *p = text; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = '?';
        fprintf(stderr, "ifroster: %s\n", text);
        free(text);
}

/* Answers about what exists are a "no"; texts that mean nothing are bad usage; the rest is that
 * nobody could be asked. */
static int exit_status_of(int error) {
        switch (abs(error)) {
        case ENODEV:
        case ENETUNREACH:
        case EADDRNOTAVAIL:
        case ENOTUNIQ:
                return CLI_NO;
        case EINVAL:
        case ERANGE:
        case EBADMSG:
        case EILSEQ:
        case EOPNOTSUPP:
        case EDESTADDRREQ:
        case E2BIG:
                return CLI_USAGE;
        }
        return CLI_UNREACHABLE;
}

static bool is_address(const char *text, size_t n) {
        char copy[INET6_ADDRSTRLEN];
        struct in6_addr address;

        if (n >= sizeof(copy))
                return false;
        memcpy(copy, text, n);
        copy[n] = '\0';
        return inet_pton(AF_INET, copy, &address) > 0 || inet_pton(AF_INET6, copy, &address) > 0;
}

/* Two addresses that are none here: one copied together with its prefix length, and 0.0.0.0 or "::". */
static const char *address_hint(int error, const char *subject, const char *text) {
        size_t n = strcspn(subject, "%/");
        const char *slash = strchr(subject, '/');

        if (abs(error) != EBADMSG || !is_address(subject, n))
                return text;
        return slash ? "This is an address with a prefix length; leave out what begins with the '/'"
                     : "This address stands for no host";
}

int cli_fail(int error, const char *subject) {
        bool named = strcmp(ifroster_error_name(error), "KernelError") != 0;
        const char *text = ifroster_error_text(error);

        if (error == -ENOMEM)
                out_of_memory();
        if (subject) {
                _cleanup_(text_freep) char *quoted = quote_text(subject);

                if (named)
                        cli_error("\"%s\": %s (%s)", quoted, address_hint(error, subject, text),
                                  ifroster_error_name(error));
                else
                        cli_error("\"%s\": %s: %s", quoted, text, strerror(abs(error)));
        } else if (named)
                cli_error("%s (%s)", text, ifroster_error_name(error));
        else
                cli_error("%s: %s", text, strerror(abs(error)));
        return exit_status_of(error);
}

int context_open(Context *c) {
        int r;

        if (c->handle)
                return CLI_DONE;
        r = ifroster_new(NULL, 0, &c->handle);
        if (r < 0) {
                cli_error("neither the daemon's table nor rtnetlink can be read: %s", strerror(-r));
                return CLI_UNREACHABLE;
        }
        /* A shared table may be a moment behind the kernel; nobody who types a command after another
         * one should see that. A daemon that does not answer has the last word all the same. */
        if (ifroster_is_shared(c->handle) > 0)
                (void) ifroster_sync(c->handle, SYNC_USEC);
        return CLI_DONE;
}

int context_open_own(Context *c) {
        int r;

        if (c->own)
                return CLI_DONE;
        r = ifroster_new(NULL, IFROSTER_EMBEDDED_ONLY, &c->own);
        if (r < 0) {
                cli_error("there is no daemon to ask, and rtnetlink cannot be read: %s",
                          strerror(-r));
                return CLI_UNREACHABLE;
        }
        return CLI_DONE;
}

void context_close(Context *c) {
        c->handle = ifroster_free(c->handle);
        c->own = ifroster_free(c->own);
        c->varlink = varlink_client_free(c->varlink);
        json_decref(c->names);
        c->names = NULL;
}
