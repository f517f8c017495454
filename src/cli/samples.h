/* SPDX-License-Identifier: MIT */
/*
 * Measured times and their quantiles. Times in microseconds, kept exactly up to a fixed number;
 * more than that are counted in buckets of a known width.
 */
#ifndef CMX_CLI_SAMPLES_H
#define CMX_CLI_SAMPLES_H

#include <stdint.h>

enum {
    CLI_SAMPLES_BUCKET_US = 50, /* width of a bucket below the split */
    CLI_SAMPLES_FINE = 40000,   /* buckets of that width: up to 2 s */
    CLI_SAMPLES_COARSE = 60000, /* buckets of 10 ms above it: up to 10 minutes */
    CLI_SAMPLES_COARSE_US = 10000,
};

typedef struct cli_samples {
    uint64_t count;
    uint32_t fine[CLI_SAMPLES_FINE];
    uint32_t coarse[CLI_SAMPLES_COARSE]; /* the last one also has what is longer */
} cli_samples;

/* Adds one time. */
void cli_samples_add(cli_samples *samples, uint64_t us);

/* Returns the time in microseconds that so many percent of the samples do not exceed, to the width
 * of a bucket; 0 without samples. */
uint64_t cli_samples_us(const cli_samples *samples, unsigned percent);

#endif
