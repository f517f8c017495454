/* SPDX-License-Identifier: MIT */
/*
 * The conformance checks of sockets: connecting, the two directions, every way in which a
 * connection ends, and the life of socket numbers.
 */
#include "port_conformance_world.h"

#include <string.h>

/* More than any network holds between two ends that do not read. */
#define FLOOD_BYTES_MAX (64u * 1024u * 1024u)
#define FLOOD_CHUNK_BYTES 4096u

/* What the hook saw. */
typedef struct hook_record {
    int calls;
    cmx_address to;
    int status; /* what it answers */
} hook_record;

static int record_hook(void *user, intptr_t native, const cmx_address *to)
{
    hook_record *record = user;

    (void)native;
    record->calls++;
    record->to = *to;
    return record->status;
}

/* The byte that belongs at a place of a long stream; its period fits no power of two. */
static unsigned char pattern_at(size_t at)
{
    return (unsigned char)(at % 251u);
}

/* Connects where nobody listens; returns how it ends. */
static int connect_refused(uint32_t *socket, bool *is_open)
{
    cmx_address nobody;
    int status;

    assert_true(world.peer->refuse(world.peer->ctx, &nobody));
    status = world.port->socket_open(world.state, &nobody, &world_options, socket);
    *is_open = status == CMX_OK;
    if (!*is_open) {
        return status;
    }
    world_until(*socket, CMX_SOCKET_WRITE);
    return world.port->socket_connected(world.state, *socket);
}

/* Sends until the system takes no more; returns how many bytes it took. */
static size_t flood(uint32_t socket)
{
    unsigned char chunk[FLOOD_CHUNK_BYTES];
    size_t total = 0, sent = 0;
    int status = CMX_OK;

    while (status == CMX_OK && total < FLOOD_BYTES_MAX) {
        for (size_t i = 0; i < sizeof(chunk); i++) {
            chunk[i] = pattern_at(total + i);
        }
        status = world.port->socket_send(world.state, socket, chunk, sizeof(chunk), &sent);
        if (status == CMX_OK) {
            assert_in_range(sent, 1, sizeof(chunk));
            total += sent;
        }
    }
    assert_int_equal(status, CMX_AGAIN);
    assert_int_equal(sent, 0);
    return total;
}

static void test_port_connection_carries_bytes_both_ways(void **unused)
{
    char bytes[16];
    int connection;
    uint32_t socket;
    size_t got;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    world_send(socket, "question", 8);
    world_peer_recv(connection, bytes, 8);
    assert_memory_equal(bytes, "question", 8);
    assert_true(world.peer->send(world.peer->ctx, connection, "answer", 6));
    assert_int_equal(world_recv(socket, bytes, sizeof(bytes), &got), CMX_OK);
    assert_int_equal(got, 6);
    assert_memory_equal(bytes, "answer", 6);
    assert_int_equal(world.port->socket_connected(world.state, socket), CMX_OK);
}

static void test_port_connect_is_reported_as_writable(void **unused)
{
    uint32_t socket;

    (void)unused;
    world_listen();
    assert_int_equal(world.port->socket_open(world.state, &world.listener, &world_options, &socket),
                     CMX_OK);
    world_until(socket, CMX_SOCKET_WRITE);
    assert_int_equal(world.port->socket_connected(world.state, socket), CMX_OK);
}

static void test_port_refused_connect_says_so_and_keeps_saying_so(void **unused)
{
    uint32_t socket;
    bool is_open;

    (void)unused;
    assert_int_equal(connect_refused(&socket, &is_open), CMX_ERR_REFUSED);
    if (is_open) {
        assert_int_equal(world.port->socket_connected(world.state, socket), CMX_ERR_REFUSED);
        world.port->socket_close(world.state, socket);
    }
}

static void test_port_recv_without_bytes_would_block(void **unused)
{
    char bytes[8];
    int connection;
    uint32_t socket;
    size_t got = 77;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    assert_int_equal(world.port->socket_recv(world.state, socket, bytes, sizeof(bytes), &got),
                     CMX_AGAIN);
    assert_int_equal(got, 0);
}

