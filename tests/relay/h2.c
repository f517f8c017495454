/* SPDX-License-Identifier: MIT */
/*
 * Session callbacks: they collect a request into its stream, and count. nghttp2 checks the
 * messages, refuses streams above the limit and returns windows by itself; what a fault bends is
 * marked in relay_link.
 * In: frames. Out: calls into stream.c. Must not decide what is answered.
 */
#include "h2.h"

#include <string.h>

#define RESETS_BURST 1000000
#define RESETS_PER_S 1000000
#define FAREWELL_US 200000 /* more than a round trip */

static bool equals(const uint8_t *data, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(data, text, len) == 0;
}

static void copy_text(char *out, size_t max, const uint8_t *value, size_t value_len)
{
    const size_t len = value_len < max ? value_len : max;

    memcpy(out, value, len);
    out[len] = '\0';
}

static bool is_key(const char *key, const uint8_t *value, size_t value_len, const char *scheme)
{
    const size_t scheme_len = strlen(scheme);

    return value_len == scheme_len + strlen(key) && memcmp(value, scheme, scheme_len) == 0 &&
           memcmp(value + scheme_len, key, strlen(key)) == 0;
}

typedef struct header {
    const uint8_t *name;
    size_t name_len;
    const uint8_t *value;
    size_t value_len;
} header;

/* `wanted` is "name: value" */
static void note_header(relay_stream *stream, const char *wanted, header got)
{
    const size_t name_len = wanted == NULL ? 0 : strcspn(wanted, ":");

    if (name_len > 0 && name_len == got.name_len && memcmp(got.name, wanted, name_len) == 0) {
        const char *value = wanted + name_len + strspn(wanted + name_len, ": ");
        stream->request.header_found |= equals(got.value, got.value_len, value);
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    relay_link *link = user_data;
    relay_stream *stream;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    stream = relay_stream_open(link, frame->hd.stream_id);
    if (stream == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return nghttp2_session_set_stream_user_data(session, stream->id, stream);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user_data)
{
    relay_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    const relay_link *link = user_data;
    const char *key = link->env->options.key;

    (void)flags;
    if (stream == NULL) {
        return 0;
    }
    note_header(stream, link->env->options.require_header,
                (header){name, name_len, value, value_len});
    if (equals(name, name_len, ":method")) {
        copy_text(stream->request.method, RELAY_METHOD_MAX, value, value_len);
    } else if (equals(name, name_len, ":path")) {
        copy_text(stream->request.path, RELAY_PATH_MAX, value, value_len);
    } else if (key != NULL && equals(name, name_len, "authorization")) {
        stream->request.authorized |= is_key(key, value, value_len, "Bearer ");
    } else if (key != NULL && equals(name, name_len, "api-key")) {
        stream->request.authorized |= is_key(key, value, value_len, "");
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t len, void *user_data)
{
    relay_stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)user_data;
    if (stream != NULL && !relay_stream_take_body(stream, data, len)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

/* nghttp2 is told not to: a fault may want it left out. */
static int answer_ping(relay_link *link, const nghttp2_frame *frame)
{
    if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        return 0;
    }
    link->env->stats.pings++;
    return link->mute_pings
               ? 0
               : nghttp2_submit_ping(link->session, NGHTTP2_FLAG_ACK, frame->ping.opaque_data);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    relay_link *link = user_data;
    relay_stream *stream;

    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        link->env->stats.resets_received++;
        return 0;
    }
    if (frame->hd.type == NGHTTP2_PING) {
        return answer_ping(link, frame);
    }
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        link->env->stats.requests++;
    }
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        return 0;
    }
    stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (stream == NULL || relay_stream_respond(stream) == 0) {
        return 0;
    }
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Of a body or of the trailers behind it; a head that ends its stream completes nothing. */
static bool is_end(const nghttp2_frame *frame)
{
    return (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
           (frame->hd.type == NGHTTP2_DATA ||
            (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_HEADERS));
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    relay_link *link = user_data;

    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        link->env->stats.resets_sent++;
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        link->env->stats.goaways++;
    } else if (is_end(frame)) {
        link->env->stats.completed++;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                           void *user_data)
{
    relay_stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)error_code;
    (void)user_data;
    if (stream != NULL) {
        relay_stream_close(stream);
    }
    return 0;
}

static int fill_callbacks(nghttp2_session_callbacks **callbacks)
{
    const int rc = nghttp2_session_callbacks_new(callbacks);

    if (rc != 0) {
        return rc;
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(*callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(*callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(*callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(*callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(*callbacks, on_stream_close);
    return 0;
}

static int open_session(relay_link *link)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    int rc = fill_callbacks(&callbacks);

    if (rc != 0) {
        return rc;
    }
    rc = nghttp2_option_new(&option);
    if (rc == 0) {
        /* a guard for open networks: here tests cancel thousands, and old libcurl resets as a habit
         */
        nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_PER_S);
        nghttp2_option_set_no_auto_ping_ack(option, 1);
        rc = nghttp2_session_server_new2(&link->session, callbacks, link, option);
        nghttp2_option_del(option);
    }
    nghttp2_session_callbacks_del(callbacks);
    return rc;
}

bool relay_h2_open(relay_link *link, relay_env *env, void (*wake)(void *owner), void *owner)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)env->options.streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)env->options.window_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };

    link->env = env;
    link->wake = wake;
    link->owner = owner;
    link->streams = NULL;
    link->session = NULL;
    if (open_session(link) != 0) {
        return false;
    }
    if (nghttp2_submit_settings(link->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof settings / sizeof settings[0]) != 0) {
        nghttp2_session_del(link->session);
        return false;
    }
    return true;
}

