/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Texts that name a link, and addresses with such a text behind them.
 *
 * Names come first and numbers last, as in the C library: a link may be named "7", and an index that
 * shadowed it would send packets elsewhere. A number counts only in its one plain form, because other
 * programs read "010" as 8 and "4294967297" as 1. What is printed always names the link as it is
 * called now and is never something that could not be read back.
 */

#include <net/if.h>
#include <stdio.h>

#include "lookup-internal.h"
#include "lookup.h"
#include "util.h"

int lookup_link_name(const TableView *v, const char *text, size_t len, LinkRecord *ret,
                     NameMatch *ret_match) {
        char raw[LINK_ALTNAME_MAX + 1];
        size_t raw_len;
        bool possible;

        if (len == 0 || len > LOOKUP_NAME_TEXT_MAX || memchr(text, 0, len))
                return -EINVAL;

        possible = len <= LINK_ALTNAME_MAX;
        if (possible && table_get_link_by_name(v, text, len, ret, ret_match))
                return 0;

        if (text_unescape(text, len, raw, sizeof(raw), &raw_len) && raw_len > 0 &&
            raw_len <= LINK_ALTNAME_MAX && !memchr(raw, 0, raw_len)) {
                possible = true;
                if (table_get_link_by_name(v, raw, raw_len, ret, ret_match))
                        return 0;
        }

        return possible ? -ENODEV : -EINVAL;
}

int lookup_link_index(const TableView *v, int64_t index, LinkRecord *ret) {
        if (index < 1 || index > INT32_MAX)
                return -ERANGE;

        return table_get_link(v, (int32_t) index, ret) ? 0 : -ENODEV;
}

/* The number of leading bytes that are decimal digits. No locale has a say. */
static size_t count_digits(const char *text, size_t len) {
        size_t n = 0;

        while (n < len && text[n] >= '0' && text[n] <= '9')
                n++;
        return n;
}

static bool is_hexadecimal(const char *text, size_t len) {
        static const char digits[] = "0123456789abcdefABCDEF";

        if (len < 3 || text[0] != '0' || (text[1] | 0x20) != 'x')
                return false;
        for (size_t i = 2; i < len; i++)
                if (!memchr(digits, text[i], sizeof(digits) - 1))
                        return false;
        return true;
}

static bool has_blank(const char *text, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r'))
                        return true;
        return false;
}

/* Is a number to some program, but not in the plain decimal form. */
static bool is_odd_number(const char *text, size_t len) {
        if (len > 1 && (text[0] == '+' || text[0] == '-'))
                return count_digits(text + 1, len - 1) == len - 1;

        return is_hexadecimal(text, len);
}

int lookup_parse_index(const char *text, size_t len, int32_t *ret) {
        int64_t value = 0;

        if (len == 0 || count_digits(text, len) < len)
                return is_odd_number(text, len) ? -ERANGE : -ENOENT;
        if (text[0] == '0' && len > 1)
                return -ERANGE;

        for (size_t i = 0; i < len; i++) {
                value = value * 10 + (text[i] - '0');
                if (value > INT32_MAX)
                        return -ERANGE;
        }

        *ret = (int32_t) value;
        return 0;
}

int lookup_zone(const TableView *v, const char *text, size_t len, LinkRecord *ret,
                NameMatch *ret_match) {
        int32_t index;
        int r;

        r = lookup_link_name(v, text, len, ret, ret_match);
        if (r >= 0)
                return 0;
        if (r == -EINVAL)
                return -EILSEQ;

        r = lookup_parse_index(text, len, &index);
        if (r == -ENOENT)
                return has_blank(text, len) ? -EILSEQ : -ENODEV;
        if (r < 0)
                return -EILSEQ;
        if (index == 0)
                return LOOKUP_NO_ZONE;

        r = lookup_link_index(v, index, ret);
        if (r < 0)
                return r;

        if (ret_match)
                *ret_match = NAME_MATCH_INDEX;
        return 0;
}

/* How a link is called in text. Not by its name where that could not be read back: a name with '%',
 * which no kernel allows but shared memory may hold, and one that is escaped to what is the name of
 * another link. Then the index stands in for it. */
