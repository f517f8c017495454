/* SPDX-License-Identifier: MIT */
/*
 * Base64: the vectors of RFC 4648, 10, every byte, and no byte beyond what was announced.
 */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_base64_vectors_of_the_rfc)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
