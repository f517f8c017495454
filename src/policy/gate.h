/* SPDX-License-Identifier: MIT */
/*
 * One gate for each (origin, model) that was told "429": closed until the server's time has come,
 * then it lets requests through one by one, in shorter and shorter distances, until it is gone. A
 * small table in the caller's memory, one per client. It knows no request and no clock.
 *
 * An origin has one key, so origin and model name the limit; when the key changes, forget the
 * origin's gates.
 *
 * Distance between two starts: CMX_GATE_SPACING_FIRST_MS at first; doubled, up to
 * CMX_GATE_SPACING_MAX_MS, by each 429 that comes after something was let through (many 429s of
 * one burst count once); halved by each success. Below CMX_GATE_SPACING_MIN_MS the gate is gone;
 * so it is when nothing happened for CMX_GATE_IDLE_MS after it could have let through.
 */
#ifndef CMX_POLICY_GATE_H
#define CMX_POLICY_GATE_H

#include "base/view.h"

#define CMX_GATE_NEVER_MS UINT64_MAX

enum {
    CMX_GATE_SPACING_FIRST_MS = 250,
    CMX_GATE_SPACING_MIN_MS = 16,
    CMX_GATE_SPACING_MAX_MS = 8000,
    CMX_GATE_IDLE_MS = 60000,
};

/* Whose limit it is. */
typedef struct cmx_gate_key {
    uint32_t model; /* cmx_view_hash() of its name; two models with one hash would share a gate */
    uint32_t origin;
} cmx_gate_key;

typedef struct cmx_gate_row {
    cmx_gate_key key;
    uint64_t next_ms;    /* nothing starts before; then one, which moves it on */
    uint32_t spacing_ms; /* 0 = the row is free */
    bool released;       /* something was let through since it was last closed */
} cmx_gate_row;

typedef struct cmx_gate {
    cmx_gate_row *rows; /* borrowed */
    uint32_t capacity;
    uint32_t count; /* rows in use */
} cmx_gate;

/* Readies a table without gates on `capacity` rows, at least 1, borrowed as long as the gate is in
 * use. */
void cmx_gate_init(cmx_gate *gate, cmx_gate_row *rows, uint32_t capacity);

/* A request was told to come back at `until_ms`; nothing of that key starts before the latest of
 * these times. If the table is full, the gate that opens soonest is dropped, be it the new one:
 * its requests then learn each for itself. */
void cmx_gate_close_until(cmx_gate *gate, cmx_gate_key key, uint64_t until_ms);

/* Returns whether a request of that key may start now. Ask before each start and say
 * cmx_gate_on_start() after it. */
bool cmx_gate_may_start(const cmx_gate *gate, cmx_gate_key key, uint64_t now_ms);

/* A request of that key was started: the next one waits for the distance. */
void cmx_gate_on_start(cmx_gate *gate, cmx_gate_key key, uint64_t now_ms);

/* A request of that key was accepted by the server (a head with 2xx). */
void cmx_gate_on_success(cmx_gate *gate, cmx_gate_key key);

/* Returns when the last gate of an origin that is closed now lets something through; 0 = none is
 * closed. */
uint64_t cmx_gate_closed_until_ms(const cmx_gate *gate, uint32_t origin, uint64_t now_ms);

/* Drops the gates of an origin: it has another key or is gone. */
void cmx_gate_forget(cmx_gate *gate, uint32_t origin);

/* Returns when the next gate that is closed now lets something through, and drops those that were
 * idle; CMX_GATE_NEVER_MS if none is closed. */
uint64_t cmx_gate_next_due_ms(cmx_gate *gate, uint64_t now_ms);

#endif
