/* SPDX-License-Identifier: MIT */
/*
 * Lines first (LF, CR or CRLF, found with memchr), fields second, an event at each blank line. What
 * is remembered between calls are offsets, so the bytes may move and are never looked at twice.
 * Bytes that can no longer matter (comments, blank lines, other fields) are given up at once: a
 * heartbeat never fills the caller's tail.
 */
#include "text/sse.h"

/* What is passed over, as bits. */
enum {
    IGNORE_LINE = 1,  /* the line that is not finished: a comment, or of an event given up */
    IGNORE_EVENT = 2, /* the event at hand: only its end matters */
};

static const uint8_t bom[] = {0xef, 0xbb, 0xbf};

/* The bytes of one call: `base` moves up as bytes are given up. */
typedef struct window {
    uint8_t *base;
    size_t len;
} window;

static void drop(window *bytes, size_t len)
{
    bytes->base += len;
    bytes->len -= len;
}

static void reset_event(cmx_sse *sse)
{
    sse->line = 0;
    sse->scanned = 0;
    sse->data_len = 0;
    sse->has_data = false;
    sse->is_error = false;
    sse->type_len = 0;
}

/* Returns false if it is not known yet whether the stream starts with a BOM. */
static bool skip_bom(cmx_sse *sse, window *bytes)
{
    size_t len = bytes->len < sizeof bom ? bytes->len : sizeof bom;
    if (len > 0 && memcmp(bytes->base, bom, len) != 0) {
        sse->begun = true;
        return true;
    }
    if (len < sizeof bom) {
        return false;
    }
    drop(bytes, sizeof bom);
    sse->begun = true;
    return true;
}

/* Appends a data line to the event's data, moving it up behind the lines before it. */
static void add_data(cmx_sse *sse, uint8_t *base, size_t at, size_t len)
{
    if (!sse->has_data) {
        sse->has_data = true;
        sse->data = (uint32_t)at;
        sse->data_len = (uint32_t)len;
        return;
    }
    uint8_t *end = base + sse->data + sse->data_len;
    CMX_ASSERT(end < base + at);
    *end = '\n';
    memmove(end + 1, base + at, len);
    sse->data_len += 1 + (uint32_t)len;
}

static void take_field(cmx_sse *sse, uint8_t *base, size_t at, size_t len)
{
    const uint8_t *colon = memchr(base + at, ':', len);
    cmx_view name = {base + at, colon == NULL ? len : (size_t)(colon - (base + at))};
    size_t skip = colon == NULL ? len : name.len + 1;
    if (skip < len && base[at + skip] == ' ') {
        skip++;
    }
    at += skip;
    len -= skip;
    if (cmx_view_equal(name, CMX_VIEW_LITERAL("data"))) {
        add_data(sse, base, at, len);
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL("event"))) {
        sse->type_len = (uint8_t)(len < CMX_SSE_TYPE_BYTES_MAX ? len : CMX_SSE_TYPE_BYTES_MAX);
        memcpy(sse->type, base + at, sse->type_len);
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL("error")) && len > 0 && base[at] == '{') {
        add_data(sse, base, at, len);
        sse->is_error = true;
    }
}

static void give_event(cmx_sse *sse, uint8_t *base, size_t size, cmx_sse_event *event)
{
    *event = (cmx_sse_event){
        .data = base + sse->data,
        .len = sse->data_len,
        .type = {sse->type, sse->type_len},
        .is_error = sse->is_error,
        .size = size,
    };
    reset_event(sse);
}

/* Finds the end of the current line. Returns false if it is not there yet. */
static bool find_line_end(cmx_sse *sse, const window *bytes, size_t *end)
{
    size_t from = (size_t)sse->line + sse->scanned;
    size_t len = bytes->len - from;
    if (len == 0) {
        return false;
    }
    const uint8_t *at = bytes->base + from;
    const uint8_t *lf = memchr(at, '\n', len);
    const uint8_t *cr = memchr(at, '\r', lf == NULL ? len : (size_t)(lf - at));
    if (cr == NULL && lf == NULL) {
        sse->scanned += (uint32_t)len;
        return false;
    }
    sse->skip_lf = cr != NULL;
    *end = (size_t)((cr != NULL ? cr : lf) - bytes->base);
    return true;
}

