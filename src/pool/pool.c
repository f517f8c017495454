/* SPDX-License-Identifier: MIT */
/*
 * The pool's life, its step and its pull. See pool.h; which connection a request goes to is in
 * assign.c, the choice itself in place.c.
 */
#include "pool/pool.h"

#include "pool/assign.h"
#include "wire/conn_dial.h"
#include "wire/conn_pump.h"

void cmx_pool_init(cmx_pool *pool, const cmx_conn_env *env, const cmx_pool_tables *tables)
{
    memset(pool, 0, sizeof *pool);
    pool->env = *env;
    pool->tables = *tables;
    pool->lent_slot = CMX_SLOT_NONE;
    cmx_slot_init(&pool->slots, tables->slots, tables->slot_count);
    size_t conn_bytes = cmx_conn_memory_bytes(env->config);
    for (uint32_t i = 0; i < tables->conn_count; i++) {
        cmx_conn_init(&tables->conns[i], i, &pool->env, tables->conn_memory + i * conn_bytes);
    }
}

void cmx_pool_close(cmx_pool *pool, bool abandon)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        if (abandon) {
            cmx_conn_close(&pool->tables.conns[i]);
        } else {
            cmx_conn_pump_goodbye(&pool->tables.conns[i]);
        }
    }
}

uint16_t cmx_pool_submit(cmx_pool *pool, uint32_t origin, const cmx_slot_request *request)
{
    pool->changed = true;
    return cmx_slot_take(&pool->slots, (uint8_t)origin, request);
}

void cmx_pool_cancel(cmx_pool *pool, uint16_t slot)
{
    cmx_slot *row = &pool->slots.rows[slot];
    if (pool->lent_slot == slot) {
        cmx_pool_return(pool);
    }
    if (row->state == CMX_SLOT_ENDED) {
        cmx_slot_unlist(&pool->slots, slot);
        return;
    }
    if (row->state == CMX_SLOT_ACTIVE) {
        cmx_h2_cancel(&pool->tables.conns[row->conn].h2, &row->stream);
    }
    cmx_slot_finish(&pool->slots, slot, CMX_SLOT_END_LOST, false);
    pool->changed = true;
}

void cmx_pool_replay(cmx_pool *pool, uint16_t slot)
{
    const cmx_source *source = pool->slots.rows[slot].request.source;
    if (source != NULL) {
        source->rewind(source->ctx);
    }
    cmx_slot_requeue(&pool->slots, slot);
    pool->changed = true;
}

void cmx_pool_release(cmx_pool *pool, uint16_t slot)
{
    cmx_slot_release(&pool->slots, slot);
}

int cmx_pool_wait(cmx_pool *pool, uint32_t timeout_ms)
{
    pool->ready_count = 0;
    int rc = pool->env.port->wait(pool->env.port_state, timeout_ms, pool->tables.ready,
                                  pool->tables.conn_count, &pool->ready_count);
    if (rc != CMX_OK || pool->ready_count > pool->tables.conn_count) {
        pool->ready_count = 0;
        return CMX_ERR_PORT;
    }
    return CMX_OK;
}

static void dispatch_ready(cmx_pool *pool, uint64_t now_ms)
{
    for (size_t r = 0; r < pool->ready_count; r++) {
        const cmx_port_ready *ready = &pool->tables.ready[r];
        for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
            if (pool->tables.conns[i].socket == (int64_t)ready->socket) {
                cmx_conn_on_ready(&pool->tables.conns[i], ready->ready, now_ms);
            }
        }
    }
    pool->ready_count = 0;
}

/* A dial failed and nothing else of the origin is on its way: who waits for it would wait for
 * nothing. */
static void end_waiting(cmx_pool *pool, uint32_t origin, const cmx_conn *failed, int status)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        if (conn != failed && conn->state != CMX_CONN_CLOSED && conn->origin == origin &&
            conn->state != CMX_CONN_DRAINING) {
            return;
        }
    }
    uint16_t next = CMX_SLOT_NONE;
    for (uint16_t i = pool->slots.queued.first; i != CMX_SLOT_NONE; i = next) {
        cmx_slot *slot = &pool->slots.rows[i];
        next = slot->next;
        if (slot->origin == origin) {
            slot->status = status;
            slot->tls_error = failed->tls_error;
            cmx_slot_finish(&pool->slots, i, CMX_SLOT_END_NEVER_SENT, true);
        }
    }
}

