/* SPDX-License-Identifier: MIT */
/*
 * xoshiro128++ by Blackman and Vigna, seeded through their splitmix64 as they advise: seeds that
 * differ in one bit give unrelated sequences. Only 32-bit work per number, for small processors.
 */
#include "base/random.h"

/* Each try succeeds with at least one half; after this many, a bias of 2^-64 is nobody's. */
enum { CMX_RANDOM_TRIES_MAX = 64 };

static uint32_t rotate_left(uint32_t value, unsigned bits)
{
    return (value << bits) | (value >> (32 - bits));
}

static uint32_t next_u32(cmx_random *random)
{
    uint32_t *state = random->state;
    uint32_t result = rotate_left(state[0] + state[3], 7) + state[0];
    uint32_t shifted = state[1] << 9;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 11);
    return result;
}

static uint64_t next_splitmix(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void cmx_random_seed(cmx_random *random, uint64_t seed)
{
    /* Two successive outputs are never both zero, so neither is the state. */
    for (unsigned i = 0; i < 4; i += 2) {
        uint64_t mixed = next_splitmix(&seed);
        random->state[i] = (uint32_t)mixed;
        random->state[i + 1] = (uint32_t)(mixed >> 32);
    }
}

uint32_t cmx_random_below(cmx_random *random, uint32_t bound)
{
    CMX_ASSERT(bound > 0);

    /* Lemire: the upper half of number * bound is the result; lower halves below 2^32 mod bound
     * would make some results likelier and are drawn again. */
    uint32_t rejected = (UINT32_MAX - bound + 1) % bound;
    uint64_t product = 0;
    for (unsigned tries = 0; tries < CMX_RANDOM_TRIES_MAX; tries++) {
        product = (uint64_t)next_u32(random) * bound;
        if ((uint32_t)product >= rejected) {
            break;
        }
    }
    return (uint32_t)(product >> 32);
}
