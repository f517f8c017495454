/* SPDX-License-Identifier: MIT */
/*
 * The conformance checks of waiting: levels, limits of time and of the list, wakeups, and the one
 * descriptor for foreign loops.
 */
#include "port_conformance_world.h"

/* A wait that is meant to last; the check only asks that it is not shorter. */
#define SHORT_MS 30u

/* Waits with nothing ready, and tells how long it took. */
static uint64_t wait_for_nothing(uint32_t timeout_ms)
{
    cmx_port_ready out[WORLD_SOCKETS];
    uint64_t begin_ms = world.port->now_ms(world.state);
    size_t count = 77;

    assert_int_equal(world.port->wait(world.state, timeout_ms, out, WORLD_SOCKETS, &count), CMX_OK);
    assert_int_equal(count, 0);
    return world.port->now_ms(world.state) - begin_ms;
}

static void wake_client(void *unused)
{
    (void)unused;
    world.port->wakeup(world.state);
}

/* Opens four connections that all want to write and can. */
static void open_four_ready(uint32_t sockets[4])
{
    world_listen();
    for (int i = 0; i < 4; i++) {
        sockets[i] = world_connect();
        world.port->socket_want(world.state, sockets[i], CMX_SOCKET_WRITE);
    }
}

static void test_port_wait_without_time_returns_at_once(void **unused)
{
    (void)unused;
    assert_true(wait_for_nothing(0) < WORLD_LONG_MS);
}

static void test_port_wait_lasts_as_long_as_told(void **unused)
{
    (void)unused;
    /* A clock of whole milliseconds may show one less than passed. */
    assert_in_range(wait_for_nothing(SHORT_MS), SHORT_MS - 1, WORLD_LONG_MS - 1);
}

static void test_port_socket_that_wants_nothing_is_never_ready(void **unused)
{
    int connection;
    uint32_t socket;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    assert_true(world.peer->send(world.peer->ctx, connection, "x", 1));
    assert_int_equal(world_ready(socket, SHORT_MS), 0);
    world.peer->reset(world.peer->ctx, connection);
    /* Even torn down it must not end a wait: a paused connection would spin the loop. */
    assert_in_range(wait_for_nothing(SHORT_MS), SHORT_MS - 1, WORLD_LONG_MS - 1);
}

static void test_port_interest_taken_back_is_not_reported(void **unused)
{
    int connection;
    uint32_t socket;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    assert_true(world.peer->send(world.peer->ctx, connection, "x", 1));
    world_until(socket, CMX_SOCKET_READ);
    world.port->socket_want(world.state, socket, 0);
    assert_in_range(wait_for_nothing(SHORT_MS), SHORT_MS - 1, WORLD_LONG_MS - 1);
    world.peer->reset(world.peer->ctx, connection);
    assert_in_range(wait_for_nothing(SHORT_MS), SHORT_MS - 1, WORLD_LONG_MS - 1);
    world_until(socket, CMX_SOCKET_READ);
}

static void test_port_readiness_is_a_level_not_an_edge(void **unused)
{
    char byte;
    int connection;
    uint32_t socket;
    size_t got;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    assert_true(world.peer->send(world.peer->ctx, connection, "ab", 2));
    world_until(socket, CMX_SOCKET_READ);
    assert_int_equal(world_ready(socket, 0), CMX_SOCKET_READ);
    assert_int_equal(world_recv(socket, &byte, 1, &got), CMX_OK);
    assert_int_equal(world_ready(socket, 0), CMX_SOCKET_READ);
    assert_int_equal(world_recv(socket, &byte, 1, &got), CMX_OK);
    assert_int_equal(world_ready(socket, 0), 0);
}

static void test_port_ready_tells_only_what_was_wanted(void **unused)
{
    const uint32_t both = CMX_SOCKET_READ | CMX_SOCKET_WRITE;
    int connection;
    uint32_t socket;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    assert_true(world.peer->send(world.peer->ctx, connection, "x", 1));
    world_until(socket, CMX_SOCKET_READ);
    world.port->socket_want(world.state, socket, CMX_SOCKET_WRITE);
    assert_int_equal(world_ready(socket, WORLD_STEP_MS), CMX_SOCKET_WRITE);
    world.port->socket_want(world.state, socket, both);
    assert_int_equal(world_ready(socket, WORLD_STEP_MS), both);
    world.port->socket_want(world.state, socket, both);
    assert_int_equal(world_ready(socket, WORLD_STEP_MS), both);
    /* A connection torn down is ready for anything, but still told only what was asked. */
    world.peer->reset(world.peer->ctx, connection);
    world_step();
    world.port->socket_want(world.state, socket, CMX_SOCKET_READ);
    assert_int_equal(world_ready(socket, WORLD_STEP_MS), CMX_SOCKET_READ);
    world.port->socket_want(world.state, socket, CMX_SOCKET_WRITE);
    assert_int_equal(world_ready(socket, WORLD_STEP_MS), CMX_SOCKET_WRITE);
}

