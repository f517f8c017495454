/* SPDX-License-Identifier: MIT */
/*
 * SIGINT ends a request in good order: the server is told to stop, what came is kept.
 */
#ifndef CMX_CLI_INTERRUPT_H
#define CMX_CLI_INTERRUPT_H

#include "chatmux/chatmux.h"

/* From now on SIGINT wakes this client; a second one ends the program at once. */
void cli_interrupt_catch(cmx_client *client);

/* Back to the system's way; before the client ends. */
void cli_interrupt_release(void);

/* Waits for the next event of the client's only request, which is cancelled by SIGINT.
 *
 * Returns CMX_OK (one event), or the error that ends the wait. */
CMX_MUST_CHECK int cli_interrupt_wait(cmx_client *client, cmx_id id, cmx_event *event);

#endif
