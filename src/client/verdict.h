/* SPDX-License-Identifier: MIT */
/*
 * The one truthful end: what the bytes said and what happened to the stream, made into a verdict.
 * Pure; the table in src/DESIGN.md is what it implements.
 */
#ifndef CMX_CLIENT_VERDICT_H
#define CMX_CLIENT_VERDICT_H

#include "chat/answer.h"
#include "chatmux/request.h"
#include "pool/slot.h"

typedef struct cmx_verdict_facts {
    const cmx_answer *answer; /* of a chat, after its end; NULL for a plain request */
    uint32_t http_status;     /* 0 = no head came */
    bool delivered;           /* a byte of the answer was handed to the caller */
    bool complete;            /* the server ended the stream in order */
    bool dropped;             /* received bytes were not decoded any more */
    int cause;                /* why it ended otherwise; CMX_OK with `complete` */
} cmx_verdict_facts;

/* Judges an ended request.
 *
 * error  out: CMX_OK if the verdict is complete, else the cause */
enum cmx_verdict cmx_verdict_judge(const cmx_verdict_facts *facts, int *error);

/* Returns why a slot ended, as a status; CMX_OK if the server ended it in order. */
CMX_MUST_CHECK int cmx_verdict_cause(const cmx_slot *slot);

#endif
