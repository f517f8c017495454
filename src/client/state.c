/* SPDX-License-Identifier: MIT */
/*
 * What is asked of the client's state again and again. See state.h.
 */
#include "client/state.h"

#include "pool/origins.h"

void cmx_state_read_clock(cmx_client *client)
{
    client->now_ms = client->port->now_ms(client->port_state);
}

cmx_origin_id cmx_state_origin_id(const cmx_client *client, uint16_t index)
{
    return cmx_origins_id(&client->pool, client->pool.slots.rows[index].origin);
}
