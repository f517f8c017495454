/* SPDX-License-Identifier: MIT */
/*
 * The emulator's one source of chance: splitmix64, seeded by a flag, so that a run's ids, phases
 * and gaps can be had again. In: a seed. Out: numbers. Not for keys: certificates use OpenSSL's
 * own.
 */
#ifndef RELAY_RNG_H
#define RELAY_RNG_H

#include <stdint.h>

typedef struct relay_rng {
    uint64_t state;
} relay_rng;

static inline uint64_t relay_rng_next(relay_rng *rng)
{
    uint64_t z;

    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    z = rng->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A number in [0, bound); 0 when bound is 0. The bias of the modulo is far below what pacing can
 * show. */
static inline uint64_t relay_rng_below(relay_rng *rng, uint64_t bound)
{
    return bound == 0 ? 0 : relay_rng_next(rng) % bound;
}

#endif
