/* SPDX-License-Identifier: MIT */
/*
 * The client's block at compile time, for programs that have no heap: how many bytes a
 * configuration needs as a constant expression. In: the fields that cost memory, as constants of
 * one prefix. Out: never less than cmx_client_bytes() says for the same fields, and at most 3 %
 * more; a test holds that for every preset on every CPU.
 *
 *     enum {                          or #define; one for each field in CMX_BLOCK_CONFIGURE
 *         RELAY_CONNECTIONS_MAX = 2,
 *         RELAY_ORIGINS_MAX = CMX_DEFAULT_ORIGINS_MAX,
 *         ...
 *     };
 *     CMX_BLOCK(memory, CMX_CLIENT_BYTES(RELAY));
 *     ...
 *     cmx_config_preset(&config, CMX_PRESET_DEFAULT);
 *     CMX_BLOCK_CONFIGURE(&config, RELAY);
 */
#ifndef CHATMUX_BLOCK_H
#define CHATMUX_BLOCK_H

#include "chatmux/config.h"
#include "chatmux/limits.h"

/* What one row of each table costs, on CPUs with 64-bit and with 32-bit pointers, as measured by
 * tests/memory/test_block.c; tests/memory/renew_block.py puts its figures here. */
#define CMX_BLOCK_BY_POINTER(bytes64, bytes32) \
    ((size_t)(sizeof(void *) > 4 ? (bytes64) : (bytes32)))
#define CMX_BLOCK_FIXED_BYTES CMX_BLOCK_BY_POINTER(4493, 4281)
#define CMX_BLOCK_CONNECTION_BYTES CMX_BLOCK_BY_POINTER(1591, 1424)
#define CMX_BLOCK_ORIGIN_BYTES CMX_BLOCK_BY_POINTER(3176, 3119)
#define CMX_BLOCK_REQUEST_BYTES CMX_BLOCK_BY_POINTER(1232, 1028)
#define CMX_BLOCK_PAUSED_BYTES CMX_BLOCK_BY_POINTER(24, 20)
#define CMX_BLOCK_TARGET_BYTES CMX_BLOCK_BY_POINTER(232, 232)
#define CMX_BLOCK_ROUTED_BYTES CMX_BLOCK_BY_POINTER(16, 16) /* per request, with any target */
#define CMX_BLOCK_PRICE_BYTES CMX_BLOCK_BY_POINTER(160, 160)
#define CMX_BLOCK_MODEL_BYTES CMX_BLOCK_BY_POINTER(3400, 3400)
#define CMX_BLOCK_SPENDING_BYTES CMX_BLOCK_BY_POINTER(32, 32)    /* per model and origin */
#define CMX_BLOCK_FIGURES_BYTES CMX_BLOCK_BY_POINTER(3912, 3912) /* with any model */
#define CMX_BLOCK_ALERTS_BYTES CMX_BLOCK_BY_POINTER(2208, 2208)  /* with alert_p99_ms */

/* What ceilings of chatmux/limits.h add to such a row: nothing as they are by default. Of the
 * block, and of each origin, request, connection and name of a model. */
#define CMX_BLOCK_RAISED(bytes, by_default) \
    ((size_t)(bytes) == (by_default) ? (size_t)0 : ((size_t)(bytes) + 15) / 8 * 8 - (by_default))
#define CMX_BLOCK_RAISED_FIXED CMX_BLOCK_RAISED(2 * CMX_LIMIT_MESSAGE_BYTES, 384)
#define CMX_BLOCK_RAISED_ORIGIN                                                                \
    CMX_BLOCK_RAISED(CMX_LIMIT_KEY_BYTES + CMX_LIMIT_BASE_PATH_BYTES + CMX_LIMIT_QUERY_BYTES + \
                         CMX_LIMIT_AUTH_HEADER_BYTES + 6 * CMX_LIMIT_ORIGIN_HEADERS +          \
                         CMX_LIMIT_ORIGIN_HEADER_BYTES + CMX_LIMIT_PROXY_KEY_BYTES / 3 * 4,    \
                     1656)
#define CMX_BLOCK_RAISED_REQUEST CMX_BLOCK_RAISED(6 * CMX_LIMIT_CHOICES, 48)
#define CMX_BLOCK_RAISED_CONNECTION CMX_BLOCK_RAISED(33 * CMX_LIMIT_ADDRESSES, 264)
#define CMX_BLOCK_RAISED_MODEL CMX_BLOCK_RAISED(CMX_LIMIT_MODEL_BYTES, 128)

