/* SPDX-License-Identifier: MIT */
/*
 * The server side of the HTTP/2 tests. It may assert: its input is what chatmux wrote, and a frame
 * that a library session does not accept is a failed test.
 */
#include "unit/h2_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    FRAME_HEAD_BYTES = 9,
};

uint8_t h2_peer_pattern(int32_t stream_id, uint64_t offset)
{
    return (uint8_t)((uint64_t)stream_id * 37 + offset * 7 + offset / 251);
}

h2_peer_stream *h2_peer_find(h2_peer *peer, int32_t id)
{
    for (size_t i = 0; i < peer->stream_count; i++) {
        if (peer->streams[i].id == id) {
            return &peer->streams[i];
        }
    }
    return NULL;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    h2_peer *peer = user_data;

    (void)session;
    assert_true(peer->stream_count < H2_PEER_STREAMS_MAX);
    peer->streams[peer->stream_count++] =
        (h2_peer_stream){.id = frame->hd.stream_id, .content_length = -1};
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user_data)
{
    h2_peer_stream *stream = h2_peer_find(user_data, frame->hd.stream_id);

    (void)session;
    if (name_len == 14 && memcmp(name, "content-length", 14) == 0) {
        char digits[24] = {0};
        memcpy(digits, value, value_len < 23 ? value_len : 23);
        stream->content_length = strtol(digits, NULL, 10);
    }
    if (name_len == 7 && memcmp(name, "api-key", 7) == 0) {
        stream->secret_is_safe = (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t len, void *user_data)
{
    h2_peer_stream *stream = h2_peer_find(user_data, stream_id);

    (void)session;
    (void)flags;
    for (size_t i = 0; i < len; i++) {
        stream->wrong_bytes += data[i] != h2_peer_pattern(stream_id, stream->body_bytes + i);
    }
    stream->body_bytes += len;
    return 0;
}

static void note_settings(h2_peer *peer, const nghttp2_settings *settings)
{
    for (size_t i = 0; i < settings->niv; i++) {
        if (settings->iv[i].settings_id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE) {
            peer->initial_window = settings->iv[i].value;
        } else if (settings->iv[i].settings_id == NGHTTP2_SETTINGS_ENABLE_PUSH) {
            peer->push_allowed = settings->iv[i].value;
        } else if (settings->iv[i].settings_id == NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE) {
            peer->head_bytes_max = settings->iv[i].value;
        }
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    h2_peer *peer = user_data;
    h2_peer_stream *stream = h2_peer_find(peer, frame->hd.stream_id);

    (void)session;
    if (frame->hd.type == NGHTTP2_DATA && peer->data_frames < H2_PEER_ORDER_MAX) {
        peer->data_order[peer->data_frames++] = frame->hd.stream_id;
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        peer->goaway_received = true;
        peer->goaway_code = frame->goaway.error_code;
    } else if (frame->hd.type == NGHTTP2_RST_STREAM && stream != NULL) {
        stream->reset = true;
        stream->reset_code = frame->rst_stream.error_code;
    } else if (frame->hd.type == NGHTTP2_WINDOW_UPDATE && frame->hd.stream_id == 0) {
        peer->connection_credit += (uint64_t)frame->window_update.window_size_increment;
    } else if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
        note_settings(peer, &frame->settings);
    }
    if (stream != NULL && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        stream->ended = true;
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *user_data)
{
    (void)session;
    (void)frame;
    (void)user_data;
    fail_msg("the client sent an invalid frame: %s", nghttp2_strerror(error));
    return 0;
}

static nghttp2_ssize read_reply(nghttp2_session *session, int32_t stream_id, uint8_t *out,
                                size_t capacity, uint32_t *flags, nghttp2_data_source *source,
                                void *user_data)
{
    h2_peer_stream *stream = h2_peer_find(user_data, stream_id);
    size_t len = stream->reply_bytes < capacity ? (size_t)stream->reply_bytes : capacity;

    (void)session;
    (void)source;
    for (size_t i = 0; i < len; i++) {
        out[i] = h2_peer_pattern(stream_id, stream->reply_offset + i);
    }
    stream->reply_offset += len;
    stream->reply_bytes -= len;
    if (stream->reply_bytes == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (nghttp2_ssize)len;
}

void h2_peer_open(h2_peer *peer, const nghttp2_settings_entry *settings, size_t count)
{
    nghttp2_session_callbacks *callbacks;

    memset(peer, 0, sizeof(*peer));
    peer->push_allowed = 1;
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    assert_int_equal(nghttp2_session_server_new(&peer->session, callbacks, peer), 0);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE, settings, count), 0);
}

void h2_peer_close(h2_peer *peer)
{
    nghttp2_session_del(peer->session);
    peer->session = NULL;
}

void h2_peer_receive(h2_peer *peer, const uint8_t *bytes, size_t len)
{
    assert_int_equal(nghttp2_session_mem_recv2(peer->session, bytes, len), (long)len);
}

static void append(h2_peer *peer, const void *bytes, size_t len)
{
    assert_true(len <= H2_PEER_OUT_BYTES - peer->out_len);
    if (len > 0) {
        memcpy(peer->out + peer->out_len, bytes, len);
    }
    peer->out_len += len;
}

bool h2_peer_send(h2_peer *peer)
{
    size_t before = peer->out_len;
    const uint8_t *bytes;
    nghttp2_ssize len;

    while ((len = nghttp2_session_mem_send2(peer->session, &bytes)) > 0) {
        append(peer, bytes, (size_t)len);
    }
    assert_int_equal(len, 0);
    return peer->out_len > before;
}

void h2_peer_answer(h2_peer *peer, int32_t id, uint64_t body_bytes)
{
    uint8_t name[] = ":status";
    uint8_t value[] = "200";
    uint8_t type_name[] = "content-type";
    uint8_t type[] = "Text/Event-Stream; charset=utf-8";
    uint8_t id_name[] = "x-request-id";
    uint8_t request_id[] = "req-42";
    const nghttp2_nv fields[] = {{name, value, 7, 3, 0},
                                 {type_name, type, 12, sizeof(type) - 1, 0},
                                 {id_name, request_id, 12, 6, 0}};
    const nghttp2_data_provider2 provider = {{.ptr = NULL}, read_reply};
    h2_peer_stream *stream = h2_peer_find(peer, id);

    assert_non_null(stream);
    stream->reply_bytes = body_bytes;
    assert_int_equal(
        nghttp2_submit_response2(peer->session, id, fields, 3, body_bytes > 0 ? &provider : NULL),
        0);
}

void h2_peer_frame_bytes(h2_peer *peer, const uint8_t head[9], const void *payload, size_t len)
{
    append(peer, head, FRAME_HEAD_BYTES);
    append(peer, payload, len);
}

static void frame(h2_peer *peer, const uint8_t kind[2], int32_t id, const void *payload, size_t len)
{
    const uint32_t word = (uint32_t)id;
    const uint8_t head[FRAME_HEAD_BYTES] = {
        (uint8_t)(len >> 16),  (uint8_t)(len >> 8),   (uint8_t)len,         kind[0],      kind[1],
        (uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word};

    h2_peer_frame_bytes(peer, head, payload, len);
}

void h2_peer_frame(h2_peer *peer, uint8_t type, uint8_t flags, int32_t id, const char *payload)
{
    frame(peer, (const uint8_t[]){type, flags}, id, payload, strlen(payload));
}

/* A literal that is not indexed: the tables of both sides stay as they are. */
static size_t put_field(uint8_t *out, const char *name, const char *value)
{
    size_t name_len = strlen(name);
    size_t value_len = strlen(value);

    assert_true(name_len < 127 && value_len < 127);
    out[0] = 0;
    out[1] = (uint8_t)name_len;
    memcpy(out + 2, name, name_len);
    out[2 + name_len] = (uint8_t)value_len;
    memcpy(out + 3 + name_len, value, value_len);
    return 3 + name_len + value_len;
}

void h2_peer_head(h2_peer *peer, int32_t id, uint8_t flags, const char *status,
                  const char *const field[2])
{
    uint8_t block[512];
    size_t len = 0;

    block[len++] =
        0x20; /* no table, as must be said to who allows less than 4,096: RFC 7541, 4.2 */
    if (status != NULL) {
        len += put_field(block + len, ":status", status);
    }
    if (field != NULL) {
        len += put_field(block + len, field[0], field[1]);
    }
    frame(peer, (const uint8_t[]){NGHTTP2_HEADERS, (uint8_t)(flags | NGHTTP2_FLAG_END_HEADERS)}, id,
          block, len);
}

void h2_peer_reset(h2_peer *peer, int32_t id, uint32_t code)
{
    const uint8_t payload[] = {(uint8_t)(code >> 24), (uint8_t)(code >> 16), (uint8_t)(code >> 8),
                               (uint8_t)code};

    frame(peer, (const uint8_t[]){NGHTTP2_RST_STREAM, 0}, id, payload, sizeof(payload));
}

void h2_peer_goaway(h2_peer *peer, int32_t last_id, uint32_t code)
{
    const uint32_t last = (uint32_t)last_id;
    const uint8_t payload[] = {(uint8_t)(last >> 24), (uint8_t)(last >> 16), (uint8_t)(last >> 8),
                               (uint8_t)last,         (uint8_t)(code >> 24), (uint8_t)(code >> 16),
                               (uint8_t)(code >> 8),  (uint8_t)code};

    frame(peer, (const uint8_t[]){NGHTTP2_GOAWAY, 0}, 0, payload, sizeof(payload));
}
