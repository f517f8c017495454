/* SPDX-License-Identifier: MIT */
/*
 * The command line's options: what all subcommands share and what chat and bench add. Long names
 * as in curl where curl has them. A key never comes from the arguments.
 */
#ifndef CMX_CLI_OPTIONS_H
#define CMX_CLI_OPTIONS_H

#include "chatmux/chatmux.h"
#include "cli/help.h"

#include <stdbool.h>
#include <stdint.h>

/* Documented in the manual page: scripts depend on them. */
enum cli_exit {
    CLI_EXIT_OK = 0,            /* the answer is complete */
    CLI_EXIT_FAILED = 1,        /* no answer: network, TLS, timeout */
    CLI_EXIT_USAGE = 2,         /* wrong option, configuration or file */
    CLI_EXIT_PARTIAL = 3,       /* an answer began and did not end */
    CLI_EXIT_SERVER = 4,        /* the server reported an error */
    CLI_EXIT_INTERRUPTED = 130, /* SIGINT, as the shell counts */
};

typedef struct cli_options {
    enum cli_command command;
    const char *url;      /* borrowed from arguments or environment */
    const char *cacert;   /* NULL = not given */
    const char *capath;   /* NULL = not given */
    const char *address;  /* NULL = resolve the host */
    const char *key_file; /* NULL = OPENAI_API_KEY */
    const char *model;
    const char *system;          /* NULL = no system message */
    const char *prompt;          /* NULL = standard input */
    bool no_key;                 /* send no key */
    bool stream;                 /* false: one JSON answer */
    bool json;                   /* machine-readable output */
    bool stamps;                 /* bench: measure the lag behind the relay's stamps */
    uint32_t temperature_milli;  /* CMX_UNSET = not sent */
    uint32_t max_tokens;         /* CMX_UNSET = not sent */
    uint32_t connect_timeout_ms; /* 0 = default */
    uint32_t max_time_ms;        /* 0 = no limit */
    uint32_t total;              /* bench -n */
    uint32_t in_flight;          /* bench -c */
    uint32_t connections;        /* bench -p */
} cli_options;

/* Reads the arguments behind the subcommand. On a mistake says so on stderr.
 *
 * Returns 0, or an exit code with *leave set: the caller exits with it (0 after --help). */
int cli_options_parse(cli_options *options, int argc, char **argv, bool *leave);

#endif
