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

/* Which counts an alert is about. */
static const struct row {
    uint8_t part; /* of all: fires where it is above the threshold */
    uint8_t calm; /* is over where this is below 80 % of it; of P99 they are counted apart */
    uint8_t all;
} rows[CMX_ALERT_KINDS] = {
    [CMX_ALERT_ERRORS] = {CMX_ALERT_STEP_ERRORS, CMX_ALERT_STEP_ERRORS, CMX_ALERT_STEP_DONE},
    [CMX_ALERT_RETRIES] = {CMX_ALERT_STEP_RETRIES, CMX_ALERT_STEP_RETRIES, CMX_ALERT_STEP_DONE},
    [CMX_ALERT_P99] = {CMX_ALERT_STEP_SLOW, CMX_ALERT_STEP_NOT_QUICK, CMX_ALERT_STEP_HEADS},
};

void cmx_alert_init(cmx_alert_watch *watch, const cmx_alert_limits *limits, cmx_alert_heads *heads)
{
    memset(watch, 0, sizeof *watch);
    watch->limits[CMX_ALERT_ERRORS] = limits->errors;
    watch->limits[CMX_ALERT_RETRIES] = limits->retries;
    watch->limits[CMX_ALERT_P99] = limits->p99_ms;
    watch->heads = limits->p99_ms > 0 ? heads : NULL;
    CMX_ASSERT(limits->p99_ms == 0 || heads != NULL);
}

/* Of the step that a time lies in; they begin anew after 680 years. */
static uint32_t number_at(uint64_t now_ms)
{
    return (uint32_t)(now_ms / CMX_ALERT_STEP_MS);
}

/* Returns the step of now, emptied if it last counted a minute ago. */
static cmx_alert_step *step_at(cmx_alert_watch *watch, uint64_t now_ms)
{
    uint32_t number = number_at(now_ms);
    uint32_t index = number % CMX_ALERT_STEPS;
    cmx_alert_step *step = &watch->steps[index];
    if (step->number != number) {
        memset(step, 0, sizeof *step);
        step->number = number;
        if (watch->heads != NULL) {
            memset(&watch->heads[index], 0, sizeof watch->heads[0]);
        }
    }
    return step;
}

void cmx_alert_on_done(cmx_alert_watch *watch, bool failed, uint64_t now_ms)
{
    cmx_alert_step *step = step_at(watch, now_ms);
    step->counts[CMX_ALERT_STEP_DONE]++;
    step->counts[CMX_ALERT_STEP_ERRORS] += failed ? 1 : 0;
}

void cmx_alert_on_retry(cmx_alert_watch *watch, uint64_t now_ms)
{
    step_at(watch, now_ms)->counts[CMX_ALERT_STEP_RETRIES]++;
}

void cmx_alert_on_head(cmx_alert_watch *watch, uint64_t head_ms, uint64_t now_ms)
{
    uint32_t limit_ms = watch->limits[CMX_ALERT_P99];
    /* Longer than a day is no time to head: it cannot overflow as microseconds. */
    uint32_t ms = head_ms < UINT32_MAX ? (uint32_t)head_ms : UINT32_MAX;
    if (watch->heads == NULL) {
        return;
    }
    cmx_alert_step *step = step_at(watch, now_ms);
    step->counts[CMX_ALERT_STEP_HEADS]++;
    step->counts[CMX_ALERT_STEP_SLOW] += ms > limit_ms ? 1 : 0;
    step->counts[CMX_ALERT_STEP_NOT_QUICK] +=
        (uint64_t)ms * PERCENT >= (uint64_t)limit_ms * CMX_ALERT_CLEAR_PERCENT ? 1 : 0;
    uint32_t bucket = cmx_histogram_bucket((uint64_t)ms * MILLI);
    bucket = bucket > BUCKET_FIRST ? (bucket - BUCKET_FIRST) / 2 : 0;
    uint16_t *count = &watch->heads[step - watch->steps].counts[bucket];
    *count = (uint16_t)(*count + (*count < UINT16_MAX ? 1 : 0));
}

static bool counts_now(const cmx_alert_step *step, uint64_t now_ms)
{
    return number_at(now_ms) - step->number < CMX_ALERT_STEPS;
}

/* The last minute, or what there is of it, as one step. */
static void sum_up(const cmx_alert_watch *watch, uint64_t now_ms, cmx_alert_step *sum)
{
    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; i < CMX_ALERT_STEPS; i++) {
        const cmx_alert_step *step = &watch->steps[i];
        for (size_t k = 0; counts_now(step, now_ms) && k < CMX_ALERT_STEP_COUNTS; k++) {
            sum->counts[k] += step->counts[k];
        }
    }
}

