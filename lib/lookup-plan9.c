/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes the texts of Plan 9's ipifc "status", "local" and "selftab" files. A text is built whole
 * before anybody sees a part of it.
 */

#include <inttypes.h>
#include <stdio.h>

#include "lookup-internal.h"
#include "lookup-plan9.h"
#include "util.h"

/* A lifetime without an end, in seconds, in 32 bits */
#define PLAN9_FOREVER UINT32_MAX

static void fclosep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

/* Ends a text in the making; it is the caller's, or there is none. */
static int finish_text(FILE **f, char **text, char **ret) {
        bool failed = ferror(*f);

        if (fclose(TAKE_PTR(*f)) != 0 || failed)
                return -ENOMEM;

        *ret = TAKE_PTR(*text);
        return 0;
}

static uint32_t seconds_left(uint64_t deadline_usec, uint64_t now_usec) {
        uint64_t seconds;

        if (deadline_usec == USEC_INFINITY)
                return PLAN9_FOREVER;
        if (deadline_usec <= now_usec)
                return 0;

        seconds = (deadline_usec - now_usec) / USEC_PER_SEC;
        return seconds < PLAN9_FOREVER ? (uint32_t) seconds : PLAN9_FOREVER - 1;
}

static void print_device(FILE *f, const LinkRecord *link, const Plan9Facts *facts) {
        char name[TEXT_ESCAPED_MAX(LINK_NAME_MAX)];

        text_escape(link->name, strnlen(link->name, LINK_NAME_MAX), name, sizeof(name));

        fprintf(f,
                "device %s maxtu %" PRIu32 " sendra %d recvra %" PRIu32 " mflag %" PRIu32
                " oflag %" PRIu32 " maxraint %d minraint %d linkmtu %" PRIu32 " reachtime %" PRIu32
                " rxmitra %" PRIu32 " ttl %" PRIu32 " routerlt %d",
                name, link->mtu, 0, facts->accept_ra, facts->managed, facts->other, 0, 0,
                facts->ra_mtu, facts->reachable_time, facts->retransmit_time, facts->hop_limit, 0);
        fprintf(f,
                " pktin %" PRIu64 " pktout %" PRIu64 " errin %" PRIu64 " errout %" PRIu64
                " speed %d delay %d\n",
                facts->packets_in, facts->packets_out, facts->errors_in, facts->errors_out, 0, 0);
}

/* Plan 9 keeps IPv4 addresses as IPv6 ones, so that the length of a mask counts 96 bits more. */
static unsigned mask_length(const AddressRecord *a) {
        return a->address.family == AF_INET ? a->prefix_length + 96U : a->prefix_length;
}

static void print_address(FILE *f, const AddressRecord *a, uint64_t now_usec) {
        char local[IP_TEXT_MAX], remote[IP_TEXT_MAX], mask[sizeof("/4294967295")];
        IpAddress other;

        other = ip_is_set(&a->peer) ? a->peer : ip_network(&a->address, a->prefix_length);
        (void) snprintf(mask, sizeof(mask), "/%u", mask_length(a));

        fprintf(f, "\t%-40s %-10s %-40s %-12" PRIu32 " %-12" PRIu32 "\n",
                ip_format(&a->address, local), mask, ip_format(&other, remote),
                seconds_left(a->valid_usec, now_usec), seconds_left(a->preferred_usec, now_usec));
}

int lookup_plan9_status(const TableView *v, int32_t ifindex, const Plan9Facts *facts,
                        uint64_t now_usec, char **ret) {
        static const Plan9Facts no_facts = {};
        _cleanup_(freep) AddressRecord *rows = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(fclosep) FILE *f = NULL;
        LinkRecord link;
        size_t n, size;
        int r;

        r = lookup_link_index(v, ifindex, &link);
        if (r < 0)
                return -ENODEV;
        r = lookup_addresses_of(v, ifindex, &rows, &n);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        print_device(f, &link, facts ?: &no_facts);
        for (size_t i = 0; i < n; i++)
                print_address(f, &rows[i], now_usec);
        if (n == 0)
                fputc('\n', f);

        return finish_text(&f, &text, ret);
}

int lookup_plan9_local(const TableView *v, int32_t ifindex, char **ret) {
        _cleanup_(freep) AddressRecord *rows = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(fclosep) FILE *f = NULL;
        char buf[IP_TEXT_MAX];
        LinkRecord link;
        Contribution c;
        size_t n, size;
        int r;

        r = lookup_link_index(v, ifindex, &link);
        if (r < 0)
                return -ENODEV;
        r = lookup_addresses_of(v, ifindex, &rows, &n);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                fprintf(f, "%-40.40s ->", ip_format(&rows[i].address, buf));
                lookup_contribution(&rows[i], &c);
                for (size_t k = c.n; k > 0; k--)
                        fprintf(f, " %-40.40s", ip_format(&c.entries[k - 1].address, buf));
                fputc('\n', f);
        }

        return finish_text(&f, &text, ret);
}

static char type_letter(AddressType type) {
        switch (type) {
        case ADDRESS_TYPE_UNICAST:
                return 'u';
        case ADDRESS_TYPE_BROADCAST:
                return 'b';
        case ADDRESS_TYPE_MULTICAST:
                return 'm';
        /* The derived view has neither. */
        case ADDRESS_TYPE_ANYCAST:
        case ADDRESS_TYPE_NONE:
        case _ADDRESS_TYPE_MAX:
                break;
        }
        return '-';
}

int lookup_plan9_selftab(const TableView *v, char **ret) {
        _cleanup_(freep) LocalEntry *entries = NULL;
        _cleanup_(freep) char *text = NULL;
        _cleanup_(fclosep) FILE *f = NULL;
        char buf[IP_TEXT_MAX], flags[3];
        size_t n, size;
        int r;

        r = lookup_local_derived(v, &entries, &n);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        for (size_t i = 0, next; i < n; i = next) {
                const LocalEntry *e = &entries[i];

                /* Sorted by address, then by type: the first has the type that counts. */
                for (next = i + 1; next < n && ip_equal(&entries[next].address, &e->address);)
                        next++;

                flags[0] = e->address.family == AF_INET ? '4' : '6';
                flags[1] = type_letter(e->type);
                flags[2] = '\0';
                fprintf(f, "%-44.44s %02zu %4.4s\n", ip_format(&e->address, buf), next - i, flags);
        }

        return finish_text(&f, &text, ret);
}
