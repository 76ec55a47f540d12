/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A link by whatever a person has at hand: its name, an index, or an address that is on it or behind
 * it. Names come first and digits are an index only, so that no text means two things.
 */

#include "lookup-internal.h"
#include "lookup.h"
#include "util.h"

/* An address that is a link's own, or that is reached over one link without a router. */
static int find_by_address(const TableView *v, const char *text, size_t len, LinkRecord *ret) {
        ParsedAddress parsed;
        IpAddress unmapped;
        LinkAnswer answer;
        OnLink on_link;
        int r;

        r = lookup_address_text(v, text, len, false, &parsed);
        /* Only a text with ':' must have been meant as an address. */
        if (r == -EBADMSG && !memchr(text, ':', len))
                return -ENODEV;
        if (r < 0)
                return r;

        unmapped = ip_unmap(&parsed.address);
        r = lookup_link_for_address(v, &parsed.address, parsed.ifindex, &answer);
        if (r == LOOKUP_ASK_KERNEL) {
                /* Who manages the network may keep the kernel from making routes; the address is
                 * reached over that link all the same. */
                on_link = lookup_on_link(v, &unmapped, parsed.ifindex, true, false);
                if (on_link.several)
                        return -ENOTUNIQ;
                answer.ifindex = on_link.ifindex;
        } else if (r < 0)
                return r;

        return table_get_link(v, answer.ifindex, ret) ? 0 : -ENODEV;
}

int lookup_find_link(const TableView *v, const char *text, size_t len, LinkRecord *ret,
                     NameMatch *ret_match) {
        NameMatch match = NAME_MATCH_INDEX;
        int32_t index;
        int r;

        r = lookup_link_name(v, text, len, ret, ret_match);
        if (r != -ENODEV)
                return r;

        r = lookup_parse_index(text, len, &index);
        if (r >= 0) {
                r = lookup_link_index(v, index, ret);
        } else if (r == -ENOENT) {
                match = NAME_MATCH_ADDRESS;
                r = find_by_address(v, text, len, ret);
        }
        if (r < 0)
                return r;

        if (ret_match)
                *ret_match = match;
        return 0;
}
