/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes log lines. systemd connects standard error to the journal with a stream socket and names it
 * in $JOURNAL_STREAM; the journal then takes the level from a "<N>" in front of each line. The
 * variable is inherited by children whose standard error may have been redirected since, so it counts
 * only when device and inode are those of the descriptor.
 *
 * A line leaves in one write(), so that two daemons on one terminal do not mix theirs. Never blocks
 * longer than that write and never fails: a log that cannot be written is nobody's problem.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static int log_max_level = LOG_INFO;
static bool log_to_journal = false;

static const struct {
        const char *name;
        int level;
} level_names[] = {
        { "emerg", LOG_EMERG },  { "alert", LOG_ALERT },   { "crit", LOG_CRIT },
        { "err", LOG_ERR },      { "error", LOG_ERR },     { "warning", LOG_WARNING },
        { "warn", LOG_WARNING }, { "notice", LOG_NOTICE }, { "info", LOG_INFO },
        { "debug", LOG_DEBUG },
};

bool log_stream_is_journal(const char *journal_stream, int fd) {
        uintmax_t device, inode;
        struct stat st;
        int end = 0;

        if (!journal_stream)
                return false;
        if (sscanf(journal_stream, "%ju:%ju%n", &device, &inode, &end) != 2 ||
            journal_stream[end] != 0)
                return false;
        if (fstat(fd, &st) < 0)
                return false;
        return st.st_dev == device && st.st_ino == inode;
}

void log_init(int max_level) {
        log_max_level = max_level;
        log_to_journal = log_stream_is_journal(getenv("JOURNAL_STREAM"), STDERR_FILENO);
}

bool log_enabled(int level) {
        return level <= log_max_level;
}

int log_level_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (strcmp(s, level_names[i].name) == 0)
                        return level_names[i].level;
        if (s[0] >= '0' && s[0] <= '7' && s[1] == 0)
                return s[0] - '0';
        return -EINVAL;
}

const char *log_given(const char *text, char buffer[static LOG_GIVEN_MAX]) {
        size_t n = strnlen(text, LOG_GIVEN_MAX);

        if (n < LOG_GIVEN_MAX)
                memcpy(buffer, text, n + 1);
        else
                (void) snprintf(buffer, LOG_GIVEN_MAX, "%.*s...", LOG_GIVEN_MAX - 4, text);
        return buffer;
}

void log_message(int level, const char *format, ...) {
        char line[LOG_LINE_MAX];
        size_t len;
        va_list ap;
        int n;

        if (!log_enabled(level))
                return;

        if (log_to_journal)
                n = snprintf(line, sizeof(line), "<%d>", level);
        else
                n = snprintf(line, sizeof(line), "ifrosterd: ");
        len = (size_t) n;

        va_start(ap, format);
        n = vsnprintf(line + len, sizeof(line) - len - 1, format, ap);
        va_end(ap);
        if (n < 0)
                return;
        /* Whoever gave a text that is in it must not add a line, nor command a terminal. */
        for (size_t end = len + CONST_MIN((size_t) n, sizeof(line) - len - 2); len < end; len++)
                if ((unsigned char) line[len] < ' ' || line[len] == 0x7f)
                        line[len] = '?';
        line[len++] = '\n';

        if (write(STDERR_FILENO, line, len) < 0)
                return; /* nowhere left to say so */
}
