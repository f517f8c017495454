/* SPDX-License-Identifier: MIT */
/*
 * The race of a host's addresses (RFC 8305) as the port sees it: which sockets are opened when,
 * which are closed, which of them carries the request. The planner has tests of its own.
 */
#include "base/base.h"
#include "chatmux/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/fake_port.h"

enum { DELAY_MS = 250, TIMEOUT_MS = 1000 };

CMX_BLOCK(memory, 2 * 1024 * 1024);
static cmx_config config;
static cmx_client *client;
static cmx_event event;

static int set_up(void **state)
{
    (void)state;
    fake_port_reset();
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.attempts_max = 1;
    config.replays_max = 0; /* each failure is to be seen */
    config.connections_max = 1;
    config.requests_max = 4;
    config.replays_max = 0; /* one dial, one end */
    config.connect_timeout_ms = TIMEOUT_MS;
    assert_int_equal(config.attempt_delay_ms, DELAY_MS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmx_client_deinit(client);
    client = NULL;
    for (uint32_t i = 0; i < fake.opened; i++) {
        assert_false(fake.sockets[i].is_open); /* whatever became of the race */
    }
    fake_port_deinit();
    return 0;
}

/* The name has one address per letter: '4' or '6'. */
static void set_addresses(const char *families)
{
    fake.address_count = (uint32_t)strlen(families);
    for (uint32_t i = 0; i < fake.address_count; i++) {
        fake.addresses[i] = (cmx_address){.family = families[i] == '4' ? 4 : 6, .ip = {(uint8_t)i}};
    }
}

static void open_client(void)
{
    cmx_origin origin;
    cmx_origin_id id;
    assert_true(cmx_client_bytes(&config) <= sizeof(memory));
    assert_int_equal(cmx_client_init(&client, memory, sizeof(memory), &config, &fake.table, NULL),
                     CMX_OK);
    cmx_origin_default(&origin);
    origin.base_url = "http://relay.test:8080";
    origin.auth = CMX_AUTH_NONE;
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), CMX_OK);
}

static void start(void)
{
    cmx_request request;
    cmx_id id = 0;
    cmx_request_default(&request);
    request.path = "/models";
    assert_int_equal(cmx_request_start(client, &request, &id, NULL), CMX_OK);
}

/* Lets that much time pass; no event may come. */
static void live(uint32_t ms)
{
    assert_int_equal(cmx_client_wait(client, &event, ms), CMX_AGAIN);
}

static void expect_done(int error)
{
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
    assert_string_equal(cmx_error_name(event.done.error), cmx_error_name(error));
}

/* The request is answered over that socket, the only one that is open. */
static void expect_answer(uint32_t socket)
{
    live(1);
    for (uint32_t i = 0; i < fake.opened; i++) {
        assert_int_equal(fake.sockets[i].is_open, i == socket);
    }
    h2_peer_answer(&fake.sockets[socket].peer, 1, 0);
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_OPEN);
    expect_done(CMX_OK);
}

static uint64_t opened_after_ms(uint32_t socket)
{
    assert_true(socket < fake.opened);
    return fake.sockets[socket].opened_ms - FAKE_PORT_START_MS;
}

static void test_conn_race_silent_address_is_joined_after_the_delay(void **state)
{
    (void)state;
    set_addresses("64");
    fake.sockets[0].is_silent = true;
    open_client();
    start();
    live(DELAY_MS - 1);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.sockets[0].to.family, 6);
    live(1);
    assert_int_equal(fake.opened, 2);
    assert_int_equal(opened_after_ms(1), DELAY_MS);
    assert_int_equal(fake.sockets[1].to.family, 4);
    expect_answer(1);
    assert_int_equal(fake.sockets[0].closed_ms, FAKE_PORT_START_MS + DELAY_MS); /* at once */
}

static void test_conn_race_refused_address_is_followed_at_once(void **state)
{
    (void)state;
    set_addresses("64");
    fake.sockets[0].connect_status = CMX_ERR_REFUSED;
    open_client();
    start();
    expect_answer(1);
    assert_int_equal(opened_after_ms(1), 0);
}

static void test_conn_race_slow_first_address_may_still_win(void **state)
{
    (void)state;
    set_addresses("64");
    fake.sockets[0].is_silent = true;
    fake.sockets[1].is_silent = true;
    open_client();
    start();
    live(DELAY_MS + 100);
    assert_int_equal(fake.opened, 2);
    fake.sockets[0].is_silent = false;
    expect_answer(0);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
}

/* Both are ready in the same instant: one wins, the other is not used, though it has connected. */
static void test_conn_race_loser_that_connects_is_closed(void **state)
{
    (void)state;
    cmx_stats stats;
    set_addresses("64");
    fake.sockets[0].is_silent = true;
    fake.sockets[1].is_silent = true;
    open_client();
    start();
    live(DELAY_MS + 100);
    fake.sockets[0].is_silent = false;
    fake.sockets[1].is_silent = false;
    expect_answer(0);
    assert_int_equal(fake.sockets[1].peer.stream_count, 0);
    cmx_client_stats(client, &stats);
    assert_int_equal(stats.connections_total, 1);
}

