/* SPDX-License-Identifier: MIT */
/*
 * The program chatmux: finds the subcommand.
 */
#include "cli/bench.h"
#include "cli/build_info.h"
#include "cli/chat.h"
#include "cli/decide.h"
#include "cli/help.h"
#include "cli/request.h"

#include <stdio.h>
#include <string.h>

static int run_command(const cli_options *options)
{
    switch (options->command) {
    case CLI_COMMAND_CHAT:
        return cli_chat_run(options);
    case CLI_COMMAND_BENCH:
        return cli_bench_run(options);
    case CLI_COMMAND_REQUEST:
    case CLI_COMMAND_MODELS:
    case CLI_COMMAND_LIMITS:
        return cli_request_run(options);
    }
    return CLI_EXIT_USAGE;
}

static int run(enum cli_command command, int argc, char **argv)
{
    cli_options options;
    bool leave = false;
    memset(&options, 0, sizeof options);
    options.command = command;
    int rc = cli_options_parse(&options, argc, argv, &leave);
    if (!leave) {
        rc = cli_decide(&options);
        rc = rc == 0 ? run_command(&options) : rc;
    }
    cli_options_close(&options);
    return rc;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {
        [CLI_COMMAND_CHAT] = "chat",       [CLI_COMMAND_BENCH] = "bench",
        [CLI_COMMAND_REQUEST] = "request", [CLI_COMMAND_MODELS] = "models",
        [CLI_COMMAND_LIMITS] = "limits",
    };
    for (size_t i = 0; argc >= 2 && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(argv[1], names[i]) == 0) {
            return run((enum cli_command)i, argc - 1, argv + 1);
        }
    }
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        printf("chatmux %s\n", CMX_VERSION_TEXT);
        return CLI_EXIT_OK;
    }
    if (argc >= 2 && strcmp(argv[1], "--build-info") == 0) {
        cli_build_info_print(stdout);
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
