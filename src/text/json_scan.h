/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259) walked where it lies, validating on the way: members of an object, elements of an
 * array, values stepped over at any size for the same few bytes of memory. A position is a span
 * that shrinks; nothing outside it is ever read. Strings are stepped over, not decoded, and their
 * bytes above 0x7f are not judged: that is json_text's work, for those few that are delivered.
 */
#ifndef CMX_TEXT_JSON_SCAN_H
#define CMX_TEXT_JSON_SCAN_H

#include "base/view.h"

enum { CMX_JSON_SCAN_DEPTH_MAX = 64 }; /* objects and arrays inside each other */

/* What is left of a JSON text. */
typedef struct cmx_json_span {
    uint8_t *at; /* borrowed; may be changed */
    uint8_t *end;
} cmx_json_span;

static inline size_t cmx_json_span_len(cmx_json_span span)
{
    return (size_t)(span.end - span.at);
}

/* Returns the bytes at the front that stand in a JSON string as they are: no quote, backslash or
 * control byte. */
size_t cmx_json_scan_plain_len(const uint8_t *data, size_t len);

/* Steps over white space. */
void cmx_json_scan_space(cmx_json_span *rest);

/* Steps over white space and one whole value.
 *
 * value  out: the value without the space, quotes included; only on true
 *
 * Returns false if there is no valid value or it is nested too deeply. */
bool cmx_json_scan_value(cmx_json_span *rest, cmx_json_span *value);

/* As above for a value that does not matter, perhaps inside of others that were stepped into.
 *
 * depth_max  levels that it may have, at most CMX_JSON_SCAN_DEPTH_MAX */
bool cmx_json_scan_skip(cmx_json_span *rest, unsigned depth_max);

/* Returns whether nothing lies in an object or array. */
bool cmx_json_scan_is_empty(cmx_json_span nested);

/* Steps into an object (`open` is '{') or array ('['), to its first key or element.
 *
 * Returns CMX_OK, CMX_AGAIN (it is empty: behind its end) or CMX_ERR_MALFORMED (no such thing). */
CMX_MUST_CHECK int cmx_json_scan_enter(cmx_json_span *rest, uint8_t open);

/* Steps from behind an element of an array to the next one.
 *
 * Returns CMX_OK, CMX_AGAIN (there was none: behind the array) or CMX_ERR_MALFORMED. */
CMX_MUST_CHECK int cmx_json_scan_next(cmx_json_span *rest);

/* The name of a member, still escaped, without quotes. */
typedef struct cmx_json_key {
    const uint8_t *data; /* borrowed */
    size_t len;
    bool escaped; /* there is an escape in it */
} cmx_json_key;

typedef struct cmx_json_member {
    cmx_json_key key;
    cmx_json_span value; /* without the space around it, quotes included */
} cmx_json_member;

/* Takes a member of an object.
 *
 * rest  in-out: at its name; then at the next name, or behind the object
 *
 * Returns CMX_OK (taken, another one follows), CMX_AGAIN (taken, it was the last one) or
 * CMX_ERR_MALFORMED. */
CMX_MUST_CHECK int cmx_json_scan_member(cmx_json_span *rest, cmx_json_member *member);

/* Takes the next member of an object, for loops over all of them.
 *
 * rc  in-out: at first what cmx_json_scan_enter() returned; CMX_AGAIN behind the last member
 *
 * Returns false when there is none, or none that is valid. */
static inline bool cmx_json_scan_step(cmx_json_span *rest, int *rc, cmx_json_member *member)
{
    if (*rc != CMX_OK) {
        return false;
    }
    *rc = cmx_json_scan_member(rest, member);
    return *rc >= CMX_OK;
}

/* What becomes of a member on a walk.
 *
 * value  in-out: quotes included. An object or array is not stepped over yet, and `end` is that of
 *        the text: what steps over it moves `at` behind it, what leaves `at` alone leaves it to the
 *        walk
 *
 * Returns false if the value is not valid: the walk ends. */
typedef bool cmx_json_scan_take(void *ctx, const cmx_json_key *key, cmx_json_span *value);

/* Walks an object from before it to behind it.
 *
 * depth_max  levels that objects and arrays have which are left to the walk
 *
 * Returns false if the object is not valid; what was taken then means nothing. */
bool cmx_json_scan_walk(cmx_json_span *rest, unsigned depth_max, cmx_json_scan_take *take,
                        void *ctx);

#endif
