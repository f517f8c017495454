/* SPDX-License-Identifier: MIT */
/*
 * The allocator once more, compiled with a look at what it alone knows: see region_check.h. It
 * stands before the library in the link, so the programs that ask for the check run on this one.
 */
#include "base/region.c"

#include "unit/region_check.h"

/* Checks one list and returns how many blocks it has. */
static size_t check_list(const cmx_region *region, unsigned at)
{
    const block *b = region->lists[at];
    const block *prev = NULL;
    size_t count = 0;

    CMX_ASSERT((b != NULL) == ((region->column_map[at / COLUMNS] >> at % COLUMNS & 1) != 0));
    for (; b != NULL; b = b->next_free) {
        CMX_ASSERT(place_of(size_of(b)) == at);
        CMX_ASSERT(is_free(b));
        CMX_ASSERT(b->prev_free == prev);
        prev = b;
        count++;
    }
    return count;
}

void cmx_region_check(const cmx_region *region)
{
    size_t total = 0;
    size_t used[CMX_REGION_OWNERS] = {0};
    size_t used_by_all = 0;
    size_t free_count = 0;
    const block *left = NULL;
    const block *b = region->first;

    for (; size_of(b) > 0; b = right_of(b)) {
        CMX_ASSERT(b->left == left);
        CMX_ASSERT(size_of(b) >= BLOCK_BYTES_MIN);
        CMX_ASSERT(size_of(b) <= region->capacity - total);
        CMX_ASSERT(left == NULL || !is_free(left) || !is_free(b));
        total += size_of(b);
        CMX_ASSERT(owner_of(b) < CMX_REGION_OWNERS);
        used[owner_of(b)] += is_free(b) ? 0 : size_of(b);
        free_count += is_free(b) ? 1 : 0;
        left = b;
    }
    CMX_ASSERT(b->left == left);
    CMX_ASSERT(total == region->capacity);
    for (uint32_t owner = 0; owner < CMX_REGION_OWNERS; owner++) {
        CMX_ASSERT(used[owner] == region->shares[owner].used);
        used_by_all += used[owner];
    }
    CMX_ASSERT(used_by_all == region->used);
    CMX_ASSERT(region->used <= region->peak);

    for (unsigned row = 0; row < ROWS; row++) {
        CMX_ASSERT((region->column_map[row] != 0) == ((region->row_map >> row & 1) != 0));
    }
    for (unsigned at = 0; at < ROWS * COLUMNS; at++) {
        free_count -= check_list(region, at);
    }
    CMX_ASSERT(free_count == 0);
}
