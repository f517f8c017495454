/* SPDX-License-Identifier: MIT */
/*
 * Ids in lists of models, byte by byte. The module belongs to the program and not to the library,
 * so it is included.
 */
#include "cli/names.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Takes a text; the ids, each with a comma behind it. */
static void take(cli_names *names, const char *text, char *found)
{
    memset(names, 0, sizeof *names);
    for (; *text != '\0'; text++) {
        if (cli_names_take(names, *text)) {
            memcpy(found, names->text, names->text_len);
            found += names->text_len;
            *found++ = ',';
        }
    }
    *found = '\0';
}

static void expect(const char *text, const char *ids, bool is_whole)
{
    cli_names names;
    char found[1024];
    take(&names, text, found);
    assert_string_equal(found, ids);
    assert_int_equal(names.is_whole, is_whole);
}

static void test_names_ids_of_the_list_are_found_and_no_others(void **state)
{
    (void)state;
    expect("{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\"},"
           "{\"object\":\"model\", \"id\" : \"b/c\"}]}\n",
           "a,b/c,", true);
    expect("{\"id\":\"no\",\"data\":[{\"id\":\"a\",\"permission\":[{\"id\":\"no\"}]}]}", "a,",
           true);
    expect("{\"data\":[{\"name\":\"id\",\"x\":\"no\",\"id\":\"a\"}]}", "a,", true);
    expect("{\"data\":[{\"id\":5,\"x\":\"no\"},{\"id\":[\"no\"]},{\"id\":{\"y\":\"no\"}}]}", "",
           true);
    expect("{\"data\":[{\"id\":\"a\"}],\"object\":\"list\"}", "a,", true);
}

static void test_names_an_empty_list_is_whole(void **state)
{
    (void)state;
    expect("{\"object\":\"list\",\"data\":[]}", "", true);
}

static void test_names_what_is_no_list_is_not_whole(void **state)
{
    (void)state;
    expect("", "", false);
    expect("<html>[{}]</html>", "", false);
    expect("{\"error\":{\"id\":\"no\"}}", "", false);
    expect("{\"data\":[{\"id\":\"a\"},{\"id\":\"b", "a,", false);
    expect("{\"data\":[{\"id\":\"a\"}]", "a,", false);
    expect("]]]}}}", "", false);
}

static void test_names_escapes_stay_except_those_that_names_have(void **state)
{
    (void)state;
    expect("{\"data\":[{\"id\":\"a\\/b\\\"c\\\\d\\n\\u001b\"}]}", "a/b\"c\\d\\n\\u001b,", true);
    expect("{\"data\":[{\"id\":\"}],\\\\\"},{\"id\":\"z\"}]}", "}],\\,z,", true);
}

static void test_names_a_long_id_is_cut(void **state)
{
    (void)state;
    char text[CLI_NAMES_BYTES_MAX + 64] = "{\"data\":[{\"id\":\"";
    size_t len = strlen(text);
    memset(text + len, 'x', CLI_NAMES_BYTES_MAX + 1);
    memcpy(text + len + CLI_NAMES_BYTES_MAX + 1, "\"}]}", 5);
    char found[1024];
    cli_names names;
    take(&names, text, found);
    assert_int_equal(strlen(found), CLI_NAMES_BYTES_MAX + 1);
    assert_true(names.is_whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_ids_of_the_list_are_found_and_no_others),
        cmocka_unit_test(test_names_an_empty_list_is_whole),
        cmocka_unit_test(test_names_what_is_no_list_is_not_whole),
        cmocka_unit_test(test_names_escapes_stay_except_those_that_names_have),
        cmocka_unit_test(test_names_a_long_id_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
