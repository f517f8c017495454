/* SPDX-License-Identifier: MIT */
/*
 * Every row of the decision table of policy/retry.h, its waits, and the budget that bounds storms.
 */
#include "policy/retry.h"

#include "base/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "unit/expect_panic.h"

static cmx_retry_policy policy;

static const cmx_retry_policy usual_policy = {3, 8, 500, 8000, 4, 120000, false, false};
static const cmx_retry_budget_limits usual_limits = {100, 10, 10, 1};

static int set_up(void **state)
{
    (void)state;
    policy = usual_policy;
    return 0;
}

static cmx_retry_outcome outcome_of(enum cmx_retry_class class, enum cmx_retry_cause cause,
                                    uint32_t http_status)
{
    return (cmx_retry_outcome){.class = class, .cause = cause, .http_status = http_status};
}

static cmx_retry_decision decide(cmx_retry_outcome outcome)
{
    cmx_retry_state state = {.attempts = 1, .left_ms = UINT32_MAX, .random = UINT32_MAX};
    return cmx_retry_decide(&policy, &outcome, &state);
}

static void check_retry(cmx_retry_outcome outcome, enum cmx_retry_reason reason)
{
    cmx_retry_decision decision = decide(outcome);
    assert_int_equal(decision.action, CMX_RETRY_ACTION_RETRY);
    assert_int_equal(decision.reason, reason);
    assert_int_equal(decision.stop, CMX_RETRY_STOP_NONE);
}

static void check_end(cmx_retry_outcome outcome, enum cmx_retry_stop stop)
{
    cmx_retry_decision decision = decide(outcome);
    assert_int_equal(decision.action, CMX_RETRY_ACTION_END);
    assert_int_equal(decision.reason, CMX_RETRY_NONE);
    assert_int_equal(decision.stop, stop);
}

static cmx_retry_outcome status_of(uint32_t http_status)
{
    return outcome_of(CMX_RETRY_CLASS_UNKNOWN, CMX_RETRY_CAUSE_STATUS, http_status);
}

static cmx_retry_outcome inband_of(uint32_t http_status, const char *code, const char *type)
{
    cmx_retry_outcome outcome =
        outcome_of(CMX_RETRY_CLASS_UNKNOWN, CMX_RETRY_CAUSE_INBAND, http_status);
    outcome.error_code = cmx_view_text(code);
    outcome.error_type = cmx_view_text(type);
    return outcome;
}

static void test_retry_every_status_has_its_row(void **state)
{
    (void)state;
    for (uint32_t status = 100; status < 1000; status++) {
        if (status == 429) {
            check_retry(status_of(status), CMX_RETRY_RATE_LIMIT);
        } else if (status == 408 || status == 409 || status >= 500) {
            check_retry(status_of(status), CMX_RETRY_STATUS);
        } else {
            check_end(status_of(status), CMX_RETRY_STOP_STATUS);
        }
    }
}

static void test_retry_errors_that_last_are_not_retried(void **state)
{
    (void)state;
    static const char *const lasting[] = {
        "insufficient_quota",      "insufficient_balance", "billing_hard_limit_reached",
        "billing_not_active",      "billing_error",        "exceeded_current_quota_error",
        "context_length_exceeded", "content_filter",       "content_policy_violation",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(lasting); i++) {
        cmx_retry_outcome by_code = status_of(429);
        by_code.error_code = cmx_view_text(lasting[i]);
        check_end(by_code, CMX_RETRY_STOP_ERROR);
        cmx_retry_outcome by_type = status_of(500);
        by_type.error_type = cmx_view_text(lasting[i]);
        check_end(by_type, CMX_RETRY_STOP_ERROR);
        check_end(inband_of(0, lasting[i], ""), CMX_RETRY_STOP_ERROR);
        check_end(inband_of(503, "", lasting[i]), CMX_RETRY_STOP_ERROR);
    }
    /* Whole words, but for the two families. */
    static const char *const longer[] = {
        "exceeded_current_quota_error_",
        "context_length_exceeded_",
        "content_filter_",
        "content_policy_violation_",
        "invalid_request_error_",
        "invalid_api_key_",
        "authentication_error_",
        "permission_error_",
        "not_found_error_",
        "model_not_found_",
        "request_too_large_",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(longer); i++) {
        check_retry(inband_of(0, longer[i], longer[i]), CMX_RETRY_INBAND);
    }
    cmx_retry_outcome other = status_of(429);
    other.error_code = CMX_VIEW_LITERAL("rate_limit_exceeded");
    other.error_type = CMX_VIEW_LITERAL("tokens");
    check_retry(other, CMX_RETRY_RATE_LIMIT);
    other.error_code = CMX_VIEW_LITERAL("content_filte");
    check_retry(other, CMX_RETRY_RATE_LIMIT);
}

