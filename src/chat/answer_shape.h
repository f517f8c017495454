/* SPDX-License-Identifier: MIT */
/*
 * What stays the same from event to event. Consecutive events of a stream differ in one text: what
 * is before and behind it is kept, and where both come again byte for byte, the event means the
 * same with another text, and only that text is looked at. Equal bytes, equal meaning: nothing is
 * guessed. It knows JSON strings and nothing else of the event; what the text belongs to is only
 * kept.
 */
#ifndef CMX_CHAT_ANSWER_SHAPE_H
#define CMX_CHAT_ANSWER_SHAPE_H

#include "base/blocks.h"
#include "chat/answer_deltas.h"

typedef struct cmx_answer_shape {
    uint8_t *bytes;                /* borrowed: what is before the text, then what is behind it */
    cmx_blocks *rooms;             /* borrowed, shared: `bytes` is taken from; NULL = it is given */
    uint32_t capacity;             /* bytes at `bytes`; 0 = nothing is ever learned */
    uint32_t before_len;           /* up to and including the opening quote; 0 = nothing learned */
    uint32_t behind_len;           /* from the closing quote on */
    cmx_answer_deltas_place place; /* what the text belongs to */
    uint16_t tool_calls; /* as many as there were: one more may make the same bytes another's */
} cmx_answer_shape;

/* Prepares a shape that has learned nothing.
 *
 * bytes  borrowed, `capacity` bytes; NULL = taken from `rooms`, blocks of `capacity`, when
 * something is learned, until deinit; while none is free nothing is learned; may be NULL as well */
void cmx_answer_shape_init(cmx_answer_shape *shape, uint8_t *bytes, cmx_blocks *rooms,
                           size_t capacity);

/* Forgets what was learned and gives back what was taken. */
void cmx_answer_shape_deinit(cmx_answer_shape *shape);

/* Learns an event whose only effect is one text; forgets the one before. An event too large for
 * the room is not learned.
 *
 * event  the whole JSON text, validated
 * text   inside of the string, quotes not included; its bytes may have been changed since */
void cmx_answer_shape_learn(cmx_answer_shape *shape, cmx_json_span event, cmx_json_span text);

/* Forgets what was learned if a tool call was opened since: the same bytes may be that one's. */
static inline void cmx_answer_shape_note_calls(cmx_answer_shape *shape, uint16_t tool_calls)
{
    if (shape->tool_calls != tool_calls) {
        shape->tool_calls = tool_calls;
        shape->before_len = 0;
    }
}

/* Returns whether `event` is the one that was learned but for the text.
 *
 * text  out: inside of the new string, valid and still escaped; only on true; may be empty */
bool cmx_answer_shape_match(const cmx_answer_shape *shape, cmx_json_span event,
                            cmx_json_span *text);

#endif