/* Everything on the connection ends with it; failure takes the same road as success. */
static void fail_conn(cmx_pool *pool, cmx_conn *conn, int status)
{
    bool was_dialing = cmx_conn_dialing(conn) || conn->state == CMX_CONN_CLOSED;
    if (pool->lent_slot != CMX_SLOT_NONE && pool->slots.rows[pool->lent_slot].conn == conn->index) {
        pool->lent_slot = CMX_SLOT_NONE; /* its bytes stay where they are until the next pull */
    }
    cmx_conn_log(conn, CMX_LOG_CLOSED, (uint64_t)-status, (uint64_t)conn->tls_error);

    for (uint16_t i = 0; i < pool->tables.slot_count && conn->h2.session != NULL; i++) {
        cmx_slot *slot = &pool->slots.rows[i];
        if (slot->state != CMX_SLOT_ACTIVE || slot->conn != conn->index) {
            continue;
        }
        slot->status = status;
        slot->tls_error = conn->tls_error;
        bool unprocessed = cmx_h2_stream_unprocessed(&slot->stream);
        cmx_slot_finish(&pool->slots, i,
                        unprocessed ? CMX_SLOT_END_REFUSED : CMX_SLOT_END_LOST, true);
    }
    if (was_dialing) {
        end_waiting(pool, conn->origin, conn, status);
    }
    CMX_ASSERT(pool->tables.origins[conn->origin].connections > 0);
    pool->tables.origins[conn->origin].connections--;
    cmx_conn_close(conn);
    pool->changed = true;
}

static void end_idle(cmx_pool *pool, cmx_conn *conn)
{
    cmx_conn_log(conn, CMX_LOG_CLOSED, 0, 0);
    CMX_ASSERT(pool->tables.origins[conn->origin].connections > 0);
    pool->tables.origins[conn->origin].connections--;
    cmx_conn_pump_goodbye(conn);
    pool->changed = true;
}

/* Arms or disarms the idle clock of an open connection; ends a drained or idle one. */
static void step_idle(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    bool busy = conn->h2.active > 0 || cmx_conn_has_input(conn);
    if (conn->state == CMX_CONN_DRAINING) {
        if (!busy) {
            end_idle(pool, conn);
        }
        return;
    }
    if (conn->state != CMX_CONN_OPEN) {
        return;
    }
    if (busy) {
        conn->due_ms = UINT64_MAX;
    } else if (conn->due_ms == UINT64_MAX) {
        conn->due_ms = now_ms + pool->env.config->idle_timeout_ms;
    } else if (now_ms >= conn->due_ms) {
        end_idle(pool, conn);
    }
}

static void step_conn(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    if (conn->state == CMX_CONN_CLOSED) {
        return;
    }
    bool was_dialing = cmx_conn_dialing(conn);
    int rc = cmx_conn_dial_step(conn, now_ms);
    if (rc == CMX_OK && conn->state != CMX_CONN_OPEN && now_ms >= conn->due_ms) {
        rc = cmx_conn_on_expiry(conn);
    }
    if (rc != CMX_OK) {
        fail_conn(pool, conn, rc);
        return;
    }
    if (was_dialing && !cmx_conn_dialing(conn)) {
        pool->changed = true;
    }
    step_idle(pool, conn, now_ms);
}

void cmx_pool_step(cmx_pool *pool, uint64_t now_ms)
{
    dispatch_ready(pool, now_ms);
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        step_conn(pool, &pool->tables.conns[i], now_ms);
    }
    pool->changed = false;
    const cmx_conn *failed = NULL;
    int status = CMX_OK;
    while ((status = cmx_assign_waiting(pool, now_ms, &failed)) != CMX_OK) {
        fail_conn(pool, &pool->tables.conns[failed->index], status);
    }
    cmx_pool_flush(pool, now_ms);
}

void cmx_pool_flush(cmx_pool *pool, uint64_t now_ms)
{
    (void)now_ms;
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state == CMX_CONN_CLOSED || !cmx_conn_has_output(conn)) {
            continue;
        }
        int rc = cmx_conn_pump_flush(conn);
        if (rc != CMX_OK) {
            fail_conn(pool, conn, rc);
        }
    }
}

