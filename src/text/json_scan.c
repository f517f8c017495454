/* SPDX-License-Identifier: MIT */
/*
 * The scanner. Nearly all bytes of an answer lie in strings that nobody reads, so strings pass
 * eight bytes at a time; nesting is one bit per level, so a value of any size needs no stack.
 */
#include "text/json_scan.h"

#include "text/word.h"

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Indented JSON has a line end and then blanks, up to a dozen. `at` may be at anything. */
static uint8_t *skip_spaces(uint8_t *at, const uint8_t *end)
{
    while (at < end && is_space(*at)) {
        at++;
        while (end - at >= CMX_WORD_LEN) {
            uint64_t others = cmx_word_load(at) ^ CMX_WORD_EACH(' ');
            if (others != 0) {
                at += cmx_word_first(others);
                break;
            }
            at += CMX_WORD_LEN;
        }
    }
    return at;
}

/* Where there is nearly always none. */
static inline uint8_t *skip_rare_space(uint8_t *at, const uint8_t *end)
{
    return at < end && *at <= ' ' ? skip_spaces(at, end) : at;
}

/* Where one blank is as likely as none: a comparison each says so. */
static inline uint8_t *skip_space(uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == ' ') {
        at++;
    }
    return skip_rare_space(at, end);
}

/* Marks the high bit of bytes that end a plain run of a string: quote, backslash, control. Bytes
 * above 0x7f may be marked, too, and so may bytes above a mark that is right (a borrow). */
static inline uint64_t mark_special(uint64_t word)
{
    /* With this bit turned, the quote is 0x20 and all below it are the controls. */
    uint64_t quote_or_control = (word ^ CMX_WORD_EACH('"' ^ 0x20)) - CMX_WORD_EACH(0x21);
    uint64_t backslash = (word ^ CMX_WORD_EACH('\\')) - CMX_WORD_EACH(1);
    return (quote_or_control | backslash) & CMX_WORD_EACH(0x80);
}

