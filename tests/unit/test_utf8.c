/* SPDX-License-Identifier: MIT */
/*
 * UTF-8: every boundary of RFC 3629, checked whole and byte by byte, and every code point written
 * and read back.
 */
#include "text/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct sample {
    const char *bytes;
    size_t valid_len; /* whole valid characters at the front */
    size_t bad_len;   /* what one U+FFFD replaces behind them; 0 = nothing is wrong */
};

static const struct sample samples[] = {
    {"", 0, 0},
    {"plain text, long enough for a word", 34, 0},
    {"\x7f", 1, 0},
    {"\xc2\x80\xdf\xbf", 4, 0},
    {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12, 0},
    {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, 0},
    {"\x80", 0, 1},             /* continuation alone */
    {"\xc0\xaf", 0, 1},         /* overlong, two bytes */
    {"\xc1\xbf", 0, 1},         /* overlong, two bytes */
    {"\xe0\x9f\xbf", 0, 1},     /* overlong, three bytes */
    {"\xf0\x8f\xbf\xbf", 0, 1}, /* overlong, four bytes */
    {"\xed\xa0\x80", 0, 1},     /* high surrogate */
    {"\xed\xbf\xbf", 0, 1},     /* low surrogate */
    {"\xf4\x90\x80\x80", 0, 1}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", 0, 1}, /* never a first byte */
    {"\xff", 0, 1},
    {"12345678\xe2\x82", 8, 2}, /* cut after two of three */
    {"\xf0\x9f\x98", 0, 3},     /* cut after three of four */
    {"\xf0\x9f", 0, 2},
    {"a\xc3", 1, 1},
    {"\xe2\x82"
     "a",
     0, 2}, /* cut by the next character */
    {"\xf0\x9f\x98"
     "abcdefgh",
     0, 3},
};

static void test_utf8_samples_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(samples); i++) {
        const uint8_t *data = (const uint8_t *)samples[i].bytes;
        size_t len = strlen(samples[i].bytes);
        size_t valid = cmx_utf8_valid_len(data, len);
        assert_int_equal(valid, samples[i].valid_len);
        assert_int_equal(cmx_utf8_is_valid(data, len), samples[i].bad_len == 0);
        if (samples[i].bad_len > 0) {
            assert_int_equal(cmx_utf8_bad_len(data + valid, len - valid), samples[i].bad_len);
        } else {
            assert_int_equal(valid, len);
        }
    }
}

static void test_utf8_feed_gives_the_same_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(samples); i++) {
        const uint8_t *data = (const uint8_t *)samples[i].bytes;
        size_t len = strlen(samples[i].bytes);
        cmx_utf8 whole = {0};
        size_t expected = cmx_utf8_feed(&whole, data, len);
        for (size_t split = 0; split <= len; split++) {
            cmx_utf8 parts = {0};
            size_t got = cmx_utf8_feed(&parts, data, split);
            if (got == split) {
                got += cmx_utf8_feed(&parts, data + split, len - split);
            }
            assert_int_equal(got, expected);
            assert_int_equal(parts.missing, whole.missing);
        }
    }
}

static void test_utf8_every_code_point_is_written_and_valid(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x110000; point++) {
        if (point >= 0xd800 && point < 0xe000) {
            continue;
        }
        uint8_t bytes[CMX_UTF8_BYTES_MAX];
        size_t len = cmx_utf8_write(bytes, point);
        size_t expected = point < 0x80 ? 1u : point < 0x800 ? 2u : point < 0x10000 ? 3u : 4u;
        assert_int_equal(len, expected);
        assert_true(cmx_utf8_is_valid(bytes, len));
    }
}

static void check_line(const char *text, size_t capacity, const char *expected)
{
    uint8_t out[64];
    memset(out, '#', sizeof out);
    cmx_view view = {(const uint8_t *)text, strlen(text)};
    size_t len = cmx_utf8_copy_line(out, capacity, view);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
    assert_int_equal(out[capacity], '#');
}

static void test_utf8_copy_line_is_safe_to_show(void **state)
{
    (void)state;
    check_line("", 10, "");
    check_line(" \r\n two \t\x1b[31m words\x7f\n", 40, "two [31m words");
    check_line("c1 \xc2\x9b"
               "31m",
               40, "c1 31m");
    check_line("bad \xff\xe2\x82"
               "x",
               40, "bad \xef\xbf\xbd\xef\xbf\xbdx");
    check_line("cut here \xf0\x9f\x98\x80", 12, "cut here");
    check_line("cut here \xf0\x9f\x98\x80", 13, "cut here \xf0\x9f\x98\x80");
    check_line("ab", 1, "a");
    check_line("ab", 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_samples_are_judged),
        cmocka_unit_test(test_utf8_feed_gives_the_same_at_every_split),
        cmocka_unit_test(test_utf8_every_code_point_is_written_and_valid),
        cmocka_unit_test(test_utf8_copy_line_is_safe_to_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
