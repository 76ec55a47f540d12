/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A place for bytes right before a page that nobody may touch. A sanitizer sees a read beyond the end
 * only in code that it was built into; this also stops a library that was not.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_SIZE_MAX (1024U * 1024U)

/* Copies len bytes so that they end at the guarded page, or up to three bytes before it, because the
 * copy is aligned to four. Valid until the next call. */
static inline void *guard_copy(const void *data, size_t len) {
        static uint8_t *end;
        uint8_t *copy;

        if (len > GUARD_SIZE_MAX)
                abort();
        if (!end) {
                size_t page = (size_t) sysconf(_SC_PAGESIZE);
                uint8_t *place = mmap(NULL, GUARD_SIZE_MAX + page, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                if (place == MAP_FAILED || mprotect(place + GUARD_SIZE_MAX, page, PROT_NONE) < 0)
                        abort();
                end = place + GUARD_SIZE_MAX;
        }
        copy = end - (len + 3) / 4 * 4;
        if (len > 0)
                memcpy(copy, data, len);
        return copy;
}
