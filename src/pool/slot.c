/* SPDX-License-Identifier: MIT */
/*
 * States and lists of the slot table. See slot.h.
 */
#include "pool/slot.h"

#define TO(state) (1u << (state))

/* Row: from. Bits: where it may go. A slot is never reused before its end was taken. */
static const uint8_t slot_next[CMX_SLOT_STATE_COUNT] = {
    [CMX_SLOT_FREE] = TO(CMX_SLOT_QUEUED),
    [CMX_SLOT_HELD] = TO(CMX_SLOT_QUEUED) | TO(CMX_SLOT_ENDED),
    [CMX_SLOT_QUEUED] = TO(CMX_SLOT_HELD) | TO(CMX_SLOT_ACTIVE) | TO(CMX_SLOT_ENDED),
    [CMX_SLOT_ACTIVE] = TO(CMX_SLOT_ENDED),
    [CMX_SLOT_ENDED] = TO(CMX_SLOT_HELD) | TO(CMX_SLOT_FREE),
};

static void set_state(cmx_slot *slot, enum cmx_slot_state state)
{
    CMX_ASSERT((slot_next[slot->state] & TO(state)) != 0);
    slot->state = (uint8_t)state;
}

/* Makes two slots neighbours; no slot is an end of the list. */
static void join(cmx_slots *slots, cmx_slot_list *list, uint16_t prev, uint16_t next)
{
    if (prev == CMX_SLOT_NONE) {
        list->first = next;
    } else {
        slots->rows[prev].next = next;
    }
    if (next == CMX_SLOT_NONE) {
        list->last = prev;
    } else {
        slots->rows[next].prev = prev;
    }
}

static void append(cmx_slots *slots, cmx_slot_list *list, uint16_t index)
{
    join(slots, list, list->last, index);
    join(slots, list, index, CMX_SLOT_NONE);
    list->count++;
}

static void prepend(cmx_slots *slots, cmx_slot_list *list, uint16_t index)
{
    join(slots, list, index, list->first);
    join(slots, list, CMX_SLOT_NONE, index);
    list->count++;
}

static void unlink_slot(cmx_slots *slots, cmx_slot_list *list, uint16_t index)
{
    const cmx_slot *slot = &slots->rows[index];
    CMX_ASSERT(list->count > 0);
    CMX_ASSERT(slot->prev != CMX_SLOT_NONE || list->first == index);
    CMX_ASSERT(slot->next != CMX_SLOT_NONE || list->last == index);
    join(slots, list, slot->prev, slot->next);
    list->count--;
}

static void clear_stream(cmx_slot *slot, uint16_t index)
{
    memset(&slot->stream, 0, sizeof slot->stream);
    slot->stream.tag = index;
}

void cmx_slot_init(cmx_slots *slots, cmx_slot *rows, uint16_t capacity)
{
    CMX_ASSERT(capacity > 0);
    CMX_ASSERT(capacity < CMX_SLOT_NONE);
    *slots = (cmx_slots){.rows = rows,
                         .capacity = capacity,
                         .free = {CMX_SLOT_NONE, CMX_SLOT_NONE, 0},
                         .queued = {CMX_SLOT_NONE, CMX_SLOT_NONE, 0},
                         .started = {CMX_SLOT_NONE, CMX_SLOT_NONE, 0},
                         .ended = {CMX_SLOT_NONE, CMX_SLOT_NONE, 0}};
    for (uint16_t i = 0; i < capacity; i++) {
        rows[i].state = CMX_SLOT_FREE;
        append(slots, &slots->free, i);
    }
}

uint16_t cmx_slot_take(cmx_slots *slots, uint8_t origin, const cmx_slot_request *request)
{
    uint16_t index = slots->free.first;
    if (index == CMX_SLOT_NONE) {
        return CMX_SLOT_NONE;
    }
    cmx_slot *slot = &slots->rows[index];
    unlink_slot(slots, &slots->free, index);
    slot->origin = origin;
    slot->request = *request;
    slot->status = CMX_OK;
    slot->tls_error = 0;
    slot->refused = false;
    clear_stream(slot, index);
    set_state(slot, CMX_SLOT_QUEUED);
    append(slots, &slots->queued, index);
    return index;
}

