/* SPDX-License-Identifier: MIT */
/*
 * Durations and moments as milliseconds from now. See duration.h. Sums are nanoseconds in 64 bits
 * (584 years) that saturate; parts of a millisecond round up once, at the end.
 */
#include "text/duration.h"

#include "text/httpdate.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define PARTS UINT64_C(1000000000000)        /* of one: twelve digits behind the point */
#define EPOCH_S_MIN UINT64_C(1000000000)     /* September 2001 as a moment, 31 years as a wait */
#define EPOCH_MS_MIN UINT64_C(1000000000000) /* September 2001, too */

/* A number without a sign. Digits beyond the twelfth round it up. */
struct decimal {
    uint64_t whole; /* saturates */
    uint64_t parts; /* 0..PARTS */
};

#define NAME(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static const struct {
    cmx_view name;
    uint64_t ns;
} units[] = {
    {NAME("h"), 3600 * NS_PER_S}, {NAME("m"), 60 * NS_PER_S},
    {NAME("s"), NS_PER_S},        {NAME("ms"), NS_PER_MS},
    {NAME("us"), 1000},           {NAME("\xc2\xb5s"), 1000}, /* MICRO SIGN */
    {NAME("\xce\xbcs"), 1000},    {NAME("ns"), 1},           /* GREEK SMALL LETTER MU */
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply_saturating(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static cmx_view trim(cmx_view text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* Takes "12", "12.5", "12." or ".5" off the front, the numbers of a Go duration. */
static bool take_decimal(cmx_view *text, struct decimal *number)
{
    *number = (struct decimal){0, 0};
    size_t at = 0;
    for (; at < text->len && is_digit(text->data[at]); at++) {
        uint64_t shifted = multiply_saturating(number->whole, 10);
        number->whole = add_saturating(shifted, (uint64_t)(text->data[at] - '0'));
    }
    size_t digits = at;
    if (at < text->len && text->data[at] == '.') {
        uint64_t unit = PARTS / 10;
        bool finer = false; /* a digit beyond the twelfth is not zero */
        for (at++; at < text->len && is_digit(text->data[at]); at++) {
            uint64_t digit = (uint64_t)(text->data[at] - '0');
            number->parts += digit * unit;
            finer = finer || (unit == 0 && digit != 0);
            unit /= 10;
            digits++;
        }
        number->parts += finer;
    }
    text->data += at;
    text->len -= at;
    return digits > 0;
}

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* The longest unit has 3600 s, so no product leaves 64 bits. */
static uint64_t to_ns(const struct decimal *number, uint64_t unit_ns)
{
    uint64_t part_ns = unit_ns >= NS_PER_S
                           ? divide_up(number->parts * (unit_ns / NS_PER_S), PARTS / NS_PER_S)
                           : divide_up(number->parts * unit_ns, PARTS);
    return add_saturating(multiply_saturating(number->whole, unit_ns), part_ns);
}

static uint32_t clamp_ms(uint64_t ms)
{
    return ms > CMX_DURATION_MS_MAX ? CMX_DURATION_MS_MAX : (uint32_t)ms;
}

static uint32_t ns_to_ms(uint64_t ns)
{
    return clamp_ms(divide_up(ns, NS_PER_MS));
}

/* Takes the letters up to the next number off the front: a unit is all of them or none. */
static bool take_unit(cmx_view *text, uint64_t *unit_ns)
{
    size_t len = 0;
    while (len < text->len && !is_digit(text->data[len]) && text->data[len] != '.') {
        len++;
    }
    cmx_view name = {text->data, len};
    for (size_t i = 0; i < CMX_ARRAY_LEN(units); i++) {
        if (cmx_view_equal(name, units[i].name)) {
            *unit_ns = units[i].ns;
            text->data += len;
            text->len -= len;
            return true;
        }
    }
    return false;
}

/* Returns false without a clock: then nobody can tell how far away the moment is. */
static bool until(uint64_t moment_unix_ms, int64_t now_unix_ms, uint32_t *ms)
{
    if (now_unix_ms <= 0) {
        return false;
    }
    uint64_t now_ms = (uint64_t)now_unix_ms;
    *ms = moment_unix_ms > now_ms ? clamp_ms(moment_unix_ms - now_ms) : 0;
    return true;
}

static bool read_date(cmx_view text, int64_t now_unix_ms, uint32_t *ms)
{
    int64_t unix_s = 0;
    int64_t unix_ms = 0;
    if (cmx_httpdate_read(text, now_unix_ms / 1000, &unix_s)) {
        unix_ms = unix_s * 1000;
    } else if (!cmx_httpdate_read_rfc3339(text, &unix_ms)) {
        return false;
    }
    return until(unix_ms > 0 ? (uint64_t)unix_ms : 0, now_unix_ms, ms);
}

static bool read_number(const struct decimal *number, int64_t now_unix_ms, uint32_t *ms)
{
    if (number->whole >= EPOCH_MS_MIN) {
        return until(number->whole, now_unix_ms, ms);
    }
    if (number->whole >= EPOCH_S_MIN) {
        uint64_t part_ms = divide_up(number->parts, PARTS / 1000);
        return until(number->whole * 1000 + part_ms, now_unix_ms, ms);
    }
    *ms = ns_to_ms(to_ns(number, NS_PER_S));
    return true;
}

/* "1h2m3s", each number with its unit, in any order.
 *
 * rest  what stands behind the first number */
static bool read_go(struct decimal number, cmx_view rest, uint32_t *ms)
{
    uint64_t sum_ns = 0;
    uint64_t unit_ns = 0;
    while (take_unit(&rest, &unit_ns)) {
        sum_ns = add_saturating(sum_ns, to_ns(&number, unit_ns));
        if (rest.len == 0) {
            *ms = ns_to_ms(sum_ns);
            return true;
        }
        if (!take_decimal(&rest, &number)) {
            break;
        }
    }
    return false;
}

bool cmx_duration_read(cmx_view text, int64_t now_unix_ms, uint32_t *ms)
{
    text = trim(text);
    if (text.len == 0 || text.len > CMX_DURATION_BYTES_MAX) {
        return false;
    }
    struct decimal number;
    cmx_view rest = text;
    if (!take_decimal(&rest, &number)) {
        return read_date(text, now_unix_ms, ms);
    }
    if (rest.len == 0) {
        return read_number(&number, now_unix_ms, ms);
    }
    return rest.data[0] == '-' ? read_date(text, now_unix_ms, ms) : read_go(number, rest, ms);
}

bool cmx_duration_read_ms(cmx_view text, uint32_t *ms)
{
    text = trim(text);
    struct decimal number;
    if (text.len == 0 || text.len > CMX_DURATION_BYTES_MAX || !take_decimal(&text, &number) ||
        text.len != 0) {
        return false;
    }
    *ms = ns_to_ms(to_ns(&number, NS_PER_MS));
    return true;
}
