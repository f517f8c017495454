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

/* An error that another attempt meets again. */
struct lasting {
    const char *text;
    bool is_prefix;
    bool needs_no_status; /* says the same as a status would, so a status is believed instead */
    enum cmx_retry_fault fault;
};

static const struct lasting lasting[] = {
    {"insufficient_", true, false, CMX_RETRY_FAULT_ACCOUNT}, /* quota, balance, credits */
    {"billing", true, false, CMX_RETRY_FAULT_ACCOUNT},       /* billing_not_active, ... */
    {"exceeded_current_quota_error", false, false, CMX_RETRY_FAULT_ACCOUNT},
    {"context_length_exceeded", false, false, CMX_RETRY_FAULT_REQUEST},
    {"content_filter", false, false, CMX_RETRY_FAULT_REQUEST},
    {"content_policy_violation", false, false, CMX_RETRY_FAULT_REQUEST},
    {"invalid_request_error", false, true, CMX_RETRY_FAULT_REQUEST},
    {"invalid_api_key", false, true, CMX_RETRY_FAULT_ACCOUNT},
    {"authentication_error", false, true, CMX_RETRY_FAULT_ACCOUNT},
    {"permission_error", false, true, CMX_RETRY_FAULT_ACCOUNT},
    {"not_found_error", false, true, CMX_RETRY_FAULT_ACCOUNT},
    {"model_not_found", false, true, CMX_RETRY_FAULT_ACCOUNT},
    {"request_too_large", false, true, CMX_RETRY_FAULT_REQUEST},
};

