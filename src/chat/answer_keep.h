/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an answer that must outlive their chunk: the start of an event that was split, an
 * answer that is one JSON object, the first bytes of an error body. They lie in a tail, which is
 * the request's own or taken from a few that all requests share, in a larger block borrowed from
 * all requests when they outgrow it, or in the caller's own room. What the bytes mean is not known
 * here.
 */
#ifndef CMX_CHAT_ANSWER_KEEP_H
#define CMX_CHAT_ANSWER_KEEP_H

#include "base/blocks.h"
#include "base/view.h"

typedef struct cmx_answer_keep {
    uint8_t *tail;      /* borrowed; NULL = one of `tails` is taken while bytes are kept */
    cmx_blocks *tails;  /* borrowed, shared: blocks of tail_capacity; NULL = `tail` is used */
    cmx_blocks *blocks; /* borrowed, shared: blocks of bytes_max */
    uint8_t *block;     /* taken from `tails` or `blocks`, or NULL */
    uint8_t *body;      /* the caller's room, or NULL */
    size_t body_capacity;
    size_t len;             /* bytes kept */
    uint32_t tail_capacity; /* bytes at `tail` */
    uint32_t bytes_max;     /* more are not kept, but for those in `body` */
    bool in_body;           /* `body` is used and nothing else */
    bool in_tail;           /* `block` is one of `tails` */
} cmx_answer_keep;

/* Goes over to the caller's room, if there is one; nothing may be kept yet. */
void cmx_answer_keep_use_body(cmx_answer_keep *keep);

/* Returns where the kept bytes lie; valid until the next call that adds or forgets. */
static inline uint8_t *cmx_answer_keep_bytes(const cmx_answer_keep *keep)
{
    if (keep->block != NULL) {
        return keep->block;
    }
    return keep->in_body ? keep->body : keep->tail;
}

/* Adds bytes.
 *
 * Returns CMX_OK, or with nothing changed
 *   CMX_ERR_EVENT_LARGE   more than bytes_max
 *   CMX_ERR_NO_BUFFER     more than the tail holds, or no tail is free; and no block is
 *   CMX_ERR_BUFFER_SMALL  more than the caller's room */
CMX_MUST_CHECK int cmx_answer_keep_add(cmx_answer_keep *keep, const uint8_t *data, size_t len);

/* Adds as many bytes as there is room for. */
void cmx_answer_keep_prefix(cmx_answer_keep *keep, const uint8_t *data, size_t len);

/* Drops the first `len` kept bytes. */
void cmx_answer_keep_drop(cmx_answer_keep *keep, size_t len);

/* Forgets all bytes and gives the block back. */
void cmx_answer_keep_forget(cmx_answer_keep *keep);

#endif
