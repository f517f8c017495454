/* SPDX-License-Identifier: MIT */
/*
 * What goes with a plain request and what comes back beside its body: the origin's query and
 * headers, the request id, a redirect that is told and not followed; seen through the client's
 * trace, whose switch and way out are judged here, too.
 */
#include "chatmux/client.h"
#include "base/base.h"
#include "pool/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/fake_port.h"

#define KEY "sk-0123456789abcdef"

enum { TURNS = 12, TEXT_BYTES = 65536 };

CMX_BLOCK(memory, 2 * 1024 * 1024);
static cmx_config config;
static cmx_client *client;
static cmx_origin origin;
static cmx_event event;
static char text[TEXT_BYTES]; /* the trace so far */
static size_t text_len;
static unsigned calls;

static void take_line(void *user, const char *line, size_t len)
{
    assert_ptr_equal(user, &origin);
    assert_true(len > 0);
    assert_null(memchr(line, '\n', len));
    assert_true(text_len + len + 2 <= sizeof(text));
    memcpy(text + text_len, line, len);
    text_len += len;
    text[text_len++] = '\n';
    text[text_len] = '\0';
    calls++;
}

static int set_up(void **state)
{
    (void)state;
    fake_port_reset();
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.attempts_max = 1;
    config.replays_max = 0; /* each failure is to be seen */
    config.connections_max = 1;
    config.requests_max = 4;
    config.attempts_max = 1;
    config.trace_bytes = 16384;
    cmx_origin_default(&origin);
    origin.base_url = "http://127.0.0.1:8080/v1";
    origin.key = KEY;
    text[0] = '\0';
    text_len = 0;
    calls = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmx_client_deinit(client);
    client = NULL;
    fake_port_deinit();
    return 0;
}

static void open_client(void)
{
    cmx_origin_id id;
    assert_true(cmx_client_bytes(&config) <= sizeof(memory));
    assert_int_equal(cmx_client_init(&client, memory, sizeof(memory), &config, &fake.table, NULL),
                     CMX_OK);
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), CMX_OK);
}

static void open_traced(void)
{
    open_client();
    assert_int_equal(cmx_client_trace(client, take_line, &origin), CMX_OK);
}

static void start(const char *path, const char *body)
{
    cmx_request request;
    cmx_id id = 0;
    cmx_request_default(&request);
    request.path = path;
    request.method = body == NULL ? CMX_METHOD_DELETE : CMX_METHOD_POST;
    request.body = body;
    request.body_len = body == NULL ? 0 : strlen(body);
    assert_int_equal(cmx_request_start(client, &request, &id, NULL), CMX_OK);
    for (unsigned i = 0; i < TURNS; i++) {
        assert_int_equal(cmx_client_tick(client), CMX_OK);
        assert_int_not_equal(cmx_client_next_event(client, &event), CMX_OK);
    }
}

static void expect_text(const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in\n%s", part, text);
    }
}

static nghttp2_nv make_field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void answer(const char *status, const char *location)
{
    const nghttp2_nv fields[] = {make_field(":status", status), make_field("x-request-id", "req-9"),
                                 make_field("location", location == NULL ? "" : location)};
    assert_int_equal(nghttp2_submit_response2(fake.sockets[0].peer.session, 1, fields,
                                              location == NULL ? 2 : 3, NULL),
                     0);
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_OPEN);
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
}

static void expect_done(enum cmx_verdict verdict, int error, const char *message)
{
    assert_string_equal(cmx_verdict_name(event.done.verdict), cmx_verdict_name(verdict));
    assert_string_equal(cmx_error_name(event.done.error), cmx_error_name(error));
    assert_int_equal(event.done.request_id.len, 5);
    assert_memory_equal(event.done.request_id.data, "req-9", 5);
    assert_int_equal(event.done.message.len, strlen(message));
    assert_memory_equal(event.done.message.data, message, strlen(message));
}

static void test_trace_without_memory_is_refused(void **state)
{
    (void)state;
    config.trace_bytes = 0;
    open_client();
    assert_int_equal(cmx_client_trace(client, take_line, &origin), CMX_ERR_CONFIG);
    assert_int_equal(cmx_client_trace(client, NULL, NULL), CMX_ERR_CONFIG);
    start("/models", NULL);
    answer("200", NULL);
    assert_int_equal(calls, 0);
}

static void test_trace_can_be_stopped_and_started(void **state)
{
    (void)state;
    open_client();
    start("/models", NULL);
    assert_int_equal(calls, 0); /* nobody asked */
    assert_int_equal(cmx_client_trace(client, take_line, &origin), CMX_OK);
    answer("200", NULL);
    expect_text("conn 0 recv :status: 200\n");
    assert_int_equal(cmx_client_trace(client, NULL, NULL), CMX_OK);
    unsigned before = calls;
    start("/models", NULL);
    assert_int_equal(calls, before);
}

