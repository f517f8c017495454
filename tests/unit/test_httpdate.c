/* SPDX-License-Identifier: MIT */
/*
 * Dates of HTTP headers: the examples of the RFCs, the edges of the calendar, and everything that
 * is nearly a date.
 */
#include "text/httpdate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <time.h>

static void check_date(const char *text, int64_t expected_s)
{
    int64_t unix_s = 77;
    if (!cmx_httpdate_read(cmx_view_text(text), 0, &unix_s) || unix_s != expected_s) {
        fail_msg("%s: %lld", text, (long long)unix_s);
    }
}

static void check_no_date(const char *text)
{
    int64_t unix_s = 77;
    if (cmx_httpdate_read(cmx_view_text(text), 0, &unix_s) || unix_s != 77) {
        fail_msg("taken for a date: %s", text);
    }
}

static void check_rfc3339(const char *text, int64_t expected_ms)
{
    int64_t unix_ms = 77;
    if (!cmx_httpdate_read_rfc3339(cmx_view_text(text), &unix_ms) || unix_ms != expected_ms) {
        fail_msg("%s: %lld", text, (long long)unix_ms);
    }
}

static void check_no_rfc3339(const char *text)
{
    int64_t unix_ms = 77;
    if (cmx_httpdate_read_rfc3339(cmx_view_text(text), &unix_ms) || unix_ms != 77) {
        fail_msg("taken for a date: %s", text);
    }
}

static void test_httpdate_three_forms_of_the_rfc_are_one_moment(void **state)
{
    (void)state;
    check_date("Sun, 06 Nov 1994 08:49:37 GMT", 784111777);
    check_date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
    check_date("Sun Nov  6 08:49:37 1994", 784111777);
    check_date("Wed Nov 16 08:49:37 1994", 784975777);
}

static void test_httpdate_edges_of_the_calendar_are_exact(void **state)
{
    (void)state;
    check_date("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    check_date("Wed, 31 Dec 1969 23:59:59 GMT", -1);
    check_date("Tue, 29 Feb 2000 12:00:00 GMT", 951825600);
    check_date("Thu, 29 Feb 2024 23:59:59 GMT", 1709251199);
    check_date("Tue, 19 Jan 2038 03:14:08 GMT", 2147483648);
    check_date("Mon, 01 Mar 2100 00:00:00 GMT", 4107542400);
    check_date("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799);
    check_date("Sat, 01 Jan 0000 00:00:00 GMT", -62167219200);
    check_date("Sat, 31 Dec 2016 23:59:60 GMT", 1483228800); /* a leap second */
}

static void test_httpdate_every_day_agrees_with_libc(void **state)
{
    (void)state;
    for (int64_t day = -30000; day < 100000; day += 13) {
        time_t when = (time_t)(day * 86400 + 45296);
        struct tm parts;
        char text[64];
        assert_non_null(gmtime_r(&when, &parts));
        (void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        check_date(text, when);
        (void)strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &parts);
        check_date(text, when);
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
        check_rfc3339(text, (int64_t)when * 1000);
    }
}

static void test_httpdate_what_is_nearly_a_date_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "Sun",
        "Sun,",
        "Mon, 06 Nov 1994 08:49:37 GMT",   /* it was a Sunday */
        "sun, 06 Nov 1994 08:49:37 GMT",   /* case counts */
        "Sun, 06 NOV 1994 08:49:37 GMT",   /* likewise */
        "Sun, 6 Nov 1994 08:49:37 GMT",    /* two digits */
        "Sun, 06 Nov 1994 08:49:37 UTC",   /* GMT and nothing else */
        "Sun, 06 Nov 1994 08:49:37 +0000", /* mail, not HTTP */
        "Sun, 06 Nov 1994 08:49:37 GMT ",  /* more behind it */
        "Sun, 06 Nov 1994 08:49:37",       /* less */
        "Sun, 06 Nov 94 08:49:37 GMT",     /* the wrong form's year */
        "Wed, 29 Feb 2023 00:00:00 GMT",   /* no leap year */
        "Mon, 29 Feb 2100 00:00:00 GMT",   /* nor this */
        "Thu, 31 Nov 1994 00:00:00 GMT",   /* 30 days */
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT", /* no leap second at that time */
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun Nov 6 08:49:37 1994", /* two columns for the day */
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Monday, 06-Nov-94 08:49:37 GMT",
        "Sund, 06-Nov-94 08:49:37 GMT",
        "2026-11-23T01:02:03Z",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        check_no_date(texts[i]);
    }
}

