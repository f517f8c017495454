/* SPDX-License-Identifier: MIT */
/*
 * Each term says how long it would hold a request; the longest wins. Terms only loosen while time
 * passes and nobody is admitted, so after that wait all of them agree. Nothing is taken before all
 * have agreed.
 */
#include "policy/limiter.h"

enum {
    PENALTY_SPACINGS = 15,     /* Bottleneck's penalty without a given one, in spacings ... */
    PENALTY_DEFAULT_MS = 5000, /* ... and without spacing */
};

_Static_assert(sizeof(cmx_limiter) <= 256, "one for each origin, on small devices");

static bool has_window(const cmx_limiter *limiter, uint64_t now_ms)
{
    return limiter->refresh_ms > now_ms;
}

/* The reservoir as a request would find it now: refilled if its window is over. */
static uint32_t reservoir_at(const cmx_limiter *limiter, uint64_t now_ms)
{
    bool refilled = limiter->refresh_ms != 0 && !has_window(limiter, now_ms);
    return refilled ? limiter->limits.refresh_amount : limiter->reservoir;
}

static uint64_t penalty_ms(const cmx_rate_limits *limits)
{
    if (limits->penalty_ms > 0) {
        return limits->penalty_ms;
    }
    return limits->min_time_ms > 0 ? (uint64_t)limits->min_time_ms * PENALTY_SPACINGS
                                   : PENALTY_DEFAULT_MS;
}

