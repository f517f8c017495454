/* SPDX-License-Identifier: MIT */
/*
 * The fault of a chat: its field, the index of the message, the byte. Each wrong value is checked
 * alone, in front of good ones, and for every prefix of a good JSON text.
 */
#include "body_reader.h"

enum { MESSAGES = 3 };

/* A good chat with three messages that a test then spoils. */
typedef struct sample {
    cmx_message messages[MESSAGES];
    cmx_chat chat;
} sample;

static sample make_sample(void)
{
    return (sample){.messages = {{.role = CMX_ROLE_SYSTEM, .text = "s"},
                                 {.role = CMX_ROLE_USER, .text = "u"},
                                 {.role = CMX_ROLE_USER, .text = "v"}},
                    .chat = body_reader_chat(NULL, 0)};
}

static void expect(sample *made, int error, cmx_chat_fault expected)
{
    cmx_chat chat = made->chat;
    chat.messages = made->messages; /* which moved with the sample */
    chat.message_count = MESSAGES;
    cmx_chat_fault fault = {"?", 77, 77};
    cmx_body body;
    assert_int_equal(cmx_body_init(&body, &chat, &fault), error);
    if (expected.field == NULL) {
        assert_null(fault.field);
    } else {
        assert_non_null(fault.field);
        assert_string_equal(fault.field, expected.field);
    }
    assert_int_equal(fault.message, expected.message);
    assert_int_equal(fault.offset, expected.offset);
}

static void test_body_check_good_chat_has_no_fault(void **state)
{
    (void)state;
    sample made = make_sample();
    expect(&made, CMX_OK, (cmx_chat_fault){NULL, 0, 0});
}

static void test_body_check_bad_utf8_is_found_at_its_byte(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"\xff", 0},
        {"ab\x80", 2},
        {"ab\xc3", 2},                       /* cut at its end */
        {"\xc3\xa9\xe2\x82z", 2},            /* cut in the middle */
        {"0123456789\xc0\xaf", 10},          /* overlong */
        {"\xf0\x9f\x98\x80\xed\xa0\x80", 4}, /* surrogate */
        {"x\xf4\x90\x80\x80", 1},            /* beyond U+10FFFF */
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(cases); i++) {
        size_t offset = cases[i].offset;
        sample made = make_sample();
        made.messages[2].text = cases[i].text;
        expect(&made, CMX_ERR_UTF8, (cmx_chat_fault){"messages.text", 2, offset});
        made = make_sample();
        made.messages[1].tool_call_id = cases[i].text;
        expect(&made, CMX_ERR_UTF8, (cmx_chat_fault){"messages.tool_call_id", 1, offset});
        made = make_sample();
        made.chat.model = cases[i].text;
        expect(&made, CMX_ERR_UTF8, (cmx_chat_fault){"model", 0, offset});
        made = make_sample();
        char json[32] = "[\"";
        strcat(strcat(json, cases[i].text), "\"]");
        made.messages[1].text = NULL;
        made.messages[1].content_json = json;
        expect(&made, CMX_ERR_UTF8, (cmx_chat_fault){"messages.content_json", 1, offset + 2});
        made = make_sample();
        made.chat.tools_json = json;
        expect(&made, CMX_ERR_UTF8, (cmx_chat_fault){"tools_json", 0, offset + 2});
    }
}

static void test_body_check_missing_content_names_the_message(void **state)
{
    (void)state;
    sample made = make_sample();
    made.messages[2].text = NULL;
    expect(&made, CMX_ERR_ARGUMENT, (cmx_chat_fault){"messages.text", 2, 0});
    made.messages[2].extra_json = "{}";
    expect(&made, CMX_OK, (cmx_chat_fault){NULL, 0, 0});
    made.messages[1].role = (enum cmx_role)(CMX_ROLE_TOOL + 1);
    expect(&made, CMX_ERR_ARGUMENT, (cmx_chat_fault){"messages.role", 1, 0});
}

