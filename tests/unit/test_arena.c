/* SPDX-License-Identifier: MIT */
/*
 * Carving and measuring must agree to the byte, pieces must be aligned, zeroed and apart, and a
 * sum beyond the address space must stick.
 */
#include "base/arena.h"
#include "base/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

static _Alignas(CMX_ARENA_ALIGN) uint8_t memory[4096];

static void test_arena_measuring_counts_and_hands_out_nothing(void **state)
{
    (void)state;
    cmx_arena arena;

    cmx_arena_init(&arena, NULL, 0);
    assert_null(cmx_arena_take(&arena, 3, 1));
    assert_int_equal(arena.used, 3);
    assert_null(cmx_arena_take(&arena, 8, 8));
    assert_int_equal(arena.used, 16);
    assert_null(cmx_arena_take(&arena, 0, 16));
    assert_int_equal(arena.used, 16);
    assert_null(cmx_arena_take(&arena, 1, 16));
    assert_int_equal(arena.used, 17);
}

static void test_arena_real_pieces_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    cmx_arena arena;
    uint8_t *end = memory;

    memset(memory, 0xa5, sizeof(memory));
    cmx_arena_init(&arena, memory, sizeof(memory));
    for (size_t align = 1; align <= CMX_ARENA_ALIGN; align *= 2) {
        for (size_t bytes = 1; bytes < 20; bytes++) {
            uint8_t *piece = cmx_arena_take(&arena, bytes, align);
            assert_non_null(piece);
            assert_int_equal((uintptr_t)piece % align, 0);
            assert_true(piece >= end);
            assert_true(piece < end + align);
            for (size_t i = 0; i < bytes; i++) {
                assert_int_equal(piece[i], 0);
            }
            memset(piece, 0x5a, bytes);
            end = piece + bytes;
        }
    }
    assert_ptr_equal(memory + arena.used, end);
    assert_int_equal(*end, 0xa5);
}

/* Takes pieces of random sizes and alignments, the same for the same seed. */
static void carve(cmx_arena *arena, uint64_t seed)
{
    cmx_random random;

    cmx_random_seed(&random, seed);
    for (unsigned i = 0; i < 40; i++) {
        size_t bytes = cmx_random_below(&random, 80);
        (void)cmx_arena_take(arena, bytes, (size_t)1 << cmx_random_below(&random, 5));
    }
}

static void test_arena_measured_size_is_exactly_what_carving_uses(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        cmx_arena measured;
        cmx_arena carved;
        cmx_arena_init(&measured, NULL, 0);
        carve(&measured, seed);
        assert_true(measured.used <= sizeof(memory));
        cmx_arena_init(&carved, memory, measured.used);
        carve(&carved, seed);
        assert_int_equal(carved.used, measured.used);
    }
}

static void test_arena_sum_too_large_sticks(void **state)
{
    (void)state;
    cmx_arena arena;

    cmx_arena_init(&arena, NULL, 0);
    assert_null(cmx_arena_take(&arena, 10, 1));
    assert_null(cmx_arena_take(&arena, SIZE_MAX - 9, 1));
    assert_true(arena.used == SIZE_MAX);
    assert_null(cmx_arena_take(&arena, 1, 16));
    assert_true(arena.used == SIZE_MAX);

    cmx_arena_init(&arena, NULL, 0);
    assert_null(cmx_arena_take(&arena, SIZE_MAX - 3, 1));
    assert_true(arena.used == SIZE_MAX - 3);
    assert_null(cmx_arena_take(&arena, 0, 16));
    assert_true(arena.used == SIZE_MAX);
}

static void take_one_byte_too_many(void *ctx)
{
    (void)ctx;
    cmx_arena arena;

    cmx_arena_init(&arena, memory, 16);
    (void)cmx_arena_take(&arena, 16, 1);
    (void)cmx_arena_take(&arena, 1, 1);
}

static void take_more_than_a_size(void *ctx)
{
    (void)ctx;
    cmx_arena arena;

    cmx_arena_init(&arena, memory, sizeof(memory));
    (void)cmx_arena_take(&arena, 16, 1);
    (void)cmx_arena_take(&arena, SIZE_MAX - 15, 1);
}

static void take_with_odd_alignment(void *ctx)
{
    (void)ctx;
    cmx_arena arena;

    cmx_arena_init(&arena, memory, sizeof(memory));
    (void)cmx_arena_take(&arena, 1, 3);
}

static void carve_unaligned_block(void *ctx)
{
    (void)ctx;
    cmx_arena arena;

    cmx_arena_init(&arena, memory + 8, 64);
}

static void test_arena_misuse_panics(void **state)
{
    (void)state;
    expect_panic(take_one_byte_too_many, NULL);
    expect_panic(take_more_than_a_size, NULL);
    expect_panic(take_with_odd_alignment, NULL);
    expect_panic(carve_unaligned_block, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_measuring_counts_and_hands_out_nothing),
        cmocka_unit_test(test_arena_real_pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(test_arena_measured_size_is_exactly_what_carving_uses),
        cmocka_unit_test(test_arena_sum_too_large_sticks),
        cmocka_unit_test(test_arena_misuse_panics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
