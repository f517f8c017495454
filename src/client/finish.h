/* SPDX-License-Identifier: MIT */
/*
 * Ending a call: its verdict is fixed here, once, and its DONE event waits to be pulled; unless
 * another attempt follows.
 */
#ifndef CMX_CLIENT_FINISH_H
#define CMX_CLIENT_FINISH_H

#include "client/state.h"

/* An attempt is over: fixes the verdict of the call and queues its DONE event, or sends it again,
 * as client/again decides. The slot has no stream any more.
 *
 * complete  the server ended the stream in order
 * cause     why it ended otherwise; CMX_OK with `complete` */
void cmx_finish_call(cmx_client *client, uint16_t index, bool complete, int cause);

/* Counts the attempt of a call whose request left although nobody pulled that news: it ended, or is
 * being ended, in the same turn. */
void cmx_finish_note_sent(cmx_client *client, uint16_t index);

/* Ends a call from our side: its stream is reset, what it borrowed is not read again. A verdict
 * that was not delivered yet is replaced if the cause is the caller's cancel. */
void cmx_finish_abort(cmx_client *client, uint16_t index, int cause);

/* Takes the oldest finished call, or CMX_SLOT_NONE. */
uint16_t cmx_finish_take(cmx_client *client);

/* Fills the DONE event of a finished call but for its address, once; its texts lie in the call
 * until cmx_finish_release(). */
void cmx_finish_event(cmx_client *client, uint16_t index, cmx_event *event);

/* Frees a call whose DONE event was delivered. */
void cmx_finish_release(cmx_client *client, uint16_t index);

#endif
