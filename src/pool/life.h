/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a connection while it serves: whether it still answers, when it has served long
 * enough, what takes its place. In: what the wire counted, the time. Out: what to do with it. It
 * queues PINGs itself and starts drains; it ends and dials nothing.
 */
#ifndef CMX_POOL_LIFE_H
#define CMX_POOL_LIFE_H

#include "pool/tables.h"

/* Fills the limits of the pool from its configuration. */
void cmx_life_init(cmx_pool *pool);

/* Starts the row of a connection that is about to be dialed. */
void cmx_life_begin(cmx_pool *pool, const cmx_conn *conn);

/* To be called when the HTTP/2 session was just opened: gives it what the origin's last one
 * learned. */
void cmx_life_on_session(const cmx_pool *pool, cmx_conn *conn);

/* Looks at a connection that can have streams; arms its deadline.
 *
 * Returns CMX_OK, CMX_IDLE (end it in good order), or the status that ends it. */
CMX_MUST_CHECK int cmx_life_step(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms);

/* To be called when nothing is left to pull from the connection: what came is proof of life. */
void cmx_life_on_drained(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms);

/* To be called before a stream is started: after idling a PING goes ahead of it.
 *
 * Returns CMX_OK, or CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_life_before_stream(cmx_pool *pool, cmx_conn *conn, uint64_t now_ms);

/* A stream was started. */
void cmx_life_on_stream(cmx_pool *pool, cmx_conn *conn);

/* An answer was completed on the connection: its server works, failures before it are history. */
void cmx_life_on_complete(cmx_pool *pool, const cmx_conn *conn);

/* A GOAWAY said why: there is no hurry to come back. */
void cmx_life_on_goaway(cmx_pool *pool, const cmx_conn *conn, uint64_t now_ms);

/* Returns whether the connection is believed to answer. */
bool cmx_life_is_good(const cmx_pool *pool, const cmx_conn *conn);

/* Returns whether the connection serves on only until another one is open. */
bool cmx_life_is_retiring(const cmx_pool *pool, const cmx_conn *conn);

/* Lets retiring connections of an origin drain if another one is open. */
void cmx_life_replace(cmx_pool *pool, uint32_t origin, uint64_t now_ms);

/* Returns whether an origin needs one more connection although no request waits: to replace one,
 * or because it is being warmed up. */
bool cmx_life_wants_dial(const cmx_pool *pool, uint32_t origin);

/* No such dial can be made: what was wanted for convenience is forgotten. After a change of the
 * network old connections stay in use if a dial failed; they serve until they idle if there was no
 * room for one. */
void cmx_life_give_up(cmx_pool *pool, uint32_t origin, bool has_failed);

#endif
