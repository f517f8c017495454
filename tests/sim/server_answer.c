/* SPDX-License-Identifier: MIT */
/*
 * What the simulated server answers: completions as events or as one object, plain bodies, error
 * objects, and the faults of scripts. In: a whole request. Out: bytes of an answer, in virtual
 * time. It must not look at the client's state.
 */
#include "server.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_DEFAULT = 8, UNITS_DEFAULT = 2, HEARTBEAT_MS = 1000 };

static void append_bytes(sim_stream_row *stream, const void *bytes, size_t len)
{
    if (stream->out_len + len > stream->out_capacity) {
        stream->out_capacity = 2 * (stream->out_len + len) + 1024;
        stream->out = realloc(stream->out, stream->out_capacity);
        if (stream->out == NULL) {
            abort();
        }
    }
    memcpy(stream->out + stream->out_len, bytes, len);
    stream->out_len += len;
}

static void append(sim_stream_row *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(sim_stream_row *stream, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof text) {
        abort();
    }
    append_bytes(stream, text, (size_t)len);
}

static sim_world *world_of(const sim_stream_row *stream)
{
    return stream->conn->server->world;
}

static sim_ledger *ledger_of(const sim_stream_row *stream)
{
    return &stream->conn->server->chats[stream->k];
}

static void send_now(sim_stream_row *stream)
{
    if (!stream->is_closed && !stream->conn->is_over) {
        (void)nghttp2_session_resume_data(stream->conn->session, stream->id);
        sim_conn_pump(stream->conn);
    }
}

static void on_drip(void *ctx, uint64_t arg)
{
    sim_stream_row *stream = ctx;

    (void)arg;
    stream->is_dripping = false;
    send_now(stream);
}

nghttp2_ssize sim_stream_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t capacity,
                              uint32_t *flags, nghttp2_data_source *source, void *user)
{
    sim_stream_row *stream = source->ptr;
    const sim_script *script = &stream->script;
    size_t len = stream->out_len - stream->out_head;

    (void)user;
    if (stream->is_dripping || (len == 0 && !stream->is_out_ended)) {
        return NGHTTP2_ERR_DEFERRED;
    }
    len = len < capacity ? len : capacity;
    if (script->frame_bytes > 0 && len > script->frame_bytes) {
        len = 1 + (size_t)sim_choose(world_of(stream), SIM_STREAM_SERVER, script->frame_bytes);
    }
    if (len > 0) {
        memcpy(out, stream->out + stream->out_head, len);
    }
    stream->out_head += len;
    if (stream->out_head == stream->out_len && stream->is_out_ended) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (script->has_trailer) {
            const nghttp2_nv trailer = {(uint8_t *)"x-took", (uint8_t *)"1", 6, 1, 0};
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            (void)nghttp2_submit_trailer(session, id, &trailer, 1);
        }
    } else if (script->drip_ms > 0) {
        stream->is_dripping = true;
        sim_world_after(world_of(stream), script->drip_ms, on_drip, stream, 0);
    }
    return (nghttp2_ssize)len;
}

static void send_head(sim_stream_row *stream, uint32_t status, const char *type)
{
    const char *wait = stream->script.retry_after;
    char digits[8];
    char id[32];
    const char *left = stream->script.rate_left;
    const char *reset = stream->script.rate_reset;
    nghttp2_nv head[6];
    size_t count = 3;
    const nghttp2_data_provider2 body = {.source = {.ptr = stream},
                                         .read_callback = sim_stream_read};

    if (stream->script.has_hint) {
        const nghttp2_nv hint = {(uint8_t *)":status", (uint8_t *)"103", 7, 3, 0};
        (void)nghttp2_submit_headers(stream->conn->session, NGHTTP2_FLAG_NONE, stream->id, NULL,
                                     &hint, 1, NULL);
    }
    snprintf(digits, sizeof digits, "%u", (unsigned)status);
    snprintf(id, sizeof id, "req-%u", (unsigned)stream->k);
    head[0] = (nghttp2_nv){(uint8_t *)":status", (uint8_t *)digits, 7, strlen(digits), 0};
    head[1] = (nghttp2_nv){(uint8_t *)"content-type", (uint8_t *)type, 12, strlen(type), 0};
    head[2] = (nghttp2_nv){(uint8_t *)"x-request-id", (uint8_t *)id, 12, strlen(id), 0};
    if (wait != NULL) {
        head[count++] =
            (nghttp2_nv){(uint8_t *)"retry-after", (uint8_t *)wait, 11, strlen(wait), 0};
    }
    if (left != NULL && reset != NULL) {
        head[count++] = (nghttp2_nv){(uint8_t *)"x-ratelimit-remaining-requests", (uint8_t *)left,
                                     30, strlen(left), 0};
        head[count++] = (nghttp2_nv){(uint8_t *)"x-ratelimit-reset-requests", (uint8_t *)reset, 26,
                                     strlen(reset), 0};
    }
    if (nghttp2_submit_response2(stream->conn->session, stream->id, head, count,
                                 stream->script.is_head_only ? NULL : &body) != 0) {
        sim_fail(world_of(stream), "the server cannot answer");
    }
}

