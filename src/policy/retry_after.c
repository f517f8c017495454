/* SPDX-License-Identifier: MIT */
/*
 * Retry-After in its spellings. See retry_after.h. The rank of the header is kept with the wait,
 * so that the result does not depend on the order in which they come.
 */
#include "policy/retry_after.h"

#include "text/duration.h"

/* A higher rank wins. 0 is no header at all. */
enum rank {
    RANK_NONE,
    RANK_SECONDS, /* retry-after: seconds with or without a fraction, a date */
    RANK_X_MS,    /* x-ms-retry-after-ms: Azure's */
    RANK_MS,      /* retry-after-ms */
    RANK_SHOULD,  /* x-should-retry: not a wait */
};

static enum rank rank_of(cmx_view name)
{
    if (cmx_view_equal(name, CMX_VIEW_LITERAL("retry-after"))) {
        return RANK_SECONDS;
    }
    if (cmx_view_equal(name, CMX_VIEW_LITERAL("retry-after-ms"))) {
        return RANK_MS;
    }
    if (cmx_view_equal(name, CMX_VIEW_LITERAL("x-ms-retry-after-ms"))) {
        return RANK_X_MS;
    }
    if (cmx_view_equal(name, CMX_VIEW_LITERAL("x-should-retry"))) {
        return RANK_SHOULD;
    }
    return RANK_NONE;
}

static void take_word(cmx_retry_after *after, cmx_view value)
{
    if (cmx_view_equal(value, CMX_VIEW_LITERAL("false"))) {
        after->should_retry = CMX_RETRY_AFTER_NO;
    } else if (cmx_view_equal(value, CMX_VIEW_LITERAL("true")) &&
               after->should_retry == CMX_RETRY_AFTER_UNSET) {
        after->should_retry = CMX_RETRY_AFTER_YES;
    }
}

bool cmx_retry_after_wants(cmx_view name)
{
    return rank_of(name) != RANK_NONE;
}

void cmx_retry_after_feed(cmx_retry_after *after, cmx_view name, cmx_view value,
                          int64_t now_unix_ms)
{
    enum rank rank = rank_of(name);
    if (rank == RANK_SHOULD) {
        take_word(after, value);
        return;
    }
    if (rank == RANK_NONE || rank < after->rank) {
        return;
    }
    uint32_t wait_ms = 0;
    bool known = rank == RANK_SECONDS ? cmx_duration_read(value, now_unix_ms, &wait_ms)
                                      : cmx_duration_read_ms(value, &wait_ms);
    if (!known || (rank == after->rank && wait_ms <= after->wait_ms)) {
        return;
    }
    after->has = true;
    after->rank = (uint8_t)rank;
    after->wait_ms = wait_ms;
}
