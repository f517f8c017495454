/* SPDX-License-Identifier: MIT */
/*
 * Decoding in place: the reader is never behind the writer, because no escape is shorter than the
 * character it means. A piece ends early only where a U+FFFD must be inserted that has no room;
 * that one is handed out as a piece of its own, from a constant.
 */
#include "text/json_text.h"

#include "text/utf8.h"

enum {
    UNIT_LEN = 6, /* bytes of a \uXXXX escape */
    SURROGATE_HIGH = 0xd800,
    SURROGATE_LOW = 0xdc00,
    SURROGATE_END = 0xe000,
};

const uint8_t cmx_json_text_replacement[3] = {0xef, 0xbf, 0xbd};

static const cmx_view replacement = {cmx_json_text_replacement, sizeof cmx_json_text_replacement};

static bool is_high(uint32_t unit)
{
    return unit >= SURROGATE_HIGH && unit < SURROGATE_LOW;
}

static bool is_low(uint32_t unit)
{
    return unit >= SURROGATE_LOW && unit < SURROGATE_END;
}

static uint32_t join_surrogates(uint32_t high, uint32_t low)
{
    return 0x10000 + ((high - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW);
}

/* Reads the escape at `at`, a valid one, as a UTF-16 code unit.
 *
 * len  out: bytes of the escape */
static uint32_t read_escape(const uint8_t *at, size_t *len)
{
    *len = 2;
    switch (at[1]) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return at[1];
    }
    *len = UNIT_LEN;
    uint32_t unit = 0;
    for (size_t i = 2; i < UNIT_LEN; i++) {
        uint32_t digit = at[i] <= '9' ? (uint32_t)at[i] - '0' : (at[i] | 0x20u) - 'a' + 10;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Returns the code unit of a \uXXXX escape at `at`, or 0 if something else stands there. */
static uint32_t peek_unit(const uint8_t *at, const uint8_t *end)
{
    if (end - at < UNIT_LEN || at[0] != '\\' || at[1] != 'u') {
        return 0;
    }
    size_t len;
    return read_escape(at, &len);
}

/* What became of one step of decoding. */
enum step {
    STEP_GOOD, /* read and written */
    STEP_BAD,  /* stands at something that U+FFFD replaces */
    STEP_HELD, /* the string ends in a high surrogate that may wait */
};

/* Decodes the escape at *read to *write.
 *
 * bad_len  out: with STEP_BAD, the bytes to replace */
static enum step decode_escape(uint8_t **read, uint8_t **write, const uint8_t *end, size_t *bad_len)
{
    size_t len;
    uint32_t point = read_escape(*read, &len);
    *bad_len = len;
    if (is_low(point)) {
        return STEP_BAD;
    }
    if (is_high(point)) {
        uint32_t low = peek_unit(*read + len, end);
        if (!is_low(low)) {
            return *read + len == end ? STEP_HELD : STEP_BAD;
        }
        point = join_surrogates(point, low);
        len += UNIT_LEN;
    }
    *read += len;
    *write += cmx_utf8_write(*write, point);
    return STEP_GOOD;
}

/* Moves the bytes up to the next escape from *read to *write. */
static enum step decode_run(uint8_t **read, uint8_t **write, const uint8_t *end, size_t *bad_len)
{
    size_t len = (size_t)(end - *read);
    const uint8_t *escape = memchr(*read, '\\', len);
    if (escape != NULL) {
        len = (size_t)(escape - *read);
    }
    size_t valid = cmx_utf8_valid_len(*read, len);
    if (*write != *read) {
        memmove(*write, *read, valid);
    }
    *read += valid;
    *write += valid;
    if (valid == len) {
        return STEP_GOOD;
    }
    *bad_len = cmx_utf8_bad_len(*read, len - valid);
    return STEP_BAD;
}

/* A high surrogate waits: joins it with what the string starts with, or gives it up. */
static void resolve_surrogate(cmx_json_span *rest, uint16_t *surrogate, cmx_view *piece)
{
    uint32_t low = peek_unit(rest->at, rest->end);
    *piece = replacement;
    if (is_low(low)) {
        uint8_t *start = rest->at;
        rest->at += UNIT_LEN;
        *piece = (cmx_view){start, cmx_utf8_write(start, join_surrogates(*surrogate, low))};
    }
    *surrogate = 0;
}

bool cmx_json_text_piece(cmx_json_span *rest, uint16_t *surrogate, cmx_view *piece)
{
    if (rest->at == rest->end) {
        return false;
    }
    if (surrogate != NULL && *surrogate != 0) {
        resolve_surrogate(rest, surrogate, piece);
        return true;
    }
    uint8_t *start = rest->at;
    uint8_t *read = start;
    uint8_t *write = start;
    enum step step = STEP_GOOD;
    size_t bad_len = 0;
    while (step == STEP_GOOD && read < rest->end) {
        step = *read == '\\' ? decode_escape(&read, &write, rest->end, &bad_len)
                             : decode_run(&read, &write, rest->end, &bad_len);
    }
    rest->at = read;
    *piece = (cmx_view){start, (size_t)(write - start)};
    if (piece->len > 0) {
        return true;
    }
    /* Nothing valid at the front: the string stands at what cannot be delivered as it is. */
    if (step == STEP_HELD && surrogate != NULL) {
        size_t len;
        *surrogate = (uint16_t)read_escape(read, &len);
        rest->at = rest->end;
        return false;
    }
    rest->at += bad_len;
    *piece = replacement;
    return true;
}

bool cmx_json_text_piece_raw(cmx_json_span *rest, cmx_view *piece)
{
    size_t len = cmx_json_span_len(*rest);
    if (len == 0) {
        return false;
    }
    size_t valid = cmx_utf8_valid_len(rest->at, len);
    *piece = valid > 0 ? (cmx_view){rest->at, valid} : replacement;
    rest->at += valid > 0 ? valid : cmx_utf8_bad_len(rest->at, len);
    return true;
}

bool cmx_json_text_means(const cmx_json_key *key, cmx_view text)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (at == key->len) {
            return false;
        }
        size_t len = 1;
        uint32_t unit = key->data[at] == '\\' ? read_escape(key->data + at, &len) : key->data[at];
        if (unit != text.data[i]) {
            return false;
        }
        at += len;
    }
    return at == key->len;
}

