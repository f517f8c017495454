/* SPDX-License-Identifier: MIT */
/*
 * The program chatmux: finds the subcommand.
 */
#include "cli/bench.h"
#include "cli/build_info.h"
#include "cli/chat.h"
#include "cli/decide.h"
#include "cli/help.h"
#include "cli/report.h"
#include "cli/request.h"

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

static int find(int argc, char **argv)
{
    enum cli_command command;
    const char *name = argc >= 2 ? argv[1] : "";
    if (cli_options_command(name, &command)) {
        return run(command, argc - 1, argv + 1);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        cli_out_print(&cli_out_standard, "chatmux " CMX_VERSION_TEXT "\n");
        return CLI_EXIT_OK;
    }
    if (strcmp(name, "--build-info") == 0) {
        cli_build_info_print(&cli_out_standard);
        return CLI_EXIT_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        cli_help_main(&cli_out_standard);
        return CLI_EXIT_OK;
    }
    if (argc >= 2) {
        cli_out_say(0, "'%s' is not a command", name);
    }
    cli_help_main(&cli_out_error);
    return CLI_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    return cli_report_flush(find(argc, argv));
}
