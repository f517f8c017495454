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

#endif
