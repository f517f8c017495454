/* SPDX-License-Identifier: MIT */
/*
 * The world of the conformance checks and their runner, and the checks that need no network: the
 * clocks, random bytes, descriptors. The other groups are in port_conformance_*.c.
 */
#include "port_conformance_world.h"

#include <string.h>

conformance_world world;
const cmx_socket_options world_options = {.user_timeout_ms = 60000};

static _Alignas(16) unsigned char state_bytes[CMX_PORT_STATE_BYTES(WORLD_SOCKETS)];

int world_setup(void **unused)
{
    (void)unused;
    memset(state_bytes, 0, sizeof(state_bytes));
    world.state = state_bytes;
    world.is_initialised = world.port->init(world.port->ctx, world.state, sizeof(state_bytes),
                                            WORLD_SOCKETS) == CMX_OK;
    return world.is_initialised ? 0 : -1;
}

int world_teardown(void **unused)
{
    (void)unused;
    if (world.is_initialised) {
        world.port->deinit(world.state, false);
    }
    world.is_initialised = false;
    world.peer->finish(world.peer->ctx);
    return 0;
}

void world_listen(void)
{
    assert_true(world.peer->listen(world.peer->ctx, &world.listener));
}

void world_step(void)
{
    cmx_port_ready unused[WORLD_SOCKETS];
    size_t count;

    assert_int_equal(world.port->wait(world.state, WORLD_STEP_MS, unused, WORLD_SOCKETS, &count),
                     CMX_OK);
}

uint32_t world_ready(uint32_t socket, uint32_t timeout_ms)
{
    cmx_port_ready out[WORLD_SOCKETS];
    size_t count;
    uint32_t ready = 0;

    assert_int_equal(world.port->wait(world.state, timeout_ms, out, WORLD_SOCKETS, &count), CMX_OK);
    assert_true(count <= WORLD_SOCKETS);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(out[i].ready, 0);
        if (out[i].socket == socket) {
            assert_int_equal(ready, 0);
            ready = out[i].ready;
        }
    }
    return ready;
}

void world_until(uint32_t socket, uint32_t interest)
{
    world.port->socket_want(world.state, socket, interest);
    for (int step = 0; step < WORLD_STEPS_MAX; step++) {
        if ((world_ready(socket, WORLD_STEP_MS) & interest) != 0) {
            return;
        }
    }
    fail_msg("socket %u was never ready for %u", (unsigned)socket, (unsigned)interest);
}

uint32_t world_connect(void)
{
    uint32_t socket;
    int status = CMX_AGAIN;

    assert_int_equal(world.port->socket_open(world.state, &world.listener, &world_options, &socket),
                     CMX_OK);
    for (int step = 0; status == CMX_AGAIN && step < WORLD_STEPS_MAX; step++) {
        status = world.port->socket_connected(world.state, socket);
        if (status == CMX_AGAIN) {
            world_step();
        }
    }
    assert_int_equal(status, CMX_OK);
    return socket;
}

uint32_t world_pair(int *connection)
{
    uint32_t socket = world_connect();

    *connection = world.peer->accept(world.peer->ctx);
    assert_true(*connection >= 0);
    return socket;
}

int world_recv(uint32_t socket, void *out, size_t capacity, size_t *got)
{
    int status = CMX_AGAIN;

    for (int step = 0; status == CMX_AGAIN && step < WORLD_STEPS_MAX; step++) {
        *got = 77;
        status = world.port->socket_recv(world.state, socket, out, capacity, got);
        if (status == CMX_OK) {
            assert_in_range(*got, 1, capacity);
        } else {
            assert_int_equal(*got, 0);
        }
        if (status == CMX_AGAIN) {
            world_step();
        }
    }
    return status;
}

void world_send(uint32_t socket, const void *bytes, size_t len)
{
    size_t done = 0;

    for (int step = 0; done < len && step < WORLD_STEPS_MAX; step++) {
        size_t sent = 77;
        int status = world.port->socket_send(world.state, socket, (const char *)bytes + done,
                                             len - done, &sent);

        if (status == CMX_AGAIN) {
            assert_int_equal(sent, 0);
            world_step();
            continue;
        }
        assert_int_equal(status, CMX_OK);
        assert_in_range(sent, 1, len - done);
        done += sent;
    }
    assert_int_equal(done, len);
}

void world_peer_recv(int connection, void *out, size_t len)
{
    size_t done = 0;

    for (int step = 0; done < len && step < WORLD_STEPS_MAX; step++) {
        int got = world.peer->recv(world.peer->ctx, connection, (char *)out + done, len - done);

        assert_true(got >= 0);
        done += (size_t)got;
        if (got == 0) {
            world_step();
        }
    }
    assert_int_equal(done, len);
}

