/* SPDX-License-Identifier: MIT */
/*
 * One loop: deliver what is left of the event at hand, else advance to the next one. An event lies
 * in the lent chunk or, if it was split, in the kept bytes; deltas are taken out of it one by one.
 * The first bytes of a 2xx body decide how it is read, because relays mislabel their answers.
 */
#include "chat/answer.h"

#include "chat/answer_json.h"
#include "text/json_text.h"
#include "text/utf8.h"

/* ---- bytes that are kept ---- */

static bool has_own_room(const cmx_answer *answer)
{
    return answer->mode == CMX_ANSWER_MODE_OBJECT && answer->memory.body != NULL;
}

static uint8_t *kept_bytes(const cmx_answer *answer)
{
    if (answer->block != NULL) {
        return answer->block;
    }
    return has_own_room(answer) ? answer->memory.body : answer->memory.tail;
}

static void forget_kept(cmx_answer *answer)
{
    answer->kept_len = 0;
    answer->event_kept = false;
    if (answer->block != NULL) {
        cmx_blocks_give(answer->memory.blocks, answer->block);
        answer->block = NULL;
    }
}

/* Makes room for `need` kept bytes in all. */
static int make_room(cmx_answer *answer, size_t need)
{
    const cmx_answer_memory *memory = &answer->memory;
    if (has_own_room(answer)) {
        return need <= memory->body_capacity ? CMX_OK : CMX_ERR_BUFFER_SMALL;
    }
    if (need > memory->event_bytes_max) {
        return CMX_ERR_EVENT_LARGE;
    }
    if (answer->block != NULL || need <= memory->tail_capacity) {
        return CMX_OK;
    }
    uint8_t *block = cmx_blocks_take(memory->blocks);
    if (block == NULL) {
        return CMX_ERR_NO_BUFFER;
    }
    if (answer->kept_len > 0) {
        memcpy(block, memory->tail, answer->kept_len);
    }
    answer->block = block;
    return CMX_OK;
}

static void skip_chunk(cmx_answer *answer, size_t len)
{
    answer->chunk += len;
    answer->chunk_len -= len;
}

/* Moves the next `len` bytes of the chunk to the kept ones; fails the answer if they do not fit. */
static bool keep(cmx_answer *answer, size_t len)
{
    answer->failure = make_room(answer, answer->kept_len + len);
    if (answer->failure != CMX_OK) {
        return false;
    }
    if (len > 0) {
        memcpy(kept_bytes(answer) + answer->kept_len, answer->chunk, len);
        answer->kept_len += len;
        skip_chunk(answer, len);
    }
    return true;
}

/* Keeps as much of the chunk as there is room for without failing, and drops the rest. */
static void keep_prefix(cmx_answer *answer)
{
    const cmx_answer_memory *memory = &answer->memory;
    size_t room = memory->event_bytes_max - answer->kept_len;
    size_t len = answer->chunk_len < room ? answer->chunk_len : room;
    if (make_room(answer, answer->kept_len + len) != CMX_OK) {
        len = memory->tail_capacity - answer->kept_len;
    }
    bool kept = keep(answer, len);
    CMX_ASSERT(kept);
    answer->chunk_len = 0;
}

/* ---- what an event says ---- */

/* Copies a JSON string, quotes included, into a field that is still empty. */
static void copy_once(char *field, uint8_t *len, size_t capacity, cmx_json_span string)
{
    if (*len == 0 && string.at != NULL) {
        cmx_json_span inside = {string.at + 1, string.end - 1};
        *len = (uint8_t)cmx_json_text_line((uint8_t *)field, capacity, inside);
    }
}

static void copy_message(cmx_answer *answer, const cmx_answer_json_error *error)
{
    uint8_t *out = (uint8_t *)answer->message;
    cmx_view raw = {error->message.at, cmx_json_span_len(error->message)};
    size_t len = error->is_string ? cmx_json_text_line(out, sizeof answer->message, error->message)
                                  : cmx_utf8_copy_line(out, sizeof answer->message, raw);
    answer->message_len = (uint8_t)len;
    answer->error_code = error->code;
}

/* The server reports an error inside the answer; `text` is the whole event. */
static void report_error(cmx_answer *answer, cmx_json_span text, cmx_json_span member)
{
    cmx_answer_json_error error;
    cmx_answer_json_error_read(text, &error);
    if (!error.is_string && member.at != NULL) {
        cmx_answer_json_error_read(member, &error);
    }
    copy_message(answer, &error);
    answer->has_error = true;
    answer->failure = CMX_ERR_INBAND;
}

