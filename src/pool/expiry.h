/* SPDX-License-Identifier: MIT */
/*
 * When a healthy connection has served long enough: by age (spread by 10 % either way, so that
 * connections opened together do not end together), by number of requests, by idleness. Servers
 * and middleboxes end connections at round numbers; we retire before them, in good order. In: what
 * a connection has done, the time. Out: a reason, and when to ask again.
 */
#ifndef CMX_POOL_EXPIRY_H
#define CMX_POOL_EXPIRY_H

#include "base/base.h"
#include "base/random.h"

enum {
    CMX_EXPIRY_AGE_MAX_MS = 50 * 60 * 1000, /* defaults, see cmx_expiry_limits */
    CMX_EXPIRY_REQUESTS_MAX = 900,
    CMX_EXPIRY_JITTER_PERCENT = 10,
};

typedef struct cmx_expiry_limits {
    uint32_t age_max_ms;   /* 0 = no limit */
    uint32_t requests_max; /* started on it in all: 0 = no limit */
    uint32_t idle_max_ms;  /* without streams: 0 = no limit */
} cmx_expiry_limits;

enum cmx_expiry_reason {
    CMX_EXPIRY_NONE,
    CMX_EXPIRY_AGE,      /* drain: no new streams, those open finish */
    CMX_EXPIRY_REQUESTS, /* drain */
    CMX_EXPIRY_IDLE,     /* close */
};

typedef struct cmx_expiry_seen {
    uint64_t retire_ms;     /* from cmx_expiry_retire_ms() */
    uint64_t idle_since_ms; /* when the last stream ended, or it opened; only without streams */
    uint32_t requests;      /* started on it in all */
    uint32_t streams;       /* open now */
} cmx_expiry_seen;

/* Draws when a connection that opened at `opened_ms` is too old: UINT64_MAX = never. */
uint64_t cmx_expiry_retire_ms(const cmx_expiry_limits *limits, cmx_random *random,
                              uint64_t opened_ms);

/* Judges one connection.
 *
 * due_ms  out: when time alone could change the answer NONE; UINT64_MAX = never */
enum cmx_expiry_reason cmx_expiry_judge(const cmx_expiry_limits *limits,
                                        const cmx_expiry_seen *seen, uint64_t now_ms,
                                        uint64_t *due_ms);

#endif
