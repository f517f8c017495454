/* SPDX-License-Identifier: MIT */
/*
 * The strict walker: one pass, an explicit stack of bounded depth, no copies.
 * In: bytes. Out: values of the first two levels through a visitor.
 * Must not know what a chat request is.
 */
#include "json.h"

#include <stdint.h>
#include <string.h>

typedef struct level {
    bool object;
    size_t count;
    size_t start;
    relay_json_text key;
} level;

typedef struct walker {
    const char *data;
    size_t len;
    size_t at;
    size_t depth;
    level levels[RELAY_JSON_DEPTH_MAX];
    relay_json_visit *visit;
    void *context;
} walker;

static bool at_byte(const walker *w, char c)
{
    return w->at < w->len && w->data[w->at] == c;
}

static bool take_byte(walker *w, char c)
{
    if (!at_byte(w, c)) {
        return false;
    }
    w->at++;
    return true;
}

static void skip_space(walker *w)
{
    while (at_byte(w, ' ') || at_byte(w, '\t') || at_byte(w, '\n') || at_byte(w, '\r')) {
        w->at++;
    }
}

static bool is_digit(const walker *w)
{
    return w->at < w->len && w->data[w->at] >= '0' && w->data[w->at] <= '9';
}

/* One UTF-8 sequence of two bytes or more: no overlong form, no surrogate, nothing above U+10FFFF.
 */
