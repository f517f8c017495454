/* SPDX-License-Identifier: MIT */
/*
 * The pool as an array of blocks followed by one index per block. The index of a free block names
 * the next free one, that of a taken block says that it is taken; this makes a double give an
 * assertion instead of two owners.
 */
#include "base/blocks.h"

static const uint32_t next_none = UINT32_MAX;      /* the last free block */
static const uint32_t next_taken = UINT32_MAX - 1; /* not in the list */

static size_t stride_of(size_t block_bytes)
{
    return (block_bytes + CMX_BLOCKS_ALIGN - 1) / CMX_BLOCKS_ALIGN * CMX_BLOCKS_ALIGN;
}

size_t cmx_blocks_memory_bytes(uint32_t count, size_t block_bytes)
{
    if (block_bytes > SIZE_MAX - 2 * CMX_BLOCKS_ALIGN) {
        return SIZE_MAX;
    }
    size_t bytes_each = stride_of(block_bytes) + sizeof(uint32_t);
    if (count > SIZE_MAX / bytes_each) {
        return SIZE_MAX;
    }
    return count * bytes_each;
}

void cmx_blocks_init(cmx_blocks *blocks, void *memory, uint32_t count, size_t block_bytes)
{
    CMX_ASSERT(block_bytes > 0);
    CMX_ASSERT(count < next_taken);
    CMX_ASSERT(count == 0 || memory != NULL);
    CMX_ASSERT((uintptr_t)memory % CMX_BLOCKS_ALIGN == 0);
    CMX_ASSERT(cmx_blocks_memory_bytes(count, block_bytes) < SIZE_MAX);

    *blocks = (cmx_blocks){
        .memory = memory,
        .stride = stride_of(block_bytes),
        .count = count,
        .free_count = count,
    };
    if (count == 0) {
        return;
    }
    blocks->next = (uint32_t *)(void *)(blocks->memory + count * blocks->stride);
    for (uint32_t i = 0; i < count; i++) {
        blocks->next[i] = i + 1 < count ? i + 1 : next_none;
    }
}

uint8_t *cmx_blocks_take(cmx_blocks *blocks)
{
    if (blocks->free_count == 0) {
        blocks->refused++;
        return NULL;
    }
    uint32_t index = blocks->free_first;
    CMX_ASSERT(index < blocks->count);
    CMX_ASSERT(blocks->next[index] != next_taken);

    blocks->free_first = blocks->next[index];
    blocks->next[index] = next_taken;
    blocks->free_count--;
    if (blocks->count - blocks->free_count > blocks->used_max) {
        blocks->used_max = blocks->count - blocks->free_count;
    }
    return blocks->memory + index * blocks->stride;
}

void cmx_blocks_give(cmx_blocks *blocks, uint8_t *block)
{
    CMX_ASSERT(blocks->count > 0);
    size_t offset = (uintptr_t)block - (uintptr_t)blocks->memory; /* wraps if it lies before */
    CMX_ASSERT(offset % blocks->stride == 0);
    CMX_ASSERT(offset / blocks->stride < blocks->count);
    uint32_t index = (uint32_t)(offset / blocks->stride);
    CMX_ASSERT(blocks->next[index] == next_taken);

    blocks->next[index] = blocks->free_count > 0 ? blocks->free_first : next_none;
    blocks->free_first = index;
    blocks->free_count++;
}
