/* SPDX-License-Identifier: MIT */
/*
 * Reading options, by one table. See options.h.
 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHAT = 1 << CLI_COMMAND_CHAT,
    BENCH = 1 << CLI_COMMAND_BENCH,
    REQUEST = 1 << CLI_COMMAND_REQUEST,
    ALL = CHAT | BENCH | REQUEST
};

enum kind {
    KIND_TEXT,   /* a const char * */
    KIND_SWITCH, /* a bool, set */
    KIND_COUNT,  /* a uint32_t from min to max */
    KIND_MILLI,  /* a uint32_t in thousandths, from min to max */
    KIND_STOP,   /* one more of the stops */
    KIND_HEADER, /* one more of the headers */
    KIND_KEY,    /* refused */
    KIND_HELP,
};

typedef struct row {
    unsigned commands; /* bits: which have it */
    const char *name;  /* long name, without dashes */
    char letter;       /* 0 = none */
    enum kind kind;
    size_t offset; /* of the field */
    double min;
    double max;
} row;

#define FIELD(name) offsetof(cli_options, name)

/* clang-format off */
static const row rows[] = {
    {ALL, "url", 0, KIND_TEXT, FIELD(url), 0, 0},
    {ALL, "cacert", 0, KIND_TEXT, FIELD(cacert), 0, 0},
    {ALL, "capath", 0, KIND_TEXT, FIELD(capath), 0, 0},
    {ALL, "address", 0, KIND_TEXT, FIELD(address), 0, 0},
    {ALL, "proxy", 0, KIND_TEXT, FIELD(proxy), 0, 0},
    {ALL, "proxy-key-file", 0, KIND_TEXT, FIELD(proxy_key_file), 0, 0},
    {ALL, "key", 0, KIND_KEY, 0, 0, 0},
    {ALL, "key-file", 0, KIND_TEXT, FIELD(key_file), 0, 0},
    {ALL, "no-key", 0, KIND_SWITCH, FIELD(no_key), 0, 0},
    {ALL, "auth-header", 0, KIND_TEXT, FIELD(auth_header), 0, 0},
    {ALL, "query", 0, KIND_TEXT, FIELD(query), 0, 0},
    {ALL, "header", 'H', KIND_HEADER, 0, 0, 0},
    {ALL, "connect-timeout", 0, KIND_MILLI, FIELD(connect_timeout_ms), 0.1, 120},
    {ALL, "max-time", 0, KIND_MILLI, FIELD(max_time_ms), 0.1, 86400},
    {ALL, "retry", 0, KIND_COUNT, FIELD(retry), 0, 9},
    {ALL, "help", 'h', KIND_HELP, 0, 0, 0},
    {CHAT | BENCH, "model", 'm', KIND_TEXT, FIELD(model), 0, 0},
    {CHAT | BENCH, "no-stream", 0, KIND_SWITCH, FIELD(no_stream), 0, 0},
    {CHAT | BENCH, "json", 0, KIND_SWITCH, FIELD(json), 0, 0},
    {CHAT | BENCH, "max-tokens", 0, KIND_COUNT, FIELD(max_tokens), 1, 10000000},
    {CHAT | REQUEST, "trace", 0, KIND_SWITCH, FIELD(trace), 0, 0},
    {CHAT, "system", 's', KIND_TEXT, FIELD(system), 0, 0},
    {CHAT, "temperature", 0, KIND_MILLI, FIELD(temperature_milli), 0, 2},
    {CHAT, "top-p", 0, KIND_MILLI, FIELD(top_p_milli), 0, 1},
    {CHAT, "max-completion-tokens", 0, KIND_COUNT, FIELD(max_completion_tokens), 1, 10000000},
    {CHAT, "choices", 0, KIND_COUNT, FIELD(choices), 1, 8},
    {CHAT, "stop", 0, KIND_STOP, 0, 0, 0},
    {CHAT, "tools", 0, KIND_TEXT, FIELD(tools), 0, 0},
    {CHAT, "tool-choice", 0, KIND_TEXT, FIELD(tool_choice), 0, 0},
    {CHAT, "response-format", 0, KIND_TEXT, FIELD(response_format), 0, 0},
    {CHAT, "extra", 0, KIND_TEXT, FIELD(extra), 0, 0},
    {CHAT, "no-obfuscation", 0, KIND_SWITCH, FIELD(no_obfuscation), 0, 0},
    {CHAT, "verbose", 'v', KIND_SWITCH, FIELD(verbose), 0, 0},
    {REQUEST, "request", 'X', KIND_TEXT, FIELD(method), 0, 0},
    {REQUEST, "data", 'd', KIND_TEXT, FIELD(data), 0, 0},
    {REQUEST, "content-type", 0, KIND_TEXT, FIELD(content_type), 0, 0},
    {BENCH, "requests", 'n', KIND_COUNT, FIELD(total), 1, 10000000},
    {BENCH, "concurrency", 'c', KIND_COUNT, FIELD(in_flight), 1, CMX_REQUESTS_MAX},
    {BENCH, "connections", 'p', KIND_COUNT, FIELD(connections), 1, CMX_CONNECTIONS_MAX},
    {BENCH, "stamps", 0, KIND_SWITCH, FIELD(stamps), 0, 0},
    {BENCH, "coalesce", 0, KIND_COUNT, FIELD(coalesce_ms), 1, 50},
};
/* clang-format on */

