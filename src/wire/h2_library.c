/* SPDX-License-Identifier: MIT */
/*
 * Callbacks and options. A callback finds its stream by its id; a stream that ended or was
 * cancelled is not found, and its late DATA is credited here, so that the connection's window never
 * leaks. An END is recorded at END_STREAM and not when the library closes the stream: it closes it
 * without an error on RST_STREAM(NO_ERROR) as well, which is a truncated answer.
 */
#include "wire/h2_library.h"

#include "text/httpdate.h"
#include "wire/h2_stream.h"

#include <nghttp2/nghttp2.h>

enum {
    FIELD_OVERHEAD_BYTES = 32, /* of each field, RFC 9113 6.5.2 */
    STATUS_DIGITS = 3,
    SETTINGS_ENTRIES_MAX = 32,  /* of one frame */
    CONTINUATIONS_MAX = 8,      /* of one head */
    GLITCHES_BURST_MAX = 500,   /* faults of the server that a session survives, at once... */
    GLITCHES_PER_S = 50,        /* ...and for ever */
    STREAMS_ASSUMED_MAX = 1024, /* the library's assumption; cmx_h2_room() goes by ours */
    OWN_TABLE_SHARE =
        4, /* our few fields need less room than the server's, and each costs memory */
};

/* The callbacks of one frame are of one stream: the library is asked once for all of them. */
static cmx_h2_stream *find_stream(cmx_h2 *h2, nghttp2_session *session, int32_t stream_id)
{
    if (h2->found == NULL || h2->found->id != stream_id) {
        h2->found = nghttp2_session_get_stream_user_data(session, stream_id);
    }
    return h2->found;
}

/* Gives back what waits in the library for a permission that may not come. */
static void return_unsent(cmx_h2 *h2)
{
    while (h2->unsent_streams.first != NULL) { /* cmx_h2_stream_end() takes it out */
        cmx_h2_stream *stream = h2->unsent_streams.first;
        cmx_h2_stream_reset(h2, stream, NGHTTP2_CANCEL);
        cmx_h2_stream_end(h2, stream, NGHTTP2_REFUSED_STREAM);
    }
}

static void finish_stream(cmx_h2 *h2, cmx_h2_stream *stream)
{
    const cmx_source *source = stream->source;

    stream->flags |= CMX_H2_STREAM_COMPLETE;
    if (source != NULL && stream->uploaded_bytes < source->length) {
        /* The answer is here, nobody reads the rest of our body: RFC 9113, 8.1. */
        cmx_h2_stream_reset(h2, stream, NGHTTP2_NO_ERROR);
    }
    cmx_h2_stream_end(h2, stream, NGHTTP2_NO_ERROR);
}

/* The media type without its parameters. */
static enum cmx_h2_content classify_content(const uint8_t *value, size_t value_len)
{
    static const char event_stream[] = "text/event-stream";
    static const char json[] = "application/json";
    static const char json_suffix[] = "+json";
    const size_t suffix_len = sizeof(json_suffix) - 1;
    size_t len = 0;

    if (value_len == sizeof(json) - 1 && memcmp(value, json, value_len) == 0) {
        return CMX_H2_CONTENT_JSON; /* as most servers say it */
    }
    while (len < value_len && value[len] != ';' && value[len] != ' ' && value[len] != '\t') {
        len++;
    }
    if (len == sizeof(event_stream) - 1 &&
        cmx_view_begins((cmx_view){value, len}, event_stream, len)) {
        return CMX_H2_CONTENT_EVENT_STREAM;
    }
    if (len == sizeof(json) - 1 && cmx_view_begins((cmx_view){value, len}, json, len)) {
        return CMX_H2_CONTENT_JSON;
    }
    if (len > suffix_len && cmx_view_begins((cmx_view){value + len - suffix_len, suffix_len},
                                            json_suffix, suffix_len)) {
        return CMX_H2_CONTENT_JSON;
    }
    return CMX_H2_CONTENT_OTHER;
}

/* Puts a text into the head's room at `at`, before what follows there; `max` bytes of it. Returns
 * the bytes kept. What does not fit behind it is cut. */
static uint8_t insert_text(cmx_h2_head *head, size_t at, cmx_view value, size_t max)
{
    size_t room = sizeof(head->text) - at;
    size_t len = value.len < max ? value.len : max;
    len = len < room ? len : room;

    if (head->request_id_len + head->location_len > at) {
        memmove(head->text + at + len, head->text + at, room - len);
    }
    for (size_t i = at; i < at + len; i++) {
        uint8_t byte = *value.data++;
        head->text[i] = (char)byte;
        if (byte < ' ' || byte > '~') {
            head->text[i] = '?';
        }
    }
    return (uint8_t)len;
}

static void keep_request_id(cmx_h2_head *head, cmx_view value)
{
    if (head->request_id_len > 0) {
        return; /* the first one counts */
    }
    head->request_id_len = insert_text(head, 0, value, CMX_H2_REQUEST_ID_BYTES_MAX);
    size_t room = sizeof(head->text) - head->request_id_len;
    if (head->location_len > room) {
        head->location_len = (uint8_t)room;
    }
}

