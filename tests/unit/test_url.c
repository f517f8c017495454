/* SPDX-License-Identifier: MIT */
/*
 * Base URLs: what is accepted is taken apart exactly, everything doubtful is refused and leaves
 * nothing behind, and no text of any kind is read beyond its end.
 */
#include "base/random.h"
#include "base/url.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a copy of exactly the text's length, so that a sanitizer sees any look beyond it. */
static int parse(const char *text, cmx_url *url)
{
    char *exact = strdup(text);

    assert_non_null(exact);
    memset(url, 0xee, sizeof(*url));
    int status = cmx_url_parse(exact, url);
    free(exact);
    return status;
}

static void expect_refused(const char *text)
{
    static const cmx_url nothing;
    cmx_url url;

    if (parse(text, &url) != CMX_ERR_URL) {
        fail_msg("accepted: %s", text);
    }
    assert_int_equal(url.port, 0);
    assert_memory_equal(url.host, nothing.host, sizeof(url.host));
    assert_memory_equal(url.authority, nothing.authority, sizeof(url.authority));
    assert_memory_equal(url.path, nothing.path, sizeof(url.path));
    assert_int_equal(url.address.family, 0);
}

static void expect_accepted(const char *text, cmx_url *url)
{
    if (parse(text, url) != CMX_OK) {
        fail_msg("refused: %s", text);
    }
}

static void test_url_name_and_path_are_taken_apart(void **state)
{
    (void)state;
    cmx_url url;

    expect_accepted("https://relay.example/v1", &url);
    assert_true(url.secure);
    assert_false(url.host_is_ip);
    assert_int_equal(url.port, 443);
    assert_string_equal(url.host, "relay.example");
    assert_string_equal(url.authority, "relay.example");
    assert_string_equal(url.path, "/v1");

    expect_accepted("http://localhost:8080/api/openai/v1/", &url);
    assert_false(url.secure);
    assert_int_equal(url.port, 8080);
    assert_string_equal(url.host, "localhost");
    assert_string_equal(url.authority, "localhost:8080");
    assert_string_equal(url.path, "/api/openai/v1");
}

static void test_url_without_path_has_empty_prefix(void **state)
{
    (void)state;
    cmx_url url;

    expect_accepted("https://a", &url);
    assert_string_equal(url.path, "");
    expect_accepted("https://a/", &url);
    assert_string_equal(url.path, "");
    expect_accepted("https://a:1/", &url);
    assert_string_equal(url.authority, "a:1");
    assert_string_equal(url.path, "");
}

static void test_url_scheme_and_host_ignore_case_path_keeps_it(void **state)
{
    (void)state;
    cmx_url url;

    expect_accepted("HTTPS://Relay.EXAMPLE:8443/V1", &url);
    assert_true(url.secure);
    assert_string_equal(url.host, "relay.example");
    assert_string_equal(url.authority, "relay.example:8443");
    assert_string_equal(url.path, "/V1");
}

static void test_url_default_port_is_left_out_of_authority(void **state)
{
    (void)state;
    cmx_url url;

    expect_accepted("https://a:443", &url);
    assert_string_equal(url.authority, "a");
    expect_accepted("http://a:80", &url);
    assert_string_equal(url.authority, "a");
    assert_int_equal(url.port, 80);
    expect_accepted("http://a:443", &url);
    assert_string_equal(url.authority, "a:443");
    expect_accepted("https://a:80", &url);
    assert_string_equal(url.authority, "a:80");
    expect_accepted("https://a:65535", &url);
    assert_string_equal(url.authority, "a:65535");
    assert_int_equal(url.port, 65535);
}

static void test_url_address_literals_are_recognised(void **state)
{
    (void)state;
    static const uint8_t loopback4[4] = {127, 0, 0, 1};
    static const uint8_t loopback6[16] = {[15] = 1};
    cmx_url url;

    expect_accepted("http://127.0.0.1:9000/v1", &url);
    assert_true(url.host_is_ip);
    assert_int_equal(url.address.family, 4);
    assert_int_equal(url.address.port, 9000);
    assert_memory_equal(url.address.ip, loopback4, 4);
    assert_string_equal(url.authority, "127.0.0.1:9000");

    expect_accepted("https://[::1]/v1", &url);
    assert_true(url.host_is_ip);
    assert_int_equal(url.address.family, 6);
    assert_int_equal(url.address.port, 443);
    assert_memory_equal(url.address.ip, loopback6, 16);
    assert_string_equal(url.host, "::1");
    assert_string_equal(url.authority, "[::1]");

    expect_accepted("https://[2001:DB8::A]:8443", &url);
    assert_string_equal(url.host, "2001:db8::a");
    assert_string_equal(url.authority, "[2001:db8::a]:8443");
}

