/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions about links and addresses as texts.
 *
 * The kernel announces no change of the alternative names of a link that is down, and what it did
 * announce may be lost or unread. So a name or index that the table does not have is asked for once
 * more, in the kernel, as long as any link is down or the table is behind; only then is "no such link"
 * an answer. When the kernel cannot be asked, or knows a link that cannot be told of yet, that is another
 * error, because "does not exist" would be a guess.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "question-internal.h"
#include "util.h"

/* Of a client's text, in an error text */
#define QUOTED_MAX 128

int question_fail(Detail *detail, int error, const char *text, size_t len) {
        char quoted[TEXT_ESCAPED_MAX(QUOTED_MAX)];

        (void) text_escape(text, CONST_MIN(len, (size_t) QUOTED_MAX), quoted, sizeof(quoted));
        (void) snprintf(detail->text, sizeof(detail->text), "%.128s: \"%s\"%s", error_text(error),
                        quoted, len > QUOTED_MAX ? "..." : "");
        return error;
}

int question_fail_number(Detail *detail, int error, int64_t number) {
        (void) snprintf(detail->text, sizeof(detail->text), "%s: %" PRIi64, error_text(error),
                        number);
        return error;
}

int question_fail_plain(Detail *detail, int error) {
        (void) snprintf(detail->text, sizeof(detail->text), "%s", error_text(error));
        return error;
}

int question_fail_choice(Detail *detail, const char *choices, const char *text) {
        char quoted[TEXT_ESCAPED_MAX(QUOTED_MAX)];
        size_t len = strlen(text);

        (void) text_escape(text, CONST_MIN(len, (size_t) QUOTED_MAX), quoted, sizeof(quoted));
        (void) snprintf(detail->text, sizeof(detail->text), "%s, not \"%s\"%s", choices, quoted,
                        len > QUOTED_MAX ? "..." : "");
        return -ERROR_INVALID_NAME;
}

int question_begin(Manager *m, TableView *ret, Detail *detail) {
        int r;

        r = manager_refresh(m);
        if (r < 0)
                return question_fail_plain(detail, r);
        if (manager_state(m) == SOURCE_STARTING)
                return question_fail_plain(detail, -ERROR_NOT_READY);
        *ret = manager_view(m);
        return 0;
}

/* Names that the table does not have ------------------------------------------------------- */

/* 0: the kernel knows the name, and the link has been read again. */
static int ask_kernel_for_name(Manager *m, const char *name, size_t len) {
        int32_t ifindex;
        int r;

        if (len == 0 || len > LINK_ALTNAME_MAX || memchr(name, 0, len))
                return -ENODEV;
        r = source_ask_link_by_name(manager_source(m), (TextSpan){ name, len }, &ifindex);
        if (r < 0)
                return r;
        return manager_refresh(m);
}

static int ask_for_index(Manager *m, int32_t ifindex, TableView *v) {
        LinkRecord link;
        int r;

        if (!source_is_behind(manager_source(m)))
                return -ENODEV;
        r = source_ask_link_by_index(manager_source(m), ifindex);
        if (r >= 0)
                r = manager_refresh(m);
        if (r < 0)
                return r == -ENODEV ? -ENODEV : -EIO;

        /* While everything is read again the turn of this link may be yet to come. */
        *v = manager_view(m);
        if (!table_get_link(v, ifindex, &link) && source_is_behind(manager_source(m)))
                return -ERROR_NOT_READY;
        return 0;
}

/* A zone may be an index: decimal, without leading zeros. 0: it is none. */
static int32_t text_index(const char *text, size_t len) {
        int64_t n = 0;

        if (len == 0 || len > 10 || text[0] == '0')
                return 0;
        for (size_t i = 0; i < len; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return 0;
                n = n * 10 + (text[i] - '0');
        }
        return n > INT32_MAX ? 0 : (int32_t) n;
}

int question_ask_for_name(Manager *m, const char *text, size_t len, TableView *v) {
        char raw[LOOKUP_NAME_TEXT_MAX];
        LinkRecord link;
        size_t raw_len;
        int r;

        if (len > LOOKUP_NAME_TEXT_MAX ||
            (source_links_down(manager_source(m)) == 0 && !source_is_behind(manager_source(m))))
                return -ENODEV;

        r = ask_kernel_for_name(m, text, len);
        if (r == -ENODEV && text_unescape(text, len, raw, sizeof(raw), &raw_len))
                r = ask_kernel_for_name(m, raw, raw_len);
        if (r == -ENODEV && text_index(text, len) > 0)
                return ask_for_index(m, text_index(text, len), v);
        if (r < 0)
                return r == -ENODEV ? -ENODEV : -EIO;

        *v = manager_view(m);
        if (lookup_link_name(v, text, len, &link, NULL) < 0 && source_is_behind(manager_source(m)))
                return -ERROR_NOT_READY;
        return 0;
}

int question_ask_for_zone(Manager *m, const char *text, size_t len, TableView *v) {
        AddressText split = address_text_split(text, len);

        if (!split.has_zone)
                return -ENODEV;
        return question_ask_for_name(m, split.zone, split.zone_len, v);
}

