/* SPDX-License-Identifier: MIT */
/*
 * Retry-After in its spellings. See retry_after.h. The rank of the header is kept with the wait,
 * so that the result does not depend on the order in which they come.
 */
#include "policy/retry_after.h"

#include "text/duration.h"

/* In the order of their ranks: seconds with or without a fraction, or a date; Azure's; ours. */
static const char names[] = "\13retry-after\23x-ms-retry-after-ms\16retry-after-ms"
                            "\16x-should-retry";

/* A higher rank wins. */
enum { RANK_NONE, RANK_SECONDS, RANK_X_MS, RANK_MS, RANK_SHOULD };

static void take_word(cmx_retry_after *after, cmx_view value)
{
    unsigned word = cmx_view_word(value, "\5false\4true");
    if (word == 0) {
        after->should_retry = CMX_RETRY_AFTER_NO;
    } else if (word == 1 && after->should_retry == CMX_RETRY_AFTER_UNSET) {
        after->should_retry = CMX_RETRY_AFTER_YES;
    }
}

void cmx_retry_after_feed(cmx_retry_after *after, cmx_view name, cmx_view value,
                          int64_t now_unix_ms)
{
    unsigned rank = cmx_view_word(name, names) + 1; /* none is RANK_NONE */
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
