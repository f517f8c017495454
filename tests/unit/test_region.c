/* SPDX-License-Identifier: MIT */
/*
 * The bounded allocator against a model that remembers every block and its bytes: nothing overlaps
 * or leaks, the accounting is exact, what was given back is wiped, and misuse ends the process.
 */
#include "base/random.h"
#include "base/region.h"
#include "base/wipe.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "unit/expect_panic.h"
#include "unit/region_check.h"

enum {
    GUARD = 64,
    REGION_BYTES = 100 * 1024,
    HEADER_MAX = 16,
    MODEL_BLOCKS = 200,
};

static _Alignas(CMX_REGION_ALIGN) uint8_t memory[GUARD + REGION_BYTES + GUARD];

/* Builds a region of `bytes` between two guards. */
static cmx_region *make_region(size_t bytes)
{
    memset(memory, 0xc3, sizeof(memory));
    return cmx_region_init(memory + GUARD, bytes);
}

static void check_guards(size_t bytes)
{
    for (size_t i = 0; i < GUARD; i++) {
        assert_int_equal(memory[i], 0xc3);
        assert_int_equal(memory[GUARD + bytes + i], 0xc3);
    }
}

static bool memory_has(const uint8_t *pattern, size_t len)
{
    return memmem(memory, sizeof(memory), pattern, len) != NULL;
}

static void test_region_fresh_is_empty_and_wholly_usable(void **state)
{
    (void)state;
    for (size_t bytes = CMX_REGION_BYTES_MIN; bytes < CMX_REGION_BYTES_MIN + 40; bytes++) {
        cmx_region *region = make_region(bytes);
        cmx_region_check(region);
        assert_int_equal(cmx_region_used(region), 0);
        assert_int_equal(cmx_region_count(region), 0);
        assert_true(cmx_region_capacity(region) > bytes / 2);
        assert_true(cmx_region_capacity(region) < bytes);

        size_t largest = cmx_region_largest_free(region);
        assert_true(largest >= cmx_region_capacity(region) - HEADER_MAX);
        uint8_t *block = cmx_region_take(region, largest);
        assert_non_null(block);
        memset(block, 0x11, largest);
        cmx_region_check(region);
        assert_int_equal(cmx_region_used(region), cmx_region_capacity(region));
        assert_int_equal(cmx_region_largest_free(region), 0);
        assert_null(cmx_region_take(region, 1));
        cmx_region_give(region, block);
        assert_int_equal(cmx_region_largest_free(region), largest);
        cmx_region_check(region);
        check_guards(bytes);
    }
}

static void test_region_each_size_is_aligned_and_costs_little(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);

    for (size_t bytes = 0; bytes < 3000; bytes++) {
        uint8_t *block = cmx_region_take(region, bytes);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % CMX_REGION_ALIGN, 0);
        assert_true(cmx_region_used(region) > bytes);
        assert_true(cmx_region_used(region) < bytes + HEADER_MAX + 2 * CMX_REGION_ALIGN);
        memset(block, 0x77, bytes > 0 ? bytes : 1);
        cmx_region_check(region);
        cmx_region_give(region, block);
        assert_int_equal(cmx_region_used(region), 0);
    }
    cmx_region_check(region);
}

static void test_region_oversize_is_refused_and_counted(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    size_t largest = cmx_region_largest_free(region);

    assert_null(cmx_region_take(region, largest + 1));
    assert_null(cmx_region_take(region, SIZE_MAX));
    assert_null(cmx_region_take(region, SIZE_MAX - 15));
    assert_null(cmx_region_take(region, SIZE_MAX / 2 + 1));
    assert_null(cmx_region_take_zeroed(region, SIZE_MAX / 2, 3));
    assert_null(cmx_region_take_zeroed(region, 3, SIZE_MAX / 2));
    assert_null(cmx_region_take_zeroed(region, (SIZE_MAX / 16) + 2, 16));
    assert_int_equal(cmx_region_refused(region), 7);
    uint8_t *block = cmx_region_take(region, 100);
    assert_null(cmx_region_resize(region, block, SIZE_MAX));
    assert_null(cmx_region_resize(region, block, largest + 1));
    assert_int_equal(cmx_region_refused(region), 9);
    assert_int_equal(cmx_region_count(region), 1);
    cmx_region_check(region);
    check_guards(REGION_BYTES);
}

