/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a fuzz target defines: one call, any bytes, no state that outlives it. It returns 0; a finding
 * is a crash, an assertion or a sanitizer's report.
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
