/* SPDX-License-Identifier: MIT */
/*
 * A client's connections over a port without a system: dials that fail, bursts, idle ends, callers
 * that take their time, failures before the first SETTINGS. What is asserted is what the caller
 * sees and what the port was asked for.
 */
#include "chatmux/client.h"
#include "base/base.h"
#include "pool/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/fake_port.h"

enum { TURNS = 12, BURST = 40, MINUTE_MS = 60000 };

#define JSON_ANSWER                                                                             \
    "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"one\"},\"finish_reason\":\"stop\"}," \
    "{\"index\":1,\"message\":{\"content\":\"two\"},\"finish_reason\":\"stop\"}]}"
#define TOKEN "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
#define LAST_TOKEN                                                    \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}," \
    "\"finish_reason\":\"stop\"}]}\n\n"

CMX_BLOCK(memory, 2 * 1024 * 1024);
static cmx_config config;
static cmx_client *client;
static cmx_event event;

static int set_up(void **state)
{
    (void)state;
    fake_port_reset();
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.connections_max = 2;
    config.requests_max = BURST + 1;
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
    cmx_origin origin;
    cmx_origin_id id;
    assert_true(cmx_client_bytes(&config) <= sizeof(memory));
    assert_int_equal(cmx_client_init(&client, memory, sizeof(memory), &config, &fake.table, NULL),
                     CMX_OK);
    cmx_origin_default(&origin);
    origin.base_url = "http://127.0.0.1:8080";
    origin.auth = CMX_AUTH_NONE;
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), CMX_OK);
}

static cmx_id start(void)
{
    cmx_request request;
    cmx_id id = 0;
    cmx_request_default(&request);
    request.path = "/models";
    assert_int_equal(cmx_request_start(client, &request, &id, NULL), CMX_OK);
    return id;
}

static cmx_id start_chat(bool stream)
{
    static const cmx_message message = {.role = CMX_ROLE_USER, .text = "hello"};
    static char answer[1024];
    cmx_chat chat;
    cmx_id id = 0;
    cmx_chat_default(&chat);
    chat.model = "m";
    chat.messages = &message;
    chat.message_count = 1;
    chat.stream = stream;
    chat.answer = stream ? NULL : answer;
    chat.answer_bytes = stream ? 0 : sizeof(answer);
    assert_int_equal(cmx_chat_start(client, &chat, &id, NULL), CMX_OK);
    return id;
}

/* Turns without time passing, until nothing happens any more; no event may come. */
static void settle(void)
{
    for (unsigned i = 0; i < TURNS; i++) {
        assert_int_equal(cmx_client_tick(client), CMX_OK);
        assert_int_not_equal(cmx_client_next_event(client, &event), CMX_OK);
    }
    assert_int_not_equal(cmx_client_next_due_ms(client), 0);
}

/* Waits for the next event, whatever time it takes. */
static void expect_event(enum cmx_event_kind kind)
{
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, kind);
}

static void expect_done(enum cmx_verdict verdict, int error)
{
    expect_event(CMX_EVENT_DONE);
    assert_string_equal(cmx_verdict_name(event.done.verdict), cmx_verdict_name(verdict));
    assert_string_equal(cmx_error_name(event.done.error), cmx_error_name(error));
}

static h2_peer *peer_of(uint32_t socket)
{
    assert_true(socket < fake.opened);
    return &fake.sockets[socket].peer;
}

/* Sends a head without an end. */
static void send_head(uint32_t socket, int32_t id, const char *type)
{
    const char *const field[2] = {"content-type", type};
    h2_peer_head(peer_of(socket), id, 0, "200", field);
}

static void send_data(uint32_t socket, int32_t id, const char *text, bool end)
{
    h2_peer_frame(peer_of(socket), NGHTTP2_DATA, end ? NGHTTP2_FLAG_END_STREAM : 0, id, text);
}

