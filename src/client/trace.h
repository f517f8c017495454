/* SPDX-License-Identifier: MIT */
/*
 * Hands the lines of the trace to the caller's hook, between two calls of the libraries and never
 * inside one.
 */
#ifndef CMX_CLIENT_TRACE_H
#define CMX_CLIENT_TRACE_H

#include "client/state.h"

/* Empties the list of lines into the hook. */
void cmx_trace_deliver(cmx_client *client);

/* The same where it is asked often: one test if there is nothing to tell. */
static inline void cmx_trace_flush(cmx_client *client)
{
    if (cmx_lines_any(&client->lines)) {
        cmx_trace_deliver(client);
    }
}

#endif
