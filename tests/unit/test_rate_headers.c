/* SPDX-License-Identifier: MIT */
/*
 * Rate-limit headers as five kinds of server send them, in any order, and what is broken in them.
 */
#include "policy/rate_headers.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define NOW_MS INT64_C(1795395723000) /* 23 November 2026, 01:02:03 UTC */

enum {
    LIMIT = CMX_RATE_HEADERS_LIMIT,
    REMAINING = CMX_RATE_HEADERS_REMAINING,
    RESET = CMX_RATE_HEADERS_RESET,
    ALL = LIMIT | REMAINING | RESET,
};

static void feed(cmx_rate_headers *headers, const char *name, const char *value)
{
    cmx_rate_headers_feed(headers, cmx_view_text(name), cmx_view_text(value), NOW_MS);
}

/* Members that are not known must be given as 0. */
static void check(const cmx_rate_headers *headers, enum cmx_rate_headers_kind kind, unsigned known,
                  cmx_rate_headers_quota expected)
{
    const cmx_rate_headers_quota *quota = &headers->quotas[kind];
    assert_int_equal(headers->known[kind], known);
    assert_int_equal((known & LIMIT) != 0 ? quota->limit : 0, expected.limit);
    assert_int_equal((known & REMAINING) != 0 ? quota->remaining : 0, expected.remaining);
    assert_int_equal((known & RESET) != 0 ? quota->reset_ms : 0, expected.reset_ms);
}

static void test_rate_headers_openai(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "x-ratelimit-limit-requests", "60");
    feed(&headers, "x-ratelimit-limit-tokens", "150000");
    feed(&headers, "x-ratelimit-remaining-requests", "59");
    feed(&headers, "x-ratelimit-remaining-tokens", "149984");
    feed(&headers, "x-ratelimit-reset-requests", "7.66s");
    feed(&headers, "x-ratelimit-reset-tokens", "6m0s");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){60, 59, 7660});
    check(&headers, CMX_RATE_HEADERS_TOKENS, ALL, (cmx_rate_headers_quota){150000, 149984, 360000});
    check(&headers, CMX_RATE_HEADERS_INPUT_TOKENS, 0, (cmx_rate_headers_quota){0, 0, 0});
}

static void test_rate_headers_azure_has_plain_seconds_and_minus_one(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "x-ratelimit-limit-requests", "-1");
    feed(&headers, "x-ratelimit-remaining-requests", "-1");
    feed(&headers, "x-ratelimit-reset-requests", "-1");
    feed(&headers, "x-ratelimit-limit-tokens", "0"); /* nothing could ever be sent */
    feed(&headers, "x-ratelimit-remaining-tokens", "0");
    feed(&headers, "x-ratelimit-reset-tokens", "10");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, 0, (cmx_rate_headers_quota){0, 0, 0});
    check(&headers, CMX_RATE_HEADERS_TOKENS, REMAINING | RESET,
          (cmx_rate_headers_quota){0, 0, 10000});
}

static void test_rate_headers_anthropic_has_four_kinds_and_dates(void **state)
{
    (void)state;
    static const char *const kinds[] = {"requests", "tokens", "input-tokens", "output-tokens"};
    cmx_rate_headers headers = {0};
    for (unsigned i = 0; i < 4; i++) {
        char name[64];
        char value[32];
        (void)snprintf(name, sizeof name, "anthropic-ratelimit-%s-limit", kinds[i]);
        (void)snprintf(value, sizeof value, "%u", 1000 * (i + 1));
        feed(&headers, name, value);
        (void)snprintf(name, sizeof name, "anthropic-ratelimit-%s-remaining", kinds[i]);
        (void)snprintf(value, sizeof value, "%u", 999 - i);
        feed(&headers, name, value);
        (void)snprintf(name, sizeof name, "anthropic-ratelimit-%s-reset", kinds[i]);
        (void)snprintf(value, sizeof value, "2026-11-23T01:02:%02uZ", 4 + i);
        feed(&headers, name, value);
    }
    for (unsigned i = 0; i < 4; i++) {
        check(&headers, (enum cmx_rate_headers_kind)i, ALL,
              (cmx_rate_headers_quota){1000 * (i + 1), 999 - i, 1000 * (i + 1)});
    }
    cmx_rate_headers blind = {0};
    cmx_rate_headers_feed(&blind, CMX_VIEW_LITERAL("anthropic-ratelimit-tokens-reset"),
                          CMX_VIEW_LITERAL("2026-11-23T01:02:33Z"), 0);
    check(&blind, CMX_RATE_HEADERS_TOKENS, 0, (cmx_rate_headers_quota){0, 0, 0});
}

