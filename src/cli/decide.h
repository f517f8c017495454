/* SPDX-License-Identifier: MIT */
/*
 * What options mean together: defaults of the environment, who chooses the model, which keys of the
 * file are for the server that the arguments name.
 */
#ifndef CMX_CLI_DECIDE_H
#define CMX_CLI_DECIDE_H

#include "cli/options.h"

/* Completes what cli_options_parse() read; on a mistake says so on stderr. Returns 0 or an exit
 * code. */
int cli_decide(cli_options *options);

#endif