static void append_text(sim_stream_row *stream, uint32_t units)
{
    sim_ledger *chat = ledger_of(stream);
    sim_world *world = world_of(stream);

    for (uint32_t i = 0; i < units; i++) {
        uint8_t unit[SIM_UNIT_BYTES];
        char json[SIM_UNIT_JSON_MAX];
        size_t len;
        sim_text_unit(world->seed, stream->k, chat->produced / SIM_UNIT_BYTES, unit);
        len = sim_text_json(unit, (uint32_t)sim_choose(world, SIM_STREAM_SERVER, 2), json);
        append_bytes(stream, json, len);
        chat->produced += SIM_UNIT_BYTES;
    }
}

static void append_chunk_begin(sim_stream_row *stream)
{
    append(stream,
           "data: {\"id\":\"chatcmpl-%u\",\"object\":\"chat.completion.chunk\",\"created\":17,"
           "\"model\":\"%s\",",
           (unsigned)stream->k, stream->model);
}

static void append_usage(sim_stream_row *stream)
{
    append(stream,
           "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":%u,\"total_tokens\":%u,"
           "\"prompt_tokens_details\":{\"cached_tokens\":3},"
           "\"completion_tokens_details\":{\"reasoning_tokens\":2}}",
           (unsigned)stream->token, (unsigned)stream->token + 7);
}