int question_index(Manager *m, int64_t index, TableView *v, LinkRecord *ret) {
        int r;

        r = lookup_link_index(v, index, ret);
        if (r != -ENODEV)
                return r;
        r = ask_for_index(m, (int32_t) index, v);
        return r < 0 ? r : lookup_link_index(v, index, ret);
}

/* Links ------------------------------------------------------------------------------------ */

int question_link_by_name(Manager *m, const char *text, size_t len, LinkRecord *ret,
                          NameMatch *ret_match, Detail *reterr_detail) {
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        r = lookup_link_name(&v, text, len, ret, ret_match);
        if (r == -ENODEV) {
                r = question_ask_for_name(m, text, len, &v);
                if (r >= 0)
                        r = lookup_link_name(&v, text, len, ret, ret_match);
        }
        if (r < 0)
                return question_fail(reterr_detail, r, text, len);
        return 0;
}

int question_link_by_index(Manager *m, int64_t index, LinkRecord *ret, Detail *reterr_detail) {
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        r = question_index(m, index, &v, ret);
        if (r < 0)
                return question_fail_number(reterr_detail, r, index);
        return 0;
}

int question_find_link(Manager *m, const char *text, size_t len, LinkRecord *ret,
                       NameMatch *ret_match, Detail *reterr_detail) {
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        r = lookup_find_link(&v, text, len, ret, ret_match);
        if (r == -ENODEV || r == -ERANGE) {
                /* The text may be a new name as a whole, also one that looks like a number or an
                 * address, or end in one. */
                int asked = question_ask_for_name(m, text, len, &v);

                if (asked == -ENODEV)
                        asked = question_ask_for_zone(m, text, len, &v);
                if (asked >= 0)
                        r = lookup_find_link(&v, text, len, ret, ret_match);
                else if (asked != -ENODEV)
                        r = asked;
        }
        if (r < 0)
                return question_fail(reterr_detail, r, text, len);
        return 0;
}

int question_resolve_zone(Manager *m, const char *text, size_t len, LinkRecord *ret,
                          NameMatch *ret_match, Detail *reterr_detail) {
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        r = lookup_zone(&v, text, len, ret, ret_match);
        if (r == -ENODEV || r == -EILSEQ || r == LOOKUP_NO_ZONE) {
                /* "007" may be a new name as well. */
                int asked = question_ask_for_name(m, text, len, &v);

                if (asked >= 0)
                        r = lookup_zone(&v, text, len, ret, ret_match);
                else if (asked != -ENODEV)
                        r = asked;
        }
        if (r == LOOKUP_NO_ZONE)
                r = -EILSEQ;
        if (r < 0)
                return question_fail(reterr_detail, r, text, len);
        return 0;
}

int question_statistics(Manager *m, int64_t index, uint64_t ret_values[static RTNL_STATISTICS_MAX],
                        Detail *reterr_detail) {
        LinkRecord link;
        int r;

        r = question_link_by_index(m, index, &link, reterr_detail);
        if (r < 0)
                return r;
        r = source_ask_statistics(manager_source(m), link.ifindex, ret_values);
        if (r < 0)
                return question_fail_number(reterr_detail, r == -ENODEV ? -ENODEV : -EIO, index);
        return 0;
}

/* Addresses -------------------------------------------------------------------------------- */

int question_parse_text(Manager *m, const char *text, size_t len, bool link_needed,
                        ParsedAddress *ret, TableView *ret_view, Detail *reterr_detail) {
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        r = lookup_address_text(&v, text, len, link_needed, ret);
        if (r == -ENODEV || r == -EILSEQ) {
                int asked = question_ask_for_zone(m, text, len, &v);

                if (asked >= 0)
                        r = lookup_address_text(&v, text, len, link_needed, ret);
                else if (asked != -ENODEV)
                        r = asked;
        }
        if (r < 0)
                return question_fail(reterr_detail, r, text, len);
        *ret_view = v;
        return 0;
}

int question_parse_address(Manager *m, const char *text, size_t len, ParsedAddress *ret,
                           Detail *reterr_detail) {
        TableView v;

        return question_parse_text(m, text, len, false, ret, &v, reterr_detail);
}

int question_format_address(Manager *m, int64_t family, const void *bytes, size_t len,
                            int64_t index, char ret[static ADDRESS_TEXT_MAX],
                            Detail *reterr_detail) {
        IpAddress a;
        TableView v;
        int r;

        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        if (family != AF_INET && family != AF_INET6) {
                (void) snprintf(reterr_detail->text, sizeof(reterr_detail->text),
                                "A family is 2 (IPv4) or 10 (IPv6): %" PRIi64, family);
                return -ERROR_INVALID_ADDRESS;
        }
        if (len != ip_family_size((int) family)) {
                (void) snprintf(reterr_detail->text, sizeof(reterr_detail->text),
                                "An address of family %" PRIi64 " has %zu bytes, not %zu", family,
                                ip_family_size((int) family), len);
                return -ERROR_INVALID_ADDRESS;
        }

        a = ip_make((int) family, bytes);
        r = lookup_format_address(&v, &a, index, ret);
        if (r < 0)
                return question_fail_number(reterr_detail, r, index);
        return 0;
}

int question_sync(Manager *m, SyncWaiter *w, Detail *reterr_detail) {
        int r;

        r = manager_sync(m, w);
        if (r < 0)
                return question_fail_plain(reterr_detail, r);
        return 0;
}
