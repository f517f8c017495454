/* SPDX-License-Identifier: MIT */
/*
 * The list of lines: order, escapes, cuts, and that nothing is lost without being counted.
 */
#include "base/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 2 * CMX_LINES_LINE_BYTES_MAX };

static char memory[CAPACITY + 1];
static cmx_lines lines;

static int set_up(void **state)
{
    (void)state;
    memset(memory, '#', sizeof(memory));
    cmx_lines_init(&lines, memory, CAPACITY);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(memory[CAPACITY], '#');
    return 0;
}

static void expect_line(const char *text)
{
    cmx_view line;
    assert_true(cmx_lines_any(&lines));
    assert_true(cmx_lines_next(&lines, &line));
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.data, text, line.len);
}

static void expect_none(void)
{
    cmx_view line;
    assert_false(cmx_lines_any(&lines));
    assert_false(cmx_lines_next(&lines, &line));
    assert_int_equal(lines.len, 0);
}

static void test_lines_start_empty_and_off(void **state)
{
    (void)state;
    assert_false(cmx_lines_on(NULL));
    assert_false(cmx_lines_on(&lines));
    expect_none();
    lines.on = true;
    assert_true(cmx_lines_on(&lines));
}

static void test_lines_come_out_in_order(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        cmx_lines_text(&lines, "a=");
        cmx_lines_number(&lines, 0);
        cmx_lines_end(&lines);
        cmx_lines_end(&lines); /* an empty one is one */
        cmx_lines_text(&lines, "b=0x");
        cmx_lines_hex(&lines, 7);
        cmx_lines_hex(&lines, 0xabcdef12);
        cmx_lines_text(&lines, " ");
        cmx_lines_number(&lines, UINT64_MAX);
        cmx_lines_end(&lines);
        expect_line("a=0");
        expect_line("");
        expect_line("b=0x07abcdef12 18446744073709551615");
        expect_none();
    }
}

static void test_lines_foreign_bytes_are_escaped(void **state)
{
    (void)state;
    cmx_lines_foreign(&lines, (cmx_view){(const uint8_t *)"a\0\n\r\x1b[2J\\~\x7f\xc3 z", 14});
    cmx_lines_end(&lines);
    expect_line("a\\x00\\x0a\\x0d\\x1b[2J\\x5c~\\x7f\\xc3 z");
}

static void test_lines_long_line_is_cut(void **state)
{
    (void)state;
    char expected[CMX_LINES_LINE_BYTES_MAX + 1];
    for (unsigned i = 0; i < CMX_LINES_LINE_BYTES_MAX; i++) {
        cmx_lines_foreign(&lines, CMX_VIEW_LITERAL("xy"));
    }
    cmx_lines_text(&lines, "never");
    cmx_lines_end(&lines);
    cmx_lines_text(&lines, "next");
    cmx_lines_end(&lines);
    for (size_t i = 0; i < CMX_LINES_LINE_BYTES_MAX - 3; i++) {
        expected[i] = i % 2 == 0 ? 'x' : 'y';
    }
    memcpy(expected + CMX_LINES_LINE_BYTES_MAX - 3, "...", 4);
    expect_line(expected);
    expect_line("next");
    expect_none();
}

static void test_lines_that_do_not_fit_are_counted(void **state)
{
    (void)state;
    const unsigned fit = CAPACITY / 4;
    for (unsigned i = 0; i < fit + 5; i++) {
        cmx_lines_text(&lines, "abc");
        cmx_lines_end(&lines);
    }
    for (unsigned i = 0; i < fit; i++) {
        expect_line("abc");
    }
    expect_line("5 lines lost: trace_bytes is too small");
    expect_none();
    cmx_lines_text(&lines, "and on");
    cmx_lines_end(&lines);
    expect_line("and on");
    expect_none();
}

static void test_lines_one_lost_line_leaves_the_others_whole(void **state)
{
    (void)state;
    char half[CAPACITY / 2];
    memset(half, 'h', sizeof(half));
    half[CMX_LINES_LINE_BYTES_MAX - 4] = '\0';
    cmx_lines_text(&lines, half);
    cmx_lines_end(&lines);
    cmx_lines_text(&lines, half);
    cmx_lines_end(&lines);
    cmx_lines_text(&lines, "a line that finds only six bytes");
    cmx_lines_end(&lines);
    cmx_lines_text(&lines, "short");
    cmx_lines_end(&lines);
    expect_line(half);
    expect_line(half);
    expect_line("short");
    expect_line("1 line lost: trace_bytes is too small");
    expect_none();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines_start_empty_and_off),
        TEST(test_lines_come_out_in_order),
        TEST(test_lines_foreign_bytes_are_escaped),
        TEST(test_lines_long_line_is_cut),
        TEST(test_lines_that_do_not_fit_are_counted),
        TEST(test_lines_one_lost_line_leaves_the_others_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
