/* SPDX-License-Identifier: MIT */
/*
 * The client's own state: everything else of this folder works on it. Only types.
 */
#ifndef CMX_CLIENT_STATE_H
#define CMX_CLIENT_STATE_H

#include "base/blocks.h"
#include "base/lines.h"
#include "base/region.h"
#include "base/timerq.h"
#include "chatmux/client.h"
#include "client/call.h"
#include "pool/pool.h"

struct cmx_client {
    cmx_config config;    /* copied; never changes */
    const cmx_port *port; /* borrowed until deinit */
    void *port_state;     /* in the block */
    void *memory;         /* the block, to be wiped */
    size_t memory_bytes;  /* of it that are used */
    cmx_region *region;   /* of nghttp2 and wolfSSL */
    cmx_h2_library h2_library;
    cmx_blocks event_blocks; /* for events that outgrow a tail */
    cmx_lines lines;         /* of the trace; without memory if there is none */
    cmx_trace_hook hook;     /* takes the lines; NULL = nobody */
    void *hook_user;         /* the caller's */
    cmx_pool pool;
    cmx_call *calls;        /* one per slot, same index */
    uint8_t *tails;         /* tail_bytes per slot */
    uint8_t *shapes;        /* shape_bytes per slot */
    cmx_answer_tool *tools; /* tool_calls_max per slot */
    cmx_timerq timers;      /* of the calls */
    uint64_t now_ms;        /* the port's clock, as of the last tick or pull */

    uint16_t finished_first; /* calls whose DONE was not delivered, oldest first */
    uint16_t finished_last;
    uint16_t decoding; /* call whose decoder has a chunk, or CMX_SLOT_NONE */
    uint16_t lent;     /* call whose DONE event is lent, or CMX_SLOT_NONE */
    uint32_t live;     /* calls whose DONE was not delivered: 0..requests_max */
    uint32_t origins;  /* rows in use */
    int woken;         /* set by any thread, see cmx_client_wakeup() */
    cmx_stats stats;   /* counters; the rest is filled on request */
};

/* Reads the clock: once a tick and before each pull, since the caller may have taken its time. */
static inline void cmx_state_read_clock(cmx_client *client)
{
    client->now_ms = client->port->now_ms(client->port_state);
}

/* Unread time of the connection that a call is on: see cmx_pool_unread_ms(). */
static inline uint64_t cmx_state_unread_ms(const cmx_client *client, uint16_t index)
{
    return cmx_pool_unread_ms(&client->pool, index, client->now_ms);
}

#endif
