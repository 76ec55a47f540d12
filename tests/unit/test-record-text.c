/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Texts from the kernel: what is held beside a link, and that escaping makes any bytes fit to show
 * without losing one.
 */

#include <check.h>
#include <iconv.h>

#include "record-fixture.h"
#include "record.h"
#include "unit.h"
#include "util.h"

START_TEST(test_link_texts) {
        _cleanup_(freep) LinkTexts *t = NULL, *same = NULL;
        char longest[LINK_ALTNAME_MAX + 1];
        TextSpan names[] = { { "", 0 }, { "a", 1 }, { longest, LINK_ALTNAME_MAX }, { "", 0 } };
        TextSpan span;
        size_t pos = 0;

        memset(longest, 'n', sizeof(longest));
        ck_assert_int_eq(link_texts_new((TextSpan){ "alias", 5 }, names, 4, &t), 0);
        ck_assert_uint_eq(link_texts_alias(t).len, 5);
        ck_assert_mem_eq(link_texts_alias(t).text, "alias", 5);
        ck_assert(link_texts_next(t, &pos, &span));
        ck_assert_uint_eq(span.len, 1);
        ck_assert(span.text[0] == 'a');
        ck_assert(link_texts_next(t, &pos, &span));
        ck_assert_uint_eq(span.len, LINK_ALTNAME_MAX);
        ck_assert_mem_eq(span.text, longest, LINK_ALTNAME_MAX);
        ck_assert(!link_texts_next(t, &pos, &span));
        ck_assert(!link_texts_next(t, &pos, &span));

        ck_assert_int_eq(link_texts_new((TextSpan){ "alias", 5 }, names + 1, 2, &same), 0);
        ck_assert(link_texts_equal(t, same));
        same->data[6] ^= 1;
        ck_assert(!link_texts_equal(t, same));
        ck_assert(!link_texts_equal(t, NULL));
        ck_assert(!link_texts_equal(NULL, t));
        ck_assert(link_texts_equal(NULL, NULL));

        pos = 0;
        ck_assert(!link_texts_next(NULL, &pos, &span));
        ck_assert_uint_eq(link_texts_alias(NULL).len, 0);
        ck_assert_ptr_null(link_texts_free(NULL));
}
END_TEST

START_TEST(test_link_texts_limits) {
        _cleanup_(freep) char *bytes = calloc(1, LINK_ALIAS_MAX + 1);
        TextSpan names[LINK_ALTNAMES_MAX + 2];
        LinkTexts untouched, *t = &untouched;
        TextSpan none = { "", 0 };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                names[i] = (TextSpan){ "abc", 3 };

        ck_assert_int_eq(link_texts_new((TextSpan){ bytes, LINK_ALIAS_MAX + 1 }, NULL, 0, &t),
                         -E2BIG);
        ck_assert_int_eq(link_texts_new(none, names, LINK_ALTNAMES_MAX + 1, &t), -E2BIG);
        names[0] = (TextSpan){ bytes, LINK_ALTNAME_MAX + 1 };
        ck_assert_int_eq(link_texts_new(none, names, 1, &t), -E2BIG);
        ck_assert_ptr_eq(t, &untouched);

        /* Empty names do not count. */
        names[0] = none;
        ck_assert_int_eq(link_texts_new(none, names, LINK_ALTNAMES_MAX + 1, &t), 0);
        ck_assert_uint_eq(t->n_altnames, LINK_ALTNAMES_MAX);
        t = link_texts_free(t);

        ck_assert_int_eq(link_texts_new((TextSpan){ bytes, LINK_ALIAS_MAX }, NULL, 0, &t), 0);
        t = link_texts_free(t);

        t = &untouched;
        ck_assert_int_eq(link_texts_new(none, &none, 1, &t), 0);
        ck_assert_ptr_null(t);
}
END_TEST

