/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tables of words for the kernel's numbers. The words are those of systemd-networkd where it has
 * one for the same thing, because people already know and match them.
 */

#include <stdio.h>

#include "record-names.h"
#include "util.h"

typedef struct FlagName {
        uint32_t flag;
        const char *name;
} FlagName;

/* IFF_* */
static const FlagName link_flags[] = {
        { 1U << 0, "up" },
        { 1U << 1, "broadcast" },
        { 1U << 2, "debug" },
        { 1U << 3, "loopback" },
        { 1U << 4, "point-to-point" },
        { 1U << 5, "no-trailers" },
        { 1U << 6, "running" },
        { 1U << 7, "no-arp" },
        { 1U << 8, "promiscuous" },
        { 1U << 9, "all-multicast" },
        { 1U << 10, "master" },
        { 1U << 11, "slave" },
        { 1U << 12, "multicast" },
        { 1U << 13, "portsel" },
        { 1U << 14, "auto-media" },
        { 1U << 15, "dynamic" },
        { 1U << 16, "lower-up" },
        { 1U << 17, "dormant" },
        { 1U << 18, "echo" },
};

/* IFA_F_*; bit 0 is two flags in one, see address_flags_format() */
static const FlagName address_flags[] = {
        { 1U << 1, "nodad" },           { 1U << 2, "optimistic" },
        { 1U << 3, "dadfailed" },       { 1U << 4, "home-address" },
        { 1U << 5, "deprecated" },      { 1U << 6, "tentative" },
        { 1U << 7, "permanent" },       { 1U << 8, "manage-temporary-address" },
        { 1U << 9, "no-prefixroute" },  { 1U << 10, "auto-join" },
        { 1U << 11, "stable-privacy" },
};

static size_t append(char *buf, size_t size, size_t at, const char *text) {
        const char *separator = at > 0 ? FLAGS_SEPARATOR : "";
        size_t separator_len = strlen(separator), len = strlen(text);

        /* The buffer holds all words at once; this only keeps a forgotten one inside. */
        if (at + separator_len + len >= size)
                return at;
        memcpy(buf + at, separator, separator_len);
        memcpy(buf + at + separator_len, text, len + 1);
        return at + separator_len + len;
}

static size_t append_flags(uint32_t flags, const FlagName *names, size_t n_names, char *buf,
                           size_t size, size_t at) {
        char rest[sizeof("0xffffffff")];

        for (size_t i = 0; i < n_names; i++) {
                if (!(flags & names[i].flag))
                        continue;
                at = append(buf, size, at, names[i].name);
                flags &= ~names[i].flag;
        }
        if (flags == 0)
                return at;

        (void) snprintf(rest, sizeof(rest), "0x%x", flags);
        return append(buf, size, at, rest);
}

size_t link_flags_format(uint32_t flags, char buf[static FLAGS_TEXT_MAX]) {
        buf[0] = '\0';
        return append_flags(flags, link_flags, ELEMENTSOF(link_flags), buf, FLAGS_TEXT_MAX, 0);
}

size_t address_flags_format(uint32_t flags, int family, char buf[static FLAGS_TEXT_MAX]) {
        size_t at = 0;

        buf[0] = '\0';
        /* IFA_F_SECONDARY and IFA_F_TEMPORARY share a bit; only the family tells them apart. */
        if (flags & 1)
                at = append(buf, FLAGS_TEXT_MAX, at,
                            family == AF_INET6 ? "temporary" : "secondary");
        return append_flags(flags & ~1U, address_flags, ELEMENTSOF(address_flags), buf,
                            FLAGS_TEXT_MAX, at);
}

const char *scope_name(uint8_t scope) {
        /* RT_SCOPE_* */
        switch (scope) {
        case 0:
                return "global";
        case 200:
                return "site";
        case 253:
                return "link";
        case 254:
                return "host";
        case 255:
                return "nowhere";
        default: /* administrators may use any other number */
                return NULL;
        }
}

const char *kernel_operstate_name(uint8_t operstate) {
        /* IF_OPER_*, RFC 2863 ifOperStatus */
        static const char *const names[] = {
                "unknown", "not-present", "down", "lower-layer-down", "testing", "dormant", "up",
        };

        return operstate < ELEMENTSOF(names) ? names[operstate] : NULL;
}