/* Heads of the window in one bucket. */
static uint32_t heads_in(const cmx_alert_watch *watch, size_t bucket, uint64_t now_ms)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < CMX_ALERT_STEPS; i++) {
        sum += counts_now(&watch->steps[i], now_ms) ? watch->heads[i].counts[bucket] : 0;
    }
    return sum;
}

/* The 99th percentile of all heads of the window, in the middle of its bucket. */
static uint64_t find_p99_ms(const cmx_alert_watch *watch, uint64_t now_ms)
{
    uint32_t all = 0;
    for (size_t k = 0; k < CMX_ALERT_BUCKETS; k++) {
        all += heads_in(watch, k, now_ms);
    }
    uint32_t bucket = CMX_ALERT_BUCKETS - 1;
    uint32_t seen = heads_in(watch, bucket, now_ms);
    while (seen <= all * SLOW_PERCENT / PERCENT && bucket > 0) {
        bucket--;
        seen += heads_in(watch, bucket, now_ms);
    }
    uint32_t first = BUCKET_FIRST + 2 * bucket;
    return (cmx_histogram_middle_us(first) + cmx_histogram_middle_us(first + 1)) / (2 * MILLI);
}

/* The counts are exact, the middle of a bucket is not: it must not contradict them. */
static uint64_t tell_p99(const cmx_alert_watch *watch, bool above, uint64_t now_ms)
{
    uint64_t limit_ms = watch->limits[CMX_ALERT_P99];
    uint64_t calm_ms = limit_ms * CMX_ALERT_CLEAR_PERCENT / PERCENT;
    uint64_t value_ms = find_p99_ms(watch, now_ms);
    if (above) {
        return value_ms > limit_ms ? value_ms : limit_ms + 1;
    }
    return value_ms < calm_ms ? value_ms : calm_ms;
}

/* Returns whether the alert began or is over. */
static bool change(cmx_alert_state *state, bool above, bool calm, uint64_t now_ms)
{
    if (!state->firing) {
        state->firing = above;
        state->calm = false;
        return above;
    }
    if (calm && !state->calm) {
        state->since_ms = now_ms;
    }
    state->calm = calm;
    state->firing = !calm || now_ms - state->since_ms < CMX_ALERT_CLEAR_MS;
    return !state->firing;
}

/* Looks at what a window says of one alert that has a threshold. */
static bool look_at(cmx_alert_watch *watch, enum cmx_alert_kind kind, const cmx_alert_step *sum,
                    uint64_t now_ms, cmx_alert *alert)
{
    bool is_p99 = kind == CMX_ALERT_P99;
    cmx_alert_state *state = &watch->states[kind];
    uint64_t part = (uint64_t)sum->counts[rows[kind].part] * MILLI;
    uint64_t calm = (uint64_t)sum->counts[rows[kind].calm] * MILLI * PERCENT;
    uint32_t all = sum->counts[rows[kind].all];
    bool proves = all >= CMX_ALERT_REQUESTS_MIN;
    uint64_t most = (uint64_t)all * (is_p99 ? SLOW_PERCENT * MILLI / PERCENT : watch->limits[kind]);
    bool is_calm = is_p99 ? calm <= most * PERCENT : calm < most * CMX_ALERT_CLEAR_PERCENT;
    if (!change(state, proves && part > most, !proves || is_calm, now_ms)) {
        return false;
    }
    alert->kind = kind;
    alert->firing = state->firing;
    alert->threshold = watch->limits[kind];
    alert->value = all > 0 ? part / all : 0;
    if (is_p99) {
        alert->value = tell_p99(watch, state->firing, now_ms);
    }
    return true;
}

bool cmx_alert_look(cmx_alert_watch *watch, uint64_t now_ms, cmx_alert *alert)
{
    cmx_alert_step sum;
    sum_up(watch, now_ms, &sum);
    for (size_t i = 0; i < CMX_ALERT_KINDS; i++) {
        if (watch->limits[i] > 0 && look_at(watch, (enum cmx_alert_kind)i, &sum, now_ms, alert)) {
            return true;
        }
    }
    return false;
}

uint64_t cmx_alert_due_ms(const cmx_alert_watch *watch, uint64_t now_ms)
{
    uint64_t due_ms = UINT64_MAX;
    uint64_t next_ms = now_ms - now_ms % CMX_ALERT_STEP_MS + CMX_ALERT_STEP_MS;
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
    cmx_alert_step sum;
    sum_up(watch, now_ms, &sum);
    return sum.counts[CMX_ALERT_STEP_DONE];
}