/* Sets the n-th JSON field of the chat; says what it is called. */
static const char *set_json(cmx_chat *chat, size_t n, const char *json)
{
    const char **const fields[] = {&chat->stop_json, &chat->tools_json, &chat->tool_choice_json,
                                   &chat->response_format_json, &chat->extra_json};
    static const char *const names[] = {"stop_json", "tools_json", "tool_choice_json",
                                        "response_format_json", "extra_json"};
    *fields[n] = json;
    return names[n];
}

enum { STOP, TOOLS, TOOL_CHOICE, RESPONSE_FORMAT, EXTRA, JSONS };

static void test_body_check_kind_of_json_is_checked(void **state)
{
    (void)state;
    static const char *const values[] = {" \"s\"", " [\"s\",\"t\"]", " [{}]", " {}",
                                         " 1",     " null",          " true"};
    static const char *const accepted[JSONS] = {[STOP] = "110",
                                                [TOOLS] = "011",
                                                [TOOL_CHOICE] = "1001",
                                                [RESPONSE_FORMAT] = "0001",
                                                [EXTRA] = "0001"};
    for (size_t n = 0; n < JSONS; n++) {
        for (size_t i = 0; i < CMX_ARRAY_LEN(values); i++) {
            sample made = make_sample();
            const char *field = set_json(&made.chat, n, values[i]);
            bool good = i < strlen(accepted[n]) && accepted[n][i] == '1';
            size_t offset = n == STOP && i == 2 ? 2 : 1; /* the element that is no string */
            expect(&made, good ? CMX_OK : CMX_ERR_JSON,
                   good ? (cmx_chat_fault){NULL, 0, 0} : (cmx_chat_fault){field, 0, offset});
        }
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(values); i++) {
        sample made = make_sample();
        made.messages[0].text = NULL;
        made.messages[0].content_json = values[i]; /* any: the server knows its parts */
        expect(&made, CMX_OK, (cmx_chat_fault){NULL, 0, 0});
        made = make_sample();
        made.messages[1].extra_json = values[i];
        expect(&made, i == 3 ? CMX_OK : CMX_ERR_JSON,
               i == 3 ? (cmx_chat_fault){NULL, 0, 0}
                      : (cmx_chat_fault){"messages.extra_json", 1, 1});
    }
}

/* No prefix passes; what follows a whole value is refused. */
static void test_body_check_half_a_json_text_is_refused_at_its_end(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":[1.5e3,\"\\u00e9\",{\"b\":null}],\"c\":-0}";
    for (size_t n = RESPONSE_FORMAT; n < JSONS; n++) {
        for (size_t len = 0; len < sizeof whole - 1; len++) {
            char json[sizeof whole];
            memcpy(json, whole, len);
            json[len] = '\0';
            sample made = make_sample();
            const char *field = set_json(&made.chat, n, json);
            expect(&made, CMX_ERR_JSON, (cmx_chat_fault){field, 0, len});
        }
        sample made = make_sample();
        const char *field = set_json(&made.chat, n, "{} ,");
        expect(&made, CMX_ERR_JSON, (cmx_chat_fault){field, 0, 3});
    }
    sample made = make_sample();
    made.messages[2].extra_json = "{\"x\":tru}";
    expect(&made, CMX_ERR_JSON, (cmx_chat_fault){"messages.extra_json", 2, 8});
    made = make_sample();
    made.messages[2].text = NULL;
    made.messages[2].content_json = "[1,]";
    expect(&made, CMX_ERR_JSON, (cmx_chat_fault){"messages.content_json", 2, 3});
}

static void refuse_member(const char *extra, size_t offset, const cmx_chat *with)
{
    cmx_message message = {.role = CMX_ROLE_USER, .text = "x"};
    cmx_chat chat = *with;
    chat.messages = &message;
    chat.message_count = 1;
    cmx_body body;
    cmx_chat_fault fault;
    chat.extra_json = NULL;
    assert_int_equal(cmx_body_init(&body, &chat, &fault), CMX_OK);
    chat.extra_json = extra;
    assert_int_equal(cmx_body_init(&body, &chat, &fault), CMX_ERR_JSON);
    assert_string_equal(fault.field, "extra_json");
    assert_int_equal(fault.offset, offset);
}

