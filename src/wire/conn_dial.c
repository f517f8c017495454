/* SPDX-License-Identifier: MIT */
/*
 * Dialing: a name becomes addresses, their race a socket, a proxy opens its tunnel, then the TLS
 * handshake, then the HTTP/2 session. Each step has its own deadline, so a whole dial has one, too:
 * at most eight times connect_timeout_ms for the race. Every dial resolves the name anew. Nothing
 * here retries a whole dial; that is the pool's decision.
 */
#include "wire/conn_dial.h"

#include "wire/conn_proxy.h"
#include "wire/conn_pump.h"
#include "wire/conn_race.h"
#include "wire/conn_trace.h"

static int start_http2(cmx_conn *conn, uint64_t now_ms)
{
    const cmx_config *config = conn->env->config;
    const cmx_h2_limits limits = {
        .stream_window_bytes = config->stream_window_bytes,
        .connection_window_bytes = config->connection_window_bytes,
        .head_bytes_max = config->head_bytes_max,
        .region_owner = conn->index + 1,
        .tables_whole = conn->target->tables_whole,
    };
    int rc = cmx_h2_open(&conn->h2, conn->env->library, conn->env->region, &limits);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_h2_bound(&conn->h2, conn->unsent_max, conn->resets, conn->resets_capacity);
    conn->h2.trace.lines = conn->env->lines;
    conn->h2.trace.key = conn->target->key;
    conn->h2.trace.key_name = conn->target->key_name;
    conn->h2.trace.conn = conn->index;
    cmx_conn_set_state(conn, CMX_CONN_AWAIT_SETTINGS, now_ms);
    cmx_conn_on_input(conn, now_ms);
    return cmx_conn_pump_flush(conn, now_ms);
}

static int step_handshake(cmx_conn *conn, uint64_t now_ms)
{
    for (;;) {
        int rc = cmx_tls_handshake(&conn->tls);
        conn->tls_error = conn->tls.native_error;
        /* Also after a failure: the alert tells the server why. */
        int flushed = cmx_conn_pump_flush(conn, now_ms);
        if (rc == CMX_OK) {
            CMX_ASSERT(conn->tls.verified); /* from here on the key may be sent */
            conn->env->handshakes++;
            cmx_conn_log(conn, CMX_LOG_SECURE, now_ms - conn->dialed_ms,
                         cmx_tls_cipher(&conn->tls));
            return flushed != CMX_OK ? flushed : start_http2(conn, now_ms);
        }
        if (rc != CMX_AGAIN) {
            return rc;
        }
        bool had_ended = conn->tls.peer_ended;
        rc = cmx_conn_pump_receive(conn);
        if (rc == CMX_AGAIN && conn->tls.peer_ended && !had_ended) {
            continue; /* the session decides what a cut-off handshake is */
        }
        if (rc == CMX_AGAIN) {
            return conn->send_error;
        }
        if (rc != CMX_OK) {
            return rc;
        }
    }
}

static int start_session(cmx_conn *conn, uint64_t now_ms)
{
    if (conn->target->trust == NULL) {
        return start_http2(conn, now_ms);
    }
    conn->tls.received = &conn->received;
    conn->tls.to_send = &conn->to_send;
    conn->tls.region_owner = conn->index + 1;
    int rc = cmx_tls_open(&conn->tls, conn->target->trust, conn->target->url.host,
                          conn->target->url.host_is_ip);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_conn_set_state(conn, CMX_CONN_AWAIT_HANDSHAKE, now_ms);
    return step_handshake(conn, now_ms);
}

static int step_proxy(cmx_conn *conn, uint64_t now_ms)
{
    int rc = cmx_conn_proxy_step(conn, now_ms);
    if (rc == CMX_AGAIN) {
        return CMX_OK;
    }
    return rc != CMX_OK ? rc : start_session(conn, now_ms);
}

static int step_connect(cmx_conn *conn, uint64_t now_ms)
{
    int rc = cmx_conn_race_step(conn, now_ms);
    if (rc == CMX_AGAIN) {
        return CMX_OK;
    }
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_conn_log(conn, CMX_LOG_CONNECTED, now_ms - conn->dialed_ms, 0);
    conn->env->connections_total++;
    conn->writable = true;
    if (conn->target->proxy.is_on) {
        cmx_conn_proxy_open(conn, now_ms);
        return step_proxy(conn, now_ms);
    }
    return start_session(conn, now_ms);
}

static int step_resolve(cmx_conn *conn, uint64_t now_ms)
{
    cmx_address found[CMX_EYEBALLS_SORTED_MAX];
    size_t count = 0;
    int rc = conn->env->port->resolve_poll(conn->env->port_state, conn->query, found,
                                           CMX_ARRAY_LEN(found), &count);
    if (rc == CMX_AGAIN) {
        return CMX_OK;
    }
    /* A final answer ended the query: nothing is left to cancel when the row is closed. */
    cmx_conn_set_state(conn, CMX_CONN_AWAIT_CONNECT, now_ms);
    if (rc != CMX_OK) {
        return rc;
    }
    if (count == 0 || count > CMX_ARRAY_LEN(found)) {
        return CMX_ERR_PORT;
    }
    cmx_conn_race_init(conn, found, count);
    return step_connect(conn, now_ms);
}

int cmx_conn_dial_start(cmx_conn *conn, uint32_t origin, cmx_conn_target *target, uint64_t now_ms)
{
    CMX_ASSERT(conn->state == CMX_CONN_CLOSED);
    conn->origin = origin;
    conn->target = target;
    conn->dialed_ms = now_ms;
    conn->tls_error = 0;
    conn->unread_total_ms = 0;
    conn->drained_ms = now_ms;

    if (target->address_known) {
        cmx_address known = target->address;
        cmx_conn_race_init(conn, &known, 1);
        cmx_conn_set_state(conn, CMX_CONN_AWAIT_CONNECT, now_ms);
        return step_connect(conn, now_ms);
    }
    bool is_proxied = target->proxy.is_on; /* then the origin's name is the proxy's affair */
    const char *host = is_proxied ? target->proxy.host : target->url.host;
    uint16_t port = is_proxied ? target->proxy.port : target->url.port;
    if (cmx_lines_on(conn->env->lines)) {
        cmx_conn_trace_resolve(conn->env->lines, conn->index, host);
    }
    int rc = conn->env->port->resolve_start(conn->env->port_state, host, port, &conn->query);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_conn_set_state(conn, CMX_CONN_AWAIT_ADDRESS, now_ms);
    return CMX_OK;
}

int cmx_conn_dial_step(cmx_conn *conn, uint64_t now_ms)
{
    switch ((enum cmx_conn_state)conn->state) {
    case CMX_CONN_AWAIT_ADDRESS:
        return step_resolve(conn, now_ms);
    case CMX_CONN_AWAIT_CONNECT:
        return step_connect(conn, now_ms);
    case CMX_CONN_AWAIT_PROXY:
        return step_proxy(conn, now_ms);
    case CMX_CONN_AWAIT_HANDSHAKE:
        return step_handshake(conn, now_ms);
    case CMX_CONN_CLOSED:
    case CMX_CONN_AWAIT_SETTINGS:
    case CMX_CONN_OPEN:
    case CMX_CONN_DRAINING:
    case CMX_CONN_STATE_COUNT:
        return CMX_OK;
    }
    CMX_UNREACHABLE();
}
