/* SPDX-License-Identifier: MIT */
/*
 * Copying of facts. Empty strings are no facts: Azure's first chunk has nothing else.
 */
#include "chat/answer_facts.h"

#include "text/json_text.h"
#include "text/sse.h"
#include "text/utf8.h"

/* Returns a row for the message of these facts: one that is free, else the oldest. */
static char *take_note(cmx_answer_facts *facts)
{
    cmx_answer_notes *notes = facts->notes;
    uint32_t row = 0;
    while (row < CMX_ANSWER_NOTES && notes->owners[row] != NULL && notes->owners[row] != facts) {
        row++;
    }
    if (row == CMX_ANSWER_NOTES) {
        row = notes->oldest;
        notes->oldest = (row + 1) % CMX_ANSWER_NOTES;
    }
    notes->owners[row] = facts;
    facts->note = (uint8_t)row;
    return notes->texts[row];
}

static uint8_t copy_text(char *field, size_t capacity, cmx_view text)
{
    return (uint8_t)cmx_utf8_copy_line((uint8_t *)field, capacity, text);
}

/* Copies a JSON string, quotes included, into a field that is still empty. */
static void copy_once(char *field, uint8_t *len, size_t capacity, cmx_json_span string)
{
    if (*len == 0 && string.at != NULL) {
        cmx_json_span inside = {string.at + 1, string.end - 1};
        *len = (uint8_t)cmx_json_text_line((uint8_t *)field, capacity, inside);
    }
}

static void take_usage(cmx_answer_facts *facts, const cmx_answer_json_chunk *chunk)
{
    cmx_usage usage = facts->usage;
    if (!cmx_answer_json_usage(chunk, &usage)) {
        return;
    }
    const cmx_usage *old = &facts->usage;
    bool same = facts->has_usage && old->has_cost == usage.has_cost &&
                memcmp(old, &usage, offsetof(cmx_usage, has_cost)) == 0;
    facts->usage = usage;
    facts->has_usage = true;
    facts->usage_due = facts->usage_due || !same;
}

const char *cmx_answer_facts_message(const cmx_answer_facts *facts)
{
    bool is_ours = facts->notes != NULL && facts->notes->owners[facts->note] == facts;
    return is_ours ? facts->notes->texts[facts->note] : NULL;
}

void cmx_answer_facts_deinit(cmx_answer_facts *facts)
{
    if (facts->notes != NULL && facts->notes->owners[facts->note] == facts) {
        facts->notes->owners[facts->note] = NULL;
    }
}

void cmx_answer_facts_head(cmx_answer_facts *facts, cmx_view request_id, cmx_view location)
{
    if (facts->id != NULL && request_id.data == (const uint8_t *)facts->id) {
        facts->id_len = (uint8_t)request_id.len;
    } else if (facts->id != NULL) {
        facts->id_len = copy_text(facts->id, CMX_ANSWER_ID_BYTES_MAX, request_id);
    }
    facts->id_from_head = facts->id_len > 0;
    if (location.len > 0 && facts->notes != NULL) {
        facts->message_len = copy_text(take_note(facts), CMX_ANSWER_MESSAGE_BYTES_MAX, location);
    }
}

void cmx_answer_facts_chunk(cmx_answer_facts *facts, const cmx_answer_json_chunk *chunk)
{
    copy_once(facts->model, &facts->model_len, sizeof facts->model, chunk->model);
    if (!facts->id_from_head && facts->id != NULL) {
        copy_once(facts->id, &facts->id_len, CMX_ANSWER_ID_BYTES_MAX, chunk->id);
    }
    if (chunk->has_usage) {
        take_usage(facts, chunk);
    }
}

/* Copies a name to the end of the room of the message, before what lies there already. Returns its
 * length. */
static uint8_t copy_name(char *message, size_t room, cmx_json_span string)
{
    uint8_t name[CMX_ANSWER_NAME_BYTES_MAX];
    if (string.at == NULL) {
        return 0;
    }
    size_t len = cmx_json_text_line(name, sizeof name, string);
    if (len > 0) {
        memcpy(message + room - len, name, len);
    }
    return (uint8_t)len;
}

/* Code and type decide whether another attempt makes sense, the end of a long message nothing: so
 * they come first, and take no room in all the answers that have no error. */
static void copy_message(cmx_answer_facts *facts, const cmx_answer_json_error *error)
{
    facts->error_code = error->code;
    if (facts->notes == NULL) {
        return;
    }
    cmx_view raw = {error->message.at, cmx_json_span_len(error->message)};
    char *message = take_note(facts);
    size_t room = CMX_ANSWER_MESSAGE_BYTES_MAX;
    facts->error_name_len = copy_name(message, room, error->name);
    room -= facts->error_name_len;
    facts->error_type_len = copy_name(message, room, error->type);
    room -= facts->error_type_len;
    if (error->is_string) {
        facts->message_len = (uint8_t)cmx_json_text_line((uint8_t *)message, room, error->message);
    } else {
        facts->message_len = copy_text(message, room, raw);
    }
}

void cmx_answer_facts_error(cmx_answer_facts *facts, cmx_json_span text, cmx_json_span member)
{
    cmx_answer_json_error error;
    cmx_answer_json_error_read(text, &error);
    if (!error.is_string && member.at != NULL) {
        cmx_answer_json_error_read(member, &error);
    }
    copy_message(facts, &error);
}

static bool looks_like_events(cmx_json_span text)
{
    cmx_view front = {text.at, cmx_json_span_len(text)};
    return cmx_view_take_word(&front, "\1:\5data:\6event:\6error:") != CMX_VIEW_NONE;
}

/* Finds the first event with data in a body that may be cut anywhere. */
static bool first_event(cmx_json_span text, cmx_json_span *data)
{
    cmx_sse sse;
    cmx_sse_event event;
    int rc = CMX_OK;
    cmx_sse_init(&sse);
    while (rc == CMX_OK) { /* each turn uses bytes */
        size_t used;
        rc = cmx_sse_next(&sse, text.at, cmx_json_span_len(text), &used, &event);
        text.at += used;
        if (rc != CMX_OK) {
            rc = cmx_sse_finish(&sse, text.at, cmx_json_span_len(text), &event);
            text.at = text.end;
        }
        if (rc == CMX_OK && event.len > 0) {
            *data = (cmx_json_span){event.data, event.data + event.len};
            cmx_json_scan_space(data);
            return data->at < data->end;
        }
    }
    return false;
}

void cmx_answer_facts_page(cmx_answer_facts *facts, cmx_json_span text)
{
    if (text.at == text.end) {
        return;
    }
    cmx_json_span data;
    if (looks_like_events(text) && first_event(text, &data)) {
        text = data;
    }
    cmx_answer_json_error error;
    cmx_answer_json_error_read(text, &error);
    copy_message(facts, &error);
}
