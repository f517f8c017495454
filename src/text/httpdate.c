/* SPDX-License-Identifier: MIT */
/*
 * Dates of HTTP headers. See httpdate.h. Each form is a line in the language of strptime(), of
 * which a few letters are known here; the days since 1970 follow from year, month and day without a
 * table (H. Hinnant's days_from_civil, with years that begin in March, so that the leap day is the
 * last).
 */
#include "text/httpdate.h"

enum {
    DAY_S = 86400,
    YEAR_S = 31556952,          /* the mean Gregorian year */
    ASSUMED_YEAR = 2020,        /* where the clock is not known */
    FUTURE_YEARS_MAX = 50,      /* of a year with two digits (RFC 9110, 5.6.7) */
    DAYS_OF_400_YEARS = 146097, /* whole weeks */
    /* Days are counted from 1 March of the year -400, a Wednesday: none is negative. */
    FIRST_WEEKDAY = 3,
    DAYS_BEFORE_1970 = 719468 + DAYS_OF_400_YEARS,
};

/* The numbers of a date, those of NUMBER_LETTERS first. */
enum part { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, WEEKDAY, FRACTION_MS, PARTS };

static const char number_letters[] = "YmdHMS";

typedef struct moment {
    uint32_t part[PARTS]; /* months are 1..12, Sunday is 0 */
    uint32_t days;        /* since FIRST_WEEKDAY's */
    int32_t offset_s;     /* east of Greenwich */
    int64_t now_s;        /* in: what years of two digits are near to; 0 = not known */
} moment;

static const char weekdays[] = "\3Sun\3Mon\3Tue\3Wed\3Thu\3Fri\3Sat";
static const char long_weekdays[] = "\6Sunday\6Monday\7Tuesday\11Wednesday\10Thursday\6Friday"
                                    "\10Saturday";
static const char months[] = "\3Jan\3Feb\3Mar\3Apr\3May\3Jun\3Jul\3Aug\3Sep\3Oct\3Nov\3Dec";

static const char *const http_forms[] = {
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
};

/* 'T' is told from 't' by nobody; a fraction and an offset are of RFC 3339 only. */
static const char rfc3339_form[] = "%Y-%m-%d%T%H:%M:%S%f%z";

static bool take_digits(cmx_view *text, size_t count, uint32_t *value)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t digit = i < text->len ? (uint32_t)text->data[i] - '0' : 10;
        if (digit > 9) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    text->data += count;
    text->len -= count;
    *value = sum;
    return true;
}

/* `first` is the number of the first name. */
static bool take_name(cmx_view *text, const char *names, uint32_t first, uint32_t *number)
{
    unsigned index = cmx_view_take_word(text, names);
    *number = first + index;
    return index != CMX_VIEW_NONE;
}

/* ".5", or nothing: one digit at least; the first three count. */
static bool take_fraction(cmx_view *text, uint32_t *ms)
{
    *ms = 0;
    if (!cmx_view_take_byte(text, '.')) {
        return true;
    }
    uint32_t digit;
    uint32_t unit_ms = 100;
    if (!take_digits(text, 1, &digit)) {
        return false;
    }
    do {
        *ms += digit * unit_ms;
        unit_ms /= 10;
    } while (take_digits(text, 1, &digit));
    return true;
}

static bool take_offset(cmx_view *text, int32_t *offset_s)
{
    *offset_s = 0;
    if (cmx_view_take_byte(text, 'Z') || cmx_view_take_byte(text, 'z')) {
        return true;
    }
    bool west = cmx_view_take_byte(text, '-');
    uint32_t hours;
    uint32_t minutes;
    if ((!west && !cmx_view_take_byte(text, '+')) || !take_digits(text, 2, &hours) ||
        !cmx_view_take_byte(text, ':') || !take_digits(text, 2, &minutes) || hours > 23 ||
        minutes > 59) {
        return false;
    }
    int32_t east_s = (int32_t)(hours * 3600 + minutes * 60);
    *offset_s = west ? -east_s : east_s;
    return true;
}

