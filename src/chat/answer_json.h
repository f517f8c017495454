/* SPDX-License-Identifier: MIT */
/*
 * The shape of a chat completion in JSON: which members of a chunk (or whole completion) matter,
 * walked where they lie. One pass validates the whole text and finds the first choice, its first
 * text and the counts on the way, which is all that most chunks have; the rest is then taken out
 * member by member. No state of a stream lives here.
 */
#ifndef CMX_CHAT_ANSWER_JSON_H
#define CMX_CHAT_ANSWER_JSON_H

#include "chatmux/chat.h"
#include "text/json_scan.h"

/* What a member of a delta is, or a part of an array in it: see answer_parts.h. */
enum cmx_answer_json_part {
    CMX_ANSWER_JSON_CONTENT,
    CMX_ANSWER_JSON_REASONING,
    CMX_ANSWER_JSON_REFUSAL,
    CMX_ANSWER_JSON_PARTS,    /* an array of parts */
    CMX_ANSWER_JSON_TOOLS,    /* an array of tool calls */
    CMX_ANSWER_JSON_FUNCTION, /* the object of a function_call */
    CMX_ANSWER_JSON_NOTHING,  /* not a text that is delivered, or an empty one */
};

typedef struct cmx_answer_json_choice {
    uint32_t index;       /* 0 if absent */
    cmx_json_span finish; /* a string that is not empty, quotes included; `at` NULL = none */
    cmx_json_span text;   /* the first of its delta, without quotes; meaningful unless NOTHING */
    cmx_json_span delta;  /* the name of the first member to take behind `text`; `at` NULL = none */
    enum cmx_answer_json_part part; /* what `text` is: CONTENT, REASONING, REFUSAL or NOTHING */
} cmx_answer_json_choice;

enum { CMX_ANSWER_JSON_COUNTS = 11 }; /* names of counts that matter */

/* What the members at the top of a chunk are; `at` is NULL where one is absent or null. */
typedef struct cmx_answer_json_chunk {
    cmx_json_span error;   /* anything that is not nothing: null, {}, "" and false are nothing */
    cmx_json_span groq;    /* x_groq, an object */
    cmx_json_span id;      /* a string, quotes included */
    cmx_json_span model;   /* a string, quotes included */
    cmx_json_span choices; /* behind the first one; `at` NULL = no more */
    bool is_error;         /* the chunk itself is an error: its `object` or `type` is "error" */
    bool has_choice;       /* `choice` is the first one */
    bool has_usage;        /* there is a usage object: the chunk's own, else that in x_groq */
    cmx_answer_json_choice choice;
    cmx_json_span counts[CMX_ANSWER_JSON_COUNTS]; /* of usage; meaningful with has_usage */
} cmx_answer_json_chunk;

/* Validates `text`, which must be one JSON object, and finds what matters in it. Returns false if
 * it is anything else; nothing may be taken from it then. */
bool cmx_answer_json_read(cmx_json_span text, cmx_answer_json_chunk *chunk);

/* Returns whether the chunk is an error report. */
static inline bool cmx_answer_json_is_error(const cmx_answer_json_chunk *chunk)
{
    return chunk->error.at != NULL || chunk->is_error;
}

/* Takes the next choice of a validated array.
 *
 * choices  in-out: at the element; then at the next one, or `at` NULL behind the last */
void cmx_answer_json_choice_take(cmx_json_span *choices, cmx_answer_json_choice *choice);

/* Steps into an array. Returns false, with `at` NULL, if there is no element to take. */
bool cmx_answer_json_enter(cmx_json_span *array);

/* Takes the next member of a validated delta.
 *
 * delta  in-out: at a name; then at the next one, or `at` NULL behind the last
 * value  out: a string without its quotes, an array's first element, or a whole object; not with
 *        NOTHING */
enum cmx_answer_json_part cmx_answer_json_part_take(cmx_json_span *delta, cmx_json_span *value);

/* Reads the value of an `index`. Returns false if it is not one. */
bool cmx_answer_json_index(cmx_json_span value, uint32_t *index);

/* Reads the counts of a chunk that has usage, under any of their names; those that it does not
 * have, or not as whole numbers, stay as they are. Returns false if there is none in it. */
bool cmx_answer_json_usage(const cmx_answer_json_chunk *chunk, cmx_usage *usage);

typedef struct cmx_answer_json_error {
    cmx_json_span message; /* a string without its quotes, or the whole value if it has none */
    bool is_string;        /* `message` is a JSON string, still escaped */
    uint32_t code;         /* `code` if it is a number, else 0 */
    cmx_json_span name;    /* `code` if it is text, without its quotes, still escaped */
    cmx_json_span type;    /* likewise `type`; `at` of both NULL = none */
} cmx_answer_json_error;

/* Finds message, code and type of an error: a string, or an object in any of the usual shapes. */
void cmx_answer_json_error_read(cmx_json_span value, cmx_answer_json_error *error);

#endif
