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
    /* A compressed answer could not be read; the key has a place of its own. */
    static const char taken[] = "\6accept\17accept-encoding\15authorization\12connection"
                                "\20content-encoding\16content-length\14content-type\6expect\4host"
                                "\12keep-alive\23proxy-authorization\20proxy-connection\2te"
                                "\7trailer\21transfer-encoding\7upgrade\12user-agent";

    return cmx_view_word(name, taken) == CMX_VIEW_NONE;
}

/* Returns true if the name begins with one of `words`, which are in lower case, or just is it. */
static bool has_word(cmx_view name, const char *words, bool is_end)
{
    for (; words[0] != '\0'; words += 1 + words[0]) {
        size_t len = (size_t)words[0];
        if (cmx_view_begins(name, words + 1, len) && (!is_end || len == name.len)) {
            return true;
        }
    }
    return false;
}

bool cmx_field_name_secret(cmx_view name)
{
    for (; name.len > 0; cmx_view_skip(&name, 1)) {
        if (has_word(name, "\15authorization\6cookie\12credential\10password\6secret", false) ||
            has_word(name, "\4auth\3key\3sig\11signature\5token", true)) {
            return true;
        }
    }
    return false;
}
