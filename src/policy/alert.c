/* SPDX-License-Identifier: MIT */
/*
 * Whether a threshold is passed is decided by exact counts, for the 99th percentile by how many
 * heads took longer than it; only the figure that is told with it comes from buckets.
 */
#include "policy/alert.h"

#include "base/histogram.h"

#include <string.h>

enum {
    MILLI = 1000,
    PERCENT = 100,
    SLOW_PERCENT = 1,  /* of the heads: then their 99th percentile is above, too */
    BUCKET_FIRST = 56, /* of a histogram: that of 1 ms, halved */
};

_Static_assert((CMX_HISTOGRAM_BUCKETS - BUCKET_FIRST) / 2 == CMX_ALERT_BUCKETS, "all fit");

/* The last minute, or what there is of it. */
typedef struct window {
    uint64_t done;
    uint64_t errors;
    uint64_t retries;
    uint64_t heads;
    uint64_t heads_slow;
    uint64_t heads_not_quick;
} window;

void cmx_alert_init(cmx_alert_watch *watch, const cmx_alert_limits *limits, cmx_alert_heads *heads)
{
    memset(watch, 0, sizeof *watch);
    watch->limits = *limits;
    watch->heads = limits->p99_ms > 0 ? heads : NULL;
    CMX_ASSERT(limits->p99_ms == 0 || heads != NULL);
}

static uint32_t index_at(uint64_t now_ms)
{
    return (uint32_t)(now_ms / CMX_ALERT_STEP_MS % CMX_ALERT_STEPS);
}

/* Returns the step of now, emptied if it last counted a minute ago. */
static cmx_alert_step *step_at(cmx_alert_watch *watch, uint64_t now_ms)
{
    cmx_alert_step *step = &watch->steps[index_at(now_ms)];
    if (step->number != now_ms / CMX_ALERT_STEP_MS) {
        *step = (cmx_alert_step){.number = now_ms / CMX_ALERT_STEP_MS};
        if (watch->heads != NULL) {
            memset(&watch->heads[index_at(now_ms)], 0, sizeof watch->heads[0]);
        }
    }
    return step;
}

void cmx_alert_on_done(cmx_alert_watch *watch, bool failed, uint64_t now_ms)
{
    cmx_alert_step *step = step_at(watch, now_ms);
    step->done++;
    step->errors += failed ? 1 : 0;
}

void cmx_alert_on_retry(cmx_alert_watch *watch, uint64_t now_ms)
{
    step_at(watch, now_ms)->retries++;
}

static uint32_t bucket_of(uint64_t head_ms)
{
    /* Longer than a day is no time to head: it cannot overflow as microseconds. */
    uint64_t us = head_ms < UINT32_MAX ? head_ms * MILLI : UINT32_MAX;
    uint32_t bucket = cmx_histogram_bucket(us);
    return bucket > BUCKET_FIRST ? (bucket - BUCKET_FIRST) / 2 : 0;
}

void cmx_alert_on_head(cmx_alert_watch *watch, uint64_t head_ms, uint64_t now_ms)
{
    uint64_t limit_ms = watch->limits.p99_ms;
    if (watch->heads == NULL) {
        return;
    }
    cmx_alert_step *step = step_at(watch, now_ms);
    step->heads++;
    step->heads_slow += head_ms > limit_ms ? 1 : 0;
    step->heads_not_quick += head_ms * PERCENT >= limit_ms * CMX_ALERT_CLEAR_PERCENT ? 1 : 0;
    uint16_t *count = &watch->heads[index_at(now_ms)].counts[bucket_of(head_ms)];
    *count = (uint16_t)(*count + (*count < UINT16_MAX ? 1 : 0));
}

static bool counts_at(const cmx_alert_step *step, uint64_t now_ms)
{
    uint64_t now = now_ms / CMX_ALERT_STEP_MS;
    return step->number <= now && now - step->number < CMX_ALERT_STEPS;
}

static void sum_up(const cmx_alert_watch *watch, uint64_t now_ms, window *sum)
{
    *sum = (window){.done = 0};
    for (size_t i = 0; i < CMX_ALERT_STEPS; i++) {
        const cmx_alert_step *step = &watch->steps[i];
        if (counts_at(step, now_ms)) {
            sum->done += step->done;
            sum->errors += step->errors;
            sum->retries += step->retries;
            sum->heads += step->heads;
            sum->heads_slow += step->heads_slow;
            sum->heads_not_quick += step->heads_not_quick;
        }
    }
}

/* The 99th percentile of all heads of the window, in the middle of its bucket. */
static uint64_t find_p99_ms(const cmx_alert_watch *watch, uint64_t now_ms)
{
    uint64_t all = 0;
    uint64_t counts[CMX_ALERT_BUCKETS] = {0};
    for (size_t i = 0; i < CMX_ALERT_STEPS; i++) {
        for (size_t k = 0; counts_at(&watch->steps[i], now_ms) && k < CMX_ALERT_BUCKETS; k++) {
            counts[k] += watch->heads[i].counts[k];
            all += watch->heads[i].counts[k];
        }
    }
    uint64_t above = all * SLOW_PERCENT / PERCENT;
    size_t bucket = CMX_ALERT_BUCKETS - 1;
    for (uint64_t seen = counts[bucket]; seen <= above && bucket > 0; seen += counts[bucket]) {
        bucket--;
    }
    uint32_t first = (uint32_t)(BUCKET_FIRST + 2 * bucket);
    return (cmx_histogram_middle_us(first) + cmx_histogram_middle_us(first + 1)) / (2 * MILLI);
}

