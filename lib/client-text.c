/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Texts of the library that need no handle.
 */

#include "client-internal.h"
#include "error.h"

/* Input bytes that are escaped at once */
#define PIECE_MAX 256

/* The length of the next piece: it must not end inside a character. One has at most four bytes, of
 * which all but the first are 10xxxxxx. */
static size_t piece_length(const char *bytes, size_t n) {
        size_t end = PIECE_MAX;

        if (n <= PIECE_MAX)
                return n;
        while (end > PIECE_MAX - 4 && ((uint8_t) bytes[end] & 0xc0) == 0x80)
                end--;
        return end > PIECE_MAX - 4 ? end : PIECE_MAX;
}

size_t ifroster_escape(const char *bytes, size_t n, char *ret_text, size_t size) {
        char piece[TEXT_ESCAPED_MAX(PIECE_MAX)];
        size_t total = 0, written = 0;
        bool full = false;

        for (size_t i = 0; i < n;) {
                size_t length = piece_length(bytes + i, n - i);
                size_t escaped = text_escape(bytes + i, length, piece, sizeof(piece));

                total += escaped;
                if (!full && written < size) {
                        size_t done = text_escape(bytes + i, length, ret_text + written,
                                                  size - written);

                        written += done;
                        full = done < escaped;
                }
                i += length;
        }
        if (size > 0)
                ret_text[written] = 0;
        return total;
}

const char *ifroster_error_name(int error) {
        return error_name(error);
}

const char *ifroster_error_text(int error) {
        return error_text(error);
}

const char *ifroster_version(void) {
        return PROJECT_VERSION;
}
