/* SPDX-License-Identifier: MIT */
/*
 * Full jitter: the wait is drawn evenly from zero to the window, and only the window grows. See
 * backoff.h.
 */
#include "pool/backoff.h"

static uint32_t window_ms(const cmx_backoff_limits *limits, uint32_t failures)
{
    uint64_t window = limits->base_ms;

    for (uint32_t i = 1; i < failures && window < limits->cap_ms; i++) {
        window *= 2;
    }
    return window < limits->cap_ms ? (uint32_t)window : limits->cap_ms;
}

void cmx_backoff_init(cmx_backoff *backoff)
{
    *backoff = (cmx_backoff){0};
}

void cmx_backoff_on_failure(cmx_backoff *backoff, const cmx_backoff_limits *limits,
                            cmx_random *random, uint64_t now_ms)
{
    CMX_ASSERT(limits->cap_ms < UINT32_MAX);
    if (backoff->failures < UINT32_MAX) {
        backoff->failures++;
    }
    uint64_t due_ms = now_ms + cmx_random_below(random, window_ms(limits, backoff->failures) + 1);
    if (due_ms > backoff->due_ms) {
        backoff->due_ms = due_ms;
    }
}

void cmx_backoff_on_lost(cmx_backoff *backoff, const cmx_backoff_limits *limits, uint64_t lived_ms,
                         cmx_random *random, uint64_t now_ms)
{
    if (lived_ms >= limits->settled_ms) {
        cmx_backoff_init(backoff);
        return;
    }
    cmx_backoff_on_failure(backoff, limits, random, now_ms);
}
