/* SPDX-License-Identifier: MIT */
/*
 * The state of one answer: everything that decodes it works on this. Only types, and what can be
 * said of it at a glance.
 */
#ifndef CMX_CHAT_ANSWER_STATE_H
#define CMX_CHAT_ANSWER_STATE_H

#include "chat/answer_deltas.h"
#include "chat/answer_facts.h"
#include "chat/answer_keep.h"
#include "chat/answer_shape.h"
#include "text/sse.h"

/* What the response head says of the body. */
enum cmx_answer_content {
    CMX_ANSWER_EVENT_STREAM, /* text/event-stream */
    CMX_ANSWER_JSON,         /* application/json and its like */
    CMX_ANSWER_OTHER,        /* anything else, or no content-type: the first bytes decide */
};

/* How the body is being read. */
enum cmx_answer_mode {
    CMX_ANSWER_MODE_HEAD,   /* no response head yet */
    CMX_ANSWER_MODE_SNIFF,  /* 2xx, no byte of the body yet that says what it is */
    CMX_ANSWER_MODE_EVENTS, /* server-sent events */
    CMX_ANSWER_MODE_OBJECT, /* one JSON object, kept until the end */
    CMX_ANSWER_MODE_PAGE,   /* an error body, or no answer at all: a prefix is kept until the end */
    CMX_ANSWER_MODE_DROP,   /* the rest does not matter; it is used up unread */
};

typedef struct cmx_answer {
    uint8_t *chunk; /* lent by feed until AGAIN: what is not used yet */
    size_t chunk_len;
    cmx_answer_keep keep; /* bytes of earlier chunks */
    cmx_sse sse;

    cmx_answer_deltas deltas; /* of the event at hand */
    cmx_answer_shape shape;   /* of the events before */
    cmx_json_span event;      /* the event at hand; valid while event_read */

    uint8_t mode;           /* enum cmx_answer_mode */
    uint8_t content;        /* enum cmx_answer_content */
    uint16_t status;        /* HTTP status; 0 = no head came */
    bool event_kept;        /* the event at hand lies in the kept bytes */
    bool event_read;        /* it was read in full, not by its shape */
    bool event_plain;       /* and it said nothing but deltas: its shape may be learned */
    bool done;              /* `[DONE]` was seen */
    bool ended;             /* end was called */
    bool whole;             /* a JSON answer was parsed to its end */
    bool has_error;         /* the server reported an error in the answer */
    uint16_t malformed_max; /* limits: see cmx_answer_memory */
    uint16_t skipped_max;
    int failure;        /* why decoding ended, or CMX_OK; sticky */
    uint32_t malformed; /* events skipped because they were not JSON */
    uint32_t skipped;   /* events skipped because they did not fit */
    cmx_answer_facts facts;
} cmx_answer;

/* Returns whether the head said 2xx. */
static inline bool cmx_answer_is_success(const cmx_answer *answer)
{
    return answer->status >= 200 && answer->status <= 299;
}

/* Returns whether the head sent us elsewhere, which is never followed; 304 does not. */
static inline bool cmx_answer_is_redirect(const cmx_answer *answer)
{
    return answer->status >= 300 && answer->status <= 399 && answer->status != 304;
}

#endif
