/* SPDX-License-Identifier: MIT */
/*
 * JSON strings: compared, decoded in place into valid UTF-8, and escaped for writing. A string here
 * is what stands between the quotes of a text that json_scan has passed. Decoding never makes it
 * longer, so it needs no room of its own; what cannot be a character becomes U+FFFD.
 */
#ifndef CMX_TEXT_JSON_TEXT_H
#define CMX_TEXT_JSON_TEXT_H

#include "text/json_scan.h"

enum { CMX_JSON_TEXT_ESCAPE_BYTES_MAX = 6 };

/* Compares a name that has escapes in it with plain ASCII. */
bool cmx_json_text_means(const cmx_json_key *key, cmx_view text);

/* Returns whether a member's name is `text`. */
static inline bool cmx_json_text_is(const cmx_json_key *key, cmx_view text)
{
    if (key->escaped) {
        return cmx_json_text_means(key, text);
    }
    return key->len == text.len && memcmp(key->data, text.data, text.len) == 0;
}

/* Returns which of several names, counted from 1, a member's name is, or 0 if it is none.
 *
 * names  in plain ASCII, the length of each as a byte before it: "\5model\2id" */
unsigned cmx_json_text_which(const cmx_json_key *key, const char *names);

/* The piece that stands for what cannot be a character. It is told from text by its address: a
 * U+FFFD that was sent is text like any other. */
extern const uint8_t cmx_json_text_replacement[3];

/* Decodes the next piece of a string in place: as far as possible at once, which is the whole of it
 * unless a byte or surrogate in it is invalid. Each string stands for itself, as JSON has it: the
 * bytes of a character split over two strings are invalid in both; only halves of surrogate pairs,
 * which escapes can split validly, wait for each other.
 *
 * rest       in-out: the undecoded rest of the string
 * surrogate  in-out: a high surrogate at the end of one string waits here for its low half at the
 *            start of the next one, 0 = none; NULL = do not wait
 * piece      out: valid UTF-8 of at least one byte, until the string's bytes are changed; only on
 *            true
 *
 * Returns false when the string is used up. */
bool cmx_json_text_piece(cmx_json_span *rest, uint16_t *surrogate, cmx_view *piece);

/* As above for bytes that are handed on as they stand: a JSON value, escapes and all. */
bool cmx_json_text_piece_raw(cmx_json_span *rest, cmx_view *piece);

/* Copies a string, or as much of it as fits, as one line that is safe to show. The string is
 * decoded in place on the way and must not be read again. Returns the bytes written. */
size_t cmx_json_text_line(uint8_t *out, size_t capacity, cmx_json_span string);

/* Writes the escape of a byte that is not plain. Returns its bytes. */
size_t cmx_json_text_escape(uint8_t out[CMX_JSON_TEXT_ESCAPE_BYTES_MAX], uint8_t byte);

#endif
