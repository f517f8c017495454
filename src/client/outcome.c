/* SPDX-License-Identifier: MIT */
/*
 * From a verdict and the end of a slot to class and cause. See outcome.h. What is not listed as
 * worth another attempt ends the request: an error nobody thought of must not be repeated.
 */
#include "client/outcome.h"

enum { STATUS_MIN = 100, STATUS_MAX = 599 };

static enum cmx_retry_class class_of(const cmx_outcome_facts *facts)
{
    if (facts->delivered) {
        return CMX_RETRY_CLASS_STARTED;
    }
    if (facts->end == CMX_SLOT_END_REFUSED) {
        return CMX_RETRY_CLASS_REFUSED;
    }
    bool unsent = facts->end == CMX_SLOT_END_NEVER_SENT || !facts->sent;
    return unsent ? CMX_RETRY_CLASS_NEVER_SENT : CMX_RETRY_CLASS_UNKNOWN;
}

/* Errors of a connection or stream that the next one may not have. A host without an address, a
 * server that is not trusted or does not speak HTTP/2 stay what they are; somebody must look. */
static bool is_passing(int error, bool sent)
{
    switch (error) {
    case CMX_ERR_HTTP2: /* before anything was sent: it speaks something else */
        return sent;
    case CMX_ERR_STREAM_RESET:
    case CMX_ERR_STREAM_REFUSED:
    case CMX_ERR_GOAWAY:
    case CMX_ERR_TRUNCATED:
    case CMX_ERR_DNS_FAILED:
    case CMX_ERR_REFUSED:
    case CMX_ERR_RESET:
    case CMX_ERR_UNREACHABLE:
    case CMX_ERR_CLOSED:
    case CMX_ERR_NETWORK:
    case CMX_ERR_TIMEOUT_RESOLVE:
    case CMX_ERR_TIMEOUT_CONNECT:
    case CMX_ERR_TIMEOUT_TLS:
    case CMX_ERR_TIMEOUT_SETTINGS:
    case CMX_ERR_TIMEOUT_PING:
    case CMX_ERR_TIMEOUT_WRITE:
    case CMX_ERR_TIMEOUT_DRAIN:
    case CMX_ERR_TLS_TRUNCATED:
        return true;
    default:
        return false; /* statuses are an open set of ints, not an enum */
    }
}

static enum cmx_retry_cause cause_of(const cmx_outcome_facts *facts)
{
    switch (facts->verdict) {
    case CMX_VERDICT_ERROR_HTTP:
        return facts->error == CMX_ERR_HTTP_STATUS ? CMX_RETRY_CAUSE_STATUS : CMX_RETRY_CAUSE_OTHER;
    case CMX_VERDICT_ERROR_INBAND:
        return facts->error == CMX_ERR_INBAND ? CMX_RETRY_CAUSE_INBAND : CMX_RETRY_CAUSE_OTHER;
    case CMX_VERDICT_TIMEOUT:
        return facts->error == CMX_ERR_TIMEOUT_HEAD || facts->error == CMX_ERR_TIMEOUT_FIRST_TOKEN
                   ? CMX_RETRY_CAUSE_SILENT
                   : CMX_RETRY_CAUSE_OTHER;
    case CMX_VERDICT_TRUNCATED:
    case CMX_VERDICT_NETWORK:
        return is_passing(facts->error, facts->sent) ? CMX_RETRY_CAUSE_LOST : CMX_RETRY_CAUSE_OTHER;
    case CMX_VERDICT_DONE:
    case CMX_VERDICT_DONE_NO_SENTINEL:
    case CMX_VERDICT_EMPTY:
    case CMX_VERDICT_STALLED:
    case CMX_VERDICT_CANCELLED:
    case CMX_VERDICT_LIMIT:
        return CMX_RETRY_CAUSE_OTHER;
    }
    CMX_UNREACHABLE();
}

static cmx_view view_of(cmx_text text)
{
    return (cmx_view){(const uint8_t *)text.data, text.len};
}

void cmx_outcome_judge(const cmx_outcome_facts *facts, cmx_retry_outcome *outcome)
{
    *outcome = (cmx_retry_outcome){
        .class = class_of(facts),
        .cause = cause_of(facts),
        .slow_down = facts->slow_down,
        .after = facts->after,
    };
    if (outcome->cause == CMX_RETRY_CAUSE_STATUS) {
        outcome->http_status = facts->http_status;
    }
    if (facts->answer == NULL) {
        return;
    }
    uint32_t code = facts->answer->error_code;
    if (outcome->cause == CMX_RETRY_CAUSE_INBAND && code >= STATUS_MIN && code <= STATUS_MAX) {
        outcome->http_status = code;
    }
    outcome->error_code = view_of(facts->answer->error_name);
    outcome->error_type = view_of(facts->answer->error_type);
}