/* Damaged texts, as a reader of a shared table may copy them: never read past their size. */
START_TEST(test_link_texts_damaged) {
        _cleanup_(freep) LinkTexts *t = make_texts();
        TextSpan span;
        size_t pos = 0;

        t->alias_len = UINT16_MAX;
        ck_assert_uint_eq(link_texts_alias(t).len, 0);
        ck_assert(!link_texts_next(t, &pos, &span));
        t->alias_len = 0;
        t->data[0] = 255;
        ck_assert(!link_texts_next(t, &pos, &span));
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

static const struct {
        const char *text;
        size_t len;
        const char *escaped; /* NULL: stays as it is */
} escapes[] = {
        { BYTES(""), NULL },
        { BYTES("eth0.100"), NULL },
        { BYTES("a\"b"), NULL },
        { BYTES("a'b"), NULL },
        { BYTES("a b$*;[x]@#,<&>%"), NULL },
        { BYTES("abcdefghijklmno"), NULL },
        { BYTES("\xc3\xa9"), NULL }, /* é */
        { BYTES("\xe2\x82\xac\xf0\x9f\x98\x80\xf3\xb0\x80\x81"), NULL }, /* planes 0, 1, 15 */
        { BYTES("\xc2\xa0"), NULL }, /* no-break space */
        { BYTES("\xed\x9f\xbf\xee\x80\x80"), NULL }, /* beside surrogates */
        { BYTES("\xe2\x80\xa7\xe2\x80\xaf"), NULL }, /* beside separators */
        { BYTES("\xf4\x8f\xbf\xbd"), NULL }, /* U+10FFFD */
        { BYTES("a\\b"), "a\\x5cb" },
        { BYTES("\\xff"), "\\x5cxff" },
        { BYTES("a\0b"), "a\\x00b" },
        { BYTES("a\nb"), "a\\x0ab" },
        { BYTES("a\r\tb\x1b[31m"), "a\\x0d\\x09b\\x1b[31m" },
        { BYTES("0x\x01"), "0x\\x01" },
        { BYTES("a\x1f\x7f"), "a\\x1f\\x7f" },
        { BYTES("\xff\xfe"), "\\xff\\xfe" },
        { BYTES("a\x85"
                "b"),
          "a\\x85b" },
        { BYTES("\xfc"), "\\xfc" }, /* ü in Latin-1 */
        { BYTES("\xc2\x80\xc2\x9f"), "\\xc2\\x80\\xc2\\x9f" }, /* C1 */
        { BYTES("\xc0\xaf"), "\\xc0\\xaf" }, /* overlong '/' */
        { BYTES("\xc1\xbf"), "\\xc1\\xbf" },
        { BYTES("\xe0\x9f\xbf"), "\\xe0\\x9f\\xbf" },
        { BYTES("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf" },
        { BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80" }, /* surrogates */
        { BYTES("\xed\xbf\xbf"), "\\xed\\xbf\\xbf" },
        { BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" }, /* over U+10FFFF */
        { BYTES("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80" },
        { BYTES("\xe2\x82"), "\\xe2\\x82" }, /* cut off */
        { BYTES("\xe2\x82"
                "a"),
          "\\xe2\\x82a" },
        { BYTES("\xc3\xc3\xa9"), "\\xc3\xc3\xa9" },
        { BYTES("\xe2\x80\xa8\xe2\x80\xa9"), "\\xe2\\x80\\xa8\\xe2\\x80\\xa9" }, /* separators */
        { BYTES("\xe2\x80\xae"), "\\xe2\\x80\\xae" }, /* bidi override */
        { BYTES("\xe2\x81\xa6\xe2\x81\xa9"), "\\xe2\\x81\\xa6\\xe2\\x81\\xa9" }, /* isolates */
        { BYTES("\xd8\x9c"), "\\xd8\\x9c" }, /* Arabic letter mark */
        { BYTES("\xe2\x80\x8b"), "\\xe2\\x80\\x8b" }, /* zero width space */
        { BYTES("\xef\xbf\xbf"), "\\xef\\xbf\\xbf" }, /* noncharacters */
        { BYTES("\xef\xb7\x90"), "\\xef\\xb7\\x90" },
        { BYTES("\xf4\x8f\xbf\xbe"), "\\xf4\\x8f\\xbf\\xbe" },
};

START_TEST(test_escape) {
        const char *expected = escapes[_i].escaped ? escapes[_i].escaped : escapes[_i].text;
        char buf[128], back[128];
        size_t n;

        n = text_escape(escapes[_i].text, escapes[_i].len, buf, sizeof(buf));
        ck_assert_str_eq(buf, expected);
        ck_assert_uint_eq(n, strlen(expected));
        ck_assert(text_needs_escape(escapes[_i].text, escapes[_i].len) == !!escapes[_i].escaped);

        n = 99;
        ck_assert(text_unescape(buf, strlen(buf), back, sizeof(back), &n) == !!escapes[_i].escaped);
        if (escapes[_i].escaped) {
                ck_assert_uint_eq(n, escapes[_i].len);
                ck_assert_mem_eq(back, escapes[_i].text, n);
        } else
                ck_assert_uint_eq(n, 99);
}
END_TEST

START_TEST(test_escape_cuts_whole) {
        static const char text[] = "a\xc3\xa9\n\xf0\x9f\x98\x80z";
        static const char whole[] = "a\xc3\xa9\\x0a\xf0\x9f\x98\x80z";
        /* where the escaped text may end */
        static const size_t ends[] = { 0, 1, 3, 7, 11, 12 };
        char buf[32];

        memset(buf, '#', sizeof(buf));
        ck_assert_uint_eq(text_escape(text, sizeof(text) - 1, buf, 0), 0);
        ck_assert(buf[0] == '#');

        for (size_t size = 1; size <= sizeof(whole); size++) {
                size_t n, expected = 0;

                for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                        if (ends[i] < size)
                                expected = ends[i];
                memset(buf, '#', sizeof(buf));
                n = text_escape(text, sizeof(text) - 1, buf, size);
                ck_assert_uint_eq(n, expected);
                ck_assert_mem_eq(buf, whole, n);
                ck_assert(buf[n] == '\0');
                ck_assert(buf[size] == '#');
        }
}
END_TEST

START_TEST(test_unescape_refuses) {
        static const char *const bad[] = { "eth0",  "",         "\\",       "\\x",
                                           "\\x0",  "\\xg0",    "\\x0g",    "\\y00",
                                           "\\X41", "a\\x41\\", "\\x41\\n", "\\u0041" };
        char buf[16];
        size_t n = 99;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_msg(!text_unescape(bad[i], strlen(bad[i]), buf, sizeof(buf), &n), "%s",
                              bad[i]);
        ck_assert(!text_unescape("a\\x41b", 6, buf, 2, &n));
        ck_assert_uint_eq(n, 99);
        ck_assert(text_unescape("a\\x41b", 6, buf, 3, &n));
        ck_assert_uint_eq(n, 3);
        ck_assert_mem_eq(buf, "aAb", 3);
        /* What people type: either case. */
        ck_assert(text_unescape("\\xFf", 4, buf, 1, &n));
        ck_assert(buf[0] == '\xff');
}
END_TEST

/* Every text of up to four of the bytes at which UTF-8 decides something: the result is what glibc
 * calls UTF-8 and leads back to the same bytes. */
START_TEST(test_escape_all) {
        static const uint8_t bytes[] = { 0x00, 0x0a, 0x20, 0x41, 0x5c, 0x7f, 0x80, 0x8f,
                                         0x90, 0x9f, 0xa0, 0xa8, 0xbf, 0xc0, 0xc2, 0xdf,
                                         0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xff };
        size_t n_texts = 1;
        iconv_t converter;

        converter = iconv_open("UCS-4LE", "UTF-8");
        ck_assert(converter != (iconv_t) -1);
        for (int i = 0; i < 4; i++)
                n_texts *= ELEMENTSOF(bytes);

        for (size_t i = 0; i < n_texts; i++) {
                char text[4], buf[TEXT_ESCAPED_MAX(4)], back[4];
                char *in = buf, *out;
                uint32_t characters[16];
                size_t in_left, out_left = sizeof(characters), n = 0;

                for (size_t j = 0, rest = i; j < 4; j++, rest /= ELEMENTSOF(bytes))
                        text[j] = (char) bytes[rest % ELEMENTSOF(bytes)];

                in_left = text_escape(text, 4, buf, sizeof(buf));
                /* Not ck_assert(): it talks to its parent each time. */
                if (!text_needs_escape(text, 4)) {
                        if (in_left != 4 || memcmp(buf, text, 4) != 0)
                                ck_abort_msg("changed: %s", buf);
                } else if (!text_unescape(buf, in_left, back, sizeof(back), &n) || n != 4 ||
                           memcmp(back, text, 4) != 0)
                        ck_abort_msg("not the same bytes: %s", buf);

                out = (char *) characters;
                if (iconv(converter, &in, &in_left, &out, &out_left) == (size_t) -1)
                        ck_abort_msg("not UTF-8: %s", buf);
                for (uint32_t *c = characters; (char *) c < out; c++)
                        if (*c < 0x20 || (*c >= 0x7f && *c < 0xa0))
                                ck_abort_msg("control character: %s", buf);
        }
        iconv_close(converter);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("record-text");
        TCase *c = tcase_create("record-text");

        suite_add_tcase(suite, c);
        tcase_add_test(c, test_link_texts);
        tcase_add_test(c, test_link_texts_limits);
        tcase_add_test(c, test_link_texts_damaged);
        tcase_add_loop_test(c, test_escape, 0, ELEMENTSOF(escapes));
        tcase_add_test(c, test_escape_cuts_whole);
        tcase_add_test(c, test_unescape_refuses);
        tcase_add_test(c, test_escape_all);

        return unit_run(suite);
}