void relay_h2_close(relay_link *link)
{
    /* deleting a session closes no stream: theirs is our part */
    while (link->streams != NULL) {
        relay_stream_close(link->streams);
    }
    relay_timers_cancel(&link->env->timers, &link->restore);
    relay_timers_cancel(&link->env->timers, &link->farewell);
    nghttp2_session_del(link->session);
    link->session = NULL;
}

bool relay_h2_receive(relay_link *link, const uint8_t *data, size_t len)
{
    return nghttp2_session_mem_recv2(link->session, data, len) >= 0;
}

static void fire_farewell(relay_timer *timer, int64_t now_us)
{
    relay_link *link = timer->owner;

    (void)now_us;
    link->part = true;
    link->wake(link->owner);
}

void relay_h2_drain(relay_link *link)
{
    (void)nghttp2_submit_shutdown_notice(link->session);
    link->farewell.owner = link;
    link->farewell.fire = fire_farewell;
    link->part =
        !relay_timers_arm(&link->env->timers, &link->farewell, relay_now_us() + FAREWELL_US);
    link->wake(link->owner);
}

/* Only when it is about to leave: a stream that came after its last id was read would be answered
 * here and sent again there. */
static void say_farewell(relay_link *link)
{
    if (link->part) {
        link->part = false;
        (void)nghttp2_submit_goaway(link->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(link->session),
                                    NGHTTP2_NO_ERROR, NULL, 0);
    }
}

bool relay_h2_next_output(relay_link *link, const uint8_t **data, size_t *len)
{
    nghttp2_ssize count = 0;

    say_farewell(link);
    if (!link->mute) {
        count = nghttp2_session_mem_send2(link->session, data);
    }
    *len = count > 0 ? (size_t)count : 0;
    return count >= 0;
}

bool relay_h2_done(const relay_link *link)
{
    return nghttp2_session_want_read(link->session) == 0 &&
           nghttp2_session_want_write(link->session) == 0;
}

void relay_h2_stop(relay_link *link)
{
    (void)nghttp2_session_terminate_session(link->session, NGHTTP2_NO_ERROR);
}
