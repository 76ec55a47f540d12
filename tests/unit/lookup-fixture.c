/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Fills a table from a text; see the header. Must not use what it helps to test.
 */

#include <arpa/inet.h>
#include <check.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>

#include "lookup-fixture.h"
#include "util.h"

#define WORDS_MAX 16
#define DEFAULT_FLAGS (IFF_UP | IFF_BROADCAST | IFF_MULTICAST)

typedef struct NamedBit {
        const char *name;
        uint32_t bit;
} NamedBit;

static const NamedBit link_flags[] = {
        { "up", IFF_UP },           { "broadcast", IFF_BROADCAST }, { "loopback", IFF_LOOPBACK },
        { "p2p", IFF_POINTOPOINT }, { "multicast", IFF_MULTICAST },
};

static const NamedBit address_flags[] = {
        { "deprecated", IFA_F_DEPRECATED },
        { "tentative", IFA_F_TENTATIVE },
        { "duplicate", IFA_F_DADFAILED | IFA_F_TENTATIVE },
        { "temporary", IFA_F_TEMPORARY },
        { "secondary", IFA_F_SECONDARY },
        { "home", IFA_F_HOMEADDRESS },
        { "optimistic", IFA_F_OPTIMISTIC },
        { "noprefixroute", IFA_F_NOPREFIXROUTE },
};

static uint32_t named_bit(const NamedBit *bits, size_t n, const char *word) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(bits[i].name, word) == 0)
                        return bits[i].bit;
        ck_abort_msg("unknown word: %s", word);
}

/* "key=value"; NULL when the word has another key. */
static const char *value_of(const char *word, const char *key) {
        size_t n = strlen(key);

        return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

IpAddress fixture_ip(const char *text) {
        IpAddress a = {};

        if (inet_pton(AF_INET, text, a.bytes) == 1)
                a.family = AF_INET;
        else if (inet_pton(AF_INET6, text, a.bytes) == 1)
                a.family = AF_INET6;
        else
                ck_abort_msg("not an address: %s", text);
        return a;
}

static IpAddress prefix_of(const char *word, uint8_t *ret_length) {
        const char *slash = strchr(word, '/');
        char text[64];

        ck_assert_msg(slash != NULL, "no prefix length: %s", word);
        ck_assert_uint_lt((size_t) (slash - word), sizeof(text));
        (void) snprintf(text, sizeof(text), "%.*s", (int) (slash - word), word);
        *ret_length = (uint8_t) atoi(slash + 1);
        return fixture_ip(text);
}

int32_t fixture_ifindex(const TableView *v, const char *name) {
        LinkRecord link;
        TableWalk w;

        w = table_walk_all(v, OBJECT_LINK);
        while (table_next(v, &w, &link))
                if (strncmp(link.name, name, sizeof(link.name)) == 0)
                        return link.ifindex;
        return 0;
}

static int32_t need_link(Table *t, const char *name) {
        TableView v = table_view(t);
        int32_t ifindex = fixture_ifindex(&v, name);

        ck_assert_msg(ifindex > 0, "no link %s", name);
        return ifindex;
}

void fixture_add_link(Table *t, int32_t ifindex, const char *name, size_t len, uint32_t flags) {
        LinkRecord link = {
                .ifindex = ifindex,
                .flags = flags,
                .mtu = 1500,
                .parent_nsid = -1,
                .incarnation = (uint64_t) ifindex,
        };

        ck_assert_uint_le(len, LINK_NAME_MAX);
        memcpy(link.name, name, len);
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &link), 0);
}

void fixture_add_altnames(Table *t, int32_t ifindex, const TextSpan *names, size_t n) {
        LinkTexts *texts;

        ck_assert_int_eq(link_texts_new((TextSpan){}, names, n, &texts), 0);
        ck_assert_int_eq(table_set_texts(t, ifindex, texts), 0);
        link_texts_free(texts);
}

static void add_link(Table *t, char **words, size_t n) {
        uint32_t flags = 0;
        LinkRecord link;
        const char *value;
        TableView v;

        ck_assert_uint_ge(n, 3);
        fixture_add_link(t, atoi(words[2]), words[1], strlen(words[1]), DEFAULT_FLAGS);
        v = table_view(t);
        ck_assert(table_get_link(&v, atoi(words[2]), &link));

        for (size_t i = 3; i < n; i++) {
                if ((value = value_of(words[i], "kind")))
                        (void) snprintf(link.kind, sizeof(link.kind), "%s", value);
                else if ((value = value_of(words[i], "master")))
                        link.master_ifindex = atoi(value);
                else if ((value = value_of(words[i], "type")))
                        link.type = (uint16_t) atoi(value);
                else if (strcmp(words[i], "down") == 0)
                        link.flags &= ~(uint32_t) IFF_UP;
                else
                        flags |= named_bit(link_flags, ELEMENTSOF(link_flags), words[i]);
        }
        if (flags != 0)
                link.flags = flags;
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &link), 0);
}

