/* SPDX-License-Identifier: MIT */
/*
 * Three bytes become four letters; what is missing at the end is marked by '='. See base64.h.
 */
#include "base/base64.h"

size_t cmx_base64_write(cmx_view bytes, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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
