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

static void append(cmx_slots *slots, cmx_slot_list *list, uint16_t index)
{
    cmx_slot *slot = &slots->rows[index];
    slot->next = CMX_SLOT_NONE;
    slot->prev = list->last;
    if (list->last == CMX_SLOT_NONE) {
        list->first = index;
    } else {
        slots->rows[list->last].next = index;
    }
    list->last = index;
    list->count++;
}

static void prepend(cmx_slots *slots, cmx_slot_list *list, uint16_t index)
{
    cmx_slot *slot = &slots->rows[index];
    slot->prev = CMX_SLOT_NONE;
    slot->next = list->first;
    if (list->first == CMX_SLOT_NONE) {
        list->last = index;
    } else {
        slots->rows[list->first].prev = index;
    }
    list->first = index;
    list->count++;
}

static void unlink_slot(cmx_slots *slots, cmx_slot_list *list, uint16_t index)
{
    cmx_slot *slot = &slots->rows[index];
    CMX_ASSERT(list->count > 0);
    if (slot->prev == CMX_SLOT_NONE) {
        CMX_ASSERT(list->first == index);
        list->first = slot->next;
    } else {
        slots->rows[slot->prev].next = slot->next;
    }
    if (slot->next == CMX_SLOT_NONE) {
        CMX_ASSERT(list->last == index);
        list->last = slot->prev;
    } else {
        slots->rows[slot->next].prev = slot->prev;
    }
    list->count--;
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
    memset(&slot->stream, 0, sizeof slot->stream);
    slot->stream.tag = index;
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
    memset(&slot->stream, 0, sizeof slot->stream);
    slot->stream.tag = index;
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

static void check_list(const cmx_slots *slots, const cmx_slot_list *list, enum cmx_slot_state state)
{
    uint16_t prev = CMX_SLOT_NONE;
    uint16_t count = 0;
    for (uint16_t i = list->first; i != CMX_SLOT_NONE; i = slots->rows[i].next) {
        CMX_ASSERT(i < slots->capacity);
        CMX_ASSERT(slots->rows[i].state == state);
        CMX_ASSERT(slots->rows[i].prev == prev);
        CMX_ASSERT(count < slots->capacity);
        prev = i;
        count++;
    }
    CMX_ASSERT(list->last == prev);
    CMX_ASSERT(list->count == count);
}

void cmx_slot_check(const cmx_slots *slots)
{
    check_list(slots, &slots->free, CMX_SLOT_FREE);
    check_list(slots, &slots->queued, CMX_SLOT_QUEUED);
    check_list(slots, &slots->started, CMX_SLOT_ACTIVE);
    check_list(slots, &slots->ended, CMX_SLOT_ENDED);

    unsigned by_state[CMX_SLOT_STATE_COUNT] = {0};
    for (uint16_t i = 0; i < slots->capacity; i++) {
        CMX_ASSERT(slots->rows[i].state < CMX_SLOT_STATE_COUNT);
        by_state[slots->rows[i].state]++;
    }
    CMX_ASSERT(by_state[CMX_SLOT_FREE] == slots->free.count);
    CMX_ASSERT(by_state[CMX_SLOT_QUEUED] == slots->queued.count);
    CMX_ASSERT(by_state[CMX_SLOT_ACTIVE] >= slots->started.count);
    CMX_ASSERT(by_state[CMX_SLOT_ENDED] >= slots->ended.count);
}
