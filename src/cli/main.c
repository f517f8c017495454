/* SPDX-License-Identifier: MIT */
/*
 * The program chatmux: finds the subcommand.
 */
#include "cli/bench.h"
#include "cli/chat.h"
#include "cli/help.h"
#include "cli/request.h"

#include <stdio.h>
#include <string.h>

static int run(enum cli_command command, int argc, char **argv)
{
    cli_options options;
    bool leave = false;
    memset(&options, 0, sizeof options);
    options.command = command;
    int rc = cli_options_parse(&options, argc, argv, &leave);
    if (leave) {
        return rc;
    }
    switch (command) {
    case CLI_COMMAND_CHAT:
        return cli_chat_run(&options);
    case CLI_COMMAND_BENCH:
        return cli_bench_run(&options);
    case CLI_COMMAND_REQUEST:
        return cli_request_run(&options);
    }
    return CLI_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "chat") == 0) {
        return run(CLI_COMMAND_CHAT, argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "bench") == 0) {
        return run(CLI_COMMAND_BENCH, argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "request") == 0) {
        return run(CLI_COMMAND_REQUEST, argc - 1, argv + 1);
    }
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        printf("chatmux %s\n", CMX_VERSION_TEXT);
        return CLI_EXIT_OK;
    }
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        cli_help_main(stdout);
        return CLI_EXIT_OK;
    }
    if (argc >= 2) {
        fprintf(stderr, "chatmux: '%s' is not a command\n", argv[1]);
    }
    cli_help_main(stderr);
    return CLI_EXIT_USAGE;
}
