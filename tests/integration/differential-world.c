/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The random configurations; see the header.
 *
 * Links do not make link-local addresses by themselves here: those would come at a time of the kernel's
 * own choosing. On a link with duplicate address detection it is made to take hours, so that tentative
 * and optimistic addresses stay what they are as long as they are looked at.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "differential-world.h"

#define ELEMENTS(a) (sizeof(a) / sizeof(*(a)))
#define PICK(a) ((a)[world_random(ELEMENTS(a))])
#define TEXT_MAX 64

const char *const world_links[WORLD_LINKS_MAX] = {
        "lo", "v0", "v1", "v2", "p0", "p1", "br0", "t0"
};
/* Those that get addresses, the likely ones more often. Not p1: whoever has an address at the other end
 * of v1 answers its duplicate address detection, at some time. */
static const char *const homes[] = { "v0", "v0", "v1", "v1", "v2", "v2", "br0", "t0", "lo" };

static struct {
        unsigned seed;
        unsigned n_changes;
        bool rules;
        FILE *v4; /* what `ip -batch` will do */
        FILE *v6;
} world;

unsigned world_random(unsigned n) {
        world.seed = world.seed * 1103515245 + 12345;
        return (unsigned) ((uint64_t) (world.seed >> 8) * n >> 24);
}

static bool chance(unsigned one_in) {
        return world_random(one_in) == 0;
}

/* Running ip ----------------------------------------------------------------------------------- */

static FILE *batch_begin(const char *family) {
        char command[64];
        FILE *f;

        (void) snprintf(command, sizeof(command), "exec ip %s -force -batch - >/dev/null 2>&1",
                        family);
        f = popen(command, "we");
        if (!f) {
                perror("popen");
                exit(2);
        }
        return f;
}

static void batches_end(void) {
        /* IPv4 first, as the IPv6 part never needs to come before it. */
        (void) pclose(world.v4);
        (void) pclose(world.v6);
        world.v4 = world.v6 = NULL;
}

static void __attribute__((format(printf, 3, 4)))
setting(const char *family, const char *link, const char *format, ...) {
        char path[160], text[80], *value;
        va_list ap;
        int fd;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        value = strchr(text, '=');
        *value++ = 0;
        (void) snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, text);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return; /* not in this kernel */
        if (write(fd, value, strlen(value)) < 0)
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
        (void) close(fd);
}

/* Links ---------------------------------------------------------------------------------------- */

/* A point-to-point link with carrier: somebody holds the other end. */
static bool tunnel_create(void) {
        struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
        int fd;

        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        (void) snprintf(request.ifr_name, sizeof(request.ifr_name), "t0");
        return fd >= 0 && ioctl(fd, TUNSETIFF, &request) >= 0;
}

static void pair_create(unsigned i) {
        fprintf(world.v4, "link add v%u type veth peer name p%u\n", i, i);
        fprintf(world.v4, "link set v%u addrgenmode none\nlink set p%u addrgenmode none\n", i, i);
}

/* v1: tentative; v2: optimistic, where the kernel knows that. */
static void slow_detection(const char *link) {
        setting("ipv6", link, "accept_dad=1");
        setting("ipv6", link, "dad_transmits=100000");
}

bool world_create(unsigned seed) {
        world.seed = seed;
        setting("ipv6", "default", "accept_ra=0");
        setting("ipv6", "default", "accept_dad=0");
        setting("ipv6", "all", "accept_dad=0");
        world.v4 = batch_begin("");
        world.v6 = batch_begin("-6");
        fprintf(world.v4, "link set lo addrgenmode none\nlink set lo up\n");
        for (unsigned i = 0; i < 3; i++)
                pair_create(i);
        fprintf(world.v4, "link add br0 type bridge\nlink set br0 addrgenmode none\n");
        fprintf(world.v4, "link set p0 master br0\n");
        batches_end();
        if (!tunnel_create())
                printf("no tunnel, so no point-to-point link: %s\n", strerror(errno));

        for (size_t i = 0; i < ELEMENTS(world_links); i++)
                if (strcmp(world_links[i], "t0") != 0 && kernel_ifindex(world_links[i]) == 0) {
                        printf("there is no link %s\n", world_links[i]);
                        return false;
                }
        return true;
}

