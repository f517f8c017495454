/* SPDX-License-Identifier: MIT */
/*
 * The pool's step and its pull. See pool.h; which connection a request goes to is in assign.c, the
 * choice itself in place.c; how long a connection serves in life.c, its end in ending.c.
 */
#include "pool/pool.h"

#include "pool/assign.h"
#include "pool/ending.h"
#include "pool/life.h"
#include "wire/conn_dial.h"
#include "wire/conn_pump.h"

/* Without entropy any seed has to do: nothing here is a secret. */
static void seed_random(cmx_pool *pool)
{
    const cmx_port *port = pool->env.port;
    uint64_t seed = 0;
    int ignored = port->entropy(port->ctx, &seed, sizeof seed);
    (void)ignored;
    cmx_random_seed(&pool->random, seed);
}

void cmx_pool_init(cmx_pool *pool, const cmx_conn_env *env, const cmx_pool_tables *tables)
{
    memset(pool, 0, sizeof *pool);
    pool->env = *env;
    pool->tables = *tables;
    pool->lent_slot = CMX_SLOT_NONE;
    cmx_slot_init(&pool->slots, tables->slots, tables->slot_count);
    cmx_life_init(pool);
    seed_random(pool);
    size_t conn_bytes = cmx_conn_memory_bytes(env->config);
    for (uint32_t i = 0; i < tables->conn_count; i++) {
        cmx_conn_init(&tables->conns[i], i, &pool->env, tables->conn_memory + i * conn_bytes);
    }
}

void cmx_pool_close(cmx_pool *pool, bool abandon, uint64_t now_ms)
{
    if (!abandon) {
        cmx_pool_say_goodbye(pool, now_ms);
        return;
    }
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        cmx_conn_abandon(&pool->tables.conns[i]);
    }
}

uint16_t cmx_pool_submit(cmx_pool *pool, uint32_t origin, const cmx_slot_request *request)
{
    pool->changed = true;
    return cmx_slot_take(&pool->slots, (uint8_t)origin, request);
}

/* Returns the connection that a slot has a stream on, or NULL. */
static cmx_conn *conn_of(const cmx_pool *pool, const cmx_slot *slot)
{
    return slot->state == CMX_SLOT_ACTIVE ? &pool->tables.conns[slot->conn] : NULL;
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
    cmx_conn *conn = conn_of(pool, row);
    if (conn != NULL) {
        cmx_h2_cancel(&conn->h2, &row->stream);
    }
    cmx_slot_finish(&pool->slots, slot, CMX_SLOT_END_LOST, false);
    pool->changed = true;
}

void cmx_pool_hold(cmx_pool *pool, uint16_t slot)
{
    const cmx_source *source = pool->slots.rows[slot].request.source;
    if (source != NULL) {
        source->rewind(source->ctx);
    }
    cmx_slot_hold(&pool->slots, slot);
}

void cmx_pool_admit(cmx_pool *pool, uint16_t slot, bool first)
{
    cmx_slot_admit(&pool->slots, slot, first);
    pool->changed = true;
}

void cmx_pool_move(cmx_pool *pool, uint16_t slot, uint32_t origin)
{
    cmx_slot *row = &pool->slots.rows[slot];
    CMX_ASSERT(row->state == CMX_SLOT_HELD || row->state == CMX_SLOT_QUEUED);
    row->origin = (uint8_t)origin;
    row->refused = false;
    pool->changed = true;
}

void cmx_pool_release(cmx_pool *pool, uint16_t slot)
{
    cmx_slot_release(&pool->slots, slot);
}

int cmx_pool_wait(cmx_pool *pool, uint32_t timeout_ms)
{
    const size_t capacity = cmx_pool_sockets_max(pool->tables.conn_count);
    pool->ready_count = 0;
    int rc = pool->env.port->wait(pool->env.port_state, timeout_ms, pool->tables.ready, capacity,
                                  &pool->ready_count);
    if (rc != CMX_OK || pool->ready_count > capacity) {
        pool->ready_count = 0;
        return CMX_ERR_PORT;
    }
    return CMX_OK;
}

static void dispatch_ready(cmx_pool *pool, uint64_t now_ms)
{
    for (size_t r = 0; r < pool->ready_count; r++) {
        for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
            cmx_conn_on_socket(&pool->tables.conns[i], &pool->tables.ready[r], now_ms);
        }
    }
    pool->ready_count = 0;
}

static void step_conn(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    if (conn->state == CMX_CONN_CLOSED) {
        return;
    }
    if (conn->rest_ms != UINT64_MAX && (now_ms >= conn->rest_ms || now_ms >= conn->due_ms)) {
        cmx_conn_on_rested(conn, now_ms); /* what waits may be what the deadline is for */
    }
    bool was_dialing = cmx_conn_dialing(conn);
    int rc = cmx_conn_dial_step(conn, now_ms);
    /* Input that waits may be what the deadline is for. */
    if (rc == CMX_OK && conn->state < CMX_CONN_OPEN && now_ms >= conn->due_ms &&
        !cmx_conn_has_input(conn)) {
        rc = cmx_conn_on_expiry(conn);
    }
    if (rc == CMX_OK && was_dialing && !cmx_conn_dialing(conn)) {
        cmx_life_on_session(pool, conn);
    }
    if (rc == CMX_OK) {
        rc = cmx_life_step(pool, conn, now_ms);
    }
    if (rc == CMX_IDLE) {
        cmx_ending_close(pool, conn, now_ms);
    } else if (rc != CMX_OK) {
        cmx_ending_fail(pool, conn, rc, now_ms);
    }
}

