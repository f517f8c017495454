/* SPDX-License-Identifier: MIT */
/*
 * Members of a small JSON object looked up by path: error reports. jsmn makes the tokens, json_scan
 * validates before it, and the walk is bounded by the tokens' ends. What comes with every answer is
 * walked by json_scan instead, which needs no tokens.
 */
#ifndef CMX_TEXT_JSON_H
#define CMX_TEXT_JSON_H

#include "text/json_scan.h"

#include "chatmux/limits.h"

enum { CMX_JSON_TOKENS_MAX = CMX_LIMIT_JSON_TOKENS };

enum cmx_json_type {
    CMX_JSON_ABSENT, /* no such member */
    CMX_JSON_NULL,
    CMX_JSON_FALSE,
    CMX_JSON_TRUE,
    CMX_JSON_NUMBER,
    CMX_JSON_STRING,
    CMX_JSON_ARRAY,
    CMX_JSON_OBJECT,
};

typedef struct cmx_json_value {
    enum cmx_json_type type;
    cmx_json_span text; /* the value as it stands; a string without its quotes, still escaped */
} cmx_json_value;

/* Finds members of an object and of objects inside it.
 *
 * object  the whole text, which must be one object; space around it is allowed
 * paths   names of members joined by dots, such as "prompt_tokens_details.cached_tokens"
 * count   paths, and values
 * values  out: one per path; the last one if a name occurs twice; valid as long as the text
 *
 * Returns CMX_OK, CMX_ERR_MALFORMED (not one JSON object) or CMX_ERR_EVENT_LARGE (more than
 * CMX_JSON_TOKENS_MAX tokens); on an error all values are ABSENT. */
CMX_MUST_CHECK int cmx_json_find(cmx_json_span object, const char *const *paths, size_t count,
                                 cmx_json_value *values);

/* Reads a count: a whole number that is not negative, also as a string. Returns false for all
 * else. */
bool cmx_json_count(const cmx_json_value *value, uint64_t *count);

#endif
