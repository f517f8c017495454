/* SPDX-License-Identifier: MIT */
/*
 * The program's own printing: each conversion as libc's printf() has it, what does not fit, and
 * writes that fail. The module belongs to the program and not to the library, so it is included.
 */
#include "cli/out.c"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/temp_file.h"

enum { ROOM = 256 };

/* The same format and arguments through both. */
#define EXPECT_SAME(...)                                         \
    do {                                                         \
        char mine_[ROOM] = {0};                                  \
        char libcs_[ROOM];                                       \
        cli_out out_ = {mine_, sizeof mine_ - 1, 0, -1, 0};      \
        int len_ = snprintf(libcs_, sizeof libcs_, __VA_ARGS__); \
        cli_out_print(&out_, __VA_ARGS__);                       \
        assert_string_equal(mine_, libcs_);                      \
        assert_int_equal(out_.len, len_);                        \
    } while (0)

static void test_out_texts_are_those_of_printf(void **state)
{
    (void)state;
    EXPECT_SAME("plain");
    EXPECT_SAME("%s", "");
    EXPECT_SAME("a %s b%s", "text", "c");
    EXPECT_SAME("[%-18s] [%14s]", "name", "1.250");
    EXPECT_SAME("[%-3s] [%3s]", "longer", "longer");
    EXPECT_SAME("[%.*s]", 3, "abcdef");
    EXPECT_SAME("[%.*s]", 0, "abcdef");
    EXPECT_SAME("[%.*s]", 64, "abc");
    const char no_end[3] = {'a', 'b', 'c'};
    EXPECT_SAME("[%.*s]", 3, no_end);
}

static void test_out_numbers_are_those_of_printf(void **state)
{
    (void)state;
    static const unsigned long long numbers[] = {0, 1, 9, 10, 4294967295, 4294967296, ULLONG_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        EXPECT_SAME("%llu %s", numbers[i], "behind");
        EXPECT_SAME("%u %s", (unsigned)numbers[i], "behind");
        EXPECT_SAME("%zu %s", (size_t)numbers[i], "behind");
        EXPECT_SAME("%x %012llu %5u", (unsigned)numbers[i], numbers[i], (unsigned)numbers[i]);
    }
    EXPECT_SAME("\\u%04x %-6u| %04x", 0x1f, 7u, 0x12345);
}

static void expect_decimal(uint64_t number, unsigned digits, const char *want)
{
    char text[ROOM] = {0};
    cli_out out = {text, sizeof text - 1, 0, -1, 0};
    cli_out_decimal(&out, number, digits);
    assert_string_equal(text, want);
}

static void test_out_decimals_keep_their_zeros(void **state)
{
    (void)state;
    expect_decimal(0, 0, "0");
    expect_decimal(17, 0, "17");
    expect_decimal(0, 3, "0.000");
    expect_decimal(7, 3, "0.007");
    expect_decimal(1250, 3, "1.250");
    expect_decimal(1000, 1, "100.0");
    expect_decimal(92500000, 12, "0.000092500000");
    expect_decimal(UINT64_MAX, 12, "18446744.073709551615");
}

static void test_out_memory_takes_what_it_has_room_for(void **state)
{
    (void)state;
    char text[8] = "........";
    cli_out out = {text, 5, 0, -1, 0};
    cli_out_print(&out, "%s", "abc");
    cli_out_print(&out, "%s%u", "def", 5u);
    cli_out_byte(&out, 'x');
    assert_int_equal(out.len, 5);
    assert_memory_equal(text, "abcde...", 8);
}

/* Longer than the buffer, so that it is written in parts, and in order. */
static void test_out_files_get_every_byte_in_order(void **state)
{
    (void)state;
    char room[16];
    char want[1000];
    char got[sizeof want + 1];
    temp_file_write("", 0);
    int fd = open(temp_file_path, O_RDWR);
    cli_out out = {room, sizeof room, 0, fd, 0};
    for (size_t i = 0; i < sizeof want; i++) {
        want[i] = (char)('a' + i % 26);
    }
    for (size_t at = 0, len = 0; at < sizeof want; at += len) {
        size_t left = sizeof want - at;
        len = 1 + at % 40 < left ? 1 + at % 40 : left;
        cli_out_bytes(&out, want + at, len);
    }
    assert_int_equal(cli_out_flush(&out), 0);
    assert_int_equal(pread(fd, got, sizeof got, 0), sizeof want);
    assert_memory_equal(got, want, sizeof want);
    close(fd);
}

static void test_out_the_first_failure_is_kept(void **state)
{
    (void)state;
    char room[4];
    int full = open("/dev/full", O_WRONLY);
    cli_out out = {room, sizeof room, 0, full, 0};
    cli_out_print(&out, "%s", "more than it holds");
    assert_int_equal(out.error, ENOSPC);
    assert_int_equal(close(full), 0);
    cli_out_print(&out, "%s", "more than it holds");
    assert_int_equal(cli_out_flush(&out), ENOSPC);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_texts_are_those_of_printf),
        cmocka_unit_test(test_out_numbers_are_those_of_printf),
        cmocka_unit_test(test_out_decimals_keep_their_zeros),
        cmocka_unit_test(test_out_memory_takes_what_it_has_room_for),
        cmocka_unit_test(test_out_files_get_every_byte_in_order),
        cmocka_unit_test(test_out_the_first_failure_is_kept),
    };
    return cmocka_run_group_tests(tests, temp_file_make, temp_file_remove);
}
