/* SPDX-License-Identifier: MIT */
/*
 * One loop: deliver what is left of the event at hand, else advance to the next one. An event lies
 * in the lent chunk or, if it was split, in the kept bytes; deltas are taken out of it one by one.
 * The first bytes of a 2xx body decide how it is read, because relays mislabel their answers.
 */
#include "chat/answer.h"

#include "chat/answer_event.h"

/* ---- bytes ---- */

static void skip_chunk(cmx_answer *answer, size_t len)
{
    answer->chunk += len;
    answer->chunk_len -= len;
}

static void drop_chunk(cmx_answer *answer)
{
    answer->chunk_len = 0;
}

/* Moves the next `len` bytes of the chunk to the kept ones. As cmx_answer_keep_add(). */
static int keep(cmx_answer *answer, size_t len)
{
    int rc = cmx_answer_keep_add(&answer->keep, answer->chunk, len);
    if (rc == CMX_OK && len > 0) {
        skip_chunk(answer, len);
    }
    return rc;
}

/* ---- delivering ---- */

/* Gives the next item of the event at hand. Returns CMX_OK, CMX_AGAIN (it has no more) or an error
 * that ends the answer. */
static int deliver(cmx_answer *answer, cmx_answer_item *item)
{
    item->kind = CMX_ANSWER_DELTA;
    if (cmx_answer_deltas_pending(&answer->deltas)) {
        int rc = cmx_answer_deltas_take(&answer->deltas, &item->delta);
        if (rc != CMX_AGAIN) {
            return rc;
        }
    }
    if (answer->facts.usage_due) {
        answer->facts.usage_due = false;
        *item = (cmx_answer_item){.kind = CMX_ANSWER_USAGE, .usage = answer->facts.usage};
        return CMX_OK;
    }
    bool at_end = answer->ended && answer->mode == CMX_ANSWER_MODE_DROP;
    bool taken = at_end && cmx_answer_deltas_take_rest(&answer->deltas, &item->delta);
    return taken ? CMX_OK : CMX_AGAIN;
}

/* ---- advancing, one function per mode; each returns whether there is more to look at ---- */

