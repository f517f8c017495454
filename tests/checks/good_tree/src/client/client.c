/* SPDX-License-Identifier: MIT */
/* The coordinator: the only reader of the clock. */
#include "client/client.h"
#include "base/arena.h"
#include "text/json.h"

int cmx_client_init(cmx_client **client, void *block, size_t block_bytes, const cmx_port *port,
                    uint32_t connect_timeout_ms)
{
    cmx_arena arena = {block, block_bytes, 0};
    void *memory;
    int rc = cmx_arena_take(&arena, sizeof **client, &memory);
    if (rc != CMX_OK) {
        return rc;
    }
    *client = memory;
    (*client)->port = port;
    cmx_slot_init(&(*client)->slot);
    (*client)->slot.due_ms = port->now_ms(port->ctx) + connect_timeout_ms;
    return cmx_slot_on_head(&(*client)->slot, 0);
}

int cmx_open_chats(const cmx_client *client, size_t *count)
{
    *count = client->port != NULL ? cmx_json_count("") : 0;
    return CMX_OK;
}
