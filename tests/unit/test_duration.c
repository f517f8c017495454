/* SPDX-License-Identifier: MIT */
/*
 * Every way in which servers say how long to wait, as milliseconds from now.
 */
#include "text/duration.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* 23 November 2026, 01:02:03 UTC. */
#define NOW_MS INT64_C(1795395723000)

static void check(const char *text, uint32_t expected_ms)
{
    uint32_t ms = 77;
    if (!cmx_duration_read(cmx_view_text(text), NOW_MS, &ms) || ms != expected_ms) {
        fail_msg("%s: %" PRIu32, text, ms);
    }
}

static void check_refused(const char *text, int64_t now_ms)
{
    uint32_t ms = 77;
    if (cmx_duration_read(cmx_view_text(text), now_ms, &ms) || ms != 77) {
        fail_msg("taken for a duration: '%s': %" PRIu32, text, ms);
    }
}

static void test_duration_go_is_exact(void **state)
{
    (void)state;
    check("7.66s", 7660); /* not 66 s, as the expression that people paste reads it */
    check("1s", 1000);
    check("6m0s", 360000);
    check("12ms", 12);
    check("8.64s", 8640);
    check("1h2m3s", 3723000);
    check("1h2m", 3720000);
    check("2m59.56s", 179560);
    check("1.5h", 5400000);
    check(".5s", 500);
    check("5.s", 5000);
    check("0s", 0);
    check("1s1h", 3601000);
    check("3000000us", 3000);
    check("1500\xc2\xb5s", 2);
    check("3000000\xc2\xb5s", 3000);
    check("2000\xce\xbcs", 2);
    check("1000000ns", 1);
    check("23h59m59.999s", 86399999);
}

static void test_duration_parts_of_a_millisecond_round_up_once(void **state)
{
    (void)state;
    check("1ns", 1);
    check("0.0000000001s", 1);
    check("500us500us", 1);
    check("999999ns1ns", 1);
    check("1000001ns", 2);
    check("0.1ms0.9ms", 1);
    check("0.333333333333h", 1200000);
    check("0.001", 1);
    check("0.0011", 2);
    check("0.9999999999999s", 1000);
    check("1.000000000000000000000s", 1000);
}

static void test_duration_bare_numbers_are_seconds_or_moments(void **state)
{
    (void)state;
    check("0", 0);
    check("2", 2000);
    check("0.25", 250);
    check("120", 120000);
    check(" 30 ", 30000);
    check("\t30", 30000);
    check("2026", 2026000); /* no year */
    check("999999", 999999000);
    check("4294967.295", UINT32_MAX);
    check("999999999", UINT32_MAX); /* the last one that is a wait */
    check("1000000000", 0);         /* the first moment, long past */
    check("1795395724", 1000);
    check("1795395723.25", 250);
    check("1795395723", 0);
    check("1795395722", 0);
    check("999999999999", UINT32_MAX); /* seconds still: the year 33658 */
    check("1000000000000", 0);
    check("1795395723001", 1);
    check("1795395725500", 2500);
}

static void test_duration_dates_are_moments(void **state)
{
    (void)state;
    check("2026-11-23T01:02:33Z", 30000);
    check("2026-11-23T01:02:03.5Z", 500);
    check("2026-11-23T02:02:04+01:00", 1000);
    check("2026-11-23T01:02:02Z", 0);
    check("Mon, 23 Nov 2026 01:04:03 GMT", 120000);
    check("Monday, 23-Nov-26 01:04:03 GMT", 120000);
    check("Mon Nov 23 01:04:03 2026", 120000);
    check("Sun, 06 Nov 1994 08:49:37 GMT", 0);
    check("Wed, 31 Dec 1969 23:59:59 GMT", 0);
    check("Fri, 31 Dec 9999 23:59:59 GMT", UINT32_MAX);
}

static void test_duration_without_a_clock_only_waits_are_known(void **state)
{
    (void)state;
    static const char *const moments[] = {
        "2026-11-23T01:02:33Z",
        "Mon, 23 Nov 2026 01:04:03 GMT",
        "1795395724",
        "1795395723001",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(moments); i++) {
        check_refused(moments[i], 0);
        check_refused(moments[i], -5);
    }
    uint32_t ms = 0;
    assert_true(cmx_duration_read(CMX_VIEW_LITERAL("6m0s"), 0, &ms));
    assert_int_equal(ms, 360000);
    assert_true(cmx_duration_read(CMX_VIEW_LITERAL("20"), 0, &ms));
    assert_int_equal(ms, 20000);
}

