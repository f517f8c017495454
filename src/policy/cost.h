/* SPDX-License-Identifier: MIT */
/*
 * What an answer costs, in whole picodollars of 64 bits: a table of prices by model, prices times
 * counted tokens, an estimate where nothing was counted, and sums that notice when they do not fit.
 * It knows no client, no origin and no clock.
 */
#ifndef CMX_POLICY_COST_H
#define CMX_POLICY_COST_H

#include "base/view.h"
#include "chatmux/limits.h"
#include "chatmux/money.h"

enum {
    CMX_COST_MODEL_BYTES_MAX = CMX_LIMIT_MODEL_BYTES,
    CMX_COST_BYTES_PER_TOKEN = 4, /* estimated, of a request's body and of an answer's text */
};

typedef struct cmx_cost_rates {
    uint64_t input; /* of a token, in picodollars, each at most CMX_PRICE_MAX */
    uint64_t cached_input;
    uint64_t output;
} cmx_cost_rates;

typedef struct cmx_cost_row {
    cmx_cost_rates rates;
    uint32_t hash; /* of the model: compared before its text is */
    uint32_t model_len;
    char model[CMX_COST_MODEL_BYTES_MAX];
} cmx_cost_row;

typedef struct cmx_cost_table {
    cmx_cost_row *rows; /* borrowed: `capacity` of them */
    uint32_t count;
    uint32_t capacity; /* 0..256 */
} cmx_cost_table;

/* Starts without prices. */
void cmx_cost_init(cmx_cost_table *table, cmx_cost_row *rows, uint32_t capacity);

/* Sets or replaces the price of a model.
 *
 * model  1..CMX_COST_MODEL_BYTES_MAX bytes, copied
 *
 * Returns CMX_OK, or CMX_ERR_BUSY (no row is left). */
CMX_MUST_CHECK int cmx_cost_set(cmx_cost_table *table, cmx_view model, const cmx_cost_rates *rates);

/* Returns the price of a model, until the next cmx_cost_set(); NULL = it has none. */
const cmx_cost_rates *cmx_cost_find(const cmx_cost_table *table, cmx_view model);

/* Returns the prompt tokens that were cached: a server that says more than there are is not
 * believed. */
uint64_t cmx_cost_cached(const cmx_usage *usage);

/* Finds out what counted tokens cost. Cached tokens are part of the prompt's, reasoning is part of
 * the completion's.
 *
 * amount  out: picodollars; 0 unless CMX_OK
 *
 * Returns CMX_OK, or CMX_ERR_OVERFLOW. */
CMX_MUST_CHECK int cmx_cost_apply(const cmx_cost_rates *rates, const cmx_usage *usage,
                                  uint64_t *amount);

/* What is known of an attempt when it is over. */
typedef struct cmx_cost_facts {
    const cmx_usage *usage;      /* NULL = none came */
    const cmx_cost_rates *rates; /* NULL = the model has no price */
    uint64_t sent_bytes;         /* of the request's body */
    uint64_t delivered_bytes;    /* of the answer, all its texts */
    bool delivered;              /* at least one token was */
} cmx_cost_facts;

/* Decides what an attempt cost: what the server billed, else usage times price, else, if tokens
 * came, an estimate.
 *
 * unpriced  out: it cost something and the model has no price */
cmx_cost cmx_cost_judge(const cmx_cost_facts *facts, bool *unpriced);

/* Returns what two attempts of one chat cost together: an estimate if one of them is. */
cmx_cost cmx_cost_join(cmx_cost first, cmx_cost second);

/* Adds what an attempt cost to one of the two sums; what does not fit is left out and marked. */
void cmx_cost_spend(cmx_spending *spending, const cmx_cost *cost, bool unpriced);

/* Returns both sums of a spending, UINT64_MAX if that does not fit. */
uint64_t cmx_cost_spent(const cmx_spending *spending);

#endif