static void test_conn_race_that_all_lose_ends_with_the_last_error(void **state)
{
    (void)state;
    set_addresses("64");
    fake.sockets[0].connect_status = CMX_ERR_UNREACHABLE;
    fake.sockets[1].connect_status = CMX_ERR_REFUSED;
    open_client();
    start();
    expect_done(CMX_ERR_REFUSED);
    assert_int_equal(fake.now_ms, FAKE_PORT_START_MS);
    assert_int_equal(fake.closes, 2);
}

/* Each address has its whole time, however many raced before. */
static void test_conn_race_every_address_has_a_timeout_of_its_own(void **state)
{
    (void)state;
    set_addresses("6464");
    for (uint32_t i = 0; i < 4; i++) {
        fake.sockets[i].is_silent = true;
    }
    open_client();
    start();
    expect_done(CMX_ERR_TIMEOUT_CONNECT);
    assert_int_equal(fake.opened, 4);
    assert_int_equal(opened_after_ms(1), DELAY_MS);
    assert_int_equal(opened_after_ms(2), TIMEOUT_MS); /* when the first gave its place up */
    assert_int_equal(opened_after_ms(3), TIMEOUT_MS + DELAY_MS);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(fake.sockets[i].closed_ms - fake.sockets[i].opened_ms, TIMEOUT_MS);
    }
    assert_int_equal(fake.now_ms, FAKE_PORT_START_MS + 2 * TIMEOUT_MS + DELAY_MS);
}

static void test_conn_race_has_never_more_than_two_sockets(void **state)
{
    (void)state;
    set_addresses("66664444");
    for (uint32_t i = 0; i < 8; i++) {
        fake.sockets[i].is_silent = true;
    }
    open_client();
    start();
    for (unsigned i = 0; i < 100 && fake.closes < 8; i++) {
        assert_true(fake.opened - fake.closes <= 2);
        int rc = cmx_client_wait(client, &event, 50);
        assert_true(rc == CMX_AGAIN || fake.closes == 8);
    }
    assert_int_equal(fake.closes, 8);
    assert_int_equal(event.done.error, CMX_ERR_TIMEOUT_CONNECT);
}

/* A host may have more addresses than race: the other family must be among those that do. */
static void test_conn_race_other_family_is_not_crowded_out(void **state)
{
    (void)state;
    set_addresses("6666666666664");
    fake.sockets[0].is_silent = true;
    open_client();
    start();
    live(DELAY_MS);
    assert_int_equal(fake.sockets[1].to.family, 4);
    expect_answer(1);
}

static void test_conn_race_winner_family_goes_first_next_time(void **state)
{
    (void)state;
    set_addresses("64");
    fake.sockets[0].is_silent = true;
    open_client();
    start();
    live(DELAY_MS);
    expect_answer(1);
    fake.sockets[1].recv_status = CMX_ERR_CLOSED;
    start();
    live(1);
    assert_int_equal(fake.opened, 3);
    assert_int_equal(fake.sockets[2].to.family, 4);
    expect_answer(2);
    assert_int_equal(fake.opened, 3);
}

static void test_conn_race_name_is_resolved_for_every_dial(void **state)
{
    (void)state;
    set_addresses("4");
    open_client();
    start();
    expect_answer(0);
    fake.sockets[0].recv_status = CMX_ERR_CLOSED;
    fake.addresses[0].ip[3] = 77; /* it moved */
    start();
    live(1);
    assert_int_equal(fake.resolves, 2);
    assert_string_equal(fake.host, "relay.test");
    assert_int_equal(fake.sockets[1].to.ip[3], 77);
    assert_int_equal(fake.sockets[1].to.port, 8080);
    expect_answer(1);
}

static void test_conn_race_amid_it_the_client_may_end(void **state)
{
    (void)state;
    set_addresses("64");
    fake.sockets[0].is_silent = true;
    fake.sockets[1].is_silent = true;
    open_client();
    start();
    live(DELAY_MS + 1);
    assert_int_equal(fake.opened, 2); /* tear_down() looks whether both are closed */
}

static void test_conn_race_sockets_get_the_write_timeout(void **state)
{
    (void)state;
    config.write_timeout_ms = 12345;
    set_addresses("4");
    open_client();
    start();
    expect_answer(0);
    assert_int_equal(fake.user_timeout_ms, 12345);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_conn_race_silent_address_is_joined_after_the_delay),
        TEST(test_conn_race_refused_address_is_followed_at_once),
        TEST(test_conn_race_slow_first_address_may_still_win),
        TEST(test_conn_race_loser_that_connects_is_closed),
        TEST(test_conn_race_that_all_lose_ends_with_the_last_error),
        TEST(test_conn_race_every_address_has_a_timeout_of_its_own),
        TEST(test_conn_race_has_never_more_than_two_sockets),
        TEST(test_conn_race_other_family_is_not_crowded_out),
        TEST(test_conn_race_winner_family_goes_first_next_time),
        TEST(test_conn_race_name_is_resolved_for_every_dial),
        TEST(test_conn_race_amid_it_the_client_may_end),
        TEST(test_conn_race_sockets_get_the_write_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
