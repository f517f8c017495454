/* SPDX-License-Identifier: MIT */
/*
 * A stream's life after its request: latency, head, then DATA frames that nghttp2 pulls. A paced
 * stream's timer only raises the number of tokens due; the event is made when the frame is made, so
 * that a send stamp is as late as it can be. Gaps are counted from the time a token was due, not
 * from when it was sent: no drift. In: relay_stream. Out: frames of one session. Must not touch
 * sockets.
 */
#include "stream.h"

#include "trouble.h"

#include <stddef.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 16
#define HEADER_TEXT_MAX 64
#define REQUEST_ID_LEN 32

typedef struct header_list {
    nghttp2_nv fields[HEADERS_MAX];
    size_t count;
    char status[HEADER_TEXT_MAX];
    char length[HEADER_TEXT_MAX];
    char retry_after[HEADER_TEXT_MAX];
    char request_id[HEADER_TEXT_MAX];
} header_list;

static void add_header(header_list *list, const char *name, const char *value)
{
    nghttp2_nv *field = &list->fields[list->count++];

    /* nghttp2 takes writable pointers and writes to neither */
    field->name = (uint8_t *)(uintptr_t)name;
    field->namelen = strlen(name);
    field->value = (uint8_t *)(uintptr_t)value;
    field->valuelen = strlen(value);
    field->flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
}

static void fill_request_id(relay_stream *stream, char *out)
{
    static const char digits[] = "0123456789abcdef";

    memcpy(out, "req_", 4);
    for (int i = 0; i < REQUEST_ID_LEN; i++) {
        out[4 + i] = digits[relay_rng_below(&stream->link->env->rng, 16)];
    }
    out[4 + REQUEST_ID_LEN] = '\0';
}

static void add_rate_headers(header_list *list)
{
    add_header(list, "x-ratelimit-limit-requests", "10000");
    add_header(list, "x-ratelimit-limit-tokens", "30000000");
    add_header(list, "x-ratelimit-remaining-requests", "9999");
    add_header(list, "x-ratelimit-remaining-tokens", "29999990");
    add_header(list, "x-ratelimit-reset-requests", "6ms");
    add_header(list, "x-ratelimit-reset-tokens", "0s");
}

static void fill_headers(relay_stream *stream, header_list *list)
{
    const relay_reply *reply = &stream->reply;

    list->count = 0;
    (void)snprintf(list->status, sizeof list->status, "%d", reply->status);
    add_header(list, ":status", list->status);
    add_header(list, "content-type", reply->content_type);
    fill_request_id(stream, list->request_id);
    add_header(list, "x-request-id", list->request_id);
    if (reply->streamed) {
        add_header(list, "cache-control", "no-cache");
    } else if (reply->raw) {
        /* no content-length: an answer that was not made to order has none */
    } else if (reply->fault == NULL || reply->fault->cut == RELAY_CUT_NONE) {
        (void)snprintf(list->length, sizeof list->length, "%zu", reply->body_len);
        add_header(list, "content-length", list->length);
    }
    if (reply->chat) {
        add_header(list, "openai-version", "2020-10-01");
    }
    if (reply->limits) {
        add_rate_headers(list);
    }
    if (reply->allow != NULL) {
        add_header(list, "allow", reply->allow);
    }
    if (reply->fault != NULL && reply->fault->redirect) {
        add_header(list, "location", stream->link->env->options.redirect_to);
    }
    if (reply->retry_after) {
        const relay_options *options = &stream->link->env->options;
        const bool in_ms = options->retry_after_ms >= 0;

        (void)snprintf(list->retry_after, sizeof list->retry_after, "%lld",
                       (long long)(in_ms ? options->retry_after_ms : options->retry_after_s));
        add_header(list, in_ms ? "retry-after-ms" : "retry-after", list->retry_after);
    }
}

