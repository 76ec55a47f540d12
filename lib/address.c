/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Addresses as values: making, comparing and unmapping them, and cutting a zone off a text.
 *
 * Invariant: an IpAddress has one of three families, and every byte that its family does not use is
 * zero. Comparing memory is therefore comparing addresses, and rows that hold one can be hashed
 * and compared whole. Nothing here may break that, or look at a link.
 */

#include <string.h>

#include "address.h"
#include "util.h"

static_assert(sizeof(IpAddress) == 17, "no padding: rows are compared as memory");

size_t ip_family_size(int family) {
        switch (family) {
        case AF_INET:
                return 4;
        case AF_INET6:
                return 16;
        }
        return 0;
}

unsigned ip_family_bits(int family) {
        return (unsigned) ip_family_size(family) * 8;
}

IpAddress ip_make(int family, const void *bytes) {
        IpAddress a = { .family = AF_UNSPEC };
        size_t size = ip_family_size(family);

        if (size == 0)
                return a;
        a.family = (uint8_t) family;
        memcpy(a.bytes, bytes, size);
        return a;
}

bool ip_is_set(const IpAddress *a) {
        return a->family != AF_UNSPEC;
}

bool ip_equal(const IpAddress *a, const IpAddress *b) {
        return ip_compare(a, b) == 0;
}

int ip_compare(const IpAddress *a, const IpAddress *b) {
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

IpAddress ip_unmap(const IpAddress *a) {
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

        if (a->family != AF_INET6 || memcmp(a->bytes, mapped, sizeof(mapped)) != 0)
                return *a;
        return ip_make(AF_INET, a->bytes + sizeof(mapped));
}

/* At the first '%', not the last: RFC 4007 11.2 lets no zone contain one, and whoever splits at the
 * last takes "fe80::1%a" for an address. */
AddressText address_text_split(const char *text, size_t len) {
        const char *percent = len > 0 ? memchr(text, '%', len) : NULL;

        if (!percent)
                return (AddressText){ .address = text, .address_len = len };

        return (AddressText){
                .address = text,
                .address_len = (size_t) (percent - text),
                .zone = percent + 1,
                .zone_len = len - (size_t) (percent - text) - 1,
                .has_zone = true,
        };
}
