/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of money and alerts: thresholds that are passed and left again, in a loop that must
 * neither spin nor wait for what never comes; budgets that stop.
 */
#include "run.h"

enum { BAD = 25 };

static void start_many(sim_run *run, const char *model, int count)
{
    for (int i = 0; i < count; i++) {
        (void)sim_start(run, model);
    }
}

/* A long answer keeps the loop alive meanwhile. */
static void play_alert_begins_and_ends(sim_run *run)
{
    sim_app *app = &run->app;

    app->config.alert_errors = 10;
    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .fault = SIM_FAULT_TRUNCATE, .after = 2});
    sim_server_script(&run->server, &(sim_script){.model = "long", .tokens = 3000, .gap_ms = 100});
    sim_server_script(&run->server, &(sim_script){.tokens = 3});
    sim_open(run);
    (void)sim_start(run, "long");
    start_many(run, "bad", BAD);
    sim_live(run, 20000);
    SIM_CHECK(app->alerts_begun == 1 && app->alerts_over == 0);
    SIM_CHECK(app->alert.kind == CMX_ALERT_ERRORS && app->alert.value > 10);
    uint64_t begun_ms = app->alert_ms;

    /* Nothing happens but the long answer: the minute passes, then 30 s of calm. */
    sim_live(run, 100000);
    SIM_CHECK(app->alerts_begun == 1 && app->alerts_over == 1);
    SIM_CHECK(app->alert_ms >= begun_ms + 30000 + 55000);
    SIM_CHECK(app->alert_ms <= begun_ms + 30000 + 60000 + 20000);

    /* It may begin anew. */
    start_many(run, "bad", BAD);
    sim_live(run, 20000);
    SIM_CHECK(app->alerts_begun == 2);
    sim_finish(run, 600000);
    sim_expect_alive(run);
}

/* The client idles while an alert is on: nothing is in flight, and nothing says otherwise. */
static void play_alert_keeps_nothing_in_flight(sim_run *run)
{
    sim_app *app = &run->app;

    app->config.alert_errors = 10;
    app->config.alert_p99_ms = 1;
    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .fault = SIM_FAULT_TRUNCATE, .after = 2});
    sim_open(run);
    start_many(run, "bad", BAD);
    sim_finish(run, 60000);
    SIM_CHECK(app->alerts_begun >= 1);
    SIM_CHECK(app->last_status == CMX_IDLE);
}

static void play_budget_stops_new_chats(sim_run *run)
{
    sim_app *app = &run->app;
    const cmx_price price = {.model = "m", .input = 3, .cached_input = 2, .output = 5};
    cmx_spending spending;
    uint64_t sum = 0;

    sim_server_script(&run->server, &(sim_script){.tokens = 3});
    sim_open(run);
    SIM_CHECK(cmx_client_set_price(app->client, &price, NULL) == CMX_OK);
    start_many(run, "m", 3);
    sim_finish(run, 60000);
    for (uint32_t i = 0; i < app->chat_count; i++) {
        const cmx_done *done = &app->chats[i].done;
        SIM_CHECK(done->has_usage && done->cost.kind == CMX_COST_PRICED);
        SIM_CHECK(done->cost.amount == 3 * done->usage.prompt_tokens - done->usage.cached_tokens +
                                           5 * done->usage.completion_tokens);
        sum += done->cost.amount;
    }
    cmx_client_spending(app->client, &spending);
    SIM_CHECK(spending.billed == sum && spending.estimated == 0 && spending.unpriced == 0);

    cmx_client_set_budget(app->client, sum + 1, CMX_BUDGET_STOP);
    (void)sim_start(run, "m");
    sim_finish(run, 60000);
    SIM_CHECK(app->alerts_begun == 1 && app->alert.kind == CMX_ALERT_BUDGET);
    SIM_CHECK(sim_app_start(app, &(sim_spec){.model = "m"}, NULL) == CMX_ERR_BUDGET);
    cmx_client_set_budget(app->client, UINT64_MAX, CMX_BUDGET_STOP);
    sim_expect_alive(run);
    SIM_CHECK(app->alerts_begun == 1);
}

static const sim_scenario scenarios[] = {
    {"alert-begins-and-ends", play_alert_begins_and_ends, 0},
    {"alert-keeps-nothing-in-flight", play_alert_keeps_nothing_in_flight, 0},
    {"budget-stops-new-chats", play_budget_stops_new_chats, 0},
    {NULL, NULL, 0},
};

const sim_family sim_family_money = {"money", scenarios};
