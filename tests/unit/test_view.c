/* SPDX-License-Identifier: MIT */
/*
 * Views against lists of words, bytes taken from the front, digits, and the hash.
 */
#include "base/view.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

static const char words[] = "\13retry-after\16retry-after-ms\1x";

static cmx_view view(const char *text)
{
    return cmx_view_text(text);
}

static void test_view_word_is_the_whole_text(void **state)
{
    (void)state;
    assert_int_equal(cmx_view_word(view("retry-after"), words), 0);
    assert_int_equal(cmx_view_word(view("retry-after-ms"), words), 1);
    assert_int_equal(cmx_view_word(view("x"), words), 2);
    assert_true(cmx_view_word(view("retry-afte"), words) == CMX_VIEW_NONE);
    assert_true(cmx_view_word(view("retry-after-"), words) == CMX_VIEW_NONE);
    assert_true(cmx_view_word(view("retry-bfter"), words) == CMX_VIEW_NONE);
    assert_true(cmx_view_word(view(""), words) == CMX_VIEW_NONE);
    assert_true(cmx_view_word((cmx_view){NULL, 0}, words) == CMX_VIEW_NONE);
    assert_true(cmx_view_word(view("x"), "") == CMX_VIEW_NONE);
    /* A NUL in the text is a byte like others. */
    assert_true(cmx_view_word((cmx_view){(const uint8_t *)words, 14}, words) == CMX_VIEW_NONE);
}

static void test_view_takes_the_first_word_that_fits(void **state)
{
    (void)state;
    cmx_view text = view("retry-after-ms");
    assert_int_equal(cmx_view_take_word(&text, words), 0);
    assert_true(cmx_view_equal(text, CMX_VIEW_LITERAL("-ms")));
    assert_true(cmx_view_take_word(&text, words) == CMX_VIEW_NONE);
    assert_true(cmx_view_equal(text, CMX_VIEW_LITERAL("-ms")));
    text = view("x");
    assert_int_equal(cmx_view_take_word(&text, words), 2);
    assert_int_equal(text.len, 0);
    assert_true(cmx_view_take_word(&text, words) == CMX_VIEW_NONE);
}

static void test_view_begins_in_either_case(void **state)
{
    (void)state;
    assert_true(cmx_view_begins(view("HTTPS://x"), "https://", 8));
    assert_true(cmx_view_begins(view("te"), "te", 2));
    assert_true(cmx_view_begins(view(""), "", 0));
    assert_false(cmx_view_begins(view("t"), "te", 2));
    assert_false(cmx_view_begins(view("te"), "tf", 2));
    assert_false(cmx_view_begins(view("@"), "`", 1)); /* 0x20 apart, and no letters */
}

static void test_view_takes_a_byte_that_is_there(void **state)
{
    (void)state;
    cmx_view text = view("\xff:");
    assert_false(cmx_view_take_byte(&text, ':'));
    assert_true(cmx_view_take_byte(&text, '\xff'));
    assert_true(cmx_view_take_byte(&text, ':'));
    assert_false(cmx_view_take_byte(&text, ':'));
    assert_int_equal(text.len, 0);
}

static void skip_too_far(void *text)
{
    cmx_view_skip(text, 3);
}

static void test_view_skip_beyond_the_end_is_our_mistake(void **state)
{
    (void)state;
    cmx_view text = view("ab");
    expect_panic(skip_too_far, &text);
    cmx_view_skip(&text, 2);
    assert_int_equal(text.len, 0);
}

static void test_view_digit_is_hexadecimal_in_any_case(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *found = byte > 0 ? strchr(digits, (int)byte) : NULL;
        unsigned expected = found != NULL ? (unsigned)(found - digits) % 16 : CMX_VIEW_NONE;
        assert_true(cmx_view_digit((uint8_t)byte) == expected);
    }
}

static void test_view_hash_is_fnv_1a(void **state)
{
    (void)state;
    assert_int_equal(cmx_view_hash((cmx_view){NULL, 0}), UINT32_C(0x811c9dc5));
    assert_int_equal(cmx_view_hash(view("foobar")), UINT32_C(0xbf9cf968));
    assert_true(cmx_view_hash(view("gpt-4.1")) != cmx_view_hash(view("gpt-4.1-mini")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_word_is_the_whole_text),
        cmocka_unit_test(test_view_takes_the_first_word_that_fits),
        cmocka_unit_test(test_view_begins_in_either_case),
        cmocka_unit_test(test_view_takes_a_byte_that_is_there),
        cmocka_unit_test(test_view_skip_beyond_the_end_is_our_mistake),
        cmocka_unit_test(test_view_digit_is_hexadecimal_in_any_case),
        cmocka_unit_test(test_view_hash_is_fnv_1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