static void test_trace_tells_the_life_of_a_connection(void **state)
{
    (void)state;
    open_traced();
    start("/models", NULL);
    answer("200", NULL);
    expect_text("conn 0 connecting to 127.0.0.1:8080\n");
    expect_text("conn 0 connected after ms=0\n");
    expect_text("conn 0 open after ms=0\n");
    cmx_client_deinit(client);
    client = NULL;
    expect_text("conn 0 closed in good order\n");
    expect_text("conn 0 send GOAWAY");
}

static void test_trace_tells_why_a_connection_ended(void **state)
{
    (void)state;
    open_traced();
    start("/models", NULL);
    fake.sockets[0].recv_status = CMX_ERR_RESET;
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
    expect_text("conn 0 closed: CMX_ERR_RESET\n");
}

static void test_trace_never_shows_the_key_or_a_body(void **state)
{
    (void)state;
    static const cmx_header headers[] = {{"x-api-key", "header-secret"}, {"x-org", "acme"}};
    origin.headers = headers;
    origin.header_count = 2;
    origin.query = "key=query-secret&v=1";
    open_traced();
    start("/files", "body-secret");
    answer("200", "https://a.example/?k=" KEY);
    expect_text("conn 0 send authorization: <redacted>\n");
    expect_text("conn 0 send x-api-key: <redacted>\n");
    expect_text("conn 0 send x-org: acme\n");
    expect_text("conn 0 send :path: /v1/files?key=<redacted>&v=1\n");
    expect_text("conn 0 send DATA stream=1 flags=0x01 length=11\n");
    expect_text("conn 0 recv location: <redacted>\n");
    assert_null(strstr(text, "secret"));
    assert_null(strstr(text, KEY));
    assert_null(strstr(text, "Bearer"));
}

static void test_trace_lost_lines_are_told(void **state)
{
    (void)state;
    static const char value[] = "12345678901234567890123456789012345678901234567890";
    cmx_header headers[CMX_ORIGIN_HEADERS_MAX];
    config.trace_bytes = 2 * CMX_LIMIT_LINE_BYTES; /* the least that is valid */
    if (CMX_ARRAY_LEN(headers) * sizeof value <= config.trace_bytes - CMX_LIMIT_LINE_BYTES) {
        skip(); /* no head is longer than the lines that fit */
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(headers); i++) {
        headers[i] = (cmx_header){"x-filler", value};
    }
    origin.headers = headers;
    origin.header_count = CMX_ARRAY_LEN(headers);
    open_traced();
    start("/models", "x");
    expect_text(" lost: trace_bytes is too small\n");
    expect_text("conn 0 connecting to 127.0.0.1:8080\n");
}

static void test_trace_query_and_headers_go_with_every_request(void **state)
{
    (void)state;
    static const cmx_header headers[] = {{"openai-organization", "org-1"}, {"api-key", "s e c"}};
    origin.auth = CMX_AUTH_NONE;
    origin.key = NULL;
    origin.headers = headers;
    origin.header_count = 2;
    origin.query = "api-version=1";
    open_traced();
    start("/models", NULL);
    start("/files?limit=2", "x");
    start("/files?", NULL);
    expect_text("conn 0 send :method: DELETE\n");
    expect_text("conn 0 send :path: /v1/models?api-version=1\n");
    expect_text("conn 0 send :path: /v1/files?limit=2&api-version=1\n");
    expect_text("conn 0 send :path: /v1/files?api-version=1\n");
    expect_text("conn 0 send openai-organization: org-1\n");
    for (size_t i = 0; i < 3; i++) {
        assert_true(fake.sockets[0].peer.streams[i].secret_is_safe); /* never indexed */
    }
}

static void test_trace_redirects_are_told_and_not_followed(void **state)
{
    (void)state;
    open_traced();
    start("/models", NULL);
    answer("307", "https://other.example/v1/models");
    expect_done(CMX_VERDICT_ERROR_HTTP, CMX_ERR_REDIRECT, "https://other.example/v1/models");
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_IDLE);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.sockets[0].peer.stream_count, 1);
}

static void test_trace_statuses_that_are_no_redirects(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        enum cmx_verdict verdict;
        int error;
    } rows[] = {
        {"200", CMX_VERDICT_DONE, CMX_OK},
        {"201", CMX_VERDICT_DONE, CMX_OK},
        {"204", CMX_VERDICT_DONE, CMX_OK},
        {"304", CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS},
        {"404", CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        open_traced();
        start("/models", NULL);
        answer(rows[i].status, NULL);
        expect_done(rows[i].verdict, rows[i].error, "");
        (void)tear_down(NULL);
        (void)set_up(NULL);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_trace_without_memory_is_refused),
        TEST(test_trace_can_be_stopped_and_started),
        TEST(test_trace_tells_the_life_of_a_connection),
        TEST(test_trace_tells_why_a_connection_ended),
        TEST(test_trace_never_shows_the_key_or_a_body),
        TEST(test_trace_lost_lines_are_told),
        TEST(test_trace_query_and_headers_go_with_every_request),
        TEST(test_trace_redirects_are_told_and_not_followed),
        TEST(test_trace_statuses_that_are_no_redirects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
