/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Any bytes as a datagram of rtnetlink messages: none may make the parser read beyond them, loop, or
 * hand out a value that the rest of the library takes for impossible.
 */

#include <stdlib.h>
#include <string.h>

#include "../unit/guard.h"
#include "fuzz.h"
#include "rtnl.h"

static void check(bool ok) {
        if (!ok)
                abort();
}

static void check_link(const RtnlMessage *m) {
        LinkTexts *texts = NULL;
        TextSpan name;
        size_t pos = 0, n = 0;

        check(m->record.link.ifindex >= 1);
        check(m->partial || m->record.link.name[0]);
        check(memchr(m->record.link.name, '\0', sizeof(m->record.link.name)));
        if (rtnl_link_texts(m, &texts) < 0)
                return;
        while (link_texts_next(texts, &pos, &name)) {
                check(name.len >= 1 && name.len <= LINK_ALTNAME_MAX);
                n++;
        }
        check(n <= LINK_ALTNAMES_MAX);
        (void) link_texts_free(texts);
}

static void check_value(const RtnlMessage *m) {
        switch (m->object) {
        case RTNL_LINK:
                check_link(m);
                return;
        case RTNL_ADDRESS:
                check(m->record.address.ifindex >= 1 && ip_is_set(&m->record.address.address));
                return;
        case RTNL_GROUP:
                check(m->record.group.ifindex >= 1 && ip_is_set(&m->record.group.group));
                return;
        case RTNL_LOCAL:
                check(ip_is_set(&m->record.local.address) && m->record.local.ifindex >= 1);
                check(m->n_routes >= 1 && m->n_routes <= RTNL_NEXTHOPS_MAX);
                return;
        case RTNL_ROUTE:
                check(m->n_routes >= 1 && m->n_routes <= RTNL_NEXTHOPS_MAX);
                for (size_t i = 0; i < m->n_routes; i++)
                        check(m->routes[i].ifindex >= 0 && m->routes[i].table != 255);
                return;
        case RTNL_NEXTHOP:
                return;
        case RTNL_PROXY:
                check(ip_is_set(&m->proxy.address));
                return;
        case RTNL_LABEL:
                check(m->label.prefix_length <= 128);
                return;
        case RTNL_FIB:
        case _RTNL_OBJECT_MAX:
                break;
        }
        abort();
}

static void parse(const struct nlmsghdr *message, size_t len) {
        static RtnlMessage parsed;
        uint64_t statistics[RTNL_STATISTICS_MAX];
        RtnlFib fib;

        if (rtnl_parse(message, len, 1, &parsed) == 0)
                check_value(&parsed);
        (void) rtnl_parse_statistics(message, len, statistics);
        (void) rtnl_parse_fib(message, len, &fib);
        check(rtnl_parse_result(message, len) <= 0);
}

/* The length of the first message, padded, or of all there is. */
static size_t first_length(const uint8_t *data, size_t size) {
        struct nlmsghdr header;

        if (size < sizeof(header))
                return size;
        memcpy(&header, data, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len >= size)
                return size;
        return NLMSG_ALIGN(header.nlmsg_len) < size ? NLMSG_ALIGN(header.nlmsg_len) : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size > GUARD_SIZE_MAX)
                return 0;

        /* Each message in a block that ends where the input does, as aligned as a receive buffer is:
         * once where the sanitizer sees a read beyond the end, once where the kernel does. */
        while (size > 0) {
                size_t step = first_length(data, size);
                struct nlmsghdr *copy = malloc(size);

                check(copy);
                memcpy(copy, data, size);
                parse(copy, size);
                free(copy);
                parse(guard_copy(data, size), size);
                data += step;
                size -= step;
        }
        return 0;
}
