/* SPDX-License-Identifier: MIT */
/*
 * The one pass over a chunk: what it takes on the way, which of several counts, and that stepping
 * into choices and usage refuses just what stepping over them would. Each text lies in memory of
 * exactly its size.
 */
#include "chat/answer_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 1024 };

static uint8_t *text;
static cmx_answer_json_chunk chunk;

static bool read_text(const char *json)
{
    size_t len = strlen(json);
    free(text);
    text = malloc(len + 1);
    assert_non_null(text);
    memcpy(text, json, len);
    return cmx_answer_json_read((cmx_json_span){text, text + len}, &chunk);
}

static int free_text(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

static void assert_span(cmx_json_span span, const char *expected)
{
    assert_non_null(span.at);
    assert_int_equal(cmx_json_span_len(span), strlen(expected));
    assert_memory_equal(span.at, expected, strlen(expected));
}

/* The rest of the delta says the parts named, in order. */
static void assert_parts(cmx_json_span delta, const enum cmx_answer_json_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cmx_json_span value;
        assert_non_null(delta.at);
        assert_int_equal(cmx_answer_json_part_take(&delta, &value), parts[i]);
    }
    assert_null(delta.at);
}

static void test_answer_json_takes_the_only_text_on_the_way(void **state)
{
    (void)state;
    assert_true(
        read_text("{\"id\":\"i\",\"choices\":[{\"index\":3,\"message\":{\"role\":\"assistant\","
                  "\"content\":\"hi\",\"refusal\":null},\"finish_reason\":\"stop\"}]}"));
    assert_true(chunk.has_choice);
    assert_false(chunk.has_usage);
    assert_null(chunk.choices.at);
    assert_int_equal(chunk.choice.index, 3);
    assert_int_equal(chunk.choice.part, CMX_ANSWER_JSON_CONTENT);
    assert_span(chunk.choice.text, "hi");
    assert_span(chunk.choice.finish, "\"stop\"");
    assert_null(chunk.choice.delta.at);
    assert_span(chunk.id, "\"i\"");
}

static void test_answer_json_leaves_what_is_behind_the_first_text(void **state)
{
    (void)state;
    const enum cmx_answer_json_part rest[] = {CMX_ANSWER_JSON_CONTENT, CMX_ANSWER_JSON_NOTHING,
                                              CMX_ANSWER_JSON_TOOLS};
    assert_true(read_text("{\"choices\":[{\"delta\":{\"x\":{},\"reasoning\":\"r\",\"role\":\"a\", "
                          "\"content\" : \"c\",\"y\":1,\"tool_calls\":[{}]}}]}"));
    assert_int_equal(chunk.choice.part, CMX_ANSWER_JSON_REASONING);
    assert_span(chunk.choice.text, "r");
    assert_parts(chunk.choice.delta, rest, CMX_ARRAY_LEN(rest));
}

static void test_answer_json_keeps_the_order_of_an_array_before_a_text(void **state)
{
    (void)state;
    const enum cmx_answer_json_part rest[] = {CMX_ANSWER_JSON_TOOLS, CMX_ANSWER_JSON_CONTENT};
    assert_true(
        read_text("{\"choices\":[{\"delta\":{\"tool_calls\":[{}],\"cont\\u0065nt\":\"c\"}}]}"));
    assert_int_equal(chunk.choice.part, CMX_ANSWER_JSON_NOTHING);
    assert_parts(chunk.choice.delta, rest, CMX_ARRAY_LEN(rest));
}

static void test_answer_json_last_member_of_a_name_counts(void **state)
{
    (void)state;
    assert_true(
        read_text("{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"total_tokens\":1},"
                  "\"choices\":[{\"delta\":{\"content\":\"b\"},\"message\":{}}],"
                  "\"usage\":{\"prompt_tokens\":2}}"));
    assert_span(chunk.choice.text, "b"); /* an empty object takes nothing back */
    cmx_usage usage = {.prompt_tokens = 7, .total_tokens = 7};
    assert_true(cmx_answer_json_usage(&chunk, &usage));
    assert_int_equal(usage.prompt_tokens, 2);
    assert_int_equal(usage.total_tokens, 7);

    assert_true(read_text("{\"choices\":[{\"delta\":{\"content\":\"a\"},\"message\":{\"x\":1}}],"
                          "\"usage\":{\"total_tokens\":1},\"usage\":null}"));
    assert_int_equal(chunk.choice.part, CMX_ANSWER_JSON_NOTHING);
    assert_false(chunk.has_usage);

    assert_true(read_text("{\"choices\":[{\"delta\":{\"content\":\"a\"}},{}],\"choices\":null}"));
    assert_false(chunk.has_choice);
    assert_null(chunk.choices.at);
}

