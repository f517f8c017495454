/* SPDX-License-Identifier: MIT */
/*
 * The pump of one connection. On the way in one large recv fills `received`, one record at a time
 * is decrypted into `plain`, and HTTP/2 is fed from there until it lends a chunk. On the way out
 * frames are gathered into records, and nothing is encrypted that has no room in `to_send`: so the
 * TLS library never holds a half-written one.
 */
#include "wire/conn_pump.h"

enum {
    GATHER_ROOM_MIN = 2048, /* for less it is time to send */
    FILLS_PER_CALL = 32,    /* records decrypted without any item: control frames are not free */
};

int cmx_conn_pump_receive(cmx_conn *conn)
{
    if (!conn->readable) {
        return CMX_AGAIN;
    }
    cmx_buffer_compact(&conn->received);
    size_t room = cmx_buffer_room(&conn->received);
    if (room == 0) {
        return CMX_AGAIN;
    }

    size_t got = 0;
    int rc = conn->env->port->socket_recv(conn->env->port_state, (uint32_t)conn->socket,
                                          cmx_buffer_tail(&conn->received), room, &got);
    if (rc == CMX_OK) {
        /* Less than the room means dry for now; the port is level-triggered and says when not. It
         * is not asked while a socket rests, which must therefore be dry beyond doubt. */
        conn->readable = got == room || conn->env->config->coalesce_ms > 0;
        conn->env->bytes_received += got;
        conn->rx_bytes += got;
        cmx_buffer_filled(&conn->received, got);
        return CMX_OK;
    }
    conn->readable = false;
    if (rc == CMX_ERR_CLOSED && conn->tls.native != NULL) {
        conn->tls.peer_ended = true;
        return CMX_AGAIN;
    }
    return rc;
}

/* Brings more plaintext to the buffer that HTTP/2 is fed from. */
static int fill_plain(cmx_conn *conn)
{
    if (conn->target->trust == NULL) {
        return cmx_conn_pump_receive(conn);
    }
    for (;;) {
        size_t got = 0;
        int rc = cmx_tls_read(&conn->tls, cmx_buffer_tail(&conn->plain),
                              cmx_buffer_room(&conn->plain), &got);
        if (rc == CMX_OK) {
            cmx_buffer_filled(&conn->plain, got);
            return CMX_OK;
        }
        if (rc != CMX_AGAIN) {
            conn->tls_error = conn->tls.native_error;
            return rc;
        }
        bool had_ended = conn->tls.peer_ended;
        rc = cmx_conn_pump_receive(conn);
        bool just_ended = conn->tls.peer_ended && !had_ended;
        if (rc != CMX_OK && !just_ended) {
            return rc;
        }
    }
}

/* Feeds what is there and follows what the frames mean for the connection itself. */
static int feed_frames(cmx_conn *conn, cmx_buffer *in, uint64_t now_ms)
{
    size_t used = 0;
    int rc = cmx_h2_feed(&conn->h2, cmx_buffer_head(in), cmx_buffer_len(in), &used);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_buffer_skip(in, used);
    if (conn->state == CMX_CONN_AWAIT_SETTINGS && conn->h2.settings_received) {
        cmx_conn_set_state(conn, CMX_CONN_OPEN, now_ms);
        cmx_conn_log(conn, CMX_LOG_OPEN, now_ms - conn->dialed_ms, cmx_h2_peer_streams(&conn->h2));
    }
    if (conn->h2.goaway_received && cmx_conn_usable(conn)) {
        cmx_conn_set_state(conn, CMX_CONN_DRAINING, now_ms);
        cmx_conn_log(conn, CMX_LOG_GOAWAY, (uint64_t)conn->h2.goaway_last_id, conn->h2.goaway_code);
    }
    return CMX_OK;
}

int cmx_conn_pump_next(cmx_conn *conn, uint64_t now_ms, cmx_h2_item *item)
{
    cmx_buffer *in = conn->target->trust == NULL ? &conn->received : &conn->plain;

    for (unsigned fills = 0; fills < FILLS_PER_CALL;) {
        if (cmx_h2_next(&conn->h2, item) == CMX_OK) {
            return CMX_OK;
        }
        if (conn->feed_error != CMX_OK) {
            return conn->feed_error;
        }
        if (conn->h2.paused || cmx_buffer_len(in) > 0) {
            conn->feed_error = feed_frames(conn, in, now_ms);
            continue;
        }
        int rc = fill_plain(conn);
        if (rc == CMX_AGAIN) {
            cmx_conn_on_drained(conn, now_ms);
            return conn->send_error != CMX_OK ? conn->send_error : CMX_AGAIN;
        }
        if (rc != CMX_OK) {
            return rc;
        }
        fills++;
    }
    return CMX_AGAIN;
}

/* Returns whether frames may join what waits in `to_send`. */
static bool has_room(const cmx_conn *conn)
{
    return cmx_buffer_len(&conn->to_send) == 0 ||
           cmx_buffer_room(&conn->to_send) >= GATHER_ROOM_MIN;
}

