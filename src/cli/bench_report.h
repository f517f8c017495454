/* SPDX-License-Identifier: MIT */
/*
 * What a bench found, as a table for people or one JSON object for scripts.
 */
#ifndef CMX_CLI_BENCH_REPORT_H
#define CMX_CLI_BENCH_REPORT_H

#include "cli/options.h"
#include "cli/samples.h"

typedef struct cli_bench_result {
    uint64_t completions; /* ended, well or not */
    uint64_t failed;      /* of these, not complete */
    uint64_t deltas;
    uint64_t bytes; /* of text */
    uint64_t wall_us;
    uint64_t cpu_us;   /* of the process, user and system */
    uint64_t rss_kib;  /* most that was resident */
    cmx_stats stats;   /* of the client, at the end */
    cli_samples total; /* start to DONE */
    cli_samples first_token;
    cli_samples lag; /* of a token behind its send stamp */
} cli_bench_result;

/* Prints the result to standard output. */
void cli_bench_report(const cli_bench_result *result, const cli_options *options);

#endif
