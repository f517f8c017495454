/* SPDX-License-Identifier: MIT */
/*
 * Dates of HTTP headers. See httpdate.h. Each form is read left to right by a few takers; the days
 * since 1970 follow from year, month and day without a table (H. Hinnant's days_from_civil, with
 * years that begin in March, so that the leap day is the last).
 */
#include "text/httpdate.h"

enum {
    DAY_S = 86400,
    YEAR_S = 31556952,     /* the mean Gregorian year */
    ASSUMED_YEAR = 2020,   /* where the clock is not known */
    FUTURE_YEARS_MAX = 50, /* of a year with two digits (RFC 9110, 5.6.7) */
    WEEKDAY_OF_DAY_0 = 4,  /* 1 January 1970 was a Thursday; Sunday is 0 */
    DAYS_OF_400_YEARS = 146097,
    DAYS_BEFORE_1970 = 719468, /* since 1 March of the year 0 */
};

struct moment {
    uint32_t year;
    uint32_t month; /* 1..12 */
    uint32_t day;   /* 1..31 */
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
};

static const char weekdays[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char *const long_weekdays[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};

static void advance(cmx_view *text, size_t bytes)
{
    text->data += bytes;
    text->len -= bytes;
}

static bool take_text(cmx_view *text, const char *expected)
{
    size_t len = strlen(expected);
    if (text->len < len || memcmp(text->data, expected, len) != 0) {
        return false;
    }
    advance(text, len);
    return true;
}

static bool take_digits(cmx_view *text, size_t count, uint32_t *value)
{
    if (text->len < count) {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return false;
        }
        *value = *value * 10 + (uint32_t)(text->data[i] - '0');
    }
    advance(text, count);
    return true;
}

/* `names` has three letters each. */
static bool take_name(cmx_view *text, const char *names, uint32_t *index)
{
    if (text->len < 3) {
        return false;
    }
    for (uint32_t i = 0; names[i * 3] != '\0'; i++) {
        if (memcmp(text->data, names + i * 3, 3) == 0) {
            *index = i;
            advance(text, 3);
            return true;
        }
    }
    return false;
}

static bool take_month(cmx_view *text, uint32_t *month)
{
    if (!take_name(text, months, month)) {
        return false;
    }
    *month += 1;
    return true;
}

static bool take_long_weekday(cmx_view *text, uint32_t *weekday)
{
    for (uint32_t i = 0; i < CMX_ARRAY_LEN(long_weekdays); i++) {
        if (take_text(text, long_weekdays[i])) {
            *weekday = i;
            return true;
        }
    }
    return false;
}

static bool take_time(cmx_view *text, struct moment *moment)
{
    return take_digits(text, 2, &moment->hour) && take_text(text, ":") &&
           take_digits(text, 2, &moment->minute) && take_text(text, ":") &&
           take_digits(text, 2, &moment->second);
}

