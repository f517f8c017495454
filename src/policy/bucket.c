/* SPDX-License-Identifier: MIT */
/*
 * The level is counted in 1/60000 of one, so that a rate per minute adds a whole number of units
 * every millisecond: nothing is rounded while time passes, and asking often costs nothing. A
 * server's word is kept beside the level, because it may count in other windows than ours.
 */
#include "policy/bucket.h"

#define UNITS INT64_C(60000) /* milliseconds of a minute */

/* Never deeper in debt: keeps the arithmetic far from its limits whatever is refunded. */
#define AMOUNT_MAX ((int64_t)UINT32_MAX)

static int64_t full_level(const cmx_bucket *bucket)
{
    return (int64_t)bucket->burst * UNITS;
}

static int64_t level_at(const cmx_bucket *bucket, uint64_t now_ms)
{
    int64_t full = full_level(bucket);
    if (now_ms <= bucket->filled_ms || bucket->rate_per_min == 0 || bucket->level >= full) {
        return bucket->level;
    }
    uint64_t elapsed_ms = now_ms - bucket->filled_ms;
    uint64_t missing = (uint64_t)(full - bucket->level);
    if (elapsed_ms > missing / bucket->rate_per_min) {
        return full;
    }
    return bucket->level + (int64_t)(elapsed_ms * bucket->rate_per_min);
}

static void fill(cmx_bucket *bucket, uint64_t now_ms)
{
    bucket->level = level_at(bucket, now_ms);
    if (now_ms > bucket->filled_ms) {
        bucket->filled_ms = now_ms;
    }
}

/* Gives back an amount, or takes a negative one. What a server said is left only falls. */
static void add(cmx_bucket *bucket, int64_t amount)
{
    int64_t full = full_level(bucket);
    bucket->level += amount * UNITS;
    bucket->level = bucket->level < full ? bucket->level : full;
    bucket->level = bucket->level > -AMOUNT_MAX * UNITS ? bucket->level : -AMOUNT_MAX * UNITS;
    if (amount < 0) {
        bucket->allowed += amount;
        bucket->allowed = bucket->allowed > -AMOUNT_MAX ? bucket->allowed : -AMOUNT_MAX;
    }
}

void cmx_bucket_init(cmx_bucket *bucket, uint32_t rate_per_min, uint32_t burst, uint64_t now_ms)
{
    *bucket = (cmx_bucket){.filled_ms = now_ms};
    bucket->rate_per_min = rate_per_min;
    bucket->burst = burst > 0 ? burst : rate_per_min;
    bucket->level = full_level(bucket);
}

/* Returns whether nobody limits anything: then nothing is counted either. */
static bool is_open(const cmx_bucket *bucket, uint64_t now_ms)
{
    return bucket->rate_per_min == 0 && now_ms >= bucket->allowed_until_ms;
}

bool cmx_bucket_can_fit(const cmx_bucket *bucket, uint32_t cost)
{
    return bucket->rate_per_min == 0 || cost <= bucket->burst;
}

uint64_t cmx_bucket_wait_ms(const cmx_bucket *bucket, uint32_t cost, uint64_t now_ms)
{
    CMX_ASSERT(cmx_bucket_can_fit(bucket, cost));
    uint64_t wait_ms = 0;
    if (bucket->rate_per_min > 0) {
        int64_t missing = (int64_t)cost * UNITS - level_at(bucket, now_ms);
        if (missing > 0) {
            wait_ms = ((uint64_t)missing - 1) / bucket->rate_per_min + 1;
        }
    }
    if (now_ms < bucket->allowed_until_ms && (int64_t)cost > bucket->allowed) {
        uint64_t reset_ms = bucket->allowed_until_ms - now_ms;
        wait_ms = wait_ms > reset_ms ? wait_ms : reset_ms;
    }
    return wait_ms;
}

void cmx_bucket_refund(cmx_bucket *bucket, int64_t amount, uint64_t now_ms)
{
    if (is_open(bucket, now_ms)) {
        return;
    }
    fill(bucket, now_ms);
    amount = amount < AMOUNT_MAX ? amount : AMOUNT_MAX;
    add(bucket, amount > -AMOUNT_MAX ? amount : -AMOUNT_MAX);
}

void cmx_bucket_limit(cmx_bucket *bucket, uint32_t remaining, uint64_t reset_ms, uint64_t now_ms)
{
    int64_t level = (int64_t)remaining * UNITS;

    fill(bucket, now_ms);
    bucket->level = bucket->level < level ? bucket->level : level;
    bucket->allowed = remaining;
    bucket->allowed_until_ms =
        now_ms + (reset_ms < CMX_BUCKET_RESET_MAX_MS ? reset_ms : CMX_BUCKET_RESET_MAX_MS);
}

int64_t cmx_bucket_left(const cmx_bucket *bucket, uint64_t now_ms)
{
    int64_t left = INT64_MAX;
    if (bucket->rate_per_min > 0) {
        int64_t level = level_at(bucket, now_ms);
        left = (level - (level < 0 ? UNITS - 1 : 0)) / UNITS; /* rounded down */
    }
    if (now_ms < bucket->allowed_until_ms && bucket->allowed < left) {
        left = bucket->allowed;
    }
    return left;
}
