/* SPDX-License-Identifier: MIT */
/*
 * Relays, targets and prices of a file: every value exact, everything else refused. The modules
 * belong to the program and not to the library, so they are included.
 */
#include "cli/ini.c"
#include "cli/number.c"
#include "cli/out.c"
#include "cli/settings.c"
#include "cli/system.c"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/temp_file.h"

/* Reads a file that has no options in it. Returns how it ends. */
static enum cli_ini_line read_text(cli_settings *settings, const char *text)
{
    temp_file_write(text, strlen(text));
    memset(settings, 0, sizeof *settings);
    assert_true(cli_settings_open(settings, temp_file_path));
    return cli_settings_next(settings);
}

static void test_settings_relays_targets_and_prices_are_kept(void **state)
{
    (void)state;
    static cli_settings s;
    assert_int_equal(read_text(&s, "[target]\nrelay = west\nmodel = a b\ntier = high, low\n"
                                   "weight = 0.3\nrank = 7\n"
                                   "[relay west]\nurl = https://w/v1\nkey-file = f\nproxy =\n"
                                   "[target]\nmodel = m\n"
                                   "[price a b]\ninput = 2.50\noutput = 10\n"
                                   "[price free]\ninput=0\noutput=.000001\ncached-input=1000000\n"),
                     CLI_INI_END);
    assert_int_equal(s.relay_count, 1);
    assert_string_equal(s.relays[0].name, "west");
    assert_string_equal(s.relays[0].url, "https://w/v1");
    assert_string_equal(s.relays[0].key_file, "f");
    assert_string_equal(s.relays[0].proxy, "");
    assert_int_equal(s.target_count, 2);
    assert_string_equal(s.targets[0].target.model, "a b");
    assert_int_equal(s.targets[0].target.weight_milli, 300);
    assert_int_equal(s.targets[0].target.rank, 7);
    assert_int_equal(s.targets[0].target.tiers, 1u << CMX_TIER_HIGH | 1u << CMX_TIER_LOW);
    assert_int_equal(s.targets[0].line, 1);
    assert_null(s.targets[1].relay);
    assert_int_equal(s.targets[1].target.weight_milli, 1000);
    assert_int_equal(s.price_count, 2);
    assert_string_equal(s.prices[0].model, "a b");
    assert_int_equal(s.prices[0].input, 2500000);
    assert_int_equal(s.prices[0].cached_input, 2500000); /* nothing is cheaper unsaid */
    assert_int_equal(s.prices[0].output, 10000000);
    assert_int_equal(s.prices[1].input, 0);
    assert_int_equal(s.prices[1].cached_input, CMX_PRICE_MAX);
    assert_int_equal(s.prices[1].output, 1);
    cli_settings_close(&s);
}

static void test_settings_numbers_that_are_none_or_too_large_are_refused(void **state)
{
    (void)state;
    static const char *const weights[] = {
        "0",    "-1",  "1000.001", "99999999999999999999999999", "0.0001", "1e3", "0x1", "", ".",
        "1..2", "nan", "1,5"};
    static const char *const prices[] = {"-0.1",      "1000000.000001",
                                         "1.0000001", "$2",
                                         "2 ",        "",
                                         "1e-3",      "99999999999999999999999999"};
    static cli_settings s;
    char text[256];
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        snprintf(text, sizeof text, "[target]\nmodel=m\nweight=%s\n", weights[i]);
        assert_int_equal(read_text(&s, text), CLI_INI_WRONG);
        cli_settings_close(&s);
    }
    for (size_t i = 0; i < sizeof prices / sizeof prices[0]; i++) {
        snprintf(text, sizeof text, "[price m]\noutput=1\ninput=%s\n", prices[i]);
        bool is_right = strcmp(prices[i], "2 ") == 0; /* blanks at the end are nothing */
        assert_int_equal(read_text(&s, text), is_right ? CLI_INI_END : CLI_INI_WRONG);
        cli_settings_close(&s);
    }
}

