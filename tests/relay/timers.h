/* SPDX-License-Identifier: MIT */
/*
 * A binary heap of deadlines that live inside their owners.
 * In: absolute times in microseconds. Out: due timers, earliest first, through their fire function.
 * Must not know what a deadline means; a fired timer is disarmed and may arm itself again.
 */
#ifndef RELAY_TIMERS_H
#define RELAY_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct relay_timer relay_timer;

struct relay_timer {
    int64_t due_us;
    size_t place; /* 1-based index in the heap, 0 = not armed */
    void (*fire)(relay_timer *timer, int64_t now_us);
    void *owner;
};

typedef struct relay_timers {
    relay_timer **heap;
    size_t count;
    size_t capacity;
} relay_timers;

/* false: no memory */
bool relay_timers_arm(relay_timers *timers, relay_timer *timer, int64_t due_us);
void relay_timers_cancel(relay_timers *timers, relay_timer *timer);
/* INT64_MAX when nothing is armed */
int64_t relay_timers_next_us(const relay_timers *timers);
void relay_timers_fire_due(relay_timers *timers, int64_t now_us);
void relay_timers_deinit(relay_timers *timers);

#endif
