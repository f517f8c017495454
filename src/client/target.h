/* SPDX-License-Identifier: MIT */
/*
 * The targets of routed chats: which one a call goes to, what its end says of it, and the model and
 * origin that follow from it. The decisions are policy/route's; here they meet calls, slots, gates
 * and bodies. Without targets (targets_max is 0) every call here is unrouted, and costs nothing.
 *
 * A call is *chosen* from the moment a target was picked for its next attempt until that attempt
 * ended. Calls of any kind that name a target's model at its origin tell of its health.
 */
#ifndef CMX_CLIENT_TARGET_H
#define CMX_CLIENT_TARGET_H

#include "client/outcome.h"
#include "client/state.h"

/* Readies the table on memory that the caller carved; all NULL if there are no targets. */
void cmx_target_init(cmx_client *client, cmx_route_row *rows, cmx_target_name *names,
                     cmx_target_call *calls);

/* A call that names its model and origin itself is being started. */
void cmx_target_begin_unrouted(cmx_client *client, uint16_t index);

/* A routed call is being started; its body and cost are known, its slot is not taken.
 *
 * Returns CMX_OK (chosen), CMX_AGAIN (every target cools down), CMX_ERR_ARGUMENT (no target has the
 * tier), or CMX_ERR_RATE (no limiter ever grants the cost). */
CMX_MUST_CHECK int cmx_target_begin(cmx_client *client, uint16_t index, enum cmx_tier tier);

/* The origin of the target does not take the call that is being started: chooses another one.
 * Returns false if there is none; then nothing is chosen. */
bool cmx_target_begin_other(cmx_client *client, uint16_t index);

/* Returns the origin that the model which its body names is at. */
uint32_t cmx_target_origin(const cmx_client *client, uint16_t index);

/* Sees to it that a call whose slot is held or queued may be sent where it stands: chooses a target
 * if it has none that serves, or another one if the gate of its own is closed and of another is
 * not. Slot, body and lane follow. Returns false if every target cools down. */
bool cmx_target_ensure(cmx_client *client, uint16_t index);

/* Returns whether an unsent call stands at a target that serves nobody any more. */
bool cmx_target_is_lost(const cmx_client *client, uint16_t index);

/* Returns when a target can be chosen for a routed call: UINT64_MAX = when a probe is over. */
uint64_t cmx_target_due_ms(const cmx_client *client, uint16_t index);

/* The call left the queue; its first token came. */
void cmx_target_on_sent(cmx_client *client, uint16_t index);
void cmx_target_on_token(cmx_client *client, uint16_t index);

/* Judges what an attempt that failed says of its target. */
enum cmx_route_news cmx_target_judge(const cmx_outcome_facts *facts,
                                     const cmx_retry_outcome *outcome);

/* An attempt ended. Returns true if a target began to cool down: who waits for it must move. */
bool cmx_target_note(cmx_client *client, uint16_t index, enum cmx_route_news news,
                     uint32_t after_ms);

/* Decides where the next attempt of a call could be made, once cmx_target_note() was told of the
 * last one.
 *
 * outcome  changed if only this target refuses what another one may take
 * state    out: `elsewhere` */
void cmx_target_look_elsewhere(cmx_client *client, uint16_t index, enum cmx_route_news news,
                               cmx_retry_outcome *outcome, cmx_retry_state *state);

/* Another attempt follows, the slot is held: goes where it was said to go, if that is known. */
void cmx_target_turn_to(cmx_client *client, uint16_t index, bool elsewhere, bool now);

/* Returns the origin of the attempt before, as an id. */
cmx_origin_id cmx_target_from(const cmx_client *client, uint16_t index);

/* Returns the model that the current or last attempt names; empty for plain requests, and for
 * cancelled chats whose caller named it: it is not borrowed any more. */
cmx_text cmx_target_asked_model(const cmx_client *client, uint16_t index);

/* An origin goes, or has another key. In the first case its targets are taken out of use: calls
 * that wait for one of them go elsewhere with the next cmx_target_ensure(). In the second those
 * that cool down may be probed at once. */
void cmx_target_change(cmx_client *client, uint32_t origin, bool is_gone);

/* A held call whose target is gone: stands at any other of its tier, so that it does not keep the
 * origin in use. */
void cmx_target_leave(cmx_client *client, uint16_t index);

#endif
