/* SPDX-License-Identifier: MIT */
/*
 * The pool of equal blocks: all can be taken once, none overlaps, the counts agree, and giving
 * back what was not taken ends the process.
 */
#include "base/blocks.h"
#include "base/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

enum { COUNT = 7, BYTES = 40, STRIDE = 48 };

static _Alignas(CMX_BLOCKS_ALIGN) uint8_t memory[COUNT * (STRIDE + sizeof(uint32_t)) + 1];

static cmx_blocks make_pool(void)
{
    cmx_blocks blocks;

    memset(memory, 0xee, sizeof(memory));
    assert_int_equal(cmx_blocks_memory_bytes(COUNT, BYTES), sizeof(memory) - 1);
    cmx_blocks_init(&blocks, memory, COUNT, BYTES);
    return blocks;
}

static void test_blocks_all_are_taken_once_aligned_and_apart(void **state)
{
    (void)state;
    cmx_blocks blocks = make_pool();
    uint8_t *taken[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(blocks.free_count, COUNT - i);
        taken[i] = cmx_blocks_take(&blocks);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % CMX_BLOCKS_ALIGN, 0);
        memset(taken[i], (int)i, BYTES);
    }
    assert_null(cmx_blocks_take(&blocks));
    assert_int_equal(blocks.free_count, 0);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < BYTES; k++) {
            assert_int_equal(taken[i][k], i);
        }
    }
    assert_int_equal(memory[sizeof(memory) - 1], 0xee);
}

static void test_blocks_given_back_is_taken_again(void **state)
{
    (void)state;
    cmx_blocks blocks = make_pool();
    uint8_t *taken[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        taken[i] = cmx_blocks_take(&blocks);
    }
    cmx_blocks_give(&blocks, taken[3]);
    assert_int_equal(blocks.free_count, 1);
    assert_ptr_equal(cmx_blocks_take(&blocks), taken[3]);
    assert_null(cmx_blocks_take(&blocks));
}

static void test_blocks_used_max_keeps_the_highest(void **state)
{
    (void)state;
    cmx_blocks blocks = make_pool();

    assert_int_equal(blocks.used_max, 0);
    uint8_t *first = cmx_blocks_take(&blocks);
    uint8_t *second = cmx_blocks_take(&blocks);
    assert_int_equal(blocks.used_max, 2);
    cmx_blocks_give(&blocks, first);
    cmx_blocks_give(&blocks, second);
    assert_non_null(cmx_blocks_take(&blocks));
    assert_int_equal(blocks.used_max, 2);
}

static void test_blocks_refused_are_counted(void **state)
{
    (void)state;
    cmx_blocks blocks = make_pool();

    for (size_t i = 0; i < COUNT; i++) {
        assert_non_null(cmx_blocks_take(&blocks));
    }
    assert_int_equal(blocks.refused, 0);
    assert_null(cmx_blocks_take(&blocks));
    assert_null(cmx_blocks_take(&blocks));
    assert_int_equal(blocks.refused, 2);
    assert_int_equal(blocks.used_max, COUNT);
}

static void test_blocks_random_take_and_give_agrees_with_a_model(void **state)
{
    (void)state;
    cmx_blocks blocks = make_pool();
    uint8_t *taken[COUNT];
    uint8_t marks[COUNT];
    uint32_t count = 0;
    cmx_random random;

    cmx_random_seed(&random, 11);
    for (unsigned i = 0; i < 20000; i++) {
        if (cmx_random_below(&random, 2) == 0) {
            uint8_t *block = cmx_blocks_take(&blocks);
            assert_true((block == NULL) == (count == COUNT));
            if (block != NULL) {
                marks[count] = (uint8_t)i;
                memset(block, marks[count], BYTES);
                taken[count++] = block;
            }
        } else if (count > 0) {
            uint32_t index = cmx_random_below(&random, count);
            for (size_t k = 0; k < BYTES; k++) {
                assert_int_equal(taken[index][k], marks[index]);
            }
            cmx_blocks_give(&blocks, taken[index]);
            count--;
            taken[index] = taken[count];
            marks[index] = marks[count];
        }
        assert_int_equal(blocks.free_count, COUNT - count);
    }
    assert_int_equal(blocks.used_max, COUNT);
}

static void test_blocks_empty_pool_gives_nothing(void **state)
{
    (void)state;
    cmx_blocks blocks;

    assert_int_equal(cmx_blocks_memory_bytes(0, 100), 0);
    cmx_blocks_init(&blocks, NULL, 0, 100);
    assert_null(cmx_blocks_take(&blocks));
}

static void test_blocks_size_beyond_memory_saturates(void **state)
{
    (void)state;
    assert_true(cmx_blocks_memory_bytes(1, SIZE_MAX) == SIZE_MAX);
    assert_true(cmx_blocks_memory_bytes(1, SIZE_MAX - 20) == SIZE_MAX);
    assert_true(cmx_blocks_memory_bytes(UINT32_MAX, SIZE_MAX / 1000) == SIZE_MAX);
    assert_true(cmx_blocks_memory_bytes(2, SIZE_MAX / 2) == SIZE_MAX);
    assert_true(cmx_blocks_memory_bytes(2, SIZE_MAX / 4) < SIZE_MAX);
}

static void give_twice(void *ctx)
{
    cmx_blocks *blocks = ctx;
    uint8_t *block = cmx_blocks_take(blocks);

    cmx_blocks_give(blocks, block);
    cmx_blocks_give(blocks, block);
}

static void give_inside(void *ctx)
{
    cmx_blocks *blocks = ctx;

    cmx_blocks_give(blocks, cmx_blocks_take(blocks) + CMX_BLOCKS_ALIGN);
}

static void give_never_taken(void *ctx)
{
    cmx_blocks *blocks = ctx;

    cmx_blocks_give(blocks, cmx_blocks_take(blocks) + STRIDE);
}

static void give_behind(void *ctx)
{
    cmx_blocks *blocks = ctx;

    cmx_blocks_give(blocks, memory + COUNT * STRIDE);
}

static void give_null(void *ctx)
{
    cmx_blocks_give(ctx, NULL);
}

static void test_blocks_foreign_or_double_give_panics(void **state)
{
    (void)state;
    cmx_blocks blocks = make_pool();

    expect_panic(give_twice, &blocks);
    expect_panic(give_inside, &blocks);
    expect_panic(give_never_taken, &blocks);
    expect_panic(give_behind, &blocks);
    expect_panic(give_null, &blocks);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_all_are_taken_once_aligned_and_apart),
        cmocka_unit_test(test_blocks_given_back_is_taken_again),
        cmocka_unit_test(test_blocks_used_max_keeps_the_highest),
        cmocka_unit_test(test_blocks_refused_are_counted),
        cmocka_unit_test(test_blocks_random_take_and_give_agrees_with_a_model),
        cmocka_unit_test(test_blocks_empty_pool_gives_nothing),
        cmocka_unit_test(test_blocks_size_beyond_memory_saturates),
        cmocka_unit_test(test_blocks_foreign_or_double_give_panics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