static void test_rate_headers_openrouter_counts_milliseconds_since_1970(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "x-ratelimit-limit", "50");
    feed(&headers, "x-ratelimit-remaining", "0");
    feed(&headers, "x-ratelimit-reset", "1795395783000");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){50, 0, 60000});
    feed(&headers, "x-ratelimit-reset", "1795395733"); /* others count seconds */
    check(&headers, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){50, 0, 10000});
}

static void test_rate_headers_ietf_fields_are_read(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "ratelimit-policy", "\"p\";q=100;w=60");
    feed(&headers, "ratelimit", "\"p\";r=42;t=30");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){100, 42, 30000});
    assert_int_equal(headers.window_ms, 60000);

    cmx_rate_headers other = {0};
    feed(&other, "ratelimit", "\"p\";r=42");
    check(&other, CMX_RATE_HEADERS_REQUESTS, REMAINING, (cmx_rate_headers_quota){0, 42, 0});
    feed(&other, "ratelimit-policy",
         "\"b\";q=7;w=1 ,\t\"p\";w=60;q=100;pk=:Y2hhdA==:;x=?1;y=2.5;z=tok/en:");
    check(&other, CMX_RATE_HEADERS_REQUESTS, LIMIT | REMAINING,
          (cmx_rate_headers_quota){100, 42, 0});
}

static void test_rate_headers_ietf_least_remaining_counts(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "ratelimit", "\"day\";r=900;t=8000, \"burst\";r=3;t=5, \"hour\";r=50;t=90");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, REMAINING | RESET,
          (cmx_rate_headers_quota){0, 3, 5000});
    feed(&headers, "ratelimit-policy", "\"day\";q=1000;w=86400, \"burst\";q=10;w=10");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){10, 3, 5000});
    assert_int_equal(headers.window_ms, 10000);

    /* In the other order the first policy is believed until another one is named. */
    cmx_rate_headers other = {0};
    feed(&other, "ratelimit-policy", "\"day\";q=1000;w=86400, \"burst\";q=10;w=10");
    check(&other, CMX_RATE_HEADERS_REQUESTS, LIMIT, (cmx_rate_headers_quota){1000, 0, 0});
    feed(&other, "ratelimit", "\"day\";r=900;t=8000");
    check(&other, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){1000, 900, 8000000});
    feed(&other, "ratelimit", "\"burst\";r=3");
    check(&other, CMX_RATE_HEADERS_REQUESTS, REMAINING, (cmx_rate_headers_quota){0, 3, 0});
    assert_int_equal(other.window_ms, 0);
}

static void check_pair(const char *policy, const char *service, bool same)
{
    cmx_rate_headers headers = {0};
    feed(&headers, "ratelimit", service);
    feed(&headers, "ratelimit-policy", policy);
    unsigned known = headers.known[CMX_RATE_HEADERS_REQUESTS];
    if (known != (unsigned)(same ? REMAINING | LIMIT : REMAINING)) {
        fail_msg("%s and %s: %u", policy, service, known);
    }
}

static void test_rate_headers_ietf_names_are_told_apart(void **state)
{
    (void)state;
    check_pair("\"a z~!\";q=1", "\"a z~!\";r=1", true);
    check_pair("\"a\\\"z\\\\\";q=1", "\"a\\\"z\\\\\";r=1", true);
    check_pair("\"\";q=1", "\"\";r=1", true);
    check_pair("tok*en/x:y;q=1", "tok*en/x:y;r=1", true);
    check_pair("default;q=1;a-b_c.d*9=1;z=2.125;y=-3", "default;zz;r=1", true);
    check_pair("tok;q=1", "token;r=1", false);
    check_pair("token;q=1", "tokem;r=1", false);
    check_pair("\"ab\";q=1", "\"ba\";r=1", false);
    check_pair("\"b\";q=1", "\"a\";r=1, \"b\";r=1", false); /* alike: the first stays */
}

static void test_rate_headers_ietf_other_units_are_not_requests(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "ratelimit-policy",
         "\"bytes\";q=65535;w=10;qu=\"content-bytes\", \"n\";q=5;qu=\"requests\"");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, LIMIT, (cmx_rate_headers_quota){5, 0, 0});
}

