/* SPDX-License-Identifier: MIT */
/*
 * Byte classes of HTTP field names and values, and the names that mean something to us. Bytes above
 * 0x7f may stand in a value (RFC 9110 calls them obs-text), never in a name.
 */
#include "base/field.h"

static bool is_token_byte(uint8_t byte)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           memchr(marks, byte, sizeof(marks) - 1) != NULL;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

bool cmx_field_name_ok(cmx_view name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_byte(name.data[i])) {
            return false;
        }
    }
    return name.len > 0;
}

bool cmx_field_value_ok(cmx_view value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = value.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return value.len == 0 || (!is_blank(value.data[0]) && !is_blank(value.data[value.len - 1]));
}

bool cmx_field_text_ok(cmx_view value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] > 0x7e) {
            return false;
        }
    }
    return value.len > 0 && cmx_field_value_ok(value);
}

bool cmx_field_name_allowed(cmx_view name)
{
    static const char *const taken[] = {
        "accept",           "accept-encoding", /* a compressed answer could not be read */
        "authorization",                       /* the key has a place of its own */
        "connection",       "content-encoding",
        "content-length",   "content-type",
        "expect",           "host",
        "keep-alive",       "proxy-authorization",
        "proxy-connection", "te",
        "trailer",          "transfer-encoding",
        "upgrade",          "user-agent",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(taken); i++) {
        if (cmx_view_equal(name, cmx_view_text(taken[i]))) {
            return false;
        }
    }
    return true;
}

/* Compares from `at` on; `word` is lower case. */
static bool has_word_at(cmx_view name, size_t at, cmx_view word)
{
    if (at > name.len || word.len > name.len - at) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        uint8_t byte = name.data[at + i];
        if (byte >= 'A' && byte <= 'Z') {
            byte = (uint8_t)(byte - 'A' + 'a');
        }
        if (byte != word.data[i]) {
            return false;
        }
    }
    return true;
}

bool cmx_field_name_secret(cmx_view name)
{
    static const char *const inside[] = {"authorization", "cookie", "credential", "password",
                                         "secret"};
    static const char *const endings[] = {"auth", "key", "sig", "signature", "token"};

    for (size_t i = 0; i < CMX_ARRAY_LEN(endings); i++) {
        cmx_view word = cmx_view_text(endings[i]);
        if (name.len >= word.len && has_word_at(name, name.len - word.len, word)) {
            return true;
        }
    }
    for (size_t at = 0; at < name.len; at++) {
        for (size_t i = 0; i < CMX_ARRAY_LEN(inside); i++) {
            if (has_word_at(name, at, cmx_view_text(inside[i]))) {
                return true;
            }
        }
    }
    return false;
}
