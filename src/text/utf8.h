/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 (RFC 3629): checking, piece by piece, and repair. Invalid bytes are replaced the way the
 * WHATWG decoder does it: one U+FFFD for each longest run that could have begun a character. No
 * overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef CMX_TEXT_UTF8_H
#define CMX_TEXT_UTF8_H

#include "base/view.h"

enum { CMX_UTF8_BYTES_MAX = 4 };

#define CMX_UTF8_REPLACEMENT "\xef\xbf\xbd"

/* A character that is not finished yet. All zero = between two characters. */
typedef struct cmx_utf8 {
    uint8_t missing; /* bytes that must still come, 0..3 */
    uint8_t low;     /* the next byte is in low..high; meaningless when missing is 0 */
    uint8_t high;
} cmx_utf8;

/* Checks the next bytes of a text.
 *
 * state  in-out: all zero at the start of the text; missing == 0 where the text may end
 *
 * Returns how many bytes at the front are valid so far: `len`, or the position of the first byte
 * that cannot stand there. */
size_t cmx_utf8_feed(cmx_utf8 *state, const uint8_t *data, size_t len);

/* Returns the bytes at the front that are whole, valid characters. */
size_t cmx_utf8_valid_len(const uint8_t *data, size_t len);

/* Returns the bytes that one U+FFFD replaces at the start of `data`, which must not begin with a
 * valid character: 1..3. */
size_t cmx_utf8_bad_len(const uint8_t *data, size_t len);

/* Returns whether `data` is valid and whole. */
bool cmx_utf8_is_valid(const uint8_t *data, size_t len);

/* Copies `text` as one line that is safe to show: invalid bytes become U+FFFD, each run of control
 * bytes and spaces one space, none at either end; cut before the character that does not fit.
 *
 * Returns the bytes written. */
size_t cmx_utf8_copy_line(uint8_t *out, size_t capacity, cmx_view text);

/* Writes a code point below U+110000 that is no surrogate. Returns its bytes: 1..4. */
size_t cmx_utf8_write(uint8_t out[CMX_UTF8_BYTES_MAX], uint32_t code_point);

#endif
