/* SPDX-License-Identifier: MIT */
/*
 * Text eight bytes at a time. The first byte is the lowest of a word on any machine, so the first
 * of several marked bytes is the lowest mark. What the marks mean is known where they are made.
 */
#ifndef CMX_TEXT_WORD_H
#define CMX_TEXT_WORD_H

#include "base/view.h"

enum { CMX_WORD_LEN = 8 };

/* A word with `byte` in each of its bytes. */
#define CMX_WORD_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t cmx_word_load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}

/* Returns the bytes before the first one with a bit in `marks`, which is not 0. */
static inline size_t cmx_word_first(uint64_t marks)
{
    return (unsigned)__builtin_ctzll(marks) / 8;
}

#endif
