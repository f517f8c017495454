/* SPDX-License-Identifier: MIT */
/*
 * The texts of --help. The manual page chatmux.1 says the same at more length.
 */
#ifndef CMX_CLI_HELP_H
#define CMX_CLI_HELP_H

#include <stdio.h>

enum cli_command {
    CLI_COMMAND_CHAT,
    CLI_COMMAND_BENCH,
    CLI_COMMAND_REQUEST,
    CLI_COMMAND_MODELS,
    CLI_COMMAND_LIMITS,
};

/* Prints what the program is and its subcommands. */
void cli_help_main(FILE *out);

/* Prints the options of a subcommand. */
void cli_help_command(FILE *out, enum cli_command command);

#endif
