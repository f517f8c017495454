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

static size_t blocks_bytes(uint32_t count, size_t block_bytes)
{
    return block_bytes == 0 ? 0 : cmx_blocks_memory_bytes(count, block_bytes);
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

/* How many of something there are; of what has no rows, how many bytes. */
enum amount {
    ONE,
    ORIGINS,
    CONNS,
    SOCKETS,
    SLOTS,
    TARGETS,
    TARGET_CALLS,
    PAUSES,
    PRICES,
    MODELS,
    SPENDINGS,
    FIGURES,
    HEADS,
    PORT_BYTES,
    CONN_BYTES,
    FRAME_BYTES,
    TAIL_BYTES,
    SHAPE_BYTES,
    TOOL_BYTES,
    PAUSE_BYTES,
    LINE_BYTES,
    EVENT_BYTES,
    REGION_BYTES_IN_ALL,
    AMOUNTS
};

static void fill_amounts(size_t amounts[AMOUNTS], const cmx_config *config)
{
    size_t slots = (size_t)config->requests_max + 1; /* one more for the DONE event being lent */
    amounts[ONE] = 1;
    amounts[ORIGINS] = config->origins_max;
    amounts[CONNS] = config->connections_max;
    amounts[SOCKETS] = cmx_pool_sockets_max(config->connections_max);
    amounts[SLOTS] = slots;
    amounts[TARGETS] = config->targets_max;
    amounts[TARGET_CALLS] = config->targets_max > 0 ? slots : 0;
    amounts[PAUSES] = config->paused_streams_max;
    amounts[PRICES] = config->prices_max;
    amounts[MODELS] = config->models_max;
    amounts[SPENDINGS] = amounts[MODELS] * config->origins_max;
    amounts[FIGURES] = config->models_max > 0 ? 1 : 0;
    amounts[HEADS] = config->alert_p99_ms > 0 ? CMX_ALERT_STEPS : 0;
    amounts[PORT_BYTES] = CMX_PORT_STATE_BYTES(amounts[SOCKETS]);
    amounts[CONN_BYTES] = amounts[CONNS] * cmx_conn_memory_bytes(config);
    amounts[FRAME_BYTES] = config->write_bytes;
    amounts[TAIL_BYTES] =
        blocks_bytes(cmx_layout_shared(config, config->tails_max), config->tail_bytes);
    amounts[SHAPE_BYTES] =
        blocks_bytes(cmx_layout_shared(config, config->shapes_max), config->shape_bytes);
    amounts[TOOL_BYTES] = blocks_bytes(cmx_layout_shared(config, config->tool_tables_max),
                                       config->tool_calls_max * sizeof(cmx_answer_tool));
    amounts[PAUSE_BYTES] = amounts[PAUSES] * config->stream_window_bytes;
    amounts[LINE_BYTES] = config->trace_bytes;
    amounts[EVENT_BYTES] = blocks_bytes(config->event_buffers, config->event_bytes_max);
    amounts[REGION_BYTES_IN_ALL] = cmx_layout_region_bytes(config);
}

/* One piece of the block: its pointer in cmx_layout, and how many of what size. */
typedef struct piece {
    uint16_t at;
    uint16_t size;
    uint8_t amount;
} piece;

#define ROWS(member, amount)                                                    \
    {                                                                           \
        offsetof(cmx_layout, member), sizeof *((cmx_layout *)0)->member, amount \
    }
#define BYTES(member, amount)                   \
    {                                           \
        offsetof(cmx_layout, member), 1, amount \
    }

static const piece pieces[] = {
    ROWS(client, ONE),
    BYTES(port_state, PORT_BYTES),
    ROWS(tables.origins, ORIGINS),
    ROWS(tables.conns, CONNS),
    ROWS(tables.lives, CONNS),
    ROWS(tables.slots, SLOTS),
    ROWS(tables.ready, SOCKETS),
    BYTES(tables.conn_memory, CONN_BYTES),
    BYTES(frames, FRAME_BYTES),
    ROWS(lanes, ORIGINS),
    ROWS(calls, SLOTS),
    BYTES(tails, TAIL_BYTES),
    BYTES(shapes, SHAPE_BYTES),
    BYTES(tools, TOOL_BYTES),
    ROWS(route_rows, TARGETS),
    ROWS(target_names, TARGETS),
    ROWS(target_calls, TARGET_CALLS),
    ROWS(pause_rows, PAUSES),
    BYTES(pause_blocks, PAUSE_BYTES),
    ROWS(account.price_rows, PRICES),
    ROWS(account.meter_rows, MODELS),
    ROWS(account.spendings, SPENDINGS),
    ROWS(account.figures, FIGURES),
    ROWS(alert_heads, HEADS),
    BYTES(lines, LINE_BYTES),
    ROWS(timer_heap, SLOTS),
    BYTES(event_blocks, EVENT_BYTES),
    BYTES(region, REGION_BYTES_IN_ALL),
};

void cmx_layout_carve(cmx_layout *layout, cmx_arena *arena, const cmx_config *config)
{
    size_t amounts[AMOUNTS];
    fill_amounts(amounts, config);
    memset(layout, 0, sizeof *layout);
    layout->port_state_bytes = amounts[PORT_BYTES];
    layout->region_bytes = amounts[REGION_BYTES_IN_ALL];
    layout->tables.conn_count = config->connections_max;
    layout->tables.origin_count = config->origins_max;
    layout->tables.slot_count = (uint16_t)amounts[SLOTS];
    for (size_t i = 0; i < CMX_ARRAY_LEN(pieces); i++) {
        size_t bytes = amounts[pieces[i].amount] * pieces[i].size;
        void *memory = cmx_arena_take(arena, bytes, CMX_ARENA_ALIGN);
        memcpy((uint8_t *)layout + pieces[i].at, &memory, sizeof memory);
    }
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
