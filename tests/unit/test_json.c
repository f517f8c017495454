/* SPDX-License-Identifier: MIT */
/*
 * Look-ups in small objects: types, paths, escaped and repeated names, the limit of tokens, and
 * that what is not JSON is refused although jsmn would take it.
 */
#include "text/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int find(char *text, const char *path, cmx_json_value *value)
{
    const char *const paths[] = {path};
    cmx_json_span object = {(uint8_t *)text, (uint8_t *)text + strlen(text)};
    return cmx_json_find(object, paths, 1, value);
}

static void check(const char *path, enum cmx_json_type type, const char *expected)
{
    char text[] = " {\"s\":\"a\\\"b\",\"n\":-1.5e3,\"t\":true,\"f\":false,\"z\":null,\"o\":{\"i\":"
                  "{\"d\":7},\"l\":[1,{\"d\":8}]},\"l\":[{\"d\":9}],\"d\":10,\"e\\u0073c\":11,"
                  "\"twice\":1,\"twice\":2,\"\":12} ";
    cmx_json_value value;
    assert_int_equal(find(text, path, &value), CMX_OK);
    assert_int_equal(value.type, type);
    if (expected != NULL) {
        assert_int_equal(cmx_json_span_len(value.text), strlen(expected));
        assert_memory_equal(value.text.at, expected, strlen(expected));
    }
}

static void test_json_find_gives_type_and_text(void **state)
{
    (void)state;
    check("s", CMX_JSON_STRING, "a\\\"b");
    check("n", CMX_JSON_NUMBER, "-1.5e3");
    check("t", CMX_JSON_TRUE, "true");
    check("f", CMX_JSON_FALSE, "false");
    check("z", CMX_JSON_NULL, "null");
    check("o", CMX_JSON_OBJECT, "{\"i\":{\"d\":7},\"l\":[1,{\"d\":8}]}");
    check("l", CMX_JSON_ARRAY, "[{\"d\":9}]");
    check("o.i.d", CMX_JSON_NUMBER, "7");
    check("d", CMX_JSON_NUMBER, "10");
    check("esc", CMX_JSON_NUMBER, "11");
    check("twice", CMX_JSON_NUMBER, "2");
    check("", CMX_JSON_NUMBER, "12");
    check("absent", CMX_JSON_ABSENT, NULL);
    check("i", CMX_JSON_ABSENT, NULL);
    check("l.d", CMX_JSON_ABSENT, NULL);
    check("s.d", CMX_JSON_ABSENT, NULL);
    check("o.i.d.x", CMX_JSON_ABSENT, NULL);
}

static void test_json_find_refuses_what_is_no_object(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "[]",         "1",     "\"a\"",      "{\"a\":1",
        "{\"a\" 1}", "{\"a\":1}}", "{a:1}", "{\"a\":1,}", "{\"a\":\"\\x\"}",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        char text[32];
        strcpy(text, texts[i]);
        cmx_json_value value = {.type = CMX_JSON_TRUE};
        assert_int_equal(find(text, "a", &value), CMX_ERR_MALFORMED);
        assert_int_equal(value.type, CMX_JSON_ABSENT);
    }
}

static void test_json_find_limits_tokens(void **state)
{
    (void)state;
    char text[8 * CMX_JSON_TOKENS_MAX] = "{\"l\":[0";
    cmx_json_value value;
    for (int tokens = 4; tokens < CMX_JSON_TOKENS_MAX; tokens++) {
        strcat(text, ",0");
    }
    size_t len = strlen(text);
    strcat(text, "]}");
    assert_int_equal(find(text, "l", &value), CMX_OK);
    assert_int_equal(value.type, CMX_JSON_ARRAY);
    strcpy(text + len, ",0]}");
    assert_int_equal(find(text, "l", &value), CMX_ERR_EVENT_LARGE);
    assert_int_equal(value.type, CMX_JSON_ABSENT);
}

static void test_json_count_takes_numbers_and_strings(void **state)
{
    (void)state;
    char text[] = "{\"a\":12,\"b\":\"13\",\"c\":14.0,\"d\":-1,\"e\":null,\"f\":\"x\",\"g\":1.5}";
    static const char *const paths[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    cmx_json_value values[CMX_ARRAY_LEN(paths)];
    cmx_json_span object = {(uint8_t *)text, (uint8_t *)text + strlen(text)};
    assert_int_equal(cmx_json_find(object, paths, CMX_ARRAY_LEN(paths), values), CMX_OK);
    uint64_t count;
    for (size_t i = 0; i < 3; i++) {
        assert_true(cmx_json_count(&values[i], &count));
        assert_int_equal(count, 12 + i);
    }
    for (size_t i = 3; i < CMX_ARRAY_LEN(paths); i++) {
        assert_false(cmx_json_count(&values[i], &count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_find_gives_type_and_text),
        cmocka_unit_test(test_json_find_refuses_what_is_no_object),
        cmocka_unit_test(test_json_find_limits_tokens),
        cmocka_unit_test(test_json_count_takes_numbers_and_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
