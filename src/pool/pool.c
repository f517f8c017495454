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

void cmx_pool_close(cmx_pool *pool, bool abandon, uint64_t now_ms)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        if (abandon) {
            cmx_conn_abandon(&pool->tables.conns[i]);
        } else {
            if (pool->tables.conns[i].state != CMX_CONN_CLOSED) {
                cmx_conn_log(&pool->tables.conns[i], CMX_LOG_CLOSED, 0, 0);
            }
            cmx_conn_pump_goodbye(&pool->tables.conns[i], now_ms);
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
static void end_waiting(cmx_pool *pool, const cmx_conn *failed, int status, uint64_t now_ms)
{
    uint32_t origin = failed->origin;
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        if (conn != failed && conn->state != CMX_CONN_CLOSED && conn->origin == origin &&
            conn->state != CMX_CONN_DRAINING) {
            /* They wait for that one; another dial now would most likely fail the same way. */
            pool->tables.origins[origin].dial_after_ms = now_ms + CMX_POOL_DIAL_PAUSE_MS;
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

static enum cmx_slot_end end_of_stream(const cmx_h2_stream *stream)
{
    if (cmx_h2_stream_complete(stream)) {
        return CMX_SLOT_END_COMPLETE;
    }
    return cmx_h2_stream_unprocessed(stream) ? CMX_SLOT_END_REFUSED : CMX_SLOT_END_RESET;
}

/* What is known of a stream whose connection is lost: its end may have come and not been pulled. */
static enum cmx_slot_end end_of_lost(const cmx_h2_stream *stream)
{
    bool ended = (stream->flags & CMX_H2_STREAM_ENDED) != 0;
    bool head_waits = (stream->flags & CMX_H2_STREAM_HAS_HEAD) != 0;
    return ended && !head_waits ? end_of_stream(stream) : CMX_SLOT_END_LOST;
}

/* Everything on the connection ends with it; failure takes the same road as success. */
static void fail_conn(cmx_pool *pool, cmx_conn *conn, int status, uint64_t now_ms)
{
    bool was_dialing = conn->state != CMX_CONN_OPEN && conn->state != CMX_CONN_DRAINING;
    cmx_conn_log(conn, CMX_LOG_CLOSED, (uint64_t)-status, (uint64_t)conn->tls_error);

    for (uint16_t i = 0; i < pool->tables.slot_count && conn->h2.session != NULL; i++) {
        cmx_slot *slot = &pool->slots.rows[i];
        if (slot->state != CMX_SLOT_ACTIVE || slot->conn != conn->index) {
            continue;
        }
        slot->status = status;
        slot->tls_error = conn->tls_error;
        cmx_slot_finish(&pool->slots, i, end_of_lost(&slot->stream), true);
    }
    if (status == CMX_ERR_HTTP2) {
        /* One more write tells the server why; whether it arrives changes nothing. */
        int ignored = cmx_conn_pump_flush(conn, now_ms);
        (void)ignored;
    }
    if (was_dialing) {
        end_waiting(pool, conn, status, now_ms);
    }
    cmx_assign_uncount(pool, conn);
    cmx_conn_close(conn);
    pool->changed = true;
}

static void end_idle(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    cmx_conn_log(conn, CMX_LOG_CLOSED, 0, 0);
    cmx_assign_uncount(pool, conn);
    cmx_conn_pump_goodbye(conn, now_ms);
    pool->changed = true;
}

/* Arms or disarms the idle clock of an open connection; ends a drained or idle one. */
static void step_idle(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    bool busy = conn->h2.active > 0;
    bool may_end = !busy && !cmx_conn_has_input(conn);
    if (conn->state == CMX_CONN_DRAINING) {
        if (may_end) {
            end_idle(pool, conn, now_ms);
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
    } else if (may_end && now_ms >= conn->due_ms) {
        end_idle(pool, conn, now_ms);
    }
}

static void step_conn(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    if (conn->state == CMX_CONN_CLOSED) {
        return;
    }
    bool was_dialing = cmx_conn_dialing(conn);
    int rc = cmx_conn_dial_step(conn, now_ms);
    /* Input that waits may be what the deadline is for. */
    if (rc == CMX_OK && conn->state != CMX_CONN_OPEN && now_ms >= conn->due_ms &&
        !cmx_conn_has_input(conn)) {
        rc = cmx_conn_on_expiry(conn);
    }
    if (rc != CMX_OK) {
        fail_conn(pool, conn, rc, now_ms);
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
    for (uint32_t i = 0; i < pool->tables.origin_count; i++) {
        cmx_origin_row *row = &pool->tables.origins[i];
        row->dial_after_ms = now_ms < row->dial_after_ms ? row->dial_after_ms : 0;
    }
    pool->changed = false;
    const cmx_conn *failed = NULL;
    int status = CMX_OK;
    while ((status = cmx_assign_waiting(pool, now_ms, &failed)) != CMX_OK) {
        fail_conn(pool, &pool->tables.conns[failed->index], status, now_ms);
    }
    cmx_pool_flush(pool, now_ms);
}

void cmx_pool_flush(cmx_pool *pool, uint64_t now_ms)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state == CMX_CONN_CLOSED || !cmx_conn_has_output(conn)) {
            continue;
        }
        uint32_t unsent = conn->h2.unsent_headers;
        int rc = cmx_conn_pump_flush(conn, now_ms);
        if (rc != CMX_OK) {
            fail_conn(pool, conn, rc, now_ms);
        } else if (conn->h2.unsent_headers < unsent && pool->slots.queued.count > 0) {
            pool->changed = true; /* heads left: there is room for others */
        }
    }
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
        uint32_t goaway_code = conn->h2.goaway_code;
        int rc = cmx_conn_pump_next(conn, now_ms, &from);
        if (conn->h2.goaway_code != goaway_code) { /* such as ENHANCE_YOUR_CALM: no hurry */
            pool->tables.origins[conn->origin].dial_after_ms = now_ms + CMX_POOL_DIAL_PAUSE_MS;
        }
        if (rc == CMX_OK) {
            pool->turn_items++;
            take_item(pool, &from, item);
            return CMX_OK;
        }
        if (rc != CMX_AGAIN) {
            fail_conn(pool, conn, rc, now_ms);
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

bool cmx_pool_has_output(const cmx_pool *pool)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state != CMX_CONN_CLOSED && cmx_conn_has_output(conn)) {
            return true;
        }
    }
    return false;
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
    for (uint32_t i = 0; i < pool->tables.origin_count && pool->slots.queued.count > 0; i++) {
        uint64_t after_ms = pool->tables.origins[i].dial_after_ms;
        due_ms = after_ms > 0 && after_ms < due_ms ? after_ms : due_ms;
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

uint64_t cmx_pool_heard_ms(const cmx_pool *pool, uint16_t slot, uint64_t now_ms)
{
    const cmx_slot *row = &pool->slots.rows[slot];
    if (row->listed) {
        return 0;
    }
    if (row->state != CMX_SLOT_ACTIVE) {
        return now_ms;
    }
    const cmx_conn *conn = &pool->tables.conns[row->conn];
    return cmx_conn_has_input(conn) ? conn->drained_ms : now_ms;
}