static void test_retry_inband_errors(void **state)
{
    (void)state;
    check_retry(inband_of(0, "", ""), CMX_RETRY_INBAND);
    check_retry(inband_of(0, "server_error", "server_error"), CMX_RETRY_INBAND);
    check_retry(inband_of(0, "", "overloaded_error"), CMX_RETRY_INBAND);
    check_retry(inband_of(502, "502", ""), CMX_RETRY_INBAND);
    check_retry(inband_of(429, "429", ""), CMX_RETRY_RATE_LIMIT);
    check_retry(inband_of(0, "429", ""), CMX_RETRY_RATE_LIMIT);
    check_retry(inband_of(0, "rate_limit_exceeded", "requests"), CMX_RETRY_RATE_LIMIT);
    check_retry(inband_of(0, "", "rate_limit_error"), CMX_RETRY_RATE_LIMIT);
    check_end(inband_of(400, "", ""), CMX_RETRY_STOP_STATUS);
    check_end(inband_of(401, "", ""), CMX_RETRY_STOP_STATUS);
    static const char *const faults[] = {
        "invalid_request_error", "invalid_api_key", "authentication_error", "permission_error",
        "not_found_error",       "model_not_found", "request_too_large",
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(faults); i++) {
        check_end(inband_of(0, faults[i], ""), CMX_RETRY_STOP_ERROR);
        check_end(inband_of(0, "", faults[i]), CMX_RETRY_STOP_ERROR);
        /* With a status beside it, that is believed. */
        check_retry(inband_of(503, "", faults[i]), CMX_RETRY_INBAND);
    }
}

static void test_retry_lost_and_silent(void **state)
{
    (void)state;
    cmx_retry_outcome lost = outcome_of(CMX_RETRY_CLASS_UNKNOWN, CMX_RETRY_CAUSE_LOST, 0);
    check_retry(lost, CMX_RETRY_NETWORK);
    cmx_retry_outcome silent = outcome_of(CMX_RETRY_CLASS_UNKNOWN, CMX_RETRY_CAUSE_SILENT, 0);
    check_end(silent, CMX_RETRY_STOP_SILENT);
    policy.retry_silent = true;
    check_retry(silent, CMX_RETRY_SILENT);
}

static void test_retry_started_and_other_causes_never(void **state)
{
    (void)state;
    policy.retry_silent = true;
    for (int cause = CMX_RETRY_CAUSE_STATUS; cause <= CMX_RETRY_CAUSE_OTHER; cause++) {
        cmx_retry_outcome outcome =
            outcome_of(CMX_RETRY_CLASS_STARTED, (enum cmx_retry_cause)cause, 503);
        outcome.after.should_retry = CMX_RETRY_AFTER_YES;
        check_end(outcome, CMX_RETRY_STOP_STARTED);
    }
    for (int class = CMX_RETRY_CLASS_NEVER_SENT; class <= CMX_RETRY_CLASS_UNKNOWN; class ++) {
        cmx_retry_outcome outcome =
            outcome_of((enum cmx_retry_class) class, CMX_RETRY_CAUSE_OTHER, 0);
        outcome.after.should_retry = CMX_RETRY_AFTER_YES;
        check_end(outcome, CMX_RETRY_STOP_CAUSE);
    }
}

