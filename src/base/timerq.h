/* SPDX-License-Identifier: MIT */
/*
 * Deadlines in order: a min-heap of pointers to timers that live inside what they time. It is
 * told the time and hands out expired timers one by one; it never calls back, never allocates and
 * does not know what an expiry means.
 */
#ifndef CMX_BASE_TIMERQ_H
#define CMX_BASE_TIMERQ_H

#include "base/base.h"

enum { CMX_TIMERQ_IDLE = UINT16_MAX }; /* heap_index of a timer that is not armed */

typedef struct cmx_timer {
    uint64_t due_ms;     /* absolute, on the clock of cmx_port.now_ms; kept after the expiry */
    uint16_t heap_index; /* position in the heap or CMX_TIMERQ_IDLE; written only by timerq.c */
} cmx_timer;

typedef struct cmx_timerq {
    cmx_timer **heap;  /* borrowed as long as the queue is used; `capacity` pointers */
    uint16_t count;    /* timers armed */
    uint16_t capacity; /* one per timer that exists: it cannot run out */
} cmx_timerq;

/* Makes an empty queue on an array of `capacity` pointers. */
void cmx_timerq_init(cmx_timerq *queue, cmx_timer **heap, uint16_t capacity);

/* Makes a timer idle before its first use; zeroed memory is not an idle timer. */
void cmx_timerq_init_timer(cmx_timer *timer);

static inline bool cmx_timerq_armed(const cmx_timer *timer)
{
    return timer->heap_index != CMX_TIMERQ_IDLE;
}

/* Arms `timer`, or moves it if it is armed already. */
void cmx_timerq_arm(cmx_timerq *queue, cmx_timer *timer, uint64_t due_ms);

/* Makes `timer` idle; nothing happens if it is. */
void cmx_timerq_cancel(cmx_timerq *queue, cmx_timer *timer);

/* Returns the earliest timer whose time has come, now idle, or NULL. Equal times come in any
 * order. */
cmx_timer *cmx_timerq_pop_due(cmx_timerq *queue, uint64_t now_ms);

/* Returns the earliest due time, UINT64_MAX = nothing is armed. */
uint64_t cmx_timerq_next_due_ms(const cmx_timerq *queue);

#endif
