/* SPDX-License-Identifier: MIT */
/*
 * The command line's arguments: how options, values and operands may be written, which names are
 * known, numbers and their ranges. The modules belong to the program and not to the library, so
 * they are included.
 */
#include "cli/help.c"
#include "cli/ini.c"
#include "cli/number.c"
#include "cli/out.c"
#include "cli/system.c"
#include "cli/settings.c"
#include "cli/options.c"

#include <setjmp.h>

#include <cmocka.h>

static cli_options options;

static int parse_line(enum cli_command command, int argc, const char *const *arguments)
{
    char *argv[16] = {(char *)(uintptr_t) "chat"};
    bool leave = false;
    for (int i = 0; i < argc; i++) {
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    memset(&options, 0, sizeof options);
    options.command = command;
    int rc = cli_options_parse(&options, argc + 1, argv, &leave);
    assert_int_equal(leave, rc != 0);
    return rc;
}

#define PARSE(command, ...)                                                            \
    parse_line((command), (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(char *)), \
               (const char *[]){__VA_ARGS__})

static void test_options_values_may_be_written_in_each_way(void **state)
{
    (void)state;
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--model", "a", "hello"), 0);
    assert_string_equal(options.chat.model, "a");
    assert_string_equal(options.operand, "hello");
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "hello", "--model=a=b"), 0);
    assert_string_equal(options.chat.model, "a=b");
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--model="), 0);
    assert_string_equal(options.chat.model, "");
    assert_null(options.operand);
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "-ma"), 0);
    assert_string_equal(options.chat.model, "a");
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "-vvm", "-s", "-s", "b"), 0);
    assert_string_equal(options.chat.model, "-s");
    assert_string_equal(options.system, "b");
    assert_true(options.verbose);
    assert_int_equal(PARSE(CLI_COMMAND_BENCH, "-n5", "-c", "6", "-p7"), 0);
    assert_int_equal(options.total, 5);
    assert_int_equal(options.in_flight, 6);
    assert_int_equal(options.connections, 7);
}

static void test_options_names_may_be_cut_short_while_they_are_clear(void **state)
{
    (void)state;
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--mod", "a", "--no-st"), 0);
    assert_string_equal(options.chat.model, "a");
    assert_true(options.no_stream);
    /* This very name, though another one begins with it. */
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--proxy", "http://p"), 0);
    assert_string_equal(options.relay.proxy, "http://p");
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--no"), CLI_EXIT_USAGE);
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--max-t", "5"), CLI_EXIT_USAGE);
    assert_int_equal(PARSE(CLI_COMMAND_REQUEST, "--max-t", "5", "/x"), 0);
    assert_int_equal(options.max_time_ms, 5000);
}

static void test_options_what_is_no_option_is_an_operand(void **state)
{
    (void)state;
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "-"), 0);
    assert_string_equal(options.operand, "-");
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "-v", "--", "--json"), 0);
    assert_string_equal(options.operand, "--json");
    assert_false(options.json);
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, ""), 0);
    assert_string_equal(options.operand, "");
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "two", "words"), CLI_EXIT_USAGE);
    assert_int_equal(PARSE(CLI_COMMAND_BENCH, "one"), CLI_EXIT_USAGE);
    assert_int_equal(PARSE(CLI_COMMAND_REQUEST, "-v"), CLI_EXIT_USAGE);
    assert_int_equal(PARSE(CLI_COMMAND_REQUEST, "--trace"), CLI_EXIT_USAGE);
}

static void test_options_mistakes_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"--frobnicate", "-q",    "--model", "-m",
                                        "--json=true",  "--key", "-vq",     "--stamps",
                                        "--requests",   "--=",   "--key=x", "--json="};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(parse_line(CLI_COMMAND_CHAT, 1, &lines[i]), CLI_EXIT_USAGE);
    }
}

static void test_options_numbers_are_decimal_and_within_their_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t milli; /* CMX_UNSET = refused */
    } cases[] = {
        {"0", 0},           {"2", 2000},
        {"0.7", 700},       {".5", 500},
        {"1.", 1000},       {"0.0004", 0},
        {"0.0005", 1},      {"0.30000000000000004", 300},
        {"1.9999", 2000},   {"2.0004", 2000},
        {"00001", 1000},    {"2.001", CMX_UNSET},
        {"-1", CMX_UNSET},  {"nan", CMX_UNSET},
        {"", CMX_UNSET},    {".", CMX_UNSET},
        {"1,5", CMX_UNSET}, {"1..", CMX_UNSET},
        {"1 ", CMX_UNSET},  {"99999999999999999999", CMX_UNSET},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = PARSE(CLI_COMMAND_CHAT, "--temperature", cases[i].text);
        assert_int_equal(rc, cases[i].milli == CMX_UNSET ? CLI_EXIT_USAGE : 0);
        assert_int_equal(options.chat.temperature_milli, cases[i].milli);
    }
    static const char *const counts[] = {
        "0", "4097", "1.0", "1e3", "-1", "0x10", "", "4294967297", "18446744073709551617"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_int_equal(PARSE(CLI_COMMAND_BENCH, "-c", counts[i]), CLI_EXIT_USAGE);
    }
    assert_int_equal(PARSE(CLI_COMMAND_BENCH, "--concurrency=4096"), 0);
    assert_int_equal(options.in_flight, CMX_REQUESTS_MAX);
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--max-time", "0.1", "--connect-timeout=120"), 0);
    assert_int_equal(options.max_time_ms, 100);
    assert_int_equal(options.connect_timeout_ms, 120000);
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--max-time", "0.099"), CLI_EXIT_USAGE);
}

static void test_options_of_those_that_exclude_each_other_the_later_one_counts(void **state)
{
    (void)state;
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--no-key", "--key-file", "f"), 0);
    assert_false(options.relay.no_key);
    assert_string_equal(options.relay.key_file, "f");
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--key-file", "f", "--no-key"), 0);
    assert_null(options.relay.key_file);
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "--cacert", "f", "--capath", "d"), 0);
    assert_null(options.relay.cacert);
    assert_int_equal(PARSE(CLI_COMMAND_CHAT, "-H", "X-A: b", "-H", "c:d"), 0);
    assert_string_equal(options.headers[0].name, "x-a");
    assert_string_equal(options.headers[0].value, "b");
    assert_string_equal(options.headers[1].value, "d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_values_may_be_written_in_each_way),
        cmocka_unit_test(test_options_names_may_be_cut_short_while_they_are_clear),
        cmocka_unit_test(test_options_what_is_no_option_is_an_operand),
        cmocka_unit_test(test_options_mistakes_are_refused),
        cmocka_unit_test(test_options_numbers_are_decimal_and_within_their_range),
        cmocka_unit_test(test_options_of_those_that_exclude_each_other_the_later_one_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
