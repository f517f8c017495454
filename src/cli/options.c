/* SPDX-License-Identifier: MIT */
/*
 * Reading options, by one table. See options.h.
 */
#include "cli/options.h"

#include "cli/number.h"
#include "cli/out.h"

#include <stddef.h>
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
    KIND_COUNT,  /* a uint32_t within a range */
    KIND_MILLI,  /* a uint32_t in thousandths, within a range */
    KIND_STOP,   /* one more of the stops */
    KIND_HEADER, /* one more of the headers */
    KIND_TIER,   /* low, medium or high */
    KIND_KEY,    /* refused in arguments */
    KIND_HELP,
};

enum range {
    RANGE_NONE,
    RANGE_CONNECT,
    RANGE_TIME,
    RANGE_RETRY,
    RANGE_MANY,
    RANGE_TEMPERATURE,
    RANGE_SHARE,
    RANGE_CHOICES,
    RANGE_REQUESTS,
    RANGE_CONNECTIONS,
    RANGE_COALESCE,
};

/* What a number may be; of KIND_MILLI in thousandths. */
static const struct {
    uint32_t min;
    uint32_t max;
    char min_text[4];
} ranges[] = {
    [RANGE_CONNECT] = {100, 120000, "0.1"},
    [RANGE_TIME] = {100, 86400000, "0.1"},
    [RANGE_RETRY] = {0, 9, "0"},
    [RANGE_MANY] = {1, 10000000, "1"},
    [RANGE_TEMPERATURE] = {0, 2000, "0"},
    [RANGE_SHARE] = {0, 1000, "0"},
    [RANGE_CHOICES] = {1, 8, "1"},
    [RANGE_REQUESTS] = {1, CMX_REQUESTS_MAX, "1"},
    [RANGE_CONNECTIONS] = {1, CMX_CONNECTIONS_MAX, "1"},
    [RANGE_COALESCE] = {1, 50, "1"},
};

#define FIELD(name) offsetof(cli_options, name)

