/* SPDX-License-Identifier: MIT */
/*
 * From a verdict and the end of a slot to class and cause, and with policy/retry's defaults to what
 * is done: one row for each kind of end.
 */
#include "client/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct row {
    cmx_outcome_facts facts;
    enum cmx_retry_class class;
    enum cmx_retry_cause cause;
    enum cmx_retry_action action;
} row;

#define NEVER CMX_RETRY_CLASS_NEVER_SENT
#define REFUSED CMX_RETRY_CLASS_REFUSED
#define UNKNOWN CMX_RETRY_CLASS_UNKNOWN
#define STARTED CMX_RETRY_CLASS_STARTED
#define LOST CMX_RETRY_CAUSE_LOST
#define OTHER CMX_RETRY_CAUSE_OTHER
#define END CMX_RETRY_ACTION_END
#define REPLAY CMX_RETRY_ACTION_REPLAY
#define RETRY CMX_RETRY_ACTION_RETRY

#define FACTS(verdict_, error_, end_, ...)                                                        \
    {                                                                                             \
        .verdict = CMX_VERDICT_##verdict_, .error = CMX_ERR_##error_, .end = CMX_SLOT_END_##end_, \
        __VA_ARGS__                                                                               \
    }

static const row rows[] = {
    {FACTS(NETWORK, REFUSED, NEVER_SENT, .sent = false), NEVER, LOST, REPLAY},
    {FACTS(NETWORK, TIMEOUT_CONNECT, NEVER_SENT, .sent = false), NEVER, LOST, REPLAY},
    {FACTS(NETWORK, DNS_FAILED, NEVER_SENT, .sent = false), NEVER, LOST, REPLAY},
    {FACTS(NETWORK, DNS_NOT_FOUND, NEVER_SENT, .sent = false), NEVER, OTHER, END},
    {FACTS(NETWORK, CERT_UNTRUSTED, NEVER_SENT, .sent = false), NEVER, OTHER, END},
    {FACTS(NETWORK, ALPN, NEVER_SENT, .sent = false), NEVER, OTHER, END},
    {FACTS(NETWORK, HTTP2, NEVER_SENT, .sent = false), NEVER, OTHER, END},
    {FACTS(TIMEOUT, TIMEOUT_QUEUE, LOST, .sent = false), NEVER, OTHER, END},
    {FACTS(NETWORK, RESET, LOST, .sent = false), NEVER, LOST, REPLAY},
    {FACTS(NETWORK, STREAM_REFUSED, REFUSED, .sent = true), REFUSED, LOST, REPLAY},
    {FACTS(NETWORK, RESET, LOST, .sent = true), UNKNOWN, LOST, RETRY},
    {FACTS(NETWORK, HTTP2, LOST, .sent = true), UNKNOWN, LOST, RETRY},
    {FACTS(NETWORK, TIMEOUT_PING, LOST, .sent = true), UNKNOWN, LOST, RETRY},
    {FACTS(NETWORK, STREAM_RESET, RESET, .sent = true), UNKNOWN, LOST, RETRY},
    {FACTS(NETWORK, BODY_CHANGED, RESET, .sent = true), UNKNOWN, OTHER, END},
    {FACTS(TRUNCATED, RESET, LOST, .sent = true, .delivered = true), STARTED, LOST, END},
    {FACTS(ERROR_HTTP, HTTP_STATUS, COMPLETE, .sent = true, .http_status = 503), UNKNOWN,
     CMX_RETRY_CAUSE_STATUS, RETRY},
    {FACTS(ERROR_HTTP, HTTP_STATUS, COMPLETE, .sent = true, .http_status = 404), UNKNOWN,
     CMX_RETRY_CAUSE_STATUS, END},
    {FACTS(ERROR_HTTP, REDIRECT, COMPLETE, .sent = true, .http_status = 302), UNKNOWN, OTHER, END},
    {FACTS(ERROR_INBAND, INBAND, LOST, .sent = true, .http_status = 200), UNKNOWN,
     CMX_RETRY_CAUSE_INBAND, RETRY},
    {FACTS(ERROR_INBAND, MALFORMED, COMPLETE, .sent = true, .http_status = 200), UNKNOWN, OTHER,
     END},
    {FACTS(EMPTY, EMPTY, COMPLETE, .sent = true, .http_status = 200), UNKNOWN, OTHER, END},
    {FACTS(TIMEOUT, TIMEOUT_HEAD, LOST, .sent = true), UNKNOWN, CMX_RETRY_CAUSE_SILENT, END},
    {FACTS(TIMEOUT, TIMEOUT_TOTAL, LOST, .sent = true), UNKNOWN, OTHER, END},
    {FACTS(CANCELLED, CANCELLED, LOST, .sent = true), UNKNOWN, OTHER, END},
    {FACTS(LIMIT, EVENT_LARGE, LOST, .sent = true, .http_status = 200), UNKNOWN, OTHER, END},
};

