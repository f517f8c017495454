/* SPDX-License-Identifier: MIT */
/*
 * The arrays inside of a delta (or message), element by element: parts of content and pieces of
 * tool calls, in the spellings that servers use. All JSON here was validated as part of its chunk.
 * Which call a piece belongs to is not known here.
 */
#ifndef CMX_CHAT_ANSWER_PARTS_H
#define CMX_CHAT_ANSWER_PARTS_H

#include "chat/answer_json.h"

/* Takes the next part of content that is an array: text, thinking or refusal. All other types, such
 * as reference, are NOTHING.
 *
 * parts  in-out: at an element; then at the next one, or `at` NULL behind the last
 * value  out: a string without its quotes, or with PARTS the first of the parts of a thought; not
 *        with NOTHING */
enum cmx_answer_json_part cmx_answer_parts_take(cmx_json_span *parts, cmx_json_span *value);

/* A piece of a tool call. Spans have `at` NULL where there is nothing, or nothing but "". */
typedef struct cmx_answer_parts_tool {
    cmx_json_span id;        /* a string without its quotes */
    cmx_json_span name;      /* likewise */
    cmx_json_span arguments; /* likewise; with is_raw a JSON object or array as it stands */
    uint32_t index;          /* meaningful with has_index */
    bool has_index;
    bool is_raw;
} cmx_answer_parts_tool;

/* Takes the next element of an array of tool calls.
 *
 * tools  in-out: as above */
void cmx_answer_parts_tool_take(cmx_json_span *tools, cmx_answer_parts_tool *tool);

/* Reads the object of a function_call, which has neither id nor index. */
void cmx_answer_parts_function_read(cmx_json_span object, cmx_answer_parts_tool *tool);

#endif
