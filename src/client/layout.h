/* SPDX-License-Identifier: MIT */
/*
 * Where everything lies in the caller's block. The same function measures and carves, so that
 * cmx_client_bytes() is exact.
 */
#ifndef CMX_CLIENT_LAYOUT_H
#define CMX_CLIENT_LAYOUT_H

#include "base/arena.h"
#include "client/state.h"

/* The pieces; pointers are NULL while measuring. */
typedef struct cmx_layout {
    cmx_client *client;
    void *port_state;
    size_t port_state_bytes;
    cmx_pool_tables tables;
    uint8_t *frames; /* write_bytes of it */
    cmx_lane *lanes;
    cmx_call *calls;
    uint8_t *tails;
    uint8_t *shapes;
    cmx_answer_tool *tools;
    cmx_timer **timer_heap;
    cmx_pause_row *pause_rows;
    uint8_t *pause_blocks;
    char *lines; /* trace_bytes of it */
    void *event_blocks;
    void *region;
    size_t region_bytes;
} cmx_layout;

/* Carves (or measures) everything that `config`, which is valid, asks for. */
void cmx_layout_carve(cmx_layout *layout, cmx_arena *arena, const cmx_config *config);

/* Returns the bytes of the region for nghttp2 and wolfSSL. */
size_t cmx_layout_region_bytes(const cmx_config *config);

#endif
