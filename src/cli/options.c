/* SPDX-License-Identifier: MIT */
/*
 * Reading options. See options.h.
 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPT_URL = 256,
    OPT_CACERT,
    OPT_CAPATH,
    OPT_ADDRESS,
    OPT_KEY_FILE,
    OPT_NO_KEY,
    OPT_NO_STREAM,
    OPT_JSON,
    OPT_TEMPERATURE,
    OPT_MAX_TOKENS,
    OPT_CONNECT_TIMEOUT,
    OPT_MAX_TIME,
    OPT_STAMPS,
    OPT_KEY,
};

enum { CHAT = 1 << CLI_COMMAND_CHAT, BENCH = 1 << CLI_COMMAND_BENCH };

typedef struct row {
    unsigned commands; /* bits: which have it */
    struct option option;
} row;

/* clang-format off */
static const row rows[] = {
    {CHAT | BENCH, {"url", required_argument, NULL, OPT_URL}},
    {CHAT | BENCH, {"cacert", required_argument, NULL, OPT_CACERT}},
    {CHAT | BENCH, {"capath", required_argument, NULL, OPT_CAPATH}},
    {CHAT | BENCH, {"address", required_argument, NULL, OPT_ADDRESS}},
    {CHAT | BENCH, {"key", required_argument, NULL, OPT_KEY}},
    {CHAT | BENCH, {"key-file", required_argument, NULL, OPT_KEY_FILE}},
    {CHAT | BENCH, {"no-key", no_argument, NULL, OPT_NO_KEY}},
    {CHAT | BENCH, {"model", required_argument, NULL, 'm'}},
    {CHAT | BENCH, {"no-stream", no_argument, NULL, OPT_NO_STREAM}},
    {CHAT | BENCH, {"json", no_argument, NULL, OPT_JSON}},
    {CHAT | BENCH, {"max-tokens", required_argument, NULL, OPT_MAX_TOKENS}},
    {CHAT | BENCH, {"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT}},
    {CHAT | BENCH, {"max-time", required_argument, NULL, OPT_MAX_TIME}},
    {CHAT | BENCH, {"help", no_argument, NULL, 'h'}},
    {CHAT, {"system", required_argument, NULL, 's'}},
    {CHAT, {"temperature", required_argument, NULL, OPT_TEMPERATURE}},
    {BENCH, {"requests", required_argument, NULL, 'n'}},
    {BENCH, {"concurrency", required_argument, NULL, 'c'}},
    {BENCH, {"connections", required_argument, NULL, 'p'}},
    {BENCH, {"stamps", no_argument, NULL, OPT_STAMPS}},
};
/* clang-format on */

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* Picks the options of one command, as getopt wants them. */
static void pick(enum cli_command command, struct option *out)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if ((rows[i].commands & (1u << command)) != 0) {
            *out++ = rows[i].option;
        }
    }
    *out = (struct option){NULL, 0, NULL, 0};
}

static int refuse(const char *option, const char *text, const char *want)
{
    fprintf(stderr, "chatmux: %s '%s': %s\n", option, text, want);
    return CLI_EXIT_USAGE;
}

static int read_count(const char *option, const char *text, uint32_t max, uint32_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value == 0 || value > max) {
        char want[64];
        snprintf(want, sizeof want, "a whole number from 1 to %u is needed", max);
        return refuse(option, text, want);
    }
    *out = (uint32_t)value;
    return 0;
}

typedef struct range {
    double min;
    double max;
} range;

/* Reads a decimal number into thousandths: seconds to milliseconds, 0.7 to 700. */
static int read_milli(const char *option, const char *text, range allowed, uint32_t *out)
{
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(value >= allowed.min) ||
        value > allowed.max) {
        char want[64];
        snprintf(want, sizeof want, "a number from %g to %g is needed", allowed.min, allowed.max);
        return refuse(option, text, want);
    }
    *out = (uint32_t)(value * 1000 + 0.5);
    return 0;
}

