/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an answer: one SSE event after another, or one JSON object, in OpenAI's shape.
 * In: a chat request and how many tokens are due. Out: events, and when to wait, end or break off.
 * Must not know frames, sockets or pacing: the caller says when a token is due.
 */
#ifndef RELAY_ANSWER_H
#define RELAY_ANSWER_H

#include "chat.h"
#include "env.h"
#include "fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_ANSWER_ID_CAPACITY 48
#define RELAY_ANSWER_PREFIX_MAX 512
#define RELAY_ANSWER_EVENT_MAX 2048

enum relay_answer_stage {
    RELAY_STAGE_ROLE,
    RELAY_STAGE_TOKENS,
    RELAY_STAGE_FINISH,
    RELAY_STAGE_USAGE,
    RELAY_STAGE_SENTINEL,
    RELAY_STAGE_END,
    RELAY_STAGE_CUT
};

enum relay_answer_step {
    RELAY_STEP_EVENT, /* *len bytes were written */
    RELAY_STEP_WAIT,  /* nothing is due */
    RELAY_STEP_END    /* complete, or cut off: relay_fault_cut says how */
};

typedef struct relay_answer {
    relay_env *env;
    const relay_fault *fault; /* NULL = honest */
    enum relay_answer_stage stage;
    bool include_usage;
    bool cut;       /* half an event left, the end is near */
    bool calls;     /* tools instead of answering with text */
    bool shortened; /* by the request's own limit: finish_reason is "length" */
    int64_t tokens_total;
    int64_t tokens_due;
    int64_t tokens_sent;
    char id[RELAY_ANSWER_ID_CAPACITY];
    char model[RELAY_MODEL_MAX + 1]; /* as JSON has it, for --bills */
    size_t envelope_len;             /* of prefix: up to where "choices" begins */
    size_t prefix_len;
    char prefix[RELAY_ANSWER_PREFIX_MAX];
} relay_answer;

void relay_answer_init(relay_answer *answer, relay_env *env, const relay_chat *chat,
                       const relay_fault *fault);
/* `event` holds RELAY_ANSWER_EVENT_MAX bytes */
enum relay_answer_step relay_answer_next(relay_answer *answer, char *event, size_t *len);
/* The whole answer as one JSON object, for free(); NULL: no memory */
char *relay_answer_plain(relay_answer *answer, const relay_chat *chat, size_t *len);
/* Renders --token-text once; false: it does not fit */
bool relay_answer_prepare(relay_env *env);

#endif
