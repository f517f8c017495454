/* SPDX-License-Identifier: MIT */
/*
 * Counts as servers write them, and the decimals that a request body carries.
 */
#include "text/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void check_count(const char *text, uint64_t expected)
{
    uint64_t value = 77;
    assert_true(cmx_number_read_count((cmx_view){(const uint8_t *)text, strlen(text)}, &value));
    assert_true(value == expected);
}

static void check_refused(const char *text)
{
    uint64_t value = 77;
    assert_false(cmx_number_read_count((cmx_view){(const uint8_t *)text, strlen(text)}, &value));
    assert_int_equal(value, 77);
}

static void test_number_counts_are_read_exactly(void **state)
{
    (void)state;
    check_count("0", 0);
    check_count("12", 12);
    check_count("12.0", 12);
    check_count("12.000", 12);
    check_count("1.2e1", 12);
    check_count("1.20E+1", 12);
    check_count("1200e-2", 12);
    check_count("0e999999999999", 0);
    check_count("0.0e5", 0);
    check_count("1e19", UINT64_C(10000000000000000000));
    check_count("18446744073709551615", UINT64_MAX);
}

static void test_number_everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",      "-1",
        "+1",    ".5",
        "5.",    "1.5",
        "12e-1", "1e",
        "1e+",   "1e1x",
        "x",     "1 ",
        "1..0",  "null",
        "1e20",  "18446744073709551616",
        "0.1e0", "1e999999999999",
        "1e-99", "--1",
        "e5",    "1.e1",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        check_refused(texts[i]);
    }
}

static void expect_pico(const char *text, uint64_t expected)
{
    uint64_t value = 77;
    assert_true(cmx_number_read_pico(cmx_view_text(text), &value));
    assert_true(value == expected);
}

static void test_number_dollars_become_picodollars(void **state)
{
    (void)state;
    expect_pico("0", 0);
    expect_pico("0.0123", UINT64_C(12300000000));
    expect_pico("1e-05", UINT64_C(10000000));
    expect_pico("1E-5", UINT64_C(10000000));
    expect_pico("12.5e-2", UINT64_C(125000000000));
    expect_pico("1.5", UINT64_C(1500000000000));
    expect_pico("3e2", UINT64_C(300000000000000));
    expect_pico("0.000000000001", 1);
    expect_pico("0.00000000000149999", 1);
    expect_pico("0.0000000000015", 2);
    expect_pico("0.0000000000005", 1);
    expect_pico("0.00000000000049", 0);
    expect_pico("5e-13", 1);
    expect_pico("9e-14", 0);
    expect_pico("9e-999", 0);
    expect_pico("0.9999999999995", UINT64_C(1000000000000));
    expect_pico("18446744.073709551615", UINT64_MAX);
    expect_pico("18446744.073709551614", UINT64_MAX - 1);
    expect_pico("18446744.0737095516144", UINT64_MAX - 1);
    /* What does not fit is the largest number. */
    expect_pico("18446744.0737095516155", UINT64_MAX);
    expect_pico("18446745", UINT64_MAX);
    expect_pico("1e30", UINT64_MAX);
    expect_pico("0e999", 0);
}

static void test_number_what_is_no_amount_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",   "-1",  "-0.1", "null", "NaN",   "1.", ".5",
                                        "1e", "1,5", "0x1",  "true", "1.2.3", "$1", "1 "};
    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        uint64_t value = 77;
        assert_false(cmx_number_read_pico(cmx_view_text(texts[i]), &value));
        assert_int_equal(value, 77);
    }
}

static void check_written(size_t len, const uint8_t *out, const char *expected)
{
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void test_number_written_has_no_needless_digit(void **state)
{
    (void)state;
    uint8_t out[CMX_NUMBER_BYTES_MAX];
    check_written(cmx_number_write(out, 0), out, "0");
    check_written(cmx_number_write(out, 4096), out, "4096");
    check_written(cmx_number_write(out, UINT64_MAX), out, "18446744073709551615");
    check_written(cmx_number_write_decimal(out, 0, 3), out, "0");
    check_written(cmx_number_write_decimal(out, 700, 3), out, "0.7");
    check_written(cmx_number_write_decimal(out, 1, 3), out, "0.001");
    check_written(cmx_number_write_decimal(out, 1010, 3), out, "1.01");
    check_written(cmx_number_write_decimal(out, 2000, 3), out, "2");
    check_written(cmx_number_write_decimal(out, UINT32_MAX, 3), out, "4294967.295");
    check_written(cmx_number_write_decimal(out, UINT64_MAX, 12), out, "18446744.073709551615");
    check_written(cmx_number_write_decimal(out, UINT64_MAX, 19), out, "1.8446744073709551615");
    check_written(cmx_number_write_decimal(out, 10000000, 12), out, "0.00001");
    check_written(cmx_number_write_decimal(out, 5000000, 6), out, "5");
    check_written(cmx_number_write_decimal(out, 0, 12), out, "0");
    check_written(cmx_number_write_decimal(out, 42, 0), out, "42");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_counts_are_read_exactly),
        cmocka_unit_test(test_number_everything_else_is_refused),
        cmocka_unit_test(test_number_dollars_become_picodollars),
        cmocka_unit_test(test_number_what_is_no_amount_is_refused),
        cmocka_unit_test(test_number_written_has_no_needless_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
