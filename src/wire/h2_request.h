/* SPDX-License-Identifier: MIT */
/*
 * Requests on their way out: the head handed to the library, and the body read from its source
 * straight into DATA frames. One DATA frame per stream and round, because the library itself sends
 * one long upload to its end before the next. Knows nothing of responses.
 */
#ifndef CMX_WIRE_H2_REQUEST_H
#define CMX_WIRE_H2_REQUEST_H

#include "wire/h2_stream.h"

#include "chatmux/limits.h"

enum {
    CMX_H2_PSEUDO_FIELDS = 4, /* :method, :scheme, :authority, :path: they come first */
    CMX_H2_FIELDS_MAX = CMX_H2_PSEUDO_FIELDS + CMX_LIMIT_REQUEST_FIELDS,
};

enum cmx_h2_field_flag {
    CMX_H2_FIELD_SECRET = 1,     /* never put into a compression table: RFC 7541, 7.1.3 */
    CMX_H2_FIELD_LIVES_NAME = 2, /* a literal, so it need not be copied */
    CMX_H2_FIELD_LIVES = 6,      /* name and value are literals */
};

typedef struct cmx_h2_field {
    cmx_view name;  /* lower case */
    cmx_view value; /* checked by the caller */
    uint8_t flags;  /* enum cmx_h2_field_flag */
} cmx_h2_field;

typedef struct cmx_h2_request {
    const cmx_h2_field *fields; /* all but content-length */
    size_t field_count;         /* 0..CMX_H2_FIELDS_MAX */
    const cmx_source *source;   /* NULL or length 0 = END_STREAM with the head */
} cmx_h2_request;

/* Hands a request to the library; everything but the source and literals is copied.
 *
 * Returns CMX_OK, or CMX_ERR_NO_MEMORY, CMX_ERR_GOAWAY (no stream id left). */
CMX_MUST_CHECK int cmx_h2_request_submit(cmx_h2 *h2, cmx_h2_stream *stream,
                                         const cmx_h2_request *request);

/* Starts the next round of uploads. Returns true if a stream had given way and may send again. */
bool cmx_h2_request_next_round(cmx_h2 *h2);

#endif
