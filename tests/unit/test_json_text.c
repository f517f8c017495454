/* SPDX-License-Identifier: MIT */
/*
 * JSON strings: every code point decoded from its escape and from its bytes, every byte escaped and
 * read back, surrogates joined, split and lone, invalid bytes replaced.
 */
#include "text/json_text.h"
#include "text/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#define FFFD CMX_UTF8_REPLACEMENT

/* Decodes a whole string into `out`, appending. Every piece must be valid and not empty. */
static void decode(const char *string, size_t len, uint16_t *surrogate, char *out)
{
    uint8_t text[512];
    assert_true(len <= sizeof text);
    memcpy(text, string, len);
    cmx_json_span rest = {text, text + len};
    cmx_view piece;
    while (cmx_json_text_piece(&rest, surrogate, &piece)) {
        assert_true(piece.len > 0);
        assert_true(cmx_utf8_is_valid(piece.data, piece.len));
        strncat(out, (const char *)piece.data, piece.len);
    }
    assert_ptr_equal(rest.at, rest.end);
}

static void check(const char *string, const char *expected)
{
    char out[512] = "";
    decode(string, strlen(string), NULL, out);
    assert_string_equal(out, expected);

    /* Copied as a line: the same, as far as no space is at stake. */
    uint8_t text[512];
    uint8_t line[512];
    memcpy(text, string, strlen(string));
    size_t len =
        cmx_json_text_line(line, sizeof line, (cmx_json_span){text, text + strlen(string)});
    if (strpbrk(expected, " \b\f\n\r\t") == NULL) {
        assert_int_equal(len, strlen(expected));
        assert_memory_equal(line, expected, len);
    }
}

static void test_json_text_escapes_are_decoded(void **state)
{
    (void)state;
    check("plain", "plain");
    check("\\\"\\\\\\/", "\"\\/");
    check("\\b\\f\\n\\r\\t", "\b\f\n\r\t");
    check("a\\u00e9b\\u20acc", "a\xc3\xa9"
                               "b\xe2\x82\xac"
                               "c");
    check("\\ud83d\\ude00", "\xf0\x9f\x98\x80");
    check("x\\uD83D\\uDE00y", "x\xf0\x9f\x98\x80y");
    check("caf\xc3\xa9 \\u0041 \xf0\x9f\x98\x80", "caf\xc3\xa9 A \xf0\x9f\x98\x80");
}

static void test_json_text_what_is_no_character_is_replaced(void **state)
{
    (void)state;
    check("a\\ud83dz", "a" FFFD "z");
    check("a\\ude00z", "a" FFFD "z");
    check("\\ud83d\\ud83d\\ude00", FFFD "\xf0\x9f\x98\x80");
    check("\\ude00\\ud83d", FFFD FFFD);
    check("\\ud83d\\n", FFFD "\n");
    check("a\xff"
          "b",
          "a" FFFD "b");
    check("\\n\xe2\x82z", "\n" FFFD "z");
    check("\xe2\x82\\u0041", FFFD "A");
    check("\xed\xa0\x80", FFFD FFFD FFFD);
    check("end \xf0\x9f\x98", "end " FFFD);
}

static void test_json_text_surrogates_join_over_strings(void **state)
{
    (void)state;
    char out[512] = "";
    uint16_t waiting = 0;
    decode("a\\ud83d", 7, &waiting, out);
    assert_string_equal(out, "a");
    assert_int_equal(waiting, 0xd83d);
    decode("", 0, &waiting, out);
    assert_int_equal(waiting, 0xd83d);
    decode("\\ude00b\\ud83d", 13, &waiting, out);
    assert_string_equal(out, "a\xf0\x9f\x98\x80"
                             "b");
    decode("c", 1, &waiting, out);
    assert_string_equal(out, "a\xf0\x9f\x98\x80"
                             "b" FFFD "c");
    assert_int_equal(waiting, 0);
    decode("\\ud83d", 6, &waiting, out);
    decode("\\ud83d", 6, &waiting, out);
    decode("\\ude00", 6, &waiting, out);
    assert_string_equal(out, "a\xf0\x9f\x98\x80"
                             "b" FFFD "c" FFFD "\xf0\x9f\x98\x80");
}