static void test_url_unusual_but_clear_is_accepted(void **state)
{
    (void)state;
    cmx_url url;

    expect_accepted("http://llm_proxy:4000", &url);
    expect_accepted("https://xn--bcher-kva.example", &url);
    expect_accepted("https://1.example", &url);
    expect_accepted("https://3com", &url);
    expect_accepted("https://a/.../..a/v1.0", &url);
    expect_accepted("https://a/%7euser/a%2Fb", &url);
    expect_accepted("https://a/-._~!$&'()*+,;=:@", &url);
    assert_string_equal(url.path, "/-._~!$&'()*+,;=:@");
}

static void test_url_doubtful_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "https",
        "https:",
        "https:/",
        "https://",
        "https:///v1",
        "relay.example/v1",
        "//relay.example",
        "ftp://relay.example",
        "httpss://relay.example",
        "https:relay.example",
        "ws://relay.example",
        " https://relay.example",
        "https://relay.example ",
        "https://relay example",
        "https://user@relay.example",
        "https://user:pass@relay.example",
        "https://user:443@relay.example",
        "https://relay.example#f",
        "https://relay.example/#f",
        "https://relay.example?q",
        "https://relay.example/v1?q=1",
        "https://relay.example\\v1",
        "https:\\\\relay.example",
        "https://relay.example/v1\\x",
        "https://relay.example/v1\n",
        "https://relay\t.example",
        "https://relay.example\x7f",
        "https://r\xc3\xa9lay.example",
        "https://relay.example/r\xc3\xa9",
        "https://relay%2eexample",
        "https://relay.example.",
        "https://.relay.example",
        "https://relay..example",
        "https://-relay.example",
        "https://relay-.example",
        "https://rel,ay.example",
        "https://*.example",
        "https://relay.example/v1//chat",
        "https://relay.example//",
        "https://relay.example//v1",
        "https://relay.example/..",
        "https://relay.example/../v1",
        "https://relay.example/v1/.",
        "https://relay.example/v1/./x",
        "https://relay.example/%2e%2E/v1",
        "https://relay.example/.%2e",
        "https://relay.example/%2e",
        "https://relay.example/%",
        "https://relay.example/%4",
        "https://relay.example/%4/x",
        "https://relay.example/%g0",
        "https://relay.example/a|b",
        "https://relay.example/a\"b",
        "https://relay.example/<a>",
        "https://relay.example/{a}",
        "https://relay.example/[a]",
        "https://relay.example/a^b`",
    };

    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        expect_refused(texts[i]);
    }
    cmx_url url;
    assert_int_equal(cmx_url_parse(NULL, &url), CMX_ERR_URL);
}

static void test_url_bad_port_or_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "https://a:",          "https://a:0",
        "https://a:65536",     "https://a:99999",
        "https://a:100000",    "https://a:4294967739",
        "https://a:080",       "https://a:+80",
        "https://a:-1",        "https://a: 80",
        "https://a:8a",        "https://a:80:80",
        "https://:443",        "https://127.1",
        "https://256.1.1.1",   "https://1.2.3.4.5",
        "https://010.0.0.1",   "https://0x7f.1",
        "https://0x7f000001",  "https://2130706433",
        "https://relay.0x",    "https://relay.1",
        "https://::1",         "https://[::1",
        "https://::1]",        "https://[]",
        "https://[127.0.0.1]", "https://[relay]",
        "https://[::1]a",      "https://[::1]80",
        "https://[::1]:",      "https://[fe80::1%25eth0]",
        "https://[::1]:0",     "https://[::1]]",
        "https://[[::1]]",     "https://a[::1]",
    };

    for (size_t i = 0; i < CMX_ARRAY_LEN(texts); i++) {
        expect_refused(texts[i]);
    }
}

