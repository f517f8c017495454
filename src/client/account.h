/* SPDX-License-Identifier: MIT */
/*
 * What every attempt and every request adds to counters, histograms, spending and the window of the
 * alerts. Each amount and each count is added at one place, once.
 */
#ifndef CMX_CLIENT_ACCOUNT_H
#define CMX_CLIENT_ACCOUNT_H

#include "client/state.h"

/* The memory that the client carved: all NULL if models_max and prices_max are 0. */
typedef struct cmx_account_memory {
    cmx_cost_row *price_rows;
    cmx_meter_row *meter_rows;
    cmx_spending *spendings;
    cmx_figures *figures;
} cmx_account_memory;

/* Starts with nothing counted. */
void cmx_account_init(cmx_client *client, const cmx_account_memory *memory);

/* Another origin takes the row. */
void cmx_account_open_origin(cmx_client *client, uint32_t origin);

/* The response head of an attempt came. */
void cmx_account_head(cmx_client *client, uint16_t index);

/* An attempt is over and another one follows; its answer is still there. */
void cmx_account_again(cmx_client *client, uint16_t index, enum cmx_retry_reason reason);

/* The last attempt is over: what it cost is spent now, because what the request borrowed may be
 * gone when its DONE event is pulled. */
void cmx_account_settle(cmx_client *client, uint16_t index);

/* The DONE event of a request is being made: counts its end. */
void cmx_account_done(cmx_client *client, uint16_t index);

#endif
