/* SPDX-License-Identifier: MIT */
/*
 * Scenarios in which everything goes well, in every weather: chats alone and many, streamed and
 * whole, plain requests, long prompts, splits everywhere.
 */
#include "run.h"

#include <string.h>

static void play_single(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.tokens = 20, .gap_ms = 10, .head_ms = 30});
    sim_open(run);
    chat = sim_start(run, "gpt-4.1");
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(chat->done.attempts == 1 && chat->done.replays == 0);
    SIM_CHECK(chat->done.http_status == 200);
    SIM_CHECK(chat->done.has_usage && chat->done.usage.completion_tokens == 20);
    SIM_CHECK(chat->done.malformed == 0);
    SIM_CHECK(chat->bytes == 20 * 2 * 4);
    SIM_CHECK(strncmp(chat->done_id, "req-", 4) == 0);
    SIM_CHECK(run->server.connections == 1);
    SIM_CHECK(run->server.resets_received == 0);
}

static void play_hundred(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.tokens = 12, .gap_ms = 7});
    run->app.config.connections_max = 2;
    run->app.config.streams_soft = 50;
    sim_open(run);
    for (int i = 0; i < 100; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 100; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
        SIM_CHECK(run->app.chats[i].done.attempts == 1);
    }
    SIM_CHECK(run->server.connections <= 2);
    SIM_CHECK(run->server.requests == 100);
}

static void play_every_byte(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.tokens = 6, .units = 3});
    run->port.net.recv_bytes_max = 1;
    run->port.net.again_per_mille = 50;
    sim_open(run);
    for (int i = 0; i < 3; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 120000);
    for (int i = 0; i < 3; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

static void play_small_frames(sim_run *run)
{
    uint32_t frame_bytes = 1 + (uint32_t)(run->world.seed % 9);

    sim_server_script(&run->server,
                      &(sim_script){.tokens = 5, .units = 4, .frame_bytes = frame_bytes});
    sim_open(run);
    for (int i = 0; i < 4; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 120000);
    for (int i = 0; i < 4; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

static void play_drip(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.tokens = 3, .frame_bytes = 1, .drip_ms = 1});
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 120000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

static void play_short_writes(sim_run *run)
{
    sim_chat *chat;

    run->port.net.send_bytes_max = 3;
    run->port.net.send_capacity = 200;
    run->port.net.again_per_mille = 100;
    run->server.window_bytes = 1000;
    sim_open(run);
    chat = sim_start_with(run, &(sim_spec){.model = "m", .filler = 5000});
    (void)sim_start_with(run, &(sim_spec){.model = "m", .filler = 100});
    sim_finish(run, 600000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

static void play_long_prompts(sim_run *run)
{
    run->port.net.send_bytes_max = 0;
    sim_open(run);
    for (uint32_t i = 0; i < 6; i++) {
        (void)sim_start_with(run, &(sim_spec){.model = "m", .filler = 90000 + i});
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 6; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

static void play_whole_answers(sim_run *run)
{
    sim_chat *small;
    sim_chat *large;

    sim_server_script(&run->server, &(sim_script){.model = "small", .head_ms = 35});
    sim_server_script(&run->server, &(sim_script){.model = "large", .tokens = 1, .units = 10000});
    sim_open(run);
    small = sim_start_with(run, &(sim_spec){.model = "small", .answer_bytes = 4096});
    large = sim_start_with(run, &(sim_spec){.model = "large", .answer_bytes = 131072});
    sim_finish(run, 600000);
    sim_expect_end(run, small, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, large, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(large->bytes == 40000);
    SIM_CHECK(small->done.has_usage);
}

static void play_plain_request(sim_run *run)
{
    sim_chat *models;
    sim_chat *blob;
    sim_chat *missing;

    sim_server_script(&run->server, &(sim_script){.model = "/v1/blob", .plain_bytes = 65536});
    sim_server_script(&run->server, &(sim_script){.model = "/v1/none", .status = 404});
    sim_open(run);
    models = sim_start_with(run, &(sim_spec){.path = "/models"});
    blob = sim_start_with(run, &(sim_spec){.path = "/blob"});
    missing = sim_start_with(run, &(sim_spec){.path = "/none"});
    sim_finish(run, 600000);
    sim_expect_end(run, models, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, blob, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, missing, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    SIM_CHECK(models->bytes == strlen("{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4.1\"}]}"));
    SIM_CHECK(blob->bytes == 65536);
    SIM_CHECK(missing->done.http_status == 404);
}

static void play_one_after_the_other(sim_run *run)
{
    run->app.config.requests_max = 3;
    run->app.config.connections_max = 1;
    sim_open(run);
    for (int i = 0; i < 40; i++) {
        sim_chat *chat = sim_start(run, "m");
        sim_finish(run, 60000);
        sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(run->server.connections == 1);
}

static void play_tiny(sim_run *run)
{
    cmx_config_preset(&run->app.config, CMX_PRESET_TINY);
    sim_open(run);
    for (int i = 0; i < 8; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 8; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(run->server.connections == 1);
}

static const sim_scenario scenarios[] = {
    {"single", play_single, 2},
    {"hundred", play_hundred, 1},
    {"every-byte", play_every_byte, 1},
    {"small-frames", play_small_frames, 2},
    {"drip", play_drip, 1},
    {"short-writes", play_short_writes, 1},
    {"long-prompts", play_long_prompts, 1},
    {"whole-answers", play_whole_answers, 1},
    {"plain-request", play_plain_request, 1},
    {"one-after-the-other", play_one_after_the_other, 1},
    {"tiny", play_tiny, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_basic = {"basic", scenarios};
