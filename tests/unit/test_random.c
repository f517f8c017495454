/* SPDX-License-Identifier: MIT */
/*
 * The generator against published numbers of xoshiro128++, its seeding, bounds and evenness.
 */
#include "base/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

static void test_random_known_state_gives_published_numbers(void **state)
{
    (void)state;
    static const uint32_t published[] = {641,        1573767,    3222811527, 3517856514, 836907274,
                                         4247214768, 3867114732, 1355841295, 495546011,  621204420};
    cmx_random random = {{1, 2, 3, 4}};

    for (size_t i = 0; i < CMX_ARRAY_LEN(published); i++) {
        /* This bound rejects nothing and keeps the upper 31 bits. */
        assert_int_equal(cmx_random_below(&random, UINT32_C(1) << 31), published[i] >> 1);
    }
}

static void test_random_seed_fills_the_state_by_splitmix64(void **state)
{
    (void)state;
    cmx_random random;

    cmx_random_seed(&random, 1234567);
    assert_true(((uint64_t)random.state[1] << 32 | random.state[0]) ==
                UINT64_C(6457827717110365317));
    assert_true(((uint64_t)random.state[3] << 32 | random.state[2]) ==
                UINT64_C(3203168211198807973));
}

static void test_random_same_seed_repeats_other_seed_differs(void **state)
{
    (void)state;
    cmx_random first;
    cmx_random again;
    cmx_random other;
    unsigned equal = 0;

    cmx_random_seed(&first, 0);
    cmx_random_seed(&again, 0);
    cmx_random_seed(&other, 1);
    for (unsigned i = 0; i < 100; i++) {
        uint32_t number = cmx_random_below(&first, UINT32_MAX);
        assert_int_equal(cmx_random_below(&again, UINT32_MAX), number);
        equal += cmx_random_below(&other, UINT32_MAX) == number ? 1 : 0;
    }
    assert_true(equal < 3);
}

static void test_random_below_stays_below_every_bound(void **state)
{
    (void)state;
    static const uint32_t bounds[] = {1,          2,          3,          1000,
                                      0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX};
    cmx_random random;

    cmx_random_seed(&random, 9);
    for (size_t i = 0; i < CMX_ARRAY_LEN(bounds); i++) {
        for (unsigned k = 0; k < 2000; k++) {
            assert_true(cmx_random_below(&random, bounds[i]) < bounds[i]);
        }
    }
}

/* With 3 * 2^30, a plain multiplication would give every third result twice as often as the
 * others: 1/2 of all instead of 1/3. */
static void test_random_below_is_unbiased(void **state)
{
    (void)state;
    uint32_t count[3] = {0};
    cmx_random random;

    cmx_random_seed(&random, 77);
    for (unsigned i = 0; i < 30000; i++) {
        count[cmx_random_below(&random, UINT32_C(3) << 30) % 3]++;
    }
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(count[i], 9500, 10500);
    }
}

static void draw_below_nothing(void *ctx)
{
    (void)cmx_random_below(ctx, 0);
}

static void test_random_below_zero_panics(void **state)
{
    (void)state;
    cmx_random random;

    cmx_random_seed(&random, 1);
    expect_panic(draw_below_nothing, &random);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_known_state_gives_published_numbers),
        cmocka_unit_test(test_random_seed_fills_the_state_by_splitmix64),
        cmocka_unit_test(test_random_same_seed_repeats_other_seed_differs),
        cmocka_unit_test(test_random_below_stays_below_every_bound),
        cmocka_unit_test(test_random_below_is_unbiased),
        cmocka_unit_test(test_random_below_zero_panics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
