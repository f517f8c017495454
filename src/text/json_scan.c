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

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Compilers make one load of this where the byte order allows it. */
static inline uint64_t load_word(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

/* Indented JSON has a line end and then blanks, up to a dozen. */
static uint8_t *skip_spaces(uint8_t *at, const uint8_t *end)
{
    while (at < end && is_space(*at)) {
        at++;
        if (end - at >= (ptrdiff_t)sizeof(uint64_t)) {
            uint64_t others = load_word(at) ^ EACH_BYTE(' ');
            at += others == 0 ? (int)sizeof others : __builtin_ctzll(others) / 8;
        }
    }
    return at;
}

/* Nearly always there is none, or one blank: a comparison each says so. */
static inline uint8_t *skip_space(uint8_t *at, const uint8_t *end)
{
    if (at < end && *at <= ' ') {
        at += *at == ' ' ? 1 : 0;
        return at < end && *at <= ' ' ? skip_spaces(at, end) : at;
    }
    return at;
}

/* Marks the high bit of bytes that end a plain run of a string: quote, backslash, control. Bytes
 * above 0x7f may be marked, too, and so may bytes above a mark that is right (a borrow). */
static inline uint64_t mark_special(uint64_t word)
{
    uint64_t quote = (word ^ EACH_BYTE('"')) - EACH_BYTE(1);
    uint64_t backslash = (word ^ EACH_BYTE('\\')) - EACH_BYTE(1);
    uint64_t control = word - EACH_BYTE(0x20);
    return (quote | backslash | control) & EACH_BYTE(0x80);
}

/* Returns the first quote, backslash or control byte, or `end`. */
static inline const uint8_t *find_special(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= (ptrdiff_t)sizeof(uint64_t)) {
        uint64_t word = load_word(at);
        uint64_t marks = mark_special(word);
        if (marks != 0) {
            marks &= ~word; /* not those above 0x7f; the lowest of the rest is right */
            if (marks != 0) {
                return at + __builtin_ctzll(marks) / 8;
            }
        }
        at += sizeof(uint64_t);
    }
    while (at < end && *at >= 0x20 && *at != '"' && *at != '\\') {
        at++;
    }
    return at;
}

static inline uint8_t *skip_plain(uint8_t *at, const uint8_t *end)
{
    return at + (find_special(at, end) - at);
}

