/* SPDX-License-Identifier: MIT */
/*
 * The request body: exact bytes, the same at every capacity, again after a rewind; every field's
 * bounds; and that a prompt which changes is noticed.
 */
#include "body_reader.h"

enum { OUT_BYTES = 4096 };

static const cmx_message hello[] = {{.role = CMX_ROLE_USER, .text = "Hello"}};

static cmx_chat make_chat(const cmx_message *messages, size_t count)
{
    cmx_chat chat = body_reader_chat(messages, count);
    chat.include_usage = true;
    return chat;
}

static void test_body_stream_asks_for_usage(void **state)
{
    (void)state;
    cmx_chat chat = make_chat(hello, 1);
    body_reader_check(
        &chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
               "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    chat.include_usage = false;
    body_reader_check(
        &chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
               "\"stream\":true}");
}

static void test_body_drops_stream_options_once(void **state)
{
    (void)state;
    static const char expected[] =
        "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
        "\"stream\":true}";
    cmx_chat chat = make_chat(hello, 1);
    cmx_body body;
    uint8_t out[OUT_BYTES];
    size_t got = 0;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    assert_int_equal(cmx_body_read(&body, out, 7, &got), CMX_OK); /* an attempt was begun */
    assert_true(cmx_body_drop_stream_options(&body));
    assert_int_equal(body.length, sizeof expected - 1);
    assert_int_equal(cmx_body_read(&body, out, sizeof out, &got), CMX_OK);
    assert_int_equal(got, sizeof expected - 1);
    assert_memory_equal(out, expected, sizeof expected - 1);
    assert_false(cmx_body_drop_stream_options(&body));
}

static void test_body_plain_answer_sends_no_stream_options(void **state)
{
    (void)state;
    char room[16];
    cmx_chat chat = make_chat(hello, 1);
    chat.stream = false;
    chat.answer = room;
    chat.answer_bytes = sizeof room;
    body_reader_check(
        &chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
               "\"stream\":false}");
}

static void test_body_roles_and_options_are_written(void **state)
{
    (void)state;
    static const cmx_message messages[] = {
        {.role = CMX_ROLE_SYSTEM, .text = "s"},
        {.role = CMX_ROLE_DEVELOPER, .text = ""},
        {.role = CMX_ROLE_USER, .text = "longer", .text_len = 4},
        {.role = CMX_ROLE_ASSISTANT, .text = "a\0b", .text_len = 3},
    };
    cmx_chat chat = make_chat(messages, CMX_ARRAY_LEN(messages));
    chat.include_usage = false;
    chat.temperature_milli = 700;
    chat.max_tokens = 4096;
    body_reader_check(
        &chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
               "{\"role\":\"developer\",\"content\":\"\"},"
               "{\"role\":\"user\",\"content\":\"long\"},"
               "{\"role\":\"assistant\",\"content\":\"a\\u0000b\"}],"
               "\"stream\":true,\"temperature\":0.7,\"max_tokens\":4096}");
}

static void test_body_texts_are_escaped(void **state)
{
    (void)state;
    static const cmx_message messages[] = {
        {.role = CMX_ROLE_USER,
         .text = "\"\\/\b\f\n\r\t\x01\x1f\x7f caf\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\xa8"}};
    cmx_chat chat = make_chat(messages, 1);
    chat.model = "m\"\n";
    chat.include_usage = false;
    body_reader_check(&chat,
                      "{\"model\":\"m\\\"\\n\",\"messages\":[{\"role\":\"user\",\"content\":\""
                      "\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f caf\xc3\xa9 \xf0\x9f\x98\x80 "
                      "\xe2\x80\xa8\"}],\"stream\":true}");
}

static void check_refused(const cmx_chat *chat, int error, const char *field)
{
    cmx_body body;
    cmx_chat_fault fault = {NULL, 1, 1};
    assert_int_equal(cmx_body_init(&body, chat, &fault), error);
    assert_non_null(fault.field);
    assert_string_equal(fault.field, field);
    assert_int_equal(cmx_body_init(&body, chat, NULL), error);
}

static void test_body_names_another_model_each_time(void **state)
{
    (void)state;
    static const char *const models[] = {"m", "a \"quoted\" one", "\xc3\xb6"};
    cmx_chat chat = make_chat(hello, 1);
    cmx_body body;
    uint8_t out[512];
    uint8_t expected[512];
    size_t len;
    size_t expected_len;
    chat.model = NULL;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    for (size_t i = 0; i < CMX_ARRAY_LEN(models); i++) {
        cmx_body named;
        assert_int_equal(cmx_body_read(&body, out, 10, &len), CMX_OK); /* begun, then changed */
        cmx_body_set_model(&body, models[i]);
        chat.model = models[i];
        assert_int_equal(cmx_body_init(&named, &chat, NULL), CMX_OK);
        assert_int_equal(body.length, named.length);
        assert_int_equal(body_reader_all(&body, 7, out, sizeof out, &len), CMX_OK);
        assert_int_equal(body_reader_all(&named, 64, expected, sizeof expected, &expected_len),
                         CMX_OK);
        assert_int_equal(len, expected_len);
        assert_memory_equal(out, expected, len);
        cmx_body_rewind(&body);
    }
}

static void test_body_bad_texts_name_the_field(void **state)
{
    (void)state;
    char model[CMX_BODY_MODEL_BYTES_MAX + 2];
    memset(model, 'm', sizeof model);
    model[sizeof model - 1] = '\0';
    cmx_chat chat = make_chat(hello, 1);
    chat.model = model;
    check_refused(&chat, CMX_ERR_ARGUMENT, "model");
    chat.model = "";
    check_refused(&chat, CMX_ERR_ARGUMENT, "model");
    chat.model = "\xff";
    check_refused(&chat, CMX_ERR_UTF8, "model");
    cmx_body body;
    model[sizeof model - 2] = '\0';
    chat.model = model;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);

    cmx_message message = {.role = CMX_ROLE_USER, .text = "ok \xc3"};
    chat = make_chat(&message, 1);
    check_refused(&chat, CMX_ERR_UTF8, "messages.text");
    message = (cmx_message){.role = CMX_ROLE_USER, .text = "caf\xc3\xa9", .text_len = 4};
    check_refused(&chat, CMX_ERR_UTF8, "messages.text");
    message = (cmx_message){.role = CMX_ROLE_USER, .text = NULL};
    check_refused(&chat, CMX_ERR_ARGUMENT, "messages.text");
    message = (cmx_message){.role = (enum cmx_role)5, .text = "x"};
    check_refused(&chat, CMX_ERR_ARGUMENT, "messages.role");
    chat = make_chat(NULL, 1);
    check_refused(&chat, CMX_ERR_ARGUMENT, "messages");
    chat = make_chat(hello, 0);
    check_refused(&chat, CMX_ERR_ARGUMENT, "message_count");
    chat = make_chat(hello, CMX_BODY_MESSAGES_MAX + 1);
    check_refused(&chat, CMX_ERR_ARGUMENT, "message_count");
}

