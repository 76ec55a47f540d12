/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Texts that come from the kernel as bytes: the alias and the alternative names of a link, held
 * beside its row, and the escaping that makes any bytes fit to show.
 *
 * The kernel takes nearly every byte in a name, and does not look at alternative names at all: line
 * breaks, terminal control sequences and invalid UTF-8 all occur. Escaped text is valid UTF-8, one
 * line, shows every character it holds, and can be turned back into the same bytes.
 */

#include "record.h"
#include "util.h"

/* LinkTexts ------------------------------------------------------------------------------------ */

static int link_texts_measure(TextSpan alias, const TextSpan *altnames, size_t n_altnames,
                              size_t *ret_n, size_t *ret_size) {
        size_t n = 0, size = alias.len;

        if (alias.len > LINK_ALIAS_MAX)
                return -E2BIG;

        for (size_t i = 0; i < n_altnames; i++) {
                if (altnames[i].len == 0)
                        continue;
                if (altnames[i].len > LINK_ALTNAME_MAX || n >= LINK_ALTNAMES_MAX)
                        return -E2BIG;
                n++;
                size += 1 + altnames[i].len;
        }

        *ret_n = n;
        *ret_size = size;
        return 0;
}

int link_texts_new(TextSpan alias, const TextSpan *altnames, size_t n_altnames, LinkTexts **ret) {
        LinkTexts *t;
        size_t n, size;
        uint8_t *p;
        int r;

        r = link_texts_measure(alias, altnames, n_altnames, &n, &size);
        if (r < 0)
                return r;
        if (size == 0) {
                *ret = NULL;
                return 0;
        }

        t = malloc(offsetof(LinkTexts, data) + size);
        if (!t)
                return -ENOMEM;
        t->alias_len = (uint16_t) alias.len;
        t->n_altnames = (uint16_t) n;
        t->size = (uint32_t) size;

        p = t->data;
        if (alias.len > 0)
                p = mempcpy(p, alias.text, alias.len);
        for (size_t i = 0; i < n_altnames; i++) {
                if (altnames[i].len == 0)
                        continue;
                *p++ = (uint8_t) altnames[i].len;
                p = mempcpy(p, altnames[i].text, altnames[i].len);
        }

        *ret = t;
        return 0;
}

LinkTexts *link_texts_free(LinkTexts *t) {
        free(t);
        return NULL;
}

bool link_texts_equal(const LinkTexts *a, const LinkTexts *b) {
        if (!a || !b)
                return a == b;
        return a->alias_len == b->alias_len && a->n_altnames == b->n_altnames &&
               a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

TextSpan link_texts_alias(const LinkTexts *t) {
        if (!t || t->alias_len > t->size)
                return (TextSpan){ "", 0 };
        return (TextSpan){ (const char *) t->data, t->alias_len };
}

bool link_texts_next(const LinkTexts *t, size_t *pos, TextSpan *ret) {
        size_t at, len;

        if (!t)
                return false;

        /* *pos counts from the end of the alias, so that it can start at 0 for everybody. */
        at = t->alias_len + *pos;
        if (at >= t->size)
                return false;
        len = t->data[at];
        if (len > t->size - at - 1)
                return false;

        *pos += 1 + len;
        *ret = (TextSpan){ (const char *) t->data + at + 1, len };
        return true;
}

/* Escaping ------------------------------------------------------------------------------------- */

/* The length of the well-formed UTF-8 character (RFC 3629) at p, 0 when there is none. */
static size_t decode_character(const uint8_t *p, size_t len, uint32_t *ret) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        uint32_t c;
        size_t n;

        if (p[0] < 0x80) {
                *ret = p[0];
                return 1;
        }

        if ((p[0] & 0xe0) == 0xc0)
                n = 2;
        else if ((p[0] & 0xf0) == 0xe0)
                n = 3;
        else if ((p[0] & 0xf8) == 0xf0)
                n = 4;
        else
                return 0;
        if (n > len)
                return 0;

        c = p[0] & (0xffU >> (n + 1));
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;

        *ret = c;
        return n;
}

/* What must not reach a terminal, a line-based reader or the bus as it is. */
static bool is_hidden(uint32_t c) {
        static const struct {
                uint32_t first, last;
        } ranges[] = {
                { 0x0000, 0x001f }, /* C0 controls */
                { '\\', '\\' }, /* starts an escape */
                { 0x007f, 0x009f }, /* DEL and C1 controls */
                { 0x00ad, 0x00ad }, /* soft hyphen: not shown */
                { 0x061c, 0x061c }, /* Arabic letter mark, a bidi control */
                { 0x180e, 0x180e }, /* Mongolian vowel separator: not shown */
                { 0x200b, 0x200f }, /* zero width; bidi marks */
                { 0x2028, 0x202e }, /* line and paragraph separator; bidi embeddings */
                { 0x2060, 0x206f }, /* invisible operators; bidi isolates */
                { 0xfdd0, 0xfdef }, /* noncharacters: sd-bus refuses them in a string */
                { 0xfeff, 0xfeff }, /* byte order mark */
                { 0xfff9, 0xfffb }, /* interlinear annotation */
                { 0xe0000, 0xe0fff }, /* tags and selectors: not shown */
        };

        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        /* The last two of every plane are noncharacters as well. */
        return (c & 0xfffe) == 0xfffe;
}

/* The length of the character at p that may stay as it is, 0 when its first byte must not. */
static size_t plain_character(const uint8_t *p, size_t len) {
        uint32_t c;
        size_t n;

        n = decode_character(p, len, &c);
        return n > 0 && !is_hidden(c) ? n : 0;
}

size_t text_escape(const char *text, size_t len, char *buf, size_t size) {
        static const char digits[] = "0123456789abcdef";
        const uint8_t *p = (const uint8_t *) text;
        size_t out = 0;

        if (size == 0)
                return 0;

        for (size_t i = 0; i < len;) {
                size_t n = plain_character(p + i, len - i);

                if (n > 0) {
                        if (out + n >= size)
                                break;
                        memcpy(buf + out, p + i, n);
                        out += n;
                        i += n;
                        continue;
                }

                if (out + 4 >= size)
                        break;
                buf[out++] = '\\';
                buf[out++] = 'x';
                buf[out++] = digits[p[i] >> 4];
                buf[out++] = digits[p[i] & 0xf];
                i++;
        }

        buf[out] = '\0';
        return out;
}

bool text_needs_escape(const char *text, size_t len) {
        const uint8_t *p = (const uint8_t *) text;

        for (size_t i = 0; i < len;) {
                size_t n = plain_character(p + i, len - i);

                if (n == 0)
                        return true;
                i += n;
        }
        return false;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

bool text_unescape(const char *text, size_t len, char *buf, size_t size, size_t *ret_len) {
        bool found = false;
        size_t out = 0;

        for (size_t i = 0; i < len; i++) {
                char c = text[i];

                if (c == '\\') {
                        int high, low;

                        if (len - i < 4 || text[i + 1] != 'x')
                                return false;
                        high = hex_digit(text[i + 2]);
                        low = hex_digit(text[i + 3]);
                        if (high < 0 || low < 0)
                                return false;
                        c = (char) (high << 4 | low);
                        i += 3;
                        found = true;
                }
                if (out >= size)
                        return false;
                buf[out++] = c;
        }

        if (!found)
                return false;
        *ret_len = out;
        return true;
}
