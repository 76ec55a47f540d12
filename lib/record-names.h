/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Words for the kernel's numbers: flags, scopes, states, hardware types. For the field table; the
 * rest of the project takes the finished ...String fields.
 *
 * The numbers are written out rather than taken from kernel headers, so that a word does not depend
 * on the age of the headers at build time.
 */

#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* Between the words of a FlagsString */
#define FLAGS_SEPARATOR ", "
/* Room for every word of a FlagsString at once, and for unknown bits */
#define FLAGS_TEXT_MAX 384
#define HARDWARE_TEXT_MAX (3 * HARDWARE_ADDRESS_MAX + 1)

/* Words in the order of the bits; bits without a word come last, together, as a hexadecimal number.
 * "" for 0. Return the length. */
size_t link_flags_format(uint32_t flags, char buf[static FLAGS_TEXT_MAX]);
size_t address_flags_format(uint32_t flags, int family, char buf[static FLAGS_TEXT_MAX]);
/* As iproute2 writes it: two lower-case digits a byte with colons between, except for tunnels,
 * whose hardware address is an IP address. Returns the length. */
size_t hardware_address_format(const HardwareAddress *a, uint16_t link_type,
                               char buf[static HARDWARE_TEXT_MAX]);

/* NULL when the number has no word. */
const char *scope_name(uint8_t scope);
const char *kernel_operstate_name(uint8_t operstate);
const char *link_type_name(uint16_t type);
const char *local_type_name(uint8_t type);
