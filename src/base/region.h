/* SPDX-License-Identifier: MIT */
/*
 * A bounded allocator inside the caller's block for the mixed sizes of nghttp2 and wolfSSL:
 * constant time (two-level segregated fit), accounted, wiped when given back because a block may
 * have held a key. Blocks are charged to an owner, and no owner but the first gets more than a cap:
 * one connection cannot take what the others need. It never asks the system for memory; when it is
 * full it says so.
 */
#ifndef CMX_BASE_REGION_H
#define CMX_BASE_REGION_H

#include "base/base.h"

#include "chatmux/limits.h"

enum {
    CMX_REGION_ALIGN = 16, /* of every pointer given out */
    CMX_REGION_BYTES_MIN = 4096,
    CMX_REGION_OWNERS = 1 + CMX_LIMIT_CONNECTIONS, /* 0: whatever lives as long as the client */
};

typedef struct cmx_region cmx_region; /* lives at the start of its own memory */

/* Builds a region in `memory` (aligned to CMX_REGION_ALIGN, borrowed until the region is not used
 * any more) of at least CMX_REGION_BYTES_MIN bytes. */
cmx_region *cmx_region_init(void *memory, size_t bytes);

/* Limits what each owner but 0 may hold at once, headers included; at first there is no limit. */
void cmx_region_cap(cmx_region *region, size_t cap_bytes);

/* Charges what is taken from now on to `owner`, below CMX_REGION_OWNERS; 0 at first. A block stays
 * with the owner that took it, whoever resizes it or gives it back. */
void cmx_region_charge(cmx_region *region, uint32_t owner);

/* Returns `bytes` of uninitialised memory, or NULL if no free block is large enough or its owner
 * would pass the cap. 0 bytes is served as 1. */
void *cmx_region_take(cmx_region *region, size_t bytes);

/* Returns zeroed memory for `count` items, or NULL (also when the product overflows). */
void *cmx_region_take_zeroed(cmx_region *region, size_t count, size_t bytes);

/* Returns a block of `bytes` that starts with the old content; the old block is given back and
 * wiped if it moved. NULL = not possible, the old block is unchanged. `block` NULL = take. */
void *cmx_region_resize(cmx_region *region, void *block, size_t bytes);

/* Wipes and gives a block back; joins it with free neighbours. NULL is allowed. */
void cmx_region_give(cmx_region *region, void *block);

size_t cmx_region_capacity(const cmx_region *region); /* bytes that can be given out */
size_t cmx_region_used(const cmx_region *region);     /* bytes given out, headers included */
size_t cmx_region_peak(const cmx_region *region);     /* most that `used` ever was */
size_t cmx_region_largest_free(
    const cmx_region *region); /* largest request served now, cap aside */
size_t cmx_region_owner_used(const cmx_region *region, uint32_t owner); /* of `used` */
size_t cmx_region_owner_peak(const cmx_region *region, uint32_t owner); /* most that it ever was */
uint64_t cmx_region_count(const cmx_region *region);                    /* blocks ever taken */
uint64_t cmx_region_refused(const cmx_region *region); /* requests that could not be served */

#endif