static void test_retry_strict_spares_only_what_was_not_processed(void **state)
{
    (void)state;
    policy.strict = true;
    policy.retry_silent = true;
    check_end(status_of(429), CMX_RETRY_STOP_STRICT);
    check_end(inband_of(0, "", ""), CMX_RETRY_STOP_STRICT);
    check_end(outcome_of(CMX_RETRY_CLASS_UNKNOWN, CMX_RETRY_CAUSE_LOST, 0), CMX_RETRY_STOP_STRICT);
    check_end(outcome_of(CMX_RETRY_CLASS_UNKNOWN, CMX_RETRY_CAUSE_SILENT, 0),
              CMX_RETRY_STOP_STRICT);
    cmx_retry_outcome asked = status_of(503);
    asked.after.should_retry = CMX_RETRY_AFTER_YES;
    check_end(asked, CMX_RETRY_STOP_STRICT);
    cmx_retry_outcome refused = outcome_of(CMX_RETRY_CLASS_REFUSED, CMX_RETRY_CAUSE_LOST, 0);
    assert_int_equal(decide(refused).action, CMX_RETRY_ACTION_REPLAY);
}

static void test_retry_the_server_says_whether(void **state)
{
    (void)state;
    cmx_retry_outcome no = status_of(503);
    no.after.should_retry = CMX_RETRY_AFTER_NO;
    check_end(no, CMX_RETRY_STOP_SERVER);
    no.cause = CMX_RETRY_CAUSE_LOST;
    check_end(no, CMX_RETRY_STOP_SERVER);
    no.cause = CMX_RETRY_CAUSE_INBAND;
    check_end(no, CMX_RETRY_STOP_SERVER);

    static const uint32_t statuses[] = {400, 401, 403, 404, 422, 307, 200};
    for (size_t i = 0; i < CMX_ARRAY_LEN(statuses); i++) {
        cmx_retry_outcome yes = status_of(statuses[i]);
        yes.after.should_retry = CMX_RETRY_AFTER_YES;
        yes.error_code = CMX_VIEW_LITERAL("insufficient_quota");
        check_retry(yes, CMX_RETRY_STATUS);
        yes.cause = CMX_RETRY_CAUSE_INBAND;
        check_retry(yes, CMX_RETRY_INBAND);
    }
    /* It speaks of an answer, not of silence. */
    cmx_retry_outcome silent = outcome_of(CMX_RETRY_CLASS_UNKNOWN, CMX_RETRY_CAUSE_SILENT, 200);
    silent.after.should_retry = CMX_RETRY_AFTER_YES;
    check_end(silent, CMX_RETRY_STOP_SILENT);
}

static void test_retry_replays_are_free_and_bounded(void **state)
{
    (void)state;
    cmx_retry_budget_limits limits = {0, 0, 0, 0};
    cmx_retry_budget empty;
    cmx_retry_budget_init(&empty, &limits, 0);
    static const enum cmx_retry_class classes[] = {CMX_RETRY_CLASS_NEVER_SENT,
                                                   CMX_RETRY_CLASS_REFUSED};
    static const enum cmx_retry_reason reasons[] = {CMX_RETRY_NEVER_SENT, CMX_RETRY_REFUSED};
    /* The first at once, then at most base, twice that, and so on up to the cap. */
    static const uint32_t waits_ms[] = {0, 500, 1000, 2000, 4000, 8000, 8000, 8000};
    for (size_t i = 0; i < CMX_ARRAY_LEN(classes); i++) {
        cmx_retry_outcome outcome = outcome_of(classes[i], CMX_RETRY_CAUSE_LOST, 0);
        for (uint32_t replays = 0; replays < 10; replays++) {
            cmx_retry_state now = {.attempts = 99,
                                   .replays = replays,
                                   .left_ms = UINT32_MAX,
                                   .random = UINT32_MAX,
                                   .budget = &empty};
            cmx_retry_decision decision = cmx_retry_decide(&policy, &outcome, &now);
            if (replays >= 8) {
                assert_int_equal(decision.action, CMX_RETRY_ACTION_END);
                assert_int_equal(decision.stop, CMX_RETRY_STOP_REPLAYS);
                continue;
            }
            assert_int_equal(decision.action, CMX_RETRY_ACTION_REPLAY);
            assert_int_equal(decision.reason, reasons[i]);
            assert_int_equal(decision.wait_ms, waits_ms[replays]);
        }
    }
}