/* Puts frames into `to_send`, as one record with TLS. Returns CMX_AGAIN if there were none. */
static int write_frames(cmx_conn *conn)
{
    cmx_conn_env *env = conn->env;
    size_t len = 0;
    if (conn->target->trust == NULL) {
        int rc = cmx_h2_write(&conn->h2, cmx_buffer_tail(&conn->to_send),
                              cmx_buffer_room(&conn->to_send), &len);
        cmx_buffer_filled(&conn->to_send, len);
        return rc != CMX_OK ? rc : (len == 0 ? CMX_AGAIN : CMX_OK);
    }
    size_t capacity = env->frames_capacity;
    if (cmx_buffer_len(&conn->to_send) > 0) {
        /* Half of the room is for what TLS has to say itself: no record may be cut. */
        size_t half = cmx_buffer_room(&conn->to_send) / 2;
        capacity = half < capacity ? half : capacity;
    }
    int rc = cmx_h2_write(&conn->h2, env->frames, capacity, &len);
    if (rc != CMX_OK) {
        return rc;
    }
    return len == 0 ? CMX_AGAIN : cmx_tls_write(&conn->tls, env->frames, len);
}

static void note_stall(cmx_conn *conn, uint64_t now_ms)
{
    if (conn->stalled_ms == UINT64_MAX && cmx_buffer_len(&conn->to_send) > 0) {
        conn->stalled_ms = now_ms - cmx_conn_unread_ms(conn, now_ms);
        if (conn->state >= CMX_CONN_OPEN) { /* before, the deadline of the state is sooner */
            uint64_t due_ms = cmx_conn_stall_due_ms(conn, now_ms);
            conn->due_ms = due_ms < conn->due_ms ? due_ms : conn->due_ms;
        }
    }
}

/* Gives the socket what is in `to_send`. Returns CMX_AGAIN if it is full or failed. */
static int send_buffer(cmx_conn *conn, uint64_t now_ms)
{
    size_t sent = 0;
    int rc = conn->env->port->socket_send(conn->env->port_state, (uint32_t)conn->socket,
                                          cmx_buffer_head(&conn->to_send),
                                          cmx_buffer_len(&conn->to_send), &sent);
    if (rc == CMX_OK) {
        conn->env->bytes_sent += sent;
        cmx_buffer_skip(&conn->to_send, sent);
        conn->stalled_ms = UINT64_MAX;
        return CMX_OK;
    }
    conn->writable = false;
    if (rc != CMX_AGAIN) {
        conn->send_error = rc;
        conn->readable = true;
        return CMX_AGAIN;
    }
    note_stall(conn, now_ms);
    return CMX_AGAIN;
}

/* The library has said goodbye to a server that broke the protocol while it was leaving: no later
 * input needs to come, so nobody else would notice. */
static void end_terminated(cmx_conn *conn, uint64_t now_ms)
{
    if (conn->h2.terminated && conn->feed_error == CMX_OK) {
        conn->feed_error = CMX_ERR_HTTP2;
        cmx_conn_on_input(conn, now_ms);
    }
}

/* Lets frames join `to_send` if there is room. Returns CMX_AGAIN if none did. */
static int gather_frames(cmx_conn *conn, uint64_t now_ms)
{
    if (conn->h2.session == NULL || !has_room(conn)) {
        return CMX_AGAIN;
    }
    int rc = write_frames(conn);
    end_terminated(conn, now_ms);
    if (conn->h2.news.first != NULL) {
        cmx_conn_on_input(conn, now_ms); /* writing may end streams: a body that failed */
    }
    return rc;
}

int cmx_conn_pump_gather(cmx_conn *conn, uint64_t now_ms)
{
    if (!has_room(conn)) {
        return cmx_conn_pump_flush(conn, now_ms);
    }
    int rc = gather_frames(conn, now_ms);
    return rc == CMX_AGAIN ? CMX_OK : rc;
}

int cmx_conn_pump_flush(cmx_conn *conn, uint64_t now_ms)
{
    int rc = CMX_OK;

    for (unsigned turn = 0; turn < CMX_CONN_WRITES_PER_TICK && conn->writable; turn++) {
        rc = gather_frames(conn, now_ms);
        if (rc < CMX_OK || cmx_buffer_len(&conn->to_send) == 0) {
            break;
        }
        rc = send_buffer(conn, now_ms);
        if (rc != CMX_OK) {
            break;
        }
    }
    if (conn->socket != CMX_CONN_SOCKET_NONE && conn->state > CMX_CONN_AWAIT_CONNECT) {
        cmx_conn_want(conn);
    }
    return rc == CMX_AGAIN ? CMX_OK : rc;
}

void cmx_conn_pump_goodbye(cmx_conn *conn, uint64_t now_ms)
{
    if (conn->h2.session != NULL) {
        cmx_h2_goodbye(&conn->h2);
        if (cmx_conn_pump_flush(conn, now_ms) == CMX_OK && conn->tls.native != NULL) {
            cmx_tls_notify_close(&conn->tls);
            /* Nothing depends on it: the socket is closed next, sent or not. */
            int ignored = cmx_conn_pump_flush(conn, now_ms);
            (void)ignored;
        }
    }
    cmx_conn_close(conn);
}
