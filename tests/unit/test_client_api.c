/* SPDX-License-Identifier: MIT */
/*
 * What a caller can do wrong: each bad argument of add_origin, chat_start, request_start and
 * cancel has its code and names its field, nothing is half done, and headers cannot be injected.
 */
#include "chatmux/client.h"
#include "base/base.h"
#include "pool/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/client_world.h"

static void test_client_origin_bad_urls(void **state)
{
    (void)state;
    static const char *const urls[] = {NULL,
                                       "",
                                       "relay.example",
                                       "ftp://relay.example",
                                       "http://",
                                       "http://a b",
                                       "http://key@relay.example",
                                       "http://relay.example/v1?x=1",
                                       "http://relay.example/v1\r\nx: y",
                                       "http://relay.example:0",
                                       "http://relay.example:65536"};
    for (size_t i = 0; i < CMX_ARRAY_LEN(urls); i++) {
        origin.base_url = urls[i];
        expect_origin(CMX_ERR_URL, "base_url");
    }
}

static void test_client_origin_bad_keys(void **state)
{
    (void)state;
    static char longest[CMX_ORIGIN_KEY_BYTES_MAX + 2];
    static const char *const forged[] = {"sk\r\nx: y", "sk\n", "\tsk", "sk ", "s\x7fk", "s\x01k"};
    origin.key = NULL;
    expect_origin(CMX_ERR_ARGUMENT, "key");
    origin.key = "";
    expect_origin(CMX_ERR_ARGUMENT, "key");
    memset(longest, 'k', sizeof(longest) - 1);
    origin.key = longest;
    expect_origin(CMX_ERR_ARGUMENT, "key");
    for (size_t i = 0; i < CMX_ARRAY_LEN(forged); i++) {
        origin.key = forged[i];
        expect_origin(CMX_ERR_KEY, "key");
    }
    longest[CMX_ORIGIN_KEY_BYTES_MAX] = '\0';
    origin.key = longest;
    add_origin();
}

static void test_client_origin_bad_auth(void **state)
{
    (void)state;
    static char name_long[CMX_LIMIT_AUTH_HEADER_BYTES + 2];
    static const char *const names[] = {"",      "Api-Key",   "api key", "api:key",
                                        ":path", "x\r\ny: z", name_long};
    memset(name_long, 'a', sizeof(name_long) - 1);
    origin.auth = (enum cmx_auth)9;
    expect_origin(CMX_ERR_ARGUMENT, "auth");
    origin.auth = CMX_AUTH_HEADER;
    expect_origin(CMX_ERR_ARGUMENT, "auth_header");
    for (size_t i = 0; i < CMX_ARRAY_LEN(names); i++) {
        origin.auth_header = names[i];
        expect_origin(CMX_ERR_HEADER, "auth_header");
    }
    origin.auth_header = "api-key";
    add_origin();
}

static void test_client_origin_auth_header_is_none_of_ours(void **state)
{
    (void)state;
    static const char *const names[] = {"content-length", "host", "te", "accept", "content-type"};
    origin.auth = CMX_AUTH_HEADER;
    for (size_t i = 0; i < CMX_ARRAY_LEN(names); i++) {
        origin.auth_header = names[i];
        expect_origin(CMX_ERR_HEADER, "auth_header");
    }
    origin.auth_header = "authorization"; /* another scheme, such as Basic */
    add_origin();
}

static void test_client_origin_bad_queries(void **state)
{
    (void)state;
    static char longest[CMX_URL_QUERY_BYTES_MAX + 2];
    static const char *const queries[] = {"?a=1", "a b", "a#b", "a\r\nx: y", "\x7f", "\xff"};
    for (size_t i = 0; i < CMX_ARRAY_LEN(queries); i++) {
        origin.query = queries[i];
        expect_origin(CMX_ERR_ARGUMENT, "query");
    }
    memset(longest, 'q', sizeof(longest) - 1);
    origin.query = longest;
    expect_origin(CMX_ERR_ARGUMENT, "query");
    longest[CMX_URL_QUERY_BYTES_MAX] = '\0';
    add_origin();
}

static void expect_header(const char *name, const char *value, int status, const char *field)
{
    const cmx_header header = {name, value};
    origin.headers = &header;
    origin.header_count = 1;
    expect_origin(status, field);
}

