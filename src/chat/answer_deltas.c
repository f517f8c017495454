/* SPDX-License-Identifier: MIT */
/*
 * Positions inside each other (choices, members of a delta, elements of an array, rest of a text),
 * each a span of validated JSON. Taking goes on with the innermost that has something left.
 */
#include "chat/answer_deltas.h"

#include "chat/answer_parts.h"
#include "text/json_text.h"
#include "text/utf8.h"

_Static_assert((int)CMX_ANSWER_JSON_CONTENT == (int)CMX_CHANNEL_CONTENT &&
                   (int)CMX_ANSWER_JSON_REASONING == (int)CMX_CHANNEL_REASONING &&
                   (int)CMX_ANSWER_JSON_REFUSAL == (int)CMX_CHANNEL_REFUSAL &&
                   (int)CMX_CHANNEL_TOOL_CALL == (int)CMX_ANSWER_DELTAS_CHANNELS,
               "a part of a delta is a channel, and tool calls are the last one");
_Static_assert(CMX_ANSWER_TOOLS_MAX <= UINT8_MAX, "a row fits into a byte");

/* Nothing, but with an address: memcpy() of no bytes wants one. */
static const cmx_text no_text = {"", 0};

static uint32_t choice_bit(uint32_t choice)
{
    return choice < 32 ? UINT32_C(1) << choice : 0;
}

static void note_finish(cmx_answer_deltas *deltas, const cmx_answer_json_choice *choice)
{
    deltas->finished |= choice_bit(choice->index);
    if (deltas->finish_len == 0) {
        cmx_json_span inside = {choice->finish.at + 1, choice->finish.end - 1};
        deltas->finish_len =
            (uint8_t)cmx_json_text_line((uint8_t *)deltas->finish, sizeof deltas->finish, inside);
    }
}

/* ---- texts ---- */

static void begin_text(cmx_answer_deltas *deltas, uint8_t channel, cmx_json_span text)
{
    deltas->channel = channel;
    deltas->text = text;
    deltas->text_raw = false;
    deltas->first = text.at;
    deltas->texts_taken = deltas->texts_taken == 0 ? 1 : 2;
}

static void begin_choice(cmx_answer_deltas *deltas, const cmx_answer_json_choice *choice)
{
    deltas->choice = choice->index;
    deltas->delta = choice->delta;
    deltas->reasoning_taken = choice->part == CMX_ANSWER_JSON_REASONING;
    deltas->choices_taken = deltas->choices_taken == 0 ? 1 : 2;
    if (choice->finish.at != NULL) {
        deltas->choices_taken = 2;
        note_finish(deltas, choice);
    }
    if (choice->part != CMX_ANSWER_JSON_NOTHING) {
        begin_text(deltas, (uint8_t)choice->part, choice->text);
    }
}

/* The chunk said something that a text alone does not say. */
static void note_special(cmx_answer_deltas *deltas)
{
    deltas->texts_taken = 2;
}

static inline uint16_t *current_surrogate(cmx_answer_deltas *deltas)
{
    if (deltas->channel == CMX_CHANNEL_TOOL_CALL) {
        return &deltas->tools.calls[deltas->tool].surrogate;
    }
    return deltas->choice < CMX_ANSWER_DELTAS_CHOICES_MAX
               ? &deltas->surrogate[deltas->choice][deltas->channel]
               : NULL;
}

/* Takes the next piece of the text. Returns false if it is used up. */
static inline bool take_piece(cmx_answer_deltas *deltas, cmx_view *piece)
{
    bool taken = deltas->text_raw
                     ? cmx_json_text_piece_raw(&deltas->text, piece)
                     : cmx_json_text_piece(&deltas->text, current_surrogate(deltas), piece);
    if (!taken || deltas->text.at == deltas->text.end) {
        deltas->text.at = NULL;
        deltas->held = deltas->held || !taken;
    }
    if (taken && piece->data == cmx_json_text_replacement) {
        deltas->replaced++;
    }
    return taken;
}

static inline void give_delta(cmx_answer_deltas *deltas, cmx_view piece, cmx_delta *delta)
{
    deltas->has_text = true;
    deltas->begun |= choice_bit(deltas->choice);
    *delta = (cmx_delta){
        .choice = deltas->choice,
        .channel = (enum cmx_channel)deltas->channel,
        .text = {(const char *)piece.data, piece.len},
    };
    if (deltas->channel == CMX_CHANNEL_TOOL_CALL) {
        delta->tool = deltas->tools.calls[deltas->tool].number;
        delta->tool_id = no_text;
        delta->tool_name = no_text;
    }
}

/* ---- tool calls ---- */

/* Decodes an id or name where it lies. One that is not valid UTF-8 is cut before what is wrong. */
static cmx_view decode_label(cmx_json_span string)
{
    cmx_view label = CMX_VIEW_LITERAL("");
    bool taken = string.at != NULL && cmx_json_text_piece(&string, NULL, &label);
    return taken ? label : CMX_VIEW_LITERAL("");
}

