/* SPDX-License-Identifier: MIT */
/*
 * Phases and clocks of a call: which deadline counts in which phase, what moves it and what does
 * not, and the body of a plain request as a source.
 */
#include "client/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 1000000 };

static cmx_config config;
static cmx_call call;

static int set_up(void **state)
{
    (void)state;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.queue_timeout_ms = 1000;
    config.head_timeout_ms = 2000;
    config.first_token_timeout_ms = 5000;
    config.progress_timeout_ms = 700;
    config.total_timeout_ms = 0;
    memset(&call, 0xa5, sizeof(call));
    cmx_call_init(&call, &call, START_MS);
    return 0;
}

static void expect_due(uint64_t unread_ms, uint64_t due_ms, int status)
{
    int told = 77;
    assert_int_equal(cmx_call_due_ms(&call, &config, unread_ms, &told), due_ms);
    assert_int_equal(told, status);
}

static void test_call_init_is_queued_and_untouched(void **state)
{
    (void)state;
    assert_int_equal(call.phase, CMX_CALL_AWAIT_START);
    assert_ptr_equal(call.user, &call);
    assert_false(cmx_timerq_armed(&call.timer));
    assert_int_equal(call.attempts, 0);
    assert_true(call.times.sent_ms == CMX_CALL_NEVER);
    assert_true(call.times.head_ms == CMX_CALL_NEVER);
    assert_true(call.times.first_token_ms == CMX_CALL_NEVER);
    assert_true(call.times.last_token_ms == CMX_CALL_NEVER);
    assert_true(call.times.done_ms == CMX_CALL_NEVER);
}

static void test_call_each_phase_has_its_own_clock(void **state)
{
    (void)state;
    expect_due(0, START_MS + 1000, CMX_ERR_TIMEOUT_QUEUE);
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS + 10, 0);
    expect_due(0, START_MS + 10 + 2000, CMX_ERR_TIMEOUT_HEAD);
    cmx_call_enter(&call, CMX_CALL_AWAIT_TOKEN, START_MS + 500, 0);
    expect_due(0, START_MS + 10 + 5000, CMX_ERR_TIMEOUT_FIRST_TOKEN); /* since it was sent */
    assert_true(cmx_call_on_token(&call, 3, START_MS + 900, 0));
    expect_due(0, START_MS + 900 + 700, CMX_ERR_TIMEOUT_PROGRESS);
    assert_false(cmx_call_on_token(&call, 4, START_MS + 1000, 0));
    expect_due(0, START_MS + 1000 + 700, CMX_ERR_TIMEOUT_PROGRESS);
    cmx_call_enter(&call, CMX_CALL_AWAIT_END, START_MS + 1100, 0);
    expect_due(0, START_MS + 1100 + CMX_CALL_GRACE_MS, CMX_OK);
    cmx_call_enter(&call, CMX_CALL_FINISHED, START_MS + 1200, 0);
    expect_due(0, UINT64_MAX, CMX_OK);
}

static void test_call_times_count_from_acceptance(void **state)
{
    (void)state;
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS + 10, 0);
    cmx_call_enter(&call, CMX_CALL_AWAIT_TOKEN, START_MS + 20, 0);
    (void)cmx_call_on_token(&call, 5, START_MS + 30, 0);
    (void)cmx_call_on_token(&call, 6, START_MS + 40, 0);
    cmx_call_enter(&call, CMX_CALL_FINISHED, START_MS + 50, 0);
    assert_int_equal(call.times.sent_ms, 10);
    assert_int_equal(call.times.head_ms, 20);
    assert_int_equal(call.times.first_token_ms, 30);
    assert_int_equal(call.times.last_token_ms, 40);
    assert_int_equal(call.times.done_ms, 50);
    assert_int_equal(call.deltas, 2);
    assert_int_equal(call.delivered_bytes, 11);
}

static void test_call_first_token_clock_counts_before_the_head_if_it_is_shorter(void **state)
{
    (void)state;
    config.first_token_timeout_ms = 1500;
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS, 0);
    expect_due(0, START_MS + 1500, CMX_ERR_TIMEOUT_FIRST_TOKEN);
}

