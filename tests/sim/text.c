/* SPDX-License-Identifier: MIT */
/*
 * The text of simulated completions; see text.h. It is full of what decoders get wrong: quotes,
 * backslashes, line ends, characters of two, three and four bytes.
 */
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_KINDS = 8 };

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

void sim_text_unit(uint64_t seed, uint32_t k, uint64_t index, uint8_t out[SIM_UNIT_BYTES])
{
    static const char *const special[TEXT_KINDS] = {
        "\"a\\b", "\n: x", "\xC3\xA9\xC3\xBC", "\xE4\xB8\xAD.", "\xF0\x9F\x98\x80",
        "{}[]",   "\t/&<", "\xC2\x85\r\n"};
    uint64_t drawn = mix(mix(seed + UINT64_C(0x9E3779B97F4A7C15) * (k + 1)) + index);

    if (drawn % 3 == 0) {
        memcpy(out, special[(drawn >> 8) % TEXT_KINDS], SIM_UNIT_BYTES);
        return;
    }
    for (int i = 0; i < SIM_UNIT_BYTES; i++) {
        out[i] = (uint8_t)('a' + (drawn >> (8 + 8 * i)) % 26);
    }
}

static size_t escape_byte(uint8_t byte, uint32_t style, char *out)
{
    static const char names[] = "\"\\\n\r\t";
    static const char letters[] = "\"\\nrt";
    const char *at = byte == '\0' ? NULL : strchr(names, byte);

    if (at != NULL && style % 2 == 0) {
        out[0] = '\\';
        out[1] = letters[at - names];
        return 2;
    }
    if (at != NULL) {
        return (size_t)snprintf(out, 7, "\\u%04x", byte);
    }
    out[0] = (char)byte;
    return 1;
}

size_t sim_text_json(const uint8_t unit[SIM_UNIT_BYTES], uint32_t style, char *out)
{
    size_t len = 0;

    if (unit[0] >= 0xF0 && style % 2 == 1) {
        return (size_t)snprintf(out, SIM_UNIT_JSON_MAX, "\\ud83d\\uDE%02X", unit[3] & 0x3F);
    }
    for (int i = 0; i < SIM_UNIT_BYTES; i++) {
        len += escape_byte(unit[i], style, out + len);
    }
    return len;
}

bool sim_text_matches(uint64_t seed, uint32_t k, uint64_t offset, const char *bytes, size_t len)
{
    uint8_t unit[SIM_UNIT_BYTES];

    for (size_t i = 0; i < len; i++) {
        uint64_t at = offset + i;
        if (i == 0 || at % SIM_UNIT_BYTES == 0) {
            sim_text_unit(seed, k, at / SIM_UNIT_BYTES, unit);
        }
        if ((uint8_t)bytes[i] != unit[at % SIM_UNIT_BYTES]) {
            return false;
        }
    }
    return true;
}
