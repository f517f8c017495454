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

static void test_field_text_is_visible_and_not_empty(void **state)
{
    (void)state;
    assert_true(cmx_field_text_ok(view("a")));
    assert_true(cmx_field_text_ok(view("a b\tc!~")));
    assert_false(cmx_field_text_ok(view("")));
    assert_false(cmx_field_text_ok(view("a\x80")));
    assert_false(cmx_field_text_ok(view("caf\xc3\xa9")));
    assert_false(cmx_field_text_ok(view("a\r\nb: c")));
    assert_false(cmx_field_text_ok(view(" a")));
    assert_false(cmx_field_text_ok((cmx_view){(const uint8_t *)"a\0b", 3}));
}

static void test_field_names_of_our_own_are_not_free(void **state)
{
    (void)state;
    static const char *const taken[] = {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "expect",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "te",
        "proxy-authorization",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-connection",
        "user-agent",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(taken); i++) {
        assert_false(cmx_field_name_allowed(view(taken[i])));
    }
    assert_true(cmx_field_name_allowed(view("openai-organization")));
    assert_true(cmx_field_name_allowed(view("cookie")));
    assert_true(cmx_field_name_allowed(view("x-host")));
    assert_true(cmx_field_name_allowed(view("hos")));
}

static void test_field_names_of_credentials_are_secret(void **state)
{
    (void)state;
    static const char *const secret[] = {
        "authorization",
        "proxy-authorization",
        "X-Authorization-Extra",
        "cookie",
        "set-cookie",
        "api-key",
        "x-api-key",
        "apikey",
        "KEY",
        "x-auth",
        "x-auth-token",
        "client_secret",
        "x-password",
        "sig",
        "X-Signature",
        "aws-credentials",
    };
    static const char *const open[] = {
        "accept",
        "openai-organization",
        "x-ratelimit-remaining-tokens",
        "x-keyed",
        "www-authenticate",
        "api-version",
        "token-count",
        "",
        "x-request-id",
        "authorizatio",
        "cooki",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(secret); i++) {
        assert_true(cmx_field_name_secret(view(secret[i])));
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(open); i++) {
        assert_false(cmx_field_name_secret(view(open[i])));
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
        cmocka_unit_test(test_field_text_is_visible_and_not_empty),
        cmocka_unit_test(test_field_names_of_our_own_are_not_free),
        cmocka_unit_test(test_field_names_of_credentials_are_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
