/* SPDX-License-Identifier: MIT */
/*
 * A request body as something that can be read piece by piece and rewound: the wire asks for
 * bytes, whoever made the source produces them. It lets a 1 MiB prompt go out without a copy, and
 * a replay start again for nothing.
 */
#ifndef CMX_BASE_SOURCE_H
#define CMX_BASE_SOURCE_H

#include "base/base.h"

typedef struct cmx_source {
    /* Writes the next bytes of the body.
     *
     * got  out: 1..capacity, or 0 at the end of the body
     *
     * Returns CMX_OK, or CMX_ERR_BODY_CHANGED (what was borrowed changed: the stream must be
     * reset). Deterministic: after `rewind` the same bytes come again. */
    int (*read)(void *ctx, uint8_t *out, size_t capacity, size_t *got);

    /* Starts again at the first byte. */
    void (*rewind)(void *ctx);

    void *ctx;       /* borrowed until the request's end */
    uint64_t length; /* bytes in all, sent as content-length; 0 = no body */
} cmx_source;

#endif
