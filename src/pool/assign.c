/* SPDX-License-Identifier: MIT */
/*
 * Walks the queue once: each origin's oldest request asks place.c where to go; an origin that has
 * to wait is skipped for the rest of the walk, so that it cannot hold up the others.
 */
#include "pool/assign.h"

#include "pool/life.h"
#include "pool/place.h"
#include "wire/conn_dial.h"
#include "wire/conn_pump.h"

#define USER_AGENT "chatmux/" CMX_VERSION_TEXT

#include "chatmux/version.h"

typedef struct walk {
    cmx_pool *pool;
    uint64_t now_ms;
    uint32_t blocked; /* bit per origin that has to wait */
    cmx_conn *failed; /* see cmx_assign_waiting() */

    /* The connections of one origin, looked at once for all of its slots: only a stream that is
     * started on one of them makes it look different, or a dial. */
    uint32_t origin; /* row; CMX_ORIGINS_MAX = nothing was seen */
    uint32_t count;
    uint32_t waiting[CMX_ORIGINS_MAX]; /* queued slots per origin */
    cmx_place_conn seen[CMX_CONNECTIONS_MAX];
    cmx_conn *conns[CMX_CONNECTIONS_MAX];

    /* Scratch for one slot. */
    uint32_t field_count;
    cmx_h2_field fields[CMX_H2_FIELDS_MAX];
    size_t path_len;
    char path[CMX_URL_PATH_BYTES + CMX_POOL_PATH_BYTES_MAX + 1 + CMX_URL_QUERY_BYTES_MAX + 1];
} walk;

/* What is empty makes no field. */
static void add_field(walk *w, const cmx_h2_field *field)
{
    if (field->value.len > 0) {
        CMX_ASSERT(w->field_count < CMX_H2_FIELDS_MAX);
        w->fields[w->field_count++] = *field;
    }
}

/* What is not there makes no field. The name is a literal. */
static void add_text(walk *w, const char *name, const char *value, uint8_t flags)
{
    if (value != NULL) {
        const cmx_h2_field field = {cmx_view_text(name), cmx_view_text(value), flags};
        add_field(w, &field);
    }
}

static cmx_view text_view(const char *text, size_t len)
{
    return (cmx_view){(const uint8_t *)text, len};
}

/* Appends to the path that is being written. */
static void add_to_path(walk *w, const char *part, size_t len)
{
    CMX_ASSERT(len < sizeof w->path - w->path_len);
    memcpy(w->path + w->path_len, part, len);
    w->path_len += len;
    w->path[w->path_len] = '\0';
}

/* The origin's prefix, the request's path, the origin's query. */
static void add_path(walk *w, const char *path, const cmx_origin_row *origin)
{
    const size_t len = strlen(path);

    w->path_len = 0;
    add_to_path(w, origin->target.url.path, strlen(origin->target.url.path));
    add_to_path(w, path, len);
    if (origin->query_len > 0) {
        char mark = cmx_url_query_mark(text_view(path, len));
        add_to_path(w, &mark, mark != '\0');
        add_to_path(w, origin->query, origin->query_len);
    }
    add_text(w, ":path", w->path, CMX_H2_FIELD_LIVES_NAME);
}

static void add_origin_headers(walk *w, const cmx_origin_row *origin)
{
    cmx_h2_field field = {
        text_view(origin->auth_name, origin->auth_name_len),
        text_view(origin->auth_value, origin->auth_value_len),
        CMX_H2_FIELD_SECRET,
    };
    add_field(w, &field);
    field.value = text_view(origin->header_text, 0);
    for (uint32_t i = 0; i < origin->header_count; i++) {
        const cmx_origin_field *header = &origin->headers[i];
        field.name.data = field.value.data + field.value.len;
        field.name.len = header->name_len;
        field.value.data = field.name.data + header->name_len;
        field.value.len = header->value_len;
        field.flags = header->secret ? CMX_H2_FIELD_SECRET : 0;
        add_field(w, &field);
    }
}

static void add_fields(walk *w, const cmx_slot_request *request, const cmx_origin_row *origin)
{
    const cmx_url *url = &origin->target.url;

    w->field_count = 0;
    add_text(w, ":method", request->method, CMX_H2_FIELD_LIVES);
    add_text(w, ":scheme", url->secure ? "https" : "http", CMX_H2_FIELD_LIVES);
    add_text(w, ":authority", url->authority, CMX_H2_FIELD_LIVES_NAME);
    add_path(w, request->path, origin);
    add_text(w, "accept", request->accept, CMX_H2_FIELD_LIVES);
    add_text(w, "content-type", request->content_type, CMX_H2_FIELD_LIVES_NAME);
    add_text(w, "user-agent", USER_AGENT, CMX_H2_FIELD_LIVES);
    add_origin_headers(w, origin);
}

