/* SPDX-License-Identifier: MIT */
/*
 * Random numbers of the campaigns (splitmix64): one word of state, so that a stream is named by one
 * seed and found again by it, and cheap enough for millions of draws a second.
 */
#ifndef TESTS_FUZZ_RANDOM_H
#define TESTS_FUZZ_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_random {
    uint64_t state;
};

static inline uint64_t fuzz_random_next(struct fuzz_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = random->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* Returns a number in 0..bound-1; `bound` is at least 1. */
static inline size_t fuzz_random_below(struct fuzz_random *random, size_t bound)
{
    return (size_t)(((fuzz_random_next(random) >> 32) * (uint64_t)bound) >> 32);
}

#endif
