/* SPDX-License-Identifier: MIT */
/*
 * A connection's states, deadlines and release. See conn.h.
 */
#include "wire/conn.h"

#include "wire/conn_trace.h"

enum {
    ROW_ALIGN = 8,
    RESETS_EXTRA = 16, /* streams are not spread evenly */
};
_Static_assert(_Alignof(cmx_h2_reset) <= ROW_ALIGN, "memory of every row can begin with resets");

#define TO(state) (1u << (state))

/* Row: from. Bits: where it may go. CLOSED is reachable from everywhere: a failure is a failure in
 * every state. */
static const uint16_t conn_next[CMX_CONN_STATE_COUNT] = {
    [CMX_CONN_CLOSED] = TO(CMX_CONN_AWAIT_ADDRESS) | TO(CMX_CONN_AWAIT_CONNECT),
    [CMX_CONN_AWAIT_ADDRESS] = TO(CMX_CONN_AWAIT_CONNECT) | TO(CMX_CONN_CLOSED),
    [CMX_CONN_AWAIT_CONNECT] = TO(CMX_CONN_AWAIT_PROXY) | TO(CMX_CONN_AWAIT_HANDSHAKE) |
                               TO(CMX_CONN_AWAIT_SETTINGS) | TO(CMX_CONN_CLOSED),
    [CMX_CONN_AWAIT_PROXY] =
        TO(CMX_CONN_AWAIT_HANDSHAKE) | TO(CMX_CONN_AWAIT_SETTINGS) | TO(CMX_CONN_CLOSED),
    [CMX_CONN_AWAIT_HANDSHAKE] = TO(CMX_CONN_AWAIT_SETTINGS) | TO(CMX_CONN_CLOSED),
    [CMX_CONN_AWAIT_SETTINGS] = TO(CMX_CONN_OPEN) | TO(CMX_CONN_DRAINING) | TO(CMX_CONN_CLOSED),
    [CMX_CONN_OPEN] = TO(CMX_CONN_OPEN) | TO(CMX_CONN_DRAINING) | TO(CMX_CONN_CLOSED),
    [CMX_CONN_DRAINING] = TO(CMX_CONN_CLOSED),
};

static size_t plain_capacity(const cmx_config *config)
{
    return config->read_bytes < CMX_TLS_PLAIN_BYTES_MAX ? config->read_bytes
                                                        : CMX_TLS_PLAIN_BYTES_MAX;
}

/* Each record that is written adds its overhead to the plaintext limit of the configuration. */
static size_t to_send_capacity(const cmx_config *config)
{
    return (size_t)config->write_bytes + CMX_TLS_OVERHEAD_BYTES;
}

uint32_t cmx_conn_resets_max(const cmx_config *config)
{
    return config->requests_max / config->connections_max + RESETS_EXTRA;
}

/* They come first, aligned like a number. */
static size_t resets_bytes(const cmx_config *config)
{
    return cmx_conn_resets_max(config) * sizeof(cmx_h2_reset);
}

size_t cmx_conn_memory_bytes(const cmx_config *config)
{
    size_t bytes = resets_bytes(config) + config->read_bytes + plain_capacity(config) +
                   to_send_capacity(config);
    return (bytes + ROW_ALIGN - 1) / ROW_ALIGN *
           ROW_ALIGN; /* the next one begins with resets, too */
}

void cmx_conn_init(cmx_conn *conn, uint32_t index, cmx_conn_env *env, uint8_t *memory)
{
    memset(conn, 0, sizeof *conn);
    conn->index = index;
    conn->env = env;
    conn->socket = CMX_CONN_SOCKET_NONE;
    for (uint32_t i = 0; i < CMX_CONN_RACING_MAX; i++) {
        conn->tries[i].socket = CMX_CONN_SOCKET_NONE;
    }
    conn->due_ms = UINT64_MAX;
    conn->stalled_ms = UINT64_MAX;
    conn->rest_ms = UINT64_MAX;
    conn->resets = (cmx_h2_reset *)(void *)memory;
    conn->resets_capacity = cmx_conn_resets_max(env->config);
    conn->unsent_max = cmx_h2_unsent_max(env->config->requests_max);
    memory += resets_bytes(env->config);
    conn->received.data = memory;
    conn->received.capacity = env->config->read_bytes;
    memory += conn->received.capacity;
    conn->plain.data = memory;
    conn->plain.capacity = plain_capacity(env->config);
    memory += conn->plain.capacity;
    conn->to_send.data = memory;
    conn->to_send.capacity = to_send_capacity(env->config);
}

