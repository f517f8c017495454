/* SPDX-License-Identifier: MIT */
/*
 * The conformance checks of host names: answers, their wakeup, and queries that nobody waits for
 * any more. Which names exist is the peer's business.
 */
#include "port_conformance_world.h"

#define ADDRESSES_MAX 8u

/* Waits for the final answer of a query. */
static int resolve_wait(uint32_t query, cmx_address *out, size_t capacity, size_t *count)
{
    int status = CMX_AGAIN;

    for (int step = 0; status == CMX_AGAIN && step < WORLD_STEPS_MAX; step++) {
        *count = 77;
        status = world.port->resolve_poll(world.state, query, out, capacity, count);
        if (status != CMX_OK) {
            assert_int_equal(*count, 0);
        }
        if (status == CMX_AGAIN) {
            world_step();
        }
    }
    return status;
}

static uint32_t start_query(const char *name, uint16_t port)
{
    uint32_t query = 0;

    assert_int_equal(world.port->resolve_start(world.state, name, port, &query), CMX_OK);
    return query;
}

static void need(const char *name)
{
    if (name == NULL) {
        skip();
    }
}

/* Starts the name whose answer is held back, and waits until it is. */
static uint32_t start_slow(void)
{
    uint32_t query;

    need(world.peer->slow_name);
    query = start_query(world.peer->slow_name, 80);
    world.peer->slow_begun(world.peer->ctx);
    return query;
}

static void test_port_known_name_has_addresses(void **unused)
{
    cmx_address addresses[ADDRESSES_MAX];
    size_t count;

    (void)unused;
    need(world.peer->local_name);
    assert_int_equal(
        resolve_wait(start_query(world.peer->local_name, 8443), addresses, ADDRESSES_MAX, &count),
        CMX_OK);
    assert_in_range(count, 1, ADDRESSES_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(addresses[i].family == 4 || addresses[i].family == 6);
        assert_int_equal(addresses[i].port, 8443);
    }
}

static void test_port_answer_fits_what_was_given(void **unused)
{
    cmx_address addresses[2] = {{.port = 0}, {.port = 12345}};
    size_t count;

    (void)unused;
    need(world.peer->local_name);
    assert_int_equal(resolve_wait(start_query(world.peer->local_name, 1), addresses, 1, &count),
                     CMX_OK);
    assert_int_equal(count, 1);
    assert_int_equal(addresses[0].port, 1);
    assert_int_equal(addresses[1].port, 12345);
}

static void test_port_answer_ends_a_wait(void **unused)
{
    const uint64_t begin_ms = world.port->now_ms(world.state);
    cmx_port_ready out[WORLD_SOCKETS];
    cmx_address address;
    uint32_t query;
    size_t count;

    (void)unused;
    need(world.peer->local_name);
    query = start_query(world.peer->local_name, 80);
    assert_int_equal(world.port->wait(world.state, WORLD_LONG_MS, out, WORLD_SOCKETS, &count),
                     CMX_OK);
    assert_int_equal(count, 0);
    assert_true(world.port->now_ms(world.state) - begin_ms < WORLD_LONG_MS);
    assert_int_equal(world.port->resolve_poll(world.state, query, &address, 1, &count), CMX_OK);
}

static void test_port_unknown_name_fails(void **unused)
{
    cmx_address address;
    size_t count;
    int status;

    (void)unused;
    need(world.peer->missing_name);
    status = resolve_wait(start_query(world.peer->missing_name, 80), &address, 1, &count);
    assert_true(status == CMX_ERR_DNS_NOT_FOUND || status == CMX_ERR_DNS_FAILED);
}

static void test_port_name_is_borrowed_only_during_the_call(void **unused)
{
    cmx_address address;
    char name[64] = {0};
    uint32_t query;
    size_t count;

    (void)unused;
    need(world.peer->local_name);
    for (size_t i = 0; world.peer->local_name[i] != '\0' && i + 1 < sizeof(name); i++) {
        name[i] = world.peer->local_name[i];
    }
    query = start_query(name, 80);
    name[0] = '!';
    assert_int_equal(resolve_wait(query, &address, 1, &count), CMX_OK);
}

