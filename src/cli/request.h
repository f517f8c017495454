/* SPDX-License-Identifier: MIT */
/*
 * chatmux request, models and limits: one plain request, its body to stdout.
 */
#ifndef CMX_CLI_REQUEST_H
#define CMX_CLI_REQUEST_H

#include "cli/options.h"

/* Runs one request; returns the exit code. */
int cli_request_run(const cli_options *options);

#endif
