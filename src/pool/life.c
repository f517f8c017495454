/* SPDX-License-Identifier: MIT */
/*
 * Health, wear and replacement. See life.h. A connection that is worn out serves on until another
 * one is open, or until it idles: ending it first would leave its origin without any for the time
 * of a dial, and where the table has no second row that would be the time of its longest stream.
 */
#include "pool/life.h"

static cmx_pool_life *life_of(const cmx_pool *pool, const cmx_conn *conn)
{
    return &pool->tables.lives[conn->index];
}

static cmx_origin_row *origin_of(const cmx_pool *pool, const cmx_conn *conn)
{
    return &pool->tables.origins[conn->origin];
}

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static cmx_health_seen look(const cmx_conn *conn, uint32_t streams, uint64_t now_ms)
{
    return (cmx_health_seen){
        .now_ms = now_ms,
        .unread_ms = cmx_conn_unread_ms(conn, now_ms),
        .rx_bytes = conn->rx_bytes,
        .pings_acked = conn->h2.pings_acked,
        .streams = streams,
        .input_waits = cmx_conn_has_input(conn),
    };
}

/* A request that waits in the queue gets a dial of its own: no end without a try. */
static uint32_t backoff_cap_ms(const cmx_config *config)
{
    uint32_t half_ms = config->queue_timeout_ms / 2;
    uint32_t cap_ms = half_ms < config->dial_backoff_max_ms ? half_ms : config->dial_backoff_max_ms;
    return cap_ms > config->dial_backoff_ms ? cap_ms : config->dial_backoff_ms;
}

void cmx_life_init(cmx_pool *pool)
{
    const cmx_config *config = pool->env.config;
    pool->backoff = (cmx_backoff_limits){.base_ms = config->dial_backoff_ms,
                                         .cap_ms = backoff_cap_ms(config),
                                         .settled_ms = CMX_BACKOFF_SETTLED_MS};
    pool->expiry = (cmx_expiry_limits){.age_max_ms = config->connection_age_max_ms,
                                       .requests_max = config->connection_requests_max,
                                       .idle_max_ms = config->idle_timeout_ms};
}

void cmx_life_begin(cmx_pool *pool, const cmx_conn *conn)
{
    *life_of(pool, conn) = (cmx_pool_life){
        .retire_ms = UINT64_MAX, .idle_since_ms = UINT64_MAX, .drain_due_ms = UINT64_MAX};
}

void cmx_life_on_session(const cmx_pool *pool, cmx_conn *conn)
{
    const cmx_origin_row *row = origin_of(pool, conn);
    if (row->streams_known && !conn->h2.settings_received) {
        cmx_h2_assume(&conn->h2, row->streams_learned);
    }
}

static void open_life(cmx_pool *pool, const cmx_conn *conn, cmx_pool_life *life, uint64_t now_ms)
{
    const cmx_health_seen seen = look(conn, conn->h2.active, now_ms);
    life->is_open = true;
    life->opened_ms = now_ms;
    life->retire_ms = cmx_expiry_retire_ms(&pool->expiry, &pool->random, now_ms);
    cmx_bucket_init(&life->resets, CMX_POOL_RESETS_PER_MIN, CMX_POOL_RESETS_MAX, now_ms);
    cmx_health_init(&life->health, &seen);
}

static int check_health(cmx_pool *pool, cmx_conn *conn, uint32_t streams, uint64_t now_ms)
{
    const cmx_health_seen seen = look(conn, streams, now_ms);
    const cmx_health_limits *limits = &origin_of(pool, conn)->health;
    cmx_pool_life *life = life_of(pool, conn);

    switch (cmx_health_step(&life->health, limits, &seen, &life->health_due_ms)) {
    case CMX_HEALTH_NONE:
    case CMX_HEALTH_MARK_SUSPECT: /* seen by who places streams */
        return CMX_OK;
    case CMX_HEALTH_SEND_PING:
        pool->pings++;
        return cmx_h2_ping(&conn->h2);
    case CMX_HEALTH_MARK_DEAD:
        pool->connections_dead++;
        return CMX_ERR_TIMEOUT_PING;
    }
    CMX_UNREACHABLE();
}

static int check_stall(cmx_pool *pool, const cmx_conn *conn, uint64_t now_ms)
{
    if (now_ms < cmx_conn_stall_due_ms(conn, now_ms) || cmx_conn_has_input(conn)) {
        return CMX_OK;
    }
    pool->connections_dead++;
    return CMX_ERR_TIMEOUT_WRITE;
}