static void test_rate_headers_ietf_old_drafts_are_read(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "ratelimit-limit", "100, 100;w=60");
    feed(&headers, "ratelimit-remaining", "42");
    feed(&headers, "ratelimit-reset", "30");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){100, 42, 30000});
    cmx_rate_headers policy = {0};
    feed(&policy, "ratelimit-policy", "100;w=60, 1000;w=3600");
    check(&policy, CMX_RATE_HEADERS_REQUESTS, LIMIT, (cmx_rate_headers_quota){100, 0, 0});
    assert_int_equal(policy.window_ms, 60000);
}

static void test_rate_headers_one_syntax_error_discards_the_field(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        ",",
        "\"p\"",
        "\"p;r=1",
        "\"p\";r=1,",
        "\"p\";r=1 x",
        "\"p\";r=1, ",
        "\"p\";r=",
        "\"p\";r=1;",
        "\"p\";R=1",
        "\"p\";r=-1",
        "\"p\";r=1.5",
        "\"p\";r=1.",
        "\"p\";r=1.2345",
        "\"p\";x=1.;r=1",
        "\"p\";x=1.2345;r=1",
        "\"p\";x=-;r=1",
        "\"p\";x=:MQ;r=1",
        "\"p\";x=?2;r=1",
        "\"p\";x=@1;r=1",
        "\"p\\x\";r=1",
        "\"p\";9=1;r=1",
        "\"p\";-=1;r=1",
        "\"p\";r=1234567890123456",
        "\"p\";r=\"1\"",
        "\"p\";r=:MQ==",
        "\"p\";r=?2",
        "\"p\";r=1, \"q\\x\";r=1",
        "\"p\\",
        "(\"p\" \"q\");r=1",
        "\"p\";r=1, ;r=1",
        "\"\xc3\xbc\";r=1",
        "limit=100, remaining=1",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(values); i++) {
        cmx_rate_headers headers = {0};
        feed(&headers, "ratelimit", values[i]);
        if (headers.known[CMX_RATE_HEADERS_REQUESTS] != 0) {
            fail_msg("understood: %s", values[i]);
        }
    }
}

