/* SPDX-License-Identifier: MIT */
/*
 * Three limits, the first that is passed is the reason. See expiry.h.
 */
#include "pool/expiry.h"

uint64_t cmx_expiry_retire_ms(const cmx_expiry_limits *limits, cmx_random *random,
                              uint64_t opened_ms)
{
    if (limits->age_max_ms == 0) {
        return UINT64_MAX;
    }
    uint32_t jitter_ms = (uint32_t)((uint64_t)limits->age_max_ms * CMX_EXPIRY_JITTER_PERCENT / 100);
    return opened_ms + limits->age_max_ms - jitter_ms + cmx_random_below(random, 2 * jitter_ms + 1);
}

enum cmx_expiry_reason cmx_expiry_judge(const cmx_expiry_limits *limits,
                                        const cmx_expiry_seen *seen, uint64_t now_ms,
                                        uint64_t *due_ms)
{
    uint64_t idle_due_ms = UINT64_MAX;

    if (seen->streams == 0 && limits->idle_max_ms > 0) {
        idle_due_ms = seen->idle_since_ms + limits->idle_max_ms;
    }
    *due_ms = UINT64_MAX;
    if (limits->requests_max > 0 && seen->requests >= limits->requests_max) {
        return CMX_EXPIRY_REQUESTS;
    }
    if (now_ms >= seen->retire_ms) {
        return CMX_EXPIRY_AGE;
    }
    if (now_ms >= idle_due_ms) {
        return CMX_EXPIRY_IDLE;
    }
    *due_ms = seen->retire_ms < idle_due_ms ? seen->retire_ms : idle_due_ms;
    return CMX_EXPIRY_NONE;
}
