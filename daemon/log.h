/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's one way to say something to an operator: one line a message on standard error, with
 * its level in front when the journal reads it. Only daemon/ logs; the library returns errors.
 * Whatever is in a message, it stays one line and does not command a terminal.
 */

#include <stdbool.h>
#include <syslog.h>

#include "util.h"

/* The longest line, with its prefix; the rest is cut off. */
#define LOG_LINE_MAX 1024
/* A text that somebody gave, in a message: long ones must not push out what is wrong with them. */
#define LOG_GIVEN_MAX 200

/* Finds out who reads standard error. Messages less important than max_level (LOG_EMERG to
 * LOG_DEBUG) are dropped. Until then LOG_INFO and plain text hold. */
void log_init(int max_level);
/* True when a message of this level would be written, for callers who would have to build it. */
bool log_enabled(int level);
/* "emerg" to "debug", the synonyms "error" and "warn", or "0" to "7"; -EINVAL for anything else. */
int log_level_from_string(const char *s);
/* True when $JOURNAL_STREAM ("device:inode") names this file descriptor. NULL counts as unset. */
bool log_stream_is_journal(const char *journal_stream, int fd);

/* The text, or its beginning with "..." behind it. Returns buffer. */
const char *log_given(const char *text, char buffer[static LOG_GIVEN_MAX]);

void log_message(int level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_message(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)