static cmx_text as_text(cmx_view view)
{
    return (cmx_text){(const char *)view.data, view.len};
}

/* Delivers a piece of a tool call, unless it says nothing. As cmx_answer_deltas_take(), where
 * CMX_AGAIN is: look on. */
static int take_tool(cmx_answer_deltas *deltas, const cmx_answer_parts_tool *tool, bool is_legacy,
                     cmx_delta *delta)
{
    if (tool->id.at == NULL && tool->name.at == NULL && tool->arguments.at == NULL) {
        return CMX_AGAIN;
    }
    const cmx_answer_tool_key key = {
        .choice = deltas->choice,
        .index = tool->index,
        .id = decode_label(tool->id),
        .has_index = tool->has_index,
        .is_legacy = is_legacy,
        .is_next = deltas->tool_taken,
    };
    cmx_answer_tool *call;
    bool told;
    int rc = cmx_answer_tools_find(&deltas->tools, &key, &call, &told);
    if (rc != CMX_OK) {
        return rc;
    }
    deltas->tool = (uint8_t)(call - deltas->tools.calls);
    cmx_view piece = CMX_VIEW_LITERAL("");
    bool taken = false;
    deltas->channel = CMX_CHANNEL_TOOL_CALL;
    if (tool->arguments.at != NULL) {
        begin_text(deltas, CMX_CHANNEL_TOOL_CALL, tool->arguments);
        deltas->text_raw = tool->is_raw;
        taken = take_piece(deltas, &piece);
    }
    if (tool->id.at != NULL || tool->name.at != NULL || tool->is_raw) {
        note_special(deltas);
    }
    deltas->tool_taken = true;
    bool named = tool->name.at != NULL && !call->has_name;
    if (!taken && !told && !named) {
        return CMX_AGAIN;
    }
    give_delta(deltas, piece, delta);
    if (told) {
        delta->tool_id = as_text(key.id);
    }
    if (named) {
        call->has_name = true;
        delta->tool_name = as_text(decode_label(tool->name));
    }
    return CMX_OK;
}

/* ---- one step inwards each; as take_tool() ---- */

static int take_part(cmx_answer_deltas *deltas, cmx_delta *delta)
{
    cmx_json_span value;
    enum cmx_answer_json_part part = cmx_answer_json_part_take(&deltas->delta, &value);
    switch (part) {
    case CMX_ANSWER_JSON_NOTHING:
        return CMX_AGAIN;
    case CMX_ANSWER_JSON_REASONING:
        /* Some relays send the same reasoning under both of its names. */
        if (deltas->reasoning_taken) {
            deltas->texts_taken = 2;
            return CMX_AGAIN;
        }
        deltas->reasoning_taken = true;
        begin_text(deltas, CMX_CHANNEL_REASONING, value);
        return CMX_AGAIN;
    case CMX_ANSWER_JSON_CONTENT:
    case CMX_ANSWER_JSON_REFUSAL:
        begin_text(deltas, (uint8_t)part, value);
        return CMX_AGAIN;
    case CMX_ANSWER_JSON_PARTS:
    case CMX_ANSWER_JSON_TOOLS:
        deltas->parts = value;
        deltas->parts_tools = part == CMX_ANSWER_JSON_TOOLS;
        deltas->tool_taken = false;
        return CMX_AGAIN;
    case CMX_ANSWER_JSON_FUNCTION: {
        cmx_answer_parts_tool tool;
        cmx_answer_parts_function_read(value, &tool);
        deltas->tool_taken = false;
        return take_tool(deltas, &tool, true, delta);
    }
    }
    CMX_UNREACHABLE();
}

/* A part of content, or of a thought in it. */
static void take_content(cmx_answer_deltas *deltas)
{
    bool in_thought = deltas->thought.at != NULL;
    cmx_json_span value;
    enum cmx_answer_json_part part =
        cmx_answer_parts_take(in_thought ? &deltas->thought : &deltas->parts, &value);
    note_special(deltas);
    if (part == CMX_ANSWER_JSON_PARTS) {
        if (!in_thought) { /* one level is all there is */
            deltas->thought = value;
        }
    } else if (part != CMX_ANSWER_JSON_NOTHING) {
        begin_text(deltas, in_thought ? CMX_CHANNEL_REASONING : (uint8_t)part, value);
    }
}

static int take_element(cmx_answer_deltas *deltas, cmx_delta *delta)
{
    if (!deltas->parts_tools || deltas->thought.at != NULL) {
        take_content(deltas);
        return CMX_AGAIN;
    }
    cmx_answer_parts_tool tool;
    cmx_answer_parts_tool_take(&deltas->parts, &tool);
    return take_tool(deltas, &tool, false, delta);
}

/* ---- the module's face ---- */

