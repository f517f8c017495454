/* SPDX-License-Identifier: MIT */
/*
 * The heap behind the deadlines: of four children each, because each level is a cache line or two
 * that is not at hand. Every timer knows its place in it, so moving or cancelling
 * one costs as little as arming it; 64-bit milliseconds never wrap.
 */
#include "base/timerq.h"

enum { CHILDREN = 4 };

static void put(cmx_timerq *queue, unsigned index, cmx_timer *timer)
{
    queue->heap[index] = timer;
    timer->heap_index = (uint16_t)index;
}

static void sift_up(cmx_timerq *queue, unsigned index, cmx_timer *timer)
{
    while (index > 0 && queue->heap[(index - 1) / CHILDREN]->due_ms > timer->due_ms) {
        put(queue, index, queue->heap[(index - 1) / CHILDREN]);
        index = (index - 1) / CHILDREN;
    }
    put(queue, index, timer);
}

static void sift_down(cmx_timerq *queue, unsigned index, cmx_timer *timer)
{
    for (unsigned child = CHILDREN * index + 1; child < queue->count;
         child = CHILDREN * index + 1) {
        unsigned end = child + CHILDREN < queue->count ? child + CHILDREN : queue->count;
        cmx_timer *first = queue->heap[child];
        while (++child < end) {
            cmx_timer *other = queue->heap[child];
            first = other->due_ms < first->due_ms ? other : first;
        }
        if (timer->due_ms <= first->due_ms) {
            break;
        }
        unsigned hole = first->heap_index;
        put(queue, index, first);
        index = hole;
    }
    put(queue, index, timer);
}

void cmx_timerq_init(cmx_timerq *queue, cmx_timer **heap, uint16_t capacity)
{
    CMX_ASSERT(heap != NULL || capacity == 0);
    queue->heap = heap;
    queue->count = 0;
    queue->capacity = capacity;
}

void cmx_timerq_init_timer(cmx_timer *timer)
{
    timer->due_ms = 0;
    timer->heap_index = CMX_TIMERQ_IDLE;
}

void cmx_timerq_arm(cmx_timerq *queue, cmx_timer *timer, uint64_t due_ms)
{
    cmx_timerq_cancel(queue, timer);
    CMX_ASSERT(queue->count < queue->capacity);
    timer->due_ms = due_ms;
    queue->count++;
    sift_up(queue, queue->count - 1u, timer);
}

void cmx_timerq_cancel(cmx_timerq *queue, cmx_timer *timer)
{
    unsigned hole = timer->heap_index;
    if (hole == CMX_TIMERQ_IDLE) {
        return;
    }
    CMX_ASSERT(hole < queue->count);
    CMX_ASSERT(queue->heap[hole] == timer);

    queue->count--;
    cmx_timer *last = queue->heap[queue->count];
    timer->heap_index = CMX_TIMERQ_IDLE;
    if (last != timer) {
        sift_up(queue, hole, last);
        sift_down(queue, last->heap_index, last);
    }
}

cmx_timer *cmx_timerq_pop_due(cmx_timerq *queue, uint64_t now_ms)
{
    if (queue->count == 0 || queue->heap[0]->due_ms > now_ms) {
        return NULL;
    }
    cmx_timer *timer = queue->heap[0];
    cmx_timerq_cancel(queue, timer);
    return timer;
}

uint64_t cmx_timerq_next_due_ms(const cmx_timerq *queue)
{
    return queue->count > 0 ? queue->heap[0]->due_ms : UINT64_MAX;
}
