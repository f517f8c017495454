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
#include "chatmux/config.h"

enum {
    CMX_CALL_REPLAYS_MAX = 8, /* free replays of one request; then its end is reported */
    CMX_CALL_GRACE_MS = 1000, /* for END_STREAM after `[DONE]` */
};

/* Named by what is awaited. */
enum cmx_call_phase {
    CMX_CALL_AWAIT_START, /* queued */
    CMX_CALL_AWAIT_HEAD,  /* sent, no final response head */
    CMX_CALL_AWAIT_TOKEN, /* head came, no token (or body byte) yet */
    CMX_CALL_AWAIT_MORE,  /* tokens come */
    CMX_CALL_AWAIT_END,   /* `[DONE]` came, END_STREAM did not */
    CMX_CALL_FINISHED,    /* verdict and error are final */
};

/* A plain request's body, read as a source. */
typedef struct cmx_call_bytes {
    const uint8_t *data; /* borrowed until the end */
    size_t len;
    size_t offset; /* bytes handed out */
} cmx_call_bytes;

typedef struct cmx_call {
    cmx_timer timer; /* first: the timer queue hands out its address */
    uint16_t next;   /* in the list of finished calls */
    uint8_t phase;   /* enum cmx_call_phase; written only by cmx_call_enter() */
    uint8_t verdict; /* enum cmx_verdict; valid when FINISHED */
    bool is_chat;    /* `body` and `answer` are in use; else `bytes` */
    bool ending;     /* the stream ended; the decoder may still have items */
    int error;       /* valid when FINISHED */
    int32_t tls_error;
    uint32_t h2_error;
    uint32_t http_status;
    uint32_t attempts;
    uint32_t replays;
    uint64_t accepted_ms; /* on the port's clock */
    uint64_t sent_ms;     /* of the current attempt */
    uint64_t phase_ms;    /* when the clock of the phase started */
    uint64_t unread_ms;   /* of the connection at phase_ms: see cmx_pool_unread_ms() */
    cmx_times times;      /* relative to accepted_ms */
    uint64_t deltas;
    uint64_t delivered_bytes;
    void *user; /* the caller's */
    void *room; /* the caller's, for an answer that is not streamed; borrowed */
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

/* Makes the call read its body from borrowed bytes. */
void cmx_call_set_bytes(cmx_call *call, const void *data, size_t len);

/* Enters a phase; its clock starts now.
 *
 * unread_ms  of the call's connection, see cmx_pool_unread_ms() */
void cmx_call_enter(cmx_call *call, enum cmx_call_phase phase, uint64_t now_ms, uint64_t unread_ms);

/* A token (or body byte) was handed to the caller. Returns true if it was the first: the deadline
 * may now be earlier. */
bool cmx_call_on_token(cmx_call *call, size_t bytes, uint64_t now_ms, uint64_t unread_ms);

/* Returns when the earliest clock of the call runs out, UINT64_MAX = none.
 *
 * unread_ms  of the connection now: clocks stood still for what it grew since the phase began
 * status     out: the CMX_ERR_TIMEOUT_* that it means; CMX_OK for the grace after `[DONE]` */
uint64_t cmx_call_due_ms(const cmx_call *call, const cmx_config *config, uint64_t unread_ms,
                         int *status);

#endif
