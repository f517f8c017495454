/* SPDX-License-Identifier: MIT */
/*
 * What the tests of request bodies share: a chat with nothing set, and reading a body whole at any
 * capacity, each read into memory of exactly that size.
 */
#ifndef TESTS_UNIT_BODY_READER_H
#define TESTS_UNIT_BODY_READER_H

#include "chat/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

static inline cmx_chat body_reader_chat(const cmx_message *messages, size_t count)
{
    return (cmx_chat){
        .model = "gpt-4.1",
        .messages = messages,
        .message_count = count,
        .stream = true,
        .temperature_milli = CMX_UNSET,
        .top_p_milli = CMX_UNSET,
        .max_tokens = CMX_UNSET,
        .max_completion_tokens = CMX_UNSET,
        .choices = CMX_UNSET,
    };
}

/* Reads what is left of the body in pieces of `capacity` bytes; `out` holds `out_bytes`. */
static inline int body_reader_all(cmx_body *body, size_t capacity, uint8_t *out, size_t out_bytes,
                                  size_t *len)
{
    uint8_t *exact = malloc(capacity);
    assert_non_null(exact);
    *len = 0;
    int rc;
    size_t got;
    do {
        rc = cmx_body_read(body, exact, capacity, &got);
        assert_true(got <= capacity);
        assert_true(got <= out_bytes - *len);
        memcpy(out + *len, exact, got);
        *len += got;
    } while (rc == CMX_OK && got > 0);
    free(exact);
    return rc;
}

/* The body must be `expected`: announced so, read so at every capacity, and again from its start
 * after a rewind anywhere. */
static inline void body_reader_check(const cmx_chat *chat, const char *expected)
{
    size_t expected_len = strlen(expected);
    cmx_body body;
    cmx_chat_fault fault = {"?", 1, 1};
    assert_int_equal(cmx_body_init(&body, chat, &fault), CMX_OK);
    assert_null(fault.field);
    assert_true(fault.message == 0 && fault.offset == 0);
    uint8_t *out = malloc(expected_len + 1);
    assert_non_null(out);
    size_t len;
    for (size_t capacity = 1; capacity <= expected_len + 1; capacity++) {
        assert_int_equal(body_reader_all(&body, capacity, out, expected_len + 1, &len), CMX_OK);
        assert_int_equal(len, expected_len);
        assert_memory_equal(out, expected, len);
        cmx_body_rewind(&body);
    }
    assert_int_equal(body.length, expected_len);
    for (size_t part = 1; part < expected_len; part++) {
        assert_int_equal(cmx_body_read(&body, out, part, &len), CMX_OK);
        assert_int_equal(len, part);
        cmx_body_rewind(&body);
        assert_int_equal(body_reader_all(&body, expected_len, out, expected_len + 1, &len), CMX_OK);
        assert_memory_equal(out, expected, expected_len);
        cmx_body_rewind(&body);
    }
    free(out);
}

#endif
