/* SPDX-License-Identifier: MIT */
/*
 * The table of slots: one per accepted request, from QUEUED to its END. A slot is ours, a stream
 * is HTTP/2's; a slot gets another stream when it is replayed. Handles carry a generation, so that
 * a stale one is an error and never somebody else's request. It knows no connection, no clock and
 * no body.
 */
#ifndef CMX_POOL_SLOT_H
#define CMX_POOL_SLOT_H

#include "base/source.h"
#include "base/view.h"
#include "wire/h2.h"

enum { CMX_SLOT_NONE = UINT16_MAX }; /* no index */

enum cmx_slot_state {
    CMX_SLOT_FREE,   /* on the free list */
    CMX_SLOT_HELD,   /* on no list; no stream: it is somebody else's turn */
    CMX_SLOT_QUEUED, /* on its queue; no stream */
    CMX_SLOT_ACTIVE, /* a stream of connection `conn` is open for it */
    CMX_SLOT_ENDED,  /* no stream any more; `end` is final and not taken yet, or was taken */
    CMX_SLOT_STATE_COUNT
};

/* What happened to a stream, without any judgement. */
enum cmx_slot_end {
    CMX_SLOT_END_COMPLETE,   /* END_STREAM came */
    CMX_SLOT_END_RESET,      /* the server reset it: stream.error_code */
    CMX_SLOT_END_REFUSED,    /* the server provably did not process it */
    CMX_SLOT_END_LOST,       /* the connection ended under it: `status` */
    CMX_SLOT_END_NEVER_SENT, /* no connection could be made: `status` */
};

/* What the wire needs to know of a request; borrowed until the slot is free. */
typedef struct cmx_slot_request {
    const char *method;
    const char *path;         /* starts with '/'; the origin's prefix goes before it */
    const char *accept;       /* NULL = no such header */
    const char *content_type; /* NULL = no such header */
    const cmx_source *source; /* NULL = no body */
} cmx_slot_request;

typedef struct cmx_slot {
    uint32_t generation; /* part of the handle; grows when the slot becomes free */
    uint16_t next;       /* in the list the slot is on; CMX_SLOT_NONE = last */
    uint16_t prev;       /* in the queue; CMX_SLOT_NONE = first */
    uint8_t state;       /* enum cmx_slot_state; written only by set_state() */
    uint8_t end;         /* enum cmx_slot_end; valid in ENDED */
    uint8_t origin;      /* row */
    uint8_t conn;        /* row; valid in ACTIVE */
    bool listed;         /* on the list of started or of ended slots, by its state */
    bool refused;        /* by `conn`, the last time: another one is tried first */
    int status;          /* valid with LOST and NEVER_SENT */
    int32_t tls_error;   /* the TLS library's number behind `status` */
    cmx_slot_request request;
    cmx_h2_stream stream;
} cmx_slot;

/* A list of slots by index: first in, first out. */
typedef struct cmx_slot_list {
    uint16_t first; /* CMX_SLOT_NONE = empty */
    uint16_t last;
    uint16_t count;
} cmx_slot_list;

typedef struct cmx_slots {
    cmx_slot *rows;        /* borrowed: `capacity` of them */
    uint16_t capacity;     /* 1..CMX_REQUESTS_MAX */
    cmx_slot_list free;    /* FREE */
    cmx_slot_list queued;  /* QUEUED, oldest first */
    cmx_slot_list started; /* ACTIVE and not reported as such, oldest first */
    cmx_slot_list ended;   /* ENDED and not taken, oldest first */
} cmx_slots;

/* Prepares the table on `capacity` zeroed rows. */
void cmx_slot_init(cmx_slots *slots, cmx_slot *rows, uint16_t capacity);

/* Takes a free slot and queues it. Returns its index, or CMX_SLOT_NONE if all are taken. */
uint16_t cmx_slot_take(cmx_slots *slots, uint8_t origin, const cmx_slot_request *request);

/* QUEUED to ACTIVE, on a connection; goes to the end of the list of started slots. */
void cmx_slot_activate(cmx_slots *slots, uint16_t index, uint8_t conn);

/* QUEUED or ENDED (and taken) to HELD: nothing is left of an earlier attempt but its status. */
void cmx_slot_hold(cmx_slots *slots, uint16_t index);

/* HELD to QUEUED, at the end, or at the front: it has waited longest. */
void cmx_slot_admit(cmx_slots *slots, uint16_t index, bool first);

/* HELD, QUEUED or ACTIVE to ENDED; the pool's next item will report it if `report` is set. */
void cmx_slot_finish(cmx_slots *slots, uint16_t index, enum cmx_slot_end end, bool report);

/* Takes the oldest started slot off its list, or CMX_SLOT_NONE. */
uint16_t cmx_slot_pop_started(cmx_slots *slots);

/* Takes the oldest ended slot off its list, or CMX_SLOT_NONE. */
uint16_t cmx_slot_pop_ended(cmx_slots *slots);

/* Takes a slot off the list of started or ended slots if it is on one: nobody wants that report
 * any more. */
void cmx_slot_unlist(cmx_slots *slots, uint16_t index);

/* ENDED (and taken) to FREE; its handle is stale from now on. */
void cmx_slot_release(cmx_slots *slots, uint16_t index);

/* Returns the handle of a slot that is not FREE; never 0. */
uint64_t cmx_slot_handle(const cmx_slots *slots, uint16_t index);

/* Returns the index behind a handle, or CMX_SLOT_NONE if it is stale or was never given. */
uint16_t cmx_slot_find(const cmx_slots *slots, uint64_t handle);

#endif
