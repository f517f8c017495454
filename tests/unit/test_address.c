/* SPDX-License-Identifier: MIT */
/*
 * Address literals: written-down cases, and random texts on which the system's own reader must
 * agree.
 */
#include "base/address.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads `text` from memory of exactly its length, so that a sanitizer sees any look beyond it. */
static int parse(const char *text, cmx_address *out)
{
    size_t len = strlen(text);
    uint8_t *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, text, len);
    memset(out, 0xee, sizeof(*out));
    int status = cmx_address_parse((cmx_view){exact, len}, out);
    free(exact);
    return status;
}

static void expect_refused(const char *text)
{
    static const cmx_address nothing;
    cmx_address address;

    if (parse(text, &address) != CMX_ERR_URL) {
        fail_msg("accepted: %s", text);
    }
    assert_memory_equal(address.ip, nothing.ip, sizeof(nothing.ip));
    assert_int_equal(address.family, 0);
}

static void expect_ipv6(const char *text, const char *expected_hex)
{
    cmx_address address;
    char hex[33];

    if (parse(text, &address) != CMX_OK) {
        fail_msg("refused: %s", text);
    }
    for (size_t i = 0; i < 16; i++) {
        hex[2 * i] = "0123456789abcdef"[address.ip[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[address.ip[i] & 15];
    }
    hex[32] = '\0';
    assert_string_equal(hex, expected_hex);
    assert_int_equal(address.family, 6);
    assert_int_equal(address.port, 0);
    assert_int_equal(address.scope_id, 0);
}

static void test_address_ipv4_is_read(void **state)
{
    (void)state;
    static const uint8_t expected[16] = {127, 0, 10, 255};
    cmx_address address;

    assert_int_equal(parse("127.0.10.255", &address), CMX_OK);
    assert_int_equal(address.family, 4);
    assert_memory_equal(address.ip, expected, 16);
    assert_int_equal(address.port, 0);
    assert_int_equal(address.scope_id, 0);
    assert_int_equal(parse("0.0.0.0", &address), CMX_OK);
}

static void test_address_ipv4_loose_forms_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "1",          "1.2.3",      "1.2.3.",    "1.2.3.4.",   "1.2.3.4.5",
        ".1.2.3.4", "1..2.3",     "256.1.1.1",  "1.1.1.256", "01.2.3.4",   "1.2.3.00",
        "1.2.3.4 ", " 1.2.3.4",   "0x1.2.3.4",  "1.2.3.a",   "1.2.3.-4",   "1,2.3.4",
        "127.1",    "2130706433", "1.2.3.4:80", "1.2.3.4/8", "1.2.3.0004", "+1.2.3.4",
    };

    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        expect_refused(texts[i]);
    }
}

static void test_address_ipv6_forms_are_read(void **state)
{
    (void)state;
    expect_ipv6("::", "00000000000000000000000000000000");
    expect_ipv6("::1", "00000000000000000000000000000001");
    expect_ipv6("1::", "00010000000000000000000000000000");
    expect_ipv6("2001:db8::8:800:200C:417a", "20010db80000000000080800200c417a");
    expect_ipv6("1:2:3:4:5:6:7:8", "00010002000300040005000600070008");
    expect_ipv6("1:2:3:4:5:6:7::", "00010002000300040005000600070000");
    expect_ipv6("::2:3:4:5:6:7:8", "00000002000300040005000600070008");
    expect_ipv6("1:2:3::5:6:7:8", "00010002000300000005000600070008");
    expect_ipv6("fe80::1:0001", "fe800000000000000000000000010001");
    expect_ipv6("::ffff:192.0.2.33", "00000000000000000000ffffc0000221");
    expect_ipv6("::1.2.3.4", "00000000000000000000000001020304");
    expect_ipv6("64:ff9b::1.2.3.4", "0064ff9b000000000000000001020304");
    expect_ipv6("1:2:3:4:5:6:7.8.9.10", "0001000200030004000500060708090a");
    expect_ipv6("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                "ffffffffffffffffffffffffffffffff");
}

static void test_address_ipv6_malformed_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ":",
        ":::",
        "1:",
        ":1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "1::2::3",
        "::1::",
        "12345::",
        "g::",
        "::1 ",
        "[::1]",
        "fe80::1%eth0",
        "fe80::1%1",
        "::1/64",
        "::1.2.3",
        "::1.2.3.256",
        "::01.2.3.4",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1::2:3:4:5:6:7:1.2.3.4",
        "::ffff:12345.2.3.4",
        "::ffff:a.2.3.4",
        "1:2:3:4:5:6:7:8:",
        "0000:0000:0000:0000:0000:0000:0000:00000:0000",
    };

    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        expect_refused(texts[i]);
    }
}

static void test_address_nul_inside_is_refused(void **state)
{
    (void)state;
    cmx_address address;

    assert_int_equal(cmx_address_parse(CMX_VIEW_LITERAL("1.2.3.4\0"), &address), CMX_ERR_URL);
    assert_int_equal(cmx_address_parse(CMX_VIEW_LITERAL("::1\0"), &address), CMX_ERR_URL);
    assert_int_equal(cmx_address_parse((cmx_view){NULL, 0}, &address), CMX_ERR_URL);
}

/* Starts from a valid literal and spoils up to three bytes. */
static void make_text(cmx_random *random, char *text)
{
    static const char *const seeds[] = {
        "1:2:3:4:5:6:7:8", "::1.2.3.4", "1::2", "10.200.30.4", "a:b::c:1.2.3.4", "1:2:3:4:5:6:7::",
    };
    static const char bytes[] = ":::..0123456789abcdfFg% ";

    strcpy(text, seeds[cmx_random_below(random, CMX_ARRAY_LEN(seeds))]);
    for (uint32_t edits = cmx_random_below(random, 4); edits > 0; edits--) {
        size_t len = strlen(text);
        size_t at = cmx_random_below(random, (uint32_t)len + 1);
        if (cmx_random_below(random, 2) == 0 && at < len) {
            memmove(text + at, text + at + 1, len - at);
        } else {
            memmove(text + at + 1, text + at, len - at + 1);
            text[at] = bytes[cmx_random_below(random, sizeof(bytes) - 1)];
        }
    }
}

static void test_address_random_texts_agree_with_the_system(void **state)
{
    (void)state;
    unsigned accepted = 0;
    cmx_random random;

    cmx_random_seed(&random, 31);
    for (unsigned i = 0; i < 200000; i++) {
        char text[64];
        uint8_t expected[16] = {0};
        cmx_address address;
        make_text(&random, text);
        int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
        bool valid = inet_pton(family, text, expected) == 1;
        if ((parse(text, &address) == CMX_OK) != valid) {
            fail_msg("%s is%s an address for the system", text, valid ? "" : " not");
        }
        if (valid) {
            assert_memory_equal(address.ip, expected, 16);
            accepted++;
        }
    }
    assert_in_range(accepted, 20000, 180000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_ipv4_is_read),
        cmocka_unit_test(test_address_ipv4_loose_forms_are_refused),
        cmocka_unit_test(test_address_ipv6_forms_are_read),
        cmocka_unit_test(test_address_ipv6_malformed_is_refused),
        cmocka_unit_test(test_address_nul_inside_is_refused),
        cmocka_unit_test(test_address_random_texts_agree_with_the_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