/* Which commands have it, long name, letter or 0, kind, field, range. */
/* clang-format off */
#define OPTION_LIST(X) \
    X(ALL, "url", 0, KIND_TEXT, FIELD(relay.url), RANGE_NONE) \
    X(ALL, "cacert", 0, KIND_TEXT, FIELD(relay.cacert), RANGE_NONE) \
    X(ALL, "capath", 0, KIND_TEXT, FIELD(relay.capath), RANGE_NONE) \
    X(ALL, "address", 0, KIND_TEXT, FIELD(relay.address), RANGE_NONE) \
    X(ALL, "proxy", 0, KIND_TEXT, FIELD(relay.proxy), RANGE_NONE) \
    X(ALL, "proxy-key-file", 0, KIND_TEXT, FIELD(relay.proxy_key_file), RANGE_NONE) \
    X(ALL, "key", 0, KIND_KEY, FIELD(relay.key), RANGE_NONE) \
    X(ALL, "key-file", 0, KIND_TEXT, FIELD(relay.key_file), RANGE_NONE) \
    X(ALL, "no-key", 0, KIND_SWITCH, FIELD(relay.no_key), RANGE_NONE) \
    X(ALL, "auth-header", 0, KIND_TEXT, FIELD(relay.auth_header), RANGE_NONE) \
    X(ALL, "query", 0, KIND_TEXT, FIELD(relay.query), RANGE_NONE) \
    X(ALL, "header", 'H', KIND_HEADER, FIELD(headers), RANGE_NONE) \
    X(ALL, "connect-timeout", 0, KIND_MILLI, FIELD(connect_timeout_ms), RANGE_CONNECT) \
    X(ALL, "max-time", 0, KIND_MILLI, FIELD(max_time_ms), RANGE_TIME) \
    X(ALL, "retry", 0, KIND_COUNT, FIELD(retry), RANGE_RETRY) \
    X(ALL, "config", 0, KIND_TEXT, FIELD(config), RANGE_NONE) \
    X(ALL, "help", 'h', KIND_HELP, FIELD(command), RANGE_NONE) \
    X(CHAT | BENCH, "price-file", 0, KIND_TEXT, FIELD(price_file), RANGE_NONE) \
    X(CHAT | BENCH, "tier", 0, KIND_TIER, FIELD(chat.tier), RANGE_NONE) \
    X(CHAT | BENCH, "model", 'm', KIND_TEXT, FIELD(chat.model), RANGE_NONE) \
    X(CHAT | BENCH, "no-stream", 0, KIND_SWITCH, FIELD(no_stream), RANGE_NONE) \
    X(CHAT | BENCH | MODELS | LIMITS, "json", 0, KIND_SWITCH, FIELD(json), RANGE_NONE) \
    X(CHAT | BENCH, "max-tokens", 0, KIND_COUNT, FIELD(chat.max_tokens), RANGE_MANY) \
    X(CHAT | REQUEST | MODELS | LIMITS, "trace", 0, KIND_SWITCH, FIELD(trace), RANGE_NONE) \
    X(CHAT, "system", 's', KIND_TEXT, FIELD(system), RANGE_NONE) \
    X(CHAT, "temperature", 0, KIND_MILLI, FIELD(chat.temperature_milli), RANGE_TEMPERATURE) \
    X(CHAT, "top-p", 0, KIND_MILLI, FIELD(chat.top_p_milli), RANGE_SHARE) \
    X(CHAT, "max-completion-tokens", 0, KIND_COUNT, FIELD(chat.max_completion_tokens), RANGE_MANY) \
    X(CHAT, "choices", 0, KIND_COUNT, FIELD(chat.choices), RANGE_CHOICES) \
    X(CHAT, "stop", 0, KIND_STOP, FIELD(stops), RANGE_NONE) \
    X(CHAT, "tools", 0, KIND_TEXT, FIELD(tools), RANGE_NONE) \
    X(CHAT, "tool-choice", 0, KIND_TEXT, FIELD(chat.tool_choice_json), RANGE_NONE) \
    X(CHAT, "response-format", 0, KIND_TEXT, FIELD(chat.response_format_json), RANGE_NONE) \
    X(CHAT, "extra", 0, KIND_TEXT, FIELD(chat.extra_json), RANGE_NONE) \
    X(CHAT, "no-obfuscation", 0, KIND_SWITCH, FIELD(chat.no_obfuscation), RANGE_NONE) \
    X(CHAT, "verbose", 'v', KIND_SWITCH, FIELD(verbose), RANGE_NONE) \
    X(REQUEST, "request", 'X', KIND_TEXT, FIELD(method), RANGE_NONE) \
    X(REQUEST, "data", 'd', KIND_TEXT, FIELD(data), RANGE_NONE) \
    X(REQUEST, "content-type", 0, KIND_TEXT, FIELD(content_type), RANGE_NONE) \
    X(BENCH, "requests", 'n', KIND_COUNT, FIELD(total), RANGE_MANY) \
    X(BENCH, "concurrency", 'c', KIND_COUNT, FIELD(in_flight), RANGE_REQUESTS) \
    X(BENCH, "connections", 'p', KIND_COUNT, FIELD(connections), RANGE_CONNECTIONS) \
    X(BENCH, "stamps", 0, KIND_SWITCH, FIELD(stamps), RANGE_NONE) \
    X(BENCH, "metrics-file", 0, KIND_TEXT, FIELD(metrics_file), RANGE_NONE) \
    X(BENCH, "coalesce", 0, KIND_COUNT, FIELD(coalesce_ms), RANGE_COALESCE)
/* clang-format on */

typedef struct row {
    uint8_t commands; /* bits: which have it */
    char letter;      /* 0 = none */
    uint8_t kind;     /* enum kind */
    uint8_t range;    /* enum range */
    uint16_t offset;  /* of the field */
} row;

#define OPTION_ROW(commands, name, letter, kind, offset, range) \
    {(commands), (letter), (kind), (range), (offset)},
#define OPTION_NAME(commands, name, letter, kind, offset, range) name "\0"

static const row rows[] = {OPTION_LIST(OPTION_ROW)};
static const char row_names[] = OPTION_LIST(OPTION_NAME); /* as many, a NUL behind each */

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static bool has_argument(const row *at)
{
    return at->kind != KIND_SWITCH && at->kind != KIND_HELP;
}