static void test_httpdate_two_digit_year_is_at_most_50_years_ahead(void **state)
{
    (void)state;
    struct {
        const char *text;
        int64_t now_s;
        int64_t expected_s;
    } rows[] = {
        {"Monday, 23-Nov-26 01:02:03 GMT", 1795000000, 1795395723},   /* 2026 seen from 2026 */
        {"Wednesday, 01-Jan-75 00:00:00 GMT", 1795000000, 157766400}, /* a Tuesday in 2075 */
        {"Tuesday, 01-Jan-75 00:00:00 GMT", 1795000000, 3313526400},  /* in 2075 */
        {"Saturday, 01-Jan-77 00:00:00 GMT", 1795000000, 220924800},  /* 2077 is too far */
        {"Friday, 01-Jan-99 00:00:00 GMT", 0, 915148800},
        {"Thursday, 01-Jan-70 00:00:00 GMT", 3313526400, 0}, /* refused: from 2075 it is 2070 */
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        int64_t unix_s = 77;
        bool known = cmx_httpdate_read(cmx_view_text(rows[i].text), rows[i].now_s, &unix_s);
        /* The weekday of rows 1 and 5 contradicts the year that the rule gives. */
        assert_int_equal(known, i != 1 && i != 5);
        assert_int_equal(unix_s, known ? rows[i].expected_s : 77);
    }
}

static void test_httpdate_rfc3339_is_exact_to_the_millisecond(void **state)
{
    (void)state;
    check_rfc3339("2026-11-23T01:02:03.5Z", 1795395723500);
    check_rfc3339("2026-11-23T01:02:03Z", 1795395723000);
    check_rfc3339("2026-11-23t01:02:03z", 1795395723000);
    check_rfc3339("2026-11-23T01:02:03.123456789Z", 1795395723123);
    check_rfc3339("2026-11-23T01:02:03.00000000000000000000009Z", 1795395723000);
    check_rfc3339("2026-11-23T02:02:03+01:00", 1795395723000);
    check_rfc3339("2026-11-22T19:32:03.25-05:30", 1795395723250);
    check_rfc3339("2026-11-23T01:02:03-00:00", 1795395723000);
    check_rfc3339("1985-04-12T23:20:50.52Z", 482196050520); /* the RFC's examples */
    check_rfc3339("1996-12-19T16:39:57-08:00", 851042397000);
    check_rfc3339("1990-12-31T23:59:60Z", 662688000000);
    check_rfc3339("1990-12-31T15:59:60-08:00", 662688000000);
    check_rfc3339("1937-01-01T12:00:27.87+00:20", -1041337172130);
}

static void test_httpdate_rfc3339_nearly_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2026-11-23",
        "2026-11-23T01:02:03",
        "2026-11-23 01:02:03Z",
        "2026-11-23T01:02Z",
        "2026-11-23T01:02:03.Z",
        "2026-11-23T01:02:03,5Z",
        "2026-11-23T01:02:03+0100",
        "2026-11-23T01:02:03+24:00",
        "2026-11-23T01:02:03+01:60",
        "2026-11-23T01:02:03+01",
        "2026-11-23T01:02:03Zx",
        "2026-13-23T01:02:03Z",
        "2026-00-23T01:02:03Z",
        "2026-02-29T01:02:03Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T01:02:60Z",
        "26-11-23T01:02:03Z",
        "+2026-11-23T01:02:03Z",
        "20261123T010203Z",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        check_no_rfc3339(texts[i]);
    }
}

static void test_httpdate_every_prefix_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        for (size_t len = 0; len < strlen(texts[i]); len++) {
            int64_t unix_s = 77;
            cmx_view prefix = {(const uint8_t *)texts[i], len};
            assert_false(cmx_httpdate_read(prefix, 0, &unix_s));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_httpdate_three_forms_of_the_rfc_are_one_moment),
        cmocka_unit_test(test_httpdate_edges_of_the_calendar_are_exact),
        cmocka_unit_test(test_httpdate_every_day_agrees_with_libc),
        cmocka_unit_test(test_httpdate_what_is_nearly_a_date_is_refused),
        cmocka_unit_test(test_httpdate_two_digit_year_is_at_most_50_years_ahead),
        cmocka_unit_test(test_httpdate_rfc3339_is_exact_to_the_millisecond),
        cmocka_unit_test(test_httpdate_rfc3339_nearly_is_refused),
        cmocka_unit_test(test_httpdate_every_prefix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