static void test_body_options_out_of_range_name_the_field(void **state)
{
    (void)state;
    cmx_body body;
    cmx_chat chat = make_chat(hello, 1);
    chat.temperature_milli = CMX_BODY_TEMPERATURE_MAX;
    chat.max_tokens = 1;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    chat.temperature_milli = CMX_BODY_TEMPERATURE_MAX + 1;
    check_refused(&chat, CMX_ERR_ARGUMENT, "temperature_milli");
    chat = make_chat(hello, 1);
    chat.max_tokens = 0;
    check_refused(&chat, CMX_ERR_ARGUMENT, "max_tokens");
    chat = make_chat(hello, 1);
    chat.top_p_milli = 1001;
    check_refused(&chat, CMX_ERR_ARGUMENT, "top_p_milli");
    chat.top_p_milli = 1000;
    chat.max_completion_tokens = 0;
    check_refused(&chat, CMX_ERR_ARGUMENT, "max_completion_tokens");
    chat.max_completion_tokens = 1;
    chat.choices = 0;
    check_refused(&chat, CMX_ERR_ARGUMENT, "choices");
    chat.choices = CMX_BODY_CHOICES_MAX + 1;
    check_refused(&chat, CMX_ERR_ARGUMENT, "choices");
    chat.choices = CMX_BODY_CHOICES_MAX;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    chat = make_chat(hello, 1);
    chat.stream = false;
    check_refused(&chat, CMX_ERR_ARGUMENT, "answer");
    chat.answer = &body;
    check_refused(&chat, CMX_ERR_ARGUMENT, "answer");
}

