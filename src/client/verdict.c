/* SPDX-License-Identifier: MIT */
/*
 * Verdicts and their names. See verdict.h. Precedence (DESIGN.md): what the bytes prove comes
 * before what the connection suffered: an answer that was whole stays whole when the stream is
 * reset behind it, an error that the server told stays that error.
 */
#include "client/verdict.h"

#include "base/words.h"
#include "chat/answer_verdict.h"

/* In the order of enum cmx_verdict, and what is none of it. */
static const char names[] = "DONE\0"
                            "DONE_NO_SENTINEL\0"
                            "EMPTY\0"
                            "TRUNCATED\0"
                            "ERROR_INBAND\0"
                            "ERROR_HTTP\0"
                            "STALLED\0"
                            "TIMEOUT\0"
                            "CANCELLED\0"
                            "LIMIT\0"
                            "NETWORK\0"
                            "UNKNOWN";

bool cmx_verdict_complete(enum cmx_verdict verdict)
{
    return verdict == CMX_VERDICT_DONE || verdict == CMX_VERDICT_DONE_NO_SENTINEL;
}

const char *cmx_verdict_name(enum cmx_verdict verdict)
{
    /* The value comes from the caller: it may be anything. */
    size_t index = (size_t)verdict;
    return cmx_words_at(names, index < CMX_VERDICT_COUNT ? index : CMX_VERDICT_COUNT);
}

static enum cmx_verdict judge_cause(int cause, bool delivered)
{
    switch (cause) {
    case CMX_ERR_CANCELLED:
        return CMX_VERDICT_CANCELLED;
    case CMX_ERR_TIMEOUT_PROGRESS:
        return CMX_VERDICT_STALLED;
    case CMX_ERR_TIMEOUT_QUEUE:
    case CMX_ERR_TIMEOUT_HEAD:
    case CMX_ERR_TIMEOUT_FIRST_TOKEN:
    case CMX_ERR_TIMEOUT_TOTAL:
        return CMX_VERDICT_TIMEOUT;
    default:
        break; /* statuses are an open set of ints, not an enum */
    }
    /* head_bytes_max is ours, although it was the server that went over it. */
    if (cmx_error_class(cause) == CMX_CLASS_LIMIT || cause == CMX_ERR_HEAD_LARGE) {
        return CMX_VERDICT_LIMIT;
    }
    return delivered ? CMX_VERDICT_TRUNCATED : CMX_VERDICT_NETWORK;
}

static enum cmx_verdict judge_plain(const cmx_verdict_facts *facts, int *error)
{
    if (!facts->complete) {
        *error = facts->cause;
        return judge_cause(facts->cause, facts->delivered);
    }
    if (facts->http_status < 200 || facts->http_status > 299) {
        bool redirects =
            facts->http_status >= 300 && facts->http_status <= 399 && facts->http_status != 304;
        *error = redirects ? CMX_ERR_REDIRECT : CMX_ERR_HTTP_STATUS;
        return CMX_VERDICT_ERROR_HTTP;
    }
    *error = CMX_OK;
    return CMX_VERDICT_DONE;
}

enum cmx_verdict cmx_verdict_judge(const cmx_verdict_facts *facts, int *error)
{
    if (facts->cause == CMX_ERR_CANCELLED) {
        *error = CMX_ERR_CANCELLED;
        return CMX_VERDICT_CANCELLED;
    }
    if (facts->answer == NULL) {
        return judge_plain(facts, error);
    }
    enum cmx_verdict verdict = cmx_answer_verdict(facts->answer, facts->complete, error);
    /* What the caller did not get is not complete, however well it was sent. */
    bool whole = cmx_verdict_complete(verdict) && !facts->dropped;
    bool final = whole || verdict == CMX_VERDICT_ERROR_INBAND ||
                 verdict == CMX_VERDICT_ERROR_HTTP || verdict == CMX_VERDICT_LIMIT ||
                 verdict == CMX_VERDICT_EMPTY;
    if (facts->complete || final) {
        return verdict;
    }
    *error = facts->cause;
    return judge_cause(facts->cause, facts->delivered);
}

int cmx_verdict_cause(const cmx_slot *slot)
{
    switch ((enum cmx_slot_end)slot->end) {
    case CMX_SLOT_END_COMPLETE:
        return CMX_OK;
    case CMX_SLOT_END_RESET:
        return slot->stream.source_error != CMX_OK ? slot->stream.source_error
                                                   : CMX_ERR_STREAM_RESET;
    case CMX_SLOT_END_REFUSED:
        return slot->status == CMX_OK || slot->status == CMX_ERR_STREAM_RESET
                   ? CMX_ERR_STREAM_REFUSED
                   : slot->status;
    case CMX_SLOT_END_LOST:
    case CMX_SLOT_END_NEVER_SENT:
        return slot->status;
    }
    CMX_UNREACHABLE();
}
