/* SPDX-License-Identifier: MIT */
/*
 * Two clocks: the caller's, and one that stands still while input waits to be pulled. Silence is
 * measured on the second, because the proof of life may be what lies unread. A PING that was asked
 * for keeps its deadline when the last stream ends: else a dead connection would look fresh to the
 * next one.
 */
#include "pool/health.h"

#include "wire/h2_stream.h"

/* gRPC's spelling, which servers send as debug data. */
#define TOO_MANY_PINGS "too_many_pings"

static uint32_t doubled(uint32_t value_ms)
{
    if (value_ms >= CMX_HEALTH_PING_IDLE_MAX_MS) {
        return value_ms;
    }
    uint32_t twice_ms = value_ms * 2; /* below the maximum: cannot wrap */
    return twice_ms < CMX_HEALTH_PING_IDLE_MAX_MS ? twice_ms : CMX_HEALTH_PING_IDLE_MAX_MS;
}

static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

static void note_received(cmx_health *health, const cmx_health_seen *seen, uint64_t clock_ms)
{
    if (seen->rx_bytes == health->rx_bytes && seen->pings_acked == health->pings_acked) {
        return;
    }
    health->rx_bytes = seen->rx_bytes;
    health->pings_acked = seen->pings_acked;
    health->heard_ms = clock_ms;
    health->ping_open = false;
    health->state = CMX_HEALTH_GOOD;
}

/* When a PING is due if nothing is received. Streams that come and go do not put it off for ever:
 * the last receive counts, too. */
static uint64_t ping_ms(const cmx_health *health, const cmx_health_limits *limits)
{
    uint32_t longer_ms =
        limits->probe_idle_ms > limits->ping_idle_ms ? limits->probe_idle_ms : limits->ping_idle_ms;
    uint64_t quiet_ms = later(health->heard_ms, health->begun_ms) + limits->ping_idle_ms;
    uint64_t silent_ms = health->heard_ms + longer_ms;
    return quiet_ms < silent_ms ? quiet_ms : silent_ms;
}

/* When the next thing happens if nothing is received, on the second clock. */
static uint64_t next_ms(const cmx_health *health, const cmx_health_limits *limits)
{
    if (!health->ping_open) {
        return health->streams > 0 ? ping_ms(health, limits) : UINT64_MAX;
    }
    uint32_t wait_ms =
        health->state == CMX_HEALTH_GOOD ? limits->ping_timeout_ms / 2 : limits->ping_timeout_ms;
    return health->pinged_ms + wait_ms;
}

static enum cmx_health_action judge(cmx_health *health, const cmx_health_limits *limits,
                                    uint64_t clock_ms)
{
    if (clock_ms - health->pinged_ms >= limits->ping_timeout_ms) {
        health->state = CMX_HEALTH_DEAD;
        return CMX_HEALTH_MARK_DEAD;
    }
    if (health->state == CMX_HEALTH_GOOD &&
        clock_ms - health->pinged_ms >= limits->ping_timeout_ms / 2) {
        health->state = CMX_HEALTH_SUSPECT;
        return CMX_HEALTH_MARK_SUSPECT;
    }
    return CMX_HEALTH_NONE;
}

void cmx_health_init(cmx_health *health, const cmx_health_seen *seen)
{
    *health = (cmx_health){
        .heard_ms = seen->now_ms - seen->unread_ms,
        .rx_bytes = seen->rx_bytes,
        .pings_acked = seen->pings_acked,
        .streams = seen->streams,
        .state = CMX_HEALTH_GOOD,
    };
}

enum cmx_health_action cmx_health_step(cmx_health *health, const cmx_health_limits *limits,
                                       const cmx_health_seen *seen, uint64_t *due_ms)
{
    CMX_ASSERT(seen->unread_ms <= seen->now_ms);
    uint64_t clock_ms = seen->now_ms - seen->unread_ms;

    *due_ms = UINT64_MAX;
    if (health->state == CMX_HEALTH_DEAD) {
        return CMX_HEALTH_NONE;
    }
    note_received(health, seen, clock_ms);
    bool first = health->streams == 0 && seen->streams > 0;
    health->streams = seen->streams;
    if (first) {
        health->begun_ms = clock_ms;
    }

    enum cmx_health_action action = CMX_HEALTH_NONE;
    bool stale = first && clock_ms - health->heard_ms >= limits->probe_idle_ms;
    if (seen->input_waits) {
        action = CMX_HEALTH_NONE;
    } else if (health->ping_open) {
        action = judge(health, limits, clock_ms);
    } else if (seen->streams > 0 && (stale || clock_ms >= ping_ms(health, limits))) {
        health->ping_open = true;
        health->pinged_ms = clock_ms;
        action = CMX_HEALTH_SEND_PING;
    }
    /* With input that waits nothing is due: pulling it changes something. */
    if (health->state != CMX_HEALTH_DEAD && !seen->input_waits) {
        uint64_t due = next_ms(health, limits);
        *due_ms = due == UINT64_MAX ? due : later(due + seen->unread_ms, seen->now_ms);
    }
    return action;
}

bool cmx_health_is_complaint(uint32_t h2_error, cmx_view debug_data)
{
    return h2_error == CMX_H2_ENHANCE_YOUR_CALM &&
           cmx_view_equal(debug_data, CMX_VIEW_LITERAL(TOO_MANY_PINGS));
}

void cmx_health_calm(cmx_health_limits *limits)
{
    limits->ping_idle_ms = doubled(limits->ping_idle_ms);
    limits->probe_idle_ms = doubled(limits->probe_idle_ms);
}