static bool begins_with(cmx_view text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static const struct lasting *find_lasting(cmx_view text, bool has_status)
{
    for (size_t i = 0; i < CMX_ARRAY_LEN(lasting); i++) {
        const struct lasting *row = &lasting[i];
        bool fits =
            begins_with(text, row->text) && (row->is_prefix || text.len == strlen(row->text));
        if (fits && !(row->needs_no_status && has_status)) {
            return row;
        }
    }
    return NULL;
}

static bool is_lasting(cmx_view text, bool has_status)
{
    return find_lasting(text, has_status) != NULL;
}

enum cmx_retry_fault cmx_retry_fault_of(const cmx_retry_outcome *outcome)
{
    bool has_status = outcome->http_status != 0;
    const struct lasting *found = find_lasting(outcome->error_code, has_status);
    found = found != NULL ? found : find_lasting(outcome->error_type, has_status);
    return found != NULL ? found->fault : CMX_RETRY_FAULT_UNSAID;
}

static bool is_retryable_status(uint32_t status)
{
    return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* Judges an error that the server told, by head or in the answer. */
static enum cmx_retry_stop judge_told(const cmx_retry_outcome *outcome)
{
    bool has_status = outcome->http_status != 0;
    if (outcome->after.should_retry == CMX_RETRY_AFTER_YES) {
        return CMX_RETRY_STOP_NONE;
    }
    if (is_lasting(outcome->error_code, has_status) ||
        is_lasting(outcome->error_type, has_status)) {
        return CMX_RETRY_STOP_ERROR;
    }
    if (outcome->cause == CMX_RETRY_CAUSE_INBAND && !has_status) {
        return CMX_RETRY_STOP_NONE;
    }
    return is_retryable_status(outcome->http_status) ? CMX_RETRY_STOP_NONE : CMX_RETRY_STOP_STATUS;
}

/* Whether what happened allows another attempt at all. */
static enum cmx_retry_stop judge_unknown(const cmx_retry_policy *policy,
                                         const cmx_retry_outcome *outcome)
{
    if (policy->strict) {
        return CMX_RETRY_STOP_STRICT;
    }
    if (outcome->after.should_retry == CMX_RETRY_AFTER_NO) {
        return CMX_RETRY_STOP_SERVER;
    }
    switch (outcome->cause) {
    case CMX_RETRY_CAUSE_STATUS:
    case CMX_RETRY_CAUSE_INBAND:
        return judge_told(outcome);
    case CMX_RETRY_CAUSE_LOST:
        return CMX_RETRY_STOP_NONE;
    case CMX_RETRY_CAUSE_SILENT:
        return policy->retry_silent ? CMX_RETRY_STOP_NONE : CMX_RETRY_STOP_SILENT;
    case CMX_RETRY_CAUSE_OTHER:
        break; /* ended before this is asked */
    }
    CMX_UNREACHABLE();
}

static bool has_limit(const cmx_retry_outcome *outcome)
{
    if (outcome->http_status == 429) {
        return true;
    }
    return outcome->cause == CMX_RETRY_CAUSE_INBAND && outcome->http_status == 0 &&
           (begins_with(outcome->error_code, "rate_limit") ||
            begins_with(outcome->error_type, "rate_limit") ||
            cmx_view_equal(outcome->error_code, CMX_VIEW_LITERAL("429")));
}

bool cmx_retry_is_rate_limit(const cmx_retry_outcome *outcome)
{
    bool told =
        outcome->cause == CMX_RETRY_CAUSE_STATUS || outcome->cause == CMX_RETRY_CAUSE_INBAND;
    bool has_status = outcome->http_status != 0;
    return told && has_limit(outcome) && !is_lasting(outcome->error_code, has_status) &&
           !is_lasting(outcome->error_type, has_status);
}

static enum cmx_retry_reason reason_of(const cmx_retry_outcome *outcome)
{
    if (outcome->class == CMX_RETRY_CLASS_NEVER_SENT) {
        return CMX_RETRY_NEVER_SENT;
    }
    if (outcome->class == CMX_RETRY_CLASS_REFUSED) {
        return CMX_RETRY_REFUSED;
    }
    switch (outcome->cause) {
    case CMX_RETRY_CAUSE_STATUS:
        return has_limit(outcome) ? CMX_RETRY_RATE_LIMIT : CMX_RETRY_STATUS;
    case CMX_RETRY_CAUSE_INBAND:
        return has_limit(outcome) ? CMX_RETRY_RATE_LIMIT : CMX_RETRY_INBAND;
    case CMX_RETRY_CAUSE_LOST:
        return CMX_RETRY_NETWORK;
    case CMX_RETRY_CAUSE_SILENT:
        return CMX_RETRY_SILENT;
    case CMX_RETRY_CAUSE_OTHER:
        break; /* never sent again */
    }
    CMX_UNREACHABLE();
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

static cmx_retry_decision end_with(enum cmx_retry_stop stop, const cmx_retry_outcome *outcome)
{
    return (cmx_retry_decision){CMX_RETRY_ACTION_END, CMX_RETRY_NONE, stop,
                                outcome->after.has ? outcome->after.wait_ms : 0};
}

static bool fits_deadline(uint32_t wait_ms, const cmx_retry_state *state)
{
    return state->left_ms == UINT32_MAX || wait_ms < state->left_ms;
}

/* The first replay goes at once; a server that refuses again is not asked in a loop. */
static cmx_retry_decision decide_replay(const cmx_retry_policy *policy,
                                        const cmx_retry_outcome *outcome,
                                        const cmx_retry_state *state)
{
    if (state->replays >= policy->replays_max) {
        return end_with(CMX_RETRY_STOP_REPLAYS, outcome);
    }
    uint32_t wait_ms = 0;
    if (state->elsewhere) {
        wait_ms = state->elsewhere_ms;
    } else if (outcome->slow_down) {
        wait_ms = back_off(policy, state->replays, true, state->random);
    } else if (state->replays > 0) {
        wait_ms = back_off(policy, state->replays - 1, false, state->random);
    }
    if (!fits_deadline(wait_ms, state)) {
        return end_with(CMX_RETRY_STOP_DEADLINE, outcome);
    }
    return (cmx_retry_decision){CMX_RETRY_ACTION_REPLAY, reason_of(outcome), CMX_RETRY_STOP_NONE,
                                wait_ms};
}

static cmx_retry_decision decide_retry(const cmx_retry_policy *policy,
                                       const cmx_retry_outcome *outcome, cmx_retry_state *state)
{
    CMX_ASSERT(state->attempts >= 1);
    if (state->attempts >= policy->attempts_max) {
        return end_with(CMX_RETRY_STOP_ATTEMPTS, outcome);
    }
    enum cmx_retry_reason reason = reason_of(outcome);
    if (state->elsewhere) {
        return fits_deadline(state->elsewhere_ms, state)
                   ? (cmx_retry_decision){CMX_RETRY_ACTION_RETRY, reason, CMX_RETRY_STOP_NONE,
                                          state->elsewhere_ms}
                   : end_with(CMX_RETRY_STOP_DEADLINE, outcome);
    }
    uint32_t wait_ms = outcome->after.has ? outcome->after.wait_ms : 0;
    if (wait_ms > policy->retry_after_max_ms) {
        return end_with(CMX_RETRY_STOP_WAIT, outcome);
    }
    /* "0" asks for nothing, and asking again at once would not be kind. */
    wait_ms = wait_ms > 0 ? spread(wait_ms, state->random)
                          : back_off(policy, state->attempts - 1, reason == CMX_RETRY_RATE_LIMIT,
                                     state->random);
    if (!fits_deadline(wait_ms, state)) {
        return end_with(CMX_RETRY_STOP_DEADLINE, outcome);
    }
    if (state->budget != NULL && !cmx_retry_budget_take(state->budget, state->now_ms)) {
        return end_with(CMX_RETRY_STOP_BUDGET, outcome);
    }
    return (cmx_retry_decision){CMX_RETRY_ACTION_RETRY, reason, CMX_RETRY_STOP_NONE, wait_ms};
}

void cmx_retry_policy_default(cmx_retry_policy *policy)
{
    *policy = (cmx_retry_policy){
        .attempts_max = 3,
        .replays_max = 8,
        .base_ms = 500,
        .cap_ms = 8000,
        .rate_limit_factor = 4,
        .retry_after_max_ms = 120000,
        .strict = false,
        .retry_silent = false,
    };
}

cmx_retry_decision cmx_retry_decide(const cmx_retry_policy *policy,
                                    const cmx_retry_outcome *outcome, cmx_retry_state *state)
{
    if (outcome->class == CMX_RETRY_CLASS_STARTED) {
        return end_with(CMX_RETRY_STOP_STARTED, outcome);
    }
    if (outcome->cause == CMX_RETRY_CAUSE_OTHER) {
        return end_with(CMX_RETRY_STOP_CAUSE, outcome);
    }
    if (outcome->class != CMX_RETRY_CLASS_UNKNOWN) {
        return decide_replay(policy, outcome, state);
    }
    enum cmx_retry_stop stop = judge_unknown(policy, outcome);
    return stop == CMX_RETRY_STOP_NONE ? decide_retry(policy, outcome, state)
                                       : end_with(stop, outcome);
}

void cmx_retry_budget_limits_default(cmx_retry_budget_limits *limits)
{
    *limits = (cmx_retry_budget_limits){
        .deposit_milli = 100,
        .balance_max = 10,
        .reserve_max = 10,
        .reserve_per_s = 1,
    };
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
    uint64_t per_s = budget->limits.reserve_per_s;
    uint32_t room_milli = budget->limits.reserve_max * MILLI - budget->reserve_milli;
    bool full = per_s > 0 && passed_ms > room_milli / per_s;
    budget->reserve_milli += full ? room_milli : (uint32_t)(passed_ms * per_s);
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
