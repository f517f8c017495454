/* SPDX-License-Identifier: MIT */
/*
 * Small seeded random numbers (xoshiro128++) that spread retries in time; the same seed gives the
 * same numbers, so a simulated run can be repeated. Predictable by design: never for keys.
 */
#ifndef CMX_BASE_RANDOM_H
#define CMX_BASE_RANDOM_H

#include "base/base.h"

typedef struct cmx_random {
    uint32_t state[4]; /* never all zero; written only by random.c */
} cmx_random;

/* Starts the sequence of `seed`; any value is as good as another. */
void cmx_random_seed(cmx_random *random, uint64_t seed);

/* Returns a number in 0..bound-1, each as likely as any other. `bound` is at least 1. */
uint32_t cmx_random_below(cmx_random *random, uint32_t bound);

#endif
