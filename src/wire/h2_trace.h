/* SPDX-License-Identifier: MIT */
/*
 * The trace of an HTTP/2 session: a line for each frame and each header field, as the library's
 * callbacks see them. Bodies are told as lengths only; keys and whatever else is likely a secret
 * as "<redacted>". It only writes lines; who reads them, and when, is decided above.
 */
#ifndef CMX_WIRE_H2_TRACE_H
#define CMX_WIRE_H2_TRACE_H

#include "base/lines.h"

/* Who writes about a session, and what must not be shown. */
typedef struct cmx_h2_trace {
    cmx_lines *lines;  /* borrowed; NULL = there is no trace */
    cmx_view key;      /* borrowed: a value with these bytes in it is not shown; empty = none */
    cmx_view key_name; /* borrowed: nor is any value of this header */
    uint32_t conn;     /* number of the connection */
} cmx_h2_trace;

/* A frame begins to arrive: those whose fields or bytes follow are told now.
 *
 * head  the library's head of a frame */
void cmx_h2_trace_start(const cmx_h2_trace *trace, const void *head);

/* A whole frame arrived: the others are told now.
 *
 * frame  the library's */
void cmx_h2_trace_received(const cmx_h2_trace *trace, const void *frame);

/* The library refused a frame of the server; `error` is its number. */
void cmx_h2_trace_refused(const cmx_h2_trace *trace, const void *frame, int error);

/* A frame left, with its fields. */
void cmx_h2_trace_sent(const cmx_h2_trace *trace, const void *frame);

/* A header field came or leaves. */
void cmx_h2_trace_field(const cmx_h2_trace *trace, bool sent, cmx_view name, cmx_view value);

#endif
