/* SPDX-License-Identifier: MIT */
/*
 * A pool of blocks of one size, for buffers that come and go. The list of free blocks lies behind
 * the blocks, not inside them: whoever writes into a block that was given back cannot break it,
 * and a block given back twice is noticed. It does not wipe and never asks for memory.
 */
#ifndef CMX_BASE_BLOCKS_H
#define CMX_BASE_BLOCKS_H

#include "base/base.h"

enum { CMX_BLOCKS_ALIGN = 16 }; /* of the memory and of every block */

typedef struct cmx_blocks {
    uint8_t *memory;     /* borrowed as long as the pool is used: blocks, then `next` */
    uint32_t *next;      /* per block: index of the next free one, or that it is taken */
    size_t stride;       /* bytes from one block to the next */
    uint32_t count;      /* blocks in all */
    uint32_t free_first; /* index of a free block; means nothing when free_count is 0 */
    uint32_t free_count; /* blocks that can be taken now */
    uint32_t used_max;   /* most that were ever taken at once */
    uint64_t refused;    /* times that none was free */
} cmx_blocks;

/* Returns the bytes that cmx_blocks_init() needs; SIZE_MAX = more than can be addressed. */
size_t cmx_blocks_memory_bytes(uint32_t count, size_t block_bytes);

/* Makes a pool of `count` blocks of at least `block_bytes`.
 *
 * memory  in: cmx_blocks_memory_bytes() bytes, aligned to CMX_BLOCKS_ALIGN; may be NULL if count
 *         is 0 */
void cmx_blocks_init(cmx_blocks *blocks, void *memory, uint32_t count, size_t block_bytes);

/* Returns a block with whatever it held before, or NULL if all are taken. */
uint8_t *cmx_blocks_take(cmx_blocks *blocks);

/* Gives back a block that was taken from this pool. */
void cmx_blocks_give(cmx_blocks *blocks, uint8_t *block);

#endif