/* The first byte that is not white space tells a JSON object from events, whatever the content-type
 * says; white space before it means nothing in either. */
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
    if (answer->mode == CMX_ANSWER_MODE_OBJECT) {
        cmx_answer_keep_use_body(&answer->keep);
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

/* The event at hand does not fit: passes over the rest of it, whenever that comes, without keeping
 * a byte. Returns false if it ends the answer.
 *
 * len  bytes of it that the reader of events has seen */
static bool drop_event(cmx_answer *answer, size_t len, int why)
{
    if (!cmx_answer_event_skip(answer, why)) {
        return false;
    }
    cmx_sse_drop(&answer->sse, len);
    return true;
}

/* Goes on with an event whose start is kept: its lines join the kept bytes one by one, so that
 * nothing behind its end is ever copied. */
static bool advance_kept_event(cmx_answer *answer)
{
    while (answer->keep.len > 0 && answer->chunk_len > 0) {
        int rc = keep(answer, line_len(answer->chunk, answer->chunk_len));
        if (rc != CMX_OK) {
            bool goes_on = drop_event(answer, answer->keep.len, rc);
            cmx_answer_keep_forget(&answer->keep);
            return goes_on;
        }
        cmx_sse_event event;
        size_t used;
        uint8_t *kept = cmx_answer_keep_bytes(&answer->keep);
        rc = cmx_sse_next(&answer->sse, kept, answer->keep.len, &used, &event);
        if (rc == CMX_OK) {
            answer->event_kept = true;
            cmx_answer_event_take(answer, &event);
            return true;
        }
        if (used > 0) {
            cmx_answer_keep_drop(&answer->keep, used);
        }
    }
    return answer->chunk_len > 0;
}

/* Keeps the start of an event that ends in a later chunk. */
static bool keep_event(cmx_answer *answer)
{
    size_t len = answer->chunk_len;
    int rc = keep(answer, len);
    if (rc == CMX_OK) {
        return answer->ended;
    }
    drop_chunk(answer);
    return drop_event(answer, len, rc);
}

static bool advance_events(cmx_answer *answer)
{
    if (answer->event_read) {
        cmx_answer_event_learn(answer); /* before the bytes of the event may go */
    }
    if (answer->event_kept) {
        cmx_answer_keep_forget(&answer->keep);
        answer->event_kept = false;
    }
    if (answer->chunk_len == 0) {
        if (answer->ended) {
            cmx_answer_event_take_pending(answer);
            answer->mode = CMX_ANSWER_MODE_DROP;
        }
        return answer->ended;
    }
    if (answer->keep.len > 0) {
        return advance_kept_event(answer);
    }
    cmx_sse_event event;
    size_t used;
    int rc = cmx_sse_next(&answer->sse, answer->chunk, answer->chunk_len, &used, &event);
    skip_chunk(answer, used);
    if (rc == CMX_OK) {
        cmx_answer_event_take(answer, &event);
        return true;
    }
    return keep_event(answer);
}

/* Steps over a byte order mark and white space. */
static cmx_json_span kept_text(const cmx_answer *answer)
{
    uint8_t *kept = cmx_answer_keep_bytes(&answer->keep);
    size_t len = answer->keep.len;
    cmx_json_span text = {kept, kept + len};
    if (len >= 3 && memcmp(kept, "\xef\xbb\xbf", 3) == 0) {
        text.at += 3;
    }
    cmx_json_scan_space(&text);
    return text;
}

static bool advance_object(cmx_answer *answer)
{
    answer->failure = keep(answer, answer->chunk_len);
    if (answer->failure != CMX_OK || !answer->ended) {
        return false;
    }
    cmx_json_span text = kept_text(answer);
    CMX_FILLED_LATER cmx_answer_json_chunk chunk;
    if (!cmx_answer_json_read(text, &chunk)) {
        cmx_answer_facts_page(&answer->facts, text);
        answer->failure = CMX_ERR_MALFORMED;
        return false;
    }
    if (cmx_answer_json_is_error(&chunk)) {
        cmx_answer_event_error(answer, text, chunk.error);
        return false;
    }
    cmx_answer_event_chunk(answer, &chunk);
    answer->mode = CMX_ANSWER_MODE_DROP;
    return true;
}

static bool advance_page(cmx_answer *answer)
{
    cmx_answer_keep_prefix(&answer->keep, answer->chunk, answer->chunk_len);
    drop_chunk(answer);
    if (!answer->ended) {
        return false;
    }
    cmx_answer_facts_page(&answer->facts, kept_text(answer));
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
        cmx_answer_keep_forget(&answer->keep);
        drop_chunk(answer);
        return false;
    }
    CMX_UNREACHABLE();
}

/* ---- the module's face ---- */

/* A limit as it is kept: none is so large that cutting it matters. */
static uint16_t small_limit(uint32_t limit)
{
    return limit < UINT16_MAX ? (uint16_t)limit : UINT16_MAX;
}

void cmx_answer_init(cmx_answer *answer, const cmx_answer_memory *memory)
{
    CMX_ASSERT(memory->tail != NULL || memory->tails != NULL || memory->tail_capacity == 0);
    CMX_ASSERT(memory->tail_capacity <= memory->event_bytes_max);
    CMX_ASSERT(memory->event_bytes_max <= UINT32_MAX);
    *answer = (cmx_answer){
        .keep = {.tail = memory->tail,
                 .tails = memory->tail == NULL ? memory->tails : NULL,
                 .blocks = memory->blocks,
                 .body = memory->body,
                 .body_capacity = memory->body_capacity,
                 .tail_capacity = (uint32_t)memory->tail_capacity,
                 .bytes_max = (uint32_t)memory->event_bytes_max},
        .malformed_max = small_limit(memory->malformed_events_max),
        .skipped_max = small_limit(memory->skipped_events_max),
    };
    answer->facts.notes = memory->notes;
    answer->facts.id = memory->id;
    cmx_sse_init(&answer->sse);
    cmx_answer_shape_init(&answer->shape, memory->shape, memory->shapes, memory->shape_capacity);
    cmx_answer_tools_init(&answer->deltas.tools, memory->tools, memory->tables,
                          memory->tools_capacity);
}