static void test_body_check_members_sent_already_are_refused(void **state)
{
    (void)state;
    cmx_chat chat = body_reader_chat(NULL, 0);
    refuse_member("{\"model\":1}", 1, &chat);
    refuse_member("{\"a\":1, \"messages\":[]}", 8, &chat);
    refuse_member("{\"stream\":true}", 1, &chat);
    refuse_member("{\"str\\u0065am\":true}", 1, &chat); /* the same name */
    refuse_member("{ \"\\u006dodel\" : 1}", 2, &chat);
    cmx_chat set = chat;
    set.include_usage = true;
    refuse_member("{\"stream_options\":{}}", 1, &set);
    set = chat;
    set.no_obfuscation = true;
    refuse_member("{\"stream_options\":{}}", 1, &set);
    set = chat;
    set.temperature_milli = 0;
    refuse_member("{\"temperature\":1}", 1, &set);
    set.top_p_milli = 1;
    refuse_member("{\"top_p\":1}", 1, &set);
    set.max_tokens = 1;
    refuse_member("{\"max_tokens\":1}", 1, &set);
    set.max_completion_tokens = 1;
    refuse_member("{\"max_completion_tokens\":1}", 1, &set);
    set.choices = 1;
    refuse_member("{\"n\":1}", 1, &set);
    set.stop_json = "\"x\"";
    refuse_member("{\"stop\":1}", 1, &set);
    set.tools_json = "[]";
    refuse_member("{\"tools\":1}", 1, &set);
    set.tool_choice_json = "\"none\"";
    refuse_member("{\"tool_choice\":1}", 1, &set);
    set.response_format_json = "{}";
    refuse_member("{\"response_format\":1}", 1, &set);

    sample made = make_sample();
    made.messages[1].extra_json = "{\"name\":\"n\",\"role\":1}";
    expect(&made, CMX_ERR_JSON, (cmx_chat_fault){"messages.extra_json", 1, 12});
    made.messages[1].extra_json = "{\"content\":1}";
    expect(&made, CMX_ERR_JSON, (cmx_chat_fault){"messages.extra_json", 1, 1});
    made.messages[1].extra_json = "{\"tool_call_id\":1}";
    expect(&made, CMX_OK, (cmx_chat_fault){NULL, 0, 0});
    made.messages[1].tool_call_id = "c";
    expect(&made, CMX_ERR_JSON, (cmx_chat_fault){"messages.extra_json", 1, 1});
}

static void test_body_check_body_of_more_than_its_limit_is_refused(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20, COUNT = CMX_BODY_BYTES_MAX / BYTES };
    char *text = malloc(BYTES);
    cmx_message *messages = calloc(COUNT, sizeof *messages);
    assert_non_null(text);
    assert_non_null(messages);
    memset(text, 'a', BYTES);
    for (size_t i = 0; i < COUNT; i++) {
        messages[i] = (cmx_message){.role = CMX_ROLE_USER, .text = text, .text_len = BYTES};
    }
    cmx_chat chat = body_reader_chat(messages, COUNT);
    cmx_body body;
    cmx_chat_fault fault;
    assert_int_equal(cmx_body_init(&body, &chat, &fault), CMX_ERR_ARGUMENT);
    assert_string_equal(fault.field, "messages");
    chat.message_count = COUNT - 1;
    assert_int_equal(cmx_body_init(&body, &chat, &fault), CMX_OK);
    free(messages);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_check_good_chat_has_no_fault),
        cmocka_unit_test(test_body_check_bad_utf8_is_found_at_its_byte),
        cmocka_unit_test(test_body_check_missing_content_names_the_message),
        cmocka_unit_test(test_body_check_kind_of_json_is_checked),
        cmocka_unit_test(test_body_check_half_a_json_text_is_refused_at_its_end),
        cmocka_unit_test(test_body_check_members_sent_already_are_refused),
        cmocka_unit_test(test_body_check_body_of_more_than_its_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
