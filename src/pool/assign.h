/* SPDX-License-Identifier: MIT */
/*
 * Gives waiting slots to connections, oldest first, and opens connections for them. See assign.c.
 */
#ifndef CMX_POOL_ASSIGN_H
#define CMX_POOL_ASSIGN_H

#include "chatmux/client.h"
#include "pool/tables.h"

/* Starts as many waiting requests as there is room for and dials for the rest.
 *
 * failed  out: the connection that must end, only with an error
 *
 * Returns CMX_OK when nothing more can be done now, or the error of `failed`: end it, then call
 * again. */
CMX_MUST_CHECK int cmx_assign_waiting(cmx_pool *pool, uint64_t now_ms, cmx_conn **failed);

/* Opens one more connection of an origin, without a request that waits for it.
 *
 * failed  out: the connection that must end, only with an error
 *
 * Returns CMX_OK, CMX_AGAIN (back-off: wait), CMX_IDLE (no row, or the origin has all it may have),
 * or the error of `failed`. */
CMX_MUST_CHECK int cmx_assign_dial(cmx_pool *pool, uint32_t origin, uint64_t now_ms,
                                   cmx_conn **failed);

/* Returns why a queued slot waits. */
enum cmx_waiting cmx_assign_why(const cmx_pool *pool, const cmx_slot *slot);

/* Takes a connection off the count of its origin: it is about to be closed. */
void cmx_assign_uncount(cmx_pool *pool, const cmx_conn *conn);

#endif