/* Builds a host name of `len` bytes from labels of at most 63. */
static void make_name(char *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = i % 64 == 63 && i + 1 < len ? '.' : 'a';
    }
    out[len] = '\0';
}

static void test_url_host_limits_are_exact(void **state)
{
    (void)state;
    char name[300];
    char text[400];
    cmx_url url;

    make_name(name, 253);
    (void)snprintf(text, sizeof(text), "https://%s:65535/", name);
    expect_accepted(text, &url);
    assert_string_equal(url.host, name);
    assert_int_equal(strlen(url.authority), 253 + 6);
    make_name(name, 254);
    (void)snprintf(text, sizeof(text), "https://%s/", name);
    expect_refused(text);

    memset(name, 'b', sizeof(name));
    (void)snprintf(text, sizeof(text), "https://%.63s.example", name);
    expect_accepted(text, &url);
    (void)snprintf(text, sizeof(text), "https://%.64s.example", name);
    expect_refused(text);
}

static void test_url_path_limits_are_exact(void **state)
{
    (void)state;
    enum { LONGEST = CMX_URL_PATH_BYTES - 2 }; /* without its slash */
    char segment[LONGEST + 400];
    char text[LONGEST + 512];
    cmx_url url;

    memset(segment, 'p', sizeof(segment));
    (void)snprintf(text, sizeof(text), "https://a/%.*s", LONGEST, segment);
    expect_accepted(text, &url);
    assert_int_equal(strlen(url.path), LONGEST + 1);
    (void)snprintf(text, sizeof(text), "https://a/%.*s/", LONGEST, segment);
    expect_accepted(text, &url);
    assert_int_equal(strlen(url.path), LONGEST + 1);
    (void)snprintf(text, sizeof(text), "https://a/%.*s", LONGEST + 1, segment);
    expect_refused(text);
    (void)snprintf(text, sizeof(text), "https://a/%.*s", LONGEST + 399, segment);
    expect_refused(text);
}

static void test_url_longest_of_everything_is_accepted(void **state)
{
    (void)state;
    char name[254];
    char segment[CMX_URL_PATH_BYTES - 1];
    char text[CMX_URL_PATH_BYTES + 512];
    cmx_url url;

    make_name(name, 253);
    memset(segment, 'p', sizeof(segment) - 1);
    segment[sizeof(segment) - 1] = '\0';
    (void)snprintf(text, sizeof(text), "https://%s:65535/%s/", name, segment);
    expect_accepted(text, &url);
    assert_int_equal(strlen(url.path), CMX_URL_PATH_BYTES - 1);
    assert_int_equal(strlen(url.authority), 259);
}

/* Whatever is accepted must be clean, and come out the same when parsed once more. */
static void expect_stable(const cmx_url *url)
{
    char text[600];
    cmx_url again;

    assert_non_null(memchr(url->authority, '\0', sizeof(url->authority)));
    for (const char *at = url->authority; *at != '\0'; at++) {
        assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.:[]", *at));
    }
    assert_true(url->path[0] == '\0' || cmx_url_path_ok(url->path));
    assert_null(strpbrk(url->path, "?#\\ "));
    (void)snprintf(text, sizeof(text), "%s://%s%s", url->secure ? "https" : "http", url->authority,
                   url->path);
    expect_accepted(text, &again);
    assert_int_equal(again.port, url->port);
    assert_int_equal(again.host_is_ip, url->host_is_ip);
    assert_string_equal(again.host, url->host);
    assert_string_equal(again.authority, url->authority);
    assert_string_equal(again.path, url->path);
}

static void test_url_random_texts_are_refused_or_stable(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "https://relay.example:8443/v1",
        "http://[::1]:80/a/b",
        "https://10.0.0.1/%2e/",
        "http://a",
    };
    static const char bytes[] = "//::..%%[]@#?\\ aZ019-_\x01\xff";
    unsigned accepted = 0;
    cmx_random random;

    cmx_random_seed(&random, 8);
    for (unsigned i = 0; i < 100000; i++) {
        char text[64];
        cmx_url url;
        strcpy(text, seeds[cmx_random_below(&random, CMX_ARRAY_LEN(seeds))]);
        for (uint32_t edits = cmx_random_below(&random, 4); edits > 0; edits--) {
            text[cmx_random_below(&random, (uint32_t)strlen(text))] =
                bytes[cmx_random_below(&random, sizeof(bytes) - 1)];
        }
        if (parse(text, &url) == CMX_OK) {
            expect_stable(&url);
            accepted++;
        }
    }
    assert_in_range(accepted, 10000, 90000);
}