static void test_client_origin_bad_header_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        ":path",
        "X-Upper",
        "x y",
        "x:",
        "x\r\ny",
        "x\x80",
        "host",
        "connection",
        "content-length",
        "accept",
        "transfer-encoding",
        "te",
        "upgrade",
        "keep-alive",
        "user-agent",
        "proxy-connection",
        "expect",
        "content-type",
        "authorization",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(names); i++) {
        expect_header(names[i], "v", CMX_ERR_HEADER, "headers.name");
    }
    expect_header(NULL, "v", CMX_ERR_ARGUMENT, "headers.name");
    origin.auth = CMX_AUTH_HEADER;
    origin.auth_header = "api-key";
    expect_header("api-key", "v", CMX_ERR_HEADER, "headers.name"); /* the key is sent there */
}

static void test_client_origin_bad_header_values(void **state)
{
    (void)state;
    static const char *const values[] = {
        "", " v", "v ", "v\t", "a\nb", "a\rb", "a\x7f", "a\r\nauthorization: b", "\xc3\xa9"};
    for (size_t i = 0; i < CMX_ARRAY_LEN(values); i++) {
        expect_header("x-org", values[i], CMX_ERR_HEADER, "headers.value");
    }
    expect_header("x-org", NULL, CMX_ERR_ARGUMENT, "headers.value");
}

static void test_client_origin_headers_have_limits(void **state)
{
    (void)state;
    static char value[CMX_ORIGIN_HEADER_BYTES_MAX];
    cmx_header headers[CMX_ORIGIN_HEADERS_MAX + 1];
    for (size_t i = 0; i < CMX_ARRAY_LEN(headers); i++) {
        headers[i] = (cmx_header){"x-a", "v"};
    }
    origin.header_count = 1;
    expect_origin(CMX_ERR_ARGUMENT, "headers");
    origin.headers = headers;
    origin.header_count = CMX_ORIGIN_HEADERS_MAX + 1;
    expect_origin(CMX_ERR_ARGUMENT, "header_count");
    origin.header_count = CMX_ORIGIN_HEADERS_MAX;
    memset(value, 'v', sizeof(value) - 1); /* three bytes for each name, one for each value */
    headers[CMX_ORIGIN_HEADERS_MAX - 1].value = value;
    expect_origin(CMX_ERR_ARGUMENT, "headers");
    value[CMX_ORIGIN_HEADER_BYTES_MAX - 4 * CMX_ORIGIN_HEADERS_MAX + 2] = '\0';
    expect_origin(CMX_ERR_ARGUMENT, "headers");
    value[CMX_ORIGIN_HEADER_BYTES_MAX - 4 * CMX_ORIGIN_HEADERS_MAX + 1] = '\0';
    add_origin();
}

static void test_client_origin_without_key_needs_auth_none(void **state)
{
    (void)state;
    origin.auth = CMX_AUTH_NONE;
    origin.key = NULL;
    add_origin();
}

static void test_client_origin_bad_address_and_connections(void **state)
{
    (void)state;
    origin.address = "relay.example";
    expect_origin(CMX_ERR_ARGUMENT, "address");
    origin.address = "300.0.0.1";
    expect_origin(CMX_ERR_ARGUMENT, "address");
    origin.address = "::1";
    origin.connections = 3; /* of 2 */
    expect_origin(CMX_ERR_ARGUMENT, "connections");
    origin.connections = 2;
    add_origin();
}

static void test_client_origin_without_trust_is_refused(void **state)
{
    (void)state;
    origin.base_url = "https://relay.example/v1";
    expect_origin(CMX_ERR_TRUST, "ca_file"); /* this port has no bundle */
    origin.ca_dir = "/none";
    expect_origin(CMX_ERR_TRUST, "ca_dir");
    origin.ca_file = "/none";
    expect_origin(CMX_ERR_TRUST, "ca_file");
    origin.ca_pem = "nonsense";
    origin.ca_pem_len = 8;
    expect_origin(CMX_ERR_CERT_INVALID, "ca_pem");
    origin.base_url = "http://127.0.0.1"; /* the failures used up nothing */
    add_origin();
}

static void test_client_origins_full_is_busy(void **state)
{
    (void)state;
    cmx_origin_id id = 77;
    add_origin();
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), CMX_OK);
    assert_int_equal(id, 1);
    expect_origin(CMX_ERR_BUSY, "origins_max");
}

