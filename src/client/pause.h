/* SPDX-License-Identifier: MIT */
/*
 * Pausing one request: what still comes of its answer is kept in a block as large as its stream's
 * window. The connection's window is credited at once and the stream's only when the bytes were
 * used up, so a paused stream stops itself and nobody else. It decides what is kept and whose turn
 * is next; what the bytes mean is up to transfer.c.
 */
#ifndef CMX_CLIENT_PAUSE_H
#define CMX_CLIENT_PAUSE_H

#include "client/state.h"

/* Prepares the table on `count` rows.
 *
 * blocks  count * stream_window_bytes, borrowed for good */
void cmx_pause_init(cmx_pause_table *table, cmx_pause_row *rows, uint8_t *blocks,
                    const cmx_config *config);

/* Stops decoding if the call at hand is paused: what is left of its chunk is kept.
 *
 * Returns CMX_OK, or CMX_ERR_HTTP2: the server sent more than the stream's window; end the call. */
CMX_MUST_CHECK int cmx_pause_stop(cmx_client *client);

/* Returns the call that is to be decoded on where it was stopped, or CMX_SLOT_NONE. */
uint16_t cmx_pause_go_on(cmx_client *client);

/* Keeps a chunk that the pool lends, and ends its lending.
 *
 * Returns CMX_OK, CMX_AGAIN (the call is not paused: nothing was done), or CMX_ERR_HTTP2 as
 * above. */
CMX_MUST_CHECK int cmx_pause_keep(cmx_client *client, uint16_t index, cmx_view data);

/* Returns whether bytes of the call are kept that were not used up. */
bool cmx_pause_keeps(const cmx_client *client, uint16_t index);

/* Lets the END of a call wait for its turn. Returns false if the call is not paused, or has no
 * response head that more could follow. */
bool cmx_pause_hold_end(cmx_client *client, uint16_t index);

/* Pulls what was kept of calls that are not paused any more: DATA, lent until the next call, and
 * then the END if it came. Nothing of them comes from the pool before.
 *
 * Returns CMX_OK, or CMX_AGAIN (nothing). */
CMX_MUST_CHECK int cmx_pause_pull(cmx_client *client, cmx_pool_item *item);

/* The call is sent again: what was kept is dropped; if it is paused, it stays so. */
void cmx_pause_restart(cmx_client *client, uint16_t index);

/* Forgets a call that is over: what was kept is dropped, its row is free. */
void cmx_pause_forget(cmx_client *client, uint16_t index);

#endif