static void test_retry_calm_replay_is_not_in_a_hurry(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = outcome_of(CMX_RETRY_CLASS_REFUSED, CMX_RETRY_CAUSE_LOST, 0);
    outcome.slow_down = true;
    cmx_retry_decision decision = decide(outcome);
    assert_int_equal(decision.action, CMX_RETRY_ACTION_REPLAY);
    assert_int_equal(decision.wait_ms, 2000);
}

static void test_retry_attempts_are_bounded(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = status_of(503);
    for (uint32_t attempts = 1; attempts < 6; attempts++) {
        cmx_retry_state now = {.attempts = attempts, .left_ms = UINT32_MAX};
        cmx_retry_decision decision = cmx_retry_decide(&policy, &outcome, &now);
        assert_int_equal(decision.action,
                         attempts < 3 ? CMX_RETRY_ACTION_RETRY : CMX_RETRY_ACTION_END);
        assert_int_equal(decision.stop,
                         attempts < 3 ? CMX_RETRY_STOP_NONE : CMX_RETRY_STOP_ATTEMPTS);
    }
}

static uint32_t wait_of(uint32_t http_status, uint32_t attempts, uint32_t random)
{
    cmx_retry_outcome outcome = status_of(http_status);
    cmx_retry_state now = {.attempts = attempts, .left_ms = UINT32_MAX, .random = random};
    cmx_retry_decision decision = cmx_retry_decide(&policy, &outcome, &now);
    assert_int_equal(decision.action, CMX_RETRY_ACTION_RETRY);
    return decision.wait_ms;
}

static void test_retry_back_off_has_full_jitter(void **state)
{
    (void)state;
    policy.attempts_max = 100;
    static const uint32_t ceilings_ms[] = {500, 1000, 2000, 4000, 8000, 8000};
    for (uint32_t n = 0; n < CMX_ARRAY_LEN(ceilings_ms); n++) {
        assert_int_equal(wait_of(500, n + 1, 0), 0);
        assert_int_equal(wait_of(500, n + 1, UINT32_MAX), ceilings_ms[n]);
        assert_int_equal(wait_of(500, n + 1, UINT32_C(1) << 31), ceilings_ms[n] / 2);
        assert_int_equal(wait_of(429, n + 1, UINT32_MAX), ceilings_ms[n] * 4);
    }
    assert_int_equal(wait_of(500, 99, UINT32_MAX), 8000);
    policy.base_ms = UINT32_MAX;
    policy.cap_ms = UINT32_MAX;
    policy.rate_limit_factor = UINT32_MAX;
    assert_true(wait_of(429, 99, UINT32_MAX) == UINT32_MAX - 1);
    policy.base_ms = 0;
    assert_int_equal(wait_of(500, 99, UINT32_MAX), 0);
}

static void test_retry_back_off_spreads_evenly(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 8);
    unsigned tenths[10] = {0};
    for (unsigned i = 0; i < 10000; i++) {
        uint32_t drawn = cmx_random_below(&random, 65536) << 16 | cmx_random_below(&random, 65536);
        uint32_t wait_ms = wait_of(503, 2, drawn);
        assert_true(wait_ms <= 1000);
        tenths[wait_ms < 1000 ? wait_ms / 100 : 9]++;
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(tenths[i], 880, 1120); /* four standard deviations of a fixed seed */
    }
}

static void test_retry_the_server_says_when(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = status_of(429);
    outcome.after = (cmx_retry_after){.has = true, .wait_ms = 2000};
    cmx_retry_state now = {.attempts = 1, .left_ms = UINT32_MAX, .random = 0};
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).wait_ms, 2000);
    now.random = UINT32_MAX;
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).wait_ms, 2199);
    outcome.after.wait_ms = 120000;
    now.random = UINT32_C(1) << 31;
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).wait_ms, 126000);
    outcome.after.wait_ms = 0; /* asks for nothing */
    now.random = UINT32_MAX;
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).wait_ms, 2000);
}