/* Cancelled streams cost a server work that nobody gets; it ends connections that do it too often,
 * all their streams with them. */
static bool is_reset_too_often(const cmx_conn *conn, cmx_pool_life *life, uint64_t now_ms)
{
    uint32_t resets = conn->h2.resets_sent - life->resets_seen;
    life->resets_seen = conn->h2.resets_sent;
    cmx_bucket_refund(&life->resets, -(int64_t)resets, now_ms);
    return cmx_bucket_left(&life->resets, now_ms) < 0;
}

static int check_wear(cmx_pool *pool, const cmx_conn *conn, uint64_t now_ms, uint64_t *due_ms)
{
    cmx_pool_life *life = life_of(pool, conn);
    bool may_end = conn->h2.active == 0 && !cmx_conn_has_input(conn);
    const cmx_expiry_seen seen = {
        .retire_ms = life->retire_ms,
        .idle_since_ms = life->idle_since_ms,
        .requests = life->requests,
        .streams = conn->h2.active,
    };
    switch (cmx_expiry_judge(&pool->expiry, &seen, now_ms, due_ms)) {
    case CMX_EXPIRY_NONE:
        break;
    case CMX_EXPIRY_AGE:
    case CMX_EXPIRY_REQUESTS:
        life->retire = CMX_POOL_RETIRE_WORN;
        break;
    case CMX_EXPIRY_IDLE:
        return may_end ? CMX_IDLE : CMX_OK;
    }
    if (is_reset_too_often(conn, life, now_ms)) {
        life->retire = CMX_POOL_RETIRE_WORN;
    }
    return may_end && life->retire == CMX_POOL_RETIRE_WORN ? CMX_IDLE : CMX_OK;
}

static int check_drain(const cmx_pool *pool, const cmx_conn *conn, uint64_t now_ms)
{
    cmx_pool_life *life = life_of(pool, conn);
    if (conn->h2.active == 0 && !cmx_conn_has_input(conn)) {
        return CMX_IDLE;
    }
    if (life->drain_due_ms == UINT64_MAX) {
        life->drain_due_ms = now_ms + pool->env.config->drain_timeout_ms;
    }
    return now_ms < life->drain_due_ms ? CMX_OK : CMX_ERR_TIMEOUT_DRAIN;
}

static void note_idling(const cmx_conn *conn, cmx_pool_life *life, uint64_t now_ms)
{
    if (conn->h2.active > 0) {
        life->idle_since_ms = UINT64_MAX;
    } else if (life->idle_since_ms == UINT64_MAX) {
        life->idle_since_ms = now_ms;
    }
}

int cmx_life_step(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    if (conn->state != CMX_CONN_OPEN && conn->state != CMX_CONN_DRAINING) {
        return CMX_OK;
    }
    cmx_pool_life *life = life_of(pool, conn);
    if (!life->is_open) {
        open_life(pool, conn, life, now_ms);
    }
    cmx_origin_row *row = origin_of(pool, conn);
    if (conn->h2.settings_received) {
        row->streams_known = true;
        row->streams_learned = cmx_h2_peer_streams(&conn->h2);
    }
    note_idling(conn, life, now_ms);
    int rc = check_health(pool, conn, conn->h2.active, now_ms);
    if (rc == CMX_OK) {
        rc = check_stall(pool, conn, now_ms);
    }
    uint64_t due_ms = UINT64_MAX;
    if (rc == CMX_OK && conn->state == CMX_CONN_OPEN) {
        rc = check_wear(pool, conn, now_ms, &due_ms);
    } else if (rc == CMX_OK) {
        rc = check_drain(pool, conn, now_ms);
        due_ms = life->drain_due_ms;
    }
    due_ms = earlier(due_ms, cmx_conn_stall_due_ms(conn, now_ms));
    conn->due_ms = earlier(due_ms, life->health_due_ms);
    return rc;
}

void cmx_life_on_drained(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    cmx_pool_life *life = life_of(pool, conn);
    if (cmx_conn_has_input(conn) || conn->state < CMX_CONN_OPEN) {
        return;
    }
    bool drains = conn->state == CMX_CONN_DRAINING && life->drain_due_ms == UINT64_MAX;
    if (!life->is_open || drains || conn->rx_bytes == life->health.rx_bytes) {
        pool->changed = true; /* its life or its drain has just begun, or nothing came */
    }
    if (!life->is_open) {
        open_life(pool, conn, life, now_ms); /* now: the next step may be far away */
        return;
    }
    if (conn->rx_bytes == life->health.rx_bytes) {
        return;
    }
    /* Something came, so nothing is to be done; but when to look again is known only now. */
    const cmx_health_seen seen = look(conn, conn->h2.active, now_ms);
    (void)cmx_health_step(&life->health, &origin_of(pool, conn)->health, &seen,
                          &life->health_due_ms);
    conn->due_ms = earlier(conn->due_ms, life->health_due_ms);
}

