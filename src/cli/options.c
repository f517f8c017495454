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
    MODELS = 1 << CLI_COMMAND_MODELS,
    LIMITS = 1 << CLI_COMMAND_LIMITS,
    ALL = CHAT | BENCH | REQUEST | MODELS | LIMITS
};

enum kind {
    KIND_TEXT,   /* a const char * */
    KIND_SWITCH, /* a bool, set */
    KIND_COUNT,  /* a uint32_t from min to max */
    KIND_MILLI,  /* a uint32_t in thousandths, from min to max */
    KIND_STOP,   /* one more of the stops */
    KIND_HEADER, /* one more of the headers */
    KIND_TIER,   /* low, medium or high */
    KIND_KEY,    /* refused in arguments */
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
    {ALL, "key", 0, KIND_KEY, FIELD(key), 0, 0},
    {ALL, "key-file", 0, KIND_TEXT, FIELD(key_file), 0, 0},
    {ALL, "no-key", 0, KIND_SWITCH, FIELD(no_key), 0, 0},
    {ALL, "auth-header", 0, KIND_TEXT, FIELD(auth_header), 0, 0},
    {ALL, "query", 0, KIND_TEXT, FIELD(query), 0, 0},
    {ALL, "header", 'H', KIND_HEADER, 0, 0, 0},
    {ALL, "connect-timeout", 0, KIND_MILLI, FIELD(connect_timeout_ms), 0.1, 120},
    {ALL, "max-time", 0, KIND_MILLI, FIELD(max_time_ms), 0.1, 86400},
    {ALL, "retry", 0, KIND_COUNT, FIELD(retry), 0, 9},
    {ALL, "config", 0, KIND_TEXT, FIELD(config), 0, 0},
    {ALL, "help", 'h', KIND_HELP, 0, 0, 0},
    {CHAT | BENCH, "price-file", 0, KIND_TEXT, FIELD(price_file), 0, 0},
    {CHAT | BENCH, "tier", 0, KIND_TIER, FIELD(tier), 0, 0},
    {CHAT | BENCH, "model", 'm', KIND_TEXT, FIELD(model), 0, 0},
    {CHAT | BENCH, "no-stream", 0, KIND_SWITCH, FIELD(no_stream), 0, 0},
    {CHAT | BENCH | MODELS | LIMITS, "json", 0, KIND_SWITCH, FIELD(json), 0, 0},
    {CHAT | BENCH, "max-tokens", 0, KIND_COUNT, FIELD(max_tokens), 1, 10000000},
    {CHAT | REQUEST | MODELS | LIMITS, "trace", 0, KIND_SWITCH, FIELD(trace), 0, 0},
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
    {BENCH, "metrics-file", 0, KIND_TEXT, FIELD(metrics_file), 0, 0},
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

/* A value of an option: an argument, or a line of the configuration file. */
typedef struct value {
    const row *at;
    const char *text;   /* what a switch has is never looked at */
    const cli_ini *ini; /* NULL = an argument */
} value;

static int refuse(const value *v, const char *want)
{
    const row *at = v->at;
    if (v->ini != NULL) {
        cli_ini_refuse(v->ini, want);
        return CLI_EXIT_USAGE;
    }
    const char letter[] = {'-', at->letter, '\0'};
    fprintf(stderr, "chatmux: %s%s '%s': %s\n", at->letter == 0 ? "--" : "",
            at->letter == 0 ? at->name : letter, v->text, want);
    return CLI_EXIT_USAGE;
}

static int read_count(const value *v, uint32_t *out)
{
    const row *at = v->at;
    const char *text = v->text;
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' ||
        number < (unsigned long)at->min || number > (unsigned long)at->max) {
        char want[64];
        snprintf(want, sizeof want, "a whole number from %.0f to %.0f is needed", at->min, at->max);
        return refuse(v, want);
    }
    *out = (uint32_t)number;
    return 0;
}

