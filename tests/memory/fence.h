/* SPDX-License-Identifier: MIT */
/*
 * A block of memory between two pages that must not be touched: the byte behind its end, or the one
 * before its start, faults at once. What is left of the pages at the other side, and up to 15 bytes
 * for alignment, holds a pattern that can be compared later.
 */
#ifndef TESTS_MEMORY_FENCE_H
#define TESTS_MEMORY_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fence_side {
    FENCE_END,   /* the block ends where the page does */
    FENCE_START, /* the block starts where the page does */
};

typedef struct fence {
    uint8_t *pages; /* mapped, the two outer ones included; NULL = none */
    size_t pages_bytes;
    size_t page_bytes;
    uint8_t *block;
    size_t bytes;
} fence;

/* Returns the block, aligned to 16 and filled with `dirt`. Cannot fail: it ends the program. */
uint8_t *fence_open(fence *of, size_t bytes, enum fence_side side, uint8_t dirt);

/* Tells whether the pattern around the block is as it was. */
bool fence_is_intact(const fence *of);

void fence_close(fence *of);

#endif
