/* SPDX-License-Identifier: MIT */
/*
 * An attempt of a call: its decoder made ready, its phase entered and the timer armed for it, and
 * the lists that calls stand in. In: the client and an index. It decides nothing.
 */
#ifndef CMX_CLIENT_ATTEMPT_H
#define CMX_CLIENT_ATTEMPT_H

#include "client/state.h"

/* Readies the decoder of a chat for its (next) attempt. */
void cmx_attempt_begin_answer(cmx_client *client, uint16_t index);

/* Arms the timer for the clock that runs out next, unless it wakes before that: then it is armed
 * anew, which is once for most calls instead of once a phase. */
void cmx_attempt_arm(cmx_client *client, uint16_t index);

/* Enters a phase and arms the timer for it. */
void cmx_attempt_enter(cmx_client *client, uint16_t index, enum cmx_call_phase phase);

/* Makes a list empty. */
void cmx_attempt_list_init(cmx_call_list *list);

/* Appends a call to a list. */
void cmx_attempt_list_push(cmx_client *client, cmx_call_list *list, uint16_t index);

/* Takes the oldest call off a list, or CMX_SLOT_NONE. */
uint16_t cmx_attempt_list_pop(const cmx_client *client, cmx_call_list *list);

/* Takes a call out of a list that it is in; the list is searched for it. */
void cmx_attempt_list_remove(cmx_client *client, cmx_call_list *list, uint16_t index);

#endif
