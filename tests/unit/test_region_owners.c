/* SPDX-License-Identifier: MIT */
/*
 * Whose memory it is: blocks stay charged to who took them, and whatever one owner does, what the
 * cap leaves to the others is there for them.
 */
#include "unit/region_check.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { REGION_BYTES = 100 * 1024 };

static _Alignas(CMX_REGION_ALIGN) uint8_t memory[REGION_BYTES];

static void test_region_owners_blocks_stay_with_their_owner(void **state)
{
    (void)state;
    cmx_region *region = cmx_region_init(memory, sizeof memory);
    uint8_t *blocks[CMX_REGION_OWNERS];
    size_t sum = 0;

    for (uint32_t owner = 0; owner < CMX_REGION_OWNERS; owner++) {
        cmx_region_charge(region, owner);
        blocks[owner] = cmx_region_take(region, 100 + 16 * owner);
        assert_non_null(blocks[owner]);
        assert_true(cmx_region_owner_used(region, owner) >= 100 + 16 * owner);
        sum += cmx_region_owner_used(region, owner);
    }
    assert_int_equal(cmx_region_used(region), sum);
    cmx_region_check(region);
    /* Now the last owner acts; what is not its own stays the others'. */
    uint32_t last = CMX_REGION_OWNERS - 1;
    size_t last_used = cmx_region_owner_used(region, last);
    blocks[3] = cmx_region_resize(region, blocks[3], 3000);
    assert_non_null(blocks[3]);
    assert_true(cmx_region_owner_used(region, 3) >= 3000);
    blocks[4] = cmx_region_resize(region, blocks[4], 20);
    assert_true(cmx_region_owner_used(region, 4) < 100);
    cmx_region_give(region, blocks[5]);
    assert_int_equal(cmx_region_owner_used(region, 5), 0);
    assert_true(cmx_region_owner_peak(region, 5) >= 180);
    assert_int_equal(cmx_region_owner_used(region, last), last_used);
    cmx_region_check(region);
}

static void test_region_owners_never_pass_the_cap(void **state)
{
    (void)state;
    enum { CAP = 20000, PROMISED = REGION_BYTES / 5 };
    cmx_region *region = cmx_region_init(memory, sizeof memory);
    cmx_region_cap(region, CAP);

    /* Four owners take whatever they get, in pieces of all sizes; none comes over its cap. */
    for (uint32_t owner = 1; owner <= 4; owner++) {
        cmx_region_charge(region, owner);
        for (size_t bytes = 16000; bytes > 0; bytes = bytes * 3 / 4) {
            while (cmx_region_take(region, bytes) != NULL) {
            }
        }
        assert_in_range(cmx_region_owner_used(region, owner), CAP - 64, CAP + 16);
        cmx_region_check(region);
    }
    uint64_t refused = cmx_region_refused(region);
    assert_null(cmx_region_take(region, 200));
    assert_int_equal(cmx_region_refused(region), refused + 1);

    /* The fifth has all that was promised, and a block that grows is held to the cap, too. */
    cmx_region_charge(region, 5);
    uint8_t *block = cmx_region_take(region, CAP / 2);
    assert_non_null(block);
    assert_null(cmx_region_resize(region, block, CAP));
    uint8_t *more = cmx_region_take(region, CAP / 4);
    assert_non_null(more);
    assert_null(cmx_region_take(region, CAP / 4));
    cmx_region_give(region, block);
    cmx_region_give(region, more);
    assert_non_null(cmx_region_take(region, CAP - 100));

    /* The first owner has no cap. */
    cmx_region_charge(region, 0);
    assert_true(cmx_region_largest_free(region) < PROMISED);
    assert_non_null(cmx_region_take(region, cmx_region_largest_free(region)));
    cmx_region_check(region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_region_owners_blocks_stay_with_their_owner),
        cmocka_unit_test(test_region_owners_never_pass_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