/* One request from start to DONE on socket 0, so that the connection is open and known. */
static void warm_up(void)
{
    (void)start();
    settle();
    h2_peer_answer(peer_of(0), 1, 0);
    expect_event(CMX_EVENT_OPEN);
    expect_done(CMX_VERDICT_DONE, CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
}

static void test_conn_dial_that_fails_at_once_is_not_repeated_at_once(void **state)
{
    (void)state;
    fake.streams_max = 1;
    open_client();
    warm_up();
    cmx_id first = start();
    settle();
    fake.open_status = CMX_ERR_UNREACHABLE;
    cmx_id second = start(); /* no room, no route */
    settle();
    assert_int_equal(fake.open_calls, 2);
    uint32_t due_ms = cmx_client_next_due_ms(client);
    assert_true(due_ms > 0); /* of the back-off that the fixed entropy draws */
    assert_true(due_ms <= config.dial_backoff_ms);

    h2_peer_answer(peer_of(0), 3, 0); /* it gets the room of the first */
    expect_event(CMX_EVENT_OPEN);
    expect_done(CMX_VERDICT_DONE, CMX_OK);
    assert_true(event.id == first);
    settle();
    h2_peer_answer(peer_of(0), 5, 0);
    expect_event(CMX_EVENT_OPEN);
    assert_true(event.id == second);
    expect_done(CMX_VERDICT_DONE, CMX_OK);
}

static void test_conn_dial_is_tried_again_after_the_pause(void **state)
{
    (void)state;
    fake.streams_max = 1;
    open_client();
    warm_up();
    (void)start();
    settle();
    fake.open_status = CMX_ERR_UNREACHABLE;
    (void)start();
    settle();
    fake.open_status = CMX_OK;
    assert_int_equal(cmx_client_wait(client, &event, config.dial_backoff_ms + 10), CMX_AGAIN);
    assert_int_equal(fake.opened, 2);
    assert_int_equal(peer_of(1)->stream_count, 1);
}

static void test_conn_first_dial_that_fails_ends_who_waits(void **state)
{
    (void)state;
    fake.open_status = CMX_ERR_UNREACHABLE;
    config.replays_max = 0;
    open_client();
    (void)start();
    (void)start_chat(true);
    expect_done(CMX_VERDICT_NETWORK, CMX_ERR_UNREACHABLE);
    assert_int_equal(event.done.attempts, 0);
    expect_done(CMX_VERDICT_NETWORK, CMX_ERR_UNREACHABLE);
    assert_int_equal(fake.open_calls, 1);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
}

static void test_conn_end_before_settings_ends_who_waits(void **state)
{
    (void)state;
    config.streams_before_settings = 1;
    config.connections_max = 1;
    config.attempts_max = 1;
    config.replays_max = 0;
    fake.is_mute = true;
    open_client();
    (void)start();
    (void)start();
    settle();
    fake.sockets[0].recv_status = CMX_ERR_CLOSED;
    expect_done(CMX_VERDICT_NETWORK, CMX_ERR_CLOSED);
    expect_done(CMX_VERDICT_NETWORK, CMX_ERR_CLOSED);
    assert_int_equal(fake.opened, 1); /* and not once more for the second */
}

static void test_conn_mute_server_is_a_settings_timeout(void **state)
{
    (void)state;
    config.replays_max = 0;
    fake.is_mute = true;
    config.attempts_max = 1;
    open_client();
    (void)start();
    expect_done(CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_SETTINGS);
    assert_int_equal(fake.now_ms, FAKE_PORT_START_MS + config.settings_timeout_ms);
}

static void test_conn_burst_leaves_on_one_connection_without_the_servers_help(void **state)
{
    (void)state;
    open_client();
    warm_up();
    for (unsigned i = 0; i < BURST; i++) {
        (void)start();
    }
    settle();
    assert_int_equal(fake.opened, 1);
    assert_int_equal(peer_of(0)->stream_count, 1 + BURST);
}

static void test_conn_burst_into_a_full_socket_leaves_when_it_drains(void **state)
{
    (void)state;
    config.connections_max = 1;
    open_client();
    warm_up();
    fake.sockets[0].is_deaf = true;
    for (unsigned i = 0; i < BURST; i++) {
        (void)start();
    }
    settle();
    assert_int_equal(peer_of(0)->stream_count, 1);
    fake.sockets[0].is_deaf = false;
    assert_int_equal(cmx_client_wait(client, &event, 10), CMX_AGAIN);
    assert_int_equal(peer_of(0)->stream_count, 1 + BURST);
}

static void test_conn_closed_while_idle_costs_no_request(void **state)
{
    (void)state;
    open_client();
    warm_up();
    fake.sockets[0].recv_status = CMX_ERR_CLOSED; /* nobody looked yet */
    (void)start();
    settle();
    assert_int_equal(fake.opened, 2);
    assert_false(fake.sockets[0].is_open);
    h2_peer_answer(peer_of(1), 1, 0);
    expect_event(CMX_EVENT_OPEN);
    expect_done(CMX_VERDICT_DONE, CMX_OK);
    assert_int_equal(event.done.attempts, 1);
}

static void test_conn_pings_do_not_keep_an_idle_connection(void **state)
{
    (void)state;
    open_client();
    warm_up();
    settle();
    assert_int_equal(cmx_client_next_due_ms(client), config.idle_timeout_ms);
    for (unsigned i = 0; i < 3; i++) {
        fake.now_ms += config.idle_timeout_ms / 4;
        h2_peer_frame(peer_of(0), NGHTTP2_PING, 0, 0, "pingping");
        assert_int_equal(cmx_client_tick(client), CMX_OK);
        settle();
    }
    assert_true(fake.sockets[0].is_open);
    fake.now_ms += cmx_client_next_due_ms(client);
    assert_true(fake.now_ms <= FAKE_PORT_START_MS + config.idle_timeout_ms + 10);
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    assert_false(fake.sockets[0].is_open);
    assert_true(peer_of(0)->goaway_received);
    settle();
    assert_int_equal(cmx_client_next_due_ms(client), UINT32_MAX);
}

static void test_conn_slow_caller_is_not_a_stalled_server(void **state)
{
    (void)state;
    open_client();
    (void)start();
    settle();
    send_head(0, 1, "text/plain");
    send_data(0, 1, "one", false);
    expect_event(CMX_EVENT_OPEN);
    expect_event(CMX_EVENT_DATA);
    fake.now_ms += 10 * MINUTE_MS; /* the caller is busy with it */
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_AGAIN);
    fake.now_ms += 10 * MINUTE_MS; /* and busy elsewhere, while more comes */
    send_data(0, 1, "two", false);
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    expect_event(CMX_EVENT_DATA);
    const uint64_t since_ms = fake.now_ms;
    expect_done(CMX_VERDICT_STALLED, CMX_ERR_TIMEOUT_PROGRESS); /* now it is silent */
    assert_int_equal(fake.now_ms - since_ms, config.progress_timeout_ms);
}

