/* SPDX-License-Identifier: MIT */
/*
 * The hands of the race: which address is next, and when one took too long, is eyeballs.c's. The
 * first socket that connects wins; the loser is closed at once, so that a server that is merely
 * slow is not left with a connection that nobody uses. See conn_race.h.
 */
#include "wire/conn_race.h"

#include "wire/conn_trace.h"

void cmx_conn_race_init(cmx_conn *conn, cmx_address *found, size_t count)
{
    CMX_ASSERT(count >= 1 && count <= CMX_EYEBALLS_SORTED_MAX);
    /* What worked last time goes first; before that the resolver knows best. */
    uint8_t family = conn->target->family_won;
    cmx_eyeballs_order(found, (uint32_t)count, family != 0 ? family : found[0].family);
    size_t kept = count < CMX_CONN_ADDRESSES_MAX ? count : CMX_CONN_ADDRESSES_MAX;
    memcpy(conn->addresses, found, kept * sizeof *found);
    cmx_eyeballs_init(&conn->race, (uint32_t)kept);
    conn->last_error = CMX_ERR_NETWORK;
}

/* The try of an address failed: the next one need not wait. */
static void note_failure(cmx_conn *conn, uint32_t index, int status)
{
    conn->last_error = status < 0 ? status : CMX_ERR_PORT;
    cmx_eyeballs_on_failure(&conn->race, index);
}

static void open_try(cmx_conn *conn, uint32_t index)
{
    cmx_conn_env *env = conn->env;
    const cmx_address *address = &conn->addresses[index];
    const cmx_socket_options options = {
        .hook = conn->target->hook,
        .hook_user = conn->target->hook_user,
        .user_timeout_ms = env->config->write_timeout_ms,
    };
    uint32_t socket = 0;
    int rc = env->port->socket_open(env->port_state, address, &options, &socket);
    if (rc != CMX_OK) {
        note_failure(conn, index, rc);
        return;
    }
    cmx_conn_try *at = conn->tries;
    while (at->socket != CMX_CONN_SOCKET_NONE) {
        at++;
        CMX_ASSERT(at < conn->tries + CMX_CONN_RACING_MAX);
    }
    at->socket = socket;
    at->index = index;
    at->is_ready = false;
    cmx_conn_log(conn, CMX_LOG_DIAL, address->family, address->port);
    if (cmx_lines_on(env->lines)) {
        cmx_conn_trace_dial(env->lines, conn->index, address);
    }
    env->port->socket_want(env->port_state, socket, CMX_SOCKET_WRITE);
}

/* The race knows already that this address took too long. */
static void expire_try(cmx_conn *conn, uint32_t index)
{
    for (uint32_t i = 0; i < CMX_CONN_RACING_MAX; i++) {
        if (conn->tries[i].index == index) {
            cmx_conn_close_socket(conn, &conn->tries[i].socket);
        }
    }
    conn->last_error = CMX_ERR_TIMEOUT_CONNECT;
}

/* Returns true if one of the sockets that are ready has connected: the connection's from now on. */
static bool has_winner(cmx_conn *conn)
{
    for (uint32_t i = 0; i < CMX_CONN_RACING_MAX; i++) {
        cmx_conn_try *at = &conn->tries[i];
        if (at->socket == CMX_CONN_SOCKET_NONE || !at->is_ready) {
            continue;
        }
        at->is_ready = false;
        int rc = conn->env->port->socket_connected(conn->env->port_state, (uint32_t)at->socket);
        if (rc == CMX_OK) {
            conn->target->family_won = conn->addresses[at->index].family;
            conn->socket = at->socket;
            at->socket = CMX_CONN_SOCKET_NONE;
            cmx_conn_close_tries(conn);
            return true;
        }
        if (rc != CMX_AGAIN) {
            cmx_conn_close_socket(conn, &at->socket);
            note_failure(conn, at->index, rc);
        }
    }
    return false;
}

int cmx_conn_race_step(cmx_conn *conn, uint64_t now_ms)
{
    const cmx_eyeballs_limits limits = {
        .delay_ms = conn->env->config->attempt_delay_ms,
        .timeout_ms = conn->env->config->connect_timeout_ms,
        .racing_max = CMX_CONN_RACING_MAX,
    };

    if (has_winner(conn)) {
        return CMX_OK;
    }
    for (;;) { /* each address starts once and ends once, then it waits or gives up */
        uint32_t index = 0;
        switch (cmx_eyeballs_step(&conn->race, &limits, now_ms, &index, &conn->due_ms)) {
        case CMX_EYEBALLS_START:
            open_try(conn, index);
            continue;
        case CMX_EYEBALLS_EXPIRE:
            expire_try(conn, index);
            continue;
        case CMX_EYEBALLS_WAIT:
            return CMX_AGAIN;
        case CMX_EYEBALLS_GIVE_UP:
            return conn->last_error;
        }
        CMX_UNREACHABLE();
    }
}
