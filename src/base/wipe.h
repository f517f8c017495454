/* SPDX-License-Identifier: MIT */
/*
 * Overwrites memory that may have held a key, in a way that the compiler may not leave out even
 * though nobody reads the bytes afterwards.
 */
#ifndef CMX_BASE_WIPE_H
#define CMX_BASE_WIPE_H

#include "base/base.h"

#include <string.h>

/* Fills `len` bytes with zero. NULL is allowed when len is 0. */
static inline void cmx_wipe(void *memory, size_t len)
{
    if (len == 0) {
        return;
    }
    memset(memory, 0, len);
    /* The compiler must believe that the zeros are read here, or it drops the memset. */
    __asm__ __volatile__("" : : "r"(memory) : "memory");
}

#endif