/* A line of `len` bytes (or its rest) is passed over. */
static void end_ignored_line(cmx_sse *sse, size_t len)
{
    bool blank = len == 0 && (sse->ignoring & IGNORE_LINE) == 0;
    sse->ignoring = blank ? 0 : sse->ignoring & IGNORE_EVENT;
}

/* The line from sse->line to `end` is whole. Returns true if it ends an event. */
static bool take_line(cmx_sse *sse, window *bytes, size_t end, cmx_sse_event *event)
{
    size_t len = end - sse->line;
    if (sse->ignoring != 0) {
        end_ignored_line(sse, len);
    } else if (len > 0) {
        take_field(sse, bytes->base, sse->line, len);
    } else if (sse->has_data) {
        give_event(sse, bytes->base, end + 1, event);
        drop(bytes, end + 1);
        return true;
    } else {
        sse->type_len = 0;
    }
    sse->line = (uint32_t)end + 1;
    sse->scanned = 0;
    return false;
}

/* Gives up the lines before the current one if nothing of them is needed. */
static void drop_lines(cmx_sse *sse, window *bytes)
{
    if (!sse->has_data) {
        drop(bytes, sse->line);
        sse->line = 0;
    }
}

void cmx_sse_init(cmx_sse *sse)
{
    *sse = (cmx_sse){0};
}

/* Returns whether a line that begins like this, or is this, may be a field called `name`. */
static bool may_be(cmx_view line, cmx_view name)
{
    size_t len = line.len < name.len ? line.len : name.len;
    bool same = len == 0 || memcmp(line.data, name.data, len) == 0;
    return same && (line.len <= name.len || line.data[name.len] == ':');
}

/* Returns whether a line means nothing, however it goes on: it need not be kept for its end, and
 * its length counts against no limit, wherever the bytes are cut. */
static bool is_ignored(cmx_view line)
{
    return !may_be(line, CMX_VIEW_LITERAL("data")) && !may_be(line, CMX_VIEW_LITERAL("event")) &&
           !may_be(line, CMX_VIEW_LITERAL("error"));
}

int cmx_sse_next(cmx_sse *sse, uint8_t *data, size_t len, size_t *used, cmx_sse_event *event)
{
    CMX_ASSERT(len <= INT32_MAX);
    window bytes = {data, len};
    *used = 0;
    if (!sse->begun && !skip_bom(sse, &bytes)) {
        return CMX_AGAIN;
    }
    bool found = false;
    while (!found && sse->line + sse->scanned < bytes.len) {
        if (sse->skip_lf) {
            /* Only ever pending at the start of a line: nothing of it was scanned. */
            sse->skip_lf = false;
            sse->line += bytes.base[sse->line] == '\n' ? 1 : 0;
            drop_lines(sse, &bytes);
            continue;
        }
        size_t end;
        if (!find_line_end(sse, &bytes, &end)) {
            break;
        }
        found = take_line(sse, &bytes, end, event);
        drop_lines(sse, &bytes);
    }
    if (!found && !sse->has_data && bytes.len > 0 &&
        (sse->ignoring != 0 || is_ignored((cmx_view){bytes.base, bytes.len}))) {
        sse->ignoring |= IGNORE_LINE;
        sse->scanned = 0;
        drop(&bytes, bytes.len);
    }
    *used = (size_t)(bytes.base - data);
    return found ? CMX_OK : CMX_AGAIN;
}

void cmx_sse_drop(cmx_sse *sse, size_t len)
{
    CMX_ASSERT(sse->line <= len);
    bool in_line = (sse->ignoring & IGNORE_LINE) != 0 || len > sse->line;
    reset_event(sse);
    sse->begun = true;
    sse->ignoring = IGNORE_EVENT | (in_line ? IGNORE_LINE : 0);
}

int cmx_sse_finish(cmx_sse *sse, uint8_t *data, size_t len, cmx_sse_event *event)
{
    CMX_ASSERT(sse->line <= len);
    if (sse->ignoring == 0 && len > sse->line) {
        take_field(sse, data, sse->line, len - sse->line);
    }
    if (!sse->has_data) {
        return CMX_AGAIN;
    }
    give_event(sse, data, len, event);
    return CMX_OK;
}
