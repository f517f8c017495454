/* SPDX-License-Identifier: MIT */
/*
 * Carving: each piece is padded to its alignment by offset, not by address, so that measuring and
 * carving agree; the block's own alignment makes the offsets true. A sum that no size_t can hold
 * sticks at SIZE_MAX, which no block can have.
 */
#include "base/arena.h"

#include <string.h>

void cmx_arena_init(cmx_arena *arena, void *memory, size_t capacity)
{
    CMX_ASSERT((uintptr_t)memory % CMX_ARENA_ALIGN == 0);
    arena->base = memory;
    arena->capacity = capacity;
    arena->used = 0;
}

void *cmx_arena_take(cmx_arena *arena, size_t bytes, size_t align)
{
    CMX_ASSERT(align > 0);
    CMX_ASSERT(align <= CMX_ARENA_ALIGN);
    CMX_ASSERT((align & (align - 1)) == 0);

    size_t padding = (align - arena->used % align) % align;
    bool fits = padding <= SIZE_MAX - arena->used && bytes <= SIZE_MAX - arena->used - padding;
    size_t start = arena->used + padding; /* means nothing unless it fits */

    arena->used = fits ? start + bytes : SIZE_MAX;
    if (arena->base == NULL) {
        return NULL;
    }
    CMX_ASSERT(fits);
    CMX_ASSERT(arena->used <= arena->capacity);
    memset(arena->base + start, 0, bytes);
    return arena->base + start;
}
