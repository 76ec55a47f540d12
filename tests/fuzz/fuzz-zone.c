/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Any bytes as the name and the alternative name of a link, and as a text that may mean it. The first
 * byte is the length of the name, then comes the name; the next byte is the length of the alternative
 * name, then that; the rest is the text.
 *
 * Laws: what is accepted as an address prints as one line of text that comes back as the same address
 * on the same link; what is accepted as a zone is found again by the link's own name; nothing that
 * fails touches its result.
 */

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lookup.h"
#include "util.h"

/* Not assert(): it must also hold in a build without assertions. */
#define HOLDS(law)               \
        do {                     \
                if (!(law))      \
                        abort(); \
        } while (0)

/* Of the link that the input names. No other link has this number as its name. */
#define FUZZED_INDEX 9
#define UNTOUCHED (-7)

static void add_link(Table *t, int32_t ifindex, const char *name, size_t len, uint32_t flags) {
        LinkRecord link = { .ifindex = ifindex, .flags = flags, .mtu = 1500, .parent_nsid = -1 };

        memcpy(link.name, name, len);
        HOLDS(table_set(t, OBJECT_LINK, &link) == 0);
}

/* One length byte modulo limit + 1, and that many bytes; as many as there are. */
static TextSpan take(const uint8_t **data, size_t *size, size_t limit) {
        TextSpan span = {};

        if (*size == 0)
                return span;
        span.len = **data % (limit + 1);
        (*data)++;
        (*size)--;
        if (span.len > *size)
                span.len = *size;
        span.text = (const char *) *data;
        *data += span.len;
        *size -= span.len;
        return span;
}

static bool is_one_line(const char *text) {
        for (; *text; text++)
                if ((unsigned char) *text < 0x20 || *text == 0x7f)
                        return false;
        return true;
}

static void check_address(const TableView *v, const char *text, size_t len) {
        ParsedAddress parsed = { .ifindex = UNTOUCHED }, again, needed = { .ifindex = UNTOUCHED };
        char formatted[ADDRESS_TEXT_MAX];
        int r, with_link;

        r = lookup_address_text(v, text, len, false, &parsed);
        with_link = lookup_address_text(v, text, len, true, &needed);
        if (r < 0) {
                HOLDS(with_link == r && parsed.ifindex == UNTOUCHED);
                return;
        }

        HOLDS(with_link == 0 ||
              (with_link == -EDESTADDRREQ && parsed.ifindex == 0 && needed.ifindex == UNTOUCHED));
        HOLDS(is_one_line(parsed.canonical));
        HOLDS(lookup_address_text(v, parsed.canonical, strlen(parsed.canonical), false, &again) ==
              0);
        HOLDS(ip_equal(&again.address, &parsed.address));
        HOLDS(again.ifindex == parsed.ifindex || ip_is_loopback(&parsed.address));
        HOLDS(strcmp(again.canonical, parsed.canonical) == 0);
        HOLDS(lookup_format_address(v, &parsed.address, parsed.ifindex, formatted) == 0);
        HOLDS(strcmp(formatted, parsed.canonical) == 0);
}

static void check_zone(const TableView *v, const char *text, size_t len) {
        LinkRecord link = { .ifindex = UNTOUCHED }, again, found = { .ifindex = UNTOUCHED };
        NameMatch match;
        int r, name;

        name = lookup_link_name(v, text, len, &found, NULL);
        r = lookup_zone(v, text, len, &link, &match);
        if (r != 0) {
                HOLDS(name < 0 && link.ifindex == UNTOUCHED && found.ifindex == UNTOUCHED);
                return;
        }

        HOLDS(match == NAME_MATCH_INDEX ? name < 0 : name == 0 && found.ifindex == link.ifindex);
        HOLDS(lookup_link_name(v, link.name, strnlen(link.name, LINK_NAME_MAX), &again, NULL) == 0);
        HOLDS(again.ifindex == link.ifindex);
        HOLDS(lookup_find_link(v, text, len, &again, NULL) == 0);
        HOLDS(again.ifindex == link.ifindex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        TextSpan name = take(&data, &size, LINK_NAME_MAX);
        TextSpan altname = take(&data, &size, LINK_ALTNAME_MAX);
        LinkTexts *texts;
        LinkRecord link;
        TableView v;
        Table *t;

        HOLDS(table_new(NULL, &t) == 0);
        table_begin(t);
        add_link(t, 1, "lo", 2, IFF_UP | IFF_LOOPBACK);
        add_link(t, 2, "eth0", 4, IFF_UP | IFF_MULTICAST);
        add_link(t, 30, "7", 1, IFF_UP | IFF_MULTICAST);
        v = table_view(t);
        /* The kernel refuses names with '%' and names that exist. */
        if (name.len > 0 && !memchr(name.text, 0, name.len) && !memchr(name.text, '%', name.len) &&
            !table_get_link_by_name(&v, name.text, name.len, &link, NULL)) {
                add_link(t, FUZZED_INDEX, name.text, name.len, IFF_UP | IFF_MULTICAST);
                v = table_view(t);
                if (altname.len > 0 && !memchr(altname.text, 0, altname.len) &&
                    !table_get_link_by_name(&v, altname.text, altname.len, &link, NULL)) {
                        HOLDS(link_texts_new((TextSpan){}, &altname, 1, &texts) == 0);
                        HOLDS(table_set_texts(t, FUZZED_INDEX, texts) == 0);
                        link_texts_free(texts);
                }
        }
        table_end(t, 1);
        v = table_view(t);

        check_address(&v, (const char *) data, size);
        check_zone(&v, (const char *) data, size);

        table_free(t);
        return 0;
}