static uint8_t usability_of(uint32_t flags) {
        if (flags & IFA_F_DADFAILED)
                return USABILITY_DUPLICATE;
        if (flags & IFA_F_TENTATIVE)
                return USABILITY_TENTATIVE;
        return flags & IFA_F_DEPRECATED ? USABILITY_DEPRECATED : USABILITY_USABLE;
}

/* As the model does: the first usable link-local address is a field of the link. */
static void note_link_local(Table *t, const AddressRecord *a) {
        TableView v = table_view(t);
        LinkRecord link;

        if (a->address.family != AF_INET6 || a->address.bytes[0] != 0xfe ||
            (a->address.bytes[1] & 0xc0) != 0x80 || a->usability != USABILITY_USABLE)
                return;
        ck_assert(table_get_link(&v, a->ifindex, &link));
        if (link.ipv6_link_local.family == AF_UNSPEC) {
                link.ipv6_link_local = a->address;
                ck_assert_int_eq(table_set(t, OBJECT_LINK, &link), 0);
        }
}

static void add_address(Table *t, char **words, size_t n) {
        TableView v = table_view(t);
        AddressRecord a = {
                .preferred_usec = USEC_INFINITY,
                .valid_usec = USEC_INFINITY,
                .order = 1 + table_count(&v, OBJECT_ADDRESS),
        };
        const char *value;

        ck_assert_uint_ge(n, 3);
        a.ifindex = need_link(t, words[1]);
        a.address = prefix_of(words[2], &a.prefix_length);
        for (size_t i = 3; i < n; i++) {
                if ((value = value_of(words[i], "peer")))
                        a.peer = fixture_ip(value);
                else if ((value = value_of(words[i], "scope")))
                        a.scope = (uint8_t) atoi(value);
                else if ((value = value_of(words[i], "preferred")))
                        a.preferred_usec = (uint64_t) atoll(value) * USEC_PER_SEC;
                else if ((value = value_of(words[i], "valid")))
                        a.valid_usec = (uint64_t) atoll(value) * USEC_PER_SEC;
                else
                        a.flags |= named_bit(address_flags, ELEMENTSOF(address_flags), words[i]);
        }
        a.usability = usability_of(a.flags);
        ck_assert_int_eq(table_set(t, OBJECT_ADDRESS, &a), 0);
        note_link_local(t, &a);
}

static void add_local(Table *t, char **words, size_t n) {
        LocalRecord l = { .type = RTN_LOCAL };

        ck_assert_uint_ge(n, 3);
        l.ifindex = need_link(t, words[1]);
        l.address = prefix_of(words[2], &l.prefix_length);
        if (n > 3 && strcmp(words[3], "broadcast") == 0)
                l.type = RTN_BROADCAST;
        else if (n > 3 && strcmp(words[3], "anycast") == 0)
                l.type = RTN_ANYCAST;
        else
                ck_assert_uint_eq(n, 3);
        ck_assert_int_eq(table_set(t, OBJECT_LOCAL, &l), 0);
}

static void add_group(Table *t, char **words, size_t n) {
        GroupRecord g = {};

        ck_assert_uint_eq(n, 3);
        g.ifindex = need_link(t, words[1]);
        g.group = fixture_ip(words[2]);
        ck_assert_int_eq(table_set(t, OBJECT_GROUP, &g), 0);
}

static void add_altname(Table *t, char **words, size_t n) {
        TextSpan name;

        ck_assert_uint_eq(n, 3);
        name = (TextSpan){ .text = words[2], .len = strlen(words[2]) };
        fixture_add_altnames(t, need_link(t, words[1]), &name, 1);
}

static void apply_statement(Table *t, char *statement) {
        static const struct {
                const char *word;
                void (*apply)(Table *t, char **words, size_t n);
        } statements[] = {
                { "link", add_link },   { "addr", add_address },    { "local", add_local },
                { "group", add_group }, { "altname", add_altname },
        };
        char *words[WORDS_MAX], *state;
        size_t n = 0;

        for (char *w = strtok_r(statement, " ", &state); w; w = strtok_r(NULL, " ", &state)) {
                ck_assert_uint_lt(n, WORDS_MAX);
                words[n++] = w;
        }
        if (n == 0)
                return;

        for (size_t i = 0; i < ELEMENTSOF(statements); i++)
                if (strcmp(words[0], statements[i].word) == 0) {
                        statements[i].apply(t, words, n);
                        return;
                }
        ck_abort_msg("unknown statement: %s", words[0]);
}

void fixture_apply(Table *t, const char *config) {
        char copy[FIXTURE_TEXT_MAX], *state;

        ck_assert_uint_lt(strlen(config), sizeof(copy));
        (void) snprintf(copy, sizeof(copy), "%s", config);

        table_begin(t);
        for (char *s = strtok_r(copy, ";", &state); s; s = strtok_r(NULL, ";", &state))
                apply_statement(t, s);
        table_end(t, 1);
}

Table *fixture_table(const char *config) {
        Table *t;

        ck_assert_int_eq(table_new(NULL, &t), 0);
        fixture_apply(t, config);
        return t;
}