static void test_duration_too_long_saturates(void **state)
{
    (void)state;
    check("1194h", UINT32_MAX);
    check("99999999999999999999999999999h", UINT32_MAX);
    check("5000000h5000000h", UINT32_MAX);
    check("99999999999999999999999999999", UINT32_MAX);
    check("18446744073709551615ns18446744073709551615ns", UINT32_MAX);
    check("49h", 176400000);
}

static void test_duration_everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",       " ",    "-1",  "-1s",   "-0.5",   "+1",     "1e3", "2junk", "1,5",
        "1, 2",   "s",    "ms",  "1h2",   "1x",     "1d",     "1 s", "1S",    "1sec",
        "1ss",    ".",    ".s",  "1..5s", "0x10",   "inf",    "nan", "never", "1m-2s",
        "12ms s", "1:30", "1-2", "true",  "1\xc2s", "1h2m3ss"};
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        check_refused(texts[i], NOW_MS);
    }
    check_refused("00000000000000000000000000000000000000000000000000000000000000001", NOW_MS);
    check("0000000000000000000000000000000000000000000000000000000000000001", 1000);
}

static void test_duration_milliseconds_are_bare(void **state)
{
    (void)state;
    uint32_t ms = 77;
    assert_true(cmx_duration_read_ms(CMX_VIEW_LITERAL("1500"), &ms));
    assert_int_equal(ms, 1500);
    assert_true(cmx_duration_read_ms(CMX_VIEW_LITERAL(" 12.5 "), &ms));
    assert_int_equal(ms, 13);
    assert_true(cmx_duration_read_ms(CMX_VIEW_LITERAL("0"), &ms));
    assert_int_equal(ms, 0);
    assert_true(cmx_duration_read_ms(CMX_VIEW_LITERAL("1795395723001"), &ms));
    assert_true(ms == UINT32_MAX);
    static const char *const texts[] = {"", "-1", "12ms", "1s", "x", "1 2"};
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        ms = 77;
        assert_false(cmx_duration_read_ms(cmx_view_text(texts[i]), &ms));
        assert_int_equal(ms, 77);
    }
    assert_false(cmx_duration_read_ms((cmx_view){NULL, 0}, &ms));
    assert_false(cmx_duration_read((cmx_view){NULL, 0}, NOW_MS, &ms));
}

/* What Go prints for a duration, read back. */
static void test_duration_any_go_duration_is_read_back(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 4);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t hours = cmx_random_below(&random, 1000);
        uint32_t minutes = cmx_random_below(&random, 60);
        uint32_t seconds = cmx_random_below(&random, 60);
        uint32_t ms = cmx_random_below(&random, 1000);
        char text[64];
        (void)snprintf(text, sizeof text, "%" PRIu32 "h%" PRIu32 "m%" PRIu32 ".%03" PRIu32 "s",
                       hours, minutes, seconds, ms);
        check(text, ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms);
    }
}

/* Any bytes: no read past the end (the copy has exactly their size), the same answer twice. */
static void test_duration_any_bytes_are_judged(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789.hmsun-:TZ+, GMTNovMon\xc2\xb5";
    cmx_random random;
    cmx_random_seed(&random, 5);
    for (unsigned i = 0; i < 50000; i++) {
        size_t len = 1 + cmx_random_below(&random, 40);
        uint8_t *bytes = malloc(len);
        assert_non_null(bytes);
        for (size_t j = 0; j < len; j++) {
            bytes[j] = (uint8_t)alphabet[cmx_random_below(&random, sizeof alphabet - 1)];
        }
        uint32_t first = 77;
        uint32_t second = 77;
        bool known = cmx_duration_read((cmx_view){bytes, len}, NOW_MS, &first);
        assert_int_equal(known, cmx_duration_read((cmx_view){bytes, len}, NOW_MS, &second));
        assert_true(first == second && (known || first == 77));
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration_go_is_exact),
        cmocka_unit_test(test_duration_parts_of_a_millisecond_round_up_once),
        cmocka_unit_test(test_duration_bare_numbers_are_seconds_or_moments),
        cmocka_unit_test(test_duration_dates_are_moments),
        cmocka_unit_test(test_duration_without_a_clock_only_waits_are_known),
        cmocka_unit_test(test_duration_too_long_saturates),
        cmocka_unit_test(test_duration_everything_else_is_refused),
        cmocka_unit_test(test_duration_milliseconds_are_bare),
        cmocka_unit_test(test_duration_any_go_duration_is_read_back),
        cmocka_unit_test(test_duration_any_bytes_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
