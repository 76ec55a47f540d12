/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the manager tells: D-Bus, Varlink and whatever else shows the table to the outside. A
 * publisher gets every batch once, in order, and reads the table only through questions or
 * manager_view(). Publishers do not know each other and cannot change the table; what goes wrong
 * inside one is its own to log and to repair, which is why these functions return nothing.
 *
 * They are called from inside source reading, possibly in the middle of another publisher's
 * question: they must not ask questions that refresh the table (manager_refresh() refuses to
 * recurse), must not block, and must not free themselves.
 */

#include "record.h"
#include "source.h"

typedef struct Publisher Publisher;

struct Publisher {
        /* The table has just become what the batch says; the batch is valid during the call. */
        void (*on_batch)(Publisher *p, const Batch *batch);
        /* The state differs from the last one said. May be NULL. */
        void (*on_state)(Publisher *p, SourceState state);
};
