/* SPDX-License-Identifier: MIT */
/*
 * The validating scanner against RFC 8259: what is valid passes to its last byte, every prefix of
 * it is refused, what is not valid is refused; each text lies at the very end of its memory, so
 * that one byte read too far is seen by the sanitizer.
 */
#include "text/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const valid[] = {
    "{}",
    "[]",
    "\"\"",
    "0",
    "-0",
    "-0.0e-0",
    "123.456E+78",
    "true",
    "false",
    "null",
    " \t\r\n{ \"a\" : [ ] , \"b\" : { } } ",
    "[1,[2,[3,[4,{\"a\":[{}]}]]],5]",
    "{\"a\":{\"b\":{\"c\":[1,2,{\"d\":null}]}},\"e\":\"f\"}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\ud83d\"",
    "\"plain text longer than a word, then an escape \\n and more\"",
    "\"\xc3\xa9\xff\x80 bytes above 0x7f are not judged\"",
    "\"\x7f\"",
    "[\"\",\"a\",\"ab\",\"abc\",\"abcdefg\",\"abcdefgh\",\"abcdefghi\"]",
};

static const char *const invalid[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "{]",
    "[}",
    "[1}",
    "{\"a\":1]",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":{\"b\":}}",
    "{\"a\":,\"b\":1}",
    "{\"a\" 1}",
    "{\"a\":1,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1{\"b\":2}}",
    "{a:1}",
    "{1:1}",
    "{\"a\"::1}",
    "[,]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1[2]]",
    "[[1,]]",
    "[[[]",
    "01",
    "-",
    "-a",
    "+1",
    ".5",
    "5.",
    "1.e5",
    "1e",
    "1e+",
    "0x1",
    "1.2.3",
    "NaN",
    "Infinity",
    "tru",
    "trueX",
    "True",
    "nul",
    "'a'",
    "\"",
    "\"abcdefgh",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\U0041\"",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"abcdefgh\x01ijklmnop\"",
    "\"\x1f\"",
    "\xef\xbb\xbf{}",
    "{} x",
    "{}{}",
    "/* a */{}",
    "[1]//",
};

/* Returns whether the whole text is one value, from memory that ends with the text. */
static bool is_json(const char *text, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    cmx_json_span rest = {exact, exact + len};
    cmx_json_span value;
    bool ok = cmx_json_scan_value(&rest, &value);
    if (ok) {
        assert_true(value.at < value.end);
        assert_ptr_equal(value.end, rest.at);
        cmx_json_scan_space(&rest);
        ok = rest.at == rest.end;
    }
    free(exact);
    return ok;
}

static void test_json_scan_valid_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(valid); i++) {
        if (!is_json(valid[i], strlen(valid[i]))) {
            fail_msg("refused: %s", valid[i]);
        }
    }
}

static void test_json_scan_invalid_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(invalid); i++) {
        if (is_json(invalid[i], strlen(invalid[i]))) {
            fail_msg("accepted: %s", invalid[i]);
        }
        /* Nor inside something that is valid otherwise. */
        char nested[128];
        int len = snprintf(nested, sizeof nested, "{\"k\":[0,%s]}", invalid[i]);
        bool joins = strcmp(invalid[i], "1 2") == 0;
        if (!joins && is_json(nested, (size_t)len)) {
            fail_msg("accepted nested: %s", nested);
        }
    }
}

static void test_json_scan_prefixes_of_containers_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(valid); i++) {
        const char *start = valid[i] + strspn(valid[i], " \t\r\n");
        size_t end = strlen(valid[i]) - (strchr(" ", valid[i][strlen(valid[i]) - 1]) ? 1 : 0);
        if (*start != '{' && *start != '[' && *start != '"') {
            continue;
        }
        for (size_t len = 0; len < end; len++) {
            assert_false(is_json(valid[i], len));
        }
    }
}

