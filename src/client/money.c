/* SPDX-License-Identifier: MIT */
/*
 * Prices, budget and spending as the application sees them: arguments are checked here and kept in
 * policy/cost's words. It counts nothing: that is client/account's.
 */
#include "client/warn.h"

static int fail(const char **bad_field, const char *field, int status)
{
    if (bad_field != NULL) {
        *bad_field = field;
    }
    return status;
}

/* Returns the length of a model's name, 0 if it is none: missing, empty or too long. */
static size_t model_len(const char *model)
{
    if (model == NULL) {
        return 0;
    }
    const char *end = memchr(model, '\0', CMX_COST_MODEL_BYTES_MAX + 1);
    return end == NULL ? 0 : (size_t)(end - model);
}

int cmx_client_set_price(cmx_client *client, const cmx_price *price, const char **bad_field)
{
    const struct {
        const char *field;
        uint64_t value;
    } rates[] = {
        {"input", price->input},
        {"cached_input", price->cached_input},
        {"output", price->output},
    };
    size_t len = model_len(price->model);
    if (len == 0) {
        return fail(bad_field, "model", CMX_ERR_ARGUMENT);
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(rates); i++) {
        if (rates[i].value > CMX_PRICE_MAX) {
            return fail(bad_field, rates[i].field, CMX_ERR_ARGUMENT);
        }
    }
    const cmx_view model = {(const uint8_t *)price->model, len};
    const cmx_cost_rates row = {price->input, price->cached_input, price->output};
    int rc = cmx_cost_set(&client->prices, model, &row);
    return fail(bad_field, rc == CMX_OK ? NULL : "prices_max", rc);
}

int cmx_price_apply(const cmx_price *price, const cmx_usage *usage, uint64_t *amount)
{
    const cmx_cost_rates rates = {price->input, price->cached_input, price->output};
    return cmx_cost_apply(&rates, usage, amount);
}

void cmx_client_set_budget(cmx_client *client, uint64_t limit, enum cmx_budget_action action)
{
    client->warn.budget = limit;
    client->warn.budget_stops = action == CMX_BUDGET_STOP;
    client->warn.budget_told = false;
    cmx_warn_on_spending(client);
}

void cmx_client_spending(const cmx_client *client, cmx_spending *spending)
{
    *spending = client->stats.spending;
}
