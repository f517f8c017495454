/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is: calls that the gate of their model or the limiter of their origin holds back,
 * in order, and what both learn from ends and heads. A call passes here before it comes into the
 * pool's queue, and again before each attempt; no lower floor knows of it.
 */
#ifndef CMX_CLIENT_TURN_H
#define CMX_CLIENT_TURN_H

#include "client/state.h"

/* Readies gate and list; the lanes are zeroed memory. */
void cmx_turn_init(cmx_client *client);

/* Begins a lane, also one that another origin had before.
 *
 * limits  passed cmx_limiter_check_limits(); NULL = none of our own */
void cmx_turn_open(cmx_client *client, uint32_t origin, const cmx_rate_limits *limits);

/* Decides about a new request before it is accepted; see cmx_limiter_enqueue(). */
enum cmx_limiter_decision cmx_turn_ask(cmx_client *client, uint32_t origin, uint32_t cost);

/* Returns whether the limiter of an origin ever grants `cost`. */
bool cmx_turn_fits(const cmx_client *client, uint32_t origin, uint32_t cost);

/* Returns the oldest call of an origin that is held, or CMX_SLOT_NONE. */
uint16_t cmx_turn_oldest(const cmx_client *client, uint32_t origin);

/* Lets a call, whose slot is queued or held, be sent as soon as there is a connection, or holds it
 * in AWAIT_TURN, or in AWAIT_TARGET if every target of it cools down.
 *
 * again  it was sent before: it stands in front of those that were not */
void cmx_turn_take(cmx_client *client, uint16_t index, bool again);

/* Lets in who may start now. Once a tick. */
void cmx_turn_step(cmx_client *client);

/* Returns when the next step is due: 0 = now, UINT64_MAX = when something happens. */
uint64_t cmx_turn_due_ms(const cmx_client *client);

/* The call is in AWAIT_TURN or AWAIT_TARGET and ends: takes it off the list. */
void cmx_turn_drop(cmx_client *client, uint16_t index);

/* An attempt ended: gives its place back.
 *
 * unprocessed  the server provably did nothing: all is given back but the spacing */
void cmx_turn_end(cmx_client *client, uint16_t index, bool unprocessed);

/* A head came: what it says of limits, and that the gate's model is served again. */
void cmx_turn_on_head(cmx_client *client, uint16_t index);

/* Targets cooled down or are gone: what is queued for them and was not sent comes back. */
void cmx_turn_call_back_lost(cmx_client *client);

/* The server said 429: nothing of that origin and model starts for `wait_ms`, and what is queued
 * and was not sent comes back. */
void cmx_turn_close(cmx_client *client, uint16_t index, uint32_t wait_ms);

#endif
