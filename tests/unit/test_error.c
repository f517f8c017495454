/* SPDX-License-Identifier: MIT */
/*
 * The list of errors against what its header promises: every code has a name and a text of its
 * own, its hundred is its class, and any other int is answered too.
 */
#include "base/base.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

struct listed {
    int status;
    const char *name;
    const char *text;
};

#define LISTED(name, code, text) {CMX_ERR_##name, "CMX_ERR_" #name, text},

static const struct listed errors[] = {CMX_ERROR_LIST(LISTED)};

static void test_error_listed_has_its_name_and_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(errors); i++) {
        assert_string_equal(cmx_error_name(errors[i].status), errors[i].name);
        assert_string_equal(cmx_error_text(errors[i].status), errors[i].text);
        assert_true(strlen(errors[i].text) > 0);
    }
    assert_string_equal(cmx_error_name(-503), "CMX_ERR_CERT_HOST");
}

static void test_error_list_has_each_code_and_text_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(errors); i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(errors[i].status, errors[k].status);
            assert_string_not_equal(errors[i].text, errors[k].text);
        }
    }
}

static void test_error_not_an_error_has_name_and_text(void **state)
{
    (void)state;
    assert_string_equal(cmx_error_name(CMX_OK), "CMX_OK");
    assert_string_equal(cmx_error_name(CMX_AGAIN), "CMX_AGAIN");
    assert_string_equal(cmx_error_name(CMX_IDLE), "CMX_IDLE");
    assert_string_not_equal(cmx_error_text(CMX_OK), cmx_error_text(12345));
    assert_string_not_equal(cmx_error_text(CMX_AGAIN), cmx_error_text(12345));
    assert_string_not_equal(cmx_error_text(CMX_IDLE), cmx_error_text(12345));
}

static void test_error_unknown_has_fixed_name_and_text(void **state)
{
    (void)state;
    static const int unknown[] = {3, 1000, INT_MAX, -1, -100, -199, -999, -1000, INT_MIN};

    for (size_t i = 0; i < CMX_ARRAY_LEN(unknown); i++) {
        assert_string_equal(cmx_error_name(unknown[i]), "CMX_ERR_UNKNOWN");
        assert_string_equal(cmx_error_text(unknown[i]), "not a status that chatmux knows");
    }
}

static void test_error_class_follows_the_hundred(void **state)
{
    (void)state;
    static const enum cmx_error_class classes[] = {
        [1] = CMX_CLASS_USAGE,   [2] = CMX_CLASS_LIMIT, [3] = CMX_CLASS_PEER,
        [4] = CMX_CLASS_NETWORK, [5] = CMX_CLASS_TLS,   [9] = CMX_CLASS_INTERNAL,
    };

    for (size_t i = 0; i < CMX_ARRAY_LEN(errors); i++) {
        size_t hundred = (size_t)(-errors[i].status / 100);
        assert_true(hundred < CMX_ARRAY_LEN(classes));
        assert_int_not_equal(classes[hundred], CMX_CLASS_NONE);
        assert_int_equal(cmx_error_class(errors[i].status), classes[hundred]);
    }
}

static void test_error_class_without_error_is_none(void **state)
{
    (void)state;
    assert_int_equal(cmx_error_class(CMX_OK), CMX_CLASS_NONE);
    assert_int_equal(cmx_error_class(CMX_AGAIN), CMX_CLASS_NONE);
    assert_int_equal(cmx_error_class(INT_MAX), CMX_CLASS_NONE);
}

static void test_error_class_of_unknown_is_internal(void **state)
{
    (void)state;
    assert_int_equal(cmx_error_class(-1), CMX_CLASS_INTERNAL);
    assert_int_equal(cmx_error_class(-99), CMX_CLASS_INTERNAL);
    assert_int_equal(cmx_error_class(-600), CMX_CLASS_INTERNAL);
    assert_int_equal(cmx_error_class(-1101), CMX_CLASS_INTERNAL);
    assert_int_equal(cmx_error_class(INT_MIN), CMX_CLASS_INTERNAL);
}

static void panic_now(void *ctx)
{
    (void)ctx;
    cmx_error_panic();
}

static void test_error_panic_ends_the_process(void **state)
{
    (void)state;
    expect_panic(panic_now, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_listed_has_its_name_and_text),
        cmocka_unit_test(test_error_list_has_each_code_and_text_once),
        cmocka_unit_test(test_error_not_an_error_has_name_and_text),
        cmocka_unit_test(test_error_unknown_has_fixed_name_and_text),
        cmocka_unit_test(test_error_class_follows_the_hundred),
        cmocka_unit_test(test_error_class_without_error_is_none),
        cmocka_unit_test(test_error_class_of_unknown_is_internal),
        cmocka_unit_test(test_error_panic_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
