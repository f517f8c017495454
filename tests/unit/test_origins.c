/* SPDX-License-Identifier: MIT */
/*
 * Ids of origins: a stale one is never another origin's. Why a request waits, over tables made by
 * hand.
 */
#include "pool/origins.h"

#include "pool/assign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 3, CONNS = 2, SLOTS = 4 };

static cmx_config config;
static cmx_origin_row rows[ROWS];
static cmx_conn conns[CONNS];
static cmx_pool_life lives[CONNS];
static cmx_slot slots[SLOTS];
static cmx_pool pool;

static int set_up(void **state)
{
    (void)state;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    memset(rows, 0, sizeof rows);
    memset(conns, 0, sizeof conns);
    memset(lives, 0, sizeof lives);
    memset(slots, 0, sizeof slots);
    pool = (cmx_pool){.env = {.config = &config},
                      .tables = {.conns = conns,
                                 .conn_count = CONNS,
                                 .lives = lives,
                                 .origins = rows,
                                 .origin_count = ROWS,
                                 .slots = slots,
                                 .slot_count = SLOTS}};
    cmx_slot_init(&pool.slots, slots, SLOTS);
    return 0;
}

static void test_origins_first_id_is_0_and_rows_follow(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(cmx_origins_find(&pool, i), CMX_ORIGINS_NONE);
        assert_int_equal(cmx_origins_find_unused(&pool), i);
        assert_int_equal(cmx_origins_open(&pool, i), i);
        assert_int_equal(cmx_origins_find(&pool, i), i);
    }
    assert_int_equal(cmx_origins_find_unused(&pool), CMX_ORIGINS_NONE);
    assert_int_equal(cmx_origins_find(&pool, ROWS), CMX_ORIGINS_NONE);
    assert_int_equal(cmx_origins_find(&pool, UINT32_MAX), CMX_ORIGINS_NONE);
}

static void test_origins_closed_id_is_stale_and_row_is_reused(void **state)
{
    (void)state;
    uint32_t id = cmx_origins_open(&pool, 0);
    memcpy(rows[0].auth_value, "secret", 6);
    assert_true(cmx_origins_retire(&pool, 0, CMX_SLOT_NONE));
    assert_int_equal(cmx_origins_find(&pool, id), 0);
    assert_int_equal(cmx_origins_find_open(&pool, id), CMX_ORIGINS_NONE);
    cmx_origins_close(&pool, 0, 0);
    assert_int_equal(rows[0].auth_value[0], '\0');
    assert_int_equal(cmx_origins_find(&pool, id), CMX_ORIGINS_NONE);
    assert_int_equal(cmx_origins_find_unused(&pool), 0);
    uint32_t next = cmx_origins_open(&pool, 0);
    assert_int_not_equal(next, id);
    assert_int_equal(cmx_origins_find_open(&pool, next), 0);
    assert_int_equal(cmx_origins_find(&pool, id), CMX_ORIGINS_NONE);
}

/* A row whose filling failed was in nobody's hands: nothing to be told apart from. */
static void test_origins_wipe_keeps_the_generation(void **state)
{
    (void)state;
    (void)cmx_origins_open(&pool, 1);
    cmx_origins_close(&pool, 1, 0);
    rows[1].query_len = 5;
    cmx_origins_wipe(&pool, 1);
    assert_int_equal(rows[1].query_len, 0);
    assert_int_equal(rows[1].generation, 1);
    assert_int_equal(cmx_origins_find(&pool, 1), CMX_ORIGINS_NONE);
}

static void test_origins_generation_wraps_to_a_valid_id(void **state)
{
    (void)state;
    rows[2].generation = UINT32_MAX >> 8;
    uint32_t id = cmx_origins_open(&pool, 2);
    assert_int_equal(cmx_origins_find(&pool, id), 2);
    cmx_origins_close(&pool, 2, 0);
    assert_int_equal(cmx_origins_open(&pool, 2), 2);
}

static void test_origins_retire_waits_for_every_request_but_the_spared(void **state)
{
    (void)state;
    (void)cmx_origins_open(&pool, 0);
    (void)cmx_origins_open(&pool, 1);
    uint16_t other = cmx_slot_take(&pool.slots, 1, &(cmx_slot_request){0});
    assert_true(cmx_origins_retire(&pool, 0, CMX_SLOT_NONE));
    assert_false(cmx_origins_retire(&pool, 1, CMX_SLOT_NONE));
    assert_true(cmx_origins_retire(&pool, 1, other));
}

/* 0 is never, whatever the judge of health thinks of it. */
static void test_origins_pings_that_are_off_stay_off(void **state)
{
    (void)state;
    config.ping_after_ms = 0;
    config.ping_idle_ms = 0;
    (void)cmx_origins_open(&pool, 0);
    assert_int_equal(rows[0].health.ping_idle_ms, UINT32_MAX);
    assert_int_equal(rows[0].health.probe_idle_ms, UINT32_MAX);
    assert_int_equal(rows[0].health.ping_timeout_ms, config.ping_timeout_ms);
}

static void test_origins_why_waiting_names_the_reason(void **state)
{
    (void)state;
    (void)cmx_origins_open(&pool, 0);
    rows[0].connections_max = 2;
    const cmx_slot *slot = &slots[cmx_slot_take(&pool.slots, 0, &(cmx_slot_request){0})];

    assert_int_equal(cmx_assign_why(&pool, slot), CMX_WAITING_CONNECTION); /* the next step dials */
    rows[0].backoff.due_ms = 5000;
    assert_int_equal(cmx_assign_why(&pool, slot), CMX_WAITING_BACKOFF);
    conns[0].state = CMX_CONN_AWAIT_HANDSHAKE;
    rows[0].connections = 1;
    assert_int_equal(cmx_assign_why(&pool, slot), CMX_WAITING_CONNECTION);
    conns[0].state = CMX_CONN_OPEN;
    conns[0].h2.active = 9;
    rows[0].connections_max = 1;
    assert_int_equal(cmx_assign_why(&pool, slot), CMX_WAITING_STREAMS);
    rows[0].connections_max = 2;
    rows[0].backoff.due_ms = 0;
    conns[1].state = CMX_CONN_OPEN;
    conns[1].origin = 1;
    conns[1].h2.active = 1;
    assert_int_equal(cmx_assign_why(&pool, slot), CMX_WAITING_CONNECTIONS);
    conns[1].h2.active = 0; /* it idles: its row can be had */
    assert_int_equal(cmx_assign_why(&pool, slot), CMX_WAITING_CONNECTION);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_origins_first_id_is_0_and_rows_follow),
        TEST(test_origins_closed_id_is_stale_and_row_is_reused),
        TEST(test_origins_wipe_keeps_the_generation),
        TEST(test_origins_generation_wraps_to_a_valid_id),
        TEST(test_origins_retire_waits_for_every_request_but_the_spared),
        TEST(test_origins_pings_that_are_off_stay_off),
        TEST(test_origins_why_waiting_names_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
