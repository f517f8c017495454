/* SPDX-License-Identifier: MIT */
/*
 * The gates after 429. See gate.h. Tables are small (models in use at once), so rows are searched
 * in order; with no gate at all, which is normal, nothing is searched.
 */
#include "policy/gate.h"

static bool is_row(const cmx_gate_row *row, cmx_gate_key key)
{
    return row->spacing_ms != 0 && row->key.model == key.model && row->key.origin == key.origin;
}

static cmx_gate_row *find_row(const cmx_gate *gate, cmx_gate_key key)
{
    for (uint32_t i = 0; gate->count > 0 && i < gate->capacity; i++) {
        if (is_row(&gate->rows[i], key)) {
            return &gate->rows[i];
        }
    }
    return NULL;
}

static void drop_row(cmx_gate *gate, cmx_gate_row *row)
{
    *row = (cmx_gate_row){.spacing_ms = 0};
    gate->count--;
}

/* A free row, or that of the gate that opens soonest; NULL if the new one would. */
static cmx_gate_row *take_row(cmx_gate *gate, uint64_t until_ms)
{
    cmx_gate_row *soonest = NULL;
    for (uint32_t i = 0; i < gate->capacity; i++) {
        cmx_gate_row *row = &gate->rows[i];
        if (row->spacing_ms == 0) {
            gate->count++;
            return row;
        }
        if (soonest == NULL || row->next_ms < soonest->next_ms) {
            soonest = row;
        }
    }
    return soonest->next_ms < until_ms ? soonest : NULL;
}

static bool is_idle(const cmx_gate_row *row, uint64_t now_ms)
{
    return now_ms > row->next_ms && now_ms - row->next_ms >= CMX_GATE_IDLE_MS;
}

void cmx_gate_init(cmx_gate *gate, cmx_gate_row *rows, uint32_t capacity)
{
    CMX_ASSERT(rows != NULL && capacity > 0);
    memset(rows, 0, capacity * sizeof *rows);
    *gate = (cmx_gate){rows, capacity, 0};
}

void cmx_gate_close_until(cmx_gate *gate, cmx_gate_key key, uint64_t until_ms)
{
    cmx_gate_row *row = find_row(gate, key);
    if (row == NULL) {
        row = take_row(gate, until_ms);
        if (row != NULL) {
            *row = (cmx_gate_row){key, until_ms, CMX_GATE_SPACING_FIRST_MS, false};
        }
        return;
    }
    if (row->next_ms < until_ms) {
        row->next_ms = until_ms;
    }
    if (row->released) {
        uint32_t doubled_ms = row->spacing_ms * 2;
        row->spacing_ms =
            doubled_ms < CMX_GATE_SPACING_MAX_MS ? doubled_ms : CMX_GATE_SPACING_MAX_MS;
        row->released = false;
    }
}

bool cmx_gate_may_start(const cmx_gate *gate, cmx_gate_key key, uint64_t now_ms)
{
    const cmx_gate_row *row = find_row(gate, key);
    return row == NULL || now_ms >= row->next_ms;
}

void cmx_gate_on_start(cmx_gate *gate, cmx_gate_key key, uint64_t now_ms)
{
    cmx_gate_row *row = find_row(gate, key);
    if (row == NULL) {
        return;
    }
    CMX_ASSERT(now_ms >= row->next_ms);
    if (is_idle(row, now_ms)) {
        drop_row(gate, row);
        return;
    }
    row->next_ms = now_ms + row->spacing_ms;
    row->released = true;
}

void cmx_gate_on_success(cmx_gate *gate, cmx_gate_key key)
{
    cmx_gate_row *row = find_row(gate, key);
    if (row == NULL || !row->released) {
        return; /* it was sent before the gate closed, so it says nothing about now */
    }
    row->spacing_ms /= 2;
    if (row->spacing_ms < CMX_GATE_SPACING_MIN_MS) {
        drop_row(gate, row);
    }
}

uint64_t cmx_gate_closed_until_ms(const cmx_gate *gate, uint32_t origin, uint64_t now_ms)
{
    uint64_t until_ms = 0;
    for (uint32_t i = 0; gate->count > 0 && i < gate->capacity; i++) {
        const cmx_gate_row *row = &gate->rows[i];
        if (row->spacing_ms != 0 && row->key.origin == origin && row->next_ms > now_ms &&
            row->next_ms > until_ms) {
            until_ms = row->next_ms;
        }
    }
    return until_ms;
}

void cmx_gate_forget(cmx_gate *gate, uint32_t origin)
{
    for (uint32_t i = 0; gate->count > 0 && i < gate->capacity; i++) {
        cmx_gate_row *row = &gate->rows[i];
        if (row->spacing_ms != 0 && row->key.origin == origin) {
            drop_row(gate, row);
        }
    }
}

uint64_t cmx_gate_next_due_ms(cmx_gate *gate, uint64_t now_ms)
{
    uint64_t due_ms = CMX_GATE_NEVER_MS;
    for (uint32_t i = 0; gate->count > 0 && i < gate->capacity; i++) {
        cmx_gate_row *row = &gate->rows[i];
        if (row->spacing_ms == 0) {
            continue;
        }
        if (is_idle(row, now_ms)) {
            drop_row(gate, row);
        } else if (row->next_ms > now_ms && row->next_ms < due_ms) {
            due_ms = row->next_ms;
        }
    }
    return due_ms;
}
