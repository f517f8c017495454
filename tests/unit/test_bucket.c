/* SPDX-License-Identifier: MIT */
/*
 * The token bucket with exact figures, and as a property from fixed seeds: whatever is asked when,
 * no span of time sees more than burst and rate allow, nothing is lost to rounding, and the wait it
 * names is neither too short nor a millisecond too long.
 */
#include "policy/bucket.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 UINT64_C(1000)

static cmx_bucket bucket_of(uint32_t rate_per_min, uint32_t burst)
{
    cmx_bucket bucket;
    cmx_bucket_init(&bucket, rate_per_min, burst, T0);
    return bucket;
}

/* Takes `cost`, all or nothing, as a limiter does. */
static int reserve_at(cmx_bucket *bucket, uint32_t cost, uint64_t now_ms, uint64_t *wait_ms)
{
    *wait_ms = 0;
    if (!cmx_bucket_can_fit(bucket, cost)) {
        return CMX_ERR_RATE;
    }
    *wait_ms = cmx_bucket_wait_ms(bucket, cost, now_ms);
    if (*wait_ms > 0) {
        return CMX_AGAIN;
    }
    cmx_bucket_take(bucket, cost, now_ms);
    return CMX_OK;
}

static int reserve(cmx_bucket *bucket, uint32_t cost, uint64_t now_ms)
{
    uint64_t wait_ms = 0;
    return reserve_at(bucket, cost, now_ms, &wait_ms);
}

static void test_bucket_starts_full_and_then_paces(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(60, 3);
    uint64_t wait_ms = 9;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reserve_at(&bucket, 1, T0, &wait_ms), CMX_OK);
        assert_int_equal(wait_ms, 0);
    }
    assert_int_equal(reserve_at(&bucket, 1, T0, &wait_ms), CMX_AGAIN);
    assert_int_equal(wait_ms, 1000);
    assert_int_equal(reserve_at(&bucket, 1, T0 + 999, &wait_ms), CMX_AGAIN);
    assert_int_equal(wait_ms, 1);
    assert_int_equal(reserve_at(&bucket, 1, T0 + 1000, &wait_ms), CMX_OK);
    assert_int_equal(reserve_at(&bucket, 2, T0 + 1000, &wait_ms), CMX_AGAIN);
    assert_int_equal(wait_ms, 2000);
}

static void test_bucket_without_burst_saves_a_minute(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(500, 0);
    assert_int_equal(cmx_bucket_left(&bucket, T0), 500);
    assert_int_equal(reserve(&bucket, 500, T0), CMX_OK);
    assert_int_equal(cmx_bucket_left(&bucket, T0 + 60000 - 1), 499);
    assert_int_equal(cmx_bucket_left(&bucket, T0 + 60000), 500);
    assert_int_equal(cmx_bucket_left(&bucket, T0 + UINT64_C(60000) * 1000000), 500);
}

static void test_bucket_asking_every_millisecond_loses_nothing(void **state)
{
    (void)state;
    /* 7 per minute is one per 8571.43 ms: rounding each step would drift. */
    cmx_bucket bucket = bucket_of(7, 7);
    assert_int_equal(reserve(&bucket, 7, T0), CMX_OK);
    uint32_t granted = 0;
    for (uint64_t now_ms = T0; now_ms < T0 + 600000; now_ms++) {
        granted += reserve(&bucket, 1, now_ms) == CMX_OK;
    }
    assert_int_equal(granted, 69); /* the 70th falls due with the tenth minute's last moment */
    assert_int_equal(reserve(&bucket, 1, T0 + 600000), CMX_OK);
}

static void test_bucket_cost_above_burst_is_refused_at_once(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(60, 10);
    uint64_t wait_ms = 9;
    assert_int_equal(reserve_at(&bucket, 11, T0, &wait_ms), CMX_ERR_RATE);
    assert_int_equal(wait_ms, 0);
    assert_false(cmx_bucket_can_fit(&bucket, 11));
    assert_true(cmx_bucket_can_fit(&bucket, 10));
    assert_int_equal(cmx_bucket_left(&bucket, T0), 10);
}

static void test_bucket_without_rate_grants_everything(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(0, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(reserve(&bucket, UINT32_MAX, T0), CMX_OK);
    }
    assert_true(cmx_bucket_left(&bucket, T0) == INT64_MAX);
}