static void test_json_scan_depth_is_limited(void **state)
{
    (void)state;
    char text[2 * CMX_JSON_SCAN_DEPTH_MAX + 8];
    for (size_t depth = 1; depth <= CMX_JSON_SCAN_DEPTH_MAX + 2; depth++) {
        memset(text, '[', depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', depth);
        assert_int_equal(is_json(text, 2 * depth + 1), depth <= CMX_JSON_SCAN_DEPTH_MAX);
    }
    /* Nesting costs no memory: a megabyte of brackets is refused, not followed. */
    size_t len = 1u << 20;
    char *many = malloc(len);
    assert_non_null(many);
    memset(many, '[', len);
    assert_false(is_json(many, len));
    free(many);
}

static void test_json_scan_mixed_nesting_is_tracked_per_level(void **state)
{
    (void)state;
    char text[512] = "";
    for (int i = 0; i < 31; i++) {
        strcat(text, "[{\"k\":");
    }
    size_t open = strlen(text);
    strcat(text, "0");
    for (int i = 0; i < 31; i++) {
        strcat(text, "}]");
    }
    assert_true(is_json(text, strlen(text)));
    for (size_t i = open + 1; i < strlen(text); i++) {
        char saved = text[i];
        text[i] = saved == '}' ? ']' : '}';
        assert_false(is_json(text, strlen(text)));
        text[i] = saved;
    }
}

static void test_json_scan_plain_len_finds_each_special_at_each_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool special = byte < 0x20 || byte == '"' || byte == '\\';
        for (size_t at = 0; at < 20; at++) {
            uint8_t text[24];
            memset(text, 'x', sizeof text);
            text[at] = (uint8_t)byte;
            if (at + 1 < sizeof text) {
                text[at + 1] = '"'; /* one behind must not hide one before */
            }
            assert_int_equal(cmx_json_scan_plain_len(text, sizeof text), special ? at : at + 1);
            assert_int_equal(cmx_json_scan_plain_len(text, at + 1), special ? at : at + 1);
        }
    }
}

static void test_json_scan_walks_members_and_elements(void **state)
{
    (void)state;
    uint8_t text[] = " { \"a\" : 1 , \"b\\u0041\":[ 2 , \"x\" ] , \"\" : {} } tail";
    cmx_json_span rest = {text, text + sizeof text - 1};
    cmx_json_member member;
    cmx_json_span value;
    assert_int_equal(cmx_json_scan_enter(&rest, '['), CMX_ERR_MALFORMED);
    assert_int_equal(cmx_json_scan_enter(&rest, '{'), CMX_OK);
    assert_int_equal(cmx_json_scan_member(&rest, &member), CMX_OK);
    assert_int_equal(member.key.len, 1);
    assert_false(member.key.escaped);
    assert_int_equal(cmx_json_span_len(member.value), 1);
    assert_memory_equal(member.value.at, "1", 1);
    assert_int_equal(cmx_json_scan_member(&rest, &member), CMX_OK);
    assert_int_equal(member.key.len, 7);
    assert_true(member.key.escaped);
    cmx_json_span list = member.value;
    assert_int_equal(cmx_json_scan_enter(&list, '['), CMX_OK);
    assert_true(cmx_json_scan_value(&list, &value));
    assert_int_equal(cmx_json_scan_next(&list), CMX_OK);
    assert_true(cmx_json_scan_value(&list, &value));
    assert_int_equal(cmx_json_span_len(value), 3);
    assert_int_equal(cmx_json_scan_next(&list), CMX_AGAIN);
    assert_ptr_equal(list.at, list.end);
    assert_int_equal(cmx_json_scan_member(&rest, &member), CMX_AGAIN);
    assert_int_equal(member.key.len, 0);
    assert_int_equal(cmx_json_scan_enter(&member.value, '{'), CMX_AGAIN);
    assert_memory_equal(rest.at, " tail", 5);
    assert_int_equal(cmx_json_scan_member(&rest, &member), CMX_ERR_MALFORMED);
    assert_int_equal(cmx_json_scan_next(&rest), CMX_ERR_MALFORMED);
}

/* Returns whether a text is one object, taken member by member. */
static bool is_object(const char *text)
{
    uint8_t *exact = malloc(strlen(text) + 1);
    assert_non_null(exact);
    memcpy(exact, text, strlen(text));
    cmx_json_span rest = {exact, exact + strlen(text)};
    int rc = cmx_json_scan_enter(&rest, '{');
    while (rc == CMX_OK) {
        cmx_json_member member;
        rc = cmx_json_scan_member(&rest, &member);
    }
    bool whole = rc == CMX_AGAIN && rest.at == rest.end;
    free(exact);
    return whole;
}

