/* SPDX-License-Identifier: MIT */
/*
 * Judging an ended answer by its bytes alone: whether it is whole, cut, empty, or an error report.
 * What happened to the stream is judged above, together with this.
 */
#include "chat/answer_verdict.h"

/* The verdict on what was sent as an answer, once errors are out of the way. */
static enum cmx_verdict judge_content(const cmx_answer *answer, bool end_stream, int *error)
{
    bool has_text = answer->deltas.has_text;
    if (answer->whole && (has_text || answer->deltas.finish_len > 0)) {
        return CMX_VERDICT_DONE;
    }
    if (cmx_answer_deltas_complete(&answer->deltas)) {
        return answer->done ? CMX_VERDICT_DONE : CMX_VERDICT_DONE_NO_SENTINEL;
    }
    *error = CMX_ERR_TRUNCATED;
    if (has_text) {
        return CMX_VERDICT_TRUNCATED;
    }
    if (!end_stream && !answer->done) {
        return CMX_VERDICT_NETWORK;
    }
    *error = CMX_ERR_EMPTY;
    return CMX_VERDICT_EMPTY;
}

enum cmx_verdict cmx_answer_verdict(const cmx_answer *answer, bool end_stream, int *error)
{
    *error = CMX_OK;
    if (answer->status != 0 && !cmx_answer_is_success(answer)) {
        *error = cmx_answer_is_redirect(answer) ? CMX_ERR_REDIRECT : CMX_ERR_HTTP_STATUS;
        return CMX_VERDICT_ERROR_HTTP;
    }
    if (answer->failure == CMX_OK) {
        return judge_content(answer, end_stream, error);
    }
    *error = answer->failure;
    if (answer->has_error) {
        return CMX_VERDICT_ERROR_INBAND;
    }
    if (answer->failure != CMX_ERR_MALFORMED) {
        return CMX_VERDICT_LIMIT;
    }
    if (answer->deltas.has_text) {
        return CMX_VERDICT_TRUNCATED;
    }
    /* A body that is no answer, such as a page of HTML: an error report, unless it was cut. */
    if (!end_stream && answer->mode != CMX_ANSWER_MODE_EVENTS) {
        *error = CMX_ERR_TRUNCATED;
        return CMX_VERDICT_NETWORK;
    }
    return CMX_VERDICT_ERROR_INBAND;
}