static void test_port_recv_gives_all_bytes_in_order(void **unused)
{
    unsigned char bytes[4096], received[7];
    int connection;
    uint32_t socket;
    size_t got, total = 0;

    (void)unused;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern_at(i);
    }
    world_listen();
    socket = world_pair(&connection);
    assert_true(world.peer->send(world.peer->ctx, connection, bytes, sizeof(bytes)));
    while (total < sizeof(bytes)) {
        assert_int_equal(world_recv(socket, received, sizeof(received), &got), CMX_OK);
        assert_in_range(got, 1, sizeof(bytes) - total);
        assert_memory_equal(received, bytes + total, got);
        total += got;
    }
}

static void test_port_send_stops_when_full_and_goes_on_when_read(void **unused)
{
    unsigned char bytes[FLOOD_CHUNK_BYTES];
    size_t total, received = 0;
    bool is_writable = false;
    int connection, idle_steps = 0;
    uint32_t socket;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    total = flood(socket);
    world.port->socket_want(world.state, socket, CMX_SOCKET_WRITE);
    while (received < total && idle_steps < WORLD_STEPS_MAX) {
        int got = world.peer->recv(world.peer->ctx, connection, bytes, sizeof(bytes));

        assert_true(got >= 0);
        for (size_t i = 0; i < (size_t)got; i++) {
            assert_int_equal(bytes[i], pattern_at(received + i));
        }
        received += (size_t)got;
        idle_steps += got == 0 ? 1 : 0;
        if (got == 0 && world_ready(socket, WORLD_STEP_MS) == CMX_SOCKET_WRITE) {
            is_writable = true;
        }
    }
    assert_int_equal(received, total);
    if (!is_writable) {
        world_until(socket, CMX_SOCKET_WRITE);
    }
    world_send(socket, "more", 4);
    world_peer_recv(connection, bytes, 4);
    assert_memory_equal(bytes, "more", 4);
}

static void test_port_full_socket_is_not_writable(void **unused)
{
    size_t before, after;
    int connection;
    uint32_t socket;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    before = flood(socket);
    /* The system may move bytes on to the peer's side for a moment; once all is still, it stays. */
    for (after = 1; after > 0;) {
        world_step();
        after = flood(socket);
        before += after;
        assert_true(before <= FLOOD_BYTES_MAX);
    }
    world.port->socket_want(world.state, socket, CMX_SOCKET_WRITE);
    assert_int_equal(world_ready(socket, 0), 0);
}

static void test_port_orderly_end_comes_after_all_bytes(void **unused)
{
    char bytes[64];
    int connection, status = CMX_OK;
    uint32_t socket;
    size_t got, total = 0;

    (void)unused;
    memset(bytes, 'x', sizeof(bytes));
    world_listen();
    socket = world_pair(&connection);
    for (int i = 0; i < 50; i++) {
        assert_true(world.peer->send(world.peer->ctx, connection, bytes, sizeof(bytes)));
    }
    world.peer->close(world.peer->ctx, connection);
    while (status == CMX_OK) {
        status = world_recv(socket, bytes, sizeof(bytes), &got);
        total += got;
    }
    assert_int_equal(status, CMX_ERR_CLOSED);
    assert_int_equal(total, 50 * sizeof(bytes));
    assert_int_equal(world_recv(socket, bytes, sizeof(bytes), &got), CMX_ERR_CLOSED);
}

static void test_port_orderly_end_is_reported_as_readable(void **unused)
{
    char bytes[8];
    int connection;
    uint32_t socket;
    size_t got;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    world.port->socket_want(world.state, socket, CMX_SOCKET_READ);
    assert_int_equal(world_ready(socket, 0), 0);
    assert_int_equal(world.port->socket_recv(world.state, socket, bytes, sizeof(bytes), &got),
                     CMX_AGAIN);
    world.peer->close(world.peer->ctx, connection);
    world_until(socket, CMX_SOCKET_READ);
    assert_int_equal(world.port->socket_recv(world.state, socket, bytes, sizeof(bytes), &got),
                     CMX_ERR_CLOSED);
}

