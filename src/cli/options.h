/* SPDX-License-Identifier: MIT */
/*
 * The command line's options: what the subcommands share and what each adds. Long names as in curl
 * where curl has them. A key never comes from the arguments.
 */
#ifndef CMX_CLI_OPTIONS_H
#define CMX_CLI_OPTIONS_H

#include "chatmux/chatmux.h"
#include "cli/help.h"
#include "cli/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLI_HEADERS_MAX = 8,   /* as many as an origin may have */
    CLI_STOPS_MAX = 16,    /* servers take 4 */
    CLI_NAME_BYTES = 1024, /* of all names of headers, with their NULs */
};

/* Documented in the manual page: scripts depend on them. */
enum cli_exit {
    CLI_EXIT_OK = 0,            /* the answer is complete */
    CLI_EXIT_FAILED = 1,        /* no answer: network, TLS, timeout */
    CLI_EXIT_USAGE = 2,         /* wrong option, configuration or file */
    CLI_EXIT_PARTIAL = 3,       /* an answer began and did not end */
    CLI_EXIT_SERVER = 4,        /* the server reported an error */
    CLI_EXIT_INTERRUPTED = 130, /* SIGINT, as the shell counts */
};

typedef struct cli_options cli_options;

/* What the configuration file alone said, to tell it from the arguments. */
typedef struct cli_options_file {
    cli_relay relay;
    const char *model;
    enum cmx_tier tier;
} cli_options_file;

struct cli_options {
    enum cli_command command;
    cli_relay relay; /* url NULL = not given, as all texts; proxy "" = none, NULL = what the
                        environment says; key NULL = see key_file; key_file NULL = OPENAI_API_KEY */
    cmx_chat chat; /* what goes into one: model NULL = a target's, JSON texts as they were given */
    cli_options_file file;
    const char *config; /* file; NULL = none */
    const char *price_file;
    const char *metrics_file;
    bool routed; /* a target chooses relay and model */
    const char *system;
    const char *operand;         /* prompt, NULL = standard input; request: path */
    const char *tools;           /* file */
    const char *method;          /* request: GET, POST or DELETE; NULL = by `data` */
    const char *data;            /* request: file, "-" = standard input */
    const char *content_type;    /* request */
    bool no_stream;              /* ask for one JSON answer */
    bool json;                   /* machine-readable output */
    bool verbose;                /* chat: how it ended, on stderr */
    bool trace;                  /* HTTP/2 frames, on stderr */
    bool stamps;                 /* bench: measure the lag behind the relay's stamps */
    uint32_t connect_timeout_ms; /* 0 = default */
    uint32_t max_time_ms;        /* 0 = no limit */
    uint32_t retry;              /* attempts beyond the first; CMX_UNSET = default */
    uint32_t total;              /* bench -n */
    uint32_t in_flight;          /* bench -c */
    uint32_t connections;        /* bench -p */
    uint32_t coalesce_ms;        /* bench; 0 = read at once */
    const char *stops[CLI_STOPS_MAX];
    uint32_t stop_count;
    cmx_header headers[CLI_HEADERS_MAX]; /* of `relay`; names lie in `names` */
    uint32_t names_len;                  /* bytes of `names` in use */
    char names[CLI_NAME_BYTES];          /* lower case: what HTTP/2 sends */
    cli_settings settings;               /* of the configuration file and the price file */
};

/* Finds the command of that name. */
bool cli_options_command(const char *name, enum cli_command *command);

/* Reads the arguments behind the subcommand and the configuration file that they name; arguments
 * win over the file. What options mean together is cli_decide()'s. On a mistake says so on stderr.
 * `options` must not move afterwards.
 *
 * Returns 0, or an exit code with *leave set: the caller exits with it (0 after --help). */
int cli_options_parse(cli_options *options, int argc, char **argv, bool *leave);

/* Wipes what the files held; allowed on zeroed memory. */
void cli_options_close(cli_options *options);

#endif