static void test_retry_a_wait_too_long_ends_and_is_reported(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = status_of(429);
    outcome.after = (cmx_retry_after){.has = true, .wait_ms = 120001};
    cmx_retry_decision decision = decide(outcome);
    assert_int_equal(decision.action, CMX_RETRY_ACTION_END);
    assert_int_equal(decision.stop, CMX_RETRY_STOP_WAIT);
    assert_int_equal(decision.wait_ms, 120001);
    outcome.after.should_retry = CMX_RETRY_AFTER_YES;
    check_end(outcome, CMX_RETRY_STOP_WAIT);
    outcome.after.wait_ms = UINT32_MAX;
    check_end(outcome, CMX_RETRY_STOP_WAIT);
    policy.retry_after_max_ms = UINT32_MAX;
    assert_true(decide(outcome).wait_ms == UINT32_MAX);
    assert_int_equal(decide(outcome).action, CMX_RETRY_ACTION_RETRY);

    outcome = status_of(400); /* every end tells it */
    outcome.after = (cmx_retry_after){.has = true, .wait_ms = 5000};
    check_end(outcome, CMX_RETRY_STOP_STATUS);
    assert_int_equal(decide(outcome).wait_ms, 5000);
}

static void test_retry_nothing_waits_past_the_total_limit(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = status_of(503);
    outcome.after = (cmx_retry_after){.has = true, .wait_ms = 2000};
    cmx_retry_state now = {.attempts = 1, .left_ms = 2001, .random = 0};
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).action, CMX_RETRY_ACTION_RETRY);
    now.left_ms = 2000;
    cmx_retry_decision decision = cmx_retry_decide(&policy, &outcome, &now);
    assert_int_equal(decision.action, CMX_RETRY_ACTION_END);
    assert_int_equal(decision.stop, CMX_RETRY_STOP_DEADLINE);

    cmx_retry_outcome refused = outcome_of(CMX_RETRY_CLASS_REFUSED, CMX_RETRY_CAUSE_LOST, 0);
    now.replays = 1;
    now.random = UINT32_MAX;
    now.left_ms = 501;
    assert_int_equal(cmx_retry_decide(&policy, &refused, &now).action, CMX_RETRY_ACTION_REPLAY);
    now.left_ms = 500;
    assert_int_equal(cmx_retry_decide(&policy, &refused, &now).stop, CMX_RETRY_STOP_DEADLINE);
}

static void test_retry_empty_budget_ends_and_only_retries_take(void **state)
{
    (void)state;
    cmx_retry_budget_limits limits = {.reserve_max = 2};
    cmx_retry_budget budget;
    cmx_retry_budget_init(&budget, &limits, 0);
    cmx_retry_outcome outcome = status_of(503);
    cmx_retry_state now = {.attempts = 1, .left_ms = UINT32_MAX, .budget = &budget};
    cmx_retry_outcome fault = status_of(400);
    for (unsigned i = 0; i < 5; i++) {
        (void)cmx_retry_decide(&policy, &fault, &now); /* takes nothing */
    }
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).action, CMX_RETRY_ACTION_RETRY);
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).action, CMX_RETRY_ACTION_RETRY);
    cmx_retry_decision decision = cmx_retry_decide(&policy, &outcome, &now);
    assert_int_equal(decision.action, CMX_RETRY_ACTION_END);
    assert_int_equal(decision.stop, CMX_RETRY_STOP_BUDGET);
}

static void test_retry_budget_lives_on_deposits_and_reserve(void **state)
{
    (void)state;
    cmx_retry_budget budget;
    cmx_retry_budget_init(&budget, &usual_limits, 1000);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(cmx_retry_budget_take(&budget, 1000)); /* the reserve */
    }
    assert_false(cmx_retry_budget_take(&budget, 1000));
    for (unsigned i = 0; i < 9; i++) {
        cmx_retry_budget_deposit(&budget);
    }
    assert_false(cmx_retry_budget_take(&budget, 1000));
    cmx_retry_budget_deposit(&budget);
    assert_true(cmx_retry_budget_take(&budget, 1000));
    assert_false(cmx_retry_budget_take(&budget, 1999));
    assert_true(cmx_retry_budget_take(&budget, 2000)); /* one a second */
    assert_false(cmx_retry_budget_take(&budget, 2999));
    for (unsigned i = 0; i < 1000; i++) {
        cmx_retry_budget_deposit(&budget); /* no more than 10 stay */
    }
    for (unsigned i = 0; i < 20; i++) {
        assert_true(cmx_retry_budget_take(&budget, 3600000)); /* nor of the reserve */
    }
    assert_false(cmx_retry_budget_take(&budget, 3600000));
    assert_false(cmx_retry_budget_take(&budget, 0)); /* a clock that went back gives nothing */
    assert_false(cmx_retry_budget_take(&budget, 3600000));
    assert_true(cmx_retry_budget_take(&budget, UINT64_MAX));
}