static int start_stream(walk *w, uint16_t index, cmx_conn *conn)
{
    cmx_slot *slot = &w->pool->slots.rows[index];

    add_fields(w, &slot->request, &w->pool->tables.origins[slot->origin]);
    int rc = cmx_life_before_stream(w->pool, conn, w->now_ms);
    if (rc == CMX_OK) {
        const cmx_h2_request request = {w->fields, w->field_count, slot->request.source};
        rc = cmx_h2_start(&conn->h2, &slot->stream, &request);
    }
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_life_on_stream(w->pool, conn);
    cmx_slot_activate(&w->pool->slots, index, (uint8_t)conn->index);
    w->waiting[slot->origin]--;
    /* Heads that can leave now make room: a burst needs no other connection for them. */
    return conn->h2.unsent_headers < conn->h2.unsent_max ? CMX_OK
                                                         : cmx_conn_pump_gather(conn, w->now_ms);
}

/* The caller may still be decoding a chunk of a connection that failed: its buffer must stay. */
static bool has_lent_chunk(const cmx_pool *pool, const cmx_conn *conn)
{
    return pool->lent_slot != CMX_SLOT_NONE &&
           pool->slots.rows[pool->lent_slot].conn == conn->index;
}

/* Finds a free row, or makes one by ending another origin's idle connection. */
static cmx_conn *find_row(walk *w, uint32_t origin)
{
    cmx_pool *pool = w->pool;
    cmx_conn *idle = NULL;

    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state == CMX_CONN_CLOSED && !has_lent_chunk(pool, conn)) {
            return conn;
        }
        if (conn->state == CMX_CONN_OPEN && conn->origin != origin && conn->h2.active == 0 &&
            !cmx_conn_has_input(conn)) {
            idle = conn;
        }
    }
    if (idle != NULL) {
        cmx_assign_uncount(pool, idle);
        cmx_conn_pump_goodbye(idle, w->now_ms);
    }
    return idle;
}

static void look(const cmx_pool *pool, const cmx_conn *conn, const cmx_slot *slot,
                 cmx_place_conn *seen)
{
    /* What an idle connection received may be its end: that is read first. */
    bool unsure = conn->state == CMX_CONN_OPEN && conn->h2.active == 0 && cmx_conn_has_input(conn);

    seen->usable = !unsure && cmx_conn_usable(conn) && cmx_life_is_good(pool, conn);
    seen->room = seen->usable ? cmx_h2_room(&conn->h2) : 0;
    seen->dialing = unsure || cmx_conn_dialing(conn) ||
                    (conn->state == CMX_CONN_AWAIT_SETTINGS && seen->room == 0);
    seen->spare = cmx_life_is_retiring(pool, conn) || (slot->refused && slot->conn == conn->index);
    seen->active = conn->h2.active;
}

/* What a connection that is being made will take: what the last one took, if there was one. */
static uint32_t expect_streams(const cmx_config *config, const cmx_origin_row *row)
{
    if (!row->streams_known) {
        return config->streams_soft;
    }
    uint32_t streams = row->streams_learned > 1 ? row->streams_learned - 1 : 1;
    return streams < config->streams_hard ? streams : config->streams_hard;
}

static bool may_dial(const cmx_origin_row *row, uint64_t now_ms)
{
    return row->connections < row->connections_max && now_ms >= row->backoff.due_ms;
}

/* Looks at the connections of the slot's origin, unless that was done for another slot of it. */
static void look_at_conns(walk *w, const cmx_slot *slot)
{
    const cmx_pool *pool = w->pool;
    if (w->origin == slot->origin && !slot->refused) {
        return;
    }
    w->origin = slot->refused ? CMX_ORIGINS_MAX : slot->origin; /* the next one sees otherwise */
    w->count = 0;
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        cmx_conn *conn = &pool->tables.conns[i];
        if (conn->state != CMX_CONN_CLOSED && conn->origin == slot->origin) {
            w->conns[w->count] = conn;
            look(pool, conn, slot, &w->seen[w->count++]);
        }
    }
}

/* Chooses for one slot.
 *
 * index  out: with STREAM, of the connection that was seen */
static enum cmx_place_choice choose(walk *w, const cmx_slot *slot, uint32_t *index)
{
    const cmx_pool *pool = w->pool;
    const cmx_config *config = pool->env.config;
    const cmx_origin_row *row = &pool->tables.origins[slot->origin];
    const cmx_place_limits limits = {
        .streams_soft = expect_streams(config, row),
        .streams_hard = config->streams_hard,
        .waiting = w->waiting[slot->origin],
        .may_dial = may_dial(row, w->now_ms),
    };
    look_at_conns(w, slot);
    return cmx_place_choose(w->seen, w->count, &limits, index);
}