/* A value of an option: an argument, or a line of the configuration file. */
typedef struct value {
    const row *at;
    const char *name;   /* of the option, as it is documented */
    const char *text;   /* what a switch has is never looked at */
    const cli_ini *ini; /* NULL = an argument */
} value;

/* Finds the option of one of the commands whose name begins with these bytes: that of this very
 * name, or else the only one. Returns how many there are. */
static unsigned find_name(unsigned commands, const char *name, size_t len, value *v)
{
    unsigned count = 0;
    const char *at = row_names;
    for (int i = 0; i < ROW_COUNT; i++, at += strlen(at) + 1) {
        if ((rows[i].commands & commands) == 0 || strncmp(at, name, len) != 0) {
            continue;
        }
        v->at = &rows[i];
        v->name = at;
        if (at[len] == '\0') {
            return 1;
        }
        count++;
    }
    return count;
}

static bool find_letter(unsigned commands, char letter, value *v)
{
    const char *at = row_names;
    for (int i = 0; i < ROW_COUNT; i++, at += strlen(at) + 1) {
        if ((rows[i].commands & commands) != 0 && rows[i].letter == letter) {
            v->at = &rows[i];
            v->name = at;
            return true;
        }
    }
    return false;
}

static int refuse_value(const value *v, const char *want)
{
    const char letter[] = {'-', v->at->letter, '\0'};
    bool has_letter = v->at->letter != 0;
    if (v->ini != NULL) {
        return cli_ini_refuse(v->ini, CLI_EXIT_USAGE, want);
    }
    return cli_out_say(CLI_EXIT_USAGE, "%s%s '%s': %s", has_letter ? "" : "--",
                       has_letter ? letter : v->name, v->text, want);
}

/* Seconds to milliseconds, 0.7 to 700; counts as they are. */
static int read_number(const value *v, uint32_t *out)
{
    bool is_milli = v->at->kind == KIND_MILLI;
    uint32_t min = ranges[v->at->range].min;
    uint32_t max = ranges[v->at->range].max;
    uint64_t number = 0;
    if (!cli_number_read(v->text, is_milli ? CLI_NUMBER_MILLI_DIGITS : 0, false, max, &number) ||
        number < min) {
        char want[64];
        cli_out text = {want, sizeof want - 1, 0, -1, 0};
        cli_out_print(&text, "a %snumber from %s to %u is needed", is_milli ? "" : "whole ",
                      ranges[v->at->range].min_text, is_milli ? max / 1000 : max);
        want[text.len] = '\0';
        return refuse_value(v, want);
    }
    *out = (uint32_t)number;
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
    } else if (options->relay.header_count == CLI_HEADERS_MAX) {
        wrong = "at most 8 can be given";
    } else {
        name = keep_name(options, v->text, name_len);
        wrong = name == NULL ? "the names are too long" : NULL;
    }
    if (wrong != NULL && v->ini != NULL) {
        return refuse_value(v, wrong);
    }
    if (wrong != NULL) {
        return cli_out_say(CLI_EXIT_USAGE, "--header: %s", wrong);
    }
    const char *text = v->text + name_len + 1;
    text += strspn(text, " \t");
    options->headers[options->relay.header_count++] = (cmx_header){name, text};
    return 0;
}

static int read_tier(const value *v, enum cmx_tier *tier)
{
    *tier = cli_settings_tier(v->text, strlen(v->text));
    return *tier != CMX_TIER_ANY ? 0 : refuse_value(v, "low, medium or high is needed");
}

/* Of options that exclude each other the later one counts, and so arguments win over the file. */
static void drop_others(cli_options *options, size_t offset)
{
    if (offset == FIELD(relay.no_key)) {
        options->relay.key = NULL;
        options->relay.key_file = NULL;
    } else if (offset == FIELD(relay.key_file)) {
        options->relay.key = NULL;
        options->relay.no_key = false;
    } else if (offset == FIELD(relay.key)) {
        options->relay.key_file = NULL;
        options->relay.no_key = false;
    } else if (offset == FIELD(relay.cacert)) {
        options->relay.capath = NULL;
    } else if (offset == FIELD(relay.capath)) {
        options->relay.cacert = NULL;
    }
}

