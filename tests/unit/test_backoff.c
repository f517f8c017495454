/* SPDX-License-Identifier: MIT */
/*
 * Dial back-off: windows double up to the cap, the jitter is full and even, and only a connection
 * that lived ends the counting. All random numbers come from fixed seeds.
 */
#include "pool/backoff.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const cmx_backoff_limits limits = {
    .base_ms = CMX_BACKOFF_BASE_MS,
    .cap_ms = CMX_BACKOFF_CAP_MS,
    .settled_ms = CMX_BACKOFF_SETTLED_MS,
};

static void test_backoff_starts_with_no_wait(void **state)
{
    (void)state;
    cmx_backoff backoff;
    cmx_backoff_init(&backoff);
    assert_int_equal(backoff.due_ms, 0);
    assert_int_equal(backoff.failures, 0);
}

static void test_backoff_windows_double_up_to_the_cap(void **state)
{
    (void)state;
    static const uint32_t windows_ms[] = {250,  500,   1000,  2000,  4000,
                                          8000, 16000, 30000, 30000, 30000};
    uint64_t longest_ms[CMX_ARRAY_LEN(windows_ms)] = {0};
    cmx_random random;
    cmx_random_seed(&random, 7);

    for (int run = 0; run < 2000; run++) {
        cmx_backoff backoff;
        cmx_backoff_init(&backoff);
        for (size_t i = 0; i < CMX_ARRAY_LEN(windows_ms); i++) {
            uint64_t now_ms = backoff.due_ms;
            cmx_backoff_on_failure(&backoff, &limits, &random, now_ms);
            uint64_t wait_ms = backoff.due_ms - now_ms;
            assert_true(wait_ms <= windows_ms[i]);
            longest_ms[i] = wait_ms > longest_ms[i] ? wait_ms : longest_ms[i];
        }
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(windows_ms); i++) {
        assert_true(longest_ms[i] >= windows_ms[i] - windows_ms[i] / 50); /* it is used whole */
    }
}

static void test_backoff_jitter_is_full_and_even(void **state)
{
    (void)state;
    uint32_t quarters[4] = {0};
    cmx_random random;
    cmx_random_seed(&random, 11);

    for (int run = 0; run < 4000; run++) {
        cmx_backoff backoff = {.failures = 20};
        cmx_backoff_on_failure(&backoff, &limits, &random, 0);
        quarters[backoff.due_ms * 4 / (CMX_BACKOFF_CAP_MS + 1)]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(quarters[i], 850, 1150);
    }
}

static void test_backoff_failures_never_shorten_the_wait(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 3);
    cmx_backoff backoff;
    cmx_backoff_init(&backoff);
    for (int i = 0; i < 100; i++) {
        uint64_t before_ms = backoff.due_ms;
        cmx_backoff_on_failure(&backoff, &limits, &random, 1000);
        assert_true(backoff.due_ms >= before_ms);
    }
    assert_int_equal(backoff.failures, 100);
    backoff.failures = UINT32_MAX;
    cmx_backoff_on_failure(&backoff, &limits, &random, 1000);
    assert_true(backoff.failures == UINT32_MAX);
}

static void test_backoff_only_a_settled_connection_ends_the_counting(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 5);
    cmx_backoff backoff;
    cmx_backoff_init(&backoff);
    cmx_backoff_on_failure(&backoff, &limits, &random, 1000);
    cmx_backoff_on_lost(&backoff, &limits, CMX_BACKOFF_SETTLED_MS - 1, &random, 20000);
    assert_int_equal(backoff.failures, 2);
    assert_true(backoff.due_ms >= 20000);
    cmx_backoff_on_lost(&backoff, &limits, CMX_BACKOFF_SETTLED_MS, &random, 40000);
    assert_int_equal(backoff.failures, 0);
    assert_int_equal(backoff.due_ms, 0);
}

static void test_backoff_cap_below_base_caps_the_first_wait(void **state)
{
    (void)state;
    const cmx_backoff_limits small = {.base_ms = 1000, .cap_ms = 10};
    cmx_random random;
    cmx_random_seed(&random, 9);
    for (int i = 0; i < 200; i++) {
        cmx_backoff backoff;
        cmx_backoff_init(&backoff);
        cmx_backoff_on_failure(&backoff, &small, &random, 0);
        assert_true(backoff.due_ms <= 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_starts_with_no_wait),
        cmocka_unit_test(test_backoff_windows_double_up_to_the_cap),
        cmocka_unit_test(test_backoff_jitter_is_full_and_even),
        cmocka_unit_test(test_backoff_failures_never_shorten_the_wait),
        cmocka_unit_test(test_backoff_only_a_settled_connection_ends_the_counting),
        cmocka_unit_test(test_backoff_cap_below_base_caps_the_first_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
