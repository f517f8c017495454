/* SPDX-License-Identifier: MIT */
/*
 * One event, one meaning. An event that is the one before but for its text is taken by its shape;
 * all others are read as JSON: a chunk, an error report, or something malformed.
 */
#include "chat/answer_event.h"

bool cmx_answer_event_skip(cmx_answer *answer, int why)
{
    if (answer->skipped == answer->skipped_max) {
        answer->failure = why;
        return false;
    }
    answer->skipped++;
    return true;
}

void cmx_answer_event_error(cmx_answer *answer, cmx_json_span text, cmx_json_span member)
{
    cmx_answer_facts_error(&answer->facts, text, member);
    answer->has_error = true;
    answer->failure = CMX_ERR_INBAND;
}

void cmx_answer_event_chunk(cmx_answer *answer, const cmx_answer_json_chunk *chunk)
{
    cmx_answer_facts_chunk(&answer->facts, chunk);
    bool has_choice = cmx_answer_deltas_begin(&answer->deltas, chunk);
    answer->event_read = true;
    answer->event_plain = !chunk->has_usage;
    answer->whole = has_choice && answer->mode == CMX_ANSWER_MODE_OBJECT;
}

/* Finds the last line that is an error report by itself.
 *
 * line    out: only on true
 * member  out: its `error`, or `at` NULL */
static bool find_error_line(cmx_json_span text, cmx_json_span *line, cmx_json_span *member)
{
    bool found = false;
    while (text.at < text.end) {
        uint8_t *lf = memchr(text.at, '\n', cmx_json_span_len(text));
        cmx_json_span one = {text.at, lf == NULL ? text.end : lf};
        cmx_answer_json_chunk chunk;
        if (cmx_answer_json_read(one, &chunk) && cmx_answer_json_is_error(&chunk)) {
            *line = one;
            *member = chunk.error;
            found = true;
        }
        text.at = lf == NULL ? text.end : lf + 1;
    }
    return found;
}

/* An event that is not one JSON object. A relay may have put its error report into an event that
 * was not finished: then a line of it is an object of its own. */
static void take_malformed(cmx_answer *answer, cmx_json_span text)
{
    answer->malformed++;
    cmx_json_span line;
    cmx_json_span member;
    if (find_error_line(text, &line, &member)) {
        cmx_answer_event_error(answer, line, member);
    } else if (answer->malformed > answer->malformed_max) {
        answer->failure = CMX_ERR_MALFORMED;
    }
}

static bool is_done(cmx_json_span text)
{
    const cmx_view done = CMX_VIEW_LITERAL("[DONE]");
    if (cmx_json_span_len(text) < done.len || memcmp(text.at, done.data, done.len) != 0) {
        return false;
    }
    text.at += done.len;
    cmx_json_scan_space(&text);
    return text.at == text.end;
}

static void take_done(cmx_answer *answer)
{
    answer->done = true;
    answer->mode = CMX_ANSWER_MODE_DROP;
    answer->chunk_len = 0;
}

static bool is_error_event(const cmx_sse_event *event)
{
    return event->is_error || cmx_view_equal(event->type, CMX_VIEW_LITERAL("error"));
}

/* An event that is the one before but for its text. */
static bool take_shaped(cmx_answer *answer, const cmx_sse_event *event, cmx_json_span text)
{
    cmx_json_span inside;
    if (is_error_event(event) || !cmx_answer_shape_match(&answer->shape, text, &inside)) {
        return false;
    }
    if (inside.at < inside.end) {
        cmx_answer_deltas_begin_text(&answer->deltas, answer->shape.place, inside);
    }
    return true;
}

void cmx_answer_event_learn(cmx_answer *answer)
{
    answer->event_read = false;
    const cmx_answer_deltas *deltas = &answer->deltas;
    cmx_answer_shape_note_calls(&answer->shape, deltas->tools.count);
    cmx_json_span text;
    if (answer->event_plain && cmx_answer_deltas_single(deltas, &text)) {
        answer->shape.place =
            (cmx_answer_deltas_place){deltas->choice, deltas->channel, deltas->tool};
        cmx_answer_shape_learn(&answer->shape, answer->event, text);
    }
}

void cmx_answer_event_take(cmx_answer *answer, const cmx_sse_event *event)
{
    if (event->size > answer->keep.bytes_max) {
        (void)cmx_answer_event_skip(answer, CMX_ERR_EVENT_LARGE);
        return;
    }
    cmx_json_span text = {event->data, event->data + event->len};
    cmx_json_scan_space(&text);
    if (text.at == text.end) {
        return; /* the standard dispatches it; for a chat it is a heartbeat */
    }
    if (take_shaped(answer, event, text)) {
        return;
    }
    if (is_done(text)) {
        take_done(answer);
        return;
    }
    answer->event = text;
    CMX_FILLED_LATER cmx_answer_json_chunk chunk;
    bool valid = cmx_answer_json_read(text, &chunk);
    if (is_error_event(event) || (valid && cmx_answer_json_is_error(&chunk))) {
        cmx_answer_event_error(answer, text, valid ? chunk.error : (cmx_json_span){NULL, NULL});
    } else if (valid) {
        cmx_answer_event_chunk(answer, &chunk);
    } else {
        take_malformed(answer, text);
    }
}

void cmx_answer_event_take_pending(cmx_answer *answer)
{
    cmx_sse_event event;
    uint8_t *kept = cmx_answer_keep_bytes(&answer->keep);
    if (cmx_sse_finish(&answer->sse, kept, answer->keep.len, &event) != CMX_OK) {
        return;
    }
    cmx_json_span text = {event.data, event.data + event.len};
    cmx_json_scan_space(&text);
    cmx_answer_json_chunk chunk;
    if (is_done(text)) {
        take_done(answer);
    } else if (cmx_answer_json_read(text, &chunk) &&
               (is_error_event(&event) || cmx_answer_json_is_error(&chunk))) {
        cmx_answer_event_error(answer, text, chunk.error);
    }
}