/* The library puts :status before all other fields. */
static void keep_location(cmx_h2_head *head, cmx_view value)
{
    if (head->status >= 300 && head->status <= 399 && head->location_len == 0) {
        head->location_len = insert_text(head, head->request_id_len, value, sizeof(head->text));
    }
}

static void keep_field(cmx_h2_head *head, cmx_view name, cmx_view value)
{
    if (cmx_view_equal(name, CMX_VIEW_LITERAL(":status")) && value.len == STATUS_DIGITS) {
        /* The library has checked that these are digits. */
        head->status = (uint16_t)((value.data[0] - '0') * 100 + (value.data[1] - '0') * 10 +
                                  (value.data[2] - '0'));
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL("content-type"))) {
        head->content = (uint8_t)classify_content(value.data, value.len);
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL("x-request-id"))) {
        keep_request_id(head, value);
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL("location"))) {
        keep_location(head, value);
    }
}

/* What a head says of limits and of trying again. Where the device's clock is not set, the server's
 * `date` serves, if it comes before the date that it is for. */
static void keep_policy(cmx_h2 *h2, cmx_h2_stream *stream, cmx_view name, cmx_view value)
{
    bool has_date = h2->date_stream == stream->id;
    int64_t now_ms = h2->now_unix_ms == 0 && has_date ? h2->date_unix_ms : h2->now_unix_ms;
    int64_t date_s = 0;

    if (cmx_rate_headers_wants(name)) {
        if (h2->rates_stream != stream->id) {
            h2->rates = (cmx_rate_headers){.window_ms = 0};
            h2->rates_stream = stream->id;
        }
        cmx_rate_headers_feed(&h2->rates, name, value, now_ms);
    } else if (stream->head.status >= 300) {
        cmx_retry_after_feed(&stream->head.after, name, value, now_ms);
    }
    if (h2->now_unix_ms == 0 && cmx_view_equal(name, CMX_VIEW_LITERAL("date")) &&
        cmx_httpdate_read(value, 0, &date_s)) {
        h2->date_stream = stream->id;
        h2->date_unix_ms = date_s * 1000;
    }
}

static int record_frame_start(nghttp2_session *session, const nghttp2_frame_hd *head,
                              void *user_data)
{
    cmx_h2 *h2 = user_data;

    (void)session;
    h2->frames_received++;
    if (cmx_lines_on(h2->trace.lines)) {
        cmx_h2_trace_start(&h2->trace, head);
    }
    return 0;
}

static int record_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                        void *user_data)
{
    cmx_h2 *h2 = user_data;
    cmx_h2_stream *stream = find_stream(h2, session, frame->hd.stream_id);
    size_t field_bytes = name_len + value_len + FIELD_OVERHEAD_BYTES;

    (void)flags;
    if (cmx_lines_on(h2->trace.lines)) {
        cmx_h2_trace_field(&h2->trace, false, (cmx_view){name, name_len},
                           (cmx_view){value, value_len});
    }
    if (stream == NULL) {
        return 0;
    }
    if (field_bytes > h2->head_bytes_max - stream->head_bytes) {
        stream->source_error = CMX_ERR_HEAD_LARGE;
        cmx_h2_stream_reset(h2, stream, NGHTTP2_CANCEL);
        cmx_h2_stream_end(h2, stream, NGHTTP2_CANCEL);
        return 0;
    }
    stream->head_bytes += (uint32_t)field_bytes;
    if ((stream->flags & CMX_H2_STREAM_HEAD_SEEN) == 0) {
        keep_field(&stream->head, (cmx_view){name, name_len}, (cmx_view){value, value_len});
        keep_policy(h2, stream, (cmx_view){name, name_len}, (cmx_view){value, value_len});
    }
    return 0;
}

static int lend_data(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                     const uint8_t *data, size_t len, void *user_data)
{
    cmx_h2 *h2 = user_data;
    cmx_h2_stream *stream = find_stream(h2, session, stream_id);

    (void)flags;
    if (stream == NULL) {
        if (nghttp2_session_consume_connection(session, len) != 0) {
            h2->failure = CMX_ERR_NO_MEMORY;
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        return 0;
    }
    h2->data_stream = stream;
    h2->data = (cmx_view){data, len};
    h2->paused = true;
    return NGHTTP2_ERR_PAUSE;
}

static void record_headers(cmx_h2 *h2, nghttp2_session *session, const nghttp2_frame *frame)
{
    cmx_h2_stream *stream = find_stream(h2, session, frame->hd.stream_id);

    if (stream == NULL) {
        return;
    }
    if ((stream->flags & CMX_H2_STREAM_HEAD_SEEN) == 0) {
        if (stream->head.status < 200) { /* 1xx is no answer; its fields count all the same */
            stream->head = (cmx_h2_head){0};
            return;
        }
        cmx_h2_stream_note_head(h2, stream);
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        finish_stream(h2, stream);
    }
}

static void record_data_end(cmx_h2 *h2, nghttp2_session *session, int32_t stream_id)
{
    cmx_h2_stream *stream = find_stream(h2, session, stream_id);

    if (stream != NULL) {
        finish_stream(h2, stream);
    }
}

static void record_settings(cmx_h2 *h2, nghttp2_session *session)
{
    h2->settings_received = true;
    if (h2->active >
        nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)) {
        return_unsent(h2);
    }
}

