/* SPDX-License-Identifier: MIT */
/*
 * Judging JSON with a position: what is accepted, and the exact byte that cannot stand. Both are
 * proved over all short texts of an alphabet that has every role a byte can play: the verdict
 * against json_scan, the position by searching what could follow.
 */
#include "text/json_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

static bool check(const char *text, size_t len, size_t *offset)
{
    /* In memory of exactly that size, so that reading past its end is noticed. */
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    bool valid = cmx_json_check((cmx_view){exact, len}, offset);
    free(exact);
    return valid;
}

static void test_json_check_valid_texts_pass(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"0", 0},
        {"-0.5e+10", 0},
        {" true\n", 1},
        {"\tnull ", 1},
        {"\r\nfalse", 2},
        {"\"\"", 0},
        {"[]", 0},
        {"{}", 0},
        {"[ ]", 0},
        {"{ \"a\" : [1 , {}] }", 0},
        {"[[],[[]],{}]", 0},
        {"\"\\u00fF\"", 0},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 0},
        {"1E5", 0},
        {"\"caf\xc3\xa9\"", 0},
        {"{\"\":{\"\":\"\"}}", 0},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(cases); i++) {
        size_t offset = 99;
        assert_true(check(cases[i].text, strlen(cases[i].text), &offset));
        assert_int_equal(offset, cases[i].offset);
    }
}

static void test_json_check_names_the_first_byte_that_cannot_stand(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"", 0},
        {"  ", 2},
        {"x", 0},
        {"nul]", 3},
        {"truE", 3},
        {"01", 1},
        {"-", 1},
        {"-x", 1},
        {"1.", 2},
        {"1.e5", 2},
        {"1e", 2},
        {"1e+", 3},
        {"+1", 0},
        {".5", 0},
        {"1 2", 2},
        {"[1,]", 3},
        {"[1 2]", 3},
        {"[,1]", 1},
        {"[1", 2},
        {"[", 1},
        {"]", 0},
        {"[}", 1},
        {"{]", 1},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{'a':1}", 1},
        {"{\"a\" 1}", 5},
        {"{\"a\":1", 6},
        {"\"abc", 4},
        {"\"a\nb\"", 2},
        {"\"\\x\"", 2},
        {"\"\\u12g4\"", 5},
        {"\"\\u12", 5},
        {"\"\\u123\"", 6},
        {"\"\\", 2},
        {"{} {}", 3},
        {"[1] x", 4},
        {"NaN", 0},
        {"/**/1", 0},
        {"\xef\xbb\xbf{}", 0},
        {"[1,\xc3\xa9]", 3},
        {"{1:2}", 1},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(cases); i++) {
        size_t offset = 99;
        assert_false(check(cases[i].text, strlen(cases[i].text), &offset));
        assert_int_equal(offset, cases[i].offset);
    }
}

static void test_json_check_a_nul_is_a_byte_like_others(void **state)
{
    (void)state;
    size_t offset;
    assert_false(check("[1\0]", 4, &offset));
    assert_int_equal(offset, 2);
    assert_false(check("\"\0\"", 3, &offset));
    assert_int_equal(offset, 1);
    assert_false(check("\0", 1, &offset));
    assert_int_equal(offset, 0);
}

static void test_json_check_depth_is_limited(void **state)
{
    (void)state;
    char text[2 * CMX_JSON_SCAN_DEPTH_MAX + 4];
    size_t most = CMX_JSON_SCAN_DEPTH_MAX;
    size_t offset;
    memset(text, '[', most);
    memset(text + most, ']', most);
    assert_true(check(text, 2 * most, &offset));
    memset(text, '[', most + 1);
    memset(text + most + 1, ']', most + 1);
    assert_false(check(text, 2 * most + 2, &offset));
    assert_int_equal(offset, most);
}

static bool scan_accepts(const char *text, size_t len)
{
    uint8_t bytes[16];
    memcpy(bytes, text, len);
    cmx_json_span rest = {bytes, bytes + len};
    cmx_json_span value;
    if (!cmx_json_scan_value(&rest, &value)) {
        return false;
    }
    cmx_json_scan_space(&rest);
    return rest.at == rest.end;
}

/* Endings that together complete every prefix of a valid text over the alphabet below. */
static bool can_be_completed(const char *text, size_t len)
{
    static const char *const middles[] = {"",       "0",   "\"",    "\":0", ":0",
                                          "\"\":0", "n\"", "n\":0", "ull"};
    static const char *const ends[] = {"",    "]",   "}",   "]]",   "]}",    "}]",
                                       "}}",  "]]]", "]]}", "]}]",  "]}}",   "}]]",
                                       "}]}", "}}]", "}}}", "]]]]", "]]]]]", "}]]]"};
    char whole[32];
    for (size_t i = 0; i < CMX_ARRAY_LEN(middles); i++) {
        for (size_t k = 0; k < CMX_ARRAY_LEN(ends); k++) {
            memcpy(whole, text, len);
            whole[len] = '\0';
            strcat(whole, middles[i]);
            strcat(whole, ends[k]);
            size_t whole_len = strlen(whole);
            if (whole_len <= 16 && scan_accepts(whole, whole_len)) {
                return true;
            }
        }
    }
    return false;
}

/* Every text of up to five bytes: valid exactly if json_scan says so; else what is before the
 * offset can be completed, and with the byte at the offset it cannot. */
static void test_json_check_every_short_text_agrees_with_the_scanner(void **state)
{
    (void)state;
    static const char alphabet[] = "[]{}\",:0-.e\\n ";
    enum { LETTERS = sizeof alphabet - 1, LEN_MAX = 5 };
    size_t valid_count = 0;
    for (size_t len = 1; len <= LEN_MAX; len++) {
        size_t texts = 1;
        for (size_t i = 0; i < len; i++) {
            texts *= LETTERS;
        }
        for (size_t n = 0; n < texts; n++) {
            char text[LEN_MAX];
            size_t rest = n;
            for (size_t i = 0; i < len; i++) {
                text[i] = alphabet[rest % LETTERS];
                rest /= LETTERS;
            }
            size_t offset;
            bool valid = cmx_json_check((cmx_view){(const uint8_t *)text, len}, &offset);
            assert_int_equal(valid, scan_accepts(text, len));
            assert_true(offset <= len);
            valid_count += valid ? 1 : 0;
            if (!valid && len <= 4) {
                assert_true(can_be_completed(text, offset));
                assert_true(offset == len || !can_be_completed(text, offset + 1));
            }
        }
    }
    assert_true(valid_count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_check_valid_texts_pass),
        cmocka_unit_test(test_json_check_names_the_first_byte_that_cannot_stand),
        cmocka_unit_test(test_json_check_a_nul_is_a_byte_like_others),
        cmocka_unit_test(test_json_check_depth_is_limited),
        cmocka_unit_test(test_json_check_every_short_text_agrees_with_the_scanner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
