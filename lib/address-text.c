/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Addresses as text. The C library's inet_pton() and inet_ntop() do the work, because they are
 * exactly as strict as wanted: no octal or short dotted quads, no zone, no blanks, and RFC 5952
 * output. What is added is only what they cannot know: texts that are not terminated, embedded NULs,
 * and zones.
 *
 * Never use inet_aton() or getaddrinfo() here: they read "10.1" and "010.0.0.1" as addresses, and
 * the latter asks the system.
 */

#include <arpa/inet.h>
#include <string.h>

#include "address.h"
#include "error.h"
#include "util.h"

static_assert(IP_TEXT_MAX == INET6_ADDRSTRLEN, "room for what inet_ntop() writes");
static_assert(IP_INPUT_MAX >= IP_TEXT_MAX, "an address alone is never too long to be looked at");

int ip_parse(const char *text, size_t len, IpAddress *ret) {
        char buf[IP_TEXT_MAX];
        uint8_t bytes[16];
        int family;

        /* No valid text is longer than the buffer. A NUL within would make it a shorter text. */
        if (len == 0 || len >= sizeof(buf) || memchr(text, '\0', len))
                return -ERROR_INVALID_ADDRESS;

        memcpy(buf, text, len);
        buf[len] = '\0';

        family = memchr(text, ':', len) ? AF_INET6 : AF_INET;
        if (inet_pton(family, buf, bytes) != 1)
                return -ERROR_INVALID_ADDRESS;

        *ret = ip_make(family, bytes);
        return 0;
}

char *ip_format(const IpAddress *a, char buf[static IP_TEXT_MAX]) {
        if (ip_family_size(a->family) == 0 ||
            !inet_ntop(a->family, a->bytes, buf, (socklen_t) IP_TEXT_MAX))
                buf[0] = '\0';
        return buf;
}

char *ip_format_zone(const IpAddress *a, const char *zone, char buf[static IP_ZONE_TEXT_MAX]) {
        size_t length, zone_length;

        length = strlen(ip_format(a, buf));
        if (!zone || !ip_needs_zone(a))
                return buf;

        /* A zone with a '%' could not be split off again; the kernel lets alternative names have one. */
        zone_length = strlen(zone);
        if (zone_length == 0 || strchr(zone, '%') || length + 1 + zone_length >= IP_ZONE_TEXT_MAX)
                return buf;

        buf[length] = '%';
        memcpy(buf + length + 1, zone, zone_length + 1);
        return buf;
}
