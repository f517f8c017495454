/* SPDX-License-Identifier: MIT */
/*
 * From what the pool reports to events: the road up. See transfer.c.
 */
#ifndef CMX_CLIENT_TRANSFER_H
#define CMX_CLIENT_TRANSFER_H

#include "client/state.h"

/* Ends the life of the event that was lent last: a delivered DONE frees its call. */
void cmx_transfer_end_lending(cmx_client *client);

/* Ends calls whose clock ran out. */
void cmx_transfer_expire(cmx_client *client);

#endif