static void test_call_unread_time_moves_the_clock_of_a_phase(void **state)
{
    (void)state;
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS, 400); /* what waited before is not ours */
    expect_due(400, START_MS + 2000, CMX_ERR_TIMEOUT_HEAD);
    expect_due(650, START_MS + 2250, CMX_ERR_TIMEOUT_HEAD);
    cmx_call_enter(&call, CMX_CALL_AWAIT_TOKEN, START_MS + 100, 650);
    expect_due(650, START_MS + 5250, CMX_ERR_TIMEOUT_FIRST_TOKEN); /* it runs since the sending */
    (void)cmx_call_on_token(&call, 1, START_MS + 200, 900);
    expect_due(900, START_MS + 900, CMX_ERR_TIMEOUT_PROGRESS);
    expect_due(901, START_MS + 901, CMX_ERR_TIMEOUT_PROGRESS);
}

static void test_call_smaller_unread_time_does_not_shorten_a_clock(void **state)
{
    (void)state;
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS, 400);
    expect_due(0, START_MS + 2000, CMX_ERR_TIMEOUT_HEAD);
}

static void test_call_total_clock_runs_whatever_waits(void **state)
{
    (void)state;
    config.total_timeout_ms = 1200;
    expect_due(0, START_MS + 1000, CMX_ERR_TIMEOUT_QUEUE); /* earlier */
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS + 100, 0);
    expect_due(50000, START_MS + 1200, CMX_ERR_TIMEOUT_TOTAL);
    cmx_call_enter(&call, CMX_CALL_FINISHED, START_MS + 200, 0);
    expect_due(0, UINT64_MAX, CMX_OK);
}

static void test_call_replay_queues_with_a_fresh_clock(void **state)
{
    (void)state;
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS + 10, 300);
    cmx_call_enter(&call, CMX_CALL_AWAIT_START, START_MS + 600, 0);
    expect_due(0, START_MS + 1600, CMX_ERR_TIMEOUT_QUEUE);
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS + 700, 0);
    assert_int_equal(call.times.sent_ms, 700);
    expect_due(0, START_MS + 2700, CMX_ERR_TIMEOUT_HEAD);
}

static void test_call_own_limits_come_before_the_configured_ones(void **state)
{
    (void)state;
    call.limits = (cmx_call_limits){.queue_timeout_ms = 300,
                                    .head_timeout_ms = 400,
                                    .first_token_timeout_ms = 500,
                                    .progress_timeout_ms = 600,
                                    .total_timeout_ms = 10000};
    expect_due(0, START_MS + 300, CMX_ERR_TIMEOUT_QUEUE);
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, START_MS, 0);
    expect_due(0, START_MS + 400, CMX_ERR_TIMEOUT_HEAD);
    cmx_call_enter(&call, CMX_CALL_AWAIT_TOKEN, START_MS, 0);
    expect_due(0, START_MS + 500, CMX_ERR_TIMEOUT_FIRST_TOKEN);
    (void)cmx_call_on_token(&call, 1, START_MS, 0);
    expect_due(0, START_MS + 600, CMX_ERR_TIMEOUT_PROGRESS);
    cmx_call_enter(&call, CMX_CALL_AWAIT_TURN, START_MS, 0);
    expect_due(0, START_MS + 10000, CMX_ERR_TIMEOUT_TOTAL);
}

static void test_call_retry_waits_from_its_event_on(void **state)
{
    (void)state;
    call.wait_ms = 250;
    call.telling = true;
    cmx_call_enter(&call, CMX_CALL_AWAIT_RETRY, START_MS + 10, 0);
    expect_due(0, UINT64_MAX, CMX_AGAIN);
    call.telling = false;
    cmx_call_enter(&call, CMX_CALL_AWAIT_RETRY, START_MS + 50, 0);
    expect_due(0, START_MS + 300, CMX_AGAIN);
    config.total_timeout_ms = 200;
    expect_due(0, START_MS + 200, CMX_ERR_TIMEOUT_TOTAL);
}

