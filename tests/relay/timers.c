/* SPDX-License-Identifier: MIT */
/*
 * The heap of deadlines: arm, cancel and fire in O(log n), n being the number of paced streams.
 * In: timers embedded in their owners. Out: calls of their fire functions.
 * Must not read the clock: the caller says what time it is.
 */
#include "timers.h"

#include <stdlib.h>

static void put(relay_timers *timers, size_t place, relay_timer *timer)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static void sift_up(relay_timers *timers, relay_timer *timer, size_t place)
{
    while (place > 1) {
        relay_timer *parent = timers->heap[place / 2 - 1];

        if (parent->due_us <= timer->due_us) {
            break;
        }
        put(timers, place, parent);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(relay_timers *timers, relay_timer *timer, size_t place)
{
    while (place * 2 <= timers->count) {
        size_t child = place * 2;

        if (child < timers->count &&
            timers->heap[child]->due_us < timers->heap[child - 1]->due_us) {
            child++;
        }
        if (timers->heap[child - 1]->due_us >= timer->due_us) {
            break;
        }
        put(timers, place, timers->heap[child - 1]);
        place = child;
    }
    put(timers, place, timer);
}

bool relay_timers_arm(relay_timers *timers, relay_timer *timer, int64_t due_us)
{
    relay_timers_cancel(timers, timer);
    if (timers->count == timers->capacity) {
        const size_t capacity = timers->capacity == 0 ? 256 : timers->capacity * 2;
        relay_timer **heap = realloc(timers->heap, capacity * sizeof *heap);

        if (heap == NULL) {
            return false;
        }
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timer->due_us = due_us;
    timers->count++;
    sift_up(timers, timer, timers->count);
    return true;
}

void relay_timers_cancel(relay_timers *timers, relay_timer *timer)
{
    const size_t place = timer->place;
    relay_timer *last;

    if (place == 0) {
        return;
    }
    timer->place = 0;
    last = timers->heap[timers->count - 1];
    timers->count--;
    if (last == timer) {
        return;
    }
    if (last->due_us < timer->due_us) {
        sift_up(timers, last, place);
    } else {
        sift_down(timers, last, place);
    }
}

int64_t relay_timers_next_us(const relay_timers *timers)
{
    return timers->count == 0 ? INT64_MAX : timers->heap[0]->due_us;
}

void relay_timers_fire_due(relay_timers *timers, int64_t now_us)
{
    while (timers->count > 0 && timers->heap[0]->due_us <= now_us) {
        relay_timer *timer = timers->heap[0];

        relay_timers_cancel(timers, timer);
        timer->fire(timer, now_us);
    }
}

void relay_timers_deinit(relay_timers *timers)
{
    free(timers->heap);
    timers->heap = NULL;
    timers->count = 0;
    timers->capacity = 0;
}
