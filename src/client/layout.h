/* SPDX-License-Identifier: MIT */
/*
 * Where everything lies in the caller's block. The same function measures and carves, so that
 * cmx_client_bytes() is exact.
 */
#ifndef CMX_CLIENT_LAYOUT_H
#define CMX_CLIENT_LAYOUT_H

#include "base/arena.h"
#include "client/account.h"

/* The pieces; pointers are NULL while measuring. */
typedef struct cmx_layout {
    cmx_client *client;
    void *port_state;
    size_t port_state_bytes;
    cmx_pool_tables tables;
    uint8_t *frames; /* write_bytes of it */
    cmx_lane *lanes;
    cmx_call *calls;
    void *tails; /* of cmx_blocks, as the next two */
    void *shapes;
    void *tools;
    cmx_route_row *route_rows;
    cmx_target_name *target_names;
    cmx_target_call *target_calls;
    cmx_account_memory account;
    cmx_alert_heads *alert_heads;
    cmx_timer **timer_heap;
    cmx_pause_row *pause_rows;
    uint8_t *pause_blocks;
    char *lines; /* trace_bytes of it */
    void *event_blocks;
    void *region;
    size_t region_bytes;
} cmx_layout;

/* Returns how many of something that requests share there are, if `configured` was configured: 0 is
 * one for each, and more than that is never of use. */
uint32_t cmx_layout_shared(const cmx_config *config, uint32_t configured);

/* Carves (or measures) everything that `config`, which is valid, asks for. */
void cmx_layout_carve(cmx_layout *layout, cmx_arena *arena, const cmx_config *config);

/* Returns the bytes of each of an HTTP/2 session's two header tables. */
uint32_t cmx_layout_table_bytes(const cmx_config *config);

/* Returns how many of the region contexts and certificates may take: more would be missing when a
 * connection is made. */
size_t cmx_layout_trust_bytes(const cmx_config *config);

/* Returns the bytes of the region for nghttp2 and wolfSSL. */
size_t cmx_layout_region_bytes(const cmx_config *config);

/* Returns how many of them one connection may hold: all streams and what a connection needs, so
 * that contexts, certificates and the needs of the other connections are always left. */
size_t cmx_layout_region_cap_bytes(const cmx_config *config);

#endif
