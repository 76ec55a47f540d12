/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Arithmetic with prefixes, byte by byte, so that no shift ever has the width of its operand: the
 * prefix lengths 0 and 32 are where code that works on words goes wrong.
 *
 * Lengths are not trusted: more than the family has counts as all. Every result keeps the unused
 * bytes of an IpAddress zero.
 */

#include <string.h>

#include "address.h"
#include "util.h"

/* Byte i of the mask of a prefix length. */
static uint8_t mask_byte(unsigned prefix_length, size_t i) {
        if (prefix_length >= 8 * (i + 1))
                return 0xff;
        if (prefix_length <= 8 * i)
                return 0;
        return (uint8_t) (0xff << (8 * (i + 1) - prefix_length));
}

IpAddress ip_mask(int family, unsigned prefix_length) {
        uint8_t bytes[16];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = mask_byte(prefix_length, i);
        return ip_make(family, bytes);
}

IpAddress ip_network(const IpAddress *a, unsigned prefix_length) {
        size_t size = ip_family_size(a->family), whole = prefix_length / 8;
        IpAddress network = *a;

        if (whole >= size)
                return network;
        network.bytes[whole] &= mask_byte(prefix_length, whole);
        for (size_t i = whole + 1; i < size; i++)
                network.bytes[i] = 0;
        return network;
}

/* The kernel enters no broadcast address for /31 and /32, which have no host part to spare, nor for
 * /0. */
IpAddress ip_subnet_broadcast(const IpAddress *a, unsigned prefix_length) {
        IpAddress broadcast = *a;

        if (a->family != AF_INET || prefix_length == 0 || prefix_length > 30)
                return (IpAddress){ .family = AF_UNSPEC };

        for (size_t i = 0; i < ip_family_size(AF_INET); i++)
                broadcast.bytes[i] |= (uint8_t) ~mask_byte(prefix_length, i);
        return broadcast;
}

bool ip_in_prefix(const IpAddress *a, const IpAddress *network, unsigned prefix_length) {
        size_t bits = ip_family_bits(a->family), length = CONST_MIN((size_t) prefix_length, bits);
        size_t whole = length / 8;

        if (a->family != network->family || !ip_is_set(a))
                return false;
        if (memcmp(a->bytes, network->bytes, whole) != 0)
                return false;
        return length % 8 == 0 ||
               ((a->bytes[whole] ^ network->bytes[whole]) & mask_byte(prefix_length, whole)) == 0;
}

unsigned ip_common_prefix(const IpAddress *a, const IpAddress *b) {
        IpAddress x = ip_unmap(a), y = ip_unmap(b);
        unsigned n = 0;

        if (x.family != y.family)
                return 0;

        for (size_t i = 0; i < ip_family_size(x.family); i++) {
                uint8_t difference = x.bytes[i] ^ y.bytes[i];

                if (difference != 0)
                        return n + (unsigned) __builtin_clz(difference) - 24;
                n += 8;
        }
        return n;
}

unsigned ip_classful_prefix(const IpAddress *a) {
        if (a->family != AF_INET)
                return 0;
        if (a->bytes[0] < 128)
                return 8;
        if (a->bytes[0] < 192)
                return 16;
        if (a->bytes[0] < 224)
                return 24;
        return 0;
}

IpAddress ip_solicited_node(const IpAddress *a) {
        /* ff02::1:ff00:0/104 */
        uint8_t bytes[16] = { 0xff, 0x02, [11] = 0x01, [12] = 0xff };

        if (a->family != AF_INET6 || ip_is_multicast(a) || ip_is_unspecified(a))
                return (IpAddress){ .family = AF_UNSPEC };

        for (size_t i = 13; i < sizeof(bytes); i++)
                bytes[i] = a->bytes[i];
        return ip_make(AF_INET6, bytes);
}
