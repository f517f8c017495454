/* SPDX-License-Identifier: MIT */
/*
 * A JSON number is digits with a decimal point somewhere; whether it is whole is decided by where
 * the point ends up after the exponent, so no precision is ever lost.
 */
#include "text/number.h"

enum {
    EXPONENT_MAX = 999, /* more digits than any count has */
    PLAIN_DIGITS_MAX = 19,
    PICO_DIGITS = 12,
};

/* A number as it is written: `end` bytes of digits and perhaps a point. */
typedef struct decimal {
    size_t end;
    int64_t left; /* digits left of the final point; the exponent is in it */
} decimal;

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool append_digit(uint64_t *value, uint8_t digit)
{
    if (*value > (UINT64_MAX - digit) / 10) {
        return false;
    }
    *value = *value * 10 + digit;
    return true;
}

/* Reads "e-12" at `at`. Returns false if it is not one; an exponent beyond reason counts as
 * EXPONENT_MAX. */
static bool read_exponent(cmx_view text, size_t at, int *exponent)
{
    *exponent = 0;
    if (at == text.len) {
        return true;
    }
    if (text.data[at] != 'e' && text.data[at] != 'E') {
        return false;
    }
    at++;
    bool negative = at < text.len && text.data[at] == '-';
    if (at < text.len && (text.data[at] == '-' || text.data[at] == '+')) {
        at++;
    }
    if (at == text.len) {
        return false;
    }
    for (; at < text.len; at++) {
        if (!is_digit(text.data[at])) {
            return false;
        }
        *exponent = *exponent * 10 + (text.data[at] - '0');
        if (*exponent > EXPONENT_MAX) {
            *exponent = EXPONENT_MAX;
        }
    }
    if (negative) {
        *exponent = -*exponent;
    }
    return true;
}

/* Nearly all counts are plain digits, and so few that they cannot overflow. */
static bool read_plain(cmx_view text, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

/* Finds digits, point and exponent. Returns false if it is not a number, or a negative one. */
static bool split(cmx_view text, decimal *out)
{
    size_t end = 0;
    size_t point = SIZE_MAX; /* where the fraction begins */
    while (end < text.len && (is_digit(text.data[end]) || text.data[end] == '.')) {
        if (text.data[end] == '.') {
            if (point != SIZE_MAX || end == 0) {
                return false;
            }
            point = end + 1;
        }
        end++;
    }
    int exponent = 0;
    if (end == 0 || point == end || !read_exponent(text, end, &exponent)) {
        return false;
    }
    size_t whole = point == SIZE_MAX ? end : point - 1;
    *out = (decimal){.end = end, .left = (int64_t)whole + exponent};
    return true;
}

/* Appends the zeros that an exponent stands for. Returns false if they do not fit. */
static bool append_zeros(uint64_t *value, int64_t count)
{
    for (; count > 0 && *value > 0; count--) {
        if (!append_digit(value, 0)) {
            return false;
        }
    }
    return true;
}

/* Reads a number times 10^shift. With `rounds`, what is then right of the point is rounded, half
 * up, and what does not fit is UINT64_MAX; without, there is no such number. */
static bool read_shifted(cmx_view text, int64_t shift, bool rounds, uint64_t *value)
{
    decimal number;
    if (!split(text, &number)) {
        return false;
    }
    int64_t left = number.left + shift;
    uint64_t sum = 0;
    bool fits = true;
    for (size_t i = 0; i < number.end; i++) {
        if (text.data[i] == '.') {
            continue;
        }
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (left > 0) {
            fits = fits && append_digit(&sum, digit);
        } else if (!rounds && digit != 0) {
            return false;
        } else if (left == 0 && digit >= 5) { /* the first one beyond decides */
            fits = fits && sum < UINT64_MAX;
            sum += fits ? 1 : 0;
        }
        left--;
    }
    fits = fits && append_zeros(&sum, left);
    if (!fits && !rounds) {
        return false;
    }
    *value = fits ? sum : UINT64_MAX;
    return true;
}

bool cmx_number_read_count(cmx_view text, uint64_t *value)
{
    bool is_short = text.len > 0 && text.len <= PLAIN_DIGITS_MAX;
    return (is_short && read_plain(text, value)) || read_shifted(text, 0, false, value);
}

bool cmx_number_read_pico(cmx_view text, uint64_t *value)
{
    return read_shifted(text, PICO_DIGITS, true, value);
}

size_t cmx_number_write(uint8_t out[CMX_NUMBER_BYTES_MAX], uint64_t value)
{
    uint8_t reversed[CMX_NUMBER_BYTES_MAX];
    size_t len = 0;
    do {
        reversed[len++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < len; i++) {
        out[i] = reversed[len - 1 - i];
    }
    return len;
}

size_t cmx_number_write_decimal(uint8_t out[CMX_NUMBER_BYTES_MAX], uint64_t value,
                                uint32_t decimals)
{
    uint64_t unit = 1;
    for (uint32_t i = 0; i < decimals; i++) {
        unit *= 10;
    }
    size_t len = cmx_number_write(out, value / unit);
    uint64_t rest = value % unit;
    if (rest == 0) {
        return len;
    }
    out[len++] = '.';
    for (unit /= 10; rest > 0; unit /= 10) {
        out[len++] = (uint8_t)('0' + rest / unit);
        rest %= unit;
    }
    return len;
}
