/* SPDX-License-Identifier: MIT */
/*
 * What can be seen of requests that wait and of an origin's limits. It changes nothing.
 */
#include "client/target.h"

#include "base/words.h"
#include "pool/origins.h"

/* In the order of enum cmx_waiting, and what is none of it. */
static const char names[] = "NOT\0"
                            "CONNECTION\0"
                            "BACKOFF\0"
                            "STREAMS\0"
                            "CONNECTIONS\0"
                            "RATE_LIMIT\0"
                            "RETRY\0"
                            "TARGETS\0"
                            "UNKNOWN";

const char *cmx_waiting_name(enum cmx_waiting waiting)
{
    /* The value comes from the caller: it may be anything. */
    size_t index = (size_t)waiting;
    return cmx_words_at(names, index < CMX_WAITING_COUNT ? index : CMX_WAITING_COUNT);
}

enum cmx_waiting cmx_client_waiting(const cmx_client *client, cmx_id id)
{
    uint16_t index = cmx_slot_find(&client->pool.slots, id);
    if (index == CMX_SLOT_NONE) {
        return CMX_WAITING_NOT;
    }
    switch ((enum cmx_call_phase)client->calls[index].phase) {
    case CMX_CALL_AWAIT_TURN:
        return CMX_WAITING_RATE_LIMIT;
    case CMX_CALL_AWAIT_TARGET:
        return CMX_WAITING_TARGETS;
    case CMX_CALL_AWAIT_RETRY:
        return cmx_target_due_ms(client, index) > client->now_ms ? CMX_WAITING_TARGETS
                                                                 : CMX_WAITING_RETRY;
    case CMX_CALL_AWAIT_START:
        return cmx_pool_waiting(&client->pool, index);
    case CMX_CALL_AWAIT_HEAD:
    case CMX_CALL_AWAIT_TOKEN:
    case CMX_CALL_AWAIT_MORE:
    case CMX_CALL_AWAIT_END:
    case CMX_CALL_FINISHED:
        return CMX_WAITING_NOT;
    }
    CMX_UNREACHABLE();
}

int cmx_client_limits(const cmx_client *client, cmx_origin_id origin, cmx_limit_state *state)
{
    uint32_t index = cmx_origins_find(&client->pool, origin);
    if (index == CMX_ORIGINS_NONE) {
        return CMX_ERR_ARGUMENT;
    }
    const cmx_lane *lane = &client->lanes[index];
    uint64_t now_ms = client->port->now_ms(client->port_state);
    uint64_t gate_ms = cmx_gate_closed_until_ms(&client->gate, index, now_ms);
    cmx_limiter_state seen;
    cmx_limiter_look(&lane->limiter, now_ms, &seen);
    *state = (cmx_limit_state){
        .running = seen.running,
        .queued = lane->waiting,
        .reservoir = seen.reservoir,
        .requests_remaining = lane->requests_left,
        .tokens_remaining = lane->tokens_left,
        .gate_ms = gate_ms > now_ms ? gate_ms - now_ms : 0,
    };
    /* Of a request that costs next to nothing; UINT64_MAX = when one has ended. */
    (void)cmx_limiter_why(&lane->limiter, 0, now_ms, &state->next_start_ms);
    return CMX_OK;
}