/* What nghttp2 and wolfSSL get: the arithmetic of src/client/layout.c. */
enum {
    CMX_BLOCK_RECORD_BYTES = 16384,                               /* plaintext of a TLS record */
    CMX_BLOCK_LIBRARIES_BYTES = 256,                              /* once */
    CMX_BLOCK_CONTEXT_BYTES = sizeof(void *) > 4 ? 2048 : 1408,   /* per origin */
    CMX_BLOCK_SESSION_BYTES = sizeof(void *) > 4 ? 43264 : 39040, /* per connection */
    CMX_BLOCK_QUEUED_BYTES = sizeof(void *) > 4 ? 176 : 112,      /* each frame that waits */
    CMX_BLOCK_QUEUED_MAX = CMX_LIMIT_UNSENT_HEADERS + 8,          /* of them, per connection */
    CMX_BLOCK_ACKS_MAX = 16,                                      /* on top of them */
    CMX_BLOCK_HEAD_BYTES = sizeof(void *) > 4 ? 640 : 448,        /* each request head that waits */
    CMX_BLOCK_HEADS_MAX = CMX_LIMIT_UNSENT_HEADERS,               /* of them, per connection */
    CMX_BLOCK_STREAM_BYTES = sizeof(void *) > 4 ? 224 : 144,      /* per request */
    CMX_BLOCK_TABLE_BYTES_MAX = 4096, /* header tables: a share of head_bytes_max, at most this */
    CMX_BLOCK_TABLE_SHARE = 16,
    CMX_BLOCK_TABLE_WHOLE_FROM = 16384,
    CMX_BLOCK_TABLE_FACTOR = sizeof(void *) > 4 ? 9 : 5,
    CMX_BLOCK_FRAGMENTED_PERCENT = 12, /* of all these */
    CMX_BLOCK_REGION_BYTES = sizeof(void *) > 4 ? 2560 : 1792,
    CMX_BLOCK_TOOL_CALL_BYTES = 16,
};

/* The bytes of a client whose fields are PREFIX_CONNECTIONS_MAX and so on; all others cost none. */
#define CMX_CLIENT_BYTES(PREFIX)                                                     \
    (CMX_BLOCK_FIXED_BYTES + CMX_BLOCK_RAISED_FIXED + CMX_BLOCK_ROWS_BYTES(PREFIX) + \
     CMX_BLOCK_BUFFERS_BYTES(PREFIX) + CMX_BLOCK_SHARED_BYTES(PREFIX) +              \
     CMX_BLOCK_FIGURED_BYTES(PREFIX) + CMX_BLOCK_WITH_LOSS(CMX_BLOCK_LIVE_BYTES(PREFIX)))

/* ---- parts of it ---- */

#define CMX_BLOCK_LESSER(a, b) ((size_t)(a) < (size_t)(b) ? (size_t)(a) : (size_t)(b))
#define CMX_BLOCK_PADDED(bytes) (((size_t)(bytes) + 15) / 16 * 16)

