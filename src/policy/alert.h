/* SPDX-License-Identifier: MIT */
/*
 * Watches what happened in the last minute, in steps of 5 s, against thresholds: the share of
 * requests that failed, the share of retries, the 99th percentile of the time to the response head.
 * An alert fires when its threshold is passed and 20 requests (or heads) were seen; it is over
 * after 30 s in a row below 80 % of it. In: notes with their time. Out: changes to tell, and when
 * to look again. It tells nobody itself.
 */
#ifndef CMX_POLICY_ALERT_H
#define CMX_POLICY_ALERT_H

#include "base/base.h"
#include "chatmux/client.h"

enum {
    CMX_ALERT_STEPS = 12,
    CMX_ALERT_STEP_MS = 5000,
    CMX_ALERT_REQUESTS_MIN = 20,
    CMX_ALERT_CLEAR_PERCENT = 80,
    CMX_ALERT_CLEAR_MS = 30000,
    CMX_ALERT_KINDS = CMX_ALERT_P99 + 1, /* those that a window decides */
    CMX_ALERT_BUCKETS = 92,              /* of heads: four to each doubling, from 1 ms on */
};

/* Thresholds as in the configuration; 0 = no such alert. */
typedef struct cmx_alert_limits {
    uint32_t errors; /* thousandths */
    uint32_t retries;
    uint32_t p99_ms;
} cmx_alert_limits;

/* What a step counts. */
enum {
    CMX_ALERT_STEP_DONE,
    CMX_ALERT_STEP_ERRORS,
    CMX_ALERT_STEP_RETRIES,
    CMX_ALERT_STEP_HEADS,
    CMX_ALERT_STEP_SLOW,      /* heads above the threshold */
    CMX_ALERT_STEP_NOT_QUICK, /* heads at 80 % of it and above */
    CMX_ALERT_STEP_COUNTS
};

/* Five seconds. */
typedef struct cmx_alert_step {
    uint32_t number; /* of the step since the clock began; it counts while it is one of the last */
    uint32_t counts[CMX_ALERT_STEP_COUNTS];
} cmx_alert_step;

/* Response heads of a step by their time; needed only with a threshold for them. */
typedef struct cmx_alert_heads {
    uint16_t counts[CMX_ALERT_BUCKETS];
} cmx_alert_heads;

typedef struct cmx_alert_state {
    bool firing;
    bool calm;         /* below 80 % since calm_since_ms */
    uint64_t since_ms; /* valid with `calm` */
} cmx_alert_state;

typedef struct cmx_alert_watch {
    uint32_t limits[CMX_ALERT_KINDS];
    cmx_alert_step steps[CMX_ALERT_STEPS];
    cmx_alert_heads *heads; /* borrowed: CMX_ALERT_STEPS of them, or NULL without p99_ms */
    cmx_alert_state states[CMX_ALERT_KINDS];
} cmx_alert_watch;

/* Starts with nothing seen.
 *
 * heads  CMX_ALERT_STEPS zeroed ones; may be NULL if limits.p99_ms is 0 */
void cmx_alert_init(cmx_alert_watch *watch, const cmx_alert_limits *limits, cmx_alert_heads *heads);

/* A request ended. */
void cmx_alert_on_done(cmx_alert_watch *watch, bool failed, uint64_t now_ms);

/* A request is sent again. */
void cmx_alert_on_retry(cmx_alert_watch *watch, uint64_t now_ms);

/* A response head came, `head_ms` after its request was sent. */
void cmx_alert_on_head(cmx_alert_watch *watch, uint64_t head_ms, uint64_t now_ms);

/* Looks at the window; to be called again until there is no change to tell.
 *
 * alert  out: with true, an alert that began or is over
 *
 * Returns whether there is one. */
bool cmx_alert_look(cmx_alert_watch *watch, uint64_t now_ms, cmx_alert *alert);

/* Returns when to look again although nothing happens; UINT64_MAX = when something did. */
uint64_t cmx_alert_due_ms(const cmx_alert_watch *watch, uint64_t now_ms);

/* Returns how many requests ended in the last minute. */
uint32_t cmx_alert_done_per_min(const cmx_alert_watch *watch, uint64_t now_ms);

#endif
