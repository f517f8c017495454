/* SPDX-License-Identifier: MIT */
/*
 * Ends connections. See ending.h.
 */
#include "pool/ending.h"

#include "pool/assign.h"
#include "pool/life.h"
#include "wire/conn_pump.h"

/* Returns whether requests of the origin can hope for another connection than this one. */
static bool has_other_hope(const cmx_pool *pool, const cmx_conn *failed)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        if (conn != failed && conn->state != CMX_CONN_CLOSED && conn->origin == failed->origin &&
            conn->state != CMX_CONN_DRAINING) {
            return true;
        }
    }
    return false;
}

/* A dial failed and nothing else of the origin is on its way: who waits for it would wait for
 * nothing. Each of them hears of it once; whether it waits for the next dial is decided above. */
static void end_waiting(cmx_pool *pool, const cmx_conn *failed, int status)
{
    uint16_t next = CMX_SLOT_NONE;
    for (uint16_t i = pool->slots.queued.first; i != CMX_SLOT_NONE; i = next) {
        cmx_slot *slot = &pool->slots.rows[i];
        next = slot->next;
        if (slot->origin == failed->origin) {
            slot->status = status;
            slot->tls_error = failed->tls_error;
            cmx_slot_finish(&pool->slots, i, CMX_SLOT_END_NEVER_SENT, true);
        }
    }
}

static void end_dial(cmx_pool *pool, const cmx_conn *conn, int status, uint64_t now_ms)
{
    cmx_origin_row *row = &pool->tables.origins[conn->origin];
    cmx_backoff_on_failure(&row->backoff, &pool->backoff, &pool->random, now_ms);
    if (!cmx_life_is_retiring(pool, conn)) {
        cmx_life_give_up(pool, conn->origin, true);
    }
    if (!has_other_hope(pool, conn)) {
        end_waiting(pool, conn, status);
    }
}

/* A connection that was lost before it was of any use counts like a dial that failed: else a server
 * that accepts and drops would be dialed in a loop. */
static void note_lost(cmx_pool *pool, const cmx_conn *conn, uint64_t now_ms)
{
    const cmx_pool_life *life = &pool->tables.lives[conn->index];
    if (life->is_open && !life->is_proven) {
        cmx_origin_row *row = &pool->tables.origins[conn->origin];
        cmx_backoff_on_lost(&row->backoff, &pool->backoff, now_ms - life->opened_ms, &pool->random,
                            now_ms);
    }
}

enum cmx_slot_end cmx_ending_of_stream(const cmx_h2_stream *stream)
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
    return ended && !head_waits ? cmx_ending_of_stream(stream) : CMX_SLOT_END_LOST;
}

void cmx_ending_fail(cmx_pool *pool, cmx_conn *conn, int status, uint64_t now_ms)
{
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
        /* Old servers keep header fields that we have no room for: better room than no answer. */
        conn->target->tables_whole = conn->target->tables_whole || conn->h2.tables_broken;
    }
    if (conn->state == CMX_CONN_OPEN) {
        note_lost(pool, conn, now_ms);
    } else if (conn->state != CMX_CONN_DRAINING) {
        end_dial(pool, conn, status, now_ms);
    }
    cmx_assign_uncount(pool, conn);
    cmx_conn_close(conn);
    pool->changed = true;
}

void cmx_ending_close(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    cmx_conn_log(conn, CMX_LOG_CLOSED, 0, 0);
    cmx_assign_uncount(pool, conn);
    cmx_conn_pump_goodbye(conn, now_ms);
    pool->changed = true;
}
