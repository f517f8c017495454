/* SPDX-License-Identifier: MIT */
/*
 * When an origin may be dialed again after a dial failed: exponential with full jitter, so that a
 * fleet of devices does not come back as one. A connection has to live for some time before the
 * failures before it are forgotten: a server that accepts and drops is not dialed in a loop. In:
 * failures, lives, the time, random numbers. Out: a time. It dials nothing.
 */
#ifndef CMX_POOL_BACKOFF_H
#define CMX_POOL_BACKOFF_H

#include "base/base.h"
#include "base/random.h"

enum {
    CMX_BACKOFF_BASE_MS = 250, /* defaults, see cmx_backoff_limits */
    CMX_BACKOFF_CAP_MS = 30000,
    CMX_BACKOFF_SETTLED_MS = 10000,
};

typedef struct cmx_backoff_limits {
    uint32_t base_ms;    /* the first wait is 0..base_ms, each next one up to twice as long */
    uint32_t cap_ms;     /* the longest wait: base_ms..UINT32_MAX - 1 */
    uint32_t settled_ms; /* a connection that lived this long ends the counting */
} cmx_backoff_limits;

typedef struct cmx_backoff {
    uint64_t due_ms;   /* no dial before; 0 = at once */
    uint32_t failures; /* in a row */
} cmx_backoff;

/* Starts without failures; also to be called when the network changed. */
void cmx_backoff_init(cmx_backoff *backoff);

/* A dial failed. Failures of dials that were under way together count once each but never shorten
 * the wait. */
void cmx_backoff_on_failure(cmx_backoff *backoff, const cmx_backoff_limits *limits,
                            cmx_random *random, uint64_t now_ms);

/* A connection that had been open ended by failing, after `lived_ms`: settled or one more
 * failure. Not for one that we ended, nor for a GOAWAY in good order. */
void cmx_backoff_on_lost(cmx_backoff *backoff, const cmx_backoff_limits *limits, uint64_t lived_ms,
                         cmx_random *random, uint64_t now_ms);

#endif
