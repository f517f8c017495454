/* SPDX-License-Identifier: MIT */
/*
 * Frames as text. See h2_trace.h. What is hidden is decided here and nowhere else: by the name of
 * a header or of a query's parameter, and, whatever the name, by the bytes of the key itself.
 */
#include "wire/h2_trace.h"

#include "base/field.h"
#include "base/words.h"

#include <nghttp2/nghttp2.h>

#define HIDDEN "<redacted>"
#define SENT " send "
#define RECEIVED " recv "

enum { GOAWAY_TEXT_BYTES_MAX = 64 }; /* of the server's debug data */

static void add_number(cmx_lines *lines, const char *name, uint64_t number)
{
    cmx_lines_text(lines, name);
    cmx_lines_number(lines, number);
}

static void begin_line(const cmx_h2_trace *trace, const char *what)
{
    add_number(trace->lines, "conn ", trace->conn);
    cmx_lines_text(trace->lines, what);
}

/* By number: RFC 9113, 6. */
static const char type_names[] = "DATA\0HEADERS\0PRIORITY\0RST_STREAM\0SETTINGS\0PUSH_PROMISE\0"
                                 "PING\0GOAWAY\0WINDOW_UPDATE\0CONTINUATION\0";

static void add_head(cmx_lines *lines, const nghttp2_frame_hd *head)
{
    const char *name = cmx_words_at(type_names, head->type);

    if (*name != '\0') {
        cmx_lines_text(lines, name);
    } else {
        add_number(lines, "TYPE_", head->type);
    }
    if (head->stream_id != 0) {
        add_number(lines, " stream=", (uint32_t)head->stream_id);
    }
    cmx_lines_text(lines, " flags=0x");
    cmx_lines_hex(lines, head->flags);
    add_number(lines, " length=", head->length);
}

/* By number from 1 on: RFC 9113, 6.5.2; RFC 8441; RFC 9218. */
static const char setting_names[] =
    " HEADER_TABLE_SIZE=\0 ENABLE_PUSH=\0 MAX_CONCURRENT_STREAMS=\0 INITIAL_WINDOW_SIZE=\0"
    " MAX_FRAME_SIZE=\0 MAX_HEADER_LIST_SIZE=\0 SETTING_7=\0 ENABLE_CONNECT_PROTOCOL=\0"
    " NO_RFC7540_PRIORITIES=\0";

static void add_settings(cmx_lines *lines, const nghttp2_settings *settings)
{
    for (size_t i = 0; i < settings->niv; i++) {
        const nghttp2_settings_entry *entry = &settings->iv[i];
        uint32_t id = (uint32_t)entry->settings_id;
        const char *name = cmx_words_at(setting_names, id - 1);
        if (*name == '\0') {
            add_number(lines, " SETTING_", id);
            name = "=";
        }
        add_number(lines, name, entry->value);
    }
}

/* Why the library refused a frame. It has many more errors, and a text for each, but these are the
 * ones that a frame can cause. */
static void add_refusal(cmx_lines *lines, int error)
{
    static const uint8_t errors[] = {
        -NGHTTP2_ERR_PROTO - 500,
        -NGHTTP2_ERR_STREAM_CLOSED - 500,
        -NGHTTP2_ERR_FRAME_SIZE_ERROR - 500,
        -NGHTTP2_ERR_HEADER_COMP - 500,
        -NGHTTP2_ERR_FLOW_CONTROL - 500,
        -NGHTTP2_ERR_HTTP_HEADER - 500,
        -NGHTTP2_ERR_HTTP_MESSAGING - 500,
        -NGHTTP2_ERR_REFUSED_STREAM - 500,
        -NGHTTP2_ERR_INTERNAL - 500,
    };
    const uint8_t *at = memchr(errors, -error - 500, sizeof errors);

    cmx_lines_text(lines, ": ");
    if (at == NULL) {
        add_number(lines, "error ", (uint32_t)-error);
        return;
    }
    cmx_lines_text(
        lines,
        cmx_words_at("protocol error\0stream is closed\0frame size\0compression\0flow control\0"
                     "header field\0malformed message\0refused stream\0internal\0",
                     (size_t)(at - errors)));
}

static bool has_key(const cmx_h2_trace *trace, cmx_view value)
{
    cmx_view key = trace->key;

    for (size_t at = 0; key.len > 0 && at + key.len <= value.len; at++) {
        if (memcmp(value.data + at, key.data, key.len) == 0) {
            return true;
        }
    }
    return false;
}

/* An error code of a frame, by name. */
static void add_code(cmx_lines *lines, uint32_t code)
{
    cmx_lines_text(lines, " ");
    cmx_lines_text(lines, nghttp2_http2_strerror(code));
}

static void add_goaway(const cmx_h2_trace *trace, const nghttp2_goaway *goaway)
{
    cmx_view text = {goaway->opaque_data, goaway->opaque_data_len};

    add_number(trace->lines, " last_stream=", (uint32_t)goaway->last_stream_id);
    add_code(trace->lines, goaway->error_code);
    if (text.len == 0) {
        return;
    }
    cmx_lines_text(trace->lines, " ");
    if (has_key(trace, text)) {
        cmx_lines_text(trace->lines, HIDDEN);
        return;
    }
    text.len = text.len < GOAWAY_TEXT_BYTES_MAX ? text.len : GOAWAY_TEXT_BYTES_MAX;
    cmx_lines_foreign(trace->lines, text);
}

