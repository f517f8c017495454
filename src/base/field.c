/* SPDX-License-Identifier: MIT */
/*
 * Byte classes of HTTP field names and values. Bytes above 0x7f may stand in a value (RFC 9110
 * calls them obs-text), never in a name.
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
