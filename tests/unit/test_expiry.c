/* SPDX-License-Identifier: MIT */
/*
 * When a connection has served long enough: each limit alone, which one is the reason when several
 * are passed, and the spread of the age over its range.
 */
#include "pool/expiry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const cmx_expiry_limits limits = {
    .age_max_ms = 100000, .requests_max = 3, .idle_max_ms = 5000};

static void test_expiry_age_is_spread_by_ten_percent(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 1);
    uint64_t least_ms = UINT64_MAX;
    uint64_t most_ms = 0;
    for (int i = 0; i < 5000; i++) {
        uint64_t retire_ms = cmx_expiry_retire_ms(&limits, &random, 7000);
        assert_in_range(retire_ms, 97000, 117000);
        least_ms = retire_ms < least_ms ? retire_ms : least_ms;
        most_ms = retire_ms > most_ms ? retire_ms : most_ms;
    }
    assert_true(least_ms < 97100 && most_ms > 116900);
}

static void test_expiry_longest_age_does_not_wrap(void **state)
{
    (void)state;
    const cmx_expiry_limits longest = {.age_max_ms = UINT32_MAX};
    cmx_random random;
    cmx_random_seed(&random, 2);
    for (int i = 0; i < 1000; i++) {
        uint64_t retire_ms = cmx_expiry_retire_ms(&longest, &random, 0);
        assert_true(retire_ms >= (uint64_t)UINT32_MAX / 10 * 9);
        assert_true(retire_ms <= (uint64_t)UINT32_MAX / 10 * 11 + 11);
    }
}

static void test_expiry_age_drains_with_and_without_streams(void **state)
{
    (void)state;
    cmx_expiry_seen seen = {.retire_ms = 100000, .requests = 1, .streams = 1};
    uint64_t due_ms = 0;
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 99999, &due_ms), CMX_EXPIRY_NONE);
    assert_int_equal(due_ms, 100000);
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 100000, &due_ms), CMX_EXPIRY_AGE);
    assert_true(due_ms == UINT64_MAX);
    seen.streams = 0;
    seen.idle_since_ms = 99000;
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 100000, &due_ms), CMX_EXPIRY_AGE);
}

static void test_expiry_requests_drain(void **state)
{
    (void)state;
    cmx_expiry_seen seen = {.retire_ms = UINT64_MAX, .requests = 2, .streams = 2};
    uint64_t due_ms = 0;
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 1, &due_ms), CMX_EXPIRY_NONE);
    assert_true(due_ms == UINT64_MAX);
    seen.requests = 3;
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 1, &due_ms), CMX_EXPIRY_REQUESTS);
}

static void test_expiry_idle_counts_only_without_streams(void **state)
{
    (void)state;
    cmx_expiry_seen seen = {.retire_ms = 100000, .idle_since_ms = 1000};
    uint64_t due_ms = 0;
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 5999, &due_ms), CMX_EXPIRY_NONE);
    assert_int_equal(due_ms, 6000);
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 6000, &due_ms), CMX_EXPIRY_IDLE);
    seen.streams = 1;
    assert_int_equal(cmx_expiry_judge(&limits, &seen, 6000, &due_ms), CMX_EXPIRY_NONE);
    assert_int_equal(due_ms, 100000);
}

static void test_expiry_without_limits_never_comes(void **state)
{
    (void)state;
    const cmx_expiry_limits none = {0};
    cmx_random random;
    cmx_random_seed(&random, 3);
    uint64_t due_ms = 0;
    cmx_expiry_seen seen = {.retire_ms = cmx_expiry_retire_ms(&none, &random, 5),
                            .requests = UINT32_MAX};
    assert_true(seen.retire_ms == UINT64_MAX);
    assert_int_equal(cmx_expiry_judge(&none, &seen, UINT64_MAX - 1, &due_ms), CMX_EXPIRY_NONE);
    assert_true(due_ms == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expiry_age_is_spread_by_ten_percent),
        cmocka_unit_test(test_expiry_longest_age_does_not_wrap),
        cmocka_unit_test(test_expiry_age_drains_with_and_without_streams),
        cmocka_unit_test(test_expiry_requests_drain),
        cmocka_unit_test(test_expiry_idle_counts_only_without_streams),
        cmocka_unit_test(test_expiry_without_limits_never_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
