/* SPDX-License-Identifier: MIT */
/*
 * Counters, the state now and quantiles, put together on request: for the client and for each row
 * of its table of models. It changes nothing.
 */
#include "client/state.h"
#include "pool/origins.h"

enum { MEDIAN = 500, NINE_TENTHS = 900, P99 = 990 }; /* thousandths */

static void fill_quantiles(const cmx_histogram *histogram, cmx_quantiles *quantiles)
{
    uint64_t count = histogram->count;
    *quantiles = (cmx_quantiles){
        .count = count,
        .mean_us = count > 0 ? histogram->sum_us / count : 0,
        .p50_us = cmx_histogram_quantile_us(histogram, MEDIAN),
        .p90_us = cmx_histogram_quantile_us(histogram, NINE_TENTHS),
        .p99_us = cmx_histogram_quantile_us(histogram, P99),
    };
}

static void count_connection(const cmx_conn *conn, cmx_stats *stats)
{
    switch ((enum cmx_conn_state)conn->state) {
    case CMX_CONN_CLOSED:
    case CMX_CONN_STATE_COUNT:
        return;
    case CMX_CONN_AWAIT_ADDRESS:
    case CMX_CONN_AWAIT_CONNECT:
    case CMX_CONN_AWAIT_PROXY:
    case CMX_CONN_AWAIT_HANDSHAKE:
    case CMX_CONN_AWAIT_SETTINGS:
        stats->connections_opening++;
        break;
    case CMX_CONN_OPEN:
        stats->connections_active += conn->h2.active > 0 ? 1 : 0;
        stats->connections_idle += conn->h2.active > 0 ? 0 : 1;
        break;
    case CMX_CONN_DRAINING:
        stats->connections_draining++;
        break;
    }
    stats->connections++;
    stats->streams += conn->h2.active;
}

static void fill_pool(const cmx_pool *pool, cmx_stats *stats)
{
    for (uint32_t i = 0; i < pool->tables.conn_count; i++) {
        count_connection(&pool->tables.conns[i], stats);
    }
    for (uint32_t i = 0; i < pool->tables.origin_count; i++) {
        const cmx_origin_row *origin = &pool->tables.origins[i];
        stats->origins_failing += origin->in_use && origin->backoff.failures > 0 ? 1 : 0;
    }
    stats->queued = pool->slots.queued.count;
    stats->pings = pool->pings;
    stats->connections_dead = pool->connections_dead;
    stats->connections_total = pool->env.connections_total;
    stats->handshakes = pool->env.handshakes;
    stats->bytes_received = pool->env.bytes_received;
    stats->bytes_sent = pool->env.bytes_sent;
}

static void fill_waiting(const cmx_client *client, cmx_stats *stats)
{
    const cmx_slots *slots = &client->pool.slots;
    for (uint16_t i = 0; i < slots->capacity; i++) {
        if (slots->rows[i].state != CMX_SLOT_FREE && client->calls[i].phase != CMX_CALL_FINISHED) {
            stats->waiting[cmx_client_waiting(client, cmx_slot_handle(slots, i))]++;
        }
    }
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void fill_limits(const cmx_client *client, cmx_limit_state *all)
{
    *all = (cmx_limit_state){
        .reservoir = UINT32_MAX, .requests_remaining = UINT32_MAX, .tokens_remaining = UINT32_MAX};
    for (uint32_t i = 0; i < client->pool.tables.origin_count; i++) {
        cmx_limit_state one;
        if (!client->pool.tables.origins[i].in_use ||
            cmx_client_limits(client, cmx_origins_id(&client->pool, i), &one) != CMX_OK) {
            continue;
        }
        all->running += one.running;
        all->queued += one.queued;
        all->reservoir = lesser(all->reservoir, one.reservoir);
        all->next_start_ms = longer(all->next_start_ms, one.next_start_ms);
        all->requests_remaining = lesser(all->requests_remaining, one.requests_remaining);
        all->tokens_remaining = lesser(all->tokens_remaining, one.tokens_remaining);
        all->gate_ms = longer(all->gate_ms, one.gate_ms);
    }
}

static void fill_memory(const cmx_client *client, cmx_stats *stats)
{
    const cmx_region *region = client->region;
    stats->buffers_refused = client->event_blocks.refused;
    stats->buffers_peak = client->event_blocks.used_max;
    stats->memory_bytes = client->memory_bytes;
    stats->library_bytes = cmx_region_used(region);
    stats->library_peak = cmx_region_peak(region);
    stats->library_capacity = cmx_region_capacity(region);
    stats->library_largest = cmx_region_largest_free(region);
}

void cmx_client_stats(const cmx_client *client, cmx_stats *stats)
{
    *stats = client->stats;
    fill_pool(&client->pool, stats);
    fill_waiting(client, stats);
    fill_memory(client, stats);
    fill_limits(client, &stats->limits);
    stats->paused = client->pauses.paused;
    stats->done_per_min =
        cmx_alert_done_per_min(&client->warn.watch, client->port->now_ms(client->port_state));
    const cmx_figures *figures = client->figures;
    if (figures != NULL) {
        fill_quantiles(&figures->total, &stats->total);
        fill_quantiles(&figures->head, &stats->head);
        fill_quantiles(&figures->first_token, &stats->first_token);
        fill_quantiles(&figures->per_token, &stats->per_token);
    }
}

int cmx_client_model_stats(const cmx_client *client, uint32_t index, cmx_model_stats *stats)
{
    const cmx_meter_row *row = cmx_meter_row_at(&client->meter, index);
    if (row == NULL) {
        return CMX_ERR_ARGUMENT;
    }
    *stats = (cmx_model_stats){
        .model = {row->model, row->model_len},
        .retries = row->retries,
        .prompt_tokens = row->prompt_tokens,
        .cached_tokens = row->cached_tokens,
        .completion_tokens = row->completion_tokens,
        .reasoning_tokens = row->reasoning_tokens,
        .spending = row->spending,
    };
    memcpy(stats->verdicts, row->verdicts, sizeof stats->verdicts);
    fill_quantiles(&row->total, &stats->total);
    fill_quantiles(&row->first_token, &stats->first_token);
    fill_quantiles(&row->per_token, &stats->per_token);
    return CMX_OK;
}

int cmx_client_model_spending(const cmx_client *client, uint32_t index, cmx_origin_id origin,
                              cmx_spending *spending)
{
    const cmx_meter_row *row = cmx_meter_row_at(&client->meter, index);
    uint32_t at = cmx_origins_find(&client->pool, origin);
    if (row == NULL || at == CMX_ORIGINS_NONE) {
        return CMX_ERR_ARGUMENT;
    }
    *spending = *cmx_meter_spending(&client->meter, row, at);
    return CMX_OK;
}