size_t cmx_json_scan_plain_len(const uint8_t *data, size_t len)
{
    return (size_t)(find_special(data, data + len) - data);
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

/* `at` is at a backslash or control byte inside a string. Returns what follows the string, or
 * NULL. */
static uint8_t *skip_string_rest(uint8_t *at, uint8_t *end)
{
    while (at < end && *at == '\\') {
        at = skip_escape(at + 1, end);
        if (at == NULL) {
            return NULL;
        }
        at = skip_plain(at, end);
    }
    return at < end && *at == '"' ? at + 1 : NULL;
}

/* `at` is at the opening quote. Returns what follows the closing one, or NULL. */
static inline uint8_t *skip_string(uint8_t *at, uint8_t *end)
{
    at = skip_plain(at + 1, end);
    return at < end && *at == '"' ? at + 1 : skip_string_rest(at, end);
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
static inline uint8_t *skip_scalar(uint8_t *at, uint8_t *end)
{
    if (*at == '"') {
        return skip_string(at, end);
    }
    switch (*at) {
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
    unsigned depth_max;
} nesting;

_Static_assert(CMX_JSON_SCAN_DEPTH_MAX == 64, "one bit of nesting.objects per level");

/* Behind a value: steps over the ends of what it closes and the comma behind it, to the next value.
 * Returns NULL if malformed; nest->depth is 0 when the outermost value has ended. */
static inline uint8_t *close_levels(uint8_t *at, uint8_t *end, nesting *nest)
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
    if (nest->depth == nest->depth_max) {
        return NULL;
    }
    nest->objects = nest->objects << 1 | (object ? 1 : 0);
    nest->depth++;
    return object ? skip_key(at, end) : at;
}

/* `at` is at '{' or '['. Returns what follows its end, or NULL. */
static uint8_t *skip_nested(uint8_t *at, uint8_t *end, unsigned depth_max)
{
    nesting nest = {.depth_max = depth_max};
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

/* `at` is at a value. Returns what follows it, or NULL. */
static inline uint8_t *skip_value(uint8_t *at, uint8_t *end, unsigned depth_max)
{
    if (at == end) {
        return NULL;
    }
    if (*at == '"') {
        return skip_string(at, end);
    }
    return is_open(at) ? skip_nested(at, end, depth_max) : skip_scalar(at, end);
}

bool cmx_json_scan_value_within(cmx_json_span *rest, unsigned depth_max, cmx_json_span *value)
{
    CMX_ASSERT(depth_max <= CMX_JSON_SCAN_DEPTH_MAX);
    uint8_t *start = skip_space(rest->at, rest->end);
    uint8_t *behind = skip_value(start, rest->end, depth_max);
    if (behind == NULL) {
        return false;
    }
    *value = (cmx_json_span){start, behind};
    rest->at = behind;
    return true;
}

bool cmx_json_scan_value(cmx_json_span *rest, cmx_json_span *value)
{
    return cmx_json_scan_value_within(rest, CMX_JSON_SCAN_DEPTH_MAX, value);
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

/* Behind a value: steps to the next one or behind the closing bracket. */
static inline int skip_separator(cmx_json_span *rest, uint8_t *at, uint8_t close)
{
    at = skip_space(at, rest->end);
    if (at == rest->end || (*at != ',' && *at != close)) {
        return CMX_ERR_MALFORMED;
    }
    bool last = *at == close;
    rest->at = last ? at + 1 : skip_space(at + 1, rest->end);
    return last ? CMX_AGAIN : CMX_OK;
}

int cmx_json_scan_next(cmx_json_span *rest)
{
    return skip_separator(rest, rest->at, ']');
}

/* `at` is at a name. Returns the value behind it, or NULL. */
static inline uint8_t *take_key(uint8_t *quote, uint8_t *end, cmx_json_key *key)
{
    if (quote == end || *quote != '"') {
        return NULL;
    }
    uint8_t *special = skip_plain(quote + 1, end);
    bool escaped = special == end || *special != '"';
    uint8_t *at = escaped ? skip_string_rest(special, end) : special + 1;
    if (at == NULL) {
        return NULL;
    }
    *key = (cmx_json_key){quote + 1, (size_t)(at - quote) - 2, escaped};
    at = skip_space(at, end);
    if (at == end || *at != ':') {
        return NULL;
    }
    return skip_space(at + 1, end);
}

int cmx_json_scan_member(cmx_json_span *rest, cmx_json_member *member)
{
    member->value.at = take_key(rest->at, rest->end, &member->key);
    if (member->value.at == NULL) {
        return CMX_ERR_MALFORMED;
    }
    member->value.end = skip_value(member->value.at, rest->end, CMX_JSON_SCAN_DEPTH_MAX);
    if (member->value.end == NULL) {
        return CMX_ERR_MALFORMED;
    }
    return skip_separator(rest, member->value.end, '}');
}

bool cmx_json_scan_walk(cmx_json_span *rest, unsigned depth_max, cmx_json_scan_take *take,
                        void *ctx)
{
    cmx_json_member member;
    int rc = cmx_json_scan_enter(rest, '{');
    while (rc == CMX_OK) {
        uint8_t *at = take_key(rest->at, rest->end, &member.key);
        if (at == NULL || at == rest->end) {
            return false;
        }
        bool opens = is_open(at);
        uint8_t *behind = opens ? rest->end : skip_scalar(at, rest->end);
        member.value = (cmx_json_span){at, behind};
        if (behind == NULL || !take(ctx, &member.key, &member.value)) {
            return false;
        }
        if (opens) {
            behind = member.value.at;
            behind = behind == at ? skip_nested(at, rest->end, depth_max) : behind;
        }
        rc = behind == NULL ? CMX_ERR_MALFORMED : skip_separator(rest, behind, '}');
    }
    return rc == CMX_AGAIN;
}

/* What the arithmetic on brackets above relies on. */
_Static_assert('{' + 2 == '}' && '[' + 2 == ']', "brackets are two apart");
