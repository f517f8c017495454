/* SPDX-License-Identifier: MIT */
/*
 * Base64: the vectors of RFC 4648, 10, every byte, no byte beyond what was announced, both ways;
 * and what is none.
 */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Reads where the text lies, as certificates are read. */
static size_t read_in_place(const char *text, uint8_t out[80])
{
    cmx_view view = {out, strlen(text)};

    assert_true(view.len < 80);
    memcpy(out, text, view.len + 1);
    return cmx_base64_read(view, out);
}

static void test_base64_vectors_of_the_rfc(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, /* RFC 7617, 2 */
        {"\xfb\xff\xbf\x01\x80", "+/+/AYA="},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        cmx_view bytes = cmx_view_text(vectors[i][0]);
        char out[40];
        memset(out, '#', sizeof out);
        size_t len = cmx_base64_write(bytes, out);
        assert_int_equal(len, strlen(vectors[i][1]));
        assert_int_equal(len, CMX_BASE64_BYTES(bytes.len));
        assert_memory_equal(out, vectors[i][1], len);
        assert_int_equal(out[len], '#');
        uint8_t back[80];
        assert_int_equal(read_in_place(vectors[i][1], back), bytes.len);
        assert_memory_equal(back, vectors[i][0], bytes.len);
    }
}

static void test_base64_every_byte_comes_back(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t bytes[4] = {(uint8_t)byte, 0, (uint8_t)~byte, (uint8_t)(byte * 7)};
        for (size_t len = 1; len <= sizeof bytes; len++) {
            char text[9];
            uint8_t back[80];
            text[cmx_base64_write((cmx_view){bytes, len}, text)] = '\0';
            assert_int_equal(read_in_place(text, back), len);
            assert_memory_equal(back, bytes, len);
        }
    }
}

static void test_base64_lines_and_spaces_are_skipped(void **state)
{
    (void)state;
    uint8_t out[80];
    assert_int_equal(read_in_place("\r\nQWxh\r\nZGRp bj\t\n pvc\nGVu\n", out), 12);
    assert_memory_equal(out, "Aladdin:open", 12);
    assert_int_equal(read_in_place("Zg=\n=\n", out), 1);
    assert_int_equal(read_in_place(" \r\n", out), 0);
}

static void test_base64_what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "Z",
        "Zg",
        "Zg=",
        "Zm9vY",
        "Zm9v=",
        "=Zm9",
        "Z===",
        "Zg=a",
        "Zg==Zg==",
        "Zg==Zm9v",
        "Zm9v====",
        "Zm-v",
        "Zm_v",
        "Zm9v!",
        "Zm9\x80",
        "Zm9\xff",
        "DEK-Info: AES\n\nZm9v",
        "Zm9v\x01",
        "Zm9v\x0e",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(broken); i++) {
        uint8_t out[80];
        assert_int_equal(read_in_place(broken[i], out), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_vectors_of_the_rfc),
        cmocka_unit_test(test_base64_every_byte_comes_back),
        cmocka_unit_test(test_base64_lines_and_spaces_are_skipped),
        cmocka_unit_test(test_base64_what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
