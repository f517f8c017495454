/* SPDX-License-Identifier: MIT */
/*
 * Connections and sessions of the simulated server; see server.h. Requests are collected here, what
 * is answered is decided in server_answer.c.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_BYTES_MAX = 1 << 22 };

static bool equals(const uint8_t *bytes, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static void copy_text(char *out, size_t capacity, const uint8_t *bytes, size_t len)
{
    len = len < capacity - 1 ? len : capacity - 1;
    memcpy(out, bytes, len);
    out[len] = '\0';
}

static void check_forbidden(const sim_server *server, const uint8_t *bytes, size_t len)
{
    if (server->forbidden != NULL &&
        memmem(bytes, len, server->forbidden, strlen(server->forbidden)) != NULL) {
        sim_fail(server->world, "a key reached a server that it is not for");
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    sim_conn *conn = user;
    sim_stream_row *stream;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        abort();
    }
    stream->conn = conn;
    stream->id = frame->hd.stream_id;
    stream->next = conn->server->streams;
    conn->server->streams = stream;
    conn->server->streams_open++;
    conn->streams++;
    if (conn->streams > conn->server->streams_peak) {
        conn->server->streams_peak = conn->streams;
    }
    return nghttp2_session_set_stream_user_data(session, stream->id, stream);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    sim_stream_row *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    const sim_server *server = ((sim_conn *)user)->server;

    (void)flags;
    check_forbidden(server, value, value_len);
    if (stream == NULL) {
        return 0;
    }
    if (equals(name, name_len, ":method")) {
        copy_text(stream->method, sizeof stream->method, value, value_len);
    } else if (equals(name, name_len, ":path")) {
        copy_text(stream->path, sizeof stream->path, value, value_len);
    } else if (equals(name, name_len, "authorization") && server->key != NULL) {
        stream->is_authorized = value_len == 7 + strlen(server->key) &&
                                memcmp(value, "Bearer ", 7) == 0 &&
                                memcmp(value + 7, server->key, value_len - 7) == 0;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *user)
{
    sim_stream_row *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    check_forbidden(((sim_conn *)user)->server, data, len);
    if (stream == NULL) {
        return 0;
    }
    if (stream->body_len + len > BODY_BYTES_MAX) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (stream->body_len + len + 1 > stream->body_capacity) {
        stream->body_capacity = 2 * (stream->body_len + len) + 256;
        stream->body = realloc(stream->body, stream->body_capacity);
        if (stream->body == NULL) {
            abort();
        }
    }
    memcpy(stream->body + stream->body_len, data, len);
    stream->body_len += len;
    stream->body[stream->body_len] = '\0';
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    sim_conn *conn = user;
    sim_stream_row *stream;

    sim_note(conn->server->world, "server frame", frame->hd.type, (uint64_t)frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        conn->server->resets_received++;
        return 0;
    }
    if (frame->hd.type == NGHTTP2_PING) {
        bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
        conn->server->pings_acked += is_ack ? 1 : 0;
        conn->server->pings_received += is_ack ? 0 : 1;
        return 0;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR &&
        !conn->server->is_blamed) {
        sim_fail(conn->server->world, "the client sent GOAWAY with error %u",
                 (unsigned)frame->goaway.error_code);
        return 0;
    }
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        return 0;
    }
    stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (stream != NULL) {
        conn->server->requests++;
        sim_stream_answer(stream);
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *user)
{
    const sim_conn *conn = user;

    (void)session;
    /* A stream above the limit of SETTINGS that are not acknowledged yet is no error. */
    if (error != NGHTTP2_ERR_REFUSED_STREAM) {
        sim_fail(conn->server->world, "the server got an invalid frame of type %u: %s",
                 (unsigned)frame->hd.type, nghttp2_strerror(error));
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    sim_stream_row *stream = nghttp2_session_get_stream_user_data(session, id);
    sim_conn *conn = user;

    sim_note(conn->server->world, "server stream end", (uint64_t)id, code);
    if (stream != NULL) {
        stream->is_closed = true;
        conn->server->streams_open--;
        conn->streams--;
    }
    return 0;
}

static void end_conn(sim_conn *conn)
{
    if (conn->is_over) {
        return;
    }
    conn->is_over = true;
    conn->server->connections_open--;
    for (sim_stream_row *row = conn->server->streams; row != NULL; row = row->next) {
        if (row->conn == conn && !row->is_closed) {
            row->is_closed = true;
            conn->server->streams_open--;
        }
    }
}

