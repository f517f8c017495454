/* SPDX-License-Identifier: MIT */
/*
 * The tunnel through an HTTP proxy: what the proxy is sent, what of its answers opens the tunnel,
 * what ends the dial; and the fields of an origin that are about it.
 */
#include "base/base.h"
#include "chatmux/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/fake_port.h"

#define AGREED "HTTP/1.1 200 Connection established\r\n\r\n"

enum { LONG_BYTES = CMX_LIMIT_PROXY_HEAD_BYTES + 2048 + 2 };

CMX_BLOCK(memory, 2 * 1024 * 1024);
static cmx_config config;
static cmx_client *client;
static cmx_event event;
static cmx_origin origin;
static uint64_t proxy_logs;
static uint64_t proxy_status;

static void note_log(void *ctx, enum cmx_log_code code, const uint64_t values[3])
{
    (void)ctx;
    if (code == CMX_LOG_PROXY) {
        proxy_logs++;
        proxy_status = values[2];
    }
}

static int set_up(void **state)
{
    (void)state;
    fake_port_reset();
    fake.table.log = note_log;
    fake.is_proxy = true;
    fake.proxy_answer = AGREED;
    fake.address_count = 1;
    fake.addresses[0] = (cmx_address){.family = 4, .ip = {192, 0, 2, 5}};
    proxy_logs = 0;
    proxy_status = 77;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.attempts_max = 1;
    config.replays_max = 0; /* each failure is to be seen */
    config.connections_max = 1;
    config.requests_max = 4;
    config.replays_max = 0; /* one dial, one end */
    cmx_origin_default(&origin);
    origin.base_url = "http://relay.test:8080/v1";
    origin.auth = CMX_AUTH_NONE;
    origin.proxy_url = "http://proxy.test:3128";
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

static int add_origin(const char **bad_field)
{
    cmx_origin_id id;
    if (client == NULL) {
        assert_int_equal(
            cmx_client_init(&client, memory, sizeof(memory), &config, &fake.table, NULL), CMX_OK);
    }
    return cmx_client_add_origin(client, &origin, &id, bad_field);
}

static void start(void)
{
    cmx_request request;
    cmx_id id = 0;
    cmx_request_default(&request);
    request.path = "/models";
    assert_int_equal(cmx_request_start(client, &request, &id, NULL), CMX_OK);
}

static void open_and_start(void)
{
    assert_int_equal(add_origin(NULL), CMX_OK);
    start();
}

static void expect_done(int error)
{
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
    assert_string_equal(cmx_error_name(event.done.error), cmx_error_name(error));
}

/* The dial ends so; nothing reached the server behind the proxy. */
static void expect_refusal(int error, uint32_t status)
{
    open_and_start();
    expect_done(error);
    assert_int_equal(event.done.verdict, CMX_VERDICT_NETWORK);
    assert_int_equal(event.done.attempts, 0);
    assert_int_equal(fake.sockets[0].peer.stream_count, 0);
    assert_false(fake.sockets[0].is_open);
    assert_int_equal(proxy_logs, 1);
    assert_int_equal(proxy_status, status);
}

static void expect_answer(void)
{
    assert_int_equal(cmx_client_wait(client, &event, 1), CMX_AGAIN);
    h2_peer_answer(&fake.sockets[0].peer, 1, 0);
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_OPEN);
    expect_done(CMX_OK);
    assert_int_equal(proxy_logs, 1);
    assert_int_equal(proxy_status, 200);
    assert_int_equal(fake.opened, 1);
}

static void test_conn_proxy_is_asked_for_the_origin(void **state)
{
    (void)state;
    open_and_start();
    expect_answer();
    assert_string_equal(fake.sockets[0].request, "CONNECT relay.test:8080 HTTP/1.1\r\n"
                                                 "Host: relay.test:8080\r\n\r\n");
    assert_int_equal(fake.resolves, 1);
    assert_string_equal(fake.host, "proxy.test");
    assert_int_equal(fake.sockets[0].to.port, 3128);
}