static void append_end(sim_stream_row *stream)
{
    append_chunk_begin(stream);
    append(stream, "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    ledger_of(stream)->is_whole = true;
    if (stream->wants_usage) {
        append_chunk_begin(stream);
        append(stream, "\"choices\":[],");
        append_usage(stream);
        append(stream, "}\n\n");
    }
    if (!stream->script.is_done_missing) {
        append(stream, "data: [DONE]\n\n");
    }
    stream->is_out_ended = !stream->script.is_end_missing;
}

static void on_heartbeat(void *ctx, uint64_t arg)
{
    sim_stream_row *stream = ctx;

    (void)arg;
    if (stream->is_closed || stream->conn->is_over) {
        return;
    }
    append(stream, ": still here\n\n");
    send_now(stream);
    sim_world_after(world_of(stream), HEARTBEAT_MS, on_heartbeat, stream, 0);
}

static void append_huge(sim_stream_row *stream)
{
    append(stream, "data: {\"padding\":\"");
    for (uint32_t i = 0; i < stream->script.huge_bytes; i++) {
        append_bytes(stream, "x", 1);
    }
    append(stream, "\",\"choices\":[]}\n\n");
}

static void on_step(void *ctx, uint64_t arg);

static void reset_stream(sim_stream_row *stream)
{
    send_now(stream);
    (void)nghttp2_submit_rst_stream(stream->conn->session, NGHTTP2_FLAG_NONE, stream->id,
                                    stream->script.code);
    send_now(stream);
}

/* Streams that had begun before the one `spare` streams ago are not processed. */
static void send_goaway(sim_stream_row *stream)
{
    int32_t last =
        nghttp2_session_get_last_proc_stream_id(stream->conn->session) - 2 * stream->script.spare;

    sim_conn_goaway(stream->conn, last, stream->script.code);
    send_now(stream);
}

/* Returns true if the stream goes on afterwards. */
static bool do_fault(sim_stream_row *stream)
{
    sim_note(world_of(stream), "server fault", stream->script.fault, (uint64_t)stream->id);
    switch (stream->script.fault) {
    case SIM_FAULT_TRUNCATE:
        stream->is_out_ended = true;
        send_now(stream);
        return false;
    case SIM_FAULT_RESET_STREAM:
        reset_stream(stream);
        return false;
    case SIM_FAULT_RESET_MID:
        append_chunk_begin(stream);
        append(stream, "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ha");
        reset_stream(stream);
        return false;
    case SIM_FAULT_STALL:
        if (stream->script.stall_ms > 0) {
            sim_world_after(world_of(stream), stream->script.stall_ms, on_step, stream, 0);
        }
        return false;
    case SIM_FAULT_HEARTBEATS:
        on_heartbeat(stream, 0);
        return false;
    case SIM_FAULT_INBAND:
        append(stream, "data: {\"error\":{\"message\":\"the model fell over\",\"code\":500}}\n\n");
        stream->is_out_ended = true;
        send_now(stream);
        return false;
    case SIM_FAULT_HUGE:
        append_huge(stream);
        return true;
    case SIM_FAULT_MALFORMED:
        append(stream, "data: {\"choices\":[{\"delta\":oops}]}\n\n");
        return true;
    case SIM_FAULT_CONN_RESET:
        sim_link_reset(stream->conn->link);
        return false;
    case SIM_FAULT_CONN_CLOSE:
        stream->conn->link->is_abrupt = sim_chance(world_of(stream), SIM_STREAM_FAULTS, 500);
        sim_link_fin(stream->conn->link);
        return false;
    case SIM_FAULT_CONN_HOLE:
        stream->conn->link->is_hole = true;
        return false;
    case SIM_FAULT_CONN_MUTE:
        stream->conn->is_mute = true;
        return false;
    case SIM_FAULT_GOAWAY:
        send_goaway(stream);
        return true;
    case SIM_FAULT_GOAWAY_GRACEFUL:
    case SIM_FAULT_STREAMS_MAX:
        return true; /* done before the head */
    case SIM_FAULT_HANG:
    case SIM_FAULT_REFUSE:
    case SIM_FAULT_RESET_HEAD:
    case SIM_FAULT_DROP_HEAD:
    case SIM_FAULT_MUTE_HEAD:
    case SIM_FAULT_GOAWAY_LOWER:
    case SIM_FAULT_NONE:
        return false;
    }
    return false;
}

static void on_step(void *ctx, uint64_t arg)
{
    sim_stream_row *stream = ctx;
    const sim_script *script = &stream->script;

    (void)arg;
    if (stream->is_closed || stream->conn->is_over || ledger_of(stream)->latest != stream) {
        return;
    }
    if (script->fault != SIM_FAULT_NONE && stream->token == script->after &&
        !stream->is_fault_done) {
        stream->is_fault_done = true;
        if (!do_fault(stream)) {
            return;
        }
    }
    if (stream->token == script->tokens) {
        append_end(stream);
        send_now(stream);
        return;
    }
    append_chunk_begin(stream);
    append(stream, "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
    append_text(stream, script->units);
    append(stream, "\"},\"finish_reason\":null}]}\n\n");
    stream->token++;
    send_now(stream);
    sim_world_after(world_of(stream), script->gap_ms, on_step, stream, 0);
}

static void answer_whole(sim_stream_row *stream)
{
    append(stream,
           "{\"id\":\"chatcmpl-%u\",\"object\":\"chat.completion\",\"model\":\"%s\",\"choices\":"
           "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
           (unsigned)stream->k, stream->model);
    append_text(stream, stream->script.tokens * stream->script.units);
    stream->token = stream->script.tokens;
    if (stream->script.fault == SIM_FAULT_TRUNCATE) {
        stream->is_out_ended = true;
        return;
    }
    append(stream, "\"},\"finish_reason\":\"stop\"}],");
    append_usage(stream);
    append(stream, "}");
    ledger_of(stream)->is_whole = true;
    stream->is_out_ended = true;
}

static void answer_plain(sim_stream_row *stream)
{
    if (stream->script.plain_bytes == 0) {
        append(stream, "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4.1\"}]}");
    }
    for (uint32_t i = 0; i < stream->script.plain_bytes; i += SIM_UNIT_BYTES) {
        uint8_t unit[SIM_UNIT_BYTES];
        sim_text_unit(world_of(stream)->seed, 0, i / SIM_UNIT_BYTES, unit);
        append_bytes(stream, unit, SIM_UNIT_BYTES);
    }
    stream->is_out_ended = true;
}

static void answer_error(sim_stream_row *stream, uint32_t status, const char *message)
{
    const char *code = stream->script.error_code;
    const char *quote = code == NULL ? "" : "\"";

    append(stream,
           "{\"error\":{\"message\":\"%s\",\"type\":\"test_error\",\"param\":null,"
           "\"code\":%s%s%s}}",
           message, quote, code == NULL ? "null" : code, quote);
    stream->is_out_ended = true;
    send_head(stream, status, "application/json");
}

static void on_head(void *ctx, uint64_t arg)
{
    sim_stream_row *stream = ctx;
    uint32_t status = stream->script.status;

    (void)arg;
    if (stream->is_closed || stream->conn->is_over) {
        return;
    }
    if (stream->conn->server->key != NULL && !stream->is_authorized) {
        answer_error(stream, 401, "Incorrect API key provided");
    } else if (status != 0 && status != 200) {
        const char *message = stream->script.message;
        answer_error(stream, status, message == NULL ? "no, because of the script" : message);
    } else if (strcmp(stream->path, "/v1/chat/completions") != 0) {
        answer_plain(stream);
        send_head(stream, 200, "application/json");
    } else if (!stream->is_streaming) {
        ledger_of(stream)->answered++;
        answer_whole(stream);
        send_head(stream, 200, "application/json");
    } else {
        ledger_of(stream)->answered++;
        send_head(stream, 200, "text/event-stream; charset=utf-8");
        if (stream->script.is_head_only) {
            sim_conn_pump(stream->conn);
            return;
        }
        append_chunk_begin(stream);
        append(stream, "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
                       "\"content\":\"\"},\"finish_reason\":null}]}\n\n");
        sim_world_after(world_of(stream), stream->script.first_ms + stream->script.gap_ms, on_step,
                        stream, 0);
    }
    sim_conn_pump(stream->conn);
}

static void choose_script(sim_stream_row *stream)
{
    static const sim_script honest = {.tokens = TOKENS_DEFAULT, .units = UNITS_DEFAULT};
    sim_server *server = stream->conn->server;

    stream->script = honest;
    for (size_t i = 0; i < server->script_count; i++) {
        const sim_script *script = &server->scripts[i];
        bool is_left = (script->times == 0 || server->script_uses[i] < script->times) &&
                       sim_fault_is_due(server, script);
        if (is_left && (script->model == NULL || strcmp(script->model, stream->model) == 0)) {
            server->script_uses[i]++;
            stream->script = *script;
            break;
        }
    }
    if (stream->script.tokens == 0) {
        stream->script.tokens = TOKENS_DEFAULT;
    }
    if (stream->script.units == 0) {
        stream->script.units = UNITS_DEFAULT;
    }
}

/* What a chat says of itself: {"model":"M", and in its text "chat K filler N:" with N bytes of the
 * text of chat K, so that a damaged upload is noticed, too. */
static void read_request(sim_stream_row *stream)
{
    const char *body = stream->body == NULL ? "" : (const char *)stream->body;
    const char *model = strstr(body, "\"model\":\"");
    const char *chat = strstr(body, "chat ");
    unsigned k = 0;
    unsigned filler = 0;
    int used = 0;

    if (model != NULL) {
        snprintf(stream->model, sizeof stream->model, "%.*s", (int)strcspn(model + 9, "\""),
                 model + 9);
    }
    stream->is_streaming = strstr(body, "\"stream\":true") != NULL;
    stream->wants_usage = strstr(body, "\"include_usage\":true") != NULL;
    if (chat == NULL || sscanf(chat, "chat %u filler %u:%n", &k, &filler, &used) != 2 ||
        k >= SIM_CHATS_MAX) {
        sim_fail(world_of(stream), "the request has no chat number: %.80s", body);
        return;
    }
    stream->k = k;
    chat += used;
    for (unsigned i = 0; i < filler; i++) {
        if (chat[i] != (char)('a' + (k + i) % 26)) {
            sim_fail(world_of(stream), "the prompt of chat %u differs at byte %u", k, i);
            return;
        }
    }
    if (chat[filler] != '"') {
        sim_fail(world_of(stream), "the prompt of chat %u does not end where it should", k);
    }
}

void sim_stream_answer(sim_stream_row *stream)
{
    bool is_chat = strcmp(stream->path, "/v1/chat/completions") == 0;

    if (is_chat) {
        read_request(stream);
        ledger_of(stream)->requests++;
        ledger_of(stream)->latest_ms = world_of(stream)->now_ms;
        ledger_of(stream)->latest = stream;
        ledger_of(stream)->arrival = ++world_of(stream)->arrivals;
        ledger_of(stream)->produced = 0;
        ledger_of(stream)->is_whole = false;
    } else {
        snprintf(stream->model, sizeof stream->model, "%.60s", stream->path);
    }
    sim_note(world_of(stream), "server request", stream->k, (uint64_t)stream->id);
    choose_script(stream);
    if (sim_fault_start(stream)) {
        return;
    }
    sim_world_after(world_of(stream), stream->script.head_ms, on_head, stream, 0);
}