void cmx_slot_activate(cmx_slots *slots, uint16_t index, uint8_t conn)
{
    cmx_slot *slot = &slots->rows[index];
    unlink_slot(slots, &slots->queued, index);
    slot->conn = conn;
    set_state(slot, CMX_SLOT_ACTIVE);
    slot->listed = true;
    append(slots, &slots->started, index);
}

void cmx_slot_hold(cmx_slots *slots, uint16_t index)
{
    cmx_slot *slot = &slots->rows[index];
    CMX_ASSERT(!slot->listed);
    if (slot->state == CMX_SLOT_QUEUED) {
        unlink_slot(slots, &slots->queued, index);
    }
    clear_stream(slot, index);
    set_state(slot, CMX_SLOT_HELD);
}

void cmx_slot_admit(cmx_slots *slots, uint16_t index, bool first)
{
    set_state(&slots->rows[index], CMX_SLOT_QUEUED);
    if (first) {
        prepend(slots, &slots->queued, index);
    } else {
        append(slots, &slots->queued, index);
    }
}

void cmx_slot_unlist(cmx_slots *slots, uint16_t index)
{
    cmx_slot *slot = &slots->rows[index];
    if (slot->listed) {
        bool ended = slot->state == CMX_SLOT_ENDED;
        CMX_ASSERT(ended || slot->state == CMX_SLOT_ACTIVE);
        unlink_slot(slots, ended ? &slots->ended : &slots->started, index);
        slot->listed = false;
    }
}

void cmx_slot_finish(cmx_slots *slots, uint16_t index, enum cmx_slot_end end, bool report)
{
    cmx_slot *slot = &slots->rows[index];
    if (slot->state == CMX_SLOT_QUEUED) {
        unlink_slot(slots, &slots->queued, index);
    }
    cmx_slot_unlist(slots, index);
    set_state(slot, CMX_SLOT_ENDED);
    slot->end = (uint8_t)end;
    slot->refused = end == CMX_SLOT_END_REFUSED;
    slot->listed = report;
    if (report) {
        append(slots, &slots->ended, index);
    }
}

static uint16_t pop(cmx_slots *slots, const cmx_slot_list *list)
{
    uint16_t index = list->first;
    if (index != CMX_SLOT_NONE) {
        cmx_slot_unlist(slots, index);
    }
    return index;
}

uint16_t cmx_slot_pop_started(cmx_slots *slots)
{
    return pop(slots, &slots->started);
}

uint16_t cmx_slot_pop_ended(cmx_slots *slots)
{
    return pop(slots, &slots->ended);
}

void cmx_slot_release(cmx_slots *slots, uint16_t index)
{
    cmx_slot *slot = &slots->rows[index];
    slot->generation++;
    set_state(slot, CMX_SLOT_FREE);
    append(slots, &slots->free, index);
}

uint64_t cmx_slot_handle(const cmx_slots *slots, uint16_t index)
{
    CMX_ASSERT(slots->rows[index].state != CMX_SLOT_FREE);
    return ((uint64_t)slots->rows[index].generation << 16) | (index + 1u);
}

uint16_t cmx_slot_find(const cmx_slots *slots, uint64_t handle)
{
    uint64_t row = handle & UINT16_MAX;
    if (row == 0 || row > slots->capacity) {
        return CMX_SLOT_NONE;
    }
    const cmx_slot *slot = &slots->rows[row - 1];
    if (slot->state == CMX_SLOT_FREE || slot->generation != handle >> 16) {
        return CMX_SLOT_NONE;
    }
    return (uint16_t)(row - 1);
}
