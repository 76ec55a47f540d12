/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an address is, how far it reaches, and where RFC 6724 ranks it. Three tables: the registered
 * blocks (IANA's special-purpose registries and address space), what each class is called and how
 * far it reaches, and the default policy of RFC 6724. Rows of a block table may be in any order:
 * the longest prefix that holds the address wins.
 *
 * Only the bytes of the address count, never what the kernel says of it: an administrator can give
 * any address any ifa_scope, and `ip address add` makes 169.254.0.0/16 global. A v4-mapped address
 * is unmapped first, or ::ffff:127.0.0.1 would be no loopback address and slip through a check.
 */

#include "address.h"
#include "util.h"

static const struct {
        const char *name;
        AddressScope scope; /* for multicast addresses the address itself says it */
} class_table[_ADDRESS_CLASS_MAX] = {
        [ADDRESS_CLASS_UNSPECIFIED] = { "unspecified", ADDRESS_SCOPE_NONE },
        [ADDRESS_CLASS_LOOPBACK] = { "loopback", ADDRESS_SCOPE_LINK_LOCAL },
        [ADDRESS_CLASS_LINK_LOCAL] = { "link-local", ADDRESS_SCOPE_LINK_LOCAL },
        [ADDRESS_CLASS_SITE_LOCAL] = { "site-local", ADDRESS_SCOPE_SITE_LOCAL },
        [ADDRESS_CLASS_PRIVATE] = { "private", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_SHARED] = { "shared", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_UNIQUE_LOCAL] = { "unique-local", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_DOCUMENTATION] = { "documentation", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_BENCHMARKING] = { "benchmarking", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_6TO4_RELAY] = { "6to4-relay", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_V4_COMPATIBLE] = { "v4-compatible", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_NAT64] = { "nat64", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_DISCARD] = { "discard-only", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_TEREDO] = { "teredo", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_ORCHID] = { "orchid", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_ORCHID_V2] = { "orchid-v2", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_6TO4] = { "6to4", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_6BONE] = { "6bone", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_RESERVED] = { "reserved", ADDRESS_SCOPE_GLOBAL },
        [ADDRESS_CLASS_BROADCAST] = { "broadcast", ADDRESS_SCOPE_NONE },
        [ADDRESS_CLASS_MULTICAST] = { "multicast", ADDRESS_SCOPE_RESERVED },
        [ADDRESS_CLASS_GLOBAL] = { "global", ADDRESS_SCOPE_GLOBAL },
};

static const struct {
        IpAddress network;
        unsigned prefix_length;
        AddressClass class;
} block_table[] = {
        { { AF_INET, { 0 } }, 0, ADDRESS_CLASS_GLOBAL },
        { { AF_INET, { 0 } }, 8, ADDRESS_CLASS_RESERVED }, /* "this network", RFC 1122 */
        { { AF_INET, { 0 } }, 32, ADDRESS_CLASS_UNSPECIFIED },
        { { AF_INET, { 10 } }, 8, ADDRESS_CLASS_PRIVATE },
        { { AF_INET, { 100, 64 } }, 10, ADDRESS_CLASS_SHARED },
        { { AF_INET, { 127 } }, 8, ADDRESS_CLASS_LOOPBACK },
        { { AF_INET, { 169, 254 } }, 16, ADDRESS_CLASS_LINK_LOCAL },
        { { AF_INET, { 172, 16 } }, 12, ADDRESS_CLASS_PRIVATE },
        { { AF_INET, { 192, 0, 0 } }, 24, ADDRESS_CLASS_RESERVED }, /* protocols, RFC 6890 */
        { { AF_INET, { 192, 0, 0, 9 } }, 32, ADDRESS_CLASS_GLOBAL }, /* RFC 7723 */
        { { AF_INET, { 192, 0, 0, 10 } }, 32, ADDRESS_CLASS_GLOBAL }, /* RFC 8155 */
        { { AF_INET, { 192, 0, 2 } }, 24, ADDRESS_CLASS_DOCUMENTATION },
        { { AF_INET, { 192, 88, 99 } }, 24, ADDRESS_CLASS_6TO4_RELAY },
        { { AF_INET, { 192, 168 } }, 16, ADDRESS_CLASS_PRIVATE },
        { { AF_INET, { 198, 18 } }, 15, ADDRESS_CLASS_BENCHMARKING },
        { { AF_INET, { 198, 51, 100 } }, 24, ADDRESS_CLASS_DOCUMENTATION },
        { { AF_INET, { 203, 0, 113 } }, 24, ADDRESS_CLASS_DOCUMENTATION },
        { { AF_INET, { 224 } }, 4, ADDRESS_CLASS_MULTICAST },
        { { AF_INET, { 240 } }, 4, ADDRESS_CLASS_RESERVED },
        { { AF_INET, { 255, 255, 255, 255 } }, 32, ADDRESS_CLASS_BROADCAST },

        /* Of the IPv6 space IANA gives out 2000::/3 alone; the rest is reserved but for these. */
        { { AF_INET6, { 0 } }, 0, ADDRESS_CLASS_RESERVED },
        { { AF_INET6, { 0 } }, 96, ADDRESS_CLASS_V4_COMPATIBLE },
        { { AF_INET6, { 0 } }, 128, ADDRESS_CLASS_UNSPECIFIED },
        { { AF_INET6, { [15] = 1 } }, 128, ADDRESS_CLASS_LOOPBACK },
        { { AF_INET6, { 0x00, 0x64, 0xff, 0x9b } }, 96, ADDRESS_CLASS_NAT64 },
        { { AF_INET6, { 0x00, 0x64, 0xff, 0x9b, 0, 1 } }, 48, ADDRESS_CLASS_NAT64 },
        { { AF_INET6, { 0x01, 0x00 } }, 64, ADDRESS_CLASS_DISCARD },
        { { AF_INET6, { 0x20, 0x00 } }, 3, ADDRESS_CLASS_GLOBAL },
        /* 2001::/23 is for protocols (RFC 2928); what it holds is named one by one. */
        { { AF_INET6, { 0x20, 0x01 } }, 23, ADDRESS_CLASS_RESERVED },
        { { AF_INET6, { 0x20, 0x01 } }, 32, ADDRESS_CLASS_TEREDO },
        { { AF_INET6, { 0x20, 0x01, 0, 1, [15] = 1 } }, 128, ADDRESS_CLASS_GLOBAL }, /* RFC 7723 */
        { { AF_INET6, { 0x20, 0x01, 0, 1, [15] = 2 } }, 128, ADDRESS_CLASS_GLOBAL }, /* RFC 8155 */
        { { AF_INET6, { 0x20, 0x01, 0, 1, [15] = 3 } }, 128, ADDRESS_CLASS_GLOBAL }, /* RFC 9665 */
        { { AF_INET6, { 0x20, 0x01, 0, 2 } }, 48, ADDRESS_CLASS_BENCHMARKING },
        { { AF_INET6, { 0x20, 0x01, 0, 3 } }, 32, ADDRESS_CLASS_GLOBAL }, /* RFC 7450 */
        { { AF_INET6, { 0x20, 0x01, 0, 4, 0x01, 0x12 } }, 48, ADDRESS_CLASS_GLOBAL }, /* RFC 7535 */
        { { AF_INET6, { 0x20, 0x01, 0, 0x10 } }, 28, ADDRESS_CLASS_ORCHID },
        { { AF_INET6, { 0x20, 0x01, 0, 0x20 } }, 28, ADDRESS_CLASS_ORCHID_V2 },
        { { AF_INET6, { 0x20, 0x01, 0, 0x30 } }, 28, ADDRESS_CLASS_GLOBAL }, /* RFC 9374 */
        { { AF_INET6, { 0x20, 0x01, 0x0d, 0xb8 } }, 32, ADDRESS_CLASS_DOCUMENTATION },
        { { AF_INET6, { 0x20, 0x02 } }, 16, ADDRESS_CLASS_6TO4 },
        { { AF_INET6, { 0x3f, 0xfe } }, 16, ADDRESS_CLASS_6BONE },
        { { AF_INET6, { 0x3f, 0xff } }, 20, ADDRESS_CLASS_DOCUMENTATION },
        { { AF_INET6, { 0xfc, 0x00 } }, 7, ADDRESS_CLASS_UNIQUE_LOCAL },
        { { AF_INET6, { 0xfe, 0x80 } }, 10, ADDRESS_CLASS_LINK_LOCAL },
        { { AF_INET6, { 0xfe, 0xc0 } }, 10, ADDRESS_CLASS_SITE_LOCAL },
        { { AF_INET6, { 0xff, 0x00 } }, 8, ADDRESS_CLASS_MULTICAST },
};

/* RFC 6724 2.1. The kernel's own label table differs (Teredo, ORCHID and unique-local addresses). */
typedef struct Policy {
        IpAddress network;
        unsigned prefix_length;
        unsigned precedence;
        unsigned label;
} Policy;

static const Policy policy_table[] = {
        { { AF_INET6, { 0 } }, 0, 40, 1 }, /* first: what is left when nothing longer fits */
        { { AF_INET6, { [15] = 1 } }, 128, 50, 0 },
        { { AF_INET6, { [10] = 0xff, 0xff } }, 96, 35, 4 },
        { { AF_INET6, { 0x20, 0x02 } }, 16, 30, 2 },
        { { AF_INET6, { 0x20, 0x01 } }, 32, 5, 5 },
        { { AF_INET6, { 0xfc, 0x00 } }, 7, 3, 13 },
        { { AF_INET6, { 0 } }, 96, 1, 3 },
        { { AF_INET6, { 0xfe, 0xc0 } }, 10, 1, 11 },
        { { AF_INET6, { 0x3f, 0xfe } }, 16, 1, 12 },
};

AddressClass ip_classify(const IpAddress *a) {
        IpAddress x = ip_unmap(a);
        AddressClass class = ADDRESS_CLASS_UNSPECIFIED;
        unsigned longest = 0;

        for (size_t i = 0; i < ELEMENTSOF(block_table); i++) {
                unsigned length = block_table[i].prefix_length;

                if (length < longest || !ip_in_prefix(&x, &block_table[i].network, length))
                        continue;
                longest = length;
                class = block_table[i].class;
        }
        return class;
}

/* 224.0.0.0/24 never leaves the link: no router forwards it, whatever its time to live. */
static AddressScope multicast_scope(const IpAddress *a) {
        if (a->family == AF_INET6)
                return (AddressScope) (a->bytes[1] & 0x0f);
        if (a->bytes[0] == 224 && a->bytes[1] == 0 && a->bytes[2] == 0)
                return ADDRESS_SCOPE_LINK_LOCAL;
        return ADDRESS_SCOPE_GLOBAL;
}

AddressScope ip_scope(const IpAddress *a) {
        IpAddress x = ip_unmap(a);

        if (ip_is_multicast(&x))
                return multicast_scope(&x);
        return class_table[ip_classify(&x)].scope;
}

AddressScope ip_sorting_scope(const IpAddress *a) {
        IpAddress x = ip_unmap(a);
        AddressScope scope = ip_scope(&x);

        if (scope == ADDRESS_SCOPE_NONE || (x.family == AF_INET && ip_is_multicast(&x)))
                return ADDRESS_SCOPE_GLOBAL;
        return scope;
}

bool ip_is_unspecified(const IpAddress *a) {
        IpAddress x = ip_unmap(a);

        return ip_is_set(&x) && memory_is_zero(x.bytes, sizeof(x.bytes));
}

bool ip_is_loopback(const IpAddress *a) {
        IpAddress x = ip_unmap(a);

        if (x.family == AF_INET)
                return x.bytes[0] == 127;
        return x.family == AF_INET6 && memory_is_zero(x.bytes, 15) && x.bytes[15] == 1;
}

bool ip_is_multicast(const IpAddress *a) {
        IpAddress x = ip_unmap(a);

        if (x.family == AF_INET)
                return (x.bytes[0] & 0xf0) == 224;
        return x.family == AF_INET6 && x.bytes[0] == 0xff;
}

static bool is_link_local_ipv6(const IpAddress *a) {
        return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool ip_is_link_local(const IpAddress *a) {
        IpAddress x = ip_unmap(a);

        if (x.family == AF_INET)
                return x.bytes[0] == 169 && x.bytes[1] == 254;
        return is_link_local_ipv6(&x);
}

/* For multicast the low four bits of the second byte are the scope; the flags above it (transient,
 * prefix-based) change nothing, so ff12:: and ff32:: need a zone as ff02:: does. Nothing is unmapped
 * here: the kernel takes no scope id for an IPv4 address, however it is written. */
bool ip_needs_zone(const IpAddress *a) {
        if (a->family != AF_INET6)
                return false;
        if (a->bytes[0] == 0xff) {
                uint8_t scope = a->bytes[1] & 0x0f;

                return scope == ADDRESS_SCOPE_INTERFACE_LOCAL || scope == ADDRESS_SCOPE_LINK_LOCAL;
        }
        return is_link_local_ipv6(a);
}

const char *address_class_to_string(AddressClass c) {
        return c < _ADDRESS_CLASS_MAX ? class_table[c].name : "unknown";
}

const char *address_scope_to_string(AddressScope s) {
        static const char *const names[] = {
                [ADDRESS_SCOPE_RESERVED] = "reserved",
                [ADDRESS_SCOPE_INTERFACE_LOCAL] = "interface-local",
                [ADDRESS_SCOPE_LINK_LOCAL] = "link-local",
                [ADDRESS_SCOPE_REALM_LOCAL] = "realm-local",
                [ADDRESS_SCOPE_ADMIN_LOCAL] = "admin-local",
                [ADDRESS_SCOPE_SITE_LOCAL] = "site-local",
                [ADDRESS_SCOPE_ORGANIZATION_LOCAL] = "organization-local",
                [ADDRESS_SCOPE_GLOBAL] = "global",
                [15] = "reserved",
        };
        int number = (int) s;

        if (number == ADDRESS_SCOPE_NONE)
                return "none";
        if (number < 0 || (size_t) number >= ELEMENTSOF(names) || !names[number])
                return "unassigned";
        return names[number];
}

static const Policy *policy_find(const IpAddress *a) {
        const Policy *best = &policy_table[0];
        IpAddress x = *a;

        if (a->family == AF_INET) {
                uint8_t mapped[16] = { [10] = 0xff, 0xff };

                memcpy(mapped + 12, a->bytes, 4);
                x = ip_make(AF_INET6, mapped);
        }

        for (size_t i = 0; i < ELEMENTSOF(policy_table); i++)
                if (policy_table[i].prefix_length >= best->prefix_length &&
                    ip_in_prefix(&x, &policy_table[i].network, policy_table[i].prefix_length))
                        best = &policy_table[i];
        return best;
}

unsigned ip_default_precedence(const IpAddress *a) {
        return policy_find(a)->precedence;
}

unsigned ip_default_label(const IpAddress *a) {
        return policy_find(a)->label;
}
