/* SPDX-License-Identifier: MIT */
/*
 * Whether a request is sent again after an attempt ended, and when: a pure decision over what
 * happened, what the server said and what was done so far; time and chance come in. And the budget
 * per origin that keeps retries from becoming a storm. It knows no HTTP/2 and no decoder.
 *
 * First row that fits:
 *   STARTED                                 END  STOP_STARTED
 *   OTHER                                   END  STOP_CAUSE
 *   NEVER_SENT, REFUSED                     REPLAY, the first at once, then after a back-off;
 *                                           END  STOP_REPLAYS at replays_max
 *   UNKNOWN and strict                      END  STOP_STRICT
 *   UNKNOWN, x-should-retry: false          END  STOP_SERVER
 *   STATUS or INBAND, x-should-retry: true  RETRY, whatever the status and the error
 *   STATUS or INBAND, an error that stays   END  STOP_ERROR   (quota, billing, context, filter)
 *   STATUS 408, 409, 429, 500 and above     RETRY, else END  STOP_STATUS
 *   INBAND with an HTTP status              as STATUS
 *   INBAND without, the request's fault     END  STOP_ERROR, else RETRY
 *   LOST                                    RETRY
 *   SILENT                                  END  STOP_SILENT, unless retry_silent: RETRY
 * A RETRY must pass four more: attempts_max (STOP_ATTEMPTS), the server's wait against
 * retry_after_max_ms (STOP_WAIT), the time left (STOP_DEADLINE), the budget (STOP_BUDGET).
 * Where another target takes over (`elsewhere`), neither the server's wait nor a back-off counts,
 * and the budget is not asked: it keeps one origin from a storm, and this attempt spares it.
 */
#ifndef CMX_POLICY_RETRY_H
#define CMX_POLICY_RETRY_H

#include "base/view.h"
#include "chatmux/client.h"
#include "policy/retry_after.h"

/* What is known of the server's work on the attempt. */
enum cmx_retry_class {
    CMX_RETRY_CLASS_NEVER_SENT, /* no byte of it left: no connection, or still queued */
    CMX_RETRY_CLASS_REFUSED,    /* provably not processed: REFUSED_STREAM, above GOAWAY's last id */
    CMX_RETRY_CLASS_UNKNOWN,    /* sent, perhaps a head, but no token was handed to the caller */
    CMX_RETRY_CLASS_STARTED,    /* a token was handed to the caller */
};

/* How the attempt ended. */
enum cmx_retry_cause {
    CMX_RETRY_CAUSE_STATUS, /* a head with an error status */
    CMX_RETRY_CAUSE_INBAND, /* an error inside an answer that began with 200 */
    CMX_RETRY_CAUSE_LOST,   /* connection or stream lost, refused or never made */
    CMX_RETRY_CAUSE_SILENT, /* head or first-token limit: the server may still be working on it */
    CMX_RETRY_CAUSE_OTHER,  /* all that another attempt would not change: cancelled, a limit of
                               ours, TLS trust, the queue or total limit, an empty answer */
};

enum cmx_retry_action {
    CMX_RETRY_ACTION_END,    /* report how it ended */
    CMX_RETRY_ACTION_REPLAY, /* send again, counts as a replay */
    CMX_RETRY_ACTION_RETRY,  /* send again, counts as an attempt */
};

/* Why it is not sent again: see the table above. */
enum cmx_retry_stop {
    CMX_RETRY_STOP_NONE, /* it is */
    CMX_RETRY_STOP_STARTED,
    CMX_RETRY_STOP_CAUSE,
    CMX_RETRY_STOP_REPLAYS,
    CMX_RETRY_STOP_STRICT,
    CMX_RETRY_STOP_SERVER,
    CMX_RETRY_STOP_ERROR,
    CMX_RETRY_STOP_STATUS,
    CMX_RETRY_STOP_SILENT,
    CMX_RETRY_STOP_ATTEMPTS,
    CMX_RETRY_STOP_WAIT,
    CMX_RETRY_STOP_DEADLINE,
    CMX_RETRY_STOP_BUDGET,
};

typedef struct cmx_retry_policy {
    uint32_t attempts_max;       /* sendings that the server may have processed: at least 1 */
    uint32_t replays_max;        /* sendings again after it provably had not */
    uint32_t base_ms;            /* the first back-off is at most this, each next twice as much */
    uint32_t cap_ms;             /* but never more than this */
    uint32_t rate_limit_factor;  /* times base and cap after a 429: at least 1 */
    uint32_t retry_after_max_ms; /* a longer wait that the server asks for ends the request */
    bool strict;                 /* never send again what the server may have processed */
    bool retry_silent;           /* also after a head or first-token limit */
} cmx_retry_policy;