static void test_port_reset_is_told_apart_from_an_end(void **unused)
{
    char bytes[8];
    int connection;
    uint32_t socket;
    size_t got;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    world.peer->reset(world.peer->ctx, connection);
    world_until(socket, CMX_SOCKET_READ);
    assert_int_equal(world_recv(socket, bytes, sizeof(bytes), &got), CMX_ERR_RESET);
    assert_int_equal(world_recv(socket, bytes, sizeof(bytes), &got), CMX_ERR_RESET);
}

static void test_port_reset_met_by_send_is_no_end_for_recv(void **unused)
{
    char bytes[8];
    int connection, status = CMX_OK;
    uint32_t socket;
    size_t got, sent;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    world.peer->reset(world.peer->ctx, connection);
    for (int step = 0; status >= CMX_OK && step < WORLD_STEPS_MAX; step++) {
        status = world.port->socket_send(world.state, socket, "x", 1, &sent);
        if (status >= CMX_OK) {
            world_step();
        }
    }
    assert_int_equal(status, CMX_ERR_RESET);
    assert_int_equal(sent, 0);
    assert_int_equal(world.port->socket_send(world.state, socket, "x", 1, &sent), CMX_ERR_RESET);
    assert_int_equal(world_recv(socket, bytes, sizeof(bytes), &got), CMX_ERR_RESET);
}

static void test_port_close_is_seen_by_the_peer(void **unused)
{
    char bytes[8];
    int connection, got = 0;
    uint32_t socket;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    world.port->socket_close(world.state, socket);
    for (int step = 0; got == 0 && step < WORLD_STEPS_MAX; step++) {
        got = world.peer->recv(world.peer->ctx, connection, bytes, sizeof(bytes));
        if (got == 0) {
            world_step();
        }
    }
    assert_int_equal(got, -1);
}

static void test_port_table_of_sockets_fills_and_empties(void **unused)
{
    uint32_t sockets[WORLD_SOCKETS], again;

    (void)unused;
    world_listen();
    for (uint32_t i = 0; i < WORLD_SOCKETS; i++) {
        sockets[i] = world_connect();
        for (uint32_t j = 0; j < i; j++) {
            assert_int_not_equal(sockets[i], sockets[j]);
        }
    }
    assert_int_equal(world.port->socket_open(world.state, &world.listener, &world_options, &again),
                     CMX_ERR_BUSY);
    world.port->socket_close(world.state, sockets[3]);
    (void)world_connect();
}

static void test_port_number_used_again_inherits_nothing(void **unused)
{
    char bytes[8];
    int connection;
    uint32_t first, second;
    size_t got;

    (void)unused;
    world_listen();
    first = world_pair(&connection);
    assert_true(world.peer->send(world.peer->ctx, connection, "stale", 5));
    world_until(first, CMX_SOCKET_READ);
    world.peer->reset(world.peer->ctx, connection);
    world.port->socket_close(world.state, first);
    second = world_pair(&connection);
    assert_int_equal(world_ready(second, 0), 0);
    assert_int_equal(world.port->socket_recv(world.state, second, bytes, sizeof(bytes), &got),
                     CMX_AGAIN);
    world.port->socket_want(world.state, second, CMX_SOCKET_READ);
    assert_int_equal(world_ready(second, 0), 0);
    assert_int_equal(world.port->socket_connected(world.state, second), CMX_OK);
}

static void test_port_number_used_again_fails_in_its_own_way(void **unused)
{
    char bytes[8];
    int connection;
    uint32_t socket;
    size_t got;

    (void)unused;
    world_listen();
    socket = world_pair(&connection);
    world.peer->reset(world.peer->ctx, connection);
    assert_int_equal(world_recv(socket, bytes, sizeof(bytes), &got), CMX_ERR_RESET);
    world.port->socket_close(world.state, socket);
    socket = world_pair(&connection);
    world.peer->close(world.peer->ctx, connection);
    assert_int_equal(world_recv(socket, bytes, sizeof(bytes), &got), CMX_ERR_CLOSED);
}

