/* SPDX-License-Identifier: MIT */
/*
 * The deltas of an answer: walks the choices of one chunk after the other and takes out text by
 * text, each with its choice and channel. What lasts from chunk to chunk is here, too: halves of
 * characters that were split over deltas, which choices have finished, and the tool calls.
 */
#ifndef CMX_CHAT_ANSWER_DELTAS_H
#define CMX_CHAT_ANSWER_DELTAS_H

#include "chatmux/chat.h"
#include "chatmux/limits.h"
#include "chat/answer_json.h"
#include "chat/answer_tools.h"

enum {
    CMX_ANSWER_DELTAS_CHOICES_MAX =
        CMX_LIMIT_CHOICES,          /* choices whose split surrogate pairs are joined */
    CMX_ANSWER_DELTAS_CHANNELS = 3, /* values of enum cmx_channel but for tool calls */
    CMX_ANSWER_DELTAS_FINISH_BYTES_MAX = 32,
};

typedef struct cmx_answer_deltas {
    cmx_json_span choices; /* elements after the current choice; `at` NULL = none */
    cmx_json_span delta;   /* members of the current choice's delta; `at` NULL = none */
    cmx_json_span parts;   /* elements of an array in the delta; `at` NULL = none */
    cmx_json_span thought; /* parts of a thought among `parts`; `at` NULL = none */
    cmx_json_span text;    /* being delivered, still escaped; `at` NULL = none */
    uint8_t *first;        /* where the first text of this chunk lay */
    uint32_t choice;       /* index of the current choice */
    uint32_t begun;        /* bit per choice 0..31 that had text */
    uint32_t finished;     /* bit per choice 0..31 that had a finish_reason */
    uint32_t replaced;     /* U+FFFD that were made */
    uint8_t channel;       /* of `text`, enum cmx_channel */
    uint8_t tool;          /* with channel TOOL_CALL: row of its call */
    bool open;             /* there may be more in the chunk than `text` */
    bool text_raw;         /* `text` is JSON that is delivered as it stands */
    bool parts_tools;      /* `parts` are tool calls */
    bool reasoning_taken;  /* this delta had one of the two names of reasoning */
    uint8_t choices_taken; /* of this chunk, 2 = more than one, or one with a finish_reason */
    uint8_t texts_taken;   /* of this chunk, 2 = more than one, or one that is not like others */
    bool tool_taken;       /* this array had a tool call that said something */
    bool held;             /* a half of a pair may wait in `surrogate`, or with a tool call */
    bool has_text;         /* at least one byte of text was taken, or a tool call began */
    uint8_t finish_len;    /* bytes of `finish`; 0 = none came */
    char finish[CMX_ANSWER_DELTAS_FINISH_BYTES_MAX]; /* the first finish_reason, as sent */
    cmx_answer_tools tools;

    /* High halves of surrogate pairs that wait for their low half in the next delta. */
    uint16_t surrogate[CMX_ANSWER_DELTAS_CHOICES_MAX][CMX_ANSWER_DELTAS_CHANNELS];
} cmx_answer_deltas;

/* Begins a chunk; the one before must be used up.
 *
 * chunk  what was read of it; its text is borrowed and changed until it is used up
 *
 * Returns whether there is a choice in it. */
bool cmx_answer_deltas_begin(cmx_answer_deltas *deltas, const cmx_answer_json_chunk *chunk);

/* What a text belongs to. */
typedef struct cmx_answer_deltas_place {
    uint32_t choice;
    uint8_t channel; /* enum cmx_channel */
    uint8_t tool;    /* row of the call, for channel TOOL_CALL */
} cmx_answer_deltas_place;

/* Begins a chunk that is known to have one text only; the one before must be used up.
 *
 * text  inside of a validated string, still escaped; borrowed and changed until it is used up */
void cmx_answer_deltas_begin_text(cmx_answer_deltas *deltas, cmx_answer_deltas_place place,
                                  cmx_json_span text);

/* Returns whether all that the used-up chunk said was one text of one choice, of which the same
 * bytes would say the same as long as there are as many tool calls.
 *
 * text  out: where its string lay */
bool cmx_answer_deltas_single(const cmx_answer_deltas *deltas, cmx_json_span *text);

/* Returns whether there may be a delta to take. */
static inline bool cmx_answer_deltas_pending(const cmx_answer_deltas *deltas)
{
    return deltas->text.at != NULL || deltas->open;
}

/* Takes the next delta of the chunk.
 *
 * delta  out: lent until the next call; only on CMX_OK
 *
 * Returns CMX_OK, CMX_AGAIN (the chunk is used up) or CMX_ERR_TOOL_CALLS (more calls than rows). */
CMX_MUST_CHECK int cmx_answer_deltas_take(cmx_answer_deltas *deltas, cmx_delta *delta);

/* Takes what is left after the last chunk: half characters, as U+FFFD. Returns false when there is
 * nothing. */
bool cmx_answer_deltas_take_rest(cmx_answer_deltas *deltas, cmx_delta *delta);

/* Returns the first byte of the chunk that is still needed, or NULL if it is used up. */
const uint8_t *cmx_answer_deltas_rest(const cmx_answer_deltas *deltas);

/* Goes on at another place: what lay at `from`, and all behind it, was copied to `to`. */
void cmx_answer_deltas_move(cmx_answer_deltas *deltas, const uint8_t *from, uint8_t *to);

/* Returns whether a finish_reason came, and for every choice that had text. */
bool cmx_answer_deltas_complete(const cmx_answer_deltas *deltas);

#endif