static void test_url_request_paths_are_judged(void **state)
{
    (void)state;
    assert_true(cmx_url_path_ok("/"));
    assert_true(cmx_url_path_ok("/models"));
    assert_true(cmx_url_path_ok("/files?purpose=batch&limit=10"));
    assert_true(cmx_url_path_ok("/~a%20b"));
    assert_false(cmx_url_path_ok(NULL));
    assert_false(cmx_url_path_ok(""));
    assert_false(cmx_url_path_ok("models"));
    assert_false(cmx_url_path_ok("?a"));
    assert_false(cmx_url_path_ok("/a b"));
    assert_false(cmx_url_path_ok("/a#b"));
    assert_false(cmx_url_path_ok("/a\tb"));
    assert_false(cmx_url_path_ok("/a\r\nb"));
    assert_false(cmx_url_path_ok("/a\x7f"));
    assert_false(cmx_url_path_ok("/\xc3\xa9"));
    assert_false(cmx_url_path_ok("https://a/b"));
}

static void test_url_request_path_limit_is_exact(void **state)
{
    (void)state;
    static char path[CMX_URL_REQUEST_PATH_MAX + 2];

    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    assert_false(cmx_url_path_ok(path));
    path[CMX_URL_REQUEST_PATH_MAX] = '\0';
    assert_true(cmx_url_path_ok(path));
}

static void test_url_queries_are_judged(void **state)
{
    (void)state;
    static char query[CMX_URL_QUERY_BYTES_MAX + 2];

    assert_true(cmx_url_query_ok(""));
    assert_true(cmx_url_query_ok("api-version=2024-10-21"));
    assert_true(cmx_url_query_ok("a=1&b=%20?"));
    assert_false(cmx_url_query_ok(NULL));
    assert_false(cmx_url_query_ok("?a=1"));
    assert_false(cmx_url_query_ok("a b"));
    assert_false(cmx_url_query_ok("a#b"));
    assert_false(cmx_url_query_ok("a\r\nhost: b"));
    assert_false(cmx_url_query_ok("a\xc3\xa9"));
    memset(query, 'q', sizeof(query) - 1);
    assert_false(cmx_url_query_ok(query));
    query[CMX_URL_QUERY_BYTES_MAX] = '\0';
    assert_true(cmx_url_query_ok(query));
}

static void test_url_query_joins_what_the_path_has(void **state)
{
    (void)state;
    assert_int_equal(cmx_url_query_mark(CMX_VIEW_LITERAL("/models")), '?');
    assert_int_equal(cmx_url_query_mark(CMX_VIEW_LITERAL("/models?a=1")), '&');
    assert_int_equal(cmx_url_query_mark(CMX_VIEW_LITERAL("/models?")), 0);
    assert_int_equal(cmx_url_query_mark(CMX_VIEW_LITERAL("/models?a=1&")), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_name_and_path_are_taken_apart),
        cmocka_unit_test(test_url_without_path_has_empty_prefix),
        cmocka_unit_test(test_url_scheme_and_host_ignore_case_path_keeps_it),
        cmocka_unit_test(test_url_default_port_is_left_out_of_authority),
        cmocka_unit_test(test_url_address_literals_are_recognised),
        cmocka_unit_test(test_url_unusual_but_clear_is_accepted),
        cmocka_unit_test(test_url_doubtful_is_refused),
        cmocka_unit_test(test_url_bad_port_or_address_is_refused),
        cmocka_unit_test(test_url_host_limits_are_exact),
        cmocka_unit_test(test_url_path_limits_are_exact),
        cmocka_unit_test(test_url_longest_of_everything_is_accepted),
        cmocka_unit_test(test_url_random_texts_are_refused_or_stable),
        cmocka_unit_test(test_url_request_paths_are_judged),
        cmocka_unit_test(test_url_request_path_limit_is_exact),
        cmocka_unit_test(test_url_queries_are_judged),
        cmocka_unit_test(test_url_query_joins_what_the_path_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
