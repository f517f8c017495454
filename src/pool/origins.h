/* SPDX-License-Identifier: MIT */
/*
 * The table of origins while the pool runs: which id names which row, rows that come into use and
 * go out of it, connections that the application asks for. What an origin is made of is filled in
 * above.
 */
#ifndef CMX_POOL_ORIGINS_H
#define CMX_POOL_ORIGINS_H

#include "pool/tables.h"

#define CMX_ORIGINS_NONE UINT32_MAX /* no row */

/* Returns the id of a row. */
uint32_t cmx_origins_id(const cmx_pool *pool, uint32_t origin);

/* Returns the row behind an id, or CMX_ORIGINS_NONE: never given, or its origin was removed. */
uint32_t cmx_origins_find(const cmx_pool *pool, uint32_t id);

/* The same for requests: an origin that is being removed takes no new ones. */
uint32_t cmx_origins_find_open(const cmx_pool *pool, uint32_t id);

/* Returns a row that is not in use, or CMX_ORIGINS_NONE. */
uint32_t cmx_origins_find_unused(const cmx_pool *pool);

/* Takes a row whose origin the caller has filled in into use. Returns its id. */
uint32_t cmx_origins_open(cmx_pool *pool, uint32_t origin);

/* Takes no new requests for an origin from now on.
 *
 * spared  a slot that does not count, or CMX_SLOT_NONE
 *
 * Returns whether no request of it is left: then cmx_origins_close() may follow. */
bool cmx_origins_retire(cmx_pool *pool, uint32_t origin, uint16_t spared);

/* Wipes a row that is not in use; its next id is another one than its last. */
void cmx_origins_wipe(cmx_pool *pool, uint32_t origin);

/* Ends all connections of an origin without requests, wipes its row; its id is stale from then. */
void cmx_origins_close(cmx_pool *pool, uint32_t origin, uint64_t now_ms);

/* The network changed: every connection is to be replaced, and nothing that failed counts. */
void cmx_origins_network_changed(cmx_pool *pool);

/* Wants so many connections of an origin open; those that are count. */
void cmx_origins_warm(cmx_pool *pool, uint32_t origin, uint32_t count);

#endif
