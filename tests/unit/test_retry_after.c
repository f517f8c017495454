/* SPDX-License-Identifier: MIT */
/*
 * What a server says about trying again, in every spelling and order.
 */
#include "policy/retry_after.h"

#include "text/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW_MS INT64_C(1795395723000) /* 23 November 2026, 01:02:03 UTC */

static void feed(cmx_retry_after *after, const char *name, const char *value)
{
    cmx_retry_after_feed(after, cmx_view_text(name), cmx_view_text(value), NOW_MS);
}

static void check(const char *name, const char *value, uint32_t expected_ms)
{
    cmx_retry_after after = {0};
    feed(&after, name, value);
    assert_true(after.has);
    assert_int_equal(after.wait_ms, expected_ms);
    assert_int_equal(after.should_retry, CMX_RETRY_AFTER_UNSET);
}

static void test_retry_after_every_spelling_is_a_wait(void **state)
{
    (void)state;
    check("retry-after", "2", 2000);
    check("retry-after", "0.25", 250);
    check("retry-after", "0", 0);
    check("retry-after", "Mon, 23 Nov 2026 01:03:03 GMT", 60000);
    check("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", 0);
    check("retry-after", "6m0s", 360000);
    check("retry-after", "1000000000000000000000", CMX_DURATION_MS_MAX);
    check("retry-after-ms", "1500", 1500);
    check("retry-after-ms", "12.5", 13);
    check("x-ms-retry-after-ms", "700", 700);
}

static void test_retry_after_what_is_not_understood_is_as_good_as_none(void **state)
{
    (void)state;
    static const char *const values[] = {"", "-1", "-5.5", "soon", "2junk", "1, 2", "nan"};
    for (size_t i = 0; i < CMX_ARRAY_LEN(values); i++) {
        cmx_retry_after after = {0};
        feed(&after, "retry-after", values[i]);
        feed(&after, "retry-after-ms", values[i]);
        feed(&after, "x-ms-retry-after-ms", values[i]);
        assert_false(after.has);
    }
    cmx_retry_after after = {0};
    cmx_retry_after_feed(&after, CMX_VIEW_LITERAL("retry-after"),
                         CMX_VIEW_LITERAL("Mon, 23 Nov 2026 01:03:03 GMT"), 0);
    assert_false(after.has); /* no clock */
    feed(&after, "retry-after-ms", "1s");
    assert_false(after.has);
    feed(&after, "retry-afterr", "1");
    feed(&after, "Retry-After", "1"); /* not a name of HTTP/2 */
    assert_false(after.has);
}

static void test_retry_after_finer_header_wins_in_any_order(void **state)
{
    (void)state;
    static const char *const headers[3][2] = {
        {"retry-after-ms", "100"}, {"x-ms-retry-after-ms", "2000"}, {"retry-after", "30"}};
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < CMX_ARRAY_LEN(orders); i++) {
        cmx_retry_after all = {0};
        cmx_retry_after two = {0}; /* without the finest */
        for (size_t j = 0; j < 3; j++) {
            const char *const *header = headers[orders[i][j]];
            feed(&all, header[0], header[1]);
            feed(&two, header[0], orders[i][j] == 0 ? "rubbish" : header[1]);
        }
        assert_int_equal(all.wait_ms, 100);
        assert_int_equal(two.wait_ms, 2000);
    }
}

static void test_retry_after_of_two_alike_the_longer_wins(void **state)
{
    (void)state;
    cmx_retry_after after = {0};
    feed(&after, "retry-after", "5");
    feed(&after, "retry-after", "7");
    feed(&after, "retry-after", "6");
    assert_int_equal(after.wait_ms, 7000);
}

static void test_retry_after_should_retry_is_true_or_false_only(void **state)
{
    (void)state;
    cmx_retry_after after = {0};
    feed(&after, "x-should-retry", "maybe");
    feed(&after, "x-should-retry", "TRUE");
    feed(&after, "x-should-retry", "1");
    assert_int_equal(after.should_retry, CMX_RETRY_AFTER_UNSET);
    feed(&after, "x-should-retry", "true");
    assert_int_equal(after.should_retry, CMX_RETRY_AFTER_YES);
    feed(&after, "x-should-retry", "false");
    assert_int_equal(after.should_retry, CMX_RETRY_AFTER_NO);
    feed(&after, "x-should-retry", "true");
    assert_int_equal(after.should_retry, CMX_RETRY_AFTER_NO);
    assert_false(after.has);
}

static void test_retry_after_other_names_change_nothing(void **state)
{
    (void)state;
    cmx_retry_after after = {0};
    feed(&after, "retry-afte", "5");
    feed(&after, "retry-after-s", "5");
    feed(&after, "content-type", "true");
    feed(&after, "", "5");
    assert_false(after.has);
    assert_int_equal(after.should_retry, CMX_RETRY_AFTER_UNSET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_after_every_spelling_is_a_wait),
        cmocka_unit_test(test_retry_after_what_is_not_understood_is_as_good_as_none),
        cmocka_unit_test(test_retry_after_finer_header_wins_in_any_order),
        cmocka_unit_test(test_retry_after_of_two_alike_the_longer_wins),
        cmocka_unit_test(test_retry_after_should_retry_is_true_or_false_only),
        cmocka_unit_test(test_retry_after_other_names_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
