/* SPDX-License-Identifier: MIT */
/*
 * A client with its relays, targets and prices, as options and files say. Owns the block of memory
 * while it lives.
 */
#ifndef CMX_CLI_SESSION_H
#define CMX_CLI_SESSION_H

#include "cli/options.h"

enum { CLI_SESSION_RELAYS_MAX = CLI_RELAYS_MAX + 1 };

typedef struct cli_session {
    cmx_client *client;
    void *memory;                                    /* owned: the client's block */
    const cli_relay *main;                           /* the options' own */
    const cli_relay *relays[CLI_SESSION_RELAYS_MAX]; /* by origin */
    cmx_origin_id origins[CLI_SESSION_RELAYS_MAX];
    size_t relay_count;
    cmx_origin_id origin; /* of the relay that the options name; unused if all is routed past it */
} cli_session;

/* Builds the client and adds what it needs; on a mistake says so on stderr. `session` must not move
 * afterwards.
 *
 * config  in-out: presets and sizes for one relay; what the options ask for is put in
 *
 * Returns 0, or an exit code. */
int cli_session_open(cli_session *session, const cli_options *options, cmx_config *config);

/* Returns the relay that is behind an origin. */
const cli_relay *cli_session_relay(const cli_session *session, cmx_origin_id origin);

/* Ends everything; allowed after a failed open. */
void cli_session_close(cli_session *session);

#endif
