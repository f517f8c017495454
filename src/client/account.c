/* SPDX-License-Identifier: MIT */
/*
 * Counting. See account.h.
 */
#include "client/account.h"

#include "client/warn.h"

enum { US_PER_MS = 1000 };

void cmx_account_init(cmx_client *client, const cmx_account_memory *memory)
{
    const cmx_config *config = &client->config;
    cmx_cost_init(&client->prices, memory->price_rows, config->prices_max);
    cmx_meter_init(&client->meter, memory->meter_rows, memory->spendings, config->models_max,
                   config->origins_max);
    client->figures = config->models_max > 0 ? memory->figures : NULL;
}

void cmx_account_open_origin(cmx_client *client, uint32_t origin)
{
    cmx_meter_forget_origin(&client->meter, origin);
}

static uint64_t to_us(uint64_t ms)
{
    return ms < UINT64_MAX / US_PER_MS ? ms * US_PER_MS : UINT64_MAX - 1;
}

void cmx_account_head(cmx_client *client, uint16_t index)
{
    uint64_t head_ms = client->now_ms - client->calls[index].since_ms;
    if (client->figures != NULL) {
        cmx_histogram_add(&client->figures->head, to_us(head_ms));
    }
    cmx_warn_on_head(client, head_ms);
}

/* The model that the attempt named. It is the caller's: its length is not believed twice. */
static cmx_view model_of(const cmx_call *call)
{
    const char *model = call->body.model;
    if (model == NULL) {
        return (cmx_view){NULL, 0};
    }
    const char *end = memchr(model, '\0', CMX_COST_MODEL_BYTES_MAX);
    size_t len = end != NULL ? (size_t)(end - model) : CMX_COST_MODEL_BYTES_MAX;
    return (cmx_view){(const uint8_t *)model, len};
}

static void add_capped(uint64_t *sum, uint64_t count)
{
    *sum = count > UINT64_MAX - *sum ? UINT64_MAX : *sum + count;
}

static void count_usage(cmx_stats *stats, const cmx_usage *usage)
{
    add_capped(&stats->prompt_tokens, usage->prompt_tokens);
    add_capped(&stats->cached_tokens, cmx_cost_cached(usage));
    add_capped(&stats->completion_tokens, usage->completion_tokens);
    add_capped(&stats->reasoning_tokens, usage->reasoning_tokens);
}

/* Spends what the attempt that has just ended cost. Returns the row of its model, or NULL. */
static cmx_meter_row *spend(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    cmx_view model = model_of(call);
    const cmx_answer_facts *answer = &call->answer.facts;
    const cmx_cost_facts facts = {
        .usage = answer->has_usage ? &answer->usage : NULL,
        .rates = cmx_cost_find(&client->prices, model),
        .sent_bytes = call->body.length,
        .delivered_bytes = call->delivered_bytes,
        .delivered = call->deltas > 0,
    };
    bool unpriced = false;
    cmx_cost cost = cmx_cost_judge(&facts, &unpriced);
    cmx_meter_row *row = cmx_meter_row_of(&client->meter, model);
    call->spent = cmx_cost_join(call->spent, cost);
    cmx_cost_spend(&client->stats.spending, &cost, unpriced);
    if (answer->has_usage) {
        count_usage(&client->stats, &answer->usage);
    }
    if (row != NULL) {
        uint32_t origin = client->pool.slots.rows[index].origin;
        cmx_cost_spend(&row->spending, &cost, unpriced);
        cmx_cost_spend(cmx_meter_spending(&client->meter, row, origin), &cost, unpriced);
        if (answer->has_usage) {
            cmx_meter_add_usage(row, &answer->usage);
        }
    }
    cmx_warn_on_spending(client);
    return row;
}

void cmx_account_again(cmx_client *client, uint16_t index, enum cmx_retry_reason reason)
{
    client->stats.retry_reasons[reason]++;
    cmx_warn_on_retry(client);
    if (client->calls[index].is_chat) {
        cmx_meter_row *row = spend(client, index);
        if (row != NULL) {
            row->retries++;
        }
    }
}

void cmx_account_settle(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    if (call->is_chat) {
        const cmx_meter_row *row = spend(client, index);
        call->meter_row = row == NULL ? 0 : (uint8_t)(row - client->meter.rows);
    }
}

/* Returns how long it was from one moment to another, if both are known. */
static uint64_t between_us(uint64_t from_ms, uint64_t to_ms)
{
    bool known = from_ms != CMX_TIME_NEVER && to_ms != CMX_TIME_NEVER && from_ms <= to_ms;
    return known ? to_us(to_ms - from_ms) : CMX_METER_NOT_MEASURED;
}

/* What the DONE event says of times, as durations. Only streams have a time between tokens. */
static cmx_meter_times measure(const cmx_call *call)
{
    const cmx_times times = cmx_call_get_times(call);
    cmx_meter_times measured = {
        .total_us = between_us(0, times.done_ms),
        .first_token_us = CMX_METER_NOT_MEASURED,
        .per_token_us = CMX_METER_NOT_MEASURED,
    };
    bool is_stream = call->is_chat && call->body.stream != CMX_BODY_STREAM_OFF;
    if (!is_stream || call->deltas == 0) {
        return measured;
    }
    measured.first_token_us = between_us(times.sent_ms, times.first_token_ms);
    uint64_t all_us = between_us(times.first_token_ms, times.last_token_ms);
    if (call->deltas > 1 && all_us != CMX_METER_NOT_MEASURED) {
        measured.per_token_us = all_us / (call->deltas - 1);
    }
    return measured;
}

static void add_time(cmx_histogram *histogram, uint64_t us)
{
    if (us != CMX_METER_NOT_MEASURED) {
        cmx_histogram_add(histogram, us);
    }
}

static void count_figures(cmx_figures *figures, const cmx_meter_times *times)
{
    add_time(&figures->total, times->total_us);
    add_time(&figures->first_token, times->first_token_us);
    add_time(&figures->per_token, times->per_token_us);
}

static void count_done(cmx_stats *stats, const cmx_call *call)
{
    stats->done++;
    stats->verdicts[call->verdict]++;
    stats->retries += call->replays + (call->attempts > 1 ? call->attempts - 1u : 0u);
    if (call->verdict == CMX_VERDICT_TIMEOUT || call->verdict == CMX_VERDICT_STALLED) {
        stats->timeouts++;
    }
    if (call->is_chat) {
        stats->malformed_events += call->answer.malformed;
        stats->skipped_events += call->answer.skipped;
    }
}

void cmx_account_done(cmx_client *client, uint16_t index)
{
    const cmx_call *call = &client->calls[index];
    enum cmx_verdict verdict = (enum cmx_verdict)call->verdict;
    count_done(&client->stats, call);
    cmx_warn_on_done(client, verdict);
    if (client->figures == NULL) {
        return;
    }
    cmx_meter_times times = measure(call);
    count_figures(client->figures, &times);
    if (call->is_chat) {
        cmx_meter_add_end(&client->meter.rows[call->meter_row], verdict, &times);
    }
}
