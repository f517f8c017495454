/* SPDX-License-Identifier: MIT */
/*
 * Everything of a request body beyond plain texts: raw JSON as it is, members that join, tool
 * calls, options of the stream; every code point; texts of a megabyte; what happens when borrowed
 * JSON changes.
 */
#include "body_reader.h"
#include "text/json_text.h"

#define HEAD "{\"model\":\"gpt-4.1\",\"messages\":["
#define HELLO HEAD "{\"role\":\"user\",\"content\":\"Hello\"}]"

static const cmx_message hello = {.role = CMX_ROLE_USER, .text = "Hello"};

static void test_body_json_content_is_written_as_it_is(void **state)
{
    (void)state;
    static const cmx_message messages[] = {
        {.role = CMX_ROLE_USER,
         .content_json = " [{\"type\":\"text\",\"text\":\"caf\xc3\xa9 \\u00e9\"},\n{\"n\":1.50}] "},
        {.role = CMX_ROLE_USER, .content_json = "\"\""},
        {.role = CMX_ROLE_USER, .text = "text wins", .content_json = "broken"},
    };
    cmx_chat chat = body_reader_chat(messages, CMX_ARRAY_LEN(messages));
    body_reader_check(&chat,
                      HEAD "{\"role\":\"user\",\"content\": [{\"type\":\"text\",\"text\":"
                           "\"caf\xc3\xa9 \\u00e9\"},\n{\"n\":1.50}] },"
                           "{\"role\":\"user\",\"content\":\"\"},"
                           "{\"role\":\"user\",\"content\":\"text wins\"}],\"stream\":true}");
}

static void test_body_json_tool_conversation(void **state)
{
    (void)state;
    static const cmx_message messages[] = {
        {.role = CMX_ROLE_ASSISTANT,
         .extra_json = "{\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":"
                       "{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}],\"refusal\":null}"},
        {.role = CMX_ROLE_TOOL, .text = "4\n", .tool_call_id = "call_\"1\""},
        {.role = CMX_ROLE_TOOL, .text = "", .tool_call_id = "", .extra_json = "{}"},
        {.role = CMX_ROLE_TOOL, .extra_json = " { } "},
    };
    cmx_chat chat = body_reader_chat(messages, CMX_ARRAY_LEN(messages));
    chat.tools_json = "[{\"type\":\"function\"}]";
    chat.tool_choice_json = "\"auto\"";
    body_reader_check(
        &chat, HEAD "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\","
                    "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                    "\"{\\\"a\\\":1}\"}}],\"refusal\":null},"
                    "{\"role\":\"tool\",\"content\":\"4\\n\",\"tool_call_id\":\"call_\\\"1\\\"\"},"
                    "{\"role\":\"tool\",\"content\":\"\",\"tool_call_id\":\"\"},"
                    "{\"role\":\"tool\",\"content\":null}],\"stream\":true,"
                    "\"tools\":[{\"type\":\"function\"}],\"tool_choice\":\"auto\"}");
}

static void test_body_json_every_option_is_written_in_order(void **state)
{
    (void)state;
    cmx_chat chat = body_reader_chat(&hello, 1);
    chat.temperature_milli = 0;
    chat.top_p_milli = 950;
    chat.max_tokens = 1;
    chat.max_completion_tokens = CMX_UNSET - 1;
    chat.choices = 2;
    chat.stop_json = "[\"a\",\"b\"]";
    chat.tools_json = "[]";
    chat.tool_choice_json = "{\"type\":\"none\"}";
    chat.response_format_json = "{\"type\":\"json_object\"}";
    chat.extra_json = "\t{ \"seed\":1,\"metadata\":{\"model\":\"x\"} \n}\r\n";
    body_reader_check(&chat, HELLO
                      ",\"stream\":true,\"temperature\":0,\"top_p\":0.95,\"max_tokens\":1,"
                      "\"max_completion_tokens\":4294967294,\"n\":2,\"stop\":[\"a\",\"b\"],"
                      "\"tools\":[],\"tool_choice\":{\"type\":\"none\"},\"response_format\":"
                      "{\"type\":\"json_object\"}, \"seed\":1,\"metadata\":{\"model\":\"x\"}}");
}

