/* SPDX-License-Identifier: MIT */
/*
 * Ids carry the row and a generation, so that a stale one is an error and never another origin. The
 * first origin of a row has generation 0: the first id is 0. See origins.h.
 */
#include "pool/origins.h"

#include "base/wipe.h"
#include "pool/ending.h"

enum { ROW_BITS = 8, ROW_MASK = (1 << ROW_BITS) - 1 };

_Static_assert((int)CMX_ORIGINS_MAX <= (int)ROW_MASK, "a row fits its bits");

uint32_t cmx_origins_id(const cmx_pool *pool, uint32_t origin)
{
    return pool->tables.origins[origin].generation << ROW_BITS | origin;
}

uint32_t cmx_origins_find(const cmx_pool *pool, uint32_t id)
{
    uint32_t origin = id & ROW_MASK;
    if (origin >= pool->tables.origin_count || !pool->tables.origins[origin].in_use ||
        cmx_origins_id(pool, origin) != id) {
        return CMX_ORIGINS_NONE;
    }
    return origin;
}

uint32_t cmx_origins_find_open(const cmx_pool *pool, uint32_t id)
{
    uint32_t origin = cmx_origins_find(pool, id);
    if (origin != CMX_ORIGINS_NONE && pool->tables.origins[origin].leaving) {
        return CMX_ORIGINS_NONE;
    }
    return origin;
}

uint32_t cmx_origins_find_unused(const cmx_pool *pool)
{
    for (uint32_t i = 0; i < pool->tables.origin_count; i++) {
        if (!pool->tables.origins[i].in_use) {
            return i;
        }
    }
    return CMX_ORIGINS_NONE;
}

/* 0 turns a PING off; the judge knows only times, and this one does not come. */
static uint32_t or_never(uint32_t ms)
{
    return ms == 0 ? UINT32_MAX : ms;
}

uint32_t cmx_origins_open(cmx_pool *pool, uint32_t origin)
{
    cmx_origin_row *row = &pool->tables.origins[origin];
    const cmx_config *config = pool->env.config;
    CMX_ASSERT(!row->in_use);
    row->in_use = true;
    row->health = (cmx_health_limits){.ping_idle_ms = or_never(config->ping_after_ms),
                                      .ping_timeout_ms = config->ping_timeout_ms,
                                      .probe_idle_ms = or_never(config->ping_idle_ms)};
    return cmx_origins_id(pool, origin);
}

bool cmx_origins_retire(cmx_pool *pool, uint32_t origin, uint16_t spared)
{
    pool->tables.origins[origin].leaving = true;
    for (uint16_t i = 0; i < pool->tables.slot_count; i++) {
        const cmx_slot *slot = &pool->slots.rows[i];
        if (slot->state != CMX_SLOT_FREE && slot->origin == origin && i != spared) {
            return false;
        }
    }
    return true;
}

void cmx_origins_wipe(cmx_pool *pool, uint32_t origin)
{
    cmx_origin_row *row = &pool->tables.origins[origin];
    uint32_t generation = row->generation & (UINT32_MAX >> ROW_BITS);
    cmx_wipe(row, sizeof *row);
    row->generation = generation;
}

void cmx_origins_close(cmx_pool *pool, uint32_t origin, uint64_t now_ms)
{
    cmx_origin_row *row = &pool->tables.origins[origin];
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state != CMX_CONN_CLOSED && conn->origin == origin) {
            cmx_ending_close(pool, conn, now_ms);
        }
    }
    CMX_ASSERT(row->connections == 0);
    cmx_tls_context_deinit(&row->trust);
    row->generation++;
    cmx_origins_wipe(pool, origin);
}

void cmx_origins_network_changed(cmx_pool *pool)
{
    for (uint32_t i = 0; i < pool->tables.origin_count; i++) {
        cmx_backoff_init(&pool->tables.origins[i].backoff);
    }
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        if (pool->tables.conns[i].state != CMX_CONN_CLOSED) {
            pool->tables.lives[i].retire = CMX_POOL_RETIRE_NETWORK;
        }
    }
    pool->changed = true;
}

void cmx_origins_warm(cmx_pool *pool, uint32_t origin, uint32_t count)
{
    pool->tables.origins[origin].warm = count;
    pool->changed = true;
}