static void test_port_several_ready_sockets_come_in_one_wait(void **unused)
{
    cmx_port_ready out[WORLD_SOCKETS];
    uint32_t sockets[4];
    size_t count;

    (void)unused;
    open_four_ready(sockets);
    assert_int_equal(world.port->wait(world.state, WORLD_LONG_MS, out, WORLD_SOCKETS, &count),
                     CMX_OK);
    assert_int_equal(count, 4);
}

/* Waits with room for one socket until each of four must have had its turn. */
static void expect_all_in_turn(const uint32_t sockets[4])
{
    bool seen[4] = {false, false, false, false};

    for (int call = 0; call < 8; call++) {
        cmx_port_ready out;
        size_t count;

        assert_int_equal(world.port->wait(world.state, 0, &out, 1, &count), CMX_OK);
        assert_true(count <= 1);
        for (int i = 0; count == 1 && i < 4; i++) {
            seen[i] = seen[i] || out.socket == sockets[i];
        }
    }
    assert_true(seen[0] && seen[1] && seen[2] && seen[3]);
}

static void test_port_sockets_left_out_are_reported_later(void **unused)
{
    uint32_t sockets[4];

    (void)unused;
    open_four_ready(sockets);
    expect_all_in_turn(sockets);
    /* A wakeup changes the rhythm, in which a port may lose one. */
    world.port->wakeup(world.state);
    expect_all_in_turn(sockets);
}

static void test_port_wakeup_ends_the_next_wait_only(void **unused)
{
    (void)unused;
    world.port->wakeup(world.state);
    assert_true(wait_for_nothing(WORLD_LONG_MS) < WORLD_LONG_MS);
    assert_in_range(wait_for_nothing(SHORT_MS), SHORT_MS - 1, WORLD_LONG_MS - 1);
}

static void test_port_wakeup_ends_a_wait_without_limit(void **unused)
{
    (void)unused;
    world.port->wakeup(world.state);
    (void)wait_for_nothing(UINT32_MAX);
}

static void test_port_wakeup_from_another_thread_ends_the_wait(void **unused)
{
    const conformance_peer *peer = world.peer;

    (void)unused;
    if (peer->thread_start == NULL) {
        skip();
    }
    assert_true(peer->thread_start(peer->ctx, wake_client, NULL));
    assert_true(wait_for_nothing(WORLD_LONG_MS) < WORLD_LONG_MS);
    peer->thread_join(peer->ctx);
}

static void test_port_descriptor_is_readable_when_wait_would_return(void **unused)
{
    const conformance_peer *peer = world.peer;
    const int descriptor = world.port->descriptor(world.state);
    int connection;
    uint32_t socket;

    (void)unused;
    if (descriptor < 0 || peer->is_readable == NULL) {
        skip();
    }
    assert_false(peer->is_readable(peer->ctx, descriptor));
    world.port->wakeup(world.state);
    assert_true(peer->is_readable(peer->ctx, descriptor));
    (void)wait_for_nothing(0);
    assert_false(peer->is_readable(peer->ctx, descriptor));

    world_listen();
    socket = world_pair(&connection);
    assert_false(peer->is_readable(peer->ctx, descriptor));
    assert_true(peer->send(peer->ctx, connection, "x", 1));
    world_until(socket, CMX_SOCKET_READ);
    assert_true(peer->is_readable(peer->ctx, descriptor));
    assert_int_equal(world.port->descriptor(world.state), descriptor);
    world.port->socket_want(world.state, socket, 0);
    assert_false(peer->is_readable(peer->ctx, descriptor));
}

int conformance_run_readiness(void)
{
    const struct CMUnitTest checks[] = {
        CONFORMANCE_CHECK(test_port_wait_without_time_returns_at_once),
        CONFORMANCE_CHECK(test_port_wait_lasts_as_long_as_told),
        CONFORMANCE_CHECK(test_port_socket_that_wants_nothing_is_never_ready),
        CONFORMANCE_CHECK(test_port_interest_taken_back_is_not_reported),
        CONFORMANCE_CHECK(test_port_readiness_is_a_level_not_an_edge),
        CONFORMANCE_CHECK(test_port_ready_tells_only_what_was_wanted),
        CONFORMANCE_CHECK(test_port_several_ready_sockets_come_in_one_wait),
        CONFORMANCE_CHECK(test_port_sockets_left_out_are_reported_later),
        CONFORMANCE_CHECK(test_port_wakeup_ends_the_next_wait_only),
        CONFORMANCE_CHECK(test_port_wakeup_ends_a_wait_without_limit),
        CONFORMANCE_CHECK(test_port_wakeup_from_another_thread_ends_the_wait),
        CONFORMANCE_CHECK(test_port_descriptor_is_readable_when_wait_would_return),
    };

    return cmocka_run_group_tests_name("port readiness", checks, NULL, NULL);
}