static void test_client_chat_bad_fields(void **state)
{
    (void)state;
    static char model_long[CMX_LIMIT_MODEL_BYTES + 2];
    static char answer[16];
    const cmx_chat good = chat;
    memset(model_long, 'm', sizeof(model_long) - 1);

    expect_chat(CMX_ERR_ARGUMENT, "origin"); /* none was added */
    add_origin();
    chat.origin = 1;
    expect_chat(CMX_ERR_ARGUMENT, "origin");
    chat = good;
    chat.model = NULL;
    expect_chat(CMX_ERR_ARGUMENT, "model");
    chat.model = "";
    expect_chat(CMX_ERR_ARGUMENT, "model");
    chat.model = model_long;
    expect_chat(CMX_ERR_ARGUMENT, "model");
    chat.model = "m\xff";
    expect_chat(CMX_ERR_UTF8, "model");
    chat = good;
    chat.messages = NULL;
    expect_chat(CMX_ERR_ARGUMENT, "messages");
    chat = good;
    chat.message_count = 0;
    expect_chat(CMX_ERR_ARGUMENT, "message_count");
    chat = good;
    chat.temperature_milli = 2001;
    expect_chat(CMX_ERR_ARGUMENT, "temperature_milli");
    chat = good;
    chat.max_tokens = 0;
    expect_chat(CMX_ERR_ARGUMENT, "max_tokens");
    chat = good;
    chat.stream = false;
    expect_chat(CMX_ERR_ARGUMENT, "answer");
    chat.answer = answer;
    expect_chat(CMX_ERR_ARGUMENT, "answer");
    chat = good;
    (void)start_chat(); /* nothing of all that stayed */
}

static void test_client_chat_bad_messages(void **state)
{
    (void)state;
    add_origin();
    message.text = NULL;
    expect_chat(CMX_ERR_ARGUMENT, "messages.text");
    message.text = "cut \xe2\x82";
    expect_chat(CMX_ERR_UTF8, "messages.text");
    message.text = "fine";
    message.role = (enum cmx_role)9;
    expect_chat(CMX_ERR_ARGUMENT, "messages.role");
}

static void test_client_request_bad_fields(void **state)
{
    (void)state;
    static char path_long[CMX_POOL_PATH_BYTES_MAX + 2];
    static const char *const paths[] = {NULL, "", "models", "/mod els", "/x\r\nhost: y", "/x#y"};
    const cmx_request good = request;

    expect_request(CMX_ERR_ARGUMENT, "origin");
    add_origin();
    request.method = (enum cmx_method)9;
    expect_request(CMX_ERR_ARGUMENT, "method");
    request = good;
    for (size_t i = 0; i < CMX_ARRAY_LEN(paths); i++) {
        request.path = paths[i];
        expect_request(CMX_ERR_ARGUMENT, "path");
    }
    memset(path_long, '/', sizeof(path_long) - 1);
    request.path = path_long;
    expect_request(CMX_ERR_ARGUMENT, "path");
    request = good;
    request.body_len = 1;
    expect_request(CMX_ERR_ARGUMENT, "body");
    request.body = "x";
    request.content_type = "text/plain\r\nauthorization: stolen";
    expect_request(CMX_ERR_HEADER, "content_type");

    path_long[CMX_POOL_PATH_BYTES_MAX] = '\0';
    request = good;
    request.path = path_long;
    cmx_id id = 0;
    assert_int_equal(cmx_request_start(client, &request, &id, &bad_field), CMX_OK);
    expect_field(NULL);
}

static void expect_content_type(const char *type)
{
    request.content_type = type;
    expect_request(CMX_ERR_HEADER, "content_type");
}

static void test_client_request_content_types_are_judged(void **state)
{
    (void)state;
    static char longest[130];
    cmx_id id = 0;
    add_origin();
    request.method = CMX_METHOD_POST;
    request.body = "x";
    request.body_len = 1;
    expect_content_type("text/plain\n");
    expect_content_type(" text/plain");
    expect_content_type("a\x01");
    expect_content_type("a\x7f");
    memset(longest, 't', 129);
    expect_content_type(longest);
    longest[128] = '\0';
    request.content_type = longest;
    assert_int_equal(cmx_request_start(client, &request, &id, &bad_field), CMX_OK);
    expect_field(NULL);
}

