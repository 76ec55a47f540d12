/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions that one lookup answers.
 *
 * The kernel announces no change of the alternative names of a link that is down. With an own reading
 * the kernel can be asked, so a name that the table does not have is asked for before "no such link"
 * is the answer; when it cannot be asked, that is another error. The daemon does the same for those who
 * ask it; who reads its table has ifroster_sync().
 *
 * An own reading that has lost announcements, and has not read everything again, must not say "no such
 * link" at all. Of a name and of an index the kernel can be asked; for everything else the handle waits a
 * little, and then says that it cannot tell.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"
#include "lookup-internal.h"
#include "lookup.h"
#include "table-search.h"

/* Under the mutex, with an own reading: 0 when the kernel knows this name and the table now does. */
static int ask_kernel(ifroster *h, TextSpan name) {
        int32_t ifindex;
        int r;

        /* No name of the kernel's has a NUL; an escaped text may stand for one. */
        if (name.len == 0 || name.len > LINK_ALTNAME_MAX || memchr(name.text, 0, name.len))
                return -ENODEV;
        r = source_ask_link_by_name(h->source, name, &ifindex);
        if (r < 0)
                return r == -ENODEV || r == -ENOMEM ? r : -EIO;
        return client_own_refresh(h);
}

/* The same for an index. When the table is not behind, it would know it. */
static int ask_kernel_for_index(ifroster *h, int32_t ifindex) {
        TableView v;
        LinkRecord link;
        int r;

        if (!source_is_behind(h->source))
                return -ENODEV;
        r = source_ask_link_by_index(h->source, ifindex);
        if (r < 0)
                return r == -ENODEV || r == -ENOMEM ? r : -EIO;
        r = client_own_refresh(h);
        if (r < 0)
                return r;
        v = table_view(h->table);
        return table_get_link(&v, ifindex, &link) ? 0 : client_own_settle(h);
}

/* The same for a text that may be escaped, or an index. 1: the question is to be asked again; 0: there
 * is nobody to ask. */
static int ask_for_name(const ifroster *h, TextSpan name) {
        char raw[LOOKUP_NAME_TEXT_MAX];
        ifroster *own = client_mutable(h);
        int32_t ifindex;
        size_t raw_len;
        int r;

        client_lock(h);
        if (!own->source) {
                client_unlock(h);
                return 0;
        }
        r = ask_kernel(own, name);
        if (r == -ENODEV && text_unescape(name.text, name.len, raw, sizeof(raw), &raw_len))
                r = ask_kernel(own, (TextSpan){ raw, raw_len });
        if (r == -ENODEV && lookup_parse_index(name.text, name.len, &ifindex) >= 0 && ifindex > 0)
                r = ask_kernel_for_index(own, ifindex);
        client_unlock(h);
        return r < 0 ? r : 1;
}

int client_ask_index(const ifroster *h, int ifindex) {
        ifroster *own = client_mutable(h);
        int r = 0;

        client_lock(h);
        if (own->source)
                r = ifindex > 0 ? ask_kernel_for_index(own, ifindex) : client_own_settle(own);
        client_unlock(h);
        return r;
}

int client_expect_link(const ifroster *h, int ifindex) {
        char name[IFROSTER_NAME_SIZE];
        int r;

        r = ifroster_name(h, ifindex, name);
        return r < 0 ? r : 0;
}

bool client_may_miss(const ClientReading *g) {
        return g->origin == CLIENT_OWN ? source_is_behind(g->handle->source)
                                       : g->origin == CLIENT_FROZEN && g->handle->frozen.behind;
}

/* A lookup by text: what it is called with, and what it found. */
typedef struct TextLookup {
        int (*look)(const TableView *v, struct TextLookup *l);
        const char *text;
        size_t len;
        TextSpan name; /* the part of the text that may be the name or index of a link */
        bool other; /* there are other links than those of this name and index that it may mean */
        LinkRecord link;
        NameMatch match;
        ParsedAddress parsed;
} TextLookup;

static int look_up(const ifroster *h, TextLookup *l) {
        ClientReading g;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do
                r = l->look(&g.view, l);
        while (client_read_again(&g, &r));
        return r;
}

/* True for the results that a name which the table does not know would change. */
static bool may_be_unknown_name(int r) {
        return r == -ENODEV || r == -EAGAIN || r == -EILSEQ || r == -ERANGE || r == LOOKUP_NO_ZONE;
}