/* Reads a decimal number into thousandths: seconds to milliseconds, 0.7 to 700. */
static int read_milli(const value *v, uint32_t *out)
{
    const row *at = v->at;
    char *end = NULL;
    errno = 0;
    double number = strtod(v->text, &end);
    if (errno != 0 || end == v->text || *end != '\0' || !(number >= at->min) || number > at->max) {
        char want[64];
        snprintf(want, sizeof want, "a number from %g to %g is needed", at->min, at->max);
        return refuse(v, want);
    }
    *out = (uint32_t)(number * 1000 + 0.5);
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
static int take_header(cli_options *options, const value *v)
{
    size_t name_len = strcspn(v->text, ":");
    const char *wrong = NULL;
    const char *name = NULL;
    if (v->text[name_len] == '\0' || name_len == 0) {
        wrong = "'Name: value' is needed";
    } else if (options->header_count == CLI_HEADERS_MAX) {
        wrong = "at most 8 can be given";
    } else {
        name = keep_name(options, v->text, name_len);
        wrong = name == NULL ? "the names are too long" : NULL;
    }
    if (wrong != NULL && v->ini != NULL) {
        return refuse(v, wrong);
    }
    if (wrong != NULL) {
        fprintf(stderr, "chatmux: --header: %s\n", wrong);
        return CLI_EXIT_USAGE;
    }
    const char *text = v->text + name_len + 1;
    text += strspn(text, " \t");
    options->headers[options->header_count++] = (cmx_header){name, text};
    return 0;
}

static int read_tier(const value *v, enum cmx_tier *tier)
{
    static const char *const names[] = {
        [CMX_TIER_LOW] = "low", [CMX_TIER_MEDIUM] = "medium", [CMX_TIER_HIGH] = "high"};
    for (size_t i = CMX_TIER_LOW; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(v->text, names[i]) == 0) {
            *tier = (enum cmx_tier)i;
            return 0;
        }
    }
    return refuse(v, "low, medium or high is needed");
}

/* Of options that exclude each other the later one counts, and so arguments win over the file. */
static void drop_others(cli_options *options, size_t offset)
{
    if (offset == FIELD(no_key)) {
        options->key = NULL;
        options->key_file = NULL;
    } else if (offset == FIELD(key_file)) {
        options->key = NULL;
        options->no_key = false;
    } else if (offset == FIELD(key)) {
        options->key_file = NULL;
        options->no_key = false;
    } else if (offset == FIELD(cacert)) {
        options->capath = NULL;
    } else if (offset == FIELD(capath)) {
        options->cacert = NULL;
    }
}

static int take_key(cli_options *options, const value *v)
{
    if (v->ini == NULL) {
        /* Anybody on the machine can read arguments; the value is not repeated either. */
        fputs("chatmux: the key never comes from the arguments: use OPENAI_API_KEY, --key-file or "
              "--config\n",
              stderr);
        return CLI_EXIT_USAGE;
    }
    options->key = v->text;
    return 0;
}

/* Sets a field. */
static int take(cli_options *options, const value *v)
{
    void *field = (char *)options + v->at->offset;
    drop_others(options, v->at->offset);
    switch (v->at->kind) {
    case KIND_TEXT:
        *(const char **)field = v->text;
        return 0;
    case KIND_SWITCH:
        *(bool *)field = true;
        return 0;
    case KIND_COUNT:
        return read_count(v, field);
    case KIND_MILLI:
        return read_milli(v, field);
    case KIND_STOP:
        if (options->stop_count == CLI_STOPS_MAX) {
            return refuse(v, "that is one too many");
        }
        options->stops[options->stop_count++] = v->text;
        return 0;
    case KIND_HEADER:
        return take_header(options, v);
    case KIND_TIER:
        return read_tier(v, field);
    case KIND_KEY:
        return take_key(options, v);
    case KIND_HELP:
        break; /* the caller's */
    }
    return CLI_EXIT_USAGE;
}

/* Returns the commands that a section of the configuration file is about: all in front of them, 0
 * if there is no such section. */
static unsigned commands_of(const char *section)
{
    static const char *const names[] = {
        [CLI_COMMAND_CHAT] = "chat",       [CLI_COMMAND_BENCH] = "bench",
        [CLI_COMMAND_REQUEST] = "request", [CLI_COMMAND_MODELS] = "models",
        [CLI_COMMAND_LIMITS] = "limits",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(section, names[i]) == 0) {
            return 1u << i;
        }
    }
    return section[0] == '\0' ? (unsigned)ALL : 0;
}

/* Returns what is wrong with a line for an option, or NULL. */
static const char *check_line(const row *at, const cli_ini *ini)
{
    const char *text = ini->value;
    if (at->kind == KIND_SWITCH) {
        return text != NULL && strcmp(text, "true") != 0 ? cli_settings_want_true : NULL;
    }
    /* An empty proxy is none, whatever the environment says. */
    if (text == NULL || (text[0] == '\0' && at->offset != FIELD(proxy))) {
        return cli_settings_want_value;
    }
    return at->kind == KIND_KEY && !ini->is_private ? cli_settings_want_private : NULL;
}