static void test_conn_silent_stream_stalls_while_others_talk(void **state)
{
    (void)state;
    open_client();
    cmx_id silent = start();
    (void)start();
    settle();
    send_head(0, 1, "text/plain");
    send_data(0, 1, "one", false);
    send_head(0, 3, "text/plain");
    expect_event(CMX_EVENT_OPEN);
    expect_event(CMX_EVENT_DATA);
    expect_event(CMX_EVENT_OPEN);
    const uint64_t since_ms = fake.now_ms;
    while (fake.now_ms - since_ms < config.progress_timeout_ms) {
        assert_int_equal(cmx_client_next_event(client, &event), CMX_AGAIN);
        fake.now_ms += 1000;
        send_data(0, 3, "x", false); /* at every look there is input of the other one */
        expect_event(CMX_EVENT_DATA);
    }
    expect_done(CMX_VERDICT_STALLED, CMX_ERR_TIMEOUT_PROGRESS);
    assert_true(event.id == silent);
    assert_in_range(fake.now_ms - since_ms, config.progress_timeout_ms,
                    config.progress_timeout_ms + 1);
}

static void test_conn_whole_answer_waits_for_its_caller(void **state)
{
    (void)state;
    open_client();
    (void)start_chat(false);
    settle();
    send_head(0, 1, "application/json");
    send_data(0, 1, JSON_ANSWER, true);
    expect_event(CMX_EVENT_OPEN);
    expect_event(CMX_EVENT_DELTA);
    fake.now_ms += 60ull * MINUTE_MS;
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    expect_event(CMX_EVENT_DELTA);
    assert_memory_equal(event.delta.text.data, "two", 3);
    expect_done(CMX_VERDICT_DONE, CMX_OK);
    assert_int_equal(event.done.deltas, 2);
}

