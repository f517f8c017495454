/* SPDX-License-Identifier: MIT */
/*
 * What the policy of retries needs to know of an attempt that ended: how much of it the server may
 * have processed, and what ended it. Pure; it decides nothing and knows no clock.
 */
#ifndef CMX_CLIENT_OUTCOME_H
#define CMX_CLIENT_OUTCOME_H

#include "chat/answer.h"
#include "policy/retry.h"
#include "pool/slot.h"

typedef struct cmx_outcome_facts {
    enum cmx_verdict verdict;        /* if nothing followed */
    int error;                       /* likewise */
    enum cmx_slot_end end;           /* of the slot; LOST if we ended it */
    bool sent;                       /* its head left */
    bool delivered;                  /* a byte of the answer was handed to the caller */
    bool slow_down;                  /* the connection's GOAWAY asks for less */
    uint32_t http_status;            /* 0 = no head came */
    cmx_retry_after after;           /* what the head said */
    const cmx_answer_result *answer; /* what the answer said; NULL for a plain request */
} cmx_outcome_facts;

/* Fills `outcome`; its texts are those of the facts. */
void cmx_outcome_judge(const cmx_outcome_facts *facts, cmx_retry_outcome *outcome);

#endif
