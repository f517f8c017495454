/* SPDX-License-Identifier: MIT */
/*
 * chatmux bench: many completions, measured.
 */
#ifndef CMX_CLI_BENCH_H
#define CMX_CLI_BENCH_H

#include "cli/options.h"

/* Runs the load; returns the exit code: 0 only if every completion was complete. */
int cli_bench_run(const cli_options *options);

#endif