static uint32_t month_days(uint32_t year, uint32_t month)
{
    if (month == 2) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        return leap ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Whether every part is in its range; a leap second needs the offset and is judged later. */
static bool is_possible(const struct moment *moment)
{
    return moment->month >= 1 && moment->month <= 12 && moment->day >= 1 &&
           moment->day <= month_days(moment->year, moment->month) && moment->hour <= 23 &&
           moment->minute <= 59 && moment->second <= 60;
}

static int64_t count_days(const struct moment *moment)
{
    int64_t year = (int64_t)moment->year - (moment->month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (moment->month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + moment->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_OF_400_YEARS + day_of_era - DAYS_BEFORE_1970;
}

static uint32_t weekday_of(int64_t days)
{
    return (uint32_t)((days % 7 + 7 + WEEKDAY_OF_DAY_0) % 7);
}

/* The seconds since 1970 in UTC; false for a leap second that is not the last of its day. */
static bool to_unix(const struct moment *moment, int64_t offset_s, int64_t *unix_s)
{
    int64_t of_day_s = moment->hour * 3600 + moment->minute * 60 + moment->second;
    int64_t sum_s = count_days(moment) * DAY_S + of_day_s - offset_s;
    if (moment->second == 60 && sum_s % DAY_S != 0) {
        return false;
    }
    *unix_s = sum_s;
    return true;
}

/* The latest year with these two last digits that is not too far ahead. */
static uint32_t complete_year(uint32_t two_digits, int64_t now_s)
{
    uint32_t now = now_s > 0 ? (uint32_t)(1970 + now_s / YEAR_S) : ASSUMED_YEAR;
    uint32_t year = now - now % 100 + 100 + two_digits;
    while (year > now + FUTURE_YEARS_MAX) {
        year -= 100;
    }
    return year;
}

static bool take_imf(cmx_view *text, struct moment *moment, uint32_t *weekday)
{
    return take_name(text, weekdays, weekday) && take_text(text, ", ") &&
           take_digits(text, 2, &moment->day) && take_text(text, " ") &&
           take_month(text, &moment->month) && take_text(text, " ") &&
           take_digits(text, 4, &moment->year) && take_text(text, " ") && take_time(text, moment) &&
           take_text(text, " GMT");
}

static bool take_rfc850(cmx_view *text, struct moment *moment, uint32_t *weekday)
{
    return take_long_weekday(text, weekday) && take_text(text, ", ") &&
           take_digits(text, 2, &moment->day) && take_text(text, "-") &&
           take_month(text, &moment->month) && take_text(text, "-") &&
           take_digits(text, 2, &moment->year) && take_text(text, " ") && take_time(text, moment) &&
           take_text(text, " GMT");
}

static bool take_asctime(cmx_view *text, struct moment *moment, uint32_t *weekday)
{
    if (!take_name(text, weekdays, weekday) || !take_text(text, " ") ||
        !take_month(text, &moment->month) || !take_text(text, " ")) {
        return false;
    }
    size_t digits = take_text(text, " ") ? 1 : 2;
    return take_digits(text, digits, &moment->day) && take_text(text, " ") &&
           take_time(text, moment) && take_text(text, " ") && take_digits(text, 4, &moment->year);
}

bool cmx_httpdate_read(cmx_view text, int64_t now_s, int64_t *unix_s)
{
    struct moment moment = {0};
    uint32_t weekday = 0;
    bool taken = false;
    if (text.len > 3 && text.data[3] == ',') {
        taken = take_imf(&text, &moment, &weekday);
    } else if (text.len > 3 && text.data[3] == ' ') {
        taken = take_asctime(&text, &moment, &weekday);
    } else if (take_rfc850(&text, &moment, &weekday)) {
        moment.year = complete_year(moment.year, now_s);
        taken = true;
    }
    return taken && text.len == 0 && is_possible(&moment) &&
           weekday_of(count_days(&moment)) == weekday && to_unix(&moment, 0, unix_s);
}

/* ".5": one digit at least; the first three count. */
static bool take_fraction(cmx_view *text, int64_t *ms)
{
    *ms = 0;
    if (!take_text(text, ".")) {
        return true;
    }
    uint32_t digit = 0;
    int64_t unit_ms = 100;
    if (!take_digits(text, 1, &digit)) {
        return false;
    }
    do {
        *ms += digit * unit_ms;
        unit_ms /= 10;
    } while (take_digits(text, 1, &digit));
    return true;
}

static bool take_offset(cmx_view *text, int64_t *offset_s)
{
    *offset_s = 0;
    if (take_text(text, "Z") || take_text(text, "z")) {
        return true;
    }
    bool west = take_text(text, "-");
    uint32_t hours = 0;
    uint32_t minutes = 0;
    if ((!west && !take_text(text, "+")) || !take_digits(text, 2, &hours) ||
        !take_text(text, ":") || !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_s = (int64_t)(hours * 3600 + minutes * 60);
    if (west) {
        *offset_s = -*offset_s;
    }
    return true;
}

bool cmx_httpdate_read_rfc3339(cmx_view text, int64_t *unix_ms)
{
    struct moment moment = {0};
    int64_t fraction_ms = 0;
    int64_t offset_s = 0;
    int64_t unix_s = 0;
    bool taken = take_digits(&text, 4, &moment.year) && take_text(&text, "-") &&
                 take_digits(&text, 2, &moment.month) && take_text(&text, "-") &&
                 take_digits(&text, 2, &moment.day) &&
                 (take_text(&text, "T") || take_text(&text, "t")) && take_time(&text, &moment) &&
                 take_fraction(&text, &fraction_ms) && take_offset(&text, &offset_s);
    if (!taken || text.len != 0 || !is_possible(&moment) || !to_unix(&moment, offset_s, &unix_s)) {
        return false;
    }
    *unix_ms = unix_s * 1000 + fraction_ms;
    return true;
}