/* Up to 16 KiB of anything come with a GOAWAY: only a word is kept, and compared with words. */
static void keep_debug_data(cmx_h2 *h2, const nghttp2_goaway *goaway)
{
    size_t len = goaway->opaque_data_len;

    len = len < sizeof(h2->goaway_debug) ? len : sizeof(h2->goaway_debug);
    if (len > 0) {
        memcpy(h2->goaway_debug, goaway->opaque_data, len);
    }
    h2->goaway_debug_len = (uint8_t)len;
}

static void record_goaway(cmx_h2 *h2, const nghttp2_goaway *goaway)
{
    h2->goaway_received = true;
    if (goaway->last_stream_id < h2->goaway_last_id) {
        h2->goaway_last_id = goaway->last_stream_id;
    }
    if (h2->goaway_code == NGHTTP2_NO_ERROR) {
        h2->goaway_code = goaway->error_code;
        keep_debug_data(h2, goaway);
    }
    return_unsent(h2);
}

static int record_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    cmx_h2 *h2 = user_data;

    if (cmx_lines_on(h2->trace.lines)) {
        cmx_h2_trace_received(&h2->trace, frame);
    }
    if (frame->hd.type == NGHTTP2_DATA) {
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            record_data_end(h2, session, frame->hd.stream_id);
        }
    } else if (frame->hd.type == NGHTTP2_HEADERS) {
        record_headers(h2, session, frame);
    } else if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
        record_settings(h2, session);
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        h2->pings_acked++;
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        record_goaway(h2, &frame->goaway);
    }
    return 0;
}

static int record_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                        void *user_data)
{
    cmx_h2 *h2 = user_data;
    cmx_h2_stream *stream = find_stream(h2, session, stream_id);

    if (stream != NULL) {
        cmx_h2_stream_end(h2, stream, error_code);
    }
    return 0;
}

static int record_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    cmx_h2 *h2 = user_data;

    if (cmx_lines_on(h2->trace.lines)) {
        cmx_h2_trace_sent(&h2->trace, frame);
    }
    if (frame->hd.type == NGHTTP2_HEADERS) {
        cmx_h2_stream *stream = find_stream(h2, session, frame->hd.stream_id);
        h2->unsent_headers--;
        if (stream != NULL) {
            cmx_h2_stream_unwait(h2, stream);
        }
    } else if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
        h2->terminated = true;
        h2->tables_broken = frame->goaway.error_code == NGHTTP2_COMPRESSION_ERROR;
    }
    return 0;
}

/* The END follows at once: the library closes the stream that it opened for these HEADERS. */
static int record_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error,
                           void *user_data)
{
    cmx_h2 *h2 = user_data;

    (void)session;
    (void)error;
    if (frame->hd.type == NGHTTP2_HEADERS) {
        h2->unsent_headers--;
    }
    return 0;
}

static int record_bad_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *user_data)
{
    const cmx_h2 *h2 = user_data;

    (void)session;
    if (cmx_lines_on(h2->trace.lines)) {
        cmx_h2_trace_refused(&h2->trace, frame, error);
    }
    return 0;
}

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, record_frame_start);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, record_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, lend_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, record_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, record_bad_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, record_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, record_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, record_not_sent);
}

static void set_options(nghttp2_option *option)
{
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, STREAMS_ASSUMED_MAX);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    nghttp2_option_set_max_outbound_ack(option, CMX_H2_ACKS_MAX);
    nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
    nghttp2_option_set_glitch_rate_limit(option, GLITCHES_BURST_MAX, GLITCHES_PER_S);
}

void cmx_h2_library_set_tables(cmx_h2_library *library, uint32_t table_bytes)
{
    library->table_bytes = table_bytes;
    /* Whatever larger table the server allows. */
    nghttp2_option_set_max_deflate_dynamic_table_size(library->option,
                                                      table_bytes / OWN_TABLE_SHARE);
}

int cmx_h2_library_init(cmx_h2_library *library, uint32_t streams_before_settings)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;

    *library = (cmx_h2_library){0};
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return CMX_ERR_NO_MEMORY;
    }
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return CMX_ERR_NO_MEMORY;
    }
    set_callbacks(callbacks);
    set_options(option);
    library->streams_before_settings = streams_before_settings;
    library->callbacks = callbacks;
    library->option = option;
    cmx_h2_library_set_tables(library, CMX_H2_TABLE_BYTES_MAX);
    return CMX_OK;
}

void cmx_h2_library_deinit(cmx_h2_library *library)
{
    nghttp2_session_callbacks_del(library->callbacks);
    nghttp2_option_del(library->option);
    *library = (cmx_h2_library){0};
}
