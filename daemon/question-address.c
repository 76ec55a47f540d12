/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions about addresses and this machine: is it mine, which link reaches it, which source address
 * goes there. What the answers are is in lookup.h and lookup-source.h; here is how they are come by.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "question-internal.h"
#include "source-answer.h"
#include "util.h"

int question_lookup_address(Manager *m, const char *text, size_t len, AddressAnswer *ret,
                            Detail *reterr_detail) {
        ParsedAddress a;
        TableView v;
        int r;

        r = question_parse_text(m, text, len, false, &a, &v, reterr_detail);
        if (r < 0)
                return r;
        r = lookup_address(&v, &a.address, a.ifindex, ret);
        if (r < 0)
                return question_fail(reterr_detail, r, text, len);
        return 0;
}

int question_link_for_address(Manager *m, const char *text, size_t len, LinkRecord *ret,
                              LinkReason *ret_reason, Detail *reterr_detail) {
        LinkAnswer answer;
        ParsedAddress a;
        TableView v;
        int r;

        r = question_parse_text(m, text, len, false, &a, &v, reterr_detail);
        if (r < 0)
                return r;
        r = source_link_for_address(manager_source(m), &v, &a.address, a.ifindex, &answer);
        if (r >= 0 && !table_get_link(&v, answer.ifindex, ret))
                r = -ENODEV;
        if (r < 0)
                return question_fail(reterr_detail, r, text, len);
        *ret_reason = answer.reason;
        return 0;
}

int question_select_source(Manager *m, const char *destination, size_t len, const char *mode,
                           SourceAnswer *ret, const char **ret_rule, Detail *reterr_detail) {
        bool model = strcmp(mode, "model") == 0;
        ParsedAddress a;
        TableView v;
        int r;

        if (!model && mode[0] != 0 && strcmp(mode, "kernel") != 0)
                return question_fail_choice(reterr_detail, "A mode is \"kernel\" or \"model\"",
                                            mode);
        r = question_parse_text(m, destination, len, false, &a, &v, reterr_detail);
        if (r < 0)
                return r;
        if (model)
                r = source_select_model(manager_source(m), &v, &a.address, a.ifindex, ret);
        else
                r = source_select_kernel(manager_source(m), &v, &a.address, a.ifindex, ret);
        if (r < 0)
                return question_fail(reterr_detail, r, destination, len);
        *ret_rule = model ? source_rule_to_string(ret->rule) : "kernel";
        return 0;
}

int question_primary_address(Manager *m, int64_t family, AddressRecord *ret,
                             Detail *reterr_detail) {
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
        r = lookup_primary_address(&v, (int) family, ret);
        if (r < 0)
                return question_fail_plain(reterr_detail, r);
        return 0;
}

/* The table knows that a group is joined, not how often. */
static int add_group_users(Source *s, LocalEntry *entries, size_t n) {
        _cleanup_(freep) GroupUsers *users = NULL;
        size_t n_users;
        int r;

        r = source_ask_users(s, &users, &n_users);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                int64_t joins;

                if (entries[i].type != ADDRESS_TYPE_MULTICAST)
                        continue;
                joins = group_users_find(users, n_users, entries[i].ifindex, &entries[i].address);
                if (joins > 0)
                        entries[i].references = (uint32_t) CONST_MIN(joins, (int64_t) UINT32_MAX);
        }
        return 0;
}

int question_local(Manager *m, const char *view, LocalEntry **ret, size_t *ret_n,
                   Detail *reterr_detail) {
        _cleanup_(freep) LocalEntry *entries = NULL;
        bool derived = strcmp(view, "derived") == 0;
        TableView v;
        size_t n;
        int r;

        if (!derived && view[0] != 0 && strcmp(view, "kernel") != 0)
                return question_fail_choice(reterr_detail, "A view is \"kernel\" or \"derived\"",
                                            view);
        r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        if (derived)
                r = lookup_local_derived(&v, &entries, &n);
        else {
                r = lookup_local_kernel(&v, &entries, &n);
                if (r >= 0)
                        r = add_group_users(manager_source(m), entries, n);
        }
        if (r < 0)
                return question_fail_plain(reterr_detail, r);

        *ret = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}

static int compare_proxies(const void *a, const void *b) {
        const RtnlProxy *x = a, *y = b;

        if (x->ifindex != y->ifindex)
                return x->ifindex < y->ifindex ? -1 : 1;
        return ip_compare(&x->address, &y->address);
}

int question_proxies(Manager *m, int64_t index, RtnlProxy **ret, size_t *ret_n,
                     Detail *reterr_detail) {
        _cleanup_(freep) RtnlProxy *proxies = NULL;
        size_t n, kept = 0;
        LinkRecord link;
        TableView v;
        int r;

        if (index != 0)
                r = question_link_by_index(m, index, &link, reterr_detail);
        else
                r = question_begin(m, &v, reterr_detail);
        if (r < 0)
                return r;
        r = source_ask_proxies(manager_source(m), &proxies, &n);
        if (r < 0)
                return question_fail_plain(reterr_detail, r == -ENOMEM ? r : -EIO);

        for (size_t i = 0; i < n; i++)
                if (index == 0 || proxies[i].ifindex == link.ifindex)
                        proxies[kept++] = proxies[i];
        if (kept > 1)
                qsort(proxies, kept, sizeof(RtnlProxy), compare_proxies);
        *ret = TAKE_PTR(proxies);
        *ret_n = kept;
        return 0;
}