int cmx_life_before_stream(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms)
{
    if (!life_of(pool, conn)->is_open || conn->h2.active > 0) {
        return CMX_OK;
    }
    int rc = check_health(pool, conn, 1, now_ms);
    conn->due_ms = earlier(conn->due_ms, life_of(pool, conn)->health_due_ms);
    return rc;
}

void cmx_life_on_stream(cmx_pool *pool, cmx_conn *conn)
{
    cmx_pool_life *life = life_of(pool, conn);
    life->idle_since_ms = UINT64_MAX;
    life->requests++;
}

void cmx_life_on_complete(cmx_pool *pool, const cmx_conn *conn)
{
    life_of(pool, conn)->is_proven = true;
    origin_of(pool, conn)->backoff.failures = 0;
}

void cmx_life_on_goaway(cmx_pool *pool, const cmx_conn *conn, uint64_t now_ms)
{
    cmx_origin_row *row = origin_of(pool, conn);
    const cmx_view debug = {conn->h2.goaway_debug, conn->h2.goaway_debug_len};
    uint64_t calm_ms = now_ms + pool->backoff.base_ms;

    cmx_backoff_on_failure(&row->backoff, &pool->backoff, &pool->random, now_ms);
    if (row->backoff.due_ms < calm_ms) {
        row->backoff.due_ms = calm_ms; /* full jitter may be no wait at all */
    }
    if (cmx_health_is_complaint(conn->h2.goaway_code, debug)) {
        cmx_health_calm(&row->health);
    }
}

bool cmx_life_is_good(const cmx_pool *pool, const cmx_conn *conn)
{
    const cmx_pool_life *life = life_of(pool, conn);
    return !life->is_open || cmx_health_usable(&life->health);
}

bool cmx_life_is_retiring(const cmx_pool *pool, const cmx_conn *conn)
{
    return life_of(pool, conn)->retire != CMX_POOL_RETIRE_NONE;
}

/* What an origin has, draining connections aside. */
typedef struct census {
    uint32_t fresh;    /* open or being dialed, and to stay */
    uint32_t open;     /* of these, ones that can take over */
    uint32_t retiring; /* waiting for that */
} census;

static census count_conns(const cmx_pool *pool, uint32_t origin)
{
    census seen = {0};
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state == CMX_CONN_CLOSED || conn->origin != origin ||
            conn->state == CMX_CONN_DRAINING) {
            continue;
        }
        if (cmx_life_is_retiring(pool, conn)) {
            seen.retiring++;
            continue;
        }
        seen.fresh++;
        if (conn->state == CMX_CONN_OPEN && cmx_life_is_good(pool, conn)) {
            seen.open++;
        }
    }
    return seen;
}

void cmx_life_replace(cmx_pool *pool, uint32_t origin, uint64_t now_ms)
{
    if (count_conns(pool, origin).open == 0) {
        return;
    }
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        cmx_conn *conn = &pool->tables.conns[i];
        if (cmx_conn_usable(conn) && conn->origin == origin && cmx_life_is_retiring(pool, conn)) {
            cmx_conn_set_state(conn, CMX_CONN_DRAINING, now_ms);
            pool->changed = true; /* it may be idle */
        }
    }
}

bool cmx_life_wants_dial(const cmx_pool *pool, uint32_t origin)
{
    const cmx_origin_row *row = &pool->tables.origins[origin];
    census seen = count_conns(pool, origin);
    return (seen.retiring > 0 && seen.fresh == 0) || seen.fresh < row->warm;
}

void cmx_life_give_up(cmx_pool *pool, uint32_t origin, bool has_failed)
{
    pool->tables.origins[origin].warm = 0;
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        cmx_pool_life *life = life_of(pool, conn);
        if (conn->origin == origin && life->retire == CMX_POOL_RETIRE_NETWORK) {
            bool stays = has_failed || conn->state < CMX_CONN_OPEN;
            life->retire = stays ? CMX_POOL_RETIRE_NONE : CMX_POOL_RETIRE_WORN;
            pool->changed = true; /* it may be idle */
        }
    }
}