enum {
    ROW_COUNT = sizeof rows / sizeof rows[0],
    FIRST_OPT = 256, /* getopt's value of a row is its index above this */
};

static bool has_argument(const row *at)
{
    return at->kind != KIND_SWITCH && at->kind != KIND_HELP;
}

/* Picks the options of one command, as getopt wants them. */
static void pick(enum cli_command command, struct option *out, char *letters)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        const row *at = &rows[i];
        if ((at->commands & (1u << command)) == 0) {
            continue;
        }
        *out++ = (struct option){at->name, has_argument(at) ? required_argument : no_argument, NULL,
                                 FIRST_OPT + i};
        if (at->letter != 0) {
            *letters++ = at->letter;
            if (has_argument(at)) {
                *letters++ = ':';
            }
        }
    }
    *out = (struct option){NULL, 0, NULL, 0};
    *letters = '\0';
}

/* Returns the row behind getopt's value, or NULL if it has said what is wrong. */
static const row *find_row(enum cli_command command, int opt)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        bool has = (rows[i].commands & (1u << command)) != 0;
        if (opt == FIRST_OPT + i || (has && rows[i].letter != 0 && opt == rows[i].letter)) {
            return &rows[i];
        }
    }
    return NULL;
}

static int refuse(const row *at, const char *text, const char *want)
{
    const char letter[] = {'-', at->letter, '\0'};
    fprintf(stderr, "chatmux: %s%s '%s': %s\n", at->letter == 0 ? "--" : "",
            at->letter == 0 ? at->name : letter, text, want);
    return CLI_EXIT_USAGE;
}

static int read_count(const row *at, const char *text, uint32_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' ||
        value < (unsigned long)at->min || value > (unsigned long)at->max) {
        char want[64];
        snprintf(want, sizeof want, "a whole number from %.0f to %.0f is needed", at->min, at->max);
        return refuse(at, text, want);
    }
    *out = (uint32_t)value;
    return 0;
}

/* Reads a decimal number into thousandths: seconds to milliseconds, 0.7 to 700. */
static int read_milli(const row *at, const char *text, uint32_t *out)
{
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(value >= at->min) || value > at->max) {
        char want[64];
        snprintf(want, sizeof want, "a number from %g to %g is needed", at->min, at->max);
        return refuse(at, text, want);
    }
    *out = (uint32_t)(value * 1000 + 0.5);
    return 0;
}

/* Keeps a name of a header in lower case. Returns NULL if the room is used up. */
static const char *keep_name(cli_options *options, const char *text, size_t len)
{
    if (len + 1 > sizeof options->names - options->names_len) {
        return NULL;
    }
    char *name = options->names + options->names_len;
    for (size_t i = 0; i < len; i++) {
        bool is_upper = text[i] >= 'A' && text[i] <= 'Z';
        name[i] = is_upper ? (char)(text[i] - 'A' + 'a') : text[i];
    }
    name[len] = '\0';
    options->names_len += (uint32_t)len + 1;
    return name;
}

/* "Name: value", as in curl. The value is not repeated in messages: it may be a secret. */
static int take_header(cli_options *options, const char *text)
{
    size_t name_len = strcspn(text, ":");
    if (text[name_len] == '\0' || name_len == 0) {
        fputs("chatmux: --header: 'Name: value' is needed\n", stderr);
        return CLI_EXIT_USAGE;
    }
    const char *value = text + name_len + 1;
    value += strspn(value, " \t");
    const char *name = keep_name(options, text, name_len);
    if (name == NULL || options->header_count == CLI_HEADERS_MAX) {
        fprintf(stderr, "chatmux: --header: at most %d, and not that long\n", CLI_HEADERS_MAX);
        return CLI_EXIT_USAGE;
    }
    options->headers[options->header_count++] = (cmx_header){name, value};
    return 0;
}