static void test_body_json_stream_options(void **state)
{
    (void)state;
    char room[4];
    cmx_chat chat = body_reader_chat(&hello, 1);
    body_reader_check(&chat, HELLO ",\"stream\":true}");
    chat.no_obfuscation = true;
    body_reader_check(&chat, HELLO ",\"stream\":true,\"stream_options\":"
                                   "{\"include_obfuscation\":false}}");
    chat.include_usage = true;
    body_reader_check(&chat, HELLO ",\"stream\":true,\"stream_options\":{\"include_usage\":true,"
                                   "\"include_obfuscation\":false}}");
    chat.no_obfuscation = false;
    body_reader_check(&chat, HELLO ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    chat.no_obfuscation = true;
    chat.stream = false;
    chat.answer = room;
    chat.answer_bytes = sizeof room;
    body_reader_check(&chat, HELLO ",\"stream\":false}");
}

/* A name is refused only where chatmux writes it, too. */
static void test_body_json_members_that_are_not_sent_may_join(void **state)
{
    (void)state;
    cmx_chat chat = body_reader_chat(&hello, 1);
    chat.extra_json = "{\"stream_options\":{},\"n\":1,\"temperature\":0.1,\"tools\":[],\"mode\":2}";
    body_reader_check(&chat, HELLO ",\"stream\":true,\"stream_options\":{},\"n\":1,"
                                   "\"temperature\":0.1,\"tools\":[],\"mode\":2}");
    static const cmx_message message = {
        .role = CMX_ROLE_TOOL, .text = "x", .extra_json = "{\"tool_call_id\":\"c\"}"};
    chat = body_reader_chat(&message, 1);
    body_reader_check(&chat, HEAD "{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":\"c\"}],"
                                  "\"stream\":true}");
}

enum { POINTS = 0x110000 };

/* Writes all code points in order. Returns the bytes. */
static size_t write_all_points(uint8_t *out)
{
    size_t len = 0;
    for (uint32_t point = 0; point < POINTS; point++) {
        if (point < 0xd800 || point > 0xdfff) {
            len += cmx_utf8_write(out + len, point);
        }
    }
    return len;
}

static void test_body_json_every_code_point_comes_back(void **state)
{
    (void)state;
    enum { BYTES_MAX = 4 * POINTS };
    uint8_t *text = malloc(BYTES_MAX);
    uint8_t *out = malloc(BYTES_MAX);
    assert_non_null(text);
    assert_non_null(out);
    size_t text_len = write_all_points(text);
    cmx_message message = {.role = CMX_ROLE_USER, .text = (const char *)text, .text_len = text_len};
    cmx_chat chat = body_reader_chat(&message, 1);
    cmx_body body;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    /* Only what RFC 8259 demands is escaped: 27 controls of six bytes; quote, backslash and five
     * controls of two. */
    size_t head_len = strlen(HEAD "{\"role\":\"user\",\"content\":\"");
    size_t tail_len = strlen("\"}],\"stream\":true}");
    assert_int_equal(body.length, head_len + text_len + 27 * 5 + 7 + tail_len);
    size_t len;
    assert_int_equal(body_reader_all(&body, 1021, out, BYTES_MAX, &len), CMX_OK);
    assert_int_equal(len, body.length);
    cmx_json_span rest = {out + head_len, out + len - tail_len};
    cmx_view piece;
    assert_true(cmx_json_text_piece(&rest, NULL, &piece));
    assert_int_equal(piece.len, text_len);
    assert_memory_equal(piece.data, text, text_len);
    assert_false(cmx_json_text_piece(&rest, NULL, &piece));
    free(text);
    free(out);
}

static void test_body_json_a_megabyte_is_not_copied(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    char *json = malloc(BYTES + 1);
    uint8_t *out = malloc(2 * BYTES + 256);
    assert_non_null(json);
    assert_non_null(out);
    memset(json, 'a', BYTES);
    json[0] = json[BYTES - 1] = '"';
    json[BYTES] = '\0';
    cmx_message message = {.role = CMX_ROLE_USER, .text = json, .text_len = BYTES};
    cmx_chat chat = body_reader_chat(&message, 1);
    chat.stop_json = json;
    cmx_body body;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    size_t frame = strlen(HEAD "{\"role\":\"user\",\"content\":\"\"}],\"stream\":true,\"stop\":}");
    assert_int_equal(body.length, frame + BYTES + 2 + BYTES);
    size_t len;
    assert_int_equal(body_reader_all(&body, 16384, out, 2 * BYTES + 256, &len), CMX_OK);
    assert_int_equal(len, body.length);
    assert_memory_equal(out + len - BYTES - 1, json, BYTES);
    free(json);
    free(out);
}

/* What of a chat becomes something else while it is being read. */
typedef struct changing {
    cmx_message message;
    char json[32];
} changing;

/* Reads `before` bytes, lets `becomes` stand where `was` stood, reads on. */
static int read_changed(bool members, const char *was, const char *becomes, size_t before)
{
    changing *now = malloc(sizeof *now);
    assert_non_null(now);
    *now = (changing){.message = {.role = CMX_ROLE_USER, .text = members ? "" : NULL}};
    strcpy(now->json, was);
    *(members ? &now->message.extra_json : &now->message.content_json) = now->json;
    cmx_chat chat = body_reader_chat(&now->message, 1);
    cmx_body body;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    uint8_t out[256];
    size_t got;
    size_t len;
    assert_int_equal(cmx_body_read(&body, out, before, &got), CMX_OK);
    strcpy(now->json, becomes);
    int rc = body_reader_all(&body, 7, out, sizeof out, &len);
    assert_true(rc == CMX_OK ? len + before == body.length : len + before < body.length);
    if (rc != CMX_OK) {
        assert_int_equal(cmx_body_read(&body, out, 9, &got), CMX_ERR_BODY_CHANGED);
        assert_int_equal(got, 0);
    }
    free(now);
    return rc;
}

static void test_body_json_change_never_breaks_the_length(void **state)
{
    (void)state;
    assert_int_equal(read_changed(false, "[1,22]", "[1,22]", 9), CMX_OK);
    assert_int_equal(read_changed(false, "[1,22]", "[22,1]", 9), CMX_OK);
    assert_int_equal(read_changed(false, "[1,22]", "[1,2]", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(false, "[1,22]", "[1,222]", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(false, "[1,22]", "", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(false, "\"abc\"",
                                  "\"a\xff"
                                  "c\"",
                                  9),
                     CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(false, "\"abc\"", "\"abc\xc3", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "{\"b\":2}", 9), CMX_OK);
    assert_int_equal(read_changed(true, "{\"a\":1}", "[\"a\",1]", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "{}     ", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "[\"a\":1}", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "{\"a\":1]", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "{", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "}", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "", 9), CMX_ERR_BODY_CHANGED);
    assert_int_equal(read_changed(true, "{\"a\":1}", "   ", 9), CMX_ERR_BODY_CHANGED);
}

/* The pointer of a text that is being written is not looked up again: a shorter text elsewhere
 * cannot be read past its end. */
static void test_body_json_changed_pointer_is_not_followed_midway(void **state)
{
    (void)state;
    char *little = malloc(2);
    assert_non_null(little);
    strcpy(little, "x");
    cmx_message message = {.role = CMX_ROLE_USER, .text = "0123456789"};
    cmx_chat chat = body_reader_chat(&message, 1);
    cmx_body body;
    uint8_t out[256];
    size_t got;
    size_t len;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    size_t before = strlen(HEAD "{\"role\":\"user\",\"content\":\"012");
    assert_int_equal(cmx_body_read(&body, out, before, &got), CMX_OK);
    message.text = little;
    assert_int_equal(body_reader_all(&body, 3, out, sizeof out, &len), CMX_OK);
    assert_int_equal(before + len, body.length);
    cmx_body_rewind(&body);
    assert_int_equal(body_reader_all(&body, 3, out, sizeof out, &len), CMX_ERR_BODY_CHANGED);
    message.role = (enum cmx_role)99;
    cmx_body_rewind(&body);
    assert_int_equal(body_reader_all(&body, 3, out, sizeof out, &len), CMX_ERR_BODY_CHANGED);
    free(little);
}

/* A byte changes while half of its escape is written. */
static void test_body_json_changed_escape_is_noticed(void **state)
{
    (void)state;
    static const char becomes[] = {'\n', 'a', '\xff', '"'};
    for (size_t part = 1; part < 6; part++) {
        for (size_t i = 0; i < sizeof becomes; i++) {
            char text[] = "\x01z";
            cmx_message message = {.role = CMX_ROLE_USER, .text = text, .text_len = 2};
            cmx_chat chat = body_reader_chat(&message, 1);
            cmx_body body;
            uint8_t out[256];
            size_t got;
            assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
            size_t before = strlen(HEAD "{\"role\":\"user\",\"content\":\"") + part;
            assert_int_equal(cmx_body_read(&body, out, before, &got), CMX_OK);
            text[0] = becomes[i];
            assert_int_equal(body_reader_all(&body, 64, out, sizeof out, &got),
                             CMX_ERR_BODY_CHANGED);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_json_content_is_written_as_it_is),
        cmocka_unit_test(test_body_json_tool_conversation),
        cmocka_unit_test(test_body_json_every_option_is_written_in_order),
        cmocka_unit_test(test_body_json_stream_options),
        cmocka_unit_test(test_body_json_members_that_are_not_sent_may_join),
        cmocka_unit_test(test_body_json_every_code_point_comes_back),
        cmocka_unit_test(test_body_json_a_megabyte_is_not_copied),
        cmocka_unit_test(test_body_json_change_never_breaks_the_length),
        cmocka_unit_test(test_body_json_changed_pointer_is_not_followed_midway),
        cmocka_unit_test(test_body_json_changed_escape_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
