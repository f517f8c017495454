/* SPDX-License-Identifier: MIT */
/*
 * A client with one origin, as the command line's options say. Owns the block of memory and the
 * key while it lives.
 */
#ifndef CMX_CLI_SESSION_H
#define CMX_CLI_SESSION_H

#include "cli/options.h"

typedef struct cli_session {
    cmx_client *client;
    void *memory; /* owned: the client's block */
    size_t memory_bytes;
    cmx_origin_id origin;
} cli_session;

/* Builds the client and adds the origin; on a mistake says so on stderr.
 *
 * config  in-out: presets and sizes; the options' timeouts are put in
 *
 * Returns 0, or an exit code. */
int cli_session_open(cli_session *session, const cli_options *options, cmx_config *config);

/* Ends everything; allowed after a failed open. */
void cli_session_close(cli_session *session);

#endif