static void test_client_table_full_is_busy_until_a_done_was_taken(void **state)
{
    (void)state;
    cmx_event event;
    add_origin();
    cmx_id first = start_chat();
    cmx_id second = start_chat();
    assert_true(first != second);
    expect_chat(CMX_ERR_BUSY, "requests_max");
    expect_request(CMX_ERR_BUSY, "requests_max");
    assert_int_equal(cmx_client_cancel(client, first), CMX_OK);
    expect_chat(CMX_ERR_BUSY, "requests_max"); /* its DONE was not taken yet */
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
    assert_true(event.id == first);
    cmx_id third = start_chat(); /* while the DONE is still lent */
    assert_true(third != first && third != second);
    expect_chat(CMX_ERR_BUSY, "requests_max");
    assert_int_equal(event.done.verdict, CMX_VERDICT_CANCELLED);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_AGAIN);
    expect_chat(CMX_ERR_BUSY, "requests_max");
}

static void test_client_cancel_stale_and_wrong_ids(void **state)
{
    (void)state;
    cmx_event event;
    add_origin();
    cmx_id id = start_chat();
    assert_int_equal(cmx_client_cancel(client, 0), CMX_ERR_HANDLE);
    assert_int_equal(cmx_client_cancel(client, id + 1), CMX_ERR_HANDLE);
    assert_int_equal(cmx_client_cancel(client, UINT64_MAX), CMX_ERR_HANDLE);
    assert_int_equal(cmx_client_cancel(client, id), CMX_OK);
    assert_int_equal(cmx_client_cancel(client, id), CMX_OK); /* its DONE was not taken */
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.done.verdict, CMX_VERDICT_CANCELLED);
    assert_int_equal(event.done.error, CMX_ERR_CANCELLED);
    assert_int_equal(event.done.attempts, 0);
    assert_int_equal(cmx_client_cancel(client, id), CMX_ERR_HANDLE);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    cmx_id next = start_chat();
    assert_true(next != id);
    assert_int_equal(cmx_client_cancel(client, id), CMX_ERR_HANDLE);
}

static void test_client_cancelled_body_is_not_read_again(void **state)
{
    (void)state;
    char text[] = "hello";
    cmx_event event;
    add_origin();
    message.text = text;
    cmx_id id = start_chat();
    assert_int_equal(cmx_client_cancel(client, id), CMX_OK);
    memset(text, 0xff, sizeof(text)); /* not UTF-8, not terminated */
    message.text = NULL;
    assert_int_equal(cmx_client_wait(client, &event, 100), CMX_OK);
    assert_int_equal(event.done.verdict, CMX_VERDICT_CANCELLED);
    assert_int_equal(cmx_client_wait(client, &event, 100), CMX_IDLE);
}

static void test_client_idle_has_nothing_due(void **state)
{
    (void)state;
    cmx_event event;
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    assert_int_equal(cmx_client_next_due_ms(client), UINT32_MAX);
    assert_int_equal(cmx_client_fd(client), -1);
    add_origin();
    (void)start_chat();
    assert_int_equal(cmx_client_next_due_ms(client), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_client_origin_bad_urls),
        TEST(test_client_origin_bad_keys),
        TEST(test_client_origin_bad_auth),
        TEST(test_client_origin_auth_header_is_none_of_ours),
        TEST(test_client_origin_bad_queries),
        TEST(test_client_origin_bad_header_names),
        TEST(test_client_origin_bad_header_values),
        TEST(test_client_origin_headers_have_limits),
        TEST(test_client_origin_without_key_needs_auth_none),
        TEST(test_client_origin_bad_address_and_connections),
        TEST(test_client_origin_without_trust_is_refused),
        TEST(test_client_origins_full_is_busy),
        TEST(test_client_chat_bad_fields),
        TEST(test_client_chat_bad_messages),
        TEST(test_client_request_bad_fields),
        TEST(test_client_request_content_types_are_judged),
        TEST(test_client_table_full_is_busy_until_a_done_was_taken),
        TEST(test_client_cancel_stale_and_wrong_ids),
        TEST(test_client_cancelled_body_is_not_read_again),
        TEST(test_client_idle_has_nothing_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
