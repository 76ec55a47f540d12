/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one list of answers that are not an answer. Every question, in the library, over D-Bus and
 * over Varlink, fails with one of these; each has one errno, one public name and one default text.
 * A caller inside the library returns the negative errno; a publisher turns it into the name.
 */

#include <errno.h>

/* X(identifier, errno, public name, text that says what is wrong and what to do) */
#define ERROR_TABLE(X)                                                                            \
        X(NO_SUCH_LINK, ENODEV, "NoSuchLink", "No link has this name or index")                   \
        X(INVALID_NAME, EINVAL, "InvalidName", "A link name has 1 to 127 bytes and no NUL")       \
        X(INVALID_INDEX, ERANGE, "InvalidIndex", "A link index is a number from 1 to 2147483647") \
        X(INVALID_ADDRESS, EBADMSG, "InvalidAddress", "This is not an IPv4 or IPv6 address")      \
        X(INVALID_ZONE, EILSEQ, "InvalidZone",                                                    \
          "The zone after '%' is neither the name nor the plain decimal index of a link")         \
        X(ZONE_NOT_ALLOWED, EOPNOTSUPP, "ZoneNotAllowed",                                         \
          "Only fe80::/10, ff?1::/16 and ff?2::/16 take a zone; leave the '%' part out")          \
        X(ZONE_REQUIRED, EDESTADDRREQ, "ZoneRequired",                                            \
          "This address means nothing without a link; add its zone, as in fe80::1%eth0")          \
        X(AMBIGUOUS, ENOTUNIQ, "Ambiguous", "More than one link fits; add a zone")                \
        X(NO_ROUTE, ENETUNREACH, "NoRoute", "The kernel has no route to this destination")        \
        X(NO_ADDRESS, EADDRNOTAVAIL, "NoAddress", "No usable address fits")                       \
        X(KERNEL_ERROR, EIO, "KernelError", "The kernel could not be asked")                      \
        X(LIMIT_EXCEEDED, E2BIG, "LimitExceeded", "The question or its answer is over a limit")   \
        X(NOT_READY, EAGAIN, "NotReady", "The table is still being filled; ask again")

enum {
#define ERROR_ENUM(id, number, name, text) ERROR_##id = number,
        ERROR_TABLE(ERROR_ENUM)
#undef ERROR_ENUM
};

/* Takes a negative errno (or a positive one). Never NULL: an errno that is not in the list is
 * "KernelError", because everything else that can fail here is a system call. */
const char *error_name(int error);

/* The default text for it: one sentence without a full stop. Never NULL. */
const char *error_text(int error);

/* The negative errno for a public name, or -ENOENT when there is no such name. */
int error_from_name(const char *name);
