/* SPDX-License-Identifier: MIT */
/*
 * The decision of retry.h, row by row, and the budget. Error texts are matched exactly or by their
 * beginning: what a server calls "insufficient_..." or "billing..." does not heal within seconds,
 * whoever the server is.
 */
#include "policy/retry.h"

enum {
    MILLI = 1000, /* thousandths of a retry */
    JITTER_PART = 10,
};

/* What a server calls an error that another attempt meets again. */
static const char lasting[] = "\27context_length_exceeded\16content_filter"
                              "\30content_policy_violation\34exceeded_current_quota_error"
                              "\17invalid_api_key\24authentication_error\20permission_error"
                              "\17not_found_error\17model_not_found\25invalid_request_error"
                              "\21request_too_large";
enum {
    LASTING_ACCOUNT = 3, /* from here on the account's fault, not the request's */
    LASTING_VAGUE = 4,   /* says the same as a status would, so a status is believed instead */
    LASTING_REQUEST = 9, /* the request's again */
};

/* Quota, balance, credits; billing_not_active and the like. */
static const char beginnings[] = "\15insufficient_\7billing";

static enum cmx_retry_fault fault_of_text(cmx_view text, bool has_status)
{
    if (cmx_view_take_word(&text, beginnings) != CMX_VIEW_NONE) {
        return CMX_RETRY_FAULT_ACCOUNT;
    }
    unsigned at = cmx_view_word(text, lasting);
    if (at == CMX_VIEW_NONE || (has_status && at >= LASTING_VAGUE)) {
        return CMX_RETRY_FAULT_UNSAID;
    }
    return at >= LASTING_ACCOUNT && at < LASTING_REQUEST ? CMX_RETRY_FAULT_ACCOUNT
                                                         : CMX_RETRY_FAULT_REQUEST;
}

enum cmx_retry_fault cmx_retry_fault_of(const cmx_retry_outcome *outcome)
{
    bool has_status = outcome->http_status != 0;
    enum cmx_retry_fault fault = fault_of_text(outcome->error_code, has_status);
    return fault != CMX_RETRY_FAULT_UNSAID ? fault : fault_of_text(outcome->error_type, has_status);
}