static void test_region_zeroed_is_zero_in_used_memory(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    uint8_t *block = cmx_region_take_zeroed(region, 125, 8);

    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(block[i], 0);
    }
    memset(block, 0xff, 1000);
    cmx_region_give(region, block);
    block = cmx_region_take_zeroed(region, 10, 100);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(block[i], 0);
    }
    assert_non_null(cmx_region_take_zeroed(region, 0, 8));
    assert_non_null(cmx_region_take_zeroed(region, 8, 0));
    cmx_region_check(region);
}

static void test_region_full_of_blocks_becomes_one_again(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    size_t largest = cmx_region_largest_free(region);
    uint8_t *blocks[REGION_BYTES / 64];
    size_t count = 0;

    while ((blocks[count] = cmx_region_take(region, 100)) != NULL) {
        memset(blocks[count], (int)count, 100);
        count++;
    }
    assert_true(cmx_region_capacity(region) - cmx_region_used(region) < 128);
    assert_true(count >= cmx_region_capacity(region) / 128);
    assert_int_equal(cmx_region_count(region), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(blocks[i][0], (uint8_t)i);
        assert_int_equal(blocks[i][99], (uint8_t)i);
    }
    for (size_t i = 0; i < count; i += 2) {
        cmx_region_give(region, blocks[i]);
    }
    cmx_region_check(region);
    assert_null(cmx_region_take(region, 300)); /* free, but nowhere in one piece */
    for (size_t i = 1; i < count; i += 2) {
        cmx_region_give(region, blocks[i]);
    }
    cmx_region_check(region);
    assert_int_equal(cmx_region_used(region), 0);
    assert_int_equal(cmx_region_largest_free(region), largest);
    assert_true(cmx_region_peak(region) > count * 100);
}

static void test_region_given_back_is_wiped(void **state)
{
    (void)state;
    static const uint8_t secret[8] = {0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed, 0xfa, 0xce};
    static const size_t sizes[] = {8, 16, 24, 40, 100, 1000, 20000};

    for (size_t i = 0; i < CMX_ARRAY_LEN(sizes); i++) {
        cmx_region *region = make_region(REGION_BYTES);
        uint8_t *block = cmx_region_take(region, sizes[i]);
        assert_non_null(cmx_region_take(region, 1)); /* its neighbour stays in use */
        for (size_t at = 0; at + sizeof(secret) <= sizes[i]; at += sizeof(secret)) {
            memcpy(block + at, secret, sizeof(secret));
        }
        assert_true(memory_has(secret, sizeof(secret)));
        cmx_region_give(region, block);
        assert_false(memory_has(secret, sizeof(secret)));
        cmx_region_check(region);
    }
}

static void test_region_shrunk_stays_and_wipes_its_tail(void **state)
{
    (void)state;
    static const uint8_t secret[8] = {0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed, 0xfa, 0xce};
    cmx_region *region = make_region(REGION_BYTES);
    uint8_t *block = cmx_region_take(region, 1000);
    size_t used = cmx_region_used(region);

    assert_non_null(cmx_region_take(region, 1));
    memset(block, 0x42, 1000);
    memcpy(block + 600, secret, sizeof(secret));
    memcpy(block + 992, secret, sizeof(secret));
    assert_ptr_equal(cmx_region_resize(region, block, 100), block);
    assert_false(memory_has(secret, sizeof(secret)));
    assert_true(cmx_region_used(region) < used - 800);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(block[i], 0x42);
    }
    assert_ptr_equal(cmx_region_resize(region, block, 0), block);
    assert_int_equal(block[0], 0x42);
    cmx_region_check(region);
}