static void take_usage(cmx_answer *answer, cmx_json_span object)
{
    cmx_usage usage;
    if (object.at == NULL || !cmx_answer_json_usage(object, &usage)) {
        return;
    }
    const cmx_usage *old = &answer->usage;
    bool same = answer->has_usage && old->prompt_tokens == usage.prompt_tokens &&
                old->completion_tokens == usage.completion_tokens &&
                old->total_tokens == usage.total_tokens &&
                old->cached_tokens == usage.cached_tokens &&
                old->reasoning_tokens == usage.reasoning_tokens;
    answer->usage = usage;
    answer->has_usage = true;
    answer->usage_due = answer->usage_due || !same;
}

/* Takes the facts out of a chunk and makes its choices the event at hand. */
static void take_chunk(cmx_answer *answer, const cmx_answer_json_chunk *chunk)
{
    copy_once(answer->model, &answer->model_len, sizeof answer->model, chunk->model);
    if (!answer->id_from_head) {
        copy_once(answer->id, &answer->id_len, sizeof answer->id, chunk->id);
    }
    take_usage(answer, chunk->usage);
    bool has_choice = cmx_answer_deltas_begin(&answer->deltas, chunk->choices);
    answer->event_plain = chunk->usage.at == NULL;
    answer->whole = has_choice && answer->mode == CMX_ANSWER_MODE_OBJECT;
}

static bool is_error_chunk(const cmx_answer_json_chunk *chunk)
{
    return chunk->error.at != NULL || chunk->is_error;
}

static cmx_json_span last_line(cmx_json_span text)
{
    uint8_t *lf = memchr(text.at, '\n', cmx_json_span_len(text));
    while (lf != NULL) {
        text.at = lf + 1;
        lf = memchr(text.at, '\n', cmx_json_span_len(text));
    }
    return text;
}

/* An event that is not one JSON object. A relay may have put its error report into an event that
 * was not finished: then the last line is an object of its own. */
static void take_malformed(cmx_answer *answer, cmx_json_span text)
{
    cmx_json_span line = last_line(text);
    cmx_answer_json_chunk chunk;
    if (line.at != text.at && cmx_answer_json_read(line, &chunk) && is_error_chunk(&chunk)) {
        report_error(answer, line, chunk.error);
        return;
    }
    answer->malformed++;
    if (answer->malformed > CMX_ANSWER_MALFORMED_MAX) {
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
        cmx_answer_deltas_begin_text(&answer->deltas, answer->shape.choice, answer->shape.channel,
                                     inside);
    }
    return true;
}

/* The event at hand is used up: if one text was all it said, the next one may be like it. */
static void learn_shape(cmx_answer *answer)
{
    cmx_json_span text;
    if (answer->event_plain && cmx_answer_deltas_single(&answer->deltas, &text)) {
        answer->shape.choice = answer->deltas.choice;
        answer->shape.channel = answer->deltas.channel;
        cmx_answer_shape_learn(&answer->shape, answer->event, text);
    }
    answer->event_plain = false;
}

