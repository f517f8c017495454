/* SPDX-License-Identifier: MIT */
/*
 * Buckets of times. See samples.h.
 */
#include "cli/samples.h"

#include <stdbool.h>

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

uint64_t cli_samples_us(const cli_samples *samples, unsigned percent)
{
    uint64_t wanted = samples->count * percent; /* hundredths of samples, as `seen` */
    uint64_t seen = 0;
    for (uint32_t i = 0; i < CLI_SAMPLES_FINE + CLI_SAMPLES_COARSE; i++) {
        bool is_fine = i < CLI_SAMPLES_FINE;
        uint32_t count = is_fine ? samples->fine[i] : samples->coarse[i - CLI_SAMPLES_FINE];
        seen += (uint64_t)count * 100;
        if (seen >= wanted && count > 0) {
            return is_fine
                       ? (uint64_t)(i + 1) * CLI_SAMPLES_BUCKET_US
                       : split_us + (uint64_t)(i - CLI_SAMPLES_FINE + 1) * CLI_SAMPLES_COARSE_US;
        }
    }
    return 0;
}
