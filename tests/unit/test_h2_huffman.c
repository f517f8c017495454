/* SPDX-License-Identifier: MIT */
/*
 * The Huffman code of header blocks (RFC 7541, 5.2 and appendix B), as this build's nghttp2 reads
 * and writes it: the profile `size` has cmake/deps/nghttp2_huffman_small.c there, others nghttp2's
 * own. The strings are the RFC's own, C.4 and C.6, then every byte, in pieces of any size; and what
 * a decoder must refuse.
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

enum {
    TEXT_BYTES = 256,
    BLOCK_BYTES = 1100, /* codes of up to 30 bits, and what is around them */
    LITERAL = 0x00,     /* a field that is not indexed, with a new name (6.2.2) */
    HUFFMAN = 0x80,
};

#define DIGEST_OF_ALL 0x16c762e6U /* of what nghttp2 1.70 writes with its own table */

typedef struct huffman_row {
    const char *text;
    const char *code;
    size_t len; /* of the code */
} huffman_row;

#define ROW(text, code)              \
    {                                \
        text, code, sizeof(code) - 1 \
    }

static const huffman_row rows[] = {
    ROW("www.example.com", "\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
    ROW("no-cache", "\xa8\xeb\x10\x64\x9c\xbf"),
    ROW("custom-key", "\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f"),
    ROW("custom-value", "\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"),
    ROW("302", "\x64\x02"),
    ROW("private", "\xae\xc3\x77\x1a\x4b"),
    ROW("Mon, 21 Oct 2013 20:13:21 GMT",
        "\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff"),
    ROW("https://www.example.com",
        "\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3"),
    ROW("foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        "\x94\xe7\x82\x1d\xd7\xf2\xe6\xc7\xb3\x35\xdf\xdf\xcd\x5b\x39\x60\xd5\xaf\x27\x08\x7f\x36"
        "\x72\xc1\xab\x27\x0f\xb5\x29\x1f\x95\x87\x31\x60\x65\xc0\x03\xed\x4e\xe5\xb1\x06\x3d\x50"
        "\x07"),
};

/* Puts a field named x with this code as its value into `block`; returns its length. */
static size_t write_block(uint8_t *block, const void *code, size_t len)
{
    assert_true(len < 127);
    block[0] = LITERAL;
    block[1] = 1;
    block[2] = 'x';
    block[3] = (uint8_t)(HUFFMAN | len);
    memcpy(block + 4, code, len);
    return len + 4;
}

/* Reads a block of one field in pieces of up to `piece` bytes. Returns the length of its value, or
 * nghttp2's error. */
static int read_block(const uint8_t *block, size_t len, size_t piece, uint8_t *value)
{
    nghttp2_hd_inflater *inflater;
    int result = 0;

    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    for (size_t at = 0; at < len && result >= 0;) {
        size_t rest = len - at < piece ? len - at : piece;
        nghttp2_nv field;
        int flags = 0;
        nghttp2_ssize used =
            nghttp2_hd_inflate_hd3(inflater, &field, &flags, block + at, rest, at + rest == len);
        if (used < 0) {
            result = (int)used;
        } else if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            assert_true(field.valuelen <= TEXT_BYTES);
            memcpy(value, field.value, field.valuelen);
            result = (int)field.valuelen;
        }
        at += used < 0 ? 0 : (size_t)used;
    }
    nghttp2_hd_inflate_del(inflater);
    return result;
}

static int read_code(const char *code, size_t len)
{
    uint8_t block[BLOCK_BYTES];
    uint8_t value[TEXT_BYTES];

    return read_block(block, write_block(block, code, len), SIZE_MAX, value);
}

/* Lets nghttp2 write one field of this value; returns the length of the block. */
static size_t deflate(const void *text, size_t len, uint8_t *block)
{
    nghttp2_hd_deflater *deflater;
    nghttp2_nv field = {(uint8_t *)"x", (uint8_t *)(uintptr_t)text, 1, len,
                        NGHTTP2_NV_FLAG_NO_INDEX};

    assert_int_equal(nghttp2_hd_deflate_new(&deflater, 0), 0);
    nghttp2_ssize written = nghttp2_hd_deflate_hd2(deflater, block, BLOCK_BYTES, &field, 1);
    assert_true(written > 0);
    nghttp2_hd_deflate_del(deflater);
    return (size_t)written;
}