static int take_key(cli_options *options, const value *v)
{
    if (v->ini == NULL) {
        /* Anybody on the machine can read arguments; the value is not repeated either. */
        return cli_out_say(CLI_EXIT_USAGE, "the key never comes from the arguments: use "
                                           "OPENAI_API_KEY, --key-file or --config");
    }
    options->relay.key = v->text;
    return 0;
}

/* Sets a field. */
static int take(cli_options *options, const value *v)
{
    void *field = (char *)options + v->at->offset;
    drop_others(options, v->at->offset);
    switch ((enum kind)v->at->kind) {
    case KIND_TEXT:
        *(const char **)field = v->text;
        return 0;
    case KIND_SWITCH:
        *(bool *)field = true;
        return 0;
    case KIND_COUNT:
    case KIND_MILLI:
        return read_number(v, field);
    case KIND_STOP:
        if (options->stop_count == CLI_STOPS_MAX) {
            return refuse_value(v, "that is one too many");
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

bool cli_options_command(const char *name, enum cli_command *command)
{
    static const char names[][8] = {
        [CLI_COMMAND_CHAT] = "chat",       [CLI_COMMAND_BENCH] = "bench",
        [CLI_COMMAND_REQUEST] = "request", [CLI_COMMAND_MODELS] = "models",
        [CLI_COMMAND_LIMITS] = "limits",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *command = (enum cli_command)i;
            return true;
        }
    }
    return false;
}

/* Returns the commands that a section of the configuration file is about: all in front of them, 0
 * if there is no such section. */
static unsigned commands_of(const char *section)
{
    enum cli_command command;
    if (cli_options_command(section, &command)) {
        return 1u << command;
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
    if (text == NULL || (text[0] == '\0' && at->offset != FIELD(relay.proxy))) {
        return cli_settings_want_value;
    }
    return at->kind == KIND_KEY && !ini->is_private ? cli_settings_want_private : NULL;
}

/* Sets the option that a line of the configuration file names; what is there for another
 * subcommand is only looked at. */
static int take_line(cli_options *options, const cli_ini *ini)
{
    unsigned commands = commands_of(ini->section);
    size_t len = strlen(ini->name);
    value v = {.text = ini->value, .ini = ini};
    if (find_name(commands, ini->name, len, &v) != 1 || v.name[len] != '\0' ||
        v.at->kind == KIND_HELP || v.at->offset == FIELD(config)) {
        return cli_ini_refuse(ini, CLI_EXIT_USAGE,
                              "there is no such option; names are the long "
                              "options of the commands");
    }
    const char *wrong = check_line(v.at, ini);
    if (wrong != NULL) {
        return refuse_value(&v, wrong);
    }
    bool is_ours = (v.at->commands & commands & (1u << options->command)) != 0;
    return is_ours ? take(options, &v) : 0;
}

void cli_options_close(cli_options *options)
{
    cli_settings_close(&options->settings);
}

static void set_defaults(cli_options *options)
{
    cmx_chat_default(&options->chat);
    options->relay.headers = options->headers;
    options->retry = CMX_UNSET;
    options->total = 100;
    options->in_flight = 10;
    options->connections = 2;
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
                return cli_ini_refuse(ini, CLI_EXIT_USAGE,
                                      "there is no such section: relay NAME, target, price MODEL, "
                                      "or a command");
            }
            break;
        case CLI_INI_PAIR:
            rc = take_line(options, ini);
            break;
        }
    }
    return rc;
}

/* The arguments on their way: options in any order, and operands between them. */
typedef struct scan {
    unsigned commands; /* the one bit of the command at hand */
    int argc;
    char **argv;
    int at;              /* argument that is next */
    const char *letters; /* that follow in the last one, such as "v" of "-vv" */
    const char *operand; /* the last one */
    int operand_count;
    bool only_operands; /* behind "--" */
} scan;

enum step { STEP_OPTION, STEP_END, STEP_WRONG };

static enum step refuse_option(const char *dashes, const char *name, size_t len, const char *wrong)
{
    return (enum step)cli_out_say(STEP_WRONG, "option '%s%.*s' %s", dashes, (int)len, name, wrong);
}

