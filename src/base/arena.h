/* SPDX-License-Identifier: MIT */
/*
 * Carves the caller's block into tables and buffers, once, at init. The same carving code runs
 * twice: first measuring (no memory, only counted), then for real; both end with the same `used`,
 * so what was measured always fits. Nothing is ever given back. It knows nothing of what it
 * hands out.
 */
#ifndef CMX_BASE_ARENA_H
#define CMX_BASE_ARENA_H

#include "base/base.h"

enum { CMX_ARENA_ALIGN = 16 }; /* of the block; the most that a piece may ask for */

typedef struct cmx_arena {
    uint8_t *base;   /* borrowed until the block is given back; NULL = measuring */
    size_t capacity; /* bytes at base; not looked at while measuring */
    size_t used;     /* bytes taken, padding included; SIZE_MAX = more than can be addressed */
} cmx_arena;

/* Starts carving `memory` (aligned to CMX_ARENA_ALIGN), or measuring if it is NULL. */
void cmx_arena_init(cmx_arena *arena, void *memory, size_t capacity);

/* Returns `bytes` of zeroed memory, or NULL while measuring: then they are only counted. It must
 * fit, because it was measured before.
 *
 * align  in: a power of two up to CMX_ARENA_ALIGN */
void *cmx_arena_take(cmx_arena *arena, size_t bytes, size_t align);

#endif