static bool is_retryable_status(uint32_t status)
{
    return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* By head or inside an answer. */
static bool is_told(const cmx_retry_outcome *outcome)
{
    return outcome->cause == CMX_RETRY_CAUSE_STATUS || outcome->cause == CMX_RETRY_CAUSE_INBAND;
}

/* An error inside an answer, without a status of its own. */
static bool is_inband(const cmx_retry_outcome *outcome)
{
    return outcome->cause == CMX_RETRY_CAUSE_INBAND && outcome->http_status == 0;
}

/* Judges an error that the server told. */
static enum cmx_retry_stop judge_told(const cmx_retry_outcome *outcome)
{
    if (outcome->after.should_retry == CMX_RETRY_AFTER_YES) {
        return CMX_RETRY_STOP_NONE;
    }
    if (cmx_retry_fault_of(outcome) != CMX_RETRY_FAULT_UNSAID) {
        return CMX_RETRY_STOP_ERROR;
    }
    return is_inband(outcome) || is_retryable_status(outcome->http_status) ? CMX_RETRY_STOP_NONE
                                                                           : CMX_RETRY_STOP_STATUS;
}

/* Whether what happened allows another sending at all. */
static enum cmx_retry_stop judge(const cmx_retry_policy *policy, const cmx_retry_outcome *outcome)
{
    if (outcome->class == CMX_RETRY_CLASS_STARTED) {
        return CMX_RETRY_STOP_STARTED;
    }
    if (outcome->cause == CMX_RETRY_CAUSE_OTHER) {
        return CMX_RETRY_STOP_CAUSE;
    }
    if (outcome->class != CMX_RETRY_CLASS_UNKNOWN) {
        return CMX_RETRY_STOP_NONE;
    }
    if (policy->strict) {
        return CMX_RETRY_STOP_STRICT;
    }
    if (outcome->after.should_retry == CMX_RETRY_AFTER_NO) {
        return CMX_RETRY_STOP_SERVER;
    }
    if (is_told(outcome)) {
        return judge_told(outcome);
    }
    return outcome->cause == CMX_RETRY_CAUSE_SILENT && !policy->retry_silent ? CMX_RETRY_STOP_SILENT
                                                                             : CMX_RETRY_STOP_NONE;
}

static bool says_limit(cmx_view text)
{
    return cmx_view_take_word(&text, "\12rate_limit") == 0;
}

static bool has_limit(const cmx_retry_outcome *outcome)
{
    return outcome->http_status == 429 ||
           (is_inband(outcome) &&
            (says_limit(outcome->error_code) || says_limit(outcome->error_type) ||
             cmx_view_word(outcome->error_code, "\003429") == 0));
}

bool cmx_retry_is_rate_limit(const cmx_retry_outcome *outcome)
{
    return is_told(outcome) && has_limit(outcome) &&
           cmx_retry_fault_of(outcome) == CMX_RETRY_FAULT_UNSAID;
}

static enum cmx_retry_reason reason_of(const cmx_retry_outcome *outcome)
{
    static const uint8_t unprocessed[] = {
        [CMX_RETRY_CLASS_NEVER_SENT] = CMX_RETRY_NEVER_SENT,
        [CMX_RETRY_CLASS_REFUSED] = CMX_RETRY_REFUSED,
    };
    static const uint8_t unknown[] = {
        [CMX_RETRY_CAUSE_STATUS] = CMX_RETRY_STATUS,
        [CMX_RETRY_CAUSE_INBAND] = CMX_RETRY_INBAND,
        [CMX_RETRY_CAUSE_LOST] = CMX_RETRY_NETWORK,
        [CMX_RETRY_CAUSE_SILENT] = CMX_RETRY_SILENT,
    };

    if (outcome->class < CMX_RETRY_CLASS_UNKNOWN) {
        return unprocessed[outcome->class];
    }
    if (is_told(outcome) && has_limit(outcome)) {
        return CMX_RETRY_RATE_LIMIT;
    }
    CMX_ASSERT(outcome->cause < CMX_RETRY_CAUSE_OTHER); /* which is never sent again */
    return unknown[outcome->cause];
}

/* Full jitter: anything from 0 to the ceiling, each value about as likely. */
static uint32_t back_off(const cmx_retry_policy *policy, uint32_t retries, bool longer,
                         uint32_t random)
{
    uint64_t factor = longer ? policy->rate_limit_factor : 1;
    uint64_t cap_ms = policy->cap_ms * factor;
    cap_ms = cap_ms < UINT32_MAX ? cap_ms : UINT32_MAX - 1;
    uint64_t ceiling_ms = policy->base_ms * factor;
    for (uint32_t i = 0; i < retries && ceiling_ms > 0 && ceiling_ms < cap_ms; i++) {
        ceiling_ms *= 2; /* at most 32 times: then it has reached the cap */
    }
    ceiling_ms = ceiling_ms < cap_ms ? ceiling_ms : cap_ms;
    return (uint32_t)((ceiling_ms + 1) * random >> 32);
}

/* What the server asked for and up to a tenth more, so that its clients do not return as one. */
static uint32_t spread(uint32_t wait_ms, uint32_t random)
{
    uint64_t more_ms = ((uint64_t)wait_ms * random >> 32) / JITTER_PART;
    return more_ms > UINT32_MAX - wait_ms ? UINT32_MAX : wait_ms + (uint32_t)more_ms;
}

/* The first replay goes at once; a server that refuses again is not asked in a loop. */
static uint32_t replay_wait_ms(const cmx_retry_policy *policy, const cmx_retry_outcome *outcome,
                               const cmx_retry_state *state)
{
    if (!outcome->slow_down && state->replays == 0) {
        return 0;
    }
    return back_off(policy, state->replays - (outcome->slow_down ? 0 : 1), outcome->slow_down,
                    state->random);
}

/* "0" asks for nothing, and asking again at once would not be kind. */
static uint32_t retry_wait_ms(const cmx_retry_policy *policy, enum cmx_retry_reason reason,
                              uint32_t asked_ms, const cmx_retry_state *state)
{
    if (asked_ms > 0) {
        return spread(asked_ms, state->random);
    }
    CMX_ASSERT(state->attempts >= 1);
    return back_off(policy, state->attempts - 1, reason == CMX_RETRY_RATE_LIMIT, state->random);
}

/* Whether what is left allows another sending, and when.
 *
 * decision  in: action, reason and in wait_ms what the server asked for; out: stop, and wait_ms if
 *           that is none */
static void look_ahead(const cmx_retry_policy *policy, const cmx_retry_outcome *outcome,
                       cmx_retry_state *state, cmx_retry_decision *decision)
{
    bool is_replay = decision->action == CMX_RETRY_ACTION_REPLAY;
    uint32_t wait_ms = state->elsewhere_ms;
    if (!state->elsewhere) {
        wait_ms = is_replay ? replay_wait_ms(policy, outcome, state)
                            : retry_wait_ms(policy, decision->reason, decision->wait_ms, state);
    }
    if (is_replay && state->replays >= policy->replays_max) {
        decision->stop = CMX_RETRY_STOP_REPLAYS;
    } else if (!is_replay && state->attempts >= policy->attempts_max) {
        decision->stop = CMX_RETRY_STOP_ATTEMPTS;
    } else if (!is_replay && !state->elsewhere && decision->wait_ms > policy->retry_after_max_ms) {
        decision->stop = CMX_RETRY_STOP_WAIT;
    } else if (state->left_ms != UINT32_MAX && wait_ms >= state->left_ms) {
        decision->stop = CMX_RETRY_STOP_DEADLINE;
    } else if (!is_replay && !state->elsewhere && state->budget != NULL &&
               !cmx_retry_budget_take(state->budget, state->now_ms)) {
        decision->stop = CMX_RETRY_STOP_BUDGET;
    } else {
        decision->wait_ms = wait_ms;
    }
}

cmx_retry_decision cmx_retry_decide(const cmx_retry_policy *policy,
                                    const cmx_retry_outcome *outcome, cmx_retry_state *state)
{
    cmx_retry_decision decision = {
        .stop = judge(policy, outcome),
        .wait_ms = outcome->after.has ? outcome->after.wait_ms : 0,
    };
    if (decision.stop == CMX_RETRY_STOP_NONE) {
        decision.action = outcome->class == CMX_RETRY_CLASS_UNKNOWN ? CMX_RETRY_ACTION_RETRY
                                                                    : CMX_RETRY_ACTION_REPLAY;
        decision.reason = reason_of(outcome);
        look_ahead(policy, outcome, state, &decision);
    }
    if (decision.stop != CMX_RETRY_STOP_NONE) {
        decision.action = CMX_RETRY_ACTION_END;
        decision.reason = CMX_RETRY_NONE;
    }
    return decision;
}

void cmx_retry_budget_init(cmx_retry_budget *budget, const cmx_retry_budget_limits *limits,
                           uint64_t now_ms)
{
    CMX_ASSERT(limits->balance_max <= 1000000 && limits->reserve_max <= 1000000 &&
               limits->reserve_per_s <= 1000000);
    *budget = (cmx_retry_budget){
        .limits = *limits,
        .refilled_ms = now_ms,
        .reserve_milli = limits->reserve_max * MILLI,
        .balance_milli = 0,
    };
}

void cmx_retry_budget_deposit(cmx_retry_budget *budget)
{
    uint32_t most_milli = budget->limits.balance_max * MILLI;
    uint32_t room_milli = most_milli - budget->balance_milli;
    uint32_t deposit_milli = budget->limits.deposit_milli;
    budget->balance_milli += deposit_milli < room_milli ? deposit_milli : room_milli;
}

/* One retry a second is one thousandth a millisecond. */
static void refill(cmx_retry_budget *budget, uint64_t now_ms)
{
    if (now_ms <= budget->refilled_ms) {
        return;
    }
    uint64_t passed_ms = now_ms - budget->refilled_ms;
    uint32_t per_s = budget->limits.reserve_per_s;
    uint32_t room_milli = budget->limits.reserve_max * MILLI - budget->reserve_milli;
    bool full = per_s > 0 && passed_ms > room_milli / per_s;
    budget->reserve_milli += full ? room_milli : (uint32_t)passed_ms * per_s;
    budget->refilled_ms = now_ms;
}

bool cmx_retry_budget_take(cmx_retry_budget *budget, uint64_t now_ms)
{
    refill(budget, now_ms);
    uint32_t *purse_milli =
        budget->reserve_milli >= MILLI ? &budget->reserve_milli : &budget->balance_milli;
    if (*purse_milli < MILLI) {
        return false;
    }
    *purse_milli -= MILLI;
    return true;
}
