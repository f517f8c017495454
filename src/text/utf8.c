/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 as a tiny state: how many bytes are missing, and the range of the next one. The ranges of
 * the second byte (Unicode 15, table 3-7) are what keeps out overlong forms and surrogates. Runs of
 * ASCII, which is most of any text, pass eight bytes at a time.
 */
#include "text/utf8.h"

#include "text/word.h"

static size_t ascii_len(const uint8_t *data, size_t len)
{
    size_t i = 0;
    if (len < CMX_WORD_LEN) {
        while (i < len && data[i] < 0x80) {
            i++;
        }
        return i;
    }
    size_t last = len - CMX_WORD_LEN;
    for (; i < last; i += CMX_WORD_LEN) {
        uint64_t others = cmx_word_load(data + i) & CMX_WORD_EACH(0x80);
        if (others != 0) {
            return i + cmx_word_first(others);
        }
    }
    uint64_t others = cmx_word_load(data + last) & CMX_WORD_EACH(0x80); /* overlaps ASCII */
    return others == 0 ? len : last + cmx_word_first(others);
}

/* Takes the first byte of a character of several bytes. Returns false if it cannot be one. */
static bool begin_character(cmx_utf8 *state, uint8_t byte)
{
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    *state = (cmx_utf8){.missing = 1, .low = 0x80, .high = 0xbf};
    if (byte < 0xe0) {
        return true;
    }
    if (byte < 0xf0) {
        state->missing = 2;
        state->low = byte == 0xe0 ? 0xa0 : 0x80;  /* below: overlong */
        state->high = byte == 0xed ? 0x9f : 0xbf; /* above: surrogates */
        return true;
    }
    state->missing = 3;
    state->low = byte == 0xf0 ? 0x90 : 0x80;  /* below: overlong */
    state->high = byte == 0xf4 ? 0x8f : 0xbf; /* above: beyond U+10FFFF */
    return true;
}

size_t cmx_utf8_feed(cmx_utf8 *state, const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (state->missing == 0) {
            i += ascii_len(data + i, len - i);
            if (i == len) {
                break;
            }
            if (!begin_character(state, data[i])) {
                return i;
            }
        } else {
            if (data[i] < state->low || data[i] > state->high) {
                return i;
            }
            state->missing--;
            state->low = 0x80;
            state->high = 0xbf;
        }
        i++;
    }
    return len;
}

size_t cmx_utf8_valid_len(const uint8_t *data, size_t len)
{
    cmx_utf8 state = {0};
    size_t end = cmx_utf8_feed(&state, data, len);
    if (state.missing == 0) {
        return end;
    }
    /* The last character began and is not whole: step back over it. */
    while ((data[end - 1] & 0xc0) == 0x80) {
        end--;
    }
    return end - 1;
}

size_t cmx_utf8_bad_len(const uint8_t *data, size_t len)
{
    CMX_ASSERT(len > 0);
    cmx_utf8 state = {0};
    size_t begun = cmx_utf8_feed(&state, data, len < CMX_UTF8_BYTES_MAX ? len : CMX_UTF8_BYTES_MAX);
    return begun > 0 ? begun : 1;
}

bool cmx_utf8_is_valid(const uint8_t *data, size_t len)
{
    cmx_utf8 state = {0};
    return cmx_utf8_feed(&state, data, len) == len && state.missing == 0;
}

/* Returns the bytes of the valid character at the front, or 0 if there is none. */
static size_t character_len(const uint8_t *data, size_t len)
{
    if (data[0] < 0x80) {
        return 1;
    }
    cmx_utf8 state = {0};
    if (!begin_character(&state, data[0])) {
        return 0;
    }
    size_t need = 1u + state.missing;
    return need <= len && cmx_utf8_is_valid(data, need) ? need : 0;
}

/* C0, DEL, and C1 (U+0080..U+009F), which some terminals obey. */
static bool is_control(const uint8_t *data, size_t len)
{
    return data[0] <= ' ' || data[0] == 0x7f || (len == 2 && data[0] == 0xc2 && data[1] < 0xa0);
}

/* Returns the bytes at the front that are visible ASCII: what a line is made of, nearly always. */
static size_t visible_len(const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (len - i >= CMX_WORD_LEN) {
        uint64_t word = cmx_word_load(data + i);
        uint64_t low = word - CMX_WORD_EACH(' ' + 1);
        uint64_t high = word + CMX_WORD_EACH(0x80 - 0x7f);
        if (((low | high | word) & CMX_WORD_EACH(0x80)) != 0) {
            break;
        }
        i += CMX_WORD_LEN;
    }
    while (i < len && data[i] > ' ' && data[i] < 0x7f) {
        i++;
    }
    return i;
}

size_t cmx_utf8_copy_line(uint8_t *out, size_t capacity, cmx_view text)
{
    size_t written = 0;
    bool space = false; /* owed before the next character */
    size_t i = 0;
    while (i < text.len) {
        const uint8_t *from = text.data + i;
        size_t left = text.len - i;
        size_t owed = space ? 1 : 0;
        size_t room = capacity - written > owed ? capacity - written - owed : 0;
        size_t len = visible_len(from, left < room ? left : room);
        i += len;
        if (len == 0) {
            len = character_len(from, left);
            i += len > 0 ? len : cmx_utf8_bad_len(from, left);
            if (len > 0 && is_control(from, len)) {
                space = written > 0;
                continue;
            }
            if (len == 0) {
                from = (const uint8_t *)CMX_UTF8_REPLACEMENT;
                len = sizeof CMX_UTF8_REPLACEMENT - 1;
            }
            if (room < len) {
                break;
            }
        }
        if (space) {
            out[written++] = ' ';
            space = false;
        }
        memcpy(out + written, from, len);
        written += len;
    }
    return written;
}

size_t cmx_utf8_write(uint8_t out[CMX_UTF8_BYTES_MAX], uint32_t code_point)
{
    CMX_ASSERT(code_point < 0x110000);
    CMX_ASSERT(code_point < 0xd800 || code_point > 0xdfff);
    if (code_point < 0x80) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (uint8_t)(0xc0 | code_point >> 6);
        out[1] = (uint8_t)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code_point >> 12);
        out[1] = (uint8_t)(0x80 | (code_point >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code_point >> 18);
    out[1] = (uint8_t)(0x80 | (code_point >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code_point >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code_point & 0x3f));
    return 4;
}