/* Makes a year of its two last digits: the latest that is not too far ahead. */
static void complete_year(moment *date)
{
    uint32_t now = date->now_s > 0 ? (uint32_t)(1970 + date->now_s / YEAR_S) : ASSUMED_YEAR;
    uint32_t year = now - now % 100 + 100 + date->part[YEAR];
    while (year > now + FUTURE_YEARS_MAX) {
        year -= 100;
    }
    date->part[YEAR] = year;
}

/* Takes what strptime() would take for %letter. */
static bool take_part(cmx_view *text, char letter, moment *date)
{
    size_t digits = 2;
    switch (letter) {
    case 'a':
        return take_name(text, weekdays, 0, &date->part[WEEKDAY]);
    case 'A':
        return take_name(text, long_weekdays, 0, &date->part[WEEKDAY]);
    case 'b':
        return take_name(text, months, 1, &date->part[MONTH]);
    case 'T':
        return cmx_view_take_byte(text, 'T') || cmx_view_take_byte(text, 't');
    case 'f':
        return take_fraction(text, &date->part[FRACTION_MS]);
    case 'z':
        return take_offset(text, &date->offset_s);
    case 'e': /* a day with a blank instead of a zero */
        digits = cmx_view_take_byte(text, ' ') ? 1 : 2;
        letter = 'd';
        break;
    case 'y':
        if (!take_digits(text, 2, &date->part[YEAR])) {
            return false;
        }
        complete_year(date);
        return true;
    case 'Y':
        digits = 4;
        break;
    default:
        break;
    }
    const char *number = strchr(number_letters, letter);
    return take_digits(text, digits, &date->part[number - number_letters]);
}

/* Returns the days before a month, which may be the 13th: the first one of the next year. */
static uint32_t count_days(uint32_t year, uint32_t month)
{
    uint32_t from_march = (month + 9) % 12;
    year += 399 + (month + 9) / 12;
    uint32_t leap_days = year / 4 - year / 100 + year / 400;
    return year * 365 + leap_days + (153 * from_march + 2) / 5;
}

/* Reads a text of one form, all of it. Whether every part is in its range is judged as well, but
 * for the place of a leap second: that needs the offset. */
static bool read_form(cmx_view text, const char *form, moment *date)
{
    for (; *form != '\0'; form++) {
        bool taken =
            *form == '%' ? take_part(&text, *++form, date) : cmx_view_take_byte(&text, *form);
        if (!taken) {
            return false;
        }
    }
    const uint32_t *part = date->part;
    date->days = count_days(part[YEAR], part[MONTH]) + part[DAY] - 1;
    return text.len == 0 && part[MONTH] - 1 < 12 && part[DAY] >= 1 &&
           date->days < count_days(part[YEAR], part[MONTH] + 1) && part[HOUR] <= 23 &&
           part[MINUTE] <= 59 && part[SECOND] <= 60;
}

/* The seconds since 1970 in UTC; false for a leap second that is not the last of its day. */
static bool to_unix(const moment *date, int64_t *unix_s)
{
    const uint32_t *part = date->part;
    int32_t of_day_s = (int32_t)(part[HOUR] * 3600 + part[MINUTE] * 60 + part[SECOND]);
    of_day_s -= date->offset_s;
    if (part[SECOND] == 60 && of_day_s % DAY_S != 0) {
        return false;
    }
    *unix_s = ((int64_t)date->days - DAYS_BEFORE_1970) * DAY_S + of_day_s;
    return true;
}

bool cmx_httpdate_read(cmx_view text, int64_t now_s, int64_t *unix_s)
{
    moment date = {.now_s = now_s};
    size_t i = 0;
    while (i < CMX_ARRAY_LEN(http_forms) && !read_form(text, http_forms[i], &date)) {
        i++;
    }
    return i < CMX_ARRAY_LEN(http_forms) && (date.days + FIRST_WEEKDAY) % 7 == date.part[WEEKDAY] &&
           to_unix(&date, unix_s);
}

bool cmx_httpdate_read_rfc3339(cmx_view text, int64_t *unix_ms)
{
    moment date = {.now_s = 0};
    int64_t unix_s;
    if (!read_form(text, rfc3339_form, &date) || !to_unix(&date, &unix_s)) {
        return false;
    }
    *unix_ms = unix_s * 1000 + date.part[FRACTION_MS];
    return true;
}
