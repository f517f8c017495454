/* SPDX-License-Identifier: MIT */
/*
 * Gives waiting slots to connections, oldest first, and opens connections for them. See assign.c.
 */
#ifndef CMX_POOL_ASSIGN_H
#define CMX_POOL_ASSIGN_H

#include "pool/tables.h"

/* Starts as many waiting requests as there is room for and dials for the rest.
 *
 * failed  out: the connection that must end, only with an error
 *
 * Returns CMX_OK when nothing more can be done now, or the error of `failed`: end it, then call
 * again. */
CMX_MUST_CHECK int cmx_assign_waiting(cmx_pool *pool, uint64_t now_ms, const cmx_conn **failed);

/* Takes a connection off the count of its origin: it is about to be closed. */
void cmx_assign_uncount(cmx_pool *pool, const cmx_conn *conn);

#endif