/* What is behind an option in its own argument, or NULL, is its value, else the next argument. */
static enum step take_value(scan *s, value *v, const char *attached)
{
    v->text = attached;
    if (!has_argument(v->at) || attached != NULL) {
        return STEP_OPTION;
    }
    if (s->at == s->argc) {
        return refuse_option("--", v->name, strlen(v->name), "requires an argument");
    }
    v->text = s->argv[s->at++];
    return STEP_OPTION;
}

/* "--name", "--name=value", and names cut short. */
static enum step take_name(scan *s, value *v, const char *name)
{
    size_t len = strcspn(name, "=");
    unsigned count = find_name(s->commands, name, len, v);
    if (count != 1) {
        return refuse_option("--", name, len, count == 0 ? "is not known" : "is ambiguous");
    }
    if (name[len] != '\0' && !has_argument(v->at)) {
        return refuse_option("--", name, len, "takes no argument");
    }
    return take_value(s, v, name[len] == '\0' ? NULL : name + len + 1);
}

/* "-v", "-vv", "-n5". */
static enum step take_letter(scan *s, value *v)
{
    const char *letter = s->letters++;
    if (!find_letter(s->commands, *letter, v)) {
        return refuse_option("-", letter, 1, "is not known");
    }
    if (!has_argument(v->at) || *s->letters == '\0') {
        return take_value(s, v, NULL);
    }
    const char *attached = s->letters;
    s->letters = "";
    return take_value(s, v, attached);
}

static enum step next_option(scan *s, value *v)
{
    if (*s->letters != '\0') {
        return take_letter(s, v);
    }
    while (s->at < s->argc) {
        const char *argument = s->argv[s->at++];
        if (s->only_operands || argument[0] != '-' || argument[1] == '\0') {
            s->operand = argument;
            s->operand_count++;
        } else if (argument[1] != '-') {
            s->letters = argument + 1;
            return take_letter(s, v);
        } else if (argument[2] != '\0') {
            return take_name(s, v, argument + 2);
        } else {
            s->only_operands = true;
        }
    }
    return STEP_END;
}

static int take_operand(cli_options *options, const scan *s)
{
    bool is_chat = options->command == CLI_COMMAND_CHAT;
    bool is_request = options->command == CLI_COMMAND_REQUEST;
    if (s->operand_count > (is_chat || is_request ? 1 : 0)) {
        return cli_out_say(CLI_EXIT_USAGE, "'%s' is one argument too many%s", s->operand,
                           is_chat ? "; quote the prompt" : "");
    }
    if (is_request && s->operand == NULL) {
        return cli_out_say(CLI_EXIT_USAGE, "the path is missing, such as /models");
    }
    options->operand = s->operand;
    return 0;
}

/* Goes through the arguments: once for the file that they name, so that it comes before them
 * whatever their order, then for all else.
 *
 * helped  out: --help is among them
 *
 * Returns 0 or an exit code. */
static int go_through(cli_options *options, scan *s, bool is_first, bool *helped)
{
    value v = {.ini = NULL};
    s->at = 1;
    s->letters = "";
    s->operand = NULL;
    s->operand_count = 0;
    s->only_operands = false;
    for (;;) {
        enum step step = next_option(s, &v);
        int rc = step == STEP_WRONG ? CLI_EXIT_USAGE : 0;
        *helped = step == STEP_OPTION && v.at->kind == KIND_HELP;
        if (step == STEP_END || *helped) {
            return 0;
        }
        if (rc == 0 && is_first == (v.at->offset == FIELD(config))) {
            rc = take(options, &v);
        }
        if (rc != 0) {
            cli_out_print(&cli_out_error, "Try 'chatmux %s --help'.\n", s->argv[0]);
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
    options->file = (cli_options_file){options->relay, options->chat.model, options->chat.tier};
    rc = go_through(options, s, false, helped);
    return rc == 0 ? take_operand(options, s) : rc;
}

int cli_options_parse(cli_options *options, int argc, char **argv, bool *leave)
{
    scan s = {.commands = 1u << options->command, .argc = argc, .argv = argv};
    bool helped = false;
    set_defaults(options);
    int rc = parse(options, &s, &helped);
    if (helped) {
        cli_help_command(options->command);
    }
    *leave = helped || rc != 0;
    return rc;
}
