/* SPDX-License-Identifier: MIT */
/*
 * Histograms: edges of buckets, bounds that are exact, quantiles and their error, counts that end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"

#include <stdlib.h>
#include <string.h>

static cmx_histogram histogram;

static int reset(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    return 0;
}

static void test_histogram_buckets_follow_each_other(void **state)
{
    (void)state;
    uint32_t last = 0;
    uint64_t last_us = 0;
    assert_int_equal(cmx_histogram_bucket(0), 0);
    for (uint64_t us = 1; us < UINT64_C(8000000000); us += us / 64 + 1) {
        uint32_t bucket = cmx_histogram_bucket(us);
        assert_true(bucket == last || bucket == last + 1);
        /* The time that stands for a bucket lies in it: 1/16 off at most, below 10 us a unit. */
        uint64_t middle_us = cmx_histogram_middle_us(bucket);
        uint64_t off_us = middle_us > us ? middle_us - us : us - middle_us;
        if (bucket < CMX_HISTOGRAM_BUCKETS - 1) {
            assert_true(off_us * 16 <= us + 32);
        }
        assert_true(middle_us >= last_us);
        last_us = middle_us;
        last = bucket;
    }
    assert_int_equal(last, CMX_HISTOGRAM_BUCKETS - 1);
    assert_int_equal(cmx_histogram_bucket(UINT64_MAX), CMX_HISTOGRAM_BUCKETS - 1);
}

static void test_histogram_bound_belongs_to_what_is_below(void **state)
{
    for (uint32_t bound = 0; bound < CMX_HISTOGRAM_BOUNDS; bound++) {
        uint64_t bound_us = (uint64_t)CMX_HISTOGRAM_BOUND_MS * 1000 << bound;
        reset(state);
        cmx_histogram_add(&histogram, bound_us);
        assert_int_equal(cmx_histogram_count_within(&histogram, bound), 1);
        cmx_histogram_add(&histogram, bound_us + 1);
        assert_int_equal(cmx_histogram_count_within(&histogram, bound), 1);
        cmx_histogram_add(&histogram, bound_us - 1);
        assert_int_equal(cmx_histogram_count_within(&histogram, bound), 2);
        if (bound > 0) {
            assert_int_equal(cmx_histogram_count_within(&histogram, bound - 1), 0);
        }
        assert_int_equal(histogram.count, 3);
        assert_int_equal(histogram.sum_us, 3 * bound_us);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Against sorting, for times that spread over six powers of ten. */
static void test_histogram_quantiles_are_off_by_7_percent_at_most(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static uint64_t all[COUNT];
    uint64_t random = 1;
    for (size_t i = 0; i < COUNT; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t us = 100;
        for (uint64_t k = random >> 40; k % 4 != 0 && us < 100000000; k /= 4) {
            us *= 10;
        }
        all[i] = us + (random >> 33) % (us * 9);
        cmx_histogram_add(&histogram, all[i]);
    }
    qsort(all, COUNT, sizeof all[0], compare);
    for (uint32_t permille = 1; permille <= 1000; permille++) {
        uint64_t true_us = all[(COUNT * permille + 999) / 1000 - 1];
        uint64_t told_us = cmx_histogram_quantile_us(&histogram, permille);
        uint64_t off_us = told_us > true_us ? told_us - true_us : true_us - told_us;
        assert_true(off_us * 100 <= true_us * 7);
    }
}

static void test_histogram_of_nothing_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(cmx_histogram_quantile_us(&histogram, 990), 0);
    assert_int_equal(histogram.count, 0);
    assert_int_equal(cmx_histogram_count_within(&histogram, 16), 0);
}

static void test_histogram_full_counts_end_together_with_the_sum(void **state)
{
    (void)state;
    histogram.counts[cmx_histogram_bucket(1000)] = UINT32_MAX - 1;
    histogram.count = UINT32_MAX - 1;
    cmx_histogram_add(&histogram, 1000);
    cmx_histogram_add(&histogram, 1000);
    assert_int_equal(histogram.count, UINT32_MAX);
    assert_int_equal(histogram.sum_us, 1000);
    cmx_histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(histogram.sum_us, 1000);
    cmx_histogram_add(&histogram, 2000);
    assert_int_equal(histogram.sum_us, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_histogram_buckets_follow_each_other, reset),
        cmocka_unit_test_setup(test_histogram_bound_belongs_to_what_is_below, reset),
        cmocka_unit_test_setup(test_histogram_quantiles_are_off_by_7_percent_at_most, reset),
        cmocka_unit_test_setup(test_histogram_of_nothing_says_nothing, reset),
        cmocka_unit_test_setup(test_histogram_full_counts_end_together_with_the_sum, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