unsigned cmx_json_text_which(const cmx_json_key *key, const char *names)
{
    const uint8_t *name = (const uint8_t *)names;
    for (unsigned which = 1; *name != 0; which++) {
        if (cmx_json_text_is(key, (cmx_view){name + 1, *name})) {
            return which;
        }
        name += 1 + *name;
    }
    return 0;
}

size_t cmx_json_text_line(uint8_t *out, size_t capacity, cmx_json_span string)
{
    /* Decoded text replaces the string from its start; a U+FFFD has room where its escape stood,
     * but not where a single bad byte did: that byte stays, and copying repairs it. */
    uint8_t *escape = memchr(string.at, '\\', cmx_json_span_len(string));
    uint8_t *read = escape == NULL ? string.end : escape; /* what lies before is as it will be */
    uint8_t *write = read;
    while (read < string.end) {
        size_t bad_len = 0;
        enum step step = *read == '\\' ? decode_escape(&read, &write, string.end, &bad_len)
                                       : decode_run(&read, &write, string.end, &bad_len);
        if (step == STEP_GOOD) {
            continue;
        }
        if (*read == '\\') {
            memcpy(write, replacement.data, replacement.len);
            write += replacement.len;
        } else {
            memmove(write, read, bad_len);
            write += bad_len;
        }
        read += bad_len;
    }
    return cmx_utf8_copy_line(out, capacity, (cmx_view){string.at, (size_t)(write - string.at)});
}

size_t cmx_json_text_escape(uint8_t out[CMX_JSON_TEXT_ESCAPE_BYTES_MAX], uint8_t byte)
{
    static const uint8_t named[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                       {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
    static const uint8_t hex[] = "0123456789abcdef";
    for (size_t i = 0; i < CMX_ARRAY_LEN(named); i++) {
        if (byte == named[i][0]) {
            out[0] = '\\';
            out[1] = named[i][1];
            return 2;
        }
    }
    CMX_ASSERT(byte < 0x20);
    memcpy(out, "\\u00", 4);
    out[4] = hex[byte >> 4];
    out[5] = hex[byte & 15];
    return 6;
}
