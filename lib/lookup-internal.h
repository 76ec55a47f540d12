/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of this module share among themselves; nobody else includes it.
 */

#include "lookup.h"

/* A plain decimal number from 0 to INT32_MAX. -ERANGE: meant as a number, but written with a sign, a
 * leading zero, in hexadecimal, or too large; -ENOENT: no number. */
int lookup_parse_index(const char *text, size_t len, int32_t *ret);
