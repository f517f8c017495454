/* SPDX-License-Identifier: MIT */
/*
 * Lines in one array, one after the other. See lines.h.
 */
#include "base/lines.h"

#define CUT "..."

enum {
    CUT_BYTES = sizeof CUT - 1,
    ESCAPE_BYTES = 4,       /* "\xNN" */
    NUMBER_DIGITS_MAX = 20, /* of a 64-bit number */
};

static const char digit_names[16] = "0123456789abcdef";

void cmx_lines_init(cmx_lines *lines, char *memory, size_t capacity)
{
    CMX_ASSERT(capacity >= 2 * (size_t)CMX_LINES_LINE_BYTES_MAX);
    *lines = (cmx_lines){.data = memory, .capacity = capacity};
}

/* Appends bytes that stay together, with room left for the line's end; else cuts or drops it. */
static void append(cmx_lines *lines, const char *bytes, size_t len)
{
    if (lines->is_full || lines->is_cut) {
        return;
    }
    if (lines->len - lines->ended + len > CMX_LINES_LINE_BYTES_MAX - CUT_BYTES) {
        lines->is_cut = true;
        bytes = CUT;
        len = CUT_BYTES;
    }
    if (len + 1 > lines->capacity - lines->len) {
        lines->is_full = true;
        return;
    }
    memcpy(lines->data + lines->len, bytes, len);
    lines->len += len;
}

void cmx_lines_text(cmx_lines *lines, const char *text)
{
    append(lines, text, strlen(text));
}

void cmx_lines_foreign(cmx_lines *lines, cmx_view bytes)
{
    for (size_t i = 0; i < bytes.len && !lines->is_full && !lines->is_cut; i++) {
        uint8_t byte = bytes.data[i];
        if (byte < ' ' || byte > '~' || byte == '\\') {
            const char escape[ESCAPE_BYTES] = {'\\', 'x', digit_names[byte >> 4],
                                               digit_names[byte & 15]};
            append(lines, escape, sizeof escape);
        } else {
            append(lines, (const char *)&bytes.data[i], 1);
        }
    }
}

static void append_number(cmx_lines *lines, uint64_t number, unsigned base, size_t digits_min)
{
    char digits[NUMBER_DIGITS_MAX];
    size_t start = sizeof digits;

    while (number > 0 || sizeof digits - start < digits_min) {
        start--;
        digits[start] = digit_names[number % base];
        number /= base;
    }
    append(lines, digits + start, sizeof digits - start);
}

void cmx_lines_number(cmx_lines *lines, uint64_t number)
{
    append_number(lines, number, 10, 1);
}

void cmx_lines_hex(cmx_lines *lines, uint32_t number)
{
    append_number(lines, number, 16, 2);
}

void cmx_lines_end(cmx_lines *lines)
{
    if (lines->is_full) {
        lines->lost++;
        lines->len = lines->ended;
    } else {
        lines->data[lines->len] = '\n'; /* append() left room */
        lines->len++;
        lines->ended = lines->len;
    }
    lines->is_full = false;
    lines->is_cut = false;
}

/* Everything else was taken, so the line about what was lost fits. */
static void tell_lost(cmx_lines *lines)
{
    uint64_t lost = lines->lost;
    lines->lost = 0;
    lines->taken = 0;
    lines->ended = 0;
    lines->len = 0;
    cmx_lines_number(lines, lost);
    cmx_lines_text(lines, lost == 1 ? " line" : " lines");
    cmx_lines_text(lines, " lost: trace_bytes is too small");
    cmx_lines_end(lines);
}

bool cmx_lines_next(cmx_lines *lines, cmx_view *line)
{
    if (lines->taken == lines->ended && lines->lost > 0) {
        tell_lost(lines);
    }
    if (lines->taken == lines->ended) {
        lines->taken = 0;
        lines->ended = 0;
        lines->len = 0;
        return false;
    }
    const char *start = lines->data + lines->taken;
    const char *end = memchr(start, '\n', lines->ended - lines->taken);
    CMX_ASSERT(end != NULL);
    *line = (cmx_view){(const uint8_t *)start, (size_t)(end - start)};
    lines->taken += line->len + 1;
    return true;
}
