/* SPDX-License-Identifier: MIT */
/*
 * Files of names and values: lines, sections, what is refused, and that nothing of the text stays.
 * The module belongs to the program and not to the library, so it is included.
 */
#include "cli/ini.c"
#include "cli/out.c"
#include "cli/system.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/temp_file.h"

static void open_text(cli_ini *ini, const char *text)
{
    temp_file_write(text, strlen(text));
    assert_true(cli_ini_open(ini, "--config", temp_file_path));
}

static void expect_pair(cli_ini *ini, unsigned line, const char *name, const char *value)
{
    assert_int_equal(cli_ini_next(ini), CLI_INI_PAIR);
    assert_int_equal(ini->line, line);
    assert_string_equal(ini->name, name);
    if (value == NULL) {
        assert_null(ini->value);
    } else {
        assert_string_equal(ini->value, value);
    }
}

static void expect_section(cli_ini *ini, unsigned line, const char *section)
{
    assert_int_equal(cli_ini_next(ini), CLI_INI_SECTION);
    assert_int_equal(ini->line, line);
    assert_string_equal(ini->section, section);
    assert_null(ini->name);
}

static void test_ini_pairs_and_sections_come_in_order_with_their_lines(void **state)
{
    (void)state;
    cli_ini ini;
    open_text(&ini, "a = 1\n"
                    "\n"
                    "# comment = 2\n"
                    "  ; comment\n"
                    "\tb=x y = z \n"
                    "switch\n"
                    "empty =\n"
                    "[ relay  west ]\n"
                    "c = # no comment\n"
                    "[x]y]\n"
                    "last = 9");
    assert_string_equal(ini.section, "");
    expect_pair(&ini, 1, "a", "1");
    expect_pair(&ini, 5, "b", "x y = z");
    expect_pair(&ini, 6, "switch", NULL);
    expect_pair(&ini, 7, "empty", "");
    assert_string_equal(ini.section, "");
    expect_section(&ini, 8, "relay  west");
    expect_pair(&ini, 9, "c", "# no comment");
    assert_string_equal(ini.section, "relay  west");
    expect_section(&ini, 10, "x]y");
    expect_pair(&ini, 11, "last", "9");
    assert_int_equal(cli_ini_next(&ini), CLI_INI_END);
    assert_int_equal(cli_ini_next(&ini), CLI_INI_END);
    cli_ini_close(&ini);
}

static void test_ini_line_ends_of_dos_and_a_byte_order_mark_are_no_part_of_values(void **state)
{
    (void)state;
    cli_ini ini;
    open_text(&ini, BYTE_ORDER_MARK "a = 1\r\n\r\n[s]\r\nb\r\n");
    expect_pair(&ini, 1, "a", "1");
    expect_section(&ini, 3, "s");
    expect_pair(&ini, 4, "b", NULL);
    assert_int_equal(cli_ini_next(&ini), CLI_INI_END);
    cli_ini_close(&ini);
}

static void test_ini_an_empty_file_has_no_lines(void **state)
{
    (void)state;
    cli_ini ini;
    open_text(&ini, "");
    assert_int_equal(cli_ini_next(&ini), CLI_INI_END);
    cli_ini_close(&ini);
}

static void test_ini_broken_lines_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"[a", "[]", "[ ]", "[", "= 1", " = "};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cli_ini ini;
        open_text(&ini, texts[i]);
        assert_int_equal(cli_ini_next(&ini), CLI_INI_WRONG);
        cli_ini_close(&ini);
    }
}

static void test_ini_a_file_that_is_no_text_is_refused(void **state)
{
    (void)state;
    cli_ini ini;
    temp_file_write("a = 1\0\n", 7);
    assert_false(cli_ini_open(&ini, "--config", temp_file_path));
    assert_null(ini.text);
    assert_false(cli_ini_open(&ini, "--config", "/tmp"));
    assert_false(cli_ini_open(&ini, "--config", "/tmp/chatmux-missing/x.ini"));
    cli_ini_close(&ini); /* allowed */
}

static void test_ini_the_longest_file_is_read_and_one_byte_more_is_refused(void **state)
{
    (void)state;
    static char text[CLI_INI_BYTES_MAX + 1];
    cli_ini ini;
    memset(text, '#', sizeof text);
    memcpy(text + CLI_INI_BYTES_MAX - 4, "\na=1", 4);
    temp_file_write(text, CLI_INI_BYTES_MAX);
    assert_true(cli_ini_open(&ini, "--config", temp_file_path));
    expect_pair(&ini, 2, "a", "1");
    cli_ini_close(&ini);
    temp_file_write(text, CLI_INI_BYTES_MAX + 1);
    assert_false(cli_ini_open(&ini, "--config", temp_file_path));
}

static void test_ini_only_a_file_of_its_owner_alone_is_private(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        bool is_private;
    } cases[] = {{0600, true},  {0400, true},  {0700, true}, {0640, false},
                 {0604, false}, {0620, false}, {0601, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cli_ini ini;
        temp_file_write("a = 1\n", 6);
        assert_int_equal(chmod(temp_file_path, cases[i].mode), 0);
        assert_true(cli_ini_open(&ini, "--config", temp_file_path));
        assert_int_equal(ini.is_private, cases[i].is_private);
        cli_ini_close(&ini);
        assert_int_equal(chmod(temp_file_path, 0600), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ini_pairs_and_sections_come_in_order_with_their_lines),
        cmocka_unit_test(test_ini_line_ends_of_dos_and_a_byte_order_mark_are_no_part_of_values),
        cmocka_unit_test(test_ini_an_empty_file_has_no_lines),
        cmocka_unit_test(test_ini_broken_lines_are_refused),
        cmocka_unit_test(test_ini_a_file_that_is_no_text_is_refused),
        cmocka_unit_test(test_ini_the_longest_file_is_read_and_one_byte_more_is_refused),
        cmocka_unit_test(test_ini_only_a_file_of_its_owner_alone_is_private),
    };
    return cmocka_run_group_tests(tests, temp_file_make, temp_file_remove);
}