static void test_bucket_refund_is_capped_at_the_burst(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(60, 10);
    assert_int_equal(reserve(&bucket, 8, T0), CMX_OK);
    cmx_bucket_refund(&bucket, 5, T0);
    assert_int_equal(cmx_bucket_left(&bucket, T0), 7);
    cmx_bucket_refund(&bucket, 5, T0);
    assert_int_equal(cmx_bucket_left(&bucket, T0), 10);
    cmx_bucket_refund(&bucket, INT64_MAX, T0);
    assert_int_equal(cmx_bucket_left(&bucket, T0), 10);
}

static void test_bucket_use_above_the_reservation_makes_a_debt(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(60, 10);
    assert_int_equal(reserve(&bucket, 10, T0), CMX_OK);
    cmx_bucket_refund(&bucket, -5, T0);
    assert_int_equal(cmx_bucket_left(&bucket, T0), -5);
    uint64_t wait_ms = 0;
    assert_int_equal(reserve_at(&bucket, 1, T0, &wait_ms), CMX_AGAIN);
    assert_int_equal(wait_ms, 6000);
    assert_int_equal(cmx_bucket_left(&bucket, T0 + 1), -5); /* rounded down */
    assert_int_equal(reserve(&bucket, 1, T0 + 5999), CMX_AGAIN);
    assert_int_equal(reserve(&bucket, 1, T0 + 6000), CMX_OK);
}

static void test_bucket_debt_has_a_floor(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(UINT32_MAX, UINT32_MAX);
    for (int i = 0; i < 1000; i++) {
        cmx_bucket_refund(&bucket, INT64_MIN, T0);
    }
    assert_true(cmx_bucket_left(&bucket, T0) == -(int64_t)UINT32_MAX);
    /* Two minutes: one for the debt, one for the burst. */
    assert_int_equal(cmx_bucket_wait_ms(&bucket, UINT32_MAX, T0), 120000);
    assert_int_equal(reserve(&bucket, UINT32_MAX, T0 + 120000), CMX_OK);
}

static void test_bucket_never_grants_above_what_the_server_says(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(6000, 100);
    cmx_bucket_limit(&bucket, 2, 5000, T0);
    assert_int_equal(cmx_bucket_left(&bucket, T0), 2);
    assert_int_equal(reserve(&bucket, 1, T0 + 1000), CMX_OK);
    assert_int_equal(reserve(&bucket, 1, T0 + 1000), CMX_OK);
    uint64_t wait_ms = 0;
    assert_int_equal(reserve_at(&bucket, 1, T0 + 1000, &wait_ms), CMX_AGAIN);
    assert_int_equal(wait_ms, 4000); /* our own bucket would have granted it */
    cmx_bucket_refund(&bucket, 50, T0 + 2000);
    assert_int_equal(reserve(&bucket, 1, T0 + 4999), CMX_AGAIN);
    assert_int_equal(reserve(&bucket, 100, T0 + 5000), CMX_OK);
}

static void test_bucket_server_word_without_reset_cuts_what_is_saved(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(60, 10);
    cmx_bucket_limit(&bucket, 3, 0, T0);
    assert_int_equal(cmx_bucket_left(&bucket, T0), 3);
    assert_int_equal(cmx_bucket_left(&bucket, T0 + 2000), 5);
    cmx_bucket_limit(&bucket, 9, 0, T0 + 2000);
    assert_int_equal(cmx_bucket_left(&bucket, T0 + 2000), 5); /* never raised */
}

static void test_bucket_later_word_replaces_an_earlier_one(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(0, 0);
    cmx_bucket_limit(&bucket, 0, 60000, T0);
    assert_int_equal(reserve(&bucket, 1, T0 + 10), CMX_AGAIN);
    cmx_bucket_limit(&bucket, 1, 50, T0 + 10);
    assert_int_equal(reserve(&bucket, 1, T0 + 11), CMX_OK);
    assert_int_equal(reserve(&bucket, 1, T0 + 11), CMX_AGAIN);
    assert_int_equal(reserve(&bucket, 1, T0 + 60), CMX_OK);
}

static void test_bucket_absurd_reset_is_cut_to_a_day(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(0, 0);
    cmx_bucket_limit(&bucket, 0, UINT64_MAX, T0);
    assert_int_equal(cmx_bucket_wait_ms(&bucket, 1, T0), CMX_BUCKET_RESET_MAX_MS);
}

