/* SPDX-License-Identifier: MIT */
/*
 * How often which time was measured, in a fixed number of buckets whose width grows with the time:
 * eight to each doubling. In: microseconds. Out: quantiles that are off by at most 1/16, and exact
 * counts of what was at most 10, 20, 40 ... milliseconds, which are edges of buckets. It knows no
 * clock and no names.
 */
#ifndef CMX_BASE_HISTOGRAM_H
#define CMX_BASE_HISTOGRAM_H

#include "base/base.h"

enum {
    CMX_HISTOGRAM_BUCKETS = 240, /* up to 87 minutes; what is longer is in the last one */
    CMX_HISTOGRAM_BOUNDS = 17,   /* 10 ms * 2^0 .. 2^16, that is 0.01 s .. 655.36 s */
    CMX_HISTOGRAM_BOUND_MS = 10, /* the first of them */
    CMX_HISTOGRAM_PERMILLE = 1000,
};

typedef struct cmx_histogram {
    uint64_t sum_us; /* of all that is counted */
    uint64_t count;  /* sum of the counts */
    uint32_t counts[CMX_HISTOGRAM_BUCKETS];
} cmx_histogram;

/* Returns the bucket of a time. */
uint32_t cmx_histogram_bucket(uint64_t us);

/* Returns the time in the middle of a bucket. */
uint64_t cmx_histogram_middle_us(uint32_t bucket);

/* Counts a time; a bucket that is full counts no more, and nor does the sum. */
void cmx_histogram_add(cmx_histogram *histogram, uint64_t us);

/* Returns how many times were at most CMX_HISTOGRAM_BOUND_MS << bound.
 *
 * bound  0..CMX_HISTOGRAM_BOUNDS - 1 */
uint64_t cmx_histogram_count_within(const cmx_histogram *histogram, uint32_t bound);

/* Returns the time that so many thousandths of all did not exceed, 0 if none is counted.
 *
 * permille  1..1000 */
uint64_t cmx_histogram_quantile_us(const cmx_histogram *histogram, uint32_t permille);

#endif
