/* SPDX-License-Identifier: MIT */
/*
 * The block's layout and the arithmetic of the libraries' region. The figures come from the
 * measurement in src/DESIGN.md; the largest relations of connections and streams are tested.
 */
#include "client/layout.h"

/* What nghttp2 1.70 and wolfSSL 5.9 take, measured, with the region's headers: see "Memory" in
 * src/DESIGN.md. A connection has its handshake behind it before HTTP/2 begins, so the larger of
 * the two counts: a handshake takes 24 KiB with a chain of 8 KiB that comes in pieces. Reading a CA
 * bundle needs 19 KiB for a while, less than a record and a session that do not exist yet. */
enum {
    IS_WIDE = sizeof(void *) > 4, /* 64 bits: much of what the libraries keep is pointers */
    CONTEXT_BYTES = IS_WIDE ? 2048 : 1408,      /* WOLFSSL_CTX, no certificates, per origin */
    SESSION_TLS_BYTES = IS_WIDE ? 4224 : 3328,  /* WOLFSSL connected, idle */
    SESSION_H2_BYTES = IS_WIDE ? 22016 : 18688, /* nghttp2 session, 16 KiB its send buffer */
    TABLE_FACTOR = IS_WIDE ? 9 : 5,     /* for each byte that HPACK counts, at worst: 7 or 4 for
                                         * the server's table, the rest for ours, a quarter of it */
    RECORD_IN_BYTES = 16 * 1024 + 640,  /* a record being assembled, per connection */
    RECORD_OUT_EXTRA_BYTES = 256,       /* on top of a record that is encrypted, one at a time */
    STREAM_BYTES = IS_WIDE ? 224 : 144, /* open stream with its head received */
    QUEUED_BYTES = IS_WIDE ? 176 : 112, /* a frame that waits behind a full socket */
    UNSENT_HEAD_BYTES = IS_WIDE ? 640 : 448, /* HEADERS that did not leave yet, body attached */
    REGION_BYTES = IS_WIDE ? 2560 : 1792, /* its own head, 1,584 or 896, and what aligning takes */
    FRAGMENTATION_PERCENT = 12,           /* smallest region that passed over the highest peak */
    TABLE_SHARE = 16,         /* of head_bytes_max: header fields kept from head to head */
    TABLE_WHOLE_FROM = 16384, /* bytes of head_bytes_max from which tables have their full size */
};

uint32_t cmx_layout_table_bytes(const cmx_config *config)
{
    /* What is not below HTTP/2's own 4,096 needs no word from the server: RFC 7541, 4.2. */
    return config->head_bytes_max < TABLE_WHOLE_FROM ? config->head_bytes_max / TABLE_SHARE
                                                     : CMX_H2_TABLE_BYTES_MAX;
}

/* HEADERS that may wait in the library for one connection. */
static uint32_t heads_max(const cmx_config *config)
{
    return cmx_h2_unsent_max(config->requests_max);
}

/* Other frames that may: each stream has a credit, then a reset; the rest is acknowledgements. */
static uint32_t queued_max(const cmx_config *config)
{
    uint32_t room = CMX_H2_QUEUED_MAX - heads_max(config); /* these are in the queue, too */
    uint32_t own = 2 * config->requests_max;
    return (own < room ? own : room) + CMX_H2_ACKS_MAX;
}

size_t cmx_layout_trust_bytes(const cmx_config *config)
{
    return config->origins_max * (size_t)CONTEXT_BYTES + config->trust_bytes;
}

size_t cmx_layout_region_bytes(const cmx_config *config)
{
    size_t connections = config->connections_max;
    size_t streams = config->requests_max;
    size_t heads = connections * heads_max(config);
    if (heads > streams) {
        heads = streams;
    }
    size_t record_out = config->write_bytes < CMX_TLS_PLAIN_BYTES_MAX ? config->write_bytes
                                                                      : CMX_TLS_PLAIN_BYTES_MAX;
    size_t session = SESSION_H2_BYTES + (size_t)cmx_layout_table_bytes(config) * TABLE_FACTOR +
                     (size_t)queued_max(config) * QUEUED_BYTES;
    size_t bytes = record_out + RECORD_OUT_EXTRA_BYTES;
    bytes += cmx_layout_trust_bytes(config);
    bytes += connections * (session + SESSION_TLS_BYTES + RECORD_IN_BYTES);
    bytes += streams * STREAM_BYTES;
    bytes += heads * (size_t)UNSENT_HEAD_BYTES;
    bytes += bytes / 100 * FRAGMENTATION_PERCENT;
    bytes += REGION_BYTES;
    return bytes & ~(size_t)(CMX_REGION_ALIGN - 1);
}

