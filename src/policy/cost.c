/* SPDX-License-Identifier: MIT */
/*
 * Every product and sum is checked; nothing is rounded but the tokens of an estimate.
 */
#include "policy/cost.h"

void cmx_cost_init(cmx_cost_table *table, cmx_cost_row *rows, uint32_t capacity)
{
    *table = (cmx_cost_table){.rows = rows, .capacity = capacity};
}

static cmx_cost_row *find_row(const cmx_cost_table *table, cmx_view model)
{
    uint32_t hash = cmx_view_hash(model);
    for (uint32_t i = 0; i < table->count; i++) {
        cmx_cost_row *row = &table->rows[i];
        cmx_view name = {(const uint8_t *)row->model, row->model_len};
        if (row->hash == hash && cmx_view_equal(name, model)) {
            return row;
        }
    }
    return NULL;
}

int cmx_cost_set(cmx_cost_table *table, cmx_view model, const cmx_cost_rates *rates)
{
    CMX_ASSERT(model.len > 0 && model.len <= CMX_COST_MODEL_BYTES_MAX);
    cmx_cost_row *row = find_row(table, model);
    if (row == NULL) {
        if (table->count == table->capacity) {
            return CMX_ERR_BUSY;
        }
        row = &table->rows[table->count++];
        row->hash = cmx_view_hash(model);
        row->model_len = (uint32_t)model.len;
        memcpy(row->model, model.data, model.len);
    }
    row->rates = *rates;
    return CMX_OK;
}

const cmx_cost_rates *cmx_cost_find(const cmx_cost_table *table, cmx_view model)
{
    if (table->count == 0) {
        return NULL;
    }
    const cmx_cost_row *row = find_row(table, model);
    return row == NULL ? NULL : &row->rates;
}

uint64_t cmx_cost_cached(const cmx_usage *usage)
{
    return usage->cached_tokens < usage->prompt_tokens ? usage->cached_tokens
                                                       : usage->prompt_tokens;
}

int cmx_cost_apply(const cmx_cost_rates *rates, const cmx_usage *usage, uint64_t *amount)
{
    uint64_t cached = cmx_cost_cached(usage);
    const uint64_t factors[][2] = {
        {usage->prompt_tokens - cached, rates->input},
        {cached, rates->cached_input},
        {usage->completion_tokens, rates->output},
    };
    uint64_t sum = 0;
    *amount = 0;
    for (size_t i = 0; i < CMX_ARRAY_LEN(factors); i++) {
        uint64_t product = 0;
        if (__builtin_mul_overflow(factors[i][0], factors[i][1], &product) ||
            __builtin_add_overflow(sum, product, &sum)) {
            return CMX_ERR_OVERFLOW;
        }
    }
    *amount = sum;
    return CMX_OK;
}

/* Tokens of so many bytes, rounded up without a sum that could overflow. */
static uint64_t estimate_tokens(uint64_t bytes)
{
    return bytes / CMX_COST_BYTES_PER_TOKEN + (bytes % CMX_COST_BYTES_PER_TOKEN > 0 ? 1 : 0);
}

static cmx_cost price(const cmx_cost_rates *rates, const cmx_usage *usage, enum cmx_cost_kind kind)
{
    cmx_cost cost = {.kind = kind};
    if (cmx_cost_apply(rates, usage, &cost.amount) != CMX_OK) {
        cost.kind = CMX_COST_OVERFLOW;
    }
    return cost;
}

static cmx_cost bill(uint64_t amount)
{
    /* What was read as the largest number may have been any larger one. */
    if (amount == UINT64_MAX) {
        return (cmx_cost){.kind = CMX_COST_OVERFLOW};
    }
    return (cmx_cost){.kind = CMX_COST_BILLED, .amount = amount};
}

cmx_cost cmx_cost_judge(const cmx_cost_facts *facts, bool *unpriced)
{
    *unpriced = false;
    if (facts->usage != NULL && facts->usage->has_cost) {
        return bill(facts->usage->cost);
    }
    if (facts->usage == NULL && !facts->delivered) {
        return (cmx_cost){.kind = CMX_COST_UNKNOWN};
    }
    if (facts->rates == NULL) {
        *unpriced = true;
        return (cmx_cost){.kind = CMX_COST_UNKNOWN};
    }
    if (facts->usage != NULL) {
        return price(facts->rates, facts->usage, CMX_COST_PRICED);
    }
    const cmx_usage guess = {
        .prompt_tokens = estimate_tokens(facts->sent_bytes),
        .completion_tokens = estimate_tokens(facts->delivered_bytes),
    };
    return price(facts->rates, &guess, CMX_COST_ESTIMATED);
}

cmx_cost cmx_cost_join(cmx_cost first, cmx_cost second)
{
    if (first.kind == CMX_COST_UNKNOWN) {
        return second;
    }
    if (second.kind == CMX_COST_UNKNOWN) {
        return first;
    }
    if (first.kind == CMX_COST_OVERFLOW || second.kind == CMX_COST_OVERFLOW ||
        first.amount > UINT64_MAX - second.amount) {
        return (cmx_cost){.kind = CMX_COST_OVERFLOW};
    }
    second.amount += first.amount;
    if (first.kind == CMX_COST_ESTIMATED) {
        second.kind = CMX_COST_ESTIMATED;
    }
    return second;
}

void cmx_cost_spend(cmx_spending *spending, const cmx_cost *cost, bool unpriced)
{
    uint64_t *sum = cost->kind == CMX_COST_ESTIMATED ? &spending->estimated : &spending->billed;
    spending->unpriced += unpriced ? 1 : 0;
    if (cost->kind == CMX_COST_OVERFLOW || cost->amount > UINT64_MAX - *sum) {
        spending->overflow = true;
        return;
    }
    *sum += cost->amount;
}

uint64_t cmx_cost_spent(const cmx_spending *spending)
{
    if (spending->estimated > UINT64_MAX - spending->billed) {
        return UINT64_MAX;
    }
    return spending->billed + spending->estimated;
}