/* What a window says of one alert. */
typedef struct finding {
    bool above;
    bool calm;
    uint64_t value; /* thousandths; not of P99, where it takes a while to find */
    uint64_t threshold;
} finding;

static finding find_share(uint64_t part, uint64_t all, uint32_t threshold)
{
    bool counts = all >= CMX_ALERT_REQUESTS_MIN;
    return (finding){
        .above = counts && part * MILLI > all * threshold,
        .calm = !counts || part * MILLI *
                               PERCENT<all * threshold * CMX_ALERT_CLEAR_PERCENT, .value = all> 0
                    ? part * MILLI / all
                    : 0,
        .threshold = threshold,
    };
}

static finding find_p99(const window *sum, uint32_t threshold)
{
    bool counts = sum->heads >= CMX_ALERT_REQUESTS_MIN;
    return (finding){
        .above = counts && sum->heads_slow * PERCENT > sum->heads * SLOW_PERCENT,
        .calm = !counts || sum->heads_not_quick * PERCENT <= sum->heads * SLOW_PERCENT,
        .threshold = threshold,
    };
}

/* The counts are exact, the middle of a bucket is not: it must not contradict them. */
static uint64_t tell_p99(const cmx_alert_watch *watch, bool above, uint64_t now_ms)
{
    uint64_t limit_ms = watch->limits.p99_ms;
    uint64_t calm_ms = limit_ms * CMX_ALERT_CLEAR_PERCENT / PERCENT;
    uint64_t value_ms = find_p99_ms(watch, now_ms);
    if (above) {
        return value_ms > limit_ms ? value_ms : limit_ms + 1;
    }
    return value_ms < calm_ms ? value_ms : calm_ms;
}

static bool find(const cmx_alert_watch *watch, enum cmx_alert_kind kind, const window *sum,
                 finding *found)
{
    switch (kind) {
    case CMX_ALERT_ERRORS:
        *found = find_share(sum->errors, sum->done, watch->limits.errors);
        return watch->limits.errors > 0;
    case CMX_ALERT_RETRIES:
        *found = find_share(sum->retries, sum->done, watch->limits.retries);
        return watch->limits.retries > 0;
    case CMX_ALERT_P99:
        *found = find_p99(sum, watch->limits.p99_ms);
        return watch->limits.p99_ms > 0;
    case CMX_ALERT_BUDGET:
        break; /* no window decides it */
    }
    return false;
}

/* Returns whether the alert began or is over. */
static bool change(cmx_alert_state *state, const finding *found, uint64_t now_ms)
{
    if (!state->firing) {
        state->firing = found->above;
        state->calm = false;
        return found->above;
    }
    if (!found->calm) {
        state->calm = false;
        return false;
    }
    if (!state->calm) {
        state->calm = true;
        state->since_ms = now_ms;
    }
    state->firing = now_ms - state->since_ms < CMX_ALERT_CLEAR_MS;
    return !state->firing;
}

bool cmx_alert_look(cmx_alert_watch *watch, uint64_t now_ms, cmx_alert *alert)
{
    window sum;
    sum_up(watch, now_ms, &sum);
    for (size_t i = 0; i < CMX_ALERT_KINDS; i++) {
        finding found;
        enum cmx_alert_kind kind = (enum cmx_alert_kind)i;
        cmx_alert_state *state = &watch->states[i];
        if (find(watch, kind, &sum, &found) && change(state, &found, now_ms)) {
            if (kind == CMX_ALERT_P99) {
                found.value = tell_p99(watch, state->firing, now_ms);
            }
            *alert = (cmx_alert){.kind = kind,
                                 .firing = state->firing,
                                 .value = found.value,
                                 .threshold = found.threshold};
            return true;
        }
    }
    return false;
}

uint64_t cmx_alert_due_ms(const cmx_alert_watch *watch, uint64_t now_ms)
{
    uint64_t due_ms = UINT64_MAX;
    uint64_t next_ms = (now_ms / CMX_ALERT_STEP_MS + 1) * CMX_ALERT_STEP_MS;
    for (size_t i = 0; i < CMX_ALERT_KINDS; i++) {
        const cmx_alert_state *state = &watch->states[i];
        if (state->firing) {
            uint64_t over_ms = state->since_ms + CMX_ALERT_CLEAR_MS;
            uint64_t own_ms = state->calm && over_ms < next_ms ? over_ms : next_ms;
            due_ms = own_ms < due_ms ? own_ms : due_ms;
        }
    }
    return due_ms;
}

uint32_t cmx_alert_done_per_min(const cmx_alert_watch *watch, uint64_t now_ms)
{
    window sum;
    sum_up(watch, now_ms, &sum);
    return sum.done < UINT32_MAX ? (uint32_t)sum.done : UINT32_MAX;
}