static int look_up_when_settled(const ifroster *h, TextLookup *l) {
        int r;

        r = client_ask_index(h, 0);
        return r < 0 ? r : look_up(h, l);
}

static int look_up_asking(const ifroster *h, TextLookup *l) {
        int r, q;

        r = look_up(h, l);
        if (!may_be_unknown_name(r))
                return r;
        q = ask_for_name(h, l->name);
        if (q == 0 || (q < 0 && q != -ENODEV))
                return q < 0 ? q : r;
        if (q > 0)
                r = look_up(h, l);
        else if (r == -EAGAIN && !l->other)
                return -ENODEV;
        return r == -EAGAIN ? look_up_when_settled(h, l) : r;
}

/* Names and indexes ------------------------------------------------------------------------ */

static int look_for_name(const TableView *v, TextLookup *l) {
        return table_get_link_by_name(v, l->text, l->len, &l->link, &l->match) ? 0 : -ENODEV;
}

/* Any name that is not the name of a link. */
static int index_of_other_name(const ifroster *h, const char *name) {
        size_t len = strnlen(name, LINK_ALTNAME_MAX + 1);
        TextLookup l = { .look = look_for_name, .text = name, .len = len, .name = { name, len } };
        int r;

        if (len == 0 || len > LINK_ALTNAME_MAX)
                return -EINVAL;
        r = look_up_asking(h, &l);
        return r < 0 ? r : l.link.ifindex;
}

int ifroster_index(const ifroster *h, const char *name) {
        uint64_t words[2];
        ClientReading g;
        int r;

        if (name_words(name, LINK_NAME_MAX + 1, words) > LINK_NAME_MAX)
                return index_of_other_name(h, name);
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do
                r = find_ifindex(&g.view, words);
        while (client_read_again(&g, &r));
        return r != 0 ? r : index_of_other_name(h, name);
}

static int name_of(const ifroster *h, int ifindex, uint64_t ret_words[static 2]) {
        uint64_t incarnation;
        ClientReading g;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do
                r = find_link_name(&g.view, ifindex, ret_words, &incarnation) ? 0 : -ENODEV;
        while (client_read_again(&g, &r));
        return r;
}

int ifroster_name(const ifroster *h, int ifindex, char ret_name[IFROSTER_NAME_SIZE]) {
        uint64_t words[2] = { 0, 0 };
        int r;

        if (ifindex < 1)
                return -ERANGE;
        r = name_of(h, ifindex, words);
        if (r == -EAGAIN) {
                r = client_ask_index(h, ifindex);
                if (r >= 0)
                        r = name_of(h, ifindex, words);
        }
        if (r < 0)
                return r;
        memcpy(ret_name, &words[0], sizeof(words[0]));
        memcpy(ret_name + sizeof(words[0]), &words[1], sizeof(words[1]));
        return r;
}

static int look_for_zone(const TableView *v, TextLookup *l) {
        return lookup_zone(v, l->text, l->len, &l->link, &l->match);
}

static int look_for_link(const TableView *v, TextLookup *l) {
        return lookup_find_link(v, l->text, l->len, &l->link, &l->match);
}

static int return_match(const TextLookup *l, int *ret_matched) {
        if (ret_matched)
                *ret_matched = (int) l->match;
        return l->link.ifindex;
}

int ifroster_zone(const ifroster *h, const char *text, int *ret_matched) {
        size_t len = strnlen(text, IP_INPUT_MAX + LOOKUP_NAME_TEXT_MAX);
        TextLookup l = { .look = look_for_zone, .text = text, .len = len, .name = { text, len } };
        int r;

        r = look_up_asking(h, &l);
        if (r < 0)
                return r;
        return r == LOOKUP_NO_ZONE ? 0 : return_match(&l, ret_matched);
}

int ifroster_find_link(const ifroster *h, const char *text, int *ret_matched) {
        size_t len = strnlen(text, IP_INPUT_MAX + LOOKUP_NAME_TEXT_MAX);
        TextLookup l = { .look = look_for_link,
                         .text = text,
                         .len = len,
                         .name = { text, len },
                         .other = true };
        AddressText split = address_text_split(text, len);
        int r;

        r = look_up_asking(h, &l);
        if (r == -ENODEV && split.has_zone) {
                l.name = (TextSpan){ split.zone, split.zone_len };
                r = look_up_asking(h, &l);
        }
        return r < 0 ? r : return_match(&l, ret_matched);
}

/* Addresses -------------------------------------------------------------------------------- */