static void test_conn_proxy_gets_its_key_and_never_the_origins(void **state)
{
    (void)state;
    origin.proxy_key = "user:pass";
    origin.auth = CMX_AUTH_BEARER;
    origin.key = "sk-secret";
    open_and_start();
    expect_answer();
    assert_string_equal(fake.sockets[0].request, "CONNECT relay.test:8080 HTTP/1.1\r\n"
                                                 "Host: relay.test:8080\r\n"
                                                 "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
}

static void test_conn_proxy_literals_are_not_resolved(void **state)
{
    (void)state;
    origin.base_url = "http://[2001:db8::1]";
    origin.proxy_url = "http://192.0.2.9:8000/";
    fake.address_count = 0;
    open_and_start();
    expect_answer();
    assert_string_equal(fake.sockets[0].request, "CONNECT [2001:db8::1]:80 HTTP/1.1\r\n"
                                                 "Host: [2001:db8::1]:80\r\n\r\n");
    assert_int_equal(fake.sockets[0].to.ip[3], 9);
    assert_int_equal(fake.sockets[0].to.port, 8000);
}

static void test_conn_proxy_is_asked_for_a_pinned_address(void **state)
{
    (void)state;
    origin.address = "198.51.100.7";
    open_and_start();
    expect_answer();
    assert_string_equal(fake.sockets[0].request, "CONNECT 198.51.100.7:8080 HTTP/1.1\r\n"
                                                 "Host: 198.51.100.7:8080\r\n\r\n");
    assert_string_equal(fake.host, "proxy.test");
}

static void test_conn_proxy_answers_that_open_the_tunnel(void **state)
{
    (void)state;
    static const char *const answers[] = {
        AGREED,
        "HTTP/1.0 200\r\n\r\n",
        "HTTP/1.1 200 \r\nContent-Length: 5000\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\n",
        "HTTP/1.1 200 OK\nVia: x\n\n",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(answers); i++) {
        for (size_t piece = 0; piece < 4; piece++) { /* 0: the server's SETTINGS in the same read */
            void *unused = NULL;
            (void)set_up(&unused);
            fake.proxy_answer = answers[i];
            fake.proxy_piece = piece;
            open_and_start();
            expect_answer();
            (void)tear_down(&unused);
        }
    }
    (void)set_up(state);
}

static void test_conn_proxy_that_refuses_ends_the_dial(void **state)
{
    (void)state;
    fake.proxy_answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno\n";
    expect_refusal(CMX_ERR_PROXY, 502);
}

static void test_conn_proxy_that_wants_a_key_says_so(void **state)
{
    (void)state;
    fake.proxy_answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    expect_refusal(CMX_ERR_PROXY_AUTH, 407);
}

static void test_conn_proxy_redirect_is_not_followed(void **state)
{
    (void)state;
    fake.proxy_answer = "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\n\r\n";
    expect_refusal(CMX_ERR_PROXY, 302);
}

static void test_conn_proxy_that_is_none_is_not_waited_for(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",     "\x15\x03\x01",
        "HTTP/2 200\r\n\r\n",          "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",    "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 2 0 OK yes\r\n\r\n", "HTTP/1.1-200 perhaps\r\n\r\n",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(answers); i++) {
        void *unused = NULL;
        (void)set_up(&unused);
        fake.proxy_answer = answers[i];
        expect_refusal(CMX_ERR_PROXY, 0);
        assert_int_equal(fake.now_ms, FAKE_PORT_START_MS);
        (void)tear_down(&unused);
    }
    (void)set_up(state);
}

/* An answer of so many bytes with its empty line opens the tunnel, one more byte is refused. */
static void expect_limit(size_t limit_bytes, uint32_t read_bytes)
{
    static char answer[LONG_BYTES + 1];
    static const char begin[] = "HTTP/1.1 200 OK\r\nX: ";
    for (size_t more = 0; more < 2; more++) {
        void *unused = NULL;
        size_t len = limit_bytes + more;
        (void)set_up(&unused);
        config.read_bytes = read_bytes;
        memset(answer, 'x', len);
        memcpy(answer, begin, sizeof(begin) - 1);
        memcpy(answer + len - 4, "\r\n\r\n", 5);
        fake.proxy_answer = answer;
        fake.proxy_piece = 1000;
        if (more == 0) {
            open_and_start();
            expect_answer();
        } else {
            expect_refusal(CMX_ERR_PROXY, 0);
        }
        (void)tear_down(&unused);
    }
}