static uint32_t state_timeout_ms(const cmx_config *config, enum cmx_conn_state state)
{
    switch (state) {
    case CMX_CONN_AWAIT_ADDRESS:
        return config->resolve_timeout_ms;
    case CMX_CONN_AWAIT_PROXY:
        return config->connect_timeout_ms;
    case CMX_CONN_AWAIT_HANDSHAKE:
        return config->tls_timeout_ms;
    case CMX_CONN_AWAIT_SETTINGS:
        return config->settings_timeout_ms;
    case CMX_CONN_AWAIT_CONNECT:
    case CMX_CONN_OPEN:
    case CMX_CONN_DRAINING:
    case CMX_CONN_CLOSED:
    case CMX_CONN_STATE_COUNT:
        break; /* no clock of their own: the race and the streams have, the pool arms idling */
    }
    return 0;
}

void cmx_conn_set_state(cmx_conn *conn, enum cmx_conn_state state, uint64_t now_ms)
{
    CMX_ASSERT((conn_next[conn->state] & TO(state)) != 0);
    conn->state = (uint8_t)state;
    uint32_t timeout_ms = state_timeout_ms(conn->env->config, state);
    conn->due_ms = timeout_ms == 0 ? UINT64_MAX : now_ms + timeout_ms;
}

void cmx_conn_close_socket(cmx_conn *conn, int64_t *socket)
{
    if (*socket != CMX_CONN_SOCKET_NONE) {
        conn->env->port->socket_close(conn->env->port_state, (uint32_t)*socket);
        *socket = CMX_CONN_SOCKET_NONE;
    }
}

void cmx_conn_close_tries(cmx_conn *conn)
{
    for (uint32_t i = 0; i < CMX_CONN_RACING_MAX; i++) {
        cmx_conn_close_socket(conn, &conn->tries[i].socket);
    }
}

void cmx_conn_close(cmx_conn *conn)
{
    if (conn->state == CMX_CONN_CLOSED) {
        return;
    }
    if (conn->state == CMX_CONN_AWAIT_ADDRESS) {
        conn->env->port->resolve_cancel(conn->env->port_state, conn->query);
    }
    cmx_h2_close(&conn->h2);
    cmx_tls_close(&conn->tls);
    cmx_conn_close_socket(conn, &conn->socket);
    cmx_conn_close_tries(conn);
    cmx_buffer_clear(&conn->received);
    cmx_buffer_clear(&conn->plain);
    cmx_buffer_clear(&conn->to_send);
    conn->readable = false;
    conn->writable = false;
    conn->unread = false;
    conn->rx_bytes = 0;
    conn->rested_bytes = 0;
    conn->rest_ms = UINT64_MAX;
    conn->stalled_ms = UINT64_MAX;
    conn->send_error = CMX_OK;
    conn->feed_error = CMX_OK;
    cmx_conn_set_state(conn, CMX_CONN_CLOSED, 0);
    conn->due_ms = UINT64_MAX;
}

void cmx_conn_abandon(cmx_conn *conn)
{
    cmx_h2_close(&conn->h2);
    cmx_tls_close(&conn->tls);
}

void cmx_conn_on_ready(cmx_conn *conn, uint32_t ready, uint64_t now_ms)
{
    if ((ready & CMX_SOCKET_WRITE) != 0) {
        conn->writable = true;
    }
    if ((ready & CMX_SOCKET_READ) != 0) {
        cmx_conn_on_rested(conn, now_ms); /* a port may report an end that nobody asked for */
    }
}

void cmx_conn_on_rested(cmx_conn *conn, uint64_t now_ms)
{
    conn->rest_ms = UINT64_MAX;
    conn->readable = true;
    cmx_conn_on_input(conn, now_ms);
}

void cmx_conn_want(const cmx_conn *conn)
{
    bool full = cmx_buffer_len(&conn->to_send) > 0 && conn->send_error == CMX_OK;
    uint32_t read = conn->rest_ms == UINT64_MAX ? CMX_SOCKET_READ : 0;
    conn->env->port->socket_want(conn->env->port_state, (uint32_t)conn->socket,
                                 full ? read | CMX_SOCKET_WRITE : read);
}

/* Where bytes come at short intervals, more will come soon: the socket is looked at again at the
 * next multiple of coalesce_ms, which all connections share, and its readiness wakes nobody before.
 * When nothing came the port watches it again, and what comes after silence is read at once. */
