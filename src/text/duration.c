/* SPDX-License-Identifier: MIT */
/*
 * Durations and moments as milliseconds from now. See duration.h. Sums are nanoseconds in 64 bits,
 * of which a number takes a bounded share; parts of a millisecond round up once, at the end.
 */
#include "text/duration.h"

#include "text/httpdate.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define PARTS UINT64_C(1000000000000)        /* of one: twelve digits behind the point */
#define EPOCH_S_MIN UINT64_C(1000000000)     /* September 2001 as a moment, 31 years as a wait */
#define EPOCH_MS_MIN UINT64_C(1000000000000) /* September 2001, too */

/* "This long or longer" of one number, 104 days: as many as fit into a text do not leave 64 bits.
 */
#define NS_MAX (UINT64_C(1) << 53)

/* A number without a sign. Digits beyond the twelfth round it up. */
typedef struct decimal {
    uint64_t whole; /* from WHOLE_MAX on, only known to be so large */
    uint64_t parts; /* 0..PARTS */
} decimal;

#define WHOLE_MAX (UINT64_C(1) << 56)

/* The first ones are so many seconds, the others nanoseconds. */
enum { UNIT_SECOND, UNIT_MS = 3 };

/* The two before the last one begin with MICRO SIGN and GREEK SMALL LETTER MU. */
static const char unit_names[] = "\1s\1m\1h\2ms\2us\3\xc2\xb5s\3\xce\xbcs\2ns";
static const uint32_t unit_sizes[] = {1, 60, 3600, 1000000, 1000, 1000, 1000, 1};

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

/* Takes a digit off the front. Returns its value, or 10 if there is none. */
static uint32_t take_digit(cmx_view *text)
{
    uint32_t digit = text->len > 0 ? (uint32_t)text->data[0] - '0' : 10;
    if (digit > 9) {
        return 10;
    }
    cmx_view_skip(text, 1);
    return digit;
}

/* Takes "12", "12.5", "12." or ".5" off the front, the numbers of a Go duration. */
static bool take_decimal(cmx_view *text, decimal *number)
{
    size_t len = text->len;
    uint32_t digit;
    *number = (decimal){0, 0};
    while ((digit = take_digit(text)) < 10) {
        if (number->whole < WHOLE_MAX) {
            number->whole = number->whole * 10 + digit;
        }
    }
    if (!cmx_view_take_byte(text, '.')) {
        return text->len < len;
    }
    bool finer = false; /* a digit beyond the twelfth is not zero */
    uint64_t unit = PARTS / 10;
    len--; /* the point alone is no number */
    while ((digit = take_digit(text)) < 10) {
        number->parts += digit * unit;
        finer |= unit == 0 && digit != 0;
        unit /= 10;
    }
    number->parts += finer;
    return text->len < len;
}

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

/* No product leaves 64 bits. */
static uint64_t to_ns(const decimal *number, unsigned unit)
{
    uint64_t size = unit_sizes[unit];
    bool seconds = unit < UNIT_MS;
    uint64_t part_ns = divide_up(number->parts * size, seconds ? PARTS / NS_PER_S : PARTS);
    size = seconds ? size * NS_PER_S : size;
    return number->whole > NS_MAX / size ? NS_MAX : number->whole * size + part_ns;
}

static uint32_t clamp_ms(uint64_t ms)
{
    return ms > CMX_DURATION_MS_MAX ? CMX_DURATION_MS_MAX : (uint32_t)ms;
}

static uint32_t ns_to_ms(uint64_t ns)
{
    return clamp_ms(divide_up(ns, NS_PER_MS));
}

/* Takes the letters up to the next number off the front: a unit is all of them or none. Returns
 * CMX_VIEW_NONE if it is none. */
static unsigned take_unit(cmx_view *text)
{
    cmx_view name = {text->data, 0};
    while (text->len > 0 && text->data[0] != '.' && (text->data[0] < '0' || text->data[0] > '9')) {
        cmx_view_skip(text, 1);
        name.len++;
    }
    return cmx_view_word(name, unit_names);
}

/* Returns false without a clock: then nobody can tell how far away the moment is. */
static bool until(int64_t moment_unix_ms, int64_t now_unix_ms, uint32_t *ms)
{
    if (now_unix_ms <= 0) {
        return false;
    }
    int64_t wait_ms = moment_unix_ms - now_unix_ms;
    *ms = wait_ms > 0 ? clamp_ms((uint64_t)wait_ms) : 0;
    return true;
}

static bool read_date(cmx_view text, int64_t now_unix_ms, uint32_t *ms)
{
    int64_t unix_s;
    int64_t unix_ms;
    if (cmx_httpdate_read(text, now_unix_ms / 1000, &unix_s)) {
        unix_ms = unix_s * 1000;
    } else if (!cmx_httpdate_read_rfc3339(text, &unix_ms)) {
        return false;
    }
    return until(unix_ms, now_unix_ms, ms);
}

static bool read_number(const decimal *number, int64_t now_unix_ms, uint32_t *ms)
{
    if (number->whole >= EPOCH_MS_MIN) {
        return until((int64_t)number->whole, now_unix_ms, ms);
    }
    if (number->whole >= EPOCH_S_MIN) {
        uint64_t part_ms = divide_up(number->parts, PARTS / 1000);
        return until((int64_t)(number->whole * 1000 + part_ms), now_unix_ms, ms);
    }
    *ms = ns_to_ms(to_ns(number, UNIT_SECOND));
    return true;
}

/* "1h2m3s", each number with its unit, in any order.
 *
 * rest  what stands behind the first number */
static bool read_go(decimal number, cmx_view rest, uint32_t *ms)
{
    uint64_t sum_ns = 0;
    do {
        unsigned unit = take_unit(&rest);
        if (unit == CMX_VIEW_NONE) {
            return false;
        }
        sum_ns += to_ns(&number, unit);
        if (rest.len == 0) {
            *ms = ns_to_ms(sum_ns);
            return true;
        }
    } while (take_decimal(&rest, &number));
    return false;
}

bool cmx_duration_read(cmx_view text, int64_t now_unix_ms, uint32_t *ms)
{
    decimal number;
    cmx_view rest = trim(text);
    text = rest;
    if (text.len > CMX_DURATION_BYTES_MAX) {
        return false;
    }
    bool is_date = !take_decimal(&rest, &number) || (rest.len > 0 && rest.data[0] == '-');
    if (is_date) {
        return read_date(text, now_unix_ms, ms);
    }
    return rest.len == 0 ? read_number(&number, now_unix_ms, ms) : read_go(number, rest, ms);
}

bool cmx_duration_read_ms(cmx_view text, uint32_t *ms)
{
    decimal number;
    text = trim(text);
    if (text.len > CMX_DURATION_BYTES_MAX || !take_decimal(&text, &number) || text.len > 0) {
        return false;
    }
    *ms = ns_to_ms(to_ns(&number, UNIT_MS));
    return true;
}