static void test_answer_json_choices_behind_the_first_are_taken_one_by_one(void **state)
{
    (void)state;
    assert_true(read_text("{\"choices\":[7 , {\"index\":1,\"delta\":{\"content\":\"b\"}}, [ ]]}"));
    assert_true(chunk.has_choice);
    assert_int_equal(chunk.choice.part, CMX_ANSWER_JSON_NOTHING);
    cmx_answer_json_choice choice;
    cmx_answer_json_choice_take(&chunk.choices, &choice);
    assert_int_equal(choice.index, 1);
    assert_span(choice.text, "b");
    assert_non_null(chunk.choices.at);
    cmx_answer_json_choice_take(&chunk.choices, &choice);
    assert_int_equal(choice.part, CMX_ANSWER_JSON_NOTHING);
    assert_null(chunk.choices.at);
}

static void test_answer_json_own_usage_comes_before_groqs(void **state)
{
    (void)state;
    cmx_usage usage = {0};
    assert_true(
        read_text("{\"x_groq\":{\"usage\":{\"total_tokens\":5},\"usage\":1},\"usage\":null}"));
    assert_true(chunk.has_usage);
    assert_true(cmx_answer_json_usage(&chunk, &usage));
    assert_int_equal(usage.total_tokens, 5);
    assert_true(
        read_text("{\"x_groq\":{\"usage\":{\"total_tokens\":5}},\"usage\":{\"total_tokens\":6}}"));
    assert_true(cmx_answer_json_usage(&chunk, &usage));
    assert_int_equal(usage.total_tokens, 6);
}

static void test_answer_json_refuses_what_is_wrong_inside_of_what_it_takes(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]",
        "{\"choices\":[{\"delta\":{\"content\":\"a\",}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\" \"b\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}},]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}},{\"b\"}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"\\x\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}}",
        "{\"choices\":[{\"index\":01}]}",
        "{\"choices\":[{\"index\":}]}",
        "{\"choices\":",
        "{\"usage\":{\"total_tokens\":1",
        "{\"usage\":{\"total_tokens\":1.}}",
        "{\"usage\":{\"prompt_tokens_details\":{\"cached_tokens\":1]}}",
        "{\"usage\":{\"prompt_tokens_details\":{\"cached_tokens\":1}}}}",
        "{\"error\":{\"message\":}}",
        "{\"error\":[}",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(wrong); i++) {
        assert_false(read_text(wrong[i]));
    }
}

/* Stepping into an object must not give what is inside more or fewer levels than stepping over. */
static void test_answer_json_levels_are_the_same_wherever_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *behind;
        int levels; /* of its own, below the top */
    } places[] = {
        {"{\"any\":", "}", 0},
        {"{\"error\":", "}", 0},
        {"{\"x_groq\":", "}", 0},
        {"{\"choices\":{\"x\":", "}}", 1},
        {"{\"choices\":[", "]}", 1},
        {"{\"choices\":[1,", "]}", 1},
        {"{\"choices\":[{\"x\":", "}]}", 2},
        {"{\"choices\":[{\"delta\":{\"x\":", "}}]}", 3},
        {"{\"choices\":[{},{\"delta\":{\"x\":", "}}]}", 3},
        {"{\"usage\":{\"x\":", "}}", 1},
        {"{\"usage\":{\"total_tokens\":", "}}", 1},
        {"{\"usage\":{\"prompt_tokens_details\":{\"x\":", "}}}", 2},
        {"{\"x_groq\":{\"usage\":{\"prompt_tokens_details\":{\"x\":", "}}}}", 3},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(places); i++) {
        for (int more = 0; more <= 1; more++) {
            int count = CMX_JSON_SCAN_DEPTH_MAX - places[i].levels + more;
            char open[CMX_JSON_SCAN_DEPTH_MAX + 2] = "";
            char close[CMX_JSON_SCAN_DEPTH_MAX + 2] = "";
            memset(open, '[', (size_t)count);
            memset(close, ']', (size_t)count);
            char json[TEXT_BYTES];
            (void)snprintf(json, sizeof json, "%s%s0%s%s", places[i].before, open, close,
                           places[i].behind);
            assert_int_equal(read_text(json), more == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_json_takes_the_only_text_on_the_way),
        cmocka_unit_test(test_answer_json_leaves_what_is_behind_the_first_text),
        cmocka_unit_test(test_answer_json_keeps_the_order_of_an_array_before_a_text),
        cmocka_unit_test(test_answer_json_last_member_of_a_name_counts),
        cmocka_unit_test(test_answer_json_choices_behind_the_first_are_taken_one_by_one),
        cmocka_unit_test(test_answer_json_own_usage_comes_before_groqs),
        cmocka_unit_test(test_answer_json_refuses_what_is_wrong_inside_of_what_it_takes),
        cmocka_unit_test(test_answer_json_levels_are_the_same_wherever_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, free_text);
}