bool world_detects_duplicates(int ifindex) {
        return ifindex == kernel_ifindex("v1") || ifindex == kernel_ifindex("v2");
}

bool world_has_rules(void) {
        return world.rules;
}

/* Addresses ------------------------------------------------------------------------------------ */

/* Every scope and every row of the label table; few enough hosts that things collide. */
static void random_ipv6(char text[TEXT_MAX]) {
        static const char *const networks[] = {
                "2001:db8:1::",    "2001:db8:1::", "2001:db8:2::",  "2001:db8:1:1::",
                "2001:db8:8000::", "fd00:0:1::",   "fd00:0:2::",    "fe80::",
                "fe80::",          "fec0:0:0:1::", "2002:c633:1::", "2001:0:5::",
                "2001:10:5::",     "2001:1f:5::",  "3ffe:0:1::",    "64:ff9b::",
                "::ffff:10.0.0.",  "::10.1.0.",
        };
        const char *network = PICK(networks);
        unsigned host = 1 + world_random(16);

        (void) snprintf(text, TEXT_MAX, strchr(network, '.') ? "%s%u" : "%s%x", network, host);
}

static void random_ipv4(char text[TEXT_MAX]) {
        static const char *const networks[] = { "10.0.0",    "10.0.1",    "10.1.0",  "10.1.1",
                                                "169.254.7", "192.168.1", "172.16.5" };

        (void) snprintf(text, TEXT_MAX, "%s.%u", PICK(networks), 1 + world_random(20));
}

static void add_ipv6(void) {
        static const int lengths[] = { 64, 64, 64, 64, 48, 127, 128, 10, 96 };
        static const char *const extras[] = {
                "", "", "", "", "preferred_lft 0", "home", "noprefixroute", "mngtmpaddr"
        };
        char address[TEXT_MAX], peer[TEXT_MAX];
        const char *link = PICK(homes);

        random_ipv6(address);
        fprintf(world.v6, "addr add %s", address);
        if (chance(10)) {
                random_ipv6(peer);
                fprintf(world.v6, " peer %s/%d", peer, chance(2) ? 128 : 64);
        } else
                fprintf(world.v6, "/%d", PICK(lengths));
        fprintf(world.v6, " dev %s %s", link, PICK(extras));
        if (strcmp(link, "v2") == 0 && chance(3))
                fprintf(world.v6, " optimistic");
        else if (!chance(4))
                fprintf(world.v6, " nodad");
        fprintf(world.v6, "\n");
}

static void add_ipv4(void) {
        static const int lengths[] = { 24, 24, 24, 16, 8, 32, 31, 30 };
        static const char *const extras[] = { "",
                                              "",
                                              "",
                                              "",
                                              "scope link",
                                              "scope host",
                                              "preferred_lft 0",
                                              "noprefixroute",
                                              "broadcast +",
                                              "metric 5" };
        char address[TEXT_MAX], peer[TEXT_MAX];

        random_ipv4(address);
        fprintf(world.v4, "addr add %s", address);
        if (chance(5)) {
                random_ipv4(peer);
                fprintf(world.v4, " peer %s/%d", peer, chance(2) ? 32 : 24);
        } else
                fprintf(world.v4, "/%d", PICK(lengths));
        fprintf(world.v4, " dev %s %s\n", PICK(homes), PICK(extras));
}

/* Routes, labels, settings --------------------------------------------------------------------- */