/* Dials that no request waits for. Each one that fails puts the next one off. */
static void step_origin(cmx_pool *pool, uint32_t origin, uint64_t now_ms)
{
    cmx_origin_row *row = &pool->tables.origins[origin];
    row->backoff.due_ms = now_ms < row->backoff.due_ms ? row->backoff.due_ms : 0;
    if (row->connections == 0 && row->warm == 0) {
        return;
    }
    cmx_life_replace(pool, origin, now_ms);
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        if (!cmx_life_wants_dial(pool, origin)) {
            row->warm = 0;
            return;
        }
        cmx_conn *failed = NULL;
        int rc = cmx_assign_dial(pool, origin, now_ms, &failed);
        if (rc == CMX_IDLE) {
            cmx_life_give_up(pool, origin, false);
        }
        if (rc > 0) {
            return;
        }
        if (rc != CMX_OK) {
            cmx_ending_fail(pool, failed, rc, now_ms);
        }
    }
}

void cmx_pool_step(cmx_pool *pool, uint64_t now_ms)
{
    dispatch_ready(pool, now_ms);
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        step_conn(pool, &pool->tables.conns[i], now_ms);
    }
    pool->changed = false;
    for (uint32_t i = 0; i < pool->tables.origin_count; i++) {
        step_origin(pool, i, now_ms);
    }
    cmx_conn *failed = NULL;
    int status = CMX_OK;
    while ((status = cmx_assign_waiting(pool, now_ms, &failed)) != CMX_OK) {
        cmx_ending_fail(pool, failed, status, now_ms);
    }
}

void cmx_pool_say_goodbye(cmx_pool *pool, uint64_t now_ms)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        if (pool->tables.conns[i].state != CMX_CONN_CLOSED) {
            cmx_ending_close(pool, &pool->tables.conns[i], now_ms);
        }
    }
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
            cmx_ending_fail(pool, conn, rc, now_ms);
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
        cmx_slot_finish(&pool->slots, index, cmx_ending_of_stream(from->stream), false);
        if (slot->end == CMX_SLOT_END_COMPLETE) {
            cmx_life_on_complete(pool, &pool->tables.conns[slot->conn]);
        }
        pool->changed = true;
        return;
    }
    CMX_UNREACHABLE();
}

static bool pull_listed(cmx_pool *pool, cmx_pool_item *item)
{
    if (pool->slots.started.count == 0 && pool->slots.ended.count == 0) {
        return false; /* most pulls */
    }
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
        CMX_FILLED_LATER cmx_h2_item from;
        uint32_t goaway_code = conn->h2.goaway_code;
        int rc = cmx_conn_pump_next(conn, now_ms, &from);
        if (conn->h2.goaway_code != goaway_code) { /* such as ENHANCE_YOUR_CALM: no hurry */
            cmx_life_on_goaway(pool, conn, now_ms);
        }
        if (rc == CMX_OK) {
            pool->turn_items++;
            take_item(pool, &from, item);
            return CMX_OK;
        }
        if (rc != CMX_AGAIN) {
            cmx_ending_fail(pool, conn, rc, now_ms);
        } else {
            cmx_life_on_drained(pool, conn, now_ms);
            if (pool->slots.queued.count > 0 || conn->h2.active == 0) {
                pool->changed = true; /* SETTINGS or GOAWAY may have come: place, or go idle */
            }
        }
        end_turn(pool);
    }
    return pull_listed(pool, item) ? CMX_OK : CMX_AGAIN;
}

void cmx_pool_return(cmx_pool *pool)
{
    cmx_pool_keep(pool, 0);
}

void cmx_pool_keep(cmx_pool *pool, size_t kept)
{
    if (pool->lent_slot != CMX_SLOT_NONE) {
        const cmx_slot *slot = &pool->slots.rows[pool->lent_slot];
        pool->lent_slot = CMX_SLOT_NONE;
        cmx_h2_release_kept(&pool->tables.conns[slot->conn].h2, kept);
    }
}

void cmx_pool_credit(cmx_pool *pool, uint16_t slot, size_t len)
{
    cmx_slot *row = &pool->slots.rows[slot];
    cmx_conn *conn = conn_of(pool, row);
    if (conn != NULL) {
        cmx_h2_credit(&conn->h2, &row->stream, len);
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
        due_ms = conn->rest_ms < due_ms ? conn->rest_ms : due_ms;
    }
    for (uint32_t i = 0; i < pool->tables.origin_count; i++) {
        uint64_t after_ms = pool->tables.origins[i].backoff.due_ms;
        if (after_ms > 0 && after_ms < due_ms &&
            (pool->slots.queued.count > 0 || cmx_life_wants_dial(pool, i))) {
            due_ms = after_ms;
        }
    }
    return due_ms;
}

enum cmx_waiting cmx_pool_waiting(const cmx_pool *pool, uint16_t slot)
{
    const cmx_slot *row = &pool->slots.rows[slot];
    return row->state == CMX_SLOT_QUEUED ? cmx_assign_why(pool, row) : CMX_WAITING_NOT;
}

uint64_t cmx_pool_unread_ms(const cmx_pool *pool, uint16_t slot, uint64_t now_ms)
{
    const cmx_conn *conn = conn_of(pool, &pool->slots.rows[slot]);
    return conn == NULL ? 0 : cmx_conn_unread_ms(conn, now_ms);
}

uint64_t cmx_pool_heard_ms(const cmx_pool *pool, uint16_t slot, uint64_t now_ms)
{
    const cmx_slot *row = &pool->slots.rows[slot];
    if (row->listed) {
        return 0;
    }
    const cmx_conn *conn = conn_of(pool, row);
    bool is_known = conn == NULL || (!cmx_conn_has_input(conn) && conn->rest_ms == UINT64_MAX);
    return is_known ? now_ms : conn->drained_ms;
}