/* Returns the first quote, backslash or control byte, or `end`. */
static inline const uint8_t *find_special(const uint8_t *at, const uint8_t *end)
{
    /* Counted down to below 0, which costs nothing to see. */
    for (ptrdiff_t left = end - at - CMX_WORD_LEN; left >= 0; left -= CMX_WORD_LEN) {
        uint64_t word = cmx_word_load(at);
        uint64_t marks = mark_special(word);
        if (marks != 0) {
            marks &= ~word; /* not those above 0x7f; the lowest of the rest is right */
            if (marks != 0) {
                return at + cmx_word_first(marks);
            }
        }
        at += CMX_WORD_LEN;
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
    const uint8_t *behind_words = data + (len - len % CMX_WORD_LEN);
    const uint8_t *at = find_special(data, behind_words);
    if (at < behind_words) {
        return (size_t)(at - data);
    }
    const uint8_t *end = data + len;
    at = len < CMX_WORD_LEN ? at : end - CMX_WORD_LEN; /* overlaps what is known to be plain */
    return (size_t)(find_special(at, end) - data);
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
    switch (*at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 1;
    case 'u':
        break;
    default:
        return NULL;
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
    at = skip_rare_space(at, end);
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
        at = skip_rare_space(at, end);
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

bool cmx_json_scan_skip(cmx_json_span *rest, unsigned depth_max)
{
    CMX_ASSERT(depth_max <= CMX_JSON_SCAN_DEPTH_MAX);
    uint8_t *behind = skip_value(skip_space(rest->at, rest->end), rest->end, depth_max);
    if (behind == NULL) {
        return false;
    }
    rest->at = behind;
    return true;
}

bool cmx_json_scan_value(cmx_json_span *rest, cmx_json_span *value)
{
    cmx_json_scan_space(rest);
    value->at = rest->at;
    bool skipped = cmx_json_scan_skip(rest, CMX_JSON_SCAN_DEPTH_MAX);
    value->end = rest->at;
    return skipped;
}

/* As cmx_json_scan_enter(). */
static inline int step_in(cmx_json_span *rest, uint8_t open)
{
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

int cmx_json_scan_enter(cmx_json_span *rest, uint8_t open)
{
    CMX_ASSERT(open == '{' || open == '[');
    return step_in(rest, open);
}

bool cmx_json_scan_is_empty(cmx_json_span nested)
{
    return step_in(&nested, *nested.at) == CMX_AGAIN;
}

/* Behind a value: steps to the next one or behind the closing bracket. */
static inline int skip_separator(cmx_json_span *rest, uint8_t *at, uint8_t close)
{
    at = skip_rare_space(at, rest->end);
    if (at == rest->end) {
        return CMX_ERR_MALFORMED;
    }
    if (*at == ',') {
        rest->at = skip_space(at + 1, rest->end);
        return CMX_OK;
    }
    rest->at = at + 1;
    return *at == close ? CMX_AGAIN : CMX_ERR_MALFORMED;
}

int cmx_json_scan_next(cmx_json_span *rest)
{
    return skip_separator(rest, rest->at, ']');
}

/* Takes a name and steps to the value behind it. Returns false if malformed. */
static inline bool take_key(cmx_json_span *rest, cmx_json_key *key)
{
    uint8_t *at = rest->at;
    if (at == rest->end || *at != '"') {
        return false;
    }
    key->data = ++at;
    at = skip_plain(at, rest->end);
    key->escaped = at == rest->end || *at != '"';
    if (key->escaped) {
        at = skip_string_rest(at, rest->end);
        if (at == NULL) {
            return false;
        }
        at--;
    }
    key->len = (size_t)(at - key->data);
    at = skip_rare_space(at + 1, rest->end);
    if (at == rest->end || *at != ':') {
        return false;
    }
    rest->at = skip_space(at + 1, rest->end);
    return rest->at < rest->end;
}

int cmx_json_scan_member(cmx_json_span *rest, cmx_json_member *member)
{
    cmx_json_span here = *rest;
    if (!take_key(&here, &member->key)) {
        return CMX_ERR_MALFORMED;
    }
    uint8_t *behind = skip_value(here.at, here.end, CMX_JSON_SCAN_DEPTH_MAX);
    if (behind == NULL) {
        return CMX_ERR_MALFORMED;
    }
    member->value = (cmx_json_span){here.at, behind};
    return skip_separator(rest, behind, '}');
}

/* `value` is at an object or array, and ends where the text ends. Steps over what is left of it
 * once it was taken; NULL if malformed. */
static inline uint8_t *take_nested(cmx_json_member *member, unsigned depth_max,
                                   cmx_json_scan_take *take, void *ctx)
{
    cmx_json_span *value = &member->value;
    uint8_t *at = value->at;
    if (!take(ctx, &member->key, value)) {
        return NULL;
    }
    return value->at == at ? skip_nested(at, value->end, depth_max) : value->at;
}

bool cmx_json_scan_walk(cmx_json_span *rest, unsigned depth_max, cmx_json_scan_take *take,
                        void *ctx)
{
    CMX_FILLED_LATER cmx_json_member member;
    cmx_json_span here = *rest;
    int rc = step_in(&here, '{');
    while (rc == CMX_OK) {
        if (!take_key(&here, &member.key)) {
            return false;
        }
        uint8_t *behind;
        member.value = here;
        if (is_open(here.at)) {
            behind = take_nested(&member, depth_max, take, ctx);
        } else {
            behind = skip_scalar(here.at, here.end);
            member.value.end = behind;
            if (behind != NULL && !take(ctx, &member.key, &member.value)) {
                return false;
            }
        }
        rc = behind == NULL ? CMX_ERR_MALFORMED : skip_separator(&here, behind, '}');
    }
    rest->at = here.at;
    return rc == CMX_AGAIN;
}

/* What the arithmetic on brackets above relies on. */
_Static_assert('{' + 2 == '}' && '[' + 2 == ']', "brackets are two apart");