static int look_for_address(const TableView *v, TextLookup *l) {
        return lookup_address_text(v, l->text, l->len, /* link_needed= */ false, &l->parsed);
}

int ifroster_parse(const ifroster *h, const char *text, int *ret_family, uint8_t ret_address[16],
                   int *ret_ifindex) {
        size_t len = strnlen(text, IP_INPUT_MAX + LOOKUP_NAME_TEXT_MAX);
        AddressText split = address_text_split(text, len);
        TextLookup l = { .look = look_for_address, .text = text, .len = len };
        int r;

        if (split.has_zone)
                l.name = (TextSpan){ split.zone, split.zone_len };
        r = split.has_zone ? look_up_asking(h, &l) : look_up(h, &l);
        if (r < 0)
                return r;
        *ret_family = l.parsed.address.family;
        memcpy(ret_address, l.parsed.address.bytes, ip_family_size(l.parsed.address.family));
        *ret_ifindex = l.parsed.ifindex;
        return 0;
}

/* -EBADMSG for a family that is none. */
static int take_address(int family, const void *address, IpAddress *ret) {
        if (ip_family_size(family) == 0)
                return -EBADMSG;
        *ret = ip_make(family, address);
        return 0;
}

static int format_zoned(const ifroster *h, const IpAddress *a, int ifindex,
                        char ret_text[static ADDRESS_TEXT_MAX]) {
        ClientReading g;
        int r;

        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do
                r = lookup_format_address(&g.view, a, ifindex, ret_text);
        while (client_read_again(&g, &r));
        return r;
}

int ifroster_format(const ifroster *h, int family, const void *address, int ifindex, char *ret_text,
                    size_t size) {
        char text[ADDRESS_TEXT_MAX];
        IpAddress a;
        size_t len;
        int r;

        r = take_address(family, address, &a);
        if (r < 0)
                return r;
        if (ifindex == 0 || !ip_needs_zone(&a))
                (void) ip_format(&a, text);
        else {
                r = format_zoned(h, &a, ifindex, text);
                if (r == -EAGAIN) {
                        r = client_ask_index(h, ifindex);
                        if (r >= 0)
                                r = format_zoned(h, &a, ifindex, text);
                }
                if (r < 0)
                        return r;
        }
        len = strlen(text);
        if (len >= size)
                return -ENOSPC;
        memcpy(ret_text, text, len + 1);
        return 0;
}

int client_lookup(const ifroster *h, const IpAddress *a, int ifindex, AddressAnswer *ret) {
        bool settled = false;
        ClientReading g;
        int r;

        for (;;) {
                AddressAnswer answer = {};

                r = client_read_begin(h, &g);
                if (r < 0)
                        return r;
                do {
                        address_answer_done(&answer);
                        answer = (AddressAnswer){};
                        r = lookup_address(&g.view, a, ifindex, &answer);
                        if (r >= 0 && answer.n == 0 && client_may_miss(&g))
                                r = -EAGAIN;
                } while (client_read_again(&g, &r));
                if (r >= 0) {
                        *ret = answer;
                        return 0;
                }
                address_answer_done(&answer);
                if (r != -EAGAIN || settled)
                        return r;
                settled = true;
                r = client_ask_index(h, 0);
                if (r < 0)
                        return r;
        }
}

int ifroster_lookup(const ifroster *h, int family, const void *address, int ifindex, int *ret_type,
                    int *ret_links, size_t n_links) {
        static const int types[_ADDRESS_TYPE_MAX] = {
                [ADDRESS_TYPE_UNICAST] = IFROSTER_TYPE_UNICAST,
                [ADDRESS_TYPE_ANYCAST] = IFROSTER_TYPE_ANYCAST,
                [ADDRESS_TYPE_BROADCAST] = IFROSTER_TYPE_BROADCAST,
                [ADDRESS_TYPE_MULTICAST] = IFROSTER_TYPE_MULTICAST,
                [ADDRESS_TYPE_NONE] = IFROSTER_TYPE_NONE,
        };
        _cleanup_(address_answer_done) AddressAnswer answer = {};
        IpAddress a;
        int r;

        if (ifindex < 0)
                return -ERANGE;
        r = take_address(family, address, &a);
        if (r < 0)
                return r;
        r = client_lookup(h, &a, ifindex, &answer);
        if (r < 0)
                return r;
        if (ret_type)
                *ret_type = types[answer.type];
        for (size_t i = 0; i < answer.n && i < n_links; i++)
                ret_links[i] = answer.ifindexes[i];
        return (int) answer.n;
}