static void test_port_hook_sees_the_address(void **unused)
{
    hook_record record = {.status = CMX_OK};
    const cmx_socket_options hooked = {.hook = record_hook, .hook_user = &record};
    uint32_t socket;

    (void)unused;
    world_listen();
    assert_int_equal(world.port->socket_open(world.state, &world.listener, &hooked, &socket),
                     CMX_OK);
    assert_int_equal(record.calls, 1);
    assert_int_equal(record.to.port, world.listener.port);
    assert_int_equal(record.to.family, world.listener.family);
    world_until(socket, CMX_SOCKET_WRITE);
    assert_int_equal(world.port->socket_connected(world.state, socket), CMX_OK);
}

static void test_port_error_of_the_hook_is_passed_on(void **unused)
{
    hook_record record = {.status = CMX_ERR_CONFIG};
    const cmx_socket_options hooked = {.hook = record_hook, .hook_user = &record};
    uint32_t socket;

    (void)unused;
    world_listen();
    /* More often than there are sockets: a failed attempt must not keep its number. */
    for (uint32_t i = 0; i < 2 * WORLD_SOCKETS; i++) {
        assert_int_equal(world.port->socket_open(world.state, &world.listener, &hooked, &socket),
                         CMX_ERR_CONFIG);
    }
    assert_int_equal(record.calls, 2 * WORLD_SOCKETS);
    (void)world_connect();
}

static void test_port_connections_leak_no_descriptor(void **unused)
{
    const conformance_peer *peer = world.peer;
    hook_record record = {.status = CMX_ERR_CONFIG};
    const cmx_socket_options hooked = {.hook = record_hook, .hook_user = &record};
    cmx_address nobody;
    uint32_t socket;
    int before;

    (void)unused;
    if (peer->count_descriptors == NULL) {
        skip();
    }
    world_listen();
    assert_true(peer->refuse(peer->ctx, &nobody));
    before = peer->count_descriptors(peer->ctx);
    for (int i = 0; i < 100; i++) {
        int connection;
        int status = world.port->socket_open(world.state, &nobody, &world_options, &socket);

        if (status == CMX_OK) {
            world.port->socket_want(world.state, socket, CMX_SOCKET_WRITE);
            world.port->socket_close(world.state, socket);
        }
        (void)world.port->socket_open(world.state, &world.listener, &hooked, &socket);
        socket = world_pair(&connection);
        world.port->socket_want(world.state, socket, CMX_SOCKET_READ);
        world.port->socket_close(world.state, socket);
        peer->close(peer->ctx, connection);
    }
    assert_int_equal(peer->count_descriptors(peer->ctx), before);
}

int conformance_run_sockets(void)
{
    const struct CMUnitTest checks[] = {
        CONFORMANCE_CHECK(test_port_connection_carries_bytes_both_ways),
        CONFORMANCE_CHECK(test_port_connect_is_reported_as_writable),
        CONFORMANCE_CHECK(test_port_refused_connect_says_so_and_keeps_saying_so),
        CONFORMANCE_CHECK(test_port_recv_without_bytes_would_block),
        CONFORMANCE_CHECK(test_port_recv_gives_all_bytes_in_order),
        CONFORMANCE_CHECK(test_port_send_stops_when_full_and_goes_on_when_read),
        CONFORMANCE_CHECK(test_port_full_socket_is_not_writable),
        CONFORMANCE_CHECK(test_port_orderly_end_comes_after_all_bytes),
        CONFORMANCE_CHECK(test_port_orderly_end_is_reported_as_readable),
        CONFORMANCE_CHECK(test_port_reset_is_told_apart_from_an_end),
        CONFORMANCE_CHECK(test_port_reset_met_by_send_is_no_end_for_recv),
        CONFORMANCE_CHECK(test_port_close_is_seen_by_the_peer),
        CONFORMANCE_CHECK(test_port_table_of_sockets_fills_and_empties),
        CONFORMANCE_CHECK(test_port_number_used_again_inherits_nothing),
        CONFORMANCE_CHECK(test_port_number_used_again_fails_in_its_own_way),
        CONFORMANCE_CHECK(test_port_hook_sees_the_address),
        CONFORMANCE_CHECK(test_port_error_of_the_hook_is_passed_on),
        CONFORMANCE_CHECK(test_port_connections_leak_no_descriptor),
    };

    return cmocka_run_group_tests_name("port sockets", checks, NULL, NULL);
}
