/* SPDX-License-Identifier: MIT */
/*
 * One pass with a cursor that never moves over a byte that cannot stand where it is: wherever a
 * step fails, the cursor is the answer. Nesting is one bit per level, as in json_scan.
 */
#include "text/json_check.h"

typedef struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t objects; /* one bit per level, the innermost is the lowest, set for an object */
    unsigned depth;
} cursor;

_Static_assert(CMX_JSON_SCAN_DEPTH_MAX == 64, "one bit of cursor.objects per level");

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(uint8_t byte)
{
    return is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

static void skip_space(cursor *here)
{
    while (here->at < here->end &&
           (*here->at == ' ' || *here->at == '\n' || *here->at == '\r' || *here->at == '\t')) {
        here->at++;
    }
}

static bool is_at(const cursor *here, uint8_t byte)
{
    return here->at < here->end && *here->at == byte;
}

static bool skip_byte(cursor *here, uint8_t byte)
{
    if (!is_at(here, byte)) {
        return false;
    }
    here->at++;
    return true;
}

static bool skip_digits(cursor *here)
{
    const uint8_t *start = here->at;
    while (here->at < here->end && is_digit(*here->at)) {
        here->at++;
    }
    return here->at > start;
}

static bool skip_number(cursor *here)
{
    (void)skip_byte(here, '-');
    if (!skip_byte(here, '0') && !skip_digits(here)) {
        return false;
    }
    if (skip_byte(here, '.') && !skip_digits(here)) {
        return false;
    }
    if (skip_byte(here, 'e') || skip_byte(here, 'E')) {
        (void)(skip_byte(here, '+') || skip_byte(here, '-'));
        return skip_digits(here);
    }
    return true;
}

static bool skip_word(cursor *here, const char *word)
{
    for (; *word != '\0'; word++) {
        if (!skip_byte(here, (uint8_t)*word)) {
            return false;
        }
    }
    return true;
}

/* Behind the backslash. */
static bool skip_escape(cursor *here)
{
    if (here->at == here->end) {
        return false;
    }
    if (*here->at != 'u') {
        bool known = memchr("\"\\/bfnrt", *here->at, 8) != NULL;
        here->at += known ? 1 : 0;
        return known;
    }
    here->at++;
    for (int i = 0; i < 4; i++) {
        if (here->at == here->end || !is_hex(*here->at)) {
            return false;
        }
        here->at++;
    }
    return true;
}

static bool skip_string(cursor *here)
{
    if (!skip_byte(here, '"')) {
        return false;
    }
    do {
        here->at += cmx_json_scan_plain_len(here->at, (size_t)(here->end - here->at));
        if (skip_byte(here, '"')) {
            return true;
        }
    } while (skip_byte(here, '\\') && skip_escape(here));
    return false;
}

static bool skip_scalar(cursor *here)
{
    switch (here->at < here->end ? *here->at : 0) {
    case '"':
        return skip_string(here);
    case 't':
        return skip_word(here, "true");
    case 'f':
        return skip_word(here, "false");
    case 'n':
        return skip_word(here, "null");
    default:
        return skip_number(here);
    }
}

/* At a key: steps over it and its colon to the value. */
static bool skip_key(cursor *here)
{
    if (!skip_string(here)) {
        return false;
    }
    skip_space(here);
    if (!skip_byte(here, ':')) {
        return false;
    }
    skip_space(here);
    return true;
}

/* Behind a value: steps over the ends of what it closes, and to the next value if one follows;
 * depth is 0 when the outermost value has ended. */
static bool close_levels(cursor *here)
{
    while (here->depth > 0) {
        bool object = (here->objects & 1) != 0;
        skip_space(here);
        if (skip_byte(here, ',')) {
            skip_space(here);
            return !object || skip_key(here);
        }
        if (!skip_byte(here, object ? '}' : ']')) {
            return false;
        }
        here->objects >>= 1;
        here->depth--;
    }
    return true;
}

/* At an opening bracket: steps to the first value inside, or behind the whole if it is empty. */
static bool open_level(cursor *here)
{
    bool object = *here->at == '{';
    if (here->depth == CMX_JSON_SCAN_DEPTH_MAX) {
        return false;
    }
    here->at++;
    here->objects = here->objects << 1 | (object ? 1 : 0);
    here->depth++;
    skip_space(here);
    if (is_at(here, object ? '}' : ']')) {
        return close_levels(here);
    }
    return !object || skip_key(here);
}

bool cmx_json_check(cmx_view text, size_t *offset)
{
    const uint8_t *start = text.len > 0 ? text.data : (const uint8_t *)"";
    cursor here = {.at = start, .end = start + text.len};
    skip_space(&here);
    const uint8_t *value = here.at;
    bool valid;
    do {
        bool opens = is_at(&here, '{') || is_at(&here, '[');
        valid = opens ? open_level(&here) : skip_scalar(&here) && close_levels(&here);
    } while (valid && here.depth > 0);
    if (valid) {
        skip_space(&here);
        valid = here.at == here.end;
    }
    *offset = (size_t)((valid ? value : here.at) - start);
    return valid;
}