static enum cmx_retry_action decide(const cmx_retry_outcome *outcome)
{
    const cmx_retry_policy policy = {
        .attempts_max = 3,
        .replays_max = 8,
        .base_ms = 500,
        .cap_ms = 8000,
        .rate_limit_factor = 4,
        .retry_after_max_ms = 120000,
    };
    cmx_retry_state state = {.attempts = 1, .left_ms = UINT32_MAX};
    return cmx_retry_decide(&policy, outcome, &state).action;
}

static void test_outcome_every_end_has_its_class_cause_and_action(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        cmx_retry_outcome outcome;
        cmx_outcome_judge(&rows[i].facts, &outcome);
        if (outcome.class != rows[i].class || outcome.cause != rows[i].cause ||
            decide(&outcome) != rows[i].action) {
            fail_msg("row %zu: class %d cause %d action %d", i, (int)outcome.class,
                     (int)outcome.cause, (int)decide(&outcome));
        }
    }
}

static cmx_retry_outcome judge_told(uint32_t code, const char *name, const char *type)
{
    const cmx_answer_result result = {
        .error_code = code,
        .error_name = {name, strlen(name)},
        .error_type = {type, strlen(type)},
    };
    const cmx_outcome_facts facts = {
        .verdict = CMX_VERDICT_ERROR_INBAND,
        .error = CMX_ERR_INBAND,
        .end = CMX_SLOT_END_LOST,
        .sent = true,
        .http_status = 200,
        .answer = &result,
    };
    cmx_retry_outcome outcome;
    cmx_outcome_judge(&facts, &outcome);
    return outcome;
}

static void test_outcome_inband_code_is_a_status_if_it_can_be_one(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = judge_told(502, "", "");
    assert_int_equal(outcome.http_status, 502);
    assert_int_equal(decide(&outcome), RETRY);
    outcome = judge_told(400, "", "");
    assert_int_equal(decide(&outcome), END);
    outcome = judge_told(20041, "", "");
    assert_int_equal(outcome.http_status, 0);
    assert_int_equal(decide(&outcome), RETRY);
}

static void test_outcome_names_of_errors_reach_the_policy(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = judge_told(429, "insufficient_quota", "");
    assert_int_equal(decide(&outcome), END);
    assert_false(cmx_retry_is_rate_limit(&outcome));
    outcome = judge_told(0, "", "rate_limit_error");
    assert_int_equal(decide(&outcome), RETRY);
    assert_true(cmx_retry_is_rate_limit(&outcome));
    outcome = judge_told(0, "context_length_exceeded", "invalid_request_error");
    assert_int_equal(decide(&outcome), END);
}

static void test_outcome_heads_words_are_handed_on(void **state)
{
    (void)state;
    cmx_outcome_facts facts =
        FACTS(ERROR_HTTP, HTTP_STATUS, COMPLETE, .sent = true, .http_status = 400);
    cmx_retry_outcome outcome;
    facts.after.should_retry = CMX_RETRY_AFTER_YES;
    facts.slow_down = true;
    cmx_outcome_judge(&facts, &outcome);
    assert_int_equal(decide(&outcome), RETRY);
    assert_true(outcome.slow_down);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcome_every_end_has_its_class_cause_and_action),
        cmocka_unit_test(test_outcome_inband_code_is_a_status_if_it_can_be_one),
        cmocka_unit_test(test_outcome_names_of_errors_reach_the_policy),
        cmocka_unit_test(test_outcome_heads_words_are_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
