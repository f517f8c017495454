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
    uint32_t waiting[CMX_ORIGINS_MAX]; /* queued slots per origin */
    uint32_t blocked;                  /* bit per origin that has to wait */
    const cmx_conn *failed;            /* see cmx_assign_waiting() */

    /* The connections of one origin, looked at once for all of its slots: only a stream that is
     * started on one of them makes it look different, or a dial. */
    uint32_t origin; /* row; CMX_ORIGINS_MAX = nothing was seen */
    uint32_t count;
    cmx_place_conn seen[CMX_CONNECTIONS_MAX];
    cmx_conn *conns[CMX_CONNECTIONS_MAX];

    /* Scratch for one slot. */
    cmx_h2_field fields[CMX_H2_FIELDS_MAX];
    char path[CMX_URL_PATH_BYTES + CMX_POOL_PATH_BYTES_MAX + 1 + CMX_URL_QUERY_BYTES_MAX];
} walk;

static void add_field(cmx_h2_request *request, cmx_h2_field *fields, cmx_h2_field field)
{
    if (field.value.len > 0) {
        CMX_ASSERT(request->field_count < CMX_H2_FIELDS_MAX);
        fields[request->field_count++] = field;
    }
}

static cmx_view text_view(const char *text, size_t len)
{
    return (cmx_view){(const uint8_t *)text, len};
}

/* What is not there makes no field. */
static cmx_view optional_text(const char *text)
{
    return text == NULL ? (cmx_view){NULL, 0} : cmx_view_text(text);
}

/* The origin's prefix, the request's path, the origin's query. */
static size_t join_path(char *out, size_t capacity, const cmx_slot_request *request,
                        const cmx_origin_row *origin)
{
    const cmx_view query = text_view(origin->query, origin->query_len);
    const cmx_view parts[] = {cmx_view_text(origin->target.url.path), cmx_view_text(request->path)};
    size_t len = 0;
    CMX_ASSERT(parts[0].len + parts[1].len + 1 + query.len <= capacity);
    for (size_t i = 0; i < CMX_ARRAY_LEN(parts); i++) {
        if (parts[i].len > 0) {
            memcpy(out + len, parts[i].data, parts[i].len);
            len += parts[i].len;
        }
    }
    if (query.len > 0) {
        char mark = cmx_url_query_mark(parts[1]);
        if (mark != '\0') {
            out[len++] = mark;
        }
        memcpy(out + len, query.data, query.len);
        len += query.len;
    }
    return len;
}

static void add_origin_headers(cmx_h2_request *request, cmx_h2_field *fields,
                               const cmx_origin_row *origin)
{
    const char *at = origin->header_text;
    for (uint32_t i = 0; i < origin->header_count; i++) {
        const cmx_origin_field *field = &origin->headers[i];
        const char *value = at + field->name_len;
        add_field(request, fields,
                  (cmx_h2_field){text_view(at, field->name_len), text_view(value, field->value_len),
                                 field->secret ? CMX_H2_FIELD_SECRET : 0});
        at = value + field->value_len;
    }
}

static int start_stream(walk *w, uint16_t index, cmx_conn *conn)
{
    cmx_slot *slot = &w->pool->slots.rows[index];
    const cmx_origin_row *origin = &w->pool->tables.origins[slot->origin];
    const cmx_conn_target *target = &origin->target;
    cmx_h2_field *fields = w->fields;

    cmx_h2_request request = {
        .method = cmx_view_text(slot->request.method),
        .scheme = target->url.secure ? CMX_VIEW_LITERAL("https") : CMX_VIEW_LITERAL("http"),
        .authority = cmx_view_text(target->url.authority),
        .path = text_view(w->path, join_path(w->path, sizeof w->path, &slot->request, origin)),
        .fields = fields,
        .source = slot->request.source,
    };
    cmx_view key = text_view(origin->auth_value, origin->auth_value_len);
    cmx_view key_name = text_view(origin->auth_name, origin->auth_name_len);
    add_field(&request, fields, (cmx_h2_field){key_name, key, CMX_H2_FIELD_SECRET});
    add_field(&request, fields,
              (cmx_h2_field){CMX_VIEW_LITERAL("accept"), optional_text(slot->request.accept),
                             CMX_H2_FIELD_LIVES});
    add_field(&request, fields,
              (cmx_h2_field){CMX_VIEW_LITERAL("content-type"),
                             optional_text(slot->request.content_type), CMX_H2_FIELD_LIVES_NAME});
    add_field(&request, fields,
              (cmx_h2_field){CMX_VIEW_LITERAL("user-agent"), CMX_VIEW_LITERAL(USER_AGENT),
                             CMX_H2_FIELD_LIVES});
    add_origin_headers(&request, fields, origin);

    int rc = cmx_life_before_stream(w->pool, conn, w->now_ms);
    if (rc == CMX_OK) {
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

static cmx_place_conn look(const cmx_pool *pool, const cmx_conn *conn, const cmx_slot *slot)
{
    /* What an idle connection received may be its end: that is read first. */
    bool unsure = conn->state == CMX_CONN_OPEN && conn->h2.active == 0 && cmx_conn_has_input(conn);
    bool usable = cmx_conn_usable(conn) && cmx_life_is_good(pool, conn) && !unsure;
    uint32_t room = usable ? cmx_h2_room(&conn->h2) : 0;
    bool opening = conn->state == CMX_CONN_AWAIT_SETTINGS && room == 0;
    return (cmx_place_conn){
        .usable = usable,
        .dialing = cmx_conn_dialing(conn) || opening || unsure,
        .spare = cmx_life_is_retiring(pool, conn) || (slot->refused && slot->conn == conn->index),
        .active = conn->h2.active,
        .room = room,
    };
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
            w->seen[w->count++] = look(pool, conn, slot);
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
            w->seen[chosen] = look(w->pool, conn, slot);
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

int cmx_assign_dial(cmx_pool *pool, uint32_t origin, uint64_t now_ms, const cmx_conn **failed)
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

int cmx_assign_waiting(cmx_pool *pool, uint64_t now_ms, const cmx_conn **failed)
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
