/* SPDX-License-Identifier: MIT */
/*
 * A strict JSON check (RFC 8259, UTF-8 included) that reports the values of the first two levels.
 * In: bytes of a request body. Out: valid or not, and one call per value found near the top.
 * Written apart from the library's own parser, so that the two can disagree when one of them is
 * wrong.
 */
#ifndef RELAY_JSON_H
#define RELAY_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define RELAY_JSON_DEPTH_MAX 64

enum relay_json_kind {
    RELAY_JSON_STRING,
    RELAY_JSON_NUMBER,
    RELAY_JSON_TRUE,
    RELAY_JSON_FALSE,
    RELAY_JSON_NULL,
    RELAY_JSON_OBJECT,
    RELAY_JSON_ARRAY
};

typedef struct relay_json_text {
    const char *data;
    size_t len;
} relay_json_text;

/* A member of the top object (inner.data == NULL), or of an object that is a member of it. */
typedef struct relay_json_value {
    relay_json_text outer;
    relay_json_text inner;
    enum relay_json_kind kind;
    relay_json_text raw; /* a string without its quotes, escapes as they came */
    size_t count;        /* items of an array or object, at its end */
} relay_json_value;

typedef void relay_json_visit(void *context, const relay_json_value *value);

/* true: `data` is one JSON object */
bool relay_json_walk(const char *data, size_t len, relay_json_visit *visit, void *context);
bool relay_json_is(relay_json_text text, const char *literal);

#endif