static void test_call_failed_dials_share_one_queue_clock(void **state)
{
    (void)state;
    call.reason = CMX_RETRY_NEVER_SENT;
    cmx_call_enter(&call, CMX_CALL_AWAIT_RETRY, START_MS + 600, 0);
    cmx_call_enter(&call, CMX_CALL_AWAIT_START, START_MS + 700, 0);
    expect_due(0, START_MS + 1000, CMX_ERR_TIMEOUT_QUEUE);
    call.reason = CMX_RETRY_STATUS;
    cmx_call_enter(&call, CMX_CALL_AWAIT_RETRY, START_MS + 800, 0);
    cmx_call_enter(&call, CMX_CALL_AWAIT_START, START_MS + 900, 0);
    expect_due(0, START_MS + 1900, CMX_ERR_TIMEOUT_QUEUE);
}

static void test_call_held_back_does_not_wait_in_the_queue(void **state)
{
    (void)state;
    cmx_call_enter(&call, CMX_CALL_AWAIT_TURN, START_MS, 0);
    expect_due(0, UINT64_MAX, CMX_OK);
    cmx_call_enter(&call, CMX_CALL_AWAIT_START, START_MS + 5000, 0);
    expect_due(0, START_MS + 6000, CMX_ERR_TIMEOUT_QUEUE);
}

static void test_call_late_token_does_not_leave_the_grace(void **state)
{
    (void)state;
    cmx_call_enter(&call, CMX_CALL_AWAIT_END, START_MS, 0);
    (void)cmx_call_on_token(&call, 1, START_MS + 500, 0);
    expect_due(0, START_MS + CMX_CALL_GRACE_MS, CMX_OK);
}

static void test_call_bytes_come_in_pieces_and_again_after_rewind(void **state)
{
    (void)state;
    static const char body[] = "0123456789";
    cmx_call_set_bytes(&call, body, 10);
    assert_int_equal(call.source.length, 10);
    for (unsigned round = 0; round < 2; round++) {
        uint8_t out[16] = {0};
        size_t len = 0;
        size_t got = 0;
        do {
            assert_int_equal(call.source.read(call.source.ctx, out + len, 4, &got), CMX_OK);
            len += got;
        } while (got > 0);
        assert_int_equal(len, 10);
        assert_memory_equal(out, body, 10);
        call.source.rewind(call.source.ctx);
    }
}

static void test_call_without_body_reads_nothing(void **state)
{
    (void)state;
    uint8_t out[4];
    size_t got = 9;
    cmx_call_set_bytes(&call, NULL, 0);
    assert_int_equal(call.source.length, 0);
    assert_int_equal(call.source.read(call.source.ctx, out, sizeof(out), &got), CMX_OK);
    assert_int_equal(got, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_call_init_is_queued_and_untouched, set_up),
        cmocka_unit_test_setup(test_call_each_phase_has_its_own_clock, set_up),
        cmocka_unit_test_setup(test_call_times_count_from_acceptance, set_up),
        cmocka_unit_test_setup(test_call_first_token_clock_counts_before_the_head_if_it_is_shorter,
                               set_up),
        cmocka_unit_test_setup(test_call_unread_time_moves_the_clock_of_a_phase, set_up),
        cmocka_unit_test_setup(test_call_smaller_unread_time_does_not_shorten_a_clock, set_up),
        cmocka_unit_test_setup(test_call_total_clock_runs_whatever_waits, set_up),
        cmocka_unit_test_setup(test_call_replay_queues_with_a_fresh_clock, set_up),
        cmocka_unit_test_setup(test_call_late_token_does_not_leave_the_grace, set_up),
        cmocka_unit_test_setup(test_call_own_limits_come_before_the_configured_ones, set_up),
        cmocka_unit_test_setup(test_call_retry_waits_from_its_event_on, set_up),
        cmocka_unit_test_setup(test_call_failed_dials_share_one_queue_clock, set_up),
        cmocka_unit_test_setup(test_call_held_back_does_not_wait_in_the_queue, set_up),
        cmocka_unit_test_setup(test_call_bytes_come_in_pieces_and_again_after_rewind, set_up),
        cmocka_unit_test_setup(test_call_without_body_reads_nothing, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
