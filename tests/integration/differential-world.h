/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Random links, addresses, routes, labels and settings in the network namespace of the process, made by
 * way of iproute2, and random destinations that have something to do with them. The same seed makes the
 * same world. A failure of the machinery itself ends the program; that the kernel refuses some of what
 * is asked of it belongs to the game.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "differential-kernel.h"

/* Links that are there all the time, lo first. */
#define WORLD_LINKS_MAX 8
extern const char *const world_links[WORLD_LINKS_MAX];

/* Makes the links. False: this kernel or this user cannot have them; the reason was printed. */
bool world_create(unsigned seed);
/* Replaces everything that differs between two configurations. */
void world_change(void);
/* Prints it for whoever looks at a failure. */
void world_print(void);

/* 0 to n - 1 */
unsigned world_random(unsigned n);
/* *ret_ifindex: the link that the question is bound to, 0 for none. */
Ip world_destination(int *ret_ifindex);
/* On these links an address that is not told otherwise stays in duplicate address detection. */
bool world_detects_duplicates(int ifindex);
/* Policy rules were added: the kernel has taken its IPv4 local and main tables apart, for good. */
bool world_has_rules(void);