static void test_region_grown_into_free_neighbour_stays(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    uint8_t *block = cmx_region_take(region, 100);
    uint8_t *gap = cmx_region_take(region, 900);
    uint8_t *wall = cmx_region_take(region, 100);

    memset(block, 0x42, 100);
    memset(wall, 0x24, 100);
    cmx_region_give(region, gap);
    assert_ptr_equal(cmx_region_resize(region, block, 900), block);
    assert_int_equal(cmx_region_count(region), 3);
    memset(block + 100, 0x43, 800);
    cmx_region_check(region);
    /* All of the gap and its header: no free block is left between the two. */
    assert_ptr_equal(cmx_region_resize(region, block, (size_t)(wall - block) - HEADER_MAX), block);
    cmx_region_check(region);
    assert_int_equal(block[99], 0x42);
    assert_int_equal(block[899], 0x43);
    assert_int_equal(wall[0], 0x24);
    assert_int_equal(wall[99], 0x24);
}

static void test_region_grown_elsewhere_moves_and_wipes(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    uint8_t *block = cmx_region_take(region, 104);
    uint8_t *wall = cmx_region_take(region, 100);

    for (size_t i = 0; i < 104; i++) {
        block[i] = (uint8_t)(i + 1);
    }
    uint8_t *moved = cmx_region_resize(region, block, 2000);
    assert_non_null(moved);
    assert_ptr_not_equal(moved, block);
    for (size_t i = 0; i < 104; i++) {
        assert_int_equal(moved[i], i + 1);
        assert_true(i < 2 * sizeof(void *) || block[i] == 0);
    }
    cmx_region_check(region);
    cmx_region_give(region, moved);
    cmx_region_give(region, wall);
    assert_int_equal(cmx_region_used(region), 0);
}

static void test_region_not_resizable_is_unchanged(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    uint8_t *block = cmx_region_take(region, 1000);
    assert_non_null(cmx_region_take(region, 1));
    uint8_t *rest = cmx_region_take(region, cmx_region_largest_free(region));
    size_t used = cmx_region_used(region);

    memset(block, 0x42, 1000);
    assert_null(cmx_region_resize(region, block, 2000));
    assert_int_equal(cmx_region_used(region), used);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(block[i], 0x42);
    }
    cmx_region_check(region);
    cmx_region_give(region, rest);
    cmx_region_give(region, block);
}

static void test_region_null_is_taken_and_given(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    uint8_t *block = cmx_region_resize(region, NULL, 50);

    assert_non_null(block);
    assert_int_equal(cmx_region_count(region), 1);
    cmx_region_give(region, NULL);
    assert_true(cmx_region_used(region) > 0);
    cmx_region_give(region, block);
    assert_int_equal(cmx_region_used(region), 0);
}

/* A hole that fits exactly must be found although its list also holds smaller blocks. */
static void test_region_exact_hole_is_used_again(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);
    uint8_t *hole = cmx_region_take(region, 17000);
    assert_non_null(cmx_region_take(region, 1));
    uint8_t *rest = cmx_region_take(region, cmx_region_largest_free(region));

    cmx_region_give(region, hole);
    assert_true(cmx_region_largest_free(region) >= 17000);
    assert_ptr_equal(cmx_region_take(region, 17000), hole);
    cmx_region_give(region, rest);
    cmx_region_check(region);
}

/* The address space is reserved, but only the pages with headers are ever touched. */
static void test_region_larger_than_its_lists_uses_what_it_can(void **state)
{
    (void)state;
    const size_t bytes = (size_t)150 << 20;
    void *huge = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (huge == MAP_FAILED) {
        skip();
    }
    cmx_region *region = cmx_region_init(huge, bytes);
    assert_in_range(cmx_region_capacity(region), (size_t)127 << 20, (size_t)128 << 20);
    assert_null(cmx_region_take(region, (size_t)128 << 20));
    assert_non_null(cmx_region_take(region, (size_t)50 << 20));
    assert_non_null(cmx_region_take(region, cmx_region_largest_free(region)));
    assert_int_equal(cmx_region_used(region), cmx_region_capacity(region));
    cmx_region_check(region);
    assert_int_equal(munmap(huge, bytes), 0);
}

/* ---- model ---- */

struct model_block {
    uint8_t *data; /* NULL = this row is not in use */
    size_t len;
    uint8_t mark; /* every byte of data */
};

struct model {
    cmx_region *region;
    cmx_random random;
    struct model_block blocks[MODEL_BLOCKS];
    uint64_t taken;
};

