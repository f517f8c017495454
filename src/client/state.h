/* SPDX-License-Identifier: MIT */
/*
 * The client's own state: everything else of this folder works on it; and what nearly all of it
 * asks of that state.
 */
#ifndef CMX_CLIENT_STATE_H
#define CMX_CLIENT_STATE_H

#include "base/blocks.h"
#include "base/histogram.h"
#include "base/lines.h"
#include "base/region.h"
#include "base/timerq.h"
#include "chatmux/route.h"
#include "chatmux/stats.h"
#include "client/call.h"
#include "policy/alert.h"
#include "policy/cost.h"
#include "policy/gate.h"
#include "policy/limiter.h"
#include "policy/meter.h"
#include "policy/retry.h"
#include "policy/route.h"
#include "pool/pool.h"

enum { CMX_STATE_GATES_MAX = 16 }; /* models that were told 429 lately, all origins */

/* What one origin may be asked now; same index as its row. */
typedef struct cmx_lane {
    uint32_t waiting;       /* calls in AWAIT_TURN */
    uint32_t requests_left; /* as the server said last; UINT32_MAX = it did not */
    uint32_t tokens_left;
    cmx_limiter limiter;
    cmx_retry_budget budget;
} cmx_lane;

/* Calls by index, oldest first; linked by `next`. */
typedef struct cmx_call_list {
    uint16_t first; /* CMX_SLOT_NONE = empty */
    uint16_t last;
} cmx_call_list;
enum { CMX_PAUSE_ROWS_MAX = 64 }; /* paused_streams_max is at most so many */

/* A request that is paused, or was and is not up to date yet: see client/pause.h. */
typedef struct cmx_pause_row {
    uint8_t *block; /* borrowed: stream_window_bytes */
    uint32_t len;   /* bytes kept; credited to the stream when all of them were used up */
    uint32_t fed;   /* of these, handed to the decoder or the caller */
    uint16_t slot;  /* CMX_SLOT_NONE = the row is free */
    bool paused;    /* else it waits to be pulled */
    bool begun;     /* the decoder was stopped inside of a chunk */
    bool ended;     /* its stream's END was taken and waits */
} cmx_pause_row;

typedef struct cmx_pause_table {
    cmx_pause_row *rows; /* borrowed */
    uint32_t count;      /* paused_streams_max */
    uint32_t paused;     /* rows that are paused */
    uint32_t waiting;    /* rows in use that are not: the next pulls are theirs */
} cmx_pause_table;

/* What a target is beside its row in the route: see client/target.h. */
typedef struct cmx_target_name {
    uint32_t hash;       /* of the model, as gates know it */
    uint64_t started;    /* attempts sent there */
    uint32_t generation; /* part of the id; grows when the row is used again */
    uint8_t origin;      /* row; valid unless removed */
    char model[CMX_TARGET_MODEL_BYTES_MAX + 1];
} cmx_target_name;

/* How a call is routed. */
typedef struct cmx_target_call {
    uint64_t tried;     /* targets that failed it, bit per row */
    cmx_origin_id from; /* of the attempt before */
    uint8_t target;     /* row; valid if routed */
    uint8_t tier;
    bool routed; /* else nothing else counts */
    bool chosen; /* for the next attempt, or the one under way */
} cmx_target_call;

typedef struct cmx_target_table {
    cmx_route route;
    cmx_target_name *names; /* same index as the route's rows */
    cmx_target_call *calls; /* one per slot; NULL = there are no targets */
} cmx_target_table;

/* Times of all requests together, whichever model. */
typedef struct cmx_figures {
    cmx_histogram total;
    cmx_histogram head;
    cmx_histogram first_token;
    cmx_histogram per_token;
} cmx_figures;

/* Alerts and the budget: see client/warn.h. */
typedef struct cmx_warn_state {
    cmx_alert_watch watch;
    uint64_t due_ms;   /* when to look at it; UINT64_MAX = when something happened */
    uint64_t budget;   /* picodollars; UINT64_MAX = none */
    bool is_on;        /* the configuration has a threshold */
    bool budget_stops; /* no new chats once it is used up */
    bool budget_told;
} cmx_warn_state;

/* What most functions use comes first: short offsets make short code. */
struct cmx_client {
    uint64_t now_ms;      /* the port's clock, as of the last tick or pull */
    cmx_call *calls;      /* one per slot, same index */
    cmx_lane *lanes;      /* one per origin */
    const cmx_port *port; /* borrowed until deinit */
    void *port_state;     /* in the block */

    uint16_t decoding;      /* call whose decoder has a chunk, or CMX_SLOT_NONE */
    uint16_t lent;          /* call whose DONE event is lent, or CMX_SLOT_NONE */
    cmx_call_list finished; /* calls whose DONE was not delivered */
    cmx_call_list told;     /* calls whose RETRY was not delivered */
    cmx_call_list turns;    /* calls in AWAIT_TURN; linked by `prev`, too */
    uint32_t live;          /* calls whose DONE was not delivered: 0..requests_max */
    bool turns_changed;
    bool draining; /* nothing is accepted any more */
    cmx_target_table targets;
    cmx_pool pool;
    cmx_pause_table pauses;
    cmx_timerq timers;     /* of the calls */
    cmx_figures *figures;  /* NULL = nothing is measured: models_max is 0 */
    cmx_meter meter;       /* by model */
    uint64_t turns_due_ms; /* none of them can start before, unless `turns_changed` */
    uint64_t drain_due_ms; /* who has not ended by then is ended; valid while draining */
    int woken;             /* set by any thread, see cmx_client_wakeup() */
    cmx_cost_table prices;
    cmx_gate gate;
    cmx_region *region;  /* of nghttp2 and wolfSSL */
    void *memory;        /* the block, to be wiped */
    size_t memory_bytes; /* of it that are used */

    cmx_config config; /* copied; never changes */
    cmx_h2_library h2_library;
    cmx_blocks event_blocks; /* for events that outgrow a tail */
    cmx_blocks tails;        /* of tail_bytes, for split events */
    cmx_blocks shapes;       /* of shape_bytes */
    cmx_blocks tools;        /* of tool_calls_max rows */
    cmx_lines lines;         /* of the trace; without memory if there is none */
    cmx_trace_hook hook;     /* takes the lines; NULL = nobody */
    void *hook_user;         /* the caller's */
    cmx_warn_state warn;
    cmx_gate_row gate_rows[CMX_STATE_GATES_MAX];
    cmx_answer_notes notes; /* messages of errors */
    cmx_stats stats;        /* counters; the rest is filled on request */
};

/* Reads the clock: once a tick and before an event's first pull, since the caller may have taken
 * its time. */
void cmx_state_read_clock(cmx_client *client);

/* Returns the id of the origin that a call is at, or was last. */
cmx_origin_id cmx_state_origin_id(const cmx_client *client, uint16_t index);

/* Unread time of the connection that a call is on: see cmx_pool_unread_ms(). */
static inline uint64_t cmx_state_unread_ms(const cmx_client *client, uint16_t index)
{
    return cmx_pool_unread_ms(&client->pool, index, client->now_ms);
}

#endif
