/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of servers that answer in good order, but not with a completion: error statuses, errors
 * inside an answer, answers without their usual end, heads and trailers around them.
 */
#include "run.h"

#include <string.h>

static sim_chat *play_one(sim_run *run, const sim_script *script)
{
    sim_chat *chat;

    sim_server_script(&run->server, script);
    run->app.config.attempts_max = 1; /* what follows an error is told in scenario_retry.c */
    sim_open(run);
    chat = sim_start(run, script->model == NULL ? "m" : script->model);
    sim_finish(run, 100000);
    return chat;
}

static void play_status(sim_run *run, uint32_t status)
{
    sim_chat *chat = play_one(run, &(sim_script){.model = "bad", .status = status});

    sim_expect_end(run, chat, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    SIM_CHECK(chat->done.http_status == status);
    SIM_CHECK(strcmp(chat->done_message, "no, because of the script") == 0);
    SIM_CHECK(chat->done.attempts == 1);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 1);
}

static void play_401(sim_run *run)
{
    sim_chat *chat;

    sim_open(run);
    run->server.key = "another key";
    chat = sim_start(run, "m");
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    SIM_CHECK(chat->done.http_status == 401);
    SIM_CHECK(strcmp(chat->done_message, "Incorrect API key provided") == 0);
}

static void play_404(sim_run *run)
{
    play_status(run, 404);
}

static void play_429(sim_run *run)
{
    play_status(run, 429);
}

static void play_500(sim_run *run)
{
    play_status(run, 500);
}

static void play_inband(sim_run *run)
{
    sim_chat *chat = play_one(
        run, &(sim_script){
                 .model = "bad", .tokens = 8, .gap_ms = 5, .fault = SIM_FAULT_INBAND, .after = 3});

    sim_expect_end(run, chat, CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND);
    SIM_CHECK(strcmp(chat->done_message, "the model fell over") == 0);
    SIM_CHECK(chat->bytes == 3 * 2 * 4);
    sim_expect_alive(run);
}

static void play_inband_at_once(sim_run *run)
{
    sim_chat *chat = play_one(run, &(sim_script){.model = "bad", .fault = SIM_FAULT_INBAND});

    sim_expect_end(run, chat, CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND);
    SIM_CHECK(chat->bytes == 0);
}

static void play_no_sentinel(sim_run *run)
{
    sim_chat *chat = play_one(run, &(sim_script){.gap_ms = 3, .is_done_missing = true});

    sim_expect_end(run, chat, CMX_VERDICT_DONE_NO_SENTINEL, CMX_OK);
}

static void play_sentinel_then_silence(sim_run *run)
{
    sim_chat *chat = play_one(run, &(sim_script){.model = "bad", .is_end_missing = true});

    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 1);
    SIM_CHECK(run->server.streams_open == 0);
}

static void play_head_only(sim_run *run)
{
    sim_chat *chat = play_one(run, &(sim_script){.is_head_only = true});

    sim_expect_end(run, chat, CMX_VERDICT_EMPTY, CMX_ERR_EMPTY);
    SIM_CHECK(chat->done.http_status == 200);
}

static void play_no_content(sim_run *run)
{
    sim_chat *chat = play_one(run, &(sim_script){.fault = SIM_FAULT_TRUNCATE});

    sim_expect_end(run, chat, CMX_VERDICT_EMPTY, CMX_ERR_EMPTY);
}

static void play_trailers(sim_run *run)
{
    sim_chat *chat = play_one(run, &(sim_script){.has_trailer = true, .gap_ms = 2});

    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_alive(run);
}

static void play_early_hints(sim_run *run)
{
    sim_chat *chat = play_one(run, &(sim_script){.has_hint = true});

    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(chat->done.http_status == 200);
}

static void play_malformed_event(sim_run *run)
{
    sim_chat *chat =
        play_one(run, &(sim_script){.tokens = 10, .fault = SIM_FAULT_MALFORMED, .after = 4});

    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(chat->done.malformed == 1);
}

static void play_whole_answer_cut(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.fault = SIM_FAULT_TRUNCATE});
    sim_open(run);
    chat = sim_start_with(run, &(sim_spec){.model = "m", .answer_bytes = 4096});
    sim_finish(run, 60000);
    SIM_CHECK(chat->is_done && !cmx_verdict_complete(chat->done.verdict));
}

static const sim_scenario scenarios[] = {
    {"status-401", play_401, 1},
    {"status-404", play_404, 1},
    {"status-429", play_429, 1},
    {"status-500", play_500, 1},
    {"inband-error", play_inband, 1},
    {"inband-error-at-once", play_inband_at_once, 1},
    {"no-sentinel", play_no_sentinel, 1},
    {"sentinel-then-silence", play_sentinel_then_silence, 1},
    {"head-only", play_head_only, 1},
    {"no-content", play_no_content, 1},
    {"trailers", play_trailers, 1},
    {"early-hints", play_early_hints, 1},
    {"malformed-event", play_malformed_event, 1},
    {"whole-answer-cut", play_whole_answer_cut, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_http = {"http", scenarios};
