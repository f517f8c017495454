/* SPDX-License-Identifier: MIT */
/*
 * Frames as text. See h2_trace.h. What is hidden is decided here and nowhere else: by the name of
 * a header or of a query's parameter, and, whatever the name, by the bytes of the key itself.
 */
#include "wire/h2_trace.h"

#include "base/field.h"

#include <nghttp2/nghttp2.h>

#define HIDDEN "<redacted>"

enum { GOAWAY_TEXT_BYTES_MAX = 64 }; /* of the server's debug data */

static void begin_line(const cmx_h2_trace *trace, bool sent)
{
    cmx_lines_text(trace->lines, "conn ");
    cmx_lines_number(trace->lines, trace->conn);
    cmx_lines_text(trace->lines, sent ? " send " : " recv ");
}

static void add_number(cmx_lines *lines, const char *name, uint64_t number)
{
    cmx_lines_text(lines, name);
    cmx_lines_number(lines, number);
}

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {
        [NGHTTP2_DATA] = "DATA",
        [NGHTTP2_HEADERS] = "HEADERS",
        [NGHTTP2_PRIORITY] = "PRIORITY",
        [NGHTTP2_RST_STREAM] = "RST_STREAM",
        [NGHTTP2_SETTINGS] = "SETTINGS",
        [NGHTTP2_PUSH_PROMISE] = "PUSH_PROMISE",
        [NGHTTP2_PING] = "PING",
        [NGHTTP2_GOAWAY] = "GOAWAY",
        [NGHTTP2_WINDOW_UPDATE] = "WINDOW_UPDATE",
        [NGHTTP2_CONTINUATION] = "CONTINUATION",
    };
    return type < CMX_ARRAY_LEN(names) ? names[type] : NULL;
}

static void add_head(cmx_lines *lines, const nghttp2_frame_hd *head)
{
    const char *name = type_name(head->type);

    if (name != NULL) {
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

static const char *setting_name(int32_t id)
{
    static const char *const names[] = {
        [NGHTTP2_SETTINGS_HEADER_TABLE_SIZE] = " HEADER_TABLE_SIZE=",
        [NGHTTP2_SETTINGS_ENABLE_PUSH] = " ENABLE_PUSH=",
        [NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS] = " MAX_CONCURRENT_STREAMS=",
        [NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE] = " INITIAL_WINDOW_SIZE=",
        [NGHTTP2_SETTINGS_MAX_FRAME_SIZE] = " MAX_FRAME_SIZE=",
        [NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE] = " MAX_HEADER_LIST_SIZE=",
        [NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL] = " ENABLE_CONNECT_PROTOCOL=",
        [NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES] = " NO_RFC7540_PRIORITIES=",
    };
    return id > 0 && (size_t)id < CMX_ARRAY_LEN(names) ? names[id] : NULL;
}

static void add_settings(cmx_lines *lines, const nghttp2_settings *settings)
{
    if ((settings->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        cmx_lines_text(lines, " ACK");
    }
    for (size_t i = 0; i < settings->niv; i++) {
        const nghttp2_settings_entry *entry = &settings->iv[i];
        const char *name = setting_name(entry->settings_id);
        if (name == NULL) {
            add_number(lines, " SETTING_", (uint32_t)entry->settings_id);
            name = "=";
        }
        add_number(lines, name, entry->value);
    }
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

static void add_goaway(const cmx_h2_trace *trace, const nghttp2_goaway *goaway)
{
    cmx_view text = {goaway->opaque_data, goaway->opaque_data_len};

    add_number(trace->lines, " last_stream=", (uint32_t)goaway->last_stream_id);
    cmx_lines_text(trace->lines, " ");
    cmx_lines_text(trace->lines, nghttp2_http2_strerror(goaway->error_code));
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

    if (frame->hd.type == NGHTTP2_SETTINGS) {
        add_settings(lines, &frame->settings);
    } else if (frame->hd.type == NGHTTP2_WINDOW_UPDATE) {
        add_number(lines, " increment=", (uint32_t)frame->window_update.window_size_increment);
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        cmx_lines_text(lines, " ");
        cmx_lines_text(lines, nghttp2_http2_strerror(frame->rst_stream.error_code));
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        add_goaway(trace, &frame->goaway);
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        cmx_lines_text(lines, " ACK");
    }
}

/* DATA and HEADERS are told when they begin: what they carry comes before their end. */
static bool is_told_at_start(uint8_t type)
{
    return type == NGHTTP2_DATA || type == NGHTTP2_HEADERS || type == NGHTTP2_PUSH_PROMISE ||
           type == NGHTTP2_CONTINUATION || type_name(type) == NULL;
}

void cmx_h2_trace_start(const cmx_h2_trace *trace, const void *head)
{
    const nghttp2_frame_hd *frame_head = head;

    if (is_told_at_start(frame_head->type)) {
        begin_line(trace, false);
        add_head(trace->lines, frame_head);
        cmx_lines_end(trace->lines);
    }
}

void cmx_h2_trace_received(const cmx_h2_trace *trace, const void *frame)
{
    const nghttp2_frame *whole = frame;

    if (!is_told_at_start(whole->hd.type)) {
        begin_line(trace, false);
        add_head(trace->lines, &whole->hd);
        add_details(trace, whole);
        cmx_lines_end(trace->lines);
    }
}

void cmx_h2_trace_refused(const cmx_h2_trace *trace, const void *frame, int error)
{
    const nghttp2_frame *whole = frame;

    begin_line(trace, false);
    cmx_lines_text(trace->lines, "refused: ");
    add_head(trace->lines, &whole->hd);
    cmx_lines_text(trace->lines, ": ");
    cmx_lines_text(trace->lines, nghttp2_strerror(error));
    cmx_lines_end(trace->lines);
}

void cmx_h2_trace_sent(const cmx_h2_trace *trace, const void *frame)
{
    const nghttp2_frame *whole = frame;

    begin_line(trace, true);
    add_head(trace->lines, &whole->hd);
    add_details(trace, whole);
    cmx_lines_end(trace->lines);
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
    begin_line(trace, sent);
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