/* Changes the text after `before` bytes were read; returns what reading to the end says. */
static int read_changed(const char *was, const char *becomes, size_t before, size_t capacity)
{
    char text[64];
    strcpy(text, was);
    cmx_message message = {.role = CMX_ROLE_USER, .text = text};
    cmx_chat chat = make_chat(&message, 1);
    cmx_body body;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);
    uint8_t out[OUT_BYTES];
    size_t got;
    if (before > 0) {
        assert_int_equal(cmx_body_read(&body, out, before, &got), CMX_OK);
    }
    memset(text, 0, sizeof text);
    strcpy(text, becomes);
    size_t len;
    int rc = body_reader_all(&body, capacity, out, sizeof out, &len);
    if (rc != CMX_OK) {
        /* It stays so, and what was given out was never the announced length. */
        assert_true(len + before < body.length);
        assert_int_equal(cmx_body_read(&body, out, 1, &got), CMX_ERR_BODY_CHANGED);
        assert_int_equal(got, 0);
    }
    return rc;
}

static void test_body_changed_text_is_noticed(void **state)
{
    (void)state;
    static const size_t capacities[] = {1, 3, 100, OUT_BYTES};
    for (size_t i = 0; i < CMX_ARRAY_LEN(capacities); i++) {
        size_t capacity = capacities[i];
        assert_int_equal(read_changed("1234567890", "1234567890", 10, capacity), CMX_OK);
        assert_int_equal(read_changed("1234567890", "123456789", 10, capacity),
                         CMX_ERR_BODY_CHANGED);
        assert_int_equal(read_changed("1234567890", "1234567890+", 10, capacity),
                         CMX_ERR_BODY_CHANGED);
        assert_int_equal(read_changed("1234567890", "12345\n7890", 0, capacity),
                         CMX_ERR_BODY_CHANGED);
        assert_int_equal(read_changed("1234567890",
                                      "12345\xff"
                                      "7890",
                                      0, capacity),
                         CMX_ERR_BODY_CHANGED);
        assert_int_equal(read_changed("1234567890", "123456789\xc3", 0, capacity),
                         CMX_ERR_BODY_CHANGED);
        /* Shorter escapes, longer text: the same length only by accident, still valid JSON. */
        assert_int_equal(read_changed("\n\n", "abcd", 0, capacity), CMX_OK);
    }
}

static void test_body_stays_small(void **state)
{
    (void)state;
    assert_true(sizeof(cmx_body) <= 112);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_stream_asks_for_usage),
        cmocka_unit_test(test_body_drops_stream_options_once),
        cmocka_unit_test(test_body_plain_answer_sends_no_stream_options),
        cmocka_unit_test(test_body_roles_and_options_are_written),
        cmocka_unit_test(test_body_texts_are_escaped),
        cmocka_unit_test(test_body_names_another_model_each_time),
        cmocka_unit_test(test_body_bad_texts_name_the_field),
        cmocka_unit_test(test_body_options_out_of_range_name_the_field),
        cmocka_unit_test(test_body_changed_text_is_noticed),
        cmocka_unit_test(test_body_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
