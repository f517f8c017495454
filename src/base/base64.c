/* SPDX-License-Identifier: MIT */
/*
 * Three bytes become four letters and four letters three bytes; what is missing at the end is
 * marked by '='. See base64.h.
 */
#include "base/base64.h"

#include <string.h>

static const char letters[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t cmx_base64_write(cmx_view bytes, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.data[i + 2] : 0;
        out[len++] = letters[group >> 18];
        out[len++] = letters[group >> 12 & 63];
        out[len++] = left > 1 ? letters[group >> 6 & 63] : '=';
        out[len++] = left > 2 ? letters[group & 63] : '=';
    }
    return len;
}

size_t cmx_base64_read(cmx_view text, uint8_t *out)
{
    uint32_t group = 0; /* the bits of the letters read last */
    size_t count = 0;   /* letters and marks */
    size_t marks = 0;
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        const char *letter = memchr(letters, byte, sizeof(letters));
        if (byte == ' ' || (byte >= '\t' && byte <= '\r')) {
            continue;
        }
        if (letter != NULL && marks == 0) {
            group = group << 6 | (uint32_t)(letter - letters);
        } else if (byte == '=' && count % 4 >= 2) {
            group <<= 6;
            marks++;
        } else {
            return 0;
        }
        count++;
        if (count % 4 == 0) {
            out[len++] = (uint8_t)(group >> 16);
            out[len++] = (uint8_t)(group >> 8);
            out[len++] = (uint8_t)group;
        }
    }
    return count % 4 == 0 ? len - marks : 0;
}
