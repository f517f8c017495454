/* SPDX-License-Identifier: MIT */
/*
 * Connections and origins while the client runs: replaced after a change of the network, opened
 * before they are needed, taken away. Ids become rows here; the rest is the pool's.
 */
#include "client/target.h"
#include "client/turn.h"
#include "pool/origins.h"

void cmx_client_network_changed(cmx_client *client)
{
    cmx_origins_network_changed(&client->pool);
}

int cmx_client_warm(cmx_client *client, cmx_origin_id origin, uint32_t count)
{
    uint32_t row = cmx_origins_find_open(&client->pool, origin);
    if (row == CMX_ORIGINS_NONE || count == 0 ||
        count > client->pool.tables.origins[row].connections_max) {
        return CMX_ERR_ARGUMENT;
    }
    cmx_origins_warm(&client->pool, row, count);
    return CMX_OK;
}

/* Sends on who waits for a target of the origin. */
static void leave_targets(cmx_client *client, uint32_t origin)
{
    if (client->targets.calls == NULL) {
        return;
    }
    cmx_state_read_clock(client);
    cmx_target_change(client, origin, true);
    cmx_turn_call_back_lost(client);
    for (uint16_t i = 0; i < client->pool.slots.capacity; i++) {
        if (client->pool.slots.rows[i].state == CMX_SLOT_HELD) {
            cmx_target_leave(client, i);
        }
    }
}

int cmx_client_remove_origin(cmx_client *client, cmx_origin_id origin)
{
    uint32_t row = cmx_origins_find(&client->pool, origin);
    if (row == CMX_ORIGINS_NONE) {
        return CMX_ERR_ARGUMENT;
    }
    leave_targets(client, row);
    /* A request whose DONE event is lent has ended, although its slot is not free yet. */
    if (!cmx_origins_retire(&client->pool, row, client->lent)) {
        return CMX_AGAIN;
    }
    cmx_state_read_clock(client);
    cmx_origins_close(&client->pool, row, client->now_ms);
    return CMX_OK;
}