static void test_bucket_time_that_stands_still_fills_nothing(void **state)
{
    (void)state;
    cmx_bucket bucket = bucket_of(60, 1);
    assert_int_equal(reserve(&bucket, 1, T0 + 500), CMX_OK);
    assert_int_equal(reserve(&bucket, 1, T0), CMX_AGAIN); /* earlier than the last look */
    assert_int_equal(cmx_bucket_wait_ms(&bucket, 1, T0 + 500), 1000);
}

enum { GRANTS = 400, SEEDS = 60 };

/* Every pair of grants (i, j): what was granted from i to j fits burst + rate * (t_j - t_i). */
static void check_spans(const cmx_bucket *bucket, const uint64_t *at_ms, const uint32_t *cost)
{
    for (int i = 0; i < GRANTS; i++) {
        uint64_t sum = 0;
        for (int j = i; j < GRANTS; j++) {
            sum += cost[j];
            uint64_t span_ms = at_ms[j] - at_ms[i];
            assert_true((sum - bucket->burst) * 60000 <= span_ms * bucket->rate_per_min ||
                        sum <= bucket->burst);
        }
    }
}

static void test_bucket_no_span_exceeds_burst_and_rate(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        cmx_random random;
        cmx_random_seed(&random, seed);
        uint32_t burst = 1 + cmx_random_below(&random, 50);
        cmx_bucket bucket = bucket_of(1 + cmx_random_below(&random, 100000), burst);
        uint64_t at_ms[GRANTS];
        uint32_t cost[GRANTS];
        uint64_t now_ms = T0;
        for (int i = 0; i < GRANTS; i++) {
            cost[i] = 1 + cmx_random_below(&random, burst);
            uint64_t wait_ms = 0;
            int rc = reserve_at(&bucket, cost[i], now_ms, &wait_ms);
            if (rc == CMX_AGAIN) {
                /* One millisecond less is too early, the wait itself is enough. */
                assert_int_equal(reserve(&bucket, cost[i], now_ms + wait_ms - 1), CMX_AGAIN);
                now_ms += wait_ms;
                assert_int_equal(reserve(&bucket, cost[i], now_ms), CMX_OK);
            } else {
                assert_int_equal(rc, CMX_OK);
            }
            at_ms[i] = now_ms;
            now_ms += cmx_random_below(&random, 4) == 0 ? cmx_random_below(&random, 5000) : 0;
        }
        check_spans(&bucket, at_ms, cost);
    }
}

static void test_bucket_refunds_add_up(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        cmx_random random;
        cmx_random_seed(&random, seed);
        cmx_bucket bucket = bucket_of(1000, 1000000);
        int64_t expected = 1000000;
        for (int i = 0; i < GRANTS; i++) {
            uint32_t cost = cmx_random_below(&random, 1000);
            uint32_t used = cmx_random_below(&random, 2000);
            assert_int_equal(reserve(&bucket, cost, T0), CMX_OK);
            expected -= cost;
            assert_true(cmx_bucket_left(&bucket, T0) == expected);
            cmx_bucket_refund(&bucket, (int64_t)cost - used, T0);
            expected += (int64_t)cost - used;
            expected = expected > 1000000 ? 1000000 : expected;
            assert_true(cmx_bucket_left(&bucket, T0) == expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket_starts_full_and_then_paces),
        cmocka_unit_test(test_bucket_without_burst_saves_a_minute),
        cmocka_unit_test(test_bucket_asking_every_millisecond_loses_nothing),
        cmocka_unit_test(test_bucket_cost_above_burst_is_refused_at_once),
        cmocka_unit_test(test_bucket_without_rate_grants_everything),
        cmocka_unit_test(test_bucket_refund_is_capped_at_the_burst),
        cmocka_unit_test(test_bucket_use_above_the_reservation_makes_a_debt),
        cmocka_unit_test(test_bucket_debt_has_a_floor),
        cmocka_unit_test(test_bucket_never_grants_above_what_the_server_says),
        cmocka_unit_test(test_bucket_server_word_without_reset_cuts_what_is_saved),
        cmocka_unit_test(test_bucket_later_word_replaces_an_earlier_one),
        cmocka_unit_test(test_bucket_absurd_reset_is_cut_to_a_day),
        cmocka_unit_test(test_bucket_time_that_stands_still_fills_nothing),
        cmocka_unit_test(test_bucket_no_span_exceeds_burst_and_rate),
        cmocka_unit_test(test_bucket_refunds_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