/* Storms of any shape: what is granted stays within reserve + refill + stock + share of requests,
 * from the start and over any later stretch. */
static void test_retry_budget_bounds_every_storm(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 9);
    for (unsigned run = 0; run < 300; run++) {
        cmx_retry_budget_limits limits = {
            .deposit_milli = cmx_random_below(&random, 300),
            .balance_max = cmx_random_below(&random, 20),
            .reserve_max = cmx_random_below(&random, 20),
            .reserve_per_s = cmx_random_below(&random, 5),
        };
        cmx_retry_budget budget;
        cmx_retry_budget_init(&budget, &limits, 0);
        uint64_t now_ms = 0;
        uint64_t requests = 0;
        uint64_t granted = 0;
        uint64_t mark_ms = 0; /* start of the later stretch */
        uint64_t mark_requests = 0;
        uint64_t mark_granted = 0;
        for (unsigned i = 0; i < 2000; i++) {
            now_ms += cmx_random_below(&random, 20);
            if (cmx_random_below(&random, 2) == 0) {
                cmx_retry_budget_deposit(&budget);
                requests++;
            }
            for (uint32_t wanted = cmx_random_below(&random, 3); wanted > 0; wanted--) {
                granted += cmx_retry_budget_take(&budget, now_ms);
            }
            uint64_t most_milli = limits.reserve_max * 1000 + limits.reserve_per_s * now_ms +
                                  requests * limits.deposit_milli;
            assert_true(granted * 1000 <= most_milli);
            if (i == run * 5) {
                mark_ms = now_ms;
                mark_requests = requests;
                mark_granted = granted;
            }
        }
        uint64_t later_milli = (limits.reserve_max + limits.balance_max) * 1000 +
                               limits.reserve_per_s * (now_ms - mark_ms) +
                               (requests - mark_requests) * limits.deposit_milli;
        assert_true((granted - mark_granted) * 1000 <= later_milli);
    }
}

/* A thousand requests against a server that always fails: at most a tenth more, and the reserve. */
static void test_retry_a_dead_server_sees_no_storm(void **state)
{
    (void)state;
    cmx_retry_budget budget;
    cmx_retry_budget_init(&budget, &usual_limits, 0);
    cmx_retry_outcome outcome = status_of(503);
    unsigned sent = 0;
    for (unsigned request = 0; request < 1000; request++) {
        cmx_retry_budget_deposit(&budget);
        cmx_retry_state now = {.attempts = 0, .left_ms = UINT32_MAX, .budget = &budget};
        do {
            now.attempts++;
            sent++;
        } while (cmx_retry_decide(&policy, &outcome, &now).action == CMX_RETRY_ACTION_RETRY);
    }
    assert_int_equal(sent, 1000 + 100 + 10); /* without a budget 3000 */
}

static void decide_without_attempt(void *ctx)
{
    cmx_retry_outcome outcome = status_of(503);
    cmx_retry_state now = {.attempts = 0, .left_ms = UINT32_MAX};
    *(uint32_t *)ctx = cmx_retry_decide(&policy, &outcome, &now).wait_ms;
}

