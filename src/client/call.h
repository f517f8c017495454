/* SPDX-License-Identifier: MIT */
/*
 * What the client knows of one request beside its slot: its phase and clocks, its body, its
 * decoder, its counts. Time comes in, deadlines go out; a call does no input or output.
 */
#ifndef CMX_CLIENT_CALL_H
#define CMX_CLIENT_CALL_H

#include "base/source.h"
#include "base/timerq.h"
#include "chat/answer.h"
#include "chat/body.h"
#include "chatmux/client.h"

enum {
    CMX_CALL_GRACE_MS = 1000, /* for END_STREAM after `[DONE]` */
};

/* Named by what is awaited. */
enum cmx_call_phase {
    CMX_CALL_AWAIT_START,  /* queued */
    CMX_CALL_AWAIT_HEAD,   /* sent, no final response head */
    CMX_CALL_AWAIT_TOKEN,  /* head came, no token (or body byte) yet */
    CMX_CALL_AWAIT_MORE,   /* tokens come */
    CMX_CALL_AWAIT_END,    /* `[DONE]` came, END_STREAM did not */
    CMX_CALL_AWAIT_RETRY,  /* the attempt failed, another one follows; see client/again.h */
    CMX_CALL_AWAIT_TURN,   /* held back by gate or limiter; see client/turn.h */
    CMX_CALL_AWAIT_TARGET, /* likewise: every target of its tier cools down */
    CMX_CALL_FINISHED,     /* verdict and error are final */
};

/* A plain request's body, read as a source. */
typedef struct cmx_call_bytes {
    const uint8_t *data; /* borrowed until the end */
    size_t len;
    size_t offset; /* bytes handed out */
} cmx_call_bytes;

/* Limits of one request: as in cmx_time_limits, 0 = as configured. */
typedef struct cmx_call_limits {
    uint32_t queue_timeout_ms;
    uint32_t head_timeout_ms;
    uint32_t first_token_timeout_ms;
    uint32_t progress_timeout_ms;
    uint32_t total_timeout_ms;
} cmx_call_limits;

/* As cmx_times, in half the room: UINT32_MAX = never; later than 49 days counts as that. */
typedef struct cmx_call_times {
    uint32_t sent_ms;
    uint32_t head_ms;
    uint32_t first_token_ms;
    uint32_t last_token_ms;
    uint32_t done_ms;
} cmx_call_times;

#define CMX_CALL_NEVER UINT32_MAX

typedef struct cmx_call {
    cmx_timer timer;      /* first: the timer queue hands out its address */
    uint16_t next;        /* in the list that its phase says: finished, told or held */
    uint16_t prev;        /* in the list of held calls */
    uint16_t http_status; /* of the current attempt */
    uint8_t phase;        /* enum cmx_call_phase; written only by cmx_call_enter() */
    uint8_t verdict;      /* enum cmx_verdict; valid when FINISHED */
    uint8_t reason;       /* enum cmx_retry_reason: why the current attempt is made */
    uint8_t attempts;     /* 0..10 */
    uint8_t replays;      /* 0..100 */
    uint8_t attempts_max; /* of this request; 0 = as configured */
    bool is_chat;         /* `body` and `answer` are in use; else `bytes` */
    bool ending;          /* the stream ended; the decoder may still have items */
    bool telling;         /* its RETRY event was not delivered yet */
    bool admitted;        /* it holds a place of the limiter */
    bool held;            /* paused: the clocks of its answer stand still */
    uint8_t pause;        /* row of client->pauses, plus 1; 0 = none */
    uint8_t meter_row;    /* of its model; valid when FINISHED, for chats */
    int error;            /* valid when FINISHED, and in AWAIT_RETRY: of the attempt before */
    int32_t tls_error;
    uint32_t h2_error;
    uint32_t wait_ms;     /* of AWAIT_RETRY, from its RETRY event on */
    uint32_t cost;        /* tokens, as the limiter counts it */
    uint32_t admitted_ms; /* after accepted_ms */
    cmx_call_limits limits;
    uint64_t accepted_ms; /* on the port's clock */
    uint64_t since_ms;    /* when the current attempt was sent; before that, when it was queued */
    uint64_t phase_ms;    /* when the clock of the phase started */
    uint64_t unread_ms;   /* of the connection at phase_ms: see cmx_pool_unread_ms() */
    uint64_t held_ms;     /* how long it was held since the clock of the phase started */
    uint64_t held_at_ms;  /* when holding began, or the phase meanwhile */
    cmx_call_times times; /* relative to accepted_ms */
    uint64_t deltas;
    uint64_t delivered_bytes;
    cmx_cost spent; /* by its attempts that ended */
    void *user;     /* the caller's */
    void *room;     /* the caller's, for an answer that is not streamed; borrowed */
    size_t room_bytes;
    cmx_source source; /* of body or bytes */
    union {
        cmx_body body;
        cmx_call_bytes bytes;
    };
    cmx_answer answer; /* valid for chats */
} cmx_call;

/* Readies a call for a request that was just accepted; the caller then sets body and answer. */
void cmx_call_init(cmx_call *call, void *user, uint64_t now_ms);

/* Returns whether the current attempt left the queue onto a connection. */
static inline bool cmx_call_is_sent(const cmx_call *call)
{
    return call->phase >= CMX_CALL_AWAIT_HEAD && call->phase <= CMX_CALL_AWAIT_END;
}

/* Makes the call read its body from borrowed bytes. */
void cmx_call_set_bytes(cmx_call *call, const void *data, size_t len);

/* Enters a phase; its clock starts now.
 *
 * unread_ms  of the call's connection, see cmx_pool_unread_ms() */
void cmx_call_enter(cmx_call *call, enum cmx_call_phase phase, uint64_t now_ms, uint64_t unread_ms);

/* A token (or body byte) was handed to the caller. Returns true if it was the first: the deadline
 * may now be earlier. */
bool cmx_call_on_token(cmx_call *call, size_t bytes, uint64_t now_ms, uint64_t unread_ms);

/* Returns when what happened, as the caller is told. */
cmx_times cmx_call_get_times(const cmx_call *call);

/* Returns when the call has waited too long for a connection, while it does. */
uint64_t cmx_call_queue_due_ms(const cmx_call *call, const cmx_config *config);

/* Returns when the whole of the request must be over, UINT64_MAX = no limit. */
uint64_t cmx_call_total_due_ms(const cmx_call *call, const cmx_config *config);

/* The caller pauses it: while it is held, the clocks that wait for tokens stand still; those of
 * queue and head go on, since nothing keeps them from ending, and so does the total. */
void cmx_call_hold(cmx_call *call, uint64_t now_ms);

/* Holding is over; clocks go on where they stood. */
void cmx_call_unhold(cmx_call *call, uint64_t now_ms);

/* Returns when the earliest clock of the call runs out, UINT64_MAX = none.
 *
 * unread_ms  of the connection now: clocks stood still for what it grew since the phase began
 * status     out: the CMX_ERR_TIMEOUT_* that it means; CMX_OK for the grace after `[DONE]`;
 *            CMX_AGAIN for the wait before another attempt */
uint64_t cmx_call_due_ms(const cmx_call *call, const cmx_config *config, uint64_t unread_ms,
                         int *status);

#endif
