/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Any bytes as the text of an address, and as two addresses with a prefix length. What is checked
 * are laws that hold for every input: a text that is accepted has one canonical form, which parses to
 * the same address; masking twice is masking once; a network holds its members.
 */

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "fuzz.h"

/* Not assert(): it must also hold in a build without assertions. */
#define HOLDS(law)               \
        do {                     \
                if (!(law))      \
                        abort(); \
        } while (0)

static void check_address(const IpAddress *a) {
        char text[IP_TEXT_MAX], zoned[IP_ZONE_TEXT_MAX];
        IpAddress again, unmapped = ip_unmap(a);
        AddressText split;

        HOLDS(ip_format(a, text) == text && strlen(text) < sizeof(text));
        HOLDS(ip_parse(text, strlen(text), &again) == 0);
        HOLDS(memcmp(a, &again, sizeof(again)) == 0);

        ip_format_zone(a, "abcdefghijklmno", zoned);
        split = address_text_split(zoned, strlen(zoned));
        HOLDS(split.has_zone == ip_needs_zone(a));
        HOLDS(split.address_len == strlen(text) && memcmp(split.address, text, strlen(text)) == 0);

        HOLDS(ip_classify(a) == ip_classify(&unmapped));
        HOLDS(ip_classify(a) < _ADDRESS_CLASS_MAX);
        HOLDS(ip_scope(a) == ip_scope(&unmapped));
        HOLDS(ip_sorting_scope(a) != ADDRESS_SCOPE_NONE);
        HOLDS(ip_is_multicast(a) == (ip_classify(a) == ADDRESS_CLASS_MULTICAST));
        HOLDS(ip_is_loopback(a) == (ip_classify(a) == ADDRESS_CLASS_LOOPBACK));
        HOLDS(ip_is_link_local(a) == (ip_classify(a) == ADDRESS_CLASS_LINK_LOCAL));
        HOLDS(ip_is_unspecified(a) == (ip_classify(a) == ADDRESS_CLASS_UNSPECIFIED));
        HOLDS(strlen(address_class_to_string(ip_classify(a))) > 0);
        HOLDS(strlen(address_scope_to_string(ip_scope(a))) > 0);
        HOLDS(ip_default_precedence(a) > 0 && ip_default_label(a) <= 13);
}

static void check_text(const char *text, size_t len) {
        AddressText split = address_text_split(text, len);
        IpAddress a;

        HOLDS(split.address_len + split.has_zone + split.zone_len == len);
        HOLDS(split.address_len == 0 || !memchr(split.address, '%', split.address_len));
        if (split.has_zone)
                HOLDS(ip_parse(text, len, &a) < 0);
        if (ip_parse(split.address, split.address_len, &a) >= 0)
                check_address(&a);
}

static void check_prefix(const IpAddress *a, const IpAddress *b, unsigned length) {
        IpAddress mask = ip_mask(a->family, length), network = ip_network(a, length);
        IpAddress twice = ip_network(&network, length), broadcast = ip_subnet_broadcast(a, length);
        IpAddress group = ip_solicited_node(a), x = ip_unmap(a), y = ip_unmap(b);
        unsigned shared = ip_common_prefix(&x, &y);

        HOLDS(ip_equal(&network, &twice));
        HOLDS(ip_in_prefix(a, &network, length) && ip_in_prefix(&mask, &mask, length));
        HOLDS(!ip_is_set(&broadcast) || ip_in_prefix(&broadcast, a, length));
        HOLDS(!ip_is_set(&group) || (ip_needs_zone(&group) && ip_is_multicast(&group)));
        HOLDS(shared <= ip_family_bits(x.family) && shared == ip_common_prefix(b, a));
        if (x.family == y.family) {
                HOLDS(ip_in_prefix(&x, &y, shared));
                HOLDS(ip_equal(&x, &y) == (shared == ip_family_bits(x.family)));
                HOLDS(ip_equal(&x, &y) || !ip_in_prefix(&x, &y, shared + 1));
        }
        HOLDS((ip_compare(a, b) > 0) == (ip_compare(b, a) < 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        check_text((const char *) data, size);

        if (size >= 33)
                for (int i = 0; i < 2; i++) {
                        int family = i == 0 ? AF_INET : AF_INET6;
                        IpAddress a = ip_make(family, data + 1), b = ip_make(family, data + 17);

                        check_address(&a);
                        check_address(&b);
                        check_prefix(&a, &b, data[0]);
                        check_prefix(&b, &a, data[0]);
                }
        return 0;
}