static uint64_t until(uint64_t due_ms, uint64_t now_ms)
{
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

static void take_from_reservoir(cmx_limiter *limiter, uint64_t now_ms)
{
    if (limiter->limits.reservoir == 0) {
        return;
    }
    limiter->reservoir = reservoir_at(limiter, now_ms) - 1;
    if (!has_window(limiter, now_ms)) {
        limiter->refresh_ms = now_ms + limiter->limits.refresh_interval_ms;
    }
}

int cmx_limiter_check_limits(const cmx_rate_limits *limits, const char **bad_field)
{
    const char *bad = NULL; /* judged from last to first, so that the first stays */

    if (limits->tokens_burst > 0 && limits->tokens_per_min == 0) {
        bad = "tokens_burst";
    }
    if (limits->spread && limits->requests_per_min == 0) {
        bad = "spread";
    }
    if (limits->requests_burst > 0 && limits->requests_per_min == 0) {
        bad = "requests_burst";
    }
    if (limits->strategy != CMX_STRATEGY_OVERFLOW && limits->strategy != CMX_STRATEGY_LEAK &&
        limits->strategy != CMX_STRATEGY_BLOCK) {
        bad = "strategy";
    }
    if (limits->reservoir > 0 && limits->refresh_interval_ms == 0) {
        bad = "refresh_interval_ms";
    }
    if (limits->reservoir > 0 && limits->refresh_amount == 0) {
        bad = "refresh_amount";
    }
    *bad_field = bad;
    return bad == NULL ? CMX_OK : CMX_ERR_CONFIG;
}

void cmx_limiter_init(cmx_limiter *limiter, const cmx_rate_limits *limits, uint64_t now_ms)
{
    *limiter = (cmx_limiter){.limits = *limits, .reservoir = limits->reservoir};
    cmx_bucket_init(&limiter->requests, limits->requests_per_min,
                    limits->spread ? 1 : limits->requests_burst, now_ms);
    cmx_bucket_init(&limiter->tokens, limits->tokens_per_min, limits->tokens_burst, now_ms);
}

enum cmx_limiter_reason cmx_limiter_why(const cmx_limiter *limiter, uint32_t cost_tokens,
                                        uint64_t now_ms, uint64_t *wait_ms)
{
    const cmx_rate_limits *limits = &limiter->limits;
    bool full = limits->max_concurrent > 0 && limiter->running >= limits->max_concurrent;
    bool dry = limits->reservoir > 0 && reservoir_at(limiter, now_ms) == 0;
    const uint64_t waits_ms[] = {
        [CMX_LIMITER_FREE] = 0,
        [CMX_LIMITER_BLOCKED] = until(limiter->blocked_until_ms, now_ms),
        [CMX_LIMITER_MIN_TIME] = until(limiter->next_ms, now_ms),
        [CMX_LIMITER_CONCURRENCY] = full ? UINT64_MAX : 0,
        [CMX_LIMITER_RESERVOIR] = dry ? until(limiter->refresh_ms, now_ms) : 0,
        [CMX_LIMITER_REQUESTS] = cmx_bucket_wait_ms(&limiter->requests, 1, now_ms),
        [CMX_LIMITER_TOKENS] = cmx_bucket_wait_ms(&limiter->tokens, cost_tokens, now_ms),
    };
    unsigned longest = CMX_LIMITER_FREE;

    for (unsigned i = CMX_LIMITER_BLOCKED; i < CMX_ARRAY_LEN(waits_ms); i++) {
        longest = waits_ms[i] > waits_ms[longest] ? i : longest;
    }
    *wait_ms = waits_ms[longest];
    return (enum cmx_limiter_reason)longest;
}

enum cmx_limiter_decision cmx_limiter_enqueue(cmx_limiter *limiter, uint32_t queued,
                                              uint32_t cost_tokens, uint64_t now_ms)
{
    const cmx_rate_limits *limits = &limiter->limits;
    uint64_t wait_ms = 0;

    if (now_ms < limiter->blocked_until_ms) {
        return CMX_LIMITER_REFUSE;
    }
    if (limits->high_water == 0 || queued < limits->high_water ||
        !cmx_bucket_can_fit(&limiter->tokens, cost_tokens)) {
        return CMX_LIMITER_ACCEPT; /* what never fits is told by cmx_limiter_admit() */
    }
    if (cmx_limiter_why(limiter, cost_tokens, now_ms, &wait_ms) == CMX_LIMITER_FREE) {
        return CMX_LIMITER_ACCEPT;
    }
    switch (limits->strategy) {
    case CMX_STRATEGY_OVERFLOW:
        return CMX_LIMITER_REFUSE;
    case CMX_STRATEGY_LEAK:
        return CMX_LIMITER_DROP_OLDEST;
    case CMX_STRATEGY_BLOCK:
        limiter->blocked_until_ms = now_ms + penalty_ms(limits);
        return CMX_LIMITER_REFUSE_ALL;
    }
    CMX_UNREACHABLE();
}

int cmx_limiter_admit(cmx_limiter *limiter, uint32_t cost_tokens, uint64_t now_ms,
                      uint64_t *wait_ms)
{
    *wait_ms = 0;
    if (!cmx_bucket_can_fit(&limiter->tokens, cost_tokens)) {
        return CMX_ERR_RATE;
    }
    if (cmx_limiter_why(limiter, cost_tokens, now_ms, wait_ms) != CMX_LIMITER_FREE) {
        return CMX_AGAIN;
    }
    cmx_bucket_take(&limiter->requests, 1, now_ms);
    cmx_bucket_take(&limiter->tokens, cost_tokens, now_ms);
    take_from_reservoir(limiter, now_ms);
    limiter->next_ms = now_ms + limiter->limits.min_time_ms;
    limiter->running++;
    return CMX_OK;
}

void cmx_limiter_end(cmx_limiter *limiter, uint32_t reserved_tokens, uint32_t used_tokens,
                     uint64_t now_ms)
{
    CMX_ASSERT(limiter->running > 0);
    limiter->running--;
    cmx_bucket_refund(&limiter->tokens, (int64_t)reserved_tokens - (int64_t)used_tokens, now_ms);
}

void cmx_limiter_undo(cmx_limiter *limiter, uint32_t reserved_tokens, uint64_t admitted_ms,
                      uint64_t now_ms)
{
    const cmx_rate_limits *limits = &limiter->limits;

    cmx_limiter_end(limiter, reserved_tokens, 0, now_ms);
    cmx_bucket_refund(&limiter->requests, 1, now_ms);
    /* Nothing is missing in a window that began after the admission, or that is over. */
    if (limits->reservoir > 0 && has_window(limiter, now_ms) &&
        admitted_ms + limits->refresh_interval_ms >= limiter->refresh_ms) {
        limiter->reservoir++;
    }
}

void cmx_limiter_on_headers(cmx_limiter *limiter, const cmx_limiter_said *requests,
                            const cmx_limiter_said *tokens, uint64_t now_ms)
{
    if (requests->known) {
        cmx_bucket_limit(&limiter->requests, requests->remaining, requests->reset_ms, now_ms);
    }
    if (tokens->known) {
        cmx_bucket_limit(&limiter->tokens, tokens->remaining, tokens->reset_ms, now_ms);
    }
}

void cmx_limiter_look(const cmx_limiter *limiter, uint64_t now_ms, cmx_limiter_state *state)
{
    bool has_reservoir = limiter->limits.reservoir > 0;

    *state = (cmx_limiter_state){
        .running = limiter->running,
        .reservoir = has_reservoir ? reservoir_at(limiter, now_ms) : UINT32_MAX,
        .refresh_ms = until(limiter->refresh_ms, now_ms),
        .blocked_ms = until(limiter->blocked_until_ms, now_ms),
        .requests_left = cmx_bucket_left(&limiter->requests, now_ms),
        .tokens_left = cmx_bucket_left(&limiter->tokens, now_ms),
    };
}