static void test_conn_total_timeout_amid_a_chunk_is_not_complete(void **state)
{
    (void)state;
    config.total_timeout_ms = 1000;
    open_client();
    (void)start_chat(true);
    settle();
    send_head(0, 1, "text/event-stream");
    send_data(0, 1, TOKEN LAST_TOKEN "data: [DONE]\n\n", true);
    expect_event(CMX_EVENT_OPEN);
    expect_event(CMX_EVENT_DELTA);
    fake.now_ms += 1000;
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    expect_done(CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
    assert_int_equal(event.done.deltas, 1);
}

static void test_conn_cancel_amid_a_chunk_spares_the_others(void **state)
{
    (void)state;
    open_client();
    cmx_id first = start_chat(true);
    (void)start_chat(true);
    settle();
    send_head(0, 1, "text/event-stream");
    send_head(0, 3, "text/event-stream");
    expect_event(CMX_EVENT_OPEN);
    expect_event(CMX_EVENT_OPEN);
    send_data(0, 1, TOKEN TOKEN TOKEN, false);
    send_data(0, 3, TOKEN LAST_TOKEN "data: [DONE]\n\n", true);
    expect_event(CMX_EVENT_DELTA);
    assert_true(event.id == first);
    assert_int_equal(cmx_client_cancel(client, first), CMX_OK);
    expect_done(CMX_VERDICT_CANCELLED, CMX_ERR_CANCELLED);
    assert_true(event.id == first);
    expect_event(CMX_EVENT_DELTA);
    expect_event(CMX_EVENT_DELTA);
    expect_done(CMX_VERDICT_DONE, CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    assert_true(h2_peer_find(peer_of(0), 1)->reset);
    assert_int_equal(h2_peer_find(peer_of(0), 1)->reset_code, NGHTTP2_CANCEL);
}

static void test_conn_lost_amid_a_chunk_delivers_it_and_ends(void **state)
{
    (void)state;
    open_client();
    (void)start_chat(true);
    settle();
    send_head(0, 1, "text/event-stream");
    send_data(0, 1, TOKEN TOKEN, false);
    expect_event(CMX_EVENT_OPEN);
    expect_event(CMX_EVENT_DELTA);
    fake.sockets[0].recv_status = CMX_ERR_RESET;
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    expect_event(CMX_EVENT_DELTA);
    expect_done(CMX_VERDICT_TRUNCATED, CMX_ERR_RESET);
    assert_int_equal(event.done.attempts, 1);
}

static void test_conn_calm_goaway_replays_after_a_pause(void **state)
{
    (void)state;
    config.retry_base_ms = 1; /* the pause of the request itself does not matter here */
    config.retry_max_ms = 1;
    open_client();
    (void)start();
    settle();
    const uint64_t since_ms = fake.now_ms;
    h2_peer_goaway(peer_of(0), 0, NGHTTP2_ENHANCE_YOUR_CALM);
    expect_event(CMX_EVENT_RETRY);
    assert_int_equal(event.retry.reason, CMX_RETRY_REFUSED);
    assert_int_equal(cmx_client_wait(client, &event, config.dial_backoff_ms + 10), CMX_AGAIN);
    assert_int_equal(fake.opened, 2);
    assert_true(fake.now_ms - since_ms >= config.dial_backoff_ms);
    h2_peer_answer(peer_of(1), 1, 0);
    expect_event(CMX_EVENT_OPEN);
    expect_done(CMX_VERDICT_DONE, CMX_OK);
    assert_int_equal(event.done.attempts, 1);
    assert_int_equal(event.done.replays, 1);
}

static void test_conn_abandon_touches_no_socket(void **state)
{
    (void)state;
    open_client();
    warm_up();
    (void)start();
    settle();
    cmx_client_abandon(client);
    client = NULL;
    assert_int_equal(fake.closes, 0);
    assert_int_equal(fake.deinits, 1);
    assert_true(fake.was_abandoned);
    assert_false(peer_of(0)->goaway_received);
}

/* The sum that the clocks of streams stand still for. */
static void test_conn_unread_time_is_summed_over_waits(void **state)
{
    (void)state;
    static uint8_t buffers[256 * 1024];
    cmx_conn_env env = {.config = &config};
    cmx_conn conn;
    assert_true(cmx_conn_memory_bytes(&config) <= sizeof buffers);
    cmx_conn_init(&conn, 0, &env, buffers);

    assert_int_equal(cmx_conn_unread_ms(&conn, 1000), 0);
    cmx_conn_on_ready(&conn, CMX_SOCKET_WRITE, 1000);
    assert_int_equal(cmx_conn_unread_ms(&conn, 1500), 0); /* nothing to read */
    cmx_conn_on_ready(&conn, CMX_SOCKET_READ, 2000);
    cmx_conn_on_ready(&conn, CMX_SOCKET_READ, 2040); /* still the same wait */
    assert_int_equal(cmx_conn_unread_ms(&conn, 2050), 50);
    cmx_conn_on_drained(&conn, 2100);
    assert_int_equal(cmx_conn_unread_ms(&conn, 9000), 100);
    cmx_conn_on_ready(&conn, CMX_SOCKET_READ, 9000);
    assert_int_equal(cmx_conn_unread_ms(&conn, 9007), 107);
    cmx_conn_on_drained(&conn, 9010);
    assert_int_equal(cmx_conn_unread_ms(&conn, 9010), 110);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_conn_dial_that_fails_at_once_is_not_repeated_at_once),
        TEST(test_conn_dial_is_tried_again_after_the_pause),
        TEST(test_conn_first_dial_that_fails_ends_who_waits),
        TEST(test_conn_end_before_settings_ends_who_waits),
        TEST(test_conn_mute_server_is_a_settings_timeout),
        TEST(test_conn_burst_leaves_on_one_connection_without_the_servers_help),
        TEST(test_conn_burst_into_a_full_socket_leaves_when_it_drains),
        TEST(test_conn_closed_while_idle_costs_no_request),
        TEST(test_conn_pings_do_not_keep_an_idle_connection),
        TEST(test_conn_slow_caller_is_not_a_stalled_server),
        TEST(test_conn_silent_stream_stalls_while_others_talk),
        TEST(test_conn_whole_answer_waits_for_its_caller),
        TEST(test_conn_total_timeout_amid_a_chunk_is_not_complete),
        TEST(test_conn_cancel_amid_a_chunk_spares_the_others),
        TEST(test_conn_lost_amid_a_chunk_delivers_it_and_ends),
        TEST(test_conn_calm_goaway_replays_after_a_pause),
        TEST(test_conn_abandon_touches_no_socket),
        TEST(test_conn_unread_time_is_summed_over_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