static void test_conn_proxy_head_has_a_limit(void **state)
{
    expect_limit(CMX_LIMIT_PROXY_HEAD_BYTES, 16384);
    (void)set_up(state);
}

/* What does not fit the buffer is not waited for in vain. */
static void test_conn_proxy_head_is_limited_by_the_buffer(void **state)
{
    expect_limit(CMX_LIMIT_PROXY_HEAD_BYTES < 2048 ? CMX_LIMIT_PROXY_HEAD_BYTES : 2048, 2048);
    (void)set_up(state);
}

static void test_conn_proxy_that_ends_instead_of_an_answer(void **state)
{
    (void)state;
    fake.proxy_answer = NULL;
    open_and_start();
    assert_int_equal(cmx_client_wait(client, &event, 1), CMX_AGAIN);
    fake.sockets[0].recv_status = CMX_ERR_CLOSED;
    expect_done(CMX_ERR_PROXY);
    assert_int_equal(proxy_status, 0);
}

static void test_conn_proxy_that_says_nothing_is_a_connect_timeout(void **state)
{
    (void)state;
    fake.proxy_answer = "HTTP/1.1 200 OK\r\n"; /* and no end of it */
    open_and_start();
    expect_done(CMX_ERR_TIMEOUT_CONNECT);
    assert_int_equal(fake.now_ms, FAKE_PORT_START_MS + config.connect_timeout_ms);
}

static void test_conn_proxy_bad_fields_are_named(void **state)
{
    (void)state;
    static char longest[CMX_LIMIT_PROXY_KEY_BYTES + 2];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[3] = ':';
    const struct {
        const char *url;
        const char *key;
        int status;
        const char *field;
    } cases[] = {
        {"", NULL, CMX_ERR_URL, "proxy_url"},
        {"proxy.test:3128", NULL, CMX_ERR_URL, "proxy_url"},
        {"https://proxy.test", NULL, CMX_ERR_URL, "proxy_url"},
        {"socks5://proxy.test", NULL, CMX_ERR_URL, "proxy_url"},
        {"http://user:pass@proxy.test", NULL, CMX_ERR_URL, "proxy_url"},
        {"http://proxy.test/path", NULL, CMX_ERR_URL, "proxy_url"},
        {NULL, "user:pass", CMX_ERR_ARGUMENT, "proxy_key"},
        {"http://proxy.test", "", CMX_ERR_ARGUMENT, "proxy_key"},
        {"http://proxy.test", "user", CMX_ERR_ARGUMENT, "proxy_key"},
        {"http://proxy.test", longest, CMX_ERR_ARGUMENT, "proxy_key"},
        {"http://proxy.test", "user:pa\r\nss", CMX_ERR_KEY, "proxy_key"},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(cases); i++) {
        const char *bad_field = NULL;
        origin.proxy_url = cases[i].url;
        origin.proxy_key = cases[i].key;
        assert_int_equal(add_origin(&bad_field), cases[i].status);
        assert_string_equal(bad_field, cases[i].field);
    }
    longest[CMX_LIMIT_PROXY_KEY_BYTES] = '\0';
    origin.proxy_url = "http://proxy.test";
    origin.proxy_key = longest;
    assert_int_equal(add_origin(NULL), CMX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_conn_proxy_is_asked_for_the_origin),
        TEST(test_conn_proxy_gets_its_key_and_never_the_origins),
        TEST(test_conn_proxy_literals_are_not_resolved),
        TEST(test_conn_proxy_is_asked_for_a_pinned_address),
        TEST(test_conn_proxy_answers_that_open_the_tunnel),
        TEST(test_conn_proxy_that_refuses_ends_the_dial),
        TEST(test_conn_proxy_that_wants_a_key_says_so),
        TEST(test_conn_proxy_redirect_is_not_followed),
        TEST(test_conn_proxy_that_is_none_is_not_waited_for),
        TEST(test_conn_proxy_head_has_a_limit),
        TEST(test_conn_proxy_head_is_limited_by_the_buffer),
        TEST(test_conn_proxy_that_ends_instead_of_an_answer),
        TEST(test_conn_proxy_that_says_nothing_is_a_connect_timeout),
        TEST(test_conn_proxy_bad_fields_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
