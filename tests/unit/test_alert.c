/* SPDX-License-Identifier: MIT */
/*
 * Alerts over a window of a minute: when they fire, when they are over, what they tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/alert.h"

#include <string.h>

static cmx_alert_watch watch;
static cmx_alert_heads heads[CMX_ALERT_STEPS];
static cmx_alert alert;
static uint64_t now_ms;

static void init(uint32_t errors, uint32_t retries, uint32_t p99_ms)
{
    const cmx_alert_limits limits = {errors, retries, p99_ms};
    memset(heads, 0, sizeof heads);
    cmx_alert_init(&watch, &limits, heads);
    now_ms = 1000003;
}

static void done(uint32_t good, uint32_t bad)
{
    for (uint32_t i = 0; i < good + bad; i++) {
        cmx_alert_on_done(&watch, i >= good, now_ms);
    }
}

static void expect(enum cmx_alert_kind kind, bool firing, uint64_t value, uint64_t threshold)
{
    memset(&alert, 0x55, sizeof alert);
    assert_true(cmx_alert_look(&watch, now_ms, &alert));
    assert_int_equal(alert.kind, kind);
    assert_int_equal(alert.firing, firing);
    assert_int_equal(alert.value, value);
    assert_int_equal(alert.threshold, threshold);
}

static void expect_none(void)
{
    assert_false(cmx_alert_look(&watch, now_ms, &alert));
}

static void test_alert_errors_fire_above_the_threshold(void **state)
{
    (void)state;
    init(10, 0, 0);
    done(99, 1);
    expect_none(); /* exactly 1 % */
    assert_true(cmx_alert_due_ms(&watch, now_ms) == UINT64_MAX);
    done(0, 1);
    expect(CMX_ALERT_ERRORS, true, 19, 10);
    expect_none(); /* told once */
}

static void test_alert_few_requests_prove_nothing(void **state)
{
    (void)state;
    init(10, 10, 0);
    done(0, 19);
    cmx_alert_on_retry(&watch, now_ms);
    expect_none();
    done(0, 1);
    expect(CMX_ALERT_ERRORS, true, 1000, 10);
    expect(CMX_ALERT_RETRIES, true, 50, 10);
    expect_none();
}

static void test_alert_is_over_after_30_s_of_calm(void **state)
{
    (void)state;
    init(100, 0, 0);
    done(80, 20);
    expect(CMX_ALERT_ERRORS, true, 200, 100);
    /* 8 % is 80 % of the threshold: not below. */
    done(150, 0);
    expect_none();
    assert_int_equal(cmx_alert_due_ms(&watch, now_ms), 1005000);
    done(1, 0);
    expect_none(); /* calm from now on */
    now_ms += 20000;
    expect_none();
    done(0, 20); /* and no more */
    expect_none();
    now_ms += 10000;
    expect_none();
    done(1000, 0);
    expect_none();
    now_ms += CMX_ALERT_CLEAR_MS - 1;
    expect_none();
    assert_int_equal(cmx_alert_due_ms(&watch, now_ms), now_ms + 1);
    now_ms++;
    expect(CMX_ALERT_ERRORS, false, 19, 100);
    assert_true(cmx_alert_due_ms(&watch, now_ms) == UINT64_MAX);
}

static void test_alert_window_forgets_after_a_minute(void **state)
{
    (void)state;
    init(10, 0, 0);
    done(0, 50);
    expect(CMX_ALERT_ERRORS, true, 1000, 10);
    assert_int_equal(cmx_alert_done_per_min(&watch, now_ms), 50);
    now_ms = 1000000 + 59999;
    assert_int_equal(cmx_alert_done_per_min(&watch, now_ms), 50);
    now_ms = 1000000 + 60000;
    assert_int_equal(cmx_alert_done_per_min(&watch, now_ms), 0);
    expect_none();
    now_ms += CMX_ALERT_CLEAR_MS;
    expect(CMX_ALERT_ERRORS, false, 0, 10);
    /* And fires again. */
    done(0, 20);
    expect(CMX_ALERT_ERRORS, true, 1000, 10);
}

static void add_heads(uint32_t count, uint64_t head_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        cmx_alert_on_head(&watch, head_ms, now_ms);
    }
}

static void test_alert_p99_is_decided_exactly(void **state)
{
    (void)state;
    init(0, 0, 540);
    add_heads(99, 540);
    add_heads(1, 541);
    expect_none(); /* one of a hundred */
    add_heads(1, 541);
    expect(CMX_ALERT_P99, true, 541, 540); /* the middle of its bucket is 520 */
    now_ms += 60000;
    add_heads(1000, 431);
    expect_none();
    now_ms += CMX_ALERT_CLEAR_MS;
    expect(CMX_ALERT_P99, false, 432, 540); /* likewise 440 */
}

static void test_alert_p99_value_is_near(void **state)
{
    (void)state;
    for (uint64_t head_ms = 2; head_ms < 3600000; head_ms = head_ms * 5 / 4 + 1) {
        init(0, 0, 1);
        add_heads(96, 1);
        add_heads(4, head_ms);
        memset(&alert, 0, sizeof alert);
        assert_true(cmx_alert_look(&watch, now_ms, &alert));
        uint64_t off_ms = alert.value > head_ms ? alert.value - head_ms : head_ms - alert.value;
        assert_true(off_ms * 8 <= head_ms + 8);
    }
    init(0, 0, 1);
    add_heads(100, UINT64_MAX / 4000);
    assert_true(cmx_alert_look(&watch, now_ms, &alert));
}

static void test_alert_without_thresholds_never_fires(void **state)
{
    (void)state;
    init(0, 0, 0);
    done(0, 1000);
    cmx_alert_on_retry(&watch, now_ms);
    add_heads(100, 100000);
    expect_none();
    assert_int_equal(cmx_alert_done_per_min(&watch, now_ms), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alert_errors_fire_above_the_threshold),
        cmocka_unit_test(test_alert_few_requests_prove_nothing),
        cmocka_unit_test(test_alert_is_over_after_30_s_of_calm),
        cmocka_unit_test(test_alert_window_forgets_after_a_minute),
        cmocka_unit_test(test_alert_p99_is_decided_exactly),
        cmocka_unit_test(test_alert_p99_value_is_near),
        cmocka_unit_test(test_alert_without_thresholds_never_fires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
