/* SPDX-License-Identifier: MIT */
/*
 * Borrowed bytes and the literals that make them. A view owns nothing and is never NUL-terminated;
 * whoever hands one out says until when it is valid.
 */
#ifndef CMX_BASE_VIEW_H
#define CMX_BASE_VIEW_H

#include "base/base.h"

#include <string.h>

typedef struct cmx_view {
    const uint8_t *data; /* borrowed; may be NULL when len is 0 */
    size_t len;          /* bytes */
} cmx_view;

#define CMX_VIEW_NONE UINT32_MAX /* no word, no digit */

#define CMX_VIEW_LITERAL(text) ((cmx_view){(const uint8_t *)(text), sizeof(text) - 1})

/* Returns the bytes of a C string, without its NUL. */
static inline cmx_view cmx_view_text(const char *text)
{
    return (cmx_view){(const uint8_t *)text, strlen(text)};
}

static inline bool cmx_view_equal(cmx_view a, cmx_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Takes `len` bytes from the front; there must be so many. */
void cmx_view_skip(cmx_view *text, size_t len);

/* Takes `byte` from the front. Returns false if something else is there, or nothing. */
bool cmx_view_take_byte(cmx_view *text, char byte);

/* Returns the index of the word that `text` is, or CMX_VIEW_NONE.
 *
 * words  each with its length before it: "\5limit\5reset"; none is empty */
unsigned cmx_view_word(cmx_view text, const char *words);

/* The same for the first of the words that *text begins with, which is taken from it. */
unsigned cmx_view_take_word(cmx_view *text, const char *words);

/* Returns an ASCII letter in lower case, and any other byte as it is. */
static inline uint8_t cmx_view_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

/* Returns whether `text` begins with the `len` bytes of a word in lower case, in either case. */
bool cmx_view_begins(cmx_view text, const char *word, size_t len);

/* Returns what a hexadecimal digit stands for, or CMX_VIEW_NONE. */
unsigned cmx_view_digit(uint8_t byte);

/* Returns the FNV-1a hash: for names, which are short; nobody gains by a collision. */
uint32_t cmx_view_hash(cmx_view text);

#endif