void cmx_answer_deinit(cmx_answer *answer)
{
    cmx_answer_keep_forget(&answer->keep);
    cmx_answer_shape_deinit(&answer->shape);
    cmx_answer_tools_deinit(&answer->deltas.tools);
    cmx_answer_facts_deinit(&answer->facts);
    drop_chunk(answer);
    answer->mode = CMX_ANSWER_MODE_DROP;
}

void cmx_answer_head(cmx_answer *answer, uint32_t status, enum cmx_answer_content content,
                     cmx_view request_id, cmx_view location)
{
    CMX_ASSERT(answer->mode == CMX_ANSWER_MODE_HEAD);
    answer->status = (uint16_t)status;
    answer->content = (uint8_t)content;
    answer->mode = cmx_answer_is_success(answer) ? CMX_ANSWER_MODE_SNIFF : CMX_ANSWER_MODE_PAGE;
    if (!cmx_answer_is_redirect(answer)) {
        location.len = 0;
    } else if (location.len > 0) {
        answer->mode = CMX_ANSWER_MODE_DROP; /* the body only says the same */
    }
    cmx_answer_facts_head(&answer->facts, request_id, location);
}

void cmx_answer_feed(cmx_answer *answer, uint8_t *data, size_t len)
{
    CMX_ASSERT(answer->chunk_len == 0);
    CMX_ASSERT(!answer->ended);
    answer->chunk = data;
    answer->chunk_len = len;
}

/* Returns where the rest of the event at hand begins, if it lies in the chunk, else NULL. */
static const uint8_t *event_rest(const cmx_answer *answer)
{
    return answer->event_kept ? NULL : cmx_answer_deltas_rest(&answer->deltas);
}

cmx_view cmx_answer_lent(const cmx_answer *answer)
{
    CMX_ASSERT(!answer->ended);
    if (answer->failure != CMX_OK) {
        return (cmx_view){NULL, 0};
    }
    const uint8_t *event = event_rest(answer);
    const uint8_t *first = event == NULL ? answer->chunk : event;
    size_t event_len = (size_t)(answer->chunk - first);
    return (cmx_view){first, event_len + answer->chunk_len};
}

void cmx_answer_move(cmx_answer *answer, uint8_t *to)
{
    const uint8_t *event = event_rest(answer);
    if (event != NULL) {
        size_t event_len = (size_t)(answer->chunk - event);
        cmx_answer_deltas_move(&answer->deltas, event, to);
        to += event_len;
    }
    answer->chunk = to;
    if (!answer->event_kept) {
        answer->event_plain = false; /* the start of the event stays behind: nothing to learn */
    }
}

int cmx_answer_next(cmx_answer *answer, cmx_answer_item *item)
{
    while (answer->failure == CMX_OK) {
        int rc = deliver(answer, item);
        if (rc == CMX_OK) {
            return CMX_OK;
        }
        if (rc != CMX_AGAIN) {
            answer->failure = rc;
        } else if (!advance(answer)) {
            break;
        }
    }
    if (answer->failure == CMX_OK) {
        return CMX_AGAIN;
    }
    cmx_answer_keep_forget(&answer->keep);
    drop_chunk(answer);
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
    const cmx_answer_facts *facts = &answer->facts;
    *result = (cmx_answer_result){
        .has_text = answer->deltas.has_text,
        .done = answer->done,
        .has_error = answer->has_error,
        .has_usage = facts->has_usage,
        .status = answer->status,
        .tool_calls = answer->deltas.tools.count,
        .malformed = answer->malformed,
        .skipped = answer->skipped,
        .replaced = answer->deltas.replaced,
        .error_code = facts->error_code,
        .model = field_text(facts->model, facts->model_len),
        .id = field_text(facts->id, facts->id_len),
        .finish_reason = field_text(answer->deltas.finish, answer->deltas.finish_len),
        .message = {"", 0},
        .usage = facts->usage,
    };
    const char *message = cmx_answer_facts_message(facts);
    if (message != NULL) {
        const char *name = message + CMX_ANSWER_MESSAGE_BYTES_MAX - facts->error_name_len;
        result->error_name = field_text(name, facts->error_name_len);
        result->error_type = field_text(name - facts->error_type_len, facts->error_type_len);
        result->message = field_text(message, facts->message_len);
    }
}
