/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files that implement question.h share: the first step of every question and the making of
 * error texts.
 */

#include "question.h"

/* Hears the kernel. -EAGAIN while there is no complete table. The view is valid until something else
 * hears the kernel. */
int question_begin(Manager *m, TableView *ret, Detail *detail);

/* Fill the detail with the error's default text and what it is about; return the error. */
int question_fail(Detail *detail, int error, const char *text, size_t len);
int question_fail_number(Detail *detail, int error, int64_t number);
int question_fail_plain(Detail *detail, int error);
/* For a word that is none of a few: -EINVAL, with a sentence about which words there are. */
int question_fail_choice(Detail *detail, const char *choices, const char *text);

/* For a name that the table does not have. 0: the kernel has it, and so may *v, which is new, by now;
 * -ENODEV: it really does not exist; -EIO: the kernel could not be asked; -EAGAIN: it has it, but the
 * table is being read again. The second one takes an address text and asks for its zone. */
int question_ask_for_name(Manager *m, const char *text, size_t len, TableView *v);
int question_ask_for_zone(Manager *m, const char *text, size_t len, TableView *v);
/* lookup_link_index() in *v, and in the kernel when the table may be behind it. The errors of both. */
int question_index(Manager *m, int64_t index, TableView *v, LinkRecord *ret);

/* An address text with its zone looked up as often as it takes. */
int question_parse_text(Manager *m, const char *text, size_t len, bool link_needed,
                        ParsedAddress *ret, TableView *ret_view, Detail *reterr_detail);