static void check_point(uint32_t point)
{
    uint8_t expected[CMX_UTF8_BYTES_MAX];
    size_t expected_len = cmx_utf8_write(expected, point);
    char escape[16];
    if (point < 0x10000) {
        (void)snprintf(escape, sizeof escape, "\\u%04x", point);
    } else {
        (void)snprintf(escape, sizeof escape, "\\u%04X\\u%04X", 0xd7c0 + (point >> 10),
                       0xdc00 + (point & 0x3ff));
    }
    cmx_json_span rest = {(uint8_t *)escape, (uint8_t *)escape + strlen(escape)};
    cmx_view piece;
    assert_true(cmx_json_text_piece(&rest, NULL, &piece));
    assert_int_equal(piece.len, expected_len);
    assert_memory_equal(piece.data, expected, expected_len);
    assert_ptr_equal(rest.at, rest.end);
}

static void test_json_text_every_code_point_is_decoded(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x110000; point++) {
        if (point < 0xd800 || point > 0xdfff) {
            check_point(point);
        }
    }
}

static void test_json_text_every_special_byte_is_escaped_and_read_back(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 128; byte++) {
        uint8_t one = (uint8_t)byte;
        if (cmx_json_scan_plain_len(&one, 1) == 1) {
            continue;
        }
        uint8_t string[2 + CMX_JSON_TEXT_ESCAPE_BYTES_MAX] = "\"";
        size_t len = cmx_json_text_escape(string + 1, one);
        string[1 + len] = '"';
        cmx_json_span rest = {string, string + len + 2};
        cmx_json_span value;
        assert_true(cmx_json_scan_value(&rest, &value));
        assert_ptr_equal(rest.at, rest.end);
        cmx_json_span inside = {value.at + 1, value.end - 1};
        cmx_view piece;
        assert_true(cmx_json_text_piece(&inside, NULL, &piece));
        assert_int_equal(piece.len, 1);
        assert_int_equal(piece.data[0], byte);
    }
}

static bool key_is(const char *key, const char *text)
{
    cmx_json_key name = {(const uint8_t *)key, strlen(key), strchr(key, '\\') != NULL};
    return cmx_json_text_is(&name, (cmx_view){(const uint8_t *)text, strlen(text)});
}

static void test_json_text_names_are_compared_by_meaning(void **state)
{
    (void)state;
    assert_true(key_is("delta", "delta"));
    assert_true(key_is("\\u0064elta", "delta"));
    assert_true(key_is("delt\\u0061", "delta"));
    assert_true(key_is("a\\/b", "a/b"));
    assert_false(key_is("delta", "delt"));
    assert_false(key_is("delt", "delta"));
    assert_false(key_is("delt\\u0061s", "delta"));
    assert_false(key_is("delt\\u0161", "delta"));
    assert_false(key_is("delt\\n", "delta"));
    assert_true(key_is("", ""));
}

static void test_json_text_replacement_is_told_from_what_was_sent(void **state)
{
    (void)state;
    uint8_t sent[] = FFFD;
    uint8_t made[] = "\xff";
    cmx_view piece;
    cmx_json_span rest = {sent, sent + 3};
    assert_true(cmx_json_text_piece(&rest, NULL, &piece));
    assert_ptr_equal(piece.data, sent);
    rest = (cmx_json_span){made, made + 1};
    assert_true(cmx_json_text_piece(&rest, NULL, &piece));
    assert_ptr_equal(piece.data, cmx_json_text_replacement);
    assert_int_equal(piece.len, sizeof cmx_json_text_replacement);
}

static void test_json_text_raw_pieces_keep_their_escapes(void **state)
{
    (void)state;
    uint8_t raw[] = "{\"a\":\"\\u00e9\xc3\xa9\xe2\x82\xff\"}";
    cmx_json_span rest = {raw, raw + sizeof raw - 1};
    char out[64] = "";
    cmx_view piece;
    while (cmx_json_text_piece_raw(&rest, &piece)) {
        assert_true(piece.len > 0);
        strncat(out, (const char *)piece.data, piece.len);
    }
    assert_string_equal(out, "{\"a\":\"\\u00e9\xc3\xa9" FFFD FFFD "\"}");
    assert_ptr_equal(rest.at, rest.end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_text_escapes_are_decoded),
        cmocka_unit_test(test_json_text_what_is_no_character_is_replaced),
        cmocka_unit_test(test_json_text_surrogates_join_over_strings),
        cmocka_unit_test(test_json_text_every_code_point_is_decoded),
        cmocka_unit_test(test_json_text_every_special_byte_is_escaped_and_read_back),
        cmocka_unit_test(test_json_text_names_are_compared_by_meaning),
        cmocka_unit_test(test_json_text_replacement_is_told_from_what_was_sent),
        cmocka_unit_test(test_json_text_raw_pieces_keep_their_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