static void print_zone(const TableView *v, const LinkRecord *link, char *buf, size_t size) {
        size_t len = strnlen(link->name, LINK_NAME_MAX);
        LinkRecord other;

        if (len > 0 && !memchr(link->name, '%', len)) {
                text_escape(link->name, len, buf, size);
                if (!text_needs_escape(link->name, len) ||
                    !table_get_link_by_name(v, buf, strlen(buf), &other, NULL))
                        return;
        }

        (void) snprintf(buf, size, "%d", (int) link->ifindex);
}

/* The text of an address on a link. */
static void print_zoned(const TableView *v, const IpAddress *a, const LinkRecord *link,
                        char buf[static ADDRESS_TEXT_MAX]) {
        size_t n;

        ip_format(a, buf);
        n = strlen(buf);
        buf[n++] = '%';
        print_zone(v, link, buf + n, ADDRESS_TEXT_MAX - n);
}

/* ::1, which is on the loopback link and nowhere else. */
static bool is_ipv6_loopback(const IpAddress *a) {
        return a->family == AF_INET6 && ip_unmap(a).family == AF_INET6 && ip_is_loopback(a);
}

/* Puts an address and its link together, or says why they do not go together. */
static int join_zone(const TableView *v, const IpAddress *a, const LinkRecord *link,
                     char buf[static ADDRESS_TEXT_MAX]) {
        if (ip_needs_zone(a)) {
                print_zoned(v, a, link, buf);
                return 0;
        }

        /* The zone adds nothing to it and is not printed. */
        if (is_ipv6_loopback(a) && (link->flags & IFF_LOOPBACK)) {
                ip_format(a, buf);
                return 0;
        }

        return -EOPNOTSUPP;
}

/* Resolves the zone of a text, which has one. 0: *ret is its link; LOOKUP_NO_ZONE. */
static int resolve_text_zone(const TableView *v, const AddressText *text, const IpAddress *a,
                             LinkRecord *ret) {
        int r;

        r = lookup_zone(v, text->zone, text->zone_len, ret, NULL);
        if (r == LOOKUP_NO_ZONE)
                return r;
        /* Which link it would have been does not matter to an address that takes none. */
        if (!ip_needs_zone(a) && !is_ipv6_loopback(a) && text->zone_len > 0)
                return -EOPNOTSUPP;
        /* "fe80::1%eth0/64" is a prefix, not an address on a link of an odd name. */
        if (r == -ENODEV && memchr(text->zone, '/', text->zone_len))
                return -EBADMSG;

        return r;
}

int lookup_address_text(const TableView *v, const char *text, size_t len, bool link_needed,
                        ParsedAddress *ret) {
        ParsedAddress parsed = {};
        AddressText parts;
        LinkRecord link;
        int r;

        parts = address_text_split(text, len);
        r = ip_parse(parts.address, parts.address_len, &parsed.address);
        if (r < 0)
                return r;

        if (parts.has_zone) {
                r = resolve_text_zone(v, &parts, &parsed.address, &link);
                if (r < 0)
                        return r;
                if (r != LOOKUP_NO_ZONE) {
                        r = join_zone(v, &parsed.address, &link, parsed.canonical);
                        if (r < 0)
                                return r;
                        parsed.ifindex = link.ifindex;
                }
        }

        if (parsed.ifindex == 0) {
                if (link_needed && ip_needs_zone(&parsed.address))
                        return -EDESTADDRREQ;
                ip_format(&parsed.address, parsed.canonical);
        }

        parsed.address_class = ip_classify(&parsed.address);
        parsed.scope = ip_scope(&parsed.address);
        *ret = parsed;
        return 0;
}

int lookup_format_address(const TableView *v, const IpAddress *a, int64_t index,
                          char buf[static ADDRESS_TEXT_MAX]) {
        LinkRecord link;
        int r;

        if (!ip_is_set(a))
                return -EBADMSG;

        if (index == 0) {
                ip_format(a, buf);
                return 0;
        }

        r = lookup_link_index(v, index, &link);
        if (r < 0)
                return r;

        return join_zone(v, a, &link, buf);
}