static void test_h2_huffman_reads_the_strings_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        for (size_t piece = 1; piece < 60; piece++) {
            uint8_t block[BLOCK_BYTES];
            uint8_t value[TEXT_BYTES];
            size_t len = write_block(block, rows[i].code, rows[i].len);
            assert_int_equal(read_block(block, len, piece, value), strlen(rows[i].text));
            assert_memory_equal(value, rows[i].text, strlen(rows[i].text));
        }
    }
}

static void test_h2_huffman_writes_the_strings_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        uint8_t block[BLOCK_BYTES];
        size_t len = deflate(rows[i].text, strlen(rows[i].text), block);
        assert_int_equal(block[len - rows[i].len - 1], HUFFMAN | rows[i].len);
        assert_memory_equal(block + len - rows[i].len, rows[i].code, rows[i].len);
    }
}

/* Letters shorten the whole enough that nghttp2 writes the byte in this code, too. */
static void test_h2_huffman_reads_each_byte_that_it_writes(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        uint8_t text[40];
        memset(text, 'a', sizeof text);
        text[17] = (uint8_t)byte;
        text[18] = (uint8_t)byte;
        uint8_t block[BLOCK_BYTES];
        size_t len = deflate(text, sizeof text, block);
        assert_true(len < sizeof text);
        for (size_t piece = 1; piece <= len; piece++) {
            uint8_t value[TEXT_BYTES];
            assert_int_equal(read_block(block, len, piece, value), sizeof text);
            assert_memory_equal(value, text, sizeof text);
        }
    }
}

/* Reading would not find two rare codes that changed places on both sides. */
static void test_h2_huffman_writes_each_byte_as_nghttp2_does(void **state)
{
    (void)state;
    uint32_t digest = 2166136261U; /* FNV-1a */
    for (int byte = 0; byte < 256; byte++) {
        uint8_t text[40];
        memset(text, 'a', sizeof text);
        text[17] = (uint8_t)byte;
        uint8_t block[BLOCK_BYTES];
        size_t len = deflate(text, sizeof text, block);
        for (size_t i = 0; i < len; i++) {
            digest = (digest ^ block[i]) * 16777619U;
        }
    }
    assert_int_equal(digest, DIGEST_OF_ALL);
}

static void test_h2_huffman_padding_other_than_ones_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_code("\x64\x02", 2), 3); /* 302, to the last bit */
    assert_int_equal(read_code("\x1f", 1), 1);     /* a, then three ones */
    assert_int_equal(read_code("\x1e", 1), NGHTTP2_ERR_HEADER_COMP);
    assert_int_equal(read_code("\x1b", 1), NGHTTP2_ERR_HEADER_COMP);
}

static void test_h2_huffman_padding_of_a_byte_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_code("\x64\x02\xff", 3), NGHTTP2_ERR_HEADER_COMP);
    assert_int_equal(read_code("\x1f\xff", 2), NGHTTP2_ERR_HEADER_COMP);
    assert_int_equal(read_code("\xff", 1), NGHTTP2_ERR_HEADER_COMP);
}

static void test_h2_huffman_end_of_string_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_code("\xff\xff\xff\xff", 4), NGHTTP2_ERR_HEADER_COMP);
    assert_int_equal(read_code("\xff\xff\xff\xfc\x1f", 5), NGHTTP2_ERR_HEADER_COMP);
    assert_int_equal(read_code("\x1f\xff\xff\xff\xff\x1f", 6), NGHTTP2_ERR_HEADER_COMP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h2_huffman_reads_the_strings_of_the_rfc),
        cmocka_unit_test(test_h2_huffman_writes_the_strings_of_the_rfc),
        cmocka_unit_test(test_h2_huffman_reads_each_byte_that_it_writes),
        cmocka_unit_test(test_h2_huffman_writes_each_byte_as_nghttp2_does),
        cmocka_unit_test(test_h2_huffman_padding_other_than_ones_is_refused),
        cmocka_unit_test(test_h2_huffman_padding_of_a_byte_is_refused),
        cmocka_unit_test(test_h2_huffman_end_of_string_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