static void test_json_scan_members_are_as_strict_as_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(valid); i++) {
        if (valid[i][0] == '{') {
            assert_true(is_object(valid[i]));
        }
        char member[256];
        (void)snprintf(member, sizeof member, "{\"k\":%s,\"l\\n\" : %s }", valid[i], valid[i]);
        assert_true(is_object(member));
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(invalid); i++) {
        assert_false(is_object(invalid[i]));
        char member[256];
        (void)snprintf(member, sizeof member, "{\"k\":%s}", invalid[i]);
        assert_false(is_object(member));
    }
}

/* Counts members; steps over the arrays of those called "mine" by itself. */
static bool count_member(void *ctx, const cmx_json_key *key, cmx_json_span *value)
{
    unsigned *count = ctx;
    ++*count;
    bool is_mine = key->len == 4 && memcmp(key->data, "mine", 4) == 0;
    return !is_mine || cmx_json_scan_skip(value, 1);
}

/* Walks an object. Returns whether it is valid and nothing is behind it. */
static bool walk(const char *text, unsigned depth_max, unsigned *count)
{
    size_t len = strlen(text);
    uint8_t *exact = malloc(len + 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    cmx_json_span rest = {exact, exact + len};
    *count = 0;
    bool whole = cmx_json_scan_walk(&rest, depth_max, count_member, count) && rest.at == rest.end;
    free(exact);
    return whole;
}

static void test_json_scan_walk_steps_over_what_is_left_to_it(void **state)
{
    (void)state;
    unsigned count;
    assert_true(walk(" {\"a\":[1,{\"b\":[]}] , \"mine\" : [ 2 ] ,\"c\":\"x\"}", 2, &count));
    assert_int_equal(count, 3);
    assert_true(walk("{}", 0, &count));
    assert_int_equal(count, 0);
    assert_false(walk("{\"a\":[[1]]}", 1, &count));
    assert_true(walk("{\"a\":[[ ]]}", 1, &count)); /* what is empty is no level */
    assert_false(walk("{\"mine\":[[1]],\"b\":1}", 2, &count));
    assert_int_equal(count, 1);
}

static void test_json_scan_walk_is_as_strict_as_values(void **state)
{
    (void)state;
    unsigned count;
    for (size_t i = 0; i < CMX_ARRAY_LEN(valid); i++) {
        char member[256];
        (void)snprintf(member, sizeof member, "{\"k\":%s,\"l\\n\" : %s }", valid[i], valid[i]);
        assert_true(walk(member, CMX_JSON_SCAN_DEPTH_MAX, &count));
        assert_int_equal(count, 2);
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(invalid); i++) {
        assert_false(walk(invalid[i], CMX_JSON_SCAN_DEPTH_MAX, &count));
        char member[256];
        (void)snprintf(member, sizeof member, "{\"k\":%s}", invalid[i]);
        assert_false(walk(member, CMX_JSON_SCAN_DEPTH_MAX, &count));
    }
}

static void test_json_scan_white_space_ends_where_it_ends(void **state)
{
    (void)state;
    uint8_t text[64];
    for (size_t len = 0; len < sizeof text; len++) {
        memset(text, ' ', sizeof text);
        text[0] = '\n';
        for (size_t at = 0; at <= len; at++) {
            uint8_t *exact = malloc(len + 1);
            assert_non_null(exact);
            memcpy(exact, text, len);
            if (at < len) {
                exact[at] = at % 2 == 0 ? '1' : 0xa0;
            }
            cmx_json_span rest = {exact, exact + len};
            cmx_json_scan_space(&rest);
            assert_int_equal(rest.at - exact, at);
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_scan_walk_steps_over_what_is_left_to_it),
        cmocka_unit_test(test_json_scan_walk_is_as_strict_as_values),
        cmocka_unit_test(test_json_scan_white_space_ends_where_it_ends),
        cmocka_unit_test(test_json_scan_valid_passes),
        cmocka_unit_test(test_json_scan_invalid_is_refused),
        cmocka_unit_test(test_json_scan_prefixes_of_containers_are_refused),
        cmocka_unit_test(test_json_scan_depth_is_limited),
        cmocka_unit_test(test_json_scan_mixed_nesting_is_tracked_per_level),
        cmocka_unit_test(test_json_scan_plain_len_finds_each_special_at_each_place),
        cmocka_unit_test(test_json_scan_walks_members_and_elements),
        cmocka_unit_test(test_json_scan_members_are_as_strict_as_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
