/* SPDX-License-Identifier: MIT */
/*
 * chatmux chat: one completion, streamed to stdout.
 */
#ifndef CMX_CLI_CHAT_H
#define CMX_CLI_CHAT_H

#include "cli/options.h"

/* Runs one chat; returns the exit code. */
int cli_chat_run(const cli_options *options);

#endif
