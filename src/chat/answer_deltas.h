/* SPDX-License-Identifier: MIT */
/*
 * The deltas of an answer: walks the choices of one chunk after the other and takes out text by
 * text, each with its choice and channel. What lasts from chunk to chunk is here, too: halves of
 * characters that were split over deltas, and which choices have finished.
 */
#ifndef CMX_CHAT_ANSWER_DELTAS_H
#define CMX_CHAT_ANSWER_DELTAS_H

#include "chatmux/chat.h"
#include "text/json_scan.h"

enum {
    CMX_ANSWER_DELTAS_CHOICES_MAX = 8, /* choices whose split surrogate pairs are joined */
    CMX_ANSWER_DELTAS_CHANNELS = 3,    /* values of enum cmx_channel */
    CMX_ANSWER_DELTAS_FINISH_BYTES_MAX = 32,
};

typedef struct cmx_answer_deltas {
    cmx_json_span choices; /* elements after the current choice; `at` NULL = none */
    cmx_json_span delta;   /* members of the current choice's delta; `at` NULL = none */
    cmx_json_span text;    /* string being delivered, still escaped; `at` NULL = none */
    uint32_t choice;       /* index of the current choice */
    uint32_t begun;        /* bit per choice 0..31 that had text */
    uint32_t finished;     /* bit per choice 0..31 that had a finish_reason */
    uint8_t channel;       /* of `text`, enum cmx_channel */
    bool reasoning_taken;  /* this delta had one of the two names of reasoning */
    bool finish_taken;     /* this chunk had a finish_reason */
    uint8_t choices_taken; /* of this chunk, 2 = more than one */
    uint8_t texts_taken;   /* of this chunk, 2 = more than one */
    cmx_json_span first;   /* the first text of this chunk as it was, still escaped */
    bool has_text;         /* at least one byte of text was taken */
    uint8_t finish_len;    /* bytes of `finish`; 0 = none came */
    char finish[CMX_ANSWER_DELTAS_FINISH_BYTES_MAX]; /* the first finish_reason, as sent */

    /* High halves of surrogate pairs that wait for their low half in the next delta. */
    uint16_t surrogate[CMX_ANSWER_DELTAS_CHOICES_MAX][CMX_ANSWER_DELTAS_CHANNELS];
} cmx_answer_deltas;

/* Begins a chunk; the one before must be used up.
 *
 * choices  a validated array, borrowed and changed until it is used up; `at` may be NULL
 *
 * Returns whether there is a choice in it. */
bool cmx_answer_deltas_begin(cmx_answer_deltas *deltas, cmx_json_span choices);

/* Begins a chunk that is known to have one text only; the one before must be used up.
 *
 * text  inside of a validated string, still escaped; borrowed and changed until it is used up */
void cmx_answer_deltas_begin_text(cmx_answer_deltas *deltas, uint32_t choice, uint8_t channel,
                                  cmx_json_span text);

/* Returns whether all that the used-up chunk said was one text of one choice.
 *
 * text  out: where its string lay */
bool cmx_answer_deltas_single(const cmx_answer_deltas *deltas, cmx_json_span *text);

/* Takes the next delta of the chunk.
 *
 * delta  out: lent until the next call; only on true
 *
 * Returns false when the chunk is used up. */
bool cmx_answer_deltas_take(cmx_answer_deltas *deltas, cmx_delta *delta);

/* Takes what is left after the last chunk: half characters, as U+FFFD. As above. */
bool cmx_answer_deltas_take_rest(cmx_answer_deltas *deltas, cmx_delta *delta);

/* Returns whether a finish_reason came, and for every choice that had text. */
bool cmx_answer_deltas_complete(const cmx_answer_deltas *deltas);

#endif