/* Opens one more connection. Returns CMX_AGAIN if the table is full. */
static int dial(walk *w, uint32_t origin)
{
    cmx_conn *conn = find_row(w, origin);
    if (conn == NULL) {
        return CMX_AGAIN;
    }
    cmx_origin_row *row = &w->pool->tables.origins[origin];
    row->connections++;
    w->origin = CMX_ORIGINS_MAX;
    w->failed = conn;
    cmx_life_begin(w->pool, conn);
    return cmx_conn_dial_start(conn, origin, &row->target, w->now_ms);
}

/* Finds a place for one slot. Returns CMX_OK (placed), CMX_AGAIN (its origin has to wait), or the
 * error of `failed`. */
static int place_slot(walk *w, uint16_t index)
{
    const cmx_slot *slot = &w->pool->slots.rows[index];

    for (uint32_t dials = 0; dials <= w->pool->tables.conn_count; dials++) {
        cmx_conn *conn = NULL;
        uint32_t chosen = 0;
        int rc = CMX_AGAIN;
        switch (choose(w, slot, &chosen)) {
        case CMX_PLACE_STREAM:
            conn = w->conns[chosen];
            rc = start_stream(w, index, conn);
            look(w->pool, conn, slot, &w->seen[chosen]);
            /* Memory comes back when other streams end; without any, waiting is no answer. */
            if (rc == CMX_ERR_NO_MEMORY && conn->h2.active > 0) {
                return CMX_AGAIN;
            }
            w->failed = conn;
            return rc;
        case CMX_PLACE_DIAL:
            rc = dial(w, slot->origin);
            if (rc != CMX_OK) {
                return rc;
            }
            continue;
        case CMX_PLACE_WAIT:
            return CMX_AGAIN;
        }
        CMX_UNREACHABLE();
    }
    return CMX_AGAIN;
}

int cmx_assign_dial(cmx_pool *pool, uint32_t origin, uint64_t now_ms, cmx_conn **failed)
{
    const cmx_origin_row *row = &pool->tables.origins[origin];
    if (row->connections >= row->connections_max) {
        return CMX_IDLE;
    }
    if (!may_dial(row, now_ms)) {
        return CMX_AGAIN;
    }
    CMX_FILLED_LATER walk w;
    w.pool = pool; /* a dial asks for no more */
    w.now_ms = now_ms;
    w.failed = NULL;
    int rc = dial(&w, origin);
    *failed = w.failed;
    return rc == CMX_AGAIN ? CMX_IDLE : rc;
}

enum cmx_waiting cmx_assign_why(const cmx_pool *pool, const cmx_slot *slot)
{
    const cmx_origin_row *row = &pool->tables.origins[slot->origin];
    bool has_row = false;
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        const cmx_conn *conn = &pool->tables.conns[i];
        bool is_idle = conn->state == CMX_CONN_OPEN && conn->h2.active == 0;
        has_row = has_row || conn->state == CMX_CONN_CLOSED || is_idle;
        if (conn->origin == slot->origin &&
            (cmx_conn_dialing(conn) || conn->state == CMX_CONN_AWAIT_SETTINGS)) {
            return CMX_WAITING_CONNECTION;
        }
    }
    if (row->connections >= row->connections_max) {
        return CMX_WAITING_STREAMS;
    }
    if (row->backoff.due_ms > 0) {
        return CMX_WAITING_BACKOFF;
    }
    return has_row ? CMX_WAITING_CONNECTION : CMX_WAITING_CONNECTIONS;
}

void cmx_assign_uncount(cmx_pool *pool, const cmx_conn *conn)
{
    cmx_origin_row *row = &pool->tables.origins[conn->origin];
    CMX_ASSERT(row->connections > 0);
    row->connections--;
}

int cmx_assign_waiting(cmx_pool *pool, uint64_t now_ms, cmx_conn **failed)
{
    if (pool->slots.queued.count == 0) {
        return CMX_OK; /* most turns */
    }
    CMX_FILLED_LATER walk w; /* it is large */
    w.pool = pool;
    w.now_ms = now_ms;
    memset(w.waiting, 0, sizeof w.waiting);
    w.blocked = 0;
    w.failed = NULL;
    w.origin = CMX_ORIGINS_MAX;
    for (uint16_t i = pool->slots.queued.first; i != CMX_SLOT_NONE; i = pool->slots.rows[i].next) {
        w.waiting[pool->slots.rows[i].origin]++;
    }
    uint16_t next = CMX_SLOT_NONE;
    for (uint16_t i = pool->slots.queued.first; i != CMX_SLOT_NONE; i = next) {
        next = pool->slots.rows[i].next;
        uint32_t bit = 1u << pool->slots.rows[i].origin;
        if ((w.blocked & bit) != 0) {
            continue;
        }
        int rc = place_slot(&w, i);
        if (rc == CMX_AGAIN) {
            w.blocked |= bit;
        } else if (rc != CMX_OK) {
            *failed = w.failed;
            return rc;
        }
    }
    return CMX_OK;
}
