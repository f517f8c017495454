/* SPDX-License-Identifier: MIT */
/*
 * The block's layout and the arithmetic of the libraries' region. The figures come from the
 * measurement in src/DESIGN.md; the largest relations of connections and streams are tested.
 */
#include "client/layout.h"

/* What nghttp2 1.70 and wolfSSL 5.9 take on 64 bits, measured, with the region's headers. */
enum {
    TRUST_CONTEXT_BYTES = 3 * 1024,  /* WOLFSSL_CTX without certificates, per origin */
    SESSION_H2_BYTES = 26 * 1024,    /* nghttp2 session, 16 KiB of it its send buffer, HPACK */
    SESSION_TLS_BYTES = 24 * 1024,   /* WOLFSSL connected with one record in each direction */
    HANDSHAKE_BYTES = 40 * 1024,     /* on top, while it runs, with a chain of 16 KiB */
    STREAM_BYTES = 288,              /* open nghttp2 stream with its map entry */
    UNSENT_HEAD_BYTES = 1024,        /* HEADERS queued in nghttp2 */
    STREAM_FRAME_BYTES = 192,        /* WINDOW_UPDATE or RST_STREAM waiting to be sent */
    FRAGMENTATION_PERCENT = 8,
};

size_t cmx_layout_region_bytes(const cmx_config *config)
{
    size_t connections = config->connections_max;
    size_t streams = config->requests_max;
    size_t headers = connections * CMX_H2_UNSENT_HEADERS_MAX;
    if (headers > streams) {
        headers = streams;
    }
    size_t bytes = CMX_REGION_BYTES_MIN;
    bytes += config->origins_max * (size_t)TRUST_CONTEXT_BYTES + config->trust_bytes;
    bytes += connections * (size_t)(SESSION_H2_BYTES + SESSION_TLS_BYTES + HANDSHAKE_BYTES);
    bytes += streams * (size_t)(STREAM_BYTES + STREAM_FRAME_BYTES) +
             headers * (size_t)UNSENT_HEAD_BYTES;
    bytes += bytes / 100 * FRAGMENTATION_PERCENT;
    return bytes & ~(size_t)(CMX_REGION_ALIGN - 1);
}

void cmx_layout_carve(cmx_layout *layout, cmx_arena *arena, const cmx_config *config)
{
    size_t slots = (size_t)config->requests_max + 1; /* one more for the DONE event being lent */
    size_t conns = config->connections_max;
    memset(layout, 0, sizeof *layout);

    layout->client = cmx_arena_take(arena, sizeof(cmx_client), CMX_ARENA_ALIGN);
    layout->port_state_bytes = CMX_PORT_STATE_BYTES(config->connections_max);
    layout->port_state = cmx_arena_take(arena, layout->port_state_bytes, CMX_ARENA_ALIGN);

    cmx_pool_tables *tables = &layout->tables;
    tables->conn_count = config->connections_max;
    tables->origin_count = config->origins_max;
    tables->slot_count = (uint16_t)slots;
    tables->origins =
        cmx_arena_take(arena, config->origins_max * sizeof(cmx_origin_row), CMX_ARENA_ALIGN);
    tables->conns = cmx_arena_take(arena, conns * sizeof(cmx_conn), CMX_ARENA_ALIGN);
    tables->slots = cmx_arena_take(arena, slots * sizeof(cmx_slot), CMX_ARENA_ALIGN);
    tables->ready = cmx_arena_take(arena, conns * sizeof(cmx_port_ready), CMX_ARENA_ALIGN);
    tables->conn_memory =
        cmx_arena_take(arena, conns * cmx_conn_memory_bytes(config), CMX_ARENA_ALIGN);

    layout->frames = cmx_arena_take(arena, config->write_bytes, CMX_ARENA_ALIGN);
    layout->calls = cmx_arena_take(arena, slots * sizeof(cmx_call), CMX_ARENA_ALIGN);
    layout->tails = cmx_arena_take(arena, slots * config->tail_bytes, CMX_ARENA_ALIGN);
    layout->timer_heap = cmx_arena_take(arena, slots * sizeof(cmx_timer *), CMX_ARENA_ALIGN);
    layout->event_blocks = cmx_arena_take(
        arena, cmx_blocks_memory_bytes(config->event_buffers, config->event_bytes_max),
        CMX_ARENA_ALIGN);
    layout->region_bytes = cmx_layout_region_bytes(config);
    layout->region = cmx_arena_take(arena, layout->region_bytes, CMX_ARENA_ALIGN);
}

size_t cmx_client_bytes(const cmx_config *config)
{
    const char *bad_field = NULL;
    if (cmx_config_check(config, &bad_field) != CMX_OK) {
        return 0;
    }
    cmx_arena arena;
    cmx_layout layout;
    cmx_arena_init(&arena, NULL, 0);
    cmx_layout_carve(&layout, &arena, config);
    return arena.used;
}
