/* SPDX-License-Identifier: MIT */
/*
 * The JSON half of the comparison program: jsmn, a walk over its tokens, and unescaping.
 * In: one payload. Out: members by key, text as UTF-8. A header, because each .c here is a program.
 * Must not know libcurl.
 */
#ifndef CURL_MULTI_JSON_H
#define CURL_MULTI_JSON_H

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static bool token_is(const char *json, const jsmntok_t *token, const char *text)
{
    const size_t len = (size_t)(token->end - token->start);

    return token->type == JSMN_STRING && len == strlen(text) &&
           memcmp(json + token->start, text, len) == 0;
}

/* The index after the value at `at` and everything in it. */
static int skip_value(const jsmntok_t *tokens, int count, int at)
{
    const int end = tokens[at].end;

    at++;
    while (at < count && tokens[at].start < end) {
        at++;
    }
    return at;
}

/* The value of `key` in the object at `at`; -1: none. */
static int find_member(const char *json, const jsmntok_t *tokens, int count, int at,
                       const char *key)
{
    const int members = tokens[at].size;

    if (tokens[at].type != JSMN_OBJECT) {
        return -1;
    }
    at++;
    for (int i = 0; i < members && at + 1 < count; i++) {
        if (token_is(json, &tokens[at], key)) {
            return at + 1;
        }
        at = skip_value(tokens, count, at + 1);
    }
    return -1;
}

static uint32_t hex4(const char *text)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        const char c = text[i];
        const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

        value = value << 4 | (uint32_t)(digit & 15);
    }
    return value;
}

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* `text` begins after "\u" and is checked by jsmn to have four digits. Returns the input used. */
static size_t unescape_unicode(const char *text, size_t len, char *out, size_t *out_len)
{
    uint32_t code = hex4(text);
    size_t used = 4;

    if (code >= 0xd800 && code < 0xdc00 && len >= 10 && text[4] == '\\' && text[5] == 'u') {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(text + 6) - 0xdc00);
        used = 10;
    }
    *out_len += put_utf8(out + *out_len, code);
    return used;
}

/* Never longer than its input, so `out` of the line's size is enough. */
static size_t unescape(const char *text, size_t len, char *out)
{
    size_t out_len = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\\' || i + 1 == len) {
            out[out_len++] = text[i];
            continue;
        }
        i++;
        switch (text[i]) {
        case 'n':
            out[out_len++] = '\n';
            break;
        case 't':
            out[out_len++] = '\t';
            break;
        case 'r':
            out[out_len++] = '\r';
            break;
        case 'b':
            out[out_len++] = '\b';
            break;
        case 'f':
            out[out_len++] = '\f';
            break;
        case 'u':
            if (len - i > 4) {
                i += unescape_unicode(text + i + 1, len - i - 1, out, &out_len);
            }
            break;
        default:
            out[out_len++] = text[i];
            break;
        }
    }
    return out_len;
}

#endif