static void rest(cmx_conn *conn, uint64_t now_ms)
{
    uint64_t interval_ms = conn->env->config->coalesce_ms;
    if (interval_ms == 0 || conn->state < CMX_CONN_OPEN) {
        return; /* handshakes and SETTINGS are waited for */
    }
    bool has_come = conn->rx_bytes != conn->rested_bytes;
    bool is_busy = has_come && now_ms - conn->came_ms <= interval_ms;
    conn->rested_bytes = conn->rx_bytes;
    conn->came_ms = has_come ? now_ms : conn->came_ms;
    conn->rest_ms = is_busy ? (now_ms / interval_ms + 1) * interval_ms : UINT64_MAX;
    cmx_conn_want(conn);
}

void cmx_conn_on_socket(cmx_conn *conn, const cmx_port_ready *ready, uint64_t now_ms)
{
    if (conn->socket == (int64_t)ready->socket) {
        cmx_conn_on_ready(conn, ready->ready, now_ms);
        return;
    }
    for (uint32_t i = 0; i < CMX_CONN_RACING_MAX; i++) {
        if (conn->tries[i].socket == (int64_t)ready->socket) {
            conn->tries[i].is_ready = true;
        }
    }
}

void cmx_conn_on_input(cmx_conn *conn, uint64_t now_ms)
{
    if (!conn->unread) {
        conn->unread = true;
        conn->unread_since_ms = now_ms;
    }
}

void cmx_conn_on_drained(cmx_conn *conn, uint64_t now_ms)
{
    conn->drained_ms = now_ms;
    if (conn->unread) {
        conn->unread = false;
        conn->unread_total_ms += now_ms - conn->unread_since_ms;
    }
    rest(conn, now_ms);
}

uint64_t cmx_conn_unread_ms(const cmx_conn *conn, uint64_t now_ms)
{
    uint64_t waiting = conn->unread ? now_ms - conn->unread_since_ms : 0;
    return conn->unread_total_ms + waiting;
}

int cmx_conn_on_expiry(const cmx_conn *conn)
{
    switch ((enum cmx_conn_state)conn->state) {
    case CMX_CONN_AWAIT_ADDRESS:
        return CMX_ERR_TIMEOUT_RESOLVE;
    case CMX_CONN_AWAIT_CONNECT:
    case CMX_CONN_AWAIT_PROXY:
        return CMX_ERR_TIMEOUT_CONNECT;
    case CMX_CONN_AWAIT_HANDSHAKE:
        return CMX_ERR_TIMEOUT_TLS;
    case CMX_CONN_AWAIT_SETTINGS:
        return CMX_ERR_TIMEOUT_SETTINGS;
    case CMX_CONN_OPEN:
    case CMX_CONN_DRAINING:
        return CMX_OK;
    case CMX_CONN_CLOSED:
    case CMX_CONN_STATE_COUNT:
        break;
    }
    CMX_UNREACHABLE();
}

uint64_t cmx_conn_stall_due_ms(const cmx_conn *conn, uint64_t now_ms)
{
    if (conn->stalled_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    /* A server that cannot send because nobody pulls may not read, either. */
    return conn->stalled_ms + cmx_conn_unread_ms(conn, now_ms) +
           conn->env->config->write_timeout_ms;
}

bool cmx_conn_usable(const cmx_conn *conn)
{
    return conn->state == CMX_CONN_AWAIT_SETTINGS || conn->state == CMX_CONN_OPEN;
}

bool cmx_conn_dialing(const cmx_conn *conn)
{
    return conn->state == CMX_CONN_AWAIT_ADDRESS || conn->state == CMX_CONN_AWAIT_CONNECT ||
           conn->state == CMX_CONN_AWAIT_PROXY || conn->state == CMX_CONN_AWAIT_HANDSHAKE;
}

bool cmx_conn_has_input(const cmx_conn *conn)
{
    return conn->h2.session != NULL && (conn->unread || conn->send_error != CMX_OK);
}

bool cmx_conn_has_output(const cmx_conn *conn)
{
    if (!conn->writable) {
        return false; /* the port reports when there is room again */
    }
    if (cmx_buffer_len(&conn->to_send) > 0) {
        return true;
    }
    /* Without input nobody else would notice that the session failed while it was told to send. */
    bool dead =
        conn->h2.failure != CMX_OK && conn->h2.news.first == NULL && conn->h2.data_stream == NULL;
    return conn->h2.session != NULL && (dead || cmx_h2_wants_write(&conn->h2));
}

void cmx_conn_log(const cmx_conn *conn, enum cmx_log_code code, uint64_t a, uint64_t b)
{
    const cmx_port *port = conn->env->port;
    if (port->log != NULL) {
        const uint64_t values[3] = {conn->index, a, b};
        port->log(port->ctx, code, values);
    }
    if (cmx_lines_on(conn->env->lines)) {
        cmx_conn_trace_event(conn->env->lines, conn->index, code, a, b);
    }
}
