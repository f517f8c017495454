/* SPDX-License-Identifier: MIT */
/*
 * Money: what answers cost, by the caller's prices, in whole picodollars. A price per token in
 * picodollars is the price in dollars per million tokens times 1,000,000: $2.50 is 2500000.
 */
#ifndef CHATMUX_MONEY_H
#define CHATMUX_MONEY_H

#include "chatmux/client.h"

#define CMX_PICODOLLARS UINT64_C(1000000000000) /* in a dollar */
#define CMX_PRICE_MAX UINT64_C(1000000000000)   /* of one token: a dollar */

/* Prices of one model, in picodollars for one token. */
typedef struct cmx_price {
    const char *model;     /* as the request names it, 1..128 bytes; copied */
    uint64_t input;        /* of a prompt token that was not cached: 0..CMX_PRICE_MAX */
    uint64_t cached_input; /* of a cached prompt token: 0..CMX_PRICE_MAX */
    uint64_t output;       /* of a completion token, reasoning included: 0..CMX_PRICE_MAX */
} cmx_price;

/* Sets the price of a model for chats that end from now on; a model that has one gets this one.
 *
 * bad_field  out: what is wrong, a static string; may itself be NULL
 *
 * Returns CMX_OK, CMX_ERR_ARGUMENT -> correct the field named, or CMX_ERR_BUSY (prices_max). */
CMX_MUST_CHECK int cmx_client_set_price(cmx_client *client, const cmx_price *price,
                                        const char **bad_field);

/* Finds out what a usage costs at a price.
 *
 * amount  out: picodollars
 *
 * Returns CMX_OK, or CMX_ERR_OVERFLOW (more than 64 bits hold: about 18 million dollars). */
CMX_MUST_CHECK int cmx_price_apply(const cmx_price *price, const cmx_usage *usage,
                                   uint64_t *amount);

enum cmx_budget_action {
    CMX_BUDGET_WARN, /* an ALERT event when it is used up */
    CMX_BUDGET_STOP, /* that, and new chats are refused: CMX_ERR_BUDGET */
};

/* Sets how much may be spent since init, estimated amounts included. Chats under way go on: what
 * is spent may exceed the budget by what they cost.
 *
 * limit  picodollars; UINT64_MAX = none, as at init */
void cmx_client_set_budget(cmx_client *client, uint64_t limit, enum cmx_budget_action action);

/* Money since init, in picodollars. An amount is in exactly one of `billed` and `estimated`. */
typedef struct cmx_spending {
    uint64_t billed;    /* by the server's usage, or by its own cost where it sends one */
    uint64_t estimated; /* of attempts that delivered tokens and ended without usage */
    uint64_t unpriced;  /* chats that were processed and whose model has no price */
    bool overflow;      /* a sum did not fit: amounts are the least that was spent */
} cmx_spending;

/* Fills `spending` with the sum over all models and origins; cannot fail. */
void cmx_client_spending(const cmx_client *client, cmx_spending *spending);

#endif