/* Another target neither waits for what this one said nor asks its budget. */
static void test_retry_elsewhere_waits_for_nothing_but_the_other(void **state)
{
    (void)state;
    cmx_retry_budget budget;
    const cmx_retry_budget_limits none = {.deposit_milli = 0};
    cmx_retry_budget_init(&budget, &none, 0);
    cmx_retry_outcome outcome = status_of(429);
    outcome.after = (cmx_retry_after){.has = true, .wait_ms = policy.retry_after_max_ms + 1};
    cmx_retry_state now = {.attempts = 1,
                           .replays = 3,
                           .left_ms = 1000,
                           .random = UINT32_MAX,
                           .budget = &budget,
                           .elsewhere = true};
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).action, CMX_RETRY_ACTION_RETRY);
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).wait_ms, 0);
    now.elsewhere_ms = 999;
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).wait_ms, 999);
    now.elsewhere_ms = 1000;
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).stop, CMX_RETRY_STOP_DEADLINE);
    now.elsewhere_ms = 0;
    now.attempts = policy.attempts_max;
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).stop, CMX_RETRY_STOP_ATTEMPTS);
    outcome = outcome_of(CMX_RETRY_CLASS_NEVER_SENT, CMX_RETRY_CAUSE_LOST, 0);
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).action, CMX_RETRY_ACTION_REPLAY);
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).wait_ms, 0);
    outcome.class = CMX_RETRY_CLASS_STARTED;
    assert_int_equal(cmx_retry_decide(&policy, &outcome, &now).stop, CMX_RETRY_STOP_STARTED);
    policy.strict = true;
    assert_int_equal(
        cmx_retry_decide(&policy,
                         &(cmx_retry_outcome){.class = CMX_RETRY_CLASS_UNKNOWN, .http_status = 500},
                         &now)
            .stop,
        CMX_RETRY_STOP_STRICT);
}

static void test_retry_faults_are_told_apart(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = inband_of(0, "insufficient_quota", "");
    assert_int_equal(cmx_retry_fault_of(&outcome), CMX_RETRY_FAULT_ACCOUNT);
    outcome = inband_of(0, "", "content_filter");
    assert_int_equal(cmx_retry_fault_of(&outcome), CMX_RETRY_FAULT_REQUEST);
    outcome = inband_of(500, "", "invalid_request_error"); /* the status is believed */
    assert_int_equal(cmx_retry_fault_of(&outcome), CMX_RETRY_FAULT_UNSAID);
    outcome = inband_of(0, "server_error", "");
    assert_int_equal(cmx_retry_fault_of(&outcome), CMX_RETRY_FAULT_UNSAID);
}

static void test_retry_unknown_without_an_attempt_is_our_mistake(void **state)
{
    (void)state;
    uint32_t wait_ms = 0;
    expect_panic(decide_without_attempt, &wait_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_retry_every_status_has_its_row, set_up),
        cmocka_unit_test_setup(test_retry_errors_that_last_are_not_retried, set_up),
        cmocka_unit_test_setup(test_retry_inband_errors, set_up),
        cmocka_unit_test_setup(test_retry_lost_and_silent, set_up),
        cmocka_unit_test_setup(test_retry_started_and_other_causes_never, set_up),
        cmocka_unit_test_setup(test_retry_strict_spares_only_what_was_not_processed, set_up),
        cmocka_unit_test_setup(test_retry_the_server_says_whether, set_up),
        cmocka_unit_test_setup(test_retry_replays_are_free_and_bounded, set_up),
        cmocka_unit_test_setup(test_retry_calm_replay_is_not_in_a_hurry, set_up),
        cmocka_unit_test_setup(test_retry_attempts_are_bounded, set_up),
        cmocka_unit_test_setup(test_retry_back_off_has_full_jitter, set_up),
        cmocka_unit_test_setup(test_retry_back_off_spreads_evenly, set_up),
        cmocka_unit_test_setup(test_retry_the_server_says_when, set_up),
        cmocka_unit_test_setup(test_retry_a_wait_too_long_ends_and_is_reported, set_up),
        cmocka_unit_test_setup(test_retry_nothing_waits_past_the_total_limit, set_up),
        cmocka_unit_test_setup(test_retry_empty_budget_ends_and_only_retries_take, set_up),
        cmocka_unit_test_setup(test_retry_budget_lives_on_deposits_and_reserve, set_up),
        cmocka_unit_test_setup(test_retry_budget_bounds_every_storm, set_up),
        cmocka_unit_test_setup(test_retry_a_dead_server_sees_no_storm, set_up),
        cmocka_unit_test_setup(test_retry_elsewhere_waits_for_nothing_but_the_other, set_up),
        cmocka_unit_test_setup(test_retry_faults_are_told_apart, set_up),
        cmocka_unit_test_setup(test_retry_unknown_without_an_attempt_is_our_mistake, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