/* A pool of blocks: `count` of them, or one for each request if that is 0 or more. */
#define CMX_BLOCK_POOLED(PREFIX, count, bytes)                            \
    ((bytes) == 0 ? (size_t)0                                             \
                  : (CMX_BLOCK_PADDED(bytes) + 4) *                       \
                        ((count) == 0 ? (size_t)PREFIX##_REQUESTS_MAX + 1 \
                                      : CMX_BLOCK_LESSER(count, PREFIX##_REQUESTS_MAX + 1)))

#define CMX_BLOCK_ROWS_BYTES(PREFIX)                                                     \
    ((size_t)PREFIX##_CONNECTIONS_MAX *                                                  \
         (CMX_BLOCK_CONNECTION_BYTES + CMX_BLOCK_RAISED_CONNECTION) +                    \
     (size_t)PREFIX##_ORIGINS_MAX * (CMX_BLOCK_ORIGIN_BYTES + CMX_BLOCK_RAISED_ORIGIN) + \
     ((size_t)PREFIX##_REQUESTS_MAX + 1) *                                               \
         (CMX_BLOCK_REQUEST_BYTES + CMX_BLOCK_RAISED_REQUEST +                           \
          (PREFIX##_TARGETS_MAX > 0 ? CMX_BLOCK_ROUTED_BYTES : 0)) +                     \
     (size_t)PREFIX##_TARGETS_MAX * (CMX_BLOCK_TARGET_BYTES + CMX_BLOCK_RAISED_MODEL))

/* Of each connection, and what it takes to send. */
#define CMX_BLOCK_BUFFERS_BYTES(PREFIX)                                   \
    ((size_t)PREFIX##_CONNECTIONS_MAX *                                   \
         ((size_t)PREFIX##_READ_BYTES +                                   \
          CMX_BLOCK_LESSER(PREFIX##_READ_BYTES, CMX_BLOCK_RECORD_BYTES) + \
          (size_t)PREFIX##_WRITE_BYTES) +                                 \
     (size_t)PREFIX##_WRITE_BYTES + (size_t)PREFIX##_TRACE_BYTES)

/* Tails, shapes, tool calls, assembly buffers, what is kept of paused streams. */
#define CMX_BLOCK_SHARED_BYTES(PREFIX)                                                   \
    (CMX_BLOCK_POOLED(PREFIX, PREFIX##_TAILS_MAX, PREFIX##_TAIL_BYTES) +                 \
     CMX_BLOCK_POOLED(PREFIX, PREFIX##_SHAPES_MAX, PREFIX##_SHAPE_BYTES) +               \
     CMX_BLOCK_POOLED(PREFIX, PREFIX##_TOOL_TABLES_MAX,                                  \
                      PREFIX##_TOOL_CALLS_MAX * CMX_BLOCK_TOOL_CALL_BYTES) +             \
     (size_t)PREFIX##_EVENT_BUFFERS * (CMX_BLOCK_PADDED(PREFIX##_EVENT_BYTES_MAX) + 4) + \
     (size_t)PREFIX##_PAUSED_STREAMS_MAX *                                               \
         ((size_t)PREFIX##_STREAM_WINDOW_BYTES + CMX_BLOCK_PAUSED_BYTES))

/* Prices, counters and histograms. */
#define CMX_BLOCK_FIGURED_BYTES(PREFIX)                                                      \
    ((size_t)PREFIX##_PRICES_MAX * (CMX_BLOCK_PRICE_BYTES + CMX_BLOCK_RAISED_MODEL) +        \
     (size_t)PREFIX##_MODELS_MAX *                                                           \
         (CMX_BLOCK_MODEL_BYTES + (size_t)PREFIX##_ORIGINS_MAX * CMX_BLOCK_SPENDING_BYTES) + \
     (PREFIX##_MODELS_MAX > 0 ? CMX_BLOCK_FIGURES_BYTES : 0) +                               \
     (PREFIX##_ALERT_P99_MS > 0 ? CMX_BLOCK_ALERTS_BYTES : 0))

/* What lives in the region of the libraries when all that may happen does at once. */
#define CMX_BLOCK_LIVE_BYTES(PREFIX)                                                               \
    (CMX_BLOCK_LESSER(PREFIX##_WRITE_BYTES, CMX_BLOCK_RECORD_BYTES) + CMX_BLOCK_LIBRARIES_BYTES +  \
     (size_t)PREFIX##_ORIGINS_MAX * CMX_BLOCK_CONTEXT_BYTES + (size_t)PREFIX##_TRUST_BYTES +       \
     (size_t)PREFIX##_CONNECTIONS_MAX *                                                            \
         (CMX_BLOCK_SESSION_BYTES + CMX_BLOCK_TABLES_BYTES(PREFIX) +                               \
          CMX_BLOCK_WAIT_BYTES(PREFIX)) +                                                          \
     (size_t)PREFIX##_REQUESTS_MAX * CMX_BLOCK_STREAM_BYTES +                                      \
     CMX_BLOCK_LESSER(PREFIX##_CONNECTIONS_MAX * CMX_BLOCK_HEADS(PREFIX), PREFIX##_REQUESTS_MAX) * \
         CMX_BLOCK_HEAD_BYTES)

#define CMX_BLOCK_WITH_LOSS(bytes) \
    ((bytes) + ((bytes) / 100 + 1) * CMX_BLOCK_FRAGMENTED_PERCENT + CMX_BLOCK_REGION_BYTES)

#define CMX_BLOCK_TABLES_BYTES(PREFIX)                              \
    (((size_t)PREFIX##_HEAD_BYTES_MAX < CMX_BLOCK_TABLE_WHOLE_FROM  \
          ? (size_t)PREFIX##_HEAD_BYTES_MAX / CMX_BLOCK_TABLE_SHARE \
          : (size_t)CMX_BLOCK_TABLE_BYTES_MAX) *                    \
     CMX_BLOCK_TABLE_FACTOR)

#define CMX_BLOCK_HEADS(PREFIX) \
    CMX_BLOCK_LESSER((PREFIX##_REQUESTS_MAX + 1) / 2, CMX_BLOCK_HEADS_MAX)

#define CMX_BLOCK_WAIT_BYTES(PREFIX)                                     \
    ((CMX_BLOCK_LESSER(2 * PREFIX##_REQUESTS_MAX,                        \
                       CMX_BLOCK_QUEUED_MAX - CMX_BLOCK_HEADS(PREFIX)) + \
      CMX_BLOCK_ACKS_MAX) *                                              \
     CMX_BLOCK_QUEUED_BYTES)

/* Puts the same constants into a configuration, so that block and client agree. */
#define CMX_BLOCK_CONFIGURE(config, PREFIX)                                  \
    ((config)->connections_max = (uint32_t)PREFIX##_CONNECTIONS_MAX,         \
     (config)->origins_max = (uint32_t)PREFIX##_ORIGINS_MAX,                 \
     (config)->requests_max = (uint32_t)PREFIX##_REQUESTS_MAX,               \
     (config)->stream_window_bytes = (uint32_t)PREFIX##_STREAM_WINDOW_BYTES, \
     (config)->head_bytes_max = (uint32_t)PREFIX##_HEAD_BYTES_MAX,           \
     (config)->read_bytes = (uint32_t)PREFIX##_READ_BYTES,                   \
     (config)->write_bytes = (uint32_t)PREFIX##_WRITE_BYTES,                 \
     (config)->tail_bytes = (uint32_t)PREFIX##_TAIL_BYTES,                   \
     (config)->tails_max = (uint32_t)PREFIX##_TAILS_MAX,                     \
     (config)->shape_bytes = (uint32_t)PREFIX##_SHAPE_BYTES,                 \
     (config)->shapes_max = (uint32_t)PREFIX##_SHAPES_MAX,                   \
     (config)->event_bytes_max = (uint32_t)PREFIX##_EVENT_BYTES_MAX,         \
     (config)->event_buffers = (uint32_t)PREFIX##_EVENT_BUFFERS,             \
     (config)->tool_calls_max = (uint32_t)PREFIX##_TOOL_CALLS_MAX,           \
     (config)->tool_tables_max = (uint32_t)PREFIX##_TOOL_TABLES_MAX,         \
     (config)->trace_bytes = (uint32_t)PREFIX##_TRACE_BYTES,                 \
     (config)->trust_bytes = (uint32_t)PREFIX##_TRUST_BYTES,                 \
     (config)->paused_streams_max = (uint32_t)PREFIX##_PAUSED_STREAMS_MAX,   \
     (config)->targets_max = (uint32_t)PREFIX##_TARGETS_MAX,                 \
     (config)->prices_max = (uint32_t)PREFIX##_PRICES_MAX,                   \
     (config)->models_max = (uint32_t)PREFIX##_MODELS_MAX,                   \
     (config)->alert_p99_ms = (uint32_t)PREFIX##_ALERT_P99_MS)

/* ---- the presets: as far as the ceilings of chatmux/limits.h allow ---- */

#define CMX_BLOCK_AT_MOST(limit, wanted) ((limit) < (wanted) ? (limit) : (wanted))

enum {
    CMX_TINY_CONNECTIONS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_CONNECTIONS, 1),
    CMX_TINY_ORIGINS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_ORIGINS, 1),
    CMX_TINY_REQUESTS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_REQUESTS, 8),
    CMX_TINY_STREAM_WINDOW_BYTES = 1024,
    CMX_TINY_HEAD_BYTES_MAX = 4096,
    CMX_TINY_READ_BYTES = 2048,
    CMX_TINY_WRITE_BYTES = 2048,
    CMX_TINY_TAIL_BYTES = 512,
    CMX_TINY_TAILS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_REQUESTS, 8),
    CMX_TINY_SHAPE_BYTES = 256,
    CMX_TINY_SHAPES_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_REQUESTS, 2),
    CMX_TINY_EVENT_BYTES_MAX = 4096,
    CMX_TINY_EVENT_BUFFERS = 1,
    CMX_TINY_TOOL_CALLS_MAX = 8,
    CMX_TINY_TOOL_TABLES_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_REQUESTS, 2),
    CMX_TINY_TRACE_BYTES = 0,
    CMX_TINY_TRUST_BYTES = 3072,
    CMX_TINY_PAUSED_STREAMS_MAX = 1,
    CMX_TINY_TARGETS_MAX = 0,
    CMX_TINY_PRICES_MAX = 0,
    CMX_TINY_MODELS_MAX = 0,
    CMX_TINY_ALERT_P99_MS = 0,
};

enum {
    CMX_DEFAULT_CONNECTIONS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_CONNECTIONS, 4),
    CMX_DEFAULT_ORIGINS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_ORIGINS, 4),
    CMX_DEFAULT_REQUESTS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_REQUESTS, 256),
    CMX_DEFAULT_STREAM_WINDOW_BYTES = 16384,
    CMX_DEFAULT_HEAD_BYTES_MAX = 16384,
    CMX_DEFAULT_READ_BYTES = 16384,
    CMX_DEFAULT_WRITE_BYTES = 16384,
    CMX_DEFAULT_TAIL_BYTES = 1024,
    CMX_DEFAULT_TAILS_MAX = 0,
    CMX_DEFAULT_SHAPE_BYTES = 384,
    CMX_DEFAULT_SHAPES_MAX = 0,
    CMX_DEFAULT_EVENT_BYTES_MAX = 16384,
    CMX_DEFAULT_EVENT_BUFFERS = 16,
    CMX_DEFAULT_TOOL_CALLS_MAX = 16,
    CMX_DEFAULT_TOOL_TABLES_MAX = 0,
    CMX_DEFAULT_TRACE_BYTES = 0,
    CMX_DEFAULT_TRUST_BYTES = 128 * 1024,
    CMX_DEFAULT_PAUSED_STREAMS_MAX = 8,
    CMX_DEFAULT_TARGETS_MAX = 8,
    CMX_DEFAULT_PRICES_MAX = 16,
    CMX_DEFAULT_MODELS_MAX = 4,
    CMX_DEFAULT_ALERT_P99_MS = 0,
};

/* Defines the constants of PREFIX: those of CMX_DEFAULT but for two. */
#define CMX_BLOCK_SCALED(PREFIX, connections, requests)                                   \
    enum {                                                                                \
        PREFIX##_CONNECTIONS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_CONNECTIONS, connections), \
        PREFIX##_REQUESTS_MAX = CMX_BLOCK_AT_MOST(CMX_LIMIT_REQUESTS, requests),          \
        PREFIX##_ORIGINS_MAX = CMX_DEFAULT_ORIGINS_MAX,                                   \
        PREFIX##_STREAM_WINDOW_BYTES = CMX_DEFAULT_STREAM_WINDOW_BYTES,                   \
        PREFIX##_HEAD_BYTES_MAX = CMX_DEFAULT_HEAD_BYTES_MAX,                             \
        PREFIX##_READ_BYTES = CMX_DEFAULT_READ_BYTES,                                     \
        PREFIX##_WRITE_BYTES = CMX_DEFAULT_WRITE_BYTES,                                   \
        PREFIX##_TAIL_BYTES = CMX_DEFAULT_TAIL_BYTES,                                     \
        PREFIX##_TAILS_MAX = CMX_DEFAULT_TAILS_MAX,                                       \
        PREFIX##_SHAPE_BYTES = CMX_DEFAULT_SHAPE_BYTES,                                   \
        PREFIX##_SHAPES_MAX = CMX_DEFAULT_SHAPES_MAX,                                     \
        PREFIX##_EVENT_BYTES_MAX = CMX_DEFAULT_EVENT_BYTES_MAX,                           \
        PREFIX##_EVENT_BUFFERS = CMX_DEFAULT_EVENT_BUFFERS,                               \
        PREFIX##_TOOL_CALLS_MAX = CMX_DEFAULT_TOOL_CALLS_MAX,                             \
        PREFIX##_TOOL_TABLES_MAX = CMX_DEFAULT_TOOL_TABLES_MAX,                           \
        PREFIX##_TRACE_BYTES = CMX_DEFAULT_TRACE_BYTES,                                   \
        PREFIX##_TRUST_BYTES = CMX_DEFAULT_TRUST_BYTES,                                   \
        PREFIX##_PAUSED_STREAMS_MAX = CMX_DEFAULT_PAUSED_STREAMS_MAX,                     \
        PREFIX##_TARGETS_MAX = CMX_DEFAULT_TARGETS_MAX,                                   \
        PREFIX##_PRICES_MAX = CMX_DEFAULT_PRICES_MAX,                                     \
        PREFIX##_MODELS_MAX = CMX_DEFAULT_MODELS_MAX,                                     \
        PREFIX##_ALERT_P99_MS = CMX_DEFAULT_ALERT_P99_MS,                                 \
    }

CMX_BLOCK_SCALED(CMX_DEVELOPMENT, 1, 64);
CMX_BLOCK_SCALED(CMX_STARTUP, 2, 128);
CMX_BLOCK_SCALED(CMX_GROWTH, 2, 256);
CMX_BLOCK_SCALED(CMX_ENTERPRISE, 4, 1024);

#endif