/* Deposits and a reserve, in retries. */
typedef struct cmx_retry_budget_limits {
    uint32_t deposit_milli; /* thousandths of a retry that each first attempt deposits */
    uint32_t balance_max;   /* deposits beyond are lost: 0..1000000 */
    uint32_t reserve_max;   /* retries without any deposit: 0..1000000 */
    uint32_t reserve_per_s; /* by which the reserve refills: 0..1000000 */
} cmx_retry_budget_limits;

/* One per origin. Over any time of T seconds with N first attempts it grants at most reserve_max +
 * reserve_per_s * T + balance_max + N * deposit_milli / 1000 retries; balance_max is 0 there if
 * nothing was deposited before. */
typedef struct cmx_retry_budget {
    cmx_retry_budget_limits limits;
    uint64_t refilled_ms;
    uint32_t reserve_milli;
    uint32_t balance_milli;
} cmx_retry_budget;

typedef struct cmx_retry_outcome {
    enum cmx_retry_class class;
    enum cmx_retry_cause cause;
    bool slow_down;        /* for REFUSED: the server asked for less (ENHANCE_YOUR_CALM) */
    uint32_t http_status;  /* STATUS: the head's; INBAND: the error's own, 0 = it has none */
    cmx_view error_code;   /* as the server wrote them; empty = none */
    cmx_view error_type;   /* borrowed for the call */
    cmx_retry_after after; /* all zero = the server said nothing */
} cmx_retry_outcome;

typedef struct cmx_retry_state {
    uint32_t attempts;        /* so far, this one included; at least 1 for UNKNOWN */
    uint32_t replays;         /* so far */
    uint32_t left_ms;         /* until the request's total limit; UINT32_MAX = no limit */
    uint32_t random;          /* any 32 bits, others for each decision */
    cmx_retry_budget *budget; /* the origin's; a RETRY takes from it; NULL = without */
    bool elsewhere;           /* the next attempt is made at another target, ... */
    uint32_t elsewhere_ms;    /* ... which can be had after so long */
    uint64_t now_ms;          /* on the clock of the budget */
} cmx_retry_state;

typedef struct cmx_retry_decision {
    enum cmx_retry_action action;
    enum cmx_retry_reason reason; /* NONE with END */
    enum cmx_retry_stop stop;     /* NONE unless END */
    uint32_t wait_ms;             /* before sending; with END the wait that the server asked for,
                                     0 = none */
} cmx_retry_decision;

/* Whose fault an error is that another attempt would meet again, as its code and type say. */
enum cmx_retry_fault {
    CMX_RETRY_FAULT_UNSAID,  /* they do not */
    CMX_RETRY_FAULT_REQUEST, /* any server would refuse it: context length, content filter, ... */
    CMX_RETRY_FAULT_ACCOUNT, /* this server refuses us: quota, billing, key, permission, model */
};

/* Returns whose fault an outcome of cause STATUS or INBAND is. */
enum cmx_retry_fault cmx_retry_fault_of(const cmx_retry_outcome *outcome);

/* Decides after an attempt ended. The wait of a retry is what the server asked for plus 0..10 %, or
 * else full jitter: anything from 0 to min(cap, base * 2^n), n retries having been made. */
cmx_retry_decision cmx_retry_decide(const cmx_retry_policy *policy,
                                    const cmx_retry_outcome *outcome, cmx_retry_state *state);

/* Returns whether the attempt ended because the server wants fewer requests: 429, or the same said
 * inside an answer; not if it says so for good, such as a quota that is used up. */
bool cmx_retry_is_rate_limit(const cmx_retry_outcome *outcome);

/* Readies a budget with a full reserve and nothing deposited. The limits are copied. */
void cmx_retry_budget_init(cmx_retry_budget *budget, const cmx_retry_budget_limits *limits,
                           uint64_t now_ms);

/* Counts a first attempt. */
void cmx_retry_budget_deposit(cmx_retry_budget *budget);

/* Takes one retry, from the reserve first, because that refills by itself. Returns false if there
 * is none; then nothing is taken. */
bool cmx_retry_budget_take(cmx_retry_budget *budget, uint64_t now_ms);

#endif