/* What a frame says beyond its head. */
static void add_details(const cmx_h2_trace *trace, const nghttp2_frame *frame)
{
    cmx_lines *lines = trace->lines;
    uint8_t type = frame->hd.type;

    if ((type == NGHTTP2_SETTINGS || type == NGHTTP2_PING) &&
        (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        cmx_lines_text(lines, " ACK");
    }
    if (type == NGHTTP2_SETTINGS) {
        add_settings(lines, &frame->settings);
    } else if (type == NGHTTP2_WINDOW_UPDATE) {
        add_number(lines, " increment=", (uint32_t)frame->window_update.window_size_increment);
    } else if (type == NGHTTP2_RST_STREAM) {
        add_code(lines, frame->rst_stream.error_code);
    } else if (type == NGHTTP2_GOAWAY) {
        add_goaway(trace, &frame->goaway);
    }
}

/* DATA and HEADERS are told when they begin: what they carry comes before their end. */
static bool is_told_at_start(uint8_t type)
{
    const uint32_t early = 1u << NGHTTP2_DATA | 1u << NGHTTP2_HEADERS | 1u << NGHTTP2_PUSH_PROMISE |
                           1u << NGHTTP2_CONTINUATION;
    return type > NGHTTP2_CONTINUATION || (early >> type & 1u) != 0;
}

/* frame  NULL = its head says it all
 * error  why the library refused it, or 0 */
static void tell_frame(const cmx_h2_trace *trace, const char *what, const nghttp2_frame_hd *head,
                       const nghttp2_frame *frame, int error)
{
    begin_line(trace, what);
    add_head(trace->lines, head);
    if (error != 0) {
        add_refusal(trace->lines, error);
    } else if (frame != NULL) {
        add_details(trace, frame);
    }
    cmx_lines_end(trace->lines);
}

void cmx_h2_trace_start(const cmx_h2_trace *trace, const void *head)
{
    const nghttp2_frame_hd *frame_head = head;

    if (is_told_at_start(frame_head->type)) {
        tell_frame(trace, RECEIVED, frame_head, NULL, 0);
    }
}

void cmx_h2_trace_received(const cmx_h2_trace *trace, const void *frame)
{
    const nghttp2_frame *whole = frame;

    if (!is_told_at_start(whole->hd.type)) {
        tell_frame(trace, RECEIVED, &whole->hd, whole, 0);
    }
}

void cmx_h2_trace_refused(const cmx_h2_trace *trace, const void *frame, int error)
{
    const nghttp2_frame *whole = frame;

    tell_frame(trace, RECEIVED "refused: ", &whole->hd, NULL, error);
}

void cmx_h2_trace_sent(const cmx_h2_trace *trace, const void *frame)
{
    const nghttp2_frame *whole = frame;

    tell_frame(trace, SENT, &whole->hd, whole, 0);
    if (whole->hd.type == NGHTTP2_HEADERS) {
        for (size_t i = 0; i < whole->headers.nvlen; i++) {
            const nghttp2_nv *field = &whole->headers.nva[i];
            cmx_h2_trace_field(trace, true, (cmx_view){field->name, field->namelen},
                               (cmx_view){field->value, field->valuelen});
        }
    }
}

static size_t find_any(cmx_view text, size_t at, const char *bytes)
{
    size_t count = strlen(bytes);

    while (at < text.len && memchr(bytes, text.data[at], count) == NULL) {
        at++;
    }
    return at;
}

/* Writes a path or URL; values of parameters that are named like secrets are hidden. */
static void add_target(cmx_lines *lines, cmx_view target)
{
    size_t at = find_any(target, 0, "?");

    cmx_lines_foreign(lines, (cmx_view){target.data, at});
    while (at < target.len) { /* at '?', '&' or '#' */
        size_t value = find_any(target, at + 1, "=&#");
        size_t end = find_any(target, value, "&#");
        cmx_view name = {target.data + at + 1, value - at - 1};
        bool hide = value < end && cmx_field_name_secret(name);
        cmx_lines_foreign(lines, (cmx_view){target.data + at, (hide ? value + 1 : end) - at});
        if (hide) {
            cmx_lines_text(lines, HIDDEN);
        }
        at = end;
    }
}

void cmx_h2_trace_field(const cmx_h2_trace *trace, bool sent, cmx_view name, cmx_view value)
{
    begin_line(trace, sent ? SENT : RECEIVED);
    cmx_lines_foreign(trace->lines, name);
    cmx_lines_text(trace->lines, ": ");
    if (cmx_view_equal(name, trace->key_name) || cmx_field_name_secret(name) ||
        has_key(trace, value)) {
        cmx_lines_text(trace->lines, HIDDEN);
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL(":path")) ||
               cmx_view_equal(name, CMX_VIEW_LITERAL("location"))) {
        add_target(trace->lines, value);
    } else {
        cmx_lines_foreign(trace->lines, value);
    }
    cmx_lines_end(trace->lines);
}
