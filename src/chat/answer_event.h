/* SPDX-License-Identifier: MIT */
/*
 * What an event (or a whole JSON answer) does to the answer: deltas to take, facts, an error, the
 * end. Where its bytes came from, and what comes next, is decided elsewhere.
 */
#ifndef CMX_CHAT_ANSWER_EVENT_H
#define CMX_CHAT_ANSWER_EVENT_H

#include "chat/answer_state.h"

/* Takes an event; what it says becomes the event at hand. */
void cmx_answer_event_take(cmx_answer *answer, const cmx_sse_event *event);

/* The stream ended inside the event whose bytes are kept. What is cut cannot be trusted, but an end
 * or an error that is complete on its own line is one. */
void cmx_answer_event_take_pending(cmx_answer *answer);

/* The event at hand was read and is used up: if one text was all it said, the next one may be like
 * it. */
void cmx_answer_event_learn(cmx_answer *answer);

/* An event does not fit: counts it as skipped. Returns false if one too many was, which ends the
 * answer.
 *
 * why  the status that it then ends with */
bool cmx_answer_event_skip(cmx_answer *answer, int why);

/* Takes the facts out of a chunk and makes its choices the event at hand. */
void cmx_answer_event_chunk(cmx_answer *answer, const cmx_answer_json_chunk *chunk);

/* The server reports an error inside the answer, which ends it.
 *
 * text    the whole event
 * member  its `error`; `at` may be NULL */
void cmx_answer_event_error(cmx_answer *answer, cmx_json_span text, cmx_json_span member);

#endif
