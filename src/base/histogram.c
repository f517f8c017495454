/* SPDX-License-Identifier: MIT */
/*
 * A time is counted in units of 10 ms / 2^13, so that every power of two of units from 2^13 on is a
 * bound. Unit u holds the times above u units and up to u + 1, so that a bound belongs to what is
 * below it, as Prometheus has it. Units 0..7 have a bucket each, then come eight to each doubling.
 */
#include "base/histogram.h"

enum {
    STEP_BITS = 3, /* buckets of a doubling, as a power of two */
    STEPS = 1 << STEP_BITS,
    BOUND_BITS = 13, /* units of the first bound, likewise */
    BOUND_US = CMX_HISTOGRAM_BOUND_MS * 1000,
    UNIT_BITS = 32, /* more units than this can count are not told apart */
};

_Static_assert(CMX_HISTOGRAM_BUCKETS == (UNIT_BITS - STEP_BITS + 1) * STEPS, "all units fit");
_Static_assert(BOUND_BITS + CMX_HISTOGRAM_BOUNDS <= UNIT_BITS, "every bound is an edge");

static uint32_t units_of(uint64_t us)
{
    if (us == 0) {
        return 0;
    }
    if (us > (UINT64_C(1) << UNIT_BITS) / (1 << BOUND_BITS) * BOUND_US) {
        return UINT32_MAX;
    }
    return (uint32_t)(((us << BOUND_BITS) + BOUND_US - 1) / BOUND_US - 1);
}

uint32_t cmx_histogram_bucket(uint64_t us)
{
    uint32_t units = units_of(us);
    if (units < STEPS) {
        return units;
    }
    uint32_t high = (UNIT_BITS - 1) - (uint32_t)__builtin_clz(units); /* its highest bit */
    uint32_t step = (units >> (high - STEP_BITS)) & (STEPS - 1);
    return (high - STEP_BITS + 1) * STEPS + step;
}

uint64_t cmx_histogram_middle_us(uint32_t bucket)
{
    CMX_ASSERT(bucket < CMX_HISTOGRAM_BUCKETS);
    uint64_t low = bucket;
    uint64_t width = 1;
    if (bucket >= STEPS) {
        width = UINT64_C(1) << (bucket / STEPS - 1);
        low = (STEPS + bucket % STEPS) * width;
    }
    return ((2 * low + width) * BOUND_US) >> (BOUND_BITS + 1);
}

void cmx_histogram_add(cmx_histogram *histogram, uint64_t us)
{
    uint32_t *count = &histogram->counts[cmx_histogram_bucket(us)];
    if (*count == UINT32_MAX || us > UINT64_MAX - histogram->sum_us) {
        return;
    }
    (*count)++;
    histogram->count++;
    histogram->sum_us += us;
}

uint64_t cmx_histogram_count_within(const cmx_histogram *histogram, uint32_t bound)
{
    CMX_ASSERT(bound < CMX_HISTOGRAM_BOUNDS);
    uint32_t buckets = (BOUND_BITS + bound - STEP_BITS + 1) * STEPS;
    uint64_t count = 0;
    for (uint32_t i = 0; i < buckets; i++) {
        count += histogram->counts[i];
    }
    return count;
}

uint64_t cmx_histogram_quantile_us(const cmx_histogram *histogram, uint32_t permille)
{
    if (histogram->count == 0) {
        return 0;
    }
    uint64_t rank =
        (histogram->count * permille + CMX_HISTOGRAM_PERMILLE - 1) / CMX_HISTOGRAM_PERMILLE;
    uint32_t bucket = 0;
    uint64_t below = histogram->counts[0];
    while (below < rank && bucket + 1 < CMX_HISTOGRAM_BUCKETS) {
        bucket++;
        below += histogram->counts[bucket];
    }
    return cmx_histogram_middle_us(bucket);
}