static int take(cli_options *options, const row *at)
{
    void *field = (char *)options + at->offset;
    switch (at->kind) {
    case KIND_TEXT:
        *(const char **)field = optarg;
        return 0;
    case KIND_SWITCH:
        *(bool *)field = true;
        return 0;
    case KIND_COUNT:
        return read_count(at, optarg, field);
    case KIND_MILLI:
        return read_milli(at, optarg, field);
    case KIND_STOP:
        if (options->stop_count == CLI_STOPS_MAX) {
            return refuse(at, optarg, "that is one too many");
        }
        options->stops[options->stop_count++] = optarg;
        return 0;
    case KIND_HEADER:
        return take_header(options, optarg);
    case KIND_KEY:
        /* Anybody on the machine can read arguments; the value is not repeated either. */
        fputs("chatmux: the key never comes from the arguments: use OPENAI_API_KEY or --key-file\n",
              stderr);
        return CLI_EXIT_USAGE;
    case KIND_HELP:
        break; /* the caller's */
    }
    return CLI_EXIT_USAGE;
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
    options->temperature_milli = CMX_UNSET;
    options->top_p_milli = CMX_UNSET;
    options->max_tokens = CMX_UNSET;
    options->max_completion_tokens = CMX_UNSET;
    options->choices = CMX_UNSET;
    options->retry = CMX_UNSET;
    options->total = 100;
    options->in_flight = 10;
    options->connections = 2;
}

static int take_argument(cli_options *options, int argc, char **argv)
{
    bool one = optind + 1 == argc;
    if (options->command == CLI_COMMAND_CHAT && one) {
        options->prompt = argv[optind];
    } else if (options->command == CLI_COMMAND_REQUEST && one) {
        options->path = argv[optind];
    } else if (optind < argc) {
        fprintf(stderr, "chatmux: '%s' is one argument too many%s\n", argv[argc - 1],
                options->command == CLI_COMMAND_CHAT ? "; quote the prompt" : "");
        return CLI_EXIT_USAGE;
    } else if (options->command == CLI_COMMAND_REQUEST) {
        fputs("chatmux: the path is missing, such as /models\n", stderr);
        return CLI_EXIT_USAGE;
    }
    return 0;
}

/* As curl has it: these variables are for https alone. */
static void find_proxy(cli_options *options)
{
    if (options->proxy == NULL && strncmp(options->url, "https://", strlen("https://")) == 0) {
        options->proxy = environment("https_proxy", environment("HTTPS_PROXY", NULL));
    }
}

static int check(cli_options *options)
{
    find_proxy(options);
    if (options->choices != CMX_UNSET && options->choices > 1 && !options->json) {
        fputs("chatmux: --choices: answers that come at once need --json\n", stderr);
        return CLI_EXIT_USAGE;
    }
    if (options->auth_header != NULL) {
        options->auth_header =
            keep_name(options, options->auth_header, strlen(options->auth_header));
        if (options->auth_header == NULL) {
            fputs("chatmux: --auth-header: the name is too long\n", stderr);
            return CLI_EXIT_USAGE;
        }
    }
    return 0;
}

int cli_options_parse(cli_options *options, int argc, char **argv, bool *leave)
{
    static char program[] = "chatmux";
    struct option picked[ROW_COUNT + 1];
    char letters[2 * ROW_COUNT + 1];
    pick(options->command, picked, letters);
    *leave = true;
    set_defaults(options);

    char *command = argv[0];
    argv[0] = program; /* getopt's own messages begin with it */
    optind = 1;
    for (;;) {
        int opt = getopt_long(argc, argv, letters, picked, NULL);
        if (opt == -1) {
            break;
        }
        const row *at = find_row(options->command, opt);
        if (at != NULL && at->kind == KIND_HELP) {
            cli_help_command(stdout, options->command);
            return CLI_EXIT_OK;
        }
        int rc = at == NULL ? CLI_EXIT_USAGE : take(options, at);
        if (rc != 0) {
            fprintf(stderr, "Try 'chatmux %s --help'.\n", command);
            return rc;
        }
    }
    int rc = take_argument(options, argc, argv);
    if (rc == 0) {
        rc = check(options);
    }
    *leave = rc != 0;
    return rc;
}
