/* SPDX-License-Identifier: MIT */
/*
 * What the client's functions say of limits: those of a request, those of an origin, a key that
 * changes, an end in good order.
 */
#include "chatmux/stats.h"
#include "base/base.h"
#include "pool/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/client_world.h"

static void test_client_limits_out_of_range_are_refused(void **state)
{
    (void)state;
    add_origin();
    chat.limits.head_timeout_ms = 99;
    expect_chat(CMX_ERR_ARGUMENT, "limits.head_timeout_ms");
    chat.limits.head_timeout_ms = 100;
    chat.limits.attempts_max = 11;
    expect_chat(CMX_ERR_ARGUMENT, "limits.attempts_max");
    request.limits.total_timeout_ms = 86400001;
    expect_request(CMX_ERR_ARGUMENT, "limits.total_timeout_ms");
}

static void test_client_limits_rate_limits_are_checked_and_seen(void **state)
{
    (void)state;
    cmx_rate_limits limits = {.reservoir = 3};
    cmx_limit_state seen;
    origin.rate_limits = &limits;
    expect_origin(CMX_ERR_ARGUMENT, "rate_limits");
    limits.refresh_amount = 3;
    limits.refresh_interval_ms = 1000;
    limits.tokens_per_min = 300;
    add_origin();
    (void)start_chat();
    assert_int_equal(cmx_client_limits(client, 0, &seen), CMX_OK);
    assert_int_equal(seen.running, 1);
    assert_int_equal(seen.queued, 0);
    assert_int_equal(seen.reservoir, 2);
    assert_int_equal(seen.requests_remaining, UINT32_MAX);
    assert_int_equal(seen.tokens_remaining, UINT32_MAX);
    assert_int_equal(seen.gate_ms, 0);
    cmx_id id = start_chat(); /* the first took nearly all tokens of a minute */
    assert_int_equal(cmx_client_waiting(client, id), CMX_WAITING_RATE_LIMIT);
    assert_int_equal(cmx_client_limits(client, 0, &seen), CMX_OK);
    assert_int_equal(seen.queued, 1);
    assert_int_equal(cmx_client_limits(client, 7, &seen), CMX_ERR_ARGUMENT);

    limits.reservoir = 1; /* a second origin, where nothing happens: sums and the least */
    cmx_origin_id second = 0;
    assert_int_equal(cmx_client_add_origin(client, &origin, &second, NULL), CMX_OK);
    cmx_stats stats;
    cmx_client_stats(client, &stats);
    assert_int_equal(stats.limits.running, 1);
    assert_int_equal(stats.limits.queued, 1);
    assert_int_equal(stats.limits.reservoir, 1);
    assert_int_equal(stats.limits.next_start_ms, seen.next_start_ms);
    assert_int_equal(stats.limits.requests_remaining, UINT32_MAX);
    assert_int_equal(stats.limits.gate_ms, 0);
}

static void test_client_limits_cost_that_never_fits_is_told_at_once(void **state)
{
    (void)state;
    const cmx_rate_limits limits = {.tokens_per_min = 1000};
    origin.rate_limits = &limits;
    add_origin();
    chat.max_tokens = 1000;
    expect_chat(CMX_ERR_RATE, "tokens_per_min");
}

static void test_client_limits_set_key_refuses_what_is_no_key(void **state)
{
    (void)state;
    add_origin();
    assert_int_equal(cmx_client_set_key(client, 9, "k"), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_set_key(client, 0, NULL), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_set_key(client, 0, ""), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_set_key(client, 0, "a\nb"), CMX_ERR_KEY);
    assert_int_equal(cmx_client_set_key(client, 0, "sk-longer-than-the-one-before"), CMX_OK);
}

static void test_client_limits_draining_accepts_nothing(void **state)
{
    (void)state;
    cmx_event event;
    add_origin();
    cmx_client_drain(client, 1000);
    expect_chat(CMX_ERR_BUSY, "drain");
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
}

static void test_client_limits_waiting_has_names_for_all(void **state)
{
    (void)state;
    assert_int_equal(cmx_client_waiting(client, 12345), CMX_WAITING_NOT);
    assert_string_equal(cmx_waiting_name(CMX_WAITING_RETRY), "RETRY");
    assert_string_equal(cmx_waiting_name(CMX_WAITING_NOT), "NOT");
    assert_string_equal(cmx_waiting_name((enum cmx_waiting)99), "UNKNOWN");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_client_limits_out_of_range_are_refused),
        TEST(test_client_limits_rate_limits_are_checked_and_seen),
        TEST(test_client_limits_cost_that_never_fits_is_told_at_once),
        TEST(test_client_limits_set_key_refuses_what_is_no_key),
        TEST(test_client_limits_draining_accepts_nothing),
        TEST(test_client_limits_waiting_has_names_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