static void test_port_queries_are_told_apart(void **unused)
{
    cmx_address address;
    uint32_t first, second;
    size_t count;

    (void)unused;
    need(world.peer->local_name);
    first = start_query(world.peer->local_name, 1001);
    second = start_query(world.peer->local_name, 1002);
    assert_int_not_equal(first, second);
    assert_int_equal(resolve_wait(second, &address, 1, &count), CMX_OK);
    assert_int_equal(address.port, 1002);
    assert_int_equal(resolve_wait(first, &address, 1, &count), CMX_OK);
    assert_int_equal(address.port, 1001);
}

static void test_port_queries_without_end_are_busy_at_last(void **unused)
{
    uint32_t queries[256];
    int started = 0, status = CMX_OK;

    (void)unused;
    need(world.peer->slow_name);
    while (status == CMX_OK && started < 256) {
        status =
            world.port->resolve_start(world.state, world.peer->slow_name, 80, &queries[started]);
        started += status == CMX_OK ? 1 : 0;
    }
    assert_int_equal(status, CMX_ERR_BUSY);
    for (int i = 0; i < started; i++) {
        world.port->resolve_cancel(world.state, queries[i]);
    }
    world.port->resolve_cancel(world.state, start_query(world.peer->slow_name, 80));
    world.peer->slow_release(world.peer->ctx);
}

static void test_port_answer_held_back_is_not_there_yet(void **unused)
{
    cmx_address address;
    uint32_t query;
    size_t count;

    (void)unused;
    query = start_slow();
    assert_int_equal(world.port->resolve_poll(world.state, query, &address, 1, &count), CMX_AGAIN);
    assert_int_equal(count, 0);
    world.peer->slow_release(world.peer->ctx);
    assert_int_equal(resolve_wait(query, &address, 1, &count), CMX_OK);
    assert_int_equal(address.port, 80);
}

static void test_port_late_answer_of_a_cancelled_query_is_dropped(void **unused)
{
    cmx_address address;
    uint32_t cancelled, query;
    size_t count;

    (void)unused;
    cancelled = start_slow();
    world.port->resolve_cancel(world.state, cancelled);
    query = start_query(world.peer->slow_name, 2002);
    assert_int_not_equal(query, cancelled);
    world.peer->slow_release(world.peer->ctx);
    assert_int_equal(resolve_wait(query, &address, 1, &count), CMX_OK);
    assert_int_equal(address.port, 2002);
}

static void test_port_deinit_does_not_wait_for_names(void **unused)
{
    (void)unused;
    (void)start_slow();
    world.port->deinit(world.state, false);
    world.is_initialised = false;
    /* The next client lies in the same bytes; the late answer of the first must not reach it. */
    assert_int_equal(world_setup(NULL), 0);
    world.peer->slow_release(world.peer->ctx);
    for (int step = 0; step < 5; step++) {
        uint64_t begin_ms = world.port->now_ms(world.state);

        world_step();
        assert_true(world.port->now_ms(world.state) - begin_ms >= WORLD_STEP_MS - 1);
    }
}

static void test_port_deinit_with_answers_not_asked_for_is_clean(void **unused)
{
    (void)unused;
    need(world.peer->local_name);
    for (int i = 0; i < 20; i++) {
        (void)start_query(world.peer->local_name, 80);
        (void)start_query(world.peer->local_name, 81);
        world.port->deinit(world.state, false);
        assert_int_equal(world_setup(NULL), 0);
    }
}

int conformance_run_names(void)
{
    const struct CMUnitTest checks[] = {
        CONFORMANCE_CHECK(test_port_known_name_has_addresses),
        CONFORMANCE_CHECK(test_port_answer_fits_what_was_given),
        CONFORMANCE_CHECK(test_port_answer_ends_a_wait),
        CONFORMANCE_CHECK(test_port_unknown_name_fails),
        CONFORMANCE_CHECK(test_port_name_is_borrowed_only_during_the_call),
        CONFORMANCE_CHECK(test_port_queries_are_told_apart),
        CONFORMANCE_CHECK(test_port_queries_without_end_are_busy_at_last),
        CONFORMANCE_CHECK(test_port_answer_held_back_is_not_there_yet),
        CONFORMANCE_CHECK(test_port_late_answer_of_a_cancelled_query_is_dropped),
        CONFORMANCE_CHECK(test_port_deinit_does_not_wait_for_names),
        CONFORMANCE_CHECK(test_port_deinit_with_answers_not_asked_for_is_clean),
    };

    return cmocka_run_group_tests_name("port names", checks, NULL, NULL);
}
