/* SPDX-License-Identifier: MIT */
/*
 * What an answer says beside its deltas: model, id, usage, and the message of an error in any of
 * its carriers. Facts are copied, bounded, because the bytes they came in do not stay. Whether an
 * error ends the answer is decided elsewhere.
 */
#ifndef CMX_CHAT_ANSWER_FACTS_H
#define CMX_CHAT_ANSWER_FACTS_H

#include "chat/answer_json.h"

#include "chatmux/limits.h"

enum {
    CMX_ANSWER_MESSAGE_BYTES_MAX = CMX_LIMIT_MESSAGE_BYTES,
    CMX_ANSWER_MODEL_BYTES_MAX = 64,
    CMX_ANSWER_ID_BYTES_MAX = 64,
    CMX_ANSWER_NAME_BYTES_MAX = 28, /* of an error's code, and of its type */
    CMX_ANSWER_NOTES = 2,           /* messages kept at once, all answers */
};

/* Messages of errors. An error ends its answer, and the end is told before another answer is
 * decoded, so a few rooms serve all; the oldest is given up if more are needed: that message is
 * lost. */
typedef struct cmx_answer_notes {
    const void *owners[CMX_ANSWER_NOTES]; /* NULL = free */
    uint32_t oldest;                      /* row that is given up next */
    char texts[CMX_ANSWER_NOTES][CMX_ANSWER_MESSAGE_BYTES_MAX];
} cmx_answer_notes;

typedef struct cmx_answer_facts {
    cmx_answer_notes *notes; /* borrowed, shared; NULL = no message is kept */
    cmx_usage usage;
    uint32_t error_code; /* `code` of the reported error, if it is a number */
    bool has_usage;      /* `usage` is known */
    bool usage_due;      /* `usage` changed and was not delivered */
    bool id_from_head;   /* `id` came with the head: the completion's id does not replace it */
    uint8_t note;        /* row of the message, if it is still ours */
    uint8_t message_len; /* bytes at the start of the row */
    uint8_t model_len;
    uint8_t id_len;
    uint8_t error_name_len; /* `code` of the reported error, if it is text: the last bytes of */
    uint8_t error_type_len; /* the row, and its `type` before it */
    char model[CMX_ANSWER_MODEL_BYTES_MAX];
    char *id; /* borrowed: CMX_ANSWER_ID_BYTES_MAX bytes, where the head's lies already; or NULL */
} cmx_answer_facts;

/* Returns the row of the message, CMX_ANSWER_MESSAGE_BYTES_MAX bytes; NULL = it was given up. */
const char *cmx_answer_facts_message(const cmx_answer_facts *facts);

/* Gives the row back. */
void cmx_answer_facts_deinit(cmx_answer_facts *facts);

/* Takes what the head says; both may be empty.
 *
 * request_id  lies in the room of `id` or elsewhere
 * location  where a redirection leads to: the message, since no body says it better */
void cmx_answer_facts_head(cmx_answer_facts *facts, cmx_view request_id, cmx_view location);

/* Takes what a chunk says. The first model and id stay; of usage, the last count of each kind. */
void cmx_answer_facts_chunk(cmx_answer_facts *facts, const cmx_answer_json_chunk *chunk);

/* Takes the message of an error that was reported inside the answer.
 *
 * text    the whole event; changed
 * member  its `error`; `at` may be NULL */
void cmx_answer_facts_error(cmx_answer_facts *facts, cmx_json_span text, cmx_json_span member);

/* Takes the message of an error body: JSON, JSON in server-sent events, or any text.
 *
 * text  changed */
void cmx_answer_facts_page(cmx_answer_facts *facts, cmx_json_span text);

#endif