static int take_bench(cli_options *options, int opt)
{
    switch (opt) {
    case 'n':
        return read_count("-n", optarg, 10000000, &options->total);
    case 'c':
        return read_count("-c", optarg, CMX_REQUESTS_MAX, &options->in_flight);
    case 'p':
        return read_count("-p", optarg, CMX_CONNECTIONS_MAX, &options->connections);
    case OPT_STAMPS:
        options->stamps = true;
        return 0;
    default:
        return CLI_EXIT_USAGE; /* getopt has said what is wrong */
    }
}

static int take_number(cli_options *options, int opt)
{
    switch (opt) {
    case OPT_TEMPERATURE:
        return read_milli("--temperature", optarg, (range){0, 2}, &options->temperature_milli);
    case OPT_MAX_TOKENS:
        return read_count("--max-tokens", optarg, 10000000, &options->max_tokens);
    case OPT_CONNECT_TIMEOUT:
        return read_milli("--connect-timeout", optarg, (range){0.1, 120},
                          &options->connect_timeout_ms);
    case OPT_MAX_TIME:
        return read_milli("--max-time", optarg, (range){0.1, 86400}, &options->max_time_ms);
    default:
        return take_bench(options, opt);
    }
}

static int take(cli_options *options, int opt)
{
    switch (opt) {
    case OPT_URL:
        options->url = optarg;
        return 0;
    case OPT_CACERT:
        options->cacert = optarg;
        return 0;
    case OPT_CAPATH:
        options->capath = optarg;
        return 0;
    case OPT_ADDRESS:
        options->address = optarg;
        return 0;
    case OPT_KEY_FILE:
        options->key_file = optarg;
        return 0;
    case 'm':
        options->model = optarg;
        return 0;
    case 's':
        options->system = optarg;
        return 0;
    case OPT_KEY:
        /* Anybody on the machine can read arguments; the value is not repeated either. */
        fputs("chatmux: the key never comes from the arguments: use OPENAI_API_KEY or --key-file\n",
              stderr);
        return CLI_EXIT_USAGE;
    case OPT_NO_KEY:
        options->no_key = true;
        return 0;
    case OPT_NO_STREAM:
        options->stream = false;
        return 0;
    case OPT_JSON:
        options->json = true;
        return 0;
    default:
        return take_number(options, opt);
    }
}

static const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

static void set_defaults(cli_options *options)
{
    options->url = environment("OPENAI_BASE_URL", "https://api.openai.com/v1");
    options->cacert = environment("SSL_CERT_FILE", NULL);
    options->model = "gpt-4.1";
    options->stream = true;
    options->temperature_milli = CMX_UNSET;
    options->max_tokens = CMX_UNSET;
    options->total = 100;
    options->in_flight = 10;
    options->connections = 2;
}

static int take_prompt(cli_options *options, int argc, char **argv)
{
    if (options->command == CLI_COMMAND_CHAT && optind + 1 == argc) {
        options->prompt = argv[optind];
    } else if (optind < argc) {
        fprintf(stderr, "chatmux: '%s' is one argument too many; quote the prompt\n",
                argv[argc - 1]);
        return CLI_EXIT_USAGE;
    }
    return 0;
}

int cli_options_parse(cli_options *options, int argc, char **argv, bool *leave)
{
    static char program[] = "chatmux";
    static const char *const letters[] = {
        [CLI_COMMAND_CHAT] = "m:s:h",
        [CLI_COMMAND_BENCH] = "m:n:c:p:h",
    };
    struct option picked[ROW_COUNT + 1];
    pick(options->command, picked);
    *leave = true;
    set_defaults(options);

    char *command = argv[0];
    argv[0] = program; /* getopt's own messages begin with it */
    optind = 1;
    for (;;) {
        int opt = getopt_long(argc, argv, letters[options->command], picked, NULL);
        if (opt == -1) {
            break;
        }
        if (opt == 'h') {
            cli_help_command(stdout, options->command);
            return CLI_EXIT_OK;
        }
        int rc = take(options, opt);
        if (rc != 0) {
            fprintf(stderr, "Try 'chatmux %s --help'.\n", command);
            return rc;
        }
    }
    int rc = take_prompt(options, argc, argv);
    *leave = rc != 0;
    return rc;
}