static enum cmx_slot_end end_of_stream(const cmx_h2_stream *stream)
{
    if (cmx_h2_stream_complete(stream)) {
        return CMX_SLOT_END_COMPLETE;
    }
    return cmx_h2_stream_unprocessed(stream) ? CMX_SLOT_END_REFUSED : CMX_SLOT_END_RESET;
}

static void take_item(cmx_pool *pool, const cmx_h2_item *from, cmx_pool_item *item)
{
    uint16_t index = (uint16_t)from->stream->tag;
    cmx_slot *slot = &pool->slots.rows[index];
    CMX_ASSERT(slot->state == CMX_SLOT_ACTIVE);
    item->slot = index;
    switch (from->kind) {
    case CMX_H2_ITEM_HEAD:
        item->kind = CMX_POOL_ITEM_HEAD;
        return;
    case CMX_H2_ITEM_DATA:
        item->kind = CMX_POOL_ITEM_DATA;
        item->data = from->data;
        pool->lent_slot = index;
        return;
    case CMX_H2_ITEM_END:
        item->kind = CMX_POOL_ITEM_END;
        slot->status = CMX_ERR_STREAM_RESET;
        cmx_slot_finish(&pool->slots, index, end_of_stream(from->stream), false);
        pool->changed = true;
        return;
    }
    CMX_UNREACHABLE();
}

static bool pull_listed(cmx_pool *pool, cmx_pool_item *item)
{
    item->slot = cmx_slot_pop_started(&pool->slots);
    if (item->slot != CMX_SLOT_NONE) {
        item->kind = CMX_POOL_ITEM_STARTED;
        return true;
    }
    item->slot = cmx_slot_pop_ended(&pool->slots);
    item->kind = CMX_POOL_ITEM_END;
    return item->slot != CMX_SLOT_NONE;
}

static void end_turn(cmx_pool *pool)
{
    pool->turn_items = 0;
    pool->turn = pool->turn + 1 == pool->tables.conn_count ? 0 : pool->turn + 1;
}

int cmx_pool_pull(cmx_pool *pool, uint64_t now_ms, cmx_pool_item *item)
{
    CMX_ASSERT(pool->lent_slot == CMX_SLOT_NONE);
    for (uint32_t tried = 0; tried < pool->tables.conn_count; tried++) {
        if (pull_listed(pool, item)) {
            return CMX_OK;
        }
        cmx_conn *conn = &pool->tables.conns[pool->turn];
        if (!cmx_conn_has_input(conn) || pool->turn_items == CMX_POOL_ITEMS_PER_TURN) {
            end_turn(pool);
            continue;
        }
        cmx_h2_item from;
        int rc = cmx_conn_pump_next(conn, now_ms, &from);
        if (rc == CMX_OK) {
            pool->turn_items++;
            take_item(pool, &from, item);
            return CMX_OK;
        }
        if (rc != CMX_AGAIN) {
            fail_conn(pool, conn, rc);
        } else if (pool->slots.queued.count > 0 || conn->h2.active == 0) {
            pool->changed = true; /* SETTINGS or GOAWAY may have come: place, or go idle */
        }
        end_turn(pool);
    }
    return pull_listed(pool, item) ? CMX_OK : CMX_AGAIN;
}

void cmx_pool_return(cmx_pool *pool)
{
    if (pool->lent_slot != CMX_SLOT_NONE) {
        const cmx_slot *slot = &pool->slots.rows[pool->lent_slot];
        pool->lent_slot = CMX_SLOT_NONE;
        cmx_h2_release(&pool->tables.conns[slot->conn].h2);
    }
}

uint64_t cmx_pool_next_due_ms(const cmx_pool *pool)
{
    if (pool->changed || pool->slots.started.count > 0 || pool->slots.ended.count > 0) {
        return 0;
    }
    uint64_t due_ms = UINT64_MAX;
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state == CMX_CONN_CLOSED) {
            continue;
        }
        if (cmx_conn_has_input(conn) || cmx_conn_has_output(conn)) {
            return 0;
        }
        due_ms = conn->due_ms < due_ms ? conn->due_ms : due_ms;
    }
    return due_ms;
}

uint64_t cmx_pool_unread_ms(const cmx_pool *pool, uint16_t slot, uint64_t now_ms)
{
    const cmx_slot *row = &pool->slots.rows[slot];
    if (row->state != CMX_SLOT_ACTIVE) {
        return 0;
    }
    return cmx_conn_unread_ms(&pool->tables.conns[row->conn], now_ms);
}
