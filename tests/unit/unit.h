/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every main() of these tests ends with.
 */

#include <check.h>

/* Runs the suite as the environment says (CK_*), frees it, and returns the program's exit status. */
int unit_run(Suite *suite);
