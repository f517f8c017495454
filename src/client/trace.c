/* SPDX-License-Identifier: MIT */
/*
 * The trace's switch and its way out. See trace.h.
 */
#include "client/trace.h"

void cmx_trace_deliver(cmx_client *client)
{
    cmx_view line;
    while (cmx_lines_next(&client->lines, &line)) {
        if (client->hook != NULL) {
            client->hook(client->hook_user, (const char *)line.data, line.len);
        }
    }
}

int cmx_client_trace(cmx_client *client, cmx_trace_hook hook, void *user)
{
    if (client->config.trace_bytes == 0) {
        return CMX_ERR_CONFIG;
    }
    cmx_trace_flush(client); /* what the former hook has not seen is still its own */
    client->hook = hook;
    client->hook_user = user;
    client->lines.on = hook != NULL;
    return CMX_OK;
}
