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
    const char *url;
    const char *key_file;
    const char *auth_header;
    const char *query;
    const char *address;
    const char *proxy;
    const char *proxy_key_file;
    const char *model;
    enum cmx_tier tier;
    uint32_t header_count;
} cli_options_file;

struct cli_options {
    enum cli_command command;
    cli_options_file file;
    cli_settings settings; /* of the configuration file and the price file */
    const char *config;    /* file; NULL = none */
    const char *price_file;
    const char *metrics_file;
    enum cmx_tier tier; /* of a chat that is routed */
    bool routed;        /* a target chooses relay and model */
    const char *url;    /* borrowed from arguments, environment or file, as all texts */
    const char *cacert; /* NULL = not given, as in all below */
    const char *capath;
    const char *address; /* NULL = resolve the host */
    const char *proxy;   /* "" = none, whatever the environment says; NULL = what that says */
    const char *proxy_key_file;
    const char *key;         /* only from the configuration file; NULL = see key_file */
    const char *key_file;    /* NULL = OPENAI_API_KEY */
    const char *auth_header; /* NULL = authorization: Bearer */
    const char *query;
    const char *model; /* NULL = a target's, or the default */
    const char *system;
    const char *prompt;          /* NULL = standard input */
    const char *tools;           /* file */
    const char *tool_choice;     /* JSON, or one of its words */
    const char *response_format; /* JSON, or a file */
    const char *extra;           /* JSON */
    const char *method;          /* request: GET, POST or DELETE; NULL = by `data` */
    const char *data;            /* request: file, "-" = standard input */
    const char *content_type;    /* request */
    const char *path;            /* request */
    bool no_key;                 /* send no key */
    bool no_stream;              /* ask for one JSON answer */
    bool json;                   /* machine-readable output */
    bool verbose;                /* chat: how it ended, on stderr */
    bool trace;                  /* HTTP/2 frames, on stderr */
    bool no_obfuscation;
    bool stamps;                /* bench: measure the lag behind the relay's stamps */
    uint32_t temperature_milli; /* CMX_UNSET = not sent, as in all below */
    uint32_t top_p_milli;
    uint32_t max_tokens;
    uint32_t max_completion_tokens;
    uint32_t choices;
    uint32_t connect_timeout_ms; /* 0 = default */
    uint32_t max_time_ms;        /* 0 = no limit */
    uint32_t retry;              /* attempts beyond the first; CMX_UNSET = default */
    uint32_t total;              /* bench -n */
    uint32_t in_flight;          /* bench -c */
    uint32_t connections;        /* bench -p */
    uint32_t coalesce_ms;        /* bench; 0 = read at once */
    const char *stops[CLI_STOPS_MAX];
    uint32_t stop_count;
    cmx_header headers[CLI_HEADERS_MAX]; /* names lie in `names` */
    uint32_t header_count;
    uint32_t names_len;         /* bytes of `names` in use */
    char names[CLI_NAME_BYTES]; /* lower case: what HTTP/2 sends */
};

/* Reads the arguments behind the subcommand and the configuration file that they name; arguments
 * win over the file. What options mean together is cli_decide()'s. On a mistake says so on stderr.
 * `options` must not move afterwards.
 *
 * Returns 0, or an exit code with *leave set: the caller exits with it (0 after --help). */
int cli_options_parse(cli_options *options, int argc, char **argv, bool *leave);

/* Wipes what the files held; allowed on zeroed memory. */
void cli_options_close(cli_options *options);

#endif