static void test_rate_headers_ranks_never_mix(void **state)
{
    (void)state;
    static const char *const headers[3][3][2] = {
        {{"ratelimit-limit", "1"}, {"ratelimit-remaining", "2"}, {"ratelimit-reset", "3"}},
        {{"x-ratelimit-limit", "11"}, {"x-ratelimit-remaining", "12"}, {"x-ratelimit-reset", "13"}},
        {{"x-ratelimit-limit-requests", "21"},
         {"x-ratelimit-remaining-requests", "22"},
         {"x-ratelimit-reset-requests", "23"}},
    };
    cmx_random random;
    cmx_random_seed(&random, 6);
    for (unsigned run = 0; run < 500; run++) {
        uint8_t order[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
        for (uint32_t i = 8; i > 0; i--) {
            uint32_t j = cmx_random_below(&random, i + 1);
            uint8_t swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
        cmx_rate_headers all = {0};
        cmx_rate_headers partly = {0}; /* the best rank has its limit only */
        for (unsigned i = 0; i < 9; i++) {
            const char *const *header = headers[order[i] / 3][order[i] % 3];
            feed(&all, header[0], header[1]);
            if (order[i] < 7) {
                feed(&partly, header[0], header[1]);
            }
        }
        check(&all, CMX_RATE_HEADERS_REQUESTS, ALL, (cmx_rate_headers_quota){21, 22, 23000});
        check(&partly, CMX_RATE_HEADERS_REQUESTS, LIMIT, (cmx_rate_headers_quota){21, 0, 0});
    }
    cmx_rate_headers broken = {0};
    feed(&broken, "x-ratelimit-limit", "11");
    feed(&broken, "x-ratelimit-limit-requests", "-1"); /* says nothing, so it displaces nothing */
    feed(&broken, "ratelimit", "\"p\";r=1");
    check(&broken, CMX_RATE_HEADERS_REQUESTS, LIMIT, (cmx_rate_headers_quota){11, 0, 0});
}

static void test_rate_headers_counts_saturate(void **state)
{
    (void)state;
    cmx_rate_headers headers = {0};
    feed(&headers, "x-ratelimit-limit-tokens", "30000000000");
    feed(&headers, "x-ratelimit-remaining-tokens", "4294967295");
    feed(&headers, "x-ratelimit-reset-tokens", "99999h");
    check(&headers, CMX_RATE_HEADERS_TOKENS, ALL,
          (cmx_rate_headers_quota){UINT32_MAX, UINT32_MAX, UINT32_MAX});
    feed(&headers, "ratelimit", "\"p\";r=999999999999999;t=999999999999999");
    check(&headers, CMX_RATE_HEADERS_REQUESTS, REMAINING | RESET,
          (cmx_rate_headers_quota){0, UINT32_MAX, UINT32_MAX});
}

static void test_rate_headers_other_names_are_not_wanted(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "x-ratelimit-limit", "x-ratelimit-reset-tokens", "anthropic-ratelimit-requests-reset",
        "ratelimit",         "ratelimit-policy",         "ratelimit-reset"};
    static const char *const others[] = {"",
                                         "x",
                                         "x-request-id",
                                         "content-type",
                                         "retry-after",
                                         "x-ratelimi",
                                         "anthropic-version",
                                         "ratelimi",
                                         "date"};
    static const char *const ignored[] = {"x-ratelimit-limit-project-tokens", "ratelimits",
                                          "anthropic-ratelimit-unified-reset", "x-ratelimit-"};
    for (size_t i = 0; i < CMX_ARRAY_LEN(wanted); i++) {
        assert_true(cmx_rate_headers_wants(cmx_view_text(wanted[i])));
    }
    cmx_rate_headers headers = {0};
    const cmx_rate_headers nothing = {0};
    for (size_t i = 0; i < CMX_ARRAY_LEN(others); i++) {
        assert_false(cmx_rate_headers_wants(cmx_view_text(others[i])));
        feed(&headers, others[i], "1");
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(ignored); i++) {
        feed(&headers, ignored[i], "1");
    }
    assert_memory_equal(&headers, &nothing, sizeof headers);
}

/* Any bytes: no read past the end (the copy has exactly their size), nothing impossible known. */
static void test_rate_headers_any_bytes_are_judged(void **state)
{
    (void)state;
    static const char alphabet[] = "\"\"pq;;rtw==0123456789,, -.?:*\\a(";
    cmx_random random;
    cmx_random_seed(&random, 7);
    for (unsigned i = 0; i < 50000; i++) {
        size_t len = 1 + cmx_random_below(&random, 24);
        uint8_t *bytes = malloc(len);
        assert_non_null(bytes);
        for (size_t j = 0; j < len; j++) {
            bytes[j] = (uint8_t)alphabet[cmx_random_below(&random, sizeof alphabet - 1)];
        }
        cmx_rate_headers headers = {0};
        cmx_rate_headers_feed(&headers, CMX_VIEW_LITERAL("ratelimit"), (cmx_view){bytes, len},
                              NOW_MS);
        cmx_rate_headers_feed(&headers, CMX_VIEW_LITERAL("ratelimit-policy"),
                              (cmx_view){bytes, len}, NOW_MS);
        cmx_rate_headers_feed(&headers, CMX_VIEW_LITERAL("ratelimit-limit"), (cmx_view){bytes, len},
                              NOW_MS);
        unsigned known = headers.known[CMX_RATE_HEADERS_REQUESTS];
        assert_true((known & ~(unsigned)ALL) == 0);
        assert_true((known & LIMIT) == 0 || headers.quotas[CMX_RATE_HEADERS_REQUESTS].limit > 0);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_headers_openai),
        cmocka_unit_test(test_rate_headers_azure_has_plain_seconds_and_minus_one),
        cmocka_unit_test(test_rate_headers_anthropic_has_four_kinds_and_dates),
        cmocka_unit_test(test_rate_headers_openrouter_counts_milliseconds_since_1970),
        cmocka_unit_test(test_rate_headers_ietf_fields_are_read),
        cmocka_unit_test(test_rate_headers_ietf_least_remaining_counts),
        cmocka_unit_test(test_rate_headers_ietf_names_are_told_apart),
        cmocka_unit_test(test_rate_headers_ietf_other_units_are_not_requests),
        cmocka_unit_test(test_rate_headers_ietf_old_drafts_are_read),
        cmocka_unit_test(test_rate_headers_one_syntax_error_discards_the_field),
        cmocka_unit_test(test_rate_headers_ranks_never_mix),
        cmocka_unit_test(test_rate_headers_counts_saturate),
        cmocka_unit_test(test_rate_headers_other_names_are_not_wanted),
        cmocka_unit_test(test_rate_headers_any_bytes_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