/* What a body does at its end: one that was cut short breaks off. */
static nghttp2_ssize end_body(relay_stream *stream, uint32_t *flags)
{
    const relay_fault *fault = stream->reply.fault;

    if (fault != NULL && relay_trouble_cut(stream, fault)) {
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (fault != NULL && fault->trailers && relay_trouble_add_trailers(stream)) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return 0;
}

static nghttp2_ssize read_body(relay_stream *stream, uint8_t *out, size_t capacity, uint32_t *flags)
{
    const relay_reply *reply = &stream->reply;
    const bool honest = reply->fault == NULL || reply->fault->cut == RELAY_CUT_NONE;
    const int64_t split = reply->raw ? stream->link->env->options.body_split : 0;
    size_t len = reply->body_len - stream->body_sent;

    if (len == 0) {
        return end_body(stream, flags);
    }
    if (split > 0 && len > (size_t)split) {
        len = (size_t)split;
    }
    if (len > capacity) {
        len = capacity;
    }
    memcpy(out, reply->body + stream->body_sent, len);
    stream->body_sent += len;
    if (honest && stream->body_sent == reply->body_len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (nghttp2_ssize)len;
}

static size_t take_rest(relay_stream *stream, uint8_t *out, size_t capacity)
{
    size_t len = stream->event_len - stream->event_sent;

    if (len > capacity) {
        len = capacity;
    }
    memcpy(out, stream->event + stream->event_sent, len);
    stream->event_sent += len;
    return len;
}

static nghttp2_ssize read_answer(relay_stream *stream, uint8_t *out, size_t capacity,
                                 uint32_t *flags)
{
    const int64_t events_max = stream->link->env->options.events_per_frame;
    size_t len = take_rest(stream, out, capacity);

    for (int64_t i = len > 0; i < events_max && len < capacity; i++) {
        const bool roomy = capacity - len >= RELAY_ANSWER_EVENT_MAX;
        char *event = roomy ? (char *)out + len : stream->event;
        size_t event_len = 0;
        const enum relay_answer_step step = relay_answer_next(&stream->answer, event, &event_len);

        if (step != RELAY_STEP_EVENT) {
            /* an end comes in a frame of its own: asked again, the answer says the same */
            if (len > 0) {
                return (nghttp2_ssize)len;
            }
            return step == RELAY_STEP_WAIT ? NGHTTP2_ERR_DEFERRED : end_body(stream, flags);
        }
        if (roomy) {
            len += event_len;
            continue;
        }
        stream->event_len = event_len;
        stream->event_sent = 0;
        len += take_rest(stream, out + len, capacity - len);
    }
    return (nghttp2_ssize)len;
}

static nghttp2_ssize on_read(nghttp2_session *session, int32_t stream_id, uint8_t *out,
                             size_t capacity, uint32_t *flags, nghttp2_data_source *source,
                             void *user_data)
{
    relay_stream *stream = source->ptr;

    (void)session;
    (void)stream_id;
    (void)user_data;
    if (stream->reply.streamed) {
        return read_answer(stream, out, capacity, flags);
    }
    return read_body(stream, out, capacity, flags);
}

static int64_t jittered_gap_us(relay_env *env)
{
    const int64_t gap_us = env->options.gap_us;
    const int64_t swing_us = gap_us * env->options.jitter_pct / 100;

    return gap_us - swing_us + (int64_t)relay_rng_below(&env->rng, (uint64_t)(2 * swing_us + 1));
}

static void fire_token(relay_timer *timer, int64_t now_us)
{
    relay_stream *stream = timer->owner;
    relay_link *link = stream->link;

    (void)now_us;
    stream->answer.tokens_due++;
    if (stream->answer.tokens_due < stream->answer.tokens_total) {
        (void)relay_timers_arm(&link->env->timers, timer,
                               timer->due_us + jittered_gap_us(link->env));
    }
    /* not an error when it is not deferred: the window is shut, and nghttp2 resumes by itself */
    (void)nghttp2_session_resume_data(link->session, stream->id);
    link->wake(link->owner);
}

static void start_tokens(relay_stream *stream)
{
    relay_env *env = stream->link->env;
    const int64_t gap_us = env->options.gap_us;

    if (gap_us == 0 || stream->answer.tokens_total == 0) {
        stream->answer.tokens_due = stream->answer.tokens_total;
        return;
    }
    stream->timer.fire = fire_token;
    (void)relay_timers_arm(&env->timers, &stream->timer,
                           relay_now_us() + (int64_t)relay_rng_below(&env->rng, (uint64_t)gap_us));
}

static void fire_first_token(relay_timer *timer, int64_t now_us)
{
    relay_stream *stream = timer->owner;

    (void)now_us;
    start_tokens(stream);
    (void)nghttp2_session_resume_data(stream->link->session, stream->id);
    stream->link->wake(stream->link->owner);
}

static void start_answer(relay_stream *stream)
{
    relay_env *env = stream->link->env;
    const relay_fault *fault = stream->reply.fault;

    if (fault == NULL || !fault->slow) {
        start_tokens(stream);
        return;
    }
    stream->timer.fire = fire_first_token;
    (void)relay_timers_arm(&env->timers, &stream->timer,
                           relay_now_us() + env->options.first_token_us);
}

static int send_reply(relay_stream *stream)
{
    relay_link *link = stream->link;
    header_list list;
    nghttp2_data_provider2 provider;
    nghttp2_extpri priority = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
    int rc;

    fill_headers(stream, &list);
    provider.source.ptr = stream;
    provider.read_callback = on_read;
    /* without this nghttp2 sends one stream to its end before the next: no relay streams like that
     */
    (void)nghttp2_session_change_extpri_stream_priority(link->session, stream->id, &priority, 1);
    if (stream->reply.fault != NULL && stream->reply.fault->head_only) {
        rc = nghttp2_submit_response2(link->session, stream->id, list.fields, list.count, NULL);
        link->wake(link->owner);
        return rc;
    }
    rc = nghttp2_submit_response2(link->session, stream->id, list.fields, list.count, &provider);
    if (rc == 0 && stream->reply.streamed) {
        start_answer(stream);
    }
    link->wake(link->owner);
    return rc;
}

static void fire_head(relay_timer *timer, int64_t now_us)
{
    relay_stream *stream = timer->owner;

    (void)now_us;
    if (send_reply(stream) != 0) {
        (void)nghttp2_submit_rst_stream(stream->link->session, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_INTERNAL_ERROR);
    }
}

relay_stream *relay_stream_open(relay_link *link, int32_t id)
{
    relay_stream *stream = malloc(sizeof *stream);
    relay_stats *stats = &link->env->stats;

    if (stream == NULL) {
        return NULL;
    }
    memset(stream, 0, offsetof(relay_stream, event));
    stream->link = link;
    stream->id = id;
    stream->timer.owner = stream;
    stream->request.authorized = link->env->options.key == NULL;
    stream->request.header_found = link->env->options.require_header == NULL;
    stream->next = link->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    link->streams = stream;
    stats->streams_open++;
    if (stats->streams_open > stats->streams_peak) {
        stats->streams_peak = stats->streams_open;
    }
    return stream;
}

void relay_stream_close(relay_stream *stream)
{
    relay_link *link = stream->link;

    relay_timers_cancel(&link->env->timers, &stream->timer);
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        link->streams = stream->next;
    }
    link->env->stats.streams_open--;
    free(stream->request.body);
    free(stream->reply.body);
    free(stream);
}

bool relay_stream_take_body(relay_stream *stream, const uint8_t *data, size_t len)
{
    relay_request *request = &stream->request;

    if (request->body_too_large || len > RELAY_BODY_MAX - request->body_len) {
        request->body_too_large = true;
        return true;
    }
    if (len > request->body_capacity - request->body_len) {
        const size_t capacity = 2 * (request->body_len + len);
        char *body = realloc(request->body, capacity);

        if (body == NULL) {
            return false;
        }
        request->body = body;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    return true;
}

int relay_stream_respond(relay_stream *stream)
{
    relay_env *env = stream->link->env;

    if (stream->answered) {
        return 0;
    }
    stream->answered = true;
    if (!relay_route(env, &stream->request, &stream->reply, &stream->answer)) {
        return NGHTTP2_ERR_NOMEM;
    }
    /* the model's name was copied where it is needed */
    free(stream->request.body);
    stream->request.body = NULL;
    if (relay_trouble_start(stream) || stream->reply.no_head) {
        return 0;
    }
    if (stream->reply.chat && env->options.latency_us > 0) {
        stream->timer.fire = fire_head;
        return relay_timers_arm(&env->timers, &stream->timer,
                                relay_now_us() + env->options.latency_us)
                   ? 0
                   : NGHTTP2_ERR_NOMEM;
    }
    return send_reply(stream);
}
