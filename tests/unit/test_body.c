/* SPDX-License-Identifier: MIT */
/*
 * The request body: exact bytes, the same at every capacity, again after a rewind; every field's
 * bounds; and that a prompt which changes is noticed.
 */
#include "chat/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

enum { OUT_BYTES = 4096 };

static const cmx_message hello[] = {{CMX_ROLE_USER, "Hello", 0}};

static cmx_chat make_chat(const cmx_message *messages, size_t count)
{
    return (cmx_chat){
        .model = "gpt-4.1",
        .messages = messages,
        .message_count = count,
        .stream = true,
        .include_usage = true,
        .temperature_milli = CMX_UNSET,
        .max_tokens = CMX_UNSET,
    };
}

/* Reads the whole body in pieces of `capacity` bytes. */
static int read_all(cmx_body *body, size_t capacity, uint8_t *out, size_t *len)
{
    *len = 0;
    for (;;) {
        size_t got;
        uint8_t *exact = malloc(capacity);
        assert_non_null(exact);
        int rc = cmx_body_read(body, exact, capacity, &got);
        assert_true(got <= capacity);
        assert_true(*len + got <= OUT_BYTES);
        memcpy(out + *len, exact, got);
        free(exact);
        *len += got;
        if (rc != CMX_OK || got == 0) {
            return rc;
        }
    }
}

static void check(const cmx_chat *chat, const char *expected)
{
    static const size_t capacities[] = {1, 2, 3, 5, 7, 16, 61, OUT_BYTES};
    cmx_body body;
    const char *bad_field = "?";
    assert_int_equal(cmx_body_init(&body, chat, &bad_field), CMX_OK);
    assert_null(bad_field);
    assert_int_equal(body.length, strlen(expected));
    uint8_t out[OUT_BYTES];
    size_t len;
    for (size_t i = 0; i < CMX_ARRAY_LEN(capacities); i++) {
        assert_int_equal(read_all(&body, capacities[i], out, &len), CMX_OK);
        assert_int_equal(len, strlen(expected));
        assert_memory_equal(out, expected, len);
        cmx_body_rewind(&body);
    }
    /* A rewind from anywhere starts again. */
    for (size_t part = 1; part < strlen(expected); part++) {
        size_t got;
        assert_int_equal(cmx_body_read(&body, out, part, &got), CMX_OK);
        assert_int_equal(got, part);
        cmx_body_rewind(&body);
        assert_int_equal(read_all(&body, OUT_BYTES, out, &len), CMX_OK);
        assert_memory_equal(out, expected, len);
        cmx_body_rewind(&body);
    }
}

static void test_body_stream_asks_for_usage(void **state)
{
    (void)state;
    cmx_chat chat = make_chat(hello, 1);
    check(&chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
                 "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    chat.include_usage = false;
    check(&chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
                 "\"stream\":true}");
}

static void test_body_plain_answer_sends_no_stream_options(void **state)
{
    (void)state;
    char room[16];
    cmx_chat chat = make_chat(hello, 1);
    chat.stream = false;
    chat.answer = room;
    chat.answer_bytes = sizeof room;
    check(&chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],"
                 "\"stream\":false}");
}

static void test_body_roles_and_options_are_written(void **state)
{
    (void)state;
    static const cmx_message messages[] = {
        {CMX_ROLE_SYSTEM, "s", 0},
        {CMX_ROLE_DEVELOPER, "", 0},
        {CMX_ROLE_USER, "longer", 4},
        {CMX_ROLE_ASSISTANT, "a\0b", 3},
    };
    cmx_chat chat = make_chat(messages, CMX_ARRAY_LEN(messages));
    chat.include_usage = false;
    chat.temperature_milli = 700;
    chat.max_tokens = 4096;
    check(&chat, "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
                 "{\"role\":\"developer\",\"content\":\"\"},"
                 "{\"role\":\"user\",\"content\":\"long\"},"
                 "{\"role\":\"assistant\",\"content\":\"a\\u0000b\"}],"
                 "\"stream\":true,\"temperature\":0.7,\"max_tokens\":4096}");
}

static void test_body_texts_are_escaped(void **state)
{
    (void)state;
    static const cmx_message messages[] = {
        {CMX_ROLE_USER, "\"\\/\b\f\n\r\t\x01\x1f\x7f caf\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\xa8",
         0}};
    cmx_chat chat = make_chat(messages, 1);
    chat.model = "m\"\n";
    chat.include_usage = false;
    check(&chat, "{\"model\":\"m\\\"\\n\",\"messages\":[{\"role\":\"user\",\"content\":\""
                 "\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f caf\xc3\xa9 \xf0\x9f\x98\x80 "
                 "\xe2\x80\xa8\"}],\"stream\":true}");
}

static void check_refused(const cmx_chat *chat, int error, const char *field)
{
    cmx_body body;
    const char *bad_field = NULL;
    assert_int_equal(cmx_body_init(&body, chat, &bad_field), error);
    assert_string_equal(bad_field, field);
    assert_int_equal(cmx_body_init(&body, chat, NULL), error);
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
    chat.model = NULL;
    check_refused(&chat, CMX_ERR_ARGUMENT, "model");
    chat.model = "\xff";
    check_refused(&chat, CMX_ERR_UTF8, "model");
    cmx_body body;
    model[sizeof model - 2] = '\0';
    chat.model = model;
    assert_int_equal(cmx_body_init(&body, &chat, NULL), CMX_OK);

    cmx_message message = {CMX_ROLE_USER, "ok \xc3", 0};
    chat = make_chat(&message, 1);
    check_refused(&chat, CMX_ERR_UTF8, "messages.text");
    message = (cmx_message){CMX_ROLE_USER, "caf\xc3\xa9", 4};
    check_refused(&chat, CMX_ERR_UTF8, "messages.text");
    message = (cmx_message){CMX_ROLE_USER, NULL, 0};
    check_refused(&chat, CMX_ERR_ARGUMENT, "messages.text");
    message = (cmx_message){(enum cmx_role)4, "x", 0};
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
    cmx_message message = {CMX_ROLE_USER, text, 0};
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
    int rc = read_all(&body, capacity, out, &len);
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
    assert_true(sizeof(cmx_body) <= 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_stream_asks_for_usage),
        cmocka_unit_test(test_body_plain_answer_sends_no_stream_options),
        cmocka_unit_test(test_body_roles_and_options_are_written),
        cmocka_unit_test(test_body_texts_are_escaped),
        cmocka_unit_test(test_body_bad_texts_name_the_field),
        cmocka_unit_test(test_body_options_out_of_range_name_the_field),
        cmocka_unit_test(test_body_changed_text_is_noticed),
        cmocka_unit_test(test_body_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
