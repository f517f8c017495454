/* SPDX-License-Identifier: MIT */
/*
 * Buckets of times. See samples.h.
 */
#include "cli/samples.h"

static const uint64_t split_us = (uint64_t)CLI_SAMPLES_FINE * CLI_SAMPLES_BUCKET_US;

void cli_samples_add(cli_samples *samples, uint64_t us)
{
    samples->count++;
    if (us < split_us) {
        samples->fine[us / CLI_SAMPLES_BUCKET_US]++;
        return;
    }
    uint64_t bucket = (us - split_us) / CLI_SAMPLES_COARSE_US;
    if (bucket >= CLI_SAMPLES_COARSE) {
        bucket = CLI_SAMPLES_COARSE - 1;
    }
    samples->coarse[bucket]++;
}

double cli_samples_ms(const cli_samples *samples, double quantile)
{
    if (samples->count == 0) {
        return 0;
    }
    double wanted = quantile * (double)samples->count;
    double seen = 0;
    for (uint32_t i = 0; i < CLI_SAMPLES_FINE; i++) {
        seen += samples->fine[i];
        if (seen >= wanted && samples->fine[i] > 0) {
            return (double)(i + 1) * CLI_SAMPLES_BUCKET_US / 1000;
        }
    }
    for (uint32_t i = 0; i < CLI_SAMPLES_COARSE; i++) {
        seen += samples->coarse[i];
        if (seen >= wanted && samples->coarse[i] > 0) {
            return ((double)split_us + (double)(i + 1) * CLI_SAMPLES_COARSE_US) / 1000;
        }
    }
    return 0;
}
