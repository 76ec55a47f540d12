/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Completes lookups with what only the kernel knows.
 *
 * A destination that means nothing without a link is never given to the kernel without one: it would
 * take the first link that has a route to fe80::/10, which is a guess.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "source-answer.h"
#include "util.h"

/* "Cannot ask" is one error for everybody, however it came about. */
static int ask_route(Source *s, const IpAddress *destination, int32_t ifindex, bool fib_match,
                     RtnlFib *ret) {
        IpAddress unmapped = ip_unmap(destination);
        int r;

        r = source_ask_route(s, &unmapped, ifindex, NULL, fib_match, ret);
        if (r < 0 && r != -ENETUNREACH && r != -ENODEV && r != -ENOMEM)
                return -EIO;
        return r;
}

static RouteAnswer route_answer(const RtnlFib *fib) {
        return (RouteAnswer){
                .type = fib->type,
                .ifindex = fib->ifindex,
                .gateway = fib->gateway,
                .scope = -1,
        };
}

int source_link_for_address(Source *s, const TableView *v, const IpAddress *a, int32_t ifindex,
                            LinkAnswer *ret) {
        RouteAnswer route;
        RtnlFib fib;
        int r;

        r = lookup_link_for_address(v, a, ifindex, ret);
        if (r != LOOKUP_ASK_KERNEL)
                return r;
        if (ip_needs_zone(a) && ifindex == 0)
                return -EDESTADDRREQ;

        r = ask_route(s, a, ifindex, false, &fib);
        if (r < 0)
                return r;
        route = route_answer(&fib);
        return lookup_link_from_route(v, a, &route, ret);
}

/* Source selection ----------------------------------------------------------------------------- */

/* The link that the question is bound to: the zone, or the only link that could be meant. */
static int bind_destination(const TableView *v, const IpAddress *destination, int32_t *ifindex) {
        LinkAnswer answer;
        int r;

        if (!ip_needs_zone(destination) || *ifindex != 0)
                return 0;
        r = lookup_link_for_address(v, destination, 0, &answer);
        if (r < 0)
                return r;
        if (r == LOOKUP_ASK_KERNEL)
                return -EDESTADDRREQ;
        *ifindex = answer.ifindex;
        return 0;
}

int source_select_kernel(Source *s, const TableView *v, const IpAddress *destination,
                         int32_t ifindex, SourceAnswer *ret) {
        SourceAnswer answer = {};
        RtnlFib fib;
        int r;

        if (ip_is_unspecified(destination))
                return -EBADMSG;
        r = bind_destination(v, destination, &ifindex);
        if (r < 0)
                return r;
        r = ask_route(s, destination, ifindex, false, &fib);
        if (r < 0)
                return r;
        if (!ip_is_set(&fib.source))
                return -EADDRNOTAVAIL;

        answer.source = fib.source;
        answer.ifindex = fib.ifindex;
        *ret = answer;
        return 0;
}

/* Without Mobile IPv6 in it the kernel takes the mark of a home address and ignores it. With it, it
 * lets anybody put a routing header of type 2 on a socket. Kernels of distributions have it; so that
 * is assumed where no socket can be had. */
static bool kernel_has_mobility(void) {
        static const uint8_t header[24] = { [1] = 2, [2] = 2, [3] = 1 };
        _cleanup_(closep) int fd = -1;

        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, header, sizeof(header)) >= 0;
}

static int ask_labels(Source *s, AddressLabel **ret, size_t *ret_n) {
        _cleanup_(freep) RtnlLabel *rows = NULL;
        AddressLabel *labels;
        size_t n;
        int r;

        r = source_ask_labels(s, &rows, &n);
        if (r < 0)
                return r == -ENOMEM ? r : -EIO;
        labels = calloc(n + 1, sizeof(AddressLabel));
        if (!labels)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                labels[i] = (AddressLabel){
                        .prefix = rows[i].prefix,
                        .prefix_length = rows[i].prefix_length,
                        .label = rows[i].label,
                        .ifindex = rows[i].ifindex,
                };
        *ret = labels;
        *ret_n = n;
        return 0;
}

int source_select_model(Source *s, const TableView *v, const IpAddress *destination,
                        int32_t ifindex, SourceAnswer *ret) {
        SourceQuestion question = { .destination = *destination, .explain = true };
        TableView view = *v;
        SourceFacts facts = {
                .mobility = kernel_has_mobility(),
                .setting = source_link_setting,
                .userdata = &view,
        };
        _cleanup_(freep) AddressLabel *labels = NULL;
        RtnlFib fib, match;
        int r;

        if (ip_is_unspecified(destination))
                return -EBADMSG;
        r = bind_destination(v, destination, &ifindex);
        if (r < 0)
                return r;
        r = ask_route(s, destination, ifindex, false, &fib);
        if (r < 0)
                return r;
        question.ifindex = ifindex;
        question.route = route_answer(&fib);

        /* The answer to the first question has the source that the kernel chose, whatever the reason;
         * only the route itself says whether an administrator chose it. There may be none: over a link
         * that is named, IPv4 takes everything for on-link that no route covers. */
        r = ask_route(s, destination, ifindex, true, &match);
        if (r < 0 && r != -ENETUNREACH)
                return r;
        if (r >= 0) {
                question.route.preferred_source = match.source;
                question.route.scope = match.scope;
                /* IPv4 chooses the source for the gateway, and then sends a broadcast or multicast
                 * without it. */
                if (match.ifindex == fib.ifindex)
                        question.route.gateway = match.gateway;
                /* IPv6 goes to its own addresses over lo, but chooses the source for the link that
                 * has the address, of several the one whose route comes first. */
                else if (destination->family == AF_INET6 && match.ifindex > 0 &&
                         (fib.type == RTN_LOCAL || fib.type == RTN_ANYCAST))
                        question.route.ifindex = match.ifindex;
        }

        r = ask_labels(s, &labels, &facts.n_labels);
        if (r < 0)
                return r;
        facts.labels = labels;
        return lookup_source(v, &question, &facts, ret);
}

/* Settings ------------------------------------------------------------------------------------- */

static int read_setting(const char *family, const char *link, const char *name) {
        _cleanup_(closep) int fd = -1;
        char path[256], text[16];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        n = read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return 0;
        text[n] = 0;
        return atoi(text);
}

/* Settings where the kernel takes either the one of the link or the one of all links. */
static int read_either(const char *family, const char *link, const char *name) {
        int all = read_setting(family, "all", name);

        return all != 0 ? all : read_setting(family, link, name);
}

int source_link_setting(void *userdata, int32_t ifindex, LinkSetting which) {
        const TableView *v = userdata;
        LinkRecord link;

        if (!table_get_link(v, ifindex, &link))
                return 0;

        switch (which) {
        case LINK_SETTING_USE_TEMPADDR:
                return read_setting("ipv6", link.name, "use_tempaddr");
        case LINK_SETTING_USE_OIF_ADDRS_ONLY:
                return read_setting("ipv6", link.name, "use_oif_addrs_only");
        case LINK_SETTING_USE_OPTIMISTIC:
                /* The second one does nothing without the first. */
                if (read_either("ipv6", link.name, "optimistic_dad") == 0)
                        return 0;
                return read_either("ipv6", link.name, "use_optimistic");
        case LINK_SETTING_ROUTE_LOCALNET:
                return read_either("ipv4", link.name, "route_localnet");
        case _LINK_SETTING_MAX:
                break;
        }
        return 0;
}