static void fill(struct model_block *block, uint8_t mark)
{
    block->mark = mark;
    memset(block->data, mark, block->len);
}

static void expect_marks(const struct model_block *block, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != block->mark) {
            fail_msg("byte %zu of %zu is %02x, not %02x", i, len, data[i], block->mark);
        }
    }
}

static size_t random_size(struct model *model)
{
    uint32_t choice = cmx_random_below(&model->random, 20);
    return cmx_random_below(&model->random, choice == 0 ? 20000 : choice < 5 ? 2000 : 200);
}

static void model_take(struct model *model, struct model_block *block)
{
    size_t len = random_size(model);
    size_t largest = cmx_region_largest_free(model->region);
    bool zeroed = cmx_random_below(&model->random, 4) == 0;

    block->data = zeroed ? cmx_region_take_zeroed(model->region, len, 1)
                         : cmx_region_take(model->region, len);
    assert_true((block->data != NULL) == (len <= largest && largest > 0));
    if (block->data == NULL) {
        return;
    }
    assert_int_equal((uintptr_t)block->data % CMX_REGION_ALIGN, 0);
    model->taken++;
    block->len = len;
    if (zeroed) {
        block->mark = 0;
        expect_marks(block, block->data, len);
    }
    fill(block, (uint8_t)cmx_random_below(&model->random, 256));
}

static void model_resize(struct model *model, struct model_block *block)
{
    size_t len = random_size(model);
    uint8_t *data = cmx_region_resize(model->region, block->data, len);

    if (data == NULL) {
        assert_true(len > cmx_region_largest_free(model->region));
        expect_marks(block, block->data, block->len);
        return;
    }
    assert_int_equal((uintptr_t)data % CMX_REGION_ALIGN, 0);
    expect_marks(block, data, len < block->len ? len : block->len);
    model->taken += data != block->data ? 1 : 0;
    block->data = data;
    block->len = len;
    fill(block, (uint8_t)cmx_random_below(&model->random, 256));
}

static void model_give(struct model *model, struct model_block *block)
{
    expect_marks(block, block->data, block->len);
    cmx_region_give(model->region, block->data);
    block->data = NULL;
}

static void model_check(const struct model *model)
{
    size_t bytes = 0;
    size_t count = 0;

    cmx_region_check(model->region);
    for (size_t i = 0; i < MODEL_BLOCKS; i++) {
        bytes += model->blocks[i].data != NULL ? model->blocks[i].len : 0;
        count += model->blocks[i].data != NULL ? 1 : 0;
    }
    assert_true(cmx_region_used(model->region) >= bytes);
    assert_true(cmx_region_used(model->region) <= bytes + count * 48);
    assert_true(cmx_region_peak(model->region) >= cmx_region_used(model->region));
    assert_int_equal(cmx_region_count(model->region), model->taken);
}

static void test_region_random_operations_agree_with_a_model(void **state)
{
    (void)state;
    static struct model model;
    model = (struct model){.region = make_region(REGION_BYTES)};
    size_t largest = cmx_region_largest_free(model.region);

    cmx_random_seed(&model.random, 2024);
    for (unsigned i = 0; i < 200000; i++) {
        struct model_block *block = &model.blocks[cmx_random_below(&model.random, MODEL_BLOCKS)];
        if (block->data == NULL) {
            model_take(&model, block);
        } else if (cmx_random_below(&model.random, 3) == 0) {
            model_resize(&model, block);
        } else {
            model_give(&model, block);
        }
        if (i % 16 == 0) {
            model_check(&model);
        }
    }
    assert_true(cmx_region_refused(model.region) > 100); /* it was full now and then */
    for (size_t i = 0; i < MODEL_BLOCKS; i++) {
        if (model.blocks[i].data != NULL) {
            model_give(&model, &model.blocks[i]);
        }
    }
    cmx_region_check(model.region);
    assert_int_equal(cmx_region_used(model.region), 0);
    assert_int_equal(cmx_region_largest_free(model.region), largest);
    check_guards(REGION_BYTES);
}

/* ---- misuse ---- */

static void init_unaligned(void *ctx)
{
    (void)ctx;
    (void)cmx_region_init(memory + 8, REGION_BYTES);
}