/* Sets the option that a line of the configuration file names; what is there for another
 * subcommand is only looked at. */
static int take_line(cli_options *options, const cli_ini *ini)
{
    unsigned commands = commands_of(ini->section);
    for (int i = 0; i < ROW_COUNT; i++) {
        const row *at = &rows[i];
        if (strcmp(at->name, ini->name) != 0 || (at->commands & commands) == 0 ||
            at->kind == KIND_HELP || at->offset == FIELD(config)) {
            continue;
        }
        const value v = {at, ini->value, ini};
        const char *wrong = check_line(at, ini);
        if (wrong != NULL) {
            return refuse(&v, wrong);
        }
        bool is_ours = (at->commands & commands & (1u << options->command)) != 0;
        return is_ours ? take(options, &v) : 0;
    }
    cli_ini_refuse(ini, "there is no such option; names are the long options of the commands");
    return CLI_EXIT_USAGE;
}

void cli_options_close(cli_options *options)
{
    cli_settings_close(&options->settings);
}

static void set_defaults(cli_options *options)
{
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

static int read_config(cli_options *options, const char *path)
{
    if (!cli_settings_open(&options->settings, path)) {
        return CLI_EXIT_USAGE;
    }
    const cli_ini *ini = &options->settings.config;
    int rc = 0;
    while (rc == 0) {
        switch (cli_settings_next(&options->settings)) {
        case CLI_INI_END:
            return 0;
        case CLI_INI_WRONG:
            return CLI_EXIT_USAGE;
        case CLI_INI_SECTION:
            if (commands_of(ini->section) == 0) {
                cli_ini_refuse(ini, "there is no such section: relay NAME, target, price MODEL, or "
                                    "a command");
                return CLI_EXIT_USAGE;
            }
            break;
        case CLI_INI_PAIR:
            rc = take_line(options, ini);
            break;
        }
    }
    return rc;
}

/* The options of the command as getopt wants them. */
typedef struct scan {
    const char *command;
    int argc;
    char **argv;
    struct option picked[ROW_COUNT + 1];
    char letters[2 * ROW_COUNT + 1];
} scan;

/* Goes through the arguments: once for the file that they name, so that it comes before them
 * whatever their order, then for all else.
 *
 * helped  out: --help is among them
 *
 * Returns 0 or an exit code. */
static int go_through(cli_options *options, scan *s, bool is_first, bool *helped)
{
    optind = 0; /* begin anew, also in the middle of letters */
    for (;;) {
        int opt = getopt_long(s->argc, s->argv, s->letters, s->picked, NULL);
        if (opt == -1) {
            return 0;
        }
        const row *at = find_row(options->command, opt);
        *helped = *helped || (at != NULL && at->kind == KIND_HELP);
        if (*helped) {
            return 0;
        }
        const value v = {at, optarg, NULL};
        int rc = at == NULL ? CLI_EXIT_USAGE : 0;
        if (rc == 0 && is_first == (at->offset == FIELD(config))) {
            rc = take(options, &v);
        }
        if (rc != 0) {
            fprintf(stderr, "Try 'chatmux %s --help'.\n", s->command);
            return rc;
        }
    }
}

static int parse(cli_options *options, scan *s, bool *helped)
{
    int rc = go_through(options, s, true, helped);
    if (rc != 0 || *helped) {
        return rc;
    }
    if (options->config != NULL) {
        rc = read_config(options, options->config);
        if (rc != 0) {
            return rc;
        }
    }
    options->file = (cli_options_file){
        .url = options->url,
        .key_file = options->key_file,
        .auth_header = options->auth_header,
        .query = options->query,
        .address = options->address,
        .proxy = options->proxy,
        .proxy_key_file = options->proxy_key_file,
        .model = options->model,
        .tier = options->tier,
        .header_count = options->header_count,
    };
    rc = go_through(options, s, false, helped);
    return rc == 0 ? take_argument(options, s->argc, s->argv) : rc;
}

int cli_options_parse(cli_options *options, int argc, char **argv, bool *leave)
{
    static char program[] = "chatmux";
    scan s = {.command = argv[0], .argc = argc, .argv = argv};
    bool helped = false;
    argv[0] = program; /* getopt's own messages begin with it */
    pick(options->command, s.picked, s.letters);
    set_defaults(options);
    int rc = parse(options, &s, &helped);
    if (helped) {
        cli_help_command(stdout, options->command);
    }
    *leave = helped || rc != 0;
    return rc;
}
