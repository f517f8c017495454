/* SPDX-License-Identifier: MIT */
/*
 * From what options and configuration file say of a relay to an origin of a client. Keys are read
 * here, handed over, and wiped.
 */
#ifndef CMX_CLI_RELAY_H
#define CMX_CLI_RELAY_H

#include "cli/options.h"

/* Adds a relay; what it leaves open of trust, proxy and key is the environment's. On a mistake says
 * so on stderr. Returns 0 or an exit code. */
int cli_relay_add(cmx_client *client, const cli_relay *relay, cmx_origin_id *id);

#endif
