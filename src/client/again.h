/* SPDX-License-Identifier: MIT */
/*
 * Sending again: the one place where an attempt that ended becomes another one, and the RETRY event
 * that tells of it. Between two attempts a call holds no stream and no place of the limiter; its
 * wait begins when the event is delivered, so the next attempt never comes before it.
 */
#ifndef CMX_CLIENT_AGAIN_H
#define CMX_CLIENT_AGAIN_H

#include "client/state.h"

/* Decides about a call that would end now; its slot has ended and was taken. What was learned of
 * limits is kept in any case.
 *
 * verdict, error  if nothing follows
 *
 * Returns true if another attempt follows: the call is in AWAIT_RETRY. */
bool cmx_again_decide(cmx_client *client, uint16_t index, enum cmx_verdict verdict, int error);

/* Decides about a plain request whose head came, before anybody hears of it: what follows would be
 * the error's body. As cmx_again_decide(), but that the stream is reset if another one follows. */
bool cmx_again_decide_head(cmx_client *client, uint16_t index);

/* The wait is over: the call is sent again as soon as it is its turn. */
void cmx_again_send(cmx_client *client, uint16_t index);

/* Takes the oldest call whose RETRY was not delivered, or CMX_SLOT_NONE. */
uint16_t cmx_again_take(cmx_client *client);

/* Fills the RETRY event of a taken call but for its address, once; its wait begins. */
void cmx_again_event(cmx_client *client, uint16_t index, cmx_event *event);

/* The call is in AWAIT_RETRY and ends: no event follows. */
void cmx_again_drop(cmx_client *client, uint16_t index);

#endif
