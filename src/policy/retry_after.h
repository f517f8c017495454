/* SPDX-License-Identifier: MIT */
/*
 * What a server says about trying again: how long to wait and whether to try at all. Response
 * headers in, one by one and in any order; one answer out. It decides nothing (policy/retry.h does)
 * and reads no clock.
 */
#ifndef CMX_POLICY_RETRY_AFTER_H
#define CMX_POLICY_RETRY_AFTER_H

#include "base/view.h"

enum cmx_retry_after_word {
    CMX_RETRY_AFTER_UNSET, /* no x-should-retry, or one that is neither true nor false */
    CMX_RETRY_AFTER_YES,
    CMX_RETRY_AFTER_NO,
};

/* All zero = nothing was said. */
typedef struct cmx_retry_after {
    uint32_t wait_ms;     /* from when the header was fed; valid if `has`; may be 0, and is at most
                             CMX_DURATION_MS_MAX, which means that long or longer */
    bool has;             /* a wait was given that could be understood */
    uint8_t should_retry; /* enum cmx_retry_after_word */
    uint8_t rank;         /* of the header behind wait_ms; retry_after.c's */
} cmx_retry_after;

/* Takes one header of the final response head into account; all others are ignored. The finer
 * header wins: retry-after-ms, then x-ms-retry-after-ms, then retry-after; of two alike the longer
 * wait, and of two x-should-retry the false one. A value that cannot be understood is as good as
 * none: "-1", text, or a date where the clock is not known.
 *
 * name         in lower case, as HTTP/2 has it
 * now_unix_ms  since 1970, for dates; 0 = not known. The response's own `date` is as good, and
 *              better on a device whose clock is not set. */
void cmx_retry_after_feed(cmx_retry_after *after, cmx_view name, cmx_view value,
                          int64_t now_unix_ms);

#endif
