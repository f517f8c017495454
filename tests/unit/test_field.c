/* SPDX-License-Identifier: MIT */
/*
 * Header field names and values: every single byte is judged, at every place.
 */
#include "base/field.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static cmx_view view(const char *text)
{
    return (cmx_view){(const uint8_t *)text, strlen(text)};
}

static void test_field_usual_names_are_accepted(void **state)
{
    (void)state;
    assert_true(cmx_field_name_ok(view("authorization")));
    assert_true(cmx_field_name_ok(view("api-key")));
    assert_true(cmx_field_name_ok(view("x")));
    assert_true(cmx_field_name_ok(view("x_2!#$%&'*+.^`|~")));
}

static void test_field_empty_and_pseudo_names_are_refused(void **state)
{
    (void)state;
    assert_false(cmx_field_name_ok((cmx_view){NULL, 0}));
    assert_false(cmx_field_name_ok(view(":path")));
    assert_false(cmx_field_name_ok(view("Authorization")));
    assert_false(cmx_field_name_ok(view("api key")));
    assert_false(cmx_field_name_ok(view("name:")));
}

static void test_field_name_bytes_are_judged_at_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool ok = byte != 0 &&
                  strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", (int)byte) != NULL;
        for (size_t at = 0; at < 3; at++) {
            uint8_t name[3] = {'a', 'b', 'c'};
            name[at] = (uint8_t)byte;
            assert_int_equal(cmx_field_name_ok((cmx_view){name, 3}), ok);
        }
    }
}

static void test_field_usual_values_are_accepted(void **state)
{
    (void)state;
    assert_true(cmx_field_value_ok((cmx_view){NULL, 0}));
    assert_true(cmx_field_value_ok(view("Bearer sk-123 456")));
    assert_true(cmx_field_value_ok(view("a\tb")));
    assert_true(cmx_field_value_ok(view("gr\xc3\xbc\xc3\x9f")));
}

static void test_field_value_with_blank_edge_is_refused(void **state)
{
    (void)state;
    assert_false(cmx_field_value_ok(view(" ")));
    assert_false(cmx_field_value_ok(view("\t")));
    assert_false(cmx_field_value_ok(view(" a")));
    assert_false(cmx_field_value_ok(view("a ")));
    assert_false(cmx_field_value_ok(view("\ta")));
    assert_false(cmx_field_value_ok(view("a\t")));
    assert_false(cmx_field_value_ok(view("key\r\nevil: 1")));
}

static void test_field_value_bytes_are_judged_at_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 3; at++) {
            uint8_t value[3] = {'a', 'b', 'c'};
            bool blank = byte == ' ' || byte == '\t';
            bool ok = blank ? at == 1 : byte >= 0x20 && byte != 0x7f;
            value[at] = (uint8_t)byte;
            assert_int_equal(cmx_field_value_ok((cmx_view){value, 3}), ok);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field_usual_names_are_accepted),
        cmocka_unit_test(test_field_empty_and_pseudo_names_are_refused),
        cmocka_unit_test(test_field_name_bytes_are_judged_at_every_place),
        cmocka_unit_test(test_field_usual_values_are_accepted),
        cmocka_unit_test(test_field_value_with_blank_edge_is_refused),
        cmocka_unit_test(test_field_value_bytes_are_judged_at_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