static bool take_utf8(walker *w)
{
    const unsigned char lead = (unsigned char)w->data[w->at];
    const size_t tail = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    uint32_t code = lead & (0x3fu >> tail);

    if (lead < 0xc2 || lead > 0xf4 || w->len - w->at <= tail) {
        return false;
    }
    for (size_t i = 1; i <= tail; i++) {
        const unsigned char next = (unsigned char)w->data[w->at + i];

        if ((next & 0xc0) != 0x80) {
            return false;
        }
        code = (code << 6) | (next & 0x3fu);
    }
    w->at += tail + 1;
    if ((tail == 2 && code < 0x800) || (tail == 3 && code < 0x10000)) {
        return false;
    }
    return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static bool take_escape(walker *w)
{
    char c;

    if (w->at >= w->len) {
        return false;
    }
    c = w->data[w->at++];
    if (c != 'u') {
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    }
    for (int i = 0; i < 4; i++) {
        if (w->at >= w->len || w->data[w->at] == '\0' ||
            strchr("0123456789abcdefABCDEF", w->data[w->at]) == NULL) {
            return false;
        }
        w->at++;
    }
    return true;
}

static bool take_string(walker *w, relay_json_text *out)
{
    if (!take_byte(w, '"')) {
        return false;
    }
    out->data = w->data + w->at;
    while (w->at < w->len) {
        const unsigned char c = (unsigned char)w->data[w->at];

        if (c == '"') {
            out->len = (size_t)(w->data + w->at - out->data);
            w->at++;
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        if (c >= 0x80) {
            if (!take_utf8(w)) {
                return false;
            }
            continue;
        }
        w->at++;
        if (c == '\\' && !take_escape(w)) {
            return false;
        }
    }
    return false;
}

static bool take_digits(walker *w)
{
    if (!is_digit(w)) {
        return false;
    }
    while (is_digit(w)) {
        w->at++;
    }
    return true;
}

static bool take_number(walker *w)
{
    (void)take_byte(w, '-');
    if (!take_byte(w, '0') && !take_digits(w)) {
        return false;
    }
    if (take_byte(w, '.') && !take_digits(w)) {
        return false;
    }
    if (take_byte(w, 'e') || take_byte(w, 'E')) {
        if (!take_byte(w, '+')) {
            (void)take_byte(w, '-');
        }
        return take_digits(w);
    }
    return true;
}

static bool take_word(walker *w, const char *word)
{
    const size_t word_len = strlen(word);

    if (w->len - w->at < word_len || memcmp(w->data + w->at, word, word_len) != 0) {
        return false;
    }
    w->at += word_len;
    return true;
}

/* depth counts the open containers around the value: 1 = member of the top object */
static void report(const walker *w, size_t depth, relay_json_value *value)
{
    if (depth < 1 || depth > 2 || !w->levels[0].object || !w->levels[depth - 1].object) {
        return;
    }
    value->outer = w->levels[0].key;
    if (depth == 2) {
        value->inner = w->levels[1].key;
    }
    w->visit(w->context, value);
}

static bool take_scalar(walker *w)
{
    relay_json_value value = {0};
    const size_t start = w->at;
    bool valid;

    if (at_byte(w, '"')) {
        value.kind = RELAY_JSON_STRING;
        valid = take_string(w, &value.raw);
    } else if (at_byte(w, 't')) {
        value.kind = RELAY_JSON_TRUE;
        valid = take_word(w, "true");
    } else if (at_byte(w, 'f')) {
        value.kind = RELAY_JSON_FALSE;
        valid = take_word(w, "false");
    } else if (at_byte(w, 'n')) {
        value.kind = RELAY_JSON_NULL;
        valid = take_word(w, "null");
    } else {
        value.kind = RELAY_JSON_NUMBER;
        valid = take_number(w);
    }
    if (!valid) {
        return false;
    }
    if (value.kind != RELAY_JSON_STRING) {
        value.raw.data = w->data + start;
        value.raw.len = w->at - start;
    }
    report(w, w->depth, &value);
    return true;
}

static bool take_key(walker *w)
{
    skip_space(w);
    if (!take_string(w, &w->levels[w->depth - 1].key)) {
        return false;
    }
    skip_space(w);
    return take_byte(w, ':');
}

static void close_level(walker *w)
{
    const level *top = &w->levels[w->depth - 1];
    relay_json_value value = {0};

    value.kind = top->object ? RELAY_JSON_OBJECT : RELAY_JSON_ARRAY;
    value.raw.data = w->data + top->start;
    value.raw.len = w->at - top->start;
    value.count = top->count;
    w->depth--;
    report(w, w->depth, &value);
}

/* After a value: the ends of the containers it closes, up to a comma or the end of the text. */
static bool take_ends(walker *w)
{
    while (w->depth > 0) {
        level *top = &w->levels[w->depth - 1];

        skip_space(w);
        if (take_byte(w, ',')) {
            top->count++;
            return !top->object || take_key(w);
        }
        if (!take_byte(w, top->object ? '}' : ']')) {
            return false;
        }
        top->count++;
        close_level(w);
    }
    return true;
}

/* An opening bracket was taken. Sets *empty when the container ended at once. */
static bool open_level(walker *w, bool object, bool *empty)
{
    level *top;

    if (w->depth == RELAY_JSON_DEPTH_MAX) {
        return false;
    }
    top = &w->levels[w->depth++];
    memset(top, 0, sizeof *top);
    top->object = object;
    top->start = w->at - 1;
    skip_space(w);
    *empty = take_byte(w, object ? '}' : ']');
    if (*empty) {
        close_level(w);
        return true;
    }
    return !object || take_key(w);
}

static bool take_value(walker *w, bool *complete)
{
    *complete = true;
    skip_space(w);
    if (take_byte(w, '{')) {
        return open_level(w, true, complete);
    }
    if (take_byte(w, '[')) {
        return open_level(w, false, complete);
    }
    return take_scalar(w);
}

bool relay_json_walk(const char *data, size_t len, relay_json_visit *visit, void *context)
{
    walker w;
    bool complete;

    w.data = data;
    w.len = len;
    w.at = 0;
    w.depth = 0;
    w.visit = visit;
    w.context = context;
    skip_space(&w);
    if (!at_byte(&w, '{')) {
        return false;
    }
    do {
        if (!take_value(&w, &complete)) {
            return false;
        }
        if (complete && !take_ends(&w)) {
            return false;
        }
    } while (w.depth > 0);
    skip_space(&w);
    return w.at == w.len;
}

bool relay_json_is(relay_json_text text, const char *literal)
{
    return text.data != NULL && text.len == strlen(literal) &&
           memcmp(text.data, literal, text.len) == 0;
}
