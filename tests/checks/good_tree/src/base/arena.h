/* SPDX-License-Identifier: MIT */
/* Carves the caller's block; knows nothing of what lies in it. */
#ifndef CMX_ARENA_H
#define CMX_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include "chatmux/error.h"

typedef struct cmx_arena {
    unsigned char *block; /* borrowed until the client's deinit */
    size_t capacity;      /* bytes */
    size_t len;           /* bytes */
} cmx_arena;

CMX_MUST_CHECK int cmx_arena_take(cmx_arena *arena, size_t bytes, void **out);

#endif