uint32_t cmx_layout_shared(const cmx_config *config, uint32_t configured)
{
    uint32_t slots = config->requests_max + 1; /* one more for the DONE event being lent */
    return configured == 0 || configured > slots ? slots : configured;
}

static void *take_blocks(cmx_arena *arena, uint32_t count, size_t block_bytes)
{
    size_t bytes = block_bytes == 0 ? 0 : cmx_blocks_memory_bytes(count, block_bytes);
    return cmx_arena_take(arena, bytes, CMX_ARENA_ALIGN);
}

_Static_assert(CMX_CONNECTIONS_MAX < (int)CMX_REGION_OWNERS, "each connection is an owner");

size_t cmx_layout_region_cap_bytes(const cmx_config *config)
{
    cmx_config alone = *config;
    alone.connections_max = 1;
    alone.origins_max = 0;
    alone.trust_bytes = 0;
    return cmx_layout_region_bytes(&alone);
}

static void carve_figures(cmx_layout *layout, cmx_arena *arena, const cmx_config *config)
{
    size_t models = config->models_max;
    size_t heads = config->alert_p99_ms > 0 ? CMX_ALERT_STEPS : 0;
    layout->account = (cmx_account_memory){
        .price_rows =
            cmx_arena_take(arena, config->prices_max * sizeof(cmx_cost_row), CMX_ARENA_ALIGN),
        .meter_rows = cmx_arena_take(arena, models * sizeof(cmx_meter_row), CMX_ARENA_ALIGN),
        .spendings = cmx_arena_take(arena, models * config->origins_max * sizeof(cmx_spending),
                                    CMX_ARENA_ALIGN),
        .figures = cmx_arena_take(arena, models > 0 ? sizeof(cmx_figures) : 0, CMX_ARENA_ALIGN),
    };
    layout->alert_heads = cmx_arena_take(arena, heads * sizeof(cmx_alert_heads), CMX_ARENA_ALIGN);
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
    layout->tails =
        take_blocks(arena, cmx_layout_shared(config, config->tails_max), config->tail_bytes);
    layout->shapes =
        take_blocks(arena, cmx_layout_shared(config, config->shapes_max), config->shape_bytes);
    layout->tools = take_blocks(arena, cmx_layout_shared(config, config->tool_tables_max),
                                config->tool_calls_max * sizeof(cmx_answer_tool));
    size_t targets = config->targets_max;
    layout->route_rows = cmx_arena_take(arena, targets * sizeof(cmx_route_row), CMX_ARENA_ALIGN);
    layout->target_names =
        cmx_arena_take(arena, targets * sizeof(cmx_target_name), CMX_ARENA_ALIGN);
    layout->target_calls =
        cmx_arena_take(arena, targets == 0 ? 0 : slots * sizeof(cmx_target_call), CMX_ARENA_ALIGN);
    size_t pauses = config->paused_streams_max;
    layout->pause_rows = cmx_arena_take(arena, pauses * sizeof(cmx_pause_row), CMX_ARENA_ALIGN);
    layout->pause_blocks =
        cmx_arena_take(arena, pauses * config->stream_window_bytes, CMX_ARENA_ALIGN);
    carve_figures(layout, arena, config);
    layout->lines = cmx_arena_take(arena, config->trace_bytes, CMX_ARENA_ALIGN);
    layout->timer_heap = cmx_arena_take(arena, slots * sizeof(cmx_timer *), CMX_ARENA_ALIGN);
    layout->event_blocks = take_blocks(arena, config->event_buffers, config->event_bytes_max);
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
