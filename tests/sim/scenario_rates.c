/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of requests that are held back: by a 429 that others got, by limits of our own, by what
 * a server says is left. Times are those at which requests arrive.
 */
#include "run.h"

#include <stdlib.h>

enum { CROWD = 50, ARRIVE_MS = 3000 };

/* Opens the client; the second origin is the same relay with limits of our own. */
static cmx_origin_id open_limited(sim_run *run, const cmx_rate_limits *limits)
{
    cmx_origin origin;
    cmx_origin_id id = 0;

    run->app.config.total_timeout_ms = 0;
    sim_open(run);
    if (run->app.client == NULL) {
        return 0;
    }
    cmx_origin_default(&origin);
    origin.base_url = SIM_URL;
    origin.key = run->app.key;
    origin.rate_limits = limits;
    SIM_CHECK(cmx_client_add_origin(run->app.client, &origin, &id, NULL) == CMX_OK);
    return id;
}

static uint64_t arrival_ms(const sim_run *run, const sim_chat *chat)
{
    return run->server.chats[chat->k].latest_ms;
}

/* Requests that arrived within a span of time. */
static uint32_t count_arrivals(const sim_run *run, uint64_t from_ms, uint64_t to_ms)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        uint64_t at_ms = arrival_ms(run, &run->app.chats[i]);
        count += at_ms >= from_ms && at_ms < to_ms ? 1 : 0;
    }
    return count;
}

static void expect_all_done(sim_run *run)
{
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

/* One is told to wait; of those that come meanwhile none runs into the same answer, and when the
 * time is over they do not come as one. */
static void play_gate(sim_run *run)
{
    sim_chat *first;
    cmx_limit_state state = {0};
    uint64_t open_ms;

    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .times = 1, .status = 429, .retry_after = "9"});
    sim_open(run);
    first = sim_start(run, "bad");
    sim_live(run, ARRIVE_MS);
    SIM_CHECK(first->retries == 1 && first->retry.reason == CMX_RETRY_RATE_LIMIT);
    if (run->app.client == NULL) {
        return;
    }
    open_ms = first->retry_ms + 9000;
    for (uint32_t i = 0; i < CROWD; i++) {
        (void)sim_start(run, "bad");
    }
    SIM_CHECK(cmx_client_limits(run->app.client, 0, &state) == CMX_OK);
    SIM_CHECK(state.queued == CROWD && state.gate_ms > 0 && state.gate_ms <= 9000);
    SIM_CHECK(cmx_client_waiting(run->app.client, run->app.chats[1].id) == CMX_WAITING_RATE_LIMIT);
    sim_expect_alive(run); /* another model is not concerned */
    sim_finish(run, 100000);
    expect_all_done(run);
    SIM_CHECK(run->server.requests == CROWD + 3);
    for (uint32_t i = 1; i <= CROWD; i++) {
        SIM_CHECK(arrival_ms(run, &run->app.chats[i]) + 2 >= open_ms);
        SIM_CHECK(run->app.chats[i].retries == 0);
    }
    if (run->world.seed % 4 == 0) { /* the network takes no time */
        SIM_CHECK(count_arrivals(run, open_ms - 2, open_ms + 200) <= 2);
    }
}

/* What stands in the pool's queue when the gate closes is called back. */
static void play_gate_calls_back(sim_run *run)
{
    run->app.config.connections_max = 1;
    run->server.streams_max = 5;
    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .times = 4, .status = 429, .retry_after = "3"});
    sim_open(run);
    for (uint32_t i = 0; i < CROWD; i++) {
        (void)sim_start(run, "bad");
    }
    sim_finish(run, 200000);
    expect_all_done(run);
    SIM_CHECK(run->server.requests <= CROWD + 8);
}

static void play_gate_total(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .status = 429, .retry_after = "60"});
    sim_open(run);
    (void)sim_start_with(run, &(sim_spec){.model = "bad", .limits = {.attempts_max = 1}});
    sim_finish(run, 10000);
    chat = sim_start_with(run, &(sim_spec){.model = "bad", .limits = {.total_timeout_ms = 5000}});
    sim_finish(run, 5001);
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
    SIM_CHECK(chat->done.attempts == 0);
}

/* Sixty a minute, evenly: twenty take nineteen seconds. */
static void play_spread(sim_run *run)
{
    const cmx_rate_limits limits = {.requests_per_min = 60, .spread = true};
    cmx_origin_id id = open_limited(run, &limits);
    uint64_t since_ms = run->world.now_ms;

    for (uint32_t i = 0; i < 20 && run->app.client != NULL; i++) {
        (void)sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->world.now_ms - since_ms >= 19000);
    SIM_CHECK(run->world.now_ms - since_ms <= 19000 + ARRIVE_MS);
}

static void play_concurrency(sim_run *run)
{
    const cmx_rate_limits limits = {.max_concurrent = 3, .min_time_ms = 10};
    cmx_origin_id id = open_limited(run, &limits);

    for (uint32_t i = 0; i < 30 && run->app.client != NULL; i++) {
        (void)sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    }
    sim_finish(run, 200000);
    expect_all_done(run);
    SIM_CHECK(run->server.streams_peak <= 3);
}

