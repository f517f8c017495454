/* SPDX-License-Identifier: MIT */
/*
 * Which tool call a piece of an answer belongs to. Servers number calls by index, by id, by both or
 * by nothing; each call gets a row here, and a number within its choice in order of appearance. Ids
 * are kept as a hash, names not at all: a row says only whether they were told. Rows lie in memory
 * that is given; JSON is not known here.
 */
#ifndef CMX_CHAT_ANSWER_TOOLS_H
#define CMX_CHAT_ANSWER_TOOLS_H

#include "base/blocks.h"
#include "base/view.h"

typedef struct cmx_answer_tool {
    uint32_t choice;
    uint32_t index;     /* as the server numbers it; meaningful with has_index */
    uint32_t id_hash;   /* meaningful with has_id */
    uint16_t surrogate; /* high half of a character that waits for its low half; 0 = none */
    uint8_t number;     /* within its choice */
    bool has_index : 1;
    bool has_id : 1;    /* its id was told */
    bool has_name : 1;  /* its name was told */
    bool is_legacy : 1; /* the one function_call of its choice */
} cmx_answer_tool;

_Static_assert(sizeof(cmx_answer_tool) == 16, "what config.h says of tool_calls_max");

typedef struct cmx_answer_tools {
    cmx_answer_tool *calls; /* borrowed; in order of appearance */
    cmx_blocks *tables;     /* borrowed, shared: `calls` is taken from; NULL = it is given */
    uint16_t capacity;      /* rows at `calls` */
    uint16_t count;         /* rows in use */
} cmx_answer_tools;

enum { CMX_ANSWER_TOOLS_MAX = 128 }; /* rows that are used of those given */

/* What a piece says of the call that it belongs to. */
typedef struct cmx_answer_tool_key {
    uint32_t choice;
    uint32_t index; /* meaningful with has_index */
    cmx_view id;    /* empty = none */
    bool has_index;
    bool is_legacy; /* a function_call; has neither index nor id */
    bool is_next;   /* not the first of its kind at once: without index and id, a call of its own */
} cmx_answer_tool_key;

/* Prepares a table without calls.
 *
 * calls  borrowed as long as the table is used, `capacity` rows; NULL = taken from `tables`, blocks
 *        of as many, with the first call, until deinit; both may be NULL if `capacity` is 0 */
void cmx_answer_tools_init(cmx_answer_tools *tools, cmx_answer_tool *calls, cmx_blocks *tables,
                           size_t capacity);

/* Gives back what was taken; only the count of calls can be asked for any more. */
void cmx_answer_tools_deinit(cmx_answer_tools *tools);

/* Finds the call that a piece belongs to, or opens it.
 *
 * call  out: its row, valid until init; only on CMX_OK
 * told  out: the piece tells the call's id for the first time
 *
 * Returns CMX_OK, or CMX_ERR_TOOL_CALLS: a row for one more is not there, or no table is free. */
CMX_MUST_CHECK int cmx_answer_tools_find(cmx_answer_tools *tools, const cmx_answer_tool_key *key,
                                         cmx_answer_tool **call, bool *told);

#endif