static void add_routes(void) {
        char gateway[TEXT_MAX];

        if (!chance(4))
                fprintf(world.v4, "route add default dev %s metric 100\n", PICK(homes));
        if (!chance(4))
                fprintf(world.v6, "route add default dev %s metric 100\n", PICK(homes));
        random_ipv4(gateway);
        fprintf(world.v4, "route add default via %s dev %s onlink metric 50\n", gateway,
                PICK(homes));
        random_ipv4(gateway);
        fprintf(world.v4, "route add 10.9.0.0/16 via %s dev %s onlink\n", gateway, PICK(homes));
        if (chance(3))
                fprintf(world.v6, "route add 2001:db8:9::/48 via fe80::99 dev %s\n", PICK(homes));
        random_ipv4(gateway);
        if (chance(3))
                fprintf(world.v4, "route add 10.10.0.0/16 dev %s src %s\n", PICK(homes), gateway);
        random_ipv6(gateway);
        if (chance(3))
                fprintf(world.v6, "route add 2001:db8:a::/48 dev %s src %s\n", PICK(homes),
                        gateway);
        if (chance(4))
                fprintf(world.v4, "route add 10.9.1.0/24 dev %s scope %s\n", PICK(homes),
                        chance(2) ? "global" : "link");
        if (chance(3)) {
                static const char *const types[] = { "unreachable", "prohibit", "blackhole" };

                fprintf(world.v4, "route add %s 10.8.0.0/16\n", PICK(types));
                fprintf(world.v6, "route add %s 2001:db8:b::/48\n", PICK(types));
        }
        if (chance(4))
                fprintf(world.v4, "route add local 10.77.0.0/16 dev lo\n");
        if (chance(4))
                fprintf(world.v6, "route add local 2001:db8:77::/48 dev lo\n");
        if (chance(8))
                fprintf(world.v4, "route add local 10.0.0.16/29 dev %s\n", PICK(homes));
}

static void change_settings(void) {
        static const char *const links[] = { "v0", "v1", "v2", "br0", "lo" };
        unsigned forwarding = chance(6);

        for (size_t i = 0; i < ELEMENTS(links); i++) {
                setting("ipv6", links[i], "use_tempaddr=%u", world_random(3));
                setting("ipv6", links[i], "use_oif_addrs_only=%u", chance(6) ? 1U : 0U);
                setting("ipv6", links[i], "use_optimistic=%u", world_random(2));
                setting("ipv4", links[i], "route_localnet=%u", chance(6) ? 1U : 0U);
        }
        setting("ipv6", "all", "forwarding=%u", forwarding);
        /* That resets nothing else; but without it no address can be optimistic. */
        setting("ipv6", "v2", "optimistic_dad=1");
}

static void change_labels(void) {
        static const char *const prefixes[] = { "2001:db8:1::/48", "fd00:0:2::/48", "fe80::/64" };

        for (size_t i = 0; i < ELEMENTS(prefixes); i++) {
                fprintf(world.v6, "addrlabel del prefix %s\n", prefixes[i]);
                fprintf(world.v6, "addrlabel del prefix %s dev v0\n", prefixes[i]);
                if (chance(4))
                        fprintf(world.v6, "addrlabel add prefix %s %s label %u\n", prefixes[i],
                                chance(2) ? "" : "dev v0", 1 + world_random(13));
        }
}

static void clear(void) {
        for (size_t i = 0; i < ELEMENTS(world_links); i++) {
                fprintf(world.v4, "link set %s up\n", world_links[i]);
                fprintf(world.v4, "addr flush dev %s\n", world_links[i]);
                fprintf(world.v6, "addr flush dev %s\n", world_links[i]);
        }
        fprintf(world.v4, "link set p2 up\n");
        fprintf(world.v4, "route flush table main proto boot\n");
        fprintf(world.v6, "route flush table main proto boot\n");
        fprintf(world.v6, "route flush table local proto boot\n");
        /* With the last address of lo they are gone anyway, without a word. */
        if (chance(2))
                fprintf(world.v4, "route flush table local proto boot\n");
        if (!chance(10)) {
                fprintf(world.v4, "addr add 127.0.0.1/8 dev lo scope host\n");
                if (chance(4))
                        fprintf(world.v4, "addr add 127.3.2.1/24 dev lo\n");
                fprintf(world.v6, "addr add ::1/128 dev lo\n");
        }
}

