/* SPDX-License-Identifier: MIT */
/*
 * What stays the same from event to event. Consecutive events of a stream differ in one text: what
 * is before and behind it is kept, and where both come again byte for byte, the event means the
 * same with another text, and only that text is looked at. Equal bytes, equal meaning: nothing is
 * guessed. It knows JSON strings and nothing else of the event.
 */
#ifndef CMX_CHAT_ANSWER_SHAPE_H
#define CMX_CHAT_ANSWER_SHAPE_H

#include "text/json_scan.h"

typedef struct cmx_answer_shape {
    uint8_t *bytes;      /* borrowed: what is before the text, then what is behind it */
    uint32_t capacity;   /* bytes at `bytes`; 0 = nothing is ever learned */
    uint32_t before_len; /* up to and including the opening quote; 0 = nothing learned */
    uint32_t behind_len; /* from the closing quote on */
    uint32_t choice;     /* of the text */
    uint8_t channel;     /* of the text, enum cmx_channel */
} cmx_answer_shape;

/* Prepares a shape that has learned nothing. */
void cmx_answer_shape_init(cmx_answer_shape *shape, uint8_t *bytes, size_t capacity);

/* Learns an event whose only effect is one text; forgets the one before. An event too large for
 * the room is not learned.
 *
 * event  the whole JSON text, validated
 * text   inside of the string, quotes not included; its bytes may have been changed since */
void cmx_answer_shape_learn(cmx_answer_shape *shape, cmx_json_span event, cmx_json_span text);

/* Returns whether `event` is the one that was learned but for the text.
 *
 * text  out: inside of the new string, valid and still escaped; only on true; may be empty */
bool cmx_answer_shape_match(const cmx_answer_shape *shape, cmx_json_span event,
                            cmx_json_span *text);

#endif
