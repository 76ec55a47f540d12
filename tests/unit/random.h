/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Random numbers for tests: the same sequence in every run and on every machine, so that a failure
 * can be seen again. IFROSTER_TEST_SEED gives another sequence.
 */

#include <stdint.h>
#include <stdlib.h>

/* xorshift64: good enough to hit corners, and its state is one number. */
static inline uint64_t random_next(void) {
        static uint64_t state;

        if (state == 0) {
                const char *seed = getenv("IFROSTER_TEST_SEED");

                state = (seed ? strtoull(seed, NULL, 0) : 0) ^ UINT64_C(0x9e3779b97f4a7c15);
                state += state == 0;
        }
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
}

/* 0 to n - 1 */
static inline unsigned random_below(unsigned n) {
        return (unsigned) ((random_next() >> 11) % n);
}

/* 16 bits of an address: often zero, small or all ones, where the corners of texts and masks are. */
static inline uint16_t random_group(void) {
        switch (random_below(8)) {
        case 0:
        case 1:
        case 2:
        case 3:
                return 0;
        case 4:
                return 0xffff;
        case 5:
                return (uint16_t) random_below(16);
        }
        return (uint16_t) random_below(65536);
}