static void test_settings_sections_that_are_incomplete_or_doubled_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[relay]\nurl=x\n",
        "[relay a b]\nurl=x\n",
        "[relay a]\n",
        "[relay a]\nurl=\n",
        "[relay a]\nurl=x\nno-key=false\n",
        "[relay a]\nurl=x\nheader=x-a: b\n",
        "[relay a]\nurl=x\n[relay a]\nurl=y\n",
        "[target]\n",
        "[target x]\nmodel=m\n",
        "[target]\nmodel=\n",
        "[target]\nmodel=m\nrelay=a\n",
        "[target]\nmodel=m\nrelay=\n",
        "[target]\nmodel=m\nrank=8\n",
        "[target]\nmodel=m\nrank=1.5\n",
        "[target]\nmodel=m\ntier=\n",
        "[target]\nmodel=m\ntier=any\n",
        "[target]\nmodel=m\ncolour=red\n",
        "[price]\ninput=1\noutput=1\n",
        "[price m]\ninput=1\n",
        "[price m]\noutput=1\n",
        "[price m]\ninput=1\noutput=1\n[price m]\ninput=1\noutput=1\n",
        "[price m]\ninput=1\noutput=1\nimage=1\n",
    };
    static cli_settings s;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(read_text(&s, texts[i]), CLI_INI_WRONG);
        cli_settings_close(&s);
    }
}

static void test_settings_tables_have_an_end(void **state)
{
    (void)state;
    static cli_settings s;
    static char text[65536];
    size_t len = 0;
    for (int i = 0; i <= CLI_RELAYS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "[relay r%d]\nurl=x\n", i);
    }
    assert_int_equal(read_text(&s, text), CLI_INI_WRONG);
    assert_int_equal(s.relay_count, CLI_RELAYS_MAX);
    cli_settings_close(&s);
    len = 0;
    for (int i = 0; i <= CLI_TARGETS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "[target]\nmodel=m%d\n", i);
    }
    assert_int_equal(read_text(&s, text), CLI_INI_WRONG);
    assert_int_equal(s.target_count, CLI_TARGETS_MAX);
    cli_settings_close(&s);
    len = 0;
    for (int i = 0; i <= CLI_PRICES_MAX; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "[price m%d]\ninput=1\noutput=1\n", i);
    }
    assert_int_equal(read_text(&s, text), CLI_INI_WRONG);
    assert_int_equal(s.price_count, CLI_PRICES_MAX);
    cli_settings_close(&s);
}

static void test_settings_a_price_file_adds_to_what_the_configuration_has(void **state)
{
    (void)state;
    static cli_settings s;
    assert_int_equal(read_text(&s, "[price a]\ninput=1\noutput=2\n"), CLI_INI_END);
    const char *file = "[vendor/b 2]\ninput=3\noutput=4\ncached-input=0.5\n";
    temp_file_write(file, strlen(file));
    assert_true(cli_settings_read_prices(&s, temp_file_path));
    assert_int_equal(s.price_count, 2);
    assert_string_equal(s.prices[1].model, "vendor/b 2");
    assert_int_equal(s.prices[1].cached_input, 500000);
    assert_string_equal(s.prices[0].model, "a");
    cli_settings_close(&s);
    static const char *const texts[] = {"input=1\n", "[a]\ninput=1\n", "[a]\n[b]\n", "[a\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        memset(&s, 0, sizeof s);
        temp_file_write(texts[i], strlen(texts[i]));
        assert_false(cli_settings_read_prices(&s, temp_file_path));
        cli_settings_close(&s);
    }
}

static void test_settings_lines_of_other_sections_are_handed_on(void **state)
{
    (void)state;
    static cli_settings s;
    assert_int_equal(read_text(&s, "url = x\n[chat]\nverbose\n[relay a]\nurl=y\n[bench]\n"),
                     CLI_INI_PAIR);
    assert_string_equal(s.config.name, "url");
    assert_int_equal(cli_settings_next(&s), CLI_INI_SECTION);
    assert_string_equal(s.config.section, "chat");
    assert_int_equal(cli_settings_next(&s), CLI_INI_PAIR);
    assert_string_equal(s.config.name, "verbose");
    assert_int_equal(cli_settings_next(&s), CLI_INI_SECTION);
    assert_string_equal(s.config.section, "bench");
    assert_int_equal(cli_settings_next(&s), CLI_INI_END);
    assert_string_equal(cli_settings_find(&s, "a")->url, "y");
    assert_null(cli_settings_find(&s, "b"));
    cli_settings_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_relays_targets_and_prices_are_kept),
        cmocka_unit_test(test_settings_numbers_that_are_none_or_too_large_are_refused),
        cmocka_unit_test(test_settings_sections_that_are_incomplete_or_doubled_are_refused),
        cmocka_unit_test(test_settings_tables_have_an_end),
        cmocka_unit_test(test_settings_a_price_file_adds_to_what_the_configuration_has),
        cmocka_unit_test(test_settings_lines_of_other_sections_are_handed_on),
    };
    return cmocka_run_group_tests(tests, temp_file_make, temp_file_remove);
}