const char *local_type_name(uint8_t type) {
        /* RTN_LOCAL to RTN_MULTICAST; the words that lookups answer with */
        switch (type) {
        case 2:
                return "unicast";
        case 3:
                return "broadcast";
        case 4:
                return "anycast";
        case 5:
                return "multicast";
        default:
                return NULL;
        }
}

/* Hardware ------------------------------------------------------------------------------------- */

enum {
        HARDWARE_TUNNEL = 768,
        HARDWARE_TUNNEL6 = 769,
        HARDWARE_SIT = 776,
        HARDWARE_IPGRE = 778,
        HARDWARE_IP6GRE = 823,
};

/* ARPHRD_*, by number */
static const struct {
        uint16_t type;
        const char *name;
} link_types[] = {
        { 0, "netrom" },
        { 1, "ether" },
        { 2, "eether" },
        { 3, "ax25" },
        { 4, "pronet" },
        { 5, "chaos" },
        { 6, "ieee802" },
        { 7, "arcnet" },
        { 8, "appletlk" },
        { 15, "dlci" },
        { 19, "atm" },
        { 23, "metricom" },
        { 24, "ieee1394" },
        { 27, "eui64" },
        { 32, "infiniband" },
        { 256, "slip" },
        { 257, "cslip" },
        { 258, "slip6" },
        { 259, "cslip6" },
        { 260, "rsrvd" },
        { 264, "adapt" },
        { 270, "rose" },
        { 271, "x25" },
        { 272, "hwx25" },
        { 280, "can" },
        { 290, "mctp" },
        { 512, "ppp" },
        { 513, "cisco" },
        { 516, "lapb" },
        { 517, "ddcmp" },
        { 518, "rawhdlc" },
        { 519, "rawip" },
        { HARDWARE_TUNNEL, "tunnel" },
        { HARDWARE_TUNNEL6, "tunnel6" },
        { 770, "frad" },
        { 771, "skip" },
        { 772, "loopback" },
        { 773, "localtlk" },
        { 774, "fddi" },
        { 775, "bif" },
        { HARDWARE_SIT, "sit" },
        { 777, "ipddp" },
        { HARDWARE_IPGRE, "ipgre" },
        { 779, "pimreg" },
        { 780, "hippi" },
        { 781, "ash" },
        { 782, "econet" },
        { 783, "irda" },
        { 784, "fcpp" },
        { 785, "fcal" },
        { 786, "fcpl" },
        { 787, "fcfabric" },
        { 800, "ieee802_tr" },
        { 801, "ieee80211" },
        { 802, "ieee80211_prism" },
        { 803, "ieee80211_radiotap" },
        { 804, "ieee802154" },
        { 805, "ieee802154_monitor" },
        { 820, "phonet" },
        { 821, "phonet_pipe" },
        { 822, "caif" },
        { HARDWARE_IP6GRE, "ip6gre" },
        { 824, "netlink" },
        { 825, "6lowpan" },
        { 826, "vsockmon" },
        { 0xfffe, "none" },
        { 0xffff, "void" },
};

const char *link_type_name(uint16_t type) {
        for (size_t i = 0; i < ELEMENTSOF(link_types); i++)
                if (link_types[i].type == type)
                        return link_types[i].name;
        return NULL;
}

static bool is_ip_tunnel(uint16_t type, size_t len) {
        switch (type) {
        case HARDWARE_TUNNEL:
        case HARDWARE_SIT:
        case HARDWARE_IPGRE:
                return len == 4;
        case HARDWARE_TUNNEL6:
        case HARDWARE_IP6GRE:
                return len == 16;
        default:
                return false;
        }
}

_Static_assert(HARDWARE_TEXT_MAX >= IP_TEXT_MAX, "either form fits");

size_t hardware_address_format(const HardwareAddress *a, uint16_t link_type,
                               char buf[static HARDWARE_TEXT_MAX]) {
        static const char digits[16] = "0123456789abcdef";
        size_t len = CONST_MIN(a->len, HARDWARE_ADDRESS_MAX);
        size_t at = 0;

        buf[0] = '\0';
        if (is_ip_tunnel(link_type, len)) {
                IpAddress ip = ip_make(len == 4 ? AF_INET : AF_INET6, a->bytes);

                return strlen(ip_format(&ip, buf));
        }

        for (size_t i = 0; i < len; i++) {
                if (i > 0)
                        buf[at++] = ':';
                buf[at++] = digits[a->bytes[i] >> 4];
                buf[at++] = digits[a->bytes[i] & 15];
        }
        buf[at] = '\0';
        return at;
}