bool cmx_answer_deltas_begin(cmx_answer_deltas *deltas, const cmx_answer_json_chunk *chunk)
{
    CMX_ASSERT(deltas->text.at == NULL && !deltas->open);
    deltas->choices = chunk->choices;
    deltas->choices_taken = 0;
    deltas->texts_taken = 0;
    deltas->open = chunk->has_choice;
    if (deltas->open) {
        begin_choice(deltas, &chunk->choice);
    }
    return deltas->open;
}

void cmx_answer_deltas_begin_text(cmx_answer_deltas *deltas, cmx_answer_deltas_place place,
                                  cmx_json_span text)
{
    CMX_ASSERT(deltas->text.at == NULL && !deltas->open);
    deltas->choice = place.choice;
    deltas->channel = place.channel;
    deltas->tool = place.tool;
    deltas->text = text;
    deltas->text_raw = false;
}

bool cmx_answer_deltas_single(const cmx_answer_deltas *deltas, cmx_json_span *text)
{
    *text = (cmx_json_span){deltas->first, deltas->text.end};
    return deltas->choices_taken == 1 && deltas->texts_taken == 1;
}

/* Steps inwards to the next text. As take_tool(), where CMX_AGAIN is: look at `text` and `open`. */
static int step_inwards(cmx_answer_deltas *deltas, cmx_delta *delta)
{
    if (deltas->thought.at != NULL || deltas->parts.at != NULL) {
        return take_element(deltas, delta);
    }
    if (deltas->delta.at != NULL) {
        return take_part(deltas, delta);
    }
    if (deltas->choices.at != NULL) {
        cmx_answer_json_choice choice;
        cmx_answer_json_choice_take(&deltas->choices, &choice);
        begin_choice(deltas, &choice);
    } else {
        deltas->open = false;
    }
    return CMX_AGAIN;
}

int cmx_answer_deltas_take(cmx_answer_deltas *deltas, cmx_delta *delta)
{
    while (cmx_answer_deltas_pending(deltas)) {
        cmx_view piece;
        if (deltas->text.at == NULL) {
            int rc = step_inwards(deltas, delta);
            if (rc != CMX_AGAIN) {
                return rc;
            }
        } else if (take_piece(deltas, &piece)) {
            give_delta(deltas, piece, delta);
            return CMX_OK;
        }
    }
    return CMX_AGAIN;
}

static void give_replacement(cmx_answer_deltas *deltas, uint8_t channel, cmx_delta *delta)
{
    deltas->channel = channel;
    deltas->replaced++;
    give_delta(deltas, CMX_VIEW_LITERAL(CMX_UTF8_REPLACEMENT), delta);
}

bool cmx_answer_deltas_take_rest(cmx_answer_deltas *deltas, cmx_delta *delta)
{
    if (!deltas->held) {
        return false;
    }
    for (uint32_t choice = 0; choice < CMX_ANSWER_DELTAS_CHOICES_MAX; choice++) {
        for (uint8_t channel = 0; channel < CMX_ANSWER_DELTAS_CHANNELS; channel++) {
            if (deltas->surrogate[choice][channel] != 0) {
                deltas->surrogate[choice][channel] = 0;
                deltas->choice = choice;
                give_replacement(deltas, channel, delta);
                return true;
            }
        }
    }
    for (uint16_t row = 0; row < deltas->tools.count; row++) {
        cmx_answer_tool *call = &deltas->tools.calls[row];
        if (call->surrogate != 0) {
            call->surrogate = 0;
            deltas->choice = call->choice;
            deltas->tool = (uint8_t)row;
            give_replacement(deltas, CMX_CHANNEL_TOOL_CALL, delta);
            return true;
        }
    }
    return false;
}

const uint8_t *cmx_answer_deltas_rest(const cmx_answer_deltas *deltas)
{
    const cmx_json_span *const spans[] = {&deltas->text, &deltas->thought, &deltas->parts,
                                          &deltas->delta, &deltas->choices};
    const uint8_t *first = NULL;
    for (size_t i = 0; i < (deltas->open ? CMX_ARRAY_LEN(spans) : 1); i++) {
        const uint8_t *at = spans[i]->at;
        if (at != NULL && (first == NULL || at < first)) {
            first = at;
        }
    }
    return first;
}

static void move_span(cmx_json_span *span, const uint8_t *from, uint8_t *to)
{
    if (span->at != NULL) {
        span->end = to + (span->end - from);
        span->at = to + (span->at - from);
    }
}

void cmx_answer_deltas_move(cmx_answer_deltas *deltas, const uint8_t *from, uint8_t *to)
{
    move_span(&deltas->text, from, to);
    if (deltas->open) {
        move_span(&deltas->thought, from, to);
        move_span(&deltas->parts, from, to);
        move_span(&deltas->delta, from, to);
        move_span(&deltas->choices, from, to);
    }
}

bool cmx_answer_deltas_complete(const cmx_answer_deltas *deltas)
{
    return deltas->finish_len > 0 && (deltas->begun & ~deltas->finished) == 0;
}
