/* SPDX-License-Identifier: MIT */
/* Carves the caller's block, front to back, once. */
#include "base/arena.h"
#include "base/base.h"
#include <string.h>

static const char *const arena_words[] = {"first", "second"};

static size_t word_len(unsigned index)
{
    return strlen(arena_words[index % 2]);
}

int cmx_arena_take(cmx_arena *arena, size_t bytes, void **out)
{
    if (bytes > arena->capacity - arena->len) {
        return CMX_ERR_LIMIT;
    }
    *out = memset(arena->block + arena->len, (int)word_len((unsigned)bytes), bytes);
    arena->len += bytes;
    return CMX_OK;
}