void world_change(void) {
        world.n_changes++;
        world.v4 = batch_begin("");
        if (chance(12)) {
                fprintf(world.v4, "link del v2\n");
                pair_create(2);
        }
        world.v6 = batch_begin("-6");
        if (!world.rules && world.n_changes % 64 == 48) {
                fprintf(world.v4, "rule add pref 100 to 198.18.0.0/15 lookup main\n");
                world.rules = true;
        }
        clear();
        /* What follows stands on what is cleared, in both. */
        batches_end();
        slow_detection("v1");
        slow_detection("v2");
        change_settings();

        world.v4 = batch_begin("");
        world.v6 = batch_begin("-6");
        change_labels();
        for (unsigned n = 1 + world_random(9); n > 0; n--)
                add_ipv6();
        for (unsigned n = world_random(7); n > 0; n--)
                add_ipv4();
        batches_end();

        world.v4 = batch_begin("");
        world.v6 = batch_begin("-6");
        add_routes();
        if (chance(5))
                fprintf(world.v4, "link set %s down\n", chance(2) ? "v0" : "v1");
        batches_end();
}

void world_print(void) {
        (void) fflush(stdout);
        if (system("ip -o address; ip route show table all; "
                   "ip -6 route show table all | grep -v -e ^local -e ^multicast -e 'proto kernel'; "
                   "ip addrlabel; ip rule; "
                   "grep -sv ':[-0]' /proc/sys/net/ipv6/conf/*/use_* "
                   "/proc/sys/net/ipv4/conf/*/route_localnet "
                   "/proc/sys/net/ipv6/conf/all/forwarding | grep -v ':0'") < 0)
                perror("ip");
}

/* Destinations --------------------------------------------------------------------------------- */

/* An address that somebody has, or one beside it. */
static Ip near_an_address(void) {
        KernelAddress *addresses = NULL;
        size_t n = kernel_addresses(&addresses);
        Ip a;

        if (n == 0)
                return ip_of("192.0.2.1");
        a = addresses[world_random((unsigned) n)].address;
        free(addresses);
        if (chance(2))
                a.bytes[a.family == AF_INET ? 3 : 15] ^= (uint8_t) (1U << world_random(8));
        if (chance(6))
                a.bytes[a.family == AF_INET ? 3 : 15] = chance(2) ? 255 : 0;
        return a;
}

static bool needs_link(const Ip *a) {
        return a->family == AF_INET6 &&
               ((a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80) ||
                (a->bytes[0] == 0xff && ((a->bytes[1] & 0xf) == 1 || (a->bytes[1] & 0xf) == 2)));
}

Ip world_destination(int *ret_ifindex) {
        static const char *const others[] = {
                "2001:4860::1",   "2001:db8:9::9",   "2001:db8:a::9", "2001:db8:b::9",
                "2001:db8:77::7", "ff02::1",         "ff02::fb",      "ff01::1",
                "ff05::2",        "ff0e::1",         "::1",           "2002:1::1",
                "2001:db8:1::",   "8.8.8.8",         "224.0.0.1",     "224.0.0.251",
                "239.1.1.1",      "255.255.255.255", "127.3.2.1",     "127.0.0.1",
                "10.77.5.5",      "10.0.0.255",      "10.0.0.17",     "10.8.1.1",
                "10.9.0.1",       "10.9.1.1",        "10.10.0.1",     "240.0.0.1",
        };
        char text[TEXT_MAX];
        Ip a;

        switch (world_random(5)) {
        case 0:
                a = ip_of(PICK(others));
                break;
        case 1:
                random_ipv4(text);
                a = ip_of(text);
                break;
        case 2:
        case 3:
                random_ipv6(text);
                a = ip_of(text);
                break;
        default:
                a = near_an_address();
        }
        if (memcmp(a.bytes, (uint8_t[16]){}, 16) == 0)
                a = ip_of("::1"); /* means that to a socket, and nothing at all to a route */
        *ret_ifindex = 0;
        if (needs_link(&a) || chance(4))
                *ret_ifindex = kernel_ifindex(PICK(homes));
        return a;
}
