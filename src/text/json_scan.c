/* SPDX-License-Identifier: MIT */
/*
 * The scanner. Nearly all bytes of an answer lie in strings that nobody reads, so strings pass
 * eight bytes at a time; nesting is one bit per level, so a value of any size needs no stack.
 */
#include "text/json_scan.h"

/* A word with `byte` in each of its bytes. */
#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static uint8_t *skip_space(uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at;
}

/* Compilers make one load of this where the byte order allows it. */
static uint64_t load_word(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

/* Marks the high bit of bytes that end a plain run of a string: quote, backslash, control. Marks
 * above the lowest one may be wrong (a borrow); the lowest never is. */
static uint64_t mark_special(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t marks = ((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash) |
                     ((word - EACH_BYTE(0x20)) & ~word);
    return marks & EACH_BYTE(0x80);
}

size_t cmx_json_scan_plain_len(const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (len - i >= sizeof(uint64_t)) {
        uint64_t marks = mark_special(load_word(data + i));
        if (marks != 0) {
            return i + (size_t)__builtin_ctzll(marks) / 8;
        }
        i += sizeof(uint64_t);
    }
    while (i < len && data[i] >= 0x20 && data[i] != '"' && data[i] != '\\') {
        i++;
    }
    return i;
}

/* Returns the first quote, backslash or control byte, or `end`. */
static uint8_t *skip_plain(uint8_t *at, const uint8_t *end)
{
    return at + cmx_json_scan_plain_len(at, (size_t)(end - at));
}

static bool is_hex(uint8_t byte)
{
    return is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

/* `at` is behind a backslash. Returns what follows the escape, or NULL. */
static uint8_t *skip_escape(uint8_t *at, const uint8_t *end)
{
    if (at == end) {
        return NULL;
    }
    if (*at != 'u') {
        return memchr("\"\\/bfnrt", *at, 8) != NULL ? at + 1 : NULL;
    }
    if (end - at < 5 || !is_hex(at[1]) || !is_hex(at[2]) || !is_hex(at[3]) || !is_hex(at[4])) {
        return NULL;
    }
    return at + 5;
}

/* `at` is at the opening quote. Returns what follows the closing one, or NULL. */
static uint8_t *skip_string(uint8_t *at, uint8_t *end)
{
    at++;
    for (;;) {
        at = skip_plain(at, end);
        if (at == end || *at < 0x20) {
            return NULL;
        }
        if (*at == '"') {
            return at + 1;
        }
        at = skip_escape(at + 1, end);
        if (at == NULL) {
            return NULL;
        }
    }
}

/* Returns what follows the digits, or NULL if there is not one. */
static uint8_t *skip_digits(uint8_t *at, const uint8_t *end)
{
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    while (at < end && is_digit(*at)) {
        at++;
    }
    return at;
}

static uint8_t *skip_number(uint8_t *at, const uint8_t *end)
{
    at += *at == '-' ? 1 : 0;
    if (at < end && *at == '0') {
        at++;
    } else {
        at = skip_digits(at, end);
    }
    if (at != NULL && at < end && *at == '.') {
        at = skip_digits(at + 1, end);
    }
    if (at != NULL && at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-') ? 1 : 0;
        at = skip_digits(at, end);
    }
    return at;
}

static uint8_t *skip_word(uint8_t *at, const uint8_t *end, cmx_view word)
{
    if ((size_t)(end - at) < word.len || memcmp(at, word.data, word.len) != 0) {
        return NULL;
    }
    return at + word.len;
}

/* `at` < `end`. Returns what follows a string, number, true, false or null, or NULL. */
static uint8_t *skip_scalar(uint8_t *at, uint8_t *end)
{
    switch (*at) {
    case '"':
        return skip_string(at, end);
    case 't':
        return skip_word(at, end, CMX_VIEW_LITERAL("true"));
    case 'f':
        return skip_word(at, end, CMX_VIEW_LITERAL("false"));
    case 'n':
        return skip_word(at, end, CMX_VIEW_LITERAL("null"));
    default:
        return skip_number(at, end);
    }
}

/* `at` is at a key. Returns what follows its colon, or NULL. */
static uint8_t *skip_key(uint8_t *at, uint8_t *end)
{
    if (at == end || *at != '"') {
        return NULL;
    }
    at = skip_string(at, end);
    if (at == NULL) {
        return NULL;
    }
    at = skip_space(at, end);
    return at < end && *at == ':' ? at + 1 : NULL;
}

/* Where a value stands: the innermost level is the lowest bit, set for an object. */
typedef struct nesting {
    uint64_t objects;
    unsigned depth;
} nesting;

_Static_assert(CMX_JSON_SCAN_DEPTH_MAX == 64, "one bit of nesting.objects per level");

/* Behind a value: steps over the ends of what it closes and the comma behind it, to the next value.
 * Returns NULL if malformed; nest->depth is 0 when the outermost value has ended. */
static uint8_t *close_levels(uint8_t *at, uint8_t *end, nesting *nest)
{
    while (nest->depth > 0) {
        at = skip_space(at, end);
        if (at == end) {
            return NULL;
        }
        bool object = (nest->objects & 1) != 0;
        if (*at == ',') {
            at = skip_space(at + 1, end);
            return object ? skip_key(at, end) : at;
        }
        if (*at != (object ? '}' : ']')) {
            return NULL;
        }
        at++;
        nest->objects >>= 1;
        nest->depth--;
    }
    return at;
}

static bool is_open(const uint8_t *at)
{
    return *at == '{' || *at == '[';
}

/* `at` is at an opening bracket. Steps to the first value inside, or behind the whole if it is
 * empty; NULL if malformed. */
static uint8_t *open_level(uint8_t *at, uint8_t *end, nesting *nest)
{
    bool object = *at == '{';
    at = skip_space(at + 1, end);
    if (at == end) {
        return NULL;
    }
    if (*at == (object ? '}' : ']')) {
        return close_levels(at + 1, end, nest);
    }
    if (nest->depth == CMX_JSON_SCAN_DEPTH_MAX) {
        return NULL;
    }
    nest->objects = nest->objects << 1 | (object ? 1 : 0);
    nest->depth++;
    return object ? skip_key(at, end) : at;
}

/* `at` is at '{' or '['. Returns what follows its end, or NULL. */
static uint8_t *skip_nested(uint8_t *at, uint8_t *end)
{
    nesting nest = {0};
    do {
        if (is_open(at)) {
            at = open_level(at, end, &nest);
        } else {
            at = skip_scalar(at, end);
            at = at == NULL ? NULL : close_levels(at, end, &nest);
        }
        if (at == NULL || nest.depth == 0) {
            return at;
        }
        at = skip_space(at, end);
    } while (at < end);
    return NULL;
}

void cmx_json_scan_space(cmx_json_span *rest)
{
    rest->at = skip_space(rest->at, rest->end);
}

bool cmx_json_scan_value(cmx_json_span *rest, cmx_json_span *value)
{
    uint8_t *start = skip_space(rest->at, rest->end);
    if (start == rest->end) {
        return false;
    }
    uint8_t *behind =
        is_open(start) ? skip_nested(start, rest->end) : skip_scalar(start, rest->end);
    if (behind == NULL) {
        return false;
    }
    *value = (cmx_json_span){start, behind};
    rest->at = behind;
    return true;
}

int cmx_json_scan_enter(cmx_json_span *rest, uint8_t open)
{
    CMX_ASSERT(open == '{' || open == '[');
    rest->at = skip_space(rest->at, rest->end);
    if (rest->at == rest->end || *rest->at != open) {
        return CMX_ERR_MALFORMED;
    }
    rest->at = skip_space(rest->at + 1, rest->end);
    if (rest->at < rest->end && *rest->at == open + 2) {
        rest->at++;
        return CMX_AGAIN;
    }
    return CMX_OK;
}

int cmx_json_scan_next(cmx_json_span *rest, uint8_t open)
{
    rest->at = skip_space(rest->at, rest->end);
    if (rest->at == rest->end) {
        return CMX_ERR_MALFORMED;
    }
    if (*rest->at == open + 2) { /* ASCII: '{' + 2 is '}', '[' + 2 is ']' */
        rest->at++;
        return CMX_AGAIN;
    }
    if (*rest->at != ',') {
        return CMX_ERR_MALFORMED;
    }
    rest->at = skip_space(rest->at + 1, rest->end);
    return CMX_OK;
}

bool cmx_json_scan_key(cmx_json_span *rest, cmx_json_key *key)
{
    uint8_t *quote = rest->at;
    if (quote == rest->end || *quote != '"') {
        return false;
    }
    uint8_t *special = skip_plain(quote + 1, rest->end);
    if (special == rest->end) {
        return false;
    }
    uint8_t *behind = *special == '"' ? special + 1 : skip_string(quote, rest->end);
    if (behind == NULL) {
        return false;
    }
    *key = (cmx_json_key){quote + 1, (size_t)(behind - quote) - 2, *special != '"'};
    rest->at = skip_space(behind, rest->end);
    if (rest->at == rest->end || *rest->at != ':') {
        return false;
    }
    rest->at = skip_space(rest->at + 1, rest->end);
    return true;
}

/* What the arithmetic on brackets above relies on. */
_Static_assert('{' + 2 == '}' && '[' + 2 == ']', "brackets are two apart");
