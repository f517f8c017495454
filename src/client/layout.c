/* SPDX-License-Identifier: MIT */
/*
 * The block's layout and the arithmetic of the libraries' region. The figures come from the
 * measurement in src/DESIGN.md; the largest relations of connections and streams are tested.
 */
#include "client/layout.h"

/* What nghttp2 1.70 and wolfSSL 5.9 take on 64 bits, measured, with the region's headers: see
 * "Memory" in src/DESIGN.md. Reading a CA bundle needs 19 KiB for a while, less than a handshake
 * and a record, which it is not counted beside. */
enum {
    CONTEXT_BYTES = 2 * 1024,     /* WOLFSSL_CTX without certificates, per origin */
    SESSION_H2_BYTES = 24 * 1024, /* nghttp2 session, 16 KiB of it its send buffer, and HPACK */
    SESSION_TLS_BYTES = 4352,     /* WOLFSSL connected, idle */
    RECORD_IN_BYTES = 17 * 1024,  /* a record being assembled, per connection */
    RECORD_OUT_BYTES = 17 * 1024, /* a record being encrypted, one at a time */
    HANDSHAKE_BYTES = 15 * 1024,  /* on top of the session, RSA chain of three */
    STREAM_BYTES = 224,           /* open stream with its head received */
    WINDOW_UPDATE_BYTES = 176,    /* one per stream may wait behind a full socket */
    UNSENT_HEAD_BYTES = 832,      /* HEADERS that did not leave yet, body attached */
    FRAGMENTATION_PERCENT = 12,   /* smallest region that passed over the highest peak */
};

size_t cmx_layout_region_bytes(const cmx_config *config)
{
    size_t connections = config->connections_max;
    size_t streams = config->requests_max;
    size_t heads = connections * CMX_H2_UNSENT_HEADERS_MAX;
    if (heads > streams) {
        heads = streams;
    }
    size_t bytes = CMX_REGION_BYTES_MIN + RECORD_OUT_BYTES;
    bytes += config->origins_max * (size_t)CONTEXT_BYTES + config->trust_bytes;
    bytes += connections *
             (size_t)(SESSION_H2_BYTES + SESSION_TLS_BYTES + RECORD_IN_BYTES + HANDSHAKE_BYTES);
    bytes += streams * (size_t)(STREAM_BYTES + WINDOW_UPDATE_BYTES);
    bytes += heads * (size_t)UNSENT_HEAD_BYTES;
    bytes += bytes / 100 * FRAGMENTATION_PERCENT;
    return bytes & ~(size_t)(CMX_REGION_ALIGN - 1);
}

void cmx_layout_carve(cmx_layout *layout, cmx_arena *arena, const cmx_config *config)
{
    size_t slots = (size_t)config->requests_max + 1; /* one more for the DONE event being lent */
    size_t conns = config->connections_max;
    memset(layout, 0, sizeof *layout);

    layout->client = cmx_arena_take(arena, sizeof(cmx_client), CMX_ARENA_ALIGN);
    const size_t sockets = cmx_pool_sockets_max(config->connections_max);
    layout->port_state_bytes = CMX_PORT_STATE_BYTES(sockets);
    layout->port_state = cmx_arena_take(arena, layout->port_state_bytes, CMX_ARENA_ALIGN);

    cmx_pool_tables *tables = &layout->tables;
    tables->conn_count = config->connections_max;
    tables->origin_count = config->origins_max;
    tables->slot_count = (uint16_t)slots;
    tables->origins =
        cmx_arena_take(arena, config->origins_max * sizeof(cmx_origin_row), CMX_ARENA_ALIGN);
    tables->conns = cmx_arena_take(arena, conns * sizeof(cmx_conn), CMX_ARENA_ALIGN);
    tables->lives = cmx_arena_take(arena, conns * sizeof(cmx_pool_life), CMX_ARENA_ALIGN);
    tables->slots = cmx_arena_take(arena, slots * sizeof(cmx_slot), CMX_ARENA_ALIGN);
    tables->ready = cmx_arena_take(arena, sockets * sizeof(cmx_port_ready), CMX_ARENA_ALIGN);
    tables->conn_memory =
        cmx_arena_take(arena, conns * cmx_conn_memory_bytes(config), CMX_ARENA_ALIGN);

    layout->frames = cmx_arena_take(arena, config->write_bytes, CMX_ARENA_ALIGN);
    layout->lanes = cmx_arena_take(arena, config->origins_max * sizeof(cmx_lane), CMX_ARENA_ALIGN);
    layout->calls = cmx_arena_take(arena, slots * sizeof(cmx_call), CMX_ARENA_ALIGN);
    layout->tails = cmx_arena_take(arena, slots * config->tail_bytes, CMX_ARENA_ALIGN);
    layout->shapes = cmx_arena_take(arena, slots * config->shape_bytes, CMX_ARENA_ALIGN);
    layout->tools = cmx_arena_take(arena, slots * config->tool_calls_max * sizeof(cmx_answer_tool),
                                   CMX_ARENA_ALIGN);
    size_t pauses = config->paused_streams_max;
    layout->pause_rows = cmx_arena_take(arena, pauses * sizeof(cmx_pause_row), CMX_ARENA_ALIGN);
    layout->pause_blocks =
        cmx_arena_take(arena, pauses * config->stream_window_bytes, CMX_ARENA_ALIGN);
    layout->lines = cmx_arena_take(arena, config->trace_bytes, CMX_ARENA_ALIGN);
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