/* Five at once, then five each ten seconds. */
static void play_reservoir(sim_run *run)
{
    const cmx_rate_limits limits = {
        .reservoir = 5, .refresh_amount = 5, .refresh_interval_ms = 10000};
    cmx_origin_id id = open_limited(run, &limits);
    uint64_t since_ms = run->world.now_ms;

    for (uint32_t i = 0; i < 12 && run->app.client != NULL; i++) {
        (void)sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(count_arrivals(run, since_ms, since_ms + 10000) == 5);
    SIM_CHECK(count_arrivals(run, since_ms, since_ms + 20000) == 10);
}

/* Each costs its prompt and 256 tokens, and gives back what it did not use. */
static void play_tokens(sim_run *run)
{
    const cmx_rate_limits limits = {.tokens_per_min = 6000, .tokens_burst = 600};
    cmx_origin_id id = open_limited(run, &limits);
    sim_chat *chat = NULL;

    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(sim_app_start(&run->app, &(sim_spec){.model = "m", .origin = id, .filler = 3000},
                            &chat) == CMX_ERR_RATE);
    run->app.chat_count--;
    free(chat->prompt);
    for (uint32_t i = 0; i < 40; i++) {
        (void)sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    }
    sim_finish(run, 200000);
    expect_all_done(run);
}

static void fill_to_high_water(sim_run *run, cmx_origin_id id)
{
    for (uint32_t i = 0; i < 4 && run->app.client != NULL; i++) {
        (void)sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    }
}

static void play_overflow(sim_run *run)
{
    const cmx_rate_limits limits = {.min_time_ms = 1000, .high_water = 3};
    cmx_origin_id id = open_limited(run, &limits);

    fill_to_high_water(run, id);
    SIM_CHECK(sim_app_start(&run->app, &(sim_spec){.model = "m", .origin = id}, NULL) ==
              CMX_ERR_BUSY);
    sim_finish(run, 20000);
    for (uint32_t i = 0; i < 4; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

static void play_leak(sim_run *run)
{
    const cmx_rate_limits limits = {
        .min_time_ms = 1000, .high_water = 3, .strategy = CMX_STRATEGY_LEAK};
    cmx_origin_id id = open_limited(run, &limits);

    fill_to_high_water(run, id);
    (void)sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    sim_finish(run, 20000);
    for (uint32_t i = 0; i < 5; i++) {
        sim_expect_end(run, &run->app.chats[i], i == 1 ? CMX_VERDICT_LIMIT : CMX_VERDICT_DONE,
                       i == 1 ? CMX_ERR_BUSY : CMX_OK);
    }
}

static void play_block(sim_run *run)
{
    const cmx_rate_limits limits = {
        .min_time_ms = 1000, .high_water = 3, .strategy = CMX_STRATEGY_BLOCK, .penalty_ms = 2000};
    cmx_origin_id id = open_limited(run, &limits);

    fill_to_high_water(run, id);
    SIM_CHECK(sim_app_start(&run->app, &(sim_spec){.model = "m", .origin = id}, NULL) ==
              CMX_ERR_BUSY);
    sim_finish(run, 20000);
    for (uint32_t i = 0; i < 4; i++) {
        sim_expect_end(run, &run->app.chats[i], i > 0 ? CMX_VERDICT_LIMIT : CMX_VERDICT_DONE,
                       i > 0 ? CMX_ERR_BUSY : CMX_OK);
    }
}

/* "None left for 20 s", although the answer was good. */
static void play_server_says(sim_run *run)
{
    cmx_limit_state state = {0};
    sim_chat *chats[2];

    sim_server_script(
        &run->server,
        &(sim_script){.model = "m", .times = 1, .rate_left = "0", .rate_reset = "20s"});
    sim_open(run);
    chats[0] = sim_start(run, "m");
    sim_finish(run, 10000);
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(cmx_client_limits(run->app.client, 0, &state) == CMX_OK);
    SIM_CHECK(state.requests_remaining == 0 && state.next_start_ms > 10000);
    chats[1] = sim_start(run, "m");
    SIM_CHECK(cmx_client_waiting(run->app.client, chats[1]->id) == CMX_WAITING_RATE_LIMIT);
    sim_finish(run, 30000);
    expect_all_done(run);
    SIM_CHECK(arrival_ms(run, chats[1]) >= arrival_ms(run, chats[0]) + 20000);
}

static const sim_scenario scenarios[] = {
    {"rates-gate", play_gate, 2},
    {"rates-gate-calls-back", play_gate_calls_back, 2},
    {"rates-gate-total", play_gate_total, 1},
    {"rates-spread", play_spread, 1},
    {"rates-concurrency", play_concurrency, 1},
    {"rates-reservoir", play_reservoir, 1},
    {"rates-tokens", play_tokens, 1},
    {"rates-overflow", play_overflow, 1},
    {"rates-leak", play_leak, 1},
    {"rates-block", play_block, 1},
    {"rates-server-says", play_server_says, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_rates = {"rates", scenarios};
