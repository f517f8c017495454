/* SPDX-License-Identifier: MIT */
/*
 * A token bucket in whole numbers: so many per minute, so many at once, no drift however often it
 * is asked. In: costs, refunds, what a server says is left, the time. Out: granted, or how long to
 * wait. Over any span of time it grants at most burst + rate * span. It must not know what is
 * counted, nor read a clock.
 */
#ifndef CMX_POLICY_BUCKET_H
#define CMX_POLICY_BUCKET_H

#include "base/base.h"

/* A server's reset further away than this is not believed: a wrong unit must not stop a client. */
enum { CMX_BUCKET_RESET_MAX_MS = 24 * 60 * 60 * 1000 };

typedef struct cmx_bucket {
    int64_t level;             /* in 1/60000 of one; negative = debt; written only by bucket.c */
    uint64_t filled_ms;        /* `level` is as of then */
    uint64_t allowed_until_ms; /* `allowed` holds before this; 0 = the server said nothing */
    int64_t allowed;           /* what the server said is left, less what was taken since */
    uint32_t rate_per_min;     /* 0 = no limit of our own */
    uint32_t burst;            /* the most that can be saved up */
} cmx_bucket;

/* Starts full.
 *
 * rate_per_min  0 = no limit of our own; what a server says still holds
 * burst         0 = a minute's worth */
void cmx_bucket_init(cmx_bucket *bucket, uint32_t rate_per_min, uint32_t burst, uint64_t now_ms);

/* Returns whether `cost` can be granted at some time. */
bool cmx_bucket_can_fit(const cmx_bucket *bucket, uint32_t cost);

/* Returns how long until `cost` is granted if nobody else takes anything: 0 = now. Only for a cost
 * that can fit. */
uint64_t cmx_bucket_wait_ms(const cmx_bucket *bucket, uint32_t cost, uint64_t now_ms);

/* Gives back what was taken and not used. A negative amount was used above what was taken: it
 * is taken even if that makes a debt, which later requests wait for. What a server said is left
 * never grows by it: servers charge what was asked for. */
void cmx_bucket_refund(cmx_bucket *bucket, int64_t amount, uint64_t now_ms);

/* Takes `cost`, for which cmx_bucket_wait_ms() says 0. */
static inline void cmx_bucket_take(cmx_bucket *bucket, uint32_t cost, uint64_t now_ms)
{
    cmx_bucket_refund(bucket, -(int64_t)cost, now_ms);
}

/* Takes a server's word: until `reset_ms` from now at most `remaining` are granted, and no more
 * than that is saved up now. A later word replaces an earlier one.
 *
 * reset_ms  0 = not told: only what is saved up is cut */
void cmx_bucket_limit(cmx_bucket *bucket, uint32_t remaining, uint64_t reset_ms, uint64_t now_ms);

/* Returns how many could be granted at once now, rounded down; negative = debt; INT64_MAX = no
 * limit is known. */
int64_t cmx_bucket_left(const cmx_bucket *bucket, uint64_t now_ms);

#endif