static void test_port_clock_never_goes_back(void **unused)
{
    uint64_t last_ms = world.port->now_ms(world.state);

    (void)unused;
    for (int i = 0; i < 10000; i++) {
        uint64_t now_ms = world.port->now_ms(world.state);

        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
}

static void test_port_calendar_is_set_or_said_not_to_be(void **unused)
{
    int64_t unix_s = 0;
    int status = world.port->wall_clock(world.port->ctx, &unix_s);

    (void)unused;
    if (status == CMX_OK) {
        assert_true(unix_s > INT64_C(1600000000));
        return;
    }
    assert_int_equal(status, CMX_AGAIN);
    assert_int_equal(unix_s, 0);
}

static void test_port_entropy_fills_what_it_was_given(void **unused)
{
    static const size_t lens[] = {1, 32, 48, 255, 256, 257, 600};
    unsigned char seen[600];
    unsigned char bytes[601];

    (void)unused;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        memset(seen, 0, sizeof(seen));
        for (int round = 0; round < 32; round++) {
            memset(bytes, 0, sizeof(bytes));
            assert_int_equal(world.port->entropy(world.port->ctx, bytes, lens[i]), CMX_OK);
            for (size_t at = 0; at < lens[i]; at++) {
                seen[at] |= bytes[at];
            }
            assert_int_equal(bytes[lens[i]], 0);
        }
        for (size_t at = 0; at < lens[i]; at++) {
            assert_int_not_equal(seen[at], 0);
        }
    }
}

static void test_port_entropy_never_repeats(void **unused)
{
    unsigned char first[32], second[32];

    (void)unused;
    assert_int_equal(world.port->entropy(world.port->ctx, first, sizeof(first)), CMX_OK);
    assert_int_equal(world.port->entropy(world.port->ctx, second, sizeof(second)), CMX_OK);
    assert_memory_not_equal(first, second, sizeof(first));
}

static void test_port_missing_ca_file_is_an_error(void **unused)
{
    const cmx_port *port = world.port;
    char bytes[64];
    size_t len = sizeof(bytes);

    (void)unused;
    assert_int_equal(port->file_read(port->ctx, "no/such/place/ca.pem", 0, bytes, &len),
                     CMX_ERR_TRUST);
    assert_int_equal(port->dir_entry(port->ctx, "no/such/place", 0, bytes, sizeof(bytes)),
                     CMX_ERR_TRUST);
}

static void test_port_system_trust_can_be_read(void **unused)
{
    const cmx_port *port = world.port;
    const char *path = port->system_trust(port->ctx);
    char bytes[64];
    size_t len = sizeof(bytes);

    (void)unused;
    if (path == NULL) {
        skip();
    }
    assert_int_equal(port->file_read(port->ctx, path, 0, bytes, &len), CMX_OK);
    assert_in_range(len, 1, sizeof(bytes));
}

static void test_port_init_and_deinit_leak_no_descriptor(void **unused)
{
    const conformance_peer *peer = world.peer;
    int before;

    (void)unused;
    if (peer->count_descriptors == NULL) {
        skip();
    }
    before = peer->count_descriptors(peer->ctx);
    for (int i = 0; i < 100; i++) {
        world.port->deinit(world.state, false);
        assert_int_equal(world_setup(NULL), 0);
    }
    assert_int_equal(peer->count_descriptors(peer->ctx), before);
}

int conformance_run_basics(void)
{
    const struct CMUnitTest checks[] = {
        CONFORMANCE_CHECK(test_port_clock_never_goes_back),
        CONFORMANCE_CHECK(test_port_calendar_is_set_or_said_not_to_be),
        CONFORMANCE_CHECK(test_port_entropy_fills_what_it_was_given),
        CONFORMANCE_CHECK(test_port_entropy_never_repeats),
        CONFORMANCE_CHECK(test_port_missing_ca_file_is_an_error),
        CONFORMANCE_CHECK(test_port_system_trust_can_be_read),
        CONFORMANCE_CHECK(test_port_init_and_deinit_leak_no_descriptor),
    };

    return cmocka_run_group_tests_name("port basics", checks, NULL, NULL);
}

int port_conformance_run(const cmx_port *port, const conformance_peer *peer)
{
    int failed = 0;

    memset(&world, 0, sizeof(world));
    world.port = port;
    world.peer = peer;
    failed += conformance_run_basics();
    failed += conformance_run_sockets();
    failed += conformance_run_readiness();
    failed += conformance_run_names();
    return failed;
}