static void init_too_small(void *ctx)
{
    (void)ctx;
    (void)cmx_region_init(memory, CMX_REGION_BYTES_MIN - 1);
}

static void give_twice(void *ctx)
{
    void *block = cmx_region_take(ctx, 100);

    (void)cmx_region_take(ctx, 1); /* keeps it from joining what is behind */
    cmx_region_give(ctx, block);
    cmx_region_give(ctx, block);
}

static void give_twice_after_joining(void *ctx)
{
    void *left = cmx_region_take(ctx, 100);
    void *right = cmx_region_take(ctx, 100);

    cmx_region_give(ctx, left);
    cmx_region_give(ctx, right);
    cmx_region_give(ctx, right);
}

static void give_inside(void *ctx)
{
    uint8_t *block = cmx_region_take_zeroed(ctx, 1, 100);

    cmx_region_give(ctx, block + 32);
}

static void give_unaligned(void *ctx)
{
    uint8_t *block = cmx_region_take(ctx, 100);

    cmx_region_give(ctx, block + 8);
}

static void give_foreign(void *ctx)
{
    static _Alignas(CMX_REGION_ALIGN) uint8_t other[2 * CMX_REGION_BYTES_MIN];
    cmx_region *foreign = cmx_region_init(other, sizeof(other));
    void *block = cmx_region_take(foreign, 100);

    (void)cmx_region_take(foreign, 1); /* keeps it from joining what is behind */
    cmx_region_give(ctx, block);
}

static void give_never_taken(void *ctx)
{
    static _Alignas(CMX_REGION_ALIGN) uint8_t zeros[64];

    cmx_region_give(ctx, zeros + 32);
}

static void give_after_overrun(void *ctx)
{
    uint8_t *block = cmx_region_take(ctx, 112);

    memset(block, 0xff, 144);
    cmx_region_give(ctx, block);
}

static void check_after_overrun(void *ctx)
{
    uint8_t *block = cmx_region_take(ctx, 112);

    memset(block, 0xff, 144);
    cmx_region_check(ctx);
}

static void test_region_misuse_panics(void **state)
{
    (void)state;
    cmx_region *region = make_region(REGION_BYTES);

    expect_panic(init_unaligned, NULL);
    expect_panic(init_too_small, NULL);
    expect_panic(give_twice, region);
    expect_panic(give_twice_after_joining, region);
    expect_panic(give_inside, region);
    expect_panic(give_unaligned, region);
    expect_panic(give_foreign, region);
    expect_panic(give_never_taken, region);
    expect_panic(give_after_overrun, region);
    expect_panic(check_after_overrun, region);
}

static void test_region_wipe_clears_exactly_its_bytes(void **state)
{
    (void)state;
    uint8_t bytes[10];

    memset(bytes, 0xff, sizeof(bytes));
    cmx_wipe(bytes + 2, 5);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(bytes[i], i >= 2 && i < 7 ? 0 : 0xff);
    }
    cmx_wipe(NULL, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_region_fresh_is_empty_and_wholly_usable),
        cmocka_unit_test(test_region_each_size_is_aligned_and_costs_little),
        cmocka_unit_test(test_region_oversize_is_refused_and_counted),
        cmocka_unit_test(test_region_zeroed_is_zero_in_used_memory),
        cmocka_unit_test(test_region_full_of_blocks_becomes_one_again),
        cmocka_unit_test(test_region_given_back_is_wiped),
        cmocka_unit_test(test_region_shrunk_stays_and_wipes_its_tail),
        cmocka_unit_test(test_region_grown_into_free_neighbour_stays),
        cmocka_unit_test(test_region_grown_elsewhere_moves_and_wipes),
        cmocka_unit_test(test_region_not_resizable_is_unchanged),
        cmocka_unit_test(test_region_null_is_taken_and_given),
        cmocka_unit_test(test_region_exact_hole_is_used_again),
        cmocka_unit_test(test_region_larger_than_its_lists_uses_what_it_can),
        cmocka_unit_test(test_region_random_operations_agree_with_a_model),
        cmocka_unit_test(test_region_misuse_panics),
        cmocka_unit_test(test_region_wipe_clears_exactly_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