static void take_event(cmx_answer *answer, const cmx_sse_event *event)
{
    if (event->size > answer->memory.event_bytes_max) {
        answer->failure = CMX_ERR_EVENT_LARGE;
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
    cmx_answer_json_chunk chunk;
    bool valid = cmx_answer_json_read(text, &chunk);
    if (is_error_event(event) || (valid && is_error_chunk(&chunk))) {
        report_error(answer, text, valid ? chunk.error : (cmx_json_span){NULL, NULL});
    } else if (valid) {
        take_chunk(answer, &chunk);
    } else {
        take_malformed(answer, text);
    }
}

/* The stream ended inside an event. What is cut cannot be trusted, but an end or an error that is
 * complete on its own line is one. */
static void take_pending_event(cmx_answer *answer)
{
    cmx_sse_event event;
    uint8_t *kept = kept_bytes(answer);
    if (cmx_sse_finish(&answer->sse, kept, answer->kept_len, &event) != CMX_OK) {
        return;
    }
    cmx_json_span text = {event.data, event.data + event.len};
    cmx_json_scan_space(&text);
    cmx_answer_json_chunk chunk;
    if (is_done(text)) {
        take_done(answer);
    } else if (cmx_answer_json_read(text, &chunk) &&
               (is_error_event(&event) || is_error_chunk(&chunk))) {
        report_error(answer, text, chunk.error);
    }
}

/* ---- delivering ---- */

/* Gives the next item of the event at hand. Returns false if there is none. */
static bool deliver(cmx_answer *answer, cmx_answer_item *item)
{
    item->kind = CMX_ANSWER_DELTA;
    if (cmx_answer_deltas_take(&answer->deltas, &item->delta)) {
        return true;
    }
    if (answer->usage_due) {
        answer->usage_due = false;
        *item = (cmx_answer_item){.kind = CMX_ANSWER_USAGE, .usage = answer->usage};
        return true;
    }
    bool at_end = answer->ended && answer->mode == CMX_ANSWER_MODE_DROP;
    return at_end && cmx_answer_deltas_take_rest(&answer->deltas, &item->delta);
}

/* ---- advancing, one function per mode; each returns whether there is more to look at ---- */

/* The first byte that is not white space tells a JSON object from events, whatever the
 * content-type says; white space before it means nothing in either. */
static bool advance_sniff(cmx_answer *answer)
{
    if (answer->chunk_len == 0) {
        return false;
    }
    cmx_json_span body = {answer->chunk, answer->chunk + answer->chunk_len};
    cmx_json_scan_space(&body);
    skip_chunk(answer, (size_t)(body.at - answer->chunk));
    if (answer->chunk_len == 0) {
        return false;
    }
    uint8_t first = *answer->chunk;
    if (first == '{' || first == '[') {
        answer->mode = CMX_ANSWER_MODE_OBJECT;
    } else if (first == ':' || first == 'd' || answer->content == CMX_ANSWER_EVENT_STREAM) {
        answer->mode = CMX_ANSWER_MODE_EVENTS;
    } else {
        answer->mode =
            answer->content == CMX_ANSWER_JSON ? CMX_ANSWER_MODE_OBJECT : CMX_ANSWER_MODE_PAGE;
    }
    return true;
}

/* Returns the bytes up to and including the next line end, or all. */
static size_t line_len(const uint8_t *data, size_t len)
{
    const uint8_t *lf = memchr(data, '\n', len);
    size_t end = lf == NULL ? len : (size_t)(lf - data) + 1;
    const uint8_t *cr = memchr(data, '\r', end);
    return cr == NULL ? end : (size_t)(cr - data) + 1;
}

/* Goes on with an event whose start is kept: its lines join the kept bytes one by one, so that
 * nothing behind its end is ever copied. */
static bool advance_kept_event(cmx_answer *answer)
{
    while (answer->kept_len > 0 && answer->chunk_len > 0) {
        if (!keep(answer, line_len(answer->chunk, answer->chunk_len))) {
            return false;
        }
        cmx_sse_event event;
        size_t used;
        uint8_t *kept = kept_bytes(answer);
        int rc = cmx_sse_next(&answer->sse, kept, answer->kept_len, &used, &event);
        if (rc == CMX_OK) {
            answer->event_kept = true;
            take_event(answer, &event);
            return true;
        }
        answer->kept_len -= used;
        memmove(kept, kept + used, answer->kept_len);
        if (answer->kept_len == 0) {
            forget_kept(answer);
        }
    }
    return answer->chunk_len > 0;
}

static bool advance_events(cmx_answer *answer)
{
    learn_shape(answer); /* before the bytes of the event may go */
    if (answer->event_kept) {
        forget_kept(answer);
    }
    if (answer->chunk_len == 0) {
        if (answer->ended) {
            take_pending_event(answer);
            answer->mode = CMX_ANSWER_MODE_DROP;
        }
        return answer->ended;
    }
    if (answer->kept_len > 0) {
        return advance_kept_event(answer);
    }
    cmx_sse_event event;
    size_t used;
    int rc = cmx_sse_next(&answer->sse, answer->chunk, answer->chunk_len, &used, &event);
    skip_chunk(answer, used);
    if (rc == CMX_OK) {
        take_event(answer, &event);
        return true;
    }
    return keep(answer, answer->chunk_len) && answer->ended;
}

/* Steps over a byte order mark and white space. */
static cmx_json_span kept_text(const cmx_answer *answer)
{
    uint8_t *kept = kept_bytes(answer);
    cmx_json_span text = {kept, kept + answer->kept_len};
    if (answer->kept_len >= 3 && memcmp(kept, "\xef\xbb\xbf", 3) == 0) {
        text.at += 3;
    }
    cmx_json_scan_space(&text);
    return text;
}

static void copy_page(cmx_answer *answer, cmx_json_span text)
{
    if (text.at == text.end) {
        return;
    }
    cmx_answer_json_error error;
    cmx_answer_json_error_read(text, &error);
    copy_message(answer, &error);
}

static bool advance_object(cmx_answer *answer)
{
    if (!keep(answer, answer->chunk_len) || !answer->ended) {
        return false;
    }
    cmx_json_span text = kept_text(answer);
    cmx_answer_json_chunk chunk;
    if (!cmx_answer_json_read(text, &chunk)) {
        copy_page(answer, text);
        answer->failure = CMX_ERR_MALFORMED;
        return false;
    }
    if (is_error_chunk(&chunk)) {
        report_error(answer, text, chunk.error);
        return false;
    }
    take_chunk(answer, &chunk);
    answer->mode = CMX_ANSWER_MODE_DROP;
    return true;
}

static bool advance_page(cmx_answer *answer)
{
    keep_prefix(answer);
    if (!answer->ended) {
        return false;
    }
    copy_page(answer, kept_text(answer));
    answer->failure = cmx_answer_is_success(answer) ? CMX_ERR_MALFORMED : CMX_OK;
    answer->mode = CMX_ANSWER_MODE_DROP;
    return false;
}

static bool advance(cmx_answer *answer)
{
    switch ((enum cmx_answer_mode)answer->mode) {
    case CMX_ANSWER_MODE_SNIFF:
        return advance_sniff(answer);
    case CMX_ANSWER_MODE_EVENTS:
        return advance_events(answer);
    case CMX_ANSWER_MODE_OBJECT:
        return advance_object(answer);
    case CMX_ANSWER_MODE_PAGE:
        return advance_page(answer);
    case CMX_ANSWER_MODE_HEAD:
    case CMX_ANSWER_MODE_DROP:
        forget_kept(answer);
        answer->chunk_len = 0;
        return false;
    }
    CMX_UNREACHABLE();
}

/* ---- the module's face ---- */

void cmx_answer_init(cmx_answer *answer, const cmx_answer_memory *memory)
{
    CMX_ASSERT(memory->tail != NULL || memory->tail_capacity == 0);
    CMX_ASSERT(memory->tail_capacity <= memory->event_bytes_max);
    *answer = (cmx_answer){.memory = *memory};
    cmx_sse_init(&answer->sse);
    cmx_answer_shape_init(&answer->shape, memory->shape, memory->shape_capacity);
}

void cmx_answer_deinit(cmx_answer *answer)
{
    forget_kept(answer);
    answer->chunk_len = 0;
    answer->mode = CMX_ANSWER_MODE_DROP;
}

void cmx_answer_head(cmx_answer *answer, uint32_t status, enum cmx_answer_content content,
                     cmx_view request_id)
{
    CMX_ASSERT(answer->mode == CMX_ANSWER_MODE_HEAD);
    answer->status = (uint16_t)status;
    answer->content = (uint8_t)content;
    answer->mode = cmx_answer_is_success(answer) ? CMX_ANSWER_MODE_SNIFF : CMX_ANSWER_MODE_PAGE;
    answer->id_len =
        (uint8_t)cmx_utf8_copy_line((uint8_t *)answer->id, sizeof answer->id, request_id);
    answer->id_from_head = answer->id_len > 0;
}

void cmx_answer_feed(cmx_answer *answer, uint8_t *data, size_t len)
{
    CMX_ASSERT(answer->chunk_len == 0);
    CMX_ASSERT(!answer->ended);
    answer->chunk = data;
    answer->chunk_len = len;
}

int cmx_answer_next(cmx_answer *answer, cmx_answer_item *item)
{
    while (answer->failure == CMX_OK) {
        if (deliver(answer, item)) {
            return CMX_OK;
        }
        if (!advance(answer)) {
            break;
        }
    }
    if (answer->failure == CMX_OK) {
        return CMX_AGAIN;
    }
    forget_kept(answer);
    answer->chunk_len = 0;
    return answer->failure;
}

void cmx_answer_end(cmx_answer *answer)
{
    answer->ended = true;
}

bool cmx_answer_finished(const cmx_answer *answer)
{
    return answer->done;
}

static cmx_text field_text(const char *field, uint8_t len)
{
    return (cmx_text){field, len};
}

void cmx_answer_result_get(const cmx_answer *answer, cmx_answer_result *result)
{
    *result = (cmx_answer_result){
        .has_text = answer->deltas.has_text,
        .done = answer->done,
        .has_error = answer->has_error,
        .has_usage = answer->has_usage,
        .status = answer->status,
        .malformed = answer->malformed,
        .error_code = answer->error_code,
        .message = field_text(answer->message, answer->message_len),
        .model = field_text(answer->model, answer->model_len),
        .id = field_text(answer->id, answer->id_len),
        .finish_reason = field_text(answer->deltas.finish, answer->deltas.finish_len),
        .usage = answer->usage,
    };
}
