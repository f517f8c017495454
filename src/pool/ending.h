/* SPDX-License-Identifier: MIT */
/*
 * The end of a connection and of everything on it; failure takes the same road as success. In: a
 * connection and the status that ends it. Out: ended slots, a free row, a later dial. What an end
 * means for a request is decided above.
 */
#ifndef CMX_POOL_ENDING_H
#define CMX_POOL_ENDING_H

#include "pool/tables.h"

/* Ends a connection that failed, its streams and, if it was the only hope of its origin, the
 * requests that wait for it. */
void cmx_ending_fail(cmx_pool *pool, cmx_conn *conn, int status, uint64_t now_ms);

/* Ends a connection without streams in good order. */
void cmx_ending_close(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms);

/* Returns what happened to a stream that the HTTP/2 session ended. */
enum cmx_slot_end cmx_ending_of_stream(const cmx_h2_stream *stream);

#endif
