/* SPDX-License-Identifier: MIT */
/*
 * The texts of --help. The manual page chatmux.1 says the same at more length.
 */
#ifndef CMX_CLI_HELP_H
#define CMX_CLI_HELP_H

#include "cli/out.h"

enum cli_command {
    CLI_COMMAND_CHAT,
    CLI_COMMAND_BENCH,
    CLI_COMMAND_REQUEST,
    CLI_COMMAND_MODELS,
    CLI_COMMAND_LIMITS,
};

/* Prints what the program is and its subcommands. */
void cli_help_main(cli_out *out);

/* Prints the options of a subcommand to standard output. */
void cli_help_command(enum cli_command command);

#endif