void sim_conn_pump(sim_conn *conn)
{
    if (conn->is_over || conn->is_mute || conn->is_pumping || conn->session == NULL) {
        return;
    }
    conn->is_pumping = true;
    for (;;) {
        const uint8_t *bytes;
        nghttp2_ssize len = nghttp2_session_mem_send2(conn->session, &bytes);
        if (len < 0) {
            sim_fail(conn->server->world, "the server cannot send: %s", nghttp2_strerror((int)len));
        }
        if (len <= 0) {
            break;
        }
        sim_link_send(conn->link, bytes, (size_t)len);
    }
    conn->is_pumping = false;
    if (nghttp2_session_want_read(conn->session) == 0 &&
        nghttp2_session_want_write(conn->session) == 0) {
        sim_link_fin(conn->link);
        end_conn(conn);
    }
}

/* Not at once: as a server that waits for another request. */
static void close_http1(void *ctx, uint64_t arg)
{
    sim_conn *conn = ctx;

    (void)arg;
    if (!conn->is_over) {
        sim_link_fin(conn->link);
        end_conn(conn);
    }
}

static void conn_received(void *ctx, const uint8_t *bytes, size_t len)
{
    static const char http1[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    sim_conn *conn = ctx;
    nghttp2_ssize used;

    if (conn->is_over || conn->kind == SIM_SERVER_MUTE) {
        return;
    }
    if (conn->kind == SIM_SERVER_HTTP1) {
        sim_link_send(conn->link, (const uint8_t *)http1, sizeof http1 - 1);
        sim_world_after(conn->server->world, 100, close_http1, conn, 0);
        return;
    }
    conn->is_pumping = true; /* answers wait until all input was read */
    used = nghttp2_session_mem_recv2(conn->session, bytes, len);
    conn->is_pumping = false;
    if (used != (nghttp2_ssize)len) {
        sim_fail(conn->server->world, "the server does not understand the client: %s",
                 nghttp2_strerror((int)used));
        return;
    }
    sim_conn_pump(conn);
}

static void conn_closed(void *ctx)
{
    end_conn(ctx);
}

static void send_settings(void *ctx, uint64_t arg)
{
    sim_conn *conn = ctx;
    const sim_server *server = conn->server;
    nghttp2_settings_entry settings[2] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server->streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, server->window_bytes},
    };

    (void)arg;
    if (!conn->is_over) {
        (void)nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, settings,
                                      server->window_bytes == 0 ? 1 : 2);
        sim_conn_pump(conn);
        sim_link_stop_reading(conn->link, false);
    }
}

static void conn_opened(void *ctx, sim_link *link)
{
    sim_conn *conn = ctx;

    if (conn->kind == SIM_SERVER_HONEST) {
        /* Nothing may be sent before the SETTINGS, so nothing is read, either. */
        sim_link_stop_reading(link, true);
        sim_world_after(conn->server->world, conn->server->settings_ms, send_settings, conn, 0);
    }
}

static void open_session(sim_conn *conn)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        abort();
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    if (nghttp2_session_server_new(&conn->session, callbacks, conn) != 0) {
        abort();
    }
    nghttp2_session_callbacks_del(callbacks);
}

void sim_server_init(sim_server *server, sim_world *world)
{
    memset(server, 0, sizeof *server);
    server->world = world;
    server->streams_max = 100;
}

void sim_server_deinit(sim_server *server)
{
    while (server->conns != NULL) {
        sim_conn *conn = server->conns;
        server->conns = conn->next;
        nghttp2_session_del(conn->session);
        free(conn);
    }
    while (server->streams != NULL) {
        sim_stream_row *stream = server->streams;
        server->streams = stream->next;
        free(stream->body);
        free(stream->out);
        free(stream);
    }
}

sim_peer sim_server_accept(void *ctx, sim_link *link)
{
    sim_server *server = ctx;
    sim_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL) {
        abort();
    }
    conn->server = server;
    conn->kind = server->kind;
    conn->link = link;
    conn->next = server->conns;
    server->conns = conn;
    server->connections++;
    server->connections_open++;
    open_session(conn);
    return (sim_peer){
        .opened = conn_opened, .received = conn_received, .closed = conn_closed, .ctx = conn};
}

void sim_server_script(sim_server *server, const sim_script *script)
{
    if (server->script_count == SIM_SCRIPTS_MAX) {
        abort();
    }
    server->scripts[server->script_count++] = *script;
}
